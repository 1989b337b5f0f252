"""A report as one HTML file that needs nothing beside it: pictures, style and typeface are inside."""

from __future__ import annotations

import io
from base64 import b64encode
from importlib import resources
from pathlib import Path

import jinja2
from fontTools import subset
from markupsafe import Markup

from tracemark.evidence.report.document import Document
from tracemark.evidence.report.fonts import font_files

TEMPLATE = "report.html.jinja"


def as_html(document: Document) -> str:
    """Write a report as HTML.

    Parameters
    ----------
    document : Document

    Returns
    -------
    str
    """
    source = resources.files(__package__).joinpath(TEMPLATE).read_text("utf-8")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["data"] = _data
    text = "".join(sorted(set(document.text())))
    fonts = {weight: _data(_subset(path, text), "font/woff") for weight, path in font_files().items()}
    return environment.from_string(source).render(document=document, fonts=fonts)


def _data(content: bytes, kind: str) -> Markup:
    return Markup("data:{};base64,{}").format(kind, b64encode(content).decode())


def _subset(path: Path, text: str) -> bytes:
    """Cut a typeface down to the letters of a text: a report stays at some 100 KB instead of 16 MB."""
    options = subset.Options(
        flavor="woff", layout_features=["kern", "palt", "halt"], hinting=False, notdef_outline=True
    )
    options.drop_tables += ["vhea", "vmtx", "VORG", "DSIG"]
    cutter = subset.Subsetter(options)
    cutter.populate(text=text)
    held = io.BytesIO()
    with subset.load_font(str(path), options) as font:
        cutter.subset(font)
        font.flavor = "woff"
        font.save(held)
    return held.getvalue()
