"""The bench: what it measures is measured, what it derives follows, and it tells all of it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from tests.media import Clip, make
from tracemark.bench import Bench, Times, measure, tell_bench
from tracemark.cli import main
from tracemark.errors import MediaError
from tracemark.overlay import SessionCode

if TYPE_CHECKING:
    from pathlib import Path

STEPS = ("copy", "prepare", "mark", "at_once", "encode", "latency", "end_to_end")

KNOWN = Bench(
    clip="known.mp4",
    width=1280,
    height=720,
    format="yuv420p",
    frame_rate=25.0,
    frames=100,
    viewers=10,
    chroma="marked",
    encoder="libx264",
    copy=Times(0.1, 0.2),
    prepare=Times(2.0, 3.0),
    mark=Times(0.2, 0.3),
    encode=Times(3.6, 5.0),
    at_once=Times(0.1, 0.2),
    latency=Times(2.2, 3.3),
    end_to_end=Times(5.8, 8.0),
    plane_bytes=1_382_400,
    viewer_bytes=1_382_400 + 10_240,
)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a short clip."""
    return make(tmp_path_factory.mktemp("bench") / "clip.mp4", Clip(width=320, height=180, times=range(10)))


def test_every_step_is_measured(clip: Path) -> None:
    """All steps take time, medians are no larger than their 99th percentiles, and parts no longer than the whole."""
    bench = measure(clip, viewers=3)
    assert (bench.width, bench.height, bench.viewers, bench.frames) == (320, 180, 3, 7)
    for name in STEPS:
        taken = getattr(bench, name)
        assert 0 < taken.median <= taken.p99
    assert bench.latency.median < bench.end_to_end.median
    assert bench.plane_bytes == 320 * 180 * 3 // 2
    assert bench.plane_bytes <= bench.viewer_bytes < bench.plane_bytes + 256 * 1024


def test_overlays_are_measured(tmp_path: Path) -> None:
    """Codes all over the picture cost each viewer time, which shows; without overlays nothing is said of them."""
    clip = make(tmp_path / "clip.mp4", Clip(width=640, height=360, times=range(8)))
    bench = measure(clip, viewers=2, overlays=[SessionCode(position="middle", size=0.25, margin=0.0, tiles=(4, 8))])
    assert bench.bare is not None
    assert bench.mark.median > bench.bare.median > 0
    assert bench.overlays == pytest.approx(bench.mark.median - bench.bare.median)
    assert sum("overlays add" in part for part in tell_bench(bench) if isinstance(part, str)) == 1
    assert (KNOWN.bare, KNOWN.overlays) == (None, 0)
    assert not any("overlays" in part for part in tell_bench(KNOWN) if isinstance(part, str))


def test_overlays_by_command(tmp_path: Path, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`bench --code` measures with a code, and without one has no time for it; a missing logo is told in one line."""
    whole = make(tmp_path / "clip.mp4", Clip(width=640, height=360, times=range(5)))
    assert main(["bench", str(whole), "--viewers", "1", "--code", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bare"]["median"] > 0
    assert main(["bench", str(clip), "--viewers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bare"] is None
    assert main(["bench", str(clip), "--logo", "none.png"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(("chroma", "planes"), [("marked", 3 / 2), ("shared", 1), ("copied", 1)])
def test_chroma_by_command(clip: Path, capsys: pytest.CaptureFixture[str], chroma: str, planes: float) -> None:
    """`bench --chroma` says of which planes it measured copies and memory: those that carry the mark."""
    assert main(["bench", str(clip), "--viewers", "1", "--chroma", chroma, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["chroma"] == chroma
    assert told["plane_bytes"] == 320 * 180 * planes
    held = told["viewer_bytes"] - 320 * 180 * (1 if chroma == "shared" else 3 / 2)
    assert 0 < held < 256 * 1024


def test_what_follows_from_the_times() -> None:
    """Ratios, viewers a core and shares are those of the medians."""
    assert KNOWN.mark_over_copy == pytest.approx(2)
    assert KNOWN.viewers_per_core == pytest.approx((40 - 2) / 0.2)
    assert KNOWN.encoded_viewers_per_core == pytest.approx((40 - 2) / 3.8)
    assert KNOWN.core_share == pytest.approx((2 + 10 * 0.2) * 25 / 1000)
    assert KNOWN.core_share_at_once == pytest.approx((2 + 10 * 0.1) * 25 / 1000)
    assert KNOWN.share == pytest.approx(4 / 40)
    assert replace(KNOWN, prepare=Times(50.0, 60.0)).viewers_per_core == 0


def test_threads_are_as_before(clip: Path) -> None:
    """Measuring on one core leaves OpenCV's threads as they were."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(2)
    measure(clip, viewers=1)
    kept = cv2.getNumThreads()
    cv2.setNumThreads(before)
    assert kept == 2


def test_json(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--json` prints one object with everything that was measured and what follows from it."""
    assert main(["bench", str(clip), "--viewers", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(KNOWN.as_dict()) == set(told)
    assert told["clip"] == "clip.mp4"
    assert told["mark_over_copy"] == pytest.approx(told["mark"]["median"] / told["copy"]["median"])


def test_table(clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For people there is a table of the steps and a line for each thing that follows."""
    assert main(["bench", str(clip), "--viewers", "2"]) == 0
    told = capsys.readouterr().out
    for part in (
        "320x180 yuv420p",
        "2 viewers",
        "all at once, a viewer",
        "once for all",
        "latency added",
        "KiB beside",
        "libx264",
    ):
        assert part in told
    assert len(tell_bench(KNOWN)) == 7


def test_plot(clip: Path, tmp_path: Path) -> None:
    """`--plot` draws a picture, and refuses to overwrite one before anything is measured."""
    target = tmp_path / "bench.png"
    assert main(["bench", str(clip), "--viewers", "1", "--plot", str(target)]) == 0
    drawn = cv2.imread(str(target))
    assert drawn is not None
    assert drawn.std() > 10
    assert main(["bench", str(clip), "--plot", str(target)]) == 2


def test_pictures_and_nobody_are_refused(tmp_path: Path, clip: Path) -> None:
    """A picture is no stream, and a stream needs somebody who watches."""
    picture = tmp_path / "one.png"
    cv2.imwrite(str(picture), np.full((96, 96, 3), 99, np.uint8))
    with pytest.raises(MediaError, match="needs a video"):
        measure(picture)
    with pytest.raises(ValueError, match="viewers"):
        measure(clip, viewers=0)


def test_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing clip or an impossible crowd is told in one line."""
    for words in (["bench", str(tmp_path / "none.mp4")], ["bench", "--viewers", "0"]):
        assert main(words) == 2
        assert capsys.readouterr().err.count("\n") == 1
