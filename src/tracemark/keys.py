"""Secret keys and their named keystreams: the only randomness of the mark.

Everything that must be unpredictable to a stranger and reproducible for the holder of the key (chips, cell
permutations, pilots, payload scrambling) is read from a named keystream of one 32-byte key. The streams are part of
the wire format: a clip marked today has to be read in ten years, so they rest on published ciphers with a fixed byte
order (HKDF-SHA256 and AES-256-CTR) and not on any library's random generator. `tests/test_keys.py` holds the test
vectors.
"""

from __future__ import annotations

import builtins
import os
import re
import secrets
from dataclasses import dataclass, field
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tracemark.errors import KeyFileError

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEY_BYTES = 32
"""Length of a key and of every subkey in bytes: AES-256."""

KEY_ID_BYTES = 8
"""Length of a key's public id in bytes (16 hex digits): enough to tell any collection of keys apart."""

_ID_INFO = b"tracemark/1/key-id"
_STREAM_INFO = b"tracemark/1/stream/"
_FILE_VERSION = 1
# A key file is under 100 bytes; a film given by mistake is not worth reading to its end.
_FILE_READ_LIMIT = 4096
_FILE_PATTERN = re.compile(rb"\s*tracemark-key\s+(\d{1,9})\s+([0-9A-Fa-f]*)\s*")


class KeyStream:
    """One named keystream: an endless, reproducible sequence of bytes read as numbers.

    Reads are sequential: each continues where the last one ended, so ``bytes(16)`` equals ``bytes(8) + bytes(8)``.
    Every stream is byte-exact for ever, on every machine.

    Parameters
    ----------
    subkey : bytes
        32 bytes; `Key.stream` derives them. The stream is AES-256 in counter mode over zeros, the 128-bit
        big-endian counter starting at zero.

    References
    ----------
    Dworkin, 2001, NIST SP 800-38A, section 6.5 (counter mode).
    """

    def __init__(self, subkey: builtins.bytes) -> None:
        self._encryptor = Cipher(AES(subkey), CTR(builtins.bytes(16))).encryptor()

    def bytes(self, count: int) -> builtins.bytes:
        """Read `count` bytes.

        Raises
        ------
        ValueError
            If `count` is negative.
        """
        return self._encryptor.update(builtins.bytes(count))

    def uint64(self, count: int) -> NDArray[np.uint64]:
        """Read `count` unsigned integers of 64 bits, little-endian, uniform over their whole range.

        Returns
        -------
        ndarray of uint64, shape (count,)
        """
        return np.frombuffer(self.bytes(8 * count), dtype="<u8").astype(np.uint64)

    def signs(self, count: int) -> NDArray[np.int8]:
        """Read `count` fair signs, one bit each.

        A bit of 0 gives +1 and a bit of 1 gives -1; bits are taken from each byte's least significant bit upwards.
        Whole bytes are consumed: the rest of the last one is thrown away.

        Returns
        -------
        ndarray of int8, shape (count,)
            Each +1 or -1.
        """
        octets = np.frombuffer(self.bytes((count + 7) // 8), dtype=np.uint8)
        bits = np.unpackbits(octets, count=count, bitorder="little").astype(np.int8)
        return np.int8(1) - np.int8(2) * bits

    def uniform(self, count: int) -> NDArray[np.float64]:
        """Read `count` numbers uniform in [0, 1): the upper 53 bits of one 64-bit integer each.

        Returns
        -------
        ndarray of float64, shape (count,)
        """
        return (self.uint64(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def permutation(self, count: int) -> NDArray[np.int64]:
        """Read a permutation of 0..count-1: the stable ascending order of `count` 64-bit integers.

        Returns
        -------
        ndarray of int64, shape (count,)
        """
        return np.argsort(self.uint64(count), kind="stable").astype(np.int64)


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """A 256-bit secret that marks clips and finds the mark again.

    Make one with `generate`, `load` or `from_bytes`. Its printed form shows only the key id, and no error message
    of this module shows what a file or key holds.

    Raises
    ------
    KeyFileError
        If the secret is not 32 bytes long.
    """

    _secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a secret of any other length."""
        if len(self._secret) != KEY_BYTES:
            raise KeyFileError(
                f"the key has {len(self._secret)} bytes instead of {KEY_BYTES}", "make one with 'tracemark keygen'"
            )

    def __repr__(self) -> str:
        """Show the key id and nothing else."""
        return f"Key(id={self.id!r})"

    @classmethod
    def generate(cls) -> Key:
        """Draw a new key from the operating system's random source."""
        return cls(secrets.token_bytes(KEY_BYTES))

    @classmethod
    def from_bytes(cls, secret: bytes | bytearray | memoryview) -> Key:
        """Take 32 secret bytes, uniformly random, from a key store of the caller's own.

        Raises
        ------
        KeyFileError
            If `secret` is not 32 bytes long.
        """
        # A view first, because bytes(32) would quietly be a key of zeros.
        return cls(bytes(memoryview(secret)))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Key:
        """Read a key file written by `save`.

        Who else may read the file is not checked: secrets mounted into containers are commonly readable by all
        inside, and other systems have no such bits. `save` makes files that only their owner can read.

        Parameters
        ----------
        path : path
            File of two lines: ``tracemark-key 1`` and 64 hex digits. Line ends of any system are taken.

        Raises
        ------
        KeyFileError
            If the file is missing, a folder, unreadable, no key file, of another version or of the wrong length.
        """
        try:
            with Path(path).open("rb") as file:
                content = file.read(_FILE_READ_LIMIT + 1)
        except FileNotFoundError:
            raise KeyFileError(
                f"there is no key file {os.fspath(path)}", "check the path, or make a key with 'tracemark keygen'"
            ) from None
        except IsADirectoryError:
            raise KeyFileError(f"{os.fspath(path)} is a folder, not a key file", "give the file inside it") from None
        except OSError as error:
            raise KeyFileError(f"cannot read the key file {os.fspath(path)}: {error.strerror}") from None
        match = _FILE_PATTERN.fullmatch(content)
        if match is None or len(content) > _FILE_READ_LIMIT:
            raise KeyFileError(
                f"{os.fspath(path)} is not a tracemark key file", "give a file made by 'tracemark keygen'"
            )
        version, digits = int(match[1]), match[2]
        if version != _FILE_VERSION:
            raise KeyFileError(
                f"the key file {os.fspath(path)} has version {version}, this tracemark reads version {_FILE_VERSION}",
                "update tracemark",
            )
        if len(digits) != 2 * KEY_BYTES:
            raise KeyFileError(
                f"the key file {os.fspath(path)} holds {len(digits)} hex digits instead of {2 * KEY_BYTES}",
                "restore it from a backup; a part of a key is of no use",
            )
        return cls(bytes.fromhex(digits.decode("ascii")))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the key to a new file that only its owner can read (mode 0600).

        See `write_secret`.

        Raises
        ------
        KeyFileError
            If the file exists, or cannot be written.
        """
        write_secret(Path(path), f"tracemark-key {_FILE_VERSION}\n{self._secret.hex()}\n".encode("ascii"))

    @property
    def id(self) -> str:
        """16 hex digits that name the key in reports; one-way derived, they reveal nothing about it."""
        return self._derive(_ID_INFO, KEY_ID_BYTES).hex()

    def stream(self, name: str, *numbers: int) -> KeyStream:
        """Open the keystream called `name`, for example ``key.stream("chips", slot)``, at its beginning.

        Streams of different names or numbers are independent: each has its own AES-256 subkey, derived by
        HKDF-SHA256 without salt from the info string ``tracemark/1/stream/`` + length of the name in UTF-8 bytes
        (2 bytes) + name + every number (8 bytes, two's complement), all little-endian.

        Parameters
        ----------
        name : str
            What the stream is for.
        *numbers : int
            Which of the streams of that name, each from -2**63 to 2**63 - 1.

        Raises
        ------
        OverflowError
            If a number or the name's length is out of range.

        References
        ----------
        Krawczyk and Eronen, 2010, RFC 5869 (HKDF), section 2.
        """
        label = name.encode("utf-8")
        info = _STREAM_INFO + len(label).to_bytes(2, "little") + label
        info += b"".join(index(number).to_bytes(8, "little", signed=True) for number in numbers)
        return KeyStream(self._derive(info, KEY_BYTES))

    def _derive(self, info: bytes, length: int) -> bytes:
        return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(self._secret)


def write_secret(target: Path, content: bytes) -> None:
    """Write a secret to a new file that only its owner can read (mode 0600).

    The file is created exclusively, so no existing file is ever overwritten or followed, and it is removed again if
    anything interrupts the writing.

    Parameters
    ----------
    target : Path
    content : bytes

    Raises
    ------
    KeyFileError
        If the file exists, or cannot be written.
    """
    try:
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise KeyFileError(
            f"{target} exists already and is not overwritten", "choose another name, or move the old key away"
        ) from None
    except FileNotFoundError:
        raise KeyFileError(f"the folder {target.parent} does not exist", "create it first") from None
    except OSError as error:
        raise KeyFileError(f"cannot write the key file {target}: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except BaseException as error:
        # Also after Ctrl-C: half a key looks like a key until the day it is needed.
        target.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise KeyFileError(f"cannot write the key file {target}: {error.strerror}") from None
        raise
