"""What a block means to a bank."""

from __future__ import annotations

from typing import Any

import pytest

from consortium.contract import names
from consortium.ledger.blocks import Block, decode_block
from finance_gateway.news import News, read_block
from tests.support.finance_blocks import CHAINCODE, envelope
from tests.support.ledger_fakes import make_block
from tests.support.trade_world import BANK

INVOICE, ORDER, ASSET = "a" * 64, "b" * 64, "c" * 64


def block(*envelopes: bytes, codes: list[int] | None = None) -> Block:
    return decode_block(make_block(7, envelopes, codes))


def news(*envelopes: bytes, codes: list[int] | None = None) -> News:
    return read_block(block(*envelopes, codes=codes), BANK, CHAINCODE)


def _register(status: str, links: list[Any] | None = None, **result: Any) -> bytes:
    item = {"kind": "goods_receipt", "links": links or [], "keys": [{"fp": INVOICE}]}
    return envelope(names.DOCUMENTS_REGISTER, [item], [{"status": status, "fp": INVOICE, **result}])


def test_a_document_that_refers_to_others_is_news_of_them() -> None:
    found = news(_register("registered", [{"parent": ORDER}]))
    assert found.things == {ORDER: "a goods receipt that refers to it was registered"}


def test_another_document_of_the_same_receivable_is_news() -> None:
    assert ASSET in news(_register("registered", grouped=True, asset=ASSET)).things


def test_other_content_under_the_same_number_is_news() -> None:
    assert "other content" in news(_register("conflict")).things[INVOICE]


@pytest.mark.parametrize("status", ["already", "refused"])
def test_what_changed_nothing_is_no_news(status: str) -> None:
    assert news(_register(status, [{"parent": ORDER}])).things == {}


@pytest.mark.parametrize(
    ("function", "status", "key"),
    [
        (names.DOCUMENTS_AMEND, "amended", "fp"),
        (names.DOCUMENTS_VOID, "voided", "fp"),
        (names.DOCUMENTS_TAKE_OVER, "taken_over", "fp"),
        (names.ENCUMBRANCES_FACT, "done", "asset"),
        (names.ENCUMBRANCES_RESERVE, "done", "asset"),
        (names.ENCUMBRANCES_FINANCE, "done", "asset"),
        (names.ASSETS_LINK, "linked", "asset"),
        (names.ASSETS_ALIAS, "joined", "asset"),
    ],
)
def test_changes_of_documents_and_assets_are_news(function: str, status: str, key: str) -> None:
    assert list(news(envelope(function, [{}], [{"status": status, key: ASSET}])).things) == [ASSET]
    assert news(envelope(function, [{}], [{"status": "refused"}])).things == {}


@pytest.mark.parametrize("function", [names.ENCUMBRANCES_RESERVE, names.ENCUMBRANCES_FINANCE])
def test_ones_own_claims_are_no_news(function: str) -> None:
    found = news(envelope(function, [{}], [{"status": "done", "asset": ASSET}], by=BANK))
    assert found.things == {}
    assert [each.op for each in found.operations] == ["o" * 32]


def test_a_claim_given_up_is_no_news() -> None:
    assert news(envelope(names.ENCUMBRANCES_RELEASE, [{}], [{"status": "done", "asset": ASSET}])).things == {}


def test_a_revoked_consent_is_news() -> None:
    found = news(envelope(names.CONSENTS_REVOKE, [{}], [{"status": "revoked", "id": "consent-1"}]))
    assert list(found.consents) == ["consent-1"]


def test_an_impaired_asset_is_told_with_its_holders() -> None:
    change = {"asset": ASSET, "state": "impaired", "shortfall": 250_000_000, "handles": ["h" * 64]}
    found = news(
        envelope(names.DOCUMENTS_VOID, [{}], [{"status": "voided", "fp": INVOICE}], changed=[change])
    )
    assert found.impaired == {ASSET: change}
    assert "25.00 %" in found.things[ASSET]


def test_invalid_transactions_and_other_chaincodes_say_nothing() -> None:
    void = envelope(names.DOCUMENTS_VOID, [{}], [{"status": "voided", "fp": INVOICE}], by=BANK)
    assert news(void, codes=[11]) == News()
    other = envelope(
        names.DOCUMENTS_VOID, [{}], [{"status": "voided", "fp": INVOICE}], by=BANK, chaincode="other"
    )
    assert news(other) == News()
    assert news(b"no envelope") == News()


def test_a_repeated_operation_is_the_banks_own_all_the_same() -> None:
    again = envelope(
        names.ENCUMBRANCES_RESERVE, [{}], [{"status": "done"}], by=BANK, event=b"", replayed=True
    )
    found = news(again)
    assert len(found.operations) == 1
    assert found.things == {}


@pytest.mark.parametrize("event", [b"not json", b"[]", b"{}", b'{"fn":"x","results":[{}]}'])
def test_what_cannot_be_read_is_counted_and_does_not_stop_the_rest(event: bytes) -> None:
    odd = envelope("documents:void", [{}], [{}], event=event)
    good = envelope(names.DOCUMENTS_VOID, [{}], [{"status": "voided", "fp": INVOICE}])
    found = news(odd, good)
    assert found.unreadable == 1
    assert list(found.things) == [INVOICE]
