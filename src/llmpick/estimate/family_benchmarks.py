"""Which benchmarks a family's expected score is the mean of, in the languages that are asked."""

from collections.abc import Sequence

from llmpick.estimate.ability import AbilityEvidence
from llmpick.evidence.ability import TaskFamily

MANY = "multi"


def benchmarks_of(evidence: AbilityEvidence, family: TaskFamily, languages: Sequence[str]) -> tuple[str, ...]:
    """Those in a language asked, else in many languages at once, else all of the family; none where nobody published such scores."""
    standing = evidence.families[family].benchmarks if family in evidence.families else ()
    told = {benchmark.language for benchmark in evidence.benchmarks.values()}
    wanted = list[str]()
    for language in languages:
        spoken = language if language in told else MANY
        wanted += [name for name in standing if evidence.benchmarks[name].language == spoken] or list(standing)
    return tuple(name for name in standing if name in wanted)
