"""The command line: facts to standard output, one clear line for every mistake, exit status as grep's."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.media import Clip, make
from tracemark import Key
from tracemark.cli import main

RUN = [sys.executable, "-c", "import sys; from tracemark.cli import main; sys.exit(main())"]
"""The program in a process of its own, installed or not."""

WHO = ["--session", "88", "--member", "4711"]


@pytest.fixture
def key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a key file, and see that no key comes from the environment."""
    monkeypatch.delenv("TRACEMARK_KEY", raising=False)
    path = tmp_path / "studio.key"
    Key.from_bytes(bytes(range(32))).save(path)
    return path


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must fail; returns its one line on standard error."""

    def run(*words: str | Path) -> str:
        assert main([str(word) for word in words]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert said.err.count("\n") == 1, said.err
        assert said.err.startswith("tracemark: ")
        assert "Traceback" not in said.err
        return said.err

    return run


def test_keygen(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`keygen` writes a key for its owner alone, and tells its id but nothing of the secret."""
    path = tmp_path / "new.key"
    assert main(["keygen", "-o", str(path)]) == 0
    assert path.stat().st_mode & 0o777 == 0o600
    said = capsys.readouterr().out
    assert Key.load(path).id in said
    assert path.read_text().split()[-1] not in said


def test_keygen_overwrites_nothing(key: Path, fails: Callable[..., str]) -> None:
    """`keygen` refuses to overwrite a key."""
    before = key.read_bytes()
    fails("keygen", "-o", key)
    assert key.read_bytes() == before


def test_embed_says_what_it_did(tmp_path: Path, key: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`embed` leaves with 0 and names the file, the viewer and the key's public name."""
    target = tmp_path / "b.mp4"
    source = make(tmp_path / "a.mp4")
    assert main(["embed", str(source), str(target), *WHO, "--key", str(key), "--preset", "veryfast"]) == 0
    said = capsys.readouterr()
    assert f"{target}: marked for session 88, member 4711 (12 frames, 0.5 s, libx264, key" in said.out
    assert said.err == ""


def test_key_from_the_environment(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """TRACEMARK_KEY is the default of --key."""
    monkeypatch.setenv("TRACEMARK_KEY", str(key))
    assert main(["embed", str(make(tmp_path / "a.mp4")), str(tmp_path / "b.mp4"), *WHO]) == 0


def test_no_key(tmp_path: Path, key: Path, fails: Callable[..., str]) -> None:
    """Without any key, the line says where one comes from."""
    assert "tracemark keygen" in fails("embed", make(tmp_path / "a.mp4"), tmp_path / "b.mp4", *WHO)
    assert "tracemark keygen" in fails("decode", tmp_path / "a.mp4")


def test_missing_key(tmp_path: Path, fails: Callable[..., str]) -> None:
    """A key file that is not there is named."""
    assert "none.key" in fails("decode", make(tmp_path / "a.mp4"), "--key", tmp_path / "none.key")


def test_key_of_the_wrong_length(tmp_path: Path, key: Path, fails: Callable[..., str]) -> None:
    """A key file that was cut is refused, and nothing of it is shown."""
    secret = key.read_text().split()[-1]
    cut = tmp_path / "cut.key"
    cut.write_text(key.read_text().replace(secret, secret[:40]))
    line = fails("embed", make(tmp_path / "a.mp4"), tmp_path / "b.mp4", *WHO, "--key", cut)
    assert secret[:8] not in line


@pytest.mark.parametrize("kind", ["missing", "empty", "text", "empty folder", "moov lost", "too small"])
def test_bad_input(tmp_path: Path, key: Path, fails: Callable[..., str], kind: str) -> None:
    """Each kind of file that is no usable video gives one line and status 2, and nothing is written."""
    source = tmp_path / "input.mp4"
    match kind:
        case "empty":
            source.touch()
        case "text":
            source.write_text("This is text.\n" * 40)
        case "empty folder":
            source.mkdir()
        case "moov lost":
            whole = make(tmp_path / "whole.mp4", Clip(times=range(40))).read_bytes()
            source.write_bytes(whole[: len(whole) // 2])
        case "too small":
            make(source, Clip(width=16, height=16))
    target = tmp_path / "out.mp4"
    fails("embed", source, target, *WHO, "--key", key)
    if kind != "too small":  # in which no mark can be is an honest 'absent'
        fails("decode", source, "--key", key)
    assert not target.exists()
    assert list(tmp_path.glob(".*")) == []


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["bogus"], "No such command 'bogus'"),
        (["embed"], "Missing argument"),
        (["embed", "a", "b", "--session", "1", "--member", "4294967296"], "not in the range"),
        (["embed", "a", "b", "--session", "1", "--member", "-1"], "not in the range"),
        (["embed", "a", "b", "--session", "one", "--member", "1"], "not a valid"),
        (["embed", "a", "b", "--member", "1"], "--session"),
        (["decode"], "LEAK"),
        (["decode", "a", "--effort", "heroic"], "heroic"),
        (["decode", "a", "--colour"], "--colour"),
    ],
)
def test_misuse(words: list[str], line: str, fails: Callable[..., str]) -> None:
    """A mistyped command line gives one line that names the mistake and where to read on."""
    said = fails(*words)
    assert line in said
    assert "--help" in said


def test_unexpected_errors_are_told_in_a_line(monkeypatch: pytest.MonkeyPatch, fails: Callable[..., str]) -> None:
    """A bug gives one line, too; TRACEMARK_DEBUG=1 shows where it is."""

    def broken(_words: list[str]) -> int:
        raise ZeroDivisionError("two\nlines")

    monkeypatch.setattr("tracemark.cli.program.run", broken)
    assert "unexpected ZeroDivisionError: two lines" in fails("keygen")
    monkeypatch.setenv("TRACEMARK_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        main(["keygen"])


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["embed", "--help"], ["decode", "-h"]])
def test_help(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Help and version go to standard output and leave with 0."""
    assert main(words) == 0
    assert capsys.readouterr().out


def test_start_up_imports_nothing_slow() -> None:
    """Help is printed without importing numpy, OpenCV, PyAV or rich."""
    code = "import sys; from tracemark.cli import main; main(['--version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "cv2", "av", "rich"} & set(done.stdout.split())


def test_ctrl_c(tmp_path: Path, key: Path) -> None:
    """Ctrl-C in the middle of the work gives one line and status 2, and leaves no file."""
    source = make(tmp_path / "a.mp4", Clip(width=640, height=480, times=range(400), options={"preset": "ultrafast"}))
    work = tmp_path / "work"
    work.mkdir()
    # Slow and large, so that bytes are written long before the end however busy the machine is.
    pace = ["--preset", "veryslow", "--crf", "4"]
    words = ["embed", str(source), str(work / "b.mp4"), *WHO, "--key", str(key), *pace]
    # A shell that runs the tests in the background has its children ignore Ctrl-C, and so on down to this one.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        RUN + words,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed,  # noqa: PLW1509 - no threads are at work here
    ) as process:
        # Only once frames are being written is it the middle.
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size for path in work.iterdir()) and time.monotonic() < deadline:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        said, complaint = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said == ""
    assert complaint == "tracemark: interrupted; nothing half-written is left\n"
    assert list(work.iterdir()) == []


def test_full_disk(tmp_path: Path, key: Path) -> None:
    """A disk that fills up in the middle of the work gives one line and status 2, and leaves no file."""
    source = make(tmp_path / "a.mkv", Clip("ffv1", times=range(30)))
    work = tmp_path / "work"
    work.mkdir()

    def limit() -> None:
        # The kernel then refuses to let a file grow, by the same path on which a full disk would.
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    words = ["embed", str(source), str(work / "b.mkv"), *WHO, "--key", str(key)]
    done = subprocess.run(RUN + words, capture_output=True, text=True, check=False, preexec_fn=limit)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"tracemark: {work / 'b.mkv'}: the file grew over the size")
    assert done.stderr.count("\n") == 1
    assert list(work.iterdir()) == []


def test_reader_that_has_gone(tmp_path: Path) -> None:
    """Output into a closed pipe is no reason for a traceback."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*RUN, "--help"], stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert done.stderr == ""
    assert done.returncode == 2


@pytest.fixture(scope="module")
def leak(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a folder with an unmarked video and its marked copy; the keys lie beside it."""
    folder = tmp_path_factory.mktemp("leak")
    keys = folder.with_name("keys")
    keys.mkdir()
    Key.from_bytes(bytes(range(32))).save(keys / "studio.key")
    Key.from_bytes(bytes(32)).save(keys / "wrong.key")
    host = make(folder / "host.mkv", Clip("ffv1", width=640, height=480, times=range(50)))
    words = ["embed", str(host), str(folder / "leaked.mp4"), *WHO, "--key", str(keys / "studio.key")]
    assert main([*words, "--codec", "h264"]) == 0
    return folder


def test_decode_names_the_viewer(leak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A marked video gives status 0 and the session and member, in words."""
    capsys.readouterr()
    assert main(["decode", str(leak / "leaked.mp4"), "--key", str(leak.with_name("keys") / "studio.key")]) == 0
    said = capsys.readouterr().out
    assert "leaked.mp4: found" in said
    assert "member    4711" in said


def test_decode_finds_nothing_without_the_key_or_the_mark(leak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The wrong key, and an unmarked video, give status 1 and no number at all."""
    keys = leak.with_name("keys")
    for name, secret in (("leaked.mp4", "wrong.key"), ("host.mkv", "studio.key")):
        capsys.readouterr()
        assert main(["decode", str(leak / name), "--key", str(keys / secret)]) == 1
        said = capsys.readouterr().out
        assert f"{name}: absent" in said
        assert "member" not in said


def test_decode_json(leak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints the contract's fields, one object a line, for every leak of a folder and under several keys."""
    keys = leak.with_name("keys")
    capsys.readouterr()
    options = ["--json", "--key", str(keys / "wrong.key"), "--key", str(keys / "studio.key")]
    assert main(["decode", str(leak), *options]) == 0
    host, leaked = map(json.loads, capsys.readouterr().out.splitlines())
    assert leaked["file"] == str(leak / "leaked.mp4")
    assert (leaked["verdict"], leaked["session"], leaked["member"]) == ("found", 88, 4711)
    assert leaked["p_false"] <= 1e-9
    assert leaked["method"] == "payload"
    assert leaked["key_id"] == Key.from_bytes(bytes(range(32))).id
    assert leaked["frames_used"] >= 1
    assert leaked["seconds_used"] >= 0
    assert len(leaked["sha256"]) == 64
    assert [len(row) for row in leaked["geometry"]["matrix"]] == [3, 3, 3]
    assert leaked["geometry"]["flipped"] is False
    assert leaked["reasons"] == []
    assert (host["verdict"], host["session"], host["member"]) == ("absent", None, None)
    assert host["reasons"] != []


def test_good_leaks_are_told_beside_a_bad_one(leak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With a broken file among them the status is 2, and the others are decoded all the same."""
    key = str(leak.with_name("keys") / "studio.key")
    capsys.readouterr()
    assert main(["decode", str(leak / "none.mp4"), str(leak / "leaked.mp4"), "--key", key]) == 2
    said = capsys.readouterr()
    assert "leaked.mp4: found" in said.out
    assert "none.mp4" in said.err


def test_whole_reads_to_the_end(leak: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By default reading stops when the verdict is certain; --whole reads on."""
    options = ["--json", "--key", str(leak.with_name("keys") / "studio.key")]
    used = []
    for more in ([], ["--whole"]):
        capsys.readouterr()
        assert main(["decode", str(leak / "leaked.mp4"), *options, *more]) == 0
        used.append(json.loads(capsys.readouterr().out)["frames_used"])
    assert used[0] <= used[1]
    assert used[1] > 25


def test_cut_leak_is_told(leak: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A leak that breaks off is decoded as far as it goes, and the reasons say so."""
    key = str(leak.with_name("keys") / "studio.key")
    whole = make(
        tmp_path / "whole.mp4", Clip(times=range(60), options={"g": "10"}), {"movflags": "faststart"}
    ).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) // 2])
    capsys.readouterr()
    assert main(["decode", str(cut), "--json", "--key", key]) == 1
    assert any("cut" in reason for reason in json.loads(capsys.readouterr().out)["reasons"])
