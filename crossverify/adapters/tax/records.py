"""What the tax authority is told, as values: invoices as issued, their states, taxpayers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from consortium.documents.base import Day, Number, Text
from consortium.documents.canonical import canonical_bytes
from consortium.documents.invoice import InvoiceBase
from consortium.documents.money import Amount, Currency, decimal_text
from crossverify.adapters.strict import Flag, Identifier, StrictRecord
from crossverify.adapters.tax.keys import alias_keys, identifiers_of, own_keys, preceding_keys

MAX_FORMER_NAMES: Final = 50
MAX_MONTHS: Final = 120
MAX_COUNTERPARTIES: Final = 200
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Correction:
    """What a red-letter invoice or credit note takes back.

    :ivar keys: keys of the invoice that it corrects
    :ivar preceding_date: that invoice's date, ISO 8601, where it is said
    :ivar amount: of the whole note, with tax, positive, a decimal text
    """

    keys: tuple[str, ...]
    preceding_date: str
    amount: str


@dataclass(frozen=True, slots=True)
class TaxInvoice:
    """An invoice or credit note as issued.

    :ivar keys: its own keys; alias_keys: further ones, which others may have too
    :ivar seller_ids: identifiers as "scheme:value"; so are buyer_ids
    :ivar net: total without tax, a decimal text; so are tax (empty when it says none) and gross
    :ivar corrections: what it takes back, in its own order; of several invoices each up to its amount, and what is left
        of the last
    """

    kind: str
    number: str
    issue_date: str
    keys: tuple[str, ...]
    alias_keys: tuple[str, ...]
    seller_ids: tuple[str, ...]
    buyer_ids: tuple[str, ...]
    currency: str
    net: str
    tax: str
    gross: str
    corrections: tuple[Correction, ...] = ()

    def content(self) -> str:
        """Digest (hex) of what must not change once an invoice is issued."""
        facts = [
            self.kind,
            self.issue_date,
            sorted(self.seller_ids),
            sorted(self.buyer_ids),
            self.currency,
            self.net,
            self.tax,
            self.gross,
            [part for each in self.corrections for part in (list(each.keys), each.preceding_date)],
        ]
        return hashlib.sha256(canonical_bytes(facts)).hexdigest()


def tax_invoice(document: InvoiceBase) -> TaxInvoice:
    """An invoice or credit note as the tax authority keeps it."""
    totals = document.totals
    reversal = document.kind == "credit_note" or totals.gross < _ZERO
    preceding = document.preceding_invoices if reversal else ()
    corrections = tuple(
        Correction(
            keys=tuple(preceding_keys(document, each)),
            preceding_date=each.issue_date.isoformat() if each.issue_date else "",
            amount=decimal_text(abs(totals.gross)),
        )
        for each in preceding
    )
    return TaxInvoice(
        kind=document.kind,
        number=document.number,
        issue_date=document.issue_date.isoformat(),
        keys=tuple(own_keys(document)),
        alias_keys=tuple(alias_keys(document)),
        seller_ids=identifiers_of(document.seller),
        buyer_ids=identifiers_of(document.buyer),
        currency=document.currency,
        net=decimal_text(totals.net),
        tax="" if totals.tax is None else decimal_text(totals.tax),
        gross=decimal_text(totals.gross),
        corrections=corrections,
    )


class StateLine(StrictRecord):
    """The state of one invoice; what is absent stays as it is known.

    :ivar seller: identifier, needed where several sellers have the number
    :ivar code: 发票代码 of an older Chinese invoice
    :ivar issue_date: needed where the seller has the number several times
    :ivar red_amount: reversed by red-letter invoices, with tax
    :ivar use_confirmed: whether the buyer confirmed its use (用途确认)
    :ivar red_confirmation_open: whether a red-letter confirmation (红字确认单) is open
    :ivar red_confirmation_amount: its amount, with tax
    """

    number: Number
    seller: Identifier | None = None
    code: Number | None = None
    issue_date: Day | None = None
    state: Literal["normal", "void", "red_partial", "red_full"]
    red_amount: Amount | None = None
    use_confirmed: Flag | None = None
    red_confirmation_open: Flag | None = None
    red_confirmation_amount: Amount | None = None

    @model_validator(mode="after")
    def _confirmation_has_an_amount_while_open(self) -> Self:
        if self.red_confirmation_amount is not None and not self.red_confirmation_open:
            raise ValueError("red_confirmation_amount is given, and red_confirmation_open is not true")
        return self

    def red(self, gross: Decimal) -> Decimal:
        """The red amount that it states for an invoice.

        :raises ValueError: state and amount contradict each other
        """
        amount = self.red_amount
        if self.state == "red_full":
            if amount is not None and amount != gross:
                raise ValueError(
                    f"red_full, but red_amount is {decimal_text(amount)} of {decimal_text(gross)}"
                )
            return gross
        if self.state == "red_partial":
            if amount is None or not _ZERO < amount < gross:
                raise ValueError(f"red_partial needs a red_amount between 0 and {decimal_text(gross)}")
            return amount
        if amount:
            raise ValueError(f"{self.state}, but red_amount is {decimal_text(amount)}")
        return _ZERO


class TaxpayerRecord(StrictRecord):
    """A taxpayer as registered."""

    tax_id: Identifier
    state: Literal["active", "suspended", "revoked"]
    name: Text
    former_names: Annotated[tuple[Text, ...], Field(max_length=MAX_FORMER_NAMES)] = ()
    registered_on: Day | None = None


class MonthRecord(StrictRecord):
    """Declared sales of one month, without tax."""

    month: Annotated[str, Field(pattern=r"^\d{4}-(0[1-9]|1[0-2])$")]
    amount: Amount


class CounterpartyRecord(StrictRecord):
    """Somebody whom the taxpayer sold to or bought from; amount without tax over the months told."""

    party_id: Identifier
    name: Text
    role: Literal["customer", "supplier"]
    amount: Amount
    invoices: Annotated[int, Field(ge=0, le=10_000_000, strict=True)] = 0


class SalesRecord(StrictRecord):
    """What a taxpayer declared.

    :ivar sales_of: the taxpayer
    :ivar counterparties_complete: whether these are all counterparties
    """

    sales_of: Identifier
    currency: Currency
    months: Annotated[tuple[MonthRecord, ...], Field(max_length=MAX_MONTHS)]
    counterparties: Annotated[tuple[CounterpartyRecord, ...], Field(max_length=MAX_COUNTERPARTIES)] = ()
    counterparties_complete: Flag = False

    @model_validator(mode="after")
    def _each_month_once(self) -> Self:
        if len({each.month for each in self.months}) != len(self.months):
            raise ValueError("a month is there twice")
        return self

    def to_text(self) -> str:
        """The record as JSON, which ``model_validate_json`` reads."""
        months = [{"month": each.month, "amount": decimal_text(each.amount)} for each in self.months]
        others = [
            {
                "party_id": each.party_id,
                "name": each.name,
                "role": each.role,
                "amount": decimal_text(each.amount),
                "invoices": each.invoices,
            }
            for each in self.counterparties
        ]
        record = {
            "sales_of": self.sales_of,
            "currency": self.currency,
            "months": months,
            "counterparties": others,
            "counterparties_complete": self.counterparties_complete,
        }
        return canonical_bytes(record).decode()


def iso(day: date | None) -> str:
    """A date as text; empty when there is none."""
    return "" if day is None else day.isoformat()
