"""Weak leaks, decoded blind and recognised among known members; writes docs/recognition.md.

    python -m benchmarks.recognition --clips ../shared/clips

Every clip is marked for its viewer, leaked in ways that leave little of the mark, and decoded twice: without any
knowledge, and with a list of 10,000 members, of whom the viewer is one. Then the same evidence is compared with lists
in which the viewer is not: nobody may be named. What was made is kept in --work.
"""

from __future__ import annotations

import argparse
import pickle
import random
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.progress import Progress

from benchmarks import leaks
from benchmarks.attacks import catalogue
from benchmarks.leaks import Encode, Leak
from benchmarks.lines import Clip, clips_in
from benchmarks.real_lines import LEAST_LINES
from benchmarks.recognition_page import render
from benchmarks.runner import Runner, chosen, how_made
from benchmarks.workshop import RIGHT_KEY, Workshop, content, viewer_of
from tracemark import Candidates, coding, decode
from tracemark.errors import TracemarkError
from tracemark.recovery import Recovery, decoder
from tracemark.recovery.recognition import recognise
from tracemark.video import Effort, Source
from tracemark.video.pixels import MARKABLE, convert, nearest_format

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark import Decoding
    from tracemark.recovery.listener import Heard
    from tracemark.recovery.message import Message

MODULE = "benchmarks.recognition"
MEMBERS = 10_000
"""Known members of every list."""
CLOSEST = 32
"""Evidence vectors of a leak that lists of strangers are compared with: those whose cells agree best."""
SHORT = 0.5
"""Seconds of an excerpt."""
LINES = 240
"""Height of a small copy."""


@dataclass(frozen=True)
class Reading:
    """What was said of one leak, without and with a list of members.

    Parameters
    ----------
    clip, leak : str
    blind, known : str
        Verdicts; "wrong" if anybody was named but the viewer.
    method : str
        Of the verdict with the list.
    blind_score, known_score : float
    p_false, p_mistaken, margin : float
        With the list.
    vectors : int
        Evidence vectors that each list is compared with.
    viewers_score : float
        Best score that any of them gives the viewer's codeword: how much of a mark there is to be mistaken.
    """

    clip: str
    leak: str
    blind: str
    known: str
    method: str
    blind_score: float
    known_score: float
    p_false: float
    p_mistaken: float
    margin: float
    vectors: int
    viewers_score: float


@dataclass(frozen=True)
class Strangers:
    """What came of lists without the viewer.

    Parameters
    ----------
    lists, named : int
        Lists, and how many of them had somebody named.
    score : float
        Best score of anybody on them.
    """

    lists: int
    named: int
    score: float


@dataclass(frozen=True)
class Trial:
    """A leak of a clip, and how many lists of strangers it is compared with."""

    clip: Clip
    leak: Leak
    lists: int = 0


def small(lines: int, crf: int = 28) -> Leak:
    """Scale to so many lines and encode."""
    return Leak(f"{lines} lines, CRF {crf}", (Encode(".mp4", leaks.h264(crf), (f"scale=-2:{lines}",)),))


def leaks_of(clip: Clip) -> list[Leak]:
    """List what is done to a clip; where excerpts begin depends on its name alone."""
    drawn = random.Random(clip.name)  # noqa: S311 - no secret
    starts = sorted(drawn.uniform(0, clip.seconds - SHORT) for _ in range(2))
    return [
        *(leaks.x264(crf) for crf in (44, 47, 50)),
        *(leaks.excerpt(start, SHORT) for start in starts),
        small(LINES),
        *([catalogue.crop(0.4)] if clip.height >= LEAST_LINES else []),
    ]


def strangers(chance: np.random.Generator, count: int = MEMBERS) -> NDArray[np.uint32]:
    """Draw payloads; a given one is among them with a probability of 2^-64 each."""
    return chance.integers(0, 1 << 32, (count, 2), dtype=np.uint32)


def read(workshop: Workshop, trial: Trial) -> Reading:
    """Decode a leak without and with a list of members."""
    leak, viewer = workshop.leaked(workshop.marked(trial.clip.path), trial.leak), viewer_of(trial.clip.path)
    chance = np.random.default_rng([viewer.session, viewer.member])
    listed = Candidates(np.concatenate([Candidates.of([viewer]).payloads, strangers(chance, MEMBERS - 1)]))

    def judged(decoding: Decoding) -> str:
        return "wrong" if any(each.payload != viewer for each in decoding.members) else decoding.verdict

    def make() -> dict[str, Any]:
        # a search for another geometry could find nothing where the picture lies as it did, and takes most of the time
        places = decoder.PLACEMENTS if trial.leak.name.startswith("crop") else dict.fromkeys(decoder.PLACEMENTS, 0)
        with patch.object(decoder, "PLACEMENTS", places):
            blind = decode(leak, keys=[RIGHT_KEY], effort=workshop.effort)
            recovery = taken_in(leak, listed, workshop)
            known = recovery.finish()
        heard, messages = recovery.evidence()
        _keep(workshop.folder / _evidence(leak), (heard, messages))
        signs = coding.encode(viewer.scramble(RIGHT_KEY)) * 2.0 - 1
        return asdict(
            Reading(
                clip=trial.clip.name,
                leak=trial.leak.name,
                blind=judged(blind),
                known=judged(known),
                method=known.method,
                blind_score=blind.score,
                known_score=known.score,
                p_false=known.p_false,
                p_mistaken=known.p_mistaken,
                margin=(known.named.margin if known.named else None) or 0.0,
                vectors=len(heard),
                viewers_score=max((float(each.soft @ signs) / each.energy**0.5 for each in heard), default=0.0),
            )
        )

    return Reading(**workshop.kept_json(f"recognised-{content(leak)[:12]}.json", make))


def mistake(workshop: Workshop, trial: Trial) -> Strangers:
    """Compare the evidence of a leak with lists of strangers."""
    leak, viewer = workshop.leaked(workshop.marked(trial.clip.path), trial.leak), viewer_of(trial.clip.path)

    def make() -> dict[str, Any]:
        heard, messages = pickle.loads((workshop.folder / _evidence(leak)).read_bytes())  # noqa: S301 - written by `read`
        heard = sorted(heard, key=lambda each: -float(each.soft @ each.soft) / each.energy)[:CLOSEST]
        chance = np.random.default_rng([viewer.member, viewer.session])
        told = [recognise(heard, Candidates(strangers(chance)), messages) for _ in range(trial.lists)]
        named = sum(bool(each.found) for each in told)
        return asdict(Strangers(trial.lists, named, max((each.score for each in told), default=0.0)))

    return Strangers(**workshop.kept_json(f"strangers-{content(leak)[:12]}-{trial.lists}.json", make))


def _keep(target: Path, evidence: tuple[list[Heard], list[Message]]) -> None:
    target.write_bytes(pickle.dumps(evidence))


def _evidence(leak: Path) -> str:
    return f"evidence-{content(leak)[:12]}.pickle"


def taken_in(leak: Path, candidates: Candidates, workshop: Workshop) -> Recovery:
    """Read a leak as `decode` does, for its evidence."""
    recovery: Recovery | None = None
    with Source(leak) as source:
        for frame in source.frames():
            if recovery is None:
                aspect, effort = float(source.pixel_aspect), workshop.effort
                recovery = Recovery(
                    [RIGHT_KEY], effort=effort, still=source.still, pixel_aspect=aspect, candidates=candidates
                )
            name, _ = nearest_format(frame.format.name, MARKABLE)
            if recovery.add(convert(frame, name), frame.time):
                break
    assert recovery is not None  # `frames` raises if there is none; tells mypy
    return recovery


def run(arguments: argparse.Namespace, workshop: Workshop, progress: Progress) -> list[tuple[Reading, Strangers]]:
    """Measure what was asked for."""
    names = [name for name in arguments.clips_only.split(",") if name]
    clips = [clip for clip in clips_in(arguments.clips) if chosen(clip.name, names)]
    wanted = [(clip, leak) for clip in clips for leak in leaks_of(clip) if chosen(leak.name, arguments.only)]
    wanted = [(clip, leak) for clip, leak in wanted if f"{clip.name}: {leak.name}" not in arguments.without]
    wanted.sort(key=lambda each: each[1].name.startswith("crop"))  # what takes longest comes last
    if not wanted:
        raise TracemarkError("there is no such leak or clip", "check --clips, --clips-only and --only")
    lists = -(-arguments.trials // len(wanted))
    runner = Runner(workshop, arguments.jobs, progress)
    runner.run("mark", _mark, clips)
    trials = [Trial(clip, leak, lists) for clip, leak in wanted]
    readings = runner.run("leak and decode", read, trials)
    return list(zip(readings, runner.run("strangers", mistake, trials), strict=True))


def _mark(workshop: Workshop, clip: Clip) -> None:
    workshop.marked(clip.path)


def parse(given: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description="Known members in weak leaks.")
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of hosts")
    parser.add_argument("--clips-only", default="", metavar="NAME[,NAME]", help="only clips so named")
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="only leaks so named")
    parser.add_argument("--without", action="append", default=[], metavar="CLIP: LEAK", help="a leak left out")
    parser.add_argument("--work", type=Path, default=Path("build/recognition"), help="folder of what is kept")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--trials", type=int, default=10_000, help="lists of strangers, over all leaks")
    parser.add_argument("--effort", choices=get_args(Effort), default="normal", help="effort of the decoder")
    arguments = parser.parse_args(given)
    arguments.given = list(given)
    return arguments


def main(given: Sequence[str] | None = None) -> None:
    """Run, then write the page, or print it if only some leaks were asked for."""
    arguments = parse(sys.argv[1:] if given is None else given)
    workshop = Workshop(arguments.work, effort=arguments.effort)
    try:
        with Progress(console=Console(stderr=True)) as progress:
            readings = run(arguments, workshop, progress)
    except TracemarkError as error:
        raise SystemExit(str(error)) from None
    page = render(how_made(MODULE, arguments.given), readings)
    if arguments.only:
        print(page)
        return
    arguments.docs.mkdir(parents=True, exist_ok=True)
    (arguments.docs / "recognition.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
