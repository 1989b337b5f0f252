"""Everything that a report tells of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tracemark.evidence.hashes import Digests, Pdq
from tracemark.evidence.knowledge import Identity, Watching
from tracemark.payload import Payload
from tracemark.recovery import Decoding
from tracemark.video import Effort


@dataclass(frozen=True)
class Known:
    """What the list of viewers says of one member that was found.

    Parameters
    ----------
    identity : Identity or None
        None if the list does not know the payload.
    watching : Watching
    """

    identity: Identity | None
    watching: Watching


@dataclass(frozen=True)
class Findings:
    """What was examined, how, and what came out.

    Parameters
    ----------
    leak : Path
        The copy that was decoded.
    name : str
        The leak's own name.
    digests : Digests
    pdq : Pdq or None
        Of a picture.
    decoding : Decoding
    keys : sequence of str
        Ids of the keys that were tried.
    effort : {'fast', 'normal', 'max'}
    whole : bool
        Whether it was read to its end.
    created : datetime
    source_url, captured_by : str or None
    host : Path or None
        The operator's original.
    host_sha256 : str or None
    candidates : int
        Known viewers whom the leak was compared with.
    session : str or None
        The session whose viewers alone they are, as it may be told.
    known : sequence of Known or None
        One for each member of the decoding; None if no list was asked.
    called : mapping of Payload to Identity or None
        What the list says of runners-up and of those whom visible codes name.
    disclose : bool
        Whether names and addresses may be told.
    signing_key : str or None
        Id.
    authority : str or None
        Address of the authority that stamps it.
    stamp_failure : str or None
        Why there is no stamp, if one was asked for.
    repeat : str
        Command that repeats the decode in the bundle's folder.
    versions : mapping
        Software and its versions.
    """

    leak: Path
    name: str
    digests: Digests
    pdq: Pdq | None
    decoding: Decoding
    keys: Sequence[str]
    effort: Effort
    whole: bool
    created: datetime
    source_url: str | None = None
    captured_by: str | None = None
    host: Path | None = None
    host_sha256: str | None = None
    candidates: int = 0
    session: str | None = None
    known: Sequence[Known] | None = None
    called: Mapping[Payload, Identity | None] = field(default_factory=dict)
    disclose: bool = False
    signing_key: str | None = None
    authority: str | None = None
    stamp_failure: str | None = None
    repeat: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
