"""Pictures to look at a mark with: beside its host, enlarged where it is smooth, at slot changes, and over time.

    python -m benchmarks.contact_sheet host.mp4 marked.mkv --at 2.0 --out build/look

writes four pictures:

look.png
    Host, marked and difference, whole at 1x and a smooth region at 3x.
slots.png
    The difference of consecutive frames around the slot change nearest to the time.
flicker.png
    How much the difference changes from each of these frames to the next, and by how many levels.
slices.png
    One row of the smooth region over time: flicker shows as horizontal lines that the host does not have.
"""

from __future__ import annotations

import argparse
import itertools
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality import BLOCK, ClipsDifferError, common_size, planes, read, rgb, smooth_blocks
from tracemark.profile import PROFILE

if TYPE_CHECKING:
    from collections.abc import Sequence

    import av

GAIN = 20
"""How many times differences are amplified, around mid-gray."""
ZOOM = 3
"""How many times the smooth region is enlarged, without smoothing."""
AROUND = 4
"""Frames shown on each side of a slot change."""
SLICE_SECONDS = 2.0
"""How much time the slices span."""
SLICE_ROWS = 6
"""Rows of the picture that one frame takes in a slice, in pixels."""
SKIN_AND_WALLS = (50, 225)
"""Luma between which smooth regions are worth a look: grain hides in black and in blown-out white."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class Pair:
    """A host frame and its marked frame.

    Parameters
    ----------
    time : float
        Presentation time in seconds.
    host, marked : ndarray of uint8, shape (height, width, 3)
        In RGB.
    smooth : ndarray of bool, shape (height // 8, width // 8)
        Which blocks of the host are smooth and neither black nor white.
    """

    time: float
    host: Picture
    marked: Picture
    smooth: NDArray[np.bool_]

    @property
    def difference(self) -> NDArray[np.int16]:
        """Marked minus host, in levels of R, G and B."""
        return np.subtract(self.marked, self.host, dtype=np.int16)


def pairs(host: str | Path, marked: str | Path, begin: float, end: float) -> list[Pair]:
    """Read the frames of both clips between two times in seconds.

    Raises
    ------
    ClipsDifferError
        If the clips do not belong together, or have no frames in that time.
    """
    found = []
    for ours, theirs in zip(read(host), read(marked), strict=False):
        common_size(ours, theirs)
        if ours.time > end:
            break
        if ours.time >= begin:
            found.append(Pair(ours.time, rgb(ours), rgb(theirs), _worth_a_look(ours)))
    if not found:
        raise ClipsDifferError(f"there are no frames between {begin:g} s and {end:g} s")
    return found


def smooth_region(pair: Pair) -> tuple[int, int, int, int]:
    """Find the window, a third as wide and high as the picture, that has the most smooth blocks.

    Returns
    -------
    tuple of int
        Top, left, height and width in pixels.
    """
    height, width = (size // ZOOM for size in pair.host.shape[:2])
    rows, columns = max(height // BLOCK, 1), max(width // BLOCK, 1)
    share = pair.smooth.astype(np.float32)
    total = cv2.boxFilter(share, -1, (columns, rows), anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    # Windows that stick out lose blocks to the border, so the best one lies inside as far as that matters.
    top, left = (int(place) * BLOCK for place in np.unravel_index(int(np.argmax(total)), total.shape))
    return min(top, pair.host.shape[0] - height), min(left, pair.host.shape[1] - width), height, width


def look(pair: Pair) -> Picture:
    """Draw host, marked and difference, whole and enlarged."""
    top, left, height, width = smooth_region(pair)
    window = np.s_[top : top + height, left : left + width]
    three = (pair.host, pair.marked, amplified(pair.difference))
    names = (f"host, {pair.time:.2f} s", "marked", f"difference x{GAIN}")
    named = list(zip(three, names, strict=True))
    whole = [labelled(picture, name) for picture, name in named]
    enlarged = [labelled(_enlarged(picture[window]), f"{name}, {ZOOM}x") for picture, name in named]
    return sheet([*whole, *enlarged], columns=3)


def slot_change(time: float) -> float:
    """Presentation time in seconds of the slot change nearest to a time, never the clip's own beginning."""
    slot = PROFILE.slot_seconds
    return max(round(time / slot), 1) * slot


def around(shown: Sequence[Pair], change: float) -> list[Pair]:
    """Pick the frames next to a slot change, and one more in front of them to measure the first change from."""
    first = next((number for number, pair in enumerate(shown) if pair.time >= change), len(shown))
    return list(shown[max(first - AROUND - 1, 0) : first + AROUND])


def slots(shown: Sequence[Pair], change: float) -> Picture:
    """Draw the difference of consecutive frames around a slot change."""
    panels = []
    for pair in around(shown, change)[1:]:
        text = f"{_side(pair, change)}, rms {_smooth_rms(pair.difference, pair):.2f}"
        panels.append(labelled(_half(amplified(pair.difference)), text))
    return sheet(panels, columns=AROUND)


def flicker(shown: Sequence[Pair], change: float) -> Picture:
    """Draw how the difference changes from frame to frame around a slot change."""
    near = around(shown, change)
    panels = []
    for before, after in itertools.pairwise(near):
        moved = after.difference - before.difference
        text = f"{_side(after, change)}, changed by rms {_smooth_rms(moved, after):.2f}"
        panels.append(labelled(_half(amplified(moved)), text))
    return sheet(panels, columns=AROUND)


def slices(shown: Sequence[Pair]) -> Picture:
    """Draw one row of the smooth region over time, in host, marked and difference."""
    top, _, height, _ = smooth_region(shown[len(shown) // 2])
    row = top + height // 2
    rows = [(pair.host[row], pair.marked[row], amplified(pair.difference[row : row + 1])[0]) for pair in shown]
    names = (f"host, row {row} from {shown[0].time:.2f} s", "marked", f"difference x{GAIN}")
    return sheet(
        [
            labelled(np.repeat(np.stack(kind), SLICE_ROWS, axis=0), name)
            for kind, name in zip(zip(*rows, strict=True), names, strict=True)
        ],
        columns=3,
    )


def amplified(difference: NDArray[np.int16]) -> Picture:
    """Draw a difference around mid-gray."""
    return np.clip(128 + GAIN * difference.astype(np.int32), 0, 255).astype(np.uint8)


def labelled(picture: Picture, text: str) -> Picture:
    """Put a line of text above a picture."""
    band = np.full((24, picture.shape[1], 3), 255, np.uint8)
    cv2.putText(band, text, (6, 17), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return np.vstack([band, picture])


def sheet(panels: Sequence[Picture], columns: int) -> Picture:
    """Lay panels out in rows, with white between them and where there are too few."""
    height = max(panel.shape[0] for panel in panels)
    width = max(panel.shape[1] for panel in panels)
    rows = -(-len(panels) // columns)
    page = np.full((rows * (height + 4), columns * (width + 4), 3), 255, np.uint8)
    for number, panel in enumerate(panels):
        top, left = (number // columns) * (height + 4), (number % columns) * (width + 4)
        page[top : top + panel.shape[0], left : left + panel.shape[1]] = panel
    return page


def write(host: str | Path, marked: str | Path, at: float, out: str | Path, width: int = 0) -> list[Path]:
    """Write the four pictures of a clip at a time in seconds; return their paths.

    They are PNG, to the pixel, or with a width JPEG no wider than that.
    """
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    change = slot_change(at)
    shown = pairs(host, marked, change - SLICE_SECONDS / 2, change + SLICE_SECONDS / 2)
    nearest = min(shown, key=lambda pair: abs(pair.time - at))
    drawn = {
        "look.png": look(nearest),
        "slots.png": slots(shown, change),
        "flicker.png": flicker(shown, change),
        "slices.png": slices(shown),
    }
    paths = []
    for name, picture in drawn.items():
        shrunk = picture
        if width and picture.shape[1] > width:
            height = round(picture.shape[0] * width / picture.shape[1])
            shrunk = np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        paths.append((folder / name).with_suffix(".jpg" if width else ".png"))
        cv2.imwrite(str(paths[-1]), cv2.cvtColor(shrunk, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return paths


def _worth_a_look(frame: av.VideoFrame) -> NDArray[np.bool_]:
    luma = planes(frame)[0]
    smooth = smooth_blocks(luma)
    size = (smooth.shape[1] * BLOCK, smooth.shape[0] * BLOCK)
    level = cv2.resize(luma[: size[1], : size[0]], smooth.shape[::-1], interpolation=cv2.INTER_AREA)
    return smooth & (level > SKIN_AND_WALLS[0]) & (level < SKIN_AND_WALLS[1])


def _smooth_rms(difference: NDArray[np.int16], pair: Pair) -> float:
    blocks = np.repeat(np.repeat(pair.smooth, BLOCK, axis=0), BLOCK, axis=1)
    levels = difference[: blocks.shape[0], : blocks.shape[1]][blocks]
    return float(np.sqrt(np.mean(np.square(levels, dtype=np.float64)))) if levels.size else float("nan")


def _side(pair: Pair, change: float) -> str:
    return f"{pair.time:.2f} s ({'after' if pair.time >= change else 'before'})"


def _half(picture: Picture) -> Picture:
    return np.asarray(cv2.resize(picture, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), np.uint8)


def _enlarged(picture: Picture) -> Picture:
    return np.asarray(cv2.resize(picture, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_NEAREST), np.uint8)


def main() -> None:
    """Read the command line and write the pictures."""
    parser = argparse.ArgumentParser(description="Pictures to look at a mark with.")
    parser.add_argument("host", type=Path)
    parser.add_argument("marked", type=Path)
    parser.add_argument("--at", type=float, default=2.0, help="time in seconds (default 2)")
    parser.add_argument("--out", type=Path, default=Path("build/look"), help="folder (default build/look)")
    parser.add_argument("--width", type=int, default=0, help="write JPEG no wider than this, for a page")
    arguments = parser.parse_args()
    for path in write(arguments.host, arguments.marked, arguments.at, arguments.out, arguments.width):
        print(path)


if __name__ == "__main__":
    main()
