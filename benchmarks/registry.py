"""A registry of a large site: how long a grant and a question take, and which indexes answer.

Fills a database with 10^6 members and 10^7 access records, asks, kills processes that grant, and writes
docs/registry.md out of what each run left in docs/registry.json.

    python -m benchmarks.registry sqlite:////tmp/site.db --crash sqlite:////tmp/crash.db --key /tmp/site.key
    python -m benchmarks.registry postgresql://127.0.0.1/site --crash postgresql://127.0.0.1/crash --key /tmp/site.key
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
from sqlalchemy import Connection, insert, text

from benchmarks.registry_crash import KEY, all_at_once, killed_in_the_middle
from benchmarks.registry_page import render
from tracemark.profile import PROFILE
from tracemark.registry import Registry, chain, grants, names, stretches, tables

DOCS = Path(__file__).parents[1] / "docs"
START = 1_790_000_000_000
"""When the first session began, UTC in milliseconds."""

SESSIONS = 2000
GREAT_SHARE = 10  # one session has a tenth of the members
VISITS_IN_THE_GREAT = 0.05  # and so much of all visits
LENGTH_MS = 3 * 3600 * 1000
STAY_MS = 15 * 60 * 1000  # on average, and no longer than twice that
SEED = 20261125
AT_ONCE = 20_000
QUESTIONS = 100
REPEATS = 5  # of each question


@dataclass
class Site:
    """One run.

    Parameters
    ----------
    database : str
        Kind and version.
    machine : dict
        What it ran on.
    rows : dict of str to int
        In each table.
    gigabytes : float
        Size of the database.
    times : dict of str to dict
        For each question: milliseconds, and rows that came back; see `_timed`.
    plans : dict of str to list of str
        How the database answers.
    crash : dict of str to dict
        What `registry_crash` found.
    """

    database: str
    machine: dict[str, str]
    rows: dict[str, int] = field(default_factory=dict)
    gigabytes: float = 0.0
    times: dict[str, dict[str, float]] = field(default_factory=dict)
    plans: dict[str, list[str]] = field(default_factory=dict)
    crash: dict[str, dict[str, int]] = field(default_factory=dict)


def main() -> None:
    """Fill, ask, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument(
        "--crash", metavar="URL", required=True, help="a registry to kill processes on, made if need be"
    )
    parser.add_argument("--key", type=Path, required=True, help="file for the registry's key")
    parser.add_argument("--filled", action="store_true", help="the database was filled by an earlier run")
    parser.add_argument("--results", type=Path, default=DOCS / "registry.json")
    parser.add_argument("--page", type=Path, default=DOCS / "registry.md")
    asked = parser.parse_args()
    with Registry.create(asked.url, asked.key) as registry:
        if not asked.filled:
            fill(registry, asked.members, asked.records)
        site = measure(registry, asked.members)
    Registry.create(asked.crash, asked.key).close()
    site.crash["killed"] = asdict(killed_in_the_middle(asked.crash, asked.key, times=asked.kills, grants=1000))
    print(site.crash)
    site.crash["at once"] = asdict(all_at_once(asked.crash, asked.key, processes=8, grants=250))
    print(site.crash)
    results = json.loads(asked.results.read_text()) if asked.results.exists() else {}
    results[site.database.split()[0]] = asdict(site)
    asked.results.write_text(json.dumps(results, indent=1) + "\n")
    asked.page.write_text(render([Site(**held) for held in results.values()]))


def fill(registry: Registry, members: int, records: int) -> None:
    """Write a site's rows with few and large statements, by the same functions that write one."""
    began = perf_counter()
    for session in range(SESSIONS):
        started = START + session * LENGTH_MS // 4
        registry.set_session(_session(session), started=started)
    with registry.database.writing() as connection:
        for some in _in_parts(members):
            connection.execute(insert(tables.members), [_member(number) for number in some])
            connection.execute(insert(tables.names), [_name(registry, number) for number in some])
            rows = [_grant(number, members) for number in some]
            chain.append(connection, registry.vault, tables.grants, rows)
    print(f"{members} members and grants: {perf_counter() - began:.0f} s", flush=True)
    rng = np.random.default_rng(SEED)
    visits = records // 2
    great = members // GREAT_SHARE
    of_great = int(visits * VISITS_IN_THE_GREAT)
    access_id = 0
    for session in range(SESSIONS):
        if session == 0:
            who = rng.integers(0, great, of_great)
        else:
            ours = np.arange(great + session - 1, members, SESSIONS - 1)
            first, last = ((visits - of_great) * number // (SESSIONS - 1) for number in (session - 1, session))
            who = rng.choice(ours, last - first)
        access_id = _visits(registry, session, who + 1, access_id, rng)
        if session % 100 == 0:
            print(f"session {session}: {access_id} records, {perf_counter() - began:.0f} s", flush=True)
    with registry.database.writing() as connection:
        if not registry.database.is_sqlite:
            # The rows brought their numbers; the counters have to follow.
            for table in ("members", "accesses"):
                connection.execute(text(f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))"))  # noqa: S608
        connection.execute(text("ANALYZE"))


def measure(registry: Registry, members: int) -> Site:
    """Ask every question often enough."""
    rng = np.random.default_rng(SEED + 1)
    ordinary = [int(number) for number in rng.integers(1, SESSIONS, QUESTIONS)]
    moments = [int(ms) for ms in rng.integers(LENGTH_MS // 4, LENGTH_MS * 3 // 4, QUESTIONS)]
    site = Site(_version(registry), _machine())

    def ask(what: str, times: int, question: Callable[[int], Any], repeats: int = REPEATS) -> None:
        site.times[what] = _timed(times, repeats, question)
        print(what, site.times[what], flush=True)

    def at(number: int, session: int) -> int:
        return START + session * LENGTH_MS // 4 + moments[number]

    run = f"{os.getpid()} {perf_counter()}"
    newcomers = count()

    def newcomer(number: int) -> object:
        return registry.grant(_session(ordinary[number]), f"{run} {next(newcomers)}", KEY)

    known = members - 1
    home = 0 if known < members // GREAT_SHARE else (known - members // GREAT_SHARE) % (SESSIONS - 1) + 1
    ask("grant, new member", QUESTIONS, newcomer)
    ask("grant, known member", QUESTIONS, lambda _: registry.grant(_session(home), _named(known), KEY))
    ask("who-watched, UTC", QUESTIONS, lambda n: registry.who_watched(_session(ordinary[n]), at=at(n, ordinary[n])))
    ask(
        "who-watched, media time",
        QUESTIONS,
        lambda n: registry.who_watched(_session(ordinary[n]), media_time=moments[n] / 1000),
    )
    few = min(3, QUESTIONS)
    ask("who-watched, great session", few, lambda n: registry.who_watched(_session(0), at=at(n, 0)))
    ask("candidates, UTC", QUESTIONS, lambda n: registry.candidates(_session(ordinary[n]), at=at(n, ordinary[n])))
    ask("candidates, great session, UTC", few, lambda n: registry.candidates(_session(0), at=at(n, 0)))
    ask("candidates, a session", QUESTIONS, lambda n: registry.candidates(_session(ordinary[n])))
    ask("candidates, all", 1, lambda _: registry.candidates())
    every = registry.candidates()
    ask("identify", QUESTIONS, lambda n: [registry.identify(every.payload(n), media_time=moments[n] / 1000)])
    ask("verify", 1, lambda _: registry.audit().faults, repeats=1)
    with registry.database.reading() as connection:
        for table in ("sessions", "members", "grants", "accesses", "stretches"):
            counted = connection.execute(text(f"SELECT count(*) FROM {table}"))  # noqa: S608 - names of our own
            site.rows[table] = int(counted.scalar_one())
        site.gigabytes = _gigabytes(registry, connection)
        for what, query in _queries(at(0, ordinary[0]), ordinary[0] + 1).items():
            site.plans[what] = list(_plan(registry, connection, query))
    return site


def _visits(registry: Registry, session: int, who: np.ndarray[Any, Any], last_id: int, rng: np.random.Generator) -> int:
    started = START + session * LENGTH_MS // 4
    joined = started + np.sort(rng.integers(0, LENGTH_MS - STAY_MS, len(who)))
    stay = rng.integers(1, 2 * STAY_MS, len(who))
    token = registry.vault.token("agent", "a browser")
    for some in _in_parts(len(who)):
        accesses_made, stretches_made = [], []
        for number in some:
            member, join = int(who[number]), int(joined[number])
            leave = join + int(stay[number])
            common = {
                "session_id": session + 1,
                "member_id": member,
                "media_ms": None,
                "connection": f"{last_id + 1:016x}",
                "ip": f"10.{member >> 16 & 255}.{member >> 8 & 255}.{member & 255}",
                "port": 1024 + member % 60000,
                "agent": token,
                "node": "edge-1",
            }
            accesses_made.append({"id": last_id + 1, "at_ms": join, "event": "join", **common})
            accesses_made.append({"id": last_id + 2, "at_ms": leave, "event": "leave", **common})
            stretch = stretches.Stretch(last_id + 1, join, leave, join - started)
            stretches_made.append(stretch.row(session + 1, member))
            last_id += 2
        with registry.database.writing() as connection:
            connection.execute(insert(tables.accesses), accesses_made)
            connection.execute(insert(tables.stretches), stretches_made)
    return last_id


def _in_parts(count: int) -> Iterator[range]:
    for first in range(0, count, AT_ONCE):
        yield range(first, min(first + AT_ONCE, count))


def _session(number: int) -> str:
    return f"session {number}"


def _named(number: int) -> str:
    return f"member-{number}@example.net"


def _member(number: int) -> dict[str, object]:
    return {"id": number + 1, "pseudonym": names.new_pseudonym(), "registered_ms": START}


def _name(registry: Registry, number: int) -> dict[str, object]:
    vault, name = registry.vault, _named(number)
    sealed = vault.seal("member", number + 1, name)
    return {"kind": "member", "owner_id": number + 1, "lookup": vault.lookup("member", name), "sealed": sealed}


def _grant(number: int, members: int) -> dict[str, int | float | str | None]:
    great = members // GREAT_SHARE
    session = 0 if number < great else (number - great) % (SESSIONS - 1) + 1
    return {
        "session_id": session + 1,
        "member_id": number + 1,
        "payload": grants.as_stored(grants.random_payload()),
        "key_id": KEY.id,
        "profile": PROFILE.version,
        "granted_ms": START,
    }


def _timed(times: int, repeats: int, question: Callable[[int], Any]) -> dict[str, float]:
    """Ask each of so many questions several times in a row; its quickest answer is what the database needs."""
    every, quickest, sizes = [], [], []
    busy = process_time()
    for number in range(times):
        taken = []
        for _ in range(repeats):
            began = perf_counter()
            answer = question(number)
            taken.append((perf_counter() - began) * 1000)
        every += taken
        quickest.append(min(taken))
        sizes.append(len(answer) if hasattr(answer, "__len__") else 1)
    busy = (process_time() - busy) * 1000 / len(every)
    every.sort()
    quickest.sort()
    return {
        "quickest": median(quickest),
        "quickest p95": quickest[min(len(quickest) - 1, int(len(quickest) * 0.95))],
        "median": median(every),
        "p95": every[min(len(every) - 1, int(len(every) * 0.95))],
        "processor": busy,
        "rows": median(sizes),
        "times": times,
        "repeats": repeats,
    }


def _queries(moment: int, session_id: int) -> dict[str, Any]:
    values = tables.grants.c
    return {
        "who-watched (the stretches that hold a moment)": stretches.holding(session_id, moment, media=False),
        "the same by media time": stretches.holding(session_id, moment - START, media=True),
        "a name": tables.names.select().where(tables.names.c.kind == "member", tables.names.c.lookup == b"x"),
        "a payload": tables.grants.select().where(values.payload == 1),
        "a member's grant": tables.grants.select().where(values.session_id == session_id, values.member_id == 1),
    }


def _plan(registry: Registry, connection: Connection, query: Any) -> Iterator[str]:
    explain = "EXPLAIN QUERY PLAN " if registry.database.is_sqlite else "EXPLAIN "
    compiled = query.compile(connection, compile_kwargs={"render_postcompile": True})
    for row in connection.exec_driver_sql(explain + compiled.string, _parameters(compiled)):
        line = str(row[-1])
        yield line if len(line) < 200 else line[:200] + " ..."


def _parameters(compiled: Any) -> Any:
    if compiled.positional:
        return tuple(compiled.params[name] for name in compiled.positiontup)
    return compiled.params


def _version(registry: Registry) -> str:
    with registry.database.reading() as connection:
        if registry.database.is_sqlite:
            return f"SQLite {connection.execute(text('SELECT sqlite_version()')).scalar_one()}"
        return f"PostgreSQL {str(connection.execute(text('SHOW server_version')).scalar_one()).split()[0]}"


def _gigabytes(registry: Registry, connection: Connection) -> float:
    if registry.database.file is not None:
        return registry.database.file.stat().st_size / 1e9
    return float(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()) / 1e9


def _machine() -> dict[str, str]:
    load = os.getloadavg()[0]
    return {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}",
        "load": f"{load:.1f} processes were running or waiting when the questions began",
    }


if __name__ == "__main__":
    main()
