"""Rules of the family cash, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.cash.cash_closure import CashClosure

RULES: Final[tuple[Rule[Any], ...]] = (CashClosure(),)
