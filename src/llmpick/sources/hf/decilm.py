"""Nemotron models made by architecture search (DeciLM): every block has attention and a feed-forward part of its own size, or none.

Facts: `block_configs` of https://huggingface.co/nvidia/Llama-3_3-Nemotron-Super-49B-v1 and the paper arXiv:2411.19146.
"""

from typing import Any

from llmpick.sources.hf.feeds import Feed, FeedForward
from llmpick.sources.hf.mixers import Heads, Mixer, attention
from llmpick.sources.hf.reading import Config

_MULTIPLE = 256


def decilm_decoder(config: Config, count: int, hidden: int, heads: int) -> tuple[list[Mixer], FeedForward] | str:
    blocks = config.values.get("block_configs")
    if not isinstance(blocks, list) or len(blocks) != count or not all(isinstance(block, dict) for block in blocks):
        return f"block_configs does not describe the {count} layers"
    size = config.number("head_size") or hidden // heads
    mixers = [_mixer(block.get("attention"), hidden, heads, size) for block in blocks]
    widths = [_width(block.get("ffn"), hidden) for block in blocks]
    if None in mixers or None in widths:
        return "block_configs has a block of a kind that is not known to llmpick"
    feeds = tuple(Feed(dense=width) for width in widths if width is not None)
    widest = max((width or 0 for width in widths), default=0)
    return [mixer for mixer in mixers if mixer is not None], FeedForward(feeds, None, widest // (3 * hidden) or None)


def _mixer(part: Any, hidden: int, heads: int, size: int) -> Mixer | None:
    if not isinstance(part, dict):
        return None
    if part.get("no_op") is True:
        return Mixer()
    if part.get("replace_with_linear") is True:
        return Mixer(attention=hidden * hidden)
    group = part.get("n_heads_in_group")
    if type(group) is not int or not 0 < group <= heads:
        return None
    return attention(Heads(hidden, heads, heads // group, size, size), None)


def _width(part: Any, hidden: int) -> int | None:
    """Weights of the feed-forward part: three matrices whose width is two thirds of the factor, up to a multiple of 256."""
    if not isinstance(part, dict):
        return None
    if part.get("no_op") is True:
        return 0
    if part.get("replace_with_linear") is True:
        return hidden * hidden
    factor = part.get("ffn_mult")
    if not isinstance(factor, (int, float)) or not 0 < factor < 64:
        return None
    width = int(2 * factor * hidden / 3)
    return 3 * hidden * (-(-width // _MULTIPLE) * _MULTIPLE)
