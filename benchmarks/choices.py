"""Ways of making and reading the mark, compared by the evidence they leave; writes docs/choices.md.

    python -m benchmarks.choices --clips ../shared/clips

Every way marks the first seconds of several clips for a known viewer, leaks them, and scores the viewer's own codeword
at the true offset: z, the statistic that `p_false` comes from. No search takes part, so the table shows the mark and
its reading alone. Ways of reading share their leaks. Single frames are read by the pattern of their own slot.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.progress import track

from benchmarks import leaks, quality
from benchmarks.workshop import RIGHT_KEY, viewer_of
from tracemark import coding
from tracemark.embedder import Chroma, Embedder
from tracemark.profile import PROFILE, Plane, Profile
from tracemark.recovery import evidence, features, slots
from tracemark.recovery.record import BINS_PER_SLOT, Record
from tracemark.recovery.templates import Templates
from tracemark.recovery.timing import TURN
from tracemark.signal import mask as masks
from tracemark.video.source import Source

if TYPE_CHECKING:
    from tracemark.frames import Frame
    from tracemark.geometry import Geometry

SECONDS = 3.0
"""Length of what is marked of every clip."""
CLIPS = ("bbb_720p", "cups_720p", "juggle_720p", "talk_700x700")
LEAKS = (leaks.x264(28), leaks.x264(40), leaks.half_size(30), leaks.quarter_size(28))
STILLS = (leaks.x264(23), leaks.x264(28))
"""Leaks whose single frames are read, too."""
MOMENTS = (0.35, 0.8, 1.3, 1.65, 2.1, 2.55)
"""Times of these frames in seconds: at different places in their slots, whatever a slot's length."""
JPEG_QUALITY = 60


Mark = tuple[Profile, bool, Chroma, tuple[tuple[str, float], ...]]
"""All that says how a mark is made: wire format, whether for one viewer alone, in what planes, and what constants of
the mask differ."""


@dataclass(frozen=True)
class Way:
    """A way of making or reading the mark.

    Parameters
    ----------
    name : str
    profile : Profile
        Of the mark.
    features : mapping
        Constants of `tracemark.recovery.features` that differ.
    flat : bool
        Whether slots are weighed alike, whatever their pilots show.
    alone : bool
        Whether frames are made for one viewer, instead of being gathered from what all share.
    chroma : Chroma
        Whether it carries the mark.
    mask : tuple of pairs
        Constants of `tracemark.signal.mask` that differ.
    """

    name: str
    profile: Profile = PROFILE
    features: Mapping[str, object] = field(default_factory=dict)
    flat: bool = False
    alone: bool = False
    chroma: Chroma = Chroma.MARKED
    mask: tuple[tuple[str, float], ...] = ()

    @property
    def mark(self) -> Mark:
        """Return all that says how the mark is made."""
        return self.profile, self.alone, self.chroma, self.mask


WAYS = (
    Way("as it is"),
    Way("made for one viewer alone", alone=True),
    Way("chroma carries no mark", chroma=Chroma.SHARED),
    Way("one limit for all chroma", mask=(("CHROMA_LIMIT", 0.56), ("COLOUR_LIMIT", 9.0))),
    Way("small pictures bear what large ones do", mask=(("LARGE", 0.0), ("SMALL", 0.0))),
    Way("grain counts as texture", mask=(("TEXTURE_THRESHOLD", 0.6),)),
    Way("bands twice as wide", replace(PROFILE, luma=Plane(320, (0.12, 0.36)), chroma=Plane(160, (0.11, 0.34)))),
    Way("bands of the first study", replace(PROFILE, luma=Plane(320, (0.18, 0.42)), chroma=Plane(160, (0.18, 0.42)))),
    Way("slots of 0.96 s", replace(PROFILE, slot=Fraction(24, 25))),
    Way("slots of 0.36 s", replace(PROFILE, slot=Fraction(9, 25))),
    Way("no lingering expected", features={"LINGER": 0.0}),
    Way("full lingering expected", features={"LINGER": 1.0}),
    Way("one average a slot", features={"PARTS": 1}),
    Way("two averages a slot", features={"PARTS": 2}),
    Way("covariance of 5x5 cells", features={"NEIGHBOURHOOD": 5}),
    Way("covariance loaded with 1 (no cancelling)", features={"LOADING": 1.0}),
    Way("noise of 5x5 cells", features={"OVER_TIME": replace(features.OVER_TIME, neighbourhood=5)}),
    Way("quiet cells weigh as busy ones", features={"SINGLE": replace(features.SINGLE, trust=0.0)}),
    Way("slots weighed alike", flat=True),
)


COLUMNS = (
    *(leak.name for leak in LEAKS),
    *(f"{kind}, {leak.name}" for leak in STILLS for kind in ("frame", "JPEG")),
)


def mark(host: Path, target: Path, how: Mark = WAYS[0].mark, strength: float = 1.0) -> None:
    """Mark the first seconds of a clip, losslessly."""
    profile, alone, chroma, constants = how
    import av  # noqa: PLC0415 - only the making of leaks needs it

    with ExitStack() as held:
        for name, value in constants:
            held.enter_context(patch.object(masks, name, value))
        source = held.enter_context(Source(host))
        container = held.enter_context(av.open(str(target), "w"))
        rate = float(source.rate)
        embedder = Embedder(RIGHT_KEY, frame_rate=rate, profile=profile, strength=strength, chroma=chroma)
        viewer = embedder.viewer(viewer_of(host))
        stream = container.add_stream("ffv1", rate=source.rate)
        context = source.stream.codec_context
        stream.width, stream.height, stream.pix_fmt = context.width, context.height, "yuv420p"
        start = None
        for number, frame in enumerate(source.frames()):
            start = frame.time if start is None else start
            if frame.time - start >= SECONDS:
                break
            time = Fraction(frame.time - start).limit_denominator(90000)
            frame.pts, frame.time_base = time.numerator, Fraction(1, time.denominator)
            marked = viewer.mark(frame if alone else embedder.prepare(frame))
            assert isinstance(marked, av.VideoFrame)
            marked.pts, marked.time_base = number, 1 / source.rate
            container.mux(stream.encode(marked))
        container.mux(stream.encode(None))


def score(record: Record, offset: int, host: Path, way: Way) -> float:
    """Score the true viewer's codeword at the true offset, in bins."""
    assert record.shape is not None
    templates = _templates(way.profile, record.shape)
    with ExitStack() as changed:
        for module in (features, slots):
            for name, value in way.features.items():
                if hasattr(module, name):
                    changed.enter_context(patch.object(module, name, value))
        if way.flat:
            changed.enter_context(patch.object(evidence, "pilot_weights", _alike))
        made = slots.features_at(record, offset % BINS_PER_SLOT, way.profile)
        gathered = evidence.gather(made, offset % TURN, templates, way.profile)[offset // TURN]
    signs = coding.encode(viewer_of(host).scramble(RIGHT_KEY)).astype(np.float64) * 2 - 1
    return float(gathered.soft_bits(templates) @ signs / math.sqrt(gathered.energy))


def _alike(made: slots.SlotFeatures, *_: object) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return made.held.astype(np.float64), np.ones(made.luma.shape[1:3])


@lru_cache(maxsize=2)
def _templates(profile: Profile, shape: Geometry) -> Templates:
    return Templates.of(RIGHT_KEY, profile, shape)


def read(leak: Path, profile: Profile, moments: Sequence[float] = ()) -> tuple[Record, list[tuple[float, Frame]]]:
    """Take a leak in, and its frames at some moments, as BGR."""
    record = Record(profile)
    stills: list[tuple[float, Frame]] = []
    with Source(leak) as source:
        for frame in source.frames():
            record.add(frame, frame.time)
            if len(stills) < len(moments) and frame.time >= moments[len(stills)]:
                stills.append((float(frame.time), np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)))
    return record, stills


def taken(picture: Frame, profile: Profile) -> Record:
    """Take a single picture in."""
    record = Record(profile)
    record.add(picture, 0.0)
    return record


def as_jpeg(picture: Frame) -> Frame:
    """Save as JPEG and open again."""
    _, octets = cv2.imencode(".jpg", np.asarray(picture), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return np.asarray(cv2.imdecode(octets, cv2.IMREAD_COLOR), np.uint8)


def compare(clips: list[Path], folder: Path) -> dict[str, dict[str, list[float]]]:
    """Score every way on every leak of every clip; by way and leak, in the order of the clips."""
    table: dict[str, dict[str, list[float]]] = {way.name: {name: [] for name in COLUMNS} for way in WAYS}
    jobs = [(clip, leak) for clip in clips for leak in dict.fromkeys([*LEAKS, *STILLS])]
    for clip, leak in track(jobs, description="choices"):
        for number, how in enumerate(dict.fromkeys(way.mark for way in WAYS)):
            marked = folder / f"{clip.stem}-{number}.mkv"
            if not marked.exists():
                mark(clip, marked, how)
            leaked = folder / f"leak{leak.suffix}"
            leak.apply(marked, leaked)
            profile = how[0]
            record, stills = read(leaked, profile, MOMENTS if leak in STILLS else ())
            for way in WAYS:
                if way.mark != how:
                    continue
                if leak in LEAKS:
                    table[way.name][leak.name].append(score(record, 0, clip, way))
                for time, picture in stills:
                    offset = profile.slot_of(Fraction(time).limit_denominator(90000)) * BINS_PER_SLOT
                    pairs = ((picture, "frame"), (as_jpeg(picture), "JPEG"))
                    for shown, kind in pairs:
                        z = score(taken(shown, profile), offset, clip, way)
                        table[way.name][f"{kind}, {leak.name}"].append(z)
            leaked.unlink()
    return table


def looks(clips: list[Path], folder: Path) -> dict[str, list[quality.Quality]]:
    """Compare the marks of the wire format as it is with the hosts; by the first way that has each."""
    made: dict[str, list[quality.Quality]] = {}
    ways = {way.mark: way.name for way in reversed(WAYS) if way.profile == PROFILE}
    for clip in track(clips, description="looks"):
        host = folder / f"{clip.stem}-host.mkv"
        mark(clip, host, strength=0)
        for how, name in reversed(ways.items()):
            marked = folder / f"{clip.stem}-look.mkv"
            mark(clip, marked, how)
            made.setdefault(name, []).append(quality.measure(host, marked))
            marked.unlink()
    return made


def mean(scores: list[float]) -> float:
    """Geometric mean; what is under 1 counts as 1, because nobody tells it from noise."""
    return math.exp(sum(math.log(max(each, 1.0)) for each in scores) / len(scores))


def page(table: dict[str, dict[str, list[float]]], seen: dict[str, list[quality.Quality]], clips: list[Path]) -> str:
    """Write the page."""
    lines = [
        "# Choices, measured",
        "",
        "Written by `benchmarks/choices.py`; do not edit.",
        "",
        "Geometric mean of z at the same mask, with the offset known; about 11.2 names a member.",
        "",
        f"Clips, the first {SECONDS:g} s of each: {', '.join(clip.stem for clip in clips)}.",
        "",
        f"The last columns: {len(MOMENTS)} single frames of each, as they are and as JPEG of quality {JPEG_QUALITY}.",
        "",
        "| way | " + " | ".join(COLUMNS) + " |",
        "| --- |" + " --- |" * len(COLUMNS),
    ]
    for way, by_leak in table.items():
        means = [mean(by_leak[name]) for name in COLUMNS]
        lines.append(f"| {way} | " + " | ".join(f"{each:.1f}" for each in means) + " |")
    lines += ["", "Marks of today's wire format, beside their hosts, means over the clips:", ""]
    lines += ["| way | VMAF lost | PSNR-Y, dB | CIEDE2000 | RMS where it is smooth |", "| --- |" + " --- |" * 4]
    for way, each in seen.items():
        columns = zip(*((q.vmaf_drop, q.psnr_y, q.ciede2000, q.smooth_rms) for q in each), strict=True)
        lines.append(f"| {way} | " + " | ".join(f"{sum(column) / len(each):.3f}" for column in columns) + " |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Compare, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of hosts")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page")
    given = parser.parse_args()
    clips = [path for path in sorted(given.clips.iterdir()) if path.stem in CLIPS]
    with tempfile.TemporaryDirectory() as folder:
        text = page(compare(clips, Path(folder)), looks(clips, Path(folder)), clips)
    (given.docs / "choices.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
