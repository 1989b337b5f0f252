"""A report as PDF, set by Typst."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict
from datetime import datetime
from importlib import resources
from pathlib import Path

import typst

from tracemark.evidence.report.document import Document, Figure
from tracemark.evidence.report.fonts import FAMILY, font_files

TEMPLATE = "report.typ"


def as_pdf(document: Document, created: datetime) -> bytes:
    """Write a report as PDF.

    Parameters
    ----------
    document : Document
    created : datetime
        Written into the file; the same document and time give the same bytes.

    Returns
    -------
    bytes
    """
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / TEMPLATE).write_bytes(resources.files(__package__).joinpath(TEMPLATE).read_bytes())
        (work / "document.json").write_text(json.dumps(_plain(document, work)), "utf-8")
        pdf = typst.compile(
            work / TEMPLATE,
            format="pdf",
            root=work,
            font_paths=[path.parent for path in font_files().values()],
            ignore_system_fonts=True,
            sys_inputs={"family": FAMILY},
            timestamp=created.replace(microsecond=0),
        )
    assert isinstance(pdf, bytes)
    return pdf


def _plain(document: Document, work: Path) -> dict[str, object]:
    """Put a document as JSON can hold it; its pictures go to files of the folder."""
    sections = []
    number = 0
    for section in document.sections:
        blocks: list[dict[str, object]] = []
        for block in section.blocks:
            if isinstance(block, Figure):
                name = f"{number}.{block.suffix}"
                (work / name).write_bytes(block.picture)
                blocks.append({"kind": block.kind, "file": name, "caption": block.caption, "share": block.share})
                number += 1
            else:
                blocks.append(asdict(block))
        sections.append({"title": section.title, "blocks": blocks})
    names = ("language", "title", "subtitle", "tone", "verdict", "headline", "summary", "footer", "page")
    return {**{name: getattr(document, name) for name in names}, "sections": sections}
