"""A time stamping authority on loopback: openssl answers, a small HTTP server carries."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

OPENSSL = shutil.which("openssl")

CONFIGURATION = """
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
[stamping]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[tsa]
default_tsa = here
[here]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256
signer_digest = sha256
accuracy = secs:1
ess_cert_id_alg = sha256
"""


@dataclass
class Authority:
    """One authority, with keys of its own."""

    folder: Path
    url: str = ""
    broken: bytes | None = None
    """What to answer instead of a time stamp."""
    status: int = 200
    queries: list[bytes] = field(default_factory=list)

    @property
    def certificate(self) -> Path:
        """Its root."""
        return self.folder / "root.pem"

    def answer(self, query: bytes) -> bytes:
        """Have openssl stamp."""
        with tempfile.TemporaryDirectory(dir=self.folder) as work:
            asked, given = Path(work) / "asked", Path(work) / "given"
            asked.write_bytes(query)
            words = ["ts", "-reply", "-config", "tsa.cnf", "-queryfile", str(asked), "-signer", "tsa.pem"]
            openssl(self.folder, *words, "-inkey", "tsa.key", "-out", str(given))
            return given.read_bytes()


def openssl(folder: Path, *words: str) -> None:
    """Run openssl in a folder."""
    assert OPENSSL
    subprocess.run([OPENSSL, *words], cwd=folder, check=True, capture_output=True)


def _issue(folder: Path) -> None:
    """Make a root and a stamping certificate."""
    (folder / "tsa.cnf").write_text(CONFIGURATION)
    (folder / "serial").write_text("01\n")
    for name in ("root", "tsa"):
        openssl(folder, "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", f"{name}.key")
    new = ["req", "-new", "-config", "tsa.cnf"]
    openssl(
        folder, *new, "-x509", "-key", "root.key", "-subj", "/CN=Test root", "-days", "9000", "-extensions", "root",
        "-out", "root.pem",
    )  # fmt: skip
    openssl(folder, *new, "-key", "tsa.key", "-subj", "/CN=Test authority", "-out", "tsa.csr")
    openssl(
        folder, "x509", "-req", "-in", "tsa.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days",
        "9000", "-extfile", "tsa.cnf", "-extensions", "stamping", "-out", "tsa.pem",
    )  # fmt: skip


@contextmanager
def serving(folder: Path) -> Iterator[Authority]:
    """Run an authority on a free port of loopback."""
    _issue(folder)
    authority = Authority(folder)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"
        spoken: ClassVar[Authority] = authority

        def do_POST(self) -> None:
            query = self.rfile.read(int(self.headers["Content-Length"]))
            self.spoken.queries.append(query)
            answer = self.spoken.answer(query) if self.spoken.broken is None else self.spoken.broken
            self.send_response(self.spoken.status)
            self.send_header("Content-Type", "application/timestamp-reply")
            self.send_header("Location", "http://127.0.0.1:9/elsewhere")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    authority.url = f"http://127.0.0.1:{server.server_port}/"
    try:
        yield authority
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
