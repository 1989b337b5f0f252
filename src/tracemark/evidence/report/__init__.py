"""The report in a bundle: what was found in plain words and numbers, as HTML and PDF, in English or Japanese."""

from tracemark.evidence.report.content import compose
from tracemark.evidence.report.document import Document
from tracemark.evidence.report.findings import Findings
from tracemark.evidence.report.html import as_html
from tracemark.evidence.report.pdf import as_pdf

__all__ = ["Document", "Findings", "as_html", "as_pdf", "compose"]
