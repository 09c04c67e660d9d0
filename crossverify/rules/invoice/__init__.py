"""Rules of the family invoice, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.invoice import inv_authentic_v1
from crossverify.rules.invoice.doc_valid import DocValid
from crossverify.rules.invoice.inv_authentic import InvAuthentic
from crossverify.rules.invoice.inv_state import InvState
from crossverify.rules.invoice.totals_tax import TotalsTax

RULES: Final[tuple[Rule[Any], ...]] = (
    DocValid(),
    inv_authentic_v1.InvAuthentic(),
    InvAuthentic(),
    InvState(),
    TotalsTax(),
)
