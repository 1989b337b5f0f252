"""`tracemark relay` between real ffmpeg processes on loopback: marked, in time, and patient with its source."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from urllib.parse import urlsplit

import av
import pytest
from imageio_ffmpeg import get_ffmpeg_exe

from tests.media import Clip, packets, write
from tests.scenes import KEY, PAYLOAD, RATE, WRONG_KEY, film
from tracemark import decode
from tracemark.errors import MediaError
from tracemark.integrations.relay import Coding, Relayed, bridge, relay
from tracemark.integrations.relay.address import Address
from tracemark.integrations.relay.backlog import Arrival
from tracemark.integrations.relay.sending import Sender

RUN = [sys.executable, "-c", "import sys; from tracemark.cli import main; sys.exit(main())", "relay"]
FFMPEG = [get_ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y"]
QUICK = Coding(preset="ultrafast")
PATIENCE = 20.0
"""Seconds to wait for what should take one or two; a loaded machine takes longer."""


@pytest.fixture(scope="module")
def camera(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Encode ten seconds of film with sound, to be played as a live source without encoding it over and over."""
    clip = Clip(width=640, height=360, rate=RATE, sound="aac", options={"preset": "ultrafast", "g": "25", "bf": "0"})
    return write(tmp_path_factory.mktemp("relay") / "camera.mkv", clip, film(10 * RATE))


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """Say who it is for, and with which key."""
    KEY.save(tmp_path / "studio.key")
    return ["--session", "88", "--member", "4711", "--key", str(tmp_path / "studio.key")]


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    """Find a port that nobody uses."""
    with socket.socket(type=kind) as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port


@contextlib.contextmanager
def playing(camera: Path, *where: str) -> Iterator[subprocess.Popen[bytes]]:
    """Play the camera's film, over and over in real time, until the block ends; then it is killed."""
    words = [*FFMPEG, "-re", "-stream_loop", "-1", "-i", str(camera), "-c", "copy", *where]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as source:
        try:
            yield source
        finally:
            source.kill()


def listening(url: str) -> bool:
    """Whether somebody listens at an address of TCP on this machine; to ask by connecting would be to come."""
    local = f":{urlsplit(url).port:04X}"
    table = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(row[1].endswith(local) and row[3] == "0A" for row in table)


@contextlib.contextmanager
def recording(target: Path, *where: str) -> Iterator[None]:
    """Record what comes to a listening ffmpeg; at the end of the block, the file is finished."""
    with subprocess.Popen([*FFMPEG, *where, "-c", "copy", str(target)], stderr=subprocess.DEVNULL) as sink:
        until(lambda: listening(where[-1]))
        yield
        try:
            sink.wait(PATIENCE)  # it ends with its sender
        finally:
            sink.kill()


@contextlib.contextmanager
def capturing(target: Path) -> Iterator[str]:
    """Write datagrams to a file as they come; gives the address. ffmpeg would not end until it misses one."""
    over = threading.Event()

    def capture() -> None:
        with target.open("wb", buffering=0) as file:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    file.write(ear.recv(65536))

    with socket.socket(type=socket.SOCK_DGRAM) as ear:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(0.2)
        thread = threading.Thread(target=capture)
        thread.start()
        try:
            yield f"udp://127.0.0.1:{ear.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


class Running(threading.Thread):
    """A relay in a thread of its own."""

    def __init__(self, source: str, target: str, *, listen: bool = False, coding: Coding = QUICK) -> None:
        super().__init__(daemon=True)
        self.words = (source, target)
        self.listen, self.coding = listen, coding
        self.halt = threading.Event()
        self.reached = 0.0
        self.slowness = 0.0
        self.said: list[str] = []
        self.done: Relayed | None = None
        self.start()

    def run(self) -> None:
        """Relay until told to stop."""
        source, target = self.words
        options = {"listen": self.listen, "coding": self.coding, "stop": self.halt, "progress": self._note}
        self.done = relay(source, target, key=KEY, payload=PAYLOAD, say=self.said.append, **options)  # type: ignore[arg-type]

    def _note(self, seconds: float, _whole: None) -> None:
        self.reached = seconds
        time.sleep(self.slowness)

    def wait_for(self, seconds: float) -> None:
        """Wait until so many seconds were sent."""
        until(lambda: self.reached >= seconds, seconds + PATIENCE)

    def stop(self) -> Relayed:
        """End the relay; returns what went through."""
        self.halt.set()
        self.join(PATIENCE)
        assert self.done
        return self.done


def until(true: object, seconds: float = PATIENCE) -> None:
    """Wait until a question is answered with yes."""
    assert callable(true)
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.05)


def times(path: Path, kind: str) -> list[Fraction]:
    """List the decoding times of a file's picture or sound, in seconds."""
    with av.open(str(path)) as container:
        stream = next(each for each in container.streams if each.type == kind)
        return [each.dts * Fraction(each.time_base) for each in container.demux(stream) if each.dts is not None]


def assert_grows(stamps: Sequence[Fraction]) -> None:
    """See that times only go on."""
    assert stamps
    assert all(before < after for before, after in itertools.pairwise(stamps))


def assert_names_the_member(path: Path, *, coded: bool = False) -> None:
    """See that a recording names the member under the right key, and nobody under another; by a code, too, if coded."""
    decoding = decode(path, keys=[KEY], effort="fast")
    assert (decoding.verdict, decoding.payload) == ("found", PAYLOAD)
    assert {each.payload for each in decoding.visible_codes} == ({PAYLOAD} if coded else set())
    wrong = decode(path, keys=[WRONG_KEY], effort="fast")
    assert (wrong.verdict, {each.payload for each in wrong.visible_codes} - {None}) == ("absent", set())


def test_udp_source_killed_and_restarted(tmp_path: Path, camera: Path, words: list[str]) -> None:
    """MPEG-TS over UDP: the source is killed and another begins at its own zero; the output goes on in time.

    What was recorded after the return names the member by itself, with a code on screen, sound is there, and Ctrl-C
    ends it with status 0.
    """
    into, target = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}", tmp_path / "got.ts"
    with (
        capturing(target) as out,
        subprocess.Popen(
            [*RUN, into, out, *words, "--code", "--preset", "ultrafast"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as marking,
    ):
        with playing(camera, "-f", "mpegts", f"{into}?pkt_size=1316"):
            until(lambda: marking.poll() is not None or target.stat().st_size > 200_000)
        time.sleep(1.0)
        with playing(camera, "-f", "mpegts", f"{into}?pkt_size=1316"):
            before = target.stat().st_size
            until(lambda: marking.poll() is not None or target.stat().st_size > before + 100_000)
            time.sleep(3)
            marking.send_signal(signal.SIGINT)
            said, talk = marking.communicate(timeout=PATIENCE)
    assert marking.returncode == 0, talk
    assert "relayed for session 88, member 4711" in said
    assert KEY.id in said
    assert "Traceback" not in talk
    pictures = times(target, "video")
    assert_grows(pictures)
    assert_grows(times(target, "audio"))
    gap = max(after - before for before, after in itertools.pairwise(pictures))
    assert 0.9 <= gap <= 10
    assert_names_the_member(target, coded=True)
    late = tmp_path / "late.mkv"
    begin = f"{float(pictures[-1] - pictures[0]) - 2:.2f}"
    subprocess.run([*FFMPEG, "-ss", begin, "-i", str(target), "-c", "copy", str(late)], check=True)
    assert_names_the_member(late, coded=True)


def test_rtmp_source_that_returns(tmp_path: Path, camera: Path) -> None:
    """RTMP: a source that pushes to the relay drops and returns; the target's server, an ffmpeg, sees one stream."""
    into, out = (f"rtmp://127.0.0.1:{free_port()}/live/x" for _ in range(2))
    target = tmp_path / "got.flv"
    with recording(target, "-f", "flv", "-listen", "1", "-i", out):
        running = Running(into, out, listen=True)
        until(lambda: listening(into))
        with playing(camera, "-f", "flv", into):
            running.wait_for(3)
        until(lambda: any("lost" in line for line in running.said))
        until(lambda: listening(into))
        with playing(camera, "-f", "flv", into):
            running.wait_for(running.reached + 3)
            done = running.stop()
    assert done.losses == 1
    assert any("is back, after" in line for line in running.said)
    assert_grows(times(target, "video"))
    assert_grows(times(target, "audio"))
    assert_names_the_member(target)


def test_rtsp_and_tcp(tmp_path: Path, camera: Path) -> None:
    """RTSP in and MPEG-TS over TCP out: the picture that arrives names the member."""
    into, out = f"rtsp://127.0.0.1:{free_port()}/live", f"tcp://127.0.0.1:{free_port()}"
    target = tmp_path / "got.ts"
    with recording(target, "-f", "mpegts", "-i", f"{out}?listen=1"):
        running = Running(into, out, listen=True)
        until(lambda: listening(into))
        with playing(camera, "-f", "rtsp", "-rtsp_transport", "tcp", into):
            running.wait_for(3)
            running.stop()
    assert_names_the_member(target)


def test_a_source_that_returns_in_another_size(tmp_path: Path, camera: Path) -> None:
    """Frames of another size, and sound of another kind, change nothing of the stream, whose sound is as it came."""
    out, target = f"tcp://127.0.0.1:{free_port()}", tmp_path / "got.ts"
    silent = write(tmp_path / "small.mkv", Clip(width=320, height=180, sound="mp2"), film(3, 320, 180))
    with recording(target, "-f", "mpegts", "-i", f"{out}?listen=1"):
        sender = Sender(Address(out), key=KEY, payload=PAYLOAD, strength=1.0, coding=QUICK)
        for number, source in enumerate((camera, silent)):
            with av.open(str(source)) as opened:
                sender.greet(Arrival(opened.streams.video[0], opened.streams.audio[0]))
                for frame in film(40, *((640, 360), (320, 180))[number]):
                    assert frame.pts is not None
                    frame.pts += 40 * number
                    sender.show(frame)
                for packet in opened.demux():
                    if packet.stream.type == "audio" and packet.dts is not None:
                        sender.play(packet)
        sender.close()
    assert sender.frames == 80
    assert sender.notes == ["the sound of the returned source is another kind, and is left out"]
    with av.open(str(target)) as recorded:
        assert [each.type for each in recorded.streams] == ["video", "audio"]
        assert {(each.width, each.height) for each in recorded.decode(video=0)} == {(640, 360)}
    assert_grows(times(target, "audio"))
    # MPEG-TS puts a header of seven bytes before every packet of AAC; the rest is as it came
    assert [data for _, data in packets(camera, "audio")] == [data[7:] for _, data in packets(target, "audio")]
    assert_names_the_member(target)


def test_a_slow_target_loses_frames_and_no_time(tmp_path: Path, camera: Path) -> None:
    """Where sending takes five times as long as a frame lasts, frames are dropped, and the output keeps up."""
    into, out = (f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}" for _ in range(2))
    running = Running(into, out)
    with playing(camera, "-f", "mpegts", f"{into}?pkt_size=1316"):
        running.wait_for(0.5)
        running.slowness = 0.2
        begun, reached = time.monotonic(), running.reached
        time.sleep(4)
        passed, sent = time.monotonic() - begun, running.reached - reached
        done = running.stop()
    assert done.dropped > 40
    assert passed - sent < 1.5


def test_a_target_that_takes_nothing_is_left(camera: Path) -> None:
    """A target that stops reading holds up neither the end of the relay nor its report."""
    into = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        running = Running(into, f"tcp://127.0.0.1:{deaf.getsockname()[1]}", coding=Coding(0, "ultrafast"))
        with playing(camera, "-f", "mpegts", f"{into}?pkt_size=1316"):
            running.wait_for(0.5)
            until(lambda: not moves(running))
            begun = time.monotonic()
            done = running.stop()
    assert time.monotonic() - begun < 10
    assert any("not taken" in note for note in done.notes)


def moves(running: Running) -> bool:
    """Whether anything is sent within two seconds."""
    before = running.reached
    time.sleep(2)
    return running.reached > before


def failing(*words: str) -> list[str]:
    """Run a relay that must fail; returns what it says."""
    run = subprocess.run([*RUN, *words], capture_output=True, text=True, check=False, timeout=PATIENCE)
    assert (run.returncode, run.stdout) == (2, "")
    return run.stderr.splitlines()


def test_no_target(camera: Path, words: list[str]) -> None:
    """A target that nobody serves gives one line without the stream key, and status 2."""
    into = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    with playing(camera, "-f", "mpegts", f"{into}?pkt_size=1316"):
        said = failing(into, f"rtmp://127.0.0.1:{free_port()}/live/stream-key", *words)
    assert said[-1].startswith("tracemark: rtmp://127.0.0.1:")
    assert "does not take the stream: connection refused" in said[-1]
    assert not any("stream-key" in line for line in said)


def test_a_source_that_never_comes(words: list[str]) -> None:
    """A source that is not there is waited for, and given up after the time that the user grants."""
    port = free_port()
    first, last = failing(f"tcp://127.0.0.1:{port}", "udp://127.0.0.1:9", *words, "--give-up", "1")
    assert first == f"tracemark: no source at tcp://127.0.0.1:{port} yet (connection refused); waiting for it"
    assert "away for 1 s" in last


@pytest.fixture
def by_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Have a program ffmpeg with SRT on the path, and a PyAV without, as its wheels are."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ffmpeg").symlink_to(get_ffmpeg_exe())
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setattr(bridge, "_spoken", lambda _scheme: False)
    bridge.program.cache_clear()
    if bridge.program("srt") is None:
        pytest.skip("the ffmpeg of imageio-ffmpeg has no SRT")
    yield
    bridge.program.cache_clear()


@contextlib.contextmanager
def calling(camera: Path, url: str) -> Iterator[None]:
    """Play the camera's film to whoever listens for SRT, again if nobody does yet, until the block ends."""
    over = threading.Event()

    def call() -> None:
        while not over.is_set():
            with playing(camera, "-f", "mpegts", f"{url}?pkt_size=1316") as source:
                while source.poll() is None and not over.wait(0.1):
                    pass

    thread = threading.Thread(target=call)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.usefixtures("by_program")
def test_srt_source_that_returns(tmp_path: Path, camera: Path) -> None:
    """SRT in and out by the program ffmpeg: a source drops and returns, and the target sees one stream, to its end."""
    into, out = (f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}" for _ in range(2))
    target = tmp_path / "got.ts"
    words = [*FFMPEG, "-mode", "listener", "-f", "mpegts", "-i", out, "-c", "copy", str(target)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as sink:
        running = Running(into, out, listen=True)
        with calling(camera, into):
            running.wait_for(3)
        until(lambda: any("lost" in line for line in running.said))
        with calling(camera, into):
            until(lambda: any("is back" in line for line in running.said))
            running.wait_for(running.reached + 3)
            done = running.stop()
        try:
            sink.wait(PATIENCE)  # it ends with its sender
        finally:
            sink.kill()
    assert done.losses == 1
    assert_grows(times(target, "audio"))
    stamps = times(target, "video")
    assert_grows(stamps)
    assert done.seconds - 1 <= stamps[-1] - stamps[0] <= done.seconds + 0.1
    assert_names_the_member(target)


@pytest.mark.usefixtures("by_program")
def test_srt_that_nobody_serves(camera: Path) -> None:
    """A target and a source that nobody serves by SRT are told of as others are, without what may be secret."""
    into = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    nowhere = f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}?passphrase=tell-nobody"
    with playing(camera, "-f", "mpegts", f"{into}?pkt_size=1316"), pytest.raises(MediaError) as refused:
        relay(into, nowhere, key=KEY, payload=PAYLOAD, coding=QUICK)
    assert "does not take the stream: " in str(refused.value)
    assert "tell-nobody" not in str(refused.value)
    said: list[str] = []
    with pytest.raises(MediaError, match="away for 5 s"):
        relay(nowhere, into, key=KEY, payload=PAYLOAD, give_up=5, say=said.append)
    assert said[0].startswith(f"no source at {nowhere.partition('?')[0]} yet (")
    assert "tell-nobody" not in "".join(said)


def test_protocols_that_are_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where neither PyAV nor a program ffmpeg has SRT, that is said, and what to do about it."""
    monkeypatch.setenv("PATH", str(tmp_path))
    bridge.program.cache_clear()
    try:
        av.open("srt://127.0.0.1:9?mode=caller", timeout=1)
    except av.ProtocolNotFoundError:
        with pytest.raises(MediaError, match="without SRT"):
            relay("srt://127.0.0.1:9", "udp://127.0.0.1:9", key=KEY, payload=PAYLOAD)
    except av.FFmpegError:
        pytest.skip("this PyAV has SRT")
    finally:
        bridge.program.cache_clear()
