"""The page about the patrol: tables in Markdown, failures in bold."""

from __future__ import annotations

from typing import Any

from benchmarks.markdown import table
from tracemark.patrol.fingerprints import RECENT

DAY = 86400.0
CLIPS = 1_000_000
SHARES = (0.0, 0.01, 0.1, 1.0)
"""Shares of clips that get the closer look."""

_HEAD = (
    "# The patrol, measured\n\n"
    "Written by `benchmarks/patrol.py`; do not edit. Other programs ran meanwhile: seconds on the clock say little by "
    "themselves, and even processor seconds are somewhat longer than on an idle machine."
)


def render(told: dict[str, Any]) -> str:
    """Write the page.

    Parameters
    ----------
    told : dict
        What `benchmarks.patrol` measured.

    Returns
    -------
    str
        Markdown.
    """
    parts = {"field": _field, "shared": _shared, "clips": _clips, "hands": _hands, "fingerprints": _fingerprints}
    pages = [part(told[name]) for name, part in parts.items() if name in told]
    return "\n\n".join([f"{_HEAD} Machine: {told.get('machine', 'not told')}.", *pages]) + "\n"


def _field(told: dict[str, Any]) -> str:
    def share(right: str, of: str) -> str:
        text = f"{told[right]} of {told[of]}"
        return text if told[right] == told[of] else f"**{text}**"

    def none(what: str) -> str:
        return f"**{told[what]}**" if told[what] else "0"

    rows = [
        ["files", str(told["files"])],
        ["marked files found, under the right member", share("found", "marked")],
        ["named wrongly", none("wrongly named")],
        ["clean files told to be clean", share("clean", "clean there")],
        ["pipes, devices, loops, empty, too large: refused", share("refused", "refused there")],
        ["broken or of another kind: told to be unreadable", share("unreadable", "unreadable there")],
        ["times killed with SIGKILL", str(told["killed"])],
        ["different contents", str(told["contents"])],
        ["contents looked at more than once", none("looked at twice")],
        ["lines told a second time, under the same number", str(told["lines twice"])],
        [
            "largest memory of a child, MiB (limit: 512 and what the program itself takes)",
            f"{told['largest'] / 2**20:.0f}",
        ],
        ["longest look, processor seconds", f"{told['longest']:.2f}"],
        ["all looks, processor seconds", f"{told['cpu']:.0f}"],
        ["seconds on the clock, kills and starts among them", f"{told['wall']:.0f}"],
    ]
    return f"## A field of traps\n\nFast looks only. Load: {told['load']}.\n\n" + table(["what", "measured"], rows)


def _shared(told: dict[str, Any]) -> str:
    def none(what: str) -> str:
        return f"**{told[what]}**" if told[what] else "none"

    return (
        "The same on a Dask cluster of two workers on loopback, one of which was killed with SIGKILL when "
        f"{told['done before']} contents were done: {told['files']} files, {told['hits']} hits; outcomes other than "
        f"those of local processes: {none('other outcomes')}; contents whose look was finished twice: "
        f"{none('looked at twice')}. It took {told['wall']:.0f} s."
    )


def _clips(told: dict[str, Any]) -> str:
    cost = {(each["clip"], each["effort"]): each for each in told["looks"]}
    names = {None: "fingerprint only", "fast": "fast", "normal": "normal", "max": "max"}
    rows = [
        [
            each["clip"],
            names[each["effort"]],
            each["outcome"],
            f"{each['cpu']:.2f}",
            f"{each['memory'] / 2**20:.0f}",
            f"{each['cpu'] * CLIPS / DAY:.0f}",
        ]
        for each in told["looks"]
    ]
    head = ["clip", "effort", "outcome", "processor s", "MiB", "cores for a million a day"]
    mixed = []
    for closer in ("normal", "max"):
        seconds = [cost["no mark", "fast"]["cpu"] + share * cost["no mark", closer]["cpu"] for share in SHARES]
        mixed.append([closer, *(f"{each * CLIPS / DAY:.0f}" for each in seconds)])
    return (
        f"## What a clip costs\n\n{told['clip']}. Clips that hold no mark cost most, because everything is tried; "
        f"nearly all clips of a patrol hold none. Load: {told['load']}.\n\n{table(head, rows)}\n\n"
        "## A million clips a day\n\nProcessor cores that are busy all day, for a fast look at every clip and a closer "
        "one at a share of them. Longer clips cost more in proportion up to the limits; downloads come on top, and are "
        "waited for, not computed.\n\n"
        + table(["closer look", *(f"{share:.0%} shortlisted" for share in SHARES)], mixed)
    )


def _hands(told: dict[str, Any]) -> str:
    walls = told["walls"]
    rows = [
        [
            name,
            f"{wall:.1f}",
            f"{walls[f'1 {name.split()[1]}'] / wall:.2f}",
            f"{wall / walls[name.split()[0] + ' local']:.2f}",
        ]
        for name, wall in walls.items()
    ]
    job = told["job"]
    return (
        f"## Local processes and a Dask cluster\n\n{told['files']} clips of two seconds, {told['cpu']:.0f} processor "
        f"seconds of fast looks; starting the patrol is part of the time. Load: {told['load']}, on two cores, which "
        "the scheduler shares with the workers.\n\n"
        + table(["workers", "seconds", "times as fast as one", "times as long as local"], rows)
        + f"\n\nA job in which nothing is done takes {job['local'] * 1000:.1f} ms locally and "
        f"{job['cluster'] * 1000:.1f} ms through the cluster."
    )


def _fingerprints(told: dict[str, Any]) -> str:
    rows = []
    for name, (found, seen) in told["changes"].items():
        text = f"{found} of {seen}"
        rows.append([name, text if found else f"**{text}**"])
    library = told["library"]
    return (
        f"## What the shortlist recognises\n\n{told['clip']} in the library, four frames a second of it; frames from "
        "between those, changed. One is enough for a file to be shortlisted. What is in bold would get the fast look "
        "only, if `--own` is used: `--full all` is for whoever can pay for it.\n\n"
        + table(["the leak shows it", "frames recognised"], rows)
        + f"\n\nOf {told['strangers']} other scenes {told['mistaken']} were taken for it. To look one file of "
        f"{library['frames']} frames up in {library['rows']:,} hashes takes {library['shows']:.2f} processor "
        f"seconds; that many are {library['rows'] / 32 / 3600:.0f} hours of own recordings. Whether it looks like an "
        f"earlier file takes {RECENT / library['rows'] * library['like']:.2f} to twice as much: of those, {RECENT:,} "
        "frames are remembered at least."
    )
