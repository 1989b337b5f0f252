"""Find where and how fast a host runs in a leak: every kind of evidence is searched, the phases decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.recovery.search import affine, bending, placing
from tracemark.recovery.search.spectrum import Spectrum, spectrum, together
from tracemark.recovery.search.turning import STILL_CLIP, Turning, even, locked, turning

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from tracemark.keys import Key
    from tracemark.profile import Profile
    from tracemark.recovery.reel import Reel

    Samples = NDArray[np.float32]
    Complex = NDArray[np.complex64]
    Doubles = NDArray[np.float64]

SEARCH_SIDE = 640
"""Longest side of the searched images, in pixels."""

WHOLE = 1e9
"""Seconds of a stretch that is longer than any."""

STRETCH = 2.88
"""Seconds of a stretch that is locked to the pilot in step; longer ones lose what lives in a moment."""

SPEEDS = (0.8, 0.9, 1.12, 1.26)
"""Speeds tried beside 1; a stretch answers to 12 % to both sides."""

FINE_SPEEDS = np.arange(0.76, 1.32, 0.002)
"""Speeds told apart once the place is known."""

PART = 0.6
"""Width and height of a part of the picture that is searched by itself, over the picture's: a picture seen at an angle
is bent less in a part, and one that lies in a corner fills more of it."""

KEY_FRAMES = 3
"""Key frames searched each by itself."""

GUESSES = 4
"""Linear maps that are taken from each kind of evidence."""

ALIKE = 0.03
"""Linear maps that differ by less than this share are one."""

LISTENED = 32
"""Linear maps, the best of all kinds of evidence, whose phases are asked."""

RIVAL = 0.65
"""Share of the best place's score under which others are no second host but its echoes."""

SETTLED = 0.9
"""Share of the best speed's strength at which speed 1 is believed instead."""

STRONG = 14.0
"""Score of a linear map at which other speeds and key frames need not be asked."""

SEEN = 4.3
"""Score of a place that is worth a look; chance reaches 4.7 over all places of all maps."""


@dataclass(frozen=True, eq=False)
class Pilot:
    """A key's carriers.

    Parameters
    ----------
    key : Key
    frequencies : ndarray of float64, shape (carriers, 2)
        Cycles per long side of the host.
    phases : ndarray of float64, shape (carriers,)
        Radians at its middle.
    """

    key: Key
    frequencies: Doubles
    phases: Doubles


@dataclass(frozen=True)
class Placement:
    """A way to look at a leak.

    Attributes
    ----------
    key : Key
        Whose pilot it is.
    score : float
        How well the carriers' phases fit: see `placing.Place`.
    matrix : ndarray of float64, shape (3, 3)
        Homography from the canvas (long sides of the host, from its middle) to pixels of the reel.
    speed : float
        How much faster the leak runs than the stream did.
    moment : float or None
        Time of the one key frame that it was seen in, in seconds of the leak; None if it was seen over time.
    """

    key: Key
    score: float
    matrix: Doubles
    speed: float
    moment: float | None


@dataclass(frozen=True)
class _Evidence:
    """Images to search, all of one part of the picture."""

    images: list[Complex]
    speed: float
    moment: float | None
    corner: tuple[int, int] = (0, 0)
    side: int = SEARCH_SIDE


@dataclass(frozen=True)
class _Guess:
    """A linear map, the evidence that it was made from, and in which of its images the carriers are strongest."""

    score: float
    matrix: Doubles
    evidence: _Evidence
    strongest: int


def find(reel: Reel, pilots: Sequence[Pilot], profile: Profile, *, count: int) -> list[Placement]:
    """Search a reel for hosts of any scale, angle, aspect, mirroring, place and speed.

    Parameters
    ----------
    reel : Reel
    pilots : sequence of Pilot
    profile : Profile
    count : int
        Placements to return at most, for each pilot.

    Returns
    -------
    list of Placement
        Best first.
    """
    turned = turning(reel, profile, SEARCH_SIDE)
    guesses: dict[Pilot, list[_Guess]] = {pilot: [] for pilot in pilots}
    if len(reel.pictures) > 1:
        _ask(_strong_evidence(turned, profile), guesses)
    unsure = {pilot: made for pilot, made in guesses.items() if max((g.score for g in made), default=0.0) < STRONG}
    if unsure:
        _ask(_weak_evidence(turned, reel, profile), unsure)
    found: list[Placement] = []
    for pilot, made in guesses.items():
        made.sort(key=lambda guess: -guess.score)
        placed = [(place, guess.evidence) for guess in made[:LISTENED] for place in _places(guess, pilot, count)]
        placed.sort(key=lambda pair: -pair[0].score)
        chosen: list[Placement] = []
        for place, each in placed:
            if place.score < max(SEEN, RIVAL * placed[0][0].score) or len(chosen) == count:
                break
            if not any(_same(place.matrix, other.matrix, turned.shrink, reel.size) for other in chosen):
                chosen.append(_refined(place, each, turned, pilot, profile))
        found += chosen
    return sorted(found, key=lambda each: -each.score)


def _strong_evidence(turned: Turning, profile: Profile) -> Iterator[_Evidence]:
    yield _Evidence(locked(turned, profile, WHOLE, 1.0), 1.0, None, side=_side(turned))
    if turned.times[-1] - turned.times[0] > STRETCH:
        yield _Evidence(locked(turned, profile, STRETCH, 1.0), 1.0, None, side=_side(turned))


def _weak_evidence(turned: Turning, reel: Reel, profile: Profile) -> Iterator[_Evidence]:
    for speed in SPEEDS if len(reel.pictures) > 1 else ():
        yield _Evidence(locked(turned, profile, STRETCH, speed), speed, None, side=_side(turned))
    height, width = turned.images.shape[1:]
    for image in locked(turned, profile, WHOLE, 1.0) if len(reel.pictures) > 1 else ():
        for top in (0.0, 0.5, 1.0):
            for left in (0.0, 1.0) if top != 0.5 else (0.5,):
                x, y = round(left * (1 - PART) * width), round(top * (1 - PART) * height)
                part = image[y : y + round(PART * height), x : x + round(PART * width)]
                yield _Evidence([part], 1.0, None, (x, y), _side(turned))
    keys = [each for each in reel.pictures if each.key_frame] or reel.pictures[:1]
    for picture in keys[:KEY_FRAMES]:
        small = cv2.resize(picture.luma, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
        yield _Evidence([even(small, STILL_CLIP).astype(np.complex64)], 1.0, picture.time, side=_side(turned))


def _side(turned: Turning) -> int:
    return int(max(turned.images.shape[1:]))


def _ask(evidence: Iterable[_Evidence], guesses: dict[Pilot, list[_Guess]]) -> None:
    """Add to each pilot's guesses what each kind of evidence makes of it; its spectra are not kept."""
    for each in evidence:
        spectra = [spectrum(image) for image in each.images]
        all_of_them = together(spectra)
        for pilot, made in guesses.items():
            made.extend(_guesses(each, spectra, all_of_them, pilot))


def _guesses(evidence: _Evidence, spectra: list[Spectrum], all_of_them: Spectrum, pilot: Pilot) -> list[_Guess]:
    linears: list[affine.Linear] = []
    for each in affine.search(all_of_them, pilot.frequencies, evidence.side, affine.Range(), 6 * GUESSES):
        size = ALIKE * np.abs(each.matrix).max()
        if all(np.abs(each.matrix - other.matrix).max() > size for other in linears):
            linears.append(each)
    made = []
    for each in linears[:GUESSES]:
        climbed = affine.climb([all_of_them], pilot.frequencies, each)
        strength = [affine.scores([one], pilot.frequencies, climbed.matrix[None])[0] for one in spectra]
        made.append(_Guess(climbed.score, climbed.matrix, evidence, int(np.argmax(strength))))
    return made


def _places(guess: _Guess, pilot: Pilot, count: int) -> list[placing.Place]:
    """Places in the whole picture, from the stretch of the evidence in which the carriers are strongest."""
    image = guess.evidence.images[guess.strongest]
    found = placing.places(image, pilot.frequencies, pilot.phases, guess.matrix, count)
    move = np.eye(3)
    move[:2, 2] = guess.evidence.corner
    return [placing.Place(each.score, move @ each.matrix) for each in found]


def _same(one: Doubles, other: Doubles, shrink: float, size: tuple[int, int]) -> bool:
    """Whether two maps put the leak's middle and corners in about the same place; `other` is in pixels of the reel."""
    corners = np.array([[x * size[0], y * size[1], 1] for x in (0.1, 0.5, 0.9) for y in (0.1, 0.5, 0.9)]).T
    first = np.linalg.inv(np.diag([1 / shrink, 1 / shrink, 1]) @ one) @ corners
    second = np.linalg.inv(other) @ corners
    gap = first[:2] / first[2] - second[:2] / second[2]
    return bool(np.abs(gap).max() < 0.1)


def _refined(place: placing.Place, evidence: _Evidence, turned: Turning, pilot: Pilot, profile: Profile) -> Placement:
    grow = np.diag([1 / turned.shrink, 1 / turned.shrink, 1])
    matrix, score = place.matrix, place.score
    if evidence.moment is not None:
        image = evidence.images[0].real
        sign = np.sign(float((image * _seen(pilot, matrix, image.shape)).sum()))
        matrix, _ = bending.refine(np.asarray(image * sign, np.float32), pilot.frequencies, pilot.phases, matrix)
        return Placement(pilot.key, score, grow @ matrix, 1.0, evidence.moment)
    speed = evidence.speed
    for _ in range(2):
        answers = _answers(turned, pilot, matrix)
        speed = _speed(answers, turned.times, profile)
        turns = turned.times * (speed / (2 * profile.slot_seconds))
        phase = np.angle((answers * np.exp(-2j * np.pi * turns)).sum())
        wave = np.cos(2 * np.pi * turns + phase).astype(np.float32)
        image = np.asarray(np.tensordot(wave, turned.images, 1), np.float32)
        matrix, _ = bending.refine(image, pilot.frequencies, pilot.phases, matrix)
    return Placement(pilot.key, score, grow @ matrix, speed, None)


def _seen(pilot: Pilot, matrix: Doubles, shape: tuple[int, ...]) -> Samples:
    """Pilot as it would be seen in an image, with nothing outside the canvas."""
    side = bending.SIDE
    place = (np.arange(side) + 0.5) / side - 0.5
    across = np.exp(2j * np.pi * np.outer(pilot.frequencies[:, 0], place))
    down = np.exp(2j * np.pi * np.outer(pilot.frequencies[:, 1], place) + 1j * pilot.phases[:, None])
    canvas = (down.T @ across).real.astype(np.float32)
    to_canvas = np.array([[side, 0, side / 2 - 0.5], [0, side, side / 2 - 0.5], [0, 0, 1]])
    to_middle = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])
    whole = to_canvas @ np.linalg.inv(matrix) @ to_middle
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(canvas, whole, (shape[1], shape[0]), flags=flags), np.float32)


def _answers(turned: Turning, pilot: Pilot, matrix: Doubles) -> Doubles:
    """Correlate the pilot with every step."""
    seen = _seen(pilot, matrix, turned.images.shape[1:]).ravel()
    return np.asarray(turned.images.reshape(len(turned.images), -1) @ seen, np.float64)


def _speed(answers: Doubles, times: Doubles, profile: Profile) -> float:
    """Speed at which the pilot's answers turn."""
    turns = np.exp(-2j * np.pi * np.outer(FINE_SPEEDS / (2 * profile.slot_seconds), times))
    strength = np.abs(turns @ answers)
    normal = int(np.abs(FINE_SPEEDS - 1).argmin())
    if strength[normal] >= SETTLED * strength.max():
        return 1.0
    return float(FINE_SPEEDS[int(strength.argmax())])
