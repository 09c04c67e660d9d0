"""Every kind of adapter: the table that a new one is added to."""

from __future__ import annotations

from typing import Final

from tests.conformance.adapters.kind import Kind
from tests.conformance.adapters.kinds import bank, bills, credit, registry, tax, template

KINDS: Final[tuple[Kind, ...]] = (
    tax.KIND,
    bank.KIND,
    credit.KIND,
    registry.KIND,
    bills.KIND,
    template.KIND,
)
