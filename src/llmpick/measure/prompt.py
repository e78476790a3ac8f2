"""How a row is put to a model: the task's system text, its solved rows, and the row's own text, as a chat and as plain text.

Both forms carry the same words. A model with a chat template gets the messages; a base model gets the plain text and never a
borrowed template. Templates are rendered in Jinja2's sandbox, and a name that the row does not have is an error, never an empty text.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateRuntimeError, UndefinedError, nodes
from jinja2.meta import find_undeclared_variables
from jinja2.sandbox import ImmutableSandboxedEnvironment

from llmpick.evidence.call import AnswerForm, CallRequest, FreeText, JsonObject, Number, OneLabel, Sampling
from llmpick.evidence.errors import InputError
from llmpick.evidence.task import Example, Message, Task, TaskKind


def _refuse_nothing(value: Any) -> Any:
    """An empty cell must not turn into the word None."""
    if value is None:
        raise TemplateRuntimeError("it writes a column that is empty in this row; {{ column or '' }} would leave it out")
    return value


_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, finalize=_refuse_nothing)


class _Labels(tuple[str, ...]):
    """The labels as a template sees them: `{{ labels }}` lists them, and a loop can walk over them."""

    __slots__ = ()

    def __str__(self) -> str:
        return ", ".join(self)


def build_requests(task: Task) -> tuple[CallRequest, ...]:
    """One request per example, in the order of the examples. Requests that show the same solved rows form a group.

    Raises `InputError` that names the row for which the template cannot be rendered, the field, and the columns there are.
    """
    form = answer_form(task)
    sampling = Sampling(seed=task.seed)
    return tuple(_request(task, example, form, sampling) for example in task.examples)


def shown_rows(task: Task, language: str | None) -> tuple[Example, ...]:
    """The solved rows that a row in this language is shown: those in its own language and those in none.

    Beside solved rows in another language small models answer in that one. All are shown where none is left, or where a label of a
    choice would be left without a row.
    """
    own = tuple(row for row in task.prompt.fewshot if row.language in (None, language))
    if task.kind is TaskKind.CHOICE and {row.reference for row in own} != {row.reference for row in task.prompt.fewshot}:
        return task.prompt.fewshot
    return own or task.prompt.fewshot


def answer_form(task: Task) -> AnswerForm:
    """What the engine must return for a row of this task.

    Text ends where a solved row would end in the plain prompt: at a line's end for short answers, at an empty line for longer ones;
    unless a reference of the task itself runs over that mark. Where there are no references nor solved rows the model ends it.
    """
    match task.kind:
        case TaskKind.CHOICE:
            return OneLabel(task.labels)
        case TaskKind.EXTRACT:
            return JsonObject(task.schema or {"type": "object"}, task.max_output_tokens)
        case TaskKind.NUMBER:
            return Number(task.max_output_tokens)
        case _:
            if task.judge and not task.prompt.fewshot:
                return FreeText(task.max_output_tokens)
            marks = ("\n", "\n\n") if task.kind is TaskKind.SHORT_ANSWER else ("\n\n",)
            unused = (mark for mark in marks if not any(mark in example.reference.strip() for example in task.examples))
            mark = next(unused, None)
            return FreeText(task.max_output_tokens, () if mark is None else (mark,))


def answer_text(task: Task, reference: Any) -> str:
    """A right answer as a model should write it: an object in the order of the schema's fields, a number without needless decimals."""
    if task.kind is TaskKind.EXTRACT:
        order = list((task.schema or {}).get("properties", {}))
        fields = sorted(reference.items(), key=lambda field: order.index(field[0]) if field[0] in order else len(order))
        return json.dumps(dict(fields), ensure_ascii=False)
    if task.kind is TaskKind.NUMBER:
        return str(int(reference)) if float(reference).is_integer() else repr(reference)
    return reference


def render(task: Task, example: Example) -> str:
    """The template with this row's fields, `row["any name"]` for names that are no identifiers, and `labels`.

    Raises `InputError` naming the row, the missing field and the columns there are.
    """
    try:
        return _compiled(task.prompt.template).render({"labels": _Labels(task.labels), "row": example.fields, **example.fields})
    except UndefinedError as error:
        raise InputError(
            f"the template names a field that the row does not have: {error.message}",
            where=f"[prompt] template, {example.place}",
            remedy=f"the columns there are: {', '.join(example.fields)} (a reference cannot be shown); mend the template or the row",
        ) from error
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise InputError(
            f"the template cannot be rendered: {error}", where=f"[prompt] template, {example.place}", remedy="mend the template or the row"
        ) from error


def row_text(task: Task, example: Example) -> str:
    """The row's own words without the prompt around them: what its user says, or the columns that the template names, one per line.

    It is what baselines read.
    """
    if example.messages is not None:
        return "\n".join(turn.content for turn in example.messages if turn.role == "user")
    named = _columns_named(task.prompt.template)
    return "\n".join(str(value) for name, value in example.fields.items() if name in named and value is not None)


def prompt_hash(request: CallRequest) -> str:
    """SHA-256 of all that the request asks: messages, plain text, answer form, sampling, thinking. Names (row, group) ask nothing.

    A request that says nothing of thinking has the hash that it had before there was anything to say.
    """
    content: Mapping[str, Any] = {**dataclasses.asdict(request), "form": type(request.answer).__name__}
    # No sorting of keys: the order of a schema's fields decides the order in which a model writes them.
    asked = {name: value for name, value in content.items() if name not in ("row", "group") and (name != "thinking" or value is not None)}
    return hashlib.sha256(json.dumps(asked, ensure_ascii=False, default=str).encode("utf-8", "surrogatepass")).hexdigest()


def _request(task: Task, example: Example, form: AnswerForm, sampling: Sampling) -> CallRequest:
    shown = shown_rows(task, example.language)
    system, asked = _system(task, example), _turns(task, example)
    messages = [] if system is None else [Message("system", system)]
    blocks = [] if system is None else [system.strip()]
    for solved in shown:
        answer = answer_text(task, solved.reference)
        messages += [*_turns(task, solved), Message("assistant", answer)]
        blocks.append(f"{_plain(task, solved)} {answer}")
    group = "" if shown == task.prompt.fewshot else str(example.language)
    return CallRequest(example.id, (*messages, *asked), "\n\n".join([*blocks, _plain(task, example)]), form, sampling, group)


def _system(task: Task, example: Example) -> str | None:
    """The task's system text, followed by the one that the row's own conversation starts with."""
    own = [turn.content for turn in example.messages or () if turn.role == "system"]
    texts = own if task.prompt.system is None else [task.prompt.system, *own]
    return "\n\n".join(texts) if texts else None


def _turns(task: Task, example: Example) -> tuple[Message, ...]:
    if example.messages is None:
        return (Message("user", render(task, example)),)
    return tuple(turn for turn in example.messages if turn.role != "system")


def _plain(task: Task, example: Example) -> str:
    """A rendered row as it is; a conversation as `User: ...` and `Assistant: ...`, open for the next answer. No blank at the end."""
    if example.messages is None:
        return render(task, example).rstrip()
    return "\n".join([*(f"{turn.role.capitalize()}: {turn.content}" for turn in _turns(task, example)), "Assistant:"])


@cache
def _columns_named(template: str) -> frozenset[str]:
    syntax = _ENVIRONMENT.parse(template)
    items = (item.arg for item in syntax.find_all(nodes.Getitem) if item.node == nodes.Name("row", "load"))
    return frozenset({*find_undeclared_variables(syntax), *(item.value for item in items if isinstance(item, nodes.Const))})


@cache
def _compiled(template: str) -> Template:
    return _ENVIRONMENT.from_string(template)
