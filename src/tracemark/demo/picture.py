"""One picture that shows what cannot be seen: the host, the marked frame, and the difference, amplified."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from tracemark.embedder import Embedder
from tracemark.errors import MediaError
from tracemark.keys import Key
from tracemark.payload import Payload
from tracemark.video import Source
from tracemark.video.pixels import MARKABLE, convert, nearest_format

AMPLIFIED = 20
"""Factor by which the difference is shown."""

_PANEL = 640
_MARGIN = 24
_CAPTION = 44
_PAPER = 250
_INK = (40, 40, 40)
_GRAY = 128


def compare(host: Path, picture: Path, key: Key, payload: Payload) -> None:
    """Draw a frame from the middle of a clip before and after marking, and the difference.

    Parameters
    ----------
    host : Path
        The unmarked clip.
    picture : Path
        A .png file to write.
    key : Key
    payload : Payload
        The viewer whose mark is shown.
    """
    frame, rate, aspect = _middle_frame(host)
    viewer = Embedder(key, frame_rate=rate, pixel_aspect=aspect).viewer(payload)
    before = _upright(frame, frame.rotation)
    marked = viewer.mark(frame)
    assert isinstance(marked, av.VideoFrame)  # of the kind that went in; tells mypy
    after = _upright(marked, frame.rotation)
    change = after.astype(np.int16) - before.astype(np.int16)
    difference = np.clip(_GRAY + AMPLIFIED * change, 0, 255).astype(np.uint8)
    sheet = np.hstack(
        [
            _panel(before, "before"),
            _panel(after, f"after: session {payload.session}, member {payload.member}"),
            _panel(difference, f"difference x{AMPLIFIED} around gray"),
            np.full((_panel_height(before), _MARGIN, 3), _PAPER, np.uint8),
        ]
    )
    # Encoded here and written by Python: OpenCV's own writer is silent about a full disk.
    encoded, data = cv2.imencode(".png", sheet)
    if not encoded:
        raise MediaError(f"{picture.name} could not be made")
    picture.write_bytes(data.tobytes())


def _middle_frame(host: Path) -> tuple[av.VideoFrame, float, float]:
    """Return a clip's middle frame, its frame rate and its pixel aspect."""
    with Source(host) as source:
        middle = (source.duration or 0.0) / 2
        frames = source.frames()
        frame = next(frames)
        while source.position < middle:
            frame = next(frames)
        frame = convert(frame, nearest_format(frame.format.name, MARKABLE)[0])
        return frame, float(source.rate), float(source.pixel_aspect)


def _upright(frame: av.VideoFrame, rotation: int) -> NDArray[np.uint8]:
    """Return a frame's pixels as shown on a display, blue first."""
    pixels = frame.to_ndarray(format="bgr24").astype(np.uint8, copy=False)
    return np.ascontiguousarray(np.rot90(pixels, rotation // 90))


def _panel_height(image: NDArray[np.uint8]) -> int:
    """Height of a panel in pixels."""
    return int(image.shape[0] * _PANEL / image.shape[1]) + _CAPTION + _MARGIN


def _panel(image: NDArray[np.uint8], caption: str) -> NDArray[np.uint8]:
    """Lay an image on paper with its caption above."""
    panel = np.full((_panel_height(image), _PANEL + _MARGIN, 3), _PAPER, np.uint8)
    height = panel.shape[0] - _CAPTION - _MARGIN
    panel[_CAPTION:-_MARGIN, _MARGIN:] = cv2.resize(image, (_PANEL, height), interpolation=cv2.INTER_AREA)
    cv2.putText(panel, caption, (_MARGIN, _CAPTION - 14), cv2.FONT_HERSHEY_DUPLEX, 0.62, _INK, 1, cv2.LINE_AA)
    return panel
