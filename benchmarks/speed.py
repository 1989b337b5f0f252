"""How fast tracemark is, measured as a user would wait for it. Nothing else should run meanwhile."""

from __future__ import annotations

import tempfile
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks import leaks, shell
from benchmarks.report import Speed
from benchmarks.workshop import RIGHT_KEY, viewer_of
from tracemark import decode
from tracemark.video import embed

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.lines import Clip
    from benchmarks.workshop import Workshop

REPEATS = 3


def measure(workshop: Workshop, clip: Clip) -> tuple[Speed, ...]:
    """Time decoding, a screenshot and embedding.

    Parameters
    ----------
    workshop : Workshop
        Makes the files that are decoded.
    clip : Clip
        A host; the bars are meant for 720 lines.

    Returns
    -------
    tuple of Speed

    Raises
    ------
    TracemarkError
        If the command line fails.
    """
    encoded = workshop.leaked(workshop.marked(clip.path), leaks.x264(23))
    picture = workshop.leaked(encoded, leaks.still(clip.seconds / 2))

    def times_real(seconds: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(clip.seconds / taken for taken in seconds)

    with tempfile.TemporaryDirectory(prefix="speed-") as folder:
        key_file = Path(folder, "speed.key")
        RIGHT_KEY.save(key_file)
        whole = _timed(lambda: decode(encoded, keys=[RIGHT_KEY], effort=workshop.effort, whole=True))
        screenshot = _timed(lambda: shell.decode(picture, key_file))
        embedding = _timed(lambda: _embed(clip.path, Path(folder, "marked.mp4")))
    size = f"{clip.width}x{clip.height}"
    return (
        Speed(f"decode of {size}, read to its end", "x real time", times_real(whole), 4.0, at_least=True),
        Speed("screenshot on the command line, with start-up", "s", screenshot, 1.5, at_least=False),
        Speed(f"embed of {size}, with x264 veryfast", "x real time", times_real(embedding), 1.0, at_least=True),
    )


def _timed(work: Callable[[], object]) -> tuple[float, ...]:
    seconds = []
    for _ in range(REPEATS):
        begin = perf_counter()
        work()
        seconds.append(perf_counter() - begin)
    return tuple(seconds)


def _embed(host: Path, target: Path) -> None:
    target.unlink(missing_ok=True)
    embed(host, target, key=RIGHT_KEY, payload=viewer_of(host), codec="libx264", crf=23, preset="veryfast")
