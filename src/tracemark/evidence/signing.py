"""The operator's signature: Ed25519 keys in the PEM files that openssl reads, too."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from tracemark.errors import KeyFileError
from tracemark.keys import write_secret

PUBLIC_SUFFIX = ".pub"
"""Put after a signing key's name to name the file of its public half."""

ID_DIGITS = 16
"""Hex digits of a public key's id."""

READ_LIMIT = 8192
"""Bytes of a key file that are read: a PEM file of one Ed25519 key has 120."""


@dataclass(frozen=True)
class PublicKey:
    """What a signature is checked with.

    Parameters
    ----------
    content : bytes
        PEM, SubjectPublicKeyInfo (RFC 8410).

    Raises
    ------
    KeyFileError
        If it is no Ed25519 public key.

    References
    ----------
    Josefsson and Liusvaara, 2017, RFC 8032 (EdDSA).
    """

    content: bytes
    _key: Ed25519PublicKey = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Read the key out of its file's content."""
        try:
            key = load_pem_public_key(self.content)
        except (ValueError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PublicKey):
            raise KeyFileError(
                "this is not a public key for signatures", "give the .pub file that 'tracemark keygen --signing' made"
            )
        object.__setattr__(self, "_key", key)

    @classmethod
    def load(cls, path: Path) -> PublicKey:
        """Read a public key's file.

        Raises
        ------
        KeyFileError
            If there is none, or it holds something else.
        """
        return cls(_content(path))

    @property
    def id(self) -> str:
        """16 hex digits that name the key: the start of the SHA-256 of its 32 bytes."""
        return hashlib.sha256(self._key.public_bytes_raw()).hexdigest()[:ID_DIGITS]

    def signed(self, signature: bytes, content: bytes) -> bool:
        """Whether this key's owner signed these bytes."""
        try:
            self._key.verify(signature, content)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, repr=False)
class SigningKey:
    """The secret half, which the operator keeps."""

    _key: Ed25519PrivateKey = field(repr=False)

    @classmethod
    def generate(cls) -> SigningKey:
        """Draw a new key from the operating system's random source."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> SigningKey:
        """Read a signing key's file.

        Raises
        ------
        KeyFileError
            If there is none, or it holds something else. What it holds is never told.
        """
        try:
            key = load_pem_private_key(_content(path), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            key = None
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyFileError(f"{path} is not a signing key", "make one with 'tracemark keygen --signing'")
        return cls(key)

    def save(self, path: Path) -> None:
        """Write the key for its owner alone (PEM, PKCS #8), and its public half beside it.

        Raises
        ------
        KeyFileError
            If either file exists, or cannot be written.
        """
        public = path.with_name(path.name + PUBLIC_SUFFIX)
        if os.path.lexists(public):
            raise KeyFileError(
                f"{public} exists already and is not overwritten", "choose another name, or move the old key away"
            )
        write_secret(path, self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        write_secret(public, self.public.content)
        public.chmod(0o644)  # this half is for everyone

    @property
    def public(self) -> PublicKey:
        """The half to give away."""
        return PublicKey(self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def sign(self, content: bytes) -> bytes:
        """Sign bytes; the signature has 64."""
        return self._key.sign(content)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(READ_LIMIT)
    except OSError as error:
        raise KeyFileError(f"cannot read the key file {path}: {(error.strerror or '').lower()}") from None
