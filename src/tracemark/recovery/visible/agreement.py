"""Do the visible code and the invisible mark say the same? If not, somebody has spliced, forged or pasted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.recovery.track import RECORD_SECONDS
from tracemark.recovery.verdict import Disagreement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracemark.recovery.verdict import Member, VisibleCode

EDGE_OF_TIME = 0.5
"""Seconds by which what is seen of a code may lie outside a mark's interval."""


def disagreements(codes: Sequence[VisibleCode], members: Sequence[Member]) -> list[Disagreement]:
    """Find visible codes under which another member's mark was read.

    A mark's interval is known to a record, so a code that appears within `RECORD_SECONDS` of its own member's mark is
    given the benefit of the doubt. Of several pictures side by side, the one that the code lies in counts.

    Parameters
    ----------
    codes : sequence of VisibleCode
    members : sequence of Member

    Returns
    -------
    list of Disagreement
        In the order of the codes; at most one for each.
    """
    found = []
    for code in codes:
        odd: list[tuple[float, float]] = []
        others: dict[int, Member] = {}
        for start, end in code.seen:
            under = [each for each in members if _during(each, start, end, EDGE_OF_TIME)]
            inside = [each for each in under if _inside(code, each)] or under
            near = [each for each in members if _during(each, start, end, RECORD_SECONDS)]
            if inside and not any(_same(code, each) for each in (*inside, *near)):
                odd.append((start, end))
                others |= {members.index(each): each for each in inside}
        if odd:
            found.append(Disagreement(code, tuple(others.values()), odd[0][0], odd[-1][1]))
    return found


def _during(member: Member, start: float, end: float, slack: float) -> bool:
    return start <= member.end + slack and end >= member.start - slack


def _same(code: VisibleCode, member: Member) -> bool:
    return (code.payload, code.key_id) == (member.payload, member.key_id)


def _inside(code: VisibleCode, member: Member) -> bool:
    middle = np.mean(np.array(code.outline), axis=0)
    corners = np.array(member.geometry.outline, np.float32)
    point = (float(middle[0]), float(middle[1]))
    return bool(cv2.pointPolygonTest(cv2.convexHull(corners), point, measureDist=False) >= 0)
