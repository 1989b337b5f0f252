"""The session code: every slip of a typist is noticed, nobody makes one without the key, and it stays what it is."""

from __future__ import annotations

from itertools import pairwise, product
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.scenes import KEY, PAYLOAD, WRONG_KEY
from tracemark.cli import main
from tracemark.errors import CodeError
from tracemark.overlay.crockford import ALPHABET, SYMBOLS, check_sum, read, with_check, written
from tracemark.overlay.session import code_of, payload_of
from tracemark.payload import Payload

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = st.integers(0, 2**32 - 1)
PAYLOADS = st.builds(Payload, NUMBERS, NUMBERS)
FROZEN = {
    Payload(0, 0): "DB5H-XDFE-4BZ3-5QAM",
    Payload(88, 4711): "XNWD-7C7Q-9H6R-1MHR",
    Payload(2**32 - 1, 2**32 - 1): "9ETQ-G15Y-MMNB-PCPD",
}
"""Codes of the key of these tests, written down when the format was made."""


@pytest.mark.parametrize(("payload", "code"), FROZEN.items())
def test_codes_stay_what_they_are(payload: Payload, code: str) -> None:
    """A code that was on a screen once can be read for ever."""
    assert written(code_of(payload, KEY)) == code


@given(PAYLOADS)
def test_there_and_back(payload: Payload) -> None:
    """Whoever has the key gets session and member out of a code as it is written."""
    assert payload_of(read(written(code_of(payload, KEY))), KEY) == payload


def test_a_wrong_key_reads_nothing() -> None:
    """Of codes that another key made, no more pass than chance lets through: one in 2048."""
    codes = [code_of(Payload(7, member), WRONG_KEY) for member in range(500)]
    assert sum(payload_of(code, KEY) is not None for code in codes) <= 4
    assert all(payload_of(code, WRONG_KEY) is not None for code in codes)


def test_a_code_says_nothing_of_the_mark() -> None:
    """The code's permutation is another than the mark's: about half the bits of both agree."""
    same = []
    for member in range(64):
        payload = Payload(88, member)
        code = np.array(code_of(payload, KEY)[:12], np.uint8)
        bits = np.unpackbits(code[:, None], axis=1)[:, 3:].ravel()
        same.append(float(np.mean(bits == payload.scramble(KEY)[:60])))
    assert 0.45 < np.mean(same) < 0.55


def test_every_single_error_is_caught() -> None:
    """At every place, every other symbol than the right one breaks the sum: all 16 x 31 differences, exhaustively."""
    for place, difference in product(range(SYMBOLS), range(1, 32)):
        error = [0] * SYMBOLS
        error[place] = difference
        assert check_sum(error) != 0


def test_every_transposition_is_caught() -> None:
    """Exchanging any two different symbols, neighbours or not, breaks the sum: all pairs of places and symbols."""
    for first, second in product(range(SYMBOLS), repeat=2):
        if first < second:
            for one, other in product(range(32), repeat=2):
                if one != other:
                    error = [0] * SYMBOLS
                    error[first] = error[second] = one ^ other  # what exchanging them changes
                    assert check_sum(error) != 0


@given(st.lists(st.integers(0, 31), min_size=SYMBOLS - 1, max_size=SYMBOLS - 1), st.lists(st.integers(0, 31)))
def test_the_sum_is_linear(values: list[int], others: list[int]) -> None:
    """The sum of a difference is the difference of sums, which makes the two proofs above proofs for all codes."""
    others = (others + [0] * SYMBOLS)[:SYMBOLS]
    code = with_check(values)
    assert check_sum(code) == 0
    assert check_sum([a ^ b for a, b in zip(code, others, strict=True)]) == check_sum(others)


def test_slips_of_a_typist() -> None:
    """On a real code, every wrong symbol and every exchange of neighbours is refused with a line that says so."""
    code = written(code_of(PAYLOAD, KEY)).replace("-", "")
    for place, symbol in product(range(SYMBOLS), ALPHABET):
        if symbol != code[place]:
            with pytest.raises(CodeError, match="typing error"):
                read(code[:place] + symbol + code[place + 1 :])
    for place, (one, other) in enumerate(pairwise(code)):
        if one != other:
            with pytest.raises(CodeError, match="typing error"):
                read(code[:place] + other + one + code[place + 2 :])


def test_what_is_tolerated() -> None:
    """Small letters, O for 0, I and L for 1, and hyphens and spaces anywhere are understood."""
    values = with_check([0, 1, 1, 0, *range(10, 21)])
    right = written(values)
    for typed in (
        right.lower(),
        right.replace("0", "O").replace("1", "I"),
        right.replace("0", "o").replace("1", "l"),
        right.replace("-", " "),
        right.replace("-", ""),
        " ".join(right),
        right.replace("-", "\u2013"),
    ):
        assert read(typed) == values


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "0 symbols instead of 16"),
        ("ABCD-EFGH", "8 symbols instead of 16"),
        ("U" * 16, "'U' is in no session code"),
        ("7H4K-0ZQ9-M2CD-W8T\n?", "is in no session code"),
        ("七" * 16, "'七' is in no session code"),
    ],
)
def test_what_is_no_code(typed: str, said: str) -> None:
    """What cannot be a code is refused in one line."""
    with pytest.raises(CodeError, match=said) as caught:
        read(typed)
    assert "\n" not in str(caught.value)


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a key file, and see that no key comes from the environment."""
    monkeypatch.delenv("TRACEMARK_KEY", raising=False)
    path = tmp_path / "studio.key"
    KEY.save(path)
    return path


def test_command_names_session_and_member(key: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`tracemark code` names session and member of a code as people type it, with the key that fits."""
    other = tmp_path / "other.key"
    WRONG_KEY.save(other)
    typed = written(code_of(PAYLOAD, KEY)).lower().replace("-", " ").replace("0", "o")
    assert main(["code", typed, "--key", str(other), "--key", str(key)]) == 0
    said = capsys.readouterr()
    assert f"session 88, member 4711 (key {KEY.id})" in said.out
    assert said.err == ""


def test_command_refuses_typing_errors(key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped code leaves with 2 and one line that says so; nobody is named."""
    code = written(code_of(PAYLOAD, KEY))
    wrong = code[:-1] + ("A" if code[-1] != "A" else "B")
    assert main(["code", wrong, "--key", str(key)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "typing error" in said.err
    assert said.err.count("\n") == 1


def test_command_names_nobody_for_a_wrong_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A code of another key is well typed, but names nobody: status 1."""
    other = tmp_path / "other.key"
    WRONG_KEY.save(other)
    assert main(["code", written(code_of(PAYLOAD, KEY)), "--key", str(other)]) == 1
    assert "member" not in capsys.readouterr().out
