"""`tracemark` itself: its commands, each in a file of its own that is imported when it is called."""

from __future__ import annotations

import click

from tracemark import __version__
from tracemark.cli import complain
from tracemark.cli.groups import LazyGroup
from tracemark.errors import TracemarkError

_COMMANDS = (
    "keygen",
    "embed",
    "decode",
    "code",
    "demo",
    "bench",
    "pipe",
    "relay",
    "registry",
    "report",
    "verify",
    "notice",
    "case",
    "patrol",
)

tracemark = click.version_option(__version__, prog_name="tracemark")(
    LazyGroup(
        "tracemark",
        homes={name: f"tracemark.cli.{name}" for name in _COMMANDS},
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
        help="Mark every viewer's copy of a video, invisibly, and find out later whose copy leaked.",
    )
)


def run(arguments: list[str]) -> int:
    """Run one command.

    Parameters
    ----------
    arguments : list of str
        Words after the program's name.

    Returns
    -------
    int
        Exit status.
    """
    try:
        with tracemark.make_context("tracemark", arguments) as context:
            status = tracemark.invoke(context)
    except click.exceptions.Exit as leave:  # --help and --version
        return leave.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        command = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "tracemark"
        return complain(f"{error.format_message().rstrip('.')}; see '{command} --help'")
    except TracemarkError as error:
        return complain(str(error))
    return int(status or 0)
