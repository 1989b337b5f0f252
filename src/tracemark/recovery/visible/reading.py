"""What the visible code adds to a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tracemark.recovery.visible.agreement import disagreements
from tracemark.recovery.visible.sighting import visible_codes
from tracemark.recovery.visible.view import LEGIBLE, NARROWEST
from tracemark.remarks import remark

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracemark.keys import Key
    from tracemark.overlay import SessionCode
    from tracemark.payload import Payload
    from tracemark.recovery.decoder import Effort
    from tracemark.recovery.verdict import Decoding, Disagreement
    from tracemark.recovery.visible.album import Album
    from tracemark.remarks import Remark


def with_visible(
    decoding: Decoding,
    album: Album,
    keys: Sequence[Key],
    *,
    effort: Effort = "normal",
    code: SessionCode | None = None,
) -> Decoding:
    """Read the visible codes of a leak whose mark was decoded, and compare both.

    Parameters
    ----------
    decoding : Decoding
    album : Album
        Of the same leak.
    keys : sequence of Key
    effort : {"fast", "normal", "max"}
    code : SessionCode, optional
        What the marker was told to draw; the default one if nobody says.

    Returns
    -------
    Decoding
        With `visible_codes`, `disagreements` and reasons added. The verdict stays: it is the invisible mark's.
    """
    geometries = [member.geometry for member in decoding.members] or [decoding.geometry]
    narrowest = LEGIBLE if decoding.members and effort != "max" else NARROWEST
    codes = visible_codes(album.pages(), geometries, keys, effort=effort, code=code, narrowest=narrowest)
    odd = disagreements(codes, decoding.members)
    why = [_told(each) for each in odd]
    if codes and not decoding.members:
        why.append(remark("code_alone"))
    return replace(decoding, visible_codes=tuple(codes), disagreements=tuple(odd), why=(*decoding.why, *why))


def _told(odd: Disagreement) -> Remark:
    outline = odd.visible.outline
    return remark(
        "code_disagrees",
        seen=_somebody(odd.visible.payload),
        marked=tuple(_somebody(each.payload) for each in odd.invisible),
        start=odd.start,
        end=odd.end,
        across=100 * sum(x for x, _ in outline) / 4,
        down=100 * sum(y for _, y in outline) / 4,
    )


def _somebody(payload: Payload) -> Remark:
    return remark("somebody", session=payload.session, member=payload.member)
