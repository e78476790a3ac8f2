"""What a race's answer says beyond its decision: of new inputs, of what stopping may cost, and of what needs no language model."""

from llmpick.decide.race_answer import RaceAnswer, Sense
from llmpick.evidence.values import Unknown
from llmpick.report import numbers
from llmpick.report.pick.view import BASELINE_NAMES
from llmpick.report.race.cells import Names, all_is_known, all_rows, alone, listed
from llmpick.report.text import joined

SMALLEST_LOSS = 0.001
"""A tenth of a point. Losses are counted over 512 cases: other ones of the same posterior move them by 0.01 to 0.03 points."""
FEW_ROWS = 10
"""A forecast of fewer rows than this is "a few"."""
_YARDSTICKS = {"chance": "chance", **BASELINE_NAMES}


def without_a_model(answer: RaceAnswer, names: Names) -> tuple[str, ...]:
    """What chance and the baselines of `pick` score on the same rows, and where the returned candidate stands to the best of them."""
    if not answer.yardsticks or answer.leader is None:
        return ()
    scores = joined([f"{_YARDSTICKS[one.name]} {numbers.percent(one.score)}" for one in answer.yardsticks])
    first = f"Without a language model, on {all_rows(answer.rows)}: {scores}."
    best = max(answer.yardsticks, key=lambda one: one.score)
    if isinstance(best.ahead, Unknown):
        return (first,)
    name, gap = names[answer.leader], best.ahead
    what, size = "The best of these" if len(answer.yardsticks) > 1 else "That", numbers.distance(gap.value)
    if gap.value <= 0:
        return (first, f"{what} is {size} behind {name} {numbers.points_bounds(gap)}.")
    then = f"there is no reason to take {name}" if gap.low > 0 else f"{name} may be no better"
    return (first, f"{what} is {size} ahead of {name} {numbers.points_bounds(gap)}: {then} (llmpick pick lets both compete).")


def stakes(answer: RaceAnswer) -> str | None:
    """What stopping here is expected to lose, and what the next batch would save of it."""
    if isinstance(answer.expected_loss, Unknown) or answer.leader is None or alone(answer) or all_is_known(answer):
        return None
    lost = f"Stopping here is expected to lose {loss(answer.expected_loss)} against the best, on average over tasks like these"
    if isinstance(answer.next_saving, Unknown) or answer.expected_loss < SMALLEST_LOSS:
        return lost + "."
    return f"{lost}; the next batch of calls would probably save {loss(answer.next_saving)} of it."


def loss(score: float) -> str:
    """A loss of score in words; "less than 0.1 points" where it is hardly any."""
    return f"less than {numbers.distance(SMALLEST_LOSS)}" if score < SMALLEST_LOSS else numbers.distance(score)


def new_inputs(answer: RaceAnswer, names: Names) -> str | None:
    """Whether the choice holds for new inputs, and else who may be better there and how many more rows would settle it."""
    if answer.leader is None or alone(answer):
        return None
    told = answer.new_inputs
    if not told.alike:
        if answer.chosen is None:
            return None
        holds = f"no other is better{numbers.by_more_than(answer.tolerance)}"
        return f"For new inputs like these the choice holds too: {holds}{_how_sure(answer)}."
    rest = [names[who] for who in told.alike if who != answer.leader]
    who = f"{listed(rest)} {'is' if len(rest) == 1 else 'are'}"
    unsettled = f"For new inputs like these it is open whether {who} better{numbers.by_more_than(answer.tolerance)}"
    if isinstance(told.rows_more, Unknown):
        return f"{unsettled}: {told.rows_more.reason}."
    more = told.rows_more
    bounds = f"[{numbers.count(int(more.low))}, {numbers.count(int(more.high))}]"
    if more.value < FEW_ROWS:
        return f"{unsettled}: a few more rows would settle it."
    about = f"about {numbers.counted(int(more.value), 'more row')} {bounds} would settle it"
    left = f" ({numbers.counted(told.rows_left, 'of your rows is', 'of your rows are')} left)" if told.rows_left else ""
    return f"{unsettled}: {about}{left}."


def _how_sure(answer: RaceAnswer) -> str:
    sure = numbers.probability(answer.confidence)
    return f", with a probability of at least {sure} on average" if answer.sense is Sense.ON_AVERAGE else f", at {sure}"
