"""The lines of real leaks: what is done to every clip, and what share of it has to be found."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import leaks
from benchmarks.attacks import catalogue as attacks
from benchmarks.attacks.pairs import Pair, SideBySide, Splice
from benchmarks.lines import Clip, Line

if TYPE_CHECKING:
    from benchmarks.leaks import Leak

LEAST_LINES = 480
"""Height of a clip, in lines, from which on it is tried."""
SECONDS = 6.0
"""Length of a leak, unless the clip is shorter."""
FILMED_SECONDS = 9.0
"""Length of a filmed leak; so much of every clip is marked."""
SPLICED_SECONDS = 4.0
"""Taken of each of two viewers' copies."""

easy = partial(Line, bar=0.95, aim=0.95)
hard = partial(Line, bar=0.6, aim=0.95)


@dataclass(frozen=True)
class Attack:
    """One leak of one clip.

    Parameters
    ----------
    line : Line
        The line it counts for.
    leak : Leak
    seconds : float
        Length of the marked clip that is leaked.
    pair : Splice, SideBySide or None
        How two viewers' copies are made one before that; None for one viewer.
    """

    line: Line
    leak: Leak
    seconds: float = SECONDS
    pair: Pair | None = None


def attacks_on(clip: Clip) -> list[Attack]:
    """List what is done to a clip; chance depends on its name alone."""
    made = [Attack(line, leak) for line, leak in (*_geometry(clip), *_picture(clip), *_time(clip), *_chains(clip))]
    made += [Attack(line, leak, FILMED_SECONDS) for line, leak in _filmed(clip)]
    length = min(clip.seconds, FILMED_SECONDS)
    encode = leaks.x264(attacks.CRF)
    return [
        *made,
        Attack(easy("Two viewers", "one after the other"), encode, pair=Splice(SPLICED_SECONDS, length)),
        Attack(easy("Two viewers", "side by side"), encode, pair=SideBySide(min(SECONDS, length))),
    ]


def _seed(clip: Clip, of: str) -> int:
    return zlib.crc32(f"{clip.name}, {of}".encode()) % 2**31


def _geometry(clip: Clip) -> list[tuple[Line, Leak]]:
    made = []
    for kind, ratio in ((easy, 0.9), (easy, 0.71), (easy, 0.55), (hard, 0.4)):
        line = kind("Crop", f"crop {ratio:g}")
        for enlarged in (False, True):
            made.append((line, attacks.crop(ratio, enlarged=enlarged)))
            made.append((line, attacks.crop(ratio, seed=_seed(clip, f"crop {ratio:g}"), enlarged=enlarged)))
    sizes = ((easy, 0.5), (easy, 0.71), (easy, 1.5), (hard, 0.25))
    made += [(kind("Size", f"resize {factor:g}"), attacks.resize(factor)) for kind, factor in sizes]
    stretched = easy("Size", "16:9 to 4:3, and back")
    made += [(stretched, attacks.stretch(factor)) for factor in (3 / 4, 4 / 3)]
    made += [(easy("Turned", f"rotate {angle}"), attacks.rotate(angle)) for angle in (1, 3, 10, 45, 90, 180, 270)]
    made += [
        (easy("Turned", "mirror"), attacks.mirror()),
        (easy("Turned", "mirror, rotate 3"), attacks.mirror_rotate(3)),
    ]
    for share in (0.4, 0.6, 0.9):
        seed = _seed(clip, f"desktop {share}")
        made.append((easy("Framed", f"desktop {share:.0%}"), attacks.desktop(share, seed=seed)))
    inset = attacks.picture_in_picture(0.5, seed=_seed(clip, "picture in picture"))
    made += [(easy("Framed", leak.name), leak) for leak in (attacks.letterbox(), attacks.pillarbox(), inset)]
    for kind, moved in ((easy, 0.02), (easy, 0.05), (hard, 0.08)):
        leak = attacks.perspective(moved, seed=_seed(clip, f"perspective {moved}"))
        made.append((kind("At an angle", leak.name), leak))
    return made


def _picture(clip: Clip) -> list[tuple[Line, Leak]]:
    coloured = [
        each(factor)
        for each in (attacks.brightness, attacks.contrast, attacks.saturation, attacks.gamma)
        for factor in (0.5, 1.5)
    ]
    filtered = [attacks.sharpen(), attacks.median(), attacks.blur(), attacks.noise(8, seed=_seed(clip, "noise"))]
    covered = [
        attacks.subtitles(seed=_seed(clip, "subtitles")),
        attacks.sticker(0.25, seed=_seed(clip, "sticker")),
        attacks.other_logo(seed=_seed(clip, "logo")),
        attacks.blackout(0.3, seed=_seed(clip, "blackout")),
    ]
    return [
        *((easy("Colour", leak.name), leak) for leak in (*coloured, attacks.hue(), attacks.gray())),
        *((easy("Filtered", leak.name), leak) for leak in (*filtered, attacks.denoise(), attacks.jpeg_frames(40))),
        *((easy("Covered", leak.name), leak) for leak in covered),
    ]


def _time(clip: Clip) -> list[tuple[Line, Leak]]:
    lost = easy("Time", "10% of frames dropped")
    seed = _seed(clip, "dropped")
    return [
        *((easy("Time", f"speed {factor:g}"), attacks.speed(factor)) for factor in (0.8, 0.9, 1.1, 1.25)),
        (easy("Time", "every second frame dropped"), attacks.every_second_frame()),
        *((lost, attacks.dropped(0.1, seed=seed, closed=closed)) for closed in (False, True)),
    ]


def _chains(clip: Clip) -> list[tuple[Line, Leak]]:
    chains = [
        attacks.video_seal_chain(),
        *(attacks.crop_darkened(crf) for crf in (23, 30, 40)),
        attacks.recorded_and_shared(seed=_seed(clip, "recorded")),
    ]
    shot = attacks.screenshot(min(SECONDS, clip.seconds) / 2, seed=_seed(clip, "screenshot"))
    line = hard("One picture", "screenshot of CRF 23, crop 0.71, resize 0.6, JPEG 70")
    return [*((hard("Chains", leak.name), leak) for leak in chains), (line, shot)]


def _filmed(clip: Clip) -> list[tuple[Line, Leak]]:
    seed = _seed(clip, "filmed")
    shared = attacks.filmed_and_shared(seed=seed)
    return [(hard("At an angle", "filmed"), attacks.filmed(seed=seed)), (hard("Chains", shared.name), shared)]
