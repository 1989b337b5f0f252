"""A folder that keeps what is slow to make: marked clips, leaked copies, qualities and verdicts.

Everything is named after what it was made from. A marked clip is named after the host and the sources that shape the
mark, a leaked copy after the pictures and times it was made of. So a run that was stopped goes on where it was, a
change of the decoder re-uses every encode, and a change of shared code that leaves the pictures as they were does too.
"""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import tracemark
from benchmarks import ffmpeg, quality
from benchmarks.reading import Reading
from tracemark import Key, Payload, decode
from tracemark.errors import TracemarkError
from tracemark.video import embed

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.attacks.pairs import Pair
    from benchmarks.leaks import Leak, Step
    from tracemark.overlay import Overlay
    from tracemark.video import Effort

RIGHT_KEY = Key.from_bytes(hashlib.sha256(b"tracemark main job: right key").digest())
WRONG_KEY = Key.from_bytes(hashlib.sha256(b"tracemark main job: wrong key").digest())
"""Keys of the benchmark alone, made from public words so that a run can be repeated exactly."""

ATTACKS = "benchmarks.attacks"
UNSHAPING = ("recovery", "cli", "demo")
"""Parts of tracemark that cannot change a marked file."""


@dataclass(frozen=True)
class Verdict:
    """What the decoder said of one file, for the tables.

    Attributes
    ----------
    verdict : str
        found, inconclusive or absent; error if the decoder failed.
    right : bool
        Whether the ID it named is that of the viewer.
    p_false : float or None
        As the decoder claims.
    evidence : float or None
        Statistic z that p_false comes from.
    frames_used : int
        Frames that the verdict rests on.
    seconds_used, seconds_taken : float
        Seconds of the clip that were read, and seconds that it took beside whatever else ran.
    reasons : tuple of str
        In the decoder's words.
    """

    verdict: str
    right: bool
    p_false: float | None
    evidence: float | None
    frames_used: int
    seconds_used: float
    seconds_taken: float
    reasons: tuple[str, ...]

    @property
    def wrong_id(self) -> bool:
        """Whether an ID was named that is not the viewer's."""
        return self.verdict == "found" and not self.right


class Workshop:
    """Makes and keeps the files of the main job.

    Parameters
    ----------
    folder : path
        Where they are kept; made if missing.
    effort : {'fast', 'normal', 'max'}
        Passed to the decoder.
    whole : bool
        Whether the decoder reads on after it is certain.
    """

    def __init__(self, folder: str | Path, *, effort: Effort = "normal", whole: bool = False) -> None:
        self.folder = Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.sources = all_sources()
        self.effort = effort
        self.whole = whole

    def marked(
        self, host: Path, *, strength: float = 1.0, viewer: Payload | None = None, overlays: Sequence[Overlay] = ()
    ) -> Path:
        """Embed a host into lossless FFV1 for a viewer, by default the one that `viewer_of` gives it.

        Raises
        ------
        TracemarkError
            If tracemark was changed since this workshop was opened.
        """
        self._check_sources()
        named = tuple(repr(each) for each in (viewer, *overlays) if each is not None)
        name = digest(content(host), shaping_sources(), repr(strength), *named)

        def make(target: Path) -> None:
            payload = viewer or viewer_of(host)
            embed(host, target, key=RIGHT_KEY, payload=payload, strength=strength, overlays=overlays, codec="ffv1")

        return self.kept(f"{host.stem}-{name}.mkv", make)

    def leaked(self, source: Path, leak: Leak) -> Path:
        """Leak a file that this workshop or a user made."""
        stem = source.stem.rsplit("-", 1)[0]
        name = digest(self.pictures(source), repr(leak.steps), ffmpeg.version(), *_sources_of(*leak.steps))
        return self.kept(f"{stem}-{leak.slug}-{name}{leak.suffix}", lambda target: leak.apply(source, target))

    def joined(self, first: Path, second: Path, pair: Pair) -> Path:
        """Make one file of two copies."""
        stem = first.stem.rsplit("-", 1)[0]
        made_of = self.pictures(first), self.pictures(second)
        name = digest(*made_of, repr(pair), ffmpeg.version(), *_sources_of(pair))
        return self.kept(f"{stem}-joined-{name}{pair.suffix}", lambda target: pair(first, second, target))

    def pictures(self, path: Path) -> str:
        """Digest of a file's decoded frames and their times, whatever the container says besides."""

        def make(target: Path) -> None:
            ffmpeg.run(["-i", path, "-map", "0:v:0", "-f", "framehash", "-hash", "sha256", target])

        return content(self.kept(f"frames-{digest(content(path))}.txt", make))

    def quality(self, host: Path, marked: Path) -> quality.Quality:
        """Measure a marked clip against its host."""
        name = digest(content(host), self.pictures(marked), content(Path(quality.__file__)))
        kept = self.kept_json(f"quality-{host.stem}-{name}.json", lambda: asdict(quality.measure(host, marked)))
        return quality.Quality(**kept)

    def verdict(self, leak: Path, key: Key, viewer: Payload | None, effort: Effort | None = None) -> Verdict:
        """Decode a file with a key; `viewer` is who it should name, None for nobody; at an effort of its own if given.

        Raises
        ------
        TracemarkError
            If tracemark was changed since this workshop was opened.
        """
        self._check_sources()
        effort = effort or self.effort
        name = digest(content(leak), all_sources(), key.id, effort, str(self.whole), repr(viewer))
        kept = self.kept_json(f"verdict-{name}.json", lambda: asdict(self._decode(leak, key, viewer, effort)))
        return Verdict(**kept | {"reasons": tuple(kept["reasons"])})

    def reading(self, leak: Path, key: Key) -> Reading:
        """Decode a file with a key, and keep all that it says.

        Raises
        ------
        TracemarkError
            If tracemark was changed since this workshop was opened.
        """
        self._check_sources()
        name = digest(content(leak), all_sources(), key.id, self.effort, str(self.whole))

        def make() -> dict[str, Any]:
            return asdict(Reading.of(lambda: decode(leak, keys=[key], effort=self.effort, whole=self.whole)))

        return Reading.revived(self.kept_json(f"reading-{name}.json", make))

    def kept_result(self, kind: str, leak: Path, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Keep what decoding a file came to, under a name for its kind.

        Raises
        ------
        TracemarkError
            If tracemark was changed since this workshop was opened.
        """
        self._check_sources()
        return self.kept_json(f"{kind}-{digest(content(leak))}-{digest(all_sources())}.json", make)

    def kept_results(self, kind: str) -> list[dict[str, Any]]:
        """Return all results of a kind that are kept and were made with tracemark as it is now."""
        made = f"{kind}-*-{digest(all_sources())}.json"
        return [dict(json.loads(path.read_text(encoding="utf-8"))) for path in sorted(self.folder.glob(made))]

    def kept(self, name: str, make: Callable[[Path], None]) -> Path:
        """Path of a file of that name, made first if it is not there; never half made."""
        target = self.folder / name
        if not target.exists():
            # The suffix stays last, because it chooses the container.
            unfinished = self.folder / f"unfinished-{uuid4().hex}{target.suffix}"
            try:
                make(unfinished)
                unfinished.replace(target)
            finally:
                unfinished.unlink(missing_ok=True)
        return target

    def _check_sources(self) -> None:
        # Another process imports tracemark later than the one that opened the workshop and passed it on.
        if all_sources() != self.sources:
            raise TracemarkError("tracemark was changed during the run", "run again; what was made is kept")

    def kept_json(self, name: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """Read a JSON object of that name, made first if it is not there."""

        def write(target: Path) -> None:
            target.write_text(json.dumps(make()), encoding="utf-8")

        return dict(json.loads(self.kept(name, write).read_text(encoding="utf-8")))

    def _decode(self, leak: Path, key: Key, viewer: Payload | None, effort: Effort) -> Verdict:
        begin = perf_counter()
        try:
            decoding = decode(leak, keys=[key], effort=effort, whole=self.whole)
        except Exception as error:  # noqa: BLE001 - a decoder that fails is a result, and the other files go on
            reason = str(error) or type(error).__name__
            return Verdict("error", False, None, None, 0, 0.0, perf_counter() - begin, (reason,))  # noqa: FBT003
        return Verdict(
            verdict=decoding.verdict,
            right=viewer is not None and decoding.payload == viewer,
            p_false=decoding.p_false,
            evidence=decoding.score,
            frames_used=decoding.frames_used,
            seconds_used=decoding.seconds_used,
            seconds_taken=perf_counter() - begin,
            reasons=tuple(decoding.reasons),
        )


def viewer_of(host: Path) -> Payload:
    """Give every host a viewer of its own, with numbers that use all bits."""
    octets = hashlib.sha256(host.stem.encode()).digest()
    return Payload(session=int.from_bytes(octets[:4], "big"), member=int.from_bytes(octets[4:8], "big"))


@cache
def content(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def all_sources() -> str:
    """Digest of every source of tracemark."""
    return _sources(())


@cache
def shaping_sources() -> str:
    """Digest of those sources of tracemark that can change a marked file."""
    return _sources(UNSHAPING)


def _sources(left_out: tuple[str, ...]) -> str:
    root = Path(tracemark.__file__).parent
    files = {path.relative_to(root): path for path in sorted(root.rglob("*.py"))}
    return digest(*(f"{name} {content(path)}" for name, path in files.items() if name.parts[0] not in left_out))


def _sources_of(*steps: Step | Pair) -> list[str]:
    """Digests of the attacks' sources that steps rest on: how they look does not tell how they work."""
    parts = [part for step in steps for part in (step, *getattr(step, "moves", ()))]
    found: set[str] = set()
    waiting = {type(part).__module__ for part in parts}
    while waiting:
        name = waiting.pop()
        if name.startswith(ATTACKS) and name not in found:
            found.add(name)
            used = vars(sys.modules[name]).values()
            waiting |= {str(getattr(each, "__module__", getattr(each, "__name__", ""))) for each in used}
    return [content(Path(str(sys.modules[name].__file__))) for name in sorted(found)]


def digest(*parts: str) -> str:
    """Twelve hex digits that name what was made from these."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]
