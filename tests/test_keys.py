"""Keys and keystreams: frozen vectors, files that cannot be lost or leaked, laws of the streams."""

from __future__ import annotations

import hashlib
import hmac
import os
import pickle
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemark.errors import KeyFileError, TracemarkError
from tracemark.keys import Key

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tracemark.keys import KeyStream

SECRET = bytes(range(32))
KEY = Key.from_bytes(SECRET)


def digest(array: NDArray[np.generic], little_endian: str) -> str:
    """SHA-256 of an array's numbers in a fixed byte order."""
    return hashlib.sha256(array.astype(little_endian).tobytes()).hexdigest()


def test_key_id_is_frozen() -> None:
    """The id of a known key never changes."""
    assert KEY.id == "b26f0681c19200c7"


def test_bytes_are_frozen() -> None:
    """The bytes of a known stream never change."""
    data = KEY.stream("vector").bytes(100_000)
    assert data[:16].hex() == "ca3dfac9798a636761fbe4ecd619397f"
    assert hashlib.sha256(data).hexdigest() == "73118b3610db2441db8abbd2f51b6b9b0a8add41304e2438bec851658cd438f5"


@pytest.mark.parametrize(
    ("name", "numbers", "expected"),
    [
        ("vector", (0,), "0d8d93a92f84e020"),
        ("vector", (1,), "83e6b341c5f13f21"),
        ("vector", (-1, 2**62), "fdea4b3749bc576e"),
        ("véctor", (), "58f2f2caacea1665"),
    ],
)
def test_named_and_numbered_streams_are_frozen(name: str, numbers: tuple[int, ...], expected: str) -> None:
    """How names and numbers, negative and large ones too, select a stream never changes."""
    assert KEY.stream(name, *numbers).bytes(8).hex() == expected


def test_uint64_is_frozen() -> None:
    """Integers are read little-endian, and never change."""
    numbers = KEY.stream("vector").uint64(1000)
    assert numbers.dtype == np.uint64
    assert numbers[:3].tolist() == [7449950464285228490, 9167386927377480545, 9910799652364187201]
    assert digest(numbers, "<u8") == "d5320e49ce29280a655d4201106a3d60dc7925ce3bcc088569b5bcc357ba99d5"


def test_signs_are_frozen() -> None:
    """Signs are read from the least significant bit upwards, 1 as -1, and never change."""
    signs = KEY.stream("vector").signs(100_003)
    assert signs.dtype == np.int8
    assert signs[:16].tolist() == [1, -1, 1, -1, 1, 1, -1, -1, -1, 1, -1, -1, -1, -1, 1, 1]
    assert digest(signs, "i1") == "d4a3003b92709f9f3375e2bce50a4dec1664e9ff0b0a4df1929c3f742757dcad"


def test_uniform_is_frozen() -> None:
    """Uniform numbers are exact multiples of 2**-53, and never change."""
    numbers = KEY.stream("vector").uniform(1000)
    expected = ["0x1.9d8e29e727e8ep-2", "0x1.fce4675bb393ep-2", "0x1.1314778c5e76ep-1"]
    assert [float(number).hex() for number in numbers[:3]] == expected
    assert digest(numbers, "<f8") == "ce8ed66b5ece9976e56230b51236ebbeade84439ee3b45eb04d05d6858fe54cf"


def test_permutation_is_frozen() -> None:
    """Permutations never change, short or long."""
    assert KEY.stream("vector").permutation(8).tolist() == [5, 0, 4, 1, 2, 7, 6, 3]
    order = KEY.stream("vector").permutation(10_000)
    assert order.dtype == np.int64
    assert digest(order, "<i8") == "0a38e02aff04ad7a780ee2a9111871a5695e68b60f63a86a9dfd5db73382c077"


def test_stream_is_what_its_documentation_says() -> None:
    """A stream is AES-256 of a big-endian counter under the HKDF-SHA256 subkey of RFC 5869, built here by hand."""
    info = b"tracemark/1/stream/" + b"\x05\x00chips" + b"\x07\x00\x00\x00\x00\x00\x00\x00"
    extracted = hmac.digest(bytes(32), SECRET, "sha256")
    subkey = hmac.digest(extracted, info + b"\x01", "sha256")
    counters = b"".join(number.to_bytes(16, "big") for number in range(3))
    expected = Cipher(AES(subkey), ECB()).encryptor().update(counters)  # noqa: S305
    assert KEY.stream("chips", 7).bytes(48) == expected


def test_names_and_numbers_are_told_apart() -> None:
    """No two ways to write a stream's name and numbers give the same stream, nor does another key."""
    streams = [
        KEY.stream("a"),
        KEY.stream("a", 0),
        KEY.stream("a", 0, 0),
        KEY.stream("a", 1, 0),
        KEY.stream("a", 0, 1),
        KEY.stream("a\x00"),
        KEY.stream("a" + "\x00" * 8),
        KEY.stream("ab"),
        KEY.stream(""),
        Key.from_bytes(SECRET[::-1]).stream("a"),
    ]
    assert len({stream.bytes(32) for stream in streams}) == len(streams)


READS: list[tuple[Callable[[KeyStream, int], NDArray[np.generic]], int]] = [
    (lambda stream, count: stream.uint64(count), 1),
    (lambda stream, count: stream.uniform(count), 1),
    (lambda stream, count: stream.signs(count), 8),
]


@pytest.mark.parametrize(("read", "granule"), READS)
@settings(deadline=None)
@given(first=st.integers(0, 40), second=st.integers(0, 40))
def test_reads_continue_the_stream(
    read: Callable[[KeyStream, int], NDArray[np.generic]], granule: int, first: int, second: int
) -> None:
    """Two reads give what one long read gives (signs in whole bytes)."""
    whole = read(KEY.stream("law"), (first + second) * granule)
    stream = KEY.stream("law")
    parts = [read(stream, first * granule), read(stream, second * granule)]
    assert np.concatenate(parts).tolist() == whole.tolist()


@settings(deadline=None)
@given(name=st.text(max_size=20), number=st.integers(-(2**63), 2**63 - 1), count=st.integers(0, 300))
def test_permutation_holds_every_index_once(name: str, number: int, count: int) -> None:
    """A permutation of any stream and length holds each of 0..count-1 exactly once."""
    assert sorted(KEY.stream(name, number).permutation(count).tolist()) == list(range(count))


def test_streams_are_fair() -> None:
    """Signs and uniform numbers have the mean and variance of fair ones, within five standard errors."""
    count = 1_000_000
    signs = KEY.stream("fair").signs(count).astype(np.float64)
    uniform = KEY.stream("fair").uniform(count)
    assert abs(signs.mean()) < 5 / count**0.5
    assert abs(uniform.mean() - 0.5) < 5 * (1 / 12 / count) ** 0.5
    assert abs(uniform.var() - 1 / 12) < 5 * (1 / 180 / count) ** 0.5
    assert 0 <= uniform.min() < uniform.max() < 1


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1])
def test_number_out_of_range_is_refused(number: int) -> None:
    """A stream number beyond 64 bits is an error, not another stream."""
    with pytest.raises(OverflowError):
        KEY.stream("a", number)


def test_negative_count_is_refused() -> None:
    """Reading fewer than no bytes is an error."""
    with pytest.raises(ValueError, match="negative"):
        KEY.stream("a").bytes(-1)


def test_generated_keys_differ() -> None:
    """Two new keys are never the same, and neither are their ids."""
    keys = [Key.generate() for _ in range(20)]
    assert len(set(keys)) == len({key.id for key in keys}) == len(keys)


def test_saved_key_is_loaded_again(tmp_path: Path) -> None:
    """A key survives its file: same id, same streams."""
    key = Key.generate()
    key.save(tmp_path / "studio.key")
    assert Key.load(str(tmp_path / "studio.key")) == key


def test_key_file_is_frozen(tmp_path: Path) -> None:
    """The file of a known key is two lines of text, today and ever."""
    KEY.save(tmp_path / "studio.key")
    assert (tmp_path / "studio.key").read_bytes() == f"tracemark-key 1\n{SECRET.hex()}\n".encode()


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has mode bits")
def test_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    """A key file has mode 0600 whatever the umask."""
    before = os.umask(0)
    try:
        KEY.save(tmp_path / "studio.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "studio.key").stat().st_mode) == 0o600


def test_line_ends_of_other_systems_are_taken(tmp_path: Path) -> None:
    """A key file with CRLF line ends, capitals and no final newline still loads."""
    (tmp_path / "studio.key").write_bytes(f"tracemark-key 1\r\n{SECRET.hex().upper()}".encode())
    assert Key.load(tmp_path / "studio.key") == KEY


def test_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    """Saving over any existing file is refused and leaves it as it was."""
    path = tmp_path / "precious"
    path.write_text("precious", encoding="utf-8")
    with pytest.raises(KeyFileError, match="not overwritten"):
        KEY.save(path)
    assert path.read_text(encoding="utf-8") == "precious"


def test_missing_folder_is_said(tmp_path: Path) -> None:
    """Saving into a folder that does not exist says so."""
    with pytest.raises(KeyFileError, match=r"folder .* does not exist"):
        KEY.save(tmp_path / "no" / "studio.key")


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_interrupted_save_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: BaseException
) -> None:
    """A full disk or Ctrl-C while a key is written leaves no file behind."""

    def fail(_descriptor: int) -> None:
        raise failure

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises((KeyFileError, KeyboardInterrupt)):
        KEY.save(tmp_path / "studio.key")
    assert list(tmp_path.iterdir()) == []


BAD_FILES = {
    "empty": b"",
    "text": b"hello\n",
    "binary": bytes(range(256)) * 100,
    "raw secret": SECRET,
    "short": f"tracemark-key 1\n{SECRET.hex()[:-2]}\n".encode(),
    "long": f"tracemark-key 1\n{SECRET.hex()}00\n".encode(),
    "odd": f"tracemark-key 1\n{SECRET.hex()[:-1]}\n".encode(),
    "no hex": b"tracemark-key 1\n" + b"xy" * 32 + b"\n",
    "newer": f"tracemark-key 2\n{SECRET.hex()}\n".encode(),
    "endless": f"tracemark-key 1\n{SECRET.hex()}".encode() + b" " * 10_000 + b"x",
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES.keys())
def test_bad_key_file_is_refused_in_one_line_without_its_content(tmp_path: Path, content: bytes) -> None:
    """Anything but a whole key file gives one line that names the file and shows nothing of what it holds."""
    path = tmp_path / "bad.key"
    path.write_bytes(content)
    with pytest.raises(KeyFileError) as caught:
        Key.load(path)
    message = str(caught.value)
    assert "bad.key" in message
    assert "\n" not in message
    assert SECRET.hex()[:8] not in message
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_missing_key_file_is_said(tmp_path: Path) -> None:
    """A missing file is told from a broken one, with advice how to make one."""
    with pytest.raises(KeyFileError, match=r"no key file .*nothing\.key.*tracemark keygen"):
        Key.load(tmp_path / "nothing.key")


def test_folder_is_no_key_file(tmp_path: Path) -> None:
    """A folder given as key file is called a folder."""
    with pytest.raises(KeyFileError, match="is a folder"):
        Key.load(tmp_path)


def test_overlong_name_is_an_error_of_ours(tmp_path: Path) -> None:
    """What the system refuses to open or create comes back as one line, whatever the reason."""
    path = tmp_path / ("k" * 5000)
    for action in (lambda: Key.load(path), lambda: KEY.save(path)):
        with pytest.raises(TracemarkError, match=r"cannot (read|write) the key file"):
            action()


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_secret_of_wrong_length_is_refused(length: int) -> None:
    """A key has 32 bytes and no other number."""
    with pytest.raises(KeyFileError, match=f"{length} bytes instead of 32"):
        Key.from_bytes(bytes(length))


def test_key_shows_its_id_only() -> None:
    """Neither the printed form of a key nor of an object holding it shows the secret."""
    for text in (repr(KEY), str(KEY), f"{[KEY]}"):
        assert KEY.id in text
        assert SECRET.hex()[:8] not in text
        assert repr(SECRET)[2:10] not in text


def test_keys_are_values() -> None:
    """Keys compare and hash by their secret, and go to child processes whole."""
    assert Key.from_bytes(bytearray(SECRET)) == KEY
    assert len({KEY, Key.from_bytes(SECRET)}) == 1
    assert pickle.loads(pickle.dumps(KEY)) == KEY  # noqa: S301
    assert Key.generate() != KEY
