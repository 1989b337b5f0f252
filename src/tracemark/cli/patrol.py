"""`tracemark patrol`: look for leaks in folders, lists and on the net."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracemark.cli import FOUND, NOT_FOUND
from tracemark.cli.options import (
    FILE,
    KEY_VARIABLE,
    check_registry,
    check_session,
    load_keys,
    opened,
    registry_options,
    session_option,
)
from tracemark.errors import PatrolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracemark.patrol import Compared, Full, Patrol, Progress, Store
    from tracemark.patrol.sources import Found
    from tracemark.video import Effort

_MIB = 1 << 20


@click.command()
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True)
@click.option(
    "--key", "keys", type=FILE, multiple=True, envvar=KEY_VARIABLE, show_envvar=True, help="Key file; may be repeated."
)
@click.option(
    "--state",
    type=FILE,
    default=Path("tracemark-patrol.db"),
    show_default=True,
    help="File that remembers what was looked at; a patrol that was stopped goes on where it was.",
)
@click.option("--once", is_flag=True, help="Look at what is there and leave, instead of watching folders and lists.")
@click.option("--own", type=click.Path(), multiple=True, help="Own recording, or a folder of them; may be repeated.")
@click.option(
    "--full",
    type=click.Choice(["auto", "all", "shown", "none"]),
    default="auto",
    show_default=True,
    help="What gets a closer look than the fast one: everything, what shows an own recording, or nothing; auto is "
    "shown if there are own recordings, else all.",
)
@click.option("--skip-strangers", is_flag=True, help="Not even a fast look at what shows no own recording.")
@click.option("--effort", type=click.Choice(["normal", "max"]), default="normal", show_default=True)
@click.option("--workers", type=click.IntRange(1), help="Files at once; as many as there are processors by default.")
@click.option("--cluster", "scheduler", metavar="ADDRESS", help="Dask scheduler, such as tcp://10.0.0.1:8786.")
@click.option("--memory", type=click.IntRange(512), default=2048, show_default=True, help="MiB for each file.")
@click.option(
    "--cpu", type=click.IntRange(1), default=600, show_default=True, help="Seconds of processor for each look."
)
@click.option("--wall", type=click.FloatRange(1), default=1800, show_default=True, help="Seconds for each look.")
@click.option("--max-size", type=click.IntRange(1), default=4096, show_default=True, help="MiB of a file or download.")
@click.option(
    "--max-pixels", type=click.IntRange(1), default=64, show_default=True, help="Million pixels of a picture."
)
@click.option("--download", type=click.FloatRange(1), default=600, show_default=True, help="Seconds for each download.")
@click.option("--redirects", type=click.IntRange(0), default=5, show_default=True, help="That are followed.")
@click.option(
    "--allow",
    "allowed",
    metavar="NETWORK",
    multiple=True,
    help="Network that downloads may come from although it is not public, such as 10.1.0.0/16; may be repeated.",
)
@click.option(
    "--candidates",
    "compared",
    type=click.Choice(["none", "closer", "all"]),
    help="Looks that compare a file with the members in the registry, so that weaker marks name them: none, the closer "
    "ones, or all; all with --session, else none by default. A million members more than double a fast look's cost.",
)
@session_option
@registry_options
def patrol(
    sources: tuple[str, ...],
    *,
    keys: tuple[Path, ...],
    state: Path,
    once: bool,
    own: tuple[str, ...],
    full: Full,
    skip_strangers: bool,
    effort: Effort,
    workers: int | None,
    scheduler: str | None,
    memory: int,
    cpu: int,
    wall: float,
    max_size: int,
    max_pixels: int,
    download: float,
    redirects: int,
    allowed: tuple[str, ...],
    compared: Compared | None,
    session: str | None,
    url: str | None,
    registry_key: Path | None,
) -> int:
    """Look for leaks at each SOURCE: a folder, a list of files or URLs (.txt), a file or a URL.

    Prints one JSON object a line and hit. Every file is looked at once, in a process of its own with limits. Leaves
    with 0 if a mark was found, 1 if none was, 2 after an error of its own; files that cannot be read are none.
    """
    check_session(session, url)
    if compared not in (None, "none"):
        check_registry(f"--candidates {compared}", url)
    if compared == "none" and session is not None:
        raise click.UsageError("--session says whom to compare with, and --candidates none compares with nobody")
    loaded = load_keys(keys)
    try:
        from tracemark.patrol import Limits, Orders, Patrol, Store, cluster, local
        from tracemark.patrol.addresses import networks
        from tracemark.patrol.sources import check, folders, gather
        from tracemark.patrol.watching import rounds
    except ModuleNotFoundError as error:
        raise PatrolError(f"{error.name} is not installed", "pip install 'tracemark[patrol]'") from None
    check((*sources, *own))
    networks(allowed)
    with ExitStack() as stack:
        registry = None if url is None else stack.enter_context(opened(url, registry_key))
        orders = Orders(
            keys=tuple(str(key.resolve()) for key in keys),
            key_ids=tuple(key.id for key in loaded),
            effort=effort,
            full=full,
            strangers=not skip_strangers,
            limits=Limits(memory * _MIB, cpu, wall, max_pixels * 1_000_000, max_size * _MIB, download, redirects),
            allowed=allowed,
            compared=compared or ("all" if session else "none"),
            session=registry.sessions(session)[0].pseudonym if registry and session else None,
        )
        store = stack.enter_context(Store(state.resolve(), orders.asked))
        count = workers or os.cpu_count() or 1
        hands = stack.enter_context(cluster(scheduler) if scheduler else local(count))
        progress = stack.enter_context(_progress_bar())
        guard = Patrol(orders, store, hands, _tell, registry=registry, progress=progress)
        guard.begin(gather(own))
        if once or not folders(sources):
            guard.run(gather(sources))
        else:
            _watch(guard, rounds(sources))
        _summary(store, guard.hits)
    return FOUND if guard.hits else NOT_FOUND


def _watch(guard: Patrol, rounds: Iterator[Iterator[Found]]) -> None:
    """Go on until Ctrl-C, which is how a watch ends."""
    try:
        for found in rounds:
            guard.run(found)
    except KeyboardInterrupt:
        click.echo("tracemark: the watch has ended; it goes on where it was when it is started again", err=True)


def _tell(line: str) -> None:
    click.echo(line)
    sys.stdout.flush()


def _summary(store: Store, hits: int) -> None:
    counts = store.counts()
    said = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
    copies = store.duplicates()
    click.echo(f"tracemark: {sum(counts.values())} files ({said}), {copies} of them copies, {hits} hits told", err=True)


@contextmanager
def _progress_bar() -> Iterator[Callable[[Progress], None] | None]:
    """Show files done, files known and hits on standard error while the block runs, if that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("patrol"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[hits]} hits"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("patrol", total=None, hits=0)
        yield lambda now: bar.update(task, completed=now.done, total=now.total, hits=now.hits)
