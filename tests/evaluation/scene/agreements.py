"""Papers that both sides agree on: contracts, statements of account, notices of assignment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from consortium.documents import AssignmentAcknowledgement, AssignmentNotice, Contract, StatementOfAccount
from consortium.documents.agreed import DueRule
from consortium.documents.listed import ListedInvoice
from consortium.documents.statement_of_account import StatementLine
from tests.evaluation.scene.companies import Company
from tests.evaluation.scene.scene import Owed, Pair


def contract(pair: Pair, seller: Company, day: date, **fields: Any) -> Contract:
    """The framework contract of a supplier with one buyer; terms count from the invoice, or from the statement."""
    values: dict[str, Any] = {
        "form": "framework",
        "subject": "零部件采购框架合同",
        "effective_date": day,
        "end_date": day + timedelta(days=730),
        "payment_terms": f"{'对账' if pair.monthly else '开票'}后{pair.terms}天付款",
        "due_rule": DueRule(basis="statement_date" if pair.monthly else "invoice_date", days=pair.terms),
        "governing_law": "DE" if pair.foreign else "CN",
    }
    return Contract(
        number=pair.contract,
        issue_date=day,
        seller=seller.party(day),
        buyer=pair.buyer.party(day),
        **(values | fields),
    )


def statement(
    number: str, owed: Owed, day: date, receipts: Sequence[str], *, by_buyer: bool
) -> StatementOfAccount:
    """A month's account: the deliveries, and the invoice that is written on them."""
    body = owed.primary
    return StatementOfAccount(
        number=number,
        issue_date=day,
        issued_by="buyer" if by_buyer else "seller",
        seller=body.seller,
        buyer=body.buyer,
        period_start=day.replace(day=1),
        period_end=day,
        contract_number=body.contract_number,
        currency=body.currency,
        acknowledged_amount=owed.open(day) if by_buyer else None,
        due_date=owed.due,
        lines=(
            StatementLine(
                line_id="1",
                document_number=body.number,
                document_date=body.issue_date,
                amount=body.totals.payable,
                due_date=owed.due,
            ),
        ),
        note="收货单：" + "、".join(receipts) if receipts else None,
    )


def notice(number: str, owed: Sequence[Owed], assignee: Company, day: date) -> AssignmentNotice:
    """The supplier tells one debtor to whom it owes some invoices now; the account stays the one they name."""
    body = owed[0].primary
    return AssignmentNotice(
        number=number,
        issue_date=day,
        seller=body.seller,
        buyer=body.buyer,
        assignee=assignee.party(day),
        currency=body.currency,
        amount=sum((each.claimed(day) for each in owed), Decimal(0)),
        payment_account=body.payee_account,
        served_date=day + timedelta(days=1),
        served_how="platform",
        served_proof="平台送达回执",
        lines=tuple(
            ListedInvoice(
                line_id=str(number),
                invoice_number=each.primary.number,
                invoice_date=each.primary.issue_date,
                amount=each.claimed(day),
            )
            for number, each in enumerate(owed, 1)
        ),
    )


def acknowledgement(number: str, told: AssignmentNotice, day: date) -> AssignmentAcknowledgement:
    """The debtor's answer to it."""
    return AssignmentAcknowledgement(
        number=number,
        issue_date=day,
        buyer=told.buyer,
        seller=told.seller,
        assignee=told.assignee,
        notice_number=told.number,
        notice_date=told.issue_date,
        response="accepted",
        currency=told.currency,
        acknowledged_amount=told.amount,
        payment_account=told.payment_account,
    )
