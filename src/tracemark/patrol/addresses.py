"""Which addresses a download may go to: public ones, looked up once and then connected to, not looked up again."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from tracemark.errors import PatrolError

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

TRANSLATED = IPv6Network("64:ff9b::/96")
"""IPv6 addresses that a gateway translates to the IPv4 address in their last 32 bits (RFC 6052, section 2.1)."""


def networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Read networks such as 10.1.0.0/16 or single addresses.

    Parameters
    ----------
    texts : sequence of str

    Returns
    -------
    tuple of network

    Raises
    ------
    PatrolError
        If one is none.
    """
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as error:
        raise PatrolError(f"this is no network: {error}", "write it as 10.1.0.0/16") from None


def is_public(address: Address) -> bool:
    """Whether an address lies on the public internet, and so does every address that is wrapped in it.

    Python's `is_global` says yes to multicast and to private IPv4 addresses in several IPv6 wrappings.

    Parameters
    ----------
    address : IPv4Address or IPv6Address

    Returns
    -------
    bool

    References
    ----------
    IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890); RFC 3056 (6to4), RFC 4380 (Teredo), RFC 6052.
    """
    if isinstance(address, IPv6Address):
        inner = _wrapped(address)
        if inner:
            return all(is_public(each) for each in inner)
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _wrapped(address: IPv6Address) -> Sequence[IPv4Address]:
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address.sixtofour:
        return [address.sixtofour]
    if address.teredo:
        return address.teredo
    return [IPv4Address(int(address) & 0xFFFFFFFF)] if address in TRANSLATED else []


def checked(host: str, port: int, allowed: Sequence[Network] = ()) -> list[Address]:
    """Look a host up, and refuse it if any of its addresses is not public.

    Parameters
    ----------
    host : str
        Name or address, in whatever spelling the system understands.
    port : int
    allowed : sequence of network, optional
        That may be reached all the same.

    Returns
    -------
    list of address
        To connect to, without looking up again: the next answer may be another.

    Raises
    ------
    PatrolError
        If the host is unknown, or one of its addresses refused.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except (OSError, UnicodeError):
        raise PatrolError(f"{host}: there is no such host") from None
    addresses = list(dict.fromkeys(ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))
    for address in addresses:
        if not is_public(address) and not any(address in network for network in allowed):
            raise PatrolError(f"{host} is at {address}, which is not public", "--allow names networks of your own")
    return addresses
