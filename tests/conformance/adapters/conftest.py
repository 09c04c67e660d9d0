"""One set of certificates for all tests of this folder."""

from __future__ import annotations

import pytest

from tests.support.certs import TestConsortium, make_consortium


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> TestConsortium:
    """A consortium with all organisations."""
    return make_consortium(tmp_path_factory.mktemp("certs"))
