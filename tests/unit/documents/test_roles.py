from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from consortium.documents import Document, Party
from consortium.documents.roles import (
    buyer_of,
    gross_of,
    issuer_of,
    parties_of,
    references_of,
    seller_of,
)
from tests.support.document_cases import BUYER, EUROPEAN_BUYER, SELLER, document, example

SELLER_PARTY, BUYER_PARTY = Party.model_validate(SELLER), Party.model_validate(BUYER)


@pytest.mark.parametrize(
    ("kind", "issuer"),
    [
        ("purchase_order", BUYER_PARTY),
        ("despatch_advice", SELLER_PARTY),
        ("goods_receipt", BUYER_PARTY),
        ("invoice", SELLER_PARTY),
        ("credit_note", SELLER_PARTY),
        ("debtor_confirmation", BUYER_PARTY),
    ],
)
def test_who_is_who(kind: str, issuer: Party) -> None:
    made = document(kind)
    assert seller_of(made) == SELLER_PARTY
    assert buyer_of(made) == BUYER_PARTY
    assert issuer_of(made) == issuer
    assert parties_of(made)[:2] == [SELLER_PARTY, BUYER_PARTY]


def test_goods_belong_to_the_holder_of_the_receipt() -> None:
    made = document("warehouse_receipt")
    assert seller_of(made) == SELLER_PARTY
    assert buyer_of(made) is None
    assert issuer_of(made) == BUYER_PARTY
    held = document("warehouse_receipt", holder=EUROPEAN_BUYER)
    assert seller_of(held) == Party.model_validate(EUROPEAN_BUYER)
    assert len(parties_of(held)) == 3


def test_everybody_with_a_role_is_named_once() -> None:
    made = document("invoice", payee=EUROPEAN_BUYER)
    assert parties_of(made) == [SELLER_PARTY, BUYER_PARTY, Party.model_validate(EUROPEAN_BUYER)]
    sent = document("despatch_advice", despatch_party=SELLER, delivery_party=EUROPEAN_BUYER)
    assert len(parties_of(sent)) == 3


def test_a_document_of_no_kind_has_no_issuer() -> None:
    with pytest.raises(TypeError):
        issuer_of(Document.model_construct(kind="note", number="1", issue_date=date(2026, 1, 1)))


@pytest.mark.parametrize(
    ("kind", "changes", "gross"),
    [
        ("invoice", {}, (Decimal("209.05"), "CNY")),
        ("credit_note", {}, (Decimal("209.05"), "CNY")),
        ("purchase_order", {}, (Decimal("209.05"), "CNY")),
        ("purchase_order", {"totals": None}, (Decimal("92.5"), "CNY")),
        ("debtor_confirmation", {}, (Decimal("209.05"), "CNY")),
        ("debtor_confirmation", {"confirmed_amount": None}, None),
        ("warehouse_receipt", {}, (Decimal(860000), "CNY")),
        ("warehouse_receipt", {"declared_value": None}, None),
        ("despatch_advice", {}, None),
        ("goods_receipt", {}, None),
    ],
)
def test_what_it_is_worth(kind: str, changes: dict[str, object], gross: tuple[Decimal, str] | None) -> None:
    assert gross_of(document(kind, **changes)) == gross


def test_an_order_whose_lines_have_no_amounts_has_no_worth() -> None:
    lines = [
        {key: each for key, each in example("purchase_order")["lines"][0].items() if key != "net_amount"}
    ]
    assert gross_of(document("purchase_order", totals=None, lines=lines)) is None


def test_references_are_named_once_with_kind_and_parties() -> None:
    lines = example("invoice")["lines"]
    lines[0] |= {"order_number": "PO-2026-0007", "receipt_number": "GR-2", "despatch_number": "DN-1"}
    lines[1] |= {"order_number": "PO-2026-0008"}
    made = document("invoice", lines=lines, preceding_invoices=[{"number": "INV-1"}])
    found = references_of(made)
    assert [(each.kind, each.number) for each in found] == [
        ("invoice", "INV-1"),
        ("purchase_order", "PO-2026-0007"),
        ("purchase_order", "PO-2026-0008"),
        ("goods_receipt", "GR-1"),
        ("goods_receipt", "GR-2"),
        ("despatch_advice", "DN-1"),
    ]
    assert {(each.seller, each.buyer) for each in found} == {(SELLER_PARTY, BUYER_PARTY)}


def test_references_of_the_other_kinds() -> None:
    pairs = {
        kind: [(each.kind, each.number) for each in references_of(document(kind))]
        for kind in (
            "purchase_order",
            "despatch_advice",
            "goods_receipt",
            "debtor_confirmation",
            "warehouse_receipt",
        )
    }
    assert pairs == {
        "purchase_order": [],
        "despatch_advice": [("purchase_order", "PO-2026-0007")],
        "goods_receipt": [("purchase_order", "PO-2026-0007"), ("despatch_advice", "DN-1")],
        "debtor_confirmation": [("invoice", "INV-2026-0042")],
        "warehouse_receipt": [],
    }
