"""What a child does with one file that may be hostile, in a process of its own and within its limits."""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import time
from pathlib import Path
from typing import IO, Any

from av import VideoFrame

from tracemark.errors import MediaError, PatrolError
from tracemark.evidence.hashes import CHUNK, Digests, pdq
from tracemark.keys import Key
from tracemark.patrol import known
from tracemark.patrol.addresses import networks
from tracemark.patrol.fetching import fetch
from tracemark.patrol.fingerprints import OWN_APART, TURNS, Sampler
from tracemark.patrol.jobs import Fetch, Job, Look, Take, stamp_of
from tracemark.patrol.limits import Limits
from tracemark.patrol.verdicts import to_plain
from tracemark.video import Source, decode
from tracemark.video.plot import shot

PART = ".part"
"""Suffix of a download that is not complete."""

READING = 0.5
"""Share of the processor time after which reading stops; the rest is for the verdict of what was read."""


def perform(job: Job) -> dict[str, Any]:
    """Do a job.

    Parameters
    ----------
    job : Job

    Returns
    -------
    dict
        ``outcome`` of what can be told to have come of it, and what belongs to that.
    """
    try:
        match job:
            case Take():
                return _take(job)
            case Fetch():
                return _fetch(job)
            case Look():
                return _look(job)
    except PatrolError as error:
        return {"outcome": "unfetched" if isinstance(job, Fetch) else "refused", "reason": str(error)}
    except MediaError as error:
        return {"outcome": "unreadable", "reason": str(error)}


def _take(job: Take) -> dict[str, Any]:
    with _opened(job.path, job.limits) as file:
        stamp = stamp_of(os.fstat(file.fileno()))
        found = _digests(file, job.limits)
    return _taken(found, stamp)


def _fetch(job: Fetch) -> dict[str, Any]:
    target = Path(job.target)
    # A worker that was given up may still be at it: each writes a file of its own.
    part = target.with_name(f"{target.name}.{secrets.token_hex(4)}{PART}")
    try:
        found, url = fetch(job.url, part, job.limits, networks(job.allowed))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return _taken(found, stamp_of(target.stat())) | {"url": url}


def _taken(found: Digests, stamp: str) -> dict[str, Any]:
    return {"outcome": "taken", "size": found.size, "sha256": found.sha256, "md5": found.md5, "stamp": stamp}


def _opened(path: str, limits: Limits) -> IO[bytes]:
    """Open a file that is one: not a pipe that never says anything, nor a device that never ends."""
    try:
        _require_file(Path(path).stat())
        # Whatever has taken its place since then must not make us wait, either.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        raise PatrolError(str(error.strerror or error).lower()) from None
    file = os.fdopen(descriptor, "rb")
    try:
        status = os.fstat(descriptor)
        _require_file(status)
        _require_size(status.st_size, limits)
    except PatrolError:
        file.close()
        raise
    return file


def _require_file(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise PatrolError("it is no regular file")


def _require_size(size: int, limits: Limits) -> None:
    if size > limits.size:
        raise PatrolError(f"it has more than {limits.size} bytes")


def _digests(file: IO[bytes], limits: Limits) -> Digests:
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    size = 0
    while chunk := file.read(CHUNK):
        size += len(chunk)
        _require_size(size, limits)  # it may grow as we read
        sha256.update(chunk)
        md5.update(chunk)
    if not size:
        raise PatrolError("it is empty")
    return Digests(size, sha256.hexdigest(), md5.hexdigest())


def _look(job: Look) -> dict[str, Any]:
    path = Path(job.path)
    with _opened(job.path, job.limits) as file:
        if stamp_of(os.fstat(file.fileno())) != job.stamp:
            return {"outcome": "changed"}
    still = _check_size(path, job.limits)
    sampler = Sampler(job.samples, OWN_APART, TURNS) if job.own else Sampler(job.samples)
    deadline = time.process_time() + READING * job.limits.cpu

    def each(frame: VideoFrame, at: float) -> bool:
        sampler.see(frame, at)
        return time.process_time() > deadline

    report: dict[str, Any] = {"outcome": "seen", "still": still}
    if job.effort is None:
        with Source(path) as source:
            for frame in source.frames():
                if each(frame, float(frame.time or 0.0)) or sampler.seen >= job.samples:
                    break
    else:
        keys = [Key.load(key) for key in job.keys]
        candidates = known.read(job.known) if job.known else None
        decoding = decode(path, keys=keys, effort=job.effort, candidates=candidates, each=each)
        report |= {"outcome": decoding.verdict, "decoding": to_plain(decoding)}
        if time.process_time() > deadline:
            report["reason"] = f"only the first {decoding.seconds_used:.1f} s were read: more would take too long"
    report["fingerprint"] = sampler.fingerprint.to_text()
    if still and report["outcome"] == "found":
        report["pdq"] = pdq(shot(path, 0.0)[0]).bits
    if stamp_of(path.stat()) != job.stamp:
        return {"outcome": "changed"}
    return report


def _check_size(path: Path, limits: Limits) -> bool:
    """Refuse pictures that only a bomb has; returns whether it is a still."""
    with Source(path) as source:
        width, height = source.stream.codec_context.width, source.stream.codec_context.height
        if width * height > limits.pixels:
            raise PatrolError(f"its picture has {width}x{height} pixels: more than {limits.pixels}")
        return source.still
