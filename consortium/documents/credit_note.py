"""Credit note (红字发票). UBL: ``CreditNote``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from consortium.documents.base import Code
from consortium.documents.codes import CREDIT_NOTE_TYPES
from consortium.documents.invoice import InvoiceBase


def _credit_note_type(value: str) -> str:
    if value not in CREDIT_NOTE_TYPES:
        raise PydanticCustomError(
            "TYPE_UNKNOWN", "This is not a type of credit note (UNTDID 1001, EN 16931 BT-3)."
        )
    return value


class CreditNote(InvoiceBase):
    """What a seller takes back of an invoice (红字发票、贷项通知单). UBL: ``CreditNote``.

    Amounts are positive: they are what is credited. ``preceding_invoices`` names what it corrects.
    """

    kind: Literal["credit_note"] = "credit_note"
    """Kind of document."""
    type_code: Annotated[Code, AfterValidator(_credit_note_type)] = "381"
    """BT-3: type, UNTDID 1001: 381 credit note, 396 factored credit note, ..."""
