"""Answers of races as the reports get them, one for each way in which a race can end."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from llmpick.decide.answer import Spending
from llmpick.decide.placing import placing
from llmpick.decide.race_answer import NewInputs, Passed, Place, Placed, RaceAnswer, Racer, RaceStop, RaceVerdict, RecordedCost, Yardstick
from llmpick.decide.stakes import stakes
from llmpick.evidence.call import EngineInfo, Outcome
from llmpick.evidence.model import Candidate, Endpoint
from llmpick.evidence.values import Interval, Unknown
from llmpick.stats.goal import Goal, Guarantee
from llmpick.stats.race import Progress
from llmpick.stats.rules import rule_for

ENGINE = EngineInfo("llama.cpp", "xllamacpp 2026.10", "cpu", {"n_threads": 2})
NOT_RUN = Unknown("not run")
GOAL = Goal(0.02, 0.95)


def _raced(
    shares: dict[str, float],
    done: list[int],
    rows: int,
    *,
    guarantee: Guarantee = "anytime",
    goal: Goal = GOAL,
    ranks: Sequence[int] | None = None,
) -> RaceAnswer:
    """The answer of the guarantee's rule on scores that are right in these shares of the rows."""
    scores = np.array([[float(((i * 37 + 53 * k) % rows) < share * rows) for i in range(rows)] for k, share in enumerate(shares.values())])
    lost = np.zeros_like(scores, dtype=bool)
    progress = Progress(scores, lost, np.array(done), np.array(ranks or [0] * len(done)))
    rule = rule_for(guarantee, goal)
    standing = rule.judge(progress)
    placed = placing(list(shares), progress, standing, goal, guarantee)
    told = stakes(progress, placed.leader, goal.tolerance, rule.next_rows(progress, standing, np.ones(len(done))))
    racers = tuple(
        Racer(
            Candidate(name, Endpoint("http://127.0.0.1:8000/v1", name.partition("#")[2] or name)),
            placed.places[k],
            Spending(done[k], 30 * done[k], 0.5 * done[k] + 1),
            Spending(rows, 30 * rows, 0.5 * rows + 1),
            cost=0.5,
            engine=ENGINE,
            outcomes={Outcome.ANSWERED: done[k]},
            way=tuple(Passed(n, float(scores[k, :n].mean())) for n in range(5, done[k] + 1, 5)),
        )
        for k, name in enumerate(shares)
    )
    ordered = tuple(sorted(racers, key=lambda one: one.placed.place not in (Place.CHOSEN, Place.LEADER)))
    leader = list(shares)[placed.leader]
    return RaceAnswer(
        task="support-intents",
        source="models",
        guarantee=guarantee,
        confidence=0.95,
        tolerance=goal.tolerance,
        verdict=placed.verdict,
        stop=RaceStop.DECIDED if placed.chosen is not None else RaceStop.ALONE if len(done) == 1 else RaceStop.BUDGET,
        reasons=() if placed.chosen is not None else (f"{leader} leads, but the budget is spent",),
        chosen=leader if placed.chosen is not None else None,
        leader=leader,
        candidates=ordered,
        new_inputs=placed.new_inputs,
        spent=Spending(sum(done), 30 * sum(done), 0.5 * sum(done) + len(done)),
        everything=Spending(rows * len(done), 30 * rows * len(done), 0.5 * rows * len(done) + len(done)),
        rows=rows,
        cost_by="seconds",
        metric="exact_match",
        seed=0,
        run="20261124-120000-support-intents-ab12",
        device="AMD EPYC",
        risk=told.risk,
        expected_loss=told.expected_loss,
        next_saving=told.next_saving,
    )


def won() -> RaceAnswer:
    return _raced({"http://127.0.0.1:8000/v1#large": 0.9, "http://127.0.0.1:8000/v1#small": 0.3}, [60, 60], 320)


def below() -> RaceAnswer:
    """It wins, and a baseline that needs no language model is better."""
    yardsticks = (
        Yardstick("chance", 0.125, Interval(-0.017, -0.107, 0.063, 0.95)),
        Yardstick("majority", 0.117, Interval(-0.025, -0.115, 0.055, 0.95)),
        Yardstick("tfidf", 0.599, Interval(0.45, 0.36, 0.53, 0.95)),
    )
    answer = _raced({"http://127.0.0.1:8000/v1#large": 0.15, "http://127.0.0.1:8000/v1#small": 0.01}, [150, 150], 320)
    return replace(answer, yardsticks=yardsticks)


def tie() -> RaceAnswer:
    """On average over tasks; and the rows do not settle it for new inputs."""
    shares = {f"http://127.0.0.1:8000/v1#{name}": share for name, share in (("a", 0.8), ("b", 0.8), ("c", 0.3))}
    return replace(_raced(shares, [300, 300, 120], 300, guarantee="bayes"), stop=RaceStop.ALL_ROWS)


def undecided() -> RaceAnswer:
    return _raced({"http://127.0.0.1:8000/v1#large": 0.62, "http://127.0.0.1:8000/v1#small": 0.58}, [90, 60], 320)


def interrupted() -> RaceAnswer:
    """With rows that the machinery lost, a model that broke a limit and one whose engine failed; nothing is known of the average."""
    answer = undecided()
    first, second = answer.candidates
    lossy = replace(second, placed=replace(second.placed, rows_lost=3), outcomes={Outcome.ANSWERED: 57, Outcome.FAILED: 3})
    blank = Placed(Place.EXCLUDED, ("needs at least 9.1 GiB, the limit is 4 GiB",), 0, 0, NOT_RUN, NOT_RUN, NOT_RUN, NOT_RUN)
    failed = replace(blank, place=Place.FAILED, reasons=("not a GGUF file (broken.gguf, byte 0); download it again",))
    out = tuple(Racer(Candidate(name, None), why, Spending(), Spending()) for name, why in (("big.gguf", blank), ("broken.gguf", failed)))
    unknown = Unknown("the rule does not compute it")
    return replace(
        answer,
        stop=RaceStop.INTERRUPTED,
        reasons=(f"{answer.leader} leads, but it was interrupted",),
        candidates=(first, lossy, *out),
        risk=unknown,
        expected_loss=unknown,
        next_saving=unknown,
        notes=("This machine's GPU stands idle: the engine was built without it.",),
    )


def expected_loss() -> RaceAnswer:
    """The other could still be better by more than the tolerance."""
    shares = {"http://127.0.0.1:8000/v1#large": 0.62, "http://127.0.0.1:8000/v1#small": 0.60}
    goal = Goal(0.02, 0.95, max_expected_loss=0.01)
    return replace(_raced(shares, [90, 90], 320, guarantee="bayes", goal=goal), stop=RaceStop.EXPECTED_LOSS, max_expected_loss=0.01)


def probably() -> RaceAnswer:
    """Decided on average over tasks, early."""
    shares = {f"http://127.0.0.1:8000/v1#{name}": share for name, share in (("large", 0.9), ("middle", 0.8), ("small", 0.3))}
    return _raced(shares, [150, 150, 40], 320, guarantee="bayes")


def all_rows() -> RaceAnswer:
    """Nothing is left to chance: every row was run by both, and the cheaper one is taken though it lies behind."""
    shares = {"http://127.0.0.1:8000/v1#large": 0.80, "http://127.0.0.1:8000/v1#small": 0.79}
    return replace(_raced(shares, [300, 300], 300, ranks=[1, 0]), stop=RaceStop.ALL_ROWS)


def paid_before() -> RaceAnswer:
    """Every call was kept from an earlier run."""
    answer = won()
    return replace(
        answer, spent=Spending(0, 0, 0.0), candidates=tuple(replace(one, spent=Spending(0, 0, 0.0)) for one in answer.candidates)
    )


def alone() -> RaceAnswer:
    return _raced({"http://127.0.0.1:8000/v1#only": 0.5}, [16], 320)


def recorded() -> RaceAnswer:
    """Many models of a matrix, with costs in characters."""
    answer = _raced({f"model-{k:02d}": 0.9 - 0.04 * k for k in range(14)}, [200] * 14, 500)
    named = tuple(replace(one, candidate=Candidate(one.candidate.id, None), engine=None, cost=417.25) for one in answer.candidates)
    cost = RecordedCost(1_168_300.0, 2_920_750.0, "characters")
    return replace(
        answer, task="scores.csv", source="recorded", run=None, cost_by=None, metric="recorded score", candidates=named, recorded_cost=cost
    )


def none_fits() -> RaceAnswer:
    placed = Placed(Place.EXCLUDED, ("needs at least 9.1 GiB, the limit is 20 MiB",), 0, 0, NOT_RUN, NOT_RUN, NOT_RUN, NOT_RUN)
    return replace(
        won(),
        verdict=RaceVerdict.NONE_FITS,
        stop=RaceStop.NOT_RUN,
        reasons=("no model satisfies the task's limits",),
        chosen=None,
        leader=None,
        candidates=(Racer(Candidate("big.gguf", None), placed, Spending(), Spending()),),
        new_inputs=NewInputs(),
        spent=Spending(),
        everything=Spending(),
        run=None,
        risk=NOT_RUN,
        expected_loss=NOT_RUN,
        next_saving=NOT_RUN,
    )


ALL: dict[str, Callable[[], RaceAnswer]] = {
    make.__name__: make
    for make in (won, below, tie, probably, all_rows, undecided, interrupted, expected_loss, paid_before, alone, recorded, none_fits)
}
