"""The rules, by name. Adding one is one module, one line here, one line in a profile, one test file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crossverify.rule import Rule
from crossverify.rules.cash.cash_closure import CashClosure
from crossverify.rules.consent.consent import Consent
from crossverify.rules.duplicate.dup_exact import DupExact
from crossverify.rules.invoice.doc_valid import DocValid
from crossverify.rules.invoice.inv_authentic import InvAuthentic
from crossverify.rules.invoice.inv_state import InvState
from crossverify.rules.invoice.totals_tax import TotalsTax
from crossverify.rules.match.date_order import DateOrder
from crossverify.rules.match.link_weight import LinkWeight
from crossverify.rules.match.match_price import MatchPrice
from crossverify.rules.match.match_qty import MatchQty
from crossverify.rules.match.po_exhausted import PoExhausted
from crossverify.rules.party.credit_status import CreditStatus
from crossverify.rules.party.debtor_confirm import DebtorConfirm
from crossverify.rules.party.party_id import PartyIdRule

RULES: Mapping[str, Rule[Any]] = {
    "CONSENT": Consent(),
    "DOC_VALID": DocValid(),
    "PARTY_ID": PartyIdRule(),
    "TOTALS_TAX": TotalsTax(),
    "INV_AUTHENTIC": InvAuthentic(),
    "INV_STATE": InvState(),
    "DUP_EXACT": DupExact(),
    "LINK_WEIGHT": LinkWeight(),
    "MATCH_QTY": MatchQty(),
    "MATCH_PRICE": MatchPrice(),
    "PO_EXHAUSTED": PoExhausted(),
    "DATE_ORDER": DateOrder(),
    "DEBTOR_CONFIRM": DebtorConfirm(),
    "CASH_CLOSURE": CashClosure(),
    "CREDIT_STATUS": CreditStatus(),
}
