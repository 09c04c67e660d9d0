"""Whatever papers come, in whatever order and from whomever: the rules on terms say something and never fail to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consortium.documents import Document, ListedInvoice
from crossverify.case import Case
from crossverify.figures import MaxAges
from crossverify.rules import RULES
from crossverify.rules.terms import RULES as OWN
from tests.support import terms_world as t
from tests.support.trade_world import (
    BUYER,
    OTHER,
    SELLER,
    World,
    confirmation,
    credit_note,
    handle,
    invoice,
    order,
    receipt,
)

DAYS = st.integers(0, 500).map(lambda days: date(2025, 6, 1) + timedelta(days=days))
NUMBERS = st.sampled_from(["1", "2", "3"])
AMOUNTS = st.sampled_from([Decimal(0), Decimal(130), t.GROSS, Decimal(5000), Decimal(-10)])
MAYBE = st.sampled_from([True, False, None])
RULE = st.one_of(
    st.none(),
    st.builds(
        t.rule,
        basis=st.sampled_from(["invoice_date", "receipt_date", "statement_date", "order_date"]),
        days=st.integers(0, 400),
        end_of_month=MAYBE,
    ),
)


def _invoice(draw: st.DrawFn) -> Document:
    issued = draw(DAYS)
    due = draw(st.one_of(st.none(), DAYS))
    fields: dict[str, Any] = {
        "issue_date": issued,
        "due_date": due,
        "buyer": draw(st.sampled_from([BUYER, OTHER])),
    }
    fields["contract_number"] = draw(st.sampled_from([None, "HT-1", "HT-2", "HT-9"]))
    return invoice(f"INV-{draw(NUMBERS)}", **fields)


def _contract(draw: st.DrawFn) -> Document:
    number, amends = draw(NUMBERS), draw(st.one_of(st.none(), NUMBERS))
    return t.contract(
        f"HT-{number}",
        amends_number=None if amends in (None, number) else f"HT-{amends}",
        due_rule=draw(RULE),
        assignment_barred=draw(MAYBE),
        pay_when_paid=draw(MAYBE),
        set_off_waived=draw(MAYBE),
        governing_law=draw(st.sampled_from([None, "CN", "GB"])),
    )


def _statement(draw: st.DrawFn) -> Document:
    line = {"amount": draw(AMOUNTS), "disputed_amount": draw(st.one_of(st.none(), AMOUNTS))}
    by = draw(st.sampled_from(["seller", "buyer"]))
    due = draw(st.one_of(st.none(), DAYS))
    return t.statement(f"DZ-{draw(NUMBERS)}", f"INV-{draw(NUMBERS)}", line, issued_by=by, due_date=due)


def _acknowledgement(draw: st.DrawFn) -> Document:
    listed = ListedInvoice(line_id="1", invoice_number=f"INV-{draw(NUMBERS)}", amount=draw(AMOUNTS))
    return t.acknowledgement(
        f"HZ-{draw(NUMBERS)}",
        notice_number=f"ZR-{draw(NUMBERS)}",
        response=draw(st.sampled_from(["accepted", "conditional", "refused"])),
        objections="none in particular",
        currency="CNY",
        lines=draw(st.sampled_from([(), (listed,)])),
    )


MAKERS: list[Callable[[st.DrawFn], Document]] = [
    _invoice,
    _invoice,
    _contract,
    _statement,
    _acknowledgement,
    lambda draw: t.notice(f"ZR-{draw(NUMBERS)}", f"INV-{draw(NUMBERS)}", all_claims=draw(MAYBE)),
    lambda draw: t.request(f"RZ-{draw(NUMBERS)}", f"INV-{draw(NUMBERS)}", disclosed=draw(MAYBE)),
    lambda draw: order(due_rule=draw(RULE)),
    lambda draw: receipt(f"GR-{draw(NUMBERS)}", issue_date=draw(DAYS)),
    lambda draw: credit_note(f"CN-{draw(NUMBERS)}", corrects=f"INV-{draw(NUMBERS)}", issue_date=draw(DAYS)),
    lambda draw: confirmation(
        draw(st.sampled_from(["AB", "IP", "UQ", "CA", "RE", "AP", "PD"])),
        f"AR-{draw(NUMBERS)}",
        invoice_number=f"INV-{draw(NUMBERS)}",
        due_date=draw(st.one_of(st.none(), DAYS)),
        set_off_waived=draw(MAYBE),
    ),
]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Some papers, handed in by anybody, some of them void."""
    world = World()
    for _ in range(draw(st.integers(1, 12))):
        made = draw(st.sampled_from(MAKERS))(draw)
        pusher = draw(st.sampled_from([SELLER, BUYER, OTHER]))
        world.add(made, pushed_by=handle(pusher), state=draw(st.sampled_from(["asserted", "signed", "void"])))
    return world


def said(world: World, documents: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Everything that the rules say."""
    evidence = world.evidence().model_copy(update={"documents": documents, "desk": t.desk(kinds=t.kinds())})
    case = Case(evidence, MaxAges())
    found = []
    for rule in OWN:
        verdicts = list(RULES[rule.id].evaluate(case, rule.thresholds()))
        assert {each.subject for each in verdicts} == {each.fingerprint for each in case.receivables}
        for each in verdicts:
            assert each.code in rule.explains
            assert each.inputs
            assert each.deduct is None or each.deduct.amount >= 0
            found.append((rule.id, each))
    return found


@settings(max_examples=80, deadline=None)
@given(worlds())
def test_each_rule_speaks_of_each_receivable_whatever_the_order(world: World) -> None:
    documents = world.evidence().documents
    assert said(world, documents) == said(world, documents[::-1])
