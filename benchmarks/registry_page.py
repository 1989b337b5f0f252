"""The page about the registry: tables in Markdown, failures in bold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.markdown import table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.registry import Site

BARS = {
    "grant, new member": 5.0,
    "grant, known member": 5.0,
    "who-watched, UTC": 50.0,
    "who-watched, media time": 50.0,
}
"""Milliseconds that a question may take."""

_HEAD = (
    "# The registry, measured\n\n"
    "Written by `benchmarks/registry.py`; do not edit. One site with many members; a tenth of them met in one great "
    "session. Times are milliseconds, as a caller in Python waits, with names read and everything that was written on "
    "the disk. Each question is asked several times in a row and its quickest answer taken, because other programs ran "
    "meanwhile; the columns *all* have every answer, and *processor* what an answer cost this process. What misses its "
    "bar (grant 5 ms, who-watched 50 ms, by the median of the quickest) is in bold. What is asked of the great session "
    "gives thousands of rows, and has no bar."
)


def render(sites: Sequence[Site]) -> str:
    """Write the page.

    Parameters
    ----------
    sites : sequence of Site

    Returns
    -------
    str
        Markdown.
    """
    return "\n\n".join([_HEAD, *(_site(site) for site in sites)]) + "\n"


def _site(site: Site) -> str:
    rows = [
        [
            what,
            "" if what not in BARS else f"{BARS[what]:.0f}",
            _judged(what, found["quickest"]),
            *(f"{found[column]:.2f}" for column in ("quickest p95", "median", "p95", "processor")),
            *(f"{found[column]:.0f}" for column in ("rows", "times", "repeats")),
        ]
        for what, found in site.times.items()
    ]
    columns = [
        "quickest, median",
        "quickest, 95 %",
        "all, median",
        "all, 95 %",
        "processor",
        "rows",
        "questions",
        "each",
    ]
    times = table(["question", "bar", *columns], rows)
    held = ", ".join(f"{count:,} {name}" for name, count in site.rows.items())
    made = "\n".join(f"- {name}: {value}" for name, value in site.machine.items())
    plans = "\n\n".join(f"{what}:\n\n```text\n" + "\n".join(lines) + "\n```" for what, lines in site.plans.items())
    return (
        f"## {site.database}\n\n- rows: {held} ({site.gigabytes:.1f} GB)\n{made}\n\n{times}\n\n{_crash(site)}\n\n"
        f"### Which indexes answer\n\n{plans}"
    )


def _judged(what: str, taken: float) -> str:
    text = f"{taken:.2f}"
    return f"**{text}**" if taken > BARS.get(what, float("inf")) else text


def _crash(site: Site) -> str:
    rows = []
    titles = {"killed": "killed with SIGKILL in the middle of 1,000 grants", "at once": "8 processes granting at once"}
    for which, found in site.crash.items():
        bad = found["lost"] or found["faults"]
        cells = [f"{found['acknowledged']:,}", str(found["lost"]), str(found["faults"])]
        rows.append([titles[which], str(found["killed"] or ""), *(f"**{cell}**" if bad else cell for cell in cells)])
    title = "Processes that grant, on a registry of their own, whose chains are read after each kill:\n\n"
    return title + table(["", "killed", "grants acknowledged", "lost or wrong", "faults in the chains"], rows)
