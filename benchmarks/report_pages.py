"""Show what reports look like: the HTML in real Chromium, the PDF's pages, in both languages.

    python -m benchmarks.report_pages

tells the demo's story, reports on its leak, and writes docs/img/report-*.jpg. It needs Debian's chromium and
poppler-utils.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from contextlib import nullcontext
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from tracemark.demo import tell
from tracemark.evidence import Order, SigningKey, make
from tracemark.keys import Key
from tracemark.remarks import Language

IMAGES = Path(__file__).parents[1] / "docs" / "img"
LANGUAGES: tuple[Language, ...] = ("en", "ja")

WINDOW = 940, 5000
"""Width and height of the browser's window, in pixels: the height holds a whole report."""

SHOWN = 2700
"""Lines of the browser's window that are kept: down to the pictures."""

SHARE = 0.62
"""By which the browser's picture is shrunk."""

PDF_DOTS = 58
"""Dots an inch of the PDF's pages."""

GAP = 12
"""Pixels between two pages."""

JPEG_QUALITY = 80

CHROMIUM = (
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
)


def browsed(page: Path, work: Path) -> NDArray[np.uint8]:
    """Take a picture of a page in Chromium."""
    target = work / "page.png"
    size = f"--window-size={WINDOW[0]},{WINDOW[1]}"
    words = [*CHROMIUM, size, f"--user-data-dir={work / 'profile'}", f"--screenshot={target}", page.as_uri()]
    subprocess.run(words, check=True, capture_output=True)
    picture = cv2.imread(str(target))
    assert picture is not None
    return np.asarray(picture, np.uint8)


def pages(pdf: Path, work: Path) -> NDArray[np.uint8]:
    """Put the pages of a PDF side by side."""
    words = ("pdftoppm", "-r", str(PDF_DOTS), "-png", str(pdf), str(work / "p"))
    subprocess.run(words, check=True)
    found = [cv2.imread(str(path)) for path in sorted(work.glob("p-*.png"))]
    parts: list[NDArray[np.uint8]] = []
    for each in found:
        assert each is not None
        picture = np.asarray(each, np.uint8)
        parts += [picture, np.full((picture.shape[0], GAP, 3), 150, np.uint8)]
    return np.hstack(parts[:-1])


def save(name: str, picture: NDArray[np.uint8]) -> None:
    """Write a picture to docs."""
    cv2.imwrite(str(IMAGES / name), picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    print(f"wrote docs/img/{name}: {(IMAGES / name).stat().st_size / 1000:.0f} KB")


def main() -> None:
    """Tell the story, report, and take pictures."""
    argparse.ArgumentParser(description="Show what reports look like.").parse_args()
    with tempfile.TemporaryDirectory() as folder:
        story = Path(folder) / "story"
        tell(None, story, say=print, bar=lambda _title: nullcontext())
        signer = SigningKey.generate()
        for language in LANGUAGES:
            target = Path(folder) / language
            make(
                Order(
                    leak=story / "leaked.mp4",
                    target=target,
                    keys=[Key.load(story / "demo.key")],
                    host=story / "host.mp4",
                    language=language,
                    signing_key=signer,
                    source_url="https://example.org/watch/77",
                    captured_by="H. Suzuki",
                )
            )
            work = Path(folder) / f"{language}-pictures"
            work.mkdir()
            shown = browsed(target / "report.html", work)[:SHOWN]
            small = cv2.resize(shown, None, fx=SHARE, fy=SHARE, interpolation=cv2.INTER_AREA)
            save(f"report-{language}.jpg", np.asarray(small, np.uint8))
            save(f"report-pdf-{language}.jpg", pages(target / "report.pdf", work))


if __name__ == "__main__":
    main()
