"""Who watched, who leaked, and who is named."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

from tracemark.demo.clip import KEPT_KINDS, bundled_clip, copy_start
from tracemark.demo.leak import Leak
from tracemark.demo.logo import draw_logo
from tracemark.demo.picture import compare
from tracemark.keys import Key
from tracemark.overlay import Logo, Overlay, SessionCode
from tracemark.payload import Payload
from tracemark.video import Progress, Source, decode, embed
from tracemark.video.atomic import folder_written_whole

DEFAULT_FOLDER = Path("tracemark-demo")

SESSION = 88
MEMBERS = (4711, 4712, 4713, 4714)

LINES_FOR_A_CODE = 240
"""Shorter side of a film, in pixels, from which on it shows a session code."""

Bar = Callable[[str], AbstractContextManager[Progress | None]]
"""Shows a titled progress bar while a block runs."""


def tell(clip: Path | None, folder: Path | None, *, say: Callable[[str], None], bar: Bar) -> bool:
    """Mark a clip for several viewers, leak one of the copies, and find out whose it was.

    Parameters
    ----------
    clip : Path or None
        The clip; Big Buck Bunny if none is given.
    folder : Path or None
        Folder for the files of the story, which must not exist or be empty; if none is given, ``tracemark-demo`` or the
        first free name after it. It appears when the story is over, or not at all.
    say : callable
        Called with each line of the story.
    bar : callable
        Shows progress.

    Returns
    -------
    bool
        Whether the leaker was named, and nobody else.

    Raises
    ------
    MediaError
        If there is no clip, or the folder cannot be written.
    """
    clip = clip or bundled_clip()
    folder = folder or _free_name(DEFAULT_FOLDER)
    with folder_written_whole(folder) as work:
        named = _play(clip, work, say, bar)
        work.chmod(0o755)  # the key inside stays its owner's alone
    say(f"\nFiles are in {folder}: host, marked copies, the leak, the key, and difference.png to look at.")
    return named


def _play(clip: Path, work: Path, say: Callable[[str], None], bar: Bar) -> bool:
    """Tell the story, its files going to `work`."""
    suffix = clip.suffix.lower() if clip.suffix.lower() in KEPT_KINDS else ".mkv"
    host = work / f"host{suffix}"
    seconds = copy_start(clip, host)
    say(f"The film: {clip.name}, {seconds:.1f} s of it.")
    key = Key.generate()
    key.save(work / "demo.key")
    say(f"A new secret key: {key.id} (that is its public name).\n")

    overlays = _overlays(host, work)
    but = ", but for a code" if len(overlays) > 1 else ""
    say(f"Session {SESSION} is watched by {len(MEMBERS)} members. Each gets a copy that looks the same{but}:")
    copies = {}
    for member in MEMBERS:
        copies[member] = work / f"marked-{member}{suffix}"
        with bar(f"marking for member {member}") as progress:
            viewer = Payload(SESSION, member)
            done = embed(host, copies[member], key=key, payload=viewer, overlays=overlays, progress=progress)
        say(f"  member {member}   {done.frames} frames, {done.seconds:.1f} s, {done.encoder}")
    culprit = secrets.choice(MEMBERS)
    compare(host, work / "difference.png", key, Payload(SESSION, culprit))

    leaked = work / "leaked.mp4"
    with bar("leaking") as progress:
        deed = Leak().make(copies[culprit], leaked, progress)
    say(f"\nOne of them leaks it. They {deed}.")

    with bar("decoding the leak") as progress:
        verdict = decode(leaked, keys=[key], progress=progress)
    say(f"\nWhose copy is leaked.mp4? {verdict.verdict.upper()}")
    if verdict.payload:
        say(f"  session {verdict.payload.session}, member {verdict.payload.member}")
    wrong = max(verdict.p_false, verdict.p_mistaken)
    code = verdict.visible_code
    if code:
        named = f"session {code.payload.session}, member {code.payload.member}"
        say(f"  visible code {code.code}: {named}, {'disagrees' if verdict.disagreements else 'agrees'}")
    say(f"  probability of being wrong {wrong:.1g}, after {verdict.seconds_used:.1f} s of the leak")
    for reason in verdict.reasons:
        say(f"  {reason}")
    guilty = verdict.payload == Payload(SESSION, culprit)
    say(f"  It was member {culprit}: {'right' if guilty else 'not found'}.")

    with bar("decoding with a wrong key") as progress:
        foreign = decode(leaked, keys=[Key.generate()], progress=progress)
    with bar("decoding the unmarked film") as progress:
        unmarked = decode(host, keys=[key], progress=progress)
    say(f"\nThe same leak under a wrong key: {foreign.verdict}.")
    say(f"The unmarked film under the right key: {unmarked.verdict}.")
    return guilty and foreign.payload is None and unmarked.payload is None


def _overlays(host: Path, work: Path) -> list[Overlay]:
    """Choose what is drawn over the film: a logo, and a session code where there is room for its letters."""
    logo = Logo(draw_logo(work / "logo.png"))
    with Source(host) as opened:
        context = opened.stream.codec_context
        roomy = min(context.width, context.height) >= LINES_FOR_A_CODE
    return [logo, SessionCode("tracemark デモ")] if roomy else [logo]


def _free_name(wanted: Path) -> Path:
    """Return the name itself, or with the first free number after it."""
    number = 1
    free = wanted
    while free.exists():
        number += 1
        free = wanted.with_name(f"{wanted.name}-{number}")
    return free
