"""What institutions answer, with types: the one place that reads the plain JSON of a ``SourceAnswer``."""

from crossverify.answers.bank import Payment, PaymentAnswer
from crossverify.answers.base import GAP_CODES, NAMES, SOURCES, Answer, Gap, gap_of, read
from crossverify.answers.credit import CreditReport
from crossverify.answers.tax import CANCELLED_BY_TAX, TaxInvoice, Taxpayer

__all__ = [
    "CANCELLED_BY_TAX",
    "GAP_CODES",
    "NAMES",
    "SOURCES",
    "Answer",
    "CreditReport",
    "Gap",
    "Payment",
    "PaymentAnswer",
    "TaxInvoice",
    "Taxpayer",
    "gap_of",
    "read",
]
