"""A world in which all five institutions and the bank's own desk speak, and nothing speaks against anything: under the
second profile its receivables are eligible until a test spoils something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from consortium.documents import Document
from consortium.documents.party import primary_id
from crossverify.answers.bank import account_reference, flow_reference
from crossverify.answers.tax import sales_reference
from crossverify.desk import DeskInfo
from crossverify.evidence import Evidence, SourceAnswer, SourceState
from tests.support.trade_world import (
    ACCOUNT,
    BUYER,
    NOW,
    OTHER,
    SELLER,
    World,
    confirmation,
    invoice,
    order,
    receipt,
)

SUBJECT, DEBTOR, SUPPLIER = (str(primary_id(each)) for each in (SELLER, BUYER, OTHER))
MONTHS = [f"2026-{month:02}" for month in range(1, 7)] + [f"2025-{month:02}" for month in range(7, 13)]


class FullWorld(World):
    """Documents as given; see the module."""

    def __init__(self, *documents: Document) -> None:
        super().__init__(*documents)
        self.registry: dict[str, dict[str, Any]] = {
            SUBJECT: {"registrations": [], "searched_names": [SELLER.name]}
        }
        self.desk: dict[str, Any] = {
            "as_of": NOW,
            "verified_accounts": {SUBJECT: [ACCOUNT.account_id]},
            "sanctions": [{"list": "UN", "name": "Nobody We Know"}],
            "rates": {"source": "SAFE", "as_of": NOW, "rates": {"USD/CNY": "7.10"}},
            "exposures": [
                {"debtor": DEBTOR, "group": "", "amount": "0", "limit": "10000000", "currency": "CNY"}
            ],
            "contacts": {DEBTOR: {"domains": ["greatwheel-motors.com"]}},
        }
        self.tax[sales_reference(SUBJECT)] = {
            "known": True,
            "months": [{"month": month, "currency": "CNY", "amount": "100"} for month in MONTHS],
            "counterparties": [
                _counterparty(DEBTOR, "customer", "1200"),
                _counterparty(SUPPLIER, "supplier", "600"),
            ],
            "counterparties_complete": True,
        }
        self.bank[account_reference(ACCOUNT.account_id)] = {
            "known": True,
            "owner_name": SELLER.name,
            "owner_ids": [SUBJECT],
            "owner_match": "match",
            "statements_until": "2026-06-30",
        }
        self.bank[flow_reference(SUBJECT)] = {
            "known": True,
            "accounts": [
                {
                    "account": ACCOUNT.account_id,
                    "statements_from": "2025-07-01",
                    "statements_until": "2026-06-30",
                }
            ],
            "months": [
                {"month": month, "currency": "CNY", "inflow": "110", "payments": 3} for month in MONTHS
            ],
            "payers": [{"payer_id": DEBTOR, "currency": "CNY", "amount": "1300", "payments": 30}],
        }
        self.credit[DEBTOR] = {"known": True, "relations_only": True}

    def evidence(self) -> Evidence:
        """All of it."""
        found = super().evidence()
        update: dict[str, Any] = {
            "registry": _answer("registry", self.registry),
            "desk": DeskInfo.model_validate(self.desk),
        }
        return found.model_copy(update=update | self.changes)


def _answer(source: str, answers: Mapping[str, Any]) -> SourceAnswer:
    return SourceAnswer(
        source=source,
        institution=f"{source} of Hua",
        state=SourceState.ANSWERED,
        as_of=NOW,
        digest="d" * 64,
        answers=dict(answers),
    )


def _counterparty(party: str, role: str, amount: str) -> dict[str, Any]:
    return {"party_id": party, "role": role, "currency": "CNY", "amount": amount, "invoices": 9}


def sound(*more: Document) -> FullWorld:
    """One receivable of 1,130.00 that nothing speaks against."""
    world = FullWorld(order(), receipt(), invoice(), confirmation(), *more)
    world.link()
    return world
