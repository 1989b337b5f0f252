"""A leak, and a whole bundle of evidence about it, made once for all tests that need one."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from cryptography import x509

from tests.authority import OPENSSL, serving
from tests.scenes import KEY, PAYLOAD, film, mark
from tracemark.evidence import Made, Order, SigningKey, certificates, make

__all__ = ["PAYLOAD", "Sealed", "bundle", "leak", "sealed"]

WIDTH, HEIGHT, FRAMES = 480, 272, 50


@dataclass(frozen=True)
class Sealed:
    """A signed and stamped bundle, and what it was made with. Tests copy the folder before they spoil it."""

    folder: Path
    signer: SigningKey
    roots: Sequence[x509.Certificate]


def leak(path: Path) -> Path:
    """Write a marked clip of two seconds."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "26", "preset": "medium"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in mark(film(FRAMES, WIDTH, HEIGHT)):
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def bundle(source: Path, target: Path, **changes: Any) -> Made:
    """Make a bundle about a leak."""
    return make(Order(leak=source, target=target, keys=[KEY], effort="fast", **changes))


def sealed(folder: Path) -> Sealed:
    """Make a bundle in a folder, signed, and stamped where openssl is installed."""
    with ExitStack() as stack:
        signer = SigningKey.generate()
        roots: list[x509.Certificate] = []
        options: dict[str, Any] = {}
        if OPENSSL:
            authority = stack.enter_context(serving(folder))
            roots = certificates(authority.certificate)
            options = {"authority": authority.url, "authorities": roots}
        source = leak(folder / "leaked clip.mp4")
        made = bundle(
            source,
            folder / "case",
            signing_key=signer,
            source_url="https://example.org/watch?v=1",
            captured_by="A. Tester",
            by="tester",
            **options,
        )
        assert made.decoding.payload == PAYLOAD
        assert made.stamp_failure is None
    return Sealed(folder / "case", signer, roots)
