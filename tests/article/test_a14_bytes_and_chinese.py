"""A14: "A byte-level BPE vocabulary is why: any character can be built of bytes; the price is much longer Chinese sequences."

The mechanism and the price hold, the name does not: LLaMA's vocabulary is SentencePiece BPE with byte fallback (trainer_spec: model_type
BPE, byte_fallback true), in which a character is one piece or, where there is none, its UTF-8 bytes; byte-level BPE (GPT-2, cl100k,
Llama-3, Qwen) merges bytes from the start. Here both are trained on the same English text and read Chinese. Today: vocabularies of 128,000
pieces and more have Chinese words, and Chinese is no longer than English.
"""

import json

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

ENGLISH = ["the cat sat on the mat and the dog sat on the log", "a cat and a dog", "the man sat and the cat ran on and on"] * 20
CHINESE = "猫坐在垫子上"
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
LLAMA_2 = {"tokens_per_character": 1.546, "fallen_back": 0.265, "zh_over_en": 1.76}
"""On 300,000 characters of news, and on a help text in both languages; measured on the genuine vocabulary."""
TOKENS_PER_CHARACTER = {"LLaMA": 1.312, "MPT-7B": 1.206, "Falcon": 1.049, "Baichuan-7B": 0.737, "ChatGLM": 0.631}
"""Of one Chinese text: https://github.com/baichuan-inc/Baichuan-7B, README."""
ZH_OVER_EN_TODAY = {"Llama-3": 1.14, "Qwen3": 1.00, "Gemma-3": 0.96, "DeepSeek-V3": 0.88}
"""Length of the same help text in Chinese over that in English."""


def with_byte_fallback(fallback: bool) -> Tokenizer:
    """BPE on characters, as SentencePiece trains it; with the 256 bytes as further pieces."""
    plain = Tokenizer(models.BPE(unk_token="<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Metaspace()
    plain.train_from_iterator(ENGLISH, trainers.BpeTrainer(vocab_size=400, special_tokens=["<unk>", *BYTES], show_progress=False))
    spoken = json.loads(plain.to_str())
    spoken["model"]["byte_fallback"] = fallback
    found = Tokenizer.from_str(json.dumps(spoken))
    found.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse(), decoders.Metaspace()])
    return found


def test_any_character_can_be_built_of_bytes():
    pieces = with_byte_fallback(True).encode(CHINESE).tokens
    assert "<unk>" not in pieces
    fallen = [piece for piece in pieces if piece in BYTES]
    assert bytes(int(piece[3:5], 16) for piece in fallen) == CHINESE.encode()
    assert len(fallen) == 3 * len(CHINESE)


def test_and_without_them_it_is_lost():
    pieces = with_byte_fallback(False).encode(CHINESE).tokens
    assert not set(pieces) & set(BYTES)
    assert "<unk>" in pieces


def test_byte_level_bpe_is_another_thing():
    """No character is ever unknown to it, since its alphabet is the bytes; there are no pieces to fall back to."""
    level = Tokenizer(models.BPE())
    level.pre_tokenizer, level.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    level.train_from_iterator(ENGLISH, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False))
    encoded = level.encode(CHINESE)
    assert len(encoded.tokens) == 3 * len(CHINESE)
    assert not set(encoded.tokens) & set(BYTES)
    assert level.decode(encoded.ids) == CHINESE


def test_half_of_the_tokens_of_chinese_news_are_bytes():
    """A quarter of the characters falls back to three bytes each: with LLaMA's own text that is half of all tokens."""
    share = 3 * LLAMA_2["fallen_back"] / LLAMA_2["tokens_per_character"]
    assert share == pytest.approx(0.52, abs=0.01)
    rest = (LLAMA_2["tokens_per_character"] - 3 * LLAMA_2["fallen_back"]) / (1 - LLAMA_2["fallen_back"])
    assert rest == pytest.approx(1.0, abs=0.03), "every other character is one token: no piece of two characters exists"


def test_the_price_and_what_became_of_it():
    assert TOKENS_PER_CHARACTER["LLaMA"] / TOKENS_PER_CHARACTER["ChatGLM"] == pytest.approx(2.08, abs=0.01)
    assert LLAMA_2["zh_over_en"] > 1.5 > max(ZH_OVER_EN_TODAY.values())
