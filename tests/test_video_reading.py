"""Files come in: times only grow, damage is told, and what is no picture is refused in one line."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.media import Clip, make
from tracemark.errors import MediaError
from tracemark.video import Source, fingerprint, leaks_in
from tracemark.video.source import FALLBACK_RATE, _Clock


def times(path: Path) -> list[float]:
    """Return the times of all frames in seconds."""
    with Source(path) as source:
        return [frame.time for frame in source.frames()]


def refusal(path: Path) -> str:
    """Return the line with which a file is refused."""
    with pytest.raises(MediaError) as caught, Source(path) as source:
        list(source.frames())
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    """A name without a file is refused."""
    assert refusal(tmp_path / "no.mp4").endswith("no.mp4: there is no such file")


def test_folder(tmp_path: Path) -> None:
    """A folder is refused."""
    assert "is a folder" in refusal(tmp_path)


def test_empty_file(tmp_path: Path) -> None:
    """A file of no bytes is refused as empty."""
    path = tmp_path / "empty.mp4"
    path.touch()
    assert "is empty" in refusal(path)


@pytest.mark.parametrize("name", ["text.mp4", "text.txt"])
def test_text(tmp_path: Path, name: str) -> None:
    """Text is no video, although FFmpeg would draw it on a terminal."""
    path = tmp_path / name
    path.write_text("This is text.\n" * 50)
    assert "is not a video or picture" in refusal(path)


def test_play_list_cannot_point_elsewhere(tmp_path: Path) -> None:
    """A play list that calls itself .mp4 does not get other files opened."""
    make(tmp_path / "part.ts")
    path = tmp_path / "list.mp4"
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:0.5,\npart.ts\n#EXT-X-ENDLIST\n")
    assert "is not a video or picture" in refusal(path)


def test_audio_only(tmp_path: Path) -> None:
    """A file with sound and no picture is refused as such."""
    whole = make(tmp_path / "whole.mp4", Clip(sound="aac"))
    path = tmp_path / "sound.mp4"
    with av.open(str(whole)) as reading, av.open(str(path), "w") as output:
        copy = output.add_stream_from_template(reading.streams.audio[0])
        for packet in reading.demux(reading.streams.audio[0]):
            if packet.size:
                packet.stream = copy
                output.mux(packet)
    assert "holds audio only" in refusal(path)


def test_lost_index(tmp_path: Path) -> None:
    """An mp4 cut before its index was written is refused with the reason."""
    whole = make(tmp_path / "whole.mp4", Clip(times=range(60))).read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) * 6 // 10])
    assert "index (moov)" in refusal(path)


@pytest.mark.parametrize(("suffix", "options"), [(".mp4", {"movflags": "faststart"}), (".mkv", {}), (".avi", {})])
def test_cut_stream_is_read_as_far_as_it_goes(tmp_path: Path, suffix: str, options: dict[str, str]) -> None:
    """Half a file gives some of its frames and says that it is cut; the whole file says nothing."""
    clip = Clip(codec="mpeg4" if suffix == ".avi" else "libx264", times=range(100), options={"g": "10"})
    path = make(tmp_path / f"whole{suffix}", clip, options)
    with Source(path) as source:
        assert len(list(source.frames())) == 100
        assert source.damage == ()
    whole = path.read_bytes()
    cut = tmp_path / f"cut{suffix}"
    cut.write_bytes(whole[: len(whole) // 2])
    with Source(cut) as source:
        assert 5 <= len(list(source.frames())) <= 95
        assert any(each.kind in {"cut", "stopped"} for each in source.damage)


def test_raw_stream_without_times(tmp_path: Path) -> None:
    """A raw H.264 stream has no time stamps; its frames follow at the frame rate."""
    whole = make(tmp_path / "whole.ts")
    path = tmp_path / "raw.h264"
    with av.open(str(whole)) as reading, av.open(str(path), "w") as output:
        copy = output.add_stream_from_template(reading.streams.video[0], opaque=True)
        for packet in reading.demux(reading.streams.video[0]):
            if packet.size:
                packet.stream = copy
                output.mux(packet)
    assert times(path) == pytest.approx([number / 25 for number in range(12)])


def test_start_offset_is_kept(tmp_path: Path) -> None:
    """A stream that starts late, as MPEG program streams do, is not moved to zero."""
    path = make(tmp_path / "late.ts", Clip(times=range(100, 112)))
    assert times(path)[0] == pytest.approx(4.0, abs=0.2)


def test_variable_frame_rate(tmp_path: Path) -> None:
    """Uneven time stamps come out as they went in."""
    stamps = (0, 40, 90, 100, 250, 1000, 1010)
    path = make(tmp_path / "uneven.mkv", Clip(times=stamps, base=Fraction(1, 1000)))
    assert times(path) == pytest.approx([stamp / 1000 for stamp in stamps])


@given(st.lists(st.none() | st.integers(-(2**33), 2**33), min_size=1, max_size=30))
def test_times_only_grow(stamps: list[int | None]) -> None:
    """Whatever time stamps a stream has, none at all included, each frame is later than the one before."""
    clock = _Clock(Fraction(25))
    stream = cast("av.VideoStream", SimpleNamespace(time_base=Fraction(1, 90000)))
    seen = []
    for stamp in stamps:
        frame = av.VideoFrame(16, 16)
        frame.pts, frame.time_base = stamp, Fraction(1, 90000)
        clock.stamp(frame, stream)
        seen.append(frame.time)
    assert all(later > earlier for earlier, later in pairwise(seen))


def test_growing_times_are_not_touched() -> None:
    """Time stamps that grow, in whatever steps, stay as they are."""
    clock = _Clock(Fraction(25))
    stream = cast("av.VideoStream", SimpleNamespace(time_base=Fraction(1, 90000)))
    for stamp in (-7, 0, 1, 90000, 90001):
        frame = av.VideoFrame(16, 16)
        frame.pts, frame.time_base = stamp, Fraction(1, 90000)
        clock.stamp(frame, stream)
        assert frame.pts == stamp


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tiff"])
def test_pictures_are_still(tmp_path: Path, suffix: str) -> None:
    """A picture is one frame at time zero, and known to be a picture."""
    path = tmp_path / f"shot{suffix}"
    cv2.imwrite(str(path), np.full((96, 128, 3), 90, np.uint8))
    with Source(path) as source:
        assert source.still
        assert source.rate == FALLBACK_RATE
        assert [frame.time for frame in source.frames()] == [0.0]


def test_video_is_not_still(tmp_path: Path) -> None:
    """A video is not taken for a picture."""
    with Source(make(tmp_path / "a.mp4")) as source:
        assert not source.still


def test_odd_names(tmp_path: Path) -> None:
    """Neither a per cent sign nor a colon in a name has a meaning of its own."""
    path = tmp_path / "http:shot%03d.jpg"
    cv2.imwrite(str(tmp_path / "shot.jpg"), np.full((96, 128, 3), 90, np.uint8))
    (tmp_path / "shot.jpg").rename(path)
    assert times(path) == [0.0]


def test_pixel_aspect(tmp_path: Path) -> None:
    """The pixel aspect is read from the file; without one, pixels are square."""
    with Source(make(tmp_path / "wide.mp4", Clip(aspect=Fraction(4, 3)))) as source:
        assert source.pixel_aspect == Fraction(4, 3)
    with Source(make(tmp_path / "plain.mkv", Clip(codec="ffv1"))) as source:
        assert source.pixel_aspect == 1


def test_leaks_of_a_folder(tmp_path: Path) -> None:
    """A folder stands for the videos and pictures in it and below, in order, hidden ones left out."""
    (tmp_path / "below").mkdir()
    for name in ("b.mp4", "a.PNG", "notes.txt", ".hidden.mp4", "below/c.mkv"):
        (tmp_path / name).touch()
    assert leaks_in(tmp_path) == [tmp_path / "a.PNG", tmp_path / "b.mp4", tmp_path / "below/c.mkv"]
    assert leaks_in(tmp_path / "notes.txt") == [tmp_path / "notes.txt"]


def test_fingerprint(tmp_path: Path) -> None:
    """The fingerprint is SHA-256 (FIPS 180-2, appendix B.1)."""
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    assert fingerprint(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
