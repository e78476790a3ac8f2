"""The names by which columns of tables and fields of logs are recognised; capitals do not matter."""

from collections.abc import Collection

ITEM_NAMES = ("item", "item_id", "id", "question_id", "doc_id", "sample_id", "example_id", "instance_id", "row_id", "row", "index", "")
"""In the order in which they are taken."""
MODEL_NAMES = ("model", "models", "model_name", "candidate")
SCORE_NAMES = ("score", "correct", "is_correct", "acc", "accuracy", "exact_match")
_ABOUT_ITEMS = ("category", "subcategory", "subject", "topic", "domain", "language", "lang", "document", "doc", "cluster", "group")
_ABOUT_DATA = ("source", "dataset", "subset", "split", "task", "level", "type", "fold", "difficulty", "length")
QUESTION_HASH = "question_hash"
"""The column that tells whether two logs mean the same question by the same name."""
PLACE_IN_RACE, CLUSTER_BY = "place_in_race", "cluster_by"
"""What `llmpick export` tells of every row of a run: as which of all rows it was asked ("4/320"), and the column of the task's cluster."""
OF_THE_RUN = (QUESTION_HASH, PLACE_IN_RACE, CLUSTER_BY)
"""Columns by which runs are matched, which say nothing of the rows themselves."""
KNOWN_NAMES = (*_ABOUT_ITEMS, *_ABOUT_DATA, *ITEM_NAMES, QUESTION_HASH)
"""Columns of these names are never a model's, though they may hold numbers."""


def first_of(names: Collection[str], wanted: Collection[str]) -> str | None:
    """The column whose name stands first in `wanted`."""
    by_name = {name.lower(): name for name in names}
    return next((by_name[name] for name in wanted if name in by_name), None)


def known_of(fields: object) -> dict[str, str]:
    """What a log's own record of an item tells of it: the fields of known names that hold a word or a number."""
    if not isinstance(fields, dict):
        return {}
    about = (*_ABOUT_ITEMS, *_ABOUT_DATA)
    return {str(name): str(value) for name, value in fields.items() if str(name).lower() in about and isinstance(value, str | int | float)}
