from __future__ import annotations

from typing import Any

import pytest

from chanrong.demo.ubl_writer import to_ubl
from consortium.documents import DebtorConfirmation, DespatchAdvice, Document, GoodsReceipt
from consortium.documents.ubl import read_ubl
from tests.support.document_cases import EUROPEAN_BUYER, EUROPEAN_SELLER, document, example

LINE = example("goods_receipt")["lines"][0]
TRIPS: list[tuple[str, dict[str, Any]]] = [
    (
        "purchase_order",
        {"delivery": {"requested": {"start": "2026-02-01"}, "party_name": "仓库", "location_id": "1"}},
    ),
    ("purchase_order", {"validity_end": "2026-03-01", "quotation_number": "Q1", "sales_order_number": "S1"}),
    ("purchase_order", {"totals": None}),
    ("despatch_advice", {"despatch_party": EUROPEAN_SELLER, "delivery_party": EUROPEAN_BUYER}),
    (
        "despatch_advice",
        {"shipment": {"tracking": "T1", "despatch_date": "2026-01-11", "expected": {"end": "2026-01-13"}}},
    ),
    (
        "despatch_advice",
        {"delivery": {"address": {"city": "上海"}, "location_id": "1", "location_scheme": "0088"}},
    ),
    (
        "goods_receipt",
        {"shipment": {"delivery_date": "2026-01-14", "carrier": "顺达"}, "status_reason": "少一件"},
    ),
    ("goods_receipt", {"lines": [{"line_id": "1", "despatch_line": "1"}]}),
    (
        "goods_receipt",
        {"lines": [LINE | {"oversupply": "5", "received_date": "2026-01-14", "despatch_number": "D"}]},
    ),
    ("debtor_confirmation", {"clarifications": [{"list_id": "OPStatusReason", "code": "REF", "text": "x"}]}),
    ("debtor_confirmation", {"clarifications": [{"code": "OTH", "attribute": "BT-48", "value": "EU123"}]}),
    (
        "debtor_confirmation",
        {"fapiao_code": "3100123456", "invoice_number": "00456789", "set_off_waived": True},
    ),
    (
        "debtor_confirmation",
        {"confirmed_amount": None, "currency": None, "due_date": None, "set_off_waived": None},
    ),
]


@pytest.mark.parametrize(("kind", "changes"), TRIPS)
def test_what_is_written_is_read(kind: str, changes: dict[str, Any]) -> None:
    made = document(kind, **changes)
    assert read_ubl(to_ubl(made)) == made


def read(content: bytes) -> Any:
    found = read_ubl(content)
    assert isinstance(found, Document), found
    return found


def without(content: bytes, name: str) -> bytes:
    start, end = content.index(f"<cac:{name}>".encode()), content.index(f"</cac:{name}>".encode())
    return content[:start] + content[end + len(f"</cac:{name}>") :]


@pytest.mark.parametrize("kind", ["despatch_advice", "goods_receipt"])
def test_who_sends_and_receives_stands_in_for_seller_and_buyer(kind: str) -> None:
    content = to_ubl(document(kind, despatch_party=EUROPEAN_SELLER, delivery_party=EUROPEAN_BUYER))
    found = read(without(without(content, "SellerSupplierParty"), "BuyerCustomerParty"))
    assert isinstance(found, DespatchAdvice | GoodsReceipt)
    assert found.seller.name == "Lieferant GmbH"
    assert found.buyer.name == "Kunden AG Mitte"
    assert found.despatch_party is None
    assert found.delivery_party is None


def test_a_receipt_without_quantities_has_none() -> None:
    found = read(to_ubl(document("goods_receipt", lines=[{"line_id": "1", "despatch_line": "1"}])))
    assert isinstance(found, GoodsReceipt)
    assert found.lines[0].received is None
    assert found.lines[0].accepted is None


def test_accepted_is_received_less_rejected() -> None:
    found = read(to_ubl(document("goods_receipt")))
    assert isinstance(found, GoodsReceipt)
    assert str(found.lines[0].accepted) == "88"


def test_quantities_of_one_line_have_one_unit() -> None:
    content = to_ubl(document("goods_receipt")).replace(
        b'<cbc:ShortQuantity unitCode="C62">', b'<cbc:ShortQuantity unitCode="KGM">'
    )
    found = read_ubl(content)
    assert not isinstance(found, Document)
    assert [(each.path, each.rule) for each in found] == [
        ("/ReceiptAdvice/cac:ReceiptLine/cbc:ShortQuantity", "ELEMENT_REPEATED")
    ]


def test_an_order_line_without_quantity_is_told() -> None:
    content = to_ubl(document("purchase_order")).replace(
        b'<cbc:Quantity unitCode="C62">100</cbc:Quantity>', b""
    )
    found = read_ubl(content)
    assert isinstance(found, tuple)
    assert {each.path for each in found} == {
        "/Order/cac:OrderLine/cac:LineItem/cbc:Quantity",
        "/Order/cac:OrderLine/cac:LineItem/cbc:Quantity/@unitCode",
    }


RESPONSE = to_ubl(document("debtor_confirmation"))


def test_our_conditions_are_not_taken_for_business_terms() -> None:
    found = read(RESPONSE.replace(b' schemeID="CHANRONG"', b""))
    assert isinstance(found, DebtorConfirmation)
    assert found.confirmed_amount is None
    assert [each.attribute for each in found.clarifications][:2] == ["CONFIRMED-AMOUNT", "CURRENCY"]


@pytest.mark.parametrize(
    "content",
    [
        RESPONSE.replace(b"invoice_response", b"mlr"),
        RESPONSE.replace(b"urn:fdc:peppol.eu:poacc:trns:invoice_response:3", b"x").replace(
            b"urn:fdc:peppol.eu:poacc:bis:invoice_response:3", b""
        ),
    ],
)
def test_other_application_responses_are_not_confirmations(content: bytes) -> None:
    found = read_ubl(content)
    assert isinstance(found, tuple)
    assert [each.rule for each in found] == ["DOCUMENT_TYPE_UNSUPPORTED"]


def test_a_response_without_profile_is_known_by_its_code() -> None:
    bare = RESPONSE.replace(b"urn:fdc:peppol.eu:poacc:trns:invoice_response:3", b"").replace(
        b"urn:fdc:peppol.eu:poacc:bis:invoice_response:3", b""
    )
    assert read(bare) == document("debtor_confirmation")
    assert isinstance(read_ubl(bare.replace(b">AP<", b">ZZ<")), tuple)
