"""Addresses of live streams: which protocols are known, what each carries, and how it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import av

from tracemark.errors import MediaError

LISTENING_SECONDS = 10
"""Seconds that RTSP and SRT listen before they have to be asked again. RTSP's own default is refused by its own check;
SRT's is for ever."""

LINGERING_SECONDS = 1
"""Seconds that SRT goes on sending what it still holds at the end, instead of dropping it."""

TS_PACKET = 188
"""Bytes of a packet of MPEG-TS."""

DATAGRAM = 7 * TS_PACKET
"""Bytes that fill a datagram which no network splits: whole packets, as receivers expect."""


@dataclass(frozen=True)
class Protocol:
    """How a kind of live stream is opened by FFmpeg.

    Parameters
    ----------
    container : str
        FFmpeg's name of what it carries. It is always named, so that nothing else is tried: FFmpeg would follow a play
        list to other hosts and files.
    options : mapping of str to str
        For sources.
    sending : str
        For targets, as a query; PyAV hands no options to what it opens for writing.
    listening : mapping of str to str or None
        Further ones for a source that is waited for instead of fetched from; None if the protocol cannot.
    optional : bool
        Whether an FFmpeg may have been built without it.
    """

    container: str
    options: Mapping[str, str] = field(default_factory=dict)
    listening: Mapping[str, str] | None = None
    sending: str = ""
    optional: bool = False


_RTMP = Protocol("flv", listening={"listen": "1"})
_RTSP = Protocol(
    "rtsp",
    options={"rtsp_transport": "tcp"},
    listening={"rtsp_flags": "listen", "listen_timeout": str(LISTENING_SECONDS)},
)

PROTOCOLS = {
    "rtmp": _RTMP,
    "rtmps": _RTMP,
    "rtsp": _RTSP,
    # UDP always waits; what its buffer cannot hold is lost like any other packet, and no reason to end.
    "udp": Protocol("mpegts", options={"overrun_nonfatal": "1"}, listening={}, sending=f"pkt_size={DATAGRAM}"),
    "tcp": Protocol("mpegts", listening={"listen": "1"}),
    "srt": Protocol(
        "mpegts",
        listening={"mode": "listener", "listen_timeout": str(LISTENING_SECONDS * 1_000_000)},
        sending=f"linger={LINGERING_SECONDS}",
        optional=True,
    ),
}
"""Protocols by the scheme of an address."""


@dataclass(frozen=True)
class Address:
    """Where a live stream comes from or goes to.

    Parameters
    ----------
    url : str
        As the user gave it. It may hold a stream key or a password, so it is never shown.

    Raises
    ------
    MediaError
        If it is no address of a known protocol.
    """

    url: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what cannot be opened."""
        if self.scheme not in PROTOCOLS or not urlsplit(self.url).netloc:
            raise MediaError(
                f"{self.shown} is no address of a live stream",
                f"it begins with one of {', '.join(f'{scheme}://' for scheme in PROTOCOLS)}",
            )

    @property
    def scheme(self) -> str:
        """What it begins with."""
        return urlsplit(self.url).scheme

    @property
    def protocol(self) -> Protocol:
        """How it is opened."""
        return PROTOCOLS[self.scheme]

    @property
    def shown(self) -> str:
        """The address without what may be secret in it: user, password, path and query."""
        parts = urlsplit(self.url)
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}" if host else self.url.partition("?")[0][:40]

    @property
    def target_url(self) -> str:
        """The address to write to, with the protocol's own settings where the user gave none."""
        setting = self.protocol.sending
        if not setting or setting.partition("=")[0] in self.url:
            return self.url
        return f"{self.url}{'&' if '?' in self.url else '?'}{setting}"

    def options(self, *, listen: bool) -> dict[str, str]:
        """Options for a source.

        Parameters
        ----------
        listen : bool
            Whether the source is waited for.

        Returns
        -------
        dict of str to str

        Raises
        ------
        MediaError
            If the protocol cannot wait for its source.
        """
        protocol = self.protocol
        if not listen:
            return dict(protocol.options)
        if protocol.listening is None:
            raise MediaError(f"{self.scheme} cannot listen for its source", "leave --listen out")
        return {**protocol.options, **protocol.listening}

    def missing(self) -> MediaError:
        """Say that nothing here has the protocol."""
        name = self.scheme.upper()
        return MediaError(
            f"the FFmpeg {av.ffmpeg_version_info} inside PyAV was built without {name}, and no program ffmpeg has it",
            f"install ffmpeg with {name} (Debian's has it), or PyAV against one (pip install --no-binary av av)",
        )
