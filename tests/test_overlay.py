"""Logos and codes on frames: only in their rectangles, in every format, readable on anything, or one clear line."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from tests.media import Clip, make, write
from tests.scenes import KEY, PAYLOAD, WRONG_KEY, film
from tracemark.cli import main
from tracemark.embedder import Embedder, Policy
from tracemark.errors import OverlayError
from tracemark.frames import LAYOUTS, layout_of, planes
from tracemark.overlay import Drifting, Hopping, Logo, Overlay, SessionCode
from tracemark.overlay.places import AROUND, NAMED, corner
from tracemark.payload import Payload

if TYPE_CHECKING:
    from tracemark.frames import Frame

OTHER = Payload(session=88, member=4712)
Pixels = NDArray[np.uint8]


def png(
    folder: Path, colour: tuple[int, int, int, int] = (200, 30, 60, 255), size: tuple[int, int] = (160, 90)
) -> Path:
    """Write a logo: an ellipse on nothing, with a white bar."""
    picture = Image.new("RGBA", size, (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((4, 4, size[0] - 5, size[1] - 5), fill=colour)
    draw.rectangle((size[0] // 3, size[1] // 3, 2 * size[0] // 3, 2 * size[1] // 3), fill=(255, 255, 255, 255))
    path = folder / "logo.png"
    picture.save(path)
    return path


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    """Write a logo."""
    return png(tmp_path)


def host(name: str, size: tuple[int, int] = (320, 240)) -> av.VideoFrame:
    """Return a frame of a scene in a pixel format."""
    width, height = size
    even = film(1, 2 * -(-width // 2), 2 * -(-height // 2))[0]
    pixels = np.ascontiguousarray(even.to_ndarray(format="rgb24")[:height, :width], np.uint8)
    frame = av.VideoFrame.from_ndarray(pixels, "rgb24").reformat(format=name, dst_colorspace=Colorspace.ITU709)
    frame.pts, frame.time_base, frame.colorspace = 0, Fraction(1, 25), Colorspace.ITU709
    frame.color_range = ColorRange.JPEG if name.startswith("yuvj") else ColorRange.MPEG
    return frame


def drawn(frame: Frame, *overlays: Overlay, strength: float = 0.0, aspect: float = 1.0) -> Frame:
    """Draw overlays on a frame; without a mark unless told so."""
    return Embedder(KEY, strength=strength, pixel_aspect=aspect).viewer(PAYLOAD, overlays).mark(frame)


def flat(level: int, width: int = 640, height: int = 360) -> Pixels:
    """Return a grey picture."""
    return np.full((height, width, 3), level, np.uint8)


def same(one: Frame, other: Frame) -> bool:
    """Whether two frames have the same samples."""
    pairs = zip(planes(one, layout_of(one)), planes(other, layout_of(other)), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def changed(before: Frame, after: Frame) -> list[tuple[slice, slice]]:
    """Return the smallest rectangle of each plane that holds all changes."""
    layout = layout_of(before)
    found = []
    for one, other in zip(planes(before, layout), planes(after, layout), strict=True):
        different = one != other
        different = different.any(axis=-1) if different.ndim == 3 else different
        rows, columns = np.flatnonzero(different.any(axis=1)), np.flatnonzero(different.any(axis=0))
        found.append((slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)))
    return found


@pytest.mark.parametrize("name", LAYOUTS)
@pytest.mark.parametrize("size", [(320, 240), (321, 241), (242, 320)], ids=["even", "odd", "portrait"])
def test_nothing_changes_outside_the_rectangles(logo: Path, name: str, size: tuple[int, int]) -> None:
    """In every format and size, a marked frame with overlays is bit-identical to one without outside two rectangles."""
    frame = host(name, size)
    overlays = Logo(logo, "top right", size=0.2), SessionCode("録画禁止", position="bottom left", size=0.7)
    plain, covered = drawn(frame, strength=1.0), drawn(frame, *overlays, strength=1.0)
    layout = layout_of(frame)
    width, height = size
    for index, (one, other) in enumerate(zip(planes(plain, layout), planes(covered, layout), strict=True)):
        across, down = (layout.across, layout.down) if index else (1, 1)
        same = one == other
        same = same.all(axis=-1) if same.ndim == 3 else same
        outside = np.ones(same.shape, bool)
        outside[: height // 2 // down, round(0.7 * width) // across :] = False  # the logo's corner
        outside[height // 2 // down :, : round(0.95 * width) // across] = False  # the code's
        assert same[outside].all()
        assert not same[~outside].all()


def test_the_rectangle_is_where_it_was_asked_for() -> None:
    """A code at the bottom left keeps its margins, has its size, and is as high as its line, to two pixels."""
    before = flat(120)
    rows, columns = changed(before, drawn(before, SessionCode(position="bottom left", size=0.5, margin=0.1)))[0]
    assert abs(columns.start - 64) <= 2
    assert abs(columns.stop - 64 - 180) <= 2
    assert abs(rows.stop - 324) <= 2
    assert abs(rows.stop - rows.start - 180 * 2.25 / 20) <= 2


@pytest.mark.parametrize("name", [name for name in LAYOUTS if name not in ("gray", "rgb24")])
def test_all_formats_show_the_same(logo: Path, name: str) -> None:
    """What a logo and a code look like differs by a few levels at most between RGB and every other format."""
    overlays = Logo(logo, "top", size=0.4, edge=False), SessionCode(position="bottom", size=0.8)
    grey = av.VideoFrame.from_ndarray(flat(90, 320, 240), "rgb24")
    grey.pts, grey.time_base = 0, Fraction(1, 25)
    wanted = drawn(grey, *overlays)
    full = name.startswith("yuvj")
    target_range = ColorRange.JPEG if full else ColorRange.MPEG
    there = grey.reformat(format=name, dst_colorspace=Colorspace.ITU709, dst_color_range=target_range)
    there.pts, there.time_base = 0, Fraction(1, 25)
    there.colorspace, there.color_range = Colorspace.ITU709, target_range
    got = drawn(there, *overlays)
    assert isinstance(got, av.VideoFrame)
    assert isinstance(wanted, av.VideoFrame)
    shown = [
        each.reformat(format="rgb24", src_colorspace=Colorspace.ITU709, src_color_range=target_range).to_ndarray()
        for each in (got, there)
    ]
    # swscale's way there and back is off by up to two levels of its own, which both of them share
    change = cv2.blur(shown[0].astype(float) - shown[1], (4, 4))
    off = np.abs(change - cv2.blur(wanted.to_ndarray().astype(float) - grey.to_ndarray(), (4, 4)))
    assert off.mean() < 0.5
    assert np.percentile(off, 99.5) < 16  # the rest are coloured edges, whose chroma is shared by two by two pixels


@pytest.mark.parametrize(("name", "black", "white"), [("yuv420p", 16, 235), ("yuvj420p", 0, 255), ("nv12", 16, 235)])
def test_levels_of_both_ranges(name: str, black: int, white: int) -> None:
    """Opaque white is 235 in the limited range and 255 in the full one, and no colour comes with it."""
    frame = av.VideoFrame.from_ndarray(flat(0, 320, 240), "rgb24").reformat(format=name)
    for plane in planes(frame, layout_of(frame))[:1]:
        plane[:] = black
    for plane in planes(frame, layout_of(frame))[1:]:
        plane[:] = 128
    frame.pts, frame.time_base = 0, Fraction(1, 25)
    luma, *chroma = planes(drawn(frame, SessionCode(position="middle", size=1.0)), layout_of(frame))
    assert int(luma.max()) == round(black + 0.85 * (white - black))
    assert int(luma.min()) == black
    assert all((np.abs(plane.astype(int) - 128) <= 1).all() for plane in chroma)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_turned_pictures_show_upright_overlays(tmp_path: Path, logo: Path, rotation: int) -> None:
    """A picture that is turned for display shows the same as one that is stored upright."""
    turns = rotation // 90
    upright = flat(100, 480, 320)
    wanted = np.asarray(drawn(upright, SessionCode(position="top left")))
    stored = np.ascontiguousarray(np.rot90(upright, -turns))
    frame = av.VideoFrame.from_ndarray(stored, "bgr24").reformat(format="yuv420p")
    clip = Clip(
        width=stored.shape[1],
        height=stored.shape[0],
        times=[0],
        rotation=rotation,
        codec="libx264rgb",
        pixel_format="bgr24",
        options={"qp": "0"},
    )
    path = write(tmp_path / "turned.mp4", clip, [frame.reformat(format="bgr24")])
    with av.open(str(path)) as container:
        read = next(container.decode(video=0))
    assert round(read.rotation) % 360 == rotation
    read = read.reformat(format="yuv444p")
    got = drawn(read, SessionCode(position="top left"))
    shown = np.rot90(planes(got, layout_of(got))[0], turns)
    grey = cv2.cvtColor(wanted, cv2.COLOR_BGR2GRAY)
    assert np.corrcoef(shown.ravel(), grey.ravel())[0, 1] > 0.97


def test_wide_pixels() -> None:
    """Where pixels are shown twice as wide, a code is drawn half as wide."""
    before = flat(120, 320, 360)
    square = changed(before, drawn(before, SessionCode(position="top left")))[0]
    wide = changed(before, drawn(before, SessionCode(position="top left"), aspect=2.0))[0]
    lengths = [each[1].stop - each[1].start for each in (square, wide)]
    assert abs(lengths[0] * 360 / 320 / 2 - lengths[1]) <= 3


def test_logos_are_shared_and_codes_are_not(logo: Path) -> None:
    """A logo that all viewers have is drawn once, in preparing; else on each copy, to the same end."""
    embedder = Embedder(KEY)
    ours, theirs = (
        embedder.viewer(each, [Logo(logo, "top right"), SessionCode(position="bottom left")])
        for each in (PAYLOAD, OTHER)
    )
    prepared = embedder.prepare(host("yuv420p"))
    assert len(prepared.scenery.drawn) == 1
    shared = ours.mark(prepared)
    assert not same(shared, theirs.mark(prepared))
    bare = embedder.viewer(PAYLOAD)
    prepared = embedder.prepare(host("yuv420p"))
    assert prepared.scenery.drawn == ()
    assert same(ours.mark(prepared), shared)
    clean = Embedder(KEY)
    assert same(bare.mark(prepared), clean.viewer(PAYLOAD).mark(clean.prepare(host("yuv420p"))))
    del bare
    assert len(embedder.prepare(host("yuv420p")).scenery.drawn) == 1


def test_a_logo_may_differ_from_viewer_to_viewer(tmp_path: Path, logo: Path) -> None:
    """Logos that look different are not shared, whatever their files are called."""
    red = Logo(logo)
    assert red == Logo(logo)
    assert red != Logo(png(tmp_path, (0, 0, 250, 255)))


def luminance(levels: NDArray[np.generic]) -> NDArray[np.float64]:
    """Relative luminance of colours in blue, green, red (WCAG 2.2)."""
    share = levels.astype(np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ [0.0722, 0.7152, 0.2126])


def backgrounds() -> dict[str, Pixels]:
    """Return pictures that text is hard to read on."""
    noise = np.random.default_rng(1).integers(0, 256, (360, 640, 3)).astype(np.uint8)
    skin = np.broadcast_to(np.array([140, 172, 224], np.uint8), (360, 640, 3)).copy()
    return {"white": flat(255), "black": flat(0), "skin": skin, "noise": noise}


@pytest.mark.parametrize("name", ["white", "black", "skin", "noise"])
def test_text_has_contrast_everywhere(name: str) -> None:
    """Letters stand out from their plate by a luminance contrast of 4.5 (WCAG 2.2, 1.4.3) on any background."""
    code = SessionCode(position="middle", size=1.0)
    picture = backgrounds()[name]
    on_black = np.asarray(drawn(flat(0), code))[..., 0]
    rows, columns = changed(flat(128), drawn(flat(128), code))[0]
    inside = np.zeros(on_black.shape, bool)
    inside[rows.start + 4 : rows.stop - 4, columns.start + 4 : columns.stop - 4] = True
    shown = luminance(np.asarray(drawn(picture, code)))
    letters, plate = shown[inside & (on_black > 210)].mean(), shown[inside & (on_black == 0)].mean()
    assert (letters + 0.05) / (plate + 0.05) >= 4.5


@pytest.mark.parametrize("level", [0, 255])
def test_a_logo_of_the_picture_s_colour_has_an_edge(tmp_path: Path, level: int) -> None:
    """A black logo on black and a white one on white are seen by their edge, which is light and dark."""
    picture = Image.new("RGBA", (100, 60), (level, level, level, 255))
    picture.save(tmp_path / "plain.png")
    background = flat(level)
    with_edge = np.asarray(drawn(background, Logo(tmp_path / "plain.png", opacity=1.0))).astype(int)
    without = np.asarray(drawn(background, Logo(tmp_path / "plain.png", opacity=1.0, edge=False))).astype(int)
    assert np.abs(without - level).max() <= 1
    assert np.abs(with_edge - level).max() > 100


@given(st.integers(0, 2000), st.sampled_from([2, 3, 8]))
def test_hopping_visits_all_and_never_stays(turn: int, count: int) -> None:
    """In each turn every place is visited once, and no hop stays where it was."""
    hops = Hopping(2.0, AROUND[:count])
    begin = 2 * turn * count
    visited = [hops.at(begin + 2 * number, KEY) for number in range(count)]
    assert sorted(visited) == sorted(AROUND[:count])
    following = [*visited, hops.at(begin + 2 * count, KEY)]
    assert all(one != other for one, other in pairwise(following))
    assert hops.at(begin, KEY) == hops.at(begin + Fraction(199, 100), KEY)


def test_the_key_chooses_the_hops() -> None:
    """Another key hops in another order, the same key always in the same."""
    orders = [[Hopping().at(10 * step, key) for step in range(16)] for key in (KEY, KEY, WRONG_KEY)]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]


def test_drifting_is_slow_and_gets_everywhere() -> None:
    """A drift moves by less than a hundredth of the room in a frame, and reaches all four quarters."""
    drift = Drifting(20.0)
    path = np.array([drift.at(Fraction(frame, 25), KEY) for frame in range(3000)])
    assert np.abs(np.diff(path, axis=0)).max() < 0.01
    assert {(bool(x > 0.5), bool(y > 0.5)) for x, y in path} == {(a, b) for a in (True, False) for b in (True, False)}


def test_a_code_moves_with_its_schedule(logo: Path) -> None:
    """The rectangle of a hopping code is elsewhere after the interval, and where it was before it."""
    embedder = Embedder(KEY, strength=0)
    viewer = embedder.viewer(PAYLOAD, [SessionCode(position=Hopping(1.0))])
    before = flat(120)
    places = [changed(before, viewer.mark(embedder.prepare(before, time)))[0] for time in (0.0, 0.9, 1.1)]
    assert places[0] == places[1] != places[2]


@given(st.sampled_from(list(NAMED.values())), st.integers(1, 300), st.integers(1, 300), st.floats(0, 0.4))
def test_places_lie_inside(place: tuple[float, float], width: int, height: int, margin: float) -> None:
    """Whatever fits the picture lies within it, and within its margins where there is room."""
    x, y = corner(place, (width, height), (300, 300), margin)
    assert 0 <= x <= 300 - width
    assert 0 <= y <= 300 - height
    if width <= 300 * (1 - 2 * margin):
        assert x >= int(300 * margin)


def test_tiles_repeat_the_code() -> None:
    """Three by two tiles show the code six times, each in its own part of the picture."""
    before = flat(120, 1200, 600)
    after = np.asarray(drawn(before, SessionCode(position="middle", tiles=(3, 2), size=0.3, opacity=0.5)))
    for row in range(2):
        for column in range(3):
            part = after[300 * row : 300 * row + 300, 400 * column : 400 * column + 400]
            rows, columns = changed(before[:300, :400], part)[0]
            assert abs((rows.start + rows.stop) / 2 - 150) <= 2
            assert abs((columns.start + columns.stop) / 2 - 200) <= 2


def test_texts_change_with_time() -> None:
    """``{time}`` and a callable give the text of the moment; the code itself stays."""
    embedder = Embedder(KEY, strength=0)
    ways = SessionCode("{time}", position="top left"), SessionCode(lambda time: f"t={int(time)}", position="top left")
    assert ways[0].shown(Fraction(3723)) == "1:02:03"
    assert ways[1].shown(Fraction(12)) == "t=12"
    before = flat(120)
    for code in ways:
        viewer = embedder.viewer(PAYLOAD, [code])
        first, same, later = (np.asarray(viewer.mark(embedder.prepare(before, time))) for time in (1.0, 1.5, 2.0))
        assert (first == same).all()
        assert (first != later).any()
        assert (first[:54] == later[:54]).all()


@pytest.mark.parametrize(
    "text", ["録画禁止・転載禁止", "ひらがな カタカナ 漢字", "Ünïcödé Ελληνικά Русский 한국어 中文"]
)
def test_scripts_that_render_out_of_the_box(text: str) -> None:
    """Japanese, and what else the font has, is drawn, not replaced by boxes."""
    before = flat(120)
    with_text = changed(before, drawn(before, SessionCode(text, position="top left")))[0]
    without = changed(before, drawn(before, SessionCode(position="top left")))[0]
    assert with_text[0].stop > without[0].stop + 8


@pytest.mark.parametrize("kind", ["missing", "folder", "corrupt", "cut", "text", "huge", "animated", "transparent"])
def test_bad_logos(tmp_path: Path, kind: str) -> None:
    """Each kind of file that is no usable logo gives one clear line with advice."""
    path = tmp_path / "bad.png"
    match kind:
        case "folder":
            path.mkdir()
        case "corrupt":
            good = bytearray(png(tmp_path).read_bytes())
            good[60:120] = bytes(60)
            path.write_bytes(good)
        case "cut":
            path.write_bytes(png(tmp_path).read_bytes()[:150])
        case "text":
            path.write_text("This is text.\n" * 40)
        case "huge":
            Image.new("1", (20_000, 20_000)).save(path)
        case "animated":
            pictures = [Image.new("RGBA", (40, 40), (level, 0, 0, 255)) for level in (0, 90, 180)]
            pictures[0].save(path, save_all=True, append_images=pictures[1:])
        case "transparent":
            Image.new("RGBA", (40, 40), (9, 9, 9, 0)).save(path)
    said = {
        "missing": "does not exist",
        "folder": "is a folder",
        "corrupt": "damaged",
        "cut": "damaged",
        "text": "is no PNG",
        "huge": "pixels",
        "animated": "animated",
        "transparent": "transparent",
    }[kind]
    with pytest.raises(OverlayError, match=said) as caught:
        Logo(path)
    assert caught.value.advice
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"opacity": 0.0}, "opacity"),
        ({"opacity": 1.5}, "opacity"),
        ({"opacity": float("nan")}, "opacity"),
        ({"size": 1.2}, "size"),
        ({"margin": -0.1}, "margin"),
        ({"position": "somewhere"}, "no position 'somewhere'"),
        ({"position": (0.5, 1.5)}, "outside the picture"),
        ({"position": 7}, "is no position"),
    ],
)
@pytest.mark.parametrize("kind", ["logo", "code"])
def test_numbers_out_of_range(logo: Path, wrong: dict[str, object], said: str, kind: str) -> None:
    """Whatever is out of range is named in one line with advice, when the overlay is made."""
    with pytest.raises(OverlayError, match=said) as caught:
        Logo(logo, **wrong) if kind == "logo" else SessionCode(**wrong)  # type: ignore[arg-type]
    assert caught.value.advice


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": "สวัสดี"}, "has no letter ส"),
        ({"text": "one\ntwo"}, r"has no letter \\n"),
        ({"text": "x" * 401}, "401 letters"),
        ({"font": "none.ttf"}, "none.ttf does not exist"),
        ({"font": __file__}, "is no font"),
        ({"tiles": (0, 2)}, "no tiles"),
        ({"position": Hopping}, "is no position"),
    ],
)
def test_codes_that_cannot_be_drawn(wrong: dict[str, object], said: str) -> None:
    """A letter that the font lacks, a font that is none and the like give one line when the code is made."""
    with pytest.raises(OverlayError, match=said) as caught:
        SessionCode(**wrong)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_what_does_not_fit_the_picture(tmp_path: Path) -> None:
    """Text too long, code too small and logo too high for the picture are told with the picture's size."""
    small = flat(120, 160, 120)
    with pytest.raises(OverlayError, match=r"too long: \d+ pixels, where the picture has 160"):
        drawn(small, SessionCode("a notice that is too long for it" * 3, size=0.8))
    with pytest.raises(OverlayError, match="cannot be read in a picture of 160x120"):
        drawn(small, SessionCode(size=0.3))
    with pytest.raises(OverlayError, match="the picture has 120"):
        drawn(small, Logo(png(tmp_path, size=(40, 90)), size=0.9))
    with pytest.raises(OverlayError, match="fewer tiles"):
        drawn(small, SessionCode(size=0.8, tiles=(2, 1)))


def test_what_does_not_fit_may_be_left_out(tmp_path: Path) -> None:
    """Where the policy says so a frame that shrank goes out with the mark alone, and what it lacks is counted."""
    overlays: list[Overlay] = [Logo(png(tmp_path, size=(40, 90)), size=0.35), SessionCode(size=0.3)]
    large, small = host("yuv420p", (640, 640)), host("yuv420p", (160, 120))
    bare = Embedder(KEY)
    plain = bare.viewer(PAYLOAD).mark(bare.prepare(small))
    embedder = Embedder(KEY, policy=Policy(overlays_required=False))
    viewer = embedder.viewer(PAYLOAD, overlays)
    for frame in (small, large, small):
        copy = viewer.mark(embedder.prepare(frame))
        assert same(copy, plain) == (frame is small)
    assert embedder.counts.left_out == 4
    with pytest.raises(OverlayError):
        Embedder(KEY).viewer(PAYLOAD, overlays).mark(small)


@pytest.mark.parametrize(("interval", "places"), [(0.0, AROUND), (float("nan"), AROUND), (1.0, AROUND[:1])])
def test_schedules_that_cannot_be(interval: float, places: tuple[tuple[float, float], ...]) -> None:
    """A hop without time or places, and a drift without time, are refused."""
    with pytest.raises(OverlayError):
        Hopping(interval, places)
    with pytest.raises(OverlayError):
        Drifting(min(interval, 0.1))


def test_commands_say_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`embed` with a logo that is missing, or a text too long, leaves with 2 and one line, and writes nothing."""
    key = tmp_path / "studio.key"
    KEY.save(key)
    source, target = make(tmp_path / "a.mp4"), tmp_path / "b.mp4"
    words = ["embed", str(source), str(target), "--session", "1", "--member", "2", "--key", str(key)]
    for extra in (["--logo", "none.png"], ["--code", "--text", "w" * 200], ["--text", "without a code"]):
        assert main([*words, *extra]) == 2
        said = capsys.readouterr()
        assert said.err.count("\n") == 1, said.err
        assert not target.exists()
