"""A remark is a kind and the numbers that belong to it; its words are in a file for each language, beside this one."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal, TypeAlias

Language = Literal["en", "ja"]
"""Languages that reports and notices are written in."""

Value: TypeAlias = "int | float | str | Remark | tuple[Remark, ...]"
"""What fills a hole: a number, a name, or other remarks, which are joined as the language joins a list."""

QUOTED = "quoted"
"""Kind of a remark that was made elsewhere, and is told as it came."""

JOIN = "and"
"""Text that joins remarks within another; no remark itself."""


@dataclass(frozen=True)
class Remark:
    """Something to be told in words, in any language.

    Parameters
    ----------
    kind : str
        Name of its text.
    values : tuple of (str, Value)
        What fills the text's holes, by name.
    """

    kind: str
    values: tuple[tuple[str, Value], ...] = ()

    def words(self, language: Language = "en") -> str:
        """Put it in words.

        Parameters
        ----------
        language : {'en', 'ja'}, optional

        Returns
        -------
        str
        """
        texts = texts_of(language)
        return texts[self.kind].format(**{name: _filled(value, language) for name, value in self.values})

    def __str__(self) -> str:
        """Put it in English."""
        return self.words()


def remark(kind: str, **values: Value) -> Remark:
    """Make a remark.

    Parameters
    ----------
    kind : str
    **values : Value

    Returns
    -------
    Remark
    """
    return Remark(kind, tuple(values.items()))


def quoted(text: str) -> Remark:
    """Take a text that came from elsewhere: it is quoted in every language."""
    return remark(QUOTED, text=text)


@cache
def texts_of(language: Language) -> dict[str, str]:
    """Read the texts of a language.

    Parameters
    ----------
    language : {'en', 'ja'}

    Returns
    -------
    dict
        By kind.
    """
    return tomllib.loads(resources.files(__package__).joinpath(f"{language}.toml").read_text("utf-8"))


def _filled(value: Value, language: Language) -> float | str:
    if isinstance(value, Remark):
        return value.words(language)
    if isinstance(value, tuple):
        return texts_of(language)[JOIN].join(each.words(language) for each in value)
    return value
