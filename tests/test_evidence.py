"""The parts that evidence is made of: keys to sign with, the custody log, hashes, time stamps."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.authority import OPENSSL, Authority, openssl, serving
from tests.scenes import WRONG_KEY
from tracemark.cli import main
from tracemark.errors import KeyFileError
from tracemark.evidence import PublicKey, SigningKey, certificates, custody
from tracemark.evidence.canonical import moment, read, stamp, written
from tracemark.evidence.hashes import digests, pdq
from tracemark.evidence.timestamp import StampError, check, request

NOON = datetime(2026, 11, 25, 12, 0, 0, 123_456, tzinfo=UTC)


def test_keygen_signing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`keygen --signing` writes a key for its owner alone and a public half for everyone, and tells its id only."""
    path = tmp_path / "op.pem"
    assert main(["keygen", "--signing", "-o", str(path)]) == 0
    assert path.stat().st_mode & 0o777 == 0o600
    public = PublicKey.load(tmp_path / "op.pem.pub")
    assert SigningKey.load(path).public == public
    said = capsys.readouterr().out
    assert public.id in said
    assert path.read_text().splitlines()[1] not in said


def test_keygen_signing_overwrites_nothing(tmp_path: Path) -> None:
    """Neither half of a signing key is ever overwritten, and no half is left where the other stood already."""
    path = tmp_path / "op.pem"
    (tmp_path / "op.pem.pub").write_text("precious")
    assert main(["keygen", "--signing", "-o", str(path)]) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["op.pem.pub"]


def test_keys_are_pem_files_that_openssl_reads(tmp_path: Path) -> None:
    """A signature is verified by openssl with the public half as it is written."""
    if OPENSSL is None:
        pytest.skip("openssl is not installed")
    key = SigningKey.generate()
    key.save(tmp_path / "op.pem")
    (tmp_path / "what").write_bytes(b"evidence")
    (tmp_path / "sig").write_bytes(key.sign(b"evidence"))
    words = ["pkeyutl", "-verify", "-pubin", "-inkey", "op.pem.pub", "-rawin", "-in", "what", "-sigfile", "sig"]
    openssl(tmp_path, *words)


@pytest.mark.parametrize("content", [b"", b"tracemark-key 1\n", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_not_a_signing_key(tmp_path: Path, content: bytes) -> None:
    """Files that hold no such key are refused, and nothing they hold is told."""
    path = tmp_path / "op.pem"
    path.write_bytes(content)
    with pytest.raises(KeyFileError, match="not a signing key") as told:
        SigningKey.load(path)
    assert "AAAA" not in str(told.value)
    with pytest.raises(KeyFileError, match="not a public key"):
        PublicKey.load(path)
    with pytest.raises(KeyFileError, match=r"none\.pem"):
        SigningKey.load(tmp_path / "none.pem")


def test_secret_of_a_mark_signs_nothing(tmp_path: Path) -> None:
    """A key to mark with is not taken for one to sign with."""
    WRONG_KEY.save(tmp_path / "studio.key")
    with pytest.raises(KeyFileError, match="not a signing key"):
        SigningKey.load(tmp_path / "studio.key")


def test_signature_is_over_every_byte() -> None:
    """A signature is good for its bytes and key, and for no others."""
    key = SigningKey.generate()
    signature = key.sign(b"evidence")
    assert key.public.signed(signature, b"evidence")
    assert not key.public.signed(signature, b"evidencf")
    assert not key.public.signed(signature[:-1], b"evidence")
    assert not SigningKey.generate().public.signed(signature, b"evidence")


def test_custody_chain() -> None:
    """A log reads back as it was written, each line holding the hash of the one before; a hash is plain SHA-256."""
    first = custody.follow(None, NOON, "tester", "received", {"name": "映像.mp4"})
    second = custody.follow(first, NOON + timedelta(seconds=1), "tester", "decoded", {"found": True})
    log = custody.parse(first.line() + second.line())
    assert log.faults == ()
    assert log.entries == (first, second)
    assert second.previous == first.hash
    bare = (
        '{"about":{"name":"映像.mp4"},"number":0,"previous":"' + "0" * 64 + '",'
        '"time":"2026-11-25T12:00:00.123Z","what":"received","who":"tester"}'
    )
    assert first.hash == hashlib.sha256(bare.encode()).hexdigest()


@pytest.mark.parametrize("line", [b"\n", b"{}\n", b"[]\n", b"\xff\n", b'{"number":0}\n', b"null\n"])
def test_custody_of_nonsense(line: bytes) -> None:
    """Lines that are none are named."""
    assert custody.parse(line).faults == ("line 1 cannot be read",)


def test_canonical_json() -> None:
    """JSON has one form, and a key that stands twice is refused."""
    assert written({"b": 1, "a": "ä"}) == '{"a":"ä","b":1}'.encode()
    assert read(b'{"a":1}') == {"a": 1}
    with pytest.raises(ValueError, match="twice"):
        read(b'{"a":{"b":1,"b":2}}')
    with pytest.raises(ValueError, match="not a JSON object"):
        read(b"[]")


def test_times() -> None:
    """Times are written in UTC to the millisecond and read back; others are refused."""
    assert stamp(NOON) == "2026-11-25T12:00:00.123Z"
    assert moment(stamp(NOON)) == NOON.replace(microsecond=123_000)
    for wrong in ("2026-11-25T12:00:00.123", "yesterdayZ", 5):
        with pytest.raises(ValueError, match=r"not a time|Invalid"):
            moment(wrong)


def test_digests(tmp_path: Path) -> None:
    """SHA-256 and MD5 are those of the standard library, over files longer than a chunk."""
    content = bytes(range(256)) * 5000
    (tmp_path / "film").write_bytes(content)
    found = digests(tmp_path / "film")
    assert found.size == len(content)
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.md5 == hashlib.md5(content, usedforsecurity=False).hexdigest()


def test_pdq() -> None:
    """PDQ changes few of its 256 bits when a picture is shrunk and made brighter, and about half for another."""
    chance = np.random.default_rng(4)

    def picture() -> np.ndarray:
        small = chance.integers(20, 220, (9, 16, 3), np.uint8)
        return np.kron(small, np.ones((40, 40, 1), np.uint8))

    one, other = picture(), picture()
    first, near, far = (pdq(each) for each in (one, one[::2, ::2] // 2 * 2 + 20, other))
    assert len(first.bits) == 64
    assert first.quality > 50
    distance = [(int(first.bits, 16) ^ int(each.bits, 16)).bit_count() for each in (near, far)]
    assert distance[0] <= 31  # the distance up to which ThreatExchange takes two pictures for the same
    assert 90 <= distance[1] <= 166


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """Run an authority."""
    if OPENSSL is None:
        pytest.skip("openssl is not installed")
    with serving(tmp_path_factory.mktemp("tsa")) as running:
        yield running


def test_stamp(authority: Authority) -> None:
    """An authority's stamp names it and the time, and only a hash of the bytes goes to it."""
    secret = b"nobody else's business"
    answer = request(authority.url, secret, certificates(authority.certificate))
    found = check(answer, secret, certificates(authority.certificate))
    assert found.authority == "CN=Test authority"
    assert abs(found.time - datetime.now(UTC)) < timedelta(minutes=1)
    assert found.trusted
    assert not check(answer, secret).trusted
    assert secret not in authority.queries[-1]
    assert hashlib.sha256(secret).digest() in authority.queries[-1]


def test_stamp_read_by_openssl(authority: Authority, tmp_path: Path) -> None:
    """The stamp is accepted by openssl itself."""
    answer = request(authority.url, b"evidence")
    (tmp_path / "what").write_bytes(b"evidence")
    (tmp_path / "stamp").write_bytes(answer)
    openssl(tmp_path, "ts", "-verify", "-data", "what", "-in", "stamp", "-CAfile", str(authority.certificate))


def test_stamp_of_something_else(authority: Authority) -> None:
    """A stamp is good for its bytes only."""
    answer = request(authority.url, b"evidence")
    with pytest.raises(StampError, match="about something else"):
        check(answer, b"evidencf")


def test_stamp_of_a_stranger(authority: Authority, tmp_path: Path) -> None:
    """A stamp by an authority that is not trusted is refused."""
    (tmp_path / "stranger").mkdir()
    with serving(tmp_path / "stranger") as stranger:
        trusted = certificates(authority.certificate)
        with pytest.raises(StampError, match="not by an authority that is trusted"):
            request(stranger.url, b"evidence", trusted)


def test_stamp_of_another_request(authority: Authority) -> None:
    """An old answer, sent again, is not taken: its nonce is another's."""
    authority.broken = request(authority.url, b"evidence")
    try:
        with pytest.raises(StampError, match="another request"):
            request(authority.url, b"evidence")
    finally:
        authority.broken = None


@pytest.mark.parametrize(
    ("answer", "status", "told"),
    [
        (b"", 200, "cannot be read"),
        (b"<html>", 200, "cannot be read"),
        (b"x" * 70_000, 200, "more than"),
        (b"", 500, "status 500"),
        (b"", 302, "status 302"),
        (bytes.fromhex("30053003020102"), 200, "refused"),
    ],
)
def test_bad_answers(authority: Authority, answer: bytes, status: int, told: str) -> None:
    """Empty, endless, foreign and refusing answers, and ways elsewhere, give one clear line each."""
    authority.broken, authority.status = answer, status
    try:
        with pytest.raises(StampError, match=told):
            request(authority.url, b"evidence")
    finally:
        authority.broken, authority.status = None, 200


def test_no_network() -> None:
    """Where nobody listens, the line says so."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(StampError, match="cannot be reached"):
            request(f"http://127.0.0.1:{held.getsockname()[1]}/", b"evidence")
    with pytest.raises(StampError, match="no address"):
        request("ftp://example.org", b"evidence")


def test_no_certificates(tmp_path: Path) -> None:
    """A file without certificates is refused."""
    (tmp_path / "none.pem").write_text("none")
    with pytest.raises(StampError, match="no certificate"):
        certificates(tmp_path / "none.pem")
    with pytest.raises(StampError, match="cannot read"):
        certificates(tmp_path / "missing.pem")
