"""The main job on real clips: mark, look, leak, name the viewer. Writes docs/main-job.md and docs/main-job.json.

    python -m benchmarks.main_job --clips ../shared/clips

What was made is kept in --work, so a run that was stopped goes on where it was, and a run after a change of the
decoder only decodes again. --clip and --line choose a part, whose page is printed instead of written. --times measures
how fast it is once more, on a machine that has nothing else to do, and leaves all else as it was.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from rich.console import Console
from rich.progress import Progress

from benchmarks import leaks, speed
from benchmarks.lines import (
    FILM,
    METERS,
    VIDEO_SEAL,
    VIDEO_SEAL_CLIP,
    VIDEO_SEAL_PSNR,
    Clip,
    Line,
    Trial,
    clips_in,
    trials,
)
from benchmarks.page import render
from benchmarks.report import Outcome, Report, Speed
from benchmarks.runner import Runner, chosen, how_made
from benchmarks.workshop import RIGHT_KEY, WRONG_KEY, Workshop, content, viewer_of
from tracemark.errors import TracemarkError
from tracemark.video import Effort

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.quality import Quality

SEAL_TOLERANCE = 0.1
"""The strength for Video Seal's line leaves at most so many dB more than asked."""
SEAL_ATTEMPTS = 8
FAST_LINES = 720


def try_out(workshop: Workshop, trial: Trial) -> Outcome:
    """Make the leak of a trial and decode it with the right and with a wrong key."""
    host = trial.clip.path
    leak = workshop.marked(host, strength=trial.strength) if trial.marked else host
    for step in trial.chain:
        leak = workshop.leaked(leak, step)
    verdict = workshop.verdict(leak, RIGHT_KEY, viewer_of(host) if trial.marked else None)
    # the search has false positives of its own to show elsewhere; here a twin is looked at as it stands
    twin = workshop.verdict(leak, WRONG_KEY, None, effort="fast" if trial.chain else None)
    return Outcome.of(trial, verdict, twin)


def quality_of(workshop: Workshop, clip: Clip) -> Quality:
    """Mark a clip at default strength and measure it."""
    return workshop.quality(clip.path, workshop.marked(clip.path))


def film_of(workshop: Workshop, clips: Sequence[Clip]) -> Clip:
    """Join clips into one film."""
    digest = hashlib.sha256("".join(content(clip.path) for clip in clips).encode()).hexdigest()[:12]
    paths = [clip.path for clip in clips]
    path = workshop.kept(f"film-{digest}.mkv", lambda target: leaks.join(paths, target))
    return Clip.read(path, "film")


def seal_strength(workshop: Workshop, clip: Clip) -> tuple[float, Quality]:
    """Find the strength that leaves Video Seal's distance from the host, and a little more.

    Raises
    ------
    TracemarkError
        If no strength does.
    """
    strength = 1.0
    for _ in range(SEAL_ATTEMPTS):
        quality = workshop.quality(clip.path, workshop.marked(clip.path, strength=strength))
        excess = quality.psnr_rgb - VIDEO_SEAL_PSNR
        if 0 <= excess <= SEAL_TOLERANCE:
            return strength, quality
        # The mark's amplitude grows with the strength, so its distance falls by 20 dB for each tenfold.
        strength = round(strength * 10 ** ((excess - SEAL_TOLERANCE / 2) / 20), 4)
    raise TracemarkError(f"no strength leaves {VIDEO_SEAL_PSNR} dB on {clip.name}")


def run(arguments: argparse.Namespace, workshop: Workshop, progress: Progress) -> Report:
    """Measure what was asked for."""
    runner = Runner(workshop, arguments.jobs, progress)
    every_clip = clips_in(arguments.clips)
    clips = [clip for clip in every_clip if chosen(clip.name, arguments.clip)]
    if not clips:
        raise TracemarkError(f"there is no such clip in {arguments.clips}", "check --clips and --clip")

    qualities: dict[str, Quality] = {}
    if any(chosen(f"Invisible: {meter.name}", arguments.line) for meter in METERS):
        measured = runner.run("mark and measure", quality_of, clips)
        qualities = {clip.name: quality for clip, quality in zip(clips, measured, strict=True)}

    wanted = trials(clips, excerpts=arguments.excerpts, stills=arguments.stills)
    if len(clips) == len(every_clip) and _any_chosen([line for _, line in FILM], arguments.line):
        film = film_of(workshop, clips)
        wanted += [Trial(line, film, (leak,)) for leak, line in FILM]
    seal: dict[str, float] = {}
    seal_clip = next((clip for clip in clips if clip.name == VIDEO_SEAL_CLIP), None)
    if seal_clip and _any_chosen([line for _, line in VIDEO_SEAL], arguments.line):
        strength, quality = seal_strength(workshop, seal_clip)
        seal = {"strength": strength, **asdict(quality)}
        wanted += [Trial(line, seal_clip, (leak,), strength=strength) for leak, line in VIDEO_SEAL]
    wanted = [trial for trial in wanted if chosen(f"{trial.line.section}: {trial.line.name}", arguments.line)]
    # Marking first, once a clip, so that no two processes mark the same one.
    marked = {(trial.clip.name, trial.strength): trial for trial in wanted if trial.marked}
    runner.run("mark", _mark, list(marked.values()))
    outcomes = runner.run("leak and decode", try_out, wanted)

    speeds = times(clips, workshop) if chosen("Fast", arguments.line) else ()
    return Report(
        made=how_made("benchmarks.main_job", arguments.given),
        clips=tuple(clip.name for clip in clips),
        qualities=qualities,
        outcomes=tuple(outcomes),
        speeds=speeds,
        seal=seal,
    )


def times(clips: Sequence[Clip], workshop: Workshop) -> tuple[Speed, ...]:
    """Measure how fast it is on the first clip of the lines that the bars are meant for, if there is one."""
    clip = next((clip for clip in clips if clip.height == FAST_LINES), None)
    return speed.measure(workshop, clip) if clip else ()


def again(arguments: argparse.Namespace, workshop: Workshop) -> Report:
    """Take everything but the times from an earlier run."""
    earlier = Report.read(json.loads((arguments.docs / "main-job.json").read_text(encoding="utf-8")))
    made = earlier.made | {"times": how_made("benchmarks.main_job", arguments.given)["command"]}
    return replace(earlier, made=made, speeds=times(clips_in(arguments.clips), workshop))


def _mark(workshop: Workshop, trial: Trial) -> Path:
    return workshop.marked(trial.clip.path, strength=trial.strength)


def _any_chosen(lines: Sequence[Line], asked: Sequence[str]) -> bool:
    return any(chosen(f"{line.section}: {line.name}", asked) for line in lines)


def parse(given: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.main_job", description="The main job on real clips.")
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of hosts")
    parser.add_argument("--clip", action="append", default=[], metavar="PART", help="only clips so named")
    parser.add_argument("--line", action="append", default=[], metavar="PART", help="only lines or sections so named")
    parser.add_argument("--work", type=Path, default=Path("build/main-job"), help="folder of what is kept")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--excerpts", type=int, default=10, help="excerpts of each clip")
    parser.add_argument("--stills", type=int, default=6, help="times of each clip at which single frames are taken")
    parser.add_argument("--effort", choices=get_args(Effort), default="normal", help="effort of the decoder")
    parser.add_argument("--times", action="store_true", help="measure times again; all else as main-job.json has it")
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
            report = again(arguments, workshop) if arguments.times else run(arguments, workshop, progress)
    except TracemarkError as error:
        raise SystemExit(str(error)) from None
    page = render(report)
    if arguments.clip or arguments.line:
        print(page)
        return
    arguments.docs.mkdir(parents=True, exist_ok=True)
    (arguments.docs / "main-job.md").write_text(page, encoding="utf-8")
    (arguments.docs / "main-job.json").write_text(json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
