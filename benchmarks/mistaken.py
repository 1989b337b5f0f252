"""Misreadings near the threshold, with and without `p_mistaken`; writes docs/mistaken.md.

    python -m benchmarks.mistaken

Codewords of random messages are received in Gaussian noise at a known score and decoded as leaks are. A find is what
passes `p_false`; the table counts the right and the wrong ones, and what `p_mistaken` leaves of them.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import Progress

from tracemark import coding
from tracemark.coding import reliability, viterbi
from tracemark.recovery.statistics import MISTAKEN, score_needed

SCORES = (11.0, 11.5, 12.0, 12.5, 13.0, 14.0)
"""True scores z at which codewords are received."""
BATCH = 256
SEED = 20261123


@dataclass
class Count:
    """What became of the codewords of one score.

    Parameters
    ----------
    received, right, wrong : int
        Codewords, and finds by `p_false` alone.
    kept_right, kept_wrong : int
        Finds that `p_mistaken` leaves.
    claimed : float
        Sum of `p_mistaken` over the finds: the wrong ones it expects.
    """

    received: int = 0
    right: int = 0
    wrong: int = 0
    kept_right: int = 0
    kept_wrong: int = 0
    claimed: float = 0.0


def try_score(score: float, chance: np.random.Generator, count: Count) -> None:
    """Receive and decode a batch of codewords."""
    messages = chance.integers(0, 2, (BATCH, coding.MESSAGE_BITS), dtype=np.uint8)
    signs = coding.CODE.encode(messages).astype(np.float64) * 2 - 1
    deviation = np.sqrt(coding.CODE_BITS)
    soft = signs * score / deviation + chance.standard_normal(signs.shape)
    decoded, _ = viterbi.decode(coding.CODE, soft)
    scores = (soft * (coding.CODE.encode(decoded).astype(np.float64) * 2 - 1)).sum(axis=1) / deviation
    count.received += BATCH
    for index in np.flatnonzero(scores >= score_needed(1)):
        right = bool((decoded[index] == messages[index]).all())
        doubt = reliability.p_mistaken(coding.CODE, soft[index] * scores[index] / deviation, decoded[index])
        count.right += right
        count.wrong += not right
        count.claimed += doubt
        count.kept_right += right and doubt <= MISTAKEN
        count.kept_wrong += not right and doubt <= MISTAKEN


def page(counts: dict[float, Count]) -> str:
    """Write the page."""
    lines = [
        "# Misreadings, measured",
        "",
        "Written by `benchmarks/mistaken.py`; do not edit.",
        "",
        f"Found: z of at least {score_needed(1):.2f} in Gaussian noise; kept: `p_mistaken` of at most {MISTAKEN:g}.",
        "Expected is the sum of `p_mistaken` over the finds.",
        "",
        "| true z | codewords | found, right | found, wrong | expected wrong | kept, right | kept, wrong |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {score:g} | {each.received} | {each.right} | {each.wrong} | {each.claimed:.2f} | {each.kept_right} "
        f"| {each.kept_wrong} |"
        for score, each in counts.items()
    ]
    return "\n".join([*lines, ""])


def main() -> None:
    """Count, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batches", type=int, default=12, help=f"batches of {BATCH} codewords for every score")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page")
    given = parser.parse_args()
    chance = np.random.default_rng(SEED)
    counts = {score: Count() for score in SCORES}
    with Progress() as progress:
        bar = progress.add_task("codewords", total=len(SCORES) * given.batches)
        for score, count in counts.items():
            for _ in range(given.batches):
                try_score(score, chance, count)
                progress.advance(bar)
    text = page(counts)
    (given.docs / "mistaken.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
