"""INV_AUTHENTIC, version 2: does tax know this invoice, with the same figures?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from consortium.documents import Invoice
from crossverify.answers import TaxInvoice
from crossverify.evidence import EvidenceDocument
from crossverify.rule import Outcome, Text, Verdict
from crossverify.rules.invoice.inv_authentic_v1 import InvAuthentic as First
from crossverify.rules.invoice.inv_authentic_v1 import InvAuthenticThresholds
from crossverify.rules.invoice.inv_authentic_v1 import judge as judge_first

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

_DATE = frozenset({"issue_date"})


class InvAuthentic(First):
    """Tax compares number, date, both tax ids, currency, net, tax and gross; never due date or order number.
    Of a commercial invoice with its Chinese tax invoices, those are asked about. Where only the commercial invoice is
    here, tax is asked about the one 数电票 that it names, whose date is another; of several that it names, none.

    - PASS: known and agrees. WARN: not known yet: the answer is from before the issue date, or less than a
      day after it.
    - FAIL: not known, or a field differs. UNKNOWN: tax was not asked, is silent or stale; the invoice names several
      数电票 that are not here. NOT_APPLICABLE: never.
    """

    version = 2
    explains: ClassVar = {
        **First.explains,
        "NAMES_SEVERAL": Text(
            "A commercial invoice names several tax invoices that are not here, and tax knows those only. Ask the "
            "seller for them.",
            "商业发票列明多张未提交的税务发票，税务端只能查到后者。请卖方补充提交。",
        ),
    }

    def evaluate(self, case: Case, thresholds: InvAuthenticThresholds) -> Iterator[Verdict]:
        """See the class."""
        for receivable in case.receivables:
            for item in case.tax_documents(receivable):
                yield _judge(case, receivable, item, thresholds.visible_after_hours)


def _judge(case: Case, receivable: Receivable, item: EvidenceDocument, hours: int) -> Verdict:
    body = item.document
    assert isinstance(body, Invoice)
    named = [each for each in body.fapiao if each.number != body.number]
    answer = case.tax_invoice(item.fingerprint)
    if named and not case.official(item) and isinstance(answer, TaxInvoice):
        own = case.of_document(item, "number", body.number)
        numbers = case.of_document(item, "fapiao", ", ".join(each.number for each in named))
        if not answer.known and len(named) > 1:
            text = f"Invoice {body.number} names {len(named)} tax invoices that are not here; tax knows those only."
            return Verdict(receivable.fingerprint, Outcome.UNKNOWN, "NAMES_SEVERAL", text, (numbers, own))
        if answer.known and answer.differing and set(answer.differing) <= _DATE:
            text = f"Tax knows the 数电票 that invoice {body.number} names, with the same figures."
            told = case.of_source("tax", item.fingerprint, "known", "true")
            return Verdict(receivable.fingerprint, Outcome.PASS, "AGREES", text, (told, numbers, own))
    return judge_first(case, receivable, item, hours)
