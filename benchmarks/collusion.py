"""Several members merge their copies, and who of them is named; writes docs/collusion.md.

    python -m benchmarks.collusion --clips ../shared/clips

Clips of 720 lines are repeated until they are 20 s long, marked for the first of 10,000 members, merged, encoded at
CRF 28 and decoded with the list of members. What was made is kept in --work.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.progress import Progress

from benchmarks.attacks.colluding import Merger, collude
from benchmarks.lines import Clip, clips_in
from benchmarks.markdown import table
from benchmarks.runner import Runner, chosen, how_made
from benchmarks.workshop import RIGHT_KEY, Workshop, content, digest, shaping_sources
from tracemark import Candidates, decode
from tracemark.errors import TracemarkError
from tracemark.recovery import decoder

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.attacks.colluding import Way

MODULE = "benchmarks.collusion"
CLIPS = ("bbb_720p", "cups_720p", "juggle_720p")
SECONDS = 20.0
CRF = 28
MEMBERS = 10_000
COLLUDERS = (2, 3, 5, 8)
WAYS: tuple[Way, ...] = ("averaged", "frames in turn", "seconds in turn", "median")
"""What has to name them."""
OTHERS: tuple[Way, ...] = ("strips", "minimum", "maximum")
"""What is shown beside it, with two and three members."""
BARS = {2: 2, 3: 3, 5: 3, 8: 1}
"""Members to be named, by the number who merged their copies."""

HEAD = f"""# Members who merge their copies, measured

Written by `benchmarks/collusion.py`; do not edit. Clips of 720 lines, repeated to {SECONDS:g} s, are marked at default
strength for the first of {MEMBERS} members, merged, encoded by x264 at CRF {CRF} and decoded with the list of all
members; no other geometry is searched for. Named: how many of those who merged their copies, and in brackets how many
of them by blind decoding alone; a count below its bar, and anybody else's being named, in bold. The median of two is
their average."""


@dataclass(frozen=True)
class Naming:
    """Who was named in one leak.

    Parameters
    ----------
    clip : str
    merger : str
        Its slug.
    named, blind : int
        Those who merged their copies: all who are named, and those whose message was decoded blind.
    wrong : int
        Others who are named.
    surest, faintest : float
        Largest and least `score` of those named.
    p_mistaken : float
        Largest of those named.
    """

    clip: str
    merger: str
    named: int
    blind: int
    wrong: int
    surest: float
    faintest: float
    p_mistaken: float


def mergers() -> list[Merger]:
    """List what is tried."""
    asked = [Merger(way, count) for way in WAYS for count in COLLUDERS if (way, count) != ("median", 2)]
    return asked + [Merger(way, count) for way in OTHERS for count in (2, 3)]


def members() -> Candidates:
    """List the members of a session, in an order drawn by chance."""
    numbers = np.random.default_rng(88).permutation(100_000)[:MEMBERS]
    return Candidates(np.stack([np.full(MEMBERS, 88), numbers], axis=1).astype(np.uint32))


def make(workshop: Workshop, job: tuple[Clip, Sequence[Merger]]) -> list[Path]:
    """Make the leaks of a clip that are not there yet, all in one pass."""
    clip, wanted = job
    paths = {merger: workshop.folder / _name(clip, merger) for merger in wanted}
    missing = {merger: path for merger, path in paths.items() if not path.exists()}
    if missing:
        unfinished = {merger: path.with_suffix(".unfinished") for merger, path in missing.items()}
        copies = [members().payload(index) for index in range(max(COLLUDERS))]
        collude(clip.path, RIGHT_KEY, copies, unfinished, seconds=SECONDS, crf=CRF)
        for merger, path in missing.items():
            unfinished[merger].replace(path)
    return list(paths.values())


def _name(clip: Clip, merger: Merger) -> str:
    made_of = digest(content(clip.path), shaping_sources(), repr(merger), repr(SECONDS), repr(CRF))
    return f"{clip.name}-{merger.slug}-{made_of}.mp4"


def name(workshop: Workshop, job: tuple[Clip, Merger]) -> Naming:
    """Decode a leak, and see who is named."""
    (clip, merger), known = job, members()
    leak = workshop.folder / _name(clip, merger)
    guilty = {known.payload(index) for index in range(merger.members)}

    def found() -> dict[str, Any]:
        # a search for another geometry could find nothing, for the picture lies as it did, and takes most of the time
        with patch.object(decoder, "PLACEMENTS", dict.fromkeys(decoder.PLACEMENTS, 0)):
            named = decode(leak, keys=[RIGHT_KEY], candidates=known).members
        right = [each for each in named if each.payload in guilty]
        return asdict(
            Naming(
                clip=clip.name,
                merger=merger.slug,
                named=len(right),
                blind=sum(each.method == "payload" for each in right),
                wrong=len(named) - len(right),
                surest=max((each.score for each in right), default=0.0),
                faintest=min((each.score for each in right), default=0.0),
                p_mistaken=max((each.p_mistaken for each in right), default=1.0),
            )
        )

    return Naming(**workshop.kept_json(f"named-{content(leak)[:12]}-{workshop.sources[:12]}.json", found))


def render(made: dict[str, str], namings: Sequence[Naming]) -> str:
    """Write the page."""
    how = "\n".join(f"- {key}: {value}" for key, value in made.items())
    by = {(each.clip, each.merger): each for each in namings}
    clips = list(dict.fromkeys(each.clip for each in namings))
    wrong = sum(each.wrong for each in namings)
    said = f"Others named: {wrong if not wrong else f'**{wrong}**'} in {len(namings)} leaks."
    rows = []
    for merger in mergers():
        bar = BARS[merger.members] if merger.way in WAYS else 0
        cells = [_cell(by[clip, merger.slug], bar) if (clip, merger.slug) in by else "" for clip in clips]
        rows.append([merger.way, str(merger.members), str(bar) if bar else "", *cells])
    count = table(["merged", "members", "bar", *clips], rows)
    sure = [
        [one.clip, one.merger, str(one.named), f"{one.surest:.1f}", f"{one.faintest:.1f}", f"{one.p_mistaken:.0e}"]
        for one in namings
    ]
    every = table(["clip", "merged", "named", "surest score", "faintest", "largest p_mistaken"], sure)
    return f"{HEAD}\n\n{how}\n\n{said}\n\n{count}\n\n## How sure\n\n{every}\n"


def _cell(naming: Naming, bar: int) -> str:
    text = f"{naming.named} ({naming.blind})"
    text = text if naming.named >= bar else f"**{text}**"
    return text if not naming.wrong else f"{text} **and {naming.wrong} others**"


def run(arguments: argparse.Namespace, workshop: Workshop, progress: Progress) -> list[Naming]:
    """Make and decode."""
    names = [each for each in arguments.clips_only.split(",") if each] or list(CLIPS)
    clips = [clip for clip in clips_in(arguments.clips) if chosen(clip.name, names)]
    wanted = [merger for merger in mergers() if chosen(merger.slug, arguments.only)]
    if not clips or not wanted:
        raise TracemarkError("there is no such clip or way", "check --clips, --clips-only and --only")
    runner = Runner(workshop, arguments.jobs, progress)
    runner.run("merge", make, [(clip, wanted) for clip in clips])
    return runner.run("decode", name, [(clip, merger) for clip in clips for merger in wanted])


def parse(given: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description="Members who merge their copies.")
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of hosts")
    parser.add_argument("--clips-only", default="", metavar="NAME[,NAME]", help="only clips so named")
    parser.add_argument("--only", action="append", default=[], metavar="PART", help="only ways so named")
    parser.add_argument("--work", type=Path, default=Path("build/collusion"), help="folder of what is kept")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    arguments = parser.parse_args(given)
    arguments.given = list(given)
    return arguments


def main(given: Sequence[str] | None = None) -> None:
    """Run, then write the page, or print it if only some leaks were asked for."""
    arguments = parse(sys.argv[1:] if given is None else given)
    workshop = Workshop(arguments.work)
    try:
        with Progress(console=Console(stderr=True)) as progress:
            namings = run(arguments, workshop, progress)
    except TracemarkError as error:
        raise SystemExit(str(error)) from None
    page = render(how_made(MODULE, arguments.given), namings)
    if arguments.only:
        print(page)
        return
    arguments.docs.mkdir(parents=True, exist_ok=True)
    (arguments.docs / "collusion.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
