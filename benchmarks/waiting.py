"""How long somebody waits for a decode, and what memory it takes; writes docs/waiting.md.

    python -m benchmarks.waiting --clips ../shared/clips

Films of 720 lines are made of a clip that is shown over and over: marked and leaked as it stands, cropped, and
unmarked, which is searched to the end. `tracemark decode` is run on each in a process of its own, as in a shell,
start-up included. The last film is an hour long. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from rich.console import Console
from rich.progress import Progress

from benchmarks import ffmpeg, shell
from benchmarks.attacks import catalogue
from benchmarks.leaks import Encode, h264
from benchmarks.lines import Clip, clips_in
from benchmarks.markdown import table
from benchmarks.runner import how_made
from benchmarks.workshop import RIGHT_KEY, viewer_of
from tracemark.video import embed

MODULE = "benchmarks.waiting"

CLIP = "cups_720p"
SECONDS = 10.0
CRF = 28
CROP = 0.71
HOUR = 3600.0
MEMORY = 1024
"""MiB that no decode may exceed."""


@dataclass(frozen=True)
class Wait:
    """One line of the page.

    Parameters
    ----------
    what : str
    film : Path
    options : tuple of str
        Of `tracemark decode`.
    verdict : str
        What has to come out.
    least, most : float
        Bars: least speed in real times, and most seconds; infinite or 0 if there is none.
    """

    what: str
    film: Path
    options: tuple[str, ...]
    verdict: str
    least: float = 0.0
    most: float = float("inf")


@dataclass(frozen=True)
class Waited:
    """What a decode took.

    Parameters
    ----------
    wait : Wait
    verdict : str
    seconds, length : float
        Of the decode by the clock, and of the film.
    memory : int
        Largest resident size of the process, MiB.
    """

    wait: Wait
    verdict: str
    seconds: float
    length: float
    memory: int

    @property
    def holds(self) -> bool:
        """Whether verdict, time and memory are as they should be."""
        wait = self.wait
        in_time = self.seconds <= wait.most and self.length >= wait.least * self.seconds
        return self.verdict == wait.verdict and in_time and self.memory <= MEMORY


def films(clip: Path, folder: Path, hour: float) -> list[Wait]:
    """Make the films and say what is asked of each."""
    repeated = Encode(
        ".mkv", ("-c:v", "ffv1"), ("loop=-1:size=9999", f"trim=duration={SECONDS}", "setpts=PTS-STARTPTS")
    )
    host, marked = folder / "host.mkv", folder / "marked.mkv"
    repeated(clip, host)
    embed(host, marked, key=RIGHT_KEY, payload=viewer_of(clip), codec="ffv1")
    aligned, cropped, unmarked = (folder / f"{name}.mp4" for name in ("aligned", "cropped", "unmarked"))
    plain = Encode(".mp4", h264(CRF))
    plain(marked, aligned)
    catalogue.crop(CROP, crf=CRF).apply(marked, cropped)
    plain(host, unmarked)
    long = folder / "long.mp4"
    # the same packets over and over: to the decoder they are so many frames
    ffmpeg.run(("-stream_loop", str(round(hour / SECONDS) - 1), "-i", unmarked, "-c", "copy", long))
    ten = f"{SECONDS:g} s"
    return [
        Wait(f"{ten}, as it stands", aligned, (), "found", most=3.0),
        Wait(f"{ten}, cropped to {CROP:g}", cropped, (), "found", most=20.0),
        Wait(f"{ten}, unmarked, searched to the end", unmarked, (), "absent", most=20.0),
        Wait(f"{ten}, unmarked, searched to the end, effort max", unmarked, ("--effort", "max"), "absent", most=120.0),
        Wait(f"{hour:g} s, unmarked", long, (), "absent", least=8.0),
    ]


def waited(wait: Wait, key: Path) -> Waited:
    """Decode in a process of its own.

    Raises
    ------
    TracemarkError
        If the command fails.
    """
    begin = perf_counter()
    said, memory = shell.decode(wait.film, key, "--json", *wait.options)
    seconds = perf_counter() - begin
    return Waited(wait, json.loads(said)["verdict"], seconds, Clip.read(wait.film).seconds, memory)


def page(lines: list[Waited], made: dict[str, str]) -> str:
    """Write the page."""
    rows = []
    for line in lines:
        wait = line.wait
        bar = f"{wait.least:g} x real time" if wait.least else f"{wait.most:g} s"
        taken = f"{line.seconds:.1f} s, {line.length / line.seconds:.1f} x real time"
        rows.append([wait.what, bar, taken if line.holds else f"**{taken}**", str(line.memory), line.verdict])
    return "\n".join(
        [
            "# How long a decode takes",
            "",
            f"Written by `benchmarks/waiting.py`; do not edit. Films of 720 lines made of {CLIP}, H.264 CRF {CRF}; the",
            "command `tracemark decode`, in a process of its own, start-up included. What misses its bar, of time, of",
            f"verdict or of {MEMORY} MiB of memory, is in bold.",
            "",
            *(f"- {name}: {value}" for name, value in made.items()),
            "",
            table(("film", "bar", "taken", "memory at most, MiB", "verdict"), rows),
            "",
        ]
    )


def main() -> None:
    """Wait, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of hosts")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page")
    parser.add_argument("--hour", type=float, default=HOUR, metavar="SECONDS", help="length of the last film")
    given = parser.parse_args()
    clip = next((each.path for each in clips_in(given.clips) if each.name == CLIP), None)
    if clip is None:
        raise SystemExit(f"there is no {CLIP} in {given.clips}")
    with tempfile.TemporaryDirectory(prefix="waiting-") as folder, Progress(console=Console(stderr=True)) as progress:
        key = Path(folder, "leak.key")
        RIGHT_KEY.save(key)
        waits = films(clip, Path(folder), given.hour)
        lines = [waited(wait, key) for wait in progress.track(waits, description="decode")]
    text = page(lines, how_made(MODULE, sys.argv[1:]))
    (given.docs / "waiting.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
