"""A live stream taken from one address and sent on, marked, to another.

`receiving` takes packets from a source that may drop and return, `timeline` gives them times that only ever grow,
`backlog` keeps the few newest frames for `sending`, which marks, encodes and sends them; `relaying` holds it together.
"""

from tracemark.integrations.relay.relaying import Relayed, relay
from tracemark.integrations.relay.sending import Coding

__all__ = ["Coding", "Relayed", "relay"]
