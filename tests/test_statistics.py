"""What p_false claims: its formula against other libraries, and its promise against wrong keys on real features."""

from __future__ import annotations

from math import exp, log
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from benchmarks import false_positives
from benchmarks.false_positives import OWNER, VIEWER, measure, owners_score, wrong_key
from benchmarks.tally import THRESHOLDS, Tally, claimed
from tests.scenes import film, mark, timed, x264
from tracemark.profile import PROFILE
from tracemark.recovery.reasons import PILOT_SEEN
from tracemark.recovery.record import Record
from tracemark.recovery.statistics import (
    CERTAIN,
    FOUND,
    RADEMACHER_CONSTANT,
    log_normal_tail,
    log_p_false,
    probability,
    score_needed,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import av

SCORES = st.floats(-10, 200)
TRIALS = st.integers(1, 10**9)


@pytest.mark.parametrize("score", [-5.0, 0.0, 1.0, 5.0, 12.0, 25.0, 29.999])
def test_normal_tail_is_scipys(score: float) -> None:
    """The normal tail agrees with SciPy's."""
    assert log_normal_tail(score) == pytest.approx(float(norm.logsf(score)), rel=1e-9)


@given(score=st.floats(30, 1000))
def test_normal_tail_far_out_is_a_close_bound(score: float) -> None:
    """Far out, where it cannot be computed directly, it bounds SciPy's from above, within 1 / score^2."""
    excess = log_normal_tail(score) - float(norm.logsf(score))
    assert -1e-9 * score**2 <= excess <= 1 / score**2 + 1e-9 * score**2


@given(score=SCORES, step=st.floats(1e-3, 50), trials=TRIALS)
def test_better_scores_are_less_likely(score: float, step: float, trials: int) -> None:
    """A higher score never has a higher p_false, and has a lower one wherever it is under 1."""
    low, high = log_p_false(score, trials), log_p_false(score + step, trials)
    assert high <= low <= 0
    assert high < low or low == 0


@given(score=SCORES, trials=TRIALS, more=TRIALS)
def test_more_trials_are_more_likely(score: float, trials: int, more: int) -> None:
    """Every further trial adds to p_false: n times the trials is n times p_false, as far as it goes."""
    few, many = log_p_false(score, trials), log_p_false(score, trials * more)
    assert many == pytest.approx(min(0.0, few + log(more)), abs=1e-6) or few == 0
    assert many >= few


def test_p_false_is_the_formula() -> None:
    """At a score of 12 after three trials p_false is 2^64 * 3 * 3.178 * Q(12)."""
    expected = 2.0**64 * 3 * RADEMACHER_CONSTANT * float(norm.sf(12))
    assert exp(log_p_false(12.0, 3)) / expected == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("trials", [0, 1])
def test_one_trial_at_least(trials: int) -> None:
    """A score is corrected for one trial at least."""
    assert log_p_false(12.0, trials) == log_p_false(12.0, 1)


@pytest.mark.parametrize("trials", [1, 4, 100, 10**6])
def test_score_needed_is_the_least(trials: int) -> None:
    """The score needed makes a find, and a hundredth less than it does not."""
    needed = score_needed(trials)
    assert exp(log_p_false(needed, trials)) <= FOUND < exp(log_p_false(needed - 0.011, trials))
    assert score_needed(10 * trials) > needed


def test_thresholds() -> None:
    """A member is named at the contract's bar, and reading on stops only well below it."""
    assert FOUND == 1e-9
    assert CERTAIN <= FOUND / 100


@pytest.mark.parametrize(("log_p", "expected"), [(0.0, 1.0), (log(0.25), 0.25), (-1e4, 1e-299)])
def test_probability(log_p: float, expected: float) -> None:
    """A probability is never shown as 0."""
    assert probability(log_p) / expected == pytest.approx(1)


def test_claim_bounds_sums_of_fair_signs() -> None:
    """The bound holds for sums of few signs of unlike size, exactly counted, and it cannot be much lower."""
    signs = 1.0 - 2.0 * (np.arange(2**14)[:, None] >> np.arange(14) & 1)
    ratios = []
    for weights in (np.ones(14), np.r_[np.ones(2), np.zeros(12)], 0.8 ** np.arange(14.0), np.r_[5.0, np.ones(13)]):
        scores = signs @ (weights / np.linalg.norm(weights))
        for x in np.arange(0.05, 3.5, 0.05):
            share = float((scores >= x - 1e-12).mean())
            assert share <= claimed(np.array([x]))[0]
            ratios.append(share / float(norm.sf(x)))
    # two equal signs are both positive in a quarter of all cases: sqrt(2) is the extreme of the theorem
    assert max(ratios) > RADEMACHER_CONSTANT / 1.1


def record_of(frames: Iterable[av.VideoFrame]) -> Record:
    """Take frames into a record."""
    record = Record(PROFILE)
    for each in timed(frames):
        record.add(each.frame, each.time)
    return record


@pytest.fixture(scope="module")
def records() -> dict[str, Record]:
    """Return a scene unmarked and marked with another key, untouched and after x264."""
    host = film(40)
    marked = mark(host, OWNER, VIEWER)
    return {
        "host": record_of(host),
        "marked": record_of(marked),
        "host leak": record_of(x264(host)),
        "marked leak": record_of(x264(marked)),
    }


def test_measured_false_positives_stay_under_the_claim(records: dict[str, Record]) -> None:
    """Of 600,000 scores of wrong keys no more reach any threshold than claimed, and as many as of fair signs do."""
    tally, rng = Tally(), np.random.default_rng(1)
    for index, record in enumerate(records.values()):
        measure(record, [wrong_key(5 * index + number) for number in range(5)], tally, rng)
    assert tally.trials == 600_000
    tail = tally.tail()
    assert tail.kept().all()
    frequent = THRESHOLDS <= 3
    assert (tail.share[frequent] <= claimed(THRESHOLDS[frequent])).all()
    # the statistic is what it is said to be: of unit variance, hence near the normal tail where many are counted
    assert tail.share[THRESHOLDS <= 2] == pytest.approx(norm.sf(THRESHOLDS[THRESHOLDS <= 2]), rel=0.1)
    # neither the decoder's messages nor the pilot come near a find
    assert max(tally.best) < score_needed(1) - 1
    assert max(tally.pilots) < PILOT_SEEN - 1


def test_the_measurement_is_not_blind(records: dict[str, Record]) -> None:
    """The key that marked the scene scores far beyond what is measured of wrong ones, and not on the host."""
    assert owners_score(records["marked"]) > 20
    assert owners_score(records["marked leak"]) > 8
    assert abs(owners_score(records["host"])) < 5
    assert abs(owners_score(records["host leak"])) < 5


def test_a_false_claim_would_show() -> None:
    """Scores that pass the claim are told: the tail of evidence with 1.6 times the spread is not within it."""
    rng = np.random.default_rng(1)
    honest, false = Tally(), Tally()
    for _ in range(60):
        scores = rng.normal(0, 1, honest.words)
        honest.above.append((scores[:, None] >= THRESHOLDS).sum(axis=0))
        false.above.append((1.6 * scores[:, None] >= THRESHOLDS).sum(axis=0))
    assert honest.tail().kept().all()
    assert not false.tail().kept().all()


def test_page_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The fast run writes page and plot, finds the claim kept, and says how much it counted."""
    assert false_positives.main(["--fast", "--docs", str(tmp_path)]) == 0
    written = (tmp_path / "false-positives.md").read_text(encoding="utf-8")
    assert "| 3 |" in written
    assert "**" not in written
    assert (tmp_path / "img" / "false-positives.png").stat().st_size > 10_000
    assert capsys.readouterr().out.startswith("720000 trials")
