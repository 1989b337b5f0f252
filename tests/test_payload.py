"""The payload: 64 bits that come back with the key and say nothing without it."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracemark.errors import PayloadError
from tracemark.keys import Key
from tracemark.payload import PAYLOAD_BITS, Payload

KEY = Key.from_bytes(bytes(range(32)))
OTHER_KEY = Key.from_bytes(bytes(range(1, 33)))
NUMBERS = st.integers(0, 2**32 - 1)


def as_integer(payload: Payload, key: Key = KEY) -> int:
    """Scrambled bits as one number, the first bit most significant."""
    return int("".join(map(str, payload.scramble(key))), 2)


@pytest.mark.parametrize(
    ("session", "member", "expected"),
    [
        (0, 0, 0xFC0EB9C4D7F257A0),
        (88, 4711, 0x91F3BCF1F453986C),
        (88, 4712, 0x99535F54025A1EB4),
        (89, 4711, 0xF16B301CC104FFA6),
        (2**32 - 1, 2**32 - 1, 0x6195E784A6A4E274),
    ],
)
def test_scrambled_bits_are_frozen(session: int, member: int, expected: int) -> None:
    """The bits of known payloads under a known key never change."""
    assert as_integer(Payload(session, member)) == expected


@settings(deadline=None)
@given(session=NUMBERS, member=NUMBERS, secret=st.binary(min_size=32, max_size=32))
def test_payload_comes_back(session: int, member: int, secret: bytes) -> None:
    """Any payload survives scrambling with any key."""
    key = Key.from_bytes(secret)
    bits = Payload(session, member).scramble(key)
    assert bits.dtype == np.uint8
    assert bits.shape == (PAYLOAD_BITS,)
    assert Payload.unscramble(bits, key) == Payload(session, member)


@settings(deadline=None)
@given(block=st.integers(0, 2**64 - 1))
def test_every_message_is_some_payload(block: int) -> None:
    """Scrambling is onto: any 64 bits unscramble to a payload that scrambles to them again."""
    bits = np.array([block >> 63 - place & 1 for place in range(PAYLOAD_BITS)], dtype=np.uint8)
    assert Payload.unscramble(bits, KEY).scramble(KEY).tolist() == bits.tolist()


@settings(deadline=None)
@given(session=NUMBERS, member=NUMBERS)
def test_wrong_key_gives_another_payload(session: int, member: int) -> None:
    """With a wrong key the bits do not turn back into the payload."""
    payload = Payload(session, member)
    assert Payload.unscramble(payload.scramble(KEY), OTHER_KEY) != payload


@settings(deadline=None)
@given(session=NUMBERS, member=NUMBERS, place=st.integers(0, 63))
def test_neighbours_are_strangers(session: int, member: int, place: int) -> None:
    """One flipped bit of the payload flips between 10 and 54 of its 64 scrambled bits (32 expected)."""
    block = (session << 32 | member) ^ 1 << place
    neighbour = Payload(block >> 32, block & 2**32 - 1)
    assert 10 <= (as_integer(Payload(session, member)) ^ as_integer(neighbour)).bit_count() <= 54


def test_half_of_the_bits_flip_on_average() -> None:
    """Over a thousand pairs of neighbouring members the mean distance is 32 bits, within five standard errors."""
    scrambled = [as_integer(Payload(88, member)) for member in range(1001)]
    distances = [(first ^ second).bit_count() for first, second in pairwise(scrambled)]
    assert abs(np.mean(distances) - 32) < 5 * 4 / len(distances) ** 0.5


def test_bits_are_fair() -> None:
    """Over two thousand neighbouring members each of the 64 places is 1 half of the time, within five errors."""
    bits = np.array([Payload(0, member).scramble(KEY) for member in range(2000)])
    assert np.abs(bits.mean(axis=0) - 0.5).max() < 5 * 0.5 / len(bits) ** 0.5


@pytest.mark.parametrize("value", [-1, 2**32, 1.5, "7", None])
@pytest.mark.parametrize("field", ["session", "member"])
def test_number_out_of_range_is_refused(field: str, value: Any) -> None:
    """Session and member are integers of 32 bits; the message names the field and the range."""
    numbers: dict[str, Any] = {"session": 0, "member": 0, field: value}
    with pytest.raises(PayloadError, match=f"{field} .* from 0 to 4294967295"):
        Payload(**numbers)


def test_integers_of_numpy_are_taken() -> None:
    """A payload made of numpy integers equals one made of Python's, and scrambles alike."""
    payload = Payload(int(np.uint32(88)), np.uint32(4711))  # type: ignore[arg-type]
    assert payload == Payload(88, 4711)
    assert type(payload.member) is int
    assert as_integer(payload) == as_integer(Payload(88, 4711))


@pytest.mark.parametrize("bits", [np.zeros(63), np.zeros((1, 64)), np.full(64, 2), np.full(64, 0.5)])
def test_message_of_wrong_shape_or_content_is_refused(bits: np.ndarray[Any, Any]) -> None:
    """A message is 64 zeros and ones and nothing else."""
    with pytest.raises(ValueError, match="64 bits"):
        Payload.unscramble(bits, KEY)
