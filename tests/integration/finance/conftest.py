"""Banks of a small consortium."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.finance_bank import Bank, a_bank


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    """Two banks' gateways on one ledger."""
    async with a_bank(tmp_path, start=("bank-a", "bank-b")) as made:
        yield made


@pytest.fixture
async def linked(tmp_path: Path) -> AsyncIterator[Bank]:
    """The same, with the invoices linked to their orders."""
    async with a_bank(tmp_path, start=("bank-a", "bank-b"), linked=True) as made:
        yield made
