"""Where LM Studio keeps its models: `models/` in its home, or the folder that its settings name.

Its home is what ~/.lmstudio-home-pointer says, else ~/.lmstudio, in older versions ~/.cache/lm-studio; `settings.json` there may
name a `downloadsFolder` (https://lmstudio.ai/docs/app/basics/download-model).
"""

import json
from collections.abc import Mapping
from pathlib import Path

from llmpick.evidence.errors import InputError


def model_folders(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The folders that exist, in the order in which LM Studio looks.

    Raises `InputError` when its settings cannot be read, since the models may then lie where nobody looked.
    """
    user = Path(environ.get("HOME") or Path.home())
    pointer = user / ".lmstudio-home-pointer"
    pointed = [Path(pointer.read_text(encoding="utf-8").strip())] if pointer.is_file() else []
    homes = [*pointed, user / ".lmstudio", user / ".cache" / "lm-studio"]
    wanted = [folder for home in homes for folder in (_downloads_folder(home / "settings.json", user), home / "models") if folder]
    return tuple(folder for folder in dict.fromkeys(wanted) if folder.is_dir())


def _downloads_folder(settings: Path, user: Path) -> Path | None:
    if not settings.is_file():
        return None
    try:
        content = json.loads(settings.read_text(encoding="utf-8"))
    except ValueError as error:
        remedy = "open LM Studio once to have it written anew, or name the models with --model"
        raise InputError(f"LM Studio's settings are not JSON: {error}", where=str(settings), remedy=remedy) from error
    folder = content.get("downloadsFolder") if isinstance(content, dict) else None
    return user / folder.removeprefix("~/") if isinstance(folder, str) and folder else None
