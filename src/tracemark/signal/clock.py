"""The clock: keyed bits that tell one slot of a day from all others, alike for all viewers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.keys import Key
    from tracemark.profile import Profile


def clock_bits(key: Key, profile: Profile) -> NDArray[np.uint8]:
    """Read the clock of a key.

    Parameters
    ----------
    key : Key
    profile : Profile

    Returns
    -------
    ndarray of uint8, shape (clock_slots, clock_groups)
        Bits; slot number modulo ``clock_slots`` gives the row.
    """
    count = profile.clock_slots * profile.clock_groups
    signs = key.stream("clock", profile.version).signs(count)
    return (signs < 0).astype(np.uint8).reshape(profile.clock_slots, profile.clock_groups)
