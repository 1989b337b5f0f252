"""The pages about overlays say what was measured, misses included."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.overlays import GROUND, LEAST_CONTRAST, contrasts
from benchmarks.overlays import render as render_overlays
from benchmarks.session_codes import Outcome, render
from tracemark.demo.logo import draw_logo

if TYPE_CHECKING:
    from pathlib import Path

GOOD = Outcome("clip", "crop 0.9", "found", 1, 0, 0.9999999, 6, False, True, 0, 9.0)  # noqa: FBT003 - as in the table
FORGED = replace(GOOD, leak="x264 CRF 23, pasted code", disagrees=True)


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([GOOD, FORGED], "Read right: 1 of 1 leaks of copies with their own code (bar 95%: reached)"),
        ([GOOD, FORGED], "Pasted: 1 of 1 copies with another's code over them reported as a disagreement; 0 of\n  1"),
        (
            [GOOD, replace(GOOD, right=0)],
            "Read right: 1 of 2 leaks of copies with their own code (bar 95%: **missed**)",
        ),
        ([replace(GOOD, right=0)], "**not read**"),
        ([replace(GOOD, right=0, wrong=1)], "**wrong**"),
        ([replace(GOOD, right=0, wrong=1)], "Read wrong: 1."),
        ([replace(GOOD, foreign=1)], "Codes read with a wrong key: 1 of 1"),
        ([replace(GOOD, mark_right=False)], "**not its viewer**"),
        ([replace(GOOD, disagrees=True)], "1 of\n  1 honest ones"),
    ],
)
def test_the_page_of_codes_counts(outcomes: list[Outcome], said: str) -> None:
    """Codes read and not read, right and wrong, forged and honest, are counted and shown."""
    assert said in render({}, outcomes)


def test_the_page_of_overlays(tmp_path: Path) -> None:
    """Contrasts are measured on every ground and drawn below one another; a time over the bar is a miss."""
    rows, picture = contrasts(draw_logo(tmp_path / "logo.png"))
    assert [name for name, _ in rows] == ["white", "black", "skin", "noise", "clouds"]
    assert all(float(contrast) >= LEAST_CONTRAST for _, contrast in rows)
    assert picture.shape == (5 * GROUND[0], GROUND[1], 3)
    times = ["yuv420p", "0.2", "0.01", "0.02", "0.03", "0.1"]
    assert "a code: kept" in render_overlays({}, [times], rows)
    assert "a code: **missed**" in render_overlays({}, [times, [*times[:3], "0.31", *times[4:]]], rows)
