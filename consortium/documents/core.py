"""The core fields of a document: whether a second copy is "the same document again" or a conflict.

Number and kind come from the identity, and the parties that it names; the rest is here: the other parties, date,
currency and payable of an invoice, quantities of a receipt. Free text, addresses and references are not core:
an ERP that sends a document again with another remark sends the same document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from consortium.documents.base import Document
from consortium.documents.money import decimal_text
from consortium.documents.party import Party, primary_id
from consortium.documents.roles import buyer_of, gross_of, seller_of


def _text(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)


def _day(value: Any) -> str | None:
    return None if value is None else value.isoformat()


def _party(party: Party | None) -> str | None:
    return None if party is None else str(primary_id(party))


def _money(document: Any) -> list[Any]:
    gross = gross_of(document)
    return ["", ""] if gross is None else [gross[1], decimal_text(gross[0])]


def _despatch(document: Any) -> list[Any]:
    return [[line.line_id, _text(line.delivered), line.unit] for line in document.lines]


def _receipt(document: Any) -> list[Any]:
    lines = [[line.line_id, _text(line.received), _text(line.rejected), line.unit] for line in document.lines]
    return [document.despatch_status, *lines]


def _confirmation(document: Any) -> list[Any]:
    return [
        document.invoice_number,
        document.response_code,
        *_money(document),
        _day(document.due_date),
        document.set_off_waived,
    ]


def _warehouse(document: Any) -> list[Any]:
    return [
        document.storage_place,
        *([each.item.name, _text(each.quantity), each.unit] for each in document.lines),
    ]


_MORE: Final[Mapping[str, Callable[[Any], list[Any]]]] = {
    "purchase_order": _money,
    "invoice": _money,
    "credit_note": _money,
    "despatch_advice": _despatch,
    "goods_receipt": _receipt,
    "debtor_confirmation": _confirmation,
    "warehouse_receipt": _warehouse,
}


def core_fields(document: Document, *, official: bool) -> list[Any]:
    """A document's core fields as plain JSON values, in a fixed order.

    :param official: the identity is an official number, which names no party; any other names the issuer, and those of
        orders, despatch advices, goods receipts and confirmations the counterparty as well. A party that the identity
        names is not repeated here: it may be written with other identifiers in another copy of the same document.
    """
    parties = [_party(seller_of(document)), _party(buyer_of(document))]
    if not official:
        parties = {"invoice": parties[1:], "credit_note": parties[1:], "warehouse_receipt": parties[:1]}.get(
            document.kind, []
        )
    return [document.kind, *parties, document.issue_date.isoformat(), *_MORE[document.kind](document)]
