"""Groups of commands, each in a file of its own that is imported when it is called."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

import click


class LazyGroup(click.Group):
    """Commands by name; a decode must not wait for what only the demo imports.

    Parameters
    ----------
    name : str
    help : str
    homes : mapping of str to str
        Every command's module, in the order in which a newcomer needs them; its function has the module's last name.
    """

    def __init__(self, name: str, *, homes: Mapping[str, str], **settings: object) -> None:
        super().__init__(name, **settings)  # type: ignore[arg-type]  # handed on to click as they are
        self._homes = homes

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - given by click
        """Name the commands."""
        return list(self._homes)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - given by click
        """Import a command's file and take the command out of it."""
        home = self._homes.get(cmd_name)
        if home is None:
            return None
        command: click.Command = getattr(import_module(home), home.rpartition(".")[2])
        return command
