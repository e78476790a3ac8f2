"""Where the terms of llama.cpp's memory are known from."""

from datetime import date

from llmpick.evidence.values import Source

_CHECKED = date(2026, 11, 24)
_XLLAMACPP = "xllamacpp 2026.10.11549, loaded with files of many shapes"
_REPOSITORY = "https://github.com/ggml-org/llama.cpp"

FILE = Source("the file's tensors, mapped into memory", url=_REPOSITORY, checked=_CHECKED)
PLACED = Source("the order in which llama.cpp gives layers to devices, seen in published logs", url=_REPOSITORY, checked=_CHECKED)
LOG = Source(f"buffer sizes in the log of {_XLLAMACPP}", url="https://github.com/xorbitsai/xllamacpp", checked=_CHECKED)
PROCESS = Source(f"resident memory of {_XLLAMACPP}", url="https://github.com/xorbitsai/xllamacpp", checked=_CHECKED)
DRIVER = Source("logs and nvidia-smi of published loads: 140 to 410 MiB", checked=_CHECKED)
