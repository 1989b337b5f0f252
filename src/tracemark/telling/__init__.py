"""What a decode says, in words for people and in JSON for programs."""

from tracemark.telling.verdict import as_fields, as_json, as_text

__all__ = ["as_fields", "as_json", "as_text"]
