"""A million candidates compared with the evidence of one leak: time and memory; writes docs/million.md.

    python -m benchmarks.million

The evidence vectors are noise but for one, which holds a member's codeword; as many as a clip of 20 s gives. Processor
time is that of all threads: what the work takes of two cores, whatever else runs beside it.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.markdown import table
from benchmarks.runner import how_made
from benchmarks.workshop import RIGHT_KEY
from tracemark import Candidates, coding
from tracemark.recovery.listener import Heard
from tracemark.recovery.recognition import MOST_PAIRS, recognise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark.recovery.listener import Where

MODULE = "benchmarks.million"
CANDIDATES = 1_000_000
WHOLE, PARTS = 144, 552
SCORE = 11.0
"""Of the member that is there: less than blind decoding needs."""
SECONDS, MEBIBYTES = 2.0, 1024.0
"""What it may take."""

HEAD = f"""# A million candidates, measured

Written by `benchmarks/million.py`; do not edit. {CANDIDATES} members are compared with {WHOLE + PARTS} evidence vectors
of one leak, from their numbers to the name: scrambled, encoded, correlated, judged. Of so many pairs the vectors whose
cells agree best are taken, {MOST_PAIRS / CANDIDATES:.0f} of them. The bars are {SECONDS:g} s on two cores and 1 GiB."""


def heard(soft: NDArray[np.float64], where: Where) -> Heard:
    """Make an evidence vector in which chance alone has a score of variance 1."""
    energy = float(coding.CODE_BITS)
    return Heard(RIGHT_KEY, where, soft, energy, None, 0, start=0.0, end=20.0, pilot=0.0, clock={})


def measure(repeats: int) -> list[tuple[float, float, bool]]:
    """Seconds by the clock and of the processor, and whether the member was named, of every repeat."""
    chance = np.random.default_rng(1)
    known = Candidates(chance.integers(0, 1 << 32, (CANDIDATES, 2), dtype=np.uint32))
    signs = coding.encode(known.payload(777).scramble(RIGHT_KEY)).astype(np.float64) * 2 - 1
    softs = chance.standard_normal((WHOLE + PARTS, coding.CODE_BITS))
    softs[9] += SCORE / coding.CODE_BITS**0.5 * signs
    evidence = [heard(soft, "whole" if number < WHOLE else "part") for number, soft in enumerate(softs)]
    taken = []
    for _ in range(repeats):
        begin, worked = time.perf_counter(), time.process_time()
        told = recognise(evidence, known)
        ended = time.perf_counter() - begin, time.process_time() - worked
        taken.append((*ended, [each.payload for each in told.found] == [known.payload(777)]))
    return taken


def main(given: Sequence[str] | None = None) -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser(prog=f"python -m {MODULE}", description="A million candidates.")
    parser.add_argument("--repeats", type=int, default=10, help="how often it is done")
    parser.add_argument("--docs", type=Path, default=Path("docs"), help="folder of the page")
    arguments = parser.parse_args(sys.argv[1:] if given is None else given)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    taken = measure(arguments.repeats)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rows = [
        ["seconds by the clock, best", f"{min(each[0] for each in taken):.2f}"],
        ["seconds of the processor, best", f"{min(each[1] for each in taken):.2f}"],
        ["memory of the process at most, MiB", f"{most:.0f}"],
        ["of it before any candidate was there, MiB", f"{before:.0f}"],
        ["named rightly", f"{sum(each[2] for each in taken)} of {len(taken)}"],
    ]
    how = "\n".join(f"- {key}: {value}" for key, value in how_made(MODULE, list(given or sys.argv[1:])).items())
    page = f"{HEAD}\n\n{how}\n\n{table(['', 'measured'], rows)}\n"
    (arguments.docs / "million.md").write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
