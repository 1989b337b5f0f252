"""False positives, measured against claimed: wrong keys on real pictures.

    python -m benchmarks.false_positives [--clips DIR] [--fast]

writes docs/false-positives.md and docs/img/false-positives.png, and fails if more is measured than claimed. Without
clips, and with --fast, a synthetic film alone is used. Six minutes of processor time on ten clips, seconds with --fast.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import tempfile
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import ffmpeg, leaks
from benchmarks.false_positives_page import draw, page
from benchmarks.tally import THRESHOLDS, Tally
from tracemark import coding
from tracemark.coding import viterbi
from tracemark.keys import Key
from tracemark.payload import Payload
from tracemark.profile import PROFILE
from tracemark.recovery.evidence import Evidence, gather
from tracemark.recovery.record import BINS_PER_SLOT, Record
from tracemark.recovery.slots import features_at
from tracemark.recovery.templates import Templates
from tracemark.recovery.timing import best_phases, pilot_features, turns
from tracemark.video import Source, embed
from tracemark.video.pixels import MARKABLE, convert, nearest_format

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

SECONDS = 4.0
"""Read of every clip: eight slots."""
PHASES = 3
"""Offsets for every key, each of another phase of the slots."""
SEED = 20150101
MARKS = ("unmarked", "another key")
SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".mpg", ".webm", ".avi"})
SYNTHETIC = "mandelbrot=size=640x360:rate=25"

OWNER = Key.from_bytes(hashlib.sha256(b"false positives, owner").digest())
"""The key that the marked clips are marked with; it is never among the wrong ones."""
VIEWER = Payload(session=88, member=4711)


@dataclass(frozen=True)
class Material:
    """Pictures that do not carry the mark of any key tried.

    Parameters
    ----------
    clip, mark, leak : str
        What it is, for the tables.
    record : Record
    """

    clip: str
    mark: str
    leak: str
    record: Record


def wrong_key(number: int) -> Key:
    """Give one of a series of keys that marked nothing."""
    return Key.from_bytes(hashlib.sha256(b"false positives, key %d" % number).digest())


def record_of(path: Path, most: int | None = None) -> Record:
    """Take a file, or so many frames of it, into a record."""
    record: Record | None = None
    with Source(path) as source:
        for frame in islice(source.frames(), most):
            if record is None:
                record = Record(PROFILE, float(source.pixel_aspect))
                origin = frame.time
            name, _ = nearest_format(frame.format.name, MARKABLE)
            record.add(convert(frame, name), frame.time - origin)
    assert record is not None  # `frames` raises if there is none; tells mypy
    return record


def measure(record: Record, keys: Sequence[Key], tally: Tally, rng: np.random.Generator) -> None:
    """Score random codewords, the decoder's message and the pilot under keys that marked nothing.

    Parameters
    ----------
    record : Record
    keys : sequence of Key
    tally : Tally
        Is added to.
    rng : Generator
        Chooses offsets and messages.
    """
    assert record.shape is not None
    phases = rng.permutation(BINS_PER_SLOT)[:PHASES].tolist()
    features = {phase: features_at(record, phase, PROFILE) for phase in phases}
    pilot = pilot_features(record, PROFILE)
    softs = []
    for key in keys:
        templates = Templates.of(key, PROFILE, record.shape)
        for phase in phases:
            turned = phase + BINS_PER_SLOT * int(rng.integers(2))
            offsets = gather(features[phase], turned, templates, PROFILE)
            whole, *parts = offsets[int(rng.integers(len(offsets)))].readings()
            # luma and chroma apart once a key: they are decoded apart only where all else failed
            read = [whole, *parts] if phase == phases[0] else [whole]
            softs += [normalised_soft(evidence, templates) for evidence in read if evidence.energy > 0]
        if record.frames > 1:  # the pilot says nothing about a single picture
            tally.pilots.append(best_phases(turns(pilot, record.first, templates), 1)[0].score)
    soft = np.array(softs)
    messages = rng.integers(0, 2, (tally.words, coding.MESSAGE_BITS), dtype=np.uint8)
    for scores in soft @ (2.0 * coding.CODE.encode(messages) - 1.0).T:
        tally.above.append(np.searchsorted(np.sort(-scores), -THRESHOLDS, side="right"))
        tally.largest = max(tally.largest, float(scores.max()))
    words, _ = viterbi.decode(coding.CODE, soft)
    tally.best += ((2.0 * coding.CODE.encode(words) - 1.0) * soft).sum(axis=1).tolist()


def normalised_soft(evidence: Evidence, templates: Templates) -> NDArray[np.float64]:
    """Evidence of each code bit, such that its product with a codeword's signs is the score z."""
    soft: NDArray[np.float64] = evidence.soft_bits(templates) / np.sqrt(evidence.energy)
    return soft


def owners_score(record: Record) -> float:
    """Score of the message that is there, under the key that it was marked with: what the measurement must not miss."""
    assert record.shape is not None
    templates = Templates.of(OWNER, PROFILE, record.shape)
    soft = normalised_soft(gather(features_at(record, 0, PROFILE), 0, templates, PROFILE)[0], templates)
    return float((2.0 * coding.encode(VIEWER.scramble(OWNER)) - 1.0) @ soft)


def materials(clips: Sequence[Path], folder: Path, seconds: float) -> Iterator[Material]:
    """Give the start of every clip and of a synthetic film, unmarked and marked, untouched and encoded."""
    cut = leaks.Encode(".mkv", ("-c:v", "ffv1"), (f"trim=duration={seconds}",))
    encode = leaks.x264(28)
    for clip in [None, *clips]:
        name = clip.stem if clip else "synthetic"
        host, marked, leak = (folder / f"{kind}.mkv" for kind in ("host", "marked", "leak"))
        if clip:
            cut(clip, host)
        else:
            source = f"{SYNTHETIC},noise=alls=6:allf=t:all_seed=1,format=yuv420p"
            ffmpeg.run(["-f", "lavfi", "-i", source, "-t", str(seconds), "-c:v", "ffv1", host])
        embed(host, marked, key=OWNER, payload=VIEWER, codec="ffv1")
        for mark, path in zip(MARKS, (host, marked), strict=True):
            yield Material(name, mark, "untouched", record_of(path))
            encode.apply(path, leak)
            yield Material(name, mark, encode.name, record_of(leak))
            yield Material(name, mark, f"one picture of {encode.name}", record_of(leak, 1))
            path.unlink()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, write page and plot, and compare with what is claimed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clips", type=Path, default=Path("../shared/clips"), help="folder of clips")
    parser.add_argument("--fast", action="store_true", help="a second of a synthetic film and few keys")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder to write to (default: docs)")
    options = parser.parse_args(arguments)
    clips = [] if options.fast else sorted(path for path in options.clips.glob("*") if path.suffix in SUFFIXES)
    keys, seconds = (4, 1.0) if options.fast else (16, SECONDS)
    begin = time.process_time()
    tally, rng, number = Tally(), np.random.default_rng(SEED), 0
    kinds: dict[tuple[str, str], Tally] = {}
    owners: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="false-positives-") as folder:
        for material in materials(clips, Path(folder), seconds):
            own = Tally()
            measure(material.record, [wrong_key(number + k) for k in range(keys)], own, rng)
            number += keys
            tally.add(own)
            kinds.setdefault((material.mark, material.leak), Tally()).add(own)
            if material.mark != MARKS[0]:
                owners.setdefault(material.leak, []).append(owners_score(material.record))
            print(f"{material.clip}, {material.mark}, {material.leak}: largest {own.largest:.2f}", file=sys.stderr)
    (options.docs / "img").mkdir(parents=True, exist_ok=True)
    draw(tally, options.docs / "img" / "false-positives.png")
    written = page(tally, kinds, owners, names=["a synthetic film", *(clip.stem for clip in clips)], fast=options.fast)
    (options.docs / "false-positives.md").write_text(written, encoding="utf-8")
    print(f"{tally.trials} trials, {time.process_time() - begin:.0f} s of processor time without the encoders'")
    if not tally.tail().kept().all():
        print("more false positives are measured than claimed", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
