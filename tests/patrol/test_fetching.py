"""Downloads from hosts that mean harm: nothing private is reached, nothing grows over its limits, nothing hangs."""

from __future__ import annotations

import hashlib
import socket
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest

from tests.patrol.field import Field
from tests.patrol.running import rows, run
from tests.patrol.web import Web, serving
from tracemark.errors import PatrolError
from tracemark.patrol.addresses import checked, is_public, networks
from tracemark.patrol.fetching import fetch
from tracemark.patrol.jobs import Fetch
from tracemark.patrol.keeper import Keeper
from tracemark.patrol.limits import GRACE, Limits

LOOPBACK = networks(["127.0.0.1/32"])
SMALL = Limits(size=100_000, download=1.0, redirects=3)
FILE = b"a leak, perhaps" * 1000


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    """Serve one good file, and traps."""
    with serving({"good.mp4": FILE}) as served:
        yield served


@pytest.mark.parametrize(
    "text",
    [
        *(
            "0.0.0.1",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.2.1",
            "192.168.0.1",
        ),
        *("198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::", "::1", "fe80::1", "fc00::1", "fd12::1", "ff02::1", "2001:db8::1", "100::1", "64:ff9b:1::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
        *("2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::", "2001:0:808:808::f5ff:fffe"),
    ],
)
def test_private_addresses_are_not_public(text: str) -> None:
    """No address of a private, local, reserved or multicast network is public, however it is wrapped in IPv6."""
    assert not is_public(ip_address(text))


@pytest.mark.parametrize(
    "text", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_public_addresses_are(text: str) -> None:
    """Addresses of the public internet are public, wrapped or not."""
    assert is_public(ip_address(text))


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "017700000001", "0", "::1", "::ffff:7f00:1"]
)
def test_no_spelling_of_this_machine_is_let_through(host: str) -> None:
    """Every way to write loopback that the system understands is refused."""
    with pytest.raises(PatrolError, match=r"not public|no such host"):
        checked(host, 80)


def test_one_private_address_refuses_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with a public and a private address is refused: which one is connected to must not matter."""
    monkeypatch.setattr(socket, "getaddrinfo", _answers([["8.8.8.8", "10.0.0.1"]]))
    with pytest.raises(PatrolError, match=r"10\.0\.0\.1, which is not public"):
        checked("both.example", 80)


def test_a_host_is_looked_up_once(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that answers with a good address first and a bad one later leads to the good one: no second look-up."""
    monkeypatch.setattr(socket, "getaddrinfo", _answers([["127.0.0.1"], ["127.0.0.2"]]))
    digests, _ = fetch(web.url("good.mp4", "rebind.example"), tmp_path / "f", SMALL, LOOPBACK)
    assert len(FILE) == digests.size


def test_a_good_file_arrives(web: Web, tmp_path: Path) -> None:
    """A file is written as it is, with its digests, and its address after redirects is told."""
    good = web.url("good.mp4")
    digests, url = fetch(web.url(f"redirect?{good}"), tmp_path / "f", SMALL, LOOPBACK)
    assert good == url
    assert (tmp_path / "f").read_bytes() == FILE
    assert (len(FILE), hashlib.sha256(FILE).hexdigest(), hashlib.md5(FILE).hexdigest()) == (  # noqa: S324 - as told
        digests.size,
        digests.sha256,
        digests.md5,
    )


def test_loopback_is_refused_unless_allowed(web: Web, tmp_path: Path) -> None:
    """Without being told so, nothing is fetched from this machine, nor is it even connected to."""
    before = len(web.asked)
    with pytest.raises(PatrolError, match="not public"):
        fetch(web.url("good.mp4"), tmp_path / "f", SMALL)
    assert before == len(web.asked)


@pytest.mark.parametrize(
    "target",
    [
        *("http://127.0.0.2/", "http://169.254.169.254/latest/meta-data/", "http://[::ffff:127.0.0.2]/", "http://0/"),
        *(
            "http://[::1]/",
            "http://10.0.0.1:22/",
            "file:///etc/passwd",
            "ftp://127.0.0.1/",
            "gopher://127.0.0.1/",
            "//0",
        ),
        *("http://user:secret@127.0.0.1/", "http://", "http://[", "data:text/plain,x"),
    ],
)
def test_redirects_lead_nowhere_private(web: Web, tmp_path: Path, target: str) -> None:
    """Where a redirect leads is checked like where it began, and only http and https are followed."""
    with pytest.raises(PatrolError):
        fetch(web.url(f"redirect?{target}"), tmp_path / "f", SMALL, LOOPBACK)
    assert not (tmp_path / "f").exists()


def test_redirects_in_a_circle_end(web: Web, tmp_path: Path) -> None:
    """A redirect to itself is followed as often as is allowed, and no more."""
    before = len(web.asked)
    with pytest.raises(PatrolError, match="more than 3 redirects"):
        fetch(web.url("redirect?"), tmp_path / "f", SMALL, LOOPBACK)
    assert len(web.asked) - before == 1 + 3


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("drip", "not done after 1 s"),
        ("short", "broke off after 9 bytes"),
        ("endless", "more than 100000 bytes"),
        ("without-length", "more than 100000 bytes"),
        ("stated?100000000000000000000", "100000000000000000000 bytes: more than"),
        ("packed?gzip", "packed"),
        ("packed?gzip, gzip, br", "packed"),
        ("broken-chunks", "broke off"),
        ("no-http", "does not answer"),
        ("many-heads", "does not answer"),
        ("nothing", "status 404"),
    ],
)
def test_hosts_that_misbehave_are_given_up(web: Web, tmp_path: Path, path: str, said: str) -> None:
    """Slow, cut, endless, packed and broken answers each end in one line, within time and size."""
    began = time.monotonic()
    with pytest.raises(PatrolError, match=said):
        fetch(web.url(path.replace(" ", "%20")), tmp_path / "f", SMALL, LOOPBACK)
    assert time.monotonic() - began < 30
    assert not (tmp_path / "f").exists() or (tmp_path / "f").stat().st_size <= SMALL.size


def test_more_than_was_stated_is_not_read(web: Web, tmp_path: Path) -> None:
    """Bytes behind the stated length are not the file's."""
    fetch(web.url("long"), tmp_path / "f", SMALL, LOOPBACK)
    assert (tmp_path / "f").read_bytes() == b"four"


def test_a_drip_in_the_head_is_killed(web: Web, tmp_path: Path) -> None:
    """A host whose answer never even begins is waited for no longer than a download may take."""
    keeper = Keeper()
    try:
        began = time.monotonic()
        job = Fetch(web.url("drip-in-the-head"), str(tmp_path / "f"), ("127.0.0.1",), SMALL)
        ended = keeper.ask(job)
        taken = time.monotonic() - began
    finally:
        keeper.close()
    assert ended is not None
    assert (ended.report, ended.why) == (None, "it was not done in time")
    assert SMALL.download + GRACE <= taken < SMALL.download + GRACE + 20


def test_a_list_of_urls_is_patrolled(field: Field, tmp_path: Path) -> None:
    """Of a list of URLs the marked one is a hit that is kept, once, and what failed is tried again."""
    leak = (field.folder / "shot-1.png").read_bytes()
    with serving({"leak.png": leak, "again.png": leak, "page.html": b"<html>nothing</html>"}) as web:
        urls = [web.url(path) for path in ("leak.png", "page.html", "short", "again.png", "redirect?http://10.0.0.1/")]
        (tmp_path / "urls.txt").write_text("# found by a friend\n" + "\n".join(urls) + "\n")
        state = tmp_path / "s"
        words = [tmp_path / "urls.txt", "--once", "--key", field.key, "--state", state, "--full", "none"]
        found = run(*words, "--allow", "127.0.0.1", "--workers", "1")
        assert [hit["member"] for hit in found] == [1, 1]
        assert {urls[0], urls[3]} == {hit["file"] for hit in found}
        assert leak == Path(found[0]["kept"]).read_bytes()
        assert [found[0]["sha256"]] == [file.name for file in (tmp_path / "s.files").iterdir()]
        became = {place.decode(): outcome for place, outcome in rows(state, "SELECT place, outcome FROM places")}
        assert dict(zip(urls, ["found", "unreadable", "unfetched", "found", "unfetched"], strict=True)) == became
        asked = len(web.asked)
        run(*words, "--allow", "127.0.0.1", expected=1)
        assert {"short", "redirect?http://10.0.0.1/"} == set(web.asked[asked:])


def _answers(answers: list[list[str]]) -> Any:
    """Stand in for the system's resolver: one answer after the other for names, addresses as themselves."""
    real, left = socket.getaddrinfo, list(answers)

    def look_up(host: str, port: int, *arguments: Any, **options: Any) -> Any:
        if not str(host).endswith(".example"):
            return real(host, port, *arguments, **options)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in left.pop(0)]

    return look_up
