"""Through aiortc: every viewer's track is marked for that viewer, and nobody's trouble is another's."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import av
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, MediaStreamTrack

from tests.scenes import KEY, PAYLOAD, WRONG_KEY, Timed, film, mark, recover
from tracemark import Embedder, Payload, SessionCode
from tracemark.embedder import Fallback, Policy, Prepared
from tracemark.errors import FrameError
from tracemark.integrations.aiortc import BACKLOG, MarkedRelay, MarkedTrack

if TYPE_CHECKING:
    from tracemark.frames import Frame

OTHER = Payload(session=88, member=4712)
SETTLING = 0.3
"""Seconds in which packets on their way over loopback arrive."""


class Film(MediaStreamTrack):
    """Plays frames, at a pace of its own, and then ends or raises."""

    kind = "video"

    def __init__(self, frames: Sequence[av.VideoFrame], pace: float = 0.0, error: Exception | None = None) -> None:
        super().__init__()
        self._frames = iter(frames)
        self._pace = pace
        self._error = error or MediaStreamError()

    async def recv(self) -> av.VideoFrame:
        """Return the next frame after the time that it takes."""
        await asyncio.sleep(self._pace)
        frame = next(self._frames, None)
        if frame is None:
            raise self._error
        return frame


class Watched(Embedder):
    """An embedder that tells which thread it worked in, and takes its time."""

    def __init__(self, seconds: float = 0.0) -> None:
        super().__init__(KEY)
        self.threads: set[int] = set()
        self._seconds = seconds

    def prepare(self, frame: Frame, time: Fraction | float | None = None) -> Prepared:
        """Prepare, slowly."""
        self.threads.add(threading.get_ident())
        threading.Event().wait(self._seconds)
        return super().prepare(frame, time)


async def drain(track: MediaStreamTrack, pace: float = 0.0) -> list[av.VideoFrame]:
    """Take all frames of a track, resting after each."""
    frames = []
    try:
        while True:
            frame = await track.recv()
            assert isinstance(frame, av.VideoFrame)
            frames.append(frame)
            await asyncio.sleep(pace)
    except MediaStreamError:
        return frames


async def send(relay: MarkedRelay, payloads: Sequence[Payload], codec: str) -> list[list[av.VideoFrame]]:
    """Send to each viewer over a peer connection of its own on loopback; returns what came out at the other ends."""
    codecs = [each for each in RTCRtpSender.getCapabilities("video").codecs if each.mimeType == f"video/{codec}"]
    pairs = []
    received: list[asyncio.Task[list[av.VideoFrame]]] = []
    here = RTCConfiguration(iceServers=[])
    for payload in payloads:
        near, far = RTCPeerConnection(here), RTCPeerConnection(here)
        far.on("track", lambda arrived: received.append(asyncio.ensure_future(drain(arrived))))
        near.addTransceiver(relay.subscribe(payload), direction="sendonly").setCodecPreferences(codecs)
        await near.setLocalDescription(await near.createOffer())
        await far.setRemoteDescription(near.localDescription)
        await far.setLocalDescription(await far.createAnswer())
        await near.setRemoteDescription(far.localDescription)
        pairs.append((near, far))
    await relay.wait()
    await asyncio.sleep(SETTLING)
    for near, far in pairs:
        await near.close()
        await far.close()
    return [await each for each in received]


def timed(frames: Sequence[av.VideoFrame]) -> list[Timed]:
    """Show received frames at their own times."""
    return [Timed(frame, float(frame.time)) for frame in frames if frame.time is not None]


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_over_loopback(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two viewers of one source, each over a real peer connection: either's received frames name that viewer."""

    async def play() -> tuple[list[list[av.VideoFrame]], MarkedRelay]:
        relay = MarkedRelay(Film(film(75), pace=1 / 30), Embedder(KEY))
        return await send(relay, (PAYLOAD, OTHER), codec), relay

    received, relay = asyncio.run(play())
    assert relay.prepared + relay.dropped + relay.unwatched == 75
    for payload, frames in zip((PAYLOAD, OTHER), received, strict=True):
        assert len(frames) > 40
        decoding = recover(timed(frames))
        assert (decoding.verdict, decoding.payload) == ("found", payload)
        assert recover(timed(frames), WRONG_KEY).verdict == "absent"


def test_frames_keep_their_times() -> None:
    """A viewer's frame is, sample by sample, what the embedder makes alone, and has the host's time stamp."""
    frames = film(3)
    for number, frame in enumerate(frames):
        frame.pts, frame.time_base = 90000 * 7 + 3003 * number, Fraction(1, 90000)

    async def play() -> list[av.VideoFrame]:
        return await drain(MarkedRelay(Film(frames, pace=0.05), Embedder(KEY)).subscribe(PAYLOAD))

    received = asyncio.run(play())
    assert [(frame.pts, frame.time_base) for frame in received] == [(each.pts, each.time_base) for each in frames]
    for expected, frame in zip(mark(frames), received, strict=True):
        assert (expected.to_ndarray() == frame.to_ndarray()).all()


def test_every_viewer_has_their_own_overlays() -> None:
    """Frames of one viewer have a code on them, another's have none; both are what the embedder makes alone."""
    frames, code = film(3), SessionCode()

    async def play() -> tuple[list[av.VideoFrame], list[av.VideoFrame]]:
        relay = MarkedRelay(Film(frames, pace=0.05), Embedder(KEY))
        return await asyncio.gather(drain(relay.subscribe(PAYLOAD, [code])), drain(relay.subscribe(PAYLOAD)))

    coded, bare = asyncio.run(play())
    embedder = Embedder(KEY)
    viewer = embedder.viewer(PAYLOAD, [code])
    for host, one, other in zip(frames, coded, bare, strict=True):
        expected, plain = viewer.mark(embedder.prepare(host)), mark([host])[0]
        assert isinstance(expected, av.VideoFrame)
        assert (expected.to_ndarray() == one.to_ndarray()).all()
        assert (plain.to_ndarray() == other.to_ndarray()).all()
        assert (one.to_ndarray() != other.to_ndarray()).any()


def test_refused_frames_are_lost_alone() -> None:
    """A frame that the policy refuses is not sent, and counted; the stream goes on for everybody."""

    async def play() -> tuple[list[av.VideoFrame], MarkedRelay]:
        policy = Policy(budget=1000.0, slow=Fallback.RAISE)
        embedder = Embedder(KEY, policy=policy)
        embedder._clockwork.spent(2.0)
        relay = MarkedRelay(Film(film(4, 320, 180), pace=0.05), embedder)
        return await drain(relay.subscribe(PAYLOAD)), relay

    frames, relay = asyncio.run(play())
    assert [frame.pts for frame in frames] == [1, 2, 3]
    assert (relay.refused, relay.prepared) == (1, 3)


def test_viewers_come_and_go() -> None:
    """Who comes late sees the rest, who leaves early ends alone, and while nobody watches nothing is prepared."""

    async def play() -> tuple[list[av.VideoFrame], list[av.VideoFrame], MarkedRelay]:
        relay = MarkedRelay(Film(film(60, 320, 180), pace=0.02), Embedder(KEY))
        await asyncio.sleep(0.2)
        assert relay.prepared == 0
        assert relay.unwatched > 0
        early = relay.subscribe(PAYLOAD)
        first = [await early.recv() for _ in range(5)]
        late = relay.subscribe(OTHER)
        assert relay.viewers == {early, late}
        early.stop()
        assert relay.viewers == {late}
        with pytest.raises(MediaStreamError):
            await early.recv()
        return first, await drain(late), relay

    first, rest, relay = asyncio.run(play())
    assert len(first) == 5
    assert rest[-1].pts == 59
    assert len(rest) > 20
    assert relay.viewers == frozenset()


def test_slow_viewers_lose_frames_alone() -> None:
    """A viewer ten times too slow loses frames, counted, and never lags; the other is not held up."""

    async def play() -> tuple[list[av.VideoFrame], list[av.VideoFrame], MarkedTrack, MarkedTrack]:
        relay = MarkedRelay(Film(film(50, 320, 180), pace=0.02), Embedder(KEY))
        quick, slow = relay.subscribe(PAYLOAD), relay.subscribe(OTHER)
        return *await asyncio.gather(drain(quick), drain(slow, pace=0.2)), quick, slow

    at_once, late, quick, slow = asyncio.run(play())
    assert quick.marked == len(at_once) == 50 - quick.dropped
    assert len(at_once) > 2 * len(late)
    assert slow.dropped == 50 - len(late)
    assert len(late) < 15
    assert late[-1].pts == 49


def test_slow_preparing_loses_frames_before_it() -> None:
    """Where preparing takes longer than a frame lasts, frames are dropped and counted; nothing piles up."""

    async def play() -> tuple[list[av.VideoFrame], MarkedRelay]:
        relay = MarkedRelay(Film(film(50, 320, 180), pace=0.01), Watched(seconds=0.1))
        return await drain(relay.subscribe(PAYLOAD)), relay

    frames, relay = asyncio.run(play())
    assert relay.dropped > 20
    assert len(frames) + relay.dropped == 50
    assert frames[-1].pts == 49


def test_the_event_loop_stays_free() -> None:
    """Preparing is done in another thread, and the loop goes on while it lasts."""
    embedder = Watched(seconds=0.2)

    async def play() -> int:
        drained = asyncio.ensure_future(drain(MarkedRelay(Film(film(2, 320, 180)), embedder).subscribe(PAYLOAD)))
        turns = 0
        while not drained.done():
            await asyncio.sleep(0.01)
            turns += 1
        return turns

    assert asyncio.run(play()) > 10
    assert threading.get_ident() not in embedder.threads


@pytest.mark.parametrize("fault", ["source", "embedder"])
def test_errors_reach_everybody(fault: str) -> None:
    """What the source or the embedder raises ends the relay, and is raised to each viewer and to who waits."""
    source = Film(film(2, 320, 180), error=OSError("unplugged")) if fault == "source" else Film(film(2, 32, 32))
    kind, words = (OSError, "unplugged") if fault == "source" else (FrameError, "too small")

    async def play() -> None:
        relay = MarkedRelay(source, Embedder(KEY))
        tracks = [relay.subscribe(PAYLOAD), relay.subscribe(OTHER)]
        for track in tracks:
            with pytest.raises(kind, match=words):
                await drain(track)
            assert track.readyState == "ended"
        with pytest.raises(kind, match=words):
            await relay.wait()
        with pytest.raises(kind, match=words):
            await relay.subscribe(PAYLOAD).recv()

    asyncio.run(play())


def test_closing() -> None:
    """Closing the relay ends its viewers, those who come after and those who wait for its end."""

    async def play() -> None:
        relay = MarkedRelay(Film(film(1, 320, 180) * 1000, pace=0.02), Embedder(KEY))
        drained = asyncio.ensure_future(drain(relay.subscribe(PAYLOAD)))
        await asyncio.sleep(0.2)
        await relay.close()
        assert await drained
        assert await drain(relay.subscribe(PAYLOAD)) == []
        await relay.wait()

    asyncio.run(play())


def test_stopping_wakes_who_waits() -> None:
    """A viewer that waits for a frame is told at once that its track was stopped."""

    async def play() -> float:
        track = MarkedRelay(Film([], pace=60), Embedder(KEY)).subscribe(PAYLOAD)
        drained = asyncio.ensure_future(drain(track))
        await asyncio.sleep(0.05)
        begun = time.monotonic()
        track.stop()
        assert await drained == []
        return time.monotonic() - begun

    assert asyncio.run(play()) < 1


def test_sound_is_no_source() -> None:
    """A sound track is refused."""

    async def play() -> None:
        with pytest.raises(ValueError, match="audio"):
            MarkedRelay(AudioStreamTrack(), Embedder(KEY))

    asyncio.run(play())


def test_backlog_is_short() -> None:
    """What waits for a viewer who does not take it is bounded: the newest frames, and no more."""

    async def play() -> list[av.VideoFrame]:
        relay = MarkedRelay(Film(film(20, 320, 180), pace=0.02), Embedder(KEY))
        track = relay.subscribe(PAYLOAD)
        await relay.wait()
        return await drain(track)

    assert [frame.pts for frame in asyncio.run(play())] == list(range(20 - BACKLOG, 20))


def test_imported_only_when_asked_for() -> None:
    """Who does not use aiortc does not wait for it, nor need it."""
    words = "import sys, tracemark.cli.program, tracemark.video, tracemark.embedder; print('aiortc' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stdout
    assert said == "False\n"
