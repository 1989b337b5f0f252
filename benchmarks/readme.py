"""Fill the parts of README.md that a program has to say: the demo's story, a verdict, and the picture.

    python -m benchmarks.readme

tells the demo's story once (on CLIP, Big Buck Bunny by default) and writes what came out between the markers of
README.md, and the before/after/difference picture to docs/img/difference.jpg. Another member's code pasted over a copy
shows what a disagreement looks like. Then it makes evidence of the leak, verifies it, flips one byte of the report, and
verifies again.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from contextlib import nullcontext
from pathlib import Path

import cv2

from tracemark import Decoding, Key, Payload, SessionCode, decode
from tracemark.demo import tell
from tracemark.demo.story import MEMBERS, SESSION
from tracemark.evidence import Order, SigningKey, make, told, verify
from tracemark.telling.verdict import as_text
from tracemark.video import embed

HOUSE = Path(__file__).parents[1]
PICTURE = "docs/img/difference.jpg"
JPEG_QUALITY = 88


def filled(text: str, name: str, block: str) -> str:
    """Put a block of text between the markers of one name.

    Parameters
    ----------
    text : str
        A page in Markdown.
    name : str
        The markers are ``<!-- NAME -->`` and ``<!-- /NAME -->``, each on a line of its own.
    block : str
        Shown as it is, in a fixed-width font.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If the page has no such markers.
    """
    markers = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if not markers.search(text):
        raise ValueError(f"the page has no markers named {name}")
    return markers.sub(lambda found: f"{found[1]}\n```text\n{block.strip()}\n```\n\n{found[2]}", text)


def verified(story: Path) -> tuple[str, str]:
    """Make evidence of the story's leak, and verify it before and after one byte of the report is flipped.

    Parameters
    ----------
    story : Path
        Folder of the demo.

    Returns
    -------
    whole, flipped : str
        What `tracemark verify` says.
    """
    case = story.parent / "case"
    signer = SigningKey.generate()
    make(
        Order(
            leak=story / "leaked.mp4",
            target=case,
            keys=[Key.load(story / "demo.key")],
            host=next(story.glob("host.*")),
            signing_key=signer,
        )
    )
    whole = told(Path(case.name), verify(case, signer.public))
    content = bytearray((case / "report.html").read_bytes())
    content[len(content) // 2] ^= 1
    (case / "report.html").write_bytes(content)
    return whole, told(Path(case.name), verify(case, signer.public))


def main() -> None:
    """Tell the story and write it down."""
    parser = argparse.ArgumentParser(description="Fill README.md from the demo.")
    parser.add_argument("clip", nargs="?", type=Path, help="clip to tell the story on; Big Buck Bunny by default")
    clip = parser.parse_args().clip
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        story = Path(folder) / "tracemark-demo"
        if not tell(clip, story, say=lines.append, bar=lambda _title: nullcontext()):
            raise SystemExit("the demo did not name its leaker; README.md is left as it is")
        leak = story / "leaked.mp4"
        verdict = as_text(Path(leak.name), decode(leak, keys=[Key.load(story / "demo.key")]))
        forged = as_text(Path("pasted.mp4"), _forged(story))
        picture = cv2.imread(str(story / "difference.png"))
        whole, flipped = verified(story)
        heard = "\n".join(lines).replace(str(story), story.name)
    assert picture is not None
    cv2.imwrite(str(HOUSE / PICTURE), picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    page = HOUSE / "README.md"
    text = page.read_text()
    blocks = {"demo": heard, "decode": verdict, "disagreement": forged, "verify": whole, "flipped": flipped}
    for name, block in blocks.items():
        text = filled(text, name, block)
    page.write_text(text)
    print(f"wrote {page.name} and {PICTURE}")


def _forged(story: Path) -> Decoding:
    """Paste one member's code over another's copy, and decode it."""
    key = Key.load(story / "demo.key")
    copy = next(story.glob(f"marked-{MEMBERS[1]}.*"))
    pasted = story / "pasted.mp4"
    code = SessionCode(position="top left")
    embed(copy, pasted, key=key, payload=Payload(SESSION, MEMBERS[0]), strength=0, overlays=[code], preset="veryfast")
    return decode(pasted, keys=[key])


if __name__ == "__main__":
    main()
