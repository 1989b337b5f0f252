"""The field, laid out once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.patrol.field import Field, lay_out, tidy


@pytest.fixture(scope="session")
def field(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Field]:
    """Lay out a field of some sixty files."""
    made = lay_out(tmp_path_factory.mktemp("patrol") / "field")
    yield made
    tidy(made.folder)
