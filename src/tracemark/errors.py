"""The one family of errors that tracemark raises on purpose.

Every error carries one line that says what was wrong and, where there is something to do about it, one line of
advice. The command line catches the base class once and prints both; nothing else of tracemark prints errors.
Key material never enters a message.
"""

from __future__ import annotations


class TracemarkError(Exception):
    """Something the caller can understand and mend.

    Parameters
    ----------
    message : str
        One line: what was wrong, and with what.
    advice : str, optional
        One line: what to do about it.
    """

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        """Return message and advice in one line."""
        return f"{self.message}; {self.advice}" if self.advice else self.message


class KeyFileError(TracemarkError):
    """A key file is missing, unreadable, of the wrong length, or would be overwritten."""


class PayloadError(TracemarkError):
    """A session or member number is outside 0..4294967295."""


class FrameError(TracemarkError):
    """A frame has a size, format or time stamp that cannot be marked."""


class MediaError(TracemarkError):
    """A file or stream cannot be read or written as video or picture."""


class RegistryError(TracemarkError):
    """The registry cannot be opened, read or written, or was asked for something that it does not hold."""


class EvidenceError(TracemarkError):
    """A bundle of evidence cannot be made, read or verified at all."""


class NoticeError(TracemarkError):
    """A notice lacks something, or its kind or case file is not what it should be."""


class PrepareError(TracemarkError):
    """A frame was not prepared for marking: its mask could not be made, or not in time, and the policy is to say so."""


class OverlayError(TracemarkError):
    """A logo or session code cannot be drawn as it was asked for."""


class CodeError(TracemarkError):
    """A session code was mistyped."""


class PatrolError(TracemarkError):
    """A patrol cannot go on, or something that it was to look at is refused."""
