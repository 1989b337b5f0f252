"""Kinds of notice, out of their files."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from tracemark.errors import NoticeError
from tracemark.evidence.notices.checks import CHECKS

GIVEN = frozenset({"basis", "date"})
"""Holes that are filled by the choice of a basis and by the clock, not by a fact of the case."""

Tongues = Mapping[str, str]
"""A text in every language."""


@dataclass(frozen=True)
class Field:
    """A fact that a notice may need.

    Parameters
    ----------
    name : str
        Such as ``complainant.name``: a table and a key of the case file.
    label : mapping
        By language.
    check : str
        A name in `tracemark.evidence.notices.checks.CHECKS`.
    origin : {'case', 'bundle'}
        Who knows it.
    """

    name: str
    label: Tongues
    check: str
    origin: Literal["case", "bundle"]


@dataclass(frozen=True)
class Element:
    """A part of a notice.

    Parameters
    ----------
    name : str
    seen : {'uploader', 'private'}
        Who may get to read it.
    title, text : mapping
        By language; texts have holes ``{field}``.
    needs : tuple of str
        Fields that must be given though they are not printed.
    only : tuple of str
        Bases that it is for; all if empty.
    """

    name: str
    seen: Literal["uploader", "private"]
    title: Tongues
    text: Tongues
    needs: tuple[str, ...]
    only: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """Name all fields that it needs, in order."""
        held = [hole for text in self.text.values() for hole in holes(text) if hole not in GIVEN]
        return tuple(dict.fromkeys([*held, *self.needs]))


@dataclass(frozen=True)
class Basis:
    """A legal basis, for a person to choose.

    Parameters
    ----------
    name : str
    label : mapping
        By language.
    due_hours : int or None
        Until an answer is due; the kind's own if the basis has none.
    due : mapping or None
        What is due then, by language.
    """

    name: str
    label: Tongues
    due_hours: int | None
    due: Tongues | None


@dataclass(frozen=True)
class Kind:
    """A kind of notice.

    Parameters
    ----------
    name : str
    title : mapping
        By language.
    addressee : mapping or None
        By language; None if the case file names it.
    elements : tuple of Element
    bases : tuple of Basis
    fields : mapping
        Every field that its elements name.
    limits : mapping
        Characters, or for a list entries, that a field may have.
    checked : date
        When the sources were last looked at.
    source : tuple of str
    attach, hand : mapping
        What to attach, and what a person has to check, by language.
    """

    name: str
    title: Tongues
    addressee: Tongues | None
    elements: tuple[Element, ...]
    bases: tuple[Basis, ...]
    fields: Mapping[str, Field]
    limits: Mapping[str, int]
    checked: date
    source: tuple[str, ...]
    attach: Mapping[str, list[str]]
    hand: Tongues

    def basis(self, name: str) -> Basis | None:
        """Find a basis by its name."""
        return next((basis for basis in self.bases if basis.name == name), None)

    def parts(self, basis: Basis | None) -> tuple[Element, ...]:
        """Elements of a notice on a basis; before one is chosen, those of every basis."""
        return tuple(each for each in self.elements if not each.only or (basis and basis.name in each.only))


def holes(text: str) -> list[str]:
    """Name the holes of a text, in order."""
    return [name for _, name, _, _ in string.Formatter().parse(text) if name is not None]


def kind_names() -> list[str]:
    """Name the kinds that tracemark comes with."""
    files = resources.files(__package__).joinpath("kinds").iterdir()
    return sorted(Path(file.name).stem for file in files if file.name.endswith(".toml"))


def load_kind(name: str) -> Kind:
    """Load a kind.

    Parameters
    ----------
    name : str
        One of `kind_names`, or the path of a TOML file of the same form.

    Returns
    -------
    Kind

    Raises
    ------
    NoticeError
        If there is none, or its file is not what it should be.
    """
    if name in kind_names():
        text = resources.files(__package__).joinpath("kinds", f"{name}.toml").read_text("utf-8")
    elif name.endswith(".toml"):
        text = _text(Path(name))
    else:
        raise NoticeError(
            f"there is no kind of notice called {name}",
            f"take one of {', '.join(kind_names())}, or a TOML file of your own",
        )
    try:
        return _kind(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise NoticeError(f"the kind {name} is no TOML file: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise NoticeError(
            f"the kind {name} lacks something or has it in another form: {error}",
            "see the kinds that tracemark comes with",
        ) from None


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NoticeError(
            f"cannot read {path}: {str(getattr(error, 'strerror', None) or 'not text').lower()}"
        ) from None


@cache
def shared(name: str) -> dict[str, dict[str, Any]]:
    """Read one of the files beside this one.

    Parameters
    ----------
    name : str

    Returns
    -------
    dict
    """
    return tomllib.loads(resources.files(__package__).joinpath(name).read_text("utf-8"))


def _kind(told: dict[str, Any]) -> Kind:
    parts = {**shared("elements.toml"), **told.get("element", {})}
    only = told.get("only", {})
    elements = tuple(_element(name, parts[name], tuple(only.get(name, ()))) for name in told["elements"])
    catalogue = {**shared("fields.toml"), **told.get("field", {})}
    used = [name for element in elements for name in element.fields]
    used += ["addressee.name"] if told["addressee"] == "case" else []
    due = told.get("due_hours"), told.get("due")
    if not isinstance(told["checked"], date):
        raise TypeError("checked must be a date")
    return Kind(
        name=told["kind"],
        title=_tongues(told["title"]),
        addressee=None if told["addressee"] == "case" else _tongues(told["addressee"]),
        elements=elements,
        bases=tuple(
            Basis(name, _tongues(each), each.get("due_hours", due[0]), each.get("due", due[1]))
            for name, each in told["bases"].items()
        ),
        fields={name: _field(name, catalogue[name]) for name in used},
        limits=dict(told.get("limits", {})),
        checked=told["checked"],
        source=tuple(told["source"]),
        attach=told["attach"],
        hand=_tongues(told["hand"]),
    )


def _element(name: str, told: dict[str, Any], only: tuple[str, ...]) -> Element:
    if told["seen"] not in {"uploader", "private"}:
        raise TypeError(f"{name} must be seen by the uploader or be private")
    return Element(
        name, told["seen"], _tongues(told["title"]), _tongues(told["text"]), tuple(told.get("needs", ())), only
    )


def _field(name: str, told: dict[str, Any]) -> Field:
    if told["check"] not in CHECKS:
        raise TypeError(f"no check is called {told['check']}")
    return Field(name, _tongues(told), told["check"], told.get("from", "case"))


def _tongues(told: dict[str, Any]) -> Tongues:
    return {"en": str(told["en"]), "ja": str(told["ja"])}
