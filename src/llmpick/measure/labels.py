"""The probability of each label under a decoder that may write nothing but one of the labels.

The labels' token sequences form a trie. A decoder held to them has a choice only where the trie branches, and there it draws from
the model's next-token distribution restricted to the branch: so the probability of a label is the product of those restricted
softmaxes along its path. This is the exact distribution of grammar-constrained sampling over the labels' own tokenisations, it sums
to 1, and it needs one evaluation per branching node (usually one in all) instead of one per label. Pure: `ask` does the evaluation.
"""

from collections.abc import Callable, Mapping, Sequence

from llmpick.evidence.errors import InputError

Tokens = tuple[int, ...]
Ask = Callable[[Tokens, tuple[int, ...]], Mapping[int, float]]
"""(token ids already written, token ids that may follow) → probability of each that may follow, summing to 1."""

NEGLIGIBLE = 1e-4
"""A subtree that is reached with less than this is not opened, its labels share its mass evenly. The most probable label is the exact
one for fewer than 1 / NEGLIGIBLE labels, and no probability is off by more than NEGLIGIBLE."""


def shares_a_prefix(labels: Mapping[str, Tokens]) -> bool:
    """True when one label's tokens begin another's, so that "the label ends here" is itself a choice."""
    return any(a != b and b[: len(a)] == a for a in labels.values() for b in labels.values())


def closed(labels: Mapping[str, Tokens], end: int) -> dict[str, Tokens]:
    """The labels with the token that ends an answer, where it is needed to tell a label from a longer one."""
    if not shares_a_prefix(labels):
        return dict(labels)
    return {label: (*tokens, end) for label, tokens in labels.items()}


def check_distinct(labels: Mapping[str, Tokens]) -> None:
    """Raises `InputError` for labels that a model could not tell apart: no tokens, or the same ones."""
    seen: dict[Tokens, str] = {}
    for label, tokens in labels.items():
        other = seen.setdefault(tokens, label)
        if not tokens or other != label:
            what = f"the labels {other!r} and {label!r} are one to this model" if tokens else f"the label {label!r} is empty"
            raise InputError(what, where="labels", remedy="rename the label so that its characters differ from every other one's")


def label_probabilities(labels: Mapping[str, Tokens], ask: Ask) -> dict[str, float]:
    """Walks the trie from its root; returns the labels in the given order, with probabilities that sum to 1."""
    probabilities: dict[str, float] = {}
    open_nodes: list[tuple[Tokens, float, Sequence[str]]] = [((), 1.0, tuple(labels))]
    while open_nodes:
        path, reached, below = open_nodes.pop()
        if len(below) == 1 or reached < NEGLIGIBLE:
            probabilities |= dict.fromkeys(below, reached / len(below))
            continue
        branches: dict[int, list[str]] = {}
        for label in below:
            branches.setdefault(labels[label][len(path)], []).append(label)
        following = {next(iter(branches)): 1.0} if len(branches) == 1 else ask(path, tuple(branches))
        open_nodes += [((*path, token), reached * following[token], names) for token, names in branches.items()]
    return {label: probabilities[label] for label in labels}


def most_probable(probabilities: Mapping[str, float]) -> str:
    """The first of the most probable labels."""
    return max(probabilities, key=probabilities.__getitem__)
