"""A bundle that was touched is never taken for the one that was sealed, and the fault is named."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.authority import OPENSSL
from tests.bundles import Sealed
from tracemark.cli import main
from tracemark.errors import EvidenceError
from tracemark.evidence import PublicKey, SigningKey, custody, manifest, told, verify
from tracemark.evidence.canonical import stamp, written
from tracemark.evidence.hashes import digests

FROZEN = Path(__file__).parent / "data" / "bundle-1.tar.xz"
"""A bundle as version 0.1.0 made it, with the public key and the authority's certificate beside it."""

LEAK = "leak/leaked clip.mp4"


@dataclass(frozen=True)
class Spoil:
    """A copy of a bundle, in the hands of somebody who means ill."""

    folder: Path
    signer: SigningKey

    def path(self, name: str) -> Path:
        """Name a file of it."""
        return self.folder / name

    def flip(self, name: str, place: int = 40) -> None:
        """Change one bit of a file."""
        content = bytearray(self.path(name).read_bytes())
        content[place] ^= 1
        self.path(name).write_bytes(content)

    def longer(self, name: str) -> None:
        """Add a byte at a file's end."""
        with self.path(name).open("ab") as file:
            file.write(b"\n")

    def listing(self) -> dict[str, object]:
        """Read the manifest."""
        told: dict[str, object] = json.loads(self.path(manifest.NAME).read_bytes())
        return told

    def seal(self, listing: dict[str, object], signer: SigningKey | None = None, *, listed: bool = True) -> None:
        """Write a manifest and sign it, as only a holder of a signing key can."""
        if listed:
            found = {name: digests(self.path(name)) for name in manifest.listed(self.folder)}
            listing["files"] = {name: {"bytes": each.size, "sha256": each.sha256} for name, each in found.items()}
        content = written(listing) + b"\n"
        self.path(manifest.NAME).write_bytes(content)
        self.path(manifest.SIGNATURE).write_bytes((signer or self.signer).sign(content))

    def lines(self) -> list[bytes]:
        """Read the custody log."""
        return self.path(custody.NAME).read_bytes().splitlines(keepends=True)

    def log(self, lines: list[bytes]) -> None:
        """Write the custody log."""
        self.path(custody.NAME).write_bytes(b"".join(lines))


@pytest.fixture
def spoil(evidence: Sealed, tmp_path: Path) -> Spoil:
    """Copy the bundle."""
    shutil.copytree(evidence.folder, tmp_path / "case")
    return Spoil(tmp_path / "case", evidence.signer)


def edited(line: bytes, **changes: object) -> custody.Entry:
    """Change a line of a log so that its own hash is right again."""
    (entry,) = custody.parse(line).entries
    return custody.Entry(**{**vars(entry), **changes})


def another_leak(spoil: Spoil) -> None:
    """Put another film in the leak's place, and in the manifest."""
    spoil.path(LEAK).write_bytes(b"another film" * 50)
    told = spoil.listing()
    found = digests(spoil.path(LEAK))
    told["leak"] = {**told["leak"], "bytes": found.size, "sha256": found.sha256, "md5": found.md5}  # type: ignore[dict-item]
    spoil.seal(told)


def sealed_anew(spoil: Spoil) -> None:
    """Change the report and sign everything again with another key."""
    stranger = SigningKey.generate()
    spoil.flip("report.html", 20_000)
    spoil.path(manifest.PUBLIC_KEY).write_bytes(stranger.public.content)
    spoil.seal({**spoil.listing(), "signing_key": stranger.public.id}, stranger)


def chain_made_anew(spoil: Spoil) -> None:
    """Change who received the leak, and every hash after it."""
    entries = [edited(spoil.lines()[0], who="somebody else")]
    for line in spoil.lines()[1:]:
        entries.append(edited(line, previous=entries[-1].hash))
    spoil.log([entry.line() for entry in entries])


def unsigned_line(spoil: Spoil) -> None:
    """Add a line to the log that follows well but is not signed."""
    last = custody.parse(b"".join(spoil.lines())).entries[-1]
    spoil.log([*spoil.lines(), custody.follow(last, datetime.now(UTC), "nobody", "lent", {}).line()])


def stranger_line(spoil: Spoil) -> None:
    """Add a line to the log that a stranger signed."""
    custody.append(spoil.folder, SigningKey.generate(), time=datetime.now(UTC), who="x", what="lent", about={})


def clock_back(spoil: Spoil) -> None:
    """Let the second line be older than the first, chained and sealed with the operator's own key."""
    first, *rest = (custody.parse(b"".join(spoil.lines()))).entries
    entries = [first]
    for entry in rest:
        entries.append(
            custody.follow(entries[-1], datetime(2020, 1, 1, tzinfo=UTC), entry.who, entry.what, entry.about)
        )
    spoil.log([entry.line() for entry in entries])
    spoil.seal({**spoil.listing(), "custody": {"entries": len(entries), "head": entries[-1].hash}})


def manifest_clock(spoil: Spoil) -> None:
    """Let the manifest be older than the log that it seals."""
    spoil.seal({**spoil.listing(), "created": "2020-01-01T00:00:00.000Z"})


def swapped_reports(spoil: Spoil) -> None:
    """Put the report as PDF in the place of the one as HTML, and the other way round."""
    one, other = spoil.path("report.html"), spoil.path("report.pdf")
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def twice(spoil: Spoil) -> None:
    """Say a thing twice in the manifest, so that two readers may understand it differently."""
    content = spoil.path(manifest.NAME).read_bytes().replace(b'{"captured_by"', b'{"captured_by":"B","captured_by"', 1)
    spoil.path(manifest.NAME).write_bytes(content)
    spoil.path(manifest.SIGNATURE).write_bytes(spoil.signer.sign(content))


def outside(spoil: Spoil) -> None:
    """List a file that is not in the folder at all."""
    (spoil.folder.parent / "elsewhere").write_text("x")
    told = spoil.listing()
    told["files"] = {**told["files"], "../elsewhere": {"bytes": 1, "sha256": "0" * 64}}  # type: ignore[dict-item]
    spoil.seal(told, listed=False)


def linked(spoil: Spoil, name: str) -> None:
    """Put a link to the same content in a file's or folder's place."""
    elsewhere = spoil.folder.parent / "moved"
    spoil.path(name).rename(elsewhere)
    spoil.path(name).symlink_to(elsewhere)


def pipe(spoil: Spoil) -> None:
    """Put a pipe in a file's place, on which a careless reader would wait for ever."""
    spoil.path("report.pdf").unlink()
    os.mkfifo(spoil.path("report.pdf"))


def other_decode(spoil: Spoil) -> None:
    """Put a decode of another leak in, sealed with the operator's own key."""
    told = json.loads(spoil.path("decode.json").read_text())
    spoil.path("decode.json").write_text(json.dumps({**told, "sha256": "0" * 64}))
    spoil.seal(spoil.listing())


def other_signer_named(spoil: Spoil) -> None:
    """Name another key in the manifest than the one that signs it."""
    spoil.seal({**spoil.listing(), "signing_key": "0" * 16})


TAMPERING: dict[str, tuple[Callable[[Spoil], object], str]] = {
    "a bit of the leak": (lambda it: it.flip(LEAK), LEAK),
    "a bit of the HTML report": (lambda it: it.flip("report.html"), "report.html"),
    "a bit of the decode": (lambda it: it.flip("decode.json"), "decode.json"),
    "a bit of the manifest": (lambda it: it.flip(manifest.NAME, 60), manifest.NAME),
    "a bit of the signature": (lambda it: it.flip(manifest.SIGNATURE), manifest.NAME),
    "a bit of the public key": (lambda it: it.flip(manifest.PUBLIC_KEY, 35), manifest.PUBLIC_KEY),
    "PDF cut short": (lambda it: os.truncate(it.path("report.pdf"), 1000), "report.pdf"),
    "PDF made longer": (lambda it: it.longer("report.pdf"), "report.pdf"),
    "leak removed": (lambda it: it.path(LEAK).unlink(), LEAK),
    "PDF removed": (lambda it: it.path("report.pdf").unlink(), "report.pdf"),
    "signature removed": (lambda it: it.path(manifest.SIGNATURE).unlink(), manifest.NAME),
    "manifest removed": (lambda it: it.path(manifest.NAME).unlink(), manifest.NAME),
    "log removed": (lambda it: it.path(custody.NAME).unlink(), custody.NAME),
    "public key removed": (lambda it: it.path(manifest.PUBLIC_KEY).unlink(), manifest.PUBLIC_KEY),
    "file added": (lambda it: it.path("note.txt").write_text("x"), "note.txt"),
    "hidden file added beside the leak": (lambda it: it.path("leak/.x").write_text("x"), "leak/.x"),
    "empty folder added": (lambda it: it.path("more").mkdir(), "more"),
    "file renamed": (lambda it: it.path("report.pdf").rename(it.path("Report.pdf")), "report.pdf"),
    "reports swapped": (swapped_reports, "report.html"),
    "leak replaced, sealed by the operator": (another_leak, "decode.json"),
    "signed again with another key": (sealed_anew, manifest.PUBLIC_KEY),
    "another signer named": (other_signer_named, manifest.NAME),
    "decode of another leak": (other_decode, "decode.json"),
    "a bit of the log": (lambda it: it.flip(custody.NAME, 90), custody.NAME),
    "log made anew": (chain_made_anew, custody.NAME),
    "line taken out": (lambda it: it.log([it.lines()[0], *it.lines()[2:]]), custody.NAME),
    "lines in another order": (lambda it: it.log([it.lines()[1], it.lines()[0], *it.lines()[2:]]), custody.NAME),
    "log truncated": (lambda it: it.log(it.lines()[:-1]), custody.NAME),
    "log cut in a line": (lambda it: os.truncate(it.path(custody.NAME), 700), custody.NAME),
    "unsigned line added": (unsigned_line, custody.NAME),
    "stranger's line added": (stranger_line, custody.NAME),
    "clock of the log set back": (clock_back, custody.NAME),
    "clock of the manifest set back": (manifest_clock, custody.NAME),
    "link for a file": (lambda it: linked(it, "report.pdf"), "report.pdf"),
    "link for the leak's folder": (lambda it: linked(it, "leak"), "leak"),
    "link for the manifest": (lambda it: linked(it, manifest.NAME), manifest.NAME),
    "pipe for a file": (pipe, "report.pdf"),
    "manifest that says a thing twice": (twice, manifest.NAME),
    "manifest that reaches out of the folder": (outside, manifest.NAME),
    "manifest that is no JSON": (lambda it: it.path(manifest.NAME).write_text("none"), manifest.NAME),
}
"""What is done, and the file that must be named."""


def test_untouched(evidence: Sealed, capsys: pytest.CaptureFixture[str]) -> None:
    """A bundle that nobody touched verifies, with the operator's key and without, and says whose it is."""
    found = verify(evidence.folder, evidence.signer.public, evidence.roots)
    assert found.faults == ()
    assert found.known
    assert verify(evidence.folder).faults == ()
    assert main(["verify", str(evidence.folder)]) == 0
    said = capsys.readouterr().out
    assert evidence.signer.public.id in said
    assert "see that this is the operator's" in said


@pytest.mark.skipif(OPENSSL is None, reason="openssl stamps the bundle")
def test_who_vouches_for_the_time(evidence: Sealed, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The summary names the authority; where nobody trusted vouches for it, it says so."""
    root = tmp_path / "root.pem"
    root.write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in evidence.roots))
    assert main(["verify", str(evidence.folder), "--tsa-certificate", str(root)]) == 0
    said = capsys.readouterr().out
    assert "by CN=Test authority\n" in said
    found = verify(evidence.folder)
    assert found.stamp
    untrusted = told(evidence.folder, replace(found, stamp=replace(found.stamp, trusted=False)))
    assert "by CN=Test authority; NOT checked" in untrusted


@pytest.mark.parametrize("deed", TAMPERING)
def test_tampering(spoil: Spoil, deed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each kind of tampering is found, its file named, with status 1."""
    act, named = TAMPERING[deed]
    act(spoil)
    public = tmp_path / "operator.pub"
    public.write_bytes(spoil.signer.public.content)
    assert main(["verify", str(spoil.folder), "--public-key", str(public)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("NOT as it was sealed")
    assert any(line.strip().startswith(named) for line in said[1:]), said


def test_sealed_anew_shows_without_the_operators_key_as_another_id(spoil: Spoil) -> None:
    """Without a key from elsewhere, a bundle that a stranger sealed anew is consistent: only the key's id tells."""
    sealed_anew(spoil)
    spoil.path(manifest.STAMP).unlink(missing_ok=True)
    found = verify(spoil.folder)
    assert {fault.file for fault in found.faults} <= {manifest.STAMP}
    assert found.key is not None
    assert found.key.id != spoil.signer.public.id
    assert not found.known


@pytest.mark.skipif(OPENSSL is None, reason="openssl stamps the bundle")
@pytest.mark.parametrize("deed", ["removed", "flipped", "of another signature", "clock", "added", "certificate"])
def test_tampering_with_the_stamp(spoil: Spoil, evidence: Sealed, deed: str) -> None:
    """A time stamp that is gone, damaged, about something else, or of another time is a fault."""
    later = stamp(datetime.now(UTC) + timedelta(hours=3))
    match deed:
        case "removed":
            spoil.path(manifest.STAMP).unlink()
        case "flipped":
            spoil.flip(manifest.STAMP, -10)
        case "of another signature" | "clock":
            created = {"created": later} if deed == "clock" else {"captured_by": "B. Tester"}
            spoil.seal({**spoil.listing(), **created})
        case "added":
            spoil.seal({**spoil.listing(), "time_stamp": None})
        case "certificate":
            spoil.path(manifest.AUTHORITIES).write_text("none")
    found = verify(spoil.folder, spoil.signer.public, () if deed == "certificate" else evidence.roots)
    assert manifest.STAMP in {fault.file for fault in found.faults}
    assert found.stamp is None


@pytest.mark.skipif(OPENSSL is None, reason="openssl stamps the bundle")
def test_stamp_far_from_the_manifest(evidence: Sealed, spoil: Spoil, monkeypatch: pytest.MonkeyPatch) -> None:
    """A manifest whose clock is not the authority's is a fault, even if all signatures are right."""
    assert verify(spoil.folder, authorities=evidence.roots).faults == ()
    monkeypatch.setattr("tracemark.evidence.verification.CLOCKS", timedelta(seconds=-1))
    (fault,) = verify(spoil.folder, authorities=evidence.roots).faults
    assert fault.file == manifest.STAMP
    assert "clock was changed" in fault.what


def test_signed_line_may_be_added(spoil: Spoil) -> None:
    """The log goes on after sealing: lines signed with the sealing key are no fault, and are counted."""
    for what in ("lent", "returned"):
        custody.append(spoil.folder, spoil.signer, time=datetime.now(UTC), who="tester", what=what, about={"to": "x"})
    found = verify(spoil.folder, spoil.signer.public)
    assert found.faults == ()
    assert found.later == 2


def test_end_of_the_log(spoil: Spoil, capsys: pytest.CaptureFixture[str]) -> None:
    """Lines cut off after sealing are not seen, which is said; a head that was kept elsewhere shows it."""
    for what in ("lent", "returned"):
        custody.append(spoil.folder, spoil.signer, time=datetime.now(UTC), who="tester", what=what, about={})
    before = verify(spoil.folder, spoil.signer.public)
    assert before.head == custody.parse(b"".join(spoil.lines())).entries[-1].hash
    assert "whether later ones were cut off is not seen" in told(spoil.folder, before)
    assert f"head      {before.head}" in told(spoil.folder, before)
    words = ["verify", str(spoil.folder), "--head", before.head]
    assert main(words) == 0
    assert "none cut off up to the head that was given" in capsys.readouterr().out
    spoil.log(spoil.lines()[:-1])
    assert verify(spoil.folder).faults == ()
    assert main(words) == 1
    assert f"custody.log  its line {before.head} is gone" in capsys.readouterr().out
    custody.append(spoil.folder, spoil.signer, time=datetime.now(UTC), who="tester", what="sold", about={})
    assert main(words) == 1  # other lines in their place are no substitute


def test_no_head(spoil: Spoil, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no head is an error of whoever typed it, and no fault of the bundle."""
    assert main(["verify", str(spoil.folder), "--head", "1a2b"]) == 2
    assert "is no head of a custody log" in capsys.readouterr().err


def test_signed_line_edited(spoil: Spoil) -> None:
    """A line that was added, signed and then changed is a fault."""
    custody.append(spoil.folder, spoil.signer, time=datetime.now(UTC), who="tester", what="lent", about={})
    *sealed_lines, last = spoil.lines()
    spoil.log([*sealed_lines, last.replace(b'"lent"', b'"sold"')])
    assert {fault.file for fault in verify(spoil.folder).faults} == {custody.NAME}


def test_broken_log_takes_no_line(spoil: Spoil) -> None:
    """Nothing is added to a log that is not whole."""
    spoil.flip(custody.NAME, 90)
    before = spoil.path(custody.NAME).read_bytes()
    with pytest.raises(EvidenceError, match="not whole"):
        custody.append(spoil.folder, spoil.signer, time=datetime.now(UTC), who="x", what="lent", about={})
    assert spoil.path(custody.NAME).read_bytes() == before


def test_later_version(spoil: Spoil, capsys: pytest.CaptureFixture[str]) -> None:
    """A bundle of a later version is refused with advice, not judged."""
    spoil.seal({**spoil.listing(), "version": manifest.VERSION + 1})
    assert main(["verify", str(spoil.folder)]) == 2
    assert "update tracemark" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_no_folder(tmp_path: Path, kind: str) -> None:
    """Something that is no folder cannot be verified."""
    path = tmp_path / "case"
    if kind == "file":
        path.touch()
    with pytest.raises(EvidenceError, match="no folder"):
        verify(path)


def test_hostile_names_steer_no_terminal(spoil: Spoil, capsys: pytest.CaptureFixture[str]) -> None:
    """A file whose name holds control characters is named without them."""
    spoil.path("\x1b[2Jgone").write_text("x")
    assert main(["verify", str(spoil.folder)]) == 1
    assert "\x1b" not in capsys.readouterr().out


def test_frozen_bundle(tmp_path: Path) -> None:
    """A bundle that an older version made still verifies, against the key and the authority kept beside it."""
    with tarfile.open(FROZEN) as packed:
        packed.extractall(tmp_path, filter="data")
    key = PublicKey.load(tmp_path / "operator.pub")
    found = verify(tmp_path / "case", key)
    assert found.faults == ()
    assert found.known
    assert found.stamp is not None
    assert found.stamp.trusted
    (tmp_path / "case" / "decode.json").write_text("{}")
    assert {fault.file for fault in verify(tmp_path / "case", key).faults} == {"decode.json"}
