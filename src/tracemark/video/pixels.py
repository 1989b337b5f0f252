"""Pixel formats: which the embedder marks, which is nearest to another, and the way between two."""

from __future__ import annotations

from collections.abc import Sequence

import av
from av.codec import find_best_pix_fmt_of_list
from av.video.reformatter import ColorRange, Colorspace

from tracemark.frames import LAYOUTS

MARKABLE = tuple(LAYOUTS)
"""Formats that are marked, and read, as they are."""


def nearest_format(wanted: str, taken: Sequence[str]) -> tuple[str, bool]:
    """Choose the pixel format nearest to another.

    Parameters
    ----------
    wanted : str
        FFmpeg's name of the format to replace.
    taken : sequence of str
        What may be chosen; not empty.

    Returns
    -------
    name : str
        Member of `taken`.
    exact : bool
        Whether every sample survives the way there.
    """
    if wanted in taken:
        return wanted, True
    # 'yuvj' is 'yuv' with the full range in its name: the same samples, the range being kept beside them.
    twin = wanted.replace("yuvj", "yuv")
    if twin in taken:
        return twin, True
    if wanted.startswith("gray") and "yuv420p" in taken and not any(each.startswith("gray") for each in taken):
        return "yuv420p", False  # FFmpeg would choose RGB
    nearest, loss = find_best_pix_fmt_of_list(list(taken), twin, has_alpha=True)
    if nearest is None:
        return taken[0], False
    return nearest.name, not loss


def convert(frame: av.VideoFrame, name: str) -> av.VideoFrame:
    """Convert a frame to another pixel format, its times and colour metadata kept.

    Parameters
    ----------
    frame : av.VideoFrame
    name : str
        FFmpeg's name of the new format.

    Returns
    -------
    av.VideoFrame
        The frame itself if it has the format already.
    """
    if frame.format.name == name:
        return frame
    if frame.format.is_rgb and not av.VideoFormat(name).is_rgb:
        # RGB has no YUV matrix to keep. BT.601 is what JPEG fixes and what players assume where nothing is said.
        full = name.startswith("yuvj")
        target_range = ColorRange.JPEG if full else ColorRange.MPEG
        changed = frame.reformat(format=name, dst_colorspace=Colorspace.ITU601, dst_color_range=target_range)
        changed.colorspace = Colorspace.SMPTE170M
        changed.color_range = target_range
        return changed
    return frame.reformat(format=name)
