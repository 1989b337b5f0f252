"""A marked file is the source in everything but the mark, and it is there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.media import PLAIN, Clip, add_track, make, packets, scene
from tracemark import Embedder, Key, Payload
from tracemark.errors import FrameError, MediaError, TracemarkError
from tracemark.video import Marked, Source, embed
from tracemark.video.pixels import MARKABLE

KEY = Key.from_bytes(bytes(range(32)))
PAYLOAD = Payload(session=88, member=4711)
UNEVEN = (0, 40, 90, 100, 250, 1000, 1010, 1500)


def mark(source: Path, target: Path, **options: object) -> Marked:
    """Mark a file with the key and payload of these tests."""
    return embed(source, target, key=KEY, payload=PAYLOAD, **options)  # type: ignore[arg-type]


def frames(path: Path) -> list[av.VideoFrame]:
    """Read all frames of a file."""
    with Source(path) as source:
        return list(source.frames())


def samples(frame: av.VideoFrame) -> list[NDArray[np.uint8]]:
    """Return the visible bytes of each plane."""
    planes = []
    for plane in frame.planes:
        whole = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        used = plane.line_size if plane.width == 0 else plane.width * max(1, frame.format.components[0].bits // 8)
        planes.append(whole[:, :used])
    return planes


@pytest.fixture(autouse=True)
def nothing_half_written(tmp_path: Path) -> Iterator[None]:
    """After every test here, no temporary file is left beside the outputs."""
    yield
    assert list(tmp_path.glob(".*")) == []


def refusal(source: Path, target: Path, **options: object) -> str:
    """Return the line with which marking is refused; the target must not have come into being."""
    existed = target.exists()
    with pytest.raises(TracemarkError) as caught:
        mark(source, target, **options)
    assert "\n" not in str(caught.value)
    assert target.exists() == existed
    return str(caught.value)


@pytest.mark.parametrize(
    ("codec", "pixel_format", "suffix"),
    [
        ("libx264", "yuv420p", ".mp4"),
        ("libx264", "yuv420p10le", ".mp4"),
        ("libx264", "yuv444p", ".mkv"),
        ("libx264", "nv12", ".ts"),
        ("libx265", "yuv420p", ".mp4"),
        ("libvpx", "yuv420p", ".webm"),
        ("libvpx-vp9", "yuv420p", ".webm"),
        ("libsvtav1", "yuv420p", ".mp4"),
        ("mpeg4", "yuv420p", ".avi"),
        ("mpeg2video", "yuv420p", ".mpg"),
        ("mjpeg", "yuvj420p", ".mov"),
        ("prores_ks", "yuv422p10le", ".mov"),
        ("ffv1", "yuv422p", ".mkv"),
        ("ffv1", "gray", ".mkv"),
    ],
)
def test_codec_format_and_times_are_kept(tmp_path: Path, codec: str, pixel_format: str, suffix: str) -> None:
    """By default a file is written with the codec and pixel format it came in, and no frame moves in time."""
    quiet = {"x265-params": "log-level=error"} if codec == "libx265" else {}
    source = make(tmp_path / f"a{suffix}", Clip(codec, pixel_format, options=quiet))
    target = tmp_path / f"b{suffix}"
    done = mark(source, target)
    assert done.frames == 12
    with Source(source) as before, Source(target) as after:
        assert after.stream.codec_context.name == before.stream.codec_context.name
        hosts, marked = list(before.frames()), list(after.frames())
    assert [frame.time for frame in marked] == pytest.approx([frame.time for frame in hosts], abs=1e-4)
    assert marked[0].format.name == hosts[0].format.name


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv422p", "yuv444p", "gray", "yuv420p10le", "bgr0", "yuvj420p"])
def test_ffv1_is_lossless(tmp_path: Path, pixel_format: str) -> None:
    """`--codec ffv1` into .mkv holds exactly the frames that the viewer's `mark` returns."""
    codec = "mjpeg" if pixel_format == "yuvj420p" else "ffv1"
    source = make(tmp_path / "a.mkv", Clip(codec, pixel_format, times=range(4)))
    target = tmp_path / "b.mkv"
    mark(source, target, codec="ffv1")
    viewer = Embedder(KEY, frame_rate=25.0).viewer(PAYLOAD)
    for host, written in zip(frames(source), frames(target), strict=True):
        if host.format.name not in MARKABLE:
            host = host.reformat(format="rgb24")  # noqa: PLW2901
        marked = viewer.mark(host)
        assert isinstance(marked, av.VideoFrame)
        expected = samples(marked)
        actual = samples(written.reformat(format=marked.format.name))
        assert all(np.array_equal(one, other) for one, other in zip(expected, actual, strict=True))


def test_mark_is_there(tmp_path: Path) -> None:
    """What is written differs from the host, and from another viewer's copy."""
    source = make(tmp_path / "a.mkv", Clip("ffv1", times=range(3)))
    mark(source, tmp_path / "b.mkv")
    embed(source, tmp_path / "c.mkv", key=KEY, payload=Payload(88, 4712))
    host, one, other = (samples(frames(tmp_path / name)[1])[0] for name in ("a.mkv", "b.mkv", "c.mkv"))
    assert not np.array_equal(host, one)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("suffix", "sound", "text"),
    [(".mp4", "aac", "mov_text"), (".mkv", "libopus", "subrip"), (".mkv", "flac", "subrip")],
)
def test_sound_and_subtitles_are_copied(tmp_path: Path, suffix: str, sound: str, text: str) -> None:
    """Every packet of sound and subtitles comes out with the same bytes at the same time."""
    plain = make(tmp_path / f"plain{suffix}", Clip(sound=sound, times=range(50), options=PLAIN))
    source = add_track(plain, tmp_path / f"a{suffix}", ["one", "two", "three"], text)
    target = tmp_path / f"b{suffix}"
    mark(source, target)
    assert packets(target, "audio") == packets(source, "audio")
    assert len(packets(source, "audio")) > 20
    # An mp4 file fills the gaps between texts with empty ones, of two bytes.
    spoken = [packet for packet in packets(source, "subtitle") if len(packet[1]) > 2]
    assert [packet for packet in packets(target, "subtitle") if len(packet[1]) > 2] == spoken
    assert len(spoken) == 3


def test_interleaving(tmp_path: Path) -> None:
    """Sound stands beside the picture in the file and not after it, however much the encoder holds back."""
    source = make(tmp_path / "a.mkv", Clip(sound="flac", times=range(150)))
    target = tmp_path / "b.mkv"
    mark(source, target)
    with av.open(str(target)) as reading:
        kinds = [packet.stream.type for packet in reading.demux() if packet.size]
    half = len(kinds) // 2
    assert 0.3 < kinds[:half].count("video") / 150 < 0.7


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
def test_variable_frame_rate(tmp_path: Path, suffix: str) -> None:
    """Uneven times are kept, the last frame's included."""
    source = make(tmp_path / f"a{suffix}", Clip(times=UNEVEN, base=Fraction(1, 1000)))
    target = tmp_path / f"b{suffix}"
    mark(source, target)
    assert [frame.time for frame in frames(target)] == pytest.approx([stamp / 1000 for stamp in UNEVEN])


@pytest.mark.parametrize(("codec", "suffix"), [("libx264", ".mp4"), ("libx264", ".mkv"), ("ffv1", ".mkv")])
def test_colour_metadata(tmp_path: Path, codec: str, suffix: str) -> None:
    """Range, matrix, primaries and transfer are those of the source."""
    source = make(tmp_path / f"a{suffix}", Clip(codec, tagged=True))
    target = tmp_path / f"b{suffix}"
    mark(source, target)
    frame = frames(target)[0]
    assert (frame.color_range, frame.colorspace, frame.color_primaries, frame.color_trc) == (1, 1, 1, 1)


@pytest.mark.parametrize("rotation", [90, 180, -90])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_rotation_is_kept(tmp_path: Path, suffix: str, rotation: int) -> None:
    """A phone's rotation tag is carried over; the pixels are not turned."""
    source = make(tmp_path / f"a{suffix}", Clip(rotation=rotation))
    target = tmp_path / f"b{suffix}"
    mark(source, target)
    frame = frames(target)[0]
    assert (frame.width, frame.height) == (192, 160)
    assert frame.rotation % 360 == rotation % 360


def test_rotation_that_cannot_be_kept(tmp_path: Path) -> None:
    """A container without rotation tags is refused rather than the picture shown lying on its side."""
    source = make(tmp_path / "a.mp4", Clip(rotation=90))
    assert "rotated" in refusal(source, tmp_path / "b.ts")


def test_pixel_aspect_is_kept(tmp_path: Path) -> None:
    """A pixel aspect is kept, and where a container knows none, its loss is told."""
    source = make(tmp_path / "a.mp4", Clip(aspect=Fraction(4, 3)))
    assert mark(source, tmp_path / "b.mp4").notes == ()
    with Source(tmp_path / "b.mp4") as kept:
        assert kept.pixel_aspect == Fraction(4, 3)
    assert any("pixel aspect 4:3 is lost" in note for note in mark(source, tmp_path / "b.mkv", codec="ffv1").notes)


def test_metadata_and_chapters(tmp_path: Path) -> None:
    """Title, language and chapters come along."""
    plain = make(tmp_path / "plain.mkv", Clip(sound="flac", times=range(50), options=PLAIN))
    source = tmp_path / "a.mkv"
    with av.open(str(plain)) as reading, av.open(str(source), "w") as output:
        copies = {each.index: output.add_stream_from_template(each, opaque=True) for each in reading.streams}
        copies[1].metadata["language"] = "fra"
        output.metadata["title"] = "A film"
        second = Fraction(1, 1000)
        chapter = {"id": 1, "start": 0, "end": 900, "time_base": second, "metadata": {"title": "Opening"}}
        output.set_chapters([chapter])  # type: ignore[list-item]
        for packet in reading.demux():
            if packet.dts is not None:
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
    mark(source, tmp_path / "b.mkv")
    with av.open(str(tmp_path / "b.mkv")) as marked:
        assert marked.metadata["title"] == "A film"
        assert marked.streams.audio[0].metadata["language"] == "fra"
        assert [each["metadata"]["title"] for each in marked.chapters()] == ["Opening"]


def test_second_video_track_is_left_out(tmp_path: Path) -> None:
    """An unmarked copy of the film does not ride along, and that is told."""
    plain = make(tmp_path / "plain.mkv", Clip(options=PLAIN))
    source = tmp_path / "a.mkv"
    with av.open(str(plain)) as reading, av.open(str(source), "w") as output:
        twins = [output.add_stream_from_template(reading.streams.video[0], opaque=True) for _ in range(2)]
        for packet in list(reading.demux(reading.streams.video[0])):
            if not packet.size:
                continue
            for twin in twins:
                copy = av.Packet(bytes(packet))
                copy.pts, copy.dts, copy.time_base = packet.pts, packet.dts, packet.time_base
                copy.is_keyframe = packet.is_keyframe
                copy.stream = twin
                output.mux(copy)
    done = mark(source, tmp_path / "b.mkv")
    assert any("left out" in note for note in done.notes)
    with av.open(str(tmp_path / "b.mkv")) as marked:
        assert len(marked.streams.video) == 1


def test_format_that_cannot_be_marked(tmp_path: Path) -> None:
    """A frame in a rare format is converted to the nearest one, and that is told."""
    source = make(tmp_path / "a.mkv", Clip("ffv1", "yuv410p", times=range(3)))
    done = mark(source, tmp_path / "b.mkv")
    assert any("yuv410p" in note for note in done.notes)
    assert done.frames == 3


def test_cut_source(tmp_path: Path) -> None:
    """A cut file is marked as far as it goes, and that is told."""
    clip = Clip(times=range(100), options={"g": "10"})
    whole = make(tmp_path / "whole.mp4", clip, {"movflags": "faststart"}).read_bytes()
    source = tmp_path / "a.mp4"
    source.write_bytes(whole[: len(whole) // 2])
    done = mark(source, tmp_path / "b.mp4")
    assert 5 <= done.frames <= 95
    assert any("cut" in note for note in done.notes)


def test_quality_is_the_users_choice(tmp_path: Path) -> None:
    """A larger --crf makes a smaller file, in the rate factor's and in the quantiser's scale alike."""
    for codec, suffix in (("libx264", ".mp4"), ("mpeg4", ".avi")):
        source = make(tmp_path / f"a{suffix}", Clip(codec))
        mark(source, tmp_path / f"fine{suffix}")
        mark(source, tmp_path / f"coarse{suffix}", crf=30)
        assert (tmp_path / f"coarse{suffix}").stat().st_size < 0.7 * (tmp_path / f"fine{suffix}").stat().st_size


def test_another_codec_where_the_container_needs_one(tmp_path: Path) -> None:
    """H.264 into .webm becomes VP9, and that is told."""
    done = mark(make(tmp_path / "a.mp4"), tmp_path / "b.webm")
    assert done.encoder == "libvpx-vp9"
    assert any("vp9" in note for note in done.notes)


def test_progress(tmp_path: Path) -> None:
    """Progress counts seconds up to the length of the film."""
    seen: list[tuple[float, float | None]] = []
    mark(make(tmp_path / "a.mp4"), tmp_path / "b.mp4", progress=lambda done, total: seen.append((done, total)))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == pytest.approx(0.48)
    assert [total for _, total in seen] == pytest.approx([0.48] * len(seen))


@pytest.mark.parametrize(
    ("options", "target", "line"),
    [
        ({"codec": "nonsense"}, "b.mp4", "no encoder for 'nonsense'"),
        ({"codec": "aac"}, "b.mp4", "no encoder for 'aac'"),
        ({"codec": "h264"}, "b.webm", "cannot hold h264"),
        ({"crf": 99}, "b.mp4", "--crf 99 is outside 0 to 51"),
        ({"crf": 3, "codec": "ffv1"}, "b.mkv", "ffv1 takes no --crf"),
        ({"preset": "bogus"}, "b.mp4", "no --preset bogus"),
        ({}, "b.foo", "'.foo' names no kind of video"),
        ({}, "b", "names no kind of video"),
        ({}, "b.png", "would be a picture"),
        ({}, "nowhere/b.mp4", "does not exist"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, options: dict[str, object], target: str, line: str) -> None:
    """Each mistake in what to write gets its own line, and no file."""
    assert line in refusal(make(tmp_path / "a.mp4"), tmp_path / target, **options)


def test_subtitles_that_do_not_fit(tmp_path: Path) -> None:
    """Tracks are never dropped silently: a container that cannot hold the subtitles is refused."""
    source = add_track(make(tmp_path / "plain.mkv", Clip(options=PLAIN)), tmp_path / "a.mkv", ["one"])
    assert "cannot hold the source's subtitle track" in refusal(source, tmp_path / "b.mp4")


def test_existing_output(tmp_path: Path) -> None:
    """A file that is there already stays as it is."""
    target = tmp_path / "b.mp4"
    target.write_text("precious")
    assert "exists already" in refusal(make(tmp_path / "a.mp4"), target)
    assert target.read_text() == "precious"


def test_output_is_the_input(tmp_path: Path) -> None:
    """A film is not written over itself."""
    source = make(tmp_path / "a.mp4")
    before = source.read_bytes()
    assert "exists already" in refusal(source, source)
    assert source.read_bytes() == before


def test_output_that_appears_meanwhile(tmp_path: Path) -> None:
    """A file that somebody else writes under the name while ours is being made is not replaced."""
    target = tmp_path / "b.mp4"

    def squat(_done: float, _total: float | None) -> None:
        target.write_text("precious")

    with pytest.raises(MediaError, match="exists already"):
        mark(make(tmp_path / "a.mp4"), target, progress=squat)
    assert target.read_text() == "precious"


def test_no_name_before_the_end(tmp_path: Path) -> None:
    """While the work goes on, nothing stands under the final name."""
    target = tmp_path / "b.mp4"
    seen: list[bool] = []
    mark(make(tmp_path / "a.mp4"), target, progress=lambda _done, _total: seen.append(target.exists()))
    assert not any(seen)
    assert target.exists()


@pytest.mark.parametrize("trouble", [KeyboardInterrupt, RuntimeError, SystemExit])
def test_any_trouble_leaves_nothing(tmp_path: Path, trouble: type[BaseException]) -> None:
    """Whatever stops the work in the middle, neither the file nor a part of it is left."""

    def stop(_done: float, _total: float | None) -> None:
        raise trouble

    with pytest.raises(trouble):
        mark(make(tmp_path / "a.mp4"), tmp_path / "b.mp4", progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_too_small(tmp_path: Path) -> None:
    """A video of 16x16 has no room for the mark."""
    source = make(tmp_path / "a.mp4", Clip(width=16, height=16))
    with pytest.raises(FrameError):
        mark(source, tmp_path / "b.mp4")
    assert not (tmp_path / "b.mp4").exists()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp", ".bmp", ".tiff"])
def test_pictures(tmp_path: Path, suffix: str) -> None:
    """A picture is marked into a picture of the same size that looks the same."""
    source, target = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    cv2.imwrite(str(source), scene(256, 192))
    assert mark(source, target).frames == 1
    before, after = cv2.imread(str(source)), cv2.imread(str(target))
    assert before is not None
    assert after is not None
    assert before.shape == after.shape
    assert 25 < cv2.PSNR(before, after) < 80


def test_picture_into_video(tmp_path: Path) -> None:
    """A picture does not become a video."""
    source = tmp_path / "a.png"
    cv2.imwrite(str(source), scene(256, 192))
    assert "is a picture" in refusal(source, tmp_path / "b.mp4")


def test_orientation_of_a_photograph(tmp_path: Path) -> None:
    """The Exif orientation of a JPEG file is carried over; where it cannot be, the file is refused."""
    plain = tmp_path / "plain.jpg"
    cv2.imwrite(str(plain), scene(256, 192))
    # TIFF header, one entry: tag 0x0112 (orientation), type SHORT, value 6: turn by 90 degrees.
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    data = plain.read_bytes()
    source = tmp_path / "a.jpg"
    source.write_bytes(data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2) + exif + data[2:])
    assert frames(source)[0].rotation == -90
    mark(source, tmp_path / "b.jpg")
    assert frames(tmp_path / "b.jpg")[0].rotation == -90
    assert "orientation" in refusal(source, tmp_path / "b.bmp")
