"""False positives through the whole search: short clips decoded whole under keys that marked nothing in them.

    python -m benchmarks.search_trials --clips ../shared/clips --trials 3000

Excerpts of every clip, as they are and marked with another key, are decoded at default effort with wrong keys, one key
a trial: first as they stand, then through the search, in every placement that it finds. Nobody may be named, and a
`p_false` of x may be claimed in a share x of the trials at most. A run that was stopped goes on where it was. Writes
docs/search-trials.md.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import Progress

from benchmarks import leaks
from benchmarks.false_positives import OWNER, VIEWER, wrong_key
from benchmarks.lines import Clip, clips_in
from benchmarks.markdown import chance, table
from benchmarks.runner import Runner, how_made
from benchmarks.workshop import Workshop, all_sources
from tracemark.video import decode, embed

if TYPE_CHECKING:
    from collections.abc import Sequence

SECONDS = (0.5, 0.5, 0.5, 1.0)
"""Length of each excerpt of a clip: short ones are searched faster."""
SIDE = 144
"""Their shorter side, pixels: small pictures are searched faster, and chance does not know their size."""
SMALL = f"scale='if(gt(iw,ih),-2,{SIDE})':'if(gt(iw,ih),{SIDE},-2)'"
THRESHOLDS = (1e-1, 1e-2, 1e-3, 1e-4)


@dataclass(frozen=True)
class Trial:
    """One decode under a key that marked nothing.

    Parameters
    ----------
    path : Path
        The excerpt.
    marked : bool
        Whether it carries the mark of another key.
    key : int
        Number of the wrong key.
    """

    path: Path
    marked: bool
    key: int


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Parameters
    ----------
    marked : bool
    verdict : str
    p_false, score : float
    trials : int
        Evidence vectors decoded.
    """

    marked: bool
    verdict: str
    p_false: float
    score: float
    trials: int


def excerpts(workshop: Workshop, clips: Sequence[Clip]) -> list[tuple[Path, bool]]:
    """Cut the excerpts out of hosts and of marked copies; whether each is marked."""
    made = []
    for clip in clips:
        marked = workshop.kept(
            f"marked-{clip.name}.mkv",
            lambda target, clip=clip: _embedded(clip.path, target),  # type: ignore[misc]
        )
        chooser = random.Random(clip.name)  # noqa: S311 - repeatable, not secret
        for number, seconds in enumerate(SECONDS):
            start = chooser.uniform(0, max(clip.seconds - seconds, 0))
            cut = leaks.Encode(
                ".mkv",
                ("-c:v", "ffv1"),
                (f"trim=start={start:.3f}:duration={seconds}", "setpts=PTS-STARTPTS", SMALL),
            )
            for source, is_marked in ((clip.path, False), (marked, True)):
                name = f"excerpt-{clip.name}-{number}-{'marked' if is_marked else 'host'}.mkv"
                made.append((workshop.kept(name, lambda target, s=source, c=cut: c(s, target)), is_marked))  # type: ignore[misc]
    return made


def _embedded(host: Path, target: Path) -> None:
    embed(host, target, key=OWNER, payload=VIEWER, codec="ffv1")


def tried(workshop: Workshop, trial: Trial) -> Outcome:
    """Decode, or read what an earlier run decoded with the same sources."""

    def make(target: Path) -> None:
        said = decode(trial.path, keys=[wrong_key(trial.key)])
        outcome = (trial.marked, said.verdict, said.p_false, said.score, said.trials)
        target.write_text(json.dumps(outcome), encoding="utf-8")

    kept = workshop.kept(f"trial-{all_sources()[:12]}-{trial.path.stem}-{trial.key}.json", make)
    return Outcome(*json.loads(kept.read_text(encoding="utf-8")))


def page(outcomes: Sequence[Outcome], made: dict[str, str]) -> str:
    """Write the page."""
    rows = []
    for name, chosen in (("unmarked", False), ("another key's mark", True)):
        part = [each for each in outcomes if each.marked == chosen]
        if not part:
            continue
        count = {
            verdict: sum(each.verdict == verdict for each in part) for verdict in ("absent", "inconclusive", "found")
        }
        rows.append(
            [
                name,
                *(str(number) for number in (len(part), *count.values(), sum(each.trials for each in part))),
                f"{max(each.score for each in part):.2f}",
                chance(min(each.p_false for each in part)),
            ]
        )
    tails = [
        [f"{level:g}", f"{level * len(outcomes):.1f}", str(sum(each.p_false <= level for each in outcomes))]
        for level in THRESHOLDS
    ]
    return "\n".join(
        [
            "# False positives through the whole search",
            "",
            "Written by `benchmarks/search_trials.py`; do not edit.",
            "",
            *(f"- {name}: {value}" for name, value in made.items()),
            "",
            f"Excerpts of {min(SECONDS):g} to {max(SECONDS):g} s, the shorter side {SIDE} pixels; default effort;",
            "one wrong key a trial.",
            "",
            table(
                (
                    *("material", "trials", "absent", "inconclusive", "found"),
                    *("evidence vectors decoded", "highest score", "smallest p_false claimed"),
                ),
                rows,
            ),
            "",
            "A claim holds if `p_false` is at most x in no more than a share x of all trials:",
            "",
            table(("x", "trials expected at most", "trials seen"), tails),
            "",
        ]
    )


def main() -> None:
    """Try, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of hosts")
    parser.add_argument("--work", type=Path, default=Path("build/search-trials"), help="folder of what is kept")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page")
    parser.add_argument("--trials", type=int, default=3000, help="decodes")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    given = parser.parse_args()
    workshop = Workshop(given.work)
    materials = excerpts(workshop, clips_in(given.clips))
    trials = [Trial(*materials[number % len(materials)], number) for number in range(given.trials)]
    with Progress(console=Console(stderr=True)) as progress:
        outcomes = Runner(workshop, given.jobs, progress).run("decode under wrong keys", tried, trials)
    text = page(outcomes, how_made("benchmarks.search_trials", sys.argv[1:]))
    (given.docs / "search-trials.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
