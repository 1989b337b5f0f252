"""What real leakers do to real clips, and whom the decoder names. Writes docs/real-leaks.md.

    python -m benchmarks.real_leaks --clips ../shared/clips

What was made is kept in --work, so a run that was stopped goes on where it was, and a run after a change of the
decoder only decodes again. --only and --clips-only choose a part, whose page is printed instead of written.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rich.console import Console
from rich.progress import Progress

from benchmarks import leaks
from benchmarks.attacks.placement import Format
from benchmarks.attacks.truth import corner_error, homography
from benchmarks.leaks import Encode, Leak
from benchmarks.lines import Clip, clips_in
from benchmarks.real_lines import FILMED_SECONDS, LEAST_LINES, Attack, attacks_on
from benchmarks.real_page import Outcome, render
from benchmarks.runner import Runner, chosen, how_made
from benchmarks.workshop import RIGHT_KEY, WRONG_KEY, Workshop, viewer_of
from tracemark import Payload
from tracemark.errors import TracemarkError
from tracemark.video import Effort

if TYPE_CHECKING:
    from collections.abc import Sequence

MODULE = "benchmarks.real_leaks"
TWIN_BUCKETS = 1000
"""Fineness of the share of leaks that are decoded with a wrong key too."""


@dataclass(frozen=True)
class Trial:
    """An attack on a clip.

    Parameters
    ----------
    clip : Clip
    attack : Attack
    twin : bool
        Whether it is decoded with a wrong key, too.
    """

    clip: Clip
    attack: Attack
    twin: bool = False


def viewers_of(clip: Clip) -> tuple[Payload, Payload]:
    """Give every clip two viewers, the first of which leaks unless both do."""
    first = viewer_of(clip.path)
    return first, Payload(session=first.session, member=first.member ^ 0x5A5A5A5A)


def opening(seconds: float) -> Leak:
    """Keep the first seconds, without loss."""
    encoder = ("-fps_mode", "passthrough", "-enc_time_base", "filter", *leaks.lossless())
    return Leak(f"first {seconds:g} s", (Encode(".mkv", encoder, (f"trim=duration={seconds:.6f}",)),))


def marked(workshop: Workshop, clip: Clip, viewer: Payload, seconds: float = FILMED_SECONDS) -> Path:
    """Mark the first seconds of a clip, once for all lengths, and cut what is asked for."""
    host = clip.path if clip.seconds <= FILMED_SECONDS else workshop.leaked(clip.path, opening(FILMED_SECONDS))
    path = workshop.marked(host, viewer=viewer)
    return path if min(clip.seconds, FILMED_SECONDS) <= seconds else workshop.leaked(path, opening(seconds))


def try_out(workshop: Workshop, trial: Trial) -> Outcome:
    """Make a leak, decode it, and compare what comes out with the truth."""
    attack, (first, second) = trial.attack, viewers_of(trial.clip)
    viewers: tuple[Payload, ...]
    if attack.pair is None:
        viewers = (first,)
        source = marked(workshop, trial.clip, first, attack.seconds)
        truth = homography(attack.leak, Format.of(source))
    else:
        viewers = (first, second)
        ours, theirs = (marked(workshop, trial.clip, viewer) for viewer in viewers)
        source, truth = workshop.joined(ours, theirs, attack.pair), None
    leak = workshop.leaked(source, attack.leak)
    reading = workshop.reading(leak, RIGHT_KEY)
    error = None
    if reading.named and reading.matrix is not None and truth is not None:
        error = corner_error(reading.matrix, truth, Format.of(source))
    return Outcome(
        line=attack.line,
        clip=trial.clip.name,
        leak=attack.leak.name,
        viewers=viewers,
        reading=reading,
        error=error,
        twin=workshop.reading(leak, WRONG_KEY) if trial.twin else None,
    )


def trials(clips: Sequence[Clip], *, only: Sequence[str] = (), twins: float = 0.0) -> list[Trial]:
    """List what is tried.

    Parameters
    ----------
    clips : sequence of Clip
    only : sequence of str
        Parts of the names of lines or leaks; empty for all.
    twins : float
        Share of the leaks that are decoded with a wrong key too, 0 to 1, the same ones in every run.
    """
    made = []
    for clip in clips:
        for attack in attacks_on(clip):
            name = f"{attack.line.section}: {attack.line.name}: {attack.leak.name}"
            if chosen(name, only):
                draw = int(hashlib.sha256(f"{clip.name} {name}".encode()).hexdigest(), 16) % TWIN_BUCKETS
                made.append(Trial(clip, attack, draw < twins * TWIN_BUCKETS))
    return made


def run(arguments: argparse.Namespace, workshop: Workshop, progress: Progress) -> list[Outcome]:
    """Measure what was asked for.

    Raises
    ------
    TracemarkError
        If nothing is left of it.
    """
    names = [name for name in arguments.clips_only.split(",") if name]
    clips = [clip for clip in clips_in(arguments.clips) if clip.height >= arguments.least_lines]
    wanted = trials([clip for clip in clips if chosen(clip.name, names)], only=arguments.only, twins=arguments.twins)
    if not wanted:
        raise TracemarkError("there is no such line or clip", "check --clips, --clips-only and --only")
    runner = Runner(workshop, arguments.jobs, progress)
    # Marking first, every clip in one process, so that no two mark the same one.
    attacks = {clip: [trial.attack for trial in wanted if trial.clip == clip] for clip in clips}
    runner.run("mark", _mark, [(clip, tried) for clip, tried in attacks.items() if tried])
    return runner.run("leak and decode", try_out, wanted)


def _mark(workshop: Workshop, job: tuple[Clip, list[Attack]]) -> None:
    clip, tried = job
    first, second = viewers_of(clip)
    for seconds in {attack.seconds for attack in tried if attack.pair is None}:
        marked(workshop, clip, first, seconds)
    if any(attack.pair for attack in tried):
        marked(workshop, clip, first)
        marked(workshop, clip, second)


def parse(given: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description="What real leakers do to real clips.")
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of hosts")
    parser.add_argument("--clips-only", default="", metavar="NAME[,NAME]", help="only clips so named")
    parser.add_argument("--least-lines", type=int, default=LEAST_LINES, help="height of a clip from which it is tried")
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="only lines or leaks so named")
    parser.add_argument("--work", type=Path, default=Path("build/real-leaks"), help="folder of what is kept")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--twins", type=float, default=0.0, metavar="SHARE", help="of leaks tried with a wrong key too")
    parser.add_argument("--effort", choices=get_args(Effort), default="normal", help="effort of the decoder")
    parser.add_argument("--whole", action="store_true", help="decode to the end, to see the whole evidence")
    arguments = parser.parse_args(given)
    arguments.given = list(given)
    return arguments


def main(given: Sequence[str] | None = None) -> None:
    """Run, then write the page, or print it if only a part was asked for."""
    arguments = parse(sys.argv[1:] if given is None else given)
    workshop = Workshop(arguments.work, effort=arguments.effort, whole=arguments.whole)
    try:
        with Progress(console=Console(stderr=True)) as progress:
            outcomes = run(arguments, workshop, progress)
    except TracemarkError as error:
        raise SystemExit(str(error)) from None
    page = render(how_made(MODULE, arguments.given), outcomes)
    if arguments.only or arguments.clips_only:
        print(page)
        return
    arguments.docs.mkdir(parents=True, exist_ok=True)
    (arguments.docs / "real-leaks.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
