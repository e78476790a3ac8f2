"""A7 again, without its rule: what a model learnt of too few tokens shows in the prior, whatever its size."""

from dataclasses import replace

from llmpick.catalog.ability import ability_evidence
from llmpick.estimate.ability import expected_abilities
from llmpick.estimate.ability.records import Standing
from llmpick.evidence.ability import TaskFamily

NAMES = ("Qwen/Qwen1.5-0.5B", "EleutherAI/pythia-12b-deduped", "bigscience/bloom")
"""0.5B on 2.4T tokens; 12B on 0.3T; 176B on 0.37T. MMLU: 39.4, 25.6 and 30.9."""


def test_pythia_12b_and_bloom_176b_rank_below_qwen_0_5b_on_mmlu():
    """From size, tokens, date and their families' other models; none of their own scores is read."""
    evidence = ability_evidence()
    assert {s.model for s in evidence.scores} >= set(NAMES)
    hidden = replace(
        evidence,
        scores=tuple(s for s in evidence.scores if s.model not in NAMES),
        families={TaskFamily.KNOWLEDGE: Standing("knowledge", ("MMLU",))},
    )
    facts = {f.id: f for f in evidence.facts}
    abilities = expected_abilities([facts[name] for name in NAMES], TaskFamily.KNOWLEDGE, hidden)
    small, pythia, bloom = abilities.mean
    assert pythia < small
    assert bloom < small
