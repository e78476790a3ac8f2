"""Keys of a GGUF header that describe layers, read as numbers of the model or of each layer."""

from dataclasses import dataclass

from llmpick.sources.gguf.header import Header, integer, is_integer, wrong_type

MAX_SIZE = 16_777_216


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one architecture, named without its prefix. `layers` are those that llama.cpp runs, without the ones that only draft."""

    header: Header
    architecture: str
    layers: int
    hidden_size: int

    def number(self, key: str) -> int | None:
        return integer(self.header, f"{self.architecture}.{key}", MAX_SIZE)

    def any_of(self, *beginnings: str) -> bool:
        """Whether some key starts so."""
        return any(key.startswith(f"{self.architecture}.{beginning}") for key in self.header.values for beginning in beginnings)

    def per_layer(self, key: str) -> tuple[int, ...] | None:
        """A number that stands once for all layers, or once for each."""
        name = f"{self.architecture}.{key}"
        value = self.header.values.get(name)
        if isinstance(value, tuple):
            numbers = tuple(item for item in value if is_integer(item) and 0 <= item <= MAX_SIZE)
            if len(numbers) != len(value) or len(numbers) < self.layers:
                raise wrong_type(self.header, name, f"one number for each of the {self.layers} layers")
            return numbers[: self.layers]
        number = self.number(key)
        return None if number is None else (number,) * self.layers

    def largest(self, key: str) -> int:
        """Of a number that may differ from layer to layer; 0 where there is none."""
        return max(self.per_layer(key) or (0,))

    def flags(self, key: str) -> tuple[bool, ...] | None:
        """Yes or no for each layer; None where there is no such array, or one that is too short."""
        value = self.header.values.get(f"{self.architecture}.{key}")
        if isinstance(value, tuple) and len(value) >= self.layers:
            return tuple(bool(flag) for flag in value[: self.layers])
        return None

    @property
    def heads(self) -> int | None:
        """Query heads of the first layer that has some; None where the keys do not tell."""
        heads = self.per_layer("attention.head_count")
        return next((count for count in heads if count), None) if heads else None
