"""What a decode says, in words for people and in JSON for programs."""

from tracemark.telling.verdict import Identities, as_fields, as_json, as_text

__all__ = ["Identities", "as_fields", "as_json", "as_text"]
