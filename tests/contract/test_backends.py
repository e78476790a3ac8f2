"""What every engine must do, whatever it is made of. A new one is added in `conftest.py` and passes these tests as they are."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import jsonschema
import pytest

from llmpick.evidence.call import AnswerForm, CallRequest, Completion, EngineInfo, FreeText, JsonObject, Number, OneLabel, Thinking
from llmpick.evidence.errors import EngineError, InputError, RowRefusedError, TimedOutError
from llmpick.evidence.task import Message
from llmpick.measure.backend import Backend

LABELS = ("delivery", "refund", "refund status")
SCHEMA = {"type": "object", "properties": {"city": {"enum": ["Paris", "Rome"]}}, "required": ["city"], "additionalProperties": False}
SHOTS = "Message: I want my money back.\nIntent: refund\n\n"


def asked(row: str, text: str, answer: AnswerForm, completion: str) -> CallRequest:
    return CallRequest(row, (Message("system", "You are brief."), Message("user", text)), completion, answer)


LABEL = asked(
    "label", f"Which of {LABELS}? Message: where is my parcel?", OneLabel(LABELS), f"{SHOTS}Message: where is my parcel?\nIntent:"
)
OTHER = asked(
    "other", f"Which of {LABELS}? Message: the parcel is late!", OneLabel(LABELS), f"{SHOTS}Message: the parcel is late!\nIntent:"
)
NUMBER = asked("number", "What is 6 times 7? Only the number.", Number(), "2 times 3 = 6\n6 times 7 =")
JSON = asked("json", "Write a JSON object with a city.", JsonObject(SCHEMA, 40), "The city as JSON:")
CUT = asked("cut", "Tell a story.", FreeText(4), "Once upon a time")
ALL = (LABEL, OTHER, NUMBER, JSON, CUT)
THINK = replace(LABEL, row="think", thinking=Thinking(True, 12))
LONG = asked("long", "word " * 400, FreeText(4), "word " * 400)


def test_is_a_backend_that_says_who_it_is(backend: Backend) -> None:
    assert isinstance(backend, Backend)
    assert isinstance(backend.engine, EngineInfo)
    assert backend.engine.name
    assert backend.engine.version
    assert backend.engine.device
    assert json.dumps(backend.engine.options)
    assert backend.load_seconds >= 0
    assert backend.concurrency >= 1


@pytest.mark.parametrize("request_", ALL, ids=lambda request: request.row)
def test_answers_with_counts_and_seconds(backend: Backend, request_: CallRequest) -> None:
    answer = backend.complete(request_)
    assert answer.text.strip()
    assert answer.prompt_tokens > 0
    assert answer.output_tokens > 0
    assert answer.seconds >= (answer.prefill_seconds or 0) + (answer.decode_seconds or 0) - 0.01


def test_the_answer_depends_on_the_request_alone(backend: Backend) -> None:
    backend.prepare(ALL)
    forwards = [essence(backend.complete(request)) for request in ALL]
    backwards = [essence(backend.complete(request)) for request in reversed(ALL)]
    assert forwards == backwards[::-1]


def test_requests_that_were_not_prepared_get_their_own_answer_too(backend: Backend) -> None:
    backend.prepare([CUT])
    alone = [essence(backend.complete(request)) for request in (LABEL, JSON)]
    backend.complete(CUT)
    assert alone == [essence(backend.complete(request)) for request in (LABEL, JSON)]


def test_label_probabilities_sum_to_one_and_name_the_text(backend: Backend, subject) -> None:
    answer = backend.complete(LABEL)
    if answer.label_probabilities is None:
        assert not subject.scores
        return
    assert tuple(answer.label_probabilities) == LABELS
    assert sum(answer.label_probabilities.values()) == pytest.approx(1)
    assert answer.text == max(answer.label_probabilities, key=answer.label_probabilities.__getitem__)
    assert answer.finish == "stop"


def test_objects_and_numbers_parse_where_the_engine_constrains(backend: Backend, subject) -> None:
    if subject.constrains:
        jsonschema.validate(json.loads(backend.complete(JSON).text), SCHEMA)
    if subject.constrains and not subject.name.startswith("endpoint"):
        assert re.fullmatch(r"-?\d+(\.\d+)?", backend.complete(NUMBER).text)


def test_a_cut_off_answer_is_reported(backend: Backend) -> None:
    answer = backend.complete(CUT)
    assert answer.finish == "length"
    assert answer.output_tokens == 4


def test_a_stop_text_ends_the_answer_and_is_not_part_of_it(backend: Backend, subject) -> None:
    if subject.name.startswith("endpoint: minimal"):
        pytest.skip("a minimal server ignores what it does not know")
    free = backend.complete(replace(CUT, answer=FreeText(12))).text
    stop = free.strip()[1:3]
    stopped = backend.complete(replace(CUT, answer=FreeText(12, stop=(stop,))))
    if subject.name != "scripted":
        assert stopped.text == free[: free.index(stop)]
        assert stopped.finish == "stop"


def test_a_prompt_beyond_the_context_is_an_input_error_that_names_the_row(backend: Backend) -> None:
    with pytest.raises(InputError, match="context") as caught:
        _ = (backend.prepare([LABEL, LONG]), backend.complete(LONG))
    assert "row long" in caught.value.where
    assert caught.value.remedy
    assert backend.complete(LABEL).text


def test_a_row_that_is_refused_when_it_is_asked_is_that_rows_own_affair(backend: Backend, subject) -> None:
    """A served model's context is not known before; an engine of our own says it for all rows at the start."""
    if subject.name.startswith("endpoint"):
        for _ in range(7):
            with pytest.raises(RowRefusedError):
                backend.complete(LONG)
            assert backend.complete(LABEL).text


def test_a_call_that_takes_too_long_loses_its_row_and_nothing_else(backend: Backend) -> None:
    before = essence(backend.complete(CUT))
    backend.call_timeout_s = 1e-6
    try:
        with pytest.raises(TimedOutError) as caught:
            backend.complete(CUT)
    finally:
        backend.call_timeout_s = None
    assert not caught.value.fatal
    assert "row cut" in caught.value.where or backend.engine.device == "remote"
    assert essence(backend.complete(LABEL)) == essence(backend.complete(LABEL))
    assert essence(backend.complete(CUT)) == before


def test_a_model_that_thinks_is_scored_by_what_it_says_after_that(backend: Backend, subject) -> None:
    if not subject.thinks:
        with pytest.raises(InputError, match="think") as caught:
            _ = (backend.prepare([THINK]), backend.complete(THINK))
        assert caught.value.remedy
        return
    backend.prepare([THINK, LABEL])
    answer = backend.complete(THINK)
    assert answer.reasoning
    assert 0 < answer.reasoning_tokens < answer.output_tokens
    assert answer.text in LABELS
    assert "think>" not in answer.reasoning
    assert answer.finish == "stop"
    assert essence(backend.complete(THINK)) == essence(answer)
    assert backend.complete(LABEL).reasoning_tokens == 0


def test_two_threads_get_what_one_gets(backend: Backend) -> None:
    backend.prepare(ALL)
    one = [essence(backend.complete(request)) for request in ALL]
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(lambda request: essence(backend.complete(request)), ALL)) == one


def test_memory_is_told_in_bytes_or_not_at_all(backend: Backend) -> None:
    told = backend.resident_bytes()
    assert told is None or told > 0


def test_closing_twice_is_fine_and_afterwards_the_machinery_is_gone(subject) -> None:
    with subject.open() as backend:
        backend.close()
        backend.close()
        for use in (lambda: backend.complete(LABEL), lambda: backend.prepare([LABEL])):
            with pytest.raises(EngineError) as caught:
                use()
            assert caught.value.fatal


def essence(answer: Completion) -> tuple[object, ...]:
    """All that must not depend on when it was asked; probabilities to the last digit."""
    probabilities = None if answer.label_probabilities is None else dict(answer.label_probabilities)
    return answer.text, answer.finish, answer.reasoning, answer.prompt_tokens, answer.output_tokens, probabilities
