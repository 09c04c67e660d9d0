"""The commercial-paper exchange."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from consortium.documents import Bill, Document
from tests.evaluation.scene.books import BillPart, ExchangeBill
from tests.evaluation.scene.companies import Company
from tests.evaluation.scene.scene import Scene
from tests.evaluation.views.look import Answers, Look

_NOBODY = {"name": "", "identifiers": [], "account": "", "bank_number": "", "bank_name": ""}


def answers(scene: Scene, look: Look, documents: Iterable[Document]) -> Answers:
    """What it says of each bill among the documents, by package number and sub-range."""
    found: Answers = {}
    for body in documents:
        if isinstance(body, Bill):
            first, last = body.range_from, body.range_to
            found[f"{body.number}|{first}|{last}"] = _bill(scene.bills.get(body.number), look, first, last)
    return found


def _party(who: Company | None, account: str = "", bank: str = "") -> dict[str, Any]:
    if who is None:
        return dict(_NOBODY)
    return {
        "name": who.name,
        "identifiers": [who.id],
        "account": account,
        "bank_number": bank,
        "bank_name": "",
    }


def _bill(bill: ExchangeBill | None, look: Look, first: int, last: int) -> dict[str, Any]:
    if bill is None or bill.issued > look.known:
        return {"known": False}
    ranges = [found for part in bill.on(look.known) if (found := _range(part, first, last, bill.amount))]
    return {
        "known": True,
        "package_number": bill.number,
        "bill_kind": bill.kind,
        "package_amount": str(bill.amount),
        "currency": "CNY",
        "package_units": bill.units,
        "issue_date": bill.issued.isoformat(),
        "acceptance_date": bill.issued.isoformat(),
        "due_date": bill.due.isoformat(),
        "transferable": bill.transferable,
        "drawer": _party(bill.drawer),
        "acceptor": _party(bill.acceptor, bill.acceptor_account, bill.acceptor_bank),
        "payee": _party(bill.payee),
        "acceptor_overdue": bill.overdue,
        "ranges": ranges,
    }


def _range(part: BillPart, first: int, last: int, whole: Decimal) -> dict[str, Any] | None:
    """The part of it that was asked about."""
    low, high = max(part.first, first), min(part.last, last)
    if low > high:
        return None
    return {
        "range_from": low,
        "range_to": high,
        "amount": str(Decimal(high - low + 1) / 100 if high else whole),
        "status": part.status,
        "circulation": part.flag,
        "holder": _party(part.holder),
        "pledgee": _party(part.pledgee),
        "lock_reason": part.lock,
    }
