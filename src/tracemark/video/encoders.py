"""Which encoder writes which video, how well by default, and what it can be told.

The mark is made so that an eye does not see it; an encoder must then neither spoil the picture nor the mark. So every
default here is one at which the codec's own authors or long use call the picture visually transparent, and a smaller
file is the user's to ask for with ``--crf``.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Literal

import av

from tracemark.errors import MediaError
from tracemark.video.pixels import nearest_format
from tracemark.video.source import FALLBACK_RATE

QUANTISER_RATE = 400_000_000
"""Bits per second allowed where the quantiser alone is to rule; above what any picture takes."""

MPEG4_LARGEST_BASE = 65535
"""Largest denominator of a time base in MPEG-4 part 2: vop_time_increment_resolution has 16 bits."""

MPEG4_FALLBACK_BASE = Fraction(1, 30000)
"""Time base of MPEG-4 where the source's is too fine; exact for 24, 25, 29.97, 30, 50 and 60 frames/s."""


@dataclass(frozen=True)
class Encoder:
    """One of FFmpeg's video encoders and how tracemark uses it.

    Parameters
    ----------
    name : str
        FFmpeg's name of the encoder.
    scale : {'crf', 'qscale', None}
        What ``--crf`` means to it: a constant rate factor, an MPEG quantiser, or nothing.
    default : int
        Value of that scale when the user names none; visually transparent.
    highest : int
        Largest, that is worst, value of the scale; the smallest is 0, or 1 for a quantiser.
    presets : tuple of str
        Values of ``--preset`` that it takes, fastest first.
    counts : bool
        Whether it knows no time stamps, only frames one after the other (MPEG-1 and MPEG-2); the writer then puts the
        source's time stamps on the packets.
    options : mapping of str to str
        Its private options.
    """

    name: str
    scale: Literal["crf", "qscale"] | None = None
    default: int = 0
    highest: int = 0
    presets: tuple[str, ...] = ()
    counts: bool = False
    options: Mapping[str, str] = field(default_factory=dict)

    def settings(self, crf: int | None, preset: str | None) -> dict[str, str]:
        """Private options for a given quality and speed.

        Parameters
        ----------
        crf : int or None
            Quality as the user gave it; None takes the default.
        preset : str or None
            Speed as the user gave it; None leaves it to the encoder.

        Returns
        -------
        dict of str to str

        Raises
        ------
        MediaError
            If the encoder has no such setting, or the value is out of its range.
        """
        settings = dict(self.options)
        if crf is not None and self.scale is None:
            raise MediaError(f"{self.name} takes no --crf", "leave it out")
        lowest = 1 if self.scale == "qscale" else 0
        if crf is not None and not lowest <= crf <= self.highest:
            raise MediaError(f"--crf {crf} is outside {lowest} to {self.highest} of {self.name}")
        if self.scale == "crf":
            settings["crf"] = str(self.default if crf is None else crf)
        if preset is not None:
            if preset not in self.presets:
                advice = f"choose one of {', '.join(self.presets)}" if self.presets else "leave it out"
                raise MediaError(f"{self.name} has no --preset {preset}", advice)
            settings["preset"] = preset
        return settings

    def configure(self, context: av.VideoCodecContext, crf: int | None) -> None:
        """Set what has no private option: the quantiser of the MPEG family, held by closing its limits on it.

        Parameters
        ----------
        context : av.VideoCodecContext
            Of this encoder, not yet open.
        crf : int or None
            As for `settings`.
        """
        if self.scale == "qscale":
            context.qmin = context.qmax = self.default if crf is None else crf
            context.bit_rate = QUANTISER_RATE

    def time_base(self, source: Fraction, rate: Fraction) -> Fraction:
        """Time base to encode with: the source's, so that no time stamp moves, wherever the codec can count so finely.

        Parameters
        ----------
        source : Fraction
            Seconds in one step of the source's time stamps.
        rate : Fraction
            Frames per second of the source.

        Returns
        -------
        Fraction
        """
        if self.counts:
            return 1 / rate
        if self.name == "mpeg4" and source.denominator > MPEG4_LARGEST_BASE:
            return 1 / rate if (1 / rate).denominator <= MPEG4_LARGEST_BASE else MPEG4_FALLBACK_BASE
        return source

    def pixel_format(self, wanted: str) -> str:
        """Pixel format to encode with: the frames' own, or the nearest that the encoder takes.

        Parameters
        ----------
        wanted : str
            FFmpeg's name of the frames' format.

        Returns
        -------
        str
        """
        taken = [each.name for each in av.Codec(self.name, "w").video_formats or ()]
        return nearest_format(wanted, taken)[0] if taken else wanted


_X26_PRESETS = (
    *("ultrafast", "superfast", "veryfast", "faster", "fast"),
    *("medium", "slow", "slower", "veryslow", "placebo"),
)
_SVT_PRESETS = tuple(str(number) for number in range(13, -1, -1))

_ENCODERS = {
    # x264: 18 is "visually lossless or nearly so" in FFmpeg's own H.264 guide; x265 reaches the same look 2 higher.
    "h264": Encoder("libx264", "crf", 18, 51, _X26_PRESETS),
    "hevc": Encoder("libx265", "crf", 20, 51, _X26_PRESETS, options={"x265-params": "log-level=error"}),
    # Bit rate 0 makes the rate factor the only rule (VP9 guide); row threads cost no quality.
    "vp9": Encoder("libvpx-vp9", "crf", 22, 63, options={"b": "0", "row-mt": "1", "cpu-used": "3"}),
    # VP8 knows the factor only under a ceiling; 60 Mbit/s is above what a 4K picture takes at this factor.
    "vp8": Encoder("libvpx", "crf", 6, 63, options={"b": "60000000", "cpu-used": "3"}),
    "av1": Encoder("libsvtav1", "crf", 22, 63, _SVT_PRESETS),
    # Quantiser 2 is the finest in common use: 1 costs half as many bits again for nothing to be seen.
    "mpeg4": Encoder("mpeg4", "qscale", 2, 31),
    "mpeg2video": Encoder("mpeg2video", "qscale", 2, 31, counts=True),
    "mpeg1video": Encoder("mpeg1video", "qscale", 2, 31, counts=True),
    "mjpeg": Encoder("mjpeg", "qscale", 2, 31),
    # ProRes and the lossless codecs have no quality to choose. Version 3 of FFV1 has checksums.
    "prores": Encoder("prores_ks"),
    "ffv1": Encoder("ffv1", options={"level": "3", "slices": "4", "slicecrc": "1"}),
    "png": Encoder("png"),
    "webp": Encoder("libwebp", options={"quality": "95"}),
    "bmp": Encoder("bmp"),
    "tiff": Encoder("tiff"),
    "rawvideo": Encoder("rawvideo"),
    "huffyuv": Encoder("huffyuv"),
    "ffvhuff": Encoder("ffvhuff"),
    "utvideo": Encoder("utvideo"),
}


def find_encoder(name: str) -> Encoder:
    """Look up an encoder by the codec's name or its own.

    Parameters
    ----------
    name : str
        ``h264`` or ``libx264``, ``ffv1``, ...

    Returns
    -------
    Encoder

    Raises
    ------
    MediaError
        If tracemark has no such encoder, or this build of FFmpeg lacks it.
    """
    by_name = _ENCODERS | {encoder.name: encoder for encoder in _ENCODERS.values()}
    encoder = by_name.get(name.lower())
    if encoder is None or not is_available(encoder):
        names = ", ".join(codec for codec, each in _ENCODERS.items() if is_available(each))
        raise MediaError(f"there is no encoder for '{name}'", f"choose one of {names}")
    return encoder


def is_available(encoder: Encoder) -> bool:
    """Whether this build of FFmpeg has the encoder."""
    try:
        av.Codec(encoder.name, "w")
    except ValueError:
        return False
    return True


def can_hold(container_format: str, encoder: Encoder) -> bool:
    """Whether a container takes an encoder's output.

    Parameters
    ----------
    container_format : str
        FFmpeg's name of the container, such as ``mp4``.
    encoder : Encoder

    Returns
    -------
    bool
        FFmpeg's own list leaves out what a container takes without a tag of its own, so this asks by adding a stream.
    """
    with av.open(io.BytesIO(), "w", format=container_format) as trial:
        try:
            trial.add_stream(encoder.name, rate=FALLBACK_RATE)
        except ValueError:
            return False
    return True


def choose_encoder(source_codec: str, container: av.container.OutputContainer) -> tuple[Encoder, str]:
    """Choose the encoder of a file for which the user named none.

    Parameters
    ----------
    source_codec : str
        FFmpeg's name of the source's codec, such as ``h264``.
    container : av.container.OutputContainer
        The target.

    Returns
    -------
    encoder : Encoder
        The source's own codec where possible, else H.264, else what the container recommends.
    note : str
        What to tell the user; empty if the codec is kept.

    Raises
    ------
    MediaError
        If none of them can be written.
    """
    for codec in (source_codec, "h264", container.default_video_codec):
        encoder = _ENCODERS.get(codec)
        if encoder and is_available(encoder) and can_hold(container.format.name, encoder):
            note = "" if codec == source_codec else f"the video is written as {codec}: {source_codec} cannot be, here"
            return encoder, note
    raise MediaError("this kind of file cannot hold the marked video", "write to .mp4, .mov or .mkv")
