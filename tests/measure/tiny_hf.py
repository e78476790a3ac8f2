"""A real model of 0.1 million parameters, made on the spot: random weights, a trained byte-level tokenizer, saved as safetensors."""

from pathlib import Path

from llmpick.evidence.model import Weights

CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|{{ message.role }}|>\n{{ message.content }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)
CONTEXT_TOKENS = 512


def make_tiny_hf(folder: Path, *, chat: bool) -> Weights:
    """Saves the model in `folder`; the same folder content for the same arguments."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<s>", "</s>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    corpus = ["refund refund status delivery thanks Intent: Message: where is my parcel?", '{"city": "Paris", "n": 1}'] * 4
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trained.train_from_iterator(corpus, trainers.BpeTrainer(vocab_size=400, special_tokens=special, initial_alphabet=alphabet))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained, bos_token="<s>", eos_token="<|end|>" if chat else "</s>")
    if chat:
        tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT_TOKENS,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return weights_of(folder, chat=chat)


def weights_of(folder: Path, *, chat: bool) -> Weights:
    size = sum(file.stat().st_size for file in folder.glob("*.safetensors"))
    return Weights(folder, "safetensors", size, "F32", None, CONTEXT_TOKENS, CHAT_TEMPLATE if chat else None)
