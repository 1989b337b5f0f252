"""`tracemark.decode` asks files of every kind whose they are; the command line is tested in test_cli.py."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

from tests.media import Clip, make, write
from tracemark import Key, Payload, decode
from tracemark.errors import KeyFileError
from tracemark.video import Source, embed

KEY = Key.from_bytes(bytes(range(32)))
STRANGER = Key.from_bytes(bytes(32))
PAYLOAD = Payload(session=88, member=4711)


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mark a clip without loss."""
    folder = tmp_path_factory.mktemp("decoding")
    embed(
        make(folder / "host.mkv", Clip("ffv1", width=640, height=480, times=range(30))),
        folder / "marked.mkv",
        key=KEY,
        payload=PAYLOAD,
    )
    return folder / "marked.mkv"


def test_no_keys(marked: Path) -> None:
    """Without a key there is nothing to look for."""
    with pytest.raises(KeyFileError, match="no key"):
        decode(marked, keys=[])


def test_several_keys(marked: Path) -> None:
    """Among several keys, the one that the film was marked under is named."""
    decoding = decode(marked, keys=[STRANGER, KEY])
    assert (decoding.payload, decoding.key_id) == (PAYLOAD, KEY.id)
    assert decode(marked, keys=[STRANGER]).payload is None


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_screenshot(marked: Path, tmp_path: Path, suffix: str) -> None:
    """One frame saved as a picture still names the viewer, and nobody under another key."""
    with Source(marked) as source:
        frame = list(source.frames())[20]
    shot = tmp_path / f"shot{suffix}"
    cv2.imwrite(str(shot), frame.to_ndarray(format="bgr24"))
    assert decode(shot, keys=[KEY]).payload == PAYLOAD
    assert decode(shot, keys=[STRANGER]).payload is None


@pytest.mark.parametrize(
    ("codec", "pixel_format", "suffix"),
    [
        ("ffv1", "yuv411p", ".mkv"),
        ("mjpeg", "yuvj422p", ".mov"),
        ("ffv1", "gray", ".mkv"),
        ("libx264", "yuv444p", ".mp4"),
    ],
)
def test_leaks_in_other_formats(marked: Path, tmp_path: Path, codec: str, pixel_format: str, suffix: str) -> None:
    """A leak may come in any pixel format that FFmpeg reads, gray included."""
    leak = tmp_path / f"leak{suffix}"
    with Source(marked) as source:
        frames = [frame.reformat(format=pixel_format) for frame in source.frames()]
    clip = Clip(codec, pixel_format, width=640, height=480)
    write(leak, clip, frames)
    assert decode(leak, keys=[KEY]).payload == PAYLOAD
    assert decode(leak, keys=[STRANGER]).payload is None


def test_progress(marked: Path) -> None:
    """Progress is told in seconds, of as many as the file has."""
    seen: list[tuple[float, float | None]] = []
    decode(marked, keys=[KEY], whole=True, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == pytest.approx(1.2)
    assert seen[-1][1] == pytest.approx(1.2)
