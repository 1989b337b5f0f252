"""`tracemark registry`, and `embed` and `decode` by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.media import Clip, make
from tests.registry.conftest import KEY, Place
from tracemark import Key, Payload, decode
from tracemark.cli import main
from tracemark.errors import RegistryError
from tracemark.recovery.verdict import Geometry, Member
from tracemark.registry import Access, Registry
from tracemark.registry.times import to_ms, to_text

START = "2026-11-25T20:00:00.000Z"

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run a command on a fresh registry; returns its status and what it wrote to output and error."""
    KEY.save(tmp_path / "studio.key")
    monkeypatch.setenv("TRACEMARK_KEY", str(tmp_path / "studio.key"))
    monkeypatch.setenv("TRACEMARK_REGISTRY", place.url)
    monkeypatch.setenv("TRACEMARK_REGISTRY_KEY", str(place.key))

    def command(*words: str | Path) -> tuple[int, str, str]:
        status = main([str(word) for word in words])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return status, said.out, said.err

    return command


def objects(text: str) -> list[dict[str, object]]:
    """Read JSON lines."""
    return [json.loads(line) for line in text.splitlines()]


def test_a_site(run: Command, tmp_path: Path) -> None:
    """Session, members, grants, records: told in tables and as JSON, and verified."""
    status, out, _ = run("registry", "session", "夜の部", "--performer", "Bob", "--start", START, "--json")
    assert status == 0
    assert objects(out)[0] | {"pseudonym": ""} == {
        "session": "夜の部",
        "pseudonym": "",
        "performer": "Bob",
        "started": START,
        "grants": 0,
    }
    _, out, _ = run("registry", "grant", "--session", "夜の部", "--member", "[b]Alice", "--json")
    assert objects(out)[0]["key_id"] == KEY.id
    records = tmp_path / "records.csv"
    records.write_text(f"time,event,session,member,ip\n{START},join,夜の部,[b]Alice,192.0.2.1\nnonsense,,,,\n")
    for dry in (["--dry-run"], []):
        status, out, err = run("registry", "import", records, *dry)
        assert status == 2
        assert "1 new records, 0 known already, 0 lines of no viewer, 1 bad lines; 0 new sessions, 0 new members" in out
        assert ("nothing was written" in out) is bool(dry)
        assert "line 3" in err
    assert run("registry", "import", records, "--json")[1].startswith('{"new": 0, "duplicates": 1')
    status, out, _ = run("registry", "who-watched", "--session", "夜の部", "--at", "2026-11-25T20:10:00Z")
    assert status == 0
    assert "[b]Alice" in out  # and not read as markup
    assert "192.0.2.1" in out
    status, out, _ = run("registry", "who-watched", "--session", "夜の部", "--media-time", "600", "--json")
    assert [each["member"] for each in objects(out)] == ["[b]Alice"]
    assert run("registry", "who-watched", "--session", "夜の部", "--at", "2020-01-01T00:00:00Z", "--json")[:2] == (
        1,
        "",
    )
    status, out, _ = run("registry", "member")
    assert "[b]Alice" in out
    status, out, _ = run("registry", "verify", "--json")
    assert status == 0
    assert objects(out)[0]["whole"] is True
    kinds = [each["kind"] for each in objects(run("registry", "export")[1])]
    assert {"sessions", "members", "grants", "accesses", "heads"} <= set(kinds)
    assert "Alice" not in run("registry", "export")[1]
    assert "[b]Alice" in run("registry", "export", "--disclose")[1]


def test_name_does_nothing_to_a_terminal(run: Command) -> None:
    """Control characters in a name are shown as escapes in tables; JSON has them as it has all of them."""
    run("registry", "grant", "--session", "s", "--member", "\x1b[31mred\u202e")
    assert "\\x1b[31mred\\u202e" in run("registry", "member")[1]
    assert objects(run("registry", "member", "--json")[1])[0]["member"] == "\x1b[31mred\u202e"


def test_verify_names_the_row(run: Command, place: Place) -> None:
    """`verify` leaves with 1 and names the row that was changed; a head of before goes on fitting."""
    for number in range(3):
        run("registry", "grant", "--session", "s", "--member", f"m{number}")
    _, out, _ = run("registry", "verify")
    head = out.splitlines()[1].removeprefix("head ")
    assert run("registry", "verify", "--head", head)[0] == 0
    place.execute("UPDATE grants SET granted_ms = 0 WHERE seq = 2")
    status, out, _ = run("registry", "verify", "--head", head)
    assert status == 1
    assert out.splitlines()[0] == "grants, row 2: was changed"


def test_erase(run: Command) -> None:
    """`erase` forgets a name for every command, and tells the pseudonym that stays."""
    run("registry", "grant", "--session", "s", "--member", "alice")
    status, out, _ = run("registry", "erase", "alice", "--json")
    assert status == 0
    left = objects(out)[0]
    assert left["grants"] == 1
    assert "alice" not in run("registry", "member", "--json")[1]
    assert str(left["pseudonym"]) in run("registry", "member", "--json")[1]
    status, _, err = run("registry", "erase", "alice")
    assert status == 2
    assert "no member" in err


def test_init_makes_and_keeps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without anything said, `init` makes tracemark.db and its key here, and again it changes nothing."""
    monkeypatch.chdir(tmp_path)
    for name in ("TRACEMARK_REGISTRY", "TRACEMARK_REGISTRY_KEY"):
        monkeypatch.delenv(name, raising=False)
    assert main(["registry", "session"]) == 2
    assert "registry init" in capsys.readouterr().err
    assert main(["registry", "init"]) == 0
    key = (tmp_path / "tracemark.db.key").read_bytes()
    assert main(["registry", "init"]) == 0
    assert (tmp_path / "tracemark.db.key").read_bytes() == key
    assert "ready" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["registry", "session", "--start", START], "must be named"),
        (["registry", "session", "s", "--start", "today"], "no time"),
        (["registry", "who-watched", "--session", "none", "--at", START], "no session"),
        (["registry", "who-watched", "--session", "none"], "one moment"),
        (["registry", "import", "records.log"], "--format"),
        (["registry", "import", "none.csv"], "none.csv"),
        (["registry", "outcome", "1", "confirmed"], "no detection 1"),
        (["registry", "verify", "--head", "x"], "no head"),
        (["registry", "member", "--registry", "registry.db"], "no URL"),
    ],
)
def test_mistakes(run: Command, words: list[str], says: str) -> None:
    """Each mistake gives one line and status 2."""
    status, out, err = run(*words)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert says in err


def test_without_a_registry_viewers_are_numbers(run: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A name in place of a number is refused where there is no registry to look it up in."""
    monkeypatch.delenv("TRACEMARK_REGISTRY")
    status, _, err = run("embed", tmp_path / "a", tmp_path / "b", "--session", "s", "--member", "1")
    assert status == 2
    assert "not a valid" in err


def test_a_leak_is_named(run: Command, place: Place, tmp_path: Path) -> None:
    """A film is marked for a name, and a frame of it names them again: in text, in JSON, in the chain of detections.

    The name's contradiction is told, an erased member by the pseudonym; another registry's payload names nobody, and
    under another key there is nothing.
    """
    source = make(tmp_path / "host.mkv", Clip("ffv1", width=640, height=480, times=range(12)))
    marked = tmp_path / "marked.mkv"
    status, out, err = run("embed", source, marked, "--session", "夜の部", "--member", "アリス")
    assert (status, err) == (0, "")
    assert "session 夜の部, member アリス" in out
    fast = ("decode", marked, "--effort", "fast")
    status, out, _ = run(*fast, "--json")
    told = objects(out)[0]
    assert status == 0
    assert (told["session"], told["member"], told["verdict"]) == ("夜の部", "アリス", "found")
    assert (told["contradictions"], told["erased"], told["registered"]) == ([], None, True)
    with place.open() as registry:
        payload = registry.grant("夜の部", "アリス", KEY).payload
        assert told["payload"] == [payload.session, payload.member]
        heads = {head.chain: head.length for head in registry.audit().heads}
        assert heads["detections"] == 1
        pseudonym = registry.erase("アリス").pseudonym
    status, out, _ = run(*fast)
    assert status == 0
    assert f"erased member {pseudonym}" in out
    assert "アリス" not in out
    assert run("registry", "outcome", "1", "confirmed")[0] == 0
    Key.generate().save(tmp_path / "wrong.key")
    status, out, _ = run(*fast, "--json", "--key", tmp_path / "wrong.key")
    assert status == 1
    assert objects(out)[0]["session"] is None
    with place.open() as registry:
        assert {head.chain: head.length for head in registry.audit().heads}["detections"] == 2


def found(monkeypatch: pytest.MonkeyPatch, payload: Payload, media_time: float, tmp_path: Path) -> Path:
    """Make a leak that decodes to a payload and a media time, without the work."""
    leak = make(tmp_path / "leak.mkv", Clip("ffv1", times=range(2)))
    empty = decode(leak, keys=[KEY], effort="fast")
    member = Member(payload, 1e-20, 1e-20, 12.0, KEY.id, 0.0, 1.0, media_time, Geometry(), None)
    made = replace(empty, verdict="found", payload=payload, p_false=1e-20, key_id=KEY.id, members=(member,))
    monkeypatch.setattr("tracemark.video.decode", lambda *_, **__: made)
    return leak


def test_contradiction_is_told(run: Command, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was not connected when the leak was shown is named all the same, with what speaks against it."""
    with place.open() as registry:
        registry.set_session("s", started=to_ms(START))
        payload = registry.grant("s", "m", KEY).payload
        registry.record([Access("s", "m", "join", to_ms(START)), Access("s", "m", "leave", to_ms(START) + 60_000)])
    leak = found(monkeypatch, payload, 30.0, tmp_path)
    assert "against" not in run("decode", leak)[1]
    leak.unlink()
    found(monkeypatch, payload, 600.0, tmp_path)
    status, out, _ = run("decode", leak)
    assert status == 0
    assert "member    m\n" in out
    assert "against   the access records do not have this member connected 600.0 s after" in out
    assert str(to_text(to_ms(START) + 600_000)) in out
    with place.open() as registry, registry.export() as rows:
        told = [row["contradictions"] for row in rows if row["kind"] == "detections"]
    assert [bool(text) for text in told] == [False, True]


def test_payload_of_nobody(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A payload that this registry never gave is told by its numbers, and that nobody was given it."""
    leak = found(monkeypatch, Payload(88, 4711), 30.0, tmp_path)
    _, out, _ = run("decode", leak)
    assert "session   88" in out
    assert "nobody in the registry" in out
    told = objects(run("decode", leak, "--json")[1])[0]
    assert (told["session"], told["member"], told["registered"]) == (88, 4711, False)


def test_registry_that_goes_during_a_decode(run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict is told without names, and one line says why; the status is that of an error."""

    def gone(*_: object, **__: object) -> None:
        raise RegistryError("the registry cannot be reached: gone")

    leak = found(monkeypatch, Payload(88, 4711), 30.0, tmp_path)
    monkeypatch.setattr(Registry, "identify", gone)
    status, out, err = run("decode", leak)
    assert status == 2
    assert "session   88" in out
    assert "cannot be reached" in err
