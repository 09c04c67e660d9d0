from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from chanrong.demo.ubl_writer import to_ubl
from consortium.documents import Document, Party, PartyId
from consortium.documents.fingerprint import (
    ConsortiumKeys,
    alias_identities,
    identities,
    normalised_number,
    party_id,
)
from consortium.documents.json_reader import document_from
from consortium.documents.roles import Reference, references_of
from consortium.documents.ubl import read_ubl
from consortium.errors import ConfigurationError, InvalidInputError
from tests.support.document_cases import (
    BUYER,
    EUROPEAN_BUYER,
    EUROPEAN_SELLER,
    EXAMPLES,
    SELLER,
    UBL_KINDS,
    document,
    example,
    rewritten,
)

KEYS = ConsortiumKeys.create({1: b"\x01" * 32, 2: b"\x02" * 32}, 2, b"\x03" * 32)
DIGITAL = "26312000000123456789"


def european(**changes: Any) -> Document:
    values = {"seller": EUROPEAN_SELLER, "buyer": EUROPEAN_BUYER, "currency": "EUR"} | changes
    return document("invoice", **values)


# -- numbers


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("INV-2026/0042", "INV20260042"),
        ("inv 2026 0042", "INV20260042"),
        ("ＩＮＶ２０２６－００４２", "INV20260042"),
        ("018304 / 28865", "1830428865"),
        ("000123", "123"),
        ("0000", "0"),
        ("A00123", "A00123"),
        ("061828591|01/10/2020|0|1.1|0|1", "618285910110202001101"),
        ("发票〔2026〕7号", "发票20267号"),
        ("---", "---"),
    ],
)
def test_numbers_are_compared_without_their_dress(written: str, number: str) -> None:
    assert normalised_number(written) == number


@given(st.text(min_size=1))
def test_a_normalised_number_stays_as_it_is(written: str) -> None:
    once = normalised_number(written)
    assert normalised_number(once) == once


# -- the same thing, whoever brings it


@given(st.data(), st.sampled_from(sorted(EXAMPLES)))
def test_the_same_document_through_two_gateways_has_the_same_names(data: st.DataObject, kind: str) -> None:
    again = document_from(data.draw(rewritten(example(kind))))
    assert isinstance(again, Document)
    other_gateway = ConsortiumKeys.from_json(
        json.dumps({"current": 2, "epochs": {"2": "02" * 32, "1": "01" * 32}, "party": "03" * 32})
    )
    assert other_gateway.keys_of(again) == KEYS.keys_of(document(kind))
    assert KEYS.fingerprint(again) == KEYS.fingerprint(document(kind))
    assert KEYS.tag(again) == KEYS.tag(document(kind))


@pytest.mark.parametrize("kind", UBL_KINDS)
def test_it_does_not_matter_in_which_format_it_comes(kind: str) -> None:
    read = read_ubl(to_ubl(document(kind)))
    assert isinstance(read, Document)
    assert KEYS.keys_of(read) == KEYS.keys_of(document(kind))


def test_what_is_not_core_does_not_matter() -> None:
    seller = EXAMPLES["invoice"]["seller"]
    again = document(
        "invoice",
        number="inv/2026 0042",
        note="再次发送",
        order_number=None,
        payment_terms="30天",
        seller=seller | {"name": "苏州恒昌紧固件有限公司（原：恒昌五金）", "address": None},
    )
    assert KEYS.keys_of(again) == KEYS.keys_of(document("invoice"))


CORE = [
    ("invoice", {"totals": EXAMPLES["invoice"]["totals"] | {"payable": "209.04"}}),
    ("invoice", {"issue_date": "2026-01-16"}),
    ("invoice", {"currency": "USD"}),
    ("invoice", {"buyer": EUROPEAN_BUYER}),
    ("purchase_order", {"totals": EXAMPLES["purchase_order"]["totals"] | {"payable": "1"}}),
    ("despatch_advice", {"lines": [EXAMPLES["despatch_advice"]["lines"][0] | {"delivered": "89"}]}),
    ("goods_receipt", {"lines": [EXAMPLES["goods_receipt"]["lines"][0] | {"rejected": "3"}]}),
    ("goods_receipt", {"despatch_status": "AP"}),
    ("contract", {"due_rule": {"basis": "receipt_date", "days": 90}}),
    ("contract", {"assignment_barred": False}),
    ("statement_of_account", {"acknowledged_amount": "200"}),
    ("assignment_notice", {"payment_account": {"account_id": "1"}}),
    ("assignment_notice", {"assignee": BUYER}),
    ("assignment_acknowledgement", {"response": "accepted"}),
    ("bill", {"acceptor": SELLER}),
    ("bill", {"due_date": "2026-07-21"}),
    ("transport_document", {"loading_date": "2026-01-11"}),
    ("financing_request", {"financier": BUYER}),
    ("keeper_attestation", {"counted_on": "2026-01-30"}),
    ("inspection_report", {"method": "full"}),
    ("debtor_confirmation", {"response_code": "RE"}),
    ("debtor_confirmation", {"confirmed_amount": "200"}),
    ("debtor_confirmation", {"set_off_waived": True}),
    ("warehouse_receipt", {"storage_place": "4号库"}),
    ("warehouse_receipt", {"depositor": EUROPEAN_BUYER}),
    ("credit_note", {"totals": EXAMPLES["credit_note"]["totals"] | {"payable": "1"}}),
]


@pytest.mark.parametrize(("kind", "changes"), CORE)
def test_another_core_field_is_a_conflict(kind: str, changes: dict[str, Any]) -> None:
    changed, first = document(kind, **changes), document(kind)
    assert KEYS.fingerprint(changed) == KEYS.fingerprint(first)
    assert KEYS.tag(changed) != KEYS.tag(first)


OTHERS = [
    ("invoice", {"number": "INV-2026-0043"}),
    ("invoice", {"seller": EUROPEAN_SELLER}),
    ("invoice", {"issue_date": "2025-12-31"}),
    ("credit_note", {"issue_date": "2025-12-31"}),
    ("purchase_order", {"seller": EUROPEAN_SELLER}),
    ("purchase_order", {"buyer": EUROPEAN_BUYER}),
    ("despatch_advice", {"buyer": EUROPEAN_BUYER}),
    ("warehouse_receipt", {"keeper": EUROPEAN_SELLER}),
]


@pytest.mark.parametrize(("kind", "changes"), OTHERS)
def test_another_identity_is_another_document(kind: str, changes: dict[str, Any]) -> None:
    assert KEYS.fingerprint(document(kind, **changes)) != KEYS.fingerprint(document(kind))


def test_an_order_may_be_dated_anew_but_not_silently() -> None:
    again = document("purchase_order", issue_date="2025-12-31")
    assert KEYS.fingerprint(again) == KEYS.fingerprint(document("purchase_order"))
    assert KEYS.tag(again) != KEYS.tag(document("purchase_order"))


def test_a_bill_is_the_same_bill_whoever_holds_it() -> None:
    again = document("bill", holder=EUROPEAN_BUYER, state="CS06", endorsements=[], lines=[])
    assert KEYS.keys_of(again) == KEYS.keys_of(document("bill"))


def test_parts_of_one_bill_are_different_things() -> None:
    part = document("bill", range_to=10000, amount="100", lines=[])
    assert KEYS.fingerprint(part) != KEYS.fingerprint(document("bill"))


@pytest.mark.parametrize(("written", "part"), [("{}|1|20905", {}), ("{}", {"range_from": 0, "range_to": 0})])
def test_a_request_meets_its_bill(written: str, part: dict[str, Any]) -> None:
    bill = document("bill", **part)
    line = EXAMPLES["financing_request"]["lines"][0]
    asked = document(
        "financing_request",
        lines=[line | {"document_kind": "bill", "document_number": written.format(bill.number)}],
    )
    (reference,) = references_of(asked)
    assert KEYS.parent_fingerprint(reference, asked) == KEYS.fingerprint(bill)


@pytest.mark.parametrize(
    ("kind", "parent", "changes"),
    [
        ("statement_of_account", "invoice", {}),
        ("assignment_notice", "contract", {}),
        ("assignment_notice", "invoice", {}),
        ("assignment_acknowledgement", "assignment_notice", {}),
        ("bill", "invoice", {}),
        ("transport_document", "purchase_order", {}),
        ("transport_document", "despatch_advice", {}),
        ("inspection_report", "warehouse_receipt", {}),
        ("keeper_attestation", "warehouse_receipt", {}),
    ],
)
def test_later_kinds_meet_what_they_refer_to(kind: str, parent: str, changes: dict[str, Any]) -> None:
    made = document(kind, **changes)
    (reference,) = [each for each in references_of(made) if each.kind == parent]
    assert KEYS.fingerprint(document(parent)) in KEYS.parent_fingerprints(reference, made)


def test_an_acknowledgement_meets_the_assignees_own_notice() -> None:
    notice = document("assignment_notice", issued_by="assignee")
    answer = document("assignment_acknowledgement", notice_issued_by="assignee")
    (reference,) = [each for each in references_of(answer) if each.kind == "assignment_notice"]
    assert KEYS.parent_fingerprint(reference, answer) == KEYS.fingerprint(notice)


def test_kinds_never_share_a_name() -> None:
    made = [document(kind, number="1234567890123456") for kind in EXAMPLES]
    assert len({KEYS.fingerprint(each) for each in made}) == len(made)


# -- parties with several identifiers


def test_one_identifier_in_common_is_enough_to_meet() -> None:
    vat_only = EUROPEAN_SELLER | {"identifiers": [{"scheme": "vat", "value": "DE136695976"}]}
    legal_only = EUROPEAN_SELLER | {"identifiers": [{"scheme": "legal-de", "value": "HRB1234"}]}
    whole = {(key.fp, key.tag) for key in KEYS.keys_of(european())}
    for seller in (vat_only, legal_only):
        keys = {(key.fp, key.tag) for key in KEYS.keys_of(european(seller=seller))}
        assert keys
        assert keys <= whole
    gln_only = EUROPEAN_SELLER | {"identifiers": [{"scheme": "gln", "value": "4000001123452"}]}
    assert not whole & {(key.fp, key.tag) for key in KEYS.keys_of(european(seller=gln_only))}


def test_keys_are_bounded() -> None:
    seller = EUROPEAN_SELLER | {"identifiers": [{"scheme": "vat", "value": f"DE{n}"} for n in range(9)]}
    assert len(KEYS.keys_of(european(seller=seller))) == 4 * 2


# -- Chinese tax invoices


def digital(**changes: Any) -> Document:
    return document("invoice", **({"number": DIGITAL} | changes))


def test_a_digital_fapiao_is_its_twenty_digits_alone() -> None:
    declared = digital(fapiao=[{"fapiao_kind": "digital_special", "number": DIGITAL}])
    assert identities(declared) == identities(digital()) == [("cn-digital", DIGITAL)]
    other_seller = EXAMPLES["invoice"]["buyer"]
    assert KEYS.fingerprint(digital(seller=other_seller)) == KEYS.fingerprint(declared)
    assert KEYS.tag(digital(seller=other_seller)) != KEYS.tag(declared)
    assert KEYS.keys_of(digital()) == KEYS.keys_of(declared)
    assert alias_identities(declared) == []


def test_twenty_digits_of_a_foreign_seller_are_its_own_number() -> None:
    assert identities(european(number=DIGITAL))[0][0] == "invoice"


def test_a_red_fapiao_meets_itself_as_invoice_and_as_credit_note() -> None:
    assert KEYS.fingerprint(document("credit_note", number=DIGITAL)) == KEYS.fingerprint(digital())


def test_an_older_fapiao_is_code_and_number_and_no_digital_one() -> None:
    older = document(
        "invoice",
        number="00456789",
        fapiao=[{"fapiao_kind": "special", "number": "00456789", "code": "310012345678"}],
    )
    assert identities(older) == [("cn-code", "310012345678", "00456789")]
    assert KEYS.fingerprint(older) != KEYS.fingerprint(digital(number="31001234567800456789"))


def test_a_commercial_invoice_has_its_fapiao_as_aliases() -> None:
    fapiao = [
        {"fapiao_kind": "digital_special", "number": DIGITAL},
        {"fapiao_kind": "ordinary", "number": "00456789", "code": "3100123456"},
    ]
    commercial = document("invoice", fapiao=fapiao)
    keys = KEYS.keys_of(commercial)
    own = [key for key in keys if not key.alias]
    aliases = [key for key in keys if key.alias]
    assert own == list(KEYS.keys_of(document("invoice")))
    assert {key.fp for key in aliases} >= {key.fp for key in KEYS.keys_of(digital())}
    assert len(aliases) == 4
    assert {key.tag for key in aliases} == {""}
    assert all(key.tag for key in own)


# -- epochs, handles, key file


def test_the_first_key_is_primary_and_current_and_every_epoch_is_there() -> None:
    keys = KEYS.keys_of(document("invoice"))
    assert [key.epoch for key in keys] == [2, 1]
    assert keys[0].fp == KEYS.fingerprint(document("invoice")) == KEYS.fingerprint(document("invoice"), 2)
    assert keys[1].fp == KEYS.fingerprint(document("invoice"), 1)
    assert keys[1].tag == KEYS.tag(document("invoice"), 1)
    before = ConsortiumKeys.create({1: b"\x01" * 32}, 1, b"\x03" * 32)
    assert before.keys_of(document("invoice"))[0] == keys[1]
    assert len({keys[0].fp, keys[0].tag, keys[1].fp, keys[1].tag}) == 4
    with pytest.raises(InvalidInputError) as raised:
        KEYS.fingerprint(document("invoice"), 3)
    assert raised.value.reason == "EPOCH_UNKNOWN"


def test_handles_are_the_same_in_every_epoch_and_writing() -> None:
    identifier = PartyId(scheme="uscc", value="91310115MA1K3BTP2B")
    handle = KEYS.party_handle(identifier)
    assert handle == KEYS.party_handle("USCC:91310115ma1k3btp2b")
    assert handle == KEYS.handle_of(Party(name="x", identifiers=(identifier,)))
    assert handle == ConsortiumKeys.create({7: b"\x09" * 32}, 7, b"\x03" * 32).party_handle(identifier)
    assert handle != ConsortiumKeys.create({2: b"\x02" * 32}, 2, b"\x04" * 32).party_handle(identifier)
    assert len(handle) == 64


@pytest.mark.parametrize("text", ["", "91310115MA1K3BTP2B", "uscc:", ":1", "a b:1"])
def test_what_names_no_party_is_refused(text: str) -> None:
    with pytest.raises(InvalidInputError) as raised:
        party_id(text)
    assert raised.value.reason == "PARTY_ID_INVALID"


@pytest.mark.parametrize(
    "data",
    [
        "",
        "[]",
        "{}",
        '{"current": 1, "epochs": {}, "party": "00"}',
        '{"current": 1, "epochs": {"1": "zz"}, "party": "00"}',
        json.dumps({"current": 2, "epochs": {"1": "01" * 32}, "party": "03" * 32}),
        json.dumps({"current": 1, "epochs": {"1": "01" * 31}, "party": "03" * 32}),
        json.dumps({"current": 1, "epochs": {"1": "01" * 32}, "party": "03" * 31}),
        json.dumps({"current": 0, "epochs": {"0": "01" * 32}, "party": "03" * 32}),
    ],
)
def test_a_malformed_key_file_is_told(data: str) -> None:
    with pytest.raises(ConfigurationError):
        ConsortiumKeys.from_json(data)


def test_secrets_are_never_shown() -> None:
    assert "\\x" not in repr(KEYS)
    assert repr(KEYS) == "ConsortiumKeys(current=2, epochs=[1, 2])"


# -- references


@pytest.mark.parametrize(
    ("child", "parent"),
    [
        ("invoice", "purchase_order"),
        ("invoice", "goods_receipt"),
        ("despatch_advice", "purchase_order"),
        ("goods_receipt", "purchase_order"),
        ("goods_receipt", "despatch_advice"),
        ("credit_note", "invoice"),
        ("credit_note", "purchase_order"),
        ("debtor_confirmation", "invoice"),
    ],
)
def test_a_reference_finds_its_document(child: str, parent: str) -> None:
    made = document(child)
    (reference,) = [each for each in references_of(made) if each.kind == parent]
    assert KEYS.parent_fingerprint(reference, made) == KEYS.fingerprint(document(parent))
    candidates = KEYS.parent_fingerprints(reference, made)
    assert candidates[0] == KEYS.fingerprint(document(parent))
    assert KEYS.fingerprint(document(parent), 1) in candidates
    assert len(set(candidates)) == len(candidates)


def test_a_reference_without_date_tries_the_year_before() -> None:
    note = document("credit_note", preceding_invoices=[{"number": "INV-2026-0042"}])
    (reference,) = [each for each in references_of(note) if each.kind == "invoice"]
    old = document("invoice", issue_date="2025-12-31")
    assert KEYS.parent_fingerprint(reference, note) == KEYS.fingerprint(document("invoice"))
    assert KEYS.fingerprint(old) in KEYS.parent_fingerprints(reference, note)


def test_references_to_chinese_invoices_are_by_official_number() -> None:
    note = document("credit_note", preceding_invoices=[{"number": DIGITAL}])
    (reference,) = [each for each in references_of(note) if each.kind == "invoice"]
    assert KEYS.parent_fingerprint(reference, note) == KEYS.fingerprint(digital(issue_date="2020-01-01"))
    older = document(
        "invoice",
        number="00456789",
        fapiao=[{"fapiao_kind": "special", "number": "00456789", "code": "3100123456"}],
    )
    confirmation = document("debtor_confirmation", invoice_number="00456789", fapiao_code="3100123456")
    (reference,) = references_of(confirmation)
    assert KEYS.parent_fingerprint(reference, confirmation) == KEYS.fingerprint(older)


def test_a_reference_meets_parties_that_are_written_otherwise() -> None:
    order = document(
        "purchase_order",
        buyer=EUROPEAN_BUYER,
        seller=EUROPEAN_SELLER | {"identifiers": [{"scheme": "legal-de", "value": "HRB1234"}]},
    )
    invoice = european()
    (reference,) = [each for each in references_of(invoice) if each.kind == "purchase_order"]
    assert KEYS.fingerprint(order) in KEYS.parent_fingerprints(reference, invoice)


def test_a_reference_without_parties_takes_the_issuer() -> None:
    invoice = document("invoice")
    reference = Reference("invoice", "X-1", None, None, date(2026, 1, 1))
    assert KEYS.parent_fingerprint(reference, invoice) == KEYS.fingerprint(document("invoice", number="X1"))


@given(st.sampled_from(sorted(EXAMPLES)), st.text(min_size=1, max_size=20))
def test_fingerprints_reveal_no_number(kind: str, number: str) -> None:
    made = document_from(example(kind, number=number))
    assume(isinstance(made, Document))
    assert isinstance(made, Document)
    assert KEYS.fingerprint(made, 1) != KEYS.fingerprint(made, 2)
