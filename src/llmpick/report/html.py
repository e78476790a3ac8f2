"""One self-contained HTML file: styles, scripts, the chart library and the data stand in the page, and nothing is fetched.

The page's own policy holds the browser to that: only the scripts whose SHA-256 is written in it run (no `eval`: Vega interprets
its expressions), nothing is loaded and nothing is sent. Text of users and models is escaped by Jinja2; data stands in a script element
of a type that is never executed.
"""

import base64
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from llmpick.evidence.errors import LlmpickError

CHART_LIBRARY = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")
_UNSAFE_IN_SCRIPT = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def render(template: str, context: Mapping[str, Any], *, charts: Mapping[str, Any]) -> str:
    """Fills `assets/<template>` with `context`, and adds the variables `css`, `scripts`, `policy` and `chart_data`.

    `charts` maps the id of an element to the Vega-Lite specification that is drawn in it; without charts the page has no script.
    """
    scripts = [asset(name) for name in (*CHART_LIBRARY, "page.js")] if charts else []
    return (
        _environment()
        .get_template(template)
        .render(
            **context,
            css=Markup(asset("page.css")),
            scripts=[Markup(script) for script in scripts],
            policy=policy(scripts),
            chart_data=script_json(charts),
        )
    )


def policy(scripts: list[str]) -> str:
    """The content security policy of a page with exactly these inline scripts."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes) or "'none'"
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def script_json(value: Any) -> Markup:
    """JSON that may stand inside a script element: no text in it can end the element or open a comment. Raises ValueError for NaN."""
    return Markup(json.dumps(value, ensure_ascii=False, allow_nan=False).translate(_UNSAFE_IN_SCRIPT))


@cache
def asset(name: str) -> str:
    return files("llmpick.report").joinpath("assets", name).read_text(encoding="utf-8").strip()


def write_file(path: Path, text: str) -> None:
    """Writes the whole file or leaves what was there. Raises `LlmpickError` where the disk refuses."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text)
    except OSError as error:
        what = f"the page cannot be written: {error.strerror or error}"
        raise LlmpickError(what, where=str(path), remedy="name another file, or free space on the disk") from error


def _replace(path: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".html.tmp", delete=False) as draft:
        try:
            draft.write(text)
            draft.close()
            Path(draft.name).chmod(0o666 & ~_umask())
            Path(draft.name).replace(path)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise


def _umask() -> int:
    """The only way to read it is to set it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("llmpick.report", "assets"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
