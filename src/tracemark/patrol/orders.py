"""How a patrol looks: what it was told, and what follows from that for each content."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from tracemark.patrol.limits import Limits
from tracemark.patrol.records import Content

if TYPE_CHECKING:
    from tracemark.video import Effort

Full = Literal["auto", "all", "shown", "none"]
"""What gets the closer look: everything, what shows an own recording, or nothing; auto is `shown` if there are any."""

Compared = Literal["none", "closer", "all"]
"""Looks that compare a file with the members in the registry."""

Stage = Literal["print", "fast", "full"]
"""A look: for the fingerprint only; the fast one; the closer one."""


@dataclass(frozen=True)
class Orders:
    """How a patrol looks.

    Parameters
    ----------
    keys : tuple of str
        Key files.
    key_ids : tuple of str
        Their public names.
    effort : {'normal', 'max'}
        Of the closer look.
    full : {'auto', 'all', 'shown', 'none'}
        What gets it.
    strangers : bool
        Whether what shows no own recording gets even the fast look.
    limits : Limits
    allowed : tuple of str
        Networks that downloads may come from although they are not public.
    compared : {'none', 'closer', 'all'}
        Looks that compare with the members in the registry.
    session : str or None
        Pseudonym of the session whose viewers alone they are compared with.
    """

    keys: tuple[str, ...]
    key_ids: tuple[str, ...]
    effort: Effort = "normal"
    full: Full = "auto"
    strangers: bool = True
    limits: Limits = field(default_factory=Limits)
    allowed: tuple[str, ...] = ()
    compared: Compared = "none"
    session: str | None = None

    @property
    def asked(self) -> str:
        """What every content is asked, in a few characters; what was asked something else is looked at again.

        Which members there are is no part of it: each new one would have everything looked at again.
        """
        said: list[object] = [sorted(self.key_ids), self.effort, self.full, self.strangers]
        if self.compared != "none":
            said += [self.compared, self.session]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]

    def effort_of(self, stage: Stage) -> Effort | None:
        """Tell the effort of a look; None if it only fingerprints."""
        return {"print": None, "fast": "fast", "full": self.effort}[stage]

    def compares(self, stage: Stage) -> bool:
        """Tell whether a look compares with the members in the registry."""
        return stage in {"none": (), "closer": ("full",), "all": ("fast", "full")}[self.compared]


def next_look(orders: Orders, content: Content, *, knows_own: bool, earlier: Content | None) -> Stage | None:
    """Decide how a content is to be looked at next.

    Parameters
    ----------
    orders : Orders
    content : Content
    knows_own : bool
        Whether any own recording is known.
    earlier : Content or None
        What it looks like.

    Returns
    -------
    {'print', 'fast', 'full'} or None
        None if nothing more is to be done.
    """
    if content.stage is None:
        return "fast" if orders.strangers or not knows_own else "print"
    if content.stage == "print":
        return "fast" if content.shown else None
    if content.stage == "full" or content.decoding is None or content.decoding["verdict"] == "found":
        return None
    return "full" if _deserves(orders, content, earlier, knows_own=knows_own) else None


def _deserves(orders: Orders, content: Content, earlier: Content | None, *, knows_own: bool) -> bool:
    assert content.decoding
    full = orders.full
    if full == "auto":
        full = "shown" if knows_own else "all"
    if full == "none":
        return False
    # A visible code alone is no proof, but somebody put it there.
    if content.shown or content.decoding["verdict"] == "inconclusive" or content.decoding["visible_codes"]:
        return True
    if full == "shown":
        return False
    # What looks like something that was looked at closely, and has no mark, has none either: it is spread again and
    # again. Where a mark was found, a look-alike may be another member's copy.
    return earlier is None or earlier.outcome != "absent" or earlier.stage != "full"
