"""A seller that writes its own number beside its debtor's, or its keeper's, does not speak for either."""

from __future__ import annotations

from datetime import date

import pytest

from consortium.documents import Party
from tests.support.goods_world import KEEPER, attestation, goods_codes, goods_world, paper_of
from tests.support.terms_world import codes as terms_codes
from tests.support.terms_world import statement
from tests.support.trade_world import (
    BUYER,
    OTHER,
    SELLER,
    World,
    codes,
    codes2,
    confirmation,
    handle,
    invoice,
    order,
    receipt,
)


def with_the_sellers_number(who: Party) -> Party:
    """A party that bears the seller's number as well; the ledger then has it under the seller's handle."""
    both = who.model_copy(update={"identifiers": (*SELLER.identifiers, *who.identifiers)})
    assert handle(both) == handle(SELLER)
    return both


DEBTOR = with_the_sellers_number(BUYER)


@pytest.mark.parametrize("how", ["pushed_by", "signed_by"])
def test_a_confirmation_of_the_seller_stays_the_sellers(how: str) -> None:
    world = World(invoice())
    world.add(confirmation(buyer=DEBTOR), **({"pushed_by": handle(SELLER)} | {how: handle(SELLER)}))
    assert codes(world, "DEBTOR_CONFIRM") == [("UNKNOWN", "NOT_FROM_DEBTOR")]


def test_a_receipt_of_the_seller_stays_the_sellers() -> None:
    world = World(invoice(), order())
    world.add(receipt(buyer=DEBTOR), pushed_by=handle(SELLER))
    assert codes(world, "MATCH_QTY") == [("PASS", "WITHIN_SELLERS_RECEIPT")]
    assert codes2(world, "MATCH_QTY", 2) == [("PASS", "WITHIN_SELLERS_RECEIPT")]
    assert codes2(world, "FUTURE_RECEIVABLE") == [("PASS", "BY_SELLERS_PAPER")]


def test_a_statement_in_the_debtors_name_stays_the_sellers() -> None:
    world = World(invoice(due_date=None))
    paper = statement(buyer=DEBTOR, line={"due_date": date(2026, 8, 1)})
    world.add(paper, pushed_by=handle(SELLER))
    assert terms_codes(world, "AGEING") == [("UNKNOWN", "NO_DUE_DATE")]
    world.add(paper, pushed_by=handle(BUYER))
    assert terms_codes(world, "AGEING") == [("PASS", "CURRENT")]


def test_it_helps_nothing_to_write_another_seller_on_the_paper() -> None:
    seller = SELLER.model_copy(update={"identifiers": (*OTHER.identifiers, *SELLER.identifiers)})
    world = World(invoice())
    world.add(confirmation(buyer=DEBTOR, seller=seller), pushed_by=handle(SELLER), seller=handle(OTHER))
    assert codes(world, "DEBTOR_CONFIRM") == [("UNKNOWN", "NOT_FROM_DEBTOR")]


def test_the_debtors_own_word_counts_whatever_numbers_it_bears_there() -> None:
    world = World(invoice())
    world.add(confirmation(buyer=DEBTOR), pushed_by=handle(BUYER))
    assert codes(world, "DEBTOR_CONFIRM") == [("PASS", "ACCEPTED")]


@pytest.mark.parametrize("depositor", [SELLER, OTHER], ids=["own", "another"])
def test_an_attestation_of_the_seller_is_none_of_the_keeper(depositor: Party) -> None:
    world = goods_world(paper_of())
    body = attestation(keeper=with_the_sellers_number(KEEPER), depositor=depositor)
    world.add(body, pushed_by=handle(SELLER))
    assert goods_codes(world, "WR_EXISTS") == [("UNKNOWN", "NOT_FROM_KEEPER")]
    assert goods_codes(world, "WR_RELEASE") == [("UNKNOWN", "NOT_FROM_KEEPER")]
