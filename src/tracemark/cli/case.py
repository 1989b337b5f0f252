"""`tracemark case`: notices that were drafted, when they were sent, and what is due."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracemark.cli import FOUND, NOT_FOUND
from tracemark.cli.options import opened, registry_options
from tracemark.cli.tables import show as show_rows

if TYPE_CHECKING:
    from tracemark.registry.casework import Case, Event


@click.group()
def case() -> None:
    """Keep track of notices: drafted, sent, answered, closed, and when an answer is due.

    `tracemark notice --registry` opens a case for each draft.
    """


@case.command(name="list")
@click.option("--all", "everything", is_flag=True, help="Closed cases, too.")
@click.option("--json", "in_json", is_flag=True, help="Print one JSON object a line.")
@registry_options
def list_cases(*, everything: bool, in_json: bool, url: str | None, registry_key: Path | None) -> int:
    """List open cases, overdue first. Leaves with 1 if there is none."""
    with opened(url, registry_key) as registry:
        from tracemark.registry.casework import Casework
        from tracemark.registry.names import now_ms

        now = now_ms()
        held = [each for each in Casework(registry).all(now) if everything or each.state(now) != "closed"]
    show_rows("cases", [_row(each, now) for each in held], in_json=in_json)
    return FOUND if held else NOT_FOUND


@case.command()
@click.argument("number", type=int)
@click.option("--json", "in_json", is_flag=True, help="Print one JSON object a line.")
@registry_options
def show(number: int, *, in_json: bool, url: str | None, registry_key: Path | None) -> int:
    """Show a case and what happened to it."""
    with opened(url, registry_key) as registry:
        from tracemark.registry.casework import Casework
        from tracemark.registry.names import now_ms
        from tracemark.registry.times import to_text

        held = Casework(registry).case(number)
        now = now_ms()
    if not in_json:
        row = {**_row(held, now), "draft": held.draft_sha256}
        for name, value in row.items():
            click.echo(f"  {name:9} {'' if value is None else value}")
    steps = [{"event": step.event, "at": to_text(step.at), "note": step.note} for step in held.steps]
    show_rows("steps", steps if not in_json else [{**_row(held, now), "steps": steps}], in_json=in_json)
    return FOUND


def _step(event: Event, text: str) -> click.Command:
    """Make the command that enters an event."""

    @click.command(name=event, help=text)
    @click.argument("number", type=int)
    @click.option("--at", metavar="UTC", help="When, such as 2026-11-25T20:15:30Z; now by default.")
    @click.option("--note", default="", help="Anything to remember. Name nobody in it.")
    @registry_options
    def step(number: int, *, at: str | None, note: str, url: str | None, registry_key: Path | None) -> int:
        with opened(url, registry_key) as registry:
            from tracemark.registry.casework import Casework
            from tracemark.registry.times import to_ms, to_text

            held = Casework(registry).step(number, event, at=None if at is None else to_ms(at), note=note)
        due = f", an answer is due {to_text(held.due)}" if event == "sent" and held.due is not None else ""
        click.echo(f"case {number}: {held.kind} {event}{due}")
        return FOUND

    return step


case.add_command(_step("sent", "Note that the notice was sent. From then on its due time runs."))
case.add_command(_step("answered", "Note that an answer came."))
case.add_command(_step("closed", "Note that no more will be done."))


def _row(held: Case, now: int) -> dict[str, object]:
    from tracemark.registry.times import to_text

    return {
        "case": held.id,
        "state": held.state(now),
        "due": to_text(held.due),
        "kind": held.kind,
        "basis": held.basis,
        "opened": to_text(held.opened),
        "leak": held.leak_sha256,
    }
