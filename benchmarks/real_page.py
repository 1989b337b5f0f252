"""The page about real leaks: tables in Markdown, misses in bold."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.markdown import chance, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.lines import Line
    from benchmarks.reading import Reading
    from tracemark import Payload

VERDICTS = ("absent", "inconclusive", "found", "error")


@dataclass(frozen=True)
class Outcome:
    """What became of one leak of one clip.

    Parameters
    ----------
    line : Line
        The line it counts for.
    clip, leak : str
        Names.
    viewers : tuple of Payload
        Whom it has to name.
    reading : Reading
        With the right key.
    error : float or None
        Greatest distance of the found geometry from the true one, as a share of the host's width; None where nothing
        was found or the truth is not known.
    twin : Reading or None
        With a wrong key, if that was tried.
    """

    line: Line
    clip: str
    leak: str
    viewers: tuple[Payload, ...]
    reading: Reading
    error: float | None
    twin: Reading | None

    @property
    def good(self) -> bool:
        """Whether everyone was named."""
        return self.reading.names(self.viewers)

    @property
    def wrong(self) -> bool:
        """Whether anybody else was named, with either key."""
        return self.reading.wrong(self.viewers) or (self.twin is not None and self.twin.wrong(()))


def render(made: dict[str, str], outcomes: Sequence[Outcome]) -> str:
    """Write the page.

    Parameters
    ----------
    made : dict
        How: command, versions, machine.
    outcomes : sequence of Outcome

    Returns
    -------
    str
        Markdown.
    """
    parts = [_head(made), _summary(outcomes), _by_clip(outcomes), _twins(outcomes), _misses(outcomes)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(made: dict[str, str]) -> str:
    listed = "\n".join(f"- {name}: {value}" for name, value in made.items())
    return (
        "# Real leaks, measured\n\n"
        "Written by `benchmarks/real_leaks.py`; do not edit. The first seconds of every clip are marked at default "
        "strength, attacked (`benchmarks/attacks/`), encoded to H.264 at CRF 28 unless the line says otherwise, and "
        f"decoded with the right key. What misses its bar is in bold.\n\n{listed}"
    )


def _summary(outcomes: Sequence[Outcome]) -> str:
    wrong = [outcome for outcome in outcomes if outcome.wrong]
    decodes = len(outcomes) + sum(outcome.twin is not None for outcome in outcomes)
    count = f"Wrong IDs: {len(wrong)}" if not wrong else f"**Wrong IDs: {len(wrong)}**"
    named = "".join(f"\n- **{outcome.clip}, {outcome.leak}**" for outcome in wrong)
    rows = []
    for line in dict.fromkeys(outcome.line for outcome in outcomes):
        ours = [outcome for outcome in outcomes if outcome.line == line]
        found = sum(outcome.good for outcome in ours)
        share = found / len(ours)
        reached = "aim" if share >= line.aim else "bar" if share >= line.bar else "**missed**"
        errors = [outcome.error for outcome in ours if outcome.error is not None]
        seconds = [outcome.reading.seconds_taken for outcome in ours]
        rows.append(
            [
                line.section,
                line.name + (" (hard)" if line.bar < line.aim else ""),
                f"{line.bar:.0%}",
                f"{found} of {len(ours)}",
                reached,
                f"{statistics.median(errors):.2%}" if errors else "",
                f"{max(errors):.2%}" if errors else "",
                f"{statistics.median(seconds):.1f}",
                f"{max(seconds):.1f}",
            ]
        )
    names = ["", "line", "bar", "found", "reached", "corner error, median", "worst", "decode s, median", "worst"]
    text = (
        f"## Summary\n\n{count} in {decodes} decodes.{named}\n\n"
        "The corner error is the greatest distance of the recovered geometry from the true one, over what the leak "
        "shows, as a share of the host's width, where someone was found.\n\n"
    )
    return text + table(names, rows)


def _by_clip(outcomes: Sequence[Outcome]) -> str:
    clips = list(dict.fromkeys(outcome.clip for outcome in outcomes))
    rows: dict[tuple[Line, str], dict[str, str]] = {}
    for outcome in outcomes:
        rows.setdefault((outcome.line, _name(outcome)), {})[outcome.clip] = _cell(outcome)
    cells = [[name, *(row.get(clip, "") for clip in clips)] for (_, name), row in rows.items()]
    text = "## By clip\n\nEach cell: p_false as claimed, the statistic it comes from, and the corner error.\n\n"
    return text + table(["leak", *clips], cells)


def _name(outcome: Outcome) -> str:
    """Name what was done; two viewers' leaks are all the same encode."""
    return outcome.leak if len(outcome.viewers) == 1 else outcome.line.name


def _cell(outcome: Outcome) -> str:
    reading = outcome.reading
    figures = [] if reading.p_false is None else [chance(reading.p_false)]
    figures += [] if reading.evidence is None else [f"z {reading.evidence:.1f}"]
    figures += [] if outcome.error is None else [f"{outcome.error:.2%}"]
    text = ", ".join(figures)
    if outcome.wrong:
        return f"**WRONG ID** {text}"
    if outcome.good:
        return text
    if reading.named:
        return f"**{len(reading.named)} of {len(outcome.viewers)}** {text}"
    return f"**{reading.verdict}** {text}"


def _twins(outcomes: Sequence[Outcome]) -> str:
    twins = [outcome.twin for outcome in outcomes if outcome.twin is not None]
    if not twins:
        return ""
    counts = [str(sum(twin.verdict == verdict for twin in twins)) for verdict in VERDICTS]
    least = min((twin.p_false for twin in twins if twin.p_false is not None), default=None)
    claimed = "" if least is None else f" The smallest p_false claimed: {chance(least)}."
    text = f"## Wrong key\n\nWhat was said of {len(twins)} of these leaks with a wrong key.{claimed}\n\n"
    return text + table(VERDICTS, [counts])


def _misses(outcomes: Sequence[Outcome]) -> str:
    missed = [outcome for outcome in outcomes if not outcome.good]
    if not missed:
        return ""
    rows = [
        [outcome.clip, _name(outcome), outcome.reading.verdict, " ".join(outcome.reading.reasons).replace("|", "/")]
        for outcome in missed
    ]
    return "## Misses\n\nIn the decoder's words.\n\n" + table(["clip", "leak", "verdict", "reasons"], rows)
