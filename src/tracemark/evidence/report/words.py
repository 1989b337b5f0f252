"""Words of a report in its language, out of a file beside this one."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import floor, log10

from tracemark.remarks import Language
from tracemark.telling.words import Phrases
from tracemark.video.plot import Labels

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Words:
    """What a report says in one language.

    Parameters
    ----------
    language : {'en', 'ja'}
    tables : dict
        Texts by their section and name.
    """

    language: Language
    tables: dict[str, dict[str, str]]

    def __call__(self, name: str, /, **values: object) -> str:
        """Return a text, named ``section.name``, its holes filled."""
        section, _, key = name.partition(".")
        return self.tables[section][key].format(**values)

    @property
    def phrases(self) -> Phrases:
        """How a picture's place is told."""
        return Phrases(**self.tables["placing"])

    @property
    def labels(self) -> Labels:
        """Words in drawings."""
        told = self.tables["pictures"]
        return Labels(told["member"], told["pilot"], told["seconds"], told["deviations"])


@cache
def words(language: Language) -> Words:
    """Read the words of a language.

    Parameters
    ----------
    language : {'en', 'ja'}

    Returns
    -------
    Words
    """
    text = resources.files(__package__).joinpath(f"{language}.toml").read_text("utf-8")
    return Words(language, tomllib.loads(text))


def probability(value: float) -> str:
    """Write a probability with a power of ten, as people do by hand.

    Parameters
    ----------
    value : float
        From 0 to 1.

    Returns
    -------
    str
        Such as ``1.7 × 10⁻¹²³``; rounded up there, since it is told as a bound; a decimal
        from 0.001 up.
    """
    if value >= 1e-3:
        return f"{value:.2g}"
    if value <= 0:
        return "0"
    power = floor(log10(value))
    digits = value / 10.0**power if power > -300 else value * 1e300 / 10.0 ** (power + 300)
    tenths = -floor(-digits * 10 + 1e-9)
    if tenths >= 100:
        tenths, power = 10, power + 1
    return f"{tenths / 10:.1f} × 10{str(power).translate(SUPERSCRIPTS)}"
