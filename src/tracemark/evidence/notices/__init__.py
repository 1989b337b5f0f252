"""Drafts of the notices that platforms and authorities ask for. Kinds are data: see kinds/ beside this file."""

from tracemark.evidence.notices.case import Case
from tracemark.evidence.notices.draft import Draft, draft
from tracemark.evidence.notices.kinds import Kind, kind_names, load_kind
from tracemark.evidence.notices.template import case_template

__all__ = ["Case", "Draft", "Kind", "case_template", "draft", "kind_names", "load_kind"]
