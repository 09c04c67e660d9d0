"""Other documents as a document lists them: with amounts, where it says them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from consortium.documents.base import MAX_LINES, Day, Number, Part, Text
from consortium.documents.money import Amount

FapiaoCode = Annotated[str, StringConstraints(pattern=r"^(\d{10}|\d{12})$", strict=True)]
"""发票代码 of an older Chinese invoice."""
SomeLines: Final = Field(max_length=MAX_LINES)
"""Lines of a document that may have none."""


class ListedInvoice(Part):
    """One invoice in a list (应收账款明细). UBL: ``cac:BillingReference``, ``cac:StatementLine``."""

    line_id: Number
    """Line number (行号). UBL: ``cbc:ID``."""
    invoice_number: Number
    """The invoice (发票号). UBL: ``cac:InvoiceDocumentReference/cbc:ID``."""
    invoice_date: Day | None = None
    """The invoice's date (开票日期). UBL: ``cac:InvoiceDocumentReference/cbc:IssueDate``."""
    fapiao_code: FapiaoCode | None = None
    """发票代码 of an older Chinese invoice."""
    amount: Amount | None = None
    """How much of it is meant, with tax (金额); absent: all of it."""
    due_date: Day | None = None
    """Day on which it is due, as this document says (到期日)."""
    note: Text | None = None
    """Remark (备注). UBL: ``cbc:Note``."""

    def amounts(self) -> Iterator[Decimal]:
        """Its amounts of money."""
        if self.amount is not None:
            yield self.amount
