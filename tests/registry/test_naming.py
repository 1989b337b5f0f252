"""A registry names whose leak it is where blind decoding cannot, on the command line and in reports."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests.bundles import bundle, leak
from tests.media import Clip, write
from tests.registry.conftest import Place
from tests.scenes import KEY, PAYLOAD, film, mark
from tests.test_report import Page
from tests.test_verdict_text import FIRST, LEAK, SECOND, decoding
from tests.test_visible_code import coded
from tracemark.cli import main
from tracemark.evidence import Registered
from tracemark.evidence.report.words import words
from tracemark.naming import Viewers
from tracemark.overlay import SessionCode
from tracemark.payload import Payload
from tracemark.profile import PROFILE
from tracemark.recovery import Candidates, Decoding, Recovery
from tracemark.recovery.statistics import FOUND, MISTAKEN
from tracemark.registry import Access, Registry
from tracemark.remarks import Language, remark
from tracemark.telling import as_json, as_text
from tracemark.video import decode

SHOW, LEAKER = "夜の部", "アリス"
OTHERS = 120
"""Members of each of two sessions, beside the leaker."""

THIEF = Payload(session=88, member=4712)
CORNER = SessionCode(position="top left")
START = 1_790_000_000_000
GRANTED = {"key_id": KEY.id, "profile": PROFILE.version, "granted": START}


@dataclass(frozen=True)
class Site:
    """A registry's file and key."""

    file: Path

    @property
    def url(self) -> str:
        """Name it."""
        return f"sqlite:///{self.file}"

    def open(self) -> Registry:
        """Open it."""
        return Registry.open(self.url)

    def copy(self, folder: Path) -> Site:
        """Copy it, so that a test may change it."""
        shutil.copy(f"{self.file}.key", f"{folder / self.file.name}.key")
        return Site(Path(shutil.copy(self.file, folder)))

    def detections(self) -> list[dict[str, object]]:
        """List what was written down."""
        with self.open() as registry, registry.export() as rows:
            return [row for row in rows if row["kind"] == "detections"]


@pytest.fixture(scope="module")
def strangers(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Make a registry of some hundred members in two sessions, the leaker not among them."""
    site = Site(template).copy(tmp_path_factory.mktemp("strangers"))
    with site.open() as registry:
        for number in range(OTHERS):
            for session in (SHOW, "matinee"):
                registry.grant(session, f"guest {number}", KEY)
    return site


@pytest.fixture(scope="module")
def viewers(strangers: Site, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Make the same registry with the leaker in it."""
    site = strangers.copy(tmp_path_factory.mktemp("viewers"))
    with site.open() as registry:
        registry.set_session(SHOW, started=START)
        registry.admit(PAYLOAD, SHOW, LEAKER, **GRANTED)  # type: ignore[arg-type]
    return site


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Leak a clip of two seconds with too little of the mark left to decode it blind."""
    folder = tmp_path_factory.mktemp("weak")
    KEY.save(folder / "studio.key")
    options = {"preset": "medium", "crf": "28", "threads": "1"}
    frames = mark(film(50, 320, 180))
    return write(folder / "weak.mp4", Clip(width=320, height=180, times=range(50), options=options), frames)


Run = Callable[..., tuple[int, str]]


@pytest.fixture
def run(weak: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command on the weak leak."""

    def command(name: str, *options: str | Path) -> tuple[int, str]:
        words = [name, weak, "--key", weak.with_name("studio.key"), "--effort", "fast", *options]
        return main([str(word) for word in words]), capsys.readouterr().out

    return command


@pytest.fixture(scope="module")
def decodings() -> dict[tuple[str, bytes], Decoding]:
    """Keep what was decoded."""
    return {}


@pytest.fixture(autouse=True)
def _decoded_once(monkeypatch: pytest.MonkeyPatch, decodings: dict[tuple[str, bytes], Decoding]) -> None:
    """Decode a leak against the same candidates only once, for the clock's sake."""

    def once(leak: Path, *, candidates: Candidates, **how: Any) -> Decoding:
        asked = leak.name, candidates.payloads.tobytes()
        if asked not in decodings:
            decodings[asked] = decode(leak, candidates=candidates, **how)
        return decodings[asked]

    monkeypatch.setattr("tracemark.video.decode", once)
    monkeypatch.setattr("tracemark.evidence.bundle.decode", once)


def test_weak_leak_is_named_by_the_registry(run: Run, viewers: Site, tmp_path: Path) -> None:
    """A leak that blind decoding cannot read names the leaker and, by name, the runner-up; it is written down."""
    site = viewers.copy(tmp_path)
    status, out = run("decode", "--registry", site.url, "--json")
    told = json.loads(out)
    assert status == 0
    assert (told["verdict"], told["method"], told["session"], told["member"]) == ("found", "registry", SHOW, LEAKER)
    assert told["p_false"] <= FOUND
    assert told["p_mistaken"] <= MISTAKEN
    assert told["margin"] > 2
    rival = told["runner_up"]["member"]
    assert re.fullmatch(r"guest \d+", rival)
    assert (told["contradiction"], told["contradictions"]) == (None, [])
    (entered,) = site.detections()
    assert (entered["method"], entered["p_false"]) == ("registry", told["p_false"])
    out = run("decode", "--registry", site.url)[1]
    assert f"session   {SHOW}\n  member    {LEAKER}\n" in out
    assert re.search(rf"  next      session .*, member {rival}: fits worse by", out)


def test_weak_leak_of_a_stranger_names_nobody(run: Run, strangers: Site, tmp_path: Path) -> None:
    """The same leak names nobody in a registry that does not have the leaker, and nothing is written down."""
    site = strangers.copy(tmp_path)
    status, out = run("decode", "--registry", site.url, "--json")
    told = json.loads(out)
    assert status == 1
    assert (told["verdict"] != "found", told["session"], told["member"], told["members"]) == (True, None, None, [])
    assert any(f"none of {2 * OTHERS} known members" in reason for reason in told["reasons"])
    assert site.detections() == []


def test_other_session_names_nobody(run: Run, viewers: Site) -> None:
    """A leak that is said to be of another session is compared with that session's viewers alone."""
    status, out = run("decode", "--registry", viewers.url, "--session", "matinee")
    assert status == 1
    assert f"none of {OTHERS} known members" in out


@pytest.mark.parametrize("command", [("decode",), ("report", "-o")])
@pytest.mark.parametrize("words", [("--session", "x"), ("--session", "x", "--registry")])
def test_session_must_be_in_a_registry(
    run: Run, viewers: Site, tmp_path: Path, command: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """A session is of a registry, and one that it knows."""
    target = [tmp_path / "case"] if "-o" in command else []
    given = [*words, viewers.url] if "--registry" in words else words
    assert run(*command, *target, *given) == (2, "")
    assert list(tmp_path.iterdir()) == []


def test_candidates_of_a_session_have_their_connections(viewers: Site, tmp_path: Path) -> None:
    """One session's candidates are its viewers, with the times at which they watched if there are records of any."""
    site = viewers.copy(tmp_path)
    with site.open() as registry:
        assert len(Viewers(registry).candidates) == 2 * OTHERS + 1
        assert Viewers(registry, SHOW).candidates.connected == []
        watched(registry)
        held = Viewers(registry, SHOW).candidates
    assert len(held) == OTHERS + 1
    index = held.index(PAYLOAD)
    assert index is not None
    assert held.connected[index] == [(-30.0, 90.0)]
    assert [held.was_connected(index, *span) for span in ((0, 60), (200, 300))] == [True, False]


def watched(registry: Registry) -> None:
    """Have the leaker watch for the first minute."""
    events = (("join", START), ("leave", START + 60_000))
    registry.record(Access(SHOW, LEAKER, event, time) for event, time in events)  # type: ignore[arg-type]


ABSENT = replace(FIRST, key_id=KEY.id, against=remark("unconnected", seconds=300.0))


def test_one_contradiction_is_told(viewers: Site, tmp_path: Path) -> None:
    """What decode and registry both say of the same thing is told once, in the registry's words."""
    site = viewers.copy(tmp_path)
    with site.open() as registry:
        watched(registry)
        named = Viewers(registry).named(decoding(ABSENT))
    told = as_text(LEAK, named.decoding, named.identities)
    assert told.count("against") == 1
    assert "the access records do not have this member connected" in told
    whole = json.loads(as_json(LEAK, "", named.decoding, named.identities))
    assert (whole["contradiction"], len(whole["contradictions"])) == (None, 1)
    assert (whole["members"][0]["contradiction"], whole["members"][0]["contradictions"]) == (
        None,
        whole["contradictions"],
    )


def test_stranger_is_told_once(viewers: Site) -> None:
    """A mark that names nobody in the registry is told so once."""
    stranger = replace(SECOND, against=remark("unlisted", candidates=241))
    with viewers.open() as registry:
        named = Viewers(registry).named(decoding(stranger))
    told = as_text(LEAK, named.decoding, named.identities)
    assert "nobody in the registry was given this payload" in told
    assert "against" not in told


def test_member_of_another_session_contradicts(viewers: Site) -> None:
    """Whom the mark names outside of the session asked for is named, and that they are not of it stays told."""
    outside = replace(FIRST, key_id=KEY.id, against=remark("unlisted", candidates=120))
    with viewers.open() as registry:
        named = Viewers(registry, "matinee").named(decoding(outside))
    told = as_text(LEAK, named.decoding, named.identities)
    assert f"member    {LEAKER}\n" in told
    assert "against   the mark names nobody of the 120 known members" in told


def test_empty_registry_decodes_blind(sqlite_place: Place) -> None:
    """A registry of nobody gives no candidates, so nothing but blind decoding is done."""
    with sqlite_place.open() as registry:
        assert len(Viewers(registry).candidates) == 0
        recovery = Recovery([KEY], candidates=Viewers(registry).candidates)
    assert recovery._known is None


def page(folder: Path) -> str:
    """Read the text of a report."""
    return Page((folder / "report.html").read_text()).text


def test_report_names_whom_the_registry_recognises(run: Run, viewers: Site, tmp_path: Path) -> None:
    """A report compares with the registry as decode does, tells pseudonyms alone, and writes the detection down."""
    site, target = viewers.copy(tmp_path), tmp_path / "case"
    status, out = run("report", "--registry", site.url, "-o", target)
    assert status == 0
    with site.open() as registry:
        alice = registry.members(LEAKER)[0].pseudonym
    told = json.loads((target / "decode.json").read_text())
    assert (told["method"], told["member"], told["payload"]) == ("registry", alice, [PAYLOAD.session, PAYLOAD.member])
    shown = page(target)
    for wanted in (
        alice,
        f"comparison with {2 * OTHERS + 1} known viewers",
        told["runner_up"]["pseudonym"],
        f"fits worse by {told['margin']:.1f} standard deviations",
        f"{2 * OTHERS + 1} candidates ×",
        "--registry URL",
    ):
        assert wanted in shown
    texts = [
        out.encode(),
        *(path.read_bytes() for path in target.rglob("*") if path.suffix in {".json", ".html", ".log"}),
    ]
    assert len(texts) == 5
    for secret in (SHOW, LEAKER, "guest "):
        assert not any(secret.encode() in content for content in texts)
    assert alice in out
    (entered,) = site.detections()
    assert (entered["method"], entered["leak_sha256"]) == ("registry", told["sha256"])


@pytest.mark.parametrize("disclose", [False, True])
def test_report_of_a_session(run: Run, viewers: Site, tmp_path: Path, *, disclose: bool) -> None:
    """A report compares with one session's viewers; its command says so, and does the same wherever it is run."""
    site, target = viewers.copy(tmp_path), tmp_path / "case"
    words = ["report", "--registry", site.url, "--session", SHOW, "-o", target, *(["--disclose"] if disclose else [])]
    assert run(*words)[0] == 0
    with site.open() as registry:
        (session,) = registry.sessions(SHOW)
    called = SHOW if disclose else session.pseudonym
    shown = page(target)
    assert f"comparison with {OTHERS + 1} known viewers" in shown
    assert f"They are the viewers of session {called} alone" in shown
    assert f"--registry URL --session {shlex.quote(called)} --effort fast --json" in shown
    assert (SHOW in shown) == disclose
    told = json.loads((target / "decode.json").read_text())
    again = json.loads(run("decode", "--registry", site.url, "--session", called, "--json")[1])
    for each in ("verdict", "p_false", "p_mistaken", "method", "margin"):
        assert again[each] == told[each]


def test_report_of_another_session(run: Run, viewers: Site, tmp_path: Path) -> None:
    """A report about a session that the leak is not of names nobody; whom the mark itself names is no member of it."""
    target = tmp_path / "case"
    assert run("report", "--registry", viewers.url, "--session", "matinee", "-o", target)[0] == 1
    assert f"none of {OTHERS} known members fits well enough" in page(target)


def test_report_tells_that_the_mark_is_of_another_session(
    viewers: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whom the mark names outside of the session asked for is told to be no viewer of it, in the report's language."""
    monkeypatch.setattr("tracemark.evidence.bundle.as_pdf", lambda *_: b"")
    against = remark("unlisted", candidates=OTHERS)
    outside = replace(FIRST, payload=PAYLOAD, key_id=KEY.id, against=against)
    monkeypatch.setattr("tracemark.evidence.bundle.decode", lambda *_, **__: decoding(outside))
    with viewers.open() as registry:
        known = Registered(Viewers(registry, "matinee"))
        bundle(leak(tmp_path / "a.mp4"), tmp_path / "case", knowledge=known, language="ja")
    assert against.words("ja") in page(tmp_path / "case")


def test_report_of_a_stranger_names_nobody(run: Run, strangers: Site, tmp_path: Path) -> None:
    """The same leak and a registry without the leaker make a report that names nobody, and no detection."""
    site, target = strangers.copy(tmp_path), tmp_path / "case"
    assert run("report", "--registry", site.url, "-o", target, "--lang", "ja")[0] == 1
    assert f"登録済みの視聴者 {2 * OTHERS} 名の複製と照合した。特定できるほど適合する者はいない。" in page(target)
    assert site.detections() == []


@pytest.fixture(scope="module")
def pasted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Paste the leaker's visible code over somebody else's marked copy, which shows their own code there, too."""
    frames = coded(film(36, 480, 272), CORNER, THIEF, strength=1.0)
    options = {"crf": "20", "threads": "1"}
    clip = Clip(width=480, height=272, times=range(36), options=options)
    return write(tmp_path_factory.mktemp("pasted") / "pasted.mp4", clip, coded(frames, CORNER, PAYLOAD))


@pytest.mark.parametrize("language", ["en", "ja"])
def test_report_tells_the_visible_code(
    language: Language, pasted: Path, viewers: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a real decode says of code, runner-up and margin is in the report in its words, names where disclosed."""
    monkeypatch.setattr("tracemark.evidence.bundle.as_pdf", lambda *_: b"")  # slow, and made of the same document
    site, say = viewers.copy(tmp_path), words(language)
    with site.open() as registry:
        registry.admit(THIEF, SHOW, "Bob", **GRANTED)  # type: ignore[arg-type]
        known = Registered(Viewers(registry))
        made = bundle(pasted, tmp_path / "case", knowledge=known, language=language, disclose=True)
    told, (member,) = json.loads((tmp_path / "case" / "decode.json").read_text()), made.decoding.members
    assert (told["member"], told["visible_code"]["member"]) == ("Bob", LEAKER)
    assert [each["visible"]["member"] for each in told["disagreements"]] == [LEAKER]
    assert member.runner_up
    shown = page(tmp_path / "case")
    for wanted in (
        told["visible_code"]["code"],
        f"{SHOW} / {LEAKER}",
        say("code.disagrees"),
        say("code.disagreement"),
        say("pictures.member", session=member.runner_up.session, member=member.runner_up.member),
        f"{told['margin']:.1f}",
        told["runner_up"]["pseudonym"],
    ):
        assert wanted in shown
