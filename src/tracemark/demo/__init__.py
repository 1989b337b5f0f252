"""The whole story on a real clip: marked for several viewers, leaked by one, and the leaker named."""

from tracemark.demo.story import tell

__all__ = ["tell"]
