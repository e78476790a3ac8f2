"""Weights of the image tower that comes with a multimodal decoder, as far as its configuration gives the sizes.

A vision transformer (arXiv:2010.11929): patches, then blocks of attention and a feed-forward part; and the projector into the decoder.
"""

from llmpick.sources.hf.reading import Config

_GATED = {"pixtral", "qwen2_5_vl", "mllama_vision_model_gated", "glm4v", "glm4v_moe"}
_CHANNELS = 3
_FRAMES = {"qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe", "qwen3_5", "qwen3_5_moe", "glm4v", "glm4v_moe"}


def vision_elements(whole: Config, decoder: Config) -> int:
    """0 where there is no image tower, or its sizes are not given."""
    tower = whole.part("vision_config")
    own = tower.number("embed_dim") or tower.number("hidden_size") or tower.number("vt_hidden_size")
    if tower.name == "qwen2_vl" or whole.name == "qwen2_vl":
        own = tower.number("embed_dim") or 1280
    depth = tower.number("depth") or tower.number("layers") or tower.number("vt_num_hidden_layers")
    if own is None or depth is None:
        return 0
    width = tower.number("intermediate_size") or tower.number("vt_intermediate_size")
    if width is None:
        ratio = tower.get("mlp_ratio")
        width = round((ratio if isinstance(ratio, (int, float)) and 0 < ratio < 64 else 4) * own)
    matrices = 3 if tower.name in _GATED or whole.name in _GATED else 2
    patch = tower.number("patch_size") or tower.number("spatial_patch_size") or 14
    frames = 2 if tower.name in _FRAMES or whole.name in _FRAMES else 1
    image = tower.number("image_size")
    positions = (image // patch) ** 2 * own if image and tower.name not in _GATED else (tower.number("num_position_embeddings") or 0) * own
    blocks = depth * (4 * own * own + matrices * own * width + (4 + matrices) * own + width)
    return blocks + own * _CHANNELS * patch * patch * frames + positions + _projector(whole, tower, decoder, own)


def _projector(whole: Config, tower: Config, decoder: Config, own: int) -> int:
    target = tower.number("out_hidden_size") or decoder.number("hidden_size") or own
    merge = tower.number("spatial_merge_size") or whole.number("spatial_merge_size")
    if merge and own * merge * merge < 65_536:
        merged = own * merge * merge
        deep = tower.numbers("deepstack_visual_indexes")
        return (merged * merged + merged * target) * (1 + len(deep or ()))
    return own * target + (0 if whole.name.startswith("gemma") else target * target)
