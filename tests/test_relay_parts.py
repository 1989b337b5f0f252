"""The relay's parts: a clock that only goes on, a backlog that stays short, addresses that tell no secrets."""

from __future__ import annotations

import itertools
import socket
import threading
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import pytest

from tests.media import Clip, make
from tests.scenes import KEY, PAYLOAD, film
from tracemark import Key
from tracemark.embedder.deltas import Deltas
from tracemark.embedder.policy import Clockwork
from tracemark.errors import MediaError
from tracemark.integrations.relay.address import PROTOCOLS, Address
from tracemark.integrations.relay.backlog import FRAMES, PACKETS, Arrival, Backlog
from tracemark.integrations.relay.sending import PREPARING_SHARE, Coding, Sender
from tracemark.integrations.relay.timeline import Timeline

TICK = Fraction(1, 90000)
HOUR = 3600.0


@dataclass
class Stream:
    """What the timeline asks of a stream."""

    type: str = "video"


@dataclass
class Packet:
    """What the timeline asks of a packet."""

    dts: int | None
    pts: int | None
    stream: Stream = field(default_factory=Stream)
    time_base: Fraction = TICK


class Watch:
    """A clock that is set by hand, and a timeline that goes by it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.timeline = Timeline(lambda: self.now)

    def place(self, seconds: float, kind: str = "video") -> float | None:
        """Place a packet of a time in the source, the clock having gone on; returns its time at the output."""
        packet = Packet(round(seconds * 90000), round(seconds * 90000) + 3000, Stream(kind))
        if not self.timeline.place(cast("Any", packet)):
            return None
        assert packet.dts is not None
        assert packet.pts == packet.dts + 3000
        return round(packet.dts / 90000, 6)

    def play(self, start: float, count: int, step: float = 0.04) -> list[float | None]:
        """Place so many packets in real time."""
        placed = []
        for number in range(count):
            placed.append(self.place(start + number * step))
            self.now += step
        return placed


def test_time_begins_at_zero() -> None:
    """The first picture is shown at 0 and the rest at the distances that the source gives them."""
    assert Watch().play(5000, 4) == [0.0, 0.04, 0.08, 0.12]


def test_sound_keeps_its_place() -> None:
    """Sound is moved with the picture; what lies before the output's begin, or is far from the picture, is left out."""
    watch = Watch()
    assert watch.place(10, "audio") is None
    watch.play(10, 5)
    assert watch.place(10.1, "audio") == pytest.approx(0.1)
    assert watch.place(9.9, "audio") is None
    assert watch.place(90, "audio") is None


@pytest.mark.parametrize("start", [0.0, 3.0, 1e6], ids=["back to zero", "a little back", "far ahead"])
@pytest.mark.parametrize("told", [False, True])
def test_a_source_that_begins_anew(*, start: float, told: bool) -> None:
    """After a pause, the output goes on by the time that passed, whether or not anybody noticed the loss."""
    watch = Watch()
    watch.play(50, 100)
    watch.now += 3
    if told:
        watch.timeline.interrupt()
    assert pytest.approx(watch.play(start, 3)) == [7.0, 7.04, 7.08]


def test_times_grow_over_any_jumps() -> None:
    """Through jumps back, ahead and again, no picture is placed before the one that came before it."""
    watch = Watch()
    placed = [each for start in (7, 3, 400, 0, 90000) for each in watch.play(start, 20)]
    assert None not in placed
    assert sorted(set(placed), key=float) == placed  # type: ignore[arg-type]
    assert placed[-1] == pytest.approx(99 * 0.04, abs=0.2)


def test_a_burst_is_no_jump() -> None:
    """A second of pictures that arrive at once, or a source that is silent and goes on, keep the source's distances."""
    watch = Watch()
    assert [watch.place(1 + 0.04 * number) for number in range(3)] == [0.0, 0.04, 0.08]
    watch.now += 1.5
    assert watch.place(1.12) == pytest.approx(0.12)
    watch.now += 5
    assert watch.place(6.12) == pytest.approx(5.12)


def test_a_burst_takes_no_time() -> None:
    """A second that arrives at once at the begin does not shorten the pause that follows."""
    watch = Watch()
    assert [watch.place(number) for number in (1, 1.5, 2)] == [0, 0.5, 1]
    watch.now += 3
    assert watch.place(0) == pytest.approx(4)


def test_packets_without_times() -> None:
    """A packet without any time has no place."""
    assert not Watch().timeline.place(cast("Any", Packet(None, None)))


def test_the_backlog_drops_the_oldest_frames() -> None:
    """Frames beyond the limit push out the oldest, counted; sound goes by them, and is bounded, too."""
    backlog = Backlog()
    frames = film(FRAMES + 5, 64, 64)
    for frame in frames:
        backlog.put(frame)
        backlog.put(av.Packet(1))
    items = [backlog.get(0) for _ in range(2 * FRAMES + 5)]
    assert backlog.get(0) is None
    assert [each for each in items if isinstance(each, av.VideoFrame)] == frames[5:]
    assert backlog.dropped == 5
    for _ in range(PACKETS + 3):
        backlog.put(av.Packet(1))
    assert sum(backlog.get(0) is not None for _ in range(PACKETS + 3)) == PACKETS
    assert backlog.dropped == 5


def test_the_backlog_wakes_who_waits() -> None:
    """Who waits for an item gets it when it comes."""
    backlog = Backlog()
    error = MediaError("x")
    threading.Timer(0.05, backlog.put, [error]).start()
    assert backlog.get(5) is error


@pytest.mark.parametrize("url", ["film.mp4", "http://host/x.m3u8", "udp:5000", "rtmp://", "", "file:///etc/passwd"])
def test_no_addresses(url: str) -> None:
    """Files, pages and half addresses are refused."""
    with pytest.raises(MediaError, match="no address of a live stream"):
        Address(url)


def test_addresses_keep_secrets() -> None:
    """What is shown of an address has neither its password nor its stream key."""
    address = Address("rtmp://user:hunter2@host:1935/live/stream-key?token=abc")
    assert address.shown == "rtmp://host:1935"
    for text in (repr(address), str(address), str(address.missing())):
        assert not any(secret in text for secret in ("hunter2", "stream-key", "abc"))


def test_datagrams_are_whole_packets() -> None:
    """MPEG-TS over UDP goes out in datagrams of whole packets, unless the user says otherwise."""
    assert Address("udp://host:1").target_url == "udp://host:1?pkt_size=1316"
    assert Address("udp://host:1?ttl=2").target_url == "udp://host:1?ttl=2&pkt_size=1316"
    assert Address("udp://host:1?pkt_size=188").target_url == "udp://host:1?pkt_size=188"
    assert Address("tcp://host:1").target_url == "tcp://host:1"


@pytest.mark.parametrize("scheme", PROTOCOLS)
def test_every_protocol_names_its_container(scheme: str) -> None:
    """No address is opened without naming what it carries, which would let FFmpeg follow play lists."""
    address = Address(f"{scheme}://host:1/x")
    assert address.protocol.container in {"flv", "mpegts", "rtsp"}
    assert address.options(listen=True).keys() >= address.options(listen=False).keys()


@pytest.mark.parametrize("coding", [Coding(crf=99), Coding(preset="warp")])
def test_bad_coding(coding: Coding) -> None:
    """A quality or speed that x264 does not have is refused before anything is waited for."""
    with pytest.raises(MediaError):
        Sender(Address("udp://127.0.0.1:9"), key=Key.generate(), payload=PAYLOAD, strength=1.0, coding=coding)


def test_frames_that_cannot_be_prepared_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame whose mask cannot be made is counted and not sent; where time is short, the last mask is taken."""
    source = make(tmp_path / "camera.mp4", Clip(width=192, height=108))
    looked = itertools.count()
    look = Deltas.look

    def sometimes(deltas: Deltas, views: list[Any]) -> None:
        if next(looked) == 1:
            raise MemoryError
        look(deltas, views)

    monkeypatch.setattr(Deltas, "look", sometimes)
    with socket.socket(type=socket.SOCK_DGRAM) as ear, av.open(str(source)) as opened:
        ear.bind(("127.0.0.1", 0))
        sender = Sender(
            Address(f"udp://127.0.0.1:{ear.getsockname()[1]}"),
            key=KEY,
            payload=PAYLOAD,
            coding=Coding(preset="ultrafast"),
        )
        sender.greet(Arrival(opened.streams.video[0], None))
        rate = opened.streams.video[0].average_rate
        assert rate
        assert sender._embedder._policy.budget == pytest.approx(float(1000 * PREPARING_SHARE / rate))
        sender._embedder._clockwork = Clockwork(HOUR)  # no machine is so busy
        for frame in film(4, 192, 108):
            sender.show(frame)
        assert (sender.frames, sender.refused) == (3, 1)
        assert sender._embedder.counts.refused == 1
        sender._embedder._clockwork.spent(2 * HOUR)
        frame = film(5, 192, 108)[-1]
        sender.show(frame)
        sender.close()
    assert (sender.frames, sender.refused) == (4, 1)
    assert sender._embedder.counts.last == 1
