"""Which benchmarks a family's expected score is the mean of, in the languages that are asked."""

from collections.abc import Sequence

from llmpick.estimate.ability import AbilityEvidence
from llmpick.estimate.ability.expected import benchmarks_in
from llmpick.evidence.ability import TaskFamily


def benchmarks_of(evidence: AbilityEvidence, family: TaskFamily, languages: Sequence[str]) -> tuple[str, ...]:
    """Those that stand for the family in one of the languages (`benchmarks_in`), in the order of the family."""
    standing = evidence.families[family].benchmarks if family in evidence.families else ()
    wanted = {name for language in languages for name in benchmarks_in(evidence, standing, language)}
    return tuple(name for name in standing if name in wanted)
