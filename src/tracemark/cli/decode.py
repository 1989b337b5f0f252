"""`tracemark decode`: whose copies are these."""

from __future__ import annotations

import contextlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracemark.cli import ERROR, FOUND, NOT_FOUND, complain
from tracemark.cli.options import FILE, KEY_VARIABLE, load_keys, opened, progress_bar, registry_options
from tracemark.errors import MediaError, TracemarkError
from tracemark.telling import as_json, as_text
from tracemark.telling.identities import identified, write_down
from tracemark.telling.soft_binding import check_algorithm

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tracemark.keys import Key
    from tracemark.payload import Payload
    from tracemark.recovery import Decoding
    from tracemark.registry import Identity, Registry
    from tracemark.video import Effort

    Identities = Mapping[Payload, Identity | None]


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
    url: str | None,
    registry_key: Path | None,
) -> int:
    """Say who each LEAK was shown to: a video, a picture, or a folder of them.

    Leaves with 0 if a mark was found in any of them, 1 if in none, 2 after an error; the others are still told of. With
    a registry, whom the mark names is told by name, and the detection is written down there.
    """
    secrets = load_keys(keys)
    if algorithm is not None:
        check_algorithm(algorithm)
    tell = partial(as_json, algorithm=algorithm) if in_json else _in_words
    with contextlib.ExitStack() as stack:
        registry = None if url is None else stack.enter_context(opened(url, registry_key))
        return _decode(leaks, secrets, registry, tell, effort=effort, whole=whole, plot=plot)


def _decode(
    leaks: tuple[Path, ...],
    secrets: list[Key],
    registry: Registry | None,
    tell: Callable[[Path, str, Decoding, Identities | None], str],
    *,
    effort: Effort,
    whole: bool,
    plot: Path | None,
) -> int:
    from tracemark import video

    found = failed = False
    files: list[Path] = []
    for named in leaks:
        held = video.leaks_in(named)
        files += held
        if not held:
            failed = bool(complain(str(MediaError(f"{named} holds no video or picture"))))
    drawings = _numbered(plot, len(files))
    for drawing in drawings:
        if drawing:
            video.check_drawing(drawing)
    for leak, drawing in zip(files, drawings, strict=True):
        try:
            with progress_bar(leak.name) as progress:
                decoding = video.decode(leak, keys=secrets, effort=effort, whole=whole, progress=progress)
            sha256 = video.fingerprint(leak)
            found |= decoding.verdict == "found"
            identities = None
            try:
                identities = None if registry is None else identified(registry, decoding)
            finally:
                # A registry that has gone in the meantime takes the names with it, not the verdict.
                click.echo(tell(leak, sha256, decoding, identities))
            if drawing:
                video.draw(leak, decoding, drawing)
            if registry is not None:
                write_down(registry, sha256, decoding, identities or {})
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
