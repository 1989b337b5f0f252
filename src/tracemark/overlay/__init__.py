"""The visible half: the site's logo and the session code, drawn into frames of any format.

`logo` and `code` say what is drawn, `places` where and when, `lettering` draws letters, `stamp` brings a drawing to a
pixel format and blends it. `crockford` and `session` are the code itself: how it is written, and whose it is.
"""

from tracemark.overlay.code import SessionCode
from tracemark.overlay.logo import Logo
from tracemark.overlay.places import Drifting, Hopping

Overlay = Logo | SessionCode

__all__ = ["Drifting", "Hopping", "Logo", "Overlay", "SessionCode"]
