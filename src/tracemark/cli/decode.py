"""`tracemark decode`: whose copies are these."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracemark.cli import ERROR, FOUND, NOT_FOUND, complain
from tracemark.cli.options import (
    FILE,
    KEY_VARIABLE,
    check_session,
    load_keys,
    opened,
    progress_bar,
    registry_options,
    session_option,
)
from tracemark.errors import MediaError, TracemarkError
from tracemark.telling import as_json, as_text
from tracemark.telling.soft_binding import check_algorithm

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracemark.keys import Key
    from tracemark.naming import Named, Viewers
    from tracemark.recovery import Decoding
    from tracemark.telling import Identities
    from tracemark.video import Effort


@click.command()
@click.argument("leaks", metavar="LEAK...", nargs=-1, required=True, type=FILE)
@click.option(
    "--key", "keys", type=FILE, multiple=True, envvar=KEY_VARIABLE, show_envvar=True, help="Key file; may be repeated."
)
@click.option("--json", "in_json", is_flag=True, help="Print one JSON object a line and leak.")
@click.option(
    "--effort",
    type=click.Choice(["fast", "normal", "max"]),
    default="normal",
    show_default=True,
    help="How long to try.",
)
@click.option(
    "--c2pa-algorithm",
    "algorithm",
    metavar="NAME",
    envvar="TRACEMARK_C2PA_ALGORITHM",
    show_envvar=True,
    help="With --json: name under which C2PA lists your mark, for its soft binding; begins with your domain.",
)
@click.option("--whole", is_flag=True, help="Read to the end even if the verdict is certain.")
@click.option(
    "--plot",
    type=FILE,
    help="Draw where the mark lies, and the evidence, to a .png, .svg or .pdf; numbered if there are several leaks.",
)
@session_option
@registry_options
def decode(
    leaks: tuple[Path, ...],
    *,
    keys: tuple[Path, ...],
    in_json: bool,
    effort: Effort,
    algorithm: str | None,
    whole: bool,
    plot: Path | None,
    session: str | None,
    url: str | None,
    registry_key: Path | None,
) -> int:
    """Say who each LEAK was shown to: a video, a picture, or a folder of them.

    Leaves with 0 if a mark was found in any of them, 1 if in none, 2 after an error; the others are still told of. With
    a registry, everyone in it is compared with the leak, so that far weaker marks name their viewers; whom the mark
    names is told by name, and the detection is written down there.
    """
    check_session(session, url)
    secrets = load_keys(keys)
    if algorithm is not None:
        check_algorithm(algorithm)
    tell = partial(as_json, algorithm=algorithm) if in_json else _in_words
    with contextlib.ExitStack() as stack:
        viewers = None
        if url is not None:
            from tracemark.naming import Viewers

            viewers = Viewers(stack.enter_context(opened(url, registry_key)), session)
        return _decode(leaks, secrets, viewers, tell, effort=effort, whole=whole, plot=plot)


def _decode(
    leaks: tuple[Path, ...],
    secrets: list[Key],
    viewers: Viewers | None,
    tell: Callable[[Path, str, Decoding, Identities | None], str],
    *,
    effort: Effort,
    whole: bool,
    plot: Path | None,
) -> int:
    from tracemark import video

    candidates = viewers.candidates if viewers else None
    found = failed = False
    files: list[Path] = []
    for given in leaks:
        held = video.leaks_in(given)
        files += held
        if not held:
            failed = bool(complain(str(MediaError(f"{given} holds no video or picture"))))
    drawings = _numbered(plot, len(files))
    for drawing in drawings:
        if drawing:
            video.check_drawing(drawing)
    for leak, drawing in zip(files, drawings, strict=True):
        try:
            with progress_bar(leak.name) as progress:
                decoding = video.decode(
                    leak, keys=secrets, effort=effort, whole=whole, candidates=candidates, progress=progress
                )
            sha256 = video.fingerprint(leak)
            found |= decoding.verdict == "found"
            named: Named | None = None
            try:
                named = viewers.named(decoding) if viewers else None
            finally:
                # A registry that has gone in the meantime takes the names with it, not the verdict.
                told = (named.decoding, named.identities) if named else (decoding, None)
                click.echo(tell(leak, sha256, *told))
            if drawing:
                video.draw(leak, decoding, drawing)
            if viewers and named:
                viewers.write_down(sha256, named)
        except TracemarkError as error:
            failed = bool(complain(str(error)))
    if failed:
        return ERROR
    return FOUND if found else NOT_FOUND


def _in_words(leak: Path, _: str, decoding: Decoding, identities: Identities | None) -> str:
    return as_text(leak, decoding, identities)


def _numbered(plot: Path | None, count: int) -> list[Path | None]:
    """Name a drawing for each leak: `plot` itself for one, with -1, -2, ... before the suffix for several."""
    if plot is None or count == 1:
        return [plot] * count
    return [plot.with_name(f"{plot.stem}-{number}{plot.suffix}") for number in range(1, count + 1)]
