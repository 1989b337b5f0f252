"""The registry's own secret: seals names, looks them up unread, and links the chains.

It is a key of its own, never one that marks video: who runs the database's machine needs neither, and who reads leaks
needs no names.
"""

from __future__ import annotations

import hmac
import os
import unicodedata

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tracemark.errors import RegistryError
from tracemark.keys import KEY_BYTES, Key

LONGEST_NAME = 1000
"""Characters in a name; a longer one is a slip."""

_NONCE_BYTES = 12
_LOOKUP_BYTES = 16
_TOKEN_BYTES = 8
_DIGEST = "sha256"


class Vault:
    """Everything that is done with the registry's key.

    Sealing is AES-256-GCM under a random nonce, bound to the kind and number of what is named, so that two sealed names
    cannot change places. Look-ups, tokens and links are HMAC-SHA256. Each purpose has a subkey of its own.

    Parameters
    ----------
    key : Key

    References
    ----------
    Dworkin, 2007, NIST SP 800-38D (GCM), section 8.2.2 (random nonces).
    Krawczyk, Bellare and Canetti, 1997, RFC 2104 (HMAC).
    """

    def __init__(self, key: Key) -> None:
        self.key_id = key.id
        self._names = AESGCM(_subkey(key, "names"))
        self._spool = AESGCM(_subkey(key, "spool"))
        self._lookups = _subkey(key, "lookups")
        self._tokens = _subkey(key, "tokens")
        self._links = _subkey(key, "links")
        self._heads = _subkey(key, "heads")

    def seal(self, kind: str, owner: int, name: str) -> bytes:
        """Encrypt a name for the row that it belongs to.

        Parameters
        ----------
        kind : str
            ``performer``, ``session`` or ``member``.
        owner : int
            Number of the row.
        name : str

        Returns
        -------
        bytes
            Nonce (12 bytes), ciphertext and tag (16 bytes).
        """
        return _sealed(self._names, checked_name(name).encode(), f"{kind} {owner}")

    def unseal(self, kind: str, owner: int, sealed: bytes) -> str:
        """Read a name.

        Raises
        ------
        RegistryError
            If it was changed, or belongs to another row.
        """
        try:
            return _unsealed(self._names, sealed, f"{kind} {owner}").decode()
        except InvalidTag:
            raise RegistryError(
                f"the name of {kind} {owner} was changed, or belongs to another", "run 'tracemark registry verify'"
            ) from None

    def lookup(self, kind: str, name: str) -> bytes:
        """Make what a name is found by: equal names give equal bytes, and nobody without the key can tell which name.

        Returns
        -------
        bytes
            16 bytes.
        """
        text = f"{kind}\0{checked_name(name)}".encode()
        return hmac.digest(self._lookups, text, _DIGEST)[:_LOOKUP_BYTES]

    def token(self, kind: str, text: str) -> str:
        """Hash a user agent or a connection's name so that equal ones can be told, and nothing else.

        Returns
        -------
        str
            16 hex digits; empty for an empty text.
        """
        if not text:
            return ""
        return hmac.digest(self._tokens, f"{kind}\0{text}".encode(errors="replace"), _DIGEST)[:_TOKEN_BYTES].hex()

    def link(self, previous: bytes, row: str) -> bytes:
        """Chain a row to what stands before it.

        Parameters
        ----------
        previous : bytes
            Link of the row before.
        row : str
            Everything the row says, and where it stands.

        Returns
        -------
        bytes
            32 bytes.
        """
        return hmac.digest(self._links, previous + row.encode(), _DIGEST)

    def head(self, chain: str, length: int, link: bytes) -> bytes:
        """Vouch for the end of a chain: 32 bytes."""
        return hmac.digest(self._heads, f"{chain} {length} ".encode() + link, _DIGEST)

    def seal_line(self, text: str) -> bytes:
        """Encrypt a line of the spool."""
        return _sealed(self._spool, text.encode(), "spool")

    def unseal_line(self, sealed: bytes) -> str | None:
        """Read a line of the spool; None if it was cut off, changed, or written under another key."""
        try:
            return _unsealed(self._spool, sealed, "spool").decode()
        except InvalidTag:
            return None


def checked_name(name: str) -> str:
    """Bring a name to the one form in which it is kept: Unicode's NFC, so that two ways of typing it are one.

    Parameters
    ----------
    name : str

    Returns
    -------
    str

    Raises
    ------
    RegistryError
        If it is empty, over 1000 characters long, or no text.
    """
    if not name:
        raise RegistryError("an empty name names nobody", "give a session and a member any name but that")
    if len(name) > LONGEST_NAME:
        raise RegistryError(f"a name of {len(name)} characters is too long", f"use at most {LONGEST_NAME}")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise RegistryError("a name holds bytes that are no text", "give names in UTF-8") from None
    return unicodedata.normalize("NFC", name)


def _subkey(key: Key, purpose: str) -> bytes:
    return key.stream(f"registry {purpose}").bytes(KEY_BYTES)


def _sealed(cipher: AESGCM, plain: bytes, bound: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plain, bound.encode())


def _unsealed(cipher: AESGCM, sealed: bytes, bound: str) -> bytes:
    if len(sealed) < _NONCE_BYTES:
        raise InvalidTag
    return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], bound.encode())
