"""The facts of a case: what the evidence shows, and what a person wrote down."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracemark.errors import NoticeError
from tracemark.evidence.canonical import read
from tracemark.evidence.manifest import Manifest
from tracemark.evidence.verification import DECODE


@dataclass(frozen=True)
class Case:
    """Facts by their names.

    Parameters
    ----------
    facts : mapping
        From names with a dot (``complainant.name``) to whatever the case file says; unchecked.
    """

    facts: Mapping[str, object] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, listing: Manifest, file: Path | None) -> Case:
        """Gather what is known.

        Parameters
        ----------
        folder : Path
            A bundle that was verified.
        listing : Manifest
            Its manifest.
        file : Path or None
            The case file: TOML, written by a person.

        Returns
        -------
        Case
            What the case file says goes before the address that the bundle tells; what the bundle alone can know
            cannot be overridden.

        Raises
        ------
        NoticeError
            If the case file cannot be read, or tells something that only the evidence can.
        """
        told = _file(file) if file else {}
        known = _bundle(folder, listing)
        both = sorted(set(told) & set(known))
        if both:
            raise NoticeError(f"{file} tells {', '.join(both)}, which only the evidence can", "take it out of the file")
        found_at = listing.whole.get("source_url")
        return cls({**({"upload.urls": [found_at]} if found_at else {}), **told, **known})


def _bundle(folder: Path, listing: Manifest) -> dict[str, object]:
    decoded = read((folder / DECODE).read_bytes())
    pdq = listing.leak.get("pdq")
    return {
        **({"leak.pdq": pdq["hash"]} if pdq else {}),
        "leak.sha256": listing.leak["sha256"],
        "leak.md5": listing.leak["md5"],
        "bundle.sealed": listing.created,
        "found.p_false": f"{decoded['p_false']:.2g}",
    }


def _file(path: Path) -> dict[str, object]:
    try:
        whole = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise NoticeError(f"cannot read {path}: {(error.strerror or '').lower()}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise NoticeError(
            f"{path} is no case file: {error}", "'tracemark notice DIR --to KIND --template' writes one"
        ) from None
    return _flat(whole)


def _flat(table: dict[str, Any], before: str = "") -> dict[str, object]:
    facts: dict[str, object] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            facts |= _flat(value, f"{before}{name}.")
        else:
            facts[f"{before}{name}"] = value
    return facts
