"""Known members: a patrol that compares with the registry names leakers whom blind decoding cannot read."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from tests.media import Clip, write
from tests.patrol.running import rows, run
from tests.patrol.test_deciding import ORDERS, World, scene
from tests.scenes import KEY, PAYLOAD, film, mark
from tracemark.cli import main
from tracemark.patrol import known
from tracemark.patrol.hands import Hands
from tracemark.patrol.jobs import Ended, Job, Look, stamp_of
from tracemark.patrol.keeper import Keeper
from tracemark.patrol.limits import Limits
from tracemark.patrol.orders import Compared, Orders
from tracemark.patrol.patrol import FRESH, Patrol
from tracemark.patrol.sources import Found
from tracemark.patrol.store import Store
from tracemark.patrol.verdicts import from_plain
from tracemark.profile import PROFILE
from tracemark.recovery import Candidates
from tracemark.registry import Registry

MIB = 1 << 20
LIMITS = Limits(memory=512 * MIB, cpu=60, wall=120.0)
GUESTS = 120
SHOW, LEAKER = "evening", "alice"


@pytest.fixture(scope="module")
def weak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Leak a clip of two seconds with too little of the mark left to decode it blind."""
    folder = tmp_path_factory.mktemp("weak")
    KEY.save(folder / "studio.key")
    (folder / "inbox").mkdir()
    options = {"preset": "medium", "crf": "28", "threads": "1"}
    clip = Clip(width=320, height=180, times=range(50), options=options)
    return write(folder / "inbox" / "weak.mp4", clip, mark(film(50, 320, 180)))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make a registry of two sessions with their guests, the leaker among those of the first."""
    url = f"sqlite:///{tmp_path_factory.mktemp('site') / 'site.db'}"
    with Registry.create(url) as registry:
        for number in range(GUESTS):
            for session in (SHOW, "matinee"):
                registry.grant(session, f"guest {number}", KEY)
        registry.admit(PAYLOAD, SHOW, LEAKER, key_id=KEY.id, profile=PROFILE.version, granted=1_790_000_000_000)
    return url


@pytest.fixture(scope="module")
def nursery() -> Iterator[Keeper]:
    """Start a nursery."""
    keeper = Keeper()
    yield keeper
    keeper.close()


def crowd(count: int, *others: tuple[int, int]) -> Candidates:
    """List members drawn by chance, and some others."""
    drawn = np.random.default_rng(7).integers(0, 1 << 32, (count, 2), np.uint32)
    return Candidates(np.concatenate([drawn, np.array(others, np.uint32).reshape(-1, 2)]))


def look(nursery: Keeper, leak: Path, members: Candidates | None, folder: Path) -> Ended:
    """Have a child take a fast look."""
    file = known.write(members, folder) if members else None
    key = str(leak.parents[1] / "studio.key")
    ended = nursery.ask(Look(str(leak), stamp_of(leak.stat()), (key,), "fast", 4, LIMITS, known=file))
    assert ended is not None
    return ended


@pytest.mark.parametrize("count", [GUESTS, 20_000])
def test_a_child_recognises_a_known_member(nursery: Keeper, weak: Path, tmp_path: Path, count: int) -> None:
    """Within its limits a child names whom the list holds, nobody if it holds others, and nobody without a list."""
    ended = look(nursery, weak, crowd(count, (PAYLOAD.session, PAYLOAD.member)), tmp_path)
    assert ended.report
    told = from_plain(ended.report["decoding"])
    assert (told.verdict, told.payload, told.method) == ("found", PAYLOAD, "registry")
    assert told.p_false <= 1e-9
    for others in (crowd(count), None):
        ended = look(nursery, weak, others, tmp_path)
        assert ended.report
        assert from_plain(ended.report["decoding"]).verdict != "found"


def test_a_list_that_is_gone_is_told(nursery: Keeper, weak: Path, tmp_path: Path) -> None:
    """Without its list a look does not pretend to have compared; the nursery lives on."""
    key = str(weak.parents[1] / "studio.key")
    job = Look(str(weak), stamp_of(weak.stat()), (key,), "fast", 4, LIMITS, known=str(tmp_path / "none"))
    ended = nursery.ask(job)
    assert ended is not None
    assert (ended.report, ended.why) == (None, "it brought about an error: FileNotFoundError")
    assert look(nursery, weak, None, tmp_path).report is not None


def test_a_list_holds_numbers_alone(tmp_path: Path) -> None:
    """A list is read back as it was, without names, has one file however often it is written, and nobody has none."""
    members = Candidates(crowd(5).payloads, labels=["alice@example.net"] * 5)
    files = {known.write(members, tmp_path) for _ in range(2)}
    (file,) = files
    assert file is not None
    assert [path.name for path in tmp_path.iterdir()] == [Path(file).name]
    assert (known.read(file).payloads == members.payloads).all()
    assert b"alice" not in Path(file).read_bytes()
    assert known.write(Candidates(np.empty((0, 2), np.uint32)), tmp_path) is None


@dataclass
class Listening(World):
    """A world that notes with how many members every look compares."""

    compared: list[tuple[str | None, int]] = field(default_factory=list)

    def submit(self, job: Job) -> Future[Ended]:
        """Do a job at once."""
        if isinstance(job, Look):
            self.compared.append((job.effort, len(known.read(job.known)) if job.known else 0))
        return super().submit(job)


@pytest.mark.parametrize(
    ("compared", "session", "fast", "closer"),
    [
        ("none", None, 0, 0),
        ("closer", None, 0, 2 * GUESTS + 1),
        ("all", None, 2 * GUESTS + 1, 2 * GUESTS + 1),
        ("all", "matinee", GUESTS, GUESTS),
    ],
)
def test_which_looks_compare(
    site: str, tmp_path: Path, compared: Compared, session: str | None, fast: int, closer: int
) -> None:
    """Those that were told to compare get everyone, or one session's viewers; the others get nobody."""
    world = Listening(shows={"a": scene(1)})
    orders = replace(ORDERS, compared=compared, session=session)
    with Registry.open(site) as registry, Store(tmp_path / "s", orders.asked) as store:
        patrol = Patrol(orders, store, Hands(world.submit, lambda: 1), lambda _: None, registry=registry)
        patrol.begin()
        patrol.run([Found("a", "1")])
    assert world.compared == [("fast", fast), ("normal", closer)]


def test_a_watch_gets_to_know_new_members(site: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was granted a payload since is compared with, too, when the list has become old."""
    now = 0.0
    monkeypatch.setattr("tracemark.patrol.patrol.time.monotonic", lambda: now)
    world = Listening(shows={name: scene(number) for number, name in enumerate("abc")})
    orders = replace(ORDERS, compared="all", full="none")
    with Registry.create(f"sqlite:///{tmp_path / 'own.db'}") as registry, Store(tmp_path / "s", orders.asked) as store:
        registry.grant(SHOW, "first", KEY)
        patrol = Patrol(orders, store, Hands(world.submit, lambda: 1), lambda _: None, registry=registry)
        patrol.begin()
        for name, now in (("a", 0.0), ("b", FRESH - 1), ("c", FRESH)):  # noqa: B007 - the clock of this test
            registry.grant(SHOW, f"new when {name} came", KEY)
            patrol.run([Found(name, "1")])
    assert [count for _, count in world.compared] == [1, 1, 4]


def test_what_is_asked() -> None:
    """A comparison is a question of its own; a state that never compared is as it was before there was one."""
    assert ORDERS.asked == Orders(("k",), ("id",)).asked == "b04825cc79d11d92"
    asked = {replace(ORDERS, compared=each, session=of).asked for each in ("closer", "all") for of in (None, "s")}
    assert len(asked | {ORDERS.asked}) == 5


def test_the_patrol_names_whom_blind_decoding_cannot(weak: Path, site: str, tmp_path: Path) -> None:
    """The same leak is no hit without candidates and with another session's, and the leaker's with their own."""
    words = [weak.parent, "--once", "--key", weak.parents[1] / "studio.key", "--full", "none", "--registry", site]
    assert run(*words, "--state", tmp_path / "s", expected=1) == []
    assert run(*words, "--state", tmp_path / "s", "--session", "matinee", expected=1) == []
    (hit,) = run(*words, "--state", tmp_path / "s", "--session", SHOW)
    assert (hit["session"], hit["member"], hit["method"], hit["registered"]) == (SHOW, LEAKER, "registry", True)
    assert hit["runner_up"]["session"] == SHOW
    assert rows(tmp_path / "s", "SELECT looks FROM contents") == [(1,)]
    with Registry.open(site) as registry, registry.export() as lines:
        assert [line["method"] for line in lines if line["kind"] == "detections"] == ["registry"]
    (hit,) = run(*words, "--state", tmp_path / "other", "--candidates", "all")
    assert (hit["member"], hit["method"]) == (LEAKER, "registry")
    assert len(list((tmp_path / "other.files").iterdir())) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("--session", SHOW),
        ("--candidates", "all"),
        ("--session", SHOW, "--candidates", "none", "--registry", "SITE"),
        ("--session", "none such", "--registry", "SITE"),
    ],
)
def test_words_that_make_no_sense(
    weak: Path, site: str, tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """A session without a registry, one that it does not know, or one and nobody to compare with: told in a line."""
    given = [str(weak), "--key", str(weak.parents[1] / "studio.key"), "--state", str(tmp_path / "s")]
    assert main(["patrol", *given, *(site if word == "SITE" else word for word in words)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "session" in said.err or "--registry" in said.err
    assert list(tmp_path.iterdir()) == []
