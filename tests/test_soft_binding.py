"""What C2PA is told of a mark: the operator's key and the session, when it was seen, and never whose copy it is."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.test_verdict_text import FIRST, SECOND, decoding
from tracemark.errors import TracemarkError
from tracemark.registry import Grant, Identity
from tracemark.telling import as_json
from tracemark.telling.soft_binding import LABEL, check_algorithm, soft_binding

ALGORITHM = "com.example.tracemark.2"


def test_a_mark_is_bound_to_key_and_session() -> None:
    """Every member's stretch of a video is a block, in milliseconds; its value says key and session, and no member."""
    found = decoding(FIRST, SECOND)
    binding = soft_binding(found, ALGORITHM)
    assert binding == {
        "alg": ALGORITHM,
        "blocks": [
            {
                "scope": {"timespan": {"start": round(each.start * 1000), "end": round(each.end * 1000)}},
                "value": f"{each.key_id}:{each.payload.session}",
            }
            for each in (FIRST, SECOND)
        ],
        "pad": "",
    }
    assert str(FIRST.payload.member) not in json.dumps(binding)


def test_all_viewers_of_a_session_have_the_same_binding() -> None:
    """Copies of two members of one session in the same seconds of a clip are one block."""
    other = replace(FIRST, payload=replace(FIRST.payload, member=FIRST.payload.member + 1))
    assert soft_binding(decoding(FIRST), None) == soft_binding(decoding(FIRST, other), None)


def test_a_registry_names_the_session_by_its_pseudonym() -> None:
    """With a registry the payload's numbers are the member's own: the session's pseudonym stands for it, or nothing."""
    grant = Grant(1, FIRST.payload, 1, 1, FIRST.key_id, 2, 0)
    identity = Identity(grant, "evening show", "session-7f", "alice", "member-1", None)
    said = json.dumps(soft_binding(decoding(FIRST), None, {FIRST.payload: identity}))
    assert f"{FIRST.key_id}:session-7f" in said
    assert not any(word in said for word in ("evening show", "alice", "member-1", str(FIRST.payload.session)))
    unknown = soft_binding(decoding(FIRST), None, {FIRST.payload: None})
    assert f'"value": "{FIRST.key_id}"' in json.dumps(unknown)


def test_a_still_has_no_timespan_and_no_mark_no_binding() -> None:
    """A picture is bound as a whole; where nothing was found there is nothing to bind, and the field says so."""
    still = soft_binding(replace(decoding(FIRST), seconds_used=0.0), None)
    assert still is not None
    assert still["blocks"] == [{"scope": {}, "value": f"{FIRST.key_id}:{FIRST.payload.session}"}]
    assert "alg" not in still
    assert json.loads(as_json(Path("leak.mp4"), "ab", decoding()))[LABEL] is None


@pytest.mark.parametrize("name", ["tracemark", "", "com.example tracemark", "com/example.x", ".com"])
def test_algorithms_are_named_by_domain(name: str) -> None:
    """A name that C2PA's list would not take is refused; one that begins with a domain is not."""
    assert check_algorithm(ALGORITHM) == ALGORITHM
    with pytest.raises(TracemarkError, match="cannot name"):
        check_algorithm(name)
