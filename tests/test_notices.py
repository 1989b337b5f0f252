"""Drafts hold every element of their kind in both languages, invent nothing, and keep private things apart."""

from __future__ import annotations

import json
import shutil
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from tests.bundles import Sealed
from tracemark.cli import main
from tracemark.errors import NoticeError
from tracemark.evidence import SigningKey, custody, verify
from tracemark.evidence.notices import Case, Kind, case_template, draft, kind_names, load_kind
from tracemark.evidence.notices.checks import CHECKS
from tracemark.evidence.notices.draft import wanted
from tracemark.evidence.notices.kinds import shared
from tracemark.remarks import Language

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)

CASE = """
[addressee]
name = "Example Hosting"

[complainant]
name = "Hanako Suzuki"
address = "1-2-3 Chiyoda, Tokyo"
phone = "+81 3 0000 0000"
email = "legal@example.org"
role = "agent of the owner, with power of attorney"
signature = "Hanako Suzuki"

[rights]
owner = "Example Studio"

[work]
description = "Live recital of 1 November 2026"

[upload]
urls = ["https://example.net/v/77", "https://example.net/v/78"]
description = "The whole recital, 1:02:10"
service = "Example Video"
posted = "2 November 2026, 03:10"

[infringement]
reason = "It was sold to members only, and is shown there to everybody."

[depicted]
name = "Momoko Sato"
country = "Japan"

[sender]
address = "203.0.113.9"
port = 50123
time = 2026-11-02T03:10:07+09:00
destination = "198.51.100.4"

[disclosure]
purpose = "To claim damages"
items = "Name, address, e-mail address, telephone number"

[uploader]
may_see_name = false

[affirmed]
good_faith = true
accurate = true
perjury = true
no_consent = true
not_paid = true
forwarding = true
"""
"""One case from which every kind can be drafted. Nobody in it exists."""

FROM_THE_BUNDLE = {"leak.sha256": "ab" * 32, "leak.md5": "cd" * 16, "bundle.sealed": "2026-11-25T12:00:00.000Z"}

EVERY = [
    pytest.param(name, basis.name, language, id=f"{name}-{basis.name}-{language}")
    for name in kind_names()
    for basis in load_kind(name).bases
    for language in ("en", "ja")
]


def facts() -> dict[str, object]:
    """Gather the case above as a notice has it."""
    told = {f"{table}.{key}": value for table, keys in tomllib.loads(CASE).items() for key, value in keys.items()}
    return {**told, **FROM_THE_BUNDLE}


@pytest.fixture
def case_file(tmp_path: Path) -> Path:
    """Write the case above."""
    path = tmp_path / "case.toml"
    path.write_text(CASE)
    return path


def test_the_kinds_of_the_issue() -> None:
    """Every kind that the issue names is there, with where its fields come from and when that was last looked at."""
    platforms = {"google", "yahoo-japan", "line", "x", "facebook", "fc2", "ameba", "hatena", "livedoor"}
    laws = {"dmca", "take-it-down", "takedown-jp", "disclosure-jp", "safer-internet"}
    assert set(kind_names()) == platforms | laws
    for name in kind_names():
        kind = load_kind(name)
        assert kind.name == name
        assert kind.source
        assert kind.checked >= date(2026, 11, 25)
        assert all(kind.hand.values())
        assert kind.bases


@pytest.mark.parametrize(("name", "basis", "language"), EVERY)
def test_every_kind_from_one_case(name: str, basis: str, language: Language) -> None:
    """A whole case gives a draft with each element of the kind, each fact where it may be seen, and the basis."""
    kind = load_kind(name)
    chosen = kind.basis(basis)
    assert chosen
    drafted = draft(kind, Case(facts()), basis, language, NOON)
    assert drafted.missing == ()
    assert drafted.text
    body, _, _ = drafted.text.partition("\n---\n")
    open_part, _, private = body.partition("\n## " + shared("words.toml")[language]["private"])
    for element in kind.parts(chosen):
        part = open_part if element.seen == "uploader" else private
        assert f". {element.title[language]}\n" in part
        for field in element.fields:
            if field not in element.needs and kind.fields[field].check != "choice":
                assert CHECKS[kind.fields[field].check](facts()[field]) in part
    assert chosen.label[language] in open_part
    assert "{" not in drafted.text


@pytest.mark.parametrize("name", kind_names())
def test_nothing_is_invented(name: str) -> None:
    """Each fact that is taken out of the case is listed by its name, and nothing is drafted."""
    kind = load_kind(name)
    for basis in kind.bases:
        for field in wanted(kind, kind.parts(basis)):
            less = {key: value for key, value in facts().items() if key != field.name}
            drafted = draft(kind, Case(less), basis.name, "en", NOON)
            assert drafted.text is None
            assert [line.split(":")[0] for line in drafted.missing] == [field.name]


@pytest.mark.parametrize("basis", [None, "anything"])
def test_basis_is_a_persons_choice(basis: str | None) -> None:
    """Without a basis, or with one that the kind does not have, nothing is drafted, whatever else is known."""
    for name in kind_names():
        drafted = draft(load_kind(name), Case(facts()), basis, "ja", NOON)
        assert drafted.text is None
        assert drafted.missing[0].startswith("--basis")


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("sender.time", "2026-11-02T03:10+09:00"),
        ("sender.time", datetime(2026, 11, 2, 3, 10, 7)),  # noqa: DTZ001 - that is what is wrong with it
        ("sender.time", "2026-13-02T03:10:07+09:00"),
        ("sender.port", 0),
        ("sender.port", 65536),
        ("sender.port", "50123"),
        ("sender.port", True),
        ("sender.address", "203.0.113"),
        ("sender.destination", "example.net"),
        ("complainant.email", "hanako"),
        ("complainant.name", "  "),
        ("upload.urls", []),
        ("upload.urls", ["javascript:alert(1)"]),
        ("upload.urls", ["https://example.net/a b"]),
        ("upload.urls", "example.net/v/77"),
        ("affirmed.accurate", False),
        ("affirmed.accurate", "true"),
        ("affirmed.accurate", 1),
        ("uploader.may_see_name", "no"),
    ],
)
def test_wrong_facts(field: str, wrong: object) -> None:
    """A fact that is not what it must be is listed with what it must be: IP, port, time to the second, own words."""
    drafted = draft(load_kind("disclosure-jp"), Case({**facts(), field: wrong}), "copyright", "en", NOON)
    assert drafted.text is None
    (line,) = drafted.missing
    assert line.startswith(f"{field}: ")
    assert " must be " in line


def test_times_are_told_in_japan_time() -> None:
    """The time of a transmission is told to the second, in the time that providers search their logs in."""
    drafted = draft(load_kind("disclosure-jp"), Case(facts()), "privacy", "ja", NOON)
    assert drafted.text
    assert "2026-11-02 03:10:07 JST (2026-11-01 18:10:07 UTC)" in drafted.text


def test_six_elements_of_the_dmca() -> None:
    """A DMCA notice has the six elements of 17 U.S.C. 512(c)(3)(A)."""
    drafted = draft(load_kind("dmca"), Case(facts()), "copyright", "en", NOON)
    assert drafted.text
    six = (
        "Hanako Suzuki, 2026-11-25",
        "Live recital of 1 November 2026",
        "https://example.net/v/77",
        "+81 3 0000 0000",
        "I have a good faith belief that the use of the material in the manner complained of is not authorized",
        "under penalty of perjury, I am authorized to act on behalf of the owner of an exclusive right",
    )
    for element in six:
        assert element in drafted.text


@pytest.mark.parametrize(
    ("name", "basis", "hours"), [("take-it-down", "authentic", 48), ("takedown-jp", "privacy", 168)]
)
def test_due(name: str, basis: str, hours: int) -> None:
    """Kinds say by when an answer is due: 48 hours, 2 days for private sexual images, 7 days otherwise."""
    found = load_kind(name).basis(basis)
    assert found
    assert found.due_hours == hours
    images = load_kind("takedown-jp").basis("private-sexual-image")
    assert images
    assert images.due_hours == 2 * 24


def test_holes_in_facts_are_not_filled() -> None:
    """Braces in a fact stay braces: no fact can draw another one into the part that the uploader sees."""
    evil = {**facts(), "work.description": "{complainant.phone}{0}{"}
    drafted = draft(load_kind("dmca"), Case(evil), "copyright", "en", NOON)
    assert drafted.text
    assert "{complainant.phone}{0}{" in drafted.text


OWN = """
kind = "my-host"
title = { en = "Letter to my host", ja = "自社ホストへの手紙" }
addressee = { en = "My host", ja = "自社ホスト" }
elements = ["material", "ticket"]
checked = 2026-12-01
source = ["their own page"]
attach = { en = [], ja = [] }
hand = { en = "Nothing.", ja = "なし。" }
limits = { "upload.urls" = 2, "host.ticket" = 8 }

[bases.terms]
en = "Breach of terms"
ja = "規約違反"

[element.ticket]
seen = "private"
title = { en = "Ticket", ja = "受付番号" }
text = { en = "No. {host.ticket}", ja = "番号 {host.ticket}" }

[field."host.ticket"]
en = "Ticket number"
ja = "受付番号"
check = "text"
"""


def own(tmp_path: Path, text: str = OWN) -> Kind:
    """Load a kind of the user's own."""
    (tmp_path / "own.toml").write_text(text)
    return load_kind(str(tmp_path / "own.toml"))


def test_own_kind(tmp_path: Path) -> None:
    """A user adds a kind with a file, fields and limits of its own, and no code."""
    kind = own(tmp_path)
    assert "#ticket" in case_template(kind, "en")
    drafted = draft(kind, Case({**facts(), "host.ticket": "A-17"}), "terms", "ja", NOON)
    assert drafted.text
    assert "番号 A-17" in drafted.text
    (line,) = draft(kind, Case({**facts(), "host.ticket": "A-17 and more"}), "terms", "en", NOON).missing
    assert "has 13, more than the 8" in line
    urls = ["https://example.net/1", "https://example.net/2", "https://example.net/3"]
    (line,) = draft(kind, Case({**facts(), "host.ticket": "A", "upload.urls": urls}), "terms", "en", NOON).missing
    assert line.startswith("upload.urls")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('kind = "my-host"', "kind = "),
        ('source = ["their own page"]', ""),
        ("checked = 2026-12-01", 'checked = "lately"'),
        ('"material", "ticket"', '"material", "tickets"'),
        ('seen = "private"', 'seen = "all"'),
        ('check = "text"', 'check = "any"'),
        ("{host.ticket}", "{host.other}"),
    ],
)
def test_broken_own_kind(tmp_path: Path, old: str, new: str) -> None:
    """A kind's file that lacks something is refused in one line."""
    with pytest.raises(NoticeError, match=r"lacks something|no TOML"):
        own(tmp_path, OWN.replace(old, new))


def test_unknown_kind(tmp_path: Path) -> None:
    """A kind that is not there is refused, and those that are there are named."""
    with pytest.raises(NoticeError, match="take-it-down"):
        load_kind("myspace")
    with pytest.raises(NoticeError, match="cannot read"):
        load_kind(str(tmp_path / "none.toml"))


@pytest.mark.parametrize("name", kind_names())
def test_template_asks_for_everything(name: str) -> None:
    """An empty case file is TOML, answers nothing, and has a place for every fact of the kind."""
    kind = load_kind(name)
    told = case_template(kind, "ja")
    assert all(table == {} for table in tomllib.loads(told).values())
    for field in kind.fields.values():
        if field.origin == "case":
            assert f"#{field.name.partition('.')[2]} = " in told


Run = Callable[..., int]


@pytest.fixture
def notice(evidence: Sealed, case_file: Path, tmp_path: Path) -> Run:
    """Run `tracemark notice` on the bundle, the draft going to notice.md."""

    def run(*words: str, case: Path | None = case_file) -> int:
        given = ["--case", str(case)] if case else []
        return main(["notice", str(evidence.folder), *words, "-o", str(tmp_path / "notice.md"), *given])

    return run


def test_notice(notice: Run, evidence: Sealed, tmp_path: Path) -> None:
    """`notice` writes a draft with the bundle's own facts in it."""
    assert notice("--to", "takedown-jp", "--lang", "ja", "--basis", "copyright") == 0
    text = (tmp_path / "notice.md").read_text()
    decoded = json.loads((evidence.folder / "decode.json").read_text())
    assert decoded["sha256"] in text
    assert "侵害情報の通知書" in text
    assert "https://example.net/v/77" in text


def test_notice_with_holes(notice: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A form with holes is not written; they are listed, and the command leaves with 2."""
    assert notice("--to", "dmca", case=None) == 2
    said = capsys.readouterr()
    assert said.out == ""
    for hole in ("--basis", "complainant.name", "affirmed.perjury", "complainant.signature", "work.description"):
        assert f"  {hole}: " in said.err
    assert "upload.urls" not in said.err  # the bundle knows where the leak was found
    assert not (tmp_path / "notice.md").exists()


def test_notice_of_a_spoilt_bundle(evidence: Sealed, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing is drafted from evidence that is not as it was sealed, nor into the evidence."""
    words = ["notice", str(tmp_path), "--to", "dmca", "-o", str(tmp_path / "n.md")]
    assert main(words) == 2
    assert "not as it was sealed" in capsys.readouterr().err
    assert main(["notice", str(evidence.folder), "--to", "dmca", "-o", str(evidence.folder / "n.md")]) == 2
    assert "inside the evidence" in capsys.readouterr().err


def test_notice_overwrites_nothing(notice: Run, tmp_path: Path) -> None:
    """A file that is there stays as it is."""
    (tmp_path / "notice.md").write_text("precious")
    assert notice("--to", "dmca", "--basis", "copyright") == 2
    assert (tmp_path / "notice.md").read_text() == "precious"


def test_case_file_cannot_speak_for_the_evidence(
    notice: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A case file cannot tell another hash than the evidence has."""
    other = tmp_path / "other.toml"
    other.write_text(CASE + '\n[leak]\nsha256 = "0"\n')
    assert notice("--to", "takedown-jp", "--basis", "copyright", case=other) == 2
    assert "only the evidence can" in capsys.readouterr().err
    other.write_text("[leak")
    assert notice("--to", "dmca", "--basis", "copyright", case=other) == 2
    assert "no case file" in capsys.readouterr().err


def test_notice_is_noted(evidence: Sealed, case_file: Path, tmp_path: Path) -> None:
    """With the sealing key, a draft is noted in the custody log; with another one nothing is added."""
    folder = tmp_path / "case"
    shutil.copytree(evidence.folder, folder)
    evidence.signer.save(tmp_path / "op.pem")
    SigningKey.generate().save(tmp_path / "other.pem")
    words = ["notice", str(folder), "--to", "dmca", "--basis", "copyright", "--case", str(case_file), "--by", "lawyer"]
    assert main([*words, "-o", str(tmp_path / "1.md"), "--signing-key", str(tmp_path / "op.pem")]) == 0
    last = custody.parse((folder / custody.NAME).read_bytes()).entries[-1]
    assert (last.who, last.what, last.about["kind"]) == ("lawyer", "drafted", "dmca")
    assert main([*words, "-o", str(tmp_path / "2.md"), "--signing-key", str(tmp_path / "other.pem")]) == 2
    assert not (tmp_path / "2.md").exists()
    found = verify(folder, evidence.signer.public)
    assert (found.faults, found.later) == ((), 1)


def test_template_command(evidence: Sealed, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--template` writes an empty case file, to a file or to standard output; never over another file."""
    words = ["notice", str(evidence.folder), "--to", "dmca", "--template"]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert main([*words, "-o", str(tmp_path / "case.toml")]) == 0
    assert (tmp_path / "case.toml").read_text() == printed
    assert main([*words, "-o", str(tmp_path / "case.toml")]) == 2


def test_list_of_kinds(evidence: Sealed, capsys: pytest.CaptureFixture[str]) -> None:
    """`--to list` lists the kinds."""
    assert main(["notice", str(evidence.folder), "--to", "list", "--lang", "ja"]) == 0
    assert capsys.readouterr().out.count("\n") == len(kind_names())
