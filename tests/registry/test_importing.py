"""Access records out of files: each format, its bad lines, and nothing else lost."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.registry.conftest import Place
from tracemark.errors import RegistryError
from tracemark.registry import Access, Recorded, Registry
from tracemark.registry.importing import FORMATS, Bad, Choices, format_of, import_file
from tracemark.registry.importing.lines import Other, Read
from tracemark.registry.times import to_ms, to_text

CSV = """time,event,session,member,media_time,ip,port,user_agent,node,connection
2026-11-25T20:00:00.250Z,join,夜の部,"Alice, the first",,192.0.2.1,50000,Player/1.0,edge-1,c1
2026-11-25T21:00:00.500+01:00,seek,夜の部,"Alice, the first",12.5,,,,,c1
1795636800.125,leave,夜の部,"Alice, the first",,,,,,c1
"""

NGINX = """\
192.0.2.1 - - [25/Nov/2026:20:00:00 +0000] "GET /live/s1/index.m3u8?session=s1&member=alice HTTP/1.1" 200 512 "-" "Player \\"1\\""
192.0.2.1 - - [25/Nov/2026:20:00:06 +0000] "GET /live/s1/1.ts?session=s1&member=alice HTTP/1.1" 206 9999 "-" "Player \\"1\\""
192.0.2.9 - - [25/Nov/2026:20:00:07 +0000] "GET /favicon.ico HTTP/1.1" 404 0 "-" "-"
192.0.2.9 - bob [25/Nov/2026:21:00:08 +0100] "GET /live/s1/2.ts?session=s1 HTTP/2.0" 200 9999 "-" "-"
192.0.2.1 - - [25/Nov/2026:20:05:00 +0000] "GET /live/s1/9.ts?session=s1&member=alice HTTP/1.1" 200 9999 "-" "Player \\"1\\""
192.0.2.7 - - [25/Nov/2026:20:05:00 +0000] "GET /live/s1/9.ts?session=s1&member=eve HTTP/1.1" 403 9 "-" "-"
"""  # noqa: E501 - lines as servers write them

MEDIAMTX = """\
{"time": "2026-11-25T20:00:00Z", "event": "read", "MTX_PATH": "live/s1", "MTX_QUERY": "member%3Dalice", "MTX_READER_TYPE": "rtspSession", "MTX_READER_ID": "r1"}
{"time": "2026-11-25T20:09:00Z", "event": "unread", "path": "live/s1", "query": "member=alice&x=1", "reader_id": "r1"}
{"time": "2026-11-25T20:09:00Z", "event": "ready", "path": "live/s1"}
127.0.0.1 - - [25/Nov/2026:20:01:00 +0000] "GET /hook?event=read&path=live/s1&query=session%3Dother%26member%3Dbob&reader_id=r2 HTTP/1.1" 200 0 "-" "curl/8"
"""  # noqa: E501 - lines as servers write them

SRS = """\
{"time": "2026-11-25T20:00:00Z", "server_id": "vid-1", "action": "on_play", "client_id": "9308h583", "ip": "192.0.2.1", "vhost": "v", "app": "live", "stream": "s1", "param": "?member=alice&token=x", "pageUrl": ""}
{"time": "2026-11-25T20:05:00Z", "body": {"action": "on_stop", "client_id": "9308h583", "ip": "192.0.2.1", "app": "live", "stream": "s1", "param": "?member=alice"}}
{"time": "2026-11-25T20:05:01Z", "action": "on_close", "client_id": "9308h583", "ip": "192.0.2.1", "app": "live"}
{"time": "2026-11-25T20:05:01Z", "action": "on_publish", "client_id": "1", "ip": "192.0.2.1", "app": "live", "stream": "s1", "param": ""}
"""  # noqa: E501 - lines as servers write them


def read(kind: str, text: str, choices: Choices | None = None) -> list[Read]:
    """Read a text of one format."""
    return list(FORMATS[kind](text.splitlines(keepends=True), choices or Choices()))


def brief(read: list[Read]) -> list[tuple[str, str, str, str | None]]:
    """Say who did what when."""
    return [(each.session, each.member, each.event, to_text(each.at)) for each in read if isinstance(each, Access)]


def test_csv() -> None:
    """CSV with a header: quoted names, zones, seconds since 1970, and fields that are empty."""
    first, second, third = read("csv", CSV)
    who = "夜の部", "Alice, the first"
    assert first == Access(
        *who, "join", to_ms("2026-11-25T20:00:00.250Z"), None, "c1", "192.0.2.1", 50000, "Player/1.0", "edge-1"
    )
    assert second == Access(*who, "seek", to_ms("2026-11-25T20:00:00.500Z"), 12500, "c1")
    assert third == Access(*who, "leave", 1_795_636_800_125, None, "c1")


def test_jsonl() -> None:
    """JSON lines have the same fields, and may be numbers."""
    line = {"time": 1795636800.5, "event": "join", "session": "s", "member": 4711, "port": 50000, "media_time": 1.5}
    assert read("jsonl", json.dumps(line) + "\n\n") == [
        Access("s", "4711", "join", 1_795_636_800_500, 1500, port=50000)
    ]


def test_nginx() -> None:
    """Requests within a minute are one visit; logins and query arguments name viewers; others are passed over."""
    found = read("nginx", NGINX)
    assert sorted(brief(found), key=lambda each: (each[1], each[3], each[2])) == [
        ("s1", "alice", "join", "2026-11-25T20:00:00.000Z"),
        ("s1", "alice", "leave", "2026-11-25T20:00:06.000Z"),
        ("s1", "alice", "join", "2026-11-25T20:05:00.000Z"),
        ("s1", "alice", "leave", "2026-11-25T20:05:00.000Z"),
        ("s1", "bob", "join", "2026-11-25T20:00:08.000Z"),
        ("s1", "bob", "leave", "2026-11-25T20:00:08.000Z"),
    ]
    assert [each.line for each in found if isinstance(each, Other)] == [3, 6]


def test_nginx_with_a_pattern_and_a_gap() -> None:
    """A pattern takes session and member from the path, decoded; a longer gap keeps a visit together."""
    log = '192.0.2.1 - - [25/Nov/2026:20:0{}:00 +0000] "GET /v/{}/t/index.m3u8 HTTP/1.1" 200 5 "-" "p"\n'
    text = log.format(0, "Zo%C3%A9") + log.format(4, "Zo%C3%A9")
    found = read("nginx", text, Choices(session="s", pattern="^/v/(?P<member>[^/]+)/", gap=300))
    assert brief(found) == [
        ("s", "Zoé", "join", "2026-11-25T20:00:00.000Z"),
        ("s", "Zoé", "leave", "2026-11-25T20:04:00.000Z"),
    ]
    for wrong in ("(", "no groups"):
        with pytest.raises(RegistryError, match="pattern"):
            read("nginx", text, Choices(pattern=wrong))


def test_nginx_as_json() -> None:
    """A log in JSON is read by the names of nginx's variables, to the millisecond and with the port."""
    line = {
        "msec": "1795636800.125",
        "remote_addr": "2001:db8::1",
        "remote_port": "40000",
        "status": "200",
        "request_uri": "/a?session=s&member=m",
        "http_user_agent": "p",
    }
    join, _ = read("nginx", json.dumps(line))
    assert isinstance(join, Access)
    assert (join.at, join.ip, join.port) == (1_795_636_800_125, "2001:db8::1", 40000)


def test_mediamtx() -> None:
    """Hooks as JSON, with variables of either spelling, and as calls in a web server's log; others are passed over."""
    found = read("mediamtx", MEDIAMTX)
    assert brief(found) == [
        ("live/s1", "alice", "join", "2026-11-25T20:00:00.000Z"),
        ("live/s1", "alice", "leave", "2026-11-25T20:09:00.000Z"),
        ("other", "bob", "join", "2026-11-25T20:01:00.000Z"),
    ]
    assert [each.connection for each in found if isinstance(each, Access)] == ["r1", "r1", "r2"]
    assert [each.line for each in found if isinstance(each, Other)] == [3]


def test_srs() -> None:
    """Callbacks of SRS with a time beside them or around them; others are passed over."""
    found = read("srs", SRS)
    assert brief(found) == [
        ("s1", "alice", "join", "2026-11-25T20:00:00.000Z"),
        ("s1", "alice", "leave", "2026-11-25T20:05:00.000Z"),
    ]
    assert isinstance(found[0], Access)
    assert (found[0].ip, found[0].node, found[0].connection) == ("192.0.2.1", "vid-1", "9308h583")
    assert [each.line for each in found if isinstance(each, Other)] == [3, 4]


GOOD = {
    "csv": "2026-11-25T20:00:00Z,join,s,m\n",
    "jsonl": '{"time": "2026-11-25T20:00:00Z", "event": "join", "session": "s", "member": "m"}\n',
    "nginx": '192.0.2.1 - - [25/Nov/2026:20:00:00 +0000] "GET /?session=s&member=m HTTP/1.1" 200 1 "-" "-"\n',
    "mediamtx": '{"time": "2026-11-25T20:00:00Z", "event": "read", "path": "s", "query": "member=m"}\n',
    "srs": '{"time": "2026-11-25T20:00:00Z", "action": "on_play", "stream": "s", "param": "?member=m"}\n',
}
HEAD = {"csv": "time,event,session,member\n"}
WRONG = {
    "csv": [
        "nonsense\n",
        "yesterday,join,s,m\n",
        "2026-11-25T20:00:00,join,s,m\n",
        "2026-11-25T20:00:00Z,sat,s,m\n",
        "2026-11-25T20:00:00Z,join,s,\n",
        "2026-11-25T20:00:00Z,seek,s,m\n",
        "1e99,join,s,m\n",
    ],
    "jsonl": [
        "{\n",
        "[]\n",
        "[" * 100_000 + "\n",
        '{"time": null}\n',
        GOOD["jsonl"].replace("join", "fly"),
        GOOD["jsonl"].replace('s",', 's", "port": "eighty",', 1),
        GOOD["jsonl"].replace("2026-11-25", "2026-13-25"),
    ],
    "nginx": [
        "nonsense\n",
        GOOD["nginx"].replace("Nov", "Foo"),
        GOOD["nginx"].replace("192.0.2.1", "not-an-ip"),
        "{}\n",
    ],
    "mediamtx": [
        "nonsense\n",
        "{}}\n",
        GOOD["mediamtx"].replace("member", "user"),
        GOOD["mediamtx"].replace("path", "x"),
    ],
    "srs": ["nonsense\n", GOOD["srs"].replace("member", "user"), GOOD["srs"].replace("time", "x"), '{"body": 3}\n'],
}


@pytest.mark.parametrize("kind", list(FORMATS))
def test_bad_lines(kind: str) -> None:
    """Each bad line is reported with its number and a reason, and the good ones around them are all taken."""
    lines = [*([HEAD[kind]] if kind in HEAD else []), GOOD[kind]]
    for wrong in WRONG[kind]:
        lines += [wrong, GOOD[kind]]
    found = list(FORMATS[kind](lines, Choices()))
    expected = [number for number, line in enumerate(lines, 1) if line in WRONG[kind]]
    assert [each.line for each in found if isinstance(each, Bad)] == expected
    assert all(each.reason for each in found if isinstance(each, Bad))
    joins = sum(isinstance(each, Access) and each.event == "join" for each in found)
    assert joins == (1 if kind == "nginx" else len(WRONG[kind]) + 1)  # nginx's requests are one visit


@settings(deadline=None)
@given(
    st.sampled_from(sorted(FORMATS)),
    st.lists(st.text(max_size=80), max_size=5),
    st.text('{}[]":,=&?\\ \n\0abc', max_size=60),
)
def test_nothing_breaks_a_reader(kind: str, lines: list[str], odd: str) -> None:
    """Whatever stands in a file, a reader goes on to the end of it and gives only access records and reports."""
    text = [HEAD.get(kind, ""), *(line + "\n" for line in [*lines, odd, '{"' + odd]), GOOD[kind]]
    for each in FORMATS[kind](text, Choices()):
        assert isinstance(each, Access | Bad | Other)


def test_a_file(registry: Registry, tmp_path: Path) -> None:
    """A file is read into the registry, its bad lines reported; again, and every record is a duplicate."""
    path = tmp_path / "records.csv"
    path.write_bytes(
        b"\xef\xbb\xbf" + CSV.encode().replace(b"\n", b"\r\n") + b"2026-11-25T20:00:00Z,join,s,\xff\xfe,,,,,,\r\n"
    )
    assert format_of(path) == "csv"
    tried = import_file(registry, path, "csv", dry_run=True)
    assert registry.members() == []
    done = import_file(registry, path, "csv")
    assert done == tried
    assert done.recorded == Recorded(3, 0, 1, 1)
    assert [bad.line for bad in done.bad] == [5]
    assert import_file(registry, path, "csv").recorded == Recorded(0, 3, 0, 0)


def test_a_log_that_has_grown(registry: Registry, tmp_path: Path) -> None:
    """A packed log, read again when it had grown, moves the end of the visit that was going on."""
    line = '192.0.2.1 - - [25/Nov/2026:20:00:{:02d} +0000] "GET /?session=s&member=m HTTP/1.1" 200 1 "-" "-"\n'
    path = tmp_path / "access.log.gz"
    for seconds in (20, 50):
        path.write_bytes(gzip.compress("".join(line.format(s) for s in range(0, seconds, 5)).encode()))
        import_file(registry, path, "nginx")
    found = registry.who_watched("s", at=to_ms("2026-11-25T20:00:10Z"))
    assert [to_text(each.left) for each in found] == ["2026-11-25T20:00:45.000Z"]


def test_files_that_cannot_be_read(sqlite_place: Place, tmp_path: Path) -> None:
    """A missing file, a folder, a damaged archive, and CSV without its columns are refused with one line."""
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(gzip.compress(CSV.encode() * 50)[:60])
    headless = tmp_path / "headless.csv"
    headless.write_text("a,b\n1,2\n")
    with sqlite_place.open() as registry:
        for path in (tmp_path / "none.csv", tmp_path, broken, headless):
            with pytest.raises(RegistryError) as told:
                import_file(registry, path, "csv")
            assert "\n" not in str(told.value)
