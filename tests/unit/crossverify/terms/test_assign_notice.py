"""ASSIGN_NOTICE: a condition before funding, a finding in life."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from consortium.documents import Account
from crossverify.desk import ReleaseLetter
from crossverify.rule import Stage
from crossverify.rules import RULES
from tests.support import terms_world as t
from tests.support.trade_world import SELLER, World, handle, invoice


def said(
    *papers: Any, stage: Stage = Stage.BEFORE_FUNDING, desk: Any = None, **figures: Any
) -> list[tuple[str, str]]:
    world = World(invoice(), *papers)
    world.request = world.request.model_copy(update={"stage": stage})
    return t.codes(world, "ASSIGN_NOTICE", figures, desk=desk or t.desk())


def test_it_is_a_condition_of_funding() -> None:
    assert RULES["ASSIGN_NOTICE"].stage is Stage.BEFORE_FUNDING
    assert said() == [("WARN", "TO_BE_GIVEN")]
    assert said(stage=Stage.IN_LIFE) == [("FAIL", "NOT_GIVEN")]


@pytest.mark.parametrize(
    ("papers", "expected"),
    [
        ((t.notice(), t.acknowledgement()), ("PASS", "ACKNOWLEDGED")),
        (
            (t.notice(issued_by="assignee"), t.acknowledgement(notice_issued_by="assignee")),
            ("PASS", "ACKNOWLEDGED"),
        ),
        ((t.notice(),), ("WARN", "SERVED")),
        ((t.notice(served_date=None),), ("WARN", "WRITTEN_ONLY")),
        (
            (t.notice(), t.acknowledgement(response="conditional", objections="质保金除外")),
            ("WARN", "RESERVATIONS"),
        ),
        ((t.notice(), t.acknowledgement(response="refused")), ("FAIL", "REFUSED")),
        (
            (t.notice(), t.acknowledgement(payment_account=Account(account_id="999"))),
            ("WARN", "OTHER_ACCOUNT"),
        ),
        ((t.notice(invoice="INV-9"),), ("WARN", "TO_BE_GIVEN")),
        ((t.notice(assignee=t.OTHER_BANK),), ("FAIL", "TO_SOMEBODY_ELSE")),
    ],
)
def test_papers(papers: tuple[Any, ...], expected: tuple[str, str]) -> None:
    assert said(*papers) == [expected]


def test_an_acknowledgement_that_the_seller_brought_is_not_the_debtors() -> None:
    world = World(invoice(), t.notice())
    world.add(t.acknowledgement(), pushed_by=handle(SELLER))
    assert t.codes(world, "ASSIGN_NOTICE", desk=t.desk()) == [("WARN", "SERVED")]


def test_undisclosed_factoring_tells_nobody() -> None:
    assert said(t.request(disclosed=False)) == [("NOT_APPLICABLE", "UNDISCLOSED")]
    assert said(disclosed=False) == [("NOT_APPLICABLE", "UNDISCLOSED")]
    assert said(t.request(disclosed=True), disclosed=False) == [("WARN", "TO_BE_GIVEN")]
    hidden = said(t.request(disclosed=False), t.notice(assignee=t.OTHER_BANK))
    assert hidden == [("FAIL", "TO_SOMEBODY_ELSE")], "that another was told to be paid matters all the same"

    refused = said(t.request(disclosed=False), t.notice(), t.acknowledgement(response="refused"))
    assert refused == [("FAIL", "REFUSED")], "what the debtor answered does, too"


def test_a_bank_that_does_not_say_who_it_is_cannot_be_told() -> None:
    nameless = t.desk(own_identifiers=())
    assert said(t.notice(), t.acknowledgement(), desk=nameless) == [("UNKNOWN", "BANK_UNKNOWN")]
    assert said(desk=nameless) == [("WARN", "TO_BE_GIVEN")]


@pytest.mark.parametrize(
    ("letter", "frees"),
    [
        ({"secured_party": t.key(t.OTHER_BANK)}, True),
        ({"secured_party": "bank of the hill"}, True),
        ({"secured_party": t.key(t.OTHER_BANK), "receivables": ("INV-1",)}, True),
        ({"secured_party": t.key(t.OTHER_BANK), "receivables": ("INV-2",)}, False),
        ({"secured_party": "Bank of the Lake"}, False),
        ({}, False),
    ],
)
def test_a_letter_of_release_frees_from_an_older_notice(letter: dict[str, Any], frees: bool) -> None:
    desk = t.desk(release_letters=(ReleaseLetter(registration="R-1", **letter),))
    old = t.notice("ZR-0", assignee=t.OTHER_BANK, issue_date=date(2026, 4, 12))
    expected = ("PASS", "ACKNOWLEDGED") if frees else ("FAIL", "TO_SOMEBODY_ELSE")
    assert said(old, t.notice(), t.acknowledgement(), desk=desk) == [expected]
