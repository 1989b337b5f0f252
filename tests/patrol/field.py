"""A folder such as a patrol meets: leaks, other people's files, broken ones, and traps."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from tests.scenes import KEY, WRONG_KEY, film, mark
from tracemark.keys import Key
from tracemark.payload import Payload

SESSION = 88


@dataclass(frozen=True)
class Field:
    """What lies there.

    Parameters
    ----------
    folder : Path
    key : Path
    marked : dict
        Member by the name of every file with a mark under the key.
    clean : frozenset of str
        Files that can be read and hold no such mark.
    refused : frozenset of str
        Files that are not to be opened, or too large.
    unreadable : frozenset of str
    """

    folder: Path
    key: Path
    marked: dict[str, int]
    clean: frozenset[str]
    refused: frozenset[str]
    unreadable: frozenset[str]


def video(path: Path, frames: Sequence[av.VideoFrame], crf: int = 24) -> Path:
    """Write frames as H.264."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": str(crf), "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = frames[0].width, frames[0].height, "yuv420p"
        stream.codec_context.thread_count = 1
        for number, frame in enumerate(frames):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return path


def picture(path: Path, frame: av.VideoFrame) -> Path:
    """Write a frame as a picture."""
    context = av.CodecContext.create("png" if path.suffix == ".png" else "mjpeg", "w")
    assert isinstance(context, av.VideoCodecContext)
    shown = frame.reformat(format="rgb24" if path.suffix == ".png" else "yuvj420p")
    context.width, context.height, context.pix_fmt = shown.width, shown.height, shown.format.name
    context.time_base = Fraction(1, 25)
    context.options = {"q:v": "3"} if path.suffix != ".png" else {}
    path.write_bytes(b"".join(bytes(packet) for packet in [*context.encode(shown), *context.encode(None)]))
    return path


def bomb(path: Path, side: int, *, rows: int | None = None) -> Path:
    """Write a PNG of one bit a pixel, which takes a thousandth of the bytes that it unfolds to.

    Parameters
    ----------
    path : Path
    side : int
        Pixels that it states, both ways.
    rows : int, optional
        Rows that are there.
    """

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    packed = zlib.compress(bytes(1 + side // 8) * (side if rows is None else rows), 1)
    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b""))
    return path


def lay_out(folder: Path, *, viewers: int = 3, strangers: int = 6) -> Field:
    """Lay the field out.

    Parameters
    ----------
    folder : Path
        To make.
    viewers : int
        Members whose copies leaked.
    strangers : int
        Unmarked videos, and as many pictures.
    """
    folder.mkdir()
    key = folder.parent / "studio.key"
    if not key.exists():
        KEY.save(key)
    marked: dict[str, int] = {}
    for member in range(1, viewers + 1):
        frames = mark(film(26, 384, 216, seed=1 + member % 2), KEY, Payload(SESSION, member))
        still = mark(film(1, 640, 360, seed=1 + member % 2), KEY, Payload(SESSION, member))[0]
        for name in (f"leak {member}.mp4", f"LEAK{member}.mkv", f"{member} without suffix"):
            suffix = ".mkv" if name.endswith("mkv") else ".mp4"
            video(folder / f"new{suffix}", frames, crf=16 + len(marked) % 3).rename(folder / name)
            marked[name] = member
        for name in (f"shot-{member}.png", f"shot-{member}.jpg"):
            picture(folder / name, still)
            marked[name] = member
    deep = folder / "deep" / "er" / "still"
    deep.mkdir(parents=True)
    for name in (f"deep/er/still/copy {number}.mp4" for number in range(3)):
        shutil.copy(folder / "leak 1.mp4", folder / name)
        marked[name] = 1
    os.link(folder / "leak 1.mp4", folder / "hard link.mp4")
    (folder / "soft link.mp4").symlink_to("leak 1.mp4")
    marked |= {"hard link.mp4": 1, "soft link.mp4": 1}
    clean = _strangers(folder, strangers, WRONG_KEY)
    return Field(folder, key, marked, frozenset(clean), frozenset(_traps(folder)), frozenset(_broken(folder)))


def _strangers(folder: Path, count: int, other: Key) -> list[str]:
    clean = []
    for number in range(count):
        frames = film(26, 384, 216, seed=100 + number)
        if number % 3 == 0:
            frames = mark(frames, other, Payload(SESSION, 1))
        video(folder / f"stranger {number}.mp4", frames)
        picture(folder / f"stranger {number}.png", frames[0])
        clean += [f"stranger {number}.mp4", f"stranger {number}.png"]
    video(folder / "the film itself.mp4", film(26, 384, 216, seed=1))
    odd = os.fsdecode(b"not \xff UTF-8\n.png")
    shutil.copy(folder / "stranger 1.png", folder / odd)
    return [*clean, "the film itself.mp4", odd]


def _traps(folder: Path) -> list[str]:
    os.mkfifo(folder / "endless.mp4")
    (folder / "zeros.mp4").symlink_to("/dev/zero")
    (folder / "itself.mp4").symlink_to("itself.mp4")
    (folder / "nowhere.mp4").symlink_to("nothing there")
    (folder / "deep" / "loop").symlink_to("..")
    (folder / "empty.mp4").touch()
    with (folder / "huge.mp4").open("wb") as file:
        file.truncate(1 << 40)  # sparse
    bomb(folder / "wide.png", 12_000, rows=1)
    traps = ["endless.mp4", "zeros.mp4", "itself.mp4", "nowhere.mp4", "empty.mp4", "huge.mp4", "wide.png"]
    if os.geteuid():  # root may read everything
        (folder / "secret.mp4").write_bytes(b"secret")
        (folder / "secret.mp4").chmod(0)
        traps.append("secret.mp4")
    return traps


def _broken(folder: Path) -> list[str]:
    whole = (folder / "leak 1.mp4").read_bytes()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("leak.mp4", bytes(1 << 20))
    broken = {
        "page.mp4": b"<!doctype html><title>Not found</title>",
        "noise.mp4": bytes(range(256)) * 40,
        "cut.mp4": whole[: len(whole) // 3],
        "archive.zip": packed.getvalue(),
        "list.m3u8": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        "concat.mp4": b"ffconcat version 1.0\nfile '/etc/passwd'\n",
        "half.png": (folder / "shot-1.png").read_bytes()[:40],
        "text.jpg": b"GIF89a",
    }
    for name, content in broken.items():
        (folder / name).write_bytes(content)
    return list(broken)


def tidy(folder: Path) -> None:
    """Let pytest remove the folder."""
    with contextlib.suppress(OSError):
        (folder / "secret.mp4").chmod(0o600)
