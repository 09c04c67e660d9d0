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
    word_of_issuer,
)
from tests.support.document_cases import (
    BANK,
    BUYER,
    CARRIER,
    EUROPEAN_BUYER,
    EXAMPLES,
    SELLER,
    document,
    example,
)

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
        ("contract", SELLER_PARTY),
        ("statement_of_account", BUYER_PARTY),
        ("assignment_notice", SELLER_PARTY),
        ("assignment_acknowledgement", BUYER_PARTY),
        ("bill", BUYER_PARTY),
        ("transport_document", Party.model_validate(CARRIER)),
    ],
)
def test_who_is_who(kind: str, issuer: Party) -> None:
    made = document(kind)
    assert seller_of(made) == SELLER_PARTY
    assert buyer_of(made) == BUYER_PARTY
    assert issuer_of(made) == issuer
    assert parties_of(made)[:2] == [SELLER_PARTY, BUYER_PARTY]


def test_statement_and_notice_say_whose_word_they_are() -> None:
    assert issuer_of(document("statement_of_account", issued_by="seller")) == SELLER_PARTY
    assert issuer_of(document("assignment_notice", issued_by="assignee")) == Party.model_validate(BANK)


def test_a_third_party_is_the_other_side_of_what_it_says() -> None:
    attested, inspected = document("keeper_attestation"), document("inspection_report")
    assert (seller_of(attested), issuer_of(attested)) == (SELLER_PARTY, BUYER_PARTY)
    assert buyer_of(attested) == issuer_of(attested)
    assert buyer_of(inspected) == issuer_of(inspected) == Party.model_validate(CARRIER)
    assert BUYER_PARTY in parties_of(inspected), "the buyer of the goods may hand it in"


def test_who_holds_a_bill_is_its_seller() -> None:
    held = document("bill", holder=EUROPEAN_BUYER)
    assert seller_of(held) == Party.model_validate(EUROPEAN_BUYER)
    assert len(parties_of(held)) == 3


def test_whose_word_counts_only_from_the_issuer() -> None:
    own_word = {kind for kind in EXAMPLES if word_of_issuer(document(kind))}
    assert own_word == {
        "debtor_confirmation",
        "statement_of_account",
        "assignment_acknowledgement",
        "keeper_attestation",
        "inspection_report",
    }
    assert not word_of_issuer(document("statement_of_account", issued_by="seller"))


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
        ("contract", {}, (Decimal(5000000), "CNY")),
        ("contract", {"total_amount": None, "currency": None}, None),
        ("statement_of_account", {}, (Decimal("209.05"), "CNY")),
        ("statement_of_account", {"acknowledged_amount": None}, None),
        ("assignment_notice", {}, (Decimal("209.05"), "CNY")),
        ("assignment_acknowledgement", {}, (Decimal("209.05"), "CNY")),
        ("bill", {}, (Decimal("209.05"), "CNY")),
        ("financing_request", {}, (Decimal(160), "CNY")),
        ("keeper_attestation", {}, None),
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
            "contract",
            "statement_of_account",
            "assignment_notice",
            "assignment_acknowledgement",
            "bill",
            "transport_document",
            "financing_request",
            "keeper_attestation",
            "inspection_report",
        )
    }
    assert pairs == {
        "purchase_order": [],
        "despatch_advice": [("purchase_order", "PO-2026-0007")],
        "goods_receipt": [("purchase_order", "PO-2026-0007"), ("despatch_advice", "DN-1")],
        "debtor_confirmation": [("invoice", "INV-2026-0042")],
        "warehouse_receipt": [],
        "contract": [],
        "statement_of_account": [("invoice", "INV-2026-0042")],
        "assignment_notice": [("contract", "HT-2026-001"), ("invoice", "INV-2026-0042")],
        "assignment_acknowledgement": [
            ("assignment_notice", "ZR-2026-001"),
            ("invoice", "INV-2026-0042"),
        ],
        "bill": [("invoice", "INV-2026-0042")],
        "transport_document": [("purchase_order", "PO-2026-0007"), ("despatch_advice", "DN-1")],
        "financing_request": [("invoice", "INV-2026-0042")],
        "keeper_attestation": [("warehouse_receipt", "CD-2026-00017")],
        "inspection_report": [
            ("warehouse_receipt", "CD-2026-00017"),
            ("transport_document", "YD0000011"),
            ("despatch_advice", "DN-1"),
            ("purchase_order", "PO-2026-0007"),
        ],
    }
    split = document("bill", range_to=10000, amount="100", split_from=1, split_to=20905, lines=[])
    assert [(each.kind, each.number) for each in references_of(split)] == [
        ("bill", f"{split.number}|1|20905")
    ]
