"""Papers that both sides agree on: contracts, statements of account, notices of assignment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
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


def notice(number: str, owed: Owed, assignee: Company, day: date, account: str) -> AssignmentNotice:
    """The supplier tells the debtor to whom it owes now."""
    body = owed.primary
    return AssignmentNotice(
        number=number,
        issue_date=day,
        seller=body.seller,
        buyer=body.buyer,
        assignee=assignee.party(day),
        currency=body.currency,
        amount=owed.open(day),
        payment_account=assignee.account().model_copy(update={"account_id": account}),
        served_date=day + timedelta(days=1),
        served_how="platform",
        lines=(ListedInvoice(line_id="1", invoice_number=body.number, invoice_date=body.issue_date),),
    )


def acknowledgement(
    number: str, owed: Owed, told: AssignmentNotice, day: date, **fields: Any
) -> AssignmentAcknowledgement:
    """The debtor's answer to it."""
    values: dict[str, Any] = {
        "response": "accepted",
        "currency": owed.primary.currency,
        "acknowledged_amount": owed.open(day),
        "due_date": owed.due,
        "payment_account": told.payment_account,
    }
    return AssignmentAcknowledgement(
        number=number,
        issue_date=day,
        buyer=owed.primary.buyer,
        seller=owed.primary.seller,
        assignee=told.assignee,
        notice_number=told.number,
        notice_date=told.issue_date,
        **(values | fields),
    )
