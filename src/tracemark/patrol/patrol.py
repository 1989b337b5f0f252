"""The patrol itself: what is to be done next with every place and content, and what came of it."""

from __future__ import annotations

import json
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracemark.cores import result_of
from tracemark.errors import PatrolError
from tracemark.naming import Viewers
from tracemark.patrol import known
from tracemark.patrol.fingerprints import RECENT, Fingerprint, Library, Recent
from tracemark.patrol.hands import Hands
from tracemark.patrol.jobs import Ended, Fetch, Job, Look, Take, stamp_of
from tracemark.patrol.orders import Orders, next_look
from tracemark.patrol.records import Content, Place
from tracemark.patrol.sources import Found
from tracemark.patrol.store import Store
from tracemark.patrol.verdicts import from_plain
from tracemark.telling import as_fields

if TYPE_CHECKING:
    from tracemark.registry import Registry

SAMPLES = 32
"""Frames of a file that are fingerprinted, a second apart."""

OWN_SAMPLES = 1 << 18
"""The same of an own recording, four a second: eighteen hours."""

AHEAD = 2
"""Jobs that are sent for each one that can be done at once, so that nobody waits for the next."""

TURNS = 3
"""Times in a run that a file is taken which is another one each time it is looked at."""

FRESH = 3600.0
"""Seconds after which a watch asks the registry again who there is."""

_DAY = 86400
_VERDICTS = frozenset({"found", "inconclusive", "absent", "seen"})
_BATCH = 256  # places read or entered at once
_WAKE = 1.0  # seconds after which progress is told anyway

Step = tuple[Job, Callable[[Ended], None]]


@dataclass(frozen=True)
class Progress:
    """How far a patrol is.

    Parameters
    ----------
    done, total : int
        Places.
    hits : int
        Of this run.
    """

    done: int
    total: int
    hits: int


class Patrol:
    """Looks at whatever places it is given.

    Parameters
    ----------
    orders : Orders
    store : Store
    hands : Hands
        That do the work.
    tell : callable
        Given one line of JSON for each hit.
    registry : Registry, optional
        Told of every detection, and asked for names; and for whom to compare with, if the orders say so.
    progress : callable, optional
        Given a `Progress` now and then.
    """

    def __init__(
        self,
        orders: Orders,
        store: Store,
        hands: Hands,
        tell: Callable[[str], None],
        *,
        registry: Registry | None = None,
        progress: Callable[[Progress], None] | None = None,
    ) -> None:
        self._orders, self._store, self._hands = orders, store, hands
        self._tell, self._progress = tell, progress
        self._registry, self._viewers = registry, None if registry is None else Viewers(registry, orders.session)
        self._members: str | None = None
        self._listed = time.monotonic()
        self._folder = store.path.with_name(f"{store.path.name}.files")
        self._own, self._seen = Library(), Recent()
        self._ready: deque[tuple[Place, Content]] = deque()
        self._again: deque[Place] = deque()
        self._looking: dict[str, list[Place]] = {}
        self._changes: dict[int, int] = {}
        self._shown = 0.0
        self.hits = 0

    def begin(self, own: Iterable[Found] = ()) -> None:
        """Take up what an earlier run left, and get to know the operator's own recordings.

        Parameters
        ----------
        own : iterable of Found

        Raises
        ------
        PatrolError
            If one of them cannot be fingerprinted.
        """
        self._tell_hits()
        self._store.begin()
        self._folder.mkdir(mode=0o700, exist_ok=True)
        wanted = self._store.kept()
        if self._viewers and self._orders.compared != "none":
            self._members = known.write(self._viewers.candidates, self._folder)
            wanted |= {self._members} if self._members else set()
        for left in self._folder.iterdir():
            if str(left) not in wanted:
                left.unlink()
        learnt = self._store.own().keys()
        for found in own:
            self._learn(found)
        unknown = Library()
        for sha256, (name, text) in self._store.own().items():
            self._own.add(name, Fingerprint.from_text(text))
            if sha256 not in learnt:
                unknown.add(name, Fingerprint.from_text(text))
        if len(unknown):
            self._reopen(unknown)
        for content in self._store.recent(RECENT // SAMPLES):
            assert content.fingerprint
            self._seen.add(content.sha256, Fingerprint.from_text(content.fingerprint))

    def run(self, found: Iterable[Found]) -> None:
        """Enter places, and look at all that are not done.

        Parameters
        ----------
        found : iterable of Found

        Raises
        ------
        TracemarkError
            If the state cannot be written, the registry not reached, or nobody does the work. What was done until then
            is kept.
        """
        self._ask_again()
        self._enter(found)
        places = self._waiting()
        under_way: dict[Future[Ended], Callable[[Ended], None]] = {}
        while True:
            while len(under_way) < AHEAD * self._hands.count():
                step = self._next(places)
                if step is None:
                    break
                under_way[self._hands.submit(step[0])] = step[1]
            if not under_way:
                break
            for future in wait(under_way, _WAKE, FIRST_COMPLETED).done:
                under_way.pop(future)(self._result(future))
            self._show(_WAKE)
        self._changes.clear()
        self._show()

    def _ask_again(self) -> None:
        """Take in who has come since the registry was asked, if that is long ago. Earlier lists are still in use."""
        if self._registry and self._orders.compared != "none" and time.monotonic() >= self._listed + FRESH:
            self._viewers, self._listed = Viewers(self._registry, self._orders.session), time.monotonic()
            self._members = known.write(self._viewers.candidates, self._folder)

    def _reopen(self, own: Library) -> None:
        """Have those that got a fast look only looked at more closely, if they show a recording that is known now."""
        for content in list(self._store.passed()):
            assert content.fingerprint
            shown = own.shows(Fingerprint.from_text(content.fingerprint))
            if shown:
                self._store.reopen(content.sha256, shown)

    # Places

    def _enter(self, found: Iterable[Found]) -> None:
        batch: list[tuple[str, str]] = []
        for each in found:
            if each.trouble:
                self._store.refuse(each.place, each.trouble)
                continue
            batch.append((each.place, each.stamp))
            if len(batch) == _BATCH:
                self._store.add(batch)
                batch.clear()
        self._store.add(batch)

    def _waiting(self) -> Iterator[Place]:
        after = 0
        while batch := self._store.waiting(after, _BATCH):
            yield from batch
            after = batch[-1].id

    def _next(self, places: Iterator[Place]) -> Step | None:
        """Choose what to do next: finish what was begun, then begin something."""
        while True:
            if self._ready:
                place, content = self._ready.popleft()
                step = self._closer(place, content)
            elif self._again:
                step = self._first(self._again.popleft())
            else:
                following = next(places, None)
                if following is None:
                    return None
                step = self._first(following)
            if step is not None:
                return step

    def _first(self, place: Place) -> Step | None:
        if place.sha256 is not None and (not place.remote or (place.kept and Path(place.kept).exists())):
            return self._known(place)
        if place.remote:
            target = str(self._folder / f"{place.id}")
            job: Job = Fetch(place.place, target, self._orders.allowed, self._orders.limits)
        else:
            job = Take(place.place, self._orders.limits)
        return job, lambda ended: self._taken(place, ended)

    def _taken(self, place: Place, ended: Ended) -> None:
        if ended.report is None:
            self._store.gave_up(place, "unfetched" if place.remote else "limited", ended.why)
        elif ended.report["outcome"] != "taken":
            self._store.gave_up(place, ended.report["outcome"], str(ended.report["reason"]))
        else:
            report, kept = ended.report, None
            if place.remote:
                kept, report = self._keep(place, report)
            self._store.took(place, report, kept)
            self._again.append(replace(place, sha256=report["sha256"], taken=report["stamp"], kept=kept))

    def _keep(self, place: Place, report: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Give a download the name of its content; if that is there already, once is enough."""
        here, home = self._folder / f"{place.id}", self._folder / str(report["sha256"])
        if home.exists():
            here.unlink()
            return str(home), report | {"stamp": stamp_of(home.stat())}
        here.rename(home)
        return str(home), report

    def _known(self, place: Place) -> Step | None:
        """Go on with a place of which the content is known."""
        assert place.sha256
        content = self._store.content(place.sha256)
        if content is None:  # it was asked something else
            self._store.lost(place)
            return self._first(replace(place, sha256=None, taken=None, kept=None))
        if content.sha256 in self._looking:
            self._looking[content.sha256].append(place)
            return None
        self._looking[content.sha256] = [place]
        if content.outcome is None:
            return self._closer(place, content)
        self._finish(content, content.outcome, content.reason)
        return None

    # Contents

    def _closer(self, place: Place, content: Content) -> Step | None:
        """Look at a content as closely as it deserves by now, or have done with it."""
        earlier = self._store.content(content.alike) if content.alike else None
        stage = next_look(self._orders, content, knows_own=len(self._own) > 0, earlier=earlier)
        if stage is None:
            verdict = content.decoding["verdict"] if content.decoding else "passed"
            self._finish(content, verdict, content.reason)
            return None
        assert place.taken
        effort, members = self._orders.effort_of(stage), self._members if self._orders.compares(stage) else None
        job = Look(place.path, place.taken, self._orders.keys, effort, SAMPLES, self._orders.limits, known=members)
        return job, lambda ended: self._looked(place, content, stage, ended)

    def _looked(self, place: Place, content: Content, stage: str, ended: Ended) -> None:
        report = ended.report
        if report is None or report["outcome"] not in _VERDICTS:
            if report is not None and report["outcome"] == "changed":
                self._changed(place, content)
                return
            outcome, why = ("limited", ended.why) if report is None else (report["outcome"], str(report["reason"]))
            if content.decoding:  # the fast look told something, which stands
                outcome, why = content.decoding["verdict"], f"a closer look failed: {why}"
            self._finish(content, outcome, why, ended)
            return
        looks: dict[str, str | None] = {}
        if content.fingerprint is None:
            fingerprint = Fingerprint.from_text(report["fingerprint"])
            looks = {"shown": self._own.shows(fingerprint), "alike": self._seen.like(fingerprint)}
        else:
            del report["fingerprint"]
        self._store.looked(content.sha256, stage, ended, **looks)
        now = self._store.content(content.sha256)
        assert now
        self._ready.append((place, now))

    def _changed(self, place: Place, content: Content) -> None:
        """Something else is there by now; whoever has the same content may serve in its stead."""
        places = self._looking.pop(content.sha256)
        self._store.lost(place)
        self._changes[place.id] = self._changes.get(place.id, 0) + 1
        if self._changes[place.id] < TURNS:
            self._again.append(replace(place, sha256=None, taken=None, kept=None))
        else:
            self._store.gave_up(place, "changed", "it changes while it is looked at")
        self._again.extend(each for each in places if each.id != place.id)

    def _finish(self, content: Content, outcome: str, reason: str, ended: Ended | None = None) -> None:
        places = self._looking.pop(content.sha256)
        if outcome == "found" and self._viewers is not None:
            named = self._viewers.named(from_plain(content.decoding))
            self._viewers.write_down(content.sha256, named, once=True)
        self._store.finish(content.sha256, outcome, reason, places, ended)
        if outcome == "found":
            self._tell_hits()
        else:
            for place in places:
                if place.kept:
                    Path(place.kept).unlink(missing_ok=True)
        if content.outcome is None and content.fingerprint:
            self._seen.add(content.sha256, Fingerprint.from_text(content.fingerprint))

    # What is told

    def _tell_hits(self) -> None:
        for number, place, content, first in self._store.untold():
            decoding = from_plain(content.decoding)
            named = self._viewers.named(decoding) if self._viewers else None
            told = (named.decoding, named.identities) if named else (decoding, None)
            fields = {"hit": number, **as_fields(place.place, content.sha256, *told)}
            fields |= {"md5": content.md5, "duplicate_of": first, "looks_like": content.alike, "shows": content.shown}
            if content.still:
                fields["pdq"] = content.pdq
            if place.kept:
                fields["kept"] = place.kept
            self.hits += 1  # before: Ctrl-C may come as soon as it is told
            self._tell(json.dumps(fields, allow_nan=False))
            self._store.told(number)

    def _show(self, pause: float = 0.0) -> None:
        """Tell how far we are, unless that was told a moment ago: counting takes time where there are many places."""
        if self._progress and time.monotonic() >= self._shown + pause:
            self._shown = time.monotonic()
            counts = self._store.counts()
            total = sum(counts.values())
            self._progress(Progress(total - counts.get("waiting", 0), total, self.hits))

    # Own recordings

    def _learn(self, found: Found) -> None:
        """Fingerprint an own recording, once."""
        limits = replace(self._orders.limits, cpu=_DAY, wall=float(_DAY))  # these are no stranger's
        taken = self._done(found, Take(found.place, limits))
        if taken["sha256"] not in self._store.own():
            look = Look(found.place, str(taken["stamp"]), (), None, OWN_SAMPLES, limits, own=True)
            seen = self._done(found, look)
            self._store.add_own(str(taken["sha256"]), found.place, str(seen["fingerprint"]))

    def _done(self, found: Found, job: Job) -> dict[str, Any]:
        if found.trouble:
            raise PatrolError(f"{found.place}: {found.trouble}")
        ended = self._result(self._hands.submit(job))
        if ended.report is None or ended.report["outcome"] not in ("taken", "seen"):
            reason = ended.why or (ended.report or {}).get("reason", "it changes while it is read")
            raise PatrolError(f"{found.place} cannot be fingerprinted: {reason}")
        return ended.report

    def _result(self, future: Future[Ended]) -> Ended:
        """Take what came of a job; that nobody could do jobs at all is one line, and ends the patrol."""
        try:
            return result_of(future)
        except PatrolError:
            raise
        except self._hands.lost:
            return Ended(None, "whoever looked at it died, again and again")
        except Exception as error:
            raise PatrolError(
                f"a job could not be done: {type(error).__name__}: {error}", "run it again: it goes on where it was"
            ) from error
