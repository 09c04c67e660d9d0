"""The tax authority."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from consortium.documents import Bill, Document, Invoice, PurchaseOrder, WarehouseReceipt
from consortium.documents.invoice import InvoiceBase
from consortium.documents.roles import parties_of
from crossverify.sources.tax import InvoiceQuestion
from tests.evaluation.scene.books import TaxRecord
from tests.evaluation.scene.scene import Scene
from tests.evaluation.views.look import Answers, Look

SALES_DAYS = 190
_NOT_KNOWN = {
    "known": False,
    "differing": [],
    "state": "",
    "red_amount": "0",
    "use_confirmed": False,
    "red_confirmation_open": False,
}


def answers(scene: Scene, look: Look, documents: Mapping[str, Document]) -> Answers:
    """What it says to a gateway's questions about invoices, their parties, and the supplier's declarations."""
    found: Answers = {}
    asked = {scene.supplier.id}
    for fingerprint, body in documents.items():
        if isinstance(body, Invoice):
            found[fingerprint] = _invoice(scene, look, InvoiceQuestion.of(fingerprint, body))
        if isinstance(body, InvoiceBase | PurchaseOrder | Bill | WarehouseReceipt):
            asked |= {str(each) for party in parties_of(body) for each in party.identifiers}
    for each in sorted(asked):
        if each.startswith(("uscc:", "vat:")):
            found[each] = _taxpayer(scene, look, each)
    found[f"sales:{scene.supplier.id}"] = _sales(scene, look)
    return found


def _invoice(scene: Scene, look: Look, question: InvoiceQuestion) -> dict[str, Any]:
    record = scene.tax.records.get((question.code, question.number))
    if record is None or record.day > look.known:
        return dict(_NOT_KNOWN)
    confirmed = record.confirmed_on is not None and record.confirmed_on <= look.known
    state = record.state(look.known)
    asked_red = record.red_asked_on is not None and record.red_asked_on <= look.known
    return {
        "known": True,
        "differing": list(_differing(record, question)),
        "state": state,
        "red_amount": str(record.red(look.known)),
        "use_confirmed": confirmed,
        "red_confirmation_open": asked_red and state == "normal",
    }


def _differing(record: TaxRecord, question: InvoiceQuestion) -> Iterable[str]:
    if question.issue_date != record.day.isoformat():
        yield "issue_date"
    if question.seller_tax_id != record.seller:
        yield "seller_tax_id"
    if question.buyer_tax_id != record.buyer:
        yield "buyer_tax_id"
    if question.currency != record.currency:
        yield "currency"
    for name in ("net", "tax", "gross"):
        asked = getattr(question, f"{name}_amount")
        if asked and Decimal(asked) != getattr(record, name):
            yield f"{name}_amount"


def _taxpayer(scene: Scene, look: Look, identifier: str) -> dict[str, Any]:
    who = scene.companies.get(identifier)
    if who is None or not who.registered:
        return {"known": False}
    return {
        "known": True,
        "state": who.tax_state,
        "name": who.named(look.known),
        "former_names": [name for name, until in who.former if until < look.known],
        "registered_on": who.founded.isoformat(),
    }


def _sales(scene: Scene, look: Look) -> dict[str, Any]:
    """Sales by whole months and all counterparties, until yesterday."""
    since = (look.known - timedelta(days=SALES_DAYS)).replace(day=1)
    months: dict[str, Decimal] = defaultdict(Decimal)
    parties: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for day, seller, buyer, net in scene.tax.sales:
        if not since <= day <= look.known:
            continue
        if seller == scene.supplier.id:
            months[f"{day:%Y-%m}"] += net
            key = (buyer, "customer")
        elif buyer == scene.supplier.id:
            key = (seller, "supplier")
        else:
            continue
        parties[key] += net
        counts[key] += net > 0
    return {
        "known": True,
        "months": [
            {"month": month, "currency": "CNY", "amount": str(amount)}
            for month, amount in sorted(months.items())
        ],
        "counterparties": [
            {
                "party_id": party,
                "name": _name(scene, party, look.known),
                "role": role,
                "currency": "CNY",
                "amount": str(amount),
                "invoices": counts[party, role],
            }
            for (party, role), amount in sorted(parties.items())
            if amount > 0
        ],
        "counterparties_complete": True,
    }


def _name(scene: Scene, party: str, day: date) -> str:
    who = scene.companies.get(party)
    return who.named(day) if who is not None else ""
