"""The numbers of a decoder from the keys of a GGUF header: what each layer keeps, its widths, its experts."""

from llmpick.evidence.errors import ModelFileError
from llmpick.evidence.model import Architecture, AttentionLayer, Experts, RecurrentLayer
from llmpick.sources.gguf.attention import attention_layers
from llmpick.sources.gguf.header import DOWNLOAD_AGAIN, Header, SkippedArray, integer, text, wrong_type
from llmpick.sources.gguf.keys import MAX_SIZE, Keys
from llmpick.sources.gguf.recurrent import BOTH_IN_EVERY_LAYER, recurrent_layers

_MAX_LAYERS = 1_024
_MAX_CONTEXT = 2**31 - 1


def read_context_tokens(header: Header) -> int | None:
    """The context the model was trained for."""
    key = f"{architecture_name(header)}.context_length"
    tokens = integer(header, key, _MAX_CONTEXT)
    if tokens == 0:
        raise wrong_type(header, key, "a number of tokens")
    return tokens


def read_architecture(header: Header) -> Architecture | None:
    """None where the keys do not tell what a layer keeps. Raises `ModelFileError` where they contradict themselves."""
    name = architecture_name(header)
    blocks = integer(header, f"{name}.block_count", _MAX_LAYERS)
    hidden_size = integer(header, f"{name}.embedding_length", MAX_SIZE)
    if blocks == 0 or hidden_size == 0:
        raise ModelFileError("the model has no layers or no width", where=f"{header.path}: {name}.block_count", remedy=DOWNLOAD_AGAIN)
    if blocks is None or hidden_size is None:
        return None
    keys = Keys(header, name, blocks - draft_layers(header, blocks), hidden_size)
    layers = _layers(keys)
    if not layers:
        return None
    return Architecture(
        name,
        hidden_size,
        _vocabulary_size(header, name),
        layers,
        blocks=blocks,
        heads=keys.largest("attention.head_count") or None,
        intermediate_size=_intermediate_size(keys),
        experts=_experts(keys),
    )


def draft_layers(header: Header, blocks: int) -> int:
    """The last so many layers only predict tokens further ahead (MTP); llama.cpp runs them on demand, in a context of their own."""
    ahead = integer(header, f"{architecture_name(header)}.nextn_predict_layers", _MAX_LAYERS) or 0
    return ahead if ahead < blocks else 0


def architecture_name(header: Header) -> str:
    name = text(header, "general.architecture")
    if not name:
        raise ModelFileError("the file does not name its architecture", where=f"{header.path}: general.architecture", remedy=DOWNLOAD_AGAIN)
    return name


def _layers(keys: Keys) -> tuple[AttentionLayer | RecurrentLayer, ...]:
    """What each layer keeps, in order; () where the keys do not tell."""
    states, attention = recurrent_layers(keys), attention_layers(keys)
    if states is None or (attention is None and not all(states)):
        return ()
    kept = list[AttentionLayer | RecurrentLayer]()
    for index, state in enumerate(states):
        if state:
            kept.append(state)
        if attention and (state is None or keys.architecture in BOTH_IN_EVERY_LAYER):
            kept.extend(attention[index])
    return tuple(kept)


def _intermediate_size(keys: Keys) -> int | None:
    """The widest feed-forward part; that of a routed expert where there is no other."""
    return keys.largest("feed_forward_length") or keys.largest("expert_feed_forward_length") or None


def _experts(keys: Keys) -> Experts | None:
    count, used = keys.largest("expert_count"), keys.largest("expert_used_count")
    return Experts(count, min(used, count), keys.largest("expert_shared_count")) if count and used else None


def _vocabulary_size(header: Header, name: str) -> int | None:
    size = integer(header, f"{name}.vocab_size", MAX_SIZE)
    if size is not None:
        return size
    tokens = header.values.get("tokenizer.ggml.tokens")
    if isinstance(tokens, SkippedArray):
        return tokens.length
    return len(tokens) if isinstance(tokens, tuple) else None
