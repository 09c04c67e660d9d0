"""Decisions and waterfalls: what findings mean for a receivable."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from crossverify.decision import Decision, ReceivableDecision
from crossverify.evidence import ClaimState
from tests.support.trade_world import (
    World,
    confirmation,
    credit_note,
    decided,
    fp,
    invoice,
    order,
    receipt,
)

BILL = fp(invoice())
HALF = 500_000_000


def sound(*more: Any) -> World:
    """A receivable of 1,130.00 that nothing speaks against."""
    world = World(order(), receipt(), invoice(), confirmation(), *more)
    world.link()
    return world


def one(world: World, **overrides: Any) -> ReceivableDecision:
    (found,) = decided(world, **overrides).receivables
    return found


def steps(found: ReceivableDecision) -> list[tuple[str, str, str]]:
    return [(item.step.value, str(item.amount), str(item.balance)) for item in found.waterfall]


def test_a_sound_receivable_is_eligible_at_the_advance_rate() -> None:
    found = one(sound())
    assert (found.decision, found.reasons, found.eligible) == (Decision.ELIGIBLE, (), Decimal("904.00"))
    assert steps(found) == [
        ("face", "1130.00", "1130.00"),
        ("advance_rate", "-226.00", "904.00"),
    ]


def test_the_whole_way_down_sums_exactly() -> None:
    short = receipt(lines=[{"received": Decimal(89)}])
    note = credit_note(lines=[{"quantity": Decimal(10)}])
    answer = confirmation(confirmed_amount=Decimal("1000"), currency="CNY")
    world = World(order(), short, invoice(), note, answer)
    world.link()
    world.tax[BILL] |= {"state": "red_partial", "red_amount": "120"}
    world.pay(BILL, "100")
    claim = ClaimState(claim="1" * 16, share_ppb=333_333_333, state="financed")
    world.asset(BILL, claims=(claim,), diluted_ppb=300_000_000)
    found = one(world, waterfall={"dilution_reserve": "0.05", "advance_rate": "0.7"})
    assert steps(found) == [
        ("face", "1130.00", "1130.00"),
        ("credit_notes", "-113.00", "1017.00"),
        ("tax_red_beyond_credit_notes", "-7.00", "1010.00"),
        ("payments_seen", "-100.00", "910.00"),
        ("ledger_facts_not_in_documents", "-119.00", "791.00"),  # 339.00 diluted, of which 220.00 is known
        ("not_received_within_tolerance", "-11.30", "779.70"),
        ("claims_of_others", "-376.67", "403.03"),  # rounded up
        ("dilution_reserve", "-20.16", "382.87"),
        ("advance_rate", "-114.87", "268.00"),
    ]
    assert found.amount == sum(item.amount for item in found.waterfall)


def test_a_credit_note_is_not_taken_twice() -> None:
    short = receipt(lines=[{"received": Decimal(90), "short": Decimal(10)}])
    world = World(order(), short, invoice(), credit_note(lines=[{"quantity": Decimal(10)}]))
    world.link()
    world.tax[BILL] |= {"state": "red_partial", "red_amount": "113"}
    world.asset(BILL, diluted_ppb=100_000_000)
    found = one(world)
    assert found.decision is Decision.ELIGIBLE
    assert [step for step, _, _ in steps(found)] == ["face", "credit_notes", "advance_rate"]
    assert found.eligible == Decimal("813.60")  # 80 % of 1,017.00


def test_what_the_debtor_did_not_accept_is_taken_once() -> None:
    found = one(sound(confirmation(number="AR-2", confirmed_amount=Decimal(500), currency="CNY")))
    assert ("not_confirmed_by_debtor", "-630.00", "500.00") in steps(found)
    assert found.decision is Decision.ELIGIBLE


@pytest.mark.parametrize(
    ("share", "left"),
    [(0, "1130.00"), (1, "1129.99"), (HALF, "565.00"), (333_333_333, "753.33"), (999_999_999, "0.00")],
)
def test_shares_of_others_are_rounded_in_favour_of_the_bank(share: int, left: str) -> None:
    world = sound()
    claim = ClaimState(claim="1" * 16, share_ppb=share, state="financed")
    world.asset(BILL, claims=(claim,))
    found = one(world, waterfall={"advance_rate": "1"})
    assert str(found.amount) == left


def test_facts_take_the_free_share_first() -> None:
    world = sound()
    claim = ClaimState(claim="1" * 16, share_ppb=HALF, state="financed")
    world.asset(BILL, claims=(claim,))
    world.pay(BILL, "330")
    assert str(one(world, waterfall={"advance_rate": "1"}).amount) == "235.00"


def test_a_failure_excludes_its_receivable_and_no_other() -> None:
    bad = invoice("INV-2", [{"quantity": Decimal(50)}], issue_date=date(2026, 4, 11))
    world = sound(bad)
    evaluation = decided(world)
    assert [(item.number, item.decision) for item in evaluation.receivables] == [
        ("INV-1", Decision.ELIGIBLE),
        ("INV-2", Decision.EXCLUDED),
    ]
    excluded = evaluation.receivables[1]
    assert excluded.eligible == 0
    assert excluded.reasons[0].code == "MATCH_QTY.OVER_RECEIVED"
    assert excluded.reasons[0].line == "1"
    reason = excluded.reasons[0].input
    assert reason is not None
    assert (reason.document, reason.field, reason.value, reason.source) == (
        fp(bad),
        "lines/1/quantity",
        "50 H87",
        "documents",
    )
    assert evaluation.subject.decision is Decision.ELIGIBLE


def test_unknown_is_never_a_pass() -> None:
    world = sound()
    world.silence("tax")
    found = one(world)
    assert (found.decision, found.eligible) == (Decision.REFER, Decimal(0))
    assert found.amount == Decimal("904.00")  # if every doubt were settled
    assert "INV_AUTHENTIC.SOURCE_SILENT" in [item.code for item in found.reasons]


def test_exclusion_is_graver_than_referral_and_said_first() -> None:
    world = sound()
    world.tax[BILL] |= {"use_confirmed": False, "differing": ["gross_amount"]}
    found = one(world)
    assert found.decision is Decision.EXCLUDED
    assert [item.code for item in found.reasons] == ["INV_AUTHENTIC.DIFFERS", "INV_STATE.USE_NOT_CONFIRMED"]


def test_at_most_five_reasons_each_once() -> None:
    world = World(invoice(lines=[{}, {}, {}], due_date=None))
    for source in ("tax", "bank", "ledger", "credit"):
        world.silence(source)
    reasons = one(world).reasons
    assert len(reasons) == 5
    assert len({item.code for item in reasons}) == 5
    assert all(item.input is not None for item in reasons)


def test_nothing_left_is_excluded() -> None:
    world = sound()
    world.pay(BILL, "1130")
    found = one(world)
    assert (found.decision, found.reasons[0].code) == (Decision.EXCLUDED, "CASH_CLOSURE.SETTLED")
    world = sound()
    world.asset(BILL, settled_ppb=1_000_000_000)
    found = one(world)
    assert (found.decision, found.reasons[0].code) == (Decision.EXCLUDED, "DECISION.NOTHING_LEFT")


def test_without_consent_every_receivable_is_excluded() -> None:
    world = sound()
    world.consents = ()
    evaluation = decided(world)
    assert evaluation.subject.decision is Decision.EXCLUDED
    assert evaluation.subject.reasons[0].code == "CONSENT.ABSENT"
    assert evaluation.receivables[0].reasons[0].code == "CONSENT.ABSENT"
    assert evaluation.totals["CNY"]["eligible"] == 0


def test_a_doubt_about_the_subject_stands_above_the_receivables() -> None:
    world = sound()
    world.silence("credit")
    evaluation = decided(world)
    assert evaluation.subject.decision is Decision.REFER
    assert [item.code for item in evaluation.subject.reasons] == ["CREDIT_STATUS.SOURCE_SILENT"]
    assert evaluation.receivables[0].decision is Decision.ELIGIBLE


def test_totals_are_per_currency_and_never_added_up() -> None:
    world = sound()
    euros = invoice("INV-E", currency="EUR", order_number="PO-E")
    for document in (order("PO-E", currency="EUR"), receipt("GR-E", order_number="PO-E"), euros):
        world.add(document)
    world.add(invoice("INV-X", order_number="PO-X"))
    world.link()
    totals = decided(world).totals
    assert {name: {kind: str(value) for kind, value in each.items()} for name, each in totals.items()} == {
        "CNY": {"face": "2260.00", "eligible": "904.00", "refer": "904.00", "excluded": "0.00"},
        "EUR": {"face": "1130.00", "eligible": "904.00", "refer": "0.00", "excluded": "0.00"},
    }
    assert list(totals) == ["CNY", "EUR"]


def test_currencies_have_their_own_minor_units() -> None:
    yen = invoice(
        currency="JPY",
        lines=[{"price": Decimal(13)}],
    )
    world = World(order(currency="JPY", lines=[{"price": Decimal(13)}]), receipt(), yen)
    claim = ClaimState(claim="1" * 16, share_ppb=1, state="financed")
    world.asset(fp(yen), claims=(claim,))
    found = one(world, waterfall={"advance_rate": "0.77"})
    assert [str(item.balance) for item in found.waterfall] == ["1469", "1468", "1130"]
