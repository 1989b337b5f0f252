"""What the visible code adds to a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tracemark.recovery.visible.agreement import disagreements
from tracemark.recovery.visible.sighting import visible_codes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracemark.keys import Key
    from tracemark.overlay import SessionCode
    from tracemark.recovery.decoder import Effort
    from tracemark.recovery.verdict import Decoding, Disagreement
    from tracemark.recovery.visible.album import Album


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
    codes = visible_codes(album.pages(), geometries, keys, effort=effort, code=code)
    odd = disagreements(codes, decoding.members)
    why = [_in_words(each) for each in odd]
    if codes and not decoding.members:
        why.append("only the visible code names somebody; anybody can paste a code, so it is no proof without the mark")
    return replace(decoding, visible_codes=tuple(codes), disagreements=tuple(odd), reasons=(*decoding.reasons, *why))


def _in_words(odd: Disagreement) -> str:
    seen, marks = odd.visible.payload, [each.payload for each in odd.invisible]
    named = " and ".join(f"session {each.session}, member {each.member}" for each in marks)
    across = sum(x for x, _ in odd.visible.outline) / 4
    down = sum(y for _, y in odd.visible.outline) / 4
    return (
        f"the visible code names session {seen.session}, member {seen.member}, but the mark under it names {named} "
        f"(from {odd.start:.1f} to {odd.end:.1f} s of the leak, at {100 * across:.0f} % across and {100 * down:.0f} % "
        "down): spliced, forged or pasted"
    )
