"""Recorded scores of any tool as one matrix of models by items: tables, Inspect's logs, lm-eval's logs.

`csv.py`, `inspect_log.py` and `lm_eval.py` each read one kind and do not know of each other; here it is found out which one is meant.
"""

from collections.abc import Collection
from pathlib import Path

from llmpick.evidence.errors import InputError
from llmpick.evidence.scores import ScoreMatrix
from llmpick.sources.scores import csv, inspect_log, lm_eval
from llmpick.sources.scores.tables import ENDINGS, ending_of, read_table

_READ = f"a table ({', '.join(ENDINGS)}), an Inspect log (.eval, .json), lm-eval's samples_*.jsonl or results_*.json, or a folder of logs"


def read_scores(
    path: Path, *, costs: Path | None = None, metric: str | None = None, transpose: bool = False, leave_out: Collection[str] = ()
) -> ScoreMatrix:
    """The scores in a file, or in all logs of a folder.

    `metric` chooses among several scores of a log (Inspect: the scorer; lm-eval: `acc` or `acc,none`). `costs`, `transpose` and `leave_out`
    concern tables, see `csv.read_scores`. Raises `InputError` naming the place.
    """
    if not path.exists():
        raise InputError("there is no such file or folder", where=str(path), remedy=f"name {_READ}")
    files = _logs_in(path) if path.is_dir() else [path]
    inspect_files = [file for file in files if inspect_log.is_inspect_log(file)]
    lm_eval_files = [file for file in files if lm_eval.is_lm_eval(file) and file not in inspect_files]
    if inspect_files and lm_eval_files:
        raise InputError("the folder has logs of Inspect and of lm-eval", where=str(path), remedy="name one file or a folder inside it")
    if inspect_files:
        return inspect_log.read_inspect(inspect_files, metric=metric)
    if lm_eval_files:
        return lm_eval.read_lm_eval(lm_eval_files, metric=metric)
    if path.is_dir() or ending_of(path) not in ENDINGS:
        raise InputError("there are no scores of a known form", where=str(path), remedy=f"name {_READ}")
    return csv.read_scores(path, costs=costs, transpose=transpose, leave_out=leave_out)


def table_columns(path: Path) -> tuple[str, ...]:
    """The names of a table's columns; () for what is no table, as a log. Raises `InputError` for a table that cannot be read."""
    is_log = path.is_dir() or inspect_log.is_inspect_log(path) or lm_eval.is_lm_eval(path)
    return () if is_log or ending_of(path) not in ENDINGS else tuple(read_table(path).frame.columns)


def _logs_in(folder: Path) -> list[Path]:
    """The logs in a folder and the folders in it; results of lm-eval only where no samples are."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    samples = [path for path in files if lm_eval.is_lm_eval(path) and path.name.startswith("samples_")]
    results = [path for path in files if lm_eval.is_lm_eval(path) and path.name.startswith("results")]
    return [path for path in files if inspect_log.is_inspect_log(path) and path not in results] + (samples or results)
