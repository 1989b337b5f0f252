"""Frames of any kind as planes: what PyAV, OpenCV and numpy hand over, seen as luma and chroma.

Everything is a view of the caller's memory wherever the format allows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import cv2
import numpy as np
from av import VideoFrame
from numpy.lib.stride_tricks import as_strided

from tracemark.errors import FrameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.uint8] | NDArray[np.uint16]
    Frame = VideoFrame | NDArray[np.uint8]


@dataclass(frozen=True)
class Layout:
    """How a pixel format lies in memory.

    Parameters
    ----------
    kind : str
        ``"planar"`` (Y, Cb, Cr), ``"paired"`` (Y, then Cb and Cr in turn), ``"grey"`` or ``"packed"`` (RGB).
    across, down : int
        Luma samples a chroma sample, in x and y.
    bits : int
        Depth of a sample: 8, or 10 in two bytes, little-endian.
    order : str
        For packed formats ``"rgb"`` or ``"bgr"``.
    """

    kind: str
    across: int = 1
    down: int = 1
    bits: int = 8
    order: str = ""

    @property
    def levels(self) -> int:
        """Steps of this format in one 8-bit level."""
        return 1 << (self.bits - 8)


LAYOUTS = {
    "yuv420p": Layout("planar", 2, 2),
    "yuvj420p": Layout("planar", 2, 2),
    "yuv422p": Layout("planar", 2, 1),
    "yuvj422p": Layout("planar", 2, 1),
    "yuv444p": Layout("planar", 1, 1),
    "yuvj444p": Layout("planar", 1, 1),
    "yuv420p10le": Layout("planar", 2, 2, bits=10),
    "nv12": Layout("paired", 2, 2),
    "gray": Layout("grey"),
    "rgb24": Layout("packed", order="rgb"),
    "bgr24": Layout("packed", order="bgr"),
}
"""Pixel formats, by FFmpeg's names, that are marked without any conversion."""


def layout_of(frame: Frame, array_format: str = "bgr24") -> Layout:
    """Find the layout of a frame.

    Parameters
    ----------
    frame : av.VideoFrame or ndarray of uint8, shape (height, width) or (height, width, 3)
    array_format : {"bgr24", "rgb24"}
        Order of the colours of an array with three channels; OpenCV's is the default.

    Returns
    -------
    Layout

    Raises
    ------
    FrameError
        The frame is of no kind in `LAYOUTS`.
    """
    if isinstance(frame, VideoFrame):
        layout = LAYOUTS.get(frame.format.name)
        if layout is None:
            raise FrameError(
                f"frames of pixel format {frame.format.name} cannot be marked",
                f"convert them to one of {', '.join(LAYOUTS)}",
            )
        return layout
    if isinstance(frame, np.ndarray) and frame.dtype == np.uint8:
        if frame.ndim == 2:
            return LAYOUTS["gray"]
        if frame.ndim == 3 and frame.shape[2] == 3:
            return LAYOUTS[array_format]
    shape = getattr(frame, "shape", "")
    kind = f"{type(frame).__name__} {getattr(frame, 'dtype', '')} {shape}".strip()
    raise FrameError(
        f"{kind} is not a frame",
        "give an av.VideoFrame or a uint8 array of shape (height, width) or (height, width, 3)",
    )


def planes(frame: Frame, layout: Layout) -> list[Plane]:
    """Show the memory of a frame as arrays.

    Parameters
    ----------
    frame : av.VideoFrame or ndarray
    layout : Layout

    Returns
    -------
    list of ndarray
        Views, writable where the frame is: one array for grey and packed frames (the packed one of shape
        (height, width, 3)), luma and an array of shape (h, w, 2) for paired ones, three for planar ones.
    """
    if not isinstance(frame, VideoFrame):
        return [frame]
    width, height = frame.width, frame.height
    small = (-(-height // layout.down), -(-width // layout.across))
    if layout.kind == "packed":
        return [_view(frame, 0, height, width, 3, layout)]
    views = [_view(frame, 0, height, width, 1, layout)]
    if layout.kind == "planar":
        views += [_view(frame, index, *small, 1, layout) for index in (1, 2)]
    elif layout.kind == "paired":
        views.append(_view(frame, 1, *small, 2, layout))
    return views


def _view(frame: VideoFrame, index: int, height: int, width: int, channels: int, layout: Layout) -> Plane:
    plane = frame.planes[index]
    dtype = np.dtype("<u2") if layout.bits > 8 else np.dtype(np.uint8)
    row = plane.line_size // dtype.itemsize
    # PyAV's planes are buffers, which the stubs of numpy cannot tell
    memory: NDArray[Any] = np.frombuffer(cast("memoryview", plane), dtype)
    lines = memory[: row * height].reshape(height, row)[:, : width * channels]
    return lines.reshape(height, width, channels) if channels > 1 else lines


def in_rows(view: Plane) -> Plane:
    """Show a plane as rows of samples that lie in one piece each.

    Parameters
    ----------
    view : ndarray, shape (height, width) or (height, width, colours)
        Lies anyhow.

    Returns
    -------
    ndarray, shape (height, samples from one row's start to the next)
        To be read, and no further than the plane is wide: what is beyond may not even exist. A copy if rows do not
        lie in one piece.
    """
    flat = view.reshape(view.shape[0], -1)
    row, sample = flat.strides
    if sample != flat.itemsize or row < flat.nbytes // flat.shape[0] or row % sample or not flat.flags.aligned:
        return np.require(flat, requirements=["C", "A"])
    return cast("Plane", as_strided(flat, (flat.shape[0], row // sample), writeable=False))


def luma_and_chroma(views: list[Plane], layout: Layout) -> tuple[Plane, list[Plane]]:
    """Tell luma from chroma.

    Parameters
    ----------
    views : list of ndarray
        From `planes`.
    layout : Layout

    Returns
    -------
    luma : ndarray, shape (height, width)
    chroma : list of ndarray
        Cb and Cr, or nothing for a grey frame. Packed frames are converted (full range, ITU-R BT.601), all others
        are views.
    """
    if layout.kind == "packed":
        code = cv2.COLOR_RGB2YCrCb if layout.order == "rgb" else cv2.COLOR_BGR2YCrCb
        converted = np.asarray(cv2.cvtColor(views[0], code), np.uint8)
        return converted[..., 0], [converted[..., 2], converted[..., 1]]
    if layout.kind == "paired":
        return views[0], [views[1][..., 0], views[1][..., 1]]
    return views[0], list(views[1:])


def quarter_turns(frame: Frame) -> int:
    """Quarter turns, counterclockwise, from the stored picture to the displayed one.

    Parameters
    ----------
    frame : av.VideoFrame or ndarray

    Returns
    -------
    int
        0 to 3, from the frame's display matrix; an array is as it is displayed.
    """
    return round(frame.rotation / 90) % 4 if isinstance(frame, VideoFrame) else 0
