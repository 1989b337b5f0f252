"""Are session codes read back, and never wrong? Writes docs/session-codes.md.

    python -m benchmarks.session_codes --clips ../shared/clips

Every clip of 480 lines or more is marked for a viewer with the default code, leaked, and decoded with the right key and
with a wrong one. Another viewer's code is pasted over a marked copy, which has to be reported. What was made is kept in
--work, so a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

from benchmarks import leaks
from benchmarks.attacks import catalogue as attacks
from benchmarks.lines import Clip, clips_in
from benchmarks.markdown import table
from benchmarks.real_leaks import opening, viewers_of
from benchmarks.runner import Runner, chosen, how_made
from benchmarks.workshop import RIGHT_KEY, WRONG_KEY, Workshop
from tracemark import SessionCode, decode
from tracemark.video import embed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.leaks import Leak
    from tracemark import Payload
    from tracemark.keys import Key

MODULE = "benchmarks.session_codes"
PAGE = "session-codes.md"
LEAST_LINES = 480
SECONDS = 6.0
KIND = "code"
"""Name of the results that are kept."""
SHARE = 0.95
"""Of the leaks of copies with their own code, that has to be read."""


@dataclass(frozen=True)
class Outcome:
    """What was read off one leak.

    Attributes
    ----------
    clip, leak : str
    verdict : str
        Of the invisible mark.
    right, wrong : int
        Visible codes that are the one drawn, and others.
    confidence : float
        Of the surest.
    pages : int
        Stretches of time it was seen in.
    disagrees : bool
    mark_right : bool
        Whether the mark named its viewer.
    foreign : int
        Codes read with the wrong key.
    seconds : float
        That decoding took, beside whatever else ran.
    """

    clip: str
    leak: str
    verdict: str
    right: int
    wrong: int
    confidence: float
    pages: int
    disagrees: bool
    mark_right: bool
    foreign: int
    seconds: float


@dataclass(frozen=True)
class Trial:
    """One leak of a clip; of a copy with another's code pasted over it, if forged."""

    clip: Clip
    leak: Leak
    forged: bool = False


def leaks_of(clip: Clip) -> list[Leak]:
    """List what the code has to survive; chance depends on the clip's name alone."""
    seed = zlib.crc32(f"{clip.name}, session code".encode()) % 2**31
    return [
        leaks.x264(28),
        leaks.half_size(28),
        attacks.crop(0.9),
        attacks.crop(0.9, seed=seed),
        attacks.desktop(0.6, seed=seed),
    ]


def coded(workshop: Workshop, clip: Clip) -> Path:
    """Mark the opening of a clip for its first viewer, with a code."""
    viewer = viewers_of(clip)[0]
    host = clip.path if clip.seconds <= SECONDS else workshop.leaked(clip.path, opening(SECONDS))
    return workshop.marked(host, viewer=viewer, overlays=[SessionCode()])


def pasted(workshop: Workshop, clip: Clip) -> Path:
    """Paste the first viewer's code over a copy that is marked for the second."""
    first, second = viewers_of(clip)
    host = clip.path if clip.seconds <= SECONDS else workshop.leaked(clip.path, opening(SECONDS))
    copy = workshop.marked(host, viewer=second)

    def make(target: Path) -> None:
        embed(copy, target, key=RIGHT_KEY, payload=first, strength=0, overlays=[SessionCode()], codec="ffv1")

    return workshop.kept(f"{copy.stem}-pasted.mkv", make)


def try_out(workshop: Workshop, trial: Trial) -> Outcome:
    """Leak, decode, and compare with the truth."""
    first, second = viewers_of(trial.clip)
    source = (pasted if trial.forged else coded)(workshop, trial.clip)
    leak = workshop.leaked(source, trial.leak)
    marked_for = second if trial.forged else first
    name = f"{trial.leak.name}{', pasted code' if trial.forged else ''}"

    def make() -> dict[str, object]:
        return asdict(_outcome(trial.clip.name, name, leak, drawn=first, marked_for=marked_for))

    return Outcome(**workshop.kept_result(KIND, leak, make))


def _in_order(outcomes: Sequence[Outcome], wanted: Sequence[Trial]) -> list[Outcome]:
    """Sort outcomes as they are tried: forged ones last, clip by clip, leak by leak."""
    clips, names = [each.clip.name for each in wanted], [each.leak.name for each in wanted]
    return sorted(
        outcomes,
        key=lambda each: (
            "pasted" in each.leak,
            clips.index(each.clip),
            names.index(each.leak) if each.leak in names else len(names),
        ),
    )


def _outcome(clip: str, name: str, leak: Path, *, drawn: Payload, marked_for: Payload) -> Outcome:
    begin = perf_counter()
    decoding = decode(leak, keys=[RIGHT_KEY])
    taken = perf_counter() - begin
    codes = decoding.visible_codes
    return Outcome(
        clip=clip,
        leak=name,
        verdict=decoding.verdict,
        right=sum(each.payload == drawn for each in codes),
        wrong=sum(each.payload != drawn for each in codes),
        confidence=max((each.confidence for each in codes), default=0.0),
        pages=max((len(each.seen) for each in codes), default=0),
        disagrees=bool(decoding.disagreements),
        mark_right=decoding.payload == marked_for,
        foreign=_foreign(leak, WRONG_KEY),
        seconds=taken,
    )


def _foreign(leak: Path, key: Key) -> int:
    return len(decode(leak, keys=[key], effort="fast").visible_codes)


def render(made: dict[str, str], outcomes: Sequence[Outcome], missing: int = 0) -> str:
    """Write the page.

    Parameters
    ----------
    made : dict of str to str
        How it was made.
    outcomes : sequence of Outcome
    missing : int
        Trials that were not done yet.
    """
    own = [each for each in outcomes if "pasted" not in each.leak]
    forged = [each for each in outcomes if "pasted" in each.leak]
    read = sum(each.right > 0 for each in own)
    wrong = sum(each.wrong for each in outcomes)
    foreign = sum(each.foreign for each in outcomes)
    reported = sum(each.disagrees for each in forged)
    false = sum(each.disagrees for each in own)
    rows = []
    for each in outcomes:
        told = "right" if each.right and not each.wrong else "**wrong**" if each.wrong else "**not read**"
        chance = f"{1 - each.confidence:.0e}" if each.right else ""
        mark = f"{each.verdict}{'' if each.mark_right else ', **not its viewer**'}"
        rows.append([each.clip, each.leak, told, chance, str(each.pages), mark, "yes" if each.disagrees else ""])
    gap = f"\n- **Not done yet: {missing} trials of {len(outcomes) + missing}.**" if missing else ""
    facts = "\n".join(f"- {name}: {value}" for name, value in made.items())
    share = f"{read} of {len(own)}" if own else "none tried"
    enough = "reached" if own and read >= SHARE * len(own) else "**missed**"
    names = ["clip", "leak", "code", "chance of error", "pages", "invisible mark", "disagreement"]
    return f"""# Session codes, read back

Written by `{MODULE}`; do not edit. The default code on the first {SECONDS:g} s of every clip of {LEAST_LINES} lines or
more, at normal effort.

- Read right: {share} leaks of copies with their own code (bar {SHARE:.0%}: {enough}).
- Read wrong: {wrong}. Codes read with a wrong key: {foreign} of {len(outcomes)}.
- Pasted: {reported} of {len(forged)} copies with another's code over them reported as a disagreement; {false} of
  {len(own)} honest ones.{gap}

{table(names, rows)}

"Chance of error" is 1 less the confidence that was claimed; it ends at 1e-09. A page is a second of the leak.

## How it was made

{facts}
"""


def main(given: Sequence[str] | None = None) -> None:
    """Measure, and write the page, or print it if only a part was asked for."""
    given = sys.argv[1:] if given is None else given
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description="Session codes, read back.")
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of hosts")
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="only clips or leaks so named")
    parser.add_argument("--work", type=Path, default=Path("build/session-codes"), help="folder of what is kept")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--kept", action="store_true", help="write down what is kept so far, and do nothing more")
    arguments = parser.parse_args(given)
    clips = [clip for clip in clips_in(arguments.clips) if clip.height >= LEAST_LINES]
    wanted = [Trial(clip, leak) for clip in clips for leak in leaks_of(clip)]
    wanted += [Trial(clip, leaks.x264(23), forged=True) for clip in clips]
    wanted = [each for each in wanted if chosen(f"{each.clip.name} {each.leak.name}", arguments.only)]
    workshop = Workshop(arguments.work)
    if arguments.kept:
        kept = [Outcome(**each) for each in workshop.kept_results(KIND)]
        page = render(how_made(MODULE, given), _in_order(kept, wanted), len(wanted) - len(kept))
        (arguments.docs / PAGE).write_text(page, encoding="utf-8")
        return
    with Progress(console=Console(stderr=True)) as progress:
        runner = Runner(workshop, arguments.jobs, progress)
        # Marking first, every clip in one process, so that no two mark the same one.
        runner.run("mark", _mark, list({each.clip for each in wanted}))
        outcomes = runner.run("leak and decode", try_out, wanted)
    page = render(how_made(MODULE, given), outcomes)
    if arguments.only:
        print(page)
    else:
        (arguments.docs / PAGE).write_text(page, encoding="utf-8")


def _mark(workshop: Workshop, clip: Clip) -> None:
    coded(workshop, clip)
    pasted(workshop, clip)


if __name__ == "__main__":
    main()
