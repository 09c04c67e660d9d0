"""Every kind of adapter, running; one set of certificates for all tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conformance.adapters.kind import Kind
from tests.conformance.adapters.kinds import KINDS
from tests.support.adapters import RunningAdapter, adapter
from tests.support.certs import TestConsortium, make_consortium


@pytest.fixture(scope="module")
def consortium(tmp_path_factory: pytest.TempPathFactory) -> TestConsortium:
    """A consortium with all organisations."""
    return make_consortium(tmp_path_factory.mktemp("certs"))


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of adapter."""
    found: Kind = request.param
    return found


@pytest.fixture
async def served(kind: Kind, consortium: TestConsortium, tmp_path: Path) -> AsyncIterator[RunningAdapter]:
    """It, running."""
    async with adapter(kind.name, consortium, tmp_path, kind.served) as running:
        yield running
