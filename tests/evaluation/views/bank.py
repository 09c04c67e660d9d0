"""The bank that keeps the supplier's accounts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from consortium.documents import Document, Invoice
from crossverify.sources.bank import PaymentQuestion
from tests.evaluation.scene.books import Entry
from tests.evaluation.scene.scene import Scene
from tests.evaluation.views.look import Answers, Look

FLOW_DAYS = 190


def answers(scene: Scene, look: Look, documents: Mapping[str, Document]) -> Answers:
    """Payments of invoices, owners of accounts, and what came in."""
    found: Answers = {}
    accounts = set()
    for fingerprint, body in documents.items():
        if isinstance(body, Invoice):
            question = PaymentQuestion.of(fingerprint, body)
            found[fingerprint] = _payments(scene, look, question)
            accounts.add(question.payee_account)
    for account in sorted(accounts - {""}):
        found[f"account:{account}"] = _account(scene, look, account)
    found[f"flow:{scene.supplier.id}"] = _flow(scene, look)
    return found


def _entries(scene: Scene, look: Look) -> list[Entry]:
    return [entry for entry in scene.bank.entries if entry.day <= look.known]


def _payments(scene: Scene, look: Look, question: PaymentQuestion) -> dict[str, Any]:
    wanted = {question.invoice_number, *question.other_numbers}
    owner = scene.bank.owners.get(question.payee_account)
    payments = [
        _payment(entry, question) for entry in _entries(scene, look) if wanted.intersection(entry.for_numbers)
    ]
    return {
        "payments": payments,
        "account_known": owner is not None,
        "statements_until": look.known.isoformat() if owner is not None else "",
        "account_owner": owner.name if owner else "",
        "account_owner_ids": [owner.id] if owner else [],
    }


def _payment(entry: Entry, question: PaymentQuestion) -> dict[str, Any]:
    payer = entry.payer
    if entry.to_account == question.payee_account:
        found_by = "account"
    else:
        found_by = "owner" if entry.owner.id == question.seller_id else "payer"
    return {
        "entry_reference": entry.reference,
        "booking_date": entry.day.isoformat(),
        "amount": str(entry.amount),
        "currency": entry.currency,
        "credited_account": entry.to_account,
        "credited_owner": entry.owner.name,
        "credited_owner_ids": [entry.owner.id],
        "payer_id": payer.id if entry.shown_id else "",
        "payer_ids": [payer.id] if entry.shown_id else [],
        "payer_name": entry.payer_name or payer.named(entry.day),
        "payer_account": payer.accounts[0],
        "reversal": entry.reversal,
        "matched_by": "unstructured",
        "found_by": found_by,
    }


def _account(scene: Scene, look: Look, account: str) -> dict[str, Any]:
    owner = scene.bank.owners.get(account)
    if owner is None:
        return {"known": False}
    return {
        "known": True,
        "owner_name": owner.name,
        "owner_ids": [owner.id],
        "owner_match": "identifier" if owner is scene.supplier else "differs",
        "statements_until": look.known.isoformat(),
    }


def _flow(scene: Scene, look: Look) -> dict[str, Any]:
    since = look.known - timedelta(days=FLOW_DAYS)
    supplier = scene.supplier
    months: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    payers: dict[tuple[str, str, str], Decimal] = defaultdict(Decimal)
    paid: dict[tuple[str, str, str], int] = defaultdict(int)
    for entry in _entries(scene, look):
        if entry.owner is not supplier or entry.day < since or entry.reversal:
            continue
        month = (f"{entry.day:%Y-%m}", entry.currency)
        months[month] += entry.amount
        counts[month] += 1
        payer = (entry.payer.id if entry.shown_id else "", entry.payer.name, entry.currency)
        payers[payer] += entry.amount
        paid[payer] += 1
    return {
        "known": True,
        "accounts": [
            {
                "account": account,
                "statements_from": since.isoformat(),
                "statements_until": look.known.isoformat(),
            }
            for account in supplier.accounts
        ],
        "months": [
            {
                "month": month,
                "currency": currency,
                "inflow": str(amount),
                "returned": "0",
                "own_transfers": "0",
                "payments": counts[month, currency],
            }
            for (month, currency), amount in sorted(months.items())
        ],
        "payers": [
            {
                "payer_id": payer,
                "payer_name": name,
                "currency": currency,
                "amount": str(amount),
                "payments": paid[payer, name, currency],
            }
            for (payer, name, currency), amount in sorted(payers.items())
        ],
        "further_payers": 0,
    }
