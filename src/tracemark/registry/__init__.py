"""Who got which copy, who was watching, and what was found: a database of its own, SQLite's or PostgreSQL's."""

from tracemark.registry.accesses import Access, Recorded
from tracemark.registry.chain import Fault, Head
from tracemark.registry.detecting import Detection
from tracemark.registry.grants import Candidates, Grant
from tracemark.registry.identifying import Identity
from tracemark.registry.live import Counts, LiveRegistry
from tracemark.registry.people import Erased, Member, Session
from tracemark.registry.registry import Registry
from tracemark.registry.stay import Attendance, Stay, Where
from tracemark.registry.watching import Watcher

__all__ = [
    "Access",
    "Attendance",
    "Candidates",
    "Counts",
    "Detection",
    "Erased",
    "Fault",
    "Grant",
    "Head",
    "Identity",
    "LiveRegistry",
    "Member",
    "Recorded",
    "Registry",
    "Session",
    "Stay",
    "Watcher",
    "Where",
]
