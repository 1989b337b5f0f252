"""README.md tells of commands and options that exist, and its filled parts are filled by a script."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import pytest

from benchmarks.readme import filled
from tracemark.cli.program import tracemark

README = (Path(__file__).parents[1] / "README.md").read_text()
COMMANDS = [
    shlex.split(part)
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    for part in re.split(r"&&|\|", line)
    if part.split()[:1] == ["tracemark"]
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_commands_of_the_readme_exist(words: list[str]) -> None:
    """Every tracemark command line of the README is understood by the program, as far as its options go."""
    command: click.Command | None = tracemark
    rest = words
    context: click.Context | None = None
    while isinstance(command, click.Group):
        rest = rest[1:]
        context = click.Context(command, parent=context, **command.context_settings)
        command = command.get_command(context, rest[0])
    assert command is not None
    # under its group, as the program does it: a command remembers how help was asked for the first time
    command.make_context(rest[0], rest[1:], parent=context).close()


def test_the_readme_shows_commands() -> None:
    """The README shows every command, so that the test above tests something."""
    streams, evidence = {"pipe", "relay", "bench"}, {"report", "verify", "notice", "case", "patrol"}
    plain = {"demo", "keygen", "embed", "decode", "code", "registry"}
    assert {words[1] for words in COMMANDS} == plain | streams | evidence


@pytest.mark.parametrize("option", sorted(set(re.findall(r"`(--[a-z]+(?:-[a-z]+)*)", README))))
def test_options_of_the_readme_exist(option: str) -> None:
    """Every option that the README's text names is an option of some command."""
    context = click.Context(tracemark)
    commands = [tracemark.get_command(context, name) for name in tracemark.list_commands(context)]
    for group in [command for command in commands if isinstance(command, click.Group)]:
        commands += [group.get_command(context, name) for name in group.list_commands(context)]
    known = {name for command in commands if command for parameter in command.params for name in parameter.opts}
    assert option in known


def test_blocks_are_filled_in_place() -> None:
    """What a script says replaces what it said before, and nothing else."""
    page = "a\n<!-- x -->\nold\n<!-- /x -->\nb\n"
    once = filled(page, "x", "new")
    assert once == "a\n<!-- x -->\n\n```text\nnew\n```\n\n<!-- /x -->\nb\n"
    assert filled(once, "x", "new") == once
    with pytest.raises(ValueError, match="no markers named y"):
        filled(page, "y", "new")
