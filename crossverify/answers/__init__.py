"""What institutions answer, with types: the one place that reads the plain JSON of a ``SourceAnswer``."""

from crossverify.answers.bank import (
    AccountAnswer,
    Flow,
    FlowAccount,
    FlowMonth,
    FlowPayer,
    Payment,
    PaymentAnswer,
    account_reference,
    flow_reference,
    plain_account,
)
from crossverify.answers.base import GAP_CODES, NAMES, SOURCES, Answer, Gap, gap_of, read
from crossverify.answers.credit import CreditReport, Related
from crossverify.answers.registry import Registration, RegistryAmendment, RegistryAnswer, RegistryParty
from crossverify.answers.tax import (
    CANCELLED_BY_TAX,
    Counterparty,
    DeclaredSales,
    RedLetter,
    Sales,
    TaxInvoice,
    Taxpayer,
    sales_reference,
)

__all__ = [
    "CANCELLED_BY_TAX",
    "GAP_CODES",
    "NAMES",
    "SOURCES",
    "AccountAnswer",
    "Answer",
    "Counterparty",
    "CreditReport",
    "DeclaredSales",
    "Flow",
    "FlowAccount",
    "FlowMonth",
    "FlowPayer",
    "Gap",
    "Payment",
    "PaymentAnswer",
    "RedLetter",
    "Registration",
    "RegistryAmendment",
    "RegistryAnswer",
    "RegistryParty",
    "Related",
    "Sales",
    "TaxInvoice",
    "Taxpayer",
    "account_reference",
    "flow_reference",
    "gap_of",
    "plain_account",
    "read",
    "sales_reference",
]
