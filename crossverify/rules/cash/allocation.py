"""Which part of each payment is for which receivable, in the receivable's currency."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from crossverify.answers import Gap, Payment, PaymentAnswer

if TYPE_CHECKING:
    from crossverify.case import Case


class Paid(NamedTuple):
    """One payment and its part for one receivable; below zero where it takes an earlier one back."""

    payment: Payment
    amount: Decimal


def in_currency(payment: Payment, currency: str) -> Decimal | None:
    """A payment's amount in a currency: as booked, else as instructed; none where it says neither."""
    if payment.currency == currency:
        return payment.amount
    return payment.instructed_amount if payment.instructed_currency == currency else None


def allocate(case: Case, answers: Mapping[str, PaymentAnswer | Gap]) -> dict[str, list[Paid]]:
    """Parts of payments by receivable. The same entry under several receivables is one payment: what its remittance
    says goes where it says; the rest fills them in the order of the case, and what is left over falls on the last."""
    named: dict[str, list[str]] = defaultdict(list)
    for key, answer in answers.items():
        for payment in answer.payments if isinstance(answer, PaymentAnswer) else ():
            if payment.entry_reference:
                named[payment.entry_reference].append(key)
    left: dict[str, Decimal] = {}
    found: dict[str, list[Paid]] = {key: [] for key in answers}
    for receivable in case.receivables:
        key = receivable.fingerprint
        answer = answers[key]
        open_amount = receivable.face - receivable.credited
        for payment in answer.payments if isinstance(answer, PaymentAnswer) else ():
            whole = in_currency(payment, receivable.currency)
            others = named.get(payment.entry_reference, [key])
            if whole is None:
                part = Decimal(0)
            elif payment.document_amount is not None:
                part = payment.document_amount
            elif others[-1] == key:
                part = left.get(payment.entry_reference, whole) if payment.entry_reference else whole
            else:
                rest = left.get(payment.entry_reference, whole)
                part = min(rest, max(open_amount, Decimal(0)))
                left[payment.entry_reference] = rest - part
            signed = -part if payment.reversal else part
            open_amount -= signed
            found[key].append(Paid(payment, signed))
    return found
