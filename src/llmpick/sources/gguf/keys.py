"""Keys of a GGUF header that describe layers."""

from llmpick.sources.gguf.header import Header, integer, is_integer, wrong_type

MAX_SIZE = 16_777_216


def per_layer(header: Header, key: str, layer_count: int) -> tuple[int, ...] | None:
    """A number that stands once for all layers, or once for each."""
    value = header.values.get(key)
    if isinstance(value, tuple):
        numbers = tuple(item for item in value if is_integer(item) and 0 <= item <= MAX_SIZE)
        if len(numbers) != len(value) or len(numbers) < layer_count:
            raise wrong_type(header, key, f"one number for each of the {layer_count} layers")
        return numbers[:layer_count]
    number = integer(header, key, MAX_SIZE)
    return None if number is None else (number,) * layer_count
