"""What a run of the main job found, and whether it reaches the lines."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchmarks.lines import LOSSLESS, UNMARKED, WRONG_KEY, WRONG_KEY_LEAKS
from benchmarks.quality import Quality
from benchmarks.workshop import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.lines import Line, Meter, Trial


@dataclass(frozen=True)
class Outcome:
    """What became of one trial.

    Parameters
    ----------
    section, line, clip, leak : str
        Names.
    verdict : Verdict
        With the right key.
    twin : Verdict
        With a wrong key: it must find nothing.
    """

    section: str
    line: str
    clip: str
    leak: str
    verdict: Verdict
    twin: Verdict

    @classmethod
    def of(cls, trial: Trial, verdict: Verdict, twin: Verdict) -> Outcome:
        """Name a trial's verdicts."""
        leak = ", ".join(step.name for step in trial.chain)
        return cls(trial.line.section, trial.line.name, trial.clip.name, leak, verdict, twin)


@dataclass(frozen=True)
class Speed:
    """How fast something went.

    Parameters
    ----------
    name, unit : str
    measured : tuple of float
        Every repetition; the median counts.
    bar : float
    at_least : bool
        Whether more is better.
    """

    name: str
    unit: str
    measured: tuple[float, ...]
    bar: float
    at_least: bool

    @property
    def median(self) -> float:
        """The number that counts."""
        return statistics.median(self.measured)

    @property
    def reached(self) -> bool:
        """Whether the bar is reached."""
        return self.median >= self.bar if self.at_least else self.median <= self.bar


@dataclass(frozen=True)
class Score:
    """How many trials of a line came out as they have to.

    Parameters
    ----------
    good, tried : int
    """

    good: int
    tried: int

    @property
    def share(self) -> float:
        """Share of good ones."""
        return self.good / self.tried


@dataclass(frozen=True)
class Report:
    """A run of the main job.

    Parameters
    ----------
    made : dict
        How: command, versions, machine.
    clips : tuple of str
        Names of the hosts.
    qualities : dict
        Of each marked clip, by the clip's name.
    outcomes : tuple of Outcome
    speeds : tuple of Speed
    seal : dict
        Strength and `Quality` figures of the Video Seal line; empty if it was not run.
    """

    made: dict[str, str]
    clips: tuple[str, ...]
    qualities: dict[str, Quality] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    speeds: tuple[Speed, ...] = ()
    seal: dict[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, plain: dict[str, Any]) -> Report:
        """Read what was written of an earlier run: `dataclasses.asdict` as JSON."""

        def verdict(said: dict[str, Any]) -> Verdict:
            return Verdict(**said | {"reasons": tuple(said["reasons"])})

        outcomes = (
            Outcome(**each | {which: verdict(each[which]) for which in ("verdict", "twin")})
            for each in plain["outcomes"]
        )
        return cls(
            made=plain["made"],
            clips=tuple(plain["clips"]),
            qualities={name: Quality(**each) for name, each in plain["qualities"].items()},
            outcomes=tuple(outcomes),
            speeds=tuple(Speed(**each | {"measured": tuple(each["measured"])}) for each in plain["speeds"]),
            seal=plain["seal"],
        )

    def of(self, line: Line) -> list[Outcome]:
        """Outcomes that count for a line."""
        if line == WRONG_KEY:
            return self.of(LOSSLESS)
        if line == WRONG_KEY_LEAKS:
            return [outcome for outcome in self.outcomes if outcome.leak]
        return [outcome for outcome in self.outcomes if (outcome.section, outcome.line) == (line.section, line.name)]

    def score(self, line: Line) -> Score | None:
        """Count a line; None if nothing of it was tried."""
        outcomes = self.of(line)
        return Score(sum(good(line, outcome) for outcome in outcomes), len(outcomes)) if outcomes else None

    def wrong_ids(self) -> list[Outcome]:
        """Outcomes that named an ID which is not the viewer's, with either key."""
        return [outcome for outcome in self.outcomes if outcome.verdict.wrong_id or outcome.twin.wrong_id]

    def least_p_false(self) -> float | None:
        """Smallest p_false claimed where nothing is to be found."""
        claimed = [outcome.twin.p_false for outcome in self.outcomes]
        claimed += [outcome.verdict.p_false for outcome in self.of(UNMARKED)]
        return min((p_false for p_false in claimed if p_false is not None), default=None)

    def worst(self, meter: Meter) -> float | None:
        """Read a meter on the clip that keeps its line least."""
        readings = [meter.value(quality) for quality in self.qualities.values()]
        known = [reading for reading in readings if reading == reading]  # noqa: PLR0124 - nan: no smooth block
        return (min if meter.at_least else max)(known, default=None)


def good(line: Line, outcome: Outcome) -> bool:
    """Whether a trial came out as its line asks."""
    if line in (WRONG_KEY, WRONG_KEY_LEAKS):
        return outcome.twin.verdict == "absent"
    if line == UNMARKED:
        return outcome.verdict.verdict == "absent"
    return outcome.verdict.verdict == "found" and outcome.verdict.right


def names_in_order(outcomes: Sequence[Outcome]) -> list[str]:
    """Clips of some outcomes, each once, in the order of their first appearance."""
    return list(dict.fromkeys(outcome.clip for outcome in outcomes))
