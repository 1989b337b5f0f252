"""Why a leak did not name anyone, from what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.frames import layout_of, luma_and_chroma, planes
from tracemark.recovery.statistics import score_needed
from tracemark.remarks import remark

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.frames import Frame
    from tracemark.remarks import Remark

PILOT_SEEN = 12.0
"""Score of the pilot in the whole picture as it stands at which a mark seems to be there; unmarked clips reach 9.2. In
geometries that were searched for the pilot itself its score tells nothing: another key's mark lends it up to 40."""

SUSPECTED = 1e-5
"""`p_false` of a message at which a mark seems to be there, whatever the pilot shows."""

WORTH = 0.5
"""`p_false` of a message under which it is kept in mind."""

SMALL_SIDE = 240
"""Shorter side, in pixels, under which the mark's finer half is lost."""

DATA_TO_PILOT = 2.0
"""Ratio of the message's score to the pilot's at the true offset, typical of weak leaks."""

LOOKS = 25
"""Frames between two looks at a leak's contrast and sharpness."""

LONG_SIDE = 320
"""Longest side, in pixels, of the small picture in which sharpness is measured: the mark's own grid."""

FINE, COARSE = 0.8, 2.4
"""Deviations of the Gaussians that leave what is as fine as the mark, and what is up to three times as coarse."""

BLURRED = 0.2
"""Share of the coarser detail that is as fine as the mark, under which a picture is too blurred: real clips have 0.31
to 0.64, and 0.16 to 0.19 after a Gaussian that leaves 0.2 of the mark (deviation 1.5 pixels of the small picture)."""


@dataclass
class Quality:
    """What is plain to see of a leak's picture.

    Attributes
    ----------
    width, height : int
    contrast : float
        Largest standard deviation of luma seen so far, in levels.
    sharpness : float
        Largest share of detail as fine as the mark so far.
    """

    width: int = 0
    height: int = 0
    contrast: float = 0.0
    sharpness: float = 0.0
    _seen: int = 0

    def look(self, frame: Frame) -> None:
        """Note a frame's size and, now and then, its contrast and sharpness.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
        """
        if self._seen % LOOKS == 0:
            layout = layout_of(frame)
            luma, _ = luma_and_chroma(planes(frame, layout), layout)
            self.height, self.width = luma.shape[:2]
            self.contrast = max(self.contrast, float(np.std(luma[::4, ::4])) / layout.levels)
            self.sharpness = max(self.sharpness, _sharpness(luma))
        self._seen += 1


def _sharpness(luma: NDArray[np.generic]) -> float:
    shrink = LONG_SIDE / max(luma.shape)
    size = (max(round(luma.shape[1] * shrink), 1), max(round(luma.shape[0] * shrink), 1))
    small = np.asarray(cv2.resize(np.asarray(luma, np.float32), size, interpolation=cv2.INTER_AREA), np.float32)
    fine, coarse = (float(np.std(small - cv2.GaussianBlur(small, (0, 0), each))) for each in (FINE, COARSE))
    return fine / max(coarse, 1e-6)


def explain(
    quality: Quality,
    *,
    found: bool,
    foreign: bool,
    suspected: bool,
    still: bool,
    pilot: float,
    score: float,
    trials: int,
    seconds: float,
    several_keys: bool,
    searched: bool,
) -> list[Remark]:
    """Say what stood in the way and what would help.

    Parameters
    ----------
    quality : Quality
    found, foreign, suspected, still : bool
        Whether a member is named, whether `p_false` leaves room for foreign material, whether a mark seems to be there
        all the same, whether it is one picture.
    pilot : float
        The pilot's best score.
    score : float
        The message's best score.
    trials : int
        Evidence vectors decoded.
    seconds : float
        Length of what was read.
    several_keys : bool
    searched : bool
        Whether other sizes, angles and parts of the picture were looked for, too.

    Returns
    -------
    list of Remark
        Empty if a member was found.
    """
    if found:
        return []
    why: list[Remark] = []
    needed = score_needed(trials)
    keys = remark("any_key" if several_keys else "this_key")
    if not foreign:
        why += [remark("ambiguous", keys=keys), remark("ambiguous_help")]
    elif suspected:
        why.append(remark("suspected", keys=keys, pilot=pilot, seen=PILOT_SEEN, score=score, needed=needed))
        likely = max(score, DATA_TO_PILOT * pilot * 0.5)
        more = seconds * max((needed / min(likely, needed * 0.95)) ** 2 - 1, 0.1)
        why.append(remark("suspected_still_help") if still else remark("suspected_help", more=more))
    elif still:
        why += [remark("still", keys=keys, score=score, needed=needed), remark("still_help")]
    else:
        why.append(remark("unseen" if searched else "unseen_in_place", keys=keys, pilot=pilot, seen=PILOT_SEEN))
        if not searched:
            why.append(remark("unseen_in_place_help"))
        if seconds < 2:
            why.append(remark("short", seconds=seconds))
    if min(quality.width, quality.height) < SMALL_SIDE:
        why.append(remark("small", width=quality.width, height=quality.height))
    if quality.contrast >= 2 and quality.sharpness < BLURRED:
        why.append(remark("blurred", sharpness=quality.sharpness, needed=BLURRED))
    if quality.contrast < 2:
        why.append(remark("uniform"))
    return why
