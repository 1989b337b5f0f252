"""Find where and how fast a host runs in a leak: every kind of evidence is searched, the phases decide."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.cores import count as threads
from tracemark.cores import in_order
from tracemark.recovery.search import affine, placing
from tracemark.recovery.search.placement import Pilot, Placement
from tracemark.recovery.search.refining import refine, refine_still
from tracemark.recovery.search.sliding import slides
from tracemark.recovery.search.spectrum import Spectrum, spectrum, together
from tracemark.recovery.search.turning import STILL_CLIP, Turning, even, locked, turning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from tracemark.profile import Profile
    from tracemark.recovery.reel import Picture, Reel

    Complex = NDArray[np.complex64]
    Samples = NDArray[np.float32]
    Doubles = NDArray[np.float64]

SEARCH_SIDE = 640
"""Longest side of the searched images, in pixels."""

WHOLE = 1e9
"""Seconds of a stretch that is longer than any."""

STRETCH = 2.88
"""Seconds of a stretch that is locked to the pilot in step; longer ones lose what lives in a moment."""

SPEEDS = (0.8, 0.9, 1.12, 1.26)
"""Speeds tried beside 1; a stretch answers to 12 % to both sides."""

PART = 0.6
"""Width and height of a part of the picture that is searched by itself, over the picture's: a picture seen at an angle
is bent less in a part, and one that lies in a corner fills more of it."""

SMALL_PART = 0.35
"""The same for a picture seen at a steep angle: corners moved by 8 % leave the carriers of so small a part in step."""

CORNERS = ((0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (0.0, 1.0), (1.0, 1.0))
"""Places of the parts: left and top, from 0 to 1."""

NINTHS = tuple((left, top) for top in (0.0, 0.5, 1.0) for left in (0.0, 0.5, 1.0))
"""Places of the small parts."""

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

STRONG = 14.0
"""Score of a linear map at which other speeds and key frames need not be asked."""

SEEN = 4.3
"""Score of a place that is worth a look; chance reaches 4.7 over all places of all maps."""


SLID = 8
"""Places of a single picture that stands upright, beside those that are found in other ways."""


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


_Placed = tuple[placing.Place, _Evidence]
"""A place, and the evidence in which it was found."""


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
    over_time = len(reel.pictures) > 1
    whole, short = (locked(turned, profile, seconds, 1.0) if over_time else [] for seconds in (WHOLE, STRETCH))
    if over_time:
        _ask(_strong_evidence(turned, whole, short), guesses)
    unsure = {pilot: made for pilot, made in guesses.items() if max((g.score for g in made), default=0.0) < STRONG}
    if unsure:
        if over_time:
            _ask(_weak_evidence(turned, whole, short, profile), unsure)
        _ask(_key_frames(turned, reel), unsure)
    found: list[Placement] = []
    for pilot, made in guesses.items():
        made.sort(key=lambda guess: -guess.score)
        best = made[:LISTENED]
        heard = in_order(partial(_places, pilot=pilot, count=count), best)
        placed = [(place, guess.evidence) for guess, there in zip(best, heard, strict=True) for place in there]
        placed.sort(key=lambda pair: -pair[0].score)
        least = max(SEEN, RIVAL * placed[0][0].score) if placed else 0.0
        worthy = [pair for pair in placed if pair[0].score >= least]
        refined = partial(_refined, turned=turned, pilot=pilot, profile=profile)
        found += _chosen(worthy, turned, reel.size, refined, count)
        if not over_time:
            found += _slid(turned, reel, pilot, found)
    return sorted(found, key=lambda each: -each.score)


def _slid(turned: Turning, reel: Reel, pilot: Pilot, known: Sequence[Placement]) -> list[Placement]:
    """Slide a pilot over the one picture of a reel; what is known already is left out.

    These places are not refined: one picture's pilot is too weak to bend a map by.
    """
    picture = reel.pictures[0]
    return [
        Placement(pilot.key, place.score, turned.to_reel @ place.matrix, 1.0, picture.time)
        for place in slides(_even_still(turned, picture), pilot, SLID)
        if not any(_same(place.matrix, other.matrix, turned.shrink, reel.size) for other in known)
    ]


def _chosen(
    worthy: Sequence[_Placed],
    turned: Turning,
    size: tuple[int, int],
    refined: Callable[[_Placed], Placement],
    count: int,
) -> list[Placement]:
    """Refine the best places, but none that a better one was refined to."""
    likely: dict[int, Doubles] = {}
    if threads() > 1:  # those that will be chosen unless refining moves a better one far: they need not wait for it
        for number, (place, _) in enumerate(worthy):
            if len(likely) == count:
                break
            if not any(_same(place.matrix, other, turned.shrink, size) for other in likely.values()):
                likely[number] = turned.to_reel @ place.matrix
    ready = dict(zip(likely, in_order(refined, [worthy[number] for number in likely]), strict=True))
    chosen: list[Placement] = []
    for number, pair in enumerate(worthy):
        if len(chosen) == count:
            break
        if not any(_same(pair[0].matrix, other.matrix, turned.shrink, size) for other in chosen):
            chosen.append(ready[number] if number in ready else refined(pair))
    return chosen


def whole_places(turned: Turning, pilot: Pilot, profile: Profile) -> list[placing.Place]:
    """Search the whole picture over the whole stretch alone.

    Parameters
    ----------
    turned : Turning
    pilot : Pilot
    profile : Profile

    Returns
    -------
    list of Place
        The best one, if there is any.
    """
    evidence = _Evidence(locked(turned, profile, WHOLE, 1.0), 1.0, None, side=_side(turned))
    guesses: dict[Pilot, list[_Guess]] = {pilot: []}
    _ask([evidence], guesses)
    placed = [place for guess in guesses[pilot] for place in _places(guess, pilot, 1)]
    return sorted(placed, key=lambda place: -place.score)[:1]


def _strong_evidence(turned: Turning, whole: list[Complex], short: list[Complex]) -> Iterator[_Evidence]:
    yield _Evidence(whole, 1.0, None, side=_side(turned))
    if turned.times[-1] - turned.times[0] > STRETCH:
        yield _Evidence(short, 1.0, None, side=_side(turned))


def _weak_evidence(
    turned: Turning, whole: list[Complex], short: list[Complex], profile: Profile
) -> Iterator[_Evidence]:
    for speed in SPEEDS:
        yield _Evidence(locked(turned, profile, STRETCH, speed), speed, None, side=_side(turned))
    yield from _parts(whole, PART, CORNERS, _side(turned))
    yield from _parts(short, SMALL_PART, NINTHS, _side(turned))


def _key_frames(turned: Turning, reel: Reel) -> Iterator[_Evidence]:
    keys = [each for each in reel.pictures if each.key_frame] or reel.pictures[:1]
    for picture in keys[:KEY_FRAMES]:
        image = _even_still(turned, picture).astype(np.complex64)
        yield _Evidence([image], 1.0, picture.time, side=_side(turned))


def _even_still(turned: Turning, picture: Picture) -> Samples:
    """Make a picture even, of the size of the turned images."""
    height, width = turned.images.shape[1:]
    small = cv2.resize(picture.luma, (width, height), interpolation=cv2.INTER_AREA)
    return even(np.asarray(small, np.float32), STILL_CLIP)


def _parts(
    images: list[Complex], share: float, places: Sequence[tuple[float, float]], side: int
) -> Iterator[_Evidence]:
    """Cut parts out of images, at places from 0 (left, top) to 1 (right, bottom)."""
    height, width = images[0].shape
    for left, top in places:
        x, y = round(left * (1 - share) * width), round(top * (1 - share) * height)
        cut = (slice(y, y + round(share * height)), slice(x, x + round(share * width)))
        yield _Evidence([image[cut] for image in images], 1.0, None, (x, y), side)


def _side(turned: Turning) -> int:
    return int(max(turned.images.shape[1:]))


def _ask(evidence: Iterable[_Evidence], guesses: dict[Pilot, list[_Guess]]) -> None:
    """Add to each pilot's guesses what each kind of evidence makes of it; its spectra are not kept."""

    def told(each: _Evidence) -> list[list[_Guess]]:
        spectra = [spectrum(image) for image in each.images]
        all_of_them = together(spectra)
        return [_guesses(each, spectra, all_of_them, pilot) for pilot in guesses]

    for by_pilot in in_order(told, evidence):
        for made, fresh in zip(guesses.values(), by_pilot, strict=True):
            made.extend(fresh)


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


def _refined(placed: _Placed, turned: Turning, pilot: Pilot, profile: Profile) -> Placement:
    place, evidence = placed
    if evidence.moment is None:
        return refine(place.matrix, place.score, turned, pilot, profile)
    image = evidence.images[0].real
    return refine_still(place.matrix, place.score, image, evidence.moment, turned, pilot)
