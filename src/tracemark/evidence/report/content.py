"""What a report says, section by section, in the words of its language."""

from __future__ import annotations

from collections.abc import Sequence

from tracemark import __version__
from tracemark.evidence.canonical import stamp
from tracemark.evidence.knowledge import Access, Watching
from tracemark.evidence.report.comparing import codes_read, rivals
from tracemark.evidence.report.document import (
    Block,
    Code,
    Document,
    Facts,
    Figure,
    Heading,
    Paragraph,
    Points,
    Section,
    Table,
)
from tracemark.evidence.report.figures import Drawn
from tracemark.evidence.report.findings import Findings
from tracemark.evidence.report.words import Words, probability, words
from tracemark.profile import PROFILE
from tracemark.recovery.statistics import RADEMACHER_CONSTANT, score_needed
from tracemark.recovery.verdict import Member
from tracemark.remarks import Language, Remark
from tracemark.telling.words import clock_time, placing

PICTURE = 0.8
"""Share of the text's width that a picture of the leak takes: two of them and the evidence over time fill a page."""

VERIFY = "tracemark verify . --public-key OPERATOR.pub"


def compose(findings: Findings, drawn: Drawn, language: Language) -> Document:
    """Write a report.

    Parameters
    ----------
    findings : Findings
    drawn : Drawn
        Its pictures, in the same language.
    language : {'en', 'ja'}

    Returns
    -------
    Document
    """
    say = words(language)
    decoding = findings.decoding
    verdict = decoding.verdict
    headline = say(f"verdict.{verdict}_headline") if verdict != "found" else _headline(findings, say)
    values = {"p_false": probability(decoding.p_false), "p_mistaken": probability(decoding.p_mistaken)}
    sections = [
        Section(say("section.found"), _found(findings, say)),
        Section(say("section.certainty"), _certainty(findings, say)),
        Section(say("section.limits"), (Points(tuple(say(f"limits.{name}") for name in say.tables["limits"])),)),
        Section(say("section.pictures"), _pictures(findings, drawn, say)),
        Section(say("section.code"), codes_read(findings, say)),
        Section(say("section.watching"), _watching(findings, say)),
        Section(say("section.rival"), rivals(findings, say)),
        Section(say("section.searches"), _searches(findings, say)),
        Section(say("section.leak"), _leak(findings, say)),
        Section(say("section.repeat"), _repeat(findings, say)),
        Section(say("section.seal"), _seal(findings, say)),
    ]
    if decoding.why:
        sections.insert(2, Section(say("section.reasons"), (Points(_told(decoding.why, say)),)))
    return Document(
        language=language,
        title=say("document.title"),
        subtitle=say("document.subtitle", name=findings.name, created=_minute(findings)),
        tone=verdict,
        verdict=say(f"verdict.{verdict}"),
        headline=headline,
        summary=say(f"verdict.{verdict}_text", **values),
        sections=tuple(sections),
        footer=say("document.footer", version=__version__),
        page=say("document.page"),
    )


def _told(remarks: Sequence[Remark], say: Words) -> tuple[str, ...]:
    return tuple(each.words(say.language) for each in remarks)


def _minute(findings: Findings) -> str:
    return f"{findings.created:%Y-%m-%d %H:%M} UTC"


def _headline(findings: Findings, say: Words) -> str:
    members = findings.decoding.members
    if len(members) > 1:
        return say("verdict.found_several", count=len(members))
    return say("verdict.found_headline", member=members[0].payload.member, session=members[0].payload.session)


def _found(findings: Findings, say: Words) -> tuple[Block, ...]:
    members = findings.decoding.members
    if not members:
        rows = [(say("found.p_false"), probability(findings.decoding.p_false))]
        rows += [(say("found.key"), findings.decoding.key_id)] if findings.decoding.key_id else []
        return Paragraph(say("found.nobody")), Facts(tuple(rows), (say("found.key"),))
    blocks: list[Block] = []
    for number, member in enumerate(members):
        if len(members) > 1:
            blocks.append(Heading(say("found.several", number=number + 1, count=len(members))))
        rows = _who(findings, number, say) + _where(findings, member, say)
        blocks.append(Facts(tuple(rows), (say("found.key"),)))
    return (*blocks, Paragraph(say("found.numbers")))


def _who(findings: Findings, number: int, say: Words) -> list[tuple[str, str]]:
    """Tell of one member who it is: the numbers, and what the list of viewers adds."""
    payload = findings.decoding.members[number].payload
    rows = [(say("found.session"), str(payload.session)), (say("found.member"), str(payload.member))]
    if findings.known is None:
        return rows
    identity = findings.known[number].identity
    if identity is None:
        return [*rows, (say("found.name"), say("found.unknown"))]
    rows.append((say("found.pseudonym"), f"{identity.session} / {identity.member}"))
    if findings.disclose:
        rows.append((say("found.name"), " / ".join(identity.names) if identity.names else say("found.erased")))
    return rows


def _where(findings: Findings, member: Member, say: Words) -> list[tuple[str, str]]:
    """Tell of one member how sure it is, and when and where in the leak they were seen."""
    decoding = findings.decoding
    rows = [
        (say("found.p_false"), probability(member.p_false)),
        (say("found.p_mistaken"), probability(member.p_mistaken)),
        (say("found.key"), member.key_id),
    ]
    if decoding.seconds_used:
        seen = say("found.seen_value", start=clock_time(member.start), end=clock_time(member.end))
        rows.append((say("found.seen"), seen))
    told = say("found.media_time_none")
    if member.media_time is not None:
        told = say("found.media_time_value", time=clock_time(member.media_time))
    rows.append((say("found.media_time"), told))
    if member.method == "registry":
        rows.append((say("found.method"), say("found.recognised", count=f"{findings.candidates:,}")))
    rows.append((say("found.place"), placing(member.geometry, decoding.size, say.phrases)))
    if member.speed is not None and member.speed != 1:
        rows.append((say("found.speed"), say("found.speed_value", speed=f"{member.speed:.4g}")))
    return rows


def _certainty(findings: Findings, say: Words) -> tuple[Block, ...]:
    decoding = findings.decoding
    score = say("certainty.score_plain", score=f"{decoding.score:.1f}")
    if decoding.method == "payload":
        needed = f"{score_needed(max(decoding.trials, 1)):.1f}"
        score = say("certainty.score_value", score=f"{decoding.score:.1f}", needed=needed)
    read = say("certainty.read_still")
    if decoding.seconds_used:
        read = say("certainty.read_value", frames=decoding.frames_used, seconds=f"{decoding.seconds_used:.1f}")
    rows = (
        (say("certainty.score"), score),
        (say("certainty.read"), read),
    )
    return Paragraph(say("certainty.found")), Paragraph(say("certainty.mistaken")), Facts(rows)


def _pictures(findings: Findings, drawn: Drawn, say: Words) -> tuple[Block, ...]:
    moment = f"{drawn.moment:.1f}"
    name = "pictures.outline" if findings.decoding.members else "pictures.frame"
    blocks: list[Block] = [Figure(drawn.outline, "jpg", say(name, moment=moment), PICTURE)]
    if drawn.places:
        blocks.append(Figure(drawn.places, "jpg", say("pictures.places"), PICTURE))
    if drawn.times:
        blocks.append(Figure(drawn.times, "png", say("pictures.times")))
    difference = drawn.difference
    if difference and findings.host:
        values = {"host": findings.host.name, "match": f"{difference.match:.2f}"}
        if difference.picture is None:
            blocks.append(Paragraph(say("pictures.no_difference", **values)))
        else:
            time = clock_time(difference.time)
            caption = say("pictures.difference", **values, time=time, gain=f"{difference.gain:g}")
            blocks.append(Figure(difference.picture, "jpg", caption))
    return tuple(blocks)


def _watching(findings: Findings, say: Words) -> tuple[Block, ...]:
    if findings.known is None:
        return (Paragraph(say("watching.none")),)
    blocks: list[Block] = []
    for number, known in enumerate(findings.known):
        if len(findings.known) > 1:
            blocks.append(Heading(say("found.several", number=number + 1, count=len(findings.known))))
        blocks += _moment(known.watching, say, disclose=findings.disclose)
    return tuple(blocks) or (Paragraph(say("found.nobody")),)


def _moment(watching: Watching, say: Words, *, disclose: bool) -> Sequence[Block]:
    if watching.moment is None:
        blocks: list[Block] = [Paragraph(say("watching.no_moment"))]
    else:
        blocks = [Paragraph(say("watching.moment", moment=stamp(watching.moment)))]
    if watching.records:
        header = tuple(say(f"watching.{name}") for name in ("time", "what", "member", "address"))
        rows = [
            (stamp(each.time), say(f"watching.{each.what}"), each.member, _address(each, say, disclose=disclose))
            for each in watching.records
        ]
        blocks.append(Table(header, tuple(rows)))
    elif watching.moment is not None:
        blocks.append(Paragraph(say("watching.no_records")))
    if watching.others is not None:
        blocks.append(Paragraph(say("watching.others", count=f"{watching.others:,}")))
    if watching.against:
        blocks += [Paragraph(say("watching.contradicted"), strong=True), Points(_told(watching.against, say))]
    elif watching.records:
        blocks.append(Paragraph(say("watching.agreed")))
    return blocks


def _address(record: Access, say: Words, *, disclose: bool) -> str:
    if not disclose:
        return say("watching.hidden")
    if record.address is None:
        return say("leak.unsaid")
    return record.address if record.port is None else say("watching.port", address=record.address, port=record.port)


def _searches(findings: Findings, say: Words) -> tuple[Block, ...]:
    decoding = findings.decoding
    trials = f"{max(decoding.trials, 1):,}"
    how = say(f"searches.{findings.effort}")
    rows = (
        (say("searches.keys"), ", ".join(findings.keys)),
        (say("searches.effort"), say("searches.effort_value", effort=findings.effort, how=how)),
        (say("searches.whole"), say("searches.yes" if findings.whole else "searches.no")),
        (say("searches.trials"), trials),
        (say("searches.best"), f"{decoding.score:.2f}"),
    )
    blocks: list[Block] = [Facts(rows, (say("searches.keys"),)), Paragraph(say("searches.text"))]
    blocks.append(Paragraph(say("searches.formula", trials=trials, constant=RADEMACHER_CONSTANT), strong=True))
    if findings.candidates:
        blocks.append(Paragraph(say("searches.compared")))
        values = {"candidates": f"{findings.candidates:,}", "constant": RADEMACHER_CONSTANT}
        blocks.append(Paragraph(say("searches.known_formula", **values), strong=True))
    return (*blocks, Paragraph(say("searches.bound")))


def _leak(findings: Findings, say: Words) -> tuple[Block, ...]:
    unsaid = say("leak.unsaid")
    rows = [
        (say("leak.name"), findings.name),
        (say("leak.source"), findings.source_url or unsaid),
        (say("leak.captured"), findings.captured_by or unsaid),
        (say("leak.size"), say("leak.size_value", bytes=f"{findings.digests.size:,}")),
        (say("leak.sha256"), findings.digests.sha256),
        (say("leak.md5"), findings.digests.md5),
    ]
    if findings.pdq:
        rows.append((say("leak.pdq"), say("leak.pdq_value", bits=findings.pdq.bits, quality=findings.pdq.quality)))
    if findings.host_sha256:
        rows.append((say("leak.host"), findings.host_sha256))
    exact = tuple(say(f"leak.{name}") for name in ("source", "sha256", "md5", "pdq", "host"))
    return (Facts(tuple(rows), exact),)


def _repeat(findings: Findings, say: Words) -> tuple[Block, ...]:
    software = ", ".join(f"{name} {version}" for name, version in findings.versions.items())
    rows = (
        (say("repeat.profile"), say("repeat.profile_value", version=PROFILE.version)),
        (say("repeat.software"), software),
    )
    return (
        Paragraph(say("repeat.decode")),
        Code(findings.repeat),
        *([Paragraph(say("repeat.compared"))] if findings.candidates else []),
        Paragraph(say("repeat.verify")),
        Code(VERIFY),
        Heading(say("repeat.versions")),
        Facts(rows),
    )


def _seal(findings: Findings, say: Words) -> tuple[Block, ...]:
    signed = findings.signing_key is not None
    blocks = [Paragraph(say("seal.signed", key=findings.signing_key) if signed else say("seal.unsigned"))]
    if findings.authority:
        name = "seal.stamped" if signed else "seal.stamped_unsigned"
        blocks.append(Paragraph(say(name, url=findings.authority)))
    elif findings.stamp_failure:
        blocks.append(Paragraph(say("seal.failed", why=findings.stamp_failure)))
    else:
        blocks.append(Paragraph(say("seal.unstamped")))
    return (*blocks, Paragraph(say("seal.custody")))
