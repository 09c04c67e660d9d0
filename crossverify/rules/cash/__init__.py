"""Rules of the family cash, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.cash import cash_closure_v1
from crossverify.rules.cash.cash_closure import CashClosure
from crossverify.rules.cash.payee_change import PayeeChange

RULES: Final[tuple[Rule[Any], ...]] = (cash_closure_v1.CashClosure(), CashClosure(), PayeeChange())
