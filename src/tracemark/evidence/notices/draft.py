"""Write a notice, or say what it lacks."""

from __future__ import annotations

import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tracemark.evidence.notices.case import Case
from tracemark.evidence.notices.checks import CHECKS, JST
from tracemark.evidence.notices.kinds import Basis, Element, Field, Kind, shared
from tracemark.remarks import Language


@dataclass(frozen=True)
class Draft:
    """What came of drafting.

    Parameters
    ----------
    text : str or None
        The notice; None if anything is missing.
    missing : tuple of str
        What is missing or not as it must be, one line each.
    basis : Basis or None
        The one that was chosen.
    """

    text: str | None
    missing: tuple[str, ...]
    basis: Basis | None


def draft(kind: Kind, case: Case, basis_name: str | None, language: Language, time: datetime) -> Draft:
    """Draft a notice. Nothing is invented: what is not known is listed.

    Parameters
    ----------
    kind : Kind
    case : Case
    basis_name : str or None
        The legal basis, which only a person can choose.
    language : {'en', 'ja'}
    time : datetime
        Of drafting.

    Returns
    -------
    Draft
    """
    basis = kind.basis(basis_name) if basis_name else None
    missing = []
    if basis is None:
        names = ", ".join(f"{each.name} ({each.label[language]})" for each in kind.bases)
        why = f"this kind has no basis {basis_name}" if basis_name else "legal basis, which only you can choose"
        missing.append(f"--basis: {why}; one of {names}")
    elements = kind.parts(basis)
    told: dict[str, str] = {}
    for field in wanted(kind, elements):
        value, fault = _value(field, case, kind, language)
        if fault:
            missing.append(fault)
        else:
            told[field.name] = value
    if missing or basis is None:
        return Draft(None, tuple(missing), basis)
    told |= {"basis": basis.label[language], "date": f"{time.astimezone(JST):%Y-%m-%d}"}
    return Draft(_written(kind, elements, basis, told, language), (), basis)


def wanted(kind: Kind, elements: Iterable[Element]) -> list[Field]:
    """List the fields that some elements need, each once."""
    names = [] if kind.addressee else ["addressee.name"]
    names += [name for element in elements for name in element.fields]
    return [kind.fields[name] for name in dict.fromkeys(names)]


def _value(field: Field, case: Case, kind: Kind, language: Language) -> tuple[str, str]:
    """Write a fact as the notice has it, or say what is wrong with it."""
    line = f"{field.name}: {field.label[language]}"
    if field.name not in case.facts:
        return "", line
    given = case.facts[field.name]
    try:
        value = CHECKS[field.check](given)
    except ValueError as error:
        return "", f"{line} - {error}"
    limit = kind.limits.get(field.name)
    size = len(given) if isinstance(given, list) else len(value)
    if limit is not None and size > limit:
        return "", f"{line} - has {size}, more than the {limit} that are taken"
    return (shared("words.toml")[language][value] if field.check == "choice" else value), ""


def _written(kind: Kind, elements: Iterable[Element], basis: Basis, told: dict[str, str], language: Language) -> str:
    say = shared("words.toml")[language]
    addressee = kind.addressee[language] if kind.addressee else told["addressee.name"]
    lines = [f"# {kind.title[language]}", "", f"{say['to']}: {addressee}", f"{say['date']}: {told['date']}", ""]
    for seen in ("uploader", "private"):
        parts = [each for each in elements if each.seen == seen]
        if parts:
            lines += [f"## {say[seen]}", ""]
        for number, element in enumerate(parts, 1):
            lines += [f"### {number}. {element.title[language]}", "", filled(element.text[language], told), ""]
    lines += ["---", "", f"## {say['apart']}", "", say["draft"], ""]
    if basis.due:
        lines += [f"- {say['due']}: {basis.due[language]}"]
    lines += [f"- {say['attach']}: {each}" for each in kind.attach[language]]
    lines += [f"- {say['hand']}: {kind.hand[language]}"]
    lines += [f"- {say['source']}: {each}" for each in kind.source]
    lines += [f"- {kind.name}: {say['checked']} {kind.checked:%Y-%m-%d}"]
    return "\n".join(lines) + "\n"


def filled(text: str, told: dict[str, str]) -> str:
    """Fill a text's holes; what fills one is never looked into for holes of its own.

    Parameters
    ----------
    text : str
    told : dict

    Returns
    -------
    str
    """
    parts = []
    for before, name, _, _ in string.Formatter().parse(text.strip("\n")):
        parts += [before, told[name] if name is not None else ""]
    return "".join(parts)
