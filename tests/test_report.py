"""A report tells what was found in two languages, and its folder appears whole or not at all."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from string import Formatter

import cv2
import numpy as np
import pytest

from tests.bundles import PAYLOAD, Sealed, bundle, leak
from tests.media import make
from tests.scenes import KEY, WRONG_KEY, film, mark
from tests.test_verdict_text import FIRST, SECOND, decoding
from tracemark.cli import main
from tracemark.errors import EvidenceError, MediaError, TracemarkError
from tracemark.evidence import Order, SigningKey, manifest, verify
from tracemark.evidence import make as make_bundle
from tracemark.evidence.hashes import digests
from tracemark.evidence.knowledge import Access, Identity, Watching
from tracemark.evidence.report import Findings, compose
from tracemark.evidence.report import content as contents
from tracemark.evidence.report.difference import compare
from tracemark.evidence.report.figures import Drawn
from tracemark.evidence.report.findings import Known
from tracemark.evidence.report.words import probability, words
from tracemark.naming import Named
from tracemark.payload import Payload
from tracemark.recovery import Candidates, Decoding
from tracemark.recovery.verdict import VisibleCode
from tracemark.remarks import Language, quoted, remark
from tracemark.telling import as_json
from tracemark.video import decode

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
SILENT = Drawn(0.0, b"", None, None, None)
LANGUAGES: tuple[Language, ...] = ("en", "ja")


class Page(HTMLParser):
    """What a browser would fetch, and the text it would show."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note links, and that nothing runs."""
        assert tag != "script"
        self.links += [value or "" for name, value in attrs if name in {"src", "href", "srcset"}]

    def handle_data(self, data: str) -> None:
        """Gather text."""
        self.text += data


def findings(result: Decoding, **changes: object) -> Findings:
    """Make findings about a decode, without a leak."""
    plain = Findings(
        leak=Path("leak/a.mp4"),
        name="a.mp4",
        digests=digests(Path(__file__)),
        pdq=None,
        decoding=result,
        keys=[KEY.id],
        effort="normal",
        whole=False,
        created=NOON,
        repeat="tracemark decode",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def text(result: Decoding, language: Language = "en", **changes: object) -> str:
    """Write a report's text."""
    return compose(findings(result, **changes), SILENT, language).text()


def test_bundle(evidence: Sealed) -> None:
    """A bundle holds the leak itself, the decode, both reports, log, manifest, signature and key, and nothing else."""
    names = set(manifest.listed(evidence.folder))
    assert {"leak/leaked clip.mp4", "decode.json", "report.html", "report.pdf", "signing-key.pub"} <= names
    assert names <= {*names, manifest.AUTHORITIES}
    listing = manifest.parse((evidence.folder / manifest.NAME).read_bytes())
    assert set(listing.files) == names
    found = digests(evidence.folder / "leak" / "leaked clip.mp4")
    assert (listing.leak["sha256"], listing.leak["md5"]) == (found.sha256, found.md5)
    decoded = json.loads((evidence.folder / "decode.json").read_text())
    assert (decoded["session"], decoded["member"]) == (PAYLOAD.session, PAYLOAD.member)
    assert evidence.folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in evidence.folder.parent.glob(".*")] == []


def test_html_stands_alone(evidence: Sealed) -> None:
    """The report as HTML fetches nothing, runs nothing, and says who, how sure, and what it does not prove."""
    page = (evidence.folder / "report.html").read_text()
    read = Page(page)
    assert read.links
    assert all(link.startswith("data:") for link in read.links)
    assert set(re.findall(r"url\(\"([a-z]+:)", page)) == {"data:"}
    for wanted in (
        f"This is the copy of member {PAYLOAD.member}, session {PAYLOAD.session}.",
        "It identifies an account, not a person.",
        "https://example.org/watch?v=1",
        "A. Tester",
        evidence.signer.public.id,
        "tracemark decode 'leak/leaked clip.mp4' --key",
        KEY.id,
    ):
        assert wanted in read.text


def test_repeat(evidence: Sealed) -> None:
    """What the report says can be repeated from the bundle alone, with the key: the same decode, byte for byte."""
    source = Path("leak", "leaked clip.mp4")
    again = decode(evidence.folder / source, keys=[KEY], effort="fast")
    told = (evidence.folder / "decode.json").read_text()
    assert as_json(source, digests(evidence.folder / source).sha256, again) + "\n" == told


def test_pdf(evidence: Sealed) -> None:
    """The report as PDF has a text that can be searched, and embeds its typeface."""
    pdf = (evidence.folder / "report.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert b"NotoSansCJKjp" in pdf


def test_wrong_key_names_nobody(tmp_path: Path, evidence: Sealed, capsys: pytest.CaptureFixture[str]) -> None:
    """Under a wrong key the bundle is made all the same, names nobody, tells why, and the command leaves with 1."""
    WRONG_KEY.save(tmp_path / "wrong.key")
    target = tmp_path / "case"
    words = ["report", str(evidence.folder / "leak" / "leaked clip.mp4"), "-o", str(target), "--effort", "fast"]
    assert main([*words, "--key", str(tmp_path / "wrong.key"), "--lang", "ja", "--tsa", "http://127.0.0.1:9/"]) == 1
    said = capsys.readouterr()
    assert str(target) in said.out
    assert said.err.startswith("tracemark: note: no time stamp: http://127.0.0.1:9/ cannot be reached")
    shown = Page((target / "report.html").read_text()).text
    assert "この映像から印は検出されなかった。" in shown
    assert "画面をそのままの位置で読んだだけである。" in shown
    reasons = json.loads((target / "decode.json").read_text())["reasons"]
    assert any("only the picture as it stands was looked at" in reason for reason in reasons)
    assert not any(reason in shown for reason in reasons)
    assert str(PAYLOAD.member) not in shown
    assert {fault.what.split(":")[0] for fault in verify(target).faults} == {"unsigned"}


def test_no_network(tmp_path: Path, evidence: Sealed) -> None:
    """If the authority cannot be reached the bundle is made and signed, and the report says that it has no stamp."""
    signer = SigningKey.generate()
    source = evidence.folder / "leak" / "leaked clip.mp4"
    made = bundle(source, tmp_path / "case", signing_key=signer, authority="http://127.0.0.1:9/")
    assert made.stamp_failure
    found = verify(tmp_path / "case", signer.public)
    assert found.faults == ()
    assert found.stamp is None
    assert (
        "There is no time stamp: http://127.0.0.1:9/ cannot be reached" in (tmp_path / "case/report.html").read_text()
    )


def test_clock_far_from_the_authority(tmp_path: Path, evidence: Sealed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose clock is wrong makes no bundle, and leaves nothing behind."""
    stamped = (evidence.folder / manifest.STAMP).read_bytes()
    monkeypatch.setattr("tracemark.evidence.bundle.request", lambda *_: stamped)
    held = verify(evidence.folder).stamp
    assert held
    monkeypatch.setattr("tracemark.evidence.bundle.check", lambda *_: replace(held, time=NOON.replace(year=2020)))
    with pytest.raises(EvidenceError, match="clock"):
        bundle(evidence.folder / "leak" / "leaked clip.mp4", tmp_path / "case", authority="http://127.0.0.1:9/")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["taken", "no folder", "no leak", "no video"])
def test_refusals(tmp_path: Path, kind: str) -> None:
    """Nothing is overwritten, and nothing half-made is left."""
    source, target = tmp_path / "a.mp4", tmp_path / "case"
    match kind:
        case "taken":
            target.mkdir()
            (target / "precious").touch()
        case "no folder":
            target = tmp_path / "none" / "case"
        case "no video":
            source.write_text("text")
    if kind in {"taken", "no folder"}:
        make(source)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(MediaError):
        bundle(source, target)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["a\udcff.mp4", "a\nb.mp4", "a\x1b[2J.mp4"])
def test_names_that_cannot_be_written(tmp_path: Path, name: str) -> None:
    """A leak whose name no report could tell is refused before anything is made."""
    source = tmp_path / name
    source.touch()
    with pytest.raises(MediaError, match="rename the leak"):
        bundle(source, tmp_path / "case")
    assert list(tmp_path.iterdir()) == [source]


def test_interrupted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C in the middle leaves no folder."""

    def stop(*_: object, **__: object) -> None:
        assert list(tmp_path.glob(".case.*.part/leak/a.mp4"))
        raise KeyboardInterrupt

    monkeypatch.setattr("tracemark.evidence.bundle.decode", stop)
    source = make(tmp_path / "a.mp4")
    with pytest.raises(KeyboardInterrupt):
        bundle(source, tmp_path / "case")
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_extra_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the line says how to get it, before the leak is read."""
    monkeypatch.setattr("tracemark.evidence.report.fonts.find_spec", lambda name: None if name == "typst" else True)
    with pytest.raises(TracemarkError, match=r"pip install 'tracemark\[report\]'"):
        make_bundle(Order(tmp_path / "none.mp4", tmp_path / "case", [KEY]))


def test_picture_has_its_pdq(tmp_path: Path) -> None:
    """Of a picture the manifest and the report give the PDQ hash, beside MD5; a video has none."""
    source = tmp_path / "shot.png"
    cv2.imwrite(str(source), mark(film(1, 320, 240))[0].to_ndarray(format="bgr24"))
    bundle(source, tmp_path / "case", language="ja")
    told = manifest.parse((tmp_path / "case" / manifest.NAME).read_bytes()).leak["pdq"]
    assert re.fullmatch("[0-9a-f]{64}", told["hash"])
    assert told["quality"] > 50
    assert told["hash"] in Page((tmp_path / "case" / "report.html").read_text()).text


def test_video_has_no_pdq(evidence: Sealed) -> None:
    """PDQ is for pictures: lists share videos by their MD5."""
    assert "pdq" not in manifest.parse((evidence.folder / manifest.NAME).read_bytes()).leak


def test_difference(evidence: Sealed, tmp_path: Path) -> None:
    """The original frame of a leak is found and subtracted; another film matches nowhere."""
    source = evidence.folder / "leak" / "leaked clip.mp4"
    seen = decode(source, keys=[KEY], effort="fast")
    shot = np.asarray(film(50, 480, 272)[20].to_ndarray(format="rgb24"), np.uint8)
    found = compare(shot, source, seen, 0.8)
    assert found.match > 0.95
    assert abs(found.time - 0.8) < 0.05
    assert found.panels is not None
    apart = found.panels[2].astype(float) - 128
    assert abs(apart.mean()) < 4
    assert 8 < apart.std() < 64  # one to eight levels: the mark and x264's traces, amplified eight times
    other = compare(np.asarray(np.rot90(shot, 2)), source, seen, 0.8)
    assert other.panels is None
    assert other.match < 0.6


def test_difference_in_the_report(tmp_path: Path) -> None:
    """`--host` puts the difference picture and the original's hash into the report."""
    source = leak(tmp_path / "a.mp4")
    KEY.save(tmp_path / "studio.key")
    words = ["report", str(source), "-o", str(tmp_path / "case"), "--key", str(tmp_path / "studio.key")]
    assert main([*words, "--host", str(source), "--effort", "fast"]) == 0
    read = Page((tmp_path / "case" / "report.html").read_text())
    assert "amplified 8 times" in read.text
    assert digests(source).sha256 in read.text
    assert len([link for link in read.links if link.startswith("data:image/")]) == 4


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_kind_of_verdict(language: Language) -> None:
    """A verdict of any kind is told in the words of its language."""
    say = words(language)
    inconclusive = replace(decoding(), verdict="inconclusive", key_id=KEY.id, why=(quoted("too weak"),))
    told = text(inconclusive, language)
    assert say("verdict.inconclusive_headline") in told
    assert "too weak" in told
    assert say("found.nobody") in told
    assert say("verdict.absent_headline") in text(decoding(), language)
    several = text(decoding(FIRST, SECOND), language)
    assert say("verdict.found_several", count=2) in several
    for member in (FIRST, SECOND):
        assert str(member.payload.member) in several


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_the_issue_lists_is_told(language: Language) -> None:
    """Visible code, runner-up, margin, connections, contradictions, searches: each is told where there is something."""
    say = words(language)
    rival = Payload(88, 99)
    found = replace(FIRST, runner_up=rival, margin=12.54)
    code = VisibleCode("K7QX-2M00-0000-0000", FIRST.payload, FIRST.key_id, 0.9999, 1.0, 2.0, (), ())
    record = Access(NOON, "join", "member-7f", "203.0.113.9", 50123)
    watching = Watching(NOON, [record], [quoted("member-2c was not connected at that moment")])
    told = text(
        replace(decoding(found), trials=1234, visible_codes=(code,)),
        language,
        candidates=2345,
        known=[Known(Identity("session-1a", "member-7f", ("Gala", "Kato")), watching)],
        called={rival: Identity("session-1a", "member-9d", None)},
        disclose=True,
    )
    for wanted in (
        "K7QX-2M00-0000-0000",
        "99.9 %",
        say("code.agrees"),
        say("pictures.member", session=88, member=99),
        f"session-1a / member-9d, {say('found.erased')}",
        "2,345",
        "12.5",
        "member-7f",
        say("watching.port", address="203.0.113.9", port=50123),
        "Kato",
        "1,234",
    ):
        assert wanted in told
    assert "member-2c was not connected at that moment" in told
    assert say("watching.contradicted") in told
    plain = text(decoding(FIRST), language)
    for section in ("code.none", "watching.none", "rival.none"):
        assert say(section) in plain


def test_remarks_are_told_in_japanese() -> None:
    """A Japanese report tells in Japanese why nobody was named, and what the access records say against a member."""
    weak = remark("suspected", keys=remark("this_key"), pilot=14.0, seen=12.0, score=8.3, needed=11.0)
    against = remark("no_record", seconds=61.5)
    nobody = replace(decoding(), verdict="inconclusive", key_id=KEY.id, why=(weak,))
    somebody = [Known(Identity("session-1a", "member-7f", None), Watching(NOON, against=[against]))]
    told = {}
    for language in LANGUAGES:
        told[language] = text(nobody, language) + text(decoding(FIRST), language, known=somebody)
        assert [each.words(language) in told[language] for each in (weak, against)] == [True, True]
    assert "この鍵による印らしきものがある" in told["ja"]
    assert "に、この会員が接続していた記録はない。" in told["ja"]
    assert not any(str(each) in told["ja"] for each in (weak, against))


def test_names_only_where_disclosed() -> None:
    """Without --disclose neither names nor addresses are told, pseudonyms are."""
    watching = Watching(NOON, [Access(NOON, "join", "member-7f", "203.0.113.9", 50123)])
    known = [Known(Identity("session-1a", "member-7f", ("Gala", "Kato")), watching)]
    told = text(decoding(FIRST), known=known)
    assert "member-7f" in told
    assert "not disclosed" in told
    for secret in ("Kato", "Gala", "203.0.113.9", "50123"):
        assert secret not in told


class List:
    """A list of viewers of one member."""

    @property
    def candidates(self) -> Candidates:
        """List them."""
        return Candidates.of([PAYLOAD])

    @property
    def session(self) -> tuple[str, str] | None:
        """Be of no session."""
        return None

    def named(self, result: Decoding) -> Named:
        """Leave the numbers as they are."""
        return Named(result, dict.fromkeys(member.payload for member in result.members))

    def identity(self, payload: Payload, _key_id: str) -> Identity | None:
        """Know the payload of these tests."""
        return Identity("session-1a", "member-7f", ("Gala", "Kato")) if payload == PAYLOAD else None

    def watching(self, _payload: Payload, _key_id: str, _media_time: float | None) -> Watching:
        """Tell one record."""
        return Watching(NOON, [Access(NOON, "join", "member-7f", "203.0.113.9", 50123)])


@pytest.mark.parametrize("disclose", [False, True])
def test_names_in_a_whole_bundle(tmp_path: Path, evidence: Sealed, *, disclose: bool) -> None:
    """No file of a bundle that does not disclose holds a name or an address."""
    source = evidence.folder / "leak" / "leaked clip.mp4"
    bundle(source, tmp_path / "case", knowledge=List(), disclose=disclose)
    texts = {path.name: path.read_bytes() for path in (tmp_path / "case").rglob("*") if path.is_file()}
    assert b"member-7f" in texts["report.html"]
    for secret in (b"Kato", b"203.0.113.9"):
        assert (secret in texts["report.html"]) == disclose
        assert disclose or not any(secret in content for content in texts.values())


def test_hostile_words_are_shown_as_they_are() -> None:
    """Markup in a leak's name or address is text in the report, in HTML as in PDF."""
    from tracemark.evidence.report import as_html, as_pdf  # noqa: PLC0415 - the slow half

    evil = '<script>alert(1)</script>#panic("x")$x$*b*'
    document = compose(findings(decoding(FIRST), name=evil, source_url=evil), replace(SILENT, outline=_dot()), "en")
    page = as_html(document)
    assert evil in Page(page).text
    assert as_pdf(document, NOON) == as_pdf(document, NOON)


def _dot() -> bytes:
    return cv2.imencode(".jpg", np.full((20, 30, 3), 90, np.uint8))[1].tobytes()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.25, "0.25"),
        (0.0, "0"),
        (1e-9, "1.0 × 10⁻⁹"),
        (1.7062e-124, "1.8 × 10⁻¹²⁴"),
        (9.99e-7, "1.0 × 10⁻⁶"),
        (3e-320, "3.0 × 10⁻³²⁰"),
    ],
)
def test_probability(value: float, written: str) -> None:
    """Probabilities are written with powers of ten, rounded up because they are bounds."""
    assert probability(value) == written


def test_both_languages_say_the_same_things() -> None:
    """Every text is there in both languages, with the same holes."""

    def holes(language: str) -> dict[str, set[str | None]]:
        content = resources.files(contents.__package__).joinpath(f"{language}.toml").read_text("utf-8")
        return {
            f"{section}.{name}": {hole for _, hole, _, _ in Formatter().parse(told) if hole}
            for section, table in tomllib.loads(content).items()
            for name, told in table.items()
        }

    assert holes("en") == holes("ja")
