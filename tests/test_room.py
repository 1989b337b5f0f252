"""The room of examples/: a performer, viewers, and a viewer's recording that names that viewer."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import VideoStreamTrack
from playwright.sync_api import Page, sync_playwright

from tests.scenes import RATE, WRONG_KEY, bunny, film
from tracemark import Key, decode
from tracemark.registry import Registry
from tracemark.registry.names import now_ms

HOUSE = Path(__file__).parents[1]

RECORDED_SECONDS = 8
"""A stream of WebRTC begins at a low bit rate, and a loaded machine shows few frames of it."""

OPTION = re.compile(r"--[a-z][a-z-]+")

BROWSER = [
    "--no-sandbox",  # root, as in a container, has none
    *("--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"),
]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    """Name the key file that the room makes."""
    return tmp_path / "room.key"


@contextmanager
def opened(key: Path, *options: str) -> Iterator[str]:
    """Start the room as its README says, on a free port; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    words = [sys.executable, "examples/webrtc_room.py", "--port", str(port), "--key", str(key), *options]
    with subprocess.Popen(words, cwd=HOUSE, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr
        said = [server.stderr.readline() for _ in range(3)]
        address = f"http://127.0.0.1:{port}"
        assert f"{address}/perform" in said[0], said
        wait_for(address)
        yield address
        server.terminate()
        assert server.wait(10) == 0
        said = server.stderr.read().splitlines()
        assert "Traceback (most recent call last):" not in said, said


@pytest.fixture
def room(key: Path) -> Iterator[str]:
    """Start a room of numbers."""
    with opened(key, "--session", "88", "--code") as address:
        yield address


def wait_for(address: str) -> None:
    """Wait until the room answers, ten seconds at most."""
    for _ in range(100):
        try:
            ask(address, "/stage")
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return


def ask(address: str, path: str, said: object = None) -> dict[str, object]:
    """Ask the room, and return its answer."""
    data = None if said is None else json.dumps(said).encode()
    with urllib.request.urlopen(urllib.request.Request(address + path, data)) as response:  # noqa: S310 - loopback
        answer: dict[str, object] = json.load(response)
        return answer


def refused(address: str, path: str, said: object) -> tuple[int, str]:
    """Ask for what the room must refuse; returns status and words."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(address, path, said)
    with caught.value as error:
        return error.code, error.read().decode()


def test_options_of_the_readme_exist() -> None:
    """Every option of the room that its README names is one that it has."""
    readme = (HOUSE / "examples" / "README.md").read_text()
    named = {word for line in re.findall(r"[^.`]*webrtc_room[^`]*|`--[^`]*`", readme) for word in OPTION.findall(line)}
    words = [sys.executable, "examples/webrtc_room.py", "--help"]
    told = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True, check=True).stdout
    assert named >= {"--session", "--host", "--tls-cert", "--tls-key", "--ice"}
    assert named <= set(OPTION.findall(told))


def test_a_logo_that_is_missing(key: Path) -> None:
    """A logo that cannot be drawn is told of before the room opens."""
    words = [sys.executable, "examples/webrtc_room.py", "--key", str(key), "--logo", "none.png"]
    run = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stderr.count("the logo none.png does not exist")) == (2, 1)


async def offer(connection: RTCPeerConnection) -> str:
    """Offer to watch."""
    connection.addTransceiver("video", direction="recvonly")
    await connection.setLocalDescription(await connection.createOffer())
    return connection.localDescription.sdp


async def accept(connection: RTCPeerConnection, answer: dict[str, object]) -> None:
    """Take the room's answer, and wait until the connection stands."""
    connected = asyncio.Event()

    @connection.on("connectionstatechange")
    def changed() -> None:
        if connection.connectionState == "connected":
            connected.set()

    await connection.setRemoteDescription(RTCSessionDescription(sdp=str(answer["sdp"]), type="answer"))
    await asyncio.wait_for(connected.wait(), 10)


def seats(room: str) -> list[dict[str, int]]:
    """List who watches."""
    watching = ask(room, "/watching")["watching"]
    assert isinstance(watching, list)
    return watching


def test_what_the_room_refuses(room: str) -> None:
    """Nobody watches an empty stage; two performers, text that is no offer and numbers out of range are told so."""

    async def play() -> None:
        here = RTCConfiguration(iceServers=[])
        first, second = RTCPeerConnection(here), RTCPeerConnection(here)
        first.addTrack(VideoStreamTrack())
        await first.setLocalDescription(await first.createOffer())
        on_stage, watching = first.localDescription.sdp, await offer(second)
        assert refused(room, "/watch", {"sdp": watching}) == (409, "nobody is on stage yet")
        assert refused(room, "/perform", {"sdp": watching}) == (400, "the offer has no video")
        assert refused(room, "/perform", {"sdp": "hello"}) == (400, "the offer has no video")
        assert ask(room, "/stage")["live"] is False
        await accept(first, ask(room, "/perform", {"sdp": on_stage}))
        assert refused(room, "/perform", {"sdp": on_stage}) == (409, "somebody is on stage already")
        assert refused(room, "/watch", ["x"]) == (400, "this is no offer")
        assert refused(room, "/watch", {"sdp": "m=x\r\n"}) == (400, "this offer cannot be understood")
        status, words = refused(room, "/watch", {"sdp": watching, "member": 2**32})
        assert (status, "4294967295" in words) == (400, True)
        assert ask(room, "/watching") == {"session": 88, "watching": []}
        seat = ask(room, "/watch", {"sdp": watching})
        assert (seat["session"], seat["member"]) == (88, 1001)
        await accept(second, seat)
        assert [each["member"] for each in seats(room)] == [1001]
        await second.close()
        await first.close()
        await asyncio.sleep(0.1)  # asyncio closes sockets in its next turns

    asyncio.run(play())


def test_members_of_a_registry(key: Path, tmp_path: Path) -> None:
    """With a registry members have names; it knows their payload before they watch, and when they came and went."""
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    Registry.create(url).close()

    async def play(address: str) -> int:
        here = RTCConfiguration(iceServers=[])
        first, second, third = (RTCPeerConnection(here) for _ in range(3))
        first.addTrack(VideoStreamTrack())
        await first.setLocalDescription(await first.createOffer())
        await accept(first, ask(address, "/perform", {"sdp": first.localDescription.sdp}))
        seat = ask(address, "/watch", {"sdp": await offer(second), "member": "alice@example.net"})
        assert (seat["session"], seat["member"]) == ("evening show", "alice@example.net")
        await accept(second, seat)
        wanted = await offer(third)
        assert refused(address, "/watch", {"sdp": wanted, "member": ""})[0] == 400
        assert ask(address, "/watch", {"sdp": wanted})["member"] == "guest 1"
        assert sorted(str(each["member"]) for each in seats(address)) == ["alice@example.net", "guest 1"]
        both_there = now_ms()
        for connection in (third, second, first):
            await connection.close()
        for _ in range(100):
            if not seats(address):
                break
            await asyncio.sleep(0.1)
        return both_there

    with opened(key, "--session", "evening show", "--registry", url) as address:
        both_there = asyncio.run(play(address))
    with Registry.open(url) as registry:
        assert {each.name for each in registry.members()} == {"alice@example.net", "guest 1"}
        payload = registry.grant("evening show", "alice@example.net", Key.load(key)).payload
        who = registry.identify(payload)
        assert who is not None
        assert (who.session, who.member) == ("evening show", "alice@example.net")
        watched = {each.name: each for each in registry.who_watched("evening show", at=both_there)}
        assert set(watched) == {"alice@example.net", "guest 1"}
        alice = watched["alice@example.net"]
        assert alice.ip == "127.0.0.1"
        assert alice.left is not None


def test_names_need_a_registry(key: Path) -> None:
    """A session that is no number is refused where no registry could know it."""
    words = [sys.executable, "examples/webrtc_room.py", "--key", str(key), "--session", "evening show"]
    run = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True, check=False)
    assert (run.returncode, "session 'evening show' is no number" in run.stderr) == (2, True)


def write_camera(path: Path) -> None:
    """Write what Chromium's fake camera plays, over and over."""
    frames = bunny(RATE * 5) or film(RATE * 5)
    with av.open(str(path), "w", format="yuv4mpegpipe") as output:
        stream = output.add_stream("wrapped_avframe", rate=RATE)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 640, 360, "yuv420p"
        for number, frame in enumerate(frames):
            small = frame.reformat(width=640, height=360, format="yuv420p")
            small.pts, small.time_base = number, Fraction(1, RATE)
            output.mux(stream.encode(small))


@pytest.mark.skipif(not shutil.which("chromium"), reason="Debian's chromium is not installed: apt-get install chromium")
def test_with_real_browsers(room: str, key: Path, tmp_path: Path) -> None:
    """Two viewers in Chromium watch a third page's camera; one's recording names that one, by mark and code."""
    write_camera(tmp_path / "camera.y4m")
    leak = tmp_path / "leaked.webm"
    camera = f"--use-file-for-fake-video-capture={tmp_path / 'camera.y4m'}"
    with sync_playwright() as browsers:
        browser = browsers.chromium.launch(executable_path=shutil.which("chromium"), args=[*BROWSER, camera])
        context = browser.new_context()
        faults: list[str] = []

        def open_page(path: str) -> Page:
            page = context.new_page()
            page.on("pageerror", lambda error: faults.append(str(error)))
            page.goto(room + path)
            return page

        lobby = open_page("/")
        lobby.click("text=To the stage")
        performer = lobby
        performer.click("text=Go live")
        unnamed, viewer = open_page("/watch"), open_page("/watch?member=4711")
        viewer.wait_for_selector("#state.live", timeout=30_000)
        viewer.click("text=Record a leak")
        viewer.wait_for_timeout(1000 * RECORDED_SECONDS)
        with viewer.expect_download() as download:
            viewer.click("text=Stop and save")
        download.value.save_as(leak)
        assert viewer.inner_text("#who") == "session 88 · member 4711"
        assert unnamed.url.endswith("/watch?member=1001")
        # in one go, because the page makes the rows anew every second
        listed = performer.eval_on_selector_all("#list tbody tr", "rows => rows.map(row => row.cells[0].textContent)")
        assert sorted(listed) == ["1001", "4711"]

        unnamed.close()
        performer.wait_for_function("document.getElementById('count').textContent === '1'")
        performer.click("text=Stop")
        viewer.wait_for_selector("text=The show has not begun.")
        assert faults == []
        browser.close()
    decoding = decode(leak, keys=[Key.load(key)], effort="fast")
    assert decoding.payload is not None
    assert (decoding.verdict, decoding.payload.session, decoding.payload.member) == ("found", 88, 4711)
    assert {each.payload for each in decoding.visible_codes} == {decoding.payload}
    assert decode(leak, keys=[WRONG_KEY], effort="fast").verdict == "absent"
