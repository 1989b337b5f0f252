"""Drawings of a decode, made from synthetic evidence, and the option that asks for them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest

from tests.media import Clip, make
from tests.test_verdict_text import FIRST, SECOND, decoding, lying
from tracemark import Key
from tracemark.cli import main
from tracemark.profile import PROFILE
from tracemark.recovery import chart as charts
from tracemark.recovery.verdict import Chart, Places, Trace
from tracemark.signal.grid import Grid
from tracemark.video import draw
from tracemark.video.plot import COLOURS

TILTED = np.array([[90.0, 10, 96], [-12, 84, 80], [0, 0.2, 1]])
"""A placement of the canvas in a leak of 192 x 160 pixels."""


@pytest.fixture(scope="module")
def leak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a small clip."""
    return make(tmp_path_factory.mktemp("plot") / "leaked.mp4")


def chart() -> Chart:
    """Make what a decoder might fill in: two members and the pilot over time, one of them over the picture."""
    gains = np.random.default_rng(1).normal(1, 0.3, (40, 40))
    gains[:5] = np.nan
    return Chart(
        traces=(
            Trace(None, (0.5, 1.5, 2.5), (9.0, 10.0, 8.0)),
            Trace(0, (0.5, 1.5), (12.0, 14.0)),
            Trace(1, (4.5,), (11.0,)),
            Trace(1, (), ()),
        ),
        places=(Places(0, gains, charts.of_canvas(TILTED, (192, 160))),),
    )


def near(picture: np.ndarray, colour: str) -> int:
    """Count the pixels of about a colour."""
    wanted = [int(colour[place : place + 2], 16) for place in (5, 3, 1)]
    return int((np.abs(picture.astype(int) - wanted).max(axis=-1) < 12).sum())


def test_outlines_are_drawn(leak: Path, tmp_path: Path) -> None:
    """Each member's outline is drawn in a colour of its own; where nobody was found there is none."""
    two = decoding(replace(FIRST, geometry=lying(scale=0.6, turn=3)), SECOND)
    draw(leak, two, tmp_path / "two.png")
    draw(leak, decoding(), tmp_path / "none.png")
    drawn, plain = (cv2.imread(str(tmp_path / name)) for name in ("two.png", "none.png"))
    assert drawn is not None
    assert plain is not None
    for colour in COLOURS[:2]:
        assert near(drawn, colour) > 300
        assert near(plain, colour) < 30
    assert near(drawn, COLOURS[2]) < 30


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".PNG"])
def test_kinds_of_drawing(leak: Path, tmp_path: Path, suffix: str) -> None:
    """The suffix says what kind of file is written, and nothing else lies beside it."""
    target = tmp_path / f"plot{suffix}"
    draw(leak, replace(decoding(FIRST, SECOND), chart=chart()), target)
    magic = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}[suffix.lower()]
    assert target.read_bytes().startswith(magic)
    assert list(tmp_path.iterdir()) == [target]


def test_evidence_is_drawn_where_there_is_some(leak: Path, tmp_path: Path) -> None:
    """With evidence over time and place a drawing has parts for them, without it has none."""
    texts = []
    for number, data in enumerate((None, Chart(), chart())):
        target = tmp_path / f"{number}.svg"
        draw(leak, replace(decoding(FIRST, SECOND), chart=data), target)
        ET.parse(target)  # noqa: S314 - our own file
        texts.append(target.read_text())
    for text in texts[:2]:
        assert "evidence over" not in text
    assert "evidence over time" in texts[2]
    assert "evidence over the picture" in texts[2]


def test_wild_geometry_is_drawn(leak: Path, tmp_path: Path) -> None:
    """Outlines far outside or not finite, and places beyond the horizon, spoil no drawing."""
    far = replace(FIRST.geometry, outline=((-90.0, 0.0), (1.0, 0.0), (1.0, 70.0), (0.0, 1.0)))
    lost = replace(FIRST.geometry, outline=((float("nan"), 0.0),) * 4)
    steep = Places(0, np.ones((4, 4)), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, -1.8, 1.0)))
    empty = Places(0, np.full((4, 4), np.nan), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)))
    both = decoding(replace(FIRST, geometry=far), replace(SECOND, geometry=lost))
    target = tmp_path / "wild.png"
    draw(leak, replace(both, chart=Chart(places=(steep, empty))), target)
    assert cv2.imread(str(target)) is not None


def test_turned_leak(tmp_path: Path) -> None:
    """A leak that players turn is drawn as they show it."""
    turned = make(tmp_path / "turned.mp4", Clip(width=320, height=160, rotation=90))
    draw(turned, decoding(), tmp_path / "turned.png")
    drawn = cv2.imread(str(tmp_path / "turned.png"))
    assert drawn is not None
    across, down = (np.flatnonzero((drawn < 250).all(axis=-1).sum(axis=axis) > 100) for axis in (0, 1))
    assert np.ptp(down) > 1.5 * np.ptp(across)


def test_by_the_second() -> None:
    """Measurements of one second add up to a score of unit deviation; without any there is nothing."""
    times, scores = charts.by_the_second([0.1, 0.9, 2.5, 3.5], [3.0, 5.0, -2.0, 1.0], [8.0, 8.0, 4.0, 0.0])
    assert times == (0.5, 2.5, 3.5)
    assert scores == (2.0, -1.0, 0.0)
    assert charts.by_the_second([], [], []) == ((), ())


def test_maps_of_places() -> None:
    """The corners of the picture lie at 0 and 1, wherever the cells around them end."""
    grid = Grid.of(1.7, 320, PROFILE.cell)
    top, _, left, _ = grid.border
    rows, columns = grid.cells
    matrix = np.array(charts.of_grid(grid))
    right, bottom = left + grid.width, top + grid.height
    whole = np.array([columns, rows, 1 / grid.cell]) * grid.cell
    assert matrix @ (np.array([left, top, 1]) / whole) == pytest.approx([0, 0, 1])
    assert matrix @ (np.array([right, bottom, 1]) / whole) == pytest.approx([1, 1, 1])
    middle = np.array(charts.of_canvas(TILTED, (192, 160))) @ [0.5, 0.5, 1]
    assert middle[:2] / middle[2] == pytest.approx([0.5, 0.5])


def test_decode_draws(leak: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--plot writes one drawing for a leak, and numbered ones for several."""
    Key.from_bytes(bytes(32)).save(tmp_path / "a.key")
    options = ["--key", str(tmp_path / "a.key"), "--effort", "fast", "--plot", str(tmp_path / "plot.png")]
    assert main(["decode", str(leak), *options]) == 1
    assert main(["decode", str(leak), str(leak), *options]) == 1
    assert sorted(each.name for each in tmp_path.glob("plot*")) == ["plot-1.png", "plot-2.png", "plot.png"]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("kind", ["suffix", "exists", "folder", "matplotlib"])
def test_what_cannot_be_drawn(
    leak: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A drawing that cannot be made is refused in one line before anything is decoded."""
    Key.from_bytes(bytes(32)).save(tmp_path / "a.key")
    target, said = {
        "suffix": (tmp_path / "plot.gif", ".png, .svg or .pdf"),
        "exists": (tmp_path / "a.png", "exists already"),
        "folder": (tmp_path / "none" / "a.png", "does not exist"),
        "matplotlib": (tmp_path / "plot.png", "pip install 'tracemark[plot]'"),
    }[kind]
    if kind == "exists":
        target.touch()
    if kind == "matplotlib":
        monkeypatch.setattr("tracemark.video.plot.find_spec", {}.get)
    assert main(["decode", str(leak), "--key", str(tmp_path / "a.key"), "--plot", str(target)]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert said in told.err


def test_matplotlib_is_loaded_for_drawings_alone() -> None:
    """Decoding without a drawing needs no matplotlib."""
    code = "import sys, tracemark.video; print('matplotlib' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
