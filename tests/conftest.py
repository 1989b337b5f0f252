"""What several files of tests share and none should make twice."""

from __future__ import annotations

import pytest

from tests.bundles import Sealed, sealed


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """Make a signed and stamped bundle; tests copy it before they spoil it."""
    return sealed(tmp_path_factory.mktemp("evidence"))
