"""What a live server rests on: memory that comes back, threads, selections, and what happens in trouble."""

from __future__ import annotations

import gc
import tracemalloc
import weakref
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest

import tracemark.embedder.viewer
from benchmarks.soak import FLAT, Plan, run
from tests.scenes import KEY, PAYLOAD, WRONG_KEY, film, host, recover, timed
from tracemark.embedder import Chroma, Counts, Embedder, Fallback, Mask, Policy, Prepared
from tracemark.embedder.policy import Clockwork
from tracemark.embedder.pool import WINDOW, Pool, fresh
from tracemark.errors import PrepareError
from tracemark.frames import LAYOUTS, layout_of, luma_and_chroma, planes
from tracemark.overlay import SessionCode
from tracemark.payload import Payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tracemark.frames import Frame

NEVER_MET = 1e-9
"""A budget in milliseconds that no frame keeps."""


def samples(frame: Frame) -> list[NDArray[np.generic]]:
    """Copy the planes of a frame."""
    return [view.copy() for view in planes(frame, layout_of(frame))]


def same_planes(one: list[NDArray[np.generic]], other: list[NDArray[np.generic]]) -> bool:
    """Whether planes have the same samples."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def same(one: Frame, other: Frame) -> bool:
    """Whether two frames have the same samples."""
    return same_planes(samples(one), samples(other))


def changed(frame: Frame, before: Frame) -> float:
    """Share of luma samples that the mark has changed."""
    return float(np.mean(samples(frame)[0] != samples(before)[0]))


# Memory


def a_pool() -> Pool[SimpleNamespace]:
    """Make a pool of small blocks."""
    return Pool(lambda: SimpleNamespace(memory=fresh(4096)))


def test_a_block_comes_back_when_nothing_refers_to_it() -> None:
    """A loan ends with the last array made of it, not with the first that is dropped, and is lent again."""
    pool = a_pool()
    loan, block = pool.lend()
    part = loan[:64].reshape(8, 8)[::2, 1:]
    del loan
    gc.collect()
    assert (pool.lent, pool.free) == (1, 0)
    assert pool.lend()[1] is not block
    del part
    gc.collect()
    assert (pool.lent, pool.free) == (0, 2)
    again = [pool.lend() for _ in range(2)]
    assert any(one[1] is block for one in again)
    assert pool.made == 2


def test_blocks_of_a_full_house_are_let_go_in_time() -> None:
    """Memory that was needed once is not kept for ever, and what is needed all the time is."""
    pool = a_pool()
    crowd = [pool.lend() for _ in range(20)]
    del crowd
    gc.collect()
    assert pool.free == 20
    for _ in range(2 * WINDOW):
        few = [pool.lend() for _ in range(3)]
        del few
    assert pool.free <= 4
    assert pool.made == 20


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_frame_that_is_held_is_not_written_to(name: str) -> None:
    """Marked frames, and views of them after the frame itself is gone, keep their samples while others are made."""
    embedder = Embedder(KEY)
    viewer = embedder.viewer(PAYLOAD)
    first = viewer.mark(host(128, 96, name))
    views, before = planes(first, layout_of(first)), samples(first)
    del first
    for number in range(1, 4):
        viewer.mark(host(128, 96, name, number))
    gc.collect()
    assert all(np.array_equal(view, kept) for view, kept in zip(views, before, strict=True))


def test_an_encoder_may_hold_a_frame() -> None:
    """Frames that a threaded encoder still reads are not overwritten: what it writes is what it was given."""
    encoder = av.CodecContext.create("ffv1", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 320, 180, "yuv420p", Fraction(1, 25)
    encoder.thread_count, encoder.thread_type = 4, "FRAME"
    decoder = av.CodecContext.create("ffv1", "r")
    assert isinstance(decoder, av.VideoCodecContext)
    viewer = Embedder(KEY).viewer(PAYLOAD)
    given: list[list[NDArray[np.generic]]] = []
    received: list[list[NDArray[np.generic]]] = []
    packets = []
    for number in range(12):
        frame = viewer.mark(host(320, 180, number=number))
        assert isinstance(frame, av.VideoFrame)
        given.append(samples(frame))
        packets += encoder.encode(frame)
        del frame
    packets += encoder.encode(None)
    decoder.extradata = encoder.extradata
    decoder.width, decoder.height, decoder.pix_fmt = 320, 180, "yuv420p"
    for packet in packets:
        received += [samples(frame) for frame in decoder.decode(packet)]
    received += [samples(frame) for frame in decoder.decode(None)]
    assert len(given) == len(received)
    assert [same_planes(one, two) for one, two in zip(given, received, strict=True)] == [True] * 12


@pytest.mark.parametrize(("width", "height", "name"), [(640, 360, "yuv420p"), (702, 404, "nv12"), (640, 360, "bgr24")])
def test_nothing_is_allocated_in_steady_state(width: int, height: int, name: str) -> None:
    """From the second slot on no pool makes a block, and a frame takes a few KiB of small things."""
    embedder = Embedder(KEY)
    viewers = [embedder.viewer(Payload(88, member)) for member in range(5)]
    picture = host(width, height, name)
    # pictures take turns in memory, as a decoder's do
    taken: list[Frame] = []

    def show(number: int) -> Prepared:
        picture.pts, picture.time_base = number, Fraction(1, 25)
        prepared = embedder.prepare(picture)
        taken[:] = [viewer.mark(prepared) for viewer in viewers]
        return prepared

    for number in range(14):
        stage = show(number).stage
    made = stage.shared.made, stage.copies.made
    tracemalloc.start()
    for number in range(14, 20):
        show(number)
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(20, 24):
        show(number)
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (stage.shared.made, stage.copies.made) == made
    assert after - before < 4096
    assert peak - before < 32 * 1024


def test_memory_of_one_more_viewer() -> None:
    """One more viewer of 1920x1080 costs their frame and at most 256 KiB beside it, selections included."""
    embedder = Embedder(KEY)
    picture = host(1920, 1080)
    prepared = embedder.prepare(picture)
    held = [embedder.viewer(Payload(88, member)) for member in range(2)]
    frames = [viewer.mark(prepared) for viewer in held]
    made = prepared.stage.copies.made
    tracemalloc.start()
    more = embedder.viewer(Payload(88, 7))
    frames.append(more.mark(prepared))
    beside, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert prepared.stage.copies.made - made == 1
    assert prepared.stage.copies.lend()[0].nbytes + beside <= 1920 * 1080 * 3 // 2 + 256 * 1024


def test_a_size_that_is_left_leaves_no_memory() -> None:
    """When the stream changes its size, all memory of the old one goes at once, without the garbage collector."""
    embedder = Embedder(KEY)
    viewer = embedder.viewer(PAYLOAD)
    held = [viewer.mark(host(320, 180)) for _ in range(3)]
    assert embedder._stage is not None
    old, pool = weakref.ref(embedder._stage), weakref.ref(embedder._stage.copies)
    gc.disable()
    try:
        viewer.mark(host(426, 240))
        assert old() is None
        assert pool() is not None  # frames of the old size are still out
        held.clear()
        assert pool() is None
    finally:
        gc.enable()


# Selections


@pytest.fixture(params=["within the caches", "past the caches"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have viewers' frames written in one way, whatever is lent out, and then in the other."""
    monkeypatch.setattr(tracemark.embedder.viewer, "HELD_IN_CACHES", -1 if "past" in request.param else 1 << 60)


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize(
    ("width", "height"), [(640, 360), (1280, 720), (702, 404), (1904, 136), (136, 250), (854, 480), (66, 640)]
)
@pytest.mark.parametrize("name", ["yuv420p", "nv12", "yuv420p10le", "bgr24"])
def test_every_pixel_is_from_the_version_its_cell_says(width: int, height: int, name: str) -> None:
    """Wherever boundaries between cells fall, a viewer's pixel is B's where the cell's bit is 1, and A's elsewhere."""
    embedder = Embedder(KEY, strength=4)
    prepared = embedder.prepare(host(width, height, name))
    viewer = embedder.viewer(PAYLOAD)
    shown = planes(viewer.mark(prepared), prepared.geometry.layout)
    bits = np.concatenate([viewer._codeword, viewer._clock[0]])
    geometry = prepared.geometry
    said = [
        geometry.pixels(grid, bits[numbers[0]][grid.rows, grid.columns], shown[-1 if index else 0].shape[:2])
        for index, (grid, numbers) in enumerate(
            ((geometry.luma, viewer._patterns.luma_bits), (geometry.chroma, viewer._patterns.chroma_bits))
        )
    ]
    for index, (plane, versions) in enumerate(zip(shown, prepared.versions, strict=True)):
        chosen = 2 * said[1] + said[0] if name == "bgr24" else said[min(index, 1)]
        for number, version in enumerate(versions):
            assert np.array_equal(plane[chosen == number], version[chosen == number])


@pytest.mark.usefixtures("each_way")
@pytest.mark.parametrize("chroma", Chroma)
@pytest.mark.parametrize(("width", "height"), [(640, 360), (702, 404), (186, 250)])
@pytest.mark.parametrize("name", ["yuv420p", "nv12", "yuv420p10le", "bgr24", "gray"])
def test_all_at_once_get_what_each_alone_gets(width: int, height: int, name: str, chroma: Chroma) -> None:
    """Viewers who are marked at once get the frames that they get one by one, with what lies over them."""
    embedder = Embedder(KEY, strength=4, chroma=chroma)
    viewers = [embedder.viewer(Payload(88, member), [SessionCode()] if member == 2 else []) for member in range(4)]
    prepared = embedder.prepare(host(width, height, name))
    alone = [samples(viewer.mark(prepared)) for viewer in viewers]
    together = embedder.mark_all(prepared, viewers)
    assert len({frame.pts for frame in together if isinstance(frame, av.VideoFrame)}) == 1
    assert all(same_planes(samples(frame), other) for frame, other in zip(together, alone, strict=True))
    assert embedder.mark_all(prepared, []) == []


def test_a_full_house_is_written_past_the_caches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames are written past the caches once those that are lent out would not fit into them."""
    embedder = Embedder(KEY)
    viewer = embedder.viewer(PAYLOAD)
    prepared = embedder.prepare(host(640, 360))
    choose, ways = prepared.stage.choose, []

    def watched(*given: Any, away: bool) -> None:
        ways.append(away)
        choose(*given, away=away)

    monkeypatch.setattr(prepared.stage, "choose", watched)
    monkeypatch.setattr(tracemark.embedder.viewer, "HELD_IN_CACHES", 3 * 640 * 360 * 3 // 2)
    held = [viewer.mark(prepared) for _ in range(5)]
    assert ways == [False, False, False, True, True]
    del held
    viewer.mark(prepared)
    assert not ways[-1]


# Threads


@pytest.mark.usefixtures("each_way")
def test_many_threads_mark_one_frame() -> None:
    """Threads that mark one frame at once, some of them for the same viewer, get what one alone gets."""
    embedder = Embedder(KEY)
    viewers = [embedder.viewer(Payload(88, member % 6)) for member in range(24)]
    prepared = embedder.prepare(host(854, 480))
    alone = [samples(viewer.mark(prepared)) for viewer in viewers[:6]]
    fresh = Embedder(KEY)
    shared = [fresh.viewer(Payload(88, member)) for member in range(6)]
    again = fresh.prepare(host(854, 480))
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda number: shared[number % 6].mark(again), range(48)))
    for number, frame in enumerate(together):
        assert same_planes(samples(frame), alone[number % 6])


def test_frames_are_prepared_while_others_are_marked() -> None:
    """Frames prepared by one thread while others mark earlier ones, at changing sizes, are as one thread makes them."""
    embedder = Embedder(KEY)
    viewer = embedder.viewer(PAYLOAD)
    hosts = [host(*((640, 360) if number % 8 < 4 else (426, 240)), number=number) for number in range(16)]
    with ThreadPoolExecutor(4) as pool:
        copies = [pool.submit(viewer.mark, pool.submit(embedder.prepare, frame).result()) for frame in hosts]
        direct = list(pool.map(viewer.mark, hosts))
    again = Embedder(KEY)
    one = again.viewer(PAYLOAD)
    for frame, copy, other in zip(hosts, copies, direct, strict=True):
        assert same(one.mark(again.prepare(frame)), copy.result())
        assert same(one.mark(frame), other)


def test_a_stream_may_change_its_format() -> None:
    """Frames of changing formats are marked each as if they had always been so."""
    viewer = Embedder(KEY).viewer(PAYLOAD)
    for name in ("yuv420p", "nv12", "yuv420p", "bgr24", "yuv444p"):
        frame = host(320, 180, name)
        assert same(Embedder(KEY).viewer(PAYLOAD).mark(frame), viewer.mark(frame))


# Trouble


def fails(*_: object) -> None:
    """Raise as OpenCV does when memory runs out."""
    raise cv2.error("Failed to allocate 1048576 bytes")


def broken(embedder: Embedder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make looking at pictures fail."""
    assert embedder._stage is not None
    monkeypatch.setattr(embedder._stage.deltas, "look", fails)


def test_without_a_budget_every_mask_is_full() -> None:
    """However long it takes, without a budget nothing is spared."""
    embedder = Embedder(KEY)
    assert {embedder.prepare(host(number=number)).mask for number in range(4)} == {Mask.FULL}
    assert embedder.counts == Counts(full=4)


@pytest.mark.parametrize(("fallback", "mask"), [(Fallback.LAST, Mask.LAST), (Fallback.FLAT, Mask.FLAT)])
def test_too_slow(fallback: Fallback, mask: Mask) -> None:
    """Over the budget the policy's mask takes the place of the full one, is counted, and marks."""
    embedder = Embedder(KEY, policy=Policy(NEVER_MET, slow=fallback))
    viewer = embedder.viewer(PAYLOAD)
    first, second = (embedder.prepare(host(number=number)) for number in range(2))
    assert (first.mask, second.mask) == (Mask.FULL, mask)
    assert embedder.counts == Counts(full=1, slow=1).more(mask.value)
    assert changed(viewer.mark(second), second.frame) > 0.15


def test_too_slow_may_raise() -> None:
    """If the policy says so, a frame that there is no time for is refused, with advice, and counted."""
    embedder = Embedder(KEY, policy=Policy(NEVER_MET, slow=Fallback.RAISE))
    embedder.prepare(host())
    with pytest.raises(PrepareError, match="longer than the budget") as caught:
        embedder.prepare(host(number=1))
    assert caught.value.advice
    assert embedder.counts == Counts(full=1, slow=1, refused=1)


def test_time_is_made_up() -> None:
    """A frame that took three budgets is made up for by frames that took less; then masks are full again."""
    clockwork = Clockwork(0.010)
    late = []
    for seconds in (0.008, 0.030, 0.004, 0.004, 0.004, 0.004, 0.012):
        clockwork.spent(seconds)
        late.append(clockwork.late)
    assert late == [False, True, True, False, False, False, False]


@pytest.mark.parametrize("budget", [0.0, -1.0, float("nan")])
def test_budget_out_of_range(budget: float) -> None:
    """A budget of nothing is refused."""
    with pytest.raises(ValueError, match="not positive"):
        Policy(budget)


def test_failure_raises_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless told otherwise, a mask that cannot be made is an error that names its cause, not an unmarked frame."""
    embedder = Embedder(KEY)
    embedder.prepare(host())
    broken(embedder, monkeypatch)
    with pytest.raises(PrepareError, match="could not be made") as caught:
        embedder.prepare(host(number=1))
    assert isinstance(caught.value.__cause__, cv2.error)
    assert embedder.counts == Counts(full=1, failed=1, refused=1)


def test_failure_may_take_the_last_mask(monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame whose own mask fails gets the last one: a still picture is marked just as before, in any slot."""
    embedder, untroubled = Embedder(KEY, policy=Policy(failed=Fallback.LAST)), Embedder(KEY)
    viewer, other = embedder.viewer(PAYLOAD), untroubled.viewer(PAYLOAD)
    picture = host()
    embedder.prepare(picture)
    broken(embedder, monkeypatch)
    for pts in (1, 30):
        picture.pts = pts
        prepared = embedder.prepare(picture)
        assert prepared.mask is Mask.LAST
        assert same(other.mark(untroubled.prepare(picture)), viewer.mark(prepared))
    assert embedder.counts == Counts(full=1, last=2, failed=2)


def test_a_failure_half_way_leaves_the_last_mask_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the chroma mask fails after the luma mask was made, neither is used."""
    embedder = Embedder(KEY, policy=Policy(failed=Fallback.LAST))
    viewer = embedder.viewer(PAYLOAD)
    picture = host()
    before = viewer.mark(embedder.prepare(picture))
    busy = host(number=40)
    with monkeypatch.context() as patch:
        patch.setattr("tracemark.signal.mask.chroma_mask", fails)
        assert embedder.prepare(busy, time=0).mask is Mask.LAST
    monkeypatch.setattr("tracemark.embedder.deltas.Deltas.look", fails)
    assert same(before, viewer.mark(embedder.prepare(picture, time=0)))


def test_without_a_last_mask_it_is_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing was looked at yet, or the size has changed, the last mask gives way to the flat one."""
    monkeypatch.setattr("tracemark.embedder.deltas.Deltas.look", fails)
    embedder = Embedder(KEY, policy=Policy(failed=Fallback.LAST))
    assert [embedder.prepare(host(*size)).mask for size in ((640, 360), (320, 180))] == [Mask.FLAT] * 2


@pytest.mark.parametrize("wrong", [False, True], ids=["right key", "wrong key"])
def test_the_flat_mask_is_read(monkeypatch: pytest.MonkeyPatch, *, wrong: bool) -> None:
    """A stream under flat masks alone, as when everything fails, names its viewer, and is absent under a wrong key."""
    monkeypatch.setattr("tracemark.embedder.deltas.Deltas.look", fails)
    embedder = Embedder(KEY, policy=Policy(failed=Fallback.FLAT))
    viewer = embedder.viewer(PAYLOAD)
    copies = [viewer.mark(frame) for frame in film(50)]
    assert embedder.counts.flat == 50
    decoding = recover(timed(copies), WRONG_KEY if wrong else KEY)  # type: ignore[arg-type]
    assert decoding.verdict == ("absent" if wrong else "found")
    assert decoding.payload == (None if wrong else PAYLOAD)


def test_the_flat_mask_is_weaker_than_any_full_one() -> None:
    """The flat mark is no stronger than the full one is in smooth grey or black."""
    picture = np.full((360, 640), 110, np.uint8)
    embedder = Embedder(KEY, strength=4, policy=Policy(NEVER_MET, slow=Fallback.FLAT))
    viewer = embedder.viewer(PAYLOAD)
    full, flat = (viewer.mark(embedder.prepare(picture, time=0)).astype(float) - 110 for _ in range(2))  # type: ignore[union-attr]
    assert flat.std() <= full.std() * 1.02
    assert flat.std() > 0.9 * full.std()


def several(name: str) -> Iterator[av.VideoFrame]:
    """Frames of half a slot's distance, over four slots."""
    for number in range(8):
        frame = host(320, 180, name)
        frame.pts, frame.time_base = 6 * number, Fraction(1, 25)
        yield frame


def test_slots_differ_and_their_halves_do_not() -> None:
    """One embedder changes its pattern with the slot and keeps it within."""
    viewer = Embedder(KEY).viewer(PAYLOAD)
    copies = [viewer.mark(frame) for frame in several("gray")]
    apart = [not same(one, other) for one, other in pairwise(copies)]
    assert apart == [False, True, False, True, False, True, False]


def test_luma_of_a_packed_frame_keeps_its_mean() -> None:
    """In packed frames, whose changes are sums, the mark has no bias."""
    before = host(640, 360, "bgr24")
    after = Embedder(KEY, strength=4).viewer(PAYLOAD).mark(before)
    one, other = (luma_and_chroma(planes(each, LAYOUTS["bgr24"]), LAYOUTS["bgr24"])[0] for each in (before, after))
    assert abs(float(np.mean(other.astype(float) - one))) < 0.1


def test_a_soak_of_seconds() -> None:
    """Viewers join and leave, shapes change, time jumps: no frame unmarked, recordings decode right, memory is flat."""
    plan = Plan(
        seconds=10,
        viewers=6,
        shapes=((640, 360, "nv12"), (426, 240, "yuv420p")),
        stay=1,
        change=3,
        jump=3,
        record=1.5,
        period=2,
        paced=False,
    )
    log = run(plan, seed=2)
    assert log.frames == 250
    assert log.copies == 6 * 250
    assert min(log.joined - 6, log.changes, log.jumps, log.recorded) >= 1
    assert (log.unmarked, log.spoiled) == (0, 0)
    assert log.right == log.twins_absent == log.recorded
    assert log.growth <= FLAT
