"""How an endpoint is asked, what is done without when a server lacks it, and what is made of its answers."""

import math
import runpy
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from llmpick.evidence.call import ENDING, AnswerForm, CallRequest, FreeText, JsonObject, Number, OneLabel, Sampling, Thinking
from llmpick.evidence.errors import EngineError, InputError, RowRefusedError
from llmpick.evidence.model import Endpoint
from llmpick.evidence.task import Message
from llmpick.measure.backends.endpoint import EndpointBackend

helpers = runpy.run_path(str(Path(__file__).with_name("canned_server.py")))
Reply, chat, refused = helpers["Reply"], helpers["chat"], helpers["refused"]
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}}


@pytest.fixture
def server() -> Iterator[Any]:
    with helpers["canned_server"]() as canned:
        yield canned


@pytest.fixture
def backend(server: Any) -> Iterator[EndpointBackend]:
    with EndpointBackend(Endpoint(server.url, "m"), retries=0) as opened:
        yield opened


def asked(answer: AnswerForm, sampling: Sampling | None = None) -> CallRequest:
    return CallRequest("r1", (Message("user", "Hello"),), "Hello:", answer, sampling or Sampling())


def test_a_plain_call_has_a_limit_a_seed_and_the_models_name(server: Any, backend: EndpointBackend) -> None:
    server.replies = [chat("hi", finish_reason="length")]
    answer = backend.complete(asked(FreeText(5, stop=("\n",)), Sampling(0.7, 0.9, 11)))
    assert server.asked == [
        (
            "/v1/chat/completions",
            {
                "model": "m",
                "messages": [{"role": "user", "content": "Hello"}],
                "max_tokens": 5,
                "temperature": 0.7,
                "top_p": 0.9,
                "seed": 11,
                "stop": ["\n"],
            },
        )
    ]
    assert (answer.text, answer.finish, answer.prompt_tokens, answer.output_tokens) == ("hi", "length", 7, 3)
    assert answer.prefill_seconds is None


def test_a_schema_is_asked_for_and_done_without_once_it_was_refused(server: Any, backend: EndpointBackend) -> None:
    server.replies = [refused("unknown field response_format"), chat('{"n": 1}')]
    assert backend.complete(asked(JsonObject(SCHEMA, 20))).text == '{"n": 1}'
    backend.complete(asked(JsonObject(SCHEMA, 20)))
    assert ["response_format" in body for _, body in server.asked] == [True, False, False]


def test_without_a_chat_template_the_completion_prompt_is_sent(server: Any, backend: EndpointBackend) -> None:
    server.replies = [
        refused("default chat template is no longer allowed, so you must provide a chat template if the tokenizer does not define one"),
        Reply(body={"choices": [{"text": " 42", "finish_reason": "stop"}], "usage": {"prompt_tokens": 2, "completion_tokens": 1}}),
    ]
    assert [backend.complete(asked(Number())).text for _ in range(2)] == [" 42", " 42"]
    assert [path for path, _ in server.asked] == ["/v1/chat/completions", "/v1/completions", "/v1/completions"]
    assert server.asked[1][1]["prompt"] == "Hello:"


def test_the_newer_name_of_the_token_limit(server: Any, backend: EndpointBackend) -> None:
    server.replies = [refused("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."), chat("ok")]
    backend.complete(asked(FreeText(5)))
    assert server.asked[1][1]["max_completion_tokens"] == 5
    assert "max_tokens" not in server.asked[1][1]


def test_a_refusal_that_nothing_cures_names_the_row_and_blames_no_feature(server: Any, backend: EndpointBackend) -> None:
    server.replies = [refused("the moon is wrong")]
    with pytest.raises(InputError, match="the moon is wrong") as caught:
        backend.complete(asked(JsonObject(SCHEMA, 20)))
    assert "row r1" in caught.value.where
    server.replies = [chat("{}")]
    backend.complete(asked(JsonObject(SCHEMA, 20)))
    assert "response_format" in server.asked[-1][1]


def alternatives(**logprobs: float) -> dict[str, Any]:
    top = [{"token": token, "logprob": logprob} for token, logprob in logprobs.items()]
    return {"content": [{"token": top[0]["token"], "logprob": top[0]["logprob"], "top_logprobs": top}]}


def test_labels_are_scored_by_the_first_token_where_the_server_lists_alternatives(server: Any, backend: EndpointBackend) -> None:
    server.replies = [chat("refund.", logprobs=alternatives(ref=math.log(0.6), deliv=math.log(0.2), other=math.log(0.1)))]
    answer = backend.complete(asked(OneLabel(("delivery", "refund"))))
    assert answer.label_probabilities == {"delivery": pytest.approx(0.25), "refund": pytest.approx(0.75)}
    assert answer.text == "refund"
    assert server.asked[0][1]["top_logprobs"] == 20


def test_labels_are_left_to_the_caller_where_it_lists_none(server: Any, backend: EndpointBackend) -> None:
    server.replies = [refused("logprobs are not supported"), chat("It is a refund.")]
    answer = backend.complete(asked(OneLabel(("delivery", "refund"))))
    assert (answer.text, answer.label_probabilities) == ("It is a refund.", None)
    assert "logprobs" not in server.asked[1][1]


def test_missing_counts_are_guessed_and_the_engine_says_so(server: Any, backend: EndpointBackend) -> None:
    server.replies = [Reply(body={"choices": [{"message": {"content": "12345"}, "finish_reason": "stop"}]})]
    answer = backend.complete(asked(FreeText(5)))
    assert (answer.prompt_tokens, answer.output_tokens) == (2, 2)
    assert "no token counts" in (backend.engine.note or "")


def test_an_empty_answer_is_the_models_own(server: Any, backend: EndpointBackend) -> None:
    server.replies = [chat(None)]
    assert backend.complete(asked(FreeText(5))).text == ""


@pytest.mark.parametrize("body", [{}, {"choices": []}, {"choices": None}, {"choices": [{}]}, {"choices": [{"message": {"content": 3}}]}])
def test_an_answer_without_a_text_is_the_servers_fault(server: Any, backend: EndpointBackend, body: Any) -> None:
    server.replies = [Reply(body=body)]
    with pytest.raises(EngineError, match="has no text") as caught:
        backend.complete(asked(FreeText(5)))
    assert "row r1" in caught.value.where
    assert not caught.value.fatal


def test_the_model_must_be_among_those_that_the_server_lists(server: Any) -> None:
    server.gets["/v1/models"] = Reply(body={"data": [{"id": "a"}, {"id": "m:latest"}]})
    with pytest.raises(InputError, match="no model 'b'") as caught:
        EndpointBackend(Endpoint(server.url, "b"))
    assert "a, m:latest" in caught.value.remedy
    EndpointBackend(Endpoint(server.url, "a")).close()
    EndpointBackend(Endpoint(server.url, "m")).close()


@pytest.mark.parametrize("reply", [Reply(404, {}), Reply(405, {}), Reply(500, {}), Reply(200, {"data": None}), Reply(200, "no json")])
def test_a_server_without_a_usable_list_is_believed(server: Any, reply: Any) -> None:
    server.gets["/v1/models"] = reply
    EndpointBackend(Endpoint(server.url, "m")).close()


def test_a_wrong_key_is_said_before_anything_is_asked(server: Any) -> None:
    server.gets["/v1/models"] = Reply(401, {"error": {"message": "bad key"}})
    with pytest.raises(InputError, match="bad key") as caught:
        EndpointBackend(Endpoint(server.url, "m", api_key_variable="MY_KEY"))
    assert "MY_KEY" in caught.value.remedy


def test_a_server_that_is_down_is_fatal_at_once() -> None:
    with pytest.raises(EngineError, match="no server answers") as caught:
        EndpointBackend(Endpoint("http://127.0.0.1:9/v1", "m"))
    assert caught.value.fatal
    assert "start the server" in caught.value.remedy


@pytest.mark.parametrize(
    ("path", "body", "version"),
    [
        ("/version", {"version": "0.9"}, "0.9"),
        ("/api/version", {"version": "0.5.1"}, "0.5.1"),
        ("/props", {"build_info": "b1-a"}, "b1-a"),
        ("/none", {}, "unknown"),
    ],
)
def test_the_servers_version(server: Any, path: str, body: Any, version: str) -> None:
    server.gets[path] = Reply(body=body)
    with EndpointBackend(Endpoint(server.url, "m", server="ollama")) as opened:
        assert (opened.engine.name, opened.engine.version, opened.engine.device) == ("ollama", version, "remote")


# Rows that are refused or lost


@pytest.mark.parametrize(
    "words", ["This model's maximum context length is 8 tokens.", "Blocked by the content filter.", "against our usage policy"]
)
def test_a_refused_row_is_a_row_and_the_next_one_is_answered(server: Any, backend: EndpointBackend, words: str) -> None:
    server.replies = [refused(words), chat("Paris")]
    with pytest.raises(RowRefusedError, match=words) as caught:
        backend.complete(asked(JsonObject(SCHEMA, 20)))
    assert "row r1" in caught.value.where
    assert backend.complete(asked(FreeText(5))).text == "Paris"
    assert len(server.asked) == 2, "a row that is refused is not asked again"


def test_an_answer_that_a_filter_took_back_is_a_refused_row(server: Any, backend: EndpointBackend) -> None:
    server.replies = [chat(None, finish_reason="content_filter")]
    with pytest.raises(RowRefusedError, match="withholds its answer"):
        backend.complete(asked(FreeText(5)))


def test_a_server_that_refuses_every_row_is_given_up(server: Any, backend: EndpointBackend) -> None:
    server.replies = [refused("the field model is unknown")]
    kinds = [type(error_of(backend)) for _ in range(5)]
    assert kinds == [RowRefusedError] * 4 + [InputError]


def test_refused_rows_among_answered_ones_never_end_the_candidate(server: Any, backend: EndpointBackend) -> None:
    server.replies = [chat("a"), refused("too long")]
    backend.complete(asked(FreeText(5)))
    assert {type(error_of(backend)) for _ in range(20)} == {RowRefusedError}


def test_a_server_that_loses_row_after_row_is_gone(server: Any, backend: EndpointBackend) -> None:
    server.replies = [Reply(503, {})] * 7 + [chat("well again"), Reply(503, {})]
    lost = [error_of(backend) for _ in range(7)]
    assert backend.complete(asked(FreeText(5))).text == "well again"
    lost += [error_of(backend) for _ in range(8)]
    assert [isinstance(error, EngineError) and error.fatal for error in lost] == [False] * 14 + [True]


def error_of(backend: EndpointBackend) -> Exception:
    with pytest.raises((EngineError, InputError)) as caught:
        backend.complete(asked(FreeText(5)))
    return caught.value


def test_tokens_of_attempts_that_broke_off_are_counted_once_each(server: Any) -> None:
    """Time-outs are the client's own doing: the server may have written all of it, and charge it."""
    server.replies = [Reply(200, chat("late").body, after_s=0.6), chat("in time")]
    with EndpointBackend(Endpoint(server.url, "m"), timeout_s=0.3, retries=2, sleep=lambda _: None) as backend:
        answer = backend.complete(asked(FreeText(5)))
    assert (answer.text, answer.unanswered, answer.prompt_tokens, answer.output_tokens) == ("in time", 1, 14, 6)


def test_a_busy_server_gets_fewer_calls_at_once_and_all_rows_come_back(server: Any) -> None:
    def busy_beyond_two(body: Any) -> Any:
        del body
        return Reply(429, {}) if server.under_way > 2 else Reply(200, chat("ok").body, after_s=0.02)

    server.reply_to = busy_beyond_two
    with (
        EndpointBackend(Endpoint(server.url, "m"), concurrency=8, retries=20, sleep=lambda _: None) as backend,
        ThreadPoolExecutor(8) as pool,
    ):
        answers = list(pool.map(lambda _: backend.complete(asked(FreeText(5))).text, range(60)))
        assert backend._client.gate is not None
        assert backend._client.gate.limit < 5
    assert answers == ["ok"] * 60


# Thinking

THINK = Thinking(True, 30)
OFF = Thinking(False)


def thinks(request: CallRequest, thinking: Thinking) -> CallRequest:
    return CallRequest(request.row, request.messages, request.completion, request.answer, request.sampling, thinking=thinking)


def thought(reasoning: str, text: str | None, finish: str = "stop", field: str = "reasoning_content", tokens: int = 9) -> Any:
    choice = {"message": {"role": "assistant", "content": text, field: reasoning}, "finish_reason": finish}
    return Reply(body={"choices": [choice], "usage": {"prompt_tokens": 7, "completion_tokens": tokens}})


def served(
    understands: Callable[[Any], bool | None], on: Callable[[Any], Any], off: Callable[[Any], Any] = lambda _: chat("42")
) -> Callable[[Any], Any]:
    """A model behind a server: `understands` reads from the body whether it was told to think, None for not."""
    return lambda body: on(body) if understands(body) else off(body)


SAID: dict[str, Callable[[Any], bool | None]] = {
    "template variable": lambda body: body.get("chat_template_kwargs", {}).get("enable_thinking", True),
    "effort": lambda body: body.get("reasoning_effort", "none") != "none",
    "type": lambda body: body.get("thinking", {}).get("type") == "enabled",
    "alibaba": lambda body: body.get("enable_thinking", False),
    "openrouter": lambda body: body.get("reasoning", {}).get("enabled", True),
}


@pytest.mark.parametrize("dialect", SAID)
@pytest.mark.parametrize("on", [True, False])
def test_the_dialect_is_found_by_what_the_answers_show(server: Any, backend: EndpointBackend, dialect: str, on: bool) -> None:
    server.reply_to = served(SAID[dialect], lambda _: thought("six sevens", "42"))
    answer = backend.complete(thinks(asked(Number()), THINK if on else OFF))
    assert (answer.text, bool(answer.reasoning)) == ("42", on)
    assert "told" in (backend.engine.note or "")
    known = len(server.asked)
    backend.complete(thinks(asked(Number()), THINK if on else OFF))
    assert len(server.asked) == known + 1, "it is found out once"


@pytest.mark.parametrize(
    ("thinking", "answer", "says"),
    [(THINK, chat("42"), "cannot be told to think"), (OFF, thought("hm", "42"), "cannot be told not to think")],
)
def test_a_server_that_cannot_be_told_is_an_error_of_that_candidate(
    server: Any, backend: EndpointBackend, thinking: Thinking, answer: Any, says: str
) -> None:
    server.replies = [answer]
    with pytest.raises(InputError, match=says) as caught:
        backend.prepare([thinks(asked(Number()), thinking)])
    assert "?thinking" in caught.value.remedy


@pytest.mark.parametrize(
    "reply",
    [
        thought("so", "Paris\nIt is."),
        thought("so", "Paris\nIt is.", field="reasoning"),
        chat("<think>\nso\n</think>\n\nParis\nIt is."),
        chat("so</think>Paris\nIt is."),
        chat("[THINK]so[/THINK]Paris\nIt is."),
    ],
    ids=["reasoning_content", "reasoning", "tags", "only the closing tag", "other tags"],
)
def test_reasoning_is_no_part_of_the_answer_wherever_the_server_puts_it(server: Any, backend: EndpointBackend, reply: Any) -> None:
    server.replies = [reply]
    answer = backend.complete(thinks(asked(FreeText(5, stop=("\n",))), THINK))
    assert (answer.text, answer.reasoning, answer.reasoning_cut, answer.finish) == ("Paris", "so", False, "stop")
    assert 0 < answer.reasoning_tokens < answer.output_tokens
    body = server.asked[-1][1]
    assert body["max_tokens"] == 35
    assert "stop" not in body, "it would end the reasoning"
    assert (body["temperature"], body["top_p"]) == (0.6, 0.95)


def test_a_server_that_counts_the_reasoning_is_believed(server: Any, backend: EndpointBackend) -> None:
    reply = thought("a few words", "Paris", tokens=90)
    reply.body["usage"]["completion_tokens_details"] = {"reasoning_tokens": 80}
    server.replies = [reply]
    assert backend.complete(thinks(asked(FreeText(5)), THINK)).reasoning_tokens == 80


def test_when_the_budget_ends_the_reasoning_the_answer_is_asked_for_by_a_second_call(server: Any, backend: EndpointBackend) -> None:
    def reply(body: Any) -> Any:
        if body["messages"][-1]["role"] == "assistant":
            return chat("refund", logprobs=alternatives(ref=math.log(0.6), deliv=math.log(0.2), other=math.log(0.1)))
        if body.get("chat_template_kwargs", {}).get("enable_thinking") is False:
            return chat("42")
        return thought("It is not a delivery, so", None, finish="length", tokens=38)

    server.reply_to = reply
    answer = backend.complete(thinks(asked(OneLabel(("delivery", "refund"))), THINK))
    assert (answer.text, answer.reasoning, answer.reasoning_cut) == ("refund", "It is not a delivery, so", True)
    assert answer.label_probabilities == {"delivery": pytest.approx(0.25), "refund": pytest.approx(0.75)}
    assert (answer.prompt_tokens, answer.output_tokens, answer.reasoning_tokens) == (14, 41, 38), "both calls are paid"
    body = server.asked[-1][1]
    assert body["messages"][-1]["content"] == f"<think>\nIt is not a delivery, so\n\n{ENDING}\n</think>\n\n"
    assert (body["continue_final_message"], body["add_generation_prompt"]) == (True, False)
    assert body["chat_template_kwargs"]["enable_thinking"] is False
    assert body["max_tokens"] == len("delivery") + 2


def test_a_server_that_refuses_the_flags_of_a_second_call_gets_it_without(server: Any, backend: EndpointBackend) -> None:
    def reply(body: Any) -> Any:
        if "continue_final_message" in body:
            return refused("Unrecognized request argument supplied: continue_final_message")
        return chat("Paris") if body["messages"][-1]["role"] == "assistant" else thought("France", "", finish="length")

    server.reply_to = reply
    assert backend.complete(thinks(asked(FreeText(5)), THINK)).text == "Paris"


def test_an_answer_that_never_comes_is_cut_off_with_all_its_tokens(server: Any, backend: EndpointBackend) -> None:
    def reply(body: Any) -> Any:
        last = body["messages"][-1]["role"]
        return refused("the last message must be the user's") if last == "assistant" else thought("France", "", finish="length", tokens=35)

    server.reply_to = reply
    answer = backend.complete(thinks(asked(FreeText(5)), THINK))
    assert (answer.text, answer.finish, answer.reasoning_cut, answer.output_tokens) == ("", "length", True, 35)


def test_a_server_that_cannot_think_in_a_form_is_asked_without_it(server: Any, backend: EndpointBackend) -> None:
    server.reply_to = lambda body: chat('{"n": 0}') if "response_format" in body else thought("one", '{"n": 1}')
    answers = [backend.complete(thinks(asked(JsonObject(SCHEMA, 20)), THINK)) for _ in range(2)]
    assert [answer.text for answer in answers] == ['{"n": 1}'] * 2
    assert [answer.output_tokens for answer in answers] == [12, 9], "the call in vain is paid too"


def test_hidden_reasoning_is_counted_and_its_cut_off_answer_is_none(server: Any, backend: EndpointBackend) -> None:
    """A service that shows no reasoning leaves nothing to go on from."""
    reply = chat("", finish_reason="length")
    reply.body["usage"]["completion_tokens_details"] = {"reasoning_tokens": 3}
    server.replies = [reply]
    answer = backend.complete(thinks(asked(FreeText(5)), THINK))
    assert (answer.text, answer.finish, answer.reasoning_tokens) == ("", "length", 3)


def test_a_service_that_takes_no_temperature_is_asked_without(server: Any, backend: EndpointBackend) -> None:
    server.replies = [refused("Unsupported value: 'temperature' does not support 0 with this model."), chat("ok")]
    backend.complete(asked(FreeText(5)))
    assert "temperature" not in server.asked[1][1]
