"""Rules of the family bills, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.bills.bill_acceptor import BillAcceptor
from crossverify.rules.bills.bill_range import BillRange
from crossverify.rules.bills.bill_state import BillState

RULES: Final[tuple[Rule[Any], ...]] = (BillState(), BillRange(), BillAcceptor())
