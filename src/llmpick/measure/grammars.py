"""The grammars that hold llama.cpp and llguidance to a number or to a JSON Schema, and how a held answer is read. Pure.

All allow a space before the answer, as it stands in the few-shot rows of a completion prompt.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from llmpick.evidence.errors import InputError

NUMBER_GBNF = r"""root ::= " "? "-"? [0-9]+ ("." [0-9]+)? rest
rest ::= "" | [^0-9,] [^0-9]{0,11}"""
"""A decimal number, then at most twelve characters that do not go on with it.

The rest leaves the model its own way to end a number ("\\n", " kg", "."). Without it only the end token could follow, and a model that
ends lines otherwise would be made to add digits. A comma may not follow, so that "1,234" is written as 1234 and not cut to 1.
"""

NUMBER_LARK = r"""%llguidance {}
start: / ?-?[0-9]+(\.[0-9]+)?([^0-9,][^0-9]{0,11})?/"""
"""The same language for llguidance."""

NUMBER = re.compile(r"\s*(-?[0-9]+(?:\.[0-9]+)?)")

WHITESPACE = "[ ]?"
"""At most one space between JSON tokens: free white space costs tokens and, in small models, never ends."""


def json_lark(schema: Mapping[str, Any]) -> str:
    """A llguidance grammar for objects of `schema`.

    llama.cpp does not check schemas and ignores a bad one in silence, so it is checked here. Raises `InputError`.
    """
    # jsonschema is slow to import and needed only for this kind of answer.
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        key = "/".join(str(part) for part in error.absolute_path) or "(root)"
        raise InputError(f"not a JSON Schema: {error.message}", where=f"schema, key {key}", remedy="correct the schema") from error
    options = {"x-guidance": {"whitespace_pattern": WHITESPACE}}
    return '%llguidance {}\nstart: " "? answer\nanswer: %json ' + json.dumps({**schema, **options}, ensure_ascii=False)


def number_text(written: str) -> tuple[str, bool]:
    """The number at the start of a held answer, and whether it was complete (False: the token limit may have cut its digits)."""
    found = NUMBER.match(written)
    if found is None:
        return written, False
    return found.group(1), written[found.end() :] not in ("", ".")
