"""How sure the decoder's message is: right on average, and a member is not named where a neighbour fits as well."""

from __future__ import annotations

import numpy as np
import pytest

from tests.scenes import KEY, PAYLOAD, film, timed
from tracemark import coding
from tracemark.coding import reliability
from tracemark.coding.convolutional import TailBitingCode
from tracemark.profile import PROFILE
from tracemark.recovery import Recovery
from tracemark.recovery.evidence import Evidence
from tracemark.recovery.statistics import FOUND, MISTAKEN
from tracemark.recovery.timing import Phase

SMALL = TailBitingCode((0o5, 0o7, 0o7), memory=2, message_bits=14)
"""Small enough to weigh every message, with a ring much longer than its detours."""


def messages(code: TailBitingCode) -> np.ndarray[tuple[int, int], np.dtype[np.uint8]]:
    """Every message of a code."""
    bits = np.arange(1 << code.message_bits)[:, None] >> np.arange(code.message_bits) & 1
    return bits.astype(np.uint8)


@pytest.mark.parametrize("amplitude", [0.7, 0.9, 1.2])
def test_bounds_the_weight_of_every_other_message(amplitude: float) -> None:
    """On a code whose messages can all be weighed, the claim is the exact probability to twice that.

    A ring this short has a few detours that lie across both anchors, which are missed.
    """
    every = messages(SMALL)
    signs = SMALL.encode(every).astype(np.float64) * 2 - 1
    chance = np.random.default_rng(1)
    exact, claimed = [], []
    for _ in range(60):
        sent = signs[chance.integers(len(signs))]
        soft = amplitude * (amplitude * sent + chance.standard_normal(SMALL.code_bits))
        weights = signs @ soft
        best = int(weights.argmax())
        exact.append(1 - 1 / np.exp(weights - weights[best]).sum())
        claimed.append(reliability.p_mistaken(SMALL, soft, every[best]))
    assert 0.85 * np.mean(exact) < np.mean(claimed) < 2 * np.mean(exact)
    assert np.corrcoef(exact, claimed)[0, 1] > 0.9


def neighbour(bits: np.ndarray[tuple[int], np.dtype[np.uint8]]) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Codeword of a message that differs in one bit, a detour that neither anchor lies in."""
    return coding.encode(bits ^ (np.arange(64) == 5).astype(np.uint8))


def test_clear_message_is_no_mistake() -> None:
    """A codeword received clearly is never another."""
    codeword = coding.encode(PAYLOAD.scramble(KEY))
    soft = (codeword.astype(np.float64) * 2 - 1) * 2
    assert coding.p_mistaken(soft, coding.decode(soft)) < 1e-12


@pytest.mark.parametrize(("lean", "expected"), [(0.0, 0.5), (2.0, 1 / (1 + np.exp(2.0)))])
def test_two_messages_that_fit(lean: float, expected: float) -> None:
    """Between two neighbours it is a toss-up, and log-odds of two count as such; both anchors see the detour."""
    bits = PAYLOAD.scramble(KEY)
    one, other = (word.astype(np.float64) * 2 - 1 for word in (coding.encode(bits), neighbour(bits)))
    differs = one != other
    soft = 4 * (one + other) / 2 + one * differs * lean / (2 * differs.sum())
    assert coding.p_mistaken(soft, coding.decode(soft)) == pytest.approx(2 * expected, rel=0.05)


def test_nobody_is_named_between_two_neighbours() -> None:
    """Strong evidence that two codewords share names nobody, says so, and is no foreign material either."""
    bits = PAYLOAD.scramble(KEY)
    recovery = Recovery([KEY])
    recovery.add(film(1, 192, 144)[0], 0.0)
    track = recovery._whole
    reading = track._read()[0]
    one, other = (word.astype(np.float64) * 2 - 1 for word in (coding.encode(bits), neighbour(bits)))
    for lean, verdict in ((0.0, "inconclusive"), (1.0, "found")):
        soft = (one + other) / 2 + lean * one * (one != other)
        said = np.append(soft, np.zeros(PROFILE.clock_groups))
        cells = [said[which] for which in (reading.templates.luma_bits, reading.templates.chroma_bits)]
        track.best = None
        track._decode_best(reading, [Evidence(cells[0], cells[1], cells[1])], Phase(0, 0.0))
        decoding = recovery.finish()
        assert decoding.verdict == verdict
        assert decoding.p_false < FOUND
        assert (decoding.p_mistaken <= MISTAKEN) == (verdict == "found")
        assert decoding.payload == (PAYLOAD if verdict == "found" else None)
        assert bool(decoding.reasons) == (verdict == "inconclusive")


def test_twin_unmarked() -> None:
    """Unmarked pictures leave no message to be mistaken about."""
    recovery = Recovery([KEY])
    for each in timed(film(20, 192, 144)):
        recovery.add(each.frame, each.time)
    decoding = recovery.finish()
    assert (decoding.verdict, decoding.payload) == ("absent", None)
    assert decoding.p_mistaken > MISTAKEN
