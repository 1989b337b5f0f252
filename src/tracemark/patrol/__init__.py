"""Look for leaks: over folders, lists and URLs, each file once, and each in a process that it may bring down."""

from tracemark.patrol.hands import Hands, cluster, local
from tracemark.patrol.limits import Limits
from tracemark.patrol.orders import Compared, Full, Orders
from tracemark.patrol.patrol import Patrol, Progress
from tracemark.patrol.store import Store

__all__ = ["Compared", "Full", "Hands", "Limits", "Orders", "Patrol", "Progress", "Store", "cluster", "local"]
