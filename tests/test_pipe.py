"""`tracemark pipe`: a raw stream goes through marked and otherwise untouched, and every bad end is told in one line."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from tests.scenes import KEY, PAYLOAD, RATE, WRONG_KEY, bunny, copied, film
from tracemark import Embedder, decode
from tracemark.cli import main
from tracemark.errors import FrameError, MediaError
from tracemark.frames import LAYOUTS, layout_of, planes
from tracemark.integrations.pipe import mark_stream
from tracemark.integrations.yuv4mpeg import COLOUR_SPACES, Shape

RUN = [sys.executable, "-c", "import sys; from tracemark.cli import main; sys.exit(main())", "pipe"]
HEADER = b"YUV4MPEG2 W192 H108 F30000:1001 It A12:11 C420mpeg2 XMADEBY=hand XCOLORRANGE=FULL\n"
LINE = b"FRAME Ixyz\n"


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Say who it is for, and with which key."""
    KEY.save(tmp_path / "studio.key")
    return ["--session", "88", "--member", "4711", "--key", str(tmp_path / "studio.key")]


def samples(frame: av.VideoFrame) -> bytes:
    """Return a frame's samples as a raw stream has them."""
    return b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes(frame, layout_of(frame)))


def stream(frames: list[av.VideoFrame], header: bytes = HEADER, line: bytes = LINE) -> bytes:
    """Write a yuv4mpeg stream."""
    return header + b"".join(line + samples(frame) for frame in frames)


def small(count: int = 3, pixel_format: str = "yuv420p", width: int = 192, height: int = 108) -> list[av.VideoFrame]:
    """Draw a few small frames."""
    shape = {"format": pixel_format, "width": width, "height": height}
    return [copied(each, number, **shape) for number, each in enumerate(film(count, 192, 108))]


def marked(frames: list[av.VideoFrame], rate: Fraction, aspect: float = 1.0) -> list[av.VideoFrame]:
    """Mark frames as the embedder alone does, at the times that a stream of that rate gives them."""
    viewer = Embedder(KEY, pixel_aspect=aspect).viewer(PAYLOAD)
    copies = []
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base = number, 1 / rate
        copy = viewer.mark(frame)
        assert isinstance(copy, av.VideoFrame)
        copies.append(copy)
    return copies


def through(data: bytes, raw: Shape | None = None, rate: Fraction | None = None) -> bytes:
    """Send a stream through, and return what comes out."""
    out = io.BytesIO()
    mark_stream(io.BytesIO(data), out, key=KEY, payload=PAYLOAD, raw=raw, rate=rate)
    return out.getvalue()


def test_between_two_ffmpegs(tmp_path: Path, words: list[str]) -> None:
    """`ffmpeg | tracemark pipe | ffmpeg` gives a film whose mark and code name the member; nothing is said."""
    source, target = tmp_path / "host.y4m", tmp_path / "marked.mp4"
    frames = [copied(each, number, width=640, height=360) for number, each in enumerate(bunny(75) or film(75))]
    source.write_bytes(stream(frames, b"YUV4MPEG2 W640 H360 F%d:1 C420jpeg\n" % RATE, b"FRAME\n"))
    ffmpeg = [get_ffmpeg_exe(), "-nostdin", "-loglevel", "error"]
    with (
        subprocess.Popen([*ffmpeg, "-i", source, "-f", "yuv4mpegpipe", "-"], stdout=subprocess.PIPE) as reading,
        subprocess.Popen(
            [*RUN, *words, "--code"], stdin=reading.stdout, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as marking,
        subprocess.Popen([*ffmpeg, "-i", "-", "-crf", "26", target], stdin=marking.stdout) as writing,
    ):
        assert writing.wait() == 0
        assert marking.wait() == 0
        assert marking.stderr is not None
        assert marking.stderr.read() == b""
    decoding = decode(target, keys=[KEY], effort="fast")
    assert (decoding.verdict, decoding.payload) == ("found", PAYLOAD)
    assert [each.payload for each in decoding.visible_codes] == [PAYLOAD]
    wrong = decode(target, keys=[WRONG_KEY], effort="fast")
    assert (wrong.verdict, {each.payload for each in wrong.visible_codes} - {None}) == ("absent", set())


def test_headers_go_through_untouched() -> None:
    """Interlacing, pixel aspect, comments and what a frame says of itself come out byte for byte."""
    frames = small()
    expected = stream(marked(frames, Fraction(30000, 1001), aspect=12 / 11))
    assert expected == through(stream(frames))


@pytest.mark.parametrize("space", COLOUR_SPACES)
def test_colour_spaces(space: str) -> None:
    """Every colour space is marked sample by sample as the embedder marks its format, at odd sizes too."""
    frames = small(2, COLOUR_SPACES[space], 171, 97)
    header = f"YUV4MPEG2 W171 H97 F25:1 C{space}\n".encode()
    assert stream(marked(frames, Fraction(25)), header) == through(stream(frames, header))


@pytest.mark.parametrize("pixel_format", LAYOUTS)
def test_raw_formats(pixel_format: str) -> None:
    """Rawvideo of every format that the embedder takes comes out marked, and no longer than it went in."""
    frames = small(2, pixel_format)
    shape = Shape(192, 108, pixel_format, Fraction(25))
    expected = b"".join(samples(each) for each in marked(frames, Fraction(25)))
    assert expected == through(b"".join(samples(each) for each in frames), shape)


def test_no_colour_space_means_420() -> None:
    """A header without a colour space means 4:2:0, as the format has it."""
    header = b"YUV4MPEG2 W192 H108 F25:1\n"
    assert stream(marked(small(), Fraction(25)), header) == through(stream(small(), header))


def test_rate_from_outside() -> None:
    """A stream that does not say its rate is given one."""
    header = b"YUV4MPEG2 W192 H108 F0:0 A0:0\n"
    expected = stream(marked(small(), Fraction(10)), header)
    assert expected == through(stream(small(), header), rate=Fraction(10))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (HEADER[:5], "header of the yuv4mpeg stream is cut"),
        (HEADER[:30], "header of the yuv4mpeg stream is cut"),
        (b"YUV4MPEG2 X" + b"x" * 2000 + b"\n", "cut, or has no end"),
        (b"RIFF....AVI \n", "no yuv4mpeg stream"),
        (b"YUV4MPEG2 W192 F25:1\n", "lacks or garbles"),
        (b"YUV4MPEG2 W192 Hx F25:1\n", "lacks or garbles"),
        (b"YUV4MPEG2 W192 H108 F25\n", "lacks or garbles"),
        (b"YUV4MPEG2 W192 H108 F-25:1\n", "lacks or garbles"),
        (b"YUV4MPEG2 W0 H108 F25:1\n", "no size of a frame"),
        (b"YUV4MPEG2 W99999999 H108 F25:1\n", "no size of a frame"),
        (b"YUV4MPEG2 W192 H108 F0:0\n", "give it with --rate"),
        (b"YUV4MPEG2 W192 H108 F25:1 C411\n", "'411' of the yuv4mpeg stream cannot be marked"),
        (b"YUV4MPEG2 W192 H108 F25:1 C420weird\n", "'420weird' of the yuv4mpeg stream"),
        (HEADER, "no frame"),
        (HEADER + b"FRA", "cut in frame 1; 0 frames before it"),
        (HEADER + b"NOISE\n", "damaged after 0 frames"),
    ],
)
def test_bad_streams(data: bytes, words: str) -> None:
    """What is no stream is refused in one line that says why."""
    with pytest.raises(MediaError, match=words) as caught:
        through(data)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("raw", [False, True])
def test_cut_in_the_last_frame(*, raw: bool) -> None:
    """Of a stream that is cut in a frame, everything before it comes out marked, and the cut is told."""
    shape = Shape(192, 108, "yuv420p", Fraction(30000, 1001), Fraction(12, 11)) if raw else None
    header, line = (b"", b"") if raw else (HEADER, LINE)
    data, out = stream(small(), header, line), io.BytesIO()
    with pytest.raises(MediaError, match="cut in frame 3; 2 frames before it came whole and went out"):
        mark_stream(io.BytesIO(data[:-1]), out, key=KEY, payload=PAYLOAD, raw=shape)
    assert stream(marked(small(2), Fraction(30000, 1001), 12 / 11), header, line) == out.getvalue()


def test_unmarkable_frames() -> None:
    """Frames too small for a mark, and formats that cannot be marked, are refused."""
    with pytest.raises(FrameError, match="too small"):
        through(b"YUV4MPEG2 W32 H32 F25:1\nFRAME\n" + bytes(32 * 48))
    with pytest.raises(MediaError, match="pal8"):
        Shape(192, 108, "pal8", Fraction(25))


def test_every_frame_comes_out_at_once(words: list[str]) -> None:
    """A frame is written before the next one arrives: a live stream is not held back. Its cut end gives status 2."""
    frames = [samples(frame) for frame in small(2)]
    raw = ["--size", "192x108", "--rate", "25"]
    with subprocess.Popen(
        [*RUN, *words, *raw], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as marking:
        assert marking.stdin
        assert marking.stdout
        assert marking.stderr
        for frame in frames:
            marking.stdin.write(frame)
            marking.stdin.flush()
            assert len(marking.stdout.read(len(frame))) == len(frame)
        marking.stdin.write(frames[0][:100])
        marking.stdin.close()
        said = marking.stderr.read().decode()
        assert marking.wait() == 2
    assert said == "tracemark: the stream is cut in frame 3; 2 frames before it came whole and went out\n"


def test_nobody_takes_the_stream(words: list[str]) -> None:
    """Where the next program has gone, one line says so, and the status is 2."""
    with subprocess.Popen([*RUN, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout
        assert run.stderr
        run.stdout.close()
        _, said = run.communicate(stream(small(30)))
        assert run.returncode == 2
    assert said == b"tracemark: the program that takes the marked stream has gone; see what it says\n"


def test_terminals_are_no_streams(words: list[str]) -> None:
    """On a terminal, nothing is waited for and no samples are printed; the line says how it is used."""
    controller, terminal = pty.openpty()
    run = subprocess.run([*RUN, *words], stdin=terminal, capture_output=True, check=False)
    os.close(controller)
    os.close(terminal)
    assert (run.returncode, run.stdout) == (2, b"")
    assert b"pipe a stream into it" in run.stderr


@pytest.mark.parametrize(
    "option",
    [["--size", "big"], ["--size", "192x"], ["--rate", "0"], ["--rate", "often"], ["--logo", "none.png"]],
)
def test_bad_options(words: list[str], option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A size or rate that is none, or a logo that is missing, gives one line and status 2."""
    assert main(["pipe", *words, *option]) == 2
    said = capsys.readouterr().err
    assert option[1] in said
    assert said.count("\n") == 1
