"""Ranges that overlays share."""

from __future__ import annotations

from tracemark.errors import OverlayError

WIDEST_MARGIN = 0.4


def check_share(name: str, share: float) -> None:
    """Refuse a share that is not over 0 and at most 1.

    Raises
    ------
    OverlayError
        Naming it.
    """
    if not 0 < share <= 1:
        raise OverlayError(f"the {name} {share:g} is out of range", "use a number over 0 and at most 1")


def check_margin(margin: float) -> None:
    """Refuse a margin that leaves no room.

    Raises
    ------
    OverlayError
        Naming it.
    """
    if not 0 <= margin <= WIDEST_MARGIN:
        raise OverlayError(f"the margin {margin:g} is out of range", f"use a number from 0 to {WIDEST_MARGIN:g}")
