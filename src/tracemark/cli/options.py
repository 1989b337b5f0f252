"""What several commands share: where keys and the registry come from, and the progress bar."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, TypeVar

import click

from tracemark.errors import KeyFileError, RegistryError
from tracemark.keys import Key
from tracemark.payload import Payload

if TYPE_CHECKING:  # importing the video package takes longer than a mistyped option deserves
    from tracemark.registry import Registry
    from tracemark.video import Progress

_P = ParamSpec("_P")
_R = TypeVar("_R")

KEY_VARIABLE = "TRACEMARK_KEY"
REGISTRY_VARIABLE = "TRACEMARK_REGISTRY"
REGISTRY_KEY_VARIABLE = "TRACEMARK_REGISTRY_KEY"

DEFAULT_REGISTRY = "sqlite:///tracemark.db"
"""Registry of the commands that need one, if nobody says."""

FILE = click.Path(path_type=Path)
"""A file name; whether it exists, is a folder and so on is for those to say who open it."""


_NUMBER = click.IntRange(0, 2**32 - 1)


def for_one_viewer(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """Add the options of every command that marks for one viewer: session, member, key, strength and registry.

    Parameters
    ----------
    command : callable
        Is given `session` and `member` as they were named, `strength`, `secret` (the key) and `payload`: the numbers,
        or what the registry granted to the names.

    Returns
    -------
    callable
    """

    @functools.wraps(command)
    def begin(
        *, session: str, member: str, key: Path | None, url: str | None, registry_key: Path | None, **others: object
    ) -> int | None:
        if url is None:
            payload = Payload(_number("session", session), _number("member", member))
            (secret,) = load_keys([key] if key else [])
        else:
            (secret,) = load_keys([key] if key else [])
            with opened(url, registry_key) as registry:
                payload = registry.grant(session, member, secret).payload
        return command(session=session, member=member, secret=secret, payload=payload, **others)

    numbers = "0 to 4294967295; with a registry any name."
    options = (
        click.option("--session", required=True, help=f"Number of the showing, {numbers}"),
        click.option("--member", required=True, help=f"Number of the viewer, {numbers}"),
        click.option("--key", type=FILE, envvar=KEY_VARIABLE, show_envvar=True, help="Key file."),
        click.option(
            "--strength", type=click.FloatRange(0, 10), default=1.0, show_default=True, help="Multiple of the mark."
        ),
        registry_options,
    )
    wrapped: Callable[..., int | None] = begin
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped


def _number(name: str, given: str) -> int:
    context = click.get_current_context()
    option = next(each for each in context.command.params if each.name == name)
    return int(_NUMBER.convert(given, option, context))  # type: ignore[arg-type]  # it reads text


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


def registry_options(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """Add --registry and --registry-key to a command."""
    which = click.option(
        "--registry",
        "url",
        metavar="URL",
        envvar=REGISTRY_VARIABLE,
        show_envvar=True,
        help="sqlite:///FILE or postgresql://USER@HOST/DATABASE.",
    )
    secret = click.option(
        "--registry-key",
        type=FILE,
        envvar=REGISTRY_KEY_VARIABLE,
        show_envvar=True,
        help="File of the registry's own key; beside an SQLite file by default.",
    )
    return which(secret(command))


def session_option(command: Callable[_P, _R]) -> Callable[_P, _R]:
    """Add --session to a command that compares leaks with a registry; `check_session` goes with it."""
    told = "Session that the leak is of, by name or pseudonym: only its viewers are compared; needs a registry."
    return click.option("--session", help=told)(command)


def check_session(session: str | None, url: str | None) -> None:
    """See that a session is of a registry.

    Raises
    ------
    click.UsageError
        If there is none.
    """
    if session is not None:
        check_registry("--session", url)


def check_registry(option: str, url: str | None) -> None:
    """See that there is a registry for an option that asks one.

    Raises
    ------
    click.UsageError
        If there is none.
    """
    if url is None:
        raise click.UsageError(f"{option} needs --registry or {REGISTRY_VARIABLE}")


@contextlib.contextmanager
def opened(url: str | None, key: Path | None) -> Iterator[Registry]:
    """Open the registry that the options name, and close it when the block ends.

    Parameters
    ----------
    url : str or None
        `DEFAULT_REGISTRY` if None.
    key : Path or None

    Yields
    ------
    Registry

    Raises
    ------
    RegistryError
        If it cannot be opened, or the extra is not installed.
    """
    with registry_class().open(url or DEFAULT_REGISTRY, key) as registry:
        yield registry


def registry_class() -> type[Registry]:
    """Import the registry, which needs an extra.

    Raises
    ------
    RegistryError
        If the extra is not installed.
    """
    try:
        from tracemark.registry import Registry
    except ModuleNotFoundError as error:
        raise RegistryError(f"{error.name} is not installed", "pip install 'tracemark[registry]'") from None
    return Registry


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
