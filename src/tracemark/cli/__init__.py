"""The command line: facts to standard output, talk to standard error, exit status as grep's."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

FOUND, NOT_FOUND, ERROR = 0, 1, 2
"""Exit status: found or done; looked for and not found; an error."""

_DEBUG = "TRACEMARK_DEBUG"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Whatever goes wrong is told in one line, without a traceback.

    Parameters
    ----------
    arguments : sequence of str, optional
        Words after the program's name; those of the process by default.

    Returns
    -------
    int
        Exit status, one of `FOUND`, `NOT_FOUND` and `ERROR`.
    """
    # Everything is imported inside the net that catches Ctrl-C and prints errors; start-up is mostly imports.
    try:
        from tracemark.cli.program import run

        return run(sys.argv[1:] if arguments is None else list(arguments))
    except KeyboardInterrupt:
        return complain("interrupted; nothing half-written is left")
    except BrokenPipeError:
        # Whoever read our output has gone; Python must not find out a second time when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    except Exception as error:
        if os.environ.get(_DEBUG):
            raise
        return complain(f"unexpected {type(error).__name__}: {error}; set {_DEBUG}=1 to see where")


def complain(line: str) -> int:
    """Print one line about what went wrong to standard error.

    Parameters
    ----------
    line : str

    Returns
    -------
    int
        `ERROR`, for the caller to leave with.
    """
    print(f"tracemark: {' '.join(line.split())}", file=sys.stderr)  # noqa: T201 - this is where the program talks
    return ERROR
