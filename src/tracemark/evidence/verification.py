"""Verify a bundle, offline: every file, the signature, the time stamp and the chain of custody."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from cryptography import x509

from tracemark.errors import EvidenceError, KeyFileError
from tracemark.evidence import custody, manifest
from tracemark.evidence.canonical import moment, read, stamp
from tracemark.evidence.hashes import Digests, digests
from tracemark.evidence.manifest import Manifest
from tracemark.evidence.signing import PublicKey
from tracemark.evidence.timestamp import Stamp, StampError, certificates, check
from tracemark.telling.words import printable

SMALL_LIMIT = 1 << 26
"""Bytes that a manifest, a log, a signature or a stamp may have; a film in their place is not read."""

CLOCKS = timedelta(minutes=10)
"""How far the operator's clock may be from the authority's."""

DECODE = "decode.json"

_HEAD = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Fault:
    """Something that is not as it was sealed.

    Parameters
    ----------
    file : str
        Path in the bundle.
    what : str
        In words.
    """

    file: str
    what: str


@dataclass(frozen=True)
class Verification:
    """What verification found.

    Parameters
    ----------
    faults : tuple of Fault
        Empty if all is well.
    manifest : Manifest or None
        None if it could not be read.
    key : PublicKey or None
        Whose signature was found good.
    known : bool
        Whether that key was given by the caller, and not just lay in the bundle.
    stamp : Stamp or None
    later : int
        Lines added to the custody log, and signed, after the bundle was sealed.
    head : str or None
        Hash of the log's newest line: kept elsewhere, it shows later whether lines were cut off.
    noted : bool
        Whether heads that were kept elsewhere were given; a fault names each that the log does not have.
    """

    faults: tuple[Fault, ...]
    manifest: Manifest | None
    key: PublicKey | None
    known: bool
    stamp: Stamp | None
    later: int
    head: str | None = None
    noted: bool = False


def verify(
    folder: Path,
    public_key: PublicKey | None = None,
    authorities: Sequence[x509.Certificate] = (),
    heads: Sequence[str] = (),
) -> Verification:
    """Verify a bundle.

    Parameters
    ----------
    folder : Path
    public_key : PublicKey, optional
        The operator's, from a place that is not the bundle. Without it a bundle that somebody sealed anew under a key
        of their own looks well; only its key's id tells.
    authorities : sequence of x509.Certificate
        Certificates to trust for the time stamp; those in the bundle by default.
    heads : sequence of str
        Hashes of custody lines that were the newest at some time. The manifest fixes the lines up to sealing; without a
        head nothing shows whether later ones were cut off again.

    Returns
    -------
    Verification

    Raises
    ------
    EvidenceError
        If the folder is none or cannot be read, or a later version of tracemark made it, or a head is none.
    """
    _check(heads)
    if not folder.is_dir():
        raise EvidenceError(f"{folder} is no folder", "give the folder that 'tracemark report' wrote")
    faults = list(_strange(folder))
    if any(fault.file in {manifest.NAME, manifest.SIGNATURE} for fault in faults):
        return Verification(tuple(faults), None, None, known=False, stamp=None, later=0)
    sealed = _content(folder / manifest.NAME)
    if sealed is None:
        return _hopeless("missing: nothing can be verified without it")
    signature = _content(folder / manifest.SIGNATURE)
    key, key_faults = _key(folder, public_key)
    faults += key_faults
    signed = key is not None and signature is not None and key.signed(signature, sealed)
    if signature is None:
        faults.append(Fault(manifest.NAME, "unsigned: there is no signature, so nothing proves who wrote it"))
    elif key is not None and not signed:
        faults.append(Fault(manifest.NAME, f"not what was signed, or signed by another key than {key.id}"))
    try:
        listing = manifest.parse(sealed)
    except ValueError as error:
        return _hopeless(f"cannot be read: {error}", *faults)
    if listing.version > manifest.VERSION and signed:
        raise EvidenceError(f"{folder} was made by a later version of tracemark", "update tracemark to verify it")
    if key is not None and signed and listing.signing_key != key.id:
        faults.append(Fault(manifest.NAME, "names another signing key than the one that signed it"))
    faults += _files(folder, listing)
    log_faults, log = _log(folder, listing, key if signed else None, heads)
    faults += log_faults
    stamped, stamp_faults = _stamp(folder, listing, signature or sealed, authorities)
    faults += stamp_faults
    return Verification(
        faults=tuple(dict.fromkeys(faults)),
        manifest=listing,
        key=key if signed else None,
        known=signed and public_key is not None,
        stamp=stamped,
        later=len(log.later(listing.custody["entries"])),
        head=log.head,
        noted=bool(heads),
    )


def _hopeless(what: str, *faults: Fault) -> Verification:
    told = (*faults, Fault(manifest.NAME, what))
    return Verification(told, None, None, known=False, stamp=None, later=0)


def _strange(folder: Path) -> Iterator[Fault]:
    """Name whatever is neither a plain file nor a folder of some; links are not followed."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place) / name
            told = path.relative_to(folder).as_posix()
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                yield Fault(told, "a link, not a file of the bundle")
            elif not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
                yield Fault(told, "not a plain file")
            elif stat.S_ISDIR(mode) and not any(path.iterdir()):
                yield Fault(told, "added: an empty folder that no bundle has")


def _content(path: Path) -> bytes | None:
    """Read a small file; None if there is none."""
    try:
        if path.is_symlink() or not path.is_file():
            return None
        if path.stat().st_size > SMALL_LIMIT:
            return b""
        return path.read_bytes()
    except OSError as error:
        raise EvidenceError(f"cannot read {path}: {(error.strerror or '').lower()}") from error


def _key(folder: Path, given: PublicKey | None) -> tuple[PublicKey | None, list[Fault]]:
    held = _content(folder / manifest.PUBLIC_KEY)
    if held is None:
        return given, []
    try:
        own = PublicKey(held)
    except KeyFileError:
        return given, [Fault(manifest.PUBLIC_KEY, "changed: it is no public key")]
    if given and given.id != own.id:
        return given, [Fault(manifest.PUBLIC_KEY, f"key {own.id}, not the key {given.id} that was given")]
    return given or own, []


def _files(folder: Path, listing: Manifest) -> Iterator[Fault]:
    """Compare every file with what the manifest says of it."""
    for name, told in listing.files.items():
        found = _digests(folder / name)
        if isinstance(found, str):
            yield Fault(name, found)
            continue
        if found is None:
            continue  # told of already
        if (found.size, found.sha256) != (told["bytes"], told["sha256"]):
            yield Fault(name, "changed: its SHA-256 is not the one in the manifest")
        if name == listing.leak["file"] and (found.sha256, found.md5) != (listing.leak["sha256"], listing.leak["md5"]):
            yield Fault(name, "replaced: it is not the leak that was decoded")
    if _decoded(folder) != listing.leak["sha256"]:
        yield Fault(DECODE, "about another leak than the one in the bundle")
    for name in manifest.listed(folder):
        if name not in listing.files and not (folder / name).is_symlink():
            yield Fault(name, "added: it is not in the manifest")


def _digests(path: Path) -> Digests | str | None:
    """Read a file: its digests, or why there are none; None if it is a link or the like."""
    try:
        return digests(path) if stat.S_ISREG(path.lstat().st_mode) else None
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        return f"cannot be read: {(error.strerror or '').lower()}"


def _decoded(folder: Path) -> object:
    """Tell the SHA-256 of the leak that the decode is about."""
    try:
        return read(_content(folder / DECODE) or b"").get("sha256")
    except ValueError:
        return None


def _check(heads: Sequence[str]) -> None:
    for head in heads:
        if not _HEAD.fullmatch(head):
            raise EvidenceError(f"{head!r} is no head of a custody log", "an earlier 'tracemark verify' printed it")


def _log(
    folder: Path, listing: Manifest, key: PublicKey | None, heads: Sequence[str]
) -> tuple[list[Fault], custody.Log]:
    content = _content(folder / custody.NAME)
    log = custody.parse(content or b"")
    if content is None:
        return [Fault(custody.NAME, "missing")], log
    faults = [Fault(custody.NAME, what) for what in log.faults]
    count, head = listing.custody["entries"], listing.custody["head"]
    if len(log.entries) < count:
        faults.append(Fault(custody.NAME, f"truncated: {len(log.entries)} of {count} lines are left"))
    elif count < 1 or log.entries[count - 1].hash != head:
        faults.append(Fault(custody.NAME, "its lines are not those that were sealed"))
    faults += [
        Fault(custody.NAME, f"line {entry.number + 1} was added later and is unsigned")
        for entry in log.later(count)
        if key is None or not custody.signed_by(entry, key)
    ]
    first = log.entries[0] if log.entries else None
    if first and first.about.get("sha256") != listing.leak["sha256"]:
        faults.append(Fault(custody.NAME, "begins with another leak than the one in the bundle"))
    last = log.entries[count - 1] if 0 < count <= len(log.entries) else None
    if last and moment(last.time) > moment(listing.created):
        faults.append(Fault(custody.NAME, "its sealed lines are later than the manifest: a clock was changed"))
    held = {entry.hash for entry in log.entries}
    lost = (head for head in heads if head not in held)
    faults += [Fault(custody.NAME, f"its line {head} is gone: lines were cut off or replaced") for head in lost]
    return faults, log


def _stamp(
    folder: Path, listing: Manifest, stamped: bytes, authorities: Sequence[x509.Certificate]
) -> tuple[Stamp | None, list[Fault]]:
    answer = _content(folder / manifest.STAMP)
    if answer is None and listing.time_stamp:
        return None, [Fault(manifest.STAMP, "missing: the manifest tells of a time stamp")]
    if answer is None:
        return None, []
    if not listing.time_stamp:
        return None, [Fault(manifest.STAMP, "added: the manifest tells of no time stamp")]
    held = folder / manifest.AUTHORITIES
    try:
        found = check(answer, stamped, authorities or (certificates(held) if held.is_file() else ()))
    except StampError as error:
        return None, [Fault(manifest.STAMP, error.message)]
    if abs(found.time - moment(listing.created)) > CLOCKS:
        apart = f"{manifest.NAME} says {listing.created}, the authority {stamp(found.time)}"
        return found, [Fault(manifest.STAMP, f"a clock was changed: {apart}")]
    return found, []


def told(folder: Path, found: Verification) -> str:
    """Say in a few lines what verification found.

    Parameters
    ----------
    folder : Path
        As the user named it.
    found : Verification

    Returns
    -------
    str
    """
    if found.faults:
        width = max(len(printable(fault.file)) for fault in found.faults)
        lines = [f"  {printable(fault.file):{width}}  {fault.what}" for fault in found.faults]
        return "\n".join([f"{folder}: NOT as it was sealed", *lines])
    listing, key = found.manifest, found.key
    assert listing is not None
    assert key is not None
    origin = "the key that was given" if found.known else "the key in the bundle: see that this is the operator's"
    lines = [
        f"{folder}: as it was sealed",
        f"  leak      {printable(listing.leak['name'])}",
        f"  sha256    {listing.leak['sha256']}",
        f"  sealed    {listing.created}, {len(listing.files)} files",
        f"  signed    {key.id} ({origin})",
        f"  stamped   {_stamped(found.stamp)}",
        f"  custody   {listing.custody['entries']} lines sealed, {found.later} signed later; {_seen(found)}",
        f"  head      {found.head}",
    ]
    return "\n".join(lines)


def _seen(found: Verification) -> str:
    """Say what is known of the end of the log, which no manifest fixes."""
    if found.noted:
        return "none cut off up to the head that was given"
    return "whether later ones were cut off is not seen (--head)"


def _stamped(found: Stamp | None) -> str:
    if found is None:
        return "no: the time is the operator's word"
    trust = "" if found.trusted else "; NOT checked: no certificate of the authority was given"
    return f"{stamp(found.time)} by {found.authority or 'an authority that does not say its name'}{trust}"
