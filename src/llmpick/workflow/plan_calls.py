"""What one call of each candidate takes: by the calls that the store keeps of this very task, else by the words of its prompts."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from llmpick.catalog.tables import find_quantization
from llmpick.estimate.plan import CallCost
from llmpick.estimate.shape import shape_of
from llmpick.estimate.weights import stored_as
from llmpick.evidence.call import CallRecord, CallRequest, FreeText
from llmpick.evidence.device import Load
from llmpick.evidence.errors import LlmpickError
from llmpick.evidence.model import Blueprint, Candidate, Endpoint, Weights
from llmpick.evidence.task import Task
from llmpick.evidence.values import Interval, Unknown
from llmpick.measure.prompt import answer_text
from llmpick.store.location import default_url, sqlite_file
from llmpick.store.store import Store
from llmpick.workflow.accounts import answered
from llmpick.workflow.expectation import LLAMACPP, TRANSFORMERS
from llmpick.workflow.findings import DEFAULT_CONTEXT_TOKENS, Entry, Findings, runnable
from llmpick.workflow.fit.inputs import Place
from llmpick.workflow.fit.speed import speed_of
from llmpick.workflow.fit.variants import Case
from llmpick.workflow.lanes import call_key, identify
from llmpick.workflow.models.facts_blueprint import blueprint_of_facts
from llmpick.workflow.models.weights_blueprint import blueprint_of

SURE = 0.90
BYTES_PER_TOKEN = Interval(4.0, 2.3, 4.9, SURE)
"""UTF-8 bytes of running text per token: 4.4 to 4.9 in English and 1.5 to 4.9 in Chinese over 22 tokenizers from GPT-2's to Qwen3.6's,
measured on the manual of LibreOffice; 2.3 is Llama 2's on Chinese, worse ones are rare today."""
TEMPLATE_TOKENS = 4
"""Marks that a chat template puts around each message."""
ENOUGH_CALLS = 5
"""From so many kept calls on their means say more than the words."""


def call_costs(findings: Findings, store_url: str | None) -> tuple[CallCost, ...]:
    """One entry for each candidate that could run."""
    kept = _kept(findings, store_url)
    return tuple(_cost(entry, findings, kept.get(entry.candidate.id, {})) for entry in runnable(findings.entries))


def cost_as_fetched(entry: Entry, findings: Findings) -> CallCost:
    """The same whatever is kept, also of a model of the catalog that would have to be fetched."""
    return _cost(entry, findings, {})


def _kept(findings: Findings, store_url: str | None) -> dict[str, dict[int, CallRecord]]:
    """The calls of this task that earlier runs paid for, of each model by the row's place in the order of the race. Models are known by the
    hashes that the store remembers; none is computed here.
    """
    file = sqlite_file(store_url or default_url())
    if not runnable(findings.entries) or (file is not None and not file.exists()):
        return {}
    found = dict[str, dict[int, CallRecord]]()
    with Store.open(store_url) as store:

        def remembered(path: Path) -> str:
            status = path.stat()
            known = store.file_hash(path, status.st_size, status.st_mtime_ns)
            if known is None:
                raise LookupError(path)
            return known

        for entry in runnable(findings.entries):
            try:
                identity = identify(entry.candidate, file_hash=remembered).text
            except (LookupError, LlmpickError, OSError):
                continue
            keys = [call_key(identity, request) for request in findings.course.requests]
            held = {call.key: call for call in answered(list(store.calls(keys).values()))}
            found[entry.candidate.id] = {i: held[key] for i, key in enumerate(keys) if key in held}
    return found


def _cost(entry: Entry, findings: Findings, kept: Mapping[int, CallRecord]) -> CallCost:
    if len(kept) >= ENOUGH_CALLS:
        calls = kept.values()
        prompt, output = (_mean([getattr(call, name) for call in calls]) for name in ("prompt_tokens", "output_tokens"))
        seconds: Interval | Unknown = _mean([call.seconds for call in calls])
    else:
        requests = findings.course.requests
        prompt = _tokens(statistics.fmean(_bytes(request, whole=True) for request in requests))
        prompt = _plus(prompt, TEMPLATE_TOKENS * statistics.fmean(len(request.messages) for request in requests))
        output = _output(findings.task, requests[0])
        own = _tokens(statistics.fmean(_bytes(request, whole=False) for request in requests))
        seconds = _seconds(entry, findings, own, prompt, output)
    money = _money(entry.candidate, prompt, output)
    return CallCost(entry.candidate.id, prompt, output, seconds, money, tuple(kept), "calls" if len(kept) >= ENOUGH_CALLS else "words")


def _bytes(request: CallRequest, *, whole: bool) -> int:
    """Of the prompt, or of its last message alone: what stands before is the same for many rows."""
    messages = request.messages if whole else request.messages[-1:]
    return sum(len(message.content.encode()) for message in messages)


def _tokens(size: float) -> Interval:
    return Interval(size / BYTES_PER_TOKEN.value, size / BYTES_PER_TOKEN.high, size / BYTES_PER_TOKEN.low, SURE)


def _plus(interval: Interval, more: float) -> Interval:
    return Interval(interval.value + more, interval.low + more, interval.high + more, interval.confidence)


def _output(task: Task, request: CallRequest) -> Interval:
    """As long as the references are; text that nothing ends may go on to the limit."""
    form = request.answer
    limit = float(getattr(form, "max_tokens", task.max_output_tokens))
    references = [len(answer_text(task, example.reference).encode()) for example in task.examples if example.reference is not None]
    if not references:
        return Interval(limit / 2, 1.0, limit, SURE)
    likely = _tokens(statistics.fmean(references))
    low, value = (min(max(tokens, 1.0), limit) for tokens in (likely.low, likely.value))
    high = limit if isinstance(form, FreeText) else min(max(likely.high + 1, value), limit)
    return Interval(value, low, max(high, value), SURE)


def _seconds(entry: Entry, findings: Findings, own: Interval, prompt: Interval, output: Interval) -> Interval | Unknown:
    """Reading what is new in the prompt, then writing the answer, by the formulas of `fit`; without the time for loading.

    The words that all rows share are read once where the engine keeps them, so between the row's own words and the whole prompt.
    """
    if isinstance(entry.candidate.run, Endpoint):
        return Unknown("it runs on the server's machine, and no call of this task is kept")
    blueprint = _blueprint(entry)
    if blueprint is None:
        return Unknown("neither its files nor its number of parameters are known")
    deployment = LLAMACPP if blueprint.format == "gguf" else TRANSFORMERS
    place = Place(findings.machine, here=True)
    load = Load(min(findings.task.limits.context_tokens or DEFAULT_CONTEXT_TOKENS, max(round(prompt.high + output.high), 1)))
    speed = speed_of(Case(blueprint, place, deployment, load, prompt_tokens=max(round(own.value), 1)), shape_of(blueprint))
    if isinstance(speed.decode_tokens_per_s, Unknown):
        return speed.decode_tokens_per_s
    if isinstance(speed.prefill_tokens_per_s, Unknown):
        return speed.prefill_tokens_per_s
    reading, writing = speed.prefill_tokens_per_s, speed.decode_tokens_per_s
    value = own.value / reading.value + output.value / writing.value
    low = own.low / reading.high + output.low / writing.high
    high = prompt.high / reading.low + output.high / writing.low
    return Interval(value, low, high, SURE)


def _blueprint(entry: Entry) -> Blueprint | None:
    """Of its file, else of what would be fetched."""
    weights, facts = entry.candidate.run, entry.candidate.facts
    if isinstance(weights, Weights):
        return blueprint_of(weights, active_parameters=facts.parameters_active.value if facts and facts.parameters_active else None)
    known = blueprint_of_facts(facts) if facts else None
    return stored_as(known, find_quantization(entry.fetch.quantization))[0] if known and entry.fetch else None


def _money(candidate: Candidate, prompt: Interval, output: Interval) -> Interval | None:
    run = candidate.run
    if not isinstance(run, Endpoint) or run.input_price is None or run.output_price is None:
        return None
    value, low, high = (
        (getattr(prompt, end) * run.input_price + getattr(output, end) * run.output_price) / 1e6 for end in ("value", "low", "high")
    )
    return Interval(value, low, high, SURE)


def _mean(values: Sequence[float]) -> Interval:
    """The mean of what was seen; the rows to come are like the rows kept, which were the first of a random order."""
    mean = statistics.fmean(values)
    reach = 1.645 * statistics.stdev(values) / len(values) ** 0.5
    return Interval(mean, max(mean - reach, 0.0), mean + reach, SURE)
