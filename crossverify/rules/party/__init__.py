"""Rules of the family party, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.party import credit_status_v1, party_id_v1
from crossverify.rules.party.confirm_origin import ConfirmOrigin
from crossverify.rules.party.core_debt import CoreDebt
from crossverify.rules.party.credit_status import CreditStatus
from crossverify.rules.party.debtor_confirm import DebtorConfirm
from crossverify.rules.party.late_registration import LateRegistration
from crossverify.rules.party.origin_sig import OriginSig
from crossverify.rules.party.party_id import PartyIdRule
from crossverify.rules.party.sanctions import Sanctions

RULES: Final[tuple[Rule[Any], ...]] = (
    party_id_v1.PartyIdRule(),
    PartyIdRule(),
    OriginSig(),
    ConfirmOrigin(),
    DebtorConfirm(),
    LateRegistration(),
    Sanctions(),
    CoreDebt(),
    credit_status_v1.CreditStatus(),
    CreditStatus(),
)
