"""The typeface of reports: Noto Sans CJK JP (SIL Open Font License 1.1), which has English and Japanese alike."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from tracemark.errors import TracemarkError

FAMILY = "Noto Sans CJK JP"

_HOMES = {400: "noto_cjk_sans_jp_regular", 700: "noto_cjk_sans_jp_bold"}
_NEEDED = ("jinja2", "typst", "fontTools", "matplotlib", "pdqhash", *_HOMES.values())


def check_installed() -> None:
    """See that reports can be written before any work is done for one.

    Raises
    ------
    TracemarkError
        If something of the extra `report` is not installed.
    """
    for name in _NEEDED:
        if find_spec(name) is None:
            raise TracemarkError(f"reports need {name}", "pip install 'tracemark[report]'")


def font_files() -> dict[int, Path]:
    """Find the typeface.

    Returns
    -------
    dict
        From weight (400, 700) to its OpenType file.
    """
    return {weight: Path(str(import_module(home).FONT_PATH)) for weight, home in _HOMES.items()}
