"""The result of many replayed races: as the document that `docs/race.md` describes, and in the terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from llmpick.evidence.values import Unknown
from llmpick.report import numbers
from llmpick.report.text import one_line
from llmpick.stats.replay import ReplayResult

if TYPE_CHECKING:
    from rich.console import Console

LISTED_WINNERS = 8


def replay_document(result: ReplayResult, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked, and what came of it, as plain JSON values."""
    from llmpick.report.document import known
    from llmpick.report.race import schema

    tokens, loss = result.token_cost_fraction, asked["max_expected_loss"]
    document = schema.Replay(
        **known(
            token_cost_fraction=schema.Spread(**tokens) if tokens else Unknown("the file has no costs"),
            max_expected_loss=Unknown("none was asked for") if loss is None else loss,
        ),
        schema_version=schema.SCHEMA_VERSION,
        **{key: value for key, value in asked.items() if key != "max_expected_loss"},
        repeats=result.repeats,
        models=result.models,
        rows=result.rows,
        cost_fraction=schema.Spread(**result.cost_fraction),
        regret=schema.Regret(**result.regret),
        error_rate=result.error_rate,
        decided_at_half=result.decided_at_half,
        winners=result.winners,
        seconds=result.seconds,
    )
    return document.model_dump(mode="json")


def print_replay(document: Mapping[str, Any], console: "Console") -> None:
    """Prints the document for a person."""
    from rich.text import Text

    from llmpick.report.console import print_item, print_title

    field = f"{numbers.counted(document['repeats'], 'race')} of {document['models']} models on {numbers.counted(document['rows'], 'row')}"
    sense = f"{document['guarantee']} at {numbers.probability(document['confidence'])}"
    if document["max_expected_loss"] is not None:
        sense = f"{document['guarantee']}, stopping at an expected loss of {numbers.distance(document['max_expected_loss'])}"
    console.print(Text.assemble((one_line(document["task"]), "bold"), f"  {field}, {sense}"))
    for line in _sentences(document):
        print_item("- ", line, console)
    print_title("Who was returned", console)
    winners = sorted(document["winners"].items(), key=lambda pair: (-pair[1], pair[0]))
    for name, share in winners[:LISTED_WINNERS]:
        print_item("- ", f"{one_line(name)}: {numbers.percent(share)}", console)
    if rest := winners[LISTED_WINNERS:]:
        print_item("- ", f"{numbers.counted(len(rest), 'other')}: {numbers.percent(sum(share for _, share in rest))} together", console)
    print_item("", f"Seed {document['seed']}; it took {numbers.seconds(document['seconds'])}.", console, style="dim")


def _sentences(document: Mapping[str, Any]) -> list[str]:
    calls, tokens, regret = document["cost_fraction"], document["token_cost_fraction"], document["regret"]
    more = f"more than {numbers.distance(document['tolerance'])} " if document["tolerance"] else ""
    allowed = f", where {numbers.probability(1 - document['confidence'])} are allowed" if document["max_expected_loss"] is None else ""
    costs = f"; by the recorded costs {numbers.percent(tokens['mean'])} on average" if tokens else ""
    return [
        f"A race took {numbers.percent(calls['mean'])} of all calls on average, {numbers.percent(calls['median'])} in the median{costs}.",
        f"The returned model lay {100 * regret['mean']:.2f} points below the best on average, and in 95% of the races at most "
        f"{100 * regret['p95']:.2f}.",
        f"It lay {more}below the best in {numbers.percent(document['error_rate'])} of the races{allowed}.",
        f"{numbers.percent(document['decided_at_half'])} of the races were decided after at most half of the calls.",
    ]
