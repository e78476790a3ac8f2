"""The options that take codes of languages: `zh`, `ZH` and `zh-CN` are one, and what is no code is refused with the nearest one."""

from typing import Any

import click

from llmpick.evidence.languages import language_code


class LanguageCode(click.ParamType):
    """`zh-CN` → "zh"."""

    name = "code"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return _code(self, str(value), param, ctx)


class LanguageCodes(click.ParamType):
    """`en,zh-CN` → ("en", "zh")."""

    name = "list"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        words = [word for word in str(value).split(",") if word.strip()]
        if not words:
            self.fail(f"{value!r} names nothing; write for example en,zh", param, ctx)
        return tuple(dict.fromkeys(_code(self, word, param, ctx) for word in words))


def _code(type_: click.ParamType, text: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
    try:
        return language_code(text)
    except ValueError as error:
        type_.fail(str(error), param, ctx)
