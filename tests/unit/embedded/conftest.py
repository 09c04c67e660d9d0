"""One set of certificates per worker."""

from __future__ import annotations

import pytest

from tests.support.embedded import Network, make_network


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Network:
    """Certificates of three organisations."""
    return make_network(tmp_path_factory.mktemp("network"))
