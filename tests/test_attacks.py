"""The attacks do what their names say, the same from the same seed, and know where the picture has gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks import leaks, real_leaks, real_lines, real_page, workshop
from benchmarks.attacks import catalogue as attacks
from benchmarks.attacks.desktop import Desktop
from benchmarks.attacks.filmed import Filmed
from benchmarks.attacks.geometric import Crop, Mirror, Rotate
from benchmarks.attacks.pairs import SideBySide, Splice
from benchmarks.attacks.placement import Format
from benchmarks.attacks.truth import corner_error, homography, mapped
from benchmarks.leaks import Leak
from benchmarks.lines import Clip
from benchmarks.reading import Reading
from tests import media
from tracemark import Payload

WIDTH, HEIGHT, RATE, FRAMES = 256, 144, 25, 20
SECONDS = FRAMES / RATE
HOST = Format(WIDTH, HEIGHT, RATE)
BLOB = (0.42, 0.55)
"""Where a bright blob is drawn, normalised: in the part that every crop keeps."""
RADIUS = 7


def write(path: Path, *, blob: bool = False, level: int | None = None) -> Path:
    """Write a clip of little contrast without loss, or of one level of gray, with or without a bright blob."""
    clip = media.Clip("ffv1", width=WIDTH, height=HEIGHT, rate=RATE, times=range(FRAMES))
    frames = []
    for number in range(FRAMES):
        shift = 2 * number % media.MARGIN
        part = media.scene(WIDTH, HEIGHT)[shift : shift + HEIGHT, shift : shift + WIDTH]
        picture = (part // 3 + 40).astype(np.uint8) if level is None else np.full_like(part, level)
        if blob:
            centre = round(BLOB[0] * WIDTH - 0.5), round(BLOB[1] * HEIGHT - 0.5)
            cv2.circle(picture, centre, RADIUS, (255, 255, 255), -1)
        frames.append(av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p"))
    return media.write(path, clip, frames)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clip without the blob."""
    return write(tmp_path_factory.mktemp("attacks") / "plain.mkv")


@pytest.fixture(scope="module")
def blobbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clip with the blob."""
    return write(tmp_path_factory.mktemp("attacks") / "blob.mkv", blob=True)


def frames_of(path: Path) -> list[tuple[float, NDArray[np.int16]]]:
    """Read times in seconds and luma."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [(float(frame.time or 0), np.asarray(frame.to_ndarray(format="gray"), np.int16)) for frame in frames]


def leaked(leak: Leak, source: Path, folder: Path, name: str = "leak") -> list[tuple[float, NDArray[np.int16]]]:
    """Leak a file and read it."""
    target = folder / f"{name}{leak.suffix}"
    leak.apply(source, target)
    return frames_of(target)


SAME = (WIDTH, HEIGHT)
SIZES: Sequence[tuple[Leak, tuple[int, int]]] = [
    (attacks.crop(0.71, seed=1), (182, 102)),
    (attacks.crop(0.71, enlarged=True), SAME),
    (attacks.resize(0.25), (64, 36)),
    (attacks.resize(1.5), (384, 216)),
    (attacks.stretch(0.75), (192, 144)),
    (attacks.stretch(4 / 3), (342, 144)),
    (attacks.rotate(10), (278, 186)),
    (attacks.rotate(270), (144, 256)),
    (attacks.mirror_rotate(3), (264, 158)),
    (attacks.letterbox(), (256, 192)),
    (attacks.pillarbox(), (384, 144)),
    (attacks.picture_in_picture(0.5, seed=1), SAME),
    (attacks.perspective(0.08, seed=1), (260, 148)),
    *((each(factor), SAME) for each in (attacks.brightness, attacks.contrast) for factor in (0.5, 1.5)),
    *((each(factor), SAME) for each in (attacks.saturation, attacks.gamma) for factor in (0.5, 1.5)),
    *((each(), SAME) for each in (attacks.hue, attacks.gray, attacks.sharpen, attacks.median, attacks.blur)),
    *((each(), SAME) for each in (attacks.denoise, attacks.jpeg_frames)),
    (attacks.noise(seed=1), SAME),
    *((each(seed=1), SAME) for each in (attacks.subtitles, attacks.sticker, attacks.other_logo, attacks.blackout)),
    (attacks.crop_darkened(40), (182, 102)),
    (attacks.video_seal_chain(), (192, 108)),
    (attacks.recorded_and_shared(seed=1), (304, 540)),
]


@pytest.mark.parametrize(("leak", "size"), SIZES, ids=[leak.slug for leak, _ in SIZES])
def test_attack_keeps_frames_and_has_its_size(leak: Leak, size: tuple[int, int], plain: Path, tmp_path: Path) -> None:
    """Attacks on the picture lose no frame, keep all times, and give the size they promise."""
    frames = leaked(leak, plain, tmp_path)
    assert size[::-1] == frames[0][1].shape
    assert [number / RATE for number in range(FRAMES)] == pytest.approx([time for time, _ in frames], abs=1e-3)


def test_screenshot_is_one_small_picture(plain: Path, tmp_path: Path) -> None:
    """A screenshot is a picture of the part and size asked for."""
    attacks.screenshot(0.4, seed=1).apply(plain, tmp_path / "shot.jpg")
    picture = cv2.imread(str(tmp_path / "shot.jpg"))
    assert picture is not None
    assert picture.shape == (62, 110, 3)


STEADY = attacks.drawn("steady", Filmed(1, barrel=0, wobble=0, long_side=480))
MOVED: Sequence[Leak] = [
    attacks.crop(0.71),
    attacks.crop(0.9, seed=3, enlarged=True),
    attacks.resize(0.25),
    attacks.stretch(0.75),
    *(attacks.rotate(angle) for angle in (10, 45, 90, 180, 270)),
    attacks.mirror(),
    attacks.mirror_rotate(3),
    attacks.desktop(0.4, seed=2),
    attacks.drawn("portrait", Desktop(0.6, 2, portrait=True)),
    attacks.letterbox(),
    attacks.pillarbox(),
    attacks.picture_in_picture(0.5, seed=1),
    attacks.perspective(0.08, seed=1),
    STEADY,
    attacks.moved("mirror, crop, rotate", Mirror(), Crop(0.8, 4), Rotate(-20)),
    attacks.video_seal_chain().then(attacks.mirror()),
]


@pytest.mark.parametrize("leak", MOVED, ids=lambda leak: leak.slug)
def test_truth_maps_a_blob_home(leak: Leak, plain: Path, blobbed: Path, tmp_path: Path) -> None:
    """The true homography takes the blob from where it is seen in the leak to where it was drawn."""
    truth = homography(leak, HOST)
    assert truth is not None
    (_, without), (_, shown) = (leaked(leak, source, tmp_path)[FRAMES // 2] for source in (plain, blobbed))
    difference = np.abs(shown - without).astype(np.float64)
    y, x = np.nonzero(difference > 0.5 * difference.max())
    seen = np.array([[x.mean() + 0.5, y.mean() + 0.5]]) / difference.shape[::-1]
    assert pytest.approx(tuple(mapped(truth, seen)[0]), abs=0.012) == BLOB


def test_filmed_wanders_about_the_truth(plain: Path, blobbed: Path, tmp_path: Path) -> None:
    """By hand and through a lens the blob is near where the steady truth says, and not always at the same place."""
    leak = attacks.drawn("filmed", Filmed(1, long_side=480))
    truth = homography(leak, HOST)
    assert truth is not None
    homes = []
    for (_, without), (_, shown) in zip(*(leaked(leak, source, tmp_path) for source in (plain, blobbed)), strict=True):
        difference = np.abs(shown - without).astype(np.float64)
        y, x = np.nonzero(difference > 0.5 * difference.max())
        seen = np.array([[x.mean() + 0.5, y.mean() + 0.5]]) / difference.shape[::-1]
        homes.append(mapped(truth, seen)[0])
    assert without.shape == (270, 480)
    assert pytest.approx(tuple(np.mean(homes, axis=0)), abs=0.03) == BLOB
    assert 0.002 < np.ptp(homes, axis=0).max() < 0.06


SEEDED: Sequence[Callable[..., Leak]] = [
    partial(attacks.crop, 0.71),
    partial(attacks.picture_in_picture, 0.5),
    partial(attacks.perspective, 0.05),
    partial(attacks.noise, 8),
    attacks.subtitles,
    attacks.sticker,
    attacks.other_logo,
    attacks.blackout,
    attacks.dropped,
    attacks.recorded_and_shared,
]


@pytest.mark.parametrize("make", SEEDED, ids=lambda make: make(seed=1).slug)
def test_chance_hangs_on_the_seed(make: Callable[..., Leak], plain: Path, tmp_path: Path) -> None:
    """The same seed gives the same pictures and names; another seed gives others."""
    first, again, other = (leaked(make(seed=seed), plain, tmp_path) for seed in (1, 1, 2))
    assert repr(make(seed=1)) == repr(make(seed=1)) != repr(make(seed=2))
    assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(first, again, strict=True))
    assert len(first) != len(other) or any(
        a.shape != b.shape or not np.array_equal(a, b) for (_, a), (_, b) in zip(first, other, strict=True)
    )


@pytest.mark.parametrize("factor", [0.8, 0.9, 1.1, 1.25])
def test_speed_scales_times(factor: float, plain: Path, tmp_path: Path) -> None:
    """A faster or slower copy has every frame, at its scaled time."""
    times = [time for time, _ in leaked(attacks.speed(factor), plain, tmp_path)]
    assert [number / RATE / factor for number in range(FRAMES)] == pytest.approx(times, abs=1e-3)


def test_every_second_frame_keeps_its_time(plain: Path, tmp_path: Path) -> None:
    """Half of the frames are left, at the times they had."""
    times = [time for time, _ in leaked(attacks.every_second_frame(), plain, tmp_path)]
    assert [number / RATE for number in range(0, FRAMES, 2)] == pytest.approx(times, abs=1e-3)


def test_dropped_frames_leave_gaps_or_close_up(plain: Path, tmp_path: Path) -> None:
    """The same frames are lost either way; the others keep their times, or follow each other without a gap."""
    gaps, closed = (
        leaked(attacks.dropped(0.3, seed=5, closed=close, crf=1), plain, tmp_path) for close in (False, True)
    )
    assert 0.4 * FRAMES < len(gaps) < FRAMES
    assert all(np.abs(a - b).mean() < 1 for (_, a), (_, b) in zip(gaps, closed, strict=True))
    steps = np.diff([time for time, _ in gaps]) * RATE
    assert np.abs(steps - np.round(steps)).max() < 0.01
    assert steps.max() > 1.5
    assert [number / RATE for number in range(len(closed))] == pytest.approx([time for time, _ in closed], abs=1e-3)


def level(leak: Leak, source: Path, folder: Path) -> float:
    """Mean luma of a leaked picture."""
    return float(leaked(leak, source, folder)[5][1].mean())


def test_colour_goes_the_way_it_says(tmp_path: Path) -> None:
    """Half the brightness is half the level; a lower gamma is darker; a lower contrast is nearer to middle gray."""
    dark = write(tmp_path / "dark.mkv", level=80)
    before = level(leaks.x264(1), dark, tmp_path)
    assert before / 2 == pytest.approx(level(attacks.brightness(0.5, crf=1), dark, tmp_path), abs=1.5)
    assert level(attacks.gamma(0.5, crf=1), dark, tmp_path) < before - 10 < before
    assert before < level(attacks.gamma(1.5, crf=1), dark, tmp_path)
    assert before + 10 < level(attacks.contrast(0.5, crf=1), dark, tmp_path) < 128


def test_noise_has_its_deviation(tmp_path: Path) -> None:
    """Noise of sigma 8 is that, and another in every frame."""
    (_, first), (_, second) = leaked(
        attacks.noise(8, seed=1, crf=1), write(tmp_path / "gray.mkv", level=128), tmp_path
    )[:2]
    assert pytest.approx(float(first.std()), rel=0.1) == 8 * 255 / 219
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1


def test_blackout_covers_its_share(tmp_path: Path) -> None:
    """30 % blacked out are 30 % of the area."""
    bright = write(tmp_path / "bright.mkv", level=200)
    assert pytest.approx(float((leaked(attacks.blackout(seed=1), bright, tmp_path)[0][1] < 60).mean()), abs=0.02) == 0.3


def test_two_copies_become_one(plain: Path, blobbed: Path, tmp_path: Path) -> None:
    """A splice shows one copy, then what follows of the other; side by side shows both."""
    Splice(0.4, SECONDS)(plain, blobbed, tmp_path / "splice.mkv")
    spliced, first, second = (frames_of(path) for path in (tmp_path / "splice.mkv", plain, blobbed))
    expected = [luma for _, luma in (*first[:10], *second[10:])]
    assert all(np.array_equal(a, b) for a, (_, b) in zip(expected, spliced, strict=True))
    assert [number / RATE for number in range(FRAMES)] == pytest.approx([time for time, _ in spliced], abs=2e-3)
    SideBySide(0.4)(plain, blobbed, tmp_path / "beside.mkv")
    both = frames_of(tmp_path / "beside.mkv")
    assert (len(both), both[0][1].shape) == (10, (HEIGHT, 2 * WIDTH))
    assert np.array_equal(np.hstack([first[3][1], second[3][1]]), both[3][1])


def test_splice_of_a_short_clip_ends_with_it(plain: Path, tmp_path: Path) -> None:
    """Where a clip has too little left, the second copy shows its last seconds."""
    Splice(0.6, SECONDS)(plain, plain, tmp_path / "splice.mkv")
    spliced, whole = frames_of(tmp_path / "splice.mkv"), frames_of(plain)
    assert [*range(15), *range(5, 20)] == [
        next(n for n, (_, luma) in enumerate(whole) if np.array_equal(luma, ours)) for _, ours in spliced
    ]


def test_corner_error_is_a_share_of_the_width() -> None:
    """A geometry off by a hundredth of the width is off by that; the true one by nothing."""
    truth = homography(attacks.mirror_rotate(3), HOST)
    assert truth is not None
    assert corner_error(truth, truth, HOST) == pytest.approx(0, abs=1e-9)
    shifted = np.array([[1, 0, 0.01], [0, 1, 0], [0, 0, 1]]) @ truth
    assert pytest.approx(corner_error(shifted, truth, HOST)) == 0.01


def test_lines_are_all_there(plain: Path) -> None:
    """A clip is attacked in every way, always the same, every attack under a name of its own."""
    clip = Clip.read(plain)
    tried = real_lines.attacks_on(clip)
    assert tried == real_lines.attacks_on(clip)
    assert len(tried) == len({(attack.line.name, attack.leak.name) for attack in tried})
    assert len(tried) == 77
    assert all(attack.line.aim == 0.95 and attack.line.bar in (0.6, 0.95) for attack in tried)


def test_workshop_notices_a_changed_attack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leak is named after the sources of its own attack, not after those of others."""
    monkeypatch.setattr(workshop, "content", lambda path: path.name)
    assert workshop._sources_of(*attacks.speed(0.8).steps) == ["moves.py", "placement.py", "timing.py"]
    assert workshop._sources_of(*attacks.mirror().steps) == ["geometric.py", "moves.py", "placement.py"]
    assert "desktop.py" in workshop._sources_of(*attacks.desktop(0.4, seed=1).steps)
    assert workshop._sources_of(*leaks.x264(28).steps) == []


def made_up(verdict: str, *named: tuple[int, int, float]) -> Reading:
    """Make up what a decoder said."""
    return Reading(verdict, named, 1e-20, 12.0, seconds_taken=1.0, reasons=("too short",))


def test_page_shows_misses_in_bold() -> None:
    """Misses, one of two viewers, and wrong IDs with either key stand out."""
    line = real_lines.hard("Crop", "crop 0.4")
    ours, theirs = Payload(session=1, member=2), Payload(session=1, member=3)
    outcomes = [
        real_page.Outcome(line, "one", "crop", (ours,), made_up("found", (1, 2, 1e-20)), 0.004, None),
        real_page.Outcome(line, "two", "crop", (ours,), made_up("absent"), None, made_up("found", (7, 7, 1e-20))),
        real_page.Outcome(line, "three", "crop", (ours, theirs), made_up("found", (1, 2, 1e-20)), None, None),
        real_page.Outcome(line, "four", "crop", (ours,), made_up("found", (1, 3, 1e-20)), 0.0, None),
    ]
    page = real_page.render({}, outcomes)
    assert "**Wrong IDs: 2** in 5 decodes." in page
    assert "| Crop | crop 0.4 (hard) | 60% | 1 of 4 | **missed** |" in page
    assert "1e-20, z 12.0, 0.40%" in page
    assert "**1 of 2**" in page
    assert page.count("**WRONG ID**") == 2
    assert "| two | crop | absent | too short |" in page


def test_reading_names_everyone_or_not() -> None:
    """A reading that was kept says the same; naming one of two is neither all right nor wrong."""
    ours, theirs = Payload(session=1, member=2), Payload(session=1, member=3)
    reading = made_up("found", (1, 2, 1e-20))
    assert reading == Reading.revived({**vars(reading), "named": [[1, 2, 1e-20]]})
    assert (reading.names([ours]), reading.names([ours, theirs])) == (True, False)
    assert (reading.wrong([ours, theirs]), reading.wrong([theirs])) == (False, True)


def test_small_run_of_real_leaks(plain: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run marks, leaks and decodes with both keys; a second one has nothing left to make and says the same."""
    work = tmp_path / "work"
    given = ["--clips", str(plain.parent), "--work", str(work), "--jobs", "1", "--least-lines", "100"]
    given += ["--only", "gamma 1.5", "--only", "side by side", "--twins", "1"]
    real_leaks.main(given)
    first, made = capsys.readouterr().out, {path: path.stat().st_mtime_ns for path in work.iterdir()}
    real_leaks.main(given)
    assert capsys.readouterr().out == first
    assert {path: path.stat().st_mtime_ns for path in work.iterdir()} == made
    assert "Wrong IDs: 0 in 4 decodes." in first
    assert "| Colour | gamma 1.5 | 95% |" in first
    assert "| side by side |" in first
