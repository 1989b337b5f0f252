"""What several files of tests share and none should make twice."""

from __future__ import annotations

import signal

import pytest

from tests.bundles import Sealed, sealed

# Programs that tests start must heed Ctrl-C, though a shell that runs pytest in the background has it ignored.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Sealed:
    """Make a signed and stamped bundle; tests copy it before they spoil it."""
    return sealed(tmp_path_factory.mktemp("evidence"))
