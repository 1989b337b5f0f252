"""What to do when there is no time to look at a frame, or when looking at it goes wrong.

A frame never goes out unmarked: it gets a mark that was cheaper to make, or the caller gets an error.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Mask(Enum):
    """How the mask of a frame was made.

    Attributes
    ----------
    FULL
        From the frame itself.
    LAST
        Taken over from the frame before. It costs a third of a full one, and is as good while the picture stays much
        the same; after a cut the mark may show in smooth places, or be weak, for as long as it is taken over.
    FLAT
        Alike everywhere, and as weak as the full mask is at its weakest: never seen, read only from longer leaks. It
        costs what `LAST` does.
    """

    FULL = "full"
    LAST = "last"
    FLAT = "flat"


class Fallback(Enum):
    """What takes the place of a full mask.

    Attributes
    ----------
    LAST, FLAT
        The masks of these names. Where there is no last one, because the stream has only begun or changed its shape,
        it is the flat one.
    RAISE
        None: `tracemark.errors.PrepareError` is raised, and the caller decides.
    """

    LAST = "last"
    FLAT = "flat"
    RAISE = "raise"


@dataclass(frozen=True)
class Policy:
    """What an `Embedder` does in trouble.

    Parameters
    ----------
    budget : float, optional
        Milliseconds that preparing a frame may take on average; less than a frame lasts. None for files, where time
        does not matter.
    slow : Fallback
        When the embedder has fallen behind: when the time that was taken above the budget, less what was left over
        since, has grown to a whole frame's budget.
    failed : Fallback
        When working out the mask raises an exception, whatever it is.
    overlays_required : bool
        Whether an overlay that does not fit into a frame raises `tracemark.errors.OverlayError`. If not, the frame goes
        out without it, marked as ever: a live source may shrink for a while.

    Raises
    ------
    ValueError
        The budget is not positive.
    """

    budget: float | None = None
    slow: Fallback = Fallback.LAST
    failed: Fallback = Fallback.RAISE
    overlays_required: bool = True

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.budget is not None and not self.budget > 0:
            raise ValueError(f"a budget of {self.budget} ms is not positive")


@dataclass(frozen=True)
class Counts:
    """What an `Embedder` has done so far.

    Attributes
    ----------
    full, last, flat : int
        Frames prepared with masks of these kinds.
    refused : int
        Frames that were not prepared, and for which an error was raised, because of the policy.
    slow, failed : int
        Frames that the policy was asked about for that reason; all others got full masks.
    left_out : int
        Overlays that did not fit into a frame, each frame and each viewer's copy counted.
    """

    full: int = 0
    last: int = 0
    flat: int = 0
    refused: int = 0
    slow: int = 0
    failed: int = 0
    left_out: int = 0

    def more(self, *names: str) -> Counts:
        """Return the counts with one more of each of these."""
        return replace(self, **{name: getattr(self, name) + 1 for name in names})


class Clockwork:
    """Keeps account of the time that preparing takes.

    Parameters
    ----------
    budget : float, optional
        Seconds a frame; None if time does not matter.
    """

    def __init__(self, budget: float | None) -> None:
        self._budget = budget
        self._behind = 0.0

    @property
    def late(self) -> bool:
        """Whether the next frame has no time left for a full mask."""
        return self._budget is not None and self._behind >= self._budget

    def spent(self, seconds: float) -> None:
        """Note the time that a frame took; 0 for one that was refused."""
        if self._budget is not None:
            self._behind = max(0.0, self._behind + seconds - self._budget)
