"""A room with one performer and any number of viewers, each of whom sees a picture marked for them alone.

Run it, open the two addresses that it prints in two browser windows, and see README.md for the rest.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web
from aiortc import MediaStreamTrack, RTCConfiguration, RTCIceServer, RTCPeerConnection, RTCSessionDescription
from aiortc.codecs import vpx
from aiortc.contrib.media import MediaBlackhole, MediaRelay
from guests import Guest, Guests, Numbered, Registered

from tracemark import Embedder, Key, Logo, SessionCode
from tracemark.embedder import Fallback, Policy
from tracemark.errors import TracemarkError
from tracemark.integrations.aiortc import MarkedRelay, MarkedTrack

if TYPE_CHECKING:
    from tracemark.registry import Where

PAGES = Path(__file__).with_name("room")

POLICY = Policy(budget=1000 / 30, slow=Fallback.LAST, failed=Fallback.RAISE, overlays_required=False)
"""Cameras show 30 frames a second; where preparing takes longer, it spares itself the look at the picture. Browsers
shrink their picture when bandwidth is short; if a code no longer fits, the mark alone goes on."""

log = logging.getLogger("room")

# aiortc begins VP8 at 0.5 and stops at 1.5 Mbit/s, too little for a picture of 1280 x 720; it has no other switch.
vpx.MIN_BITRATE, vpx.DEFAULT_BITRATE, vpx.MAX_BITRATE = 500_000, 1_500_000, 4_000_000


@dataclass
class Stage:
    """What the performer sends, as long as they do."""

    connection: RTCPeerConnection
    number: int
    video: MarkedRelay | None = None
    sound: MediaStreamTrack | None = None
    silence: MediaBlackhole = field(default_factory=MediaBlackhole)

    def require_video(self) -> None:
        """Refuse a performer who shows nothing."""
        if self.video is None:
            raise web.HTTPBadRequest(text="the offer has no video")


@dataclass(eq=False)
class Seat:
    """One viewer who watches now."""

    connection: RTCPeerConnection
    guest: Guest
    track: MarkedTrack
    since: float = field(default_factory=time.monotonic)

    def facts(self) -> dict[str, str | int]:
        """Tell the performer's page of this viewer."""
        return {
            "member": self.guest.member,
            "seconds": int(time.monotonic() - self.since),
            "frames": self.track.marked,
            "dropped": self.track.dropped,
        }


class Room:
    """One session: at most one performer, any number of viewers.

    Parameters
    ----------
    key : Key
    guests : Guests
        Lets viewers of the room's session in.
    strength : float
        Multiple of the mark's default amplitude.
    overlays : sequence of Logo or SessionCode
        What is drawn over every viewer's picture.
    ice : list of RTCIceServer
        Servers that help connections through a NAT; none are needed on one machine or in one network.
    """

    def __init__(
        self, key: Key, guests: Guests, strength: float, overlays: Sequence[Logo | SessionCode], ice: list[RTCIceServer]
    ) -> None:
        self.guests = guests
        self.seats: set[Seat] = set()
        self.stage: Stage | None = None
        self._key = key
        self._strength = strength
        self._overlays = overlays
        self._ice = ice
        self._copies = MediaRelay()
        self._stages = itertools.count(1)
        self._watches: set[asyncio.Task[None]] = set()

    async def perform(self, offer: RTCSessionDescription) -> RTCSessionDescription:
        """Take the performer's video and sound."""
        if self.stage:
            raise web.HTTPConflict(text="somebody is on stage already")
        connection = self._connect()
        stage = self.stage = Stage(connection, next(self._stages))

        @connection.on("track")
        def arrived(track: MediaStreamTrack) -> None:
            if track.kind == "audio":
                stage.sound = track
            elif stage.video is None:
                # The key and the strength are the room's; the embedder is this stream's alone.
                stage.video = MarkedRelay(track, Embedder(self._key, strength=self._strength, policy=POLICY))
                watch = asyncio.ensure_future(self._until_the_end(stage, stage.video))
                self._watches.add(watch)
                watch.add_done_callback(self._watches.discard)

        @connection.on("connectionstatechange")
        async def changed() -> None:
            if connection.connectionState in {"failed", "closed"}:
                await self._leave(stage)

        try:
            await _take(connection, offer)
            stage.require_video()
            if stage.sound:
                # Somebody always listens, or sound would pile up while nobody watches.
                stage.silence.addTrack(self._copies.subscribe(stage.sound, buffered=False))
                await stage.silence.start()
            return await _answer(connection)
        except BaseException:
            await self._leave(stage)
            raise

    async def watch(
        self, offer: RTCSessionDescription, member: str | None, where: Where
    ) -> tuple[RTCSessionDescription, Guest]:
        """Give one more viewer their own copy."""
        stage = self.stage
        if stage is None or stage.video is None:
            raise web.HTTPConflict(text="nobody is on stage yet")
        connection = self._connect()
        await _take(connection, offer)
        try:
            guest = await self.guests.admit(member, {seat.guest.member for seat in self.seats}, where)
        except TracemarkError as error:
            await connection.close()
            raise web.HTTPBadRequest(text=str(error)) from error
        seat = Seat(connection, guest, stage.video.subscribe(guest.payload, self._overlays))
        self.seats.add(seat)

        @connection.on("connectionstatechange")
        async def changed() -> None:
            if connection.connectionState in {"failed", "closed"}:
                await self._stand_up(seat)

        try:
            connection.addTrack(seat.track)
            if stage.sound:
                connection.addTrack(self._copies.subscribe(stage.sound))
            answer = await _answer(connection)
        except BaseException:
            await self._stand_up(seat)
            raise
        log.info("member %s watches", guest.member)
        return answer, guest

    async def close(self) -> None:
        """Send everybody home."""
        if self.stage:
            await self._leave(self.stage)

    def _connect(self) -> RTCPeerConnection:
        return RTCPeerConnection(RTCConfiguration(iceServers=self._ice))

    async def _until_the_end(self, stage: Stage, video: MarkedRelay) -> None:
        """Clear the stage when the video ends, and say why if it was not the performer's wish."""
        try:
            await video.wait()
        except Exception:
            log.exception("the performer's video cannot be marked, and was ended")
        await self._leave(stage)

    async def _leave(self, stage: Stage) -> None:
        if self.stage is stage:
            self.stage = None
            log.info("the stage is empty")
            if stage.video:
                await stage.video.close()
            await stage.silence.stop()
            await asyncio.gather(*(self._stand_up(seat) for seat in list(self.seats)))
        await stage.connection.close()

    async def _stand_up(self, seat: Seat) -> None:
        if seat in self.seats:
            self.seats.discard(seat)
            seat.guest.leave()
            log.info("member %s has gone", seat.guest.member)
        seat.track.stop()
        await seat.connection.close()


async def _take(connection: RTCPeerConnection, offer: RTCSessionDescription) -> None:
    """Take an offer, or close the connection and refuse it."""
    try:
        await connection.setRemoteDescription(offer)
    except Exception as error:  # whatever a parser says of a stranger's text
        await connection.close()
        raise web.HTTPBadRequest(text="this offer cannot be understood") from error
    if not any(each.kind == "video" for each in connection.getTransceivers()):
        await connection.close()
        raise web.HTTPBadRequest(text="the offer has no video")


async def _answer(connection: RTCPeerConnection) -> RTCSessionDescription:
    answer = await connection.createAnswer()
    assert answer is not None
    await connection.setLocalDescription(answer)
    return connection.localDescription


ROOM = web.AppKey("ROOM", Room)
routes = web.RouteTableDef()


@routes.post("/perform")
async def take_the_stage(request: web.Request) -> web.Response:
    """Connect the performer."""
    offer, _ = await _read_offer(request)
    answer = await request.app[ROOM].perform(offer)
    return web.json_response({"type": answer.type, "sdp": answer.sdp})


@routes.post("/watch")
async def take_a_seat(request: web.Request) -> web.Response:
    """Connect a viewer.

    An example has no accounts, so the page says which member it is. Take the name from whoever is logged in, or
    anybody can watch under somebody else's.
    """
    offer, member = await _read_offer(request)
    assert request.transport  # of a request that is being answered; tells mypy
    ip, port = request.transport.get_extra_info("peername")[:2]
    where: Where = {"ip": ip, "port": port, "agent": request.headers.get("User-Agent", "")}
    answer, guest = await request.app[ROOM].watch(offer, member, where)
    who = {"session": request.app[ROOM].guests.session, "member": guest.member}
    return web.json_response({"type": answer.type, "sdp": answer.sdp, **who})


@routes.get("/stage")
async def stage(request: web.Request) -> web.Response:
    """Tell a viewer's page whether there is something to see; the number is another after every pause."""
    on_stage = request.app[ROOM].stage
    return web.json_response({"live": on_stage is not None, "number": on_stage.number if on_stage else 0})


@routes.get("/watching")
async def watching(request: web.Request) -> web.Response:
    """List who watches, in the order in which they came."""
    room = request.app[ROOM]
    seats = sorted(room.seats, key=lambda seat: seat.since)
    return web.json_response({"session": room.guests.session, "watching": [seat.facts() for seat in seats]})


async def _read_offer(request: web.Request) -> tuple[RTCSessionDescription, str | None]:
    try:
        said = await request.json()
        member = said.get("member")
        return RTCSessionDescription(sdp=said["sdp"], type="offer"), None if member is None else str(member)
    except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise web.HTTPBadRequest(text="this is no offer") from error


def _page(name: str) -> Callable[[web.Request], Awaitable[web.FileResponse]]:
    async def show(_request: web.Request) -> web.FileResponse:
        return web.FileResponse(PAGES / name)

    return show


async def _close(app: web.Application) -> None:
    await app[ROOM].close()


def _guests(options: argparse.Namespace, key: Key, until_the_end: ExitStack) -> Guests:
    """Let viewers in by number, or by the names that a registry keeps."""
    if not options.registry:
        return Numbered(options.session)
    from tracemark.registry import LiveRegistry, Registry  # noqa: PLC0415 - a room of numbers does without this extra

    registry = until_the_end.enter_context(Registry.open(options.registry))
    # what the registry cannot be told at once is kept here, and told later
    live = until_the_end.enter_context(LiveRegistry(registry, options.key.with_suffix(".spool")))
    return Registered(live, key, options.session)


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8080, help="(default: %(default)s)")
    parser.add_argument("--key", type=Path, default=Path("room.key"), help="key file, made if missing (%(default)s)")
    parser.add_argument("--session", default="1", help="number of this session, or its name (default: %(default)s)")
    parser.add_argument("--registry", metavar="URL", help="registry that gives members' names their payloads")
    parser.add_argument("--strength", type=float, default=1.0, help="multiple of the mark (default: %(default)s)")
    parser.add_argument("--logo", type=Path, help="PNG that is drawn over the picture")
    parser.add_argument("--code", action="store_true", help="show every viewer a session code of their own")
    parser.add_argument("--ice", action="append", default=[], metavar="URL", help="STUN server, such as stun:host:3478")
    parser.add_argument("--tls-cert", type=Path, help="certificate, which browsers want for cameras of other machines")
    parser.add_argument("--tls-key", type=Path, help="the certificate's private key")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for chatty in ("aiohttp.access", "aioice.ice", "aiortc"):
        logging.getLogger(chatty).setLevel(logging.WARNING)

    until_the_end = ExitStack()
    try:
        if not options.key.exists():
            Key.generate().save(options.key)
        key = Key.load(options.key)
        Embedder(key, strength=options.strength)
        overlays: list[Logo | SessionCode] = [
            *([Logo(options.logo)] if options.logo else []),
            *([SessionCode()] if options.code else []),
        ]
        guests = _guests(options, key, until_the_end)
    except (TracemarkError, ValueError) as error:
        parser.error(str(error))
    tls = None
    if options.tls_cert:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(options.tls_cert, options.tls_key)

    app = web.Application()
    app[ROOM] = Room(key, guests, options.strength, overlays, [RTCIceServer(url) for url in options.ice])
    app.add_routes(routes)
    for path, name in (("/", "lobby.html"), ("/perform", "perform.html"), ("/watch", "watch.html")):
        app.router.add_get(path, _page(name))
    app.router.add_static("/room", PAGES)
    app.on_shutdown.append(_close)
    address = f"{'https' if tls else 'http'}://{options.host}:{options.port}"
    log.info("performer:  %s/perform", address)
    log.info("viewers:    %s/watch?member=4711", address)
    log.info("key:        %s (%s)", options.key, key.id)
    with until_the_end:
        web.run_app(app, host=options.host, port=options.port, ssl_context=tls, print=None)


if __name__ == "__main__":
    main()
