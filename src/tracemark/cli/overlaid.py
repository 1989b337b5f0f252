"""What is drawn over the picture: the options of every command that marks, and what they ask for."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import click

from tracemark.cli.options import FILE
from tracemark.overlay import Logo, Overlay, SessionCode
from tracemark.overlay.places import NAMED

_R = TypeVar("_R")


def overlay_options(command: Callable[..., _R]) -> Callable[..., _R]:
    """Add the options of a logo and a session code to a command.

    Goes above `for_one_viewer`, so that a logo that cannot be drawn is told of before anything is granted.

    Parameters
    ----------
    command : callable
        Is given `overlays`, a list of `Logo` and `SessionCode`.

    Returns
    -------
    callable
    """

    @functools.wraps(command)
    def begin(*, logo: Path | None, logo_position: str, code: bool, text: str | None, **others: object) -> _R:
        if text is not None and not code:
            raise click.UsageError("--text stands beside the code: give --code, too")
        overlays: list[Overlay] = [
            *([Logo(logo, position=logo_position)] if logo else []),
            *([SessionCode(text or "")] if code else []),
        ]
        return command(overlays=overlays, **others)

    options = (
        click.option("--logo", type=FILE, help="PNG to draw over the picture."),
        click.option(
            "--logo-position",
            type=click.Choice(list(NAMED)),
            default="top right",
            show_default=True,
            help="Where it is drawn.",
        ),
        click.option(
            "--code", is_flag=True, help="Show a session code that tells session and member to whoever has the key."
        ),
        click.option("--text", help="Shown beside the code, in any script; {time} is the time since the start."),
    )
    wrapped: Callable[..., _R] = begin
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped
