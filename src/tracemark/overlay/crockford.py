"""A session code as people read, type and mistype it: symbols, groups and the check symbol.

The alphabet is Crockford's base 32, which has no I, L, O and U. His own check, modulo 37, needs five symbols more
(``*~$=U``) that no keypad and no glyph search wants; a sum over GF(32) catches the same errors within the alphabet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracemark.errors import CodeError

if TYPE_CHECKING:
    from collections.abc import Sequence

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's symbols, by value.

References
----------
Crockford, 2002, "Base32", crockford.com/base32.html.
"""

SYMBOLS = 16
"""Symbols of a code, the check symbol being the last."""

GROUP = 4
"""Symbols between two hyphens."""

HYPHEN = "-"

_TOLERATED = {"O": "0", "I": "1", "L": "1"}
_SKIPPED = " -\u2010\u2011\u2012\u2013\u2014\u2212\t"  # what mail programs make of a hyphen, too
_FIELD = 0b100101  # x^5 + x^2 + 1, primitive over GF(2)


def _times_alpha(value: int) -> int:
    value <<= 1
    return value ^ _FIELD if value & 32 else value


def check_sum(values: Sequence[int]) -> int:
    """Weigh symbols by falling powers of a primitive element of GF(32), the last by 1, and add them.

    All weights differ and none is zero, so a single wrong symbol changes the sum, and so does exchanging any two
    symbols that differ.

    Parameters
    ----------
    values : sequence of int
        Each 0 to 31, at most 31 of them.

    Returns
    -------
    int
        0 to 31; 0 for a whole code without error.

    References
    ----------
    Verhoeff, 1969, "Error detecting decimal codes", Mathematical Centre Tracts 29 (weights in a field).
    """
    total = 0
    for value in values:  # Horner's scheme
        total = _times_alpha(total) ^ value
    return total


def with_check(values: Sequence[int]) -> tuple[int, ...]:
    """Append the check symbol to the other symbols of a code.

    Parameters
    ----------
    values : sequence of int
        Each 0 to 31.

    Returns
    -------
    tuple of int
        One more, whose `check_sum` is 0.
    """
    return (*values, check_sum((*values, 0)))


def written(values: Sequence[int]) -> str:
    """Write a code in groups, such as ``7H4K-0ZQ9-M2CD-W8TX``.

    Parameters
    ----------
    values : sequence of int
        Each 0 to 31.

    Returns
    -------
    str
    """
    symbols = "".join(ALPHABET[value] for value in values)
    return HYPHEN.join(symbols[start : start + GROUP] for start in range(0, len(symbols), GROUP))


def read(text: str) -> tuple[int, ...]:
    """Understand a code that somebody typed.

    Small letters are capitals, O is 0, I and L are 1; hyphens and spaces may be anywhere.

    Parameters
    ----------
    text : str

    Returns
    -------
    tuple of int
        `SYMBOLS` values, 0 to 31.

    Raises
    ------
    CodeError
        If a character is none of the alphabet, the length is wrong, or the check symbol tells of a mistake.
    """
    values = []
    for character in text.upper():
        if character in _SKIPPED:
            continue
        symbol = _TOLERATED.get(character, character)
        if symbol not in ALPHABET:
            raise CodeError(f"{character!r} is in no session code", "codes are made of digits and letters without U")
        values.append(ALPHABET.index(symbol))
    if len(values) != SYMBOLS:
        raise CodeError(f"the code has {len(values)} symbols instead of {SYMBOLS}", "check that none is left out")
    if check_sum(values):
        raise CodeError("the code has a typing error: its check symbol does not fit", "compare it symbol by symbol")
    return tuple(values)
