"""After the match: evidence that anyone can verify, and notices that ask for removal.

`make` writes a bundle about one leak: the leak itself, the decode, a report for people, a custody log, and a manifest
that is signed and time-stamped. `verify` says of a bundle, offline, whether anything of it was changed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from tracemark.evidence.registered import Registered
from tracemark.evidence.signing import PublicKey, SigningKey
from tracemark.evidence.timestamp import certificates
from tracemark.evidence.verification import Fault, Verification, told, verify

if TYPE_CHECKING:
    from tracemark.evidence.bundle import Made, Order, make

__all__ = [
    "Fault",
    "Made",
    "Order",
    "PublicKey",
    "Registered",
    "SigningKey",
    "Verification",
    "certificates",
    "make",
    "told",
    "verify",
]


def __getattr__(name: str) -> object:
    """Import what makes bundles when it is first asked for: those who only verify need not have it installed."""
    if name not in {"Made", "Order", "make"}:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("tracemark.evidence.bundle"), name)
