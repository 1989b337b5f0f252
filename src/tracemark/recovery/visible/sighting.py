"""Codes seen in a leak: whose, when and where, each with the probability of having been read right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tracemark import cores
from tracemark.overlay import SessionCode
from tracemark.overlay.crockford import written
from tracemark.recovery.verdict import Geometry, VisibleCode
from tracemark.recovery.visible.guess import Guess, guess
from tracemark.recovery.visible.strips import combed, find, read
from tracemark.recovery.visible.view import NARROWEST, anywhere, distinct, known

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tracemark.keys import Key
    from tracemark.recovery.decoder import Effort
    from tracemark.recovery.visible.album import Page
    from tracemark.recovery.visible.strips import Strip
    from tracemark.recovery.visible.view import View

COMB_SEEN = 0.42
"""Correlation with the comb from which a strip is read where no schedule puts one; codes after CRF 28 at half size
reach 0.6, textures of clips without a code 0.5 at most."""

STRIPS = 4
"""Strips of a page that are read where their size is known, at scheduled places and elsewhere."""

STRIPS_OF_ANY_SIZE = 8
"""Strips of a page that are read where nothing is known."""

SAMPLES = 3
"""Pages that are looked at anywhere, for codes of the known size, before any code was found."""

ELSEWHERE = {"fast": 0, "normal": 1, "max": 24}
"""Pages looked at for codes of any size where none was found at the known one, by effort."""

MIRRORED = {"fast": False, "normal": False, "max": True}
"""Whether those pages are looked at in a mirror, too."""

SAME = 12.0
"""How much less likely, as a logarithm, than its own best reading a strip may find a code that it counts for."""

WEIGHTY = 4.0
"""Pages that the likelihoods of many add up to at most: what deceives the reader on one is there on the next, too."""


@dataclass(frozen=True)
class _Sight:
    """A strip on a page."""

    strip: Strip
    view: View
    page: Page

    def agrees(self, values: Sequence[int]) -> bool:
        """Whether the strip may show this code."""
        likelihood = self.strip.likelihood
        own, said = likelihood.max(axis=1), likelihood[np.arange(len(values)), list(values)]
        return bool((own - said).sum() <= SAME)


def visible_codes(
    pages: Sequence[Page],
    geometries: Sequence[Geometry],
    keys: Sequence[Key],
    *,
    effort: Effort = "normal",
    code: SessionCode | None = None,
    narrowest: float = NARROWEST,
) -> list[VisibleCode]:
    """Read every session code that a leak shows.

    Parameters
    ----------
    pages : sequence of Page
    geometries : sequence of Geometry
        How hosts lie in the leak, as far as the mark has told; none is the whole picture in place.
    keys : sequence of Key
        Each is tried.
    effort : {"fast", "normal", "max"}
        "fast" looks where the schedule puts a code; "normal" on some pages also anywhere, and on all of them once a
        code was found; "max" on all. If nothing is there, these two look for any size, on one page and on some.
    code : SessionCode, optional
        What the marker was told to draw; the default one if nobody says.
    narrowest : float
        Width of the narrowest box that is looked for at any size, in pixels.

    Returns
    -------
    list of VisibleCode
        In the order of the leak.
    """
    if not pages:
        return []
    drawn = code or SessionCode()
    sizes = {page.grey.shape[::-1] for page in pages}
    views = {size: [known(each, size, drawn) for each in distinct(geometries or [Geometry()])] for size in sizes}

    def looked_for(samples: Sequence[Page]) -> list[_Sight]:
        """Where the schedule puts codes on all pages, anywhere on some."""

        def look(page: Page) -> list[_Sight]:
            everywhere = any(page is each for each in samples)
            return list(_seen(page, views[page.grey.shape[::-1]], everywhere=everywhere))

        return [sight for sights in cores.in_order(look, pages) for sight in sights]

    samples = {"fast": [], "normal": _spread(pages, SAMPLES), "max": pages}[effort]
    sights = looked_for(samples)
    found = _grouped(sights, keys)
    if found and effort == "normal":  # pages with one code may show another, too: all are looked at
        sights = looked_for(pages)
        found = _grouped(sights, keys)
    if not found and (count := ELSEWHERE[effort]):
        chosen = _spread(pages, count)
        for mirrored in (False, True) if MIRRORED[effort] else (False,):
            for page in chosen:
                view = anywhere(page.grey.shape[::-1], narrowest, mirrored=mirrored)
                sights += _seen(page, [view], everywhere=True)
        found = _grouped(sights, keys)
    return sorted((_told(*each) for each in found), key=lambda told: (told.start, -told.confidence))


def _seen(page: Page, views: Sequence[View], *, everywhere: bool) -> Iterator[_Sight]:
    for view in views:
        picture = view.of(page.grey)
        answers = combed(picture, view.widths)
        due = find(answers, STRIPS, view.scheduled, view.reach) if view.scheduled else []
        count = STRIPS if view.scheduled else STRIPS_OF_ANY_SIZE
        others = find(answers, count) if everywhere else []
        strips = [read(picture, each) for each in (*due, *(each for each in others if each.score >= COMB_SEEN))]
        for strip in _apart([each for each in strips if each is not None]):
            yield _Sight(strip, view, page)


def _apart(strips: Sequence[Strip]) -> list[Strip]:
    """Leave out strips that were read twice."""
    kept: list[Strip] = []
    for strip in sorted(strips, key=lambda each: -each.clear):
        if not any(np.hypot(strip.x - each.x, strip.y - each.y) < 2 * each.box for each in kept):
            kept.append(strip)
    return kept


def _grouped(sights: Sequence[_Sight], keys: Sequence[Key]) -> list[tuple[Guess, list[_Sight]]]:
    """Put together the strips that show one code; those too weak to be read alone are read together."""
    groups: list[tuple[Guess, list[_Sight]]] = []
    weak: list[_Sight] = []
    for sight in sorted(sights, key=lambda each: -each.strip.clear):
        members = next((members for told, members in groups if sight.agrees(told.values)), None)
        if members is not None:
            members.append(sight)
        elif (told := guess(sight.strip.likelihood, keys, len(sights))) is not None:
            groups.append((told, [sight]))
        else:
            weak.append(sight)
    if len(weak) > 1 and (told := guess(_together(weak), keys, len(sights))) is not None:
        agreeing = [sight for sight in weak if sight.agrees(told.values)]
        if agreeing and not any(told.values == other.values for other, _ in groups):
            groups.append((told, agreeing))
    return groups


def _together(sights: Sequence[_Sight]) -> NDArray[np.float64]:
    total = np.sum([sight.strip.likelihood for sight in sights], axis=0)
    return np.asarray(total * min(1.0, WEIGHTY / len(sights)), np.float64)


def _told(read_as: Guess, sights: Sequence[_Sight]) -> VisibleCode:
    clearest = max(sights, key=lambda each: each.strip.clear)
    strip, page = clearest.strip, clearest.page
    return VisibleCode(
        code=written(read_as.values),
        payload=read_as.payload,
        key_id=read_as.key.id,
        confidence=read_as.confidence,
        start=round(min(sight.page.start for sight in sights), 3),
        end=round(max(sight.page.end for sight in sights), 3),
        outline=clearest.view.outline(strip.x, strip.y, strip.box, page.grey.shape[::-1]),
        seen=tuple(sorted({(round(sight.page.start, 3), round(sight.page.end, 3)) for sight in sights})),
    )


def _spread(pages: Sequence[Page], count: int) -> list[Page]:
    """Choose pages evenly."""
    count = min(count, len(pages))
    places = np.linspace(0, len(pages) - 1, count) if count > 1 else [(len(pages) - 1) / 2]
    return [pages[round(float(place))] for place in places]
