"""An empty case file for a kind of notice, to be filled in by a person."""

from __future__ import annotations

from tracemark.evidence.notices.kinds import Kind
from tracemark.remarks import Language

_SHAPES = {
    "urls": '[""]',
    "port": "",
    "second": "",
    "choice": "",
    "affirmed": "",
}
"""How an answer begins, by the check of its field; a text begins as an empty one."""


def case_template(kind: Kind, language: Language) -> str:
    """Write a case file with every question of a kind and no answer.

    Parameters
    ----------
    kind : Kind
    language : {'en', 'ja'}

    Returns
    -------
    str
        TOML, its answers commented out.
    """
    tables: dict[str, list[str]] = {}
    for field in kind.fields.values():
        if field.origin == "case":
            table, _, key = field.name.partition(".")
            answer = _SHAPES.get(field.check, '""')
            tables.setdefault(table, []).append(f"# {field.label[language]}\n#{key} = {answer}")
    blocks = [f"[{table}]\n" + "\n".join(lines) for table, lines in tables.items()]
    return f"# {kind.title[language]}\n\n" + "\n\n".join(blocks) + "\n"
