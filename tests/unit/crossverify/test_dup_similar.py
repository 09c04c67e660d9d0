"""DUP_SIMILAR: near-same invoices of one request."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortium.documents import Invoice
from crossverify.rule import MAX_INPUTS_PER_FINDING, Effect, Finding
from tests.support.portfolio_world import DAY_ONE, bill, evidence_of, firm, judged
from tests.support.trade_world import (
    NOW,
    SELLER,
    World,
    confirmation,
    credit_note,
    despatch,
    fp,
    goods,
    invoice,
    order,
    receipt,
)

DAY = date(2026, 4, 10)


def copy(number: str = "INV-1A", days: int = 0, **fields: Any) -> Invoice:
    return invoice(number, issue_date=DAY + timedelta(days=days), **fields)


def found(made: World, **thresholds: Any) -> dict[str, Finding]:
    """What is said, by number."""
    numbers = {item.fingerprint: item.document.number for item in made.documents.values()}
    return {numbers[item.subject]: item for item in judged(made, "DUP_SIMILAR", **thresholds)}


def codes(made: World, **thresholds: Any) -> dict[str, str]:
    return {number: item.code for number, item in found(made, **thresholds).items()}


def test_alone_nothing_looks_like_it() -> None:
    finding = found(World(invoice()))["INV-1"]
    assert (finding.outcome.value, finding.code) == ("PASS", "NONE")
    assert "cannot be seen" in finding.message


def test_a_near_copy_that_nothing_tells_apart_is_for_a_person() -> None:
    said = found(World(invoice(), copy()))
    assert {number: (item.outcome.value, item.code, item.effect) for number, item in said.items()} == {
        "INV-1": ("WARN", "NEAR_COPY", Effect.REFER),
        "INV-1A": ("WARN", "NEAR_COPY", Effect.REFER),
    }
    assert "INV-1A of 2026-04-10" in said["INV-1"].message
    assert said["INV-1"].message.endswith("cannot be seen.")


def test_the_copy_that_tax_does_not_know_fails_and_the_other_stands() -> None:
    made = World(invoice(), copy())
    made.tax[fp(copy())] = {"known": False}
    said = found(made)
    assert (said["INV-1A"].outcome.value, said["INV-1A"].code) == ("FAIL", "UNKNOWN_TO_TAX")
    assert (said["INV-1"].code, said["INV-1"].effect) == ("SOUND_ONE", Effect.INFORMATION)


def test_an_invoice_that_tax_cannot_know_yet_is_not_unknown() -> None:
    today = date(2026, 6, 30)
    late = invoice("INV-1A", issue_date=today, due_date=None)
    made = World(invoice(issue_date=today, due_date=None), late)
    made.tax[fp(late)] = {"known": False}
    assert codes(made) == {"INV-1": "NEAR_COPY", "INV-1A": "NEAR_COPY"}
    made.now = NOW + 3 * 86_400
    assert codes(made)["INV-1A"] == "UNKNOWN_TO_TAX"


def test_what_was_accepted_once_is_billed_once() -> None:
    made = World(order(), receipt(), invoice(), invoice("INV-77", issue_date=DAY + timedelta(days=2)))
    said = found(made)
    assert (said["INV-77"].outcome.value, said["INV-77"].code) == ("FAIL", "RECEIPT_USED_TWICE")
    assert "invoice INV-1 already" in said["INV-77"].message
    assert said["INV-1"].outcome.value == "PASS"


@pytest.mark.parametrize(
    ("received", "code"), [(200, "TOLD_APART"), (151, "TOLD_APART"), (150, "RECEIPT_USED_TWICE")]
)
def test_a_small_over_delivery_is_no_second_use(received: int, code: str) -> None:
    made = World(order(), receipt(lines=[{"received": Decimal(received)}]), invoice(), invoice("INV-77"))
    assert codes(made)["INV-77"] == code


def test_a_receipt_that_is_late_is_no_second_use() -> None:
    half = [{"quantity": Decimal(50)}]
    first, second, third = (invoice(number, half) for number in ("INV-1", "INV-77", "INV-78"))
    came = receipt(lines=[{"received": Decimal(50)}])
    assert codes(World(order(), came, first, second))["INV-77"] == "TOLD_APART", (
        "the other half may have come"
    )
    assert codes(World(order(), came, first, second, third))["INV-78"] == "RECEIPT_USED_TWICE"
    assert codes(World(came, first, second))["INV-77"] == "RECEIPT_USED_TWICE", (
        "nobody shows that more was ordered"
    )
    near = invoice("INV-1A", half)
    assert codes(World(order(), came, first, near))["INV-1A"] == "NEAR_COPY", (
        "late or not, nothing tells them apart"
    )


def test_receipts_of_their_own_tell_near_copies_apart() -> None:
    made = World(order(), receipt(), receipt("GR-2"), invoice(), copy())
    assert codes(made) == {"INV-1": "TOLD_APART", "INV-1A": "TOLD_APART"}
    named = World(
        order(), receipt(), receipt("GR-2"), invoice(receipt_number="GR-1"), copy(receipt_number="GR-1")
    )
    assert codes(named) == {"INV-1": "SOUND_ONE", "INV-1A": "RECEIPT_USED_TWICE"}


def test_receipts_by_despatch_advice() -> None:
    by_despatch: dict[str, Any] = {"order_number": None, "despatch_number": "DA-1"}
    made = World(despatch(), receipt(**by_despatch), invoice(**by_despatch), copy(**by_despatch))
    assert codes(made)["INV-1A"] == "RECEIPT_USED_TWICE"
    made = World(receipt(**by_despatch), invoice(**by_despatch), copy(**by_despatch))
    assert codes(made)["INV-1A"] == "RECEIPT_USED_TWICE"


def test_the_debtor_tells_near_copies_apart() -> None:
    made = World(invoice(), copy(), confirmation())
    assert codes(made)["INV-1"] == "NEAR_COPY"
    made.add(confirmation(number="AR-2", invoice_number="INV-1A"))
    assert codes(made) == {"INV-1": "TOLD_APART", "INV-1A": "TOLD_APART"}
    made.add(confirmation("RE", "AR-3", invoice_number="INV-1A", issue_date=date(2026, 5, 1)))
    assert codes(made)["INV-1"] == "NEAR_COPY"


def test_standing_monthly_orders_are_fine() -> None:
    made = World(
        *[
            invoice(f"2026-{month:02d}", issue_date=date(2026, month, 1), order_number=None)
            for month in range(1, 7)
        ]
    )
    assert set(codes(made).values()) == {"TOLD_APART"}


def test_credit_and_rebill_is_no_pair() -> None:
    made = World(invoice(), credit_note(), copy())
    assert codes(made) == {"INV-1": "NONE", "INV-1A": "NONE"}
    made = World(invoice(), copy())
    made.tax[fp(invoice())] |= {"state": "red_full"}
    assert codes(made)["INV-1A"] == "NONE"


def test_a_silent_tax_office_is_unknown_where_there_is_a_look_alike() -> None:
    made = World(
        invoice(), invoice("INV-77"), invoice("INV-9", [{"item": goods("nut")}], issue_date=date(2026, 1, 1))
    )
    assert codes(made) == {"INV-1": "TOLD_APART", "INV-77": "TOLD_APART", "INV-9": "NONE"}
    made.silence("tax")
    assert codes(made) == {"INV-1": "SOURCE_SILENT", "INV-77": "SOURCE_SILENT", "INV-9": "NONE"}


def test_thresholds() -> None:
    assert codes(World(invoice(), copy(days=32)))["INV-1"] == "NONE"
    assert codes(World(invoice(), copy(days=32)), near_days=32)["INV-1"] == "NEAR_COPY"
    dearer = copy(lines=[{"price": Decimal("10.10"), "item": goods("bolts")}])
    assert codes(World(invoice(), dearer))["INV-1"] == "NONE"
    assert codes(World(invoice(), dearer), near_amount="0.01")["INV-1"] == "NEAR_COPY"
    same = invoice("X-9", [{"price": Decimal("11.20")}])
    assert codes(World(invoice(), same))["INV-1"] == "NONE"
    assert codes(World(invoice(), same), near_content_amount="0.2")["INV-1"] == "TOLD_APART"
    made = World(invoice(), copy())
    made.tax[fp(copy())] = {"known": False}
    assert codes(made, visible_after_hours=24 * 31)["INV-1A"] == "UNKNOWN_TO_TAX"


def test_a_thousand_equal_invoices_stay_bounded() -> None:
    docs = [bill(f"{index:05d}", SELLER, firm(1), DAY_ONE) for index in range(10_000, 11_000)]
    findings = judged(evidence_of(docs), "DUP_SIMILAR")
    assert len(findings) == 1_000
    assert max(len(item.inputs) for item in findings) <= MAX_INPUTS_PER_FINDING
    assert max(len(item.message) for item in findings) < 400


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["101", "1011", "0101", "I01", "110", "205"]), st.integers(0, 40)),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_the_order_of_documents_does_not_matter(sales: list[tuple[str, int]], shuffle: Any) -> None:
    docs = [bill(number, SELLER, firm(1), DAY_ONE + timedelta(days=day)) for number, day in sales]
    evidence = evidence_of(docs)
    mixed = list(evidence.documents)
    shuffle.shuffle(mixed)
    other = evidence.model_copy(update={"documents": tuple(mixed)})
    assert judged(evidence, "DUP_SIMILAR") == judged(other, "DUP_SIMILAR")
