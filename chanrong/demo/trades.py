"""Made-up trades for demos, benches and tests: the same seed gives the same documents, byte for byte.

A trade is an order with its despatch advices, goods receipts, invoices, credit notes and confirmations,
consistent line by line. Each trade has one of the :data:`SHAPES`. Companies, numbers and accounts are
invented; the USCCs have right check characters and belong to nobody.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Final, Literal, get_args

from chanrong.demo.papers import TradeWriter, make_party
from consortium.documents import (
    Account,
    CreditNote,
    DebtorConfirmation,
    DespatchAdvice,
    Document,
    GoodsReceipt,
    Invoice,
    Item,
    Lot,
    Party,
    Period,
    PurchaseOrder,
    StoredGoods,
    WarehouseReceipt,
)

Shape = Literal["whole", "partial", "short", "rejected", "overbilled"]
"""``whole``: all in one delivery. ``partial``: two deliveries, two invoices. ``short``: less came than was
sent, and less was invoiced. ``rejected``: some was refused after it was invoiced, a credit note takes it
back. ``overbilled``: short, the whole was invoiced, a credit note takes the difference back."""

SHAPES: Final[tuple[Shape, ...]] = get_args(Shape)
_WEIGHTS: Final = (8, 4, 3, 2, 1)

ORDERS_PER_DAY: Final = 3
"""So that some hundred trades spread over some months."""


@dataclass(frozen=True, slots=True)
class Trade:
    """One order and everything that followed from it."""

    shape: Shape
    order: PurchaseOrder
    despatches: tuple[DespatchAdvice, ...]
    receipts: tuple[GoodsReceipt, ...]
    invoices: tuple[Invoice, ...]
    credit_notes: tuple[CreditNote, ...] = ()
    confirmations: tuple[DebtorConfirmation, ...] = ()

    @property
    def documents(self) -> tuple[Document, ...]:
        """All documents, in the order in which they were written."""
        return (
            self.order,
            *self.despatches,
            *self.receipts,
            *self.invoices,
            *self.credit_notes,
            *self.confirmations,
        )


@dataclass(frozen=True, slots=True)
class Trades:
    """Many trades of some sellers with one buyer."""

    buyer: Party
    sellers: tuple[Party, ...]
    trades: tuple[Trade, ...]

    @property
    def documents(self) -> tuple[Document, ...]:
        """All documents, trade by trade."""
        return tuple(document for trade in self.trades for document in trade.documents)

    @property
    def invoices(self) -> tuple[Invoice, ...]:
        """All invoices."""
        return tuple(invoice for trade in self.trades for invoice in trade.invoices)


def _none(lines: int) -> list[Decimal]:
    return [Decimal(0)] * lines


def _make_trade(writer: TradeWriter, shape: Shape, confirm: bool) -> Trade:
    rng = writer.rng
    order = writer.make_order(rng.randint(1, 5))
    count = len(order.lines)
    ordered = [line.quantity for line in order.lines]
    first = [_tenths(quantity, rng.randint(3, 7)) for quantity in ordered] if shape == "partial" else ordered
    rest = [whole - part for whole, part in zip(ordered, first, strict=True)]
    missing, refused = _none(count), _none(count)
    if shape in {"short", "overbilled"}:
        missing = [_tenths(ordered[0], 1), *missing[1:]]
    elif shape == "rejected":
        refused = [_tenths(ordered[0], 1), *refused[1:]]
    accepted = [sent - gone - bad for sent, gone, bad in zip(first, missing, refused, strict=True)]
    billed = first if shape in {"rejected", "overbilled"} else accepted
    despatches, receipts, invoices = [], [], []
    day = writer.day + timedelta(days=rng.randint(5, 12))
    parts = [(first, rest, missing, refused, billed)]
    if shape == "partial":
        parts.append((rest, _none(count), _none(count), _none(count), rest))
    for number, (sent, left, gone, bad, bill) in enumerate(parts, 1):
        despatches.append(writer.make_despatch(number, sent, left, day))
        receipts.append(writer.make_receipt(number, despatches[-1], gone, bad, day + timedelta(days=2)))
        invoices.append(writer.make_invoice(number, bill, receipts[-1], day + timedelta(days=3)))
        day += timedelta(days=rng.randint(7, 14))
    too_much = [bill - good for bill, good in zip(billed, accepted, strict=True)]
    credit = [writer.make_credit_note(invoices[0], too_much, day)] if any(too_much) else []
    owed = [invoice.totals.payable for invoice in invoices]
    owed[0] -= sum((note.totals.payable for note in credit), Decimal(0))
    confirmations = [
        writer.make_confirmation(number, invoice, amount, max(day, invoice.issue_date) + timedelta(days=1))
        for number, (invoice, amount) in enumerate(zip(invoices, owed, strict=True), 1)
        if confirm
    ]
    return Trade(
        shape, order, tuple(despatches), tuple(receipts), tuple(invoices), tuple(credit), tuple(confirmations)
    )


def _tenths(quantity: Decimal, tenths: int) -> Decimal:
    return Decimal(int(quantity * tenths / 10))


def make_trades(
    seed: int = 1,
    *,
    sellers: int | Sequence[Party] = 3,
    buyer: Party | None = None,
    trades: int = 20,
    start: date = date(2026, 1, 5),
    currency: str = "CNY",
    shapes: Sequence[Shape] = SHAPES,
    confirmed_percent: int = 60,
    digital_every: int = 0,
    first_serial: int = 1,
    terms_days: Sequence[int] = (60, 90),
) -> Trades:
    """Make trades of some sellers with one buyer.

    :param seed: the same seed and parameters give the same documents
    :param sellers: how many sellers, or the sellers themselves; they take turns
    :param buyer: the core enterprise; made when absent
    :param start: day of the first order; ``ORDERS_PER_DAY`` orders are written a day
    :param shapes: shapes that may occur; with one, all trades have it
    :param confirmed_percent: how many of a hundred trades have their invoices confirmed by the buyer
    :param digital_every: every so manieth trade is invoiced by 数电票 (20 digits); 0: none
    :param first_serial: serial number of the first trade, which all document numbers carry
    :param terms_days: terms of payment that occur
    """
    rng = random.Random(seed)  # noqa: S311 - made-up data has to be the same every time
    core = buyer or make_party(rng, suffix="集团股份有限公司")
    suppliers = tuple(make_party(rng) for _ in range(sellers)) if isinstance(sellers, int) else tuple(sellers)
    accounts = [
        Account(account_id=f"6222{rng.randint(0, 10**12 - 1):012d}", name=seller.name, bank_id="ICBKCNBJ")
        for seller in suppliers
    ]
    weights = [_WEIGHTS[SHAPES.index(shape)] for shape in shapes]
    made = []
    for number in range(trades):
        writer = TradeWriter(
            rng=rng,
            serial=first_serial + number,
            buyer=core,
            seller=suppliers[number % len(suppliers)],
            account=accounts[number % len(suppliers)],
            day=start + timedelta(days=number // ORDERS_PER_DAY),
            currency=currency,
            terms_days=rng.choice(terms_days),
            digital=bool(digital_every) and number % digital_every == digital_every - 1,
        )
        shape = rng.choices(shapes, weights)[0]
        made.append(_make_trade(writer, shape, confirm=rng.randrange(100) < confirmed_percent))
    return Trades(core, suppliers, tuple(made))


def make_warehouse_receipt(
    seed: int, keeper: Party, depositor: Party, *, day: date = date(2026, 1, 5)
) -> WarehouseReceipt:
    """A warehouse receipt over two lots of metal."""
    rng = random.Random(seed)  # noqa: S311 - made-up data
    lots = [f"L{rng.randint(10**6, 10**7 - 1)}" for _ in range(2)]
    return WarehouseReceipt(
        number=f"CD-{day.year}-{rng.randint(1, 99999):05d}",
        issue_date=day,
        issue_place="上海",
        keeper=keeper,
        depositor=depositor,
        storage_place="3号库 A区 12排",
        storage_address=keeper.address,
        storage_period=Period(start=day, end=day + timedelta(days=180)),
        loss_standard="0.3%",
        currency="CNY",
        storage_fee=Decimal(1200),
        declared_value=Decimal(860000),
        insured_amount=Decimal(900000),
        insurance_period=Period(start=day, end=day + timedelta(days=365)),
        insurer="平安保险",
        keeper_signature="保管人签章",
        lines=tuple(
            StoredGoods(
                line_id=str(number),
                item=Item(name="电解铜 1#", description="GB/T 467"),
                quantity=Decimal(rng.randint(5, 50)),
                unit="TNE",
                quality="Cu-CATH-1",
                packaging="捆",
                pieces=rng.randint(2, 20),
                marks=lot,
                lots=(Lot(number=lot),),
            )
            for number, lot in enumerate(lots, 1)
        ),
    )
