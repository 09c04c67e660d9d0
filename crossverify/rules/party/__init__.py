"""Rules of the family party, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.party.credit_status import CreditStatus
from crossverify.rules.party.debtor_confirm import DebtorConfirm
from crossverify.rules.party.party_id import PartyIdRule

RULES: Final[tuple[Rule[Any], ...]] = (CreditStatus(), DebtorConfirm(), PartyIdRule())
