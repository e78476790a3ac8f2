"""How to go on from the answer of `scale verdict`: the commands, as the user would type them."""

import shlex

from llmpick.decide.training_verdict import Way


def next_steps(chosen: Way, device: str) -> tuple[str, ...]:
    """What the way takes first, then what it is worth on the user's own examples."""
    if chosen.action == "take":
        return (_command("fit", chosen.model), _command("init"), _command("pick", "task.toml", "--model", chosen.model))
    tokens = f"{chosen.tokens:.3g}".replace("e+", "e")
    if chosen.action == "train":
        return (_command("scale", "budget", "--params", f"{chosen.params:.3g}".replace("e+", "e"), "--tokens", tokens, "--device", device),)
    method = "continue" if chosen.action == "continue" else "full"
    return (_command("scale", "budget", "--model", chosen.model, "--method", method, "--tokens", tokens, "--device", device),)


def _command(*words: str | None) -> str:
    return shlex.join(["llmpick", *(word for word in words if word)])
