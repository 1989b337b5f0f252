"""Cases: a draft opens one, due times run from sending, overdue comes first; and what a report asks the registry."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config

from tests.bundles import Sealed
from tests.scenes import KEY as MARKED
from tests.test_notices import CASE
from tests.test_report import Page
from tracemark import registry as registry_package
from tracemark.cli import main
from tracemark.errors import RegistryError
from tracemark.evidence import Registered, manifest
from tracemark.keys import Key
from tracemark.naming import Viewers
from tracemark.payload import Payload
from tracemark.registry import Access, Registry
from tracemark.registry.casework import Casework
from tracemark.registry.database import Database

KEY = Key.from_bytes(bytes(range(32)))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an SQLite registry that others are copied from."""
    file = tmp_path_factory.mktemp("cases") / "registry.db"
    Registry.create(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def url(template: Path, tmp_path: Path) -> str:
    """Copy the registry."""
    file = tmp_path / "registry.db"
    shutil.copy(template, file)
    shutil.copy(f"{template}.key", f"{file}.key")
    return f"sqlite:///{file}"


def test_registry_of_the_first_version(tmp_path: Path) -> None:
    """A registry that has no cases yet is told to be updated, keeps what it holds, and then takes them."""
    url = f"sqlite:///{tmp_path / 'old.db'}"
    with Registry.create(url) as registry:
        grant = registry.grant("s", "alice", KEY)
        database = Database(url)
        config = Config()
        config.set_main_option("script_location", str(Path(registry_package.__file__).with_name("migrations")))
        with database.writing() as connection:
            connection.exec_driver_sql("DROP TABLE case_events")
            connection.exec_driver_sql("DROP TABLE cases")
            config.attributes["connection"] = connection
            command.stamp(config, "0001")
        database.close()
    with pytest.raises(RegistryError, match="registry init"):
        Registry.open(url)
    with Registry.create(url) as registry:
        assert registry.grant("s", "alice", KEY) == grant
        work = Casework(registry)
        work.open(leak_sha256="ab" * 32, kind="dmca", basis="copyright", draft_sha256="cd" * 32, due_hours=None)
        assert work.case(1).kind == "dmca"


def test_commands(url: str, evidence: Sealed, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`notice --registry` opens a case; `case` lists, shows, and takes sent, answered and closed."""
    (tmp_path / "case.toml").write_text(CASE)
    there = ["--registry", url]
    assert main(["case", "list", *there]) == 1
    words = ["notice", str(evidence.folder), "--to", "take-it-down", "--basis", "authentic", *there]
    assert main([*words, "--case", str(tmp_path / "case.toml"), "-o", str(tmp_path / "n.md")]) == 0
    assert "case 1: opened" in capsys.readouterr().out
    assert main(["case", "sent", "1", *there, "--note", "by form"]) == 0
    assert "case 1: take-it-down sent, an answer is due 20" in capsys.readouterr().out
    assert main(["case", "list", "--json", *there]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["case"], told["state"], told["kind"], told["basis"]) == (1, "waiting", "take-it-down", "authentic")
    assert told["leak"] == manifest.parse((evidence.folder / manifest.NAME).read_bytes()).leak["sha256"]
    assert main(["case", "show", "1", *there]) == 0
    assert "by form" in capsys.readouterr().out
    assert main(["case", "answered", "1", *there]) == 0
    assert main(["case", "closed", "1", *there]) == 0
    assert main(["case", "list", *there]) == 1
    assert main(["case", "list", "--all", *there]) == 0
    assert main(["case", "sent", "1", *there]) == 2
    assert "is closed" in capsys.readouterr().err


def test_export_has_the_cases(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An export has every case and its steps, under the notice's kind; what a person wrote only where disclosed."""
    with Registry.open(url) as registry:
        work = Casework(registry)
        for kind in ("dmca", "x"):
            work.open(leak_sha256="ab" * 32, kind=kind, basis="copyright", draft_sha256="cd" * 32, due_hours=48)
        work.step(2, "sent", note="asked Kato for it")
        work.step(2, "answered")
    told = {}
    for disclosed in ([], ["--disclose"]):
        assert main(["registry", "export", "--registry", url, *disclosed]) == 0
        rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        cases, steps = ([row for row in rows if row["kind"] == kind] for kind in ("cases", "case_events"))
        assert [(row["id"], row["notice"], row["basis"], row["due_hours"]) for row in cases] == [
            (1, "dmca", "copyright", 48),
            (2, "x", "copyright", 48),
        ]
        assert cases[0]["opened"].startswith("20")
        assert [(row["case_id"], row["event"]) for row in steps] == [(2, "sent"), (2, "answered")]
        told[bool(disclosed)] = [row.get("note") for row in steps]
    assert told == {False: [None, None], True: ["asked Kato for it", ""]}


def test_incomplete_notice_opens_no_case(url: str, evidence: Sealed, tmp_path: Path) -> None:
    """A form with holes opens no case."""
    words = ["notice", str(evidence.folder), "--to", "dmca", "-o", str(tmp_path / "n.md"), "--registry", url]
    assert main(words) == 2
    assert main(["case", "list", "--registry", url]) == 1


START = 1_790_000_000_000
"""When the session of these tests began, UTC in milliseconds."""


@pytest.fixture
def known(url: str) -> Iterator[tuple[Registered, Payload, Registry]]:
    """Make a registry with one session, two members, and their access records."""
    with Registry.open(url) as registry:
        grant = registry.grant("Gala", "Kato", KEY)
        registry.grant("Gala", "Mori", KEY)
        registry.set_session("Gala", started=START)
        registry.record(
            Access("Gala", member, event, START + at, connection=member, ip=ip, port=50123)  # type: ignore[arg-type]
            for member, event, at, ip in (
                ("Kato", "join", 0, "203.0.113.9"),
                ("Mori", "join", 1000, "203.0.113.7"),
                ("Kato", "leave", 600_000, "203.0.113.9"),
            )
        )
        yield Registered(Viewers(registry)), grant.payload, registry


def test_who_was_connected(known: tuple[Registered, Payload, Registry]) -> None:
    """A report is told pseudonyms, names, the moment, the member's own records, and how many others there were."""
    asked, payload, registry = known
    identity = asked.identity(payload, KEY.id)
    assert identity
    assert identity.names == ("Gala", "Kato")
    assert "Kato" not in identity.member
    found = asked.watching(payload, KEY.id, 60.0)
    assert found.moment == datetime.fromtimestamp(START / 1000 + 60, UTC)
    assert [(record.what, record.address, record.port) for record in found.records] == [
        ("join", "203.0.113.9", 50123),
        ("leave", "203.0.113.9", 50123),
    ]
    assert {record.member for record in found.records} == {identity.member}
    assert (found.others, tuple(found.against)) == (1, ())
    registry.erase("Kato")
    erased = asked.identity(payload, KEY.id)
    assert erased
    assert (erased.names, erased.member) == (None, identity.member)


def test_who_was_not_connected(known: tuple[Registered, Payload, Registry]) -> None:
    """A member who was not there at that moment, or another key, is a contradiction and not hidden."""
    asked, payload, _ = known
    late = asked.watching(payload, KEY.id, 3000.0)
    assert (len(late.records), late.others) == (0, 1)
    assert "do not have this member connected" in str(late.against[0])
    other = asked.watching(payload, "0" * 16, None)
    assert other.moment is None
    assert "granted under key" in str(other.against[0])


def test_payload_nobody_got(known: tuple[Registered, Payload, Registry]) -> None:
    """A payload that was given to nobody has no identity and no records."""
    asked, payload, _ = known
    stranger = Payload(payload.session, payload.member ^ 1)
    assert asked.identity(stranger, KEY.id) is None
    assert asked.watching(stranger, KEY.id, 60.0).records == ()


def test_report_asks_the_registry(url: str, evidence: Sealed, tmp_path: Path) -> None:
    """`report --registry` says that a payload is in no list, where it is in none."""
    MARKED.save(tmp_path / "studio.key")
    source = evidence.folder / "leak" / "leaked clip.mp4"
    words = ["report", str(source), "-o", str(tmp_path / "case"), "--effort", "fast", "--registry", url]
    assert main([*words, "--key", str(tmp_path / "studio.key")]) == 0
    assert "not in the list of viewers" in Page((tmp_path / "case" / "report.html").read_text()).text
