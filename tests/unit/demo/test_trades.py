from __future__ import annotations

from collections import Counter
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chanrong.demo.papers import make_party
from chanrong.demo.trades import SHAPES, Shape, Trade, make_trades, make_warehouse_receipt
from chanrong.demo.ubl_writer import to_ubl
from consortium.documents import Document, parse_canonical
from consortium.documents.canonical import document_bytes
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.documents.identifiers import Validity, check_identifier
from consortium.documents.roles import parties_of, references_of
from consortium.documents.ubl import read_ubl

KEYS = ConsortiumKeys.create({1: b"\x01" * 32}, 1, b"\x02" * 32)


def test_the_same_seed_gives_the_same_bytes() -> None:
    first, again, other = make_trades(7, trades=10), make_trades(7, trades=10), make_trades(8, trades=10)
    assert [document_bytes(each) for each in first.documents] == [
        document_bytes(each) for each in again.documents
    ]
    assert first.documents != other.documents


def quantities(trade: Trade) -> dict[str, tuple[Decimal, Decimal, Decimal]]:
    """By line of the order: accepted, invoiced, credited."""
    accepted: Counter[str] = Counter()
    invoiced: Counter[str] = Counter()
    for receipt in trade.receipts:
        for line in receipt.lines:
            accepted[str(line.order_line)] += line.accepted or 0  # type: ignore[assignment]
    for sign, documents in ((1, trade.invoices), (-1, trade.credit_notes)):
        for document in documents:
            for billed in document.lines:
                invoiced[str(billed.order_line)] += sign * billed.quantity  # type: ignore[assignment]
    return {
        line.line_id: (line.quantity, Decimal(accepted[line.line_id]), Decimal(invoiced[line.line_id]))
        for line in trade.order.lines
    }


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.sampled_from(SHAPES))
def test_a_trade_is_consistent_line_by_line(seed: int, shape: Shape) -> None:
    (trade,) = make_trades(seed, trades=1, shapes=[shape], confirmed_percent=100).trades
    assert trade.shape == shape
    for ordered, accepted, invoiced in quantities(trade).values():
        assert accepted == invoiced <= ordered
    if shape in {"whole", "partial"}:
        assert all(ordered == accepted for ordered, accepted, _ in quantities(trade).values())
    assert bool(trade.credit_notes) == (shape in {"rejected", "overbilled"})
    assert len(trade.invoices) == (2 if shape == "partial" else 1)
    owed = sum(invoice.totals.payable for invoice in trade.invoices) - sum(
        note.totals.payable for note in trade.credit_notes
    )
    assert sum(each.confirmed_amount or 0 for each in trade.confirmations) == owed


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(0, 3))
def test_totals_add_up_and_dates_are_ordered(seed: int, digital_every: int) -> None:
    for trade in make_trades(seed, trades=3, digital_every=digital_every).trades:
        for bill in (*trade.invoices, *trade.credit_notes):
            totals = bill.totals
            assert totals.net == sum(line.net_amount for line in bill.lines)
            assert all(line.net_amount == round(line.quantity * line.price, 2) for line in bill.lines)
            assert totals.tax is not None
            assert totals.gross == totals.net + totals.tax == totals.payable
            assert abs(totals.tax - totals.net * 13 / 100) <= Decimal("0.005")
        for despatch, receipt, invoice in zip(trade.despatches, trade.receipts, trade.invoices, strict=True):
            assert trade.order.issue_date < despatch.issue_date < receipt.issue_date < invoice.issue_date
            assert invoice.due_date is not None
            assert invoice.issue_date < invoice.due_date


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(0, 2))
def test_references_lead_to_documents_of_the_same_trade(seed: int, digital_every: int) -> None:
    for trade in make_trades(seed, trades=3, digital_every=digital_every, confirmed_percent=100).trades:
        known = {KEYS.fingerprint(document) for document in trade.documents}
        assert len(known) == len(trade.documents)
        for document in trade.documents:
            for reference in references_of(document):
                assert KEYS.parent_fingerprint(reference, document) in known


@settings(max_examples=15)
@given(st.integers(0, 10_000), st.integers(0, 2))
def test_documents_go_through_ubl_unchanged(seed: int, digital_every: int) -> None:
    for document in make_trades(seed, trades=2, digital_every=digital_every).documents:
        assert read_ubl(to_ubl(document)) == document


def test_parties_have_right_identifiers() -> None:
    trades = make_trades(3, sellers=5, trades=5)
    assert len(trades.sellers) == 5
    assert {trade.order.seller for trade in trades.trades} == set(trades.sellers)
    for document in trades.documents:
        for party in parties_of(document):
            assert check_identifier(party.identifiers[0]).validity is Validity.VALID


def test_given_parties_and_options_are_used() -> None:
    import random

    seller, buyer = make_party(random.Random(1)), make_party(random.Random(2))
    trades = make_trades(
        1,
        sellers=[seller],
        buyer=buyer,
        trades=4,
        start=date(2025, 6, 2),
        currency="USD",
        digital_every=2,
        first_serial=900,
        terms_days=[45],
        confirmed_percent=0,
    )
    assert trades.sellers == (seller,)
    assert trades.buyer == buyer
    assert trades.trades[0].order.number == "PO-2025-00900"
    assert {invoice.currency for invoice in trades.invoices} == {"USD"}
    assert not any(trade.confirmations for trade in trades.trades)
    numbers = [trade.invoices[0].number for trade in trades.trades]
    assert [len(number) == 20 and number.isdigit() for number in numbers] == [False, True, False, True]


def test_a_warehouse_receipt_is_made_and_has_no_ubl_form() -> None:
    trades = make_trades(1, trades=1)
    made: Document = make_warehouse_receipt(5, trades.buyer, trades.sellers[0])
    assert made == make_warehouse_receipt(5, trades.buyer, trades.sellers[0])
    assert parse_canonical("warehouse_receipt", document_bytes(made)) == made
    with pytest.raises(ValueError, match="no UBL form"):
        to_ubl(made)
