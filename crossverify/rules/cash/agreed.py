"""What is agreed beside the invoice: accounts that a debtor may pay to, who may pay for it, and bills that it gave."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from consortium.documents import Bill, Invoice
from consortium.documents.party import same_party
from consortium.documents.roles import Reference
from crossverify.agreements import voices_of
from crossverify.answers import plain_account
from crossverify.evidence import EvidenceDocument
from crossverify.percase import per_case

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


@dataclass(frozen=True, slots=True, eq=False)
class AgreedAccount:
    """An account to pay to, and the document that says so.

    :ivar field: where it stands there
    :ivar since: from when on it replaces the invoice's; none for the invoice's own
    """

    account: str
    document: EvidenceDocument
    field: str
    since: date | None = None


def agreed_accounts(case: Case, receivable: Receivable) -> tuple[AgreedAccount, ...]:
    """Accounts that the invoice, a served notice of assignment, or the debtor's acknowledgement of one names."""
    found = [
        AgreedAccount(
            plain_account(each.account_id), receivable.primary, f"payee_accounts/{position}/account_id"
        )
        for position, each in enumerate(receivable.invoice.payee_accounts, 1)
    ]
    voices = voices_of(case)[receivable.fingerprint]
    for notice in voices.notices:
        account, since = notice.body.payment_account, notice.body.served_date
        if account is not None and since is not None:
            found.append(
                AgreedAccount(
                    plain_account(account.account_id), notice.item, "payment_account/account_id", since
                )
            )
    for said in voices.acknowledgements:
        account = said.body.payment_account
        if account is not None and said.body.response != "refused":
            since = said.body.issue_date
            found.append(
                AgreedAccount(
                    plain_account(account.account_id), said.item, "payment_account/account_id", since
                )
            )
    return tuple(each for each in found if each.account)


def allowed_payers(
    case: Case, receivable: Receivable, group_payers: Mapping[str, tuple[str, ...]]
) -> frozenset[str]:
    """Identifiers that may pay for a receivable's debtor: its own, its group's treasury as profile or desk list it, and
    members of its group.

    :param group_payers: of the profile
    """
    debtor = {str(each) for each in receivable.invoice.buyer.identifiers}
    desk = case.desk
    allowed = set(debtor)
    for each in sorted(debtor):
        allowed.update(group_payers.get(each, ()))
        allowed.update(desk.group_payers.get(each, ()))
    groups = {desk.groups[each] for each in debtor if desk.groups.get(each)}
    allowed.update(each for each, group in desk.groups.items() if group in groups)
    return frozenset(allowed)


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """A bill that was given for a receivable, and how much of it it pays."""

    item: EvidenceDocument
    bill: Bill
    amount: Decimal


@per_case
def bills_given(case: Case) -> Mapping[str, tuple[Given, ...]]:
    """Bills that name invoices they pay for, by receivable."""
    members = {item.fingerprint: each for each in case.receivables for item in each.members}
    found: dict[str, list[Given]] = defaultdict(list)
    for item in case.documents:
        body = item.document
        if isinstance(body, Bill) and item.state != "void":
            for receivable, amount in _named(case, body, members):
                found[receivable.fingerprint].append(Given(item, body, amount))
    return {key: tuple(each) for key, each in found.items()}


def _named(case: Case, bill: Bill, members: Mapping[str, Receivable]) -> Iterator[tuple[Receivable, Decimal]]:
    """Receivables that a bill names, with its part for each; together never more than the bill."""
    left = bill.amount
    for line in bill.lines:
        for seller in (bill.holder, bill.payee):
            reference = Reference(
                "invoice", line.invoice_number, seller, bill.drawer, line.invoice_date, line.fapiao_code
            )
            document = case.find(reference, bill)
            receivable = members.get(document.fingerprint) if document is not None else None
            if receivable is None or not isinstance(receivable.invoice, Invoice):
                continue
            drawn_for_it = same_party(bill.payee, receivable.invoice.seller) or (
                bill.holder is not None and same_party(bill.holder, receivable.invoice.seller)
            )
            if drawn_for_it and bill.currency == receivable.currency and left > 0:
                part = min(left, receivable.face if line.amount is None else line.amount)
                left -= part
                yield receivable, part
            break
