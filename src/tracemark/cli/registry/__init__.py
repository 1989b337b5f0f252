"""`tracemark registry`: sessions, members, grants and access records."""

from __future__ import annotations

from tracemark.cli.groups import LazyGroup

_HOMES = {
    "init": "init",
    "session": "session",
    "member": "member",
    "grant": "grant",
    "import": "import_records",
    "who-watched": "who_watched",
    "outcome": "outcome",
    "erase": "erase",
    "verify": "verify",
    "export": "export",
}

registry = LazyGroup(
    "registry",
    homes={name: f"tracemark.cli.registry.{home}" for name, home in _HOMES.items()},
    help="Keep sessions, members, grants and access records, so that a mark names somebody.",
)
