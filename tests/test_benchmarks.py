"""The benchmarks measure what they say, on clips of a second, so that they never rot."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import av
import cv2
import numpy as np
import pytest

from benchmarks import contact_sheet, leaks, lines, main_job, page, quality, report, search_trials, waiting
from benchmarks.workshop import RIGHT_KEY, Verdict, Workshop
from tracemark import Payload
from tracemark.errors import TracemarkError
from tracemark.signal.colour import ciede2000

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from tracemark.overlay import Overlay

WIDTH, HEIGHT, RATE, FRAMES = 192, 128, 25, 30


def pictures(seed: int = 1, count: int = FRAMES) -> list[NDArray[np.uint8]]:
    """Draw frames in yuv420p: a pattern that drifts to the left beside a smooth wall on the right."""
    chance = np.random.default_rng(seed)
    texture = cv2.GaussianBlur(chance.normal(128, 300, (HEIGHT, WIDTH + count)), (0, 0), 3)
    drawn = []
    for number in range(count):
        frame = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
        frame[:HEIGHT] = np.clip(texture[:, number : number + WIDTH], 16, 235)
        frame[:HEIGHT, WIDTH // 2 :] = 120
        drawn.append(frame)
    return drawn


def noisy(frames: Iterable[NDArray[np.uint8]]) -> list[NDArray[np.uint8]]:
    """Add one level to half of all samples and take one from the others: an RMS of exactly one level."""
    signs = np.random.default_rng(2).choice([-1, 1], (HEIGHT * 3 // 2, WIDTH))
    return [(frame + signs).astype(np.uint8) for frame in frames]


def write(path: Path, frames: Iterable[NDArray[np.uint8]]) -> Path:
    """Write frames without loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="yuv420p")))
        container.mux(stream.encode(None))
    return path


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Host file, alone in its folder."""
    return write(tmp_path_factory.mktemp("clips") / "host.mkv", pictures())


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Host with a mark of one level."""
    return write(tmp_path_factory.mktemp("marked") / "marked.mkv", noisy(pictures()))


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1.3802, -84.2814), (50, 0, -82.7485), 1.0),
        ((50, 0, 0), (50, -1, 2), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((22.7233, 20.0904, -46.694), (23.0331, 14.973, -42.5619), 2.0373),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_ciede2000_published(first: tuple[float, ...], second: tuple[float, ...], difference: float) -> None:
    """CIEDE2000 gives the published differences (Sharma 2005, table 1)."""
    ours = ciede2000(np.array([first], np.float32), np.array([second], np.float32))
    assert ours[0] == pytest.approx(difference, abs=1e-3)


def test_quality_of_known_noise() -> None:
    """A mark of one level everywhere is measured as one level, and as the PSNR that belongs to it."""
    measured = quality.measure_frames(pictures(), noisy(pictures()), vmaf_host=100.0)
    assert measured.smooth_rms == pytest.approx(1.0)
    assert measured.smooth_rms_cb == pytest.approx(1.0)
    assert measured.psnr_y == pytest.approx(20 * math.log10(255))
    assert measured.smooth_share == pytest.approx(0.5, abs=0.1)
    assert measured.frames == FRAMES
    assert 0.5 < measured.ciede2000 < 3
    assert measured.vmaf_worst <= measured.vmaf < 100
    assert measured.vmaf_drop == 100.0 - measured.vmaf


def test_quality_of_equal_files(host: Path) -> None:
    """A file against itself loses nothing."""
    measured = quality.measure(host, host)
    assert measured.vmaf_drop == 0
    assert measured.psnr_y == measured.psnr_rgb == math.inf
    assert measured.ciede2000 == measured.smooth_rms == 0


def test_quality_refuses_lost_frames() -> None:
    """Clips of different lengths are refused instead of compared askew."""
    with pytest.raises(quality.ClipsDifferError):
        quality.measure_frames(pictures(), pictures()[:-1])


def test_planes_of_odd_size() -> None:
    """An odd number of lines keeps all of its luma, and chroma rounded up."""
    frame = av.VideoFrame(6, 5, "yuv420p")
    assert [plane.shape for plane in quality.planes(frame)] == [(5, 6), (3, 3), (3, 3)]


@pytest.mark.parametrize("leak", leaks.ROBUST, ids=lambda leak: leak.slug)
def test_leak_can_be_read(leak: leaks.Leak, host: Path, tmp_path: Path) -> None:
    """Every leak gives a clip of even size that is as long as its host."""
    target = tmp_path / f"leak{leak.suffix}"
    leak.apply(host, target)
    frames = list(quality.read(target))
    assert (frames[0].width % 2, frames[0].height % 2) == (0, 0)
    assert float(frames[-1].time or 0) == pytest.approx(FRAMES / RATE, abs=0.1)
    assert list(tmp_path.iterdir()) == [target]


def test_excerpt_is_the_part_asked_for(host: Path, tmp_path: Path) -> None:
    """An excerpt holds the frames from its start on, for its length."""
    leaks.excerpt(0.4, 0.6, crf=1).apply(host, tmp_path / "excerpt.mp4")
    frames = list(quality.read(tmp_path / "excerpt.mp4"))
    assert len(frames) == 15
    difference = quality.planes(frames[0])[0].astype(int) - pictures()[10][:HEIGHT]
    assert np.abs(difference).mean() < 1


def test_stills_show_their_time(host: Path, tmp_path: Path) -> None:
    """A single frame is saved as the kind of picture asked for, the JPEG a little worse than the PNG."""
    errors = {}
    for still in (leaks.still(0.8), leaks.still(0.8, jpeg_quality=60)):
        target = tmp_path / f"still{still.suffix}"
        still.apply(host, target)
        saved = cv2.imread(str(target), cv2.IMREAD_GRAYSCALE)
        assert saved is not None
        luma = pictures()[20][:HEIGHT].astype(float)
        errors[still.suffix] = float(np.abs(saved - (luma - 16) * 255 / 219).mean())
    assert errors[".png"] < errors[".jpg"] < 10


def test_failed_leak_leaves_nothing(tmp_path: Path) -> None:
    """A leak of something that is no video is one clear error, and no file."""
    source = tmp_path / "text.mp4"
    source.write_text("no video")
    with pytest.raises(TracemarkError, match="ffmpeg failed"):
        leaks.x264(28).apply(source, tmp_path / "leak.mp4")
    assert list(tmp_path.iterdir()) == [source]


def test_film_joins_all_clips(host: Path, marked: Path, tmp_path: Path) -> None:
    """The film is as long as its clips together, in its own size."""
    leaks.join([host, marked], tmp_path / "film.mkv")
    frames = list(quality.read(tmp_path / "film.mkv"))
    assert len(frames) == 2 * FRAMES
    assert (frames[0].width, frames[0].height) == leaks.FILM_SIZE


def test_contact_sheet_draws_four_pictures(host: Path, marked: Path, tmp_path: Path) -> None:
    """The pictures to look at are written, and the difference in them is the mark's."""
    names = [path.name for path in contact_sheet.write(host, marked, 0.6, tmp_path)]
    assert names == ["look.png", "slots.png", "flicker.png", "slices.png"]
    assert all(cv2.imread(str(tmp_path / name)) is not None for name in names)
    pair = contact_sheet.pairs(host, marked, 0.4, 0.5)[0]
    assert 0 < np.abs(pair.difference).mean() < 3


def test_smooth_region_is_found(host: Path) -> None:
    """The region that is enlarged lies on the wall, not on the pattern."""
    pair = contact_sheet.pairs(host, host, 0, 0.1)[0]
    top, left, height, width = contact_sheet.smooth_region(pair)
    assert left >= WIDTH // 2
    assert left + width <= WIDTH
    assert top + height <= HEIGHT


def test_workshop_makes_once_and_whole(tmp_path: Path) -> None:
    """What is kept is made once, and what fails half-way is not kept."""
    workshop = Workshop(tmp_path)
    made: list[Path] = []

    def make(target: Path) -> None:
        target.write_text("half")
        made.append(target)
        if len(made) == 1:
            raise TracemarkError("interrupted")

    with pytest.raises(TracemarkError):
        workshop.kept("thing.txt", make)
    assert list(tmp_path.iterdir()) == []
    paths = {workshop.kept("thing.txt", make), workshop.kept("thing.txt", make)}
    assert paths == {tmp_path / "thing.txt"}
    assert len(made) == 2


def test_workshop_refuses_changed_sources(host: Path, tmp_path: Path) -> None:
    """A run during which tracemark was changed stops, before it keeps anything under a wrong name."""
    workshop = Workshop(tmp_path)
    workshop.sources = "as they were"
    with pytest.raises(TracemarkError, match="changed during the run"):
        workshop.marked(host)
    assert list(tmp_path.iterdir()) == []


class LawfulWorkshop(Workshop):
    """A workshop in which a mark of strength 1 leaves 46 dB, and others as the law says."""

    def marked(
        self, host: Path, *, strength: float = 1.0, viewer: Payload | None = None, overlays: Sequence[Overlay] = ()
    ) -> Path:
        """Name a file after its strength."""
        del viewer, overlays
        return host.with_name(repr(strength))

    def quality(self, host: Path, marked: Path) -> quality.Quality:
        """Tell the distance that belongs to the strength."""
        del host
        distance = 46 - 20 * math.log10(float(marked.name))
        return quality.Quality(100.0, 100.0, 100.0, distance, distance, 0.0, 0.0, 0.0, 0.0, 0.0, 1)


def test_strength_for_a_distance_is_found(host: Path, tmp_path: Path) -> None:
    """The strength for Video Seal's line leaves its distance or a little more, never less."""
    strength, measured = main_job.seal_strength(LawfulWorkshop(tmp_path), lines.Clip.read(host))
    assert strength < 1
    assert 0 <= measured.psnr_rgb - lines.VIDEO_SEAL_PSNR <= main_job.SEAL_TOLERANCE


def outcome(line: lines.Line, verdict: str, *, right: bool, clip: str = "one", twin: str = "absent") -> report.Outcome:
    """Make up what became of a trial."""
    ours = Verdict(verdict, right, 1e-20, 17.0, 16, 1.0, 1.0, ())
    theirs = Verdict(twin, False, 0.5, None, 16, 1.0, 1.0, ())  # noqa: FBT003 - as above
    return report.Outcome(line.section, line.name, clip, "leak", ours, theirs)


def test_page_shows_failures_in_bold() -> None:
    """A missed line, a wrong ID and a find by a wrong key stand out; a find with the wrong ID never counts as one."""
    line = lines.WHOLE[0][1]
    wrong = outcome(line, "found", right=False)
    falsely = outcome(line, "found", right=True, clip="two", twin="found")
    written = page.render(report.Report({}, ("one", "two"), outcomes=(wrong, falsely)))
    assert "**Wrong IDs: 2**" in written
    assert "**WRONG ID**" in written
    assert f"| Robust | {line.name} | 100% | 100% | 1 of 2 | **missed** |" in written


def test_page_of_a_good_run() -> None:
    """Lines that are kept are not in bold, and are counted."""
    line = lines.WHOLE[0][1]
    written = page.render(report.Report({}, ("one",), outcomes=(outcome(line, "found", right=True),)))
    assert "Wrong IDs: 0 in 2 decodes." in written
    assert "**" not in written
    assert f"| Robust | {line.name} | 100% | 100% | 1 of 1 | aim |" in written


def test_times_of_the_main_job_are_measured_again(host: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times may be measured once more; all else is told as the earlier run had it."""
    slow, quick = (report.Speed("decode", "x real time", (times,), 4.0, at_least=True) for times in (2.0, 8.0))
    line = lines.WHOLE[0][1]
    outcomes = (outcome(line, "found", right=True),)
    looks = quality.Quality(95.0, 99.0, 90.0, 50.0, 45.0, 0.5, 0.4, 0.3, 0.3, 0.2, 30)
    earlier = report.Report({"command": "first"}, ("host",), {"host": looks}, outcomes, (slow,))
    (tmp_path / "main-job.json").write_text(json.dumps(asdict(earlier)))
    monkeypatch.setattr(main_job, "times", lambda *_: (quick,))
    main_job.main(["--times", "--clips", str(host.parent), "--work", str(tmp_path / "work"), "--docs", str(tmp_path)])
    later = report.Report.read(json.loads((tmp_path / "main-job.json").read_text()))
    assert later == replace(earlier, made=later.made, speeds=(quick,))
    assert later.made["command"] == "first"
    assert "8.00 x real time | aim" in (tmp_path / "main-job.md").read_text()


def test_trials_depend_on_the_clip_alone(host: Path) -> None:
    """The random starts of a clip are the same in every run, inside the clip, and of the number asked for."""
    clip = replace(lines.Clip.read(host), height=720, seconds=10.0)
    tried = lines.trials([clip], excerpts=7, stills=3)
    assert tried == lines.trials([clip], excerpts=7, stills=3)
    assert sum(trial.line == lines.EXCERPTS for trial in tried) == 7
    assert sum(trial.line in [line for _, _, line in lines.STILLS] for trial in tried) == 12
    assert {line for _, line in lines.WHOLE} <= {trial.line for trial in tried}


def test_small_run_of_the_main_job(host: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run marks, measures, leaks and decodes; a second one has nothing left to make and says the same."""
    work = tmp_path / "work"
    given = ["--clips", str(host.parent), "--work", str(work), "--jobs", "1", "--excerpts", "0"]
    given += ["--line", "under 700 lines", "--line", "unmarked", "--line", "Invisible"]
    main_job.main(given)
    first, made = capsys.readouterr().out, {path: path.stat().st_mtime_ns for path in work.iterdir()}
    main_job.main(given)
    assert capsys.readouterr().out == first
    assert {path: path.stat().st_mtime_ns for path in work.iterdir()} == made
    assert "Wrong IDs: 0 in 4 decodes." in first
    assert "unmarked clips | 100% | 100% | 1 of 1 | aim" in first
    assert "## Invisible" in first


def test_search_trials(host: Path, tmp_path: Path) -> None:
    """Wrong keys name nobody through the whole search, every trial is counted, and none is decoded twice."""
    workshop = Workshop(tmp_path)
    materials = search_trials.excerpts(workshop, lines.clips_in(host.parent))
    assert [marked for _, marked in materials] == [False, True] * len(search_trials.SECONDS)
    trials = [search_trials.Trial(path, marked, number) for number, (path, marked) in enumerate(materials[:2])]
    outcomes = [search_trials.tried(workshop, trial) for trial in trials]
    assert [outcome.verdict for outcome in outcomes] == ["absent", "absent"]
    assert all(outcome.trials > 100 for outcome in outcomes)
    written = search_trials.page(outcomes, {"command": "a test"})
    assert "| unmarked | 1 | 1 | 0 | 0 |" in written
    assert "| 0.1 | 0.2 | 0 |" in written
    with pytest.MonkeyPatch.context() as changed:
        changed.setattr(search_trials, "decode", lambda *_, **__: pytest.fail("decoded again"))
        assert [search_trials.tried(workshop, trial) for trial in trials] == outcomes


def test_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Films are as long as they say, a command's time and memory are measured, and what misses its bar is bold."""
    monkeypatch.setattr(waiting, "SECONDS", 3.0)
    clip = write(tmp_path / "clip.mkv", pictures())
    waits = waiting.films(clip, tmp_path, 12.0)
    assert [round(lines.Clip.read(wait.film).seconds) for wait in waits] == [3, 3, 3, 3, 12]
    RIGHT_KEY.save(tmp_path / "key")
    first = waiting.waited(replace(waits[0], options=("--effort", "fast")), tmp_path / "key")
    assert first.verdict in ("found", "absent", "inconclusive")
    assert first.seconds > 0.1
    assert 50 < first.memory < 1024
    slow = waiting.Waited(waits[-1], "absent", 2.0, 12.0, 100)
    good = waiting.Waited(waits[0], "found", 2.0, 3.0, 100)
    assert [line.holds for line in (good, slow, replace(slow, seconds=1.0), replace(good, memory=2000))] == [
        *(True, False, True, False)
    ]
    written = waiting.page([good, slow], {"command": "a test"})
    assert "| 3 s, as it stands | 3 s | 2.0 s, 1.5 x real time | 100 | found |" in written
    assert "| **2.0 s, 6.0 x real time** |" in written
