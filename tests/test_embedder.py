"""Marked frames: every format and size, whose pixels they are, and what of the host stays as it was."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.media import Clip, make
from tests.scenes import KEY, PAYLOAD, WRONG_KEY, film
from tracemark.embedder import LARGEST_STRENGTH, SMALLEST_SIDE, Embedder, Prepared
from tracemark.errors import FrameError
from tracemark.frames import LAYOUTS, layout_of, luma_and_chroma, planes
from tracemark.payload import Payload
from tracemark.profile import PROFILE

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from tracemark.frames import Frame, Plane

OTHER = Payload(session=88, member=4712)
SIZES = {
    "176x144": (176, 144),
    "odd": (177, 145),
    "portrait": (144, 256),
    "smallest": (SMALLEST_SIDE, SMALLEST_SIDE),
    "odd and smallest": (SMALLEST_SIDE + 1, SMALLEST_SIDE),
    "wide": (640, 66),
}


def host(name: str = "yuv420p", size: tuple[int, int] = (176, 144), number: int = 0) -> av.VideoFrame:
    """Return a frame of a scene in a pixel format, with a time stamp and all colour metadata that there are."""
    width, height = size
    even = film(number + 1, 2 * -(-width // 2), 2 * -(-height // 2))[number]
    pixels = np.ascontiguousarray(even.to_ndarray(format="rgb24")[:height, :width], np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=name)
    frame.pts, frame.time_base = 90_000 + 3600 * number, Fraction(1, 90_000)
    frame.color_range, frame.colorspace = ColorRange.MPEG, Colorspace.ITU709
    frame.color_primaries, frame.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return frame


def views(frame: Frame) -> list[Plane]:
    """Show the visible samples of a frame."""
    return planes(frame, layout_of(frame))


def luma(frame: Frame) -> NDArray[np.float64]:
    """Return the luma of a frame in 8-bit levels."""
    layout = layout_of(frame)
    return luma_and_chroma(views(frame), layout)[0].astype(np.float64) / layout.levels


def marked(frame: Frame, payload: Payload = PAYLOAD, *, strength: float = 1.0) -> Frame:
    """Mark one frame."""
    return Embedder(KEY, strength=strength).viewer(payload).mark(frame)


def same(one: Frame, other: Frame) -> bool:
    """Whether two frames have the same samples."""
    return all(np.array_equal(a, b) for a, b in zip(views(one), views(other), strict=True))


def rms(difference: NDArray[np.float64]) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(difference))))


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_format_is_marked(name: str) -> None:
    """Every format gets a mark of about half a level in luma and, where it has colour, in chroma."""
    before = host(name)
    after = marked(before)
    layout = layout_of(before)
    own = luma_and_chroma(views(before), layout)
    new = luma_and_chroma(views(after), layout)
    for old, fresh in zip([own[0], *own[1]], [new[0], *new[1]], strict=True):
        change = (fresh.astype(np.float64) - old) / layout.levels
        assert 0.3 < rms(change) < 1.5
        assert np.abs(change).max() <= 8


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
def test_every_size_is_marked_all_over(name: str, size: tuple[int, int]) -> None:
    """Frames of any size keep it, and the mark reaches every quarter of the picture."""
    before = host(name, size)
    after = marked(before)
    assert isinstance(after, av.VideoFrame)
    assert (after.width, after.height) == size
    change = luma(after) - luma(before)
    middle_row, middle_column = change.shape[0] // 2, change.shape[1] // 2
    for rows in (slice(None, middle_row), slice(middle_row, None)):
        for columns in (slice(None, middle_column), slice(middle_column, None)):
            assert rms(change[rows, columns]) > 0.2


@pytest.mark.parametrize("size", [(16, 16), (SMALLEST_SIDE - 1, 400), (400, SMALLEST_SIDE - 1)])
def test_too_small(size: tuple[int, int]) -> None:
    """A frame that is too small is refused in one line with advice."""
    with pytest.raises(FrameError, match=f"{size[0]}x{size[1]}") as caught:
        marked(np.zeros(size[::-1], np.uint8))
    assert caught.value.advice
    assert "\n" not in str(caught.value)


def test_unknown_format() -> None:
    """A format that is in no list is refused, and the line names those that are."""
    with pytest.raises(FrameError, match=r"rgb48le.*yuv420p"):
        marked(av.VideoFrame(176, 144, "rgb48le"))


@pytest.mark.parametrize(
    "array", [np.zeros((144, 176), np.float32), np.zeros((144, 176, 4), np.uint8), np.zeros(144, np.uint8)]
)
def test_arrays_that_are_no_frames(array: NDArray[np.uint8]) -> None:
    """Arrays of another type or shape are refused."""
    with pytest.raises(FrameError, match="is not a frame"):
        marked(array)


@pytest.mark.parametrize(
    "options",
    [
        {"strength": -0.1},
        {"strength": LARGEST_STRENGTH + 1},
        {"strength": float("nan")},
        {"frame_rate": 0.0},
        {"pixel_aspect": 0.0},
        {"array_format": "yuv420p"},
    ],
)
def test_options_out_of_range(options: dict[str, float | str]) -> None:
    """Options that make no sense are refused at once."""
    with pytest.raises(ValueError, match=r"outside|not positive|neither"):
        Embedder(KEY, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", LAYOUTS)
def test_viewers_pixels_are_a_or_b(name: str) -> None:
    """Every sample of a viewer's frame is that of one of the shared versions, and each version is used."""
    embedder = Embedder(KEY)
    prepared = embedder.prepare(host(name))
    for target, versions in zip(views(embedder.viewer(PAYLOAD).mark(prepared)), prepared.versions, strict=True):
        # all channels of a pixel come from one version
        equal = np.stack([(target == version).reshape(*target.shape[:2], -1).all(axis=-1) for version in versions])
        assert equal.any(axis=0).all()
        for index in range(len(versions)):
            others = np.delete(equal, index, axis=0).any(axis=0)
            assert (equal[index] & ~others).mean() > 0.05


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_frame_for_one_viewer_is_as_a_prepared_one(name: str) -> None:
    """Made for one viewer alone a frame differs where cells meet, and by a level of rounding elsewhere."""
    frame = host(name, (960, 576))
    embedder = Embedder(KEY)
    viewer = embedder.viewer(PAYLOAD)
    alone, gathered, before = (luma(each) for each in (viewer.mark(frame), viewer.mark(embedder.prepare(frame)), frame))
    # of the 24 pixels of a cell those 6 next to its border are interpolated with a neighbour's
    rows, columns = (abs(np.arange(size) % 24 - 11.5) < 6 for size in before.shape)
    inside = rows[:, None] & columns
    apart = np.abs(alone - gathered)
    assert apart[inside].max() <= 1
    assert 0 < apart[~inside].mean() < 0.5 * np.abs(gathered - before).mean()
    assert np.corrcoef((alone - before).ravel(), (gathered - before).ravel())[0, 1] > 0.9


def test_without_interpolation_a_frame_for_one_viewer_is_a_prepared_one() -> None:
    """On the grid itself nothing lies between cells: the two ways agree to the level."""
    frame = host("gray", (320, 192))
    embedder = Embedder(KEY)
    viewer = embedder.viewer(PAYLOAD)
    apart = luma(viewer.mark(frame)) - luma(viewer.mark(embedder.prepare(frame)))
    assert np.abs(apart).max() <= 1
    assert (apart != 0).mean() < 0.02


def test_selection_is_alike_in_a_cell() -> None:
    """Within a cell of a grid-sized picture all samples come from the same version, as the viewer's codeword says."""
    embedder = Embedder(KEY)
    frame = host("gray", (320, 192))
    prepared = embedder.prepare(frame)
    target, (a, b) = views(embedder.viewer(PAYLOAD).mark(prepared))[0], prepared.versions[0]
    says_one, says_zero = ((target == version).reshape(24, 8, 40, 8).all(axis=(1, 3)) for version in (b, a))
    assert (says_one ^ says_zero).all()
    assert 0.4 < says_one.mean() < 0.6


def test_planes_a_and_b_differ_by_the_data_alone() -> None:
    """A and B differ by the data, which has no bias; their mean adds the pilot, whose power is the profile's share."""
    frame = host("gray", (640, 360))
    prepared = Embedder(KEY, strength=4).prepare(frame)
    a, b = (version.astype(np.float64) for version in prepared.versions[0])
    data, pilot = (b - a) / 2, (a + b) / 2 - luma(frame)
    share = np.mean(pilot**2) / (np.mean(pilot**2) + np.mean(data**2))
    assert share == pytest.approx(PROFILE.pilot_share, abs=0.05)
    assert abs(float(data.mean())) < 0.05 * rms(data)


def test_two_viewers_differ() -> None:
    """Two viewers' frames differ in about half of the cells; the same viewer's are the same."""
    embedder = Embedder(KEY)
    prepared = embedder.prepare(host("gray", (320, 192)))
    one, other, again = (views(embedder.viewer(who).mark(prepared))[0] for who in (PAYLOAD, OTHER, PAYLOAD))
    apart = (one != other).reshape(24, 8, 40, 8).any(axis=(1, 3)).mean()
    assert 0.4 < apart < 0.6
    assert np.array_equal(one, again)


def test_two_keys_differ() -> None:
    """The marks of two keys have nothing in common but the host."""
    frame = host("gray", (640, 360))
    one, other = (
        luma(Embedder(secret, strength=4).viewer(PAYLOAD).mark(frame)) - luma(frame) for secret in (KEY, WRONG_KEY)
    )
    assert abs(float(np.mean(one * other))) < 0.1 * rms(one) * rms(other)


def test_marks_of_viewers_do_not_disturb_each_other() -> None:
    """What one viewer's copy became does not change what the next one's becomes: copies own their memory."""
    embedder = Embedder(KEY)
    prepared = embedder.prepare(host())
    first = embedder.viewer(PAYLOAD).mark(prepared)
    kept = [view.copy() for view in views(first)]
    for view in views(embedder.viewer(OTHER).mark(prepared)):
        view[:] = 0
    again = embedder.viewer(PAYLOAD).mark(prepared)
    for view, before in zip(views(again), kept, strict=True):
        assert np.array_equal(view, before)


@pytest.mark.parametrize("name", LAYOUTS)
def test_all_but_the_samples_stays(name: str) -> None:
    """Time stamp, time base, size, format and colour metadata are the host's, and the host itself is untouched."""
    frame = host(name)
    kept = [view.copy() for view in views(frame)]
    after = marked(frame)
    assert isinstance(after, av.VideoFrame)
    for field in ("pts", "time_base", "width", "height", "color_range", "colorspace", "color_primaries", "color_trc"):
        assert getattr(after, field) == getattr(frame, field), field
    assert after.format.name == name
    for view, before in zip(views(frame), kept, strict=True):
        assert np.array_equal(view, before)


@pytest.mark.parametrize("shape", [(144, 176), (144, 176, 3)])
def test_arrays_become_arrays(shape: tuple[int, ...]) -> None:
    """An array gives a new array of its shape and type, and is untouched, read-only ones and views included."""
    whole = np.random.default_rng(1).integers(0, 256, (2 * shape[0], 2 * shape[1], *shape[2:]), dtype=np.uint8)
    array = whole[::2, ::2]
    array.flags.writeable = False
    kept = array.copy()
    after = marked(array)
    assert isinstance(after, np.ndarray)
    assert (after.shape, after.dtype) == (array.shape, array.dtype)
    assert np.array_equal(array, kept)
    assert rms(after.astype(np.float64) - array) > 0.2


def test_array_format_says_the_order_of_colours() -> None:
    """An array of RGB, said to be so, gets the mark of the same picture in BGR, in its own order."""
    blue_first = np.ascontiguousarray(host("bgr24").to_ndarray(), np.uint8)
    one = Embedder(KEY).viewer(PAYLOAD).mark(blue_first)
    other = Embedder(KEY, array_format="rgb24").viewer(PAYLOAD).mark(np.ascontiguousarray(blue_first[..., ::-1]))
    assert isinstance(one, np.ndarray)
    assert isinstance(other, np.ndarray)
    assert np.array_equal(one, other[..., ::-1])


def test_nv12_is_yuv420p_in_another_order() -> None:
    """The same picture as nv12 and as yuv420p gets the same samples."""
    planar = host("yuv420p")
    after_planar, after_paired = marked(planar), marked(planar.reformat(format="nv12"))
    lumas, blues, reds = views(after_planar)
    paired_lumas, pairs = views(after_paired)
    assert np.array_equal(lumas, paired_lumas)
    assert np.array_equal(blues, pairs[..., 0])
    assert np.array_equal(reds, pairs[..., 1])


def test_ten_bits_carry_the_same_mark_finer() -> None:
    """In 10 bits the mark is that of 8 bits, times four, within rounding."""
    eight, ten = host("gray"), host("yuv420p10le")
    for view, source in zip(views(ten)[:1], views(eight), strict=True):
        view[:] = source.astype(np.uint16) * 4
    change = luma(marked(ten)) - luma(ten)
    assert np.abs(change - (luma(marked(eight)) - luma(eight))).max() <= 0.75


@pytest.mark.parametrize("name", LAYOUTS)
def test_strength_0_leaves_the_host(name: str) -> None:
    """At strength 0 the viewer's frame has the host's samples."""
    frame = host(name)
    assert same(marked(frame, strength=0), frame)


def test_strength_scales_the_mark() -> None:
    """Twice the strength is twice the mark."""
    frame = host("gray", (640, 360))
    twice, four_times = (rms(luma(marked(frame, strength=strength)) - luma(frame)) for strength in (2, 4))
    assert four_times / twice == pytest.approx(2, rel=0.05)


@pytest.mark.parametrize("name", ["gray", "rgb24", "yuv420p10le"])
@pytest.mark.parametrize("end", ["black", "white"])
def test_black_and_white_do_not_wrap(name: str, end: str) -> None:
    """At the ends of the range the mark saturates: black stays near black, white near white."""
    frame = host(name)
    layout = layout_of(frame)
    top = 255 * layout.levels + layout.levels - 1
    for view in views(frame):
        view[:] = 0 if end == "black" else top
    for view in views(marked(frame, strength=10)):
        assert np.abs(view.astype(np.int64) - (0 if end == "black" else top)).max() <= 40 * layout.levels


def pattern_at(pts: int, base: Fraction) -> Prepared:
    """Prepare a frame of a given time stamp."""
    frame = host()
    frame.pts, frame.time_base = pts, base
    return Embedder(KEY).prepare(frame)


@settings(max_examples=15, deadline=None)
@given(slot=st.integers(-40, 40), part=st.integers(0, 999))
def test_pattern_follows_the_time_stamp(slot: int, part: int) -> None:
    """A frame anywhere in a slot shows that slot's pattern, whatever its time base; the cycle repeats."""
    time = PROFILE.slot * slot + PROFILE.slot * Fraction(part, 1000)
    assert pattern_at(int(time * 25_000_000), Fraction(1, 25_000_000)).slot == slot


@pytest.mark.parametrize("rate", [Fraction(24_000, 1001), 25, 30, 60])
def test_time_counts_and_not_frames(rate: Fraction | int) -> None:
    """In streams of different frame rates, frames shown at one moment get the same mark, whatever their number."""
    moment = 3 * PROFILE.slot
    viewer = Embedder(KEY).viewer(PAYLOAD)
    picture = host("gray")
    base = 1 / Fraction(rate)
    numbers = range(int(moment * rate) - 2, int(moment * rate) + 4)
    for number in numbers:
        picture.pts, picture.time_base = number, base
        shown = viewer.mark(picture)
        same_moment = host("gray")
        same_moment.pts, same_moment.time_base = int(number * base * 10**9), Fraction(1, 10**9)
        if (number * base) % PROFILE.slot > Fraction(1, 10**6):  # a nanosecond may fall short of a slot's start
            assert same(shown, marked(same_moment))


def test_untimed_frames_are_counted() -> None:
    """Frames without a time stamp, arrays among them, are taken to come at the frame rate."""
    embedder = Embedder(KEY, frame_rate=25)
    array = np.full((144, 176), 100, np.uint8)
    shown = [embedder.prepare(array).slot for _ in range(36)]
    assert shown == [0] * 12 + [1] * 12 + [2] * 12


def test_time_given_beats_the_frames_own() -> None:
    """A time handed to `prepare` is the one that counts."""
    assert Embedder(KEY).prepare(host(), time=7 * PROFILE.slot).slot == 7


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotation_metadata_turns_the_mark(tmp_path: Path, rotation: int) -> None:
    """A stored frame that is displayed turned gets the mark of the displayed picture, turned back."""
    path = make(tmp_path / "turned.mp4", Clip(width=256, height=144, rotation=rotation, times=range(3)))
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    turns = round(frame.rotation / 90) % 4
    assert turns != 0
    change = luma(marked(frame, strength=4)) - luma(frame)
    displayed = np.ascontiguousarray(np.rot90(views(frame)[0], turns), np.uint8)
    expected = luma(marked(displayed, strength=4)) - displayed
    assert np.abs(np.rot90(change, turns) - expected).max() <= 1
    assert rms(expected) > 1


def test_size_may_change_between_frames() -> None:
    """One embedder marks frames of one size and then of another, each as a fresh one would."""
    embedder = Embedder(KEY)
    viewer = embedder.viewer(PAYLOAD)
    for size in ((176, 144), (144, 256), (176, 144)):
        assert same(viewer.mark(host(size=size)), marked(host(size=size)))


def test_pixel_aspect_turns_into_the_grid() -> None:
    """A picture with pixels twice as wide as high is marked as if it were displayed."""
    frame = host("gray", (320, 360))
    prepared = Embedder(KEY, pixel_aspect=2.0).prepare(frame)
    assert prepared.geometry.luma == Embedder(KEY).prepare(host("gray", (640, 360))).geometry.luma
