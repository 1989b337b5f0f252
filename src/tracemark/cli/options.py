"""What several commands share: where keys come from, and the progress bar."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracemark.errors import KeyFileError
from tracemark.keys import Key

if TYPE_CHECKING:  # importing the video package takes longer than a mistyped option deserves
    from tracemark.video import Progress

KEY_VARIABLE = "TRACEMARK_KEY"

FILE = click.Path(path_type=Path)
"""A file name; whether it exists, is a folder and so on is for those to say who open it."""


_NUMBER = click.IntRange(0, 2**32 - 1)


def for_one_viewer(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """Add the options of every command that marks for one viewer: session, member, key and strength.

    Parameters
    ----------
    command : callable

    Returns
    -------
    callable
    """
    options = (
        click.option("--session", type=_NUMBER, required=True, help="Number of the showing, 0 to 4294967295."),
        click.option("--member", type=_NUMBER, required=True, help="Number of the viewer, 0 to 4294967295."),
        click.option("--key", type=FILE, envvar=KEY_VARIABLE, show_envvar=True, help="Key file."),
        click.option(
            "--strength", type=click.FloatRange(0, 10), default=1.0, show_default=True, help="Multiple of the mark."
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def load_keys(paths: Sequence[Path]) -> list[Key]:
    """Load key files.

    Parameters
    ----------
    paths : sequence of Path

    Returns
    -------
    list of Key

    Raises
    ------
    KeyFileError
        If there is none, or one cannot be read.
    """
    if not paths:
        raise KeyFileError("no key was given", f"name one with --key or {KEY_VARIABLE}; 'tracemark keygen' makes one")
    return [Key.load(path) for path in paths]


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Progress | None]:
    """Show a progress bar on standard error while the block runs; nothing unless that is a terminal.

    Parameters
    ----------
    title : str

    Yields
    ------
    callable or None
        To be called with the seconds done and the seconds there are.
    """
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:.1f} s"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
