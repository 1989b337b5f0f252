"""The page and the plot of benchmarks.false_positives."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
from scipy.stats import gumbel_r, norm

from benchmarks.tally import claimed
from tracemark.recovery.reasons import PILOT_SEEN
from tracemark.recovery.statistics import FOUND, log_p_false, probability, score_needed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from benchmarks.tally import Tally

SHOWN = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0)
"""Scores z in the table."""

LEVELS = (0.5, 0.1, 0.01, 1e-3, FOUND)
"""Claimed p_false at which the decoder's messages are counted."""


def page(
    tally: Tally,
    kinds: Mapping[tuple[str, str], Tally],
    owners: Mapping[str, Sequence[float]],
    *,
    names: Sequence[str],
    fast: bool,
) -> str:
    """Build docs/false-positives.md.

    Parameters
    ----------
    tally : Tally
        Everything.
    kinds : mapping
        The same by mark and leak.
    owners : mapping
        By leak, the score of the message that is really there under the key that it was marked with.
    names : sequence of str
        The clips.
    fast : bool
        Whether few were counted.
    """
    lines = [
        "# False positives: measured against claimed",
        "",
        f"Written by `python -m benchmarks.false_positives{' --fast' if fast else ''}`.",
        "",
        *_paragraph(
            f"Pictures: the beginnings of {', '.join(names)}; unmarked and marked with another key, untouched and"
            " after x264 CRF 28, and a single picture of that. Every key tried is a new one that marked nothing. In all"
            f" {len(tally.above)} evidence vectors (a key at an offset; luma and chroma together, and apart),"
            f" {tally.words} random messages scored against each: {tally.trials:.3g} trials."
        ),
        "",
        "![Measured and claimed false positives](img/false-positives.png)",
        "",
        *_fixed_message(tally),
        *_kinds(kinds),
        *_decoded(tally),
        *_pilot(tally),
        *_owners(owners),
    ]
    return "\n".join(lines) + "\n"


def _fixed_message(tally: Tally) -> list[str]:
    tail = tally.tail()
    bound = claimed(tail.thresholds)
    lines = [
        "## One message",
        "",
        *_paragraph(
            "What `p_false` rests on: the score z of a message that was fixed beforehand reaches x with a"
            " probability of"
            " at most 3.178 Q(x). The band is of 95 %; codewords scored on the same evidence are not independent, which"
            " it takes into account."
        ),
        "",
        "| x | scores of x or more | measured | 95 % band | Q(x) | claimed | measured <= claimed |",
        "|---|---|---|---|---|---|---|",
    ]
    for x in SHOWN:
        at = int(np.flatnonzero(tail.thresholds == x)[0])
        band = f"{tail.low[at]:.1e} to {tail.high[at]:.1e}"
        kept = "yes" if tail.share[at] <= bound[at] else "within chance" if tail.kept()[at] else "**no**"
        cells = [str(tail.counts[at]), f"{tail.share[at]:.2e}", band, f"{norm.sf(x):.2e}", f"{bound[at]:.2e}", kept]
        lines.append(f"| {x:g} | {' | '.join(cells)} |")
    return [*lines, ""]


def _kinds(kinds: Mapping[tuple[str, str], Tally]) -> list[str]:
    lines = ["| pictures | trials | z >= 2 | z >= 3 | z >= 4 | largest z |", "|---|---|---|---|---|---|"]
    for (mark, leak), tally in kinds.items():
        tail = tally.tail()
        cells = [f"{tail.share[tail.thresholds == x][0]:.2e}" for x in (2.0, 3.0, 4.0)]
        lines.append(f"| {mark}, {leak} | {tally.trials} | {' | '.join(cells)} | {tally.largest:.2f} |")
    return [*lines, ""]


def _decoded(tally: Tally) -> list[str]:
    best = np.array(tally.best)
    p_false = np.array([probability(log_p_false(score, 1)) for score in best])
    needed = score_needed(1)
    lines = [
        "## The message that the decoder makes of it",
        "",
        *_paragraph(
            f"The decoder looks for the best of all 2^64 messages. On these {len(best)} evidence vectors its message"
            f" scores {best.mean():.2f} on average, with a standard deviation of {best.std():.2f}, and at most"
            f" {best.max():.2f}. A find needs {needed:.2f}, {(needed - best.mean()) / best.std():.1f}"
            f" standard deviations"
            f" above that average. The smallest `p_false` claimed is {p_false.min():.2g}; of so many"
            f" vectors the smallest"
            f" of an exact one would be about {1 / len(best):.1g}."
        ),
        "",
        "| p | vectors with a claimed p_false of p or less | measured share |",
        "|---|---|---|",
    ]
    lines += [f"| {level:g} | {(p_false <= level).sum()} | {(p_false <= level).mean():.2g} |" for level in LEVELS]
    honest = all((p_false <= level).mean() <= level for level in LEVELS)
    verdict = (
        "At every p the share is at most p: the claim is kept, and is on the safe side."
        if honest
        else "**At some p the share is above p: more is measured than claimed.**"
    )
    return [*lines, "", verdict, ""]


def _pilot(tally: Tally) -> list[str]:
    pilots = np.array(tally.pilots)
    beyond = float(gumbel_r.sf(PILOT_SEEN, *gumbel_r.fit(pilots)))
    seen = int((pilots >= PILOT_SEEN).sum())
    meaning = (
        "none of them would have been called `inconclusive`"
        if not seen
        else f"**{seen} of them would have been called `inconclusive`**"
    )
    return [
        "## The pilot",
        "",
        *_paragraph(
            "The pilot's best score over all offsets is no part of `p_false` and names nobody: it decides"
            " whether a leak"
            f" without a find is called `inconclusive` (from {PILOT_SEEN:g}) or `absent`. Of {len(pilots)}"
            f" keys that marked"
            f" nothing it has a median of {np.median(pilots):.2f} and a maximum of {pilots.max():.2f}:"
            f" {meaning}. An extreme"
            f" value distribution (Gumbel 1958) fitted to them passes {PILOT_SEEN:g} with a probability of"
            f" {beyond:.0e} for"
            " each key and look; a long leak is looked at several times."
        ),
        "",
    ]


def _owners(owners: Mapping[str, Sequence[float]]) -> list[str]:
    lines = [
        "## What is really there",
        "",
        *_paragraph(
            "So that a blind measurement would show: the same score of the message that the marked clips"
            " carry, under the"
            " key that they were marked with."
        ),
        "",
        "| leak | clips | least z | median z |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {leak} | {len(scores)} | {min(scores):.1f} | {float(np.median(scores)):.1f} |"
        for leak, scores in owners.items()
    ]
    return lines


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, 118, break_on_hyphens=False)


def draw(tally: Tally, path: Path) -> None:
    """Plot the tail, the decoder's scores and the pilot's."""
    # Here, because matplotlib takes a second to load and the functions above are of use without it.
    import matplotlib as mpl  # noqa: PLC0415

    mpl.use("Agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 4.4), layout="constrained")
    tail = tally.tail()
    some = tail.counts > 0
    x = tail.thresholds
    left.fill_between(x, np.maximum(tail.low, 1e-9), tail.high, alpha=0.3, label="95 % band")
    left.semilogy(x[some], tail.share[some], "o-", markersize=3, label=f"measured, {tally.trials:.2g} trials")
    left.semilogy(x, norm.sf(x), "k:", label="Q(x)")
    left.semilogy(x, claimed(x), "k-", label="claimed: 3.178 Q(x)")
    left.set(ylim=(1e-9, 2), xlabel="x", ylabel="P(z >= x)", title="score of a random message")
    middle.hist(tally.best, bins="auto")
    middle.axvline(score_needed(1), color="k", label=f"needed for a find: {score_needed(1):.2f}")
    middle.set(xlabel="z", ylabel="evidence vectors", title="score of the decoder's message")
    right.hist(tally.pilots, bins="auto")
    right.axvline(PILOT_SEEN, color="k", label=f"called inconclusive from {PILOT_SEEN:g}")
    right.set(xlabel="robust deviations", ylabel="keys", title="best score of the pilot")
    for axes in (left, middle, right):
        axes.grid(visible=True, alpha=0.25)
        axes.legend()
    figure.savefig(path, dpi=110)
    plt.close(figure)
