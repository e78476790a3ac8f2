"""The answer of `race --text` as a JSON document.

Rules of the document as elsewhere: what is unknown is null, with its reason under the same key of `unknown`; numbers are finite and not
rounded; within one `schema_version` keys are only added.
"""

from typing import Any

from llmpick.decide.race_answer import Place, RaceVerdict
from llmpick.decide.text_answer import TextDifference, TextFigures, TextRaceAnswer, TextRacer, TextSpending
from llmpick.evidence.values import Interval, Unknown

SCHEMA_VERSION = 1


def text_race_to_json(answer: TextRaceAnswer) -> dict[str, Any]:
    """The whole answer as plain JSON values. Shares are shares (0.01 is 1%), `difference` is against the winner."""
    return {
        "schema_version": SCHEMA_VERSION,
        "text": answer.text,
        "verdict": answer.verdict.value,
        "stop": answer.stop.value,
        "decided": answer.decided,
        "winner": answer.winner,
        "tie": list(answer.tie),
        "reasons": list(answer.reasons),
        "candidates": [_racer(racer) for racer in answer.racers],
        "chunks": answer.chunks,
        "text_bytes": answer.text_bytes,
        "documents": answer.documents,
        "units": answer.units,
        "unit": answer.unit,
        "confidence": answer.confidence,
        "tolerance": answer.tolerance,
        "cost_by": answer.cost_by,
        "seed": answer.seed,
        "more_chunks": answer.more_chunks,
        "spent": _spent(answer.spent) | {"reads_of_all": answer.chunks * readers_of(answer)},
        "notes": list(answer.notes),
        "unknown": _reasons(winner=None if answer.winner else why_nobody(answer), more_chunks=_why_no_more(answer)),
    }


def _racer(one: TextRacer) -> dict[str, Any]:
    figures = one.figures
    known = isinstance(figures, TextFigures)
    why = figures.reason if isinstance(figures, Unknown) else ""
    own: dict[str, Any] = {
        "bits_per_byte": _interval(figures.bits_per_byte) if known else None,
        "bits_per_byte_on_text": _interval(figures.on_text) if known else None,
        "perplexity_per_token": figures.perplexity_per_token if known else None,
        "bytes_per_token": figures.bytes_per_token if known else None,
        "tokens": figures.tokens if known else None,
        "bytes": figures.bytes if known else None,
    }
    reasons = {key: why for key in own if not known}
    if known:
        reasons = _reasons(bits_per_byte=_why(figures.bits_per_byte), bits_per_byte_on_text=_why(figures.on_text))
    engine = one.engine
    rest: dict[str, Any] = {
        "difference": _difference(one.difference) if one.difference else None,
        "engine": {"name": engine.name, "version": engine.version, "device": engine.device, "options": dict(engine.options)}
        if engine
        else None,
        "weight_bytes": one.weight_bytes,
        "instructed": one.instructed,
    }
    reasons |= _reasons(
        difference=None if one.difference else why if not known else "nobody leads" if one.place is Place.OPEN else "it is the winner",
        engine=None if engine else "it was not loaded",
        weight_bytes=None if one.weight_bytes is not None else "its files are not here",
        instructed=None if one.instructed is not None else "its files are not here",
    )
    return {
        "candidate": one.candidate,
        "place": one.place.value,
        "reasons": list(one.reasons),
        **own,
        "chunks": figures.chunks if known else 0,
        **rest,
        "spent": _spent(one.spent),
        "unknown": reasons,
    }


def _difference(difference: TextDifference) -> dict[str, Any]:
    return {
        "on_new_text": _interval(difference.on_new_text),
        "on_text": _interval(difference.on_text),
        "more_units": difference.more_units,
        "unknown": _reasons(
            on_new_text=_why(difference.on_new_text),
            on_text=_why(difference.on_text),
            more_units="more than anybody has" if difference.more_units is None else None,
        ),
    }


def _interval(interval: Interval | Unknown) -> dict[str, float] | None:
    if isinstance(interval, Unknown):
        return None
    return {"value": interval.value, "low": interval.low, "high": interval.high, "confidence": interval.confidence}


def _spent(spent: TextSpending) -> dict[str, Any]:
    return {
        "reads": spent.reads,
        "bytes": spent.bytes,
        "processed_tokens": spent.processed_tokens,
        "seconds": spent.seconds,
        "load_seconds": spent.load_seconds,
        "reused": spent.reused,
    }


def _why(value: Interval | Unknown) -> str | None:
    return value.reason if isinstance(value, Unknown) else None


def _why_no_more(answer: TextRaceAnswer) -> str | None:
    if answer.more_chunks is not None:
        return None
    if answer.verdict is RaceVerdict.ALONE:
        return "there is nothing to decide"
    return "it is decided" if answer.decided else "nothing can be said yet"


def _reasons(**whys: str | None) -> dict[str, str]:
    """The reasons of what is null."""
    return {key: why for key, why in whys.items() if why}


def readers_of(answer: TextRaceAnswer) -> int:
    """Those that read something, or could have."""
    return sum(isinstance(racer.figures, TextFigures) or racer.place is not Place.FAILED for racer in answer.racers)


def why_nobody(answer: TextRaceAnswer) -> str:
    open_ = any(racer.place is Place.OPEN for racer in answer.racers)
    return "too few chunks were read for a model to lead" if open_ else "no model is left"
