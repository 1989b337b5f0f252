"""What a report says of others than those it names: whom a visible code names, and who fits the mark next best."""

from __future__ import annotations

from math import floor

from tracemark.evidence.report.document import Block, Facts, Heading, Paragraph
from tracemark.evidence.report.findings import Findings
from tracemark.evidence.report.words import Words
from tracemark.payload import Payload
from tracemark.recovery.verdict import VisibleCode
from tracemark.telling.words import clock_time


def codes_read(findings: Findings, say: Words) -> tuple[Block, ...]:
    """Tell of the visible codes, and hold each against the mark.

    Parameters
    ----------
    findings : Findings
    say : Words

    Returns
    -------
    tuple of Block
    """
    codes = findings.decoding.visible_codes
    if not codes:
        return (Paragraph(say("code.none")),)
    titles = tuple(say(f"code.{name}") for name in ("code", "names", "seen", "sure", "mark"))
    told = [tuple(zip(titles, _read(code, findings, say), strict=True)) for code in codes]
    blocks: list[Block] = [Paragraph(say("code.read")), *(Facts(rows, titles[:1]) for rows in told)]
    if findings.decoding.disagreements:
        blocks.append(Paragraph(say("code.disagreement"), strong=True))
    return tuple(blocks)


def rivals(findings: Findings, say: Words) -> tuple[Block, ...]:
    """Tell of the known viewers whom the leak was compared with, and who fits next best.

    Parameters
    ----------
    findings : Findings
    say : Words

    Returns
    -------
    tuple of Block
    """
    if not findings.candidates:
        return (Paragraph(say("rival.none")),)
    count, members = f"{findings.candidates:,}", findings.decoding.members
    blocks: list[Block] = [Paragraph(say("rival.compared" if members else "rival.nobody", count=count))]
    if findings.session:
        blocks.append(Paragraph(say("rival.session", session=findings.session)))
    for number, member in enumerate(members):
        if len(members) > 1:
            blocks.append(Heading(say("found.several", number=number + 1, count=len(members))))
        told = say("rival.alone")
        if member.runner_up and member.margin is not None:
            rival = _called(member.runner_up, findings, say)
            told = say("rival.is", runner_up=rival, margin=f"{member.margin:.1f}")
        blocks.append(Paragraph(told))
    return tuple(blocks)


def _read(code: VisibleCode, findings: Findings, say: Words) -> tuple[str, ...]:
    """Tell of one visible code, in the order of their titles."""
    decoding = findings.decoding
    seen = say("certainty.read_still")
    if decoding.seconds_used:
        seen = say("found.seen_value", start=clock_time(code.start), end=clock_time(code.end))
    if any(odd.visible == code for odd in decoding.disagreements):
        mark = say("code.disagrees")
    elif any((code.payload, code.key_id) == (each.payload, each.key_id) for each in decoding.members):
        mark = say("code.agrees")
    else:
        mark = say("code.alone")
    sure = f"{floor(code.confidence * 1000) / 10:.1f} %"  # never rounded up to certainty
    return code.code, _called(code.payload, findings, say), seen, sure, mark


def _called(payload: Payload, findings: Findings, say: Words) -> str:
    """Tell within a line who a payload stands for: the numbers, and what the list of viewers adds."""
    numbers = say("pictures.member", session=payload.session, member=payload.member)
    identity = findings.called.get(payload)
    if identity is None:
        return numbers
    names = f"{identity.session} / {identity.member}"
    if findings.disclose:
        names += ", " + (" / ".join(identity.names) if identity.names else say("found.erased"))
    return say("found.called", numbers=numbers, names=names)
