"""Pieces of Markdown that the pages share."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def chance(p_false: float) -> str:
    """Write a probability."""
    return f"{p_false:.0e}" if p_false > 0 else "under 1e-300"


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Write a table."""
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
