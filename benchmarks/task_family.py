"""How well a task's family is told from one prompt of it: fits the cues of `estimate/task_cues.py` and reports on other prompts.

    python benchmarks/task_family.py DATA          # DATA holds instruct/tasks: BELLE's evaluation set, MT-Bench, Vicuna bench

The even prompts of each set are learnt from (the words of the cues, how often each is seen in its families and elsewhere, the length of
a passage, the temperature), the odd ones reported on. One prompt with its answer stands for a task, without its kind: a real task has many
rows, instructions and a kind.
"""

import argparse
import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from llmpick.estimate.task_cues import CUES, TEMPERATURE, UNSEEN, Cue
from llmpick.estimate.task_family import Asked, FamilyGuess, cues_seen, guess_family
from llmpick.evidence.ability import TaskFamily as F

BELLE = {
    "open qa": F.KNOWLEDGE, "brainstorming": F.CHAT, "rewrite": F.REWRITE, "generation": F.WRITING, "math": F.MATH,
    "classification": F.CLASSIFY, "closed qa": F.EXTRACT, "summarization": F.SUMMARIZE, "code": F.CODE, "extract": F.EXTRACT,
}  # fmt: skip
BENCHES = {
    "writing": F.WRITING, "roleplay": F.CHAT, "reasoning": F.REASONING, "math": F.MATH, "coding": F.CODE, "extraction": F.EXTRACT,
    "stem": F.SCIENCE, "humanities": F.KNOWLEDGE, "generic": F.CHAT, "knowledge": F.KNOWLEDGE, "fermi": F.REASONING,
    "common-sense": F.KNOWLEDGE,
}  # fmt: skip
"""Left out: Vicuna's "counterfactual", which no family of ours means."""
TRANSLATION = re.compile(r"翻译|译成|译为")
"""BELLE counts translation as rewriting; such prompts are left out."""
WEIGHT = 4.0
"""Prompts that the mean of all cues weighs in the rate of one."""
TEMPERATURES = (1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0)
Labelled = tuple[Asked, F]


def labelled(data: Path) -> dict[str, list[Labelled]]:
    """The labelled prompts by set, in the order of the files."""
    tasks = data / "instruct/tasks"
    belle = _read(tasks / "belle_eval_zh_1000.jsonl")
    belle = [row for row in belle if _plain(row["class"]) != "rewrite" or not TRANSLATION.search(row["question"])]
    found = {"BELLE (zh)": [(Asked("", ((row["question"], row["std_answer"] or ""),)), BELLE[_plain(row["class"])]) for row in belle]}
    for name, file in (("MT-Bench (en)", "mt_bench_question_80.jsonl"), ("Vicuna bench (en)", "vicuna_bench_question_80.jsonl")):
        rows = _read(tasks / file)
        found[name] = [(Asked("", ((row["turns"][0], ""),)), BENCHES[row["category"]]) for row in rows if row["category"] in BENCHES]
    return found


def _read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line.strip()]


def fit(prompts: Sequence[Labelled]) -> tuple[tuple[Cue, ...], float]:
    """The cues with their rates, each shrunk towards the mean cue; the temperature with the least log loss."""
    seen = [([bool(one) for one in cues_seen(asked)], family) for asked, family in prompts]
    families = {family for _, family in prompts}
    fitted = tuple(_fitted(cue, [one[k] for one, _ in seen], [f for _, f in seen], families) for k, cue in enumerate(CUES))
    return fitted, min(TEMPERATURES, key=lambda value: log_loss(prompts, fitted, value))


def _fitted(cue: Cue, seen: Sequence[bool], families: Sequence[F], known: set[F]) -> Cue:
    """A cue whose families no prompt has takes the mean cue's rate in them; one that its own families do not show either, all of it."""
    if cue.name == "long input":
        return cue
    if not known & set(cue.families):
        return replace(cue, present=UNSEEN[0], elsewhere=_rate(seen, UNSEEN[1]))
    if not any(seen):
        return replace(cue, present=UNSEEN[0], elsewhere=UNSEEN[1])
    own = [one for one, family in zip(seen, families, strict=True) if family in cue.families]
    other = [one for one, family in zip(seen, families, strict=True) if family not in cue.families]
    return replace(cue, present=_rate(own, UNSEEN[0]), elsewhere=_rate(other, UNSEEN[1]))


def _rate(seen: Sequence[bool], towards: float) -> float:
    return round((sum(seen) + WEIGHT * towards) / (len(seen) + WEIGHT), 3)


def log_loss(prompts: Sequence[Labelled], cues: Sequence[Cue], temperature: float) -> float:
    return -sum(math.log(max(_chance(guess_family(asked, cues, temperature), f), 0.002)) for asked, f in prompts) / len(prompts)


def _chance(guess: FamilyGuess, family: F) -> float:
    return guess.probabilities.get(family, 0.0)


def report(prompts: Sequence[Labelled], cues: Sequence[Cue] = CUES, temperature: float = TEMPERATURE) -> Mapping[str, float]:
    """Share of prompts whose family is the likeliest, among the two likeliest, not ruled out; mean probability of the likeliest."""
    guesses = [guess_family(asked, cues, temperature) for asked, _ in prompts]
    order = [list(guess.probabilities) for guess in guesses]
    wanted = [family for _, family in prompts]
    n = len(prompts)
    return {
        "n": n,
        "accuracy": sum(one[0] is f for one, f in zip(order, wanted, strict=True)) / n,
        "in two": sum(f in one[:2] for one, f in zip(order, wanted, strict=True)) / n,
        "kept": sum(f in one for one, f in zip(order, wanted, strict=True)) / n,
        "confidence": sum(guess.probabilities[guess.likeliest] for guess in guesses) / n,
        "log loss": log_loss(prompts, cues, temperature),
        "majority": Counter(wanted).most_common(1)[0][1] / n,
    }


def halves(found: Mapping[str, Sequence[Labelled]]) -> tuple[list[Labelled], dict[str, list[Labelled]]]:
    """The even prompts of all sets, and the odd ones by set."""
    return [one for rows in found.values() for one in rows[::2]], {name: list(rows[1::2]) for name, rows in found.items()}


def _plain(label: str) -> str:
    return label.replace("\u00a0", " ").strip()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    train, test = halves(labelled(parser.parse_args().data))
    cues, temperature = fit(train)
    means = [sum(getattr(cue, name) for cue in cues) / len(cues) for name in ("present", "elsewhere")]
    print(f"temperature {temperature}; mean cue: present {means[0]:.2f}, elsewhere {means[1]:.2f}")
    for cue in cues:
        print(f"  {cue.name:26} {cue.present}, {cue.elsewhere}")
    for name, prompts in {"learnt from": train, **test, "all odd": [one for rows in test.values() for one in rows]}.items():
        for what, (with_cues, heat) in {"refitted": (cues, temperature), "as shipped": (CUES, TEMPERATURE)}.items():
            print(f"{name:18} {what:10} " + "  ".join(f"{key} {value:.3g}" for key, value in report(prompts, with_cues, heat).items()))


if __name__ == "__main__":
    main()
