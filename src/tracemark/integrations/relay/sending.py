"""Mark, encode and send a live stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
from av.video.frame import PictureType

from tracemark.embedder import Embedder, Fallback, Policy, Viewer
from tracemark.errors import MediaError, PrepareError
from tracemark.integrations.relay.address import Address
from tracemark.integrations.relay.backlog import Arrival
from tracemark.integrations.relay.bridge import Outlet, bridged
from tracemark.keys import Key
from tracemark.overlay import Overlay
from tracemark.payload import Payload
from tracemark.video.encoders import find_encoder
from tracemark.video.pixels import convert
from tracemark.video.source import FALLBACK_RATE, HIGHEST_RATE
from tracemark.video.tracks import can_copy

PIXEL_FORMAT = "yuv420p"
"""What every player of a live stream takes."""

CLOCK = Fraction(1, 90000)
"""Time base of the picture: the clock of MPEG systems."""

KEY_FRAME_SECONDS = 2
"""From key frame to key frame; who tunes in waits for one."""

PRESET = "veryfast"
"""Speed of the encoder unless told otherwise: it has to keep up."""

PREPARING_SHARE = 0.5
"""Share of a frame's duration that preparing may take on average; the rest is the encoder's."""

INTERLEAVING_MICROSECONDS = 300_000
"""How long picture waits for sound that does not come, before it is sent without; FFmpeg's default is ten seconds."""


@dataclass(frozen=True)
class Coding:
    """How the picture is encoded.

    Parameters
    ----------
    crf : int or None
        x264's quality; visually transparent by default.
    preset : str
        x264's speed.
    bitrate : int or None
        Most kilobits a second, with bursts of a second; unlimited by default.
    """

    crf: int | None = None
    preset: str = PRESET
    bitrate: int | None = None

    def options(self, rate: Fraction) -> dict[str, str]:
        """Return x264's options, which let every frame out at once.

        Parameters
        ----------
        rate : Fraction
            Frames a second.

        Returns
        -------
        dict of str to str

        Raises
        ------
        MediaError
            If x264 has no such quality or speed.
        """
        options = find_encoder("h264").settings(self.crf, self.preset)
        options |= {"tune": "zerolatency", "g": str(round(KEY_FRAME_SECONDS * rate))}
        if self.bitrate:
            options |= {"maxrate": f"{self.bitrate}k", "bufsize": f"{self.bitrate}k"}
        return options


class Sender:
    """The marked stream on its way out.

    Size and rate are those of the source when it first came; frames of another size, after it returned, are scaled.

    Parameters
    ----------
    target : Address
    key : Key
    payload : Payload
    strength : float
    overlays : sequence of Logo or SessionCode
    coding : Coding

    Attributes
    ----------
    frames : int
        Frames sent.
    seconds : float
        Output time reached.
    late : int
        Frames left out because their time had passed.
    refused : int
        Frames left out because they could not be prepared for marking.
    notes : list of str
        What could not be passed on, in words.
    """

    def __init__(
        self,
        target: Address,
        *,
        key: Key,
        payload: Payload,
        strength: float = 1.0,
        overlays: Sequence[Overlay] = (),
        coding: Coding,
    ) -> None:
        self.frames = self.late = self.refused = 0
        self.seconds = 0.0
        self.notes: list[str] = []
        self._target = target
        self._key, self._payload, self._strength = key, payload, strength
        self._overlays = overlays
        self._coding = coding
        coding.options(FALLBACK_RATE)  # wrong ones are told before anything is waited for
        self._output: av.container.OutputContainer | None = None
        self._outlet: Outlet | None = None
        self._sound: av.AudioStream | None = None
        self._sound_passes = False
        self._sound_reached = Fraction(-1)
        self._picture_reached = Fraction(-1)

    def greet(self, arrival: Arrival) -> None:
        """Take note of a source that has come: of the first, how it is; of later ones, whether they are like it.

        Parameters
        ----------
        arrival : Arrival

        Raises
        ------
        MediaError
            If the target cannot carry the source's sound.
        """
        if self._output is None:
            self._lay_out(arrival)
        elif arrival.sound and not (self._sound and _sounds_alike(arrival.sound, self._sound)):
            self._sound_passes = False
            self.notes.append("the sound of the returned source is another kind, and is left out")
        else:
            self._sound_passes = arrival.sound is not None

    def show(self, frame: av.VideoFrame) -> None:
        """Mark a frame and send it; one that cannot be prepared for marking is left out.

        Parameters
        ----------
        frame : av.VideoFrame
            With a time stamp on the output's clock.

        Raises
        ------
        MediaError
            If nobody takes the stream.
        FrameError
            If the picture is too small to be marked.
        OverlayError
            If an overlay does not fit into it.
        """
        assert frame.pts is not None  # the receiver lets no other through; tells mypy
        assert frame.time_base is not None
        stamp = round(frame.pts * Fraction(frame.time_base) / CLOCK)
        if stamp <= self._picture_reached:
            self.late += 1
            return
        self._picture_reached = Fraction(stamp)
        host = self._fitted(frame)
        host.pts, host.time_base = stamp, CLOCK
        try:
            marked = self._viewer.mark(host)
        except PrepareError:
            self.refused += 1
            return
        assert isinstance(marked, av.VideoFrame)  # of the kind that went in; tells mypy
        marked.pict_type = PictureType.NONE
        self._mux(self._picture.encode(marked))
        self.frames += 1
        self.seconds = float(stamp * CLOCK)

    def play(self, packet: av.Packet[av.stream.Stream]) -> None:
        """Send a packet of sound as it is.

        Parameters
        ----------
        packet : av.Packet

        Raises
        ------
        MediaError
            If nobody takes the stream.
        """
        stamp = packet.dts if packet.dts is not None else packet.pts
        if not self._sound_passes or self._sound is None or stamp is None:
            return
        time = stamp * Fraction(packet.time_base)
        if time <= self._sound_reached:
            return
        self._sound_reached = time
        packet.stream = self._sound
        self._mux([packet])

    def close(self) -> None:
        """Send what the encoder still holds, and end the stream.

        Raises
        ------
        MediaError
            If nobody takes it.
        """
        if self._output is None:
            return
        if self.frames:
            self._mux(self._picture.encode(None))
        try:
            self._output.close()
            if self._outlet:
                self._outlet.finish()
        except (av.FFmpegError, OSError, MediaError) as error:
            raise self._lost(error) from error

    def leave(self) -> None:
        """Give up whatever takes the stream."""
        if self._outlet:
            self._outlet.close()

    def _lay_out(self, arrival: Arrival) -> None:
        target = self._target.protocol.container
        video, sound = arrival.video, arrival.sound
        if sound and not can_copy("mpegts" if target == "rtsp" else target, sound):
            raise MediaError(
                f"{target} cannot carry the source's sound ({sound.name})", "let the source send AAC, or another target"
            )
        rate = next((r for r in (video.average_rate, video.guessed_rate) if r and r <= HIGHEST_RATE), FALLBACK_RATE)
        aspect = video.codec_context.sample_aspect_ratio or Fraction(1)
        self._outlet = Outlet(self._target) if bridged(self._target) else None
        try:
            self._output = av.open(
                self._outlet or self._target.target_url,
                "w",
                format=target,
                container_options={"max_interleave_delta": str(INTERLEAVING_MICROSECONDS), "flush_packets": "1"},
            )
        except (av.FFmpegError, OSError) as error:
            raise self._lost(error) from error
        name = find_encoder("h264").name
        stream = self._output.add_stream(name, rate=rate, options=self._coding.options(rate), time_base=CLOCK)
        assert isinstance(stream, av.VideoStream)  # x264 is; tells mypy
        self._picture = stream
        context = stream.codec_context
        context.width, context.height = (each - each % 2 for each in (video.width, video.height))
        context.pix_fmt, context.time_base, context.sample_aspect_ratio = PIXEL_FORMAT, CLOCK, aspect
        context.color_range, context.colorspace = video.codec_context.color_range, video.codec_context.colorspace
        context.color_primaries = video.codec_context.color_primaries
        context.color_trc = video.codec_context.color_trc
        if sound:
            self._sound = self._output.add_stream_from_template(sound, opaque=True)
            self._sound_passes = True
        policy = Policy(float(1000 * PREPARING_SHARE / rate), slow=Fallback.LAST, failed=Fallback.RAISE)
        self._embedder = Embedder(self._key, strength=self._strength, pixel_aspect=float(aspect), policy=policy)
        self._viewer: Viewer = self._embedder.viewer(self._payload, self._overlays)

    def _fitted(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Bring a frame to the output's size and pixel format."""
        context = self._picture.codec_context
        if (frame.width, frame.height) != (context.width, context.height):
            frame = frame.reformat(width=context.width, height=context.height)
        return convert(frame, PIXEL_FORMAT)

    def _mux(self, packets: list[av.Packet[av.stream.Stream]] | list[av.Packet[av.VideoStream]]) -> None:
        assert self._output  # laid out before anything is sent; tells mypy
        try:
            for packet in packets:
                self._output.mux_one(packet)
        except av.ProtocolNotFoundError:
            raise self._target.missing() from None
        except (av.FFmpegError, OSError, MediaError) as error:
            raise self._lost(error) from error

    def _lost(self, error: Exception) -> MediaError:
        reason = str(getattr(error, "strerror", None) or error).lower()
        return MediaError(f"{self._target.shown} does not take the stream: {reason}", "start its server first")


def _sounds_alike(some: av.AudioStream, other: av.AudioStream) -> bool:
    """Whether packets of one sound can go on in a stream laid out for another."""
    return all(
        getattr(some.codec_context, what) == getattr(other.codec_context, what)
        for what in ("name", "sample_rate", "channels")
    )
