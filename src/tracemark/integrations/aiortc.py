"""A marked video track for aiortc: one source, prepared once a frame, and a track of their own for every viewer.

Needs the extra ``aiortc``. All work on pictures is done in threads; numpy and OpenCV let go of the interpreter there,
so the event loop stays free for the network.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Generic, TypeVar

from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from av import VideoFrame

from tracemark.embedder import Embedder, Prepared, Viewer
from tracemark.errors import PrepareError
from tracemark.overlay import Overlay
from tracemark.payload import Payload

BACKLOG = 2
"""Frames that wait for preparing, and for each viewer; the oldest is dropped when one more comes.

While one is worked on the next may arrive early; a third would only add its own duration to the delay.
"""

Item = TypeVar("Item")


class MarkedRelay:
    """Marks one video track for viewers who come and go.

    Every frame is prepared once, if anybody watches, and marked for each viewer when that viewer takes it. Who is slow
    loses frames and holds up nobody else; if preparing is slower than the source, frames are lost before it.

    Reading begins at once, so that no frames pile up in the source while nobody watches.

    Parameters
    ----------
    source : aiortc.MediaStreamTrack
        The host video. Nobody else may read it; `aiortc.contrib.media.MediaRelay` makes a second one of it.
    embedder : Embedder
        Of this stream alone. Frames that its policy refuses are lost; whatever else it raises ends the relay. Nothing
        goes out unmarked.
    executor : concurrent.futures.Executor, optional
        Threads for the work; the event loop's own by default.

    Attributes
    ----------
    prepared : int
        Frames prepared so far.
    refused : int
        Frames lost because the embedder's policy refused them: `tracemark.errors.PrepareError`.
    unwatched : int
        Frames that nobody watched.

    Raises
    ------
    ValueError
        The source is no video.
    RuntimeError
        There is no running event loop.
    """

    def __init__(self, source: MediaStreamTrack, embedder: Embedder, *, executor: Executor | None = None) -> None:
        if source.kind != "video":
            raise ValueError(f"the source is of kind {source.kind!r}, not 'video'")
        self.prepared = self.refused = self.unwatched = 0
        self._source = source
        self._embedder = embedder
        self._executor = executor
        self._frames: _Backlog[VideoFrame] = _Backlog()
        self._viewers: set[MarkedTrack] = set()
        self._over: Exception | None = None
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def dropped(self) -> int:
        """Frames lost because preparing was slower than the source."""
        return self._frames.dropped

    @property
    def viewers(self) -> frozenset[MarkedTrack]:
        """Tracks of those who watch now."""
        return frozenset(self._viewers)

    def subscribe(self, payload: Payload, overlays: Sequence[Overlay] = ()) -> MarkedTrack:
        """Begin marking for one more viewer; stopping the track ends it.

        Parameters
        ----------
        payload : Payload
            Session and member that this viewer's frames name.
        overlays : sequence of Logo or SessionCode
            What is drawn over this viewer's frames; see `Embedder.viewer`.

        Returns
        -------
        MarkedTrack
            Ends when the source does.
        """
        track = MarkedTrack(payload, self._embedder.viewer(payload, overlays), self._viewers, self._executor)
        if self._over:
            track.end(self._over)
        return track

    async def wait(self) -> None:
        """Wait until the source has ended or the relay was closed.

        Raises
        ------
        Exception
            Whatever the source or the embedder raised, if that was the end.
        """
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    async def close(self) -> None:
        """Stop reading, and end all viewers' tracks. The source itself is not stopped."""
        self._task.cancel()
        await asyncio.wait([self._task])

    async def _run(self) -> None:
        """Read and prepare until either raises; every way to end is one."""
        reading = asyncio.create_task(self._read())
        try:
            await self._prepare()
        except MediaStreamError as end:
            self._end(end)
        except asyncio.CancelledError:
            self._end(MediaStreamError())
            raise
        except Exception as error:
            self._end(error)
            raise
        finally:
            reading.cancel()

    async def _read(self) -> None:
        try:
            while True:
                frame = await self._source.recv()
                if self._viewers:
                    self._frames.put(frame)  # type: ignore[arg-type]  # a packet or sound is refused by the embedder
                else:
                    self.unwatched += 1
        except Exception as end:  # noqa: BLE001 - it is raised again by who takes the frames
            self._frames.end(end)

    async def _prepare(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            frame = await self._frames.get()
            try:
                prepared = await loop.run_in_executor(self._executor, self._embedder.prepare, frame)
            except PrepareError:
                self.refused += 1
                continue
            self.prepared += 1
            for track in self._viewers:
                track.offer(prepared)

    def _end(self, error: Exception) -> None:
        self._over = error
        for track in self._viewers:
            track.end(error)


class MarkedTrack(MediaStreamTrack):
    """The video of one viewer; made by `MarkedRelay.subscribe`.

    Frames keep the source's time stamps, so the mark's slots are the same for all viewers, whenever they came.

    Parameters
    ----------
    payload : Payload
    viewer : Viewer
    viewers : set of MarkedTrack
        Those who watch the same source; this one is among them until it is stopped.
    executor : concurrent.futures.Executor or None

    Attributes
    ----------
    payload : Payload
        Whom this track is marked for.
    marked : int
        Frames marked so far.
    """

    kind = "video"

    def __init__(
        self, payload: Payload, viewer: Viewer, viewers: set[MarkedTrack], executor: Executor | None = None
    ) -> None:
        super().__init__()
        self.payload = payload
        self.marked = 0
        self._viewer = viewer
        self._viewers = viewers
        self._executor = executor
        self._coming: _Backlog[Prepared] = _Backlog()
        viewers.add(self)

    @property
    def dropped(self) -> int:
        """Frames that this viewer lost by being slow."""
        return self._coming.dropped

    async def recv(self) -> VideoFrame:
        """Return the next frame, marked for this viewer.

        Returns
        -------
        av.VideoFrame

        Raises
        ------
        MediaStreamError
            The source has ended, or this track was stopped.
        Exception
            Whatever the source or the embedder raised, if that was the end.
        """
        try:
            prepared = await self._coming.get()
            loop = asyncio.get_running_loop()
            frame = await loop.run_in_executor(self._executor, self._viewer.mark, prepared)
        except Exception:
            self.stop()
            raise
        assert isinstance(frame, VideoFrame)  # of the kind that went in; tells mypy
        self.marked += 1
        return frame

    def stop(self) -> None:
        """End the track; whoever waits for a frame is told."""
        super().stop()
        self._viewers.discard(self)
        self._coming.end(MediaStreamError())

    def offer(self, prepared: Prepared) -> None:
        """Take in the next frame of the source; for the relay."""
        self._coming.put(prepared)

    def end(self, error: Exception) -> None:
        """Raise an error after the frames that wait; for the relay."""
        self._coming.end(error)


class _Backlog(Generic[Item]):
    """The newest few items: the oldest gives way, so that neither memory nor delay grows."""

    def __init__(self) -> None:
        self.dropped = 0
        self._items: deque[Item] = deque()
        self._end: Exception | None = None
        self._changed = asyncio.Event()

    def put(self, item: Item) -> None:
        if self._end:
            return
        if len(self._items) == BACKLOG:
            self._items.popleft()
            self.dropped += 1
        self._items.append(item)
        self._changed.set()

    def end(self, error: Exception) -> None:
        """Let an error follow the items; the first one counts."""
        self._end = self._end or error
        self._changed.set()

    async def get(self) -> Item:
        while not self._items:
            if self._end:
                raise self._end
            self._changed.clear()
            await self._changed.wait()
        return self._items.popleft()
