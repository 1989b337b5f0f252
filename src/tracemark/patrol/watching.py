"""When to look again: something has changed in a folder, and has been left alone since."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from watchfiles import watch

from tracemark.patrol.sources import SETTLED, Found, folders, gather

MARGIN = 0.5
"""Seconds more than files must have been left alone before a round, for clocks that differ."""

LONGEST = 30.0
"""Seconds after which a round is due although changes never end."""

ANYWAY = 300.0
"""Seconds after which a round is due although nothing was told to have changed: some file systems never tell."""

_WAKE_MS = 500


def rounds(sources: Sequence[str]) -> Iterator[Iterator[Found]]:
    """Wait for changes in the sources' folders and lists, again and again.

    Parameters
    ----------
    sources : sequence of str

    Yields
    ------
    iterator of Found
        All that there is, what is still being written left out; at once for the first time.
    """
    yield gather(sources, settled=SETTLED)
    began = time.monotonic()
    due, latest = began + SETTLED + MARGIN, began + ANYWAY
    for changes in watch(*folders(sources), yield_on_timeout=True, rust_timeout=_WAKE_MS, raise_interrupt=True):
        now = time.monotonic()
        if changes:
            due, latest = now + SETTLED + MARGIN, min(latest, now + LONGEST)
        if now >= min(due, latest):
            yield gather(sources, settled=SETTLED)
            due, latest = float("inf"), time.monotonic() + ANYWAY
