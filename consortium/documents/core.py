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


def _listed(document: Any) -> list[Any]:
    return [
        [line.invoice_number, line.fapiao_code, _text(line.amount), _day(line.due_date)]
        for line in document.lines
    ]


def _contract(document: Any) -> list[Any]:
    rule = document.due_rule
    return [
        *_money(document),
        document.form,
        None if rule is None else str(rule),
        document.assignment_barred,
        document.governing_law,
        _day(document.end_date),
    ]


def _statement(document: Any) -> list[Any]:
    return [
        document.currency,
        _text(document.acknowledged_amount),
        _text(document.closing_balance),
        _day(document.period_start),
        _day(document.period_end),
        _day(document.due_date),
        *(
            [line.document_kind, line.document_number, _text(line.amount), _day(line.due_date)]
            for line in document.lines
        ),
    ]


def _notice(document: Any) -> list[Any]:
    other = document.seller if document.issued_by == "assignee" else document.assignee
    account = document.payment_account
    return [
        _party(other),
        *_money(document),
        document.all_claims,
        None if account is None else account.account_id,
        *_listed(document),
    ]


def _acknowledgement(document: Any) -> list[Any]:
    account = document.payment_account
    return [
        _party(document.assignee),
        document.notice_number,
        document.response,
        *_money(document),
        _day(document.due_date),
        document.set_off_waived,
        None if account is None else account.account_id,
        *_listed(document),
    ]


def _bill(document: Any) -> list[Any]:
    """What a bill says for good; its holder changes with every endorsement."""
    parties = (document.drawer, document.acceptor, document.payee)
    return [*map(_party, parties), *_money(document), document.bill_type, _day(document.due_date)]


def _transport(document: Any) -> list[Any]:
    return [
        document.transport_type,
        _day(document.loading_date),
        *([line.item.name, _text(line.quantity), line.unit, line.container] for line in document.lines),
    ]


def _request(document: Any) -> list[Any]:
    return [
        _party(document.financier),
        document.product,
        *_money(document),
        *([line.document_kind, line.document_number, line.fapiao_code] for line in document.lines),
    ]


def _attestation(document: Any) -> list[Any]:
    return [
        document.storage_place,
        _day(document.counted_on),
        *(
            [line.receipt_number, line.state, _text(line.quantity), _text(line.released), line.unit]
            for line in document.lines
        ),
    ]


def _inspection(document: Any) -> list[Any]:
    return [
        _day(document.inspected_on),
        document.method,
        *([line.item.name, line.conforming, _text(line.found), line.unit] for line in document.lines),
    ]


_MORE: Final[Mapping[str, Callable[[Any], list[Any]]]] = {
    "purchase_order": _money,
    "invoice": _money,
    "credit_note": _money,
    "despatch_advice": _despatch,
    "goods_receipt": _receipt,
    "debtor_confirmation": _confirmation,
    "warehouse_receipt": _warehouse,
    "contract": _contract,
    "statement_of_account": _statement,
    "assignment_notice": _notice,
    "assignment_acknowledgement": _acknowledgement,
    "bill": _bill,
    "transport_document": _transport,
    "financing_request": _request,
    "keeper_attestation": _attestation,
    "inspection_report": _inspection,
}
_UNNAMED: Final[Mapping[str, slice]] = {
    "invoice": slice(1, 2),
    "credit_note": slice(1, 2),
    "warehouse_receipt": slice(0, 1),
    "keeper_attestation": slice(0, 1),
    "transport_document": slice(0, 2),
    "inspection_report": slice(0, 1),
}
"""Which of seller and buyer the identity of a kind does not name; every other identity names both, or one of them and
a party that is among the fields above."""


def core_fields(document: Document, *, official: bool) -> list[Any]:
    """A document's core fields as plain JSON values, in a fixed order.

    :param official: the identity is an official number, which names no party; any other names the issuer, and those of
        orders, despatch advices, goods receipts and confirmations the counterparty as well. A party that the identity
        names is not repeated here: it may be written with other identifiers in another copy of the same document.
    """
    parties = [_party(seller_of(document)), _party(buyer_of(document))]
    if document.kind == "bill":
        parties = []  # among the fields above, without the holder
    elif not official:
        parties = parties[_UNNAMED.get(document.kind, slice(0))]
    return [document.kind, *parties, document.issue_date.isoformat(), *_MORE[document.kind](document)]
