"""Error correction: what the code is, what it survives, and that nothing is found where nothing is."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.error_correction import BAR_DB, approximation_crossing, decibels, normal_approximation, received
from tracemark import coding
from tracemark.coding import viterbi
from tracemark.coding.convolutional import TailBitingCode

if TYPE_CHECKING:
    from numpy.typing import NDArray

MESSAGES = st.integers(0, 2**64 - 1).map(
    lambda number: np.array([number >> 63 - place & 1 for place in range(64)], dtype=np.uint8)
)
PLACES = st.lists(st.integers(0, coding.CODE_BITS - 1), unique=True, max_size=20)
SMALL = TailBitingCode((0o13, 0o15, 0o17), memory=3, message_bits=10)
"""Small enough to try every message."""


def antipodal(bits: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Soft values of a codeword received without noise."""
    return (2.0 * bits - 1.0).astype(np.float32)


def test_sizes_are_frozen() -> None:
    """A message of 64 bits becomes a codeword of 384."""
    assert (coding.MESSAGE_BITS, coding.CODE_BITS) == (64, 384)


def test_codeword_is_frozen() -> None:
    """The codeword of a known message never changes; komm 0.37 gives the same one."""
    message = np.unpackbits(np.frombuffer(bytes.fromhex("0123456789abcdef"), dtype=np.uint8))
    expected = "0f9fc492505d37bcdee53b8f3cddf20cb1113cf205d6ca94f3d9086e1691cbfa12197d43c09b3ef0f7ddc0b4c92a8c58"
    assert np.packbits(coding.encode(message)).tobytes().hex() == expected


def test_impulse_shows_the_generators() -> None:
    """A single 1 writes the six published generators into the codeword, one code bit of each step."""
    message = np.zeros(64, dtype=np.uint8)
    message[0] = 1
    steps = coding.encode(message).reshape(64, 6)
    columns = ["".join(map(str, steps[:15, output])) for output in range(6)]
    assert [oct(int(column, 2)) for column in columns] == [
        *("0o46321", "0o51271", "0o63667", "0o70535", "0o73277", "0o76513")
    ]
    assert not steps[15:].any()


@settings(deadline=None)
@given(first=MESSAGES, second=MESSAGES)
def test_code_is_linear(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> None:
    """The codeword of a sum is the sum of the codewords, modulo 2."""
    assert np.array_equal(coding.encode(first ^ second), coding.encode(first) ^ coding.encode(second))


@settings(deadline=None)
@given(message=MESSAGES, places=st.integers(0, 63))
def test_code_is_a_ring(message: NDArray[np.uint8], places: int) -> None:
    """A message turned by some places has its codeword turned by six times as many: no bit is at an end."""
    assert np.array_equal(coding.encode(np.roll(message, places)), np.roll(coding.encode(message), 6 * places))


@settings(max_examples=25, deadline=None)
@given(message=MESSAGES, flipped=PLACES, scale=st.floats(1e-30, 1e30))
def test_any_message_comes_back_through_any_twenty_errors(
    message: NDArray[np.uint8], flipped: list[int], scale: float
) -> None:
    """Twenty wrong code bits anywhere are corrected, at any scale of the evidence, with a closed path."""
    soft = antipodal(coding.encode(message)) * np.float32(scale)
    soft[flipped] *= -1
    decoded = coding.decode(soft)
    assert np.array_equal(decoded.bits, message)
    assert np.array_equal(decoded.codeword, coding.encode(message))
    assert decoded.consistent


@settings(max_examples=10, deadline=None)
@given(message=MESSAGES, seed=st.integers(0, 2**32 - 1))
def test_half_a_codeword_is_enough(message: NDArray[np.uint8], seed: int) -> None:
    """With every second code bit unseen, picked at random, the rest still tells the message."""
    soft = antipodal(coding.encode(message))
    soft[np.random.default_rng(seed).permutation(coding.CODE_BITS)[::2]] = 0.0
    assert np.array_equal(coding.decode(soft).bits, message)


def test_no_evidence_gives_some_codeword() -> None:
    """All-zero evidence decodes to a codeword all the same, and fits it not at all."""
    decoded = coding.decode(np.zeros(coding.CODE_BITS))
    assert np.array_equal(decoded.codeword, coding.encode(decoded.bits))
    assert decoded.bits.shape == (64,)


@pytest.mark.parametrize("z", [0.0, 11.0])
def test_decoding_is_deterministic_whatever_the_batch(z: float) -> None:
    """A frame decodes alike alone, in company, twice, and at another scale."""
    _, soft = received(coding.CODE, z, 2 * viterbi._BATCH + 1, np.random.default_rng(3))
    together, closed = viterbi.decode(coding.CODE, soft)
    again, _ = viterbi.decode(coding.CODE, 8.0 * soft)
    alone = [coding.decode(row) for row in soft]
    assert np.array_equal(again, together)
    assert [decoded.bits.tolist() for decoded in alone] == together.tolist()
    assert [decoded.consistent for decoded in alone] == closed.tolist()


def test_decoder_is_all_but_maximum_likelihood() -> None:
    """Of 1000 noisy frames of a small code, 99 in 100 decode to the best of all codewords found by trying each."""
    every = np.array(list(itertools.product((0, 1), repeat=SMALL.message_bits)), dtype=np.uint8)
    words = antipodal(SMALL.encode(every))
    _, soft = _small_frames(1000)
    decoded, closed = viterbi.decode(SMALL, soft)
    fit = (antipodal(SMALL.encode(decoded)) * soft).sum(axis=1)
    best = (soft @ words.T).max(axis=1)
    assert (fit <= best + 1e-3).all()
    assert (fit >= best - 1e-3).mean() >= 0.99
    assert closed.mean() >= 0.99


def _small_frames(frames: int) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Random messages of the small code and what is received of them."""
    rng = np.random.default_rng(1)
    messages = rng.integers(0, 2, (frames, SMALL.message_bits), dtype=np.uint8)
    return messages, antipodal(SMALL.encode(messages)) + rng.standard_normal((frames, SMALL.code_bits))


@pytest.mark.parametrize("noise", [0.5, 2.0, 4.0])
def test_no_message_that_is_of_use_is_given_up(noise: float) -> None:
    """Whatever reaches the least correlation comes out as ever; what cannot reach it is given up after a lap."""
    chance = np.random.default_rng(11)
    message = np.unpackbits(np.frombuffer(b"of use??", dtype=np.uint8))
    for _ in range(8):
        soft = antipodal(coding.encode(message)) + chance.normal(0, noise, coding.CODE_BITS).astype(np.float32)
        fully = coding.decode(soft)
        reached = float(soft @ antipodal(fully.codeword))
        asked = coding.decode(soft, 0.999 * reached)
        assert np.array_equal(asked.bits, fully.bits)
        assert asked.consistent == fully.consistent
        bound = float(np.abs(soft).sum())
        assert float(soft @ antipodal(coding.decode(soft, 2 * bound).codeword)) <= reached + 1e-3


def test_first_closed_lap_is_maximum_likelihood() -> None:
    """Where the first lap alone closes, no codeword at all fits better."""
    every = np.array(list(itertools.product((0, 1), repeat=SMALL.message_bits)), dtype=np.uint8)
    _, soft = _small_frames(1000)
    first_state_metrics, choices = viterbi._walk(
        SMALL,
        viterbi.branch_tables(SMALL, soft.astype(np.float32)),
        np.zeros((8, 1000), dtype=np.float32),
    )
    end = first_state_metrics.argmax(axis=0)
    path, origin = viterbi._trace_back(choices, end)
    closed = origin == end
    best = (soft @ antipodal(SMALL.encode(every)).T).max(axis=1)
    fit = (antipodal(SMALL.encode(path)) * soft).sum(axis=1)
    assert closed.sum() > 300
    assert np.allclose(fit[closed], best[closed], atol=1e-3)


def test_code_is_within_its_bar_of_the_normal_approximation() -> None:
    """At z = 12.5 fewer frames fail than the normal approximation allows 1.0 dB lower; the bench counts further."""
    messages, soft = received(coding.CODE, 12.5, 512, np.random.default_rng(7))
    decoded, _ = viterbi.decode(coding.CODE, soft)
    bound = normal_approximation(12.5 * 10 ** (-BAR_DB / 20), coding.CODE_BITS)
    assert bound < 0.1
    assert (decoded != messages).any(axis=1).mean() < bound / 3


def test_noise_fits_no_codeword_well() -> None:
    """Twin of the test above: without a mark no message is right, and no word fits with z of 11 or more."""
    messages, soft = received(coding.CODE, 0.0, 128, np.random.default_rng(8))
    decoded, _ = viterbi.decode(coding.CODE, soft)
    fit = (soft * antipodal(coding.CODE.encode(decoded))).sum(axis=1) / math.sqrt(coding.CODE_BITS)
    assert not (decoded == messages).all(axis=1).any()
    assert fit.max() < 11.0


def test_normal_approximation_nears_the_shannon_limit() -> None:
    """For ever lower rates half of the frames pass near the limit of -1.59 dB, plus the cost of 64 short bits."""
    limit = 10 * math.log10(math.log(2))
    crossings = [decibels(approximation_crossing(0.5, 64 * inverse)) for inverse in (2, 6, 24, 96)]
    assert crossings == sorted(crossings, reverse=True)
    assert limit - 0.6 < crossings[-1] < limit + 0.1


@pytest.mark.parametrize("shape", [(383,), (1, 384), (385,), ()])
def test_soft_codeword_of_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    """One soft codeword is 384 numbers."""
    with pytest.raises(ValueError, match="shape"):
        coding.decode(np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_soft_codeword_must_be_finite(value: float) -> None:
    """Evidence that is no number is an error, not a message."""
    with pytest.raises(ValueError, match="finite"):
        coding.decode(np.full(coding.CODE_BITS, value))


@pytest.mark.parametrize("shape", [(384,), (2, 383), (1, 1, 384)])
def test_batch_of_wrong_shape_is_refused(shape: tuple[int, ...]) -> None:
    """A batch is rows of 384 numbers."""
    with pytest.raises(ValueError, match="shape"):
        viterbi.decode(coding.CODE, np.zeros(shape))


@pytest.mark.parametrize("bits", [np.zeros(63), np.zeros((2, 64)), np.full(64, 2), np.full(64, 0.5)])
def test_message_of_wrong_shape_or_content_is_refused(bits: np.ndarray[Any, Any]) -> None:
    """One message is 64 zeros and ones."""
    with pytest.raises(ValueError, match="message"):
        coding.encode(bits)


@pytest.mark.parametrize(("generators", "memory", "length"), [((0o5, 0o6), 2, 8), ((0o17,), 2, 8), ((0o7,), 2, 1)])
def test_unfit_code_is_refused(generators: tuple[int, ...], memory: int, length: int) -> None:
    """A generator must tap both ends of its register and no more, and a message must fill it."""
    with pytest.raises(ValueError, match="must"):
        TailBitingCode(generators, memory, length)


def test_empty_batch_gives_nothing() -> None:
    """No frames in, no messages out."""
    messages, closed = viterbi.decode(coding.CODE, np.zeros((0, coding.CODE_BITS)))
    assert messages.shape == (0, 64)
    assert closed.shape == (0,)
