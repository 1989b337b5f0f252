"""Make a bundle of evidence: decode a leak, tell of it, and seal what was found."""

from __future__ import annotations

import getpass
import json
import platform
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import av
import cryptography
import cv2
import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tracemark import __version__
from tracemark.errors import EvidenceError, MediaError
from tracemark.evidence import custody, manifest
from tracemark.evidence.canonical import Clock, now, stamp
from tracemark.evidence.custody import Entry
from tracemark.evidence.hashes import Digests, digests, pdq
from tracemark.evidence.knowledge import Identity, Knowledge
from tracemark.evidence.report import Findings, as_html, as_pdf, compose
from tracemark.evidence.report.figures import Drawn, draw
from tracemark.evidence.report.findings import Known
from tracemark.evidence.report.fonts import check_installed
from tracemark.evidence.signing import SigningKey
from tracemark.evidence.timestamp import StampError, check, request
from tracemark.evidence.verification import CLOCKS, DECODE
from tracemark.keys import Key
from tracemark.naming import Named
from tracemark.payload import Payload
from tracemark.profile import PROFILE
from tracemark.recovery import Decoding
from tracemark.remarks import Language
from tracemark.telling import as_json
from tracemark.video import Effort, Progress, Source, decode
from tracemark.video.atomic import folder_written_whole
from tracemark.video.errors import unwritable
from tracemark.video.plot import shot

LEAK_FOLDER, HTML, PDF = "leak", "report.html", "report.pdf"


@dataclass(frozen=True)
class Order:
    """What is to be reported, and how.

    Parameters
    ----------
    leak, target : Path
        The leak, and the folder to make.
    keys : sequence of Key
        At least one.
    effort : {'fast', 'normal', 'max'}, optional
    whole : bool, optional
        Read to the end even if the verdict is certain.
    source_url, captured_by : str, optional
        Where the leak was found, and who took it from there.
    by : str, optional
        Who makes the report; the login name by default.
    host : Path, optional
        The operator's original.
    language : {'en', 'ja'}, optional
    disclose : bool, optional
        Tell true names and addresses.
    signing_key : SigningKey, optional
    authority : str, optional
        Address of a time stamping authority.
    authorities : sequence of x509.Certificate, optional
        Certificates to check its answer with.
    knowledge : Knowledge, optional
        The list of viewers: the leak is compared with all of them.
    progress : callable, optional
        See `tracemark.video.Progress`.
    clock : callable, optional
        Tells the time.
    """

    leak: Path
    target: Path
    keys: Sequence[Key]
    effort: Effort = "normal"
    whole: bool = False
    source_url: str | None = None
    captured_by: str | None = None
    by: str | None = None
    host: Path | None = None
    language: Language = "en"
    disclose: bool = False
    signing_key: SigningKey | None = None
    authority: str | None = None
    authorities: Sequence[x509.Certificate] = ()
    knowledge: Knowledge | None = None
    progress: Progress | None = None
    clock: Clock = field(default=now)


@dataclass(frozen=True)
class Made:
    """What came of an order.

    Parameters
    ----------
    decoding : Decoding
    sha256 : str
        Of the leak.
    named : Named or None
        The verdict, and whom it speaks of, under their true names; None if no list was asked.
    stamp_failure : str or None
        Why there is no time stamp, if one was ordered.
    """

    decoding: Decoding
    sha256: str
    named: Named | None
    stamp_failure: str | None


def make(order: Order) -> Made:
    """Make a bundle: a folder that appears whole or not at all.

    Parameters
    ----------
    order : Order

    Returns
    -------
    Made

    Raises
    ------
    EvidenceError
        If this machine's clock is not the authority's.
    KeyFileError
        If no key is given.
    MediaError
        If the leak or the original cannot be read, or the folder exists or cannot be written.
    TracemarkError
        If the extra `report` is not installed.
    """
    check_installed()
    if not order.leak.is_file():
        raise MediaError(f"{order.leak} is no file", "give one video or picture")
    if not order.leak.name.isprintable():  # bytes that are no UTF-8, too: no report could tell the name
        raise MediaError(f"{order.leak.name!r} is a name that cannot be written down", "rename the leak first")
    with folder_written_whole(order.target) as work:
        try:
            return _Maker(order, work).make()
        except OSError as error:
            raise unwritable(order.target, error) from error


class _Maker:
    """One bundle in the making."""

    def __init__(self, order: Order, work: Path) -> None:
        self._order = order
        self._work = work
        self._entries: list[Entry] = []
        self._who = order.by or getpass.getuser()

    def make(self) -> Made:
        order = self._order
        leak = self._work / LEAK_FOLDER / order.leak.name
        leak.parent.mkdir()
        shutil.copyfile(order.leak, leak)
        found = digests(leak)
        self._note("received", self._origin(found))
        asked = order.knowledge
        decoding = decode(
            leak,
            keys=order.keys,
            effort=order.effort,
            whole=order.whole,
            candidates=asked.candidates if asked else None,
            progress=order.progress,
        )
        named = asked.named(decoding) if asked else None
        decoding = named.decoding if named else decoding
        findings = self._findings(leak, found, decoding)
        told = self._told(leak, found, decoding, named)
        self._note("decoded", _outcome(findings, json.loads(told)))
        (self._work / DECODE).write_text(told + "\n", "utf-8")
        if order.signing_key:
            (self._work / manifest.PUBLIC_KEY).write_bytes(order.signing_key.public.content)
        drawn = draw(findings, order.language)
        self._note("reported", {"language": order.language, "disclosed": order.disclose})
        return Made(decoding, found.sha256, named, self._finish(findings, drawn))

    def _told(self, leak: Path, found: Digests, decoding: Decoding, named: Named | None) -> str:
        """Write the decode down as JSON, without true names unless they may be told."""
        shown = named.under_pseudonyms if named and not self._order.disclose else named
        return as_json(Path(LEAK_FOLDER, leak.name), found.sha256, decoding, shown.identities if shown else None)

    def _finish(self, findings: Findings, drawn: Drawn) -> str | None:
        """Write the report and seal the bundle; once more, if the time stamp that the report tells of is not to be had.

        Returns
        -------
        str or None
            Why there is no time stamp.
        """
        order = self._order
        stamped = self._write(findings, drawn)
        if order.authority is None:
            return None
        try:
            answer = request(order.authority, stamped, order.authorities)
        except StampError as error:
            failed = replace(findings, authority=None, stamp_failure=error.message)
            (self._work / manifest.AUTHORITIES).unlink(missing_ok=True)
            self._write(failed, drawn)
            return error.message
        apart = check(answer, stamped, order.authorities).time - order.clock()
        if abs(apart) > CLOCKS:
            raise EvidenceError(
                f"this machine's clock is {abs(apart)} away from that of {order.authority}",
                "set it right, and try again",
            )
        (self._work / manifest.STAMP).write_bytes(answer)
        return None

    def _write(self, findings: Findings, drawn: Drawn) -> bytes:
        """Write the report, the log, the manifest and its signature.

        Returns
        -------
        bytes
            What is to be stamped: the signature, or without a key the manifest.
        """
        order, work = self._order, self._work
        document = compose(findings, drawn, order.language)
        (work / HTML).write_text(as_html(document), "utf-8")
        (work / PDF).write_bytes(as_pdf(document, findings.created))
        if findings.authority and order.authorities:
            pem = b"".join(each.public_bytes(Encoding.PEM) for each in order.authorities)
            (work / manifest.AUTHORITIES).write_bytes(pem)
        (work / custody.NAME).write_bytes(b"".join(entry.line() for entry in self._entries))
        sealed = manifest.make(self._listing(findings))
        (work / manifest.NAME).write_bytes(sealed)
        if order.signing_key is None:
            return sealed
        signature = order.signing_key.sign(sealed)
        (work / manifest.SIGNATURE).write_bytes(signature)
        return signature

    def _listing(self, findings: Findings) -> dict[str, object]:
        work, found = self._work, findings.digests
        files = {}
        for name in manifest.listed(work):
            each = digests(work / name)
            files[name] = {"bytes": each.size, "sha256": each.sha256}
        leak: dict[str, object] = {
            "file": findings.leak.relative_to(work).as_posix(),
            "name": findings.name,
            "bytes": found.size,
            "sha256": found.sha256,
            "md5": found.md5,
        }
        if findings.pdq:
            leak["pdq"] = {"hash": findings.pdq.bits, "quality": findings.pdq.quality}
        return {
            "created": stamp(self._order.clock()),
            "leak": leak,
            "source_url": findings.source_url,
            "captured_by": findings.captured_by,
            "files": files,
            "custody": {"entries": len(self._entries), "head": self._entries[-1].hash},
            "signing_key": findings.signing_key,
            "time_stamp": findings.authority,
            "keys": list(findings.keys),
            "profile": PROFILE.version,
            "software": dict(findings.versions),
        }

    def _note(self, what: str, about: Mapping[str, object]) -> None:
        last = self._entries[-1] if self._entries else None
        self._entries.append(custody.follow(last, self._order.clock(), self._who, what, about))

    def _origin(self, found: Digests) -> dict[str, object]:
        order = self._order
        return {
            "name": order.leak.name,
            "bytes": found.size,
            "sha256": found.sha256,
            "md5": found.md5,
            "source_url": order.source_url,
            "captured_by": order.captured_by,
        }

    def _findings(self, leak: Path, found: Digests, decoding: Decoding) -> Findings:
        order = self._order
        with Source(leak) as opened:
            still = opened.still
        keys = [key.id for key in order.keys]
        session = self._session()
        return Findings(
            leak=leak,
            name=order.leak.name,
            digests=found,
            pdq=pdq(shot(leak, 0.0)[0]) if still else None,
            decoding=decoding,
            keys=keys,
            effort=order.effort,
            whole=order.whole,
            created=order.clock(),
            source_url=order.source_url,
            captured_by=order.captured_by,
            host=order.host,
            host_sha256=digests(order.host).sha256 if order.host else None,
            candidates=len(order.knowledge.candidates) if order.knowledge else 0,
            session=session,
            known=self._known(decoding),
            called=self._called(decoding),
            disclose=order.disclose,
            signing_key=order.signing_key.public.id if order.signing_key else None,
            authority=order.authority,
            repeat=_repeat(leak.name, keys, order, session),
            versions=versions(),
        )

    def _session(self) -> str | None:
        """Tell which session the list was cut down to, without its true name unless that may be told."""
        asked = self._order.knowledge
        called = asked.session if asked else None
        return called and called[self._order.disclose]

    def _known(self, decoding: Decoding) -> list[Known] | None:
        """Ask the list of viewers, and keep names and addresses back unless they may be told."""
        asked = self._order.knowledge
        if asked is None:
            return None
        known = []
        for member in decoding.members:
            identity = self._identity(asked, member.payload, member.key_id)
            watching = asked.watching(member.payload, member.key_id, member.media_time)
            if member.against:
                watching = replace(watching, against=(*watching.against, member.against))
            known.append(Known(identity, watching))
        return known

    def _called(self, decoding: Decoding) -> dict[Payload, Identity | None]:
        """Ask for the runners-up, and for those whom visible codes name."""
        asked = self._order.knowledge
        if asked is None:
            return {}
        wanted = {each.runner_up: each.key_id for each in decoding.members if each.runner_up}
        wanted |= {code.payload: code.key_id for code in decoding.visible_codes}
        return {payload: self._identity(asked, payload, key_id) for payload, key_id in wanted.items()}

    def _identity(self, asked: Knowledge, payload: Payload, key_id: str) -> Identity | None:
        identity = asked.identity(payload, key_id)
        return replace(identity, names=None) if identity and not self._order.disclose else identity


def _outcome(findings: Findings, told: Mapping[str, object]) -> dict[str, object]:
    return {
        "verdict": told["verdict"],
        "session": told["session"],
        "member": told["member"],
        "p_false": told["p_false"],
        "keys": list(findings.keys),
        "effort": findings.effort,
        "whole": findings.whole,
        "software": __version__,
    }


def _repeat(name: str, keys: Sequence[str], order: Order, session: str | None) -> str:
    parts = ["tracemark", "decode", f"{LEAK_FOLDER}/{name}"]
    for key in keys:
        parts += ["--key", f"{key}.key"]
    if order.knowledge and len(order.knowledge.candidates):  # whoever was found: each comparison is corrected for
        parts += ["--registry", "URL", *(["--session", session] if session else [])]
    parts += ["--effort", order.effort, *(["--whole"] if order.whole else []), "--json"]
    return shlex.join(parts)


def versions() -> dict[str, str]:
    """Name the software that takes part in a decode, and its versions.

    Returns
    -------
    dict
    """
    codec = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return {
        "tracemark": __version__,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "OpenCV": cv2.__version__,
        "PyAV": av.__version__,
        "libavcodec": codec,
        "cryptography": cryptography.__version__,
        "system": f"{platform.system()} {platform.machine()}",
    }
