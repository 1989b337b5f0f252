"""What the registry has to say of a verdict, and what it is told of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracemark import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracemark.payload import Payload
    from tracemark.recovery import Decoding
    from tracemark.registry import Identity, Registry


def identified(registry: Registry, decoding: Decoding) -> dict[Payload, Identity | None]:
    """Ask the registry who is behind the payloads that were found.

    Parameters
    ----------
    registry : Registry
    decoding : Decoding

    Returns
    -------
    dict of Payload to Identity or None
        None for a payload that nobody was given.
    """
    return {
        member.payload: registry.identify(member.payload, media_time=member.media_time, key_id=member.key_id)
        for member in decoding.members
    }


def write_down(
    registry: Registry,
    sha256: str,
    decoding: Decoding,
    identities: Mapping[Payload, Identity | None],
    *,
    once: bool = False,
) -> None:
    """Enter what was found in the registry's chain of detections.

    Parameters
    ----------
    registry : Registry
    sha256 : str
        Of the leak.
    decoding : Decoding
        One that found nobody leaves no entry.
    identities : mapping
        As `identified` gave them.
    once : bool, optional
        Leave out what the chain holds already: the same mark in the same leak.
    """
    # an optional dependency; whoever has a registry has it
    from tracemark.registry import Detection  # noqa: PLC0415

    found = []
    for member in decoding.members:
        identity = identities.get(member.payload)
        found.append(
            Detection(
                payload=member.payload,
                leak_sha256=sha256,
                method=decoding.method,
                key_id=member.key_id,
                p_false=member.p_false,
                media_time=member.media_time,
                contradictions=identity.contradictions if identity else (),
                software=f"tracemark {__version__}",
            )
        )
    if found:
        registry.detected(found, once=once)
