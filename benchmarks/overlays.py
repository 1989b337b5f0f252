"""What overlays cost, and how readable they are. Writes docs/overlays.md and docs/img/overlays.jpg.

    python -m benchmarks.overlays

Nothing else should run meanwhile; the times are the best of many, on one core.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import cv2
import numpy as np
from av import VideoFrame
from numpy.typing import NDArray

from benchmarks.attacks.scenery import clouds
from benchmarks.markdown import table
from benchmarks.runner import how_made
from benchmarks.workshop import RIGHT_KEY
from tracemark import Embedder, Logo, Payload, SessionCode
from tracemark.demo.logo import draw_logo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracemark.embedder import Prepared, Viewer
    from tracemark.overlay import Overlay

MODULE = "benchmarks.overlays"
PAGE, PICTURE = "overlays.md", "img/overlays.jpg"
SIZE = (1920, 1080)
REPEATS = 300
"""Measurements of a time, of which the best counts: the others waited for something else."""
VIEWERS = 20
BAR = 0.3
"""Milliseconds a viewer and frame that a logo and a code may take."""
LEAST_CONTRAST = 4.5
"""WCAG 2.2, success criterion 1.4.3."""

GROUND = (300, 640)
"""Height and width of each ground; its letters are as large as by default on 720 lines."""

Pixels = NDArray[np.uint8]


def best(work: Callable[[], object]) -> float:
    """Time a piece of work in milliseconds."""
    taken = []
    for _ in range(REPEATS):
        begin = perf_counter()
        work()
        taken.append(perf_counter() - begin)
    return 1000 * min(taken)


def frame_of(name: str) -> VideoFrame:
    """Make a frame of clouds in a pixel format."""
    pixels = clouds(SIZE[1], SIZE[0], np.random.default_rng(1))
    frame = VideoFrame.from_ndarray(pixels, "bgr24").reformat(format=name)
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    return frame


def times(logo: Path) -> list[list[str]]:
    """Time a viewer's frame with and without overlays, in several formats."""
    rows = []
    for name in ("yuv420p", "nv12", "yuv420p10le", "bgr24"):
        frame = frame_of(name)
        bare = _marking(frame, [])
        code = _marking(frame, [SessionCode()])
        both = _marking(frame, [Logo(logo), SessionCode()])
        noted = _marking(frame, [Logo(logo), SessionCode("\u9332\u753b\u7981\u6b62 \u305f\u306a\u304b\u3055\u3093")])
        shared = _sharing(frame, Logo(logo))
        extra = [f"{each - bare:.3f}" for each in (code, both, noted)]
        rows.append([name, f"{bare:.3f}", *extra, f"{shared:.3f}"])
    return rows


def _marking(frame: VideoFrame, overlays: Sequence[Overlay]) -> float:
    """Milliseconds that a viewer's frame takes."""
    embedder = Embedder(RIGHT_KEY)
    viewers = [embedder.viewer(Payload(1, number), overlays) for number in range(VIEWERS)]
    prepared = embedder.prepare(frame)

    def mark(viewer: Viewer, prepared: Prepared) -> float:
        return best(lambda: viewer.mark(prepared))

    return min(mark(viewer, prepared) for viewer in viewers[:2])


def _sharing(frame: VideoFrame, logo: Logo) -> float:
    """Milliseconds that a logo takes to be drawn into all versions of a frame, once for all viewers."""
    prepared = Embedder(RIGHT_KEY).prepare(frame)
    layer, scenery = logo.layer(RIGHT_KEY), prepared.scenery

    def draw() -> None:
        for stamp in layer.placed(scenery.canvas, scenery.time, scenery.luma):
            for index, planes in enumerate(prepared.versions):
                for plane in planes:
                    stamp.blend_plane(plane, index)

    return best(draw)


def grounds(height: int, width: int) -> dict[str, Pixels]:
    """Make pictures that text is hard to read on."""

    def flat(*colour: int) -> Pixels:
        return np.broadcast_to(np.array(colour, np.uint8), (height, width, 3)).copy()

    chance = np.random.default_rng(2)
    skin = np.clip(flat(140, 172, 224) + chance.normal(0, 4, (height, width, 1)), 0, 255).astype(np.uint8)
    noise = chance.integers(0, 256, (height, width, 3)).astype(np.uint8)
    clouded = clouds(height, width, chance)
    return {"white": flat(255, 255, 255), "black": flat(0, 0, 0), "skin": skin, "noise": noise, "clouds": clouded}


def luminance(levels: Pixels) -> NDArray[np.float64]:
    """Relative luminance of colours in blue, green, red (WCAG 2.2)."""
    share = levels.astype(np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ [0.0722, 0.7152, 0.2126], np.float64)


def contrasts(logo: Path) -> tuple[list[list[str]], Pixels]:
    """Measure the letters' contrast on every ground, and draw them all below one another."""
    code = SessionCode("\u9332\u753b\u7981\u6b62 {time}", position="left", size=1.0, margin=0.05)
    overlays: list[Overlay] = [Logo(logo, size=0.3, margin=0.02), code]
    made, rows = [], []
    black = _drawn(np.zeros((*GROUND, 3), np.uint8), overlays[1:])
    grey = _drawn(np.full((*GROUND, 3), 128, np.uint8), overlays[1:])
    plate = (grey[..., 0] != 128) & (black[..., 0] == 0)
    letters = black[..., 0] > 210
    for name, ground in grounds(*GROUND).items():
        shown = _drawn(ground, overlays)
        light, dark = (luminance(shown[each]).mean() for each in (letters, plate))
        contrast = (light + 0.05) / (dark + 0.05)
        rows.append([name, f"{contrast:.1f}{'' if contrast >= LEAST_CONTRAST else ' **missed**'}"])
        made.append(shown)
    return rows, np.vstack(made)


def _drawn(picture: Pixels, overlays: Sequence[Overlay]) -> Pixels:
    return np.asarray(Embedder(RIGHT_KEY, strength=0).viewer(Payload(88, 4711), overlays).mark(picture), np.uint8)


def render(made: dict[str, str], taken: list[list[str]], contrast: list[list[str]]) -> str:
    """Write the page."""
    facts = "\n".join(f"- {name}: {value}" for name, value in made.items())
    dearest = max(float(row[3]) for row in taken)
    kept = "kept" if dearest <= BAR else "**missed**"
    names = ["format", "mark alone", "+ code", "+ logo and code", "+ logo, code and a text", "logo, shared"]
    return f"""# Overlays: what they cost, and what they look like

Written by `{MODULE}`; do not edit.

## Time

Milliseconds on one core at {SIZE[0]}x{SIZE[1]}, the best of {REPEATS}. The first number is a viewer's frame without
overlays; the others are what overlays add to it, for each viewer and frame. The bar is {BAR} ms for a logo of 12 % of
the width and a code: {kept}. The last column is what the logo adds to preparing a frame, once for all viewers.

{table(names, taken)}

## Contrast

Luminance contrast of the letters with their plate (WCAG 2.2 asks for {LEAST_CONTRAST}).

{table(["on", "contrast"], contrast)}

![A logo and a code on white, black, skin, noise and clouds]({PICTURE})

## How it was made

{facts}
"""


def main(given: Sequence[str] | None = None) -> None:
    """Measure, draw, and write the page."""
    given = sys.argv[1:] if given is None else given
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description="What overlays cost and look like.")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page")
    arguments = parser.parse_args(given)
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory(prefix="overlays-") as folder:
        logo = draw_logo(Path(folder, "logo.png"))
        taken = times(logo)
        contrast, picture = contrasts(logo)
    (arguments.docs / "img").mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(arguments.docs / PICTURE), picture, [cv2.IMWRITE_JPEG_QUALITY, 90])
    (arguments.docs / PAGE).write_text(render(how_made(MODULE, given), taken, contrast), encoding="utf-8")


if __name__ == "__main__":
    main()
