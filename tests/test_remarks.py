"""Remarks: measured once, told in the words of each language."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

import tracemark
from tracemark.remarks import Language, Remark, quoted, remark
from tracemark.remarks.remark import JOIN, texts_of

LANGUAGES: tuple[Language, ...] = ("en", "ja")

SOMEBODY = tuple(remark("somebody", session=88, member=member) for member in (4711, 4712, 4713))

ENGLISH = [
    (
        remark("suspected", keys=remark("any_key"), pilot=14.04, seen=12.0, score=8.26, needed=11.04),
        "a mark of any of these keys seems to be there (pilot 14.0 of 12), but the message scores 8.3 of 11.0 needed",
    ),
    (
        remark("unrecognised", candidates=10000, score=4.75, chance=0.03361),
        "none of 10000 known members fits well enough: the best scores 4.8, which chance reaches in 0.034 of cases",
    ),
    (
        remark("code_disagrees", seen=SOMEBODY[0], marked=SOMEBODY[1:], start=0.0, end=2.96, across=7.7, down=91.2),
        (
            "the visible code names session 88, member 4711, but the mark under it names session 88, member 4712 and "
            "session 88, member 4713 (from 0.0 to 3.0 s of the leak, at 8 % across and 91 % down): spliced, forged or "
            "pasted"
        ),
    ),
    (
        remark("no_record_at", seconds=3000.04, moment="2026-09-21T15:03:20.000Z"),
        (
            "the access records do not have this member connected 3000.0 s after the session's start "
            "(2026-09-21T15:03:20.000Z), when this was shown"
        ),
    ),
]


@pytest.mark.parametrize(("told", "words"), ENGLISH, ids=lambda each: each.kind if isinstance(each, Remark) else "")
def test_english(told: Remark, words: str) -> None:
    """Programs read these lines in JSON: they stay as they were, to the letter."""
    assert (str(told), told.words("en")) == (words, words)


@pytest.mark.parametrize("told", [each for each, _ in ENGLISH], ids=lambda each: each.kind)
def test_japanese(told: Remark) -> None:
    """A remark in Japanese is a sentence of its own without an English word, and holds the same numbers."""
    words = told.words("ja")
    assert words.endswith("。")
    assert not re.search("[a-z]{2}", words)
    numbers = [re.findall(r"\d+(?:\.\d+)?", each) for each in (words, str(told))]
    assert sorted(numbers[0]) == sorted(numbers[1])


def test_lists_are_joined() -> None:
    """Several remarks within one are joined as the language joins them; a single one stands alone."""
    held = dict(ENGLISH[2][0].values)
    one, two = (remark("code_disagrees", **held | {"marked": SOMEBODY[:count]}).words("ja") for count in (1, 2))
    assert "印は「セッション 88、会員 4711」を示す" in one
    assert "印は「セッション 88、会員 4711」と「セッション 88、会員 4712」を示す" in two


def test_quotations_stay() -> None:
    """What was worded elsewhere is quoted in every language, braces and all."""
    assert [quoted("as it {came}").words(language) for language in LANGUAGES] == ["as it {came}"] * 2


def test_languages_agree() -> None:
    """Both languages have the same texts with the same holes, rounded alike."""
    held = [{kind: _holes(text) for kind, text in texts_of(language).items()} for language in LANGUAGES]
    assert held[0] == held[1]


def test_every_remark_has_its_text() -> None:
    """Every kind that the program makes has a text whose holes it fills, and no text is left over."""
    made = {kind: values for path in Path(tracemark.__file__).parent.rglob("*.py") for kind, values in _made(path)}
    texts = texts_of("en")
    assert made.keys() | {JOIN} == texts.keys()
    for kind, values in made.items():
        assert values == {name for name, _ in _holes(texts[kind])}, kind


def _holes(text: str) -> set[tuple[str, str]]:
    return {(name, form or "") for _, name, form, _ in Formatter().parse(text) if name}


def _made(path: Path) -> list[tuple[str, set[str]]]:
    """Kinds that a module makes, and the values that it gives to each."""
    found = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "remark":
            values = {word.arg for word in node.keywords if word.arg}
            for each in ast.walk(node.args[0]):
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    found.append((each.value, values))
                elif isinstance(each, ast.Name) and each.id == "QUOTED":
                    found.append(("quoted", values))
    return found
