"""Whole made-up trades through the whole profile: honest noise stays eligible, what is not honest does
not."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import get_args

import pytest

from chanrong.demo.trades import Shape, Trades, make_trades
from consortium.documents.party import primary_id
from crossverify.decision import Decision
from crossverify.engine import Evaluation, evaluate
from crossverify.evidence import SubjectInfo
from crossverify.profiles import RECEIVABLE_V2
from crossverify.profiles.model import settings
from tests.support.trade_world import World, decided, fp, handle

SECOND = {"MATCH_QTY": 2, "MATCH_PRICE": 2, "PO_EXHAUSTED": 2, "DATE_ORDER": 2, "PRICE_FAIR": 1}


def world_of(trades: Trades) -> World:
    """The first seller asks; tax knows the invoices and has the credit notes in red."""
    (seller,) = trades.sellers
    identifier = str(primary_id(seller))
    world = World(*trades.documents)
    world.subject = SubjectInfo(handle=handle(seller), identifiers=(identifier,), name=seller.name or "")
    world.consents = (world.consents[0].model_copy(update={"subject": handle(seller)}),)
    world.credit = {identifier: {"known": True}}
    world.taxpayer(seller)
    world.taxpayer(trades.buyer)
    for trade in trades.trades:
        for note in trade.credit_notes:
            world.tax[fp(trade.invoices[0])] |= {
                "state": "red_partial",
                "red_amount": str(note.totals.gross),
            }
    world.link()
    last = max(document.issue_date for document in trades.documents)
    world.now = int(datetime.combine(last, datetime.min.time(), UTC).timestamp()) + 3600
    for consent in (world.consents[0],):
        dates = {"issued": world.now - 60, "expires": world.now + 90 * 86_400}
        world.consents = (consent.model_copy(update=dates),)
    for answer in world.bank.values():
        answer["statements_until"] = last.isoformat()
    return world


def not_passed(evaluation: Evaluation) -> Counter[tuple[str, str]]:
    return Counter(
        (item.rule, item.code)
        for item in evaluation.findings
        if item.outcome.value in {"FAIL", "UNKNOWN"} and item.code != "NO_ANSWER"
    )


@pytest.mark.parametrize("shape", get_args(Shape))
def test_honest_trades_of_every_shape_are_eligible(shape: Shape) -> None:
    trades = make_trades(7, sellers=1, trades=6, shapes=[shape], terms_days=[180], digital_every=3)
    evaluation = decided(world_of(trades))
    assert not_passed(evaluation) == Counter()
    assert {item.decision for item in evaluation.receivables} == {Decision.ELIGIBLE}
    owed = sum((bill.totals.payable for trade in trades.trades for bill in trade.invoices), Decimal(0))
    credited = sum(
        (note.totals.payable for trade in trades.trades for note in trade.credit_notes), Decimal(0)
    )
    assert evaluation.totals["CNY"]["face"] == owed
    eligible = evaluation.totals["CNY"]["eligible"]
    least = (owed - credited) * Decimal("0.8")
    assert least - Decimal("0.01") * len(evaluation.receivables) <= eligible <= least


@pytest.mark.parametrize("shape", get_args(Shape))
def test_honest_trades_of_every_shape_pass_the_second_versions(shape: Shape) -> None:
    trades = make_trades(7, sellers=1, trades=6, shapes=[shape], terms_days=[180], digital_every=3)
    profile = replace(RECEIVABLE_V2, rules=settings(SECOND))
    evaluation = evaluate(world_of(trades).evidence(), profile)
    assert not_passed(evaluation) == Counter({("PRICE_FAIR", "NO_HISTORY"): not_passed(evaluation).total()})
    assert {item.outcome.value for item in evaluation.findings if item.rule != "PRICE_FAIR"} <= {
        "PASS",
        "WARN",
    }
    warned = {(item.rule, item.code) for item in evaluation.findings if item.outcome.value == "WARN"}
    assert warned <= {("DATE_ORDER", "INVOICE_BEFORE_RECEIPT")}


def test_an_overbilled_trade_without_its_note_is_excluded() -> None:
    trades = make_trades(7, sellers=1, trades=1, shapes=["overbilled"], terms_days=[180], confirmed_percent=0)
    world = world_of(trades)
    (note,) = trades.trades[0].credit_notes
    del world.documents[fp(note)]
    world.tax[fp(trades.trades[0].invoices[0])] |= {"state": "normal", "red_amount": "0"}
    (found,) = decided(world).receivables
    assert (found.decision, found.reasons[0].code) == (Decision.EXCLUDED, "MATCH_QTY.OVER_RECEIVED")
