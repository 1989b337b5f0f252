"""Small clips for the tests, made on the spot: seeded, textured, moving."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from numpy.typing import NDArray

PLAIN = {"bf": "0"}
"""Options of x264 for clips that are to be copied: without B-frames every packet of Matroska has a decoding time."""

MARGIN = 64
"""Pixels that the camera can pan before the scene repeats."""


@dataclass(frozen=True)
class Clip:
    """What a synthetic clip is like."""

    codec: str = "libx264"
    pixel_format: str = "yuv420p"
    width: int = 192
    height: int = 160
    rate: int = 25
    times: Sequence[int] = tuple(range(12))
    """Time stamps in steps of `base`."""
    base: Fraction | None = None
    """Time base; one frame by default."""
    rotation: int = 0
    aspect: Fraction = Fraction(1)
    tagged: bool = False
    """Whether range, primaries, transfer and matrix are stated (BT.709)."""
    sound: str | None = None
    options: dict[str, str] = field(default_factory=dict)


@cache
def scene(width: int, height: int, seed: int = 7) -> NDArray[np.uint8]:
    """Return a textured scene, larger than the picture by `MARGIN`, of shape (height, width, 3)."""
    random = np.random.default_rng(seed)
    shape = height + MARGIN, width + MARGIN
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    layers = [120 + 50 * np.sin(x / (9 + k)) * np.cos(y / (7 + k)) + random.normal(0, 12, shape) for k in range(3)]
    pixels: NDArray[np.uint8] = np.clip(np.stack(layers, axis=-1), 16, 235).astype(np.uint8)
    return pixels


def picture(clip: Clip, number: int) -> av.VideoFrame:
    """Return one frame of a clip, the camera having panned by two pixels a frame."""
    whole = scene(clip.width, clip.height)
    shift = 2 * number % MARGIN
    pixels = np.ascontiguousarray(whole[shift : shift + clip.height, shift : shift + clip.width])
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=clip.pixel_format)
    if clip.tagged:
        frame.color_range, frame.colorspace = ColorRange.MPEG, Colorspace.ITU709
        frame.color_primaries, frame.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return frame


def make(path: Path, clip: Clip | None = None, container_options: dict[str, str] | None = None) -> Path:
    """Write a clip, and return its path."""
    clip = clip or Clip()
    return write(path, clip, [picture(clip, number) for number in range(len(clip.times))], container_options)


def write(
    path: Path, clip: Clip, frames: Sequence[av.VideoFrame], container_options: dict[str, str] | None = None
) -> Path:
    """Write given frames as a clip, at its times or, if there are more of them, one after the other."""
    base = clip.base or Fraction(1, clip.rate)
    times = clip.times if len(frames) == len(clip.times) else range(len(frames))
    with av.open(str(path), "w", container_options=container_options or {}) as output:
        stream = output.add_stream(clip.codec, rate=clip.rate, options=dict(clip.options), time_base=base)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = clip.width, clip.height, clip.pixel_format
        context = stream.codec_context
        context.time_base = base
        context.sample_aspect_ratio = clip.aspect
        if clip.pixel_format.startswith("yuvj"):
            context.color_range = ColorRange.JPEG
        if clip.tagged:
            context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
            context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        if clip.rotation:
            stream.set_display_rotation(clip.rotation)
        sound = output.add_stream(clip.sound, rate=48000) if clip.sound else None
        for time, frame in zip(times, frames, strict=True):
            frame.pts, frame.time_base = time, base
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
        if isinstance(sound, av.AudioStream):
            for tone in _tones(float(times[-1] * base)):
                output.mux(sound.encode(tone))
            output.mux(sound.encode(None))
    return path


def add_track(source: Path, target: Path, texts: Sequence[str], codec: str = "subrip") -> Path:
    """Copy a file without B-frames and add a subtitle track of one packet per text, half a second apart."""
    with av.open(str(source)) as reading, av.open(str(target), "w") as output:
        copies = {each.index: output.add_stream_from_template(each, opaque=True) for each in reading.streams}
        track = output.add_mux_stream(codec, time_base=Fraction(1, 1000))
        for number, text in enumerate(texts):
            data = text.encode()
            packet = av.Packet(struct.pack(">H", len(data)) + data if codec == "mov_text" else data)
            packet.time_base = Fraction(1, 1000)
            packet.pts = packet.dts = 500 * number
            packet.duration = 400
            packet.stream = track
            output.mux(packet)
        for packet in reading.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
    return target


def packets(path: Path, kind: str) -> list[tuple[Fraction, bytes]]:
    """List the times and bytes of a file's audio or subtitle packets."""
    with av.open(str(path)) as reading:
        streams = [each for each in reading.streams if each.type == kind]
        return [
            (packet.pts * packet.time_base, bytes(packet))
            for packet in reading.demux(*streams)
            if packet.pts is not None and packet.size
        ]


def _tones(seconds: float) -> list[av.AudioFrame]:
    """Return seeded noise, 1024 samples a frame."""
    random = np.random.default_rng(3)
    frames = []
    for number in range(int(seconds * 48000 / 1024) + 1):
        samples = random.normal(0, 3000, (1, 2048)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        frame.sample_rate = 48000
        frame.pts = 1024 * number
        frames.append(frame)
    return frames
