"""How an endpoint is asked, what is done without when a server lacks it, and what is made of its answers."""

import math
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from llmpick.evidence.call import AnswerForm, CallRequest, FreeText, JsonObject, Number, OneLabel, Sampling
from llmpick.evidence.errors import EngineError, InputError
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
