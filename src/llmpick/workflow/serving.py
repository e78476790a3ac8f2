"""The command that serves a model as it was measured: the same file, the same context, thinking or not."""

import json
from shlex import quote

from llmpick.decide.answer import ChosenRun
from llmpick.evidence.call import Thinking
from llmpick.evidence.model import Candidate, Endpoint, Weights
from llmpick.measure.thinking import find_switch

OWN_SWITCH = "enable_thinking"
"""The variable for which `llama-server` and `transformers serve` have an option of their own (`--reasoning`); any other is an argument
of the template. Our engines set it to "do not think" where nothing was said; a server leaves that to the template."""


def how_to_serve(candidate: Candidate, context_tokens: int, *, users: int = 1) -> ChosenRun | None:
    """The command for so many users at once with a context of so many tokens each; None for a baseline, which needs no server."""
    run = candidate.run
    if isinstance(run, Endpoint):
        ollama = f"ollama run {quote(run.model)}{_to_ollama(candidate.thinking)}"
        return ChosenRun(run.server, None, ollama if run.server == "ollama" else f"# served at {run.url} as {run.model}")
    if not isinstance(run, Weights):
        return None
    thinking = _as_measured(candidate, run)
    told = _to_template(thinking) if thinking else ""
    if run.format != "gguf":
        return ChosenRun("transformers", run.quantization, f"transformers serve {quote(str(run.path))}{told}")
    budget = f" --reasoning-budget {thinking.max_tokens}" if thinking and thinking.on else ""
    slots = f" --parallel {users}" if users > 1 else ""  # which share the context
    command = f"llama-server --model {quote(str(run.path))} --ctx-size {context_tokens * users}{slots}{told}{budget}"
    return ChosenRun("llama.cpp", run.quantization, command)


def told_in_words(candidate: Candidate) -> str | None:
    """What no command can set: the word of the system text that switched thinking, for templates that look for one."""
    word = candidate.thinking.system if candidate.thinking else ""
    return f"{candidate.id} was measured with {word!r} in its system text: serve it with the same word there." if word else None


def _as_measured(candidate: Candidate, run: Weights) -> Thinking | None:
    """How it was told to think or not; None for a template without a switch, or one that is left as it is."""
    switch = find_switch(run.chat_template)
    if candidate.thinking or switch is None or switch.off is None:
        return candidate.thinking
    silent = switch.set_to(False)
    return silent if OWN_SWITCH in silent.arguments else None


def _to_template(thinking: Thinking) -> str:
    others = {name: value for name, value in thinking.arguments.items() if name != OWN_SWITCH}
    return f" --reasoning {'on' if thinking.on else 'off'}" + (f" --chat-template-kwargs {quote(json.dumps(others))}" if others else "")


def _to_ollama(thinking: Thinking | None) -> str:
    return "" if thinking is None else " --think" if thinking.on else " --think=false"
