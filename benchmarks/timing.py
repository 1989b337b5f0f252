"""Frames, sizes and groups that the timings of a live stream share."""

from __future__ import annotations

import sys
from functools import cache
from typing import TYPE_CHECKING, Any

import av

from tracemark.demo.clip import bundled_clip
from tracemark.frames import layout_of, planes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from tracemark.frames import Frame

HD, FULL_HD = (1280, 720), (1920, 1080)
PICTURES = 8
VIEWERS = 100


@cache
def pictures(size: tuple[int, int], name: str = "yuv420p") -> list[av.VideoFrame]:
    """Read frames of Big Buck Bunny, brought to a size and format."""
    width, height = size
    with av.open(str(bundled_clip())) as container:
        frames = zip(container.decode(video=0), range(PICTURES), strict=False)
        return [frame.reformat(width=width, height=height, format=name, interpolation="LANCZOS") for frame, _ in frames]


def group(what: str, size: tuple[int, int], name: str = "yuv420p") -> str:
    """Name a group of measurements."""
    return f"{what} {size[0]}x{size[1]} {name}"


def in_turn(work: Callable[[int], object]) -> Callable[[], None]:
    """Call with 0, 1, 2, ..."""
    numbers = iter(range(sys.maxsize))

    def step() -> None:
        work(next(numbers))

    return step


def of_planes(frame: Frame) -> list[NDArray[Any]]:
    """Show the planes of a frame."""
    return list(planes(frame, layout_of(frame)))
