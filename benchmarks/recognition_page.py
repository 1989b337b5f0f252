"""The page about known members in weak leaks: a table in Markdown, misses in bold."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.markdown import chance, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.recognition import Reading, Strangers

BOUNDS = (0.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0, 1e9)
"""Scores that the table of strangers tells apart."""

HEAD = """# Known members in weak leaks, measured

Written by `benchmarks/recognition.py`; do not edit. Every clip is marked for its viewer at default strength, leaked,
and decoded twice: blind, and with a list of 10,000 members, of whom the viewer is one. Crops are searched for; where
the picture lies as it did, no other geometry is searched for. Misses are in bold."""

STRANGERS = """## A leaker who is not registered

A trial: the evidence of one of the leaks below, as the right key gives it, compared with a list of 10,000 members who
were drawn at random and of whom none is the viewer. It goes wrong if anybody on the list is named. The evidence is the
32 vectors of the leak whose cells agree best, in which the viewer's mark is if it is anywhere; `p_false` then counts
these 32 only, which makes it easier to be named. The lists of one leak share its evidence and no member; what blind
decoding finds in it is known, as in every decode."""


def render(made: dict[str, str], outcomes: Sequence[tuple[Reading, Strangers]]) -> str:
    """Write the page.

    Parameters
    ----------
    made : dict of str to str
        How it was measured.
    outcomes : sequence of tuple of Reading and Strangers

    Returns
    -------
    str
        Markdown.
    """
    how = "\n".join(f"- {name}: {value}" for name, value in made.items())
    readings = [reading for reading, _ in outcomes]
    parts = [HEAD, how, _summary(readings), STRANGERS, _strangers(outcomes), "## Every leak", _every(outcomes)]
    return "\n\n".join(parts) + "\n"


def _summary(readings: Sequence[Reading]) -> str:
    rows = []
    for kind in dict.fromkeys(_kind(each) for each in readings):
        of = [each for each in readings if _kind(each) == kind]
        weak = [each for each in of if each.blind != "found"]
        rows.append(
            [
                kind,
                str(len(of)),
                str(sum(each.blind == "found" for each in of)),
                str(sum(each.known == "found" for each in of)),
                *(
                    f"{sum(each.known == 'found' for each in weak if each.blind == said)} of "
                    f"{sum(each.blind == said for each in weak)}"
                    for said in ("inconclusive", "absent")
                ),
                str(sum("wrong" in (each.blind, each.known) for each in of)),
            ]
        )
    names = [
        "leak",
        "tried",
        "found blind",
        "found among 10,000",
        "of those blind calls inconclusive",
        "absent",
        "wrong",
    ]
    return table(names, rows)


def _kind(reading: Reading) -> str:
    return "0.5 s, CRF 28" if reading.leak.startswith("0.5 s") else reading.leak


def _strangers(outcomes: Sequence[tuple[Reading, Strangers]]) -> str:
    trials, named = sum(each.lists for _, each in outcomes), sum(each.named for _, each in outcomes)
    said = f"Trials: {trials}. Somebody named: {named if not named else f'**{named}**'}."
    rows = []
    for least, most in pairwise(BOUNDS):
        of = [each for reading, each in outcomes if least <= reading.viewers_score < most]
        if of:
            name = f"{least:g} to {most:g}" if most < BOUNDS[-1] else f"{least:g} or more"
            figures = [sum(each.lists for each in of), sum(each.named for each in of)]
            rows.append([name, str(len(of)), *map(str, figures), f"{max(each.score for each in of):.2f}"])
    names = ["score of the viewer who is not listed", "leaks", "trials", "somebody named", "best score of a stranger"]
    return f"{said}\n\n{table(names, rows)}"


def _every(outcomes: Sequence[tuple[Reading, Strangers]]) -> str:
    rows = [
        [
            each.clip,
            each.leak,
            f"{_verdict(each.blind)}, {each.blind_score:.1f}",
            f"{_verdict(each.known)}, {each.known_score:.1f}",
            f"{chance(each.p_false)}, {chance(each.p_mistaken)}" if each.known == "found" else "",
            f"{each.margin:.1f}" if each.known == "found" else "",
            f"{each.viewers_score:.1f}",
            str(each.vectors),
        ]
        for each, _ in outcomes
    ]
    names = ["clip", "leak", "blind, score", "among 10,000, score", "p_false, p_mistaken", "margin"]
    return table([*names, "viewer's best score", "evidence vectors"], rows)


def _verdict(verdict: str) -> str:
    return verdict if verdict == "found" else f"**{verdict}**"
