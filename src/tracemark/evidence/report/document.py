"""What a report is made of, whatever it is written as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tracemark.remarks import Language


@dataclass(frozen=True)
class Paragraph:
    """Running text; `strong` where it matters most."""

    text: str
    strong: bool = False
    kind: Literal["paragraph"] = "paragraph"


@dataclass(frozen=True)
class Heading:
    """A heading inside a section."""

    text: str
    kind: Literal["heading"] = "heading"


@dataclass(frozen=True)
class Points:
    """A list."""

    items: tuple[str, ...]
    kind: Literal["points"] = "points"


@dataclass(frozen=True)
class Facts:
    """Names and values; those in `exact` (by their name) are shown letter by letter, as a hash is."""

    rows: tuple[tuple[str, str], ...]
    exact: tuple[str, ...] = ()
    kind: Literal["facts"] = "facts"


@dataclass(frozen=True)
class Table:
    """Rows under a header."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    kind: Literal["table"] = "table"


@dataclass(frozen=True)
class Code:
    """What is typed into a terminal."""

    text: str
    kind: Literal["code"] = "code"


@dataclass(frozen=True)
class Figure:
    """A picture.

    Parameters
    ----------
    picture : bytes
    suffix : str
        Its kind: ``png`` or ``jpg``.
    caption : str
    share : float
        Of the text's width.
    """

    picture: bytes
    suffix: Literal["png", "jpg"]
    caption: str
    share: float = 1.0
    kind: Literal["figure"] = "figure"


Block = Paragraph | Heading | Points | Facts | Table | Code | Figure


@dataclass(frozen=True)
class Section:
    """A part with a title."""

    title: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Document:
    """A whole report.

    Parameters
    ----------
    language : {'en', 'ja'}
    title, subtitle : str
    tone : {'found', 'inconclusive', 'absent'}
        Colours the verdict.
    verdict, headline, summary : str
        The verdict in a word, in a sentence, and how sure it is.
    sections : tuple of Section
    footer, page : str
        What stands at the foot, and the word for a page.
    """

    language: Language
    title: str
    subtitle: str
    tone: Literal["found", "inconclusive", "absent"]
    verdict: str
    headline: str
    summary: str
    sections: tuple[Section, ...]
    footer: str
    page: str

    def text(self) -> str:
        """Everything that is written in it: what a font must have."""
        parts = [self.title, self.subtitle, self.verdict, self.headline, self.summary, self.footer, self.page]
        for section in self.sections:
            parts.append(section.title)
            for block in section.blocks:
                match block:
                    case Paragraph(text) | Heading(text) | Code(text):
                        parts.append(text)
                    case Points(items):
                        parts.extend(items)
                    case Facts(rows):
                        parts.extend(cell for row in rows for cell in row)
                    case Table(header, rows):
                        parts.extend([*header, *(cell for row in rows for cell in row)])
                    case Figure():
                        parts.append(block.caption)
        return "\n".join(parts)
