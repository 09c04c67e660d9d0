"""What a kind of fraud says of itself, and the honest trade that it starts from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from tests.evaluation.chance import Chance
from tests.evaluation.scene.honest import wanted
from tests.evaluation.scene.papers import Line, cents
from tests.evaluation.scene.scene import APPLIED, Delivery, Order, Owed, Pair, Scene
from tests.evaluation.scene.trade import Billing, Trader

Product = Literal["receivable", "order", "warehouse", "bill"]
Stage = Literal["before funding", "in life", "never"]

ISSUED: Final = APPLIED - timedelta(days=24)
"""Day of the invoice that a fraud starts from."""


@dataclass(eq=False, slots=True)
class Trade:
    """A plain trade: ordered, sent, received, invoiced, its use confirmed; nothing unusual about it."""

    scene: Scene
    trader: Trader
    chance: Chance
    order: Order
    delivery: Delivery
    owed: Owed

    @property
    def lines(self) -> list[Line]:
        """The invoice's lines."""
        return self.owed.lines


@dataclass(frozen=True, slots=True)
class Fraud:
    """A kind of fraud.

    :ivar name: stable
    :ivar title: what is done, in a line
    :ivar case: where it was seen
    :ivar needs: data without which it cannot be seen: kinds of documents, or institutions
    :ivar visible: when documents and institutions can show it at all
    :ivar commit: does it; the things that are bad are labelled by it
    :ivar why: why it cannot be seen, or what limits its damage
    :ivar product: what the bank is asked to lend on
    :ivar any_of: enough is done when one of the labelled things is stopped: of two papers over one thing, either
    """

    name: str
    title: str
    case: str
    needs: tuple[str, ...]
    visible: Stage
    commit: Callable[[Any], object]
    why: str = ""
    product: Product = "receivable"
    any_of: bool = False


def plain_pair(scene: Scene, chance: Chance) -> Pair:
    """A buyer in China whose habits are plain, if there is one; else the first, made plain."""
    fit = [pair for pair in scene.pairs if not pair.foreign and not pair.monthly and not pair.standing]
    pair = chance.pick(fit) if fit else scene.pairs[0]
    return replace(pair, orders=[], contract=pair.contract, treasury=None)


def plain_trade(
    scene: Scene, chance: Chance, trade: str, pair: Pair | None = None, lines: list[Line] | None = None
) -> Trade:
    """The honest trade that a fraud starts from, with papers and books in order.

    :param trade: line of business
    :param lines: what is ordered; something of the line of business unless it says
    """
    pair = pair or plain_pair(scene, chance)
    trader = Trader(scene, pair, chance.of("plain"))
    ordered = ISSUED - timedelta(days=25)
    order = trader.place(
        lines or wanted(trade, chance.of("goods"), prices=scene.chance.of("prices")), ordered
    )
    lines = [line.of(line.quantity) for line in order.lines]
    sent = trader.send(lines, ISSUED - timedelta(days=6))
    delivery = trader.receive(lines, ISSUED - timedelta(days=3), sent=sent)
    owed = trader.bill(delivery.lines, ISSUED, Billing(order=order.paper.number, confirmed_after=6))
    trader.pay(owed, owed.due)
    return Trade(scene, trader, chance.of("fraud"), order, delivery, owed)


def undo(trade: Trade, owed: Owed, *, tax: bool = True, payment: bool = True, papers: bool = True) -> None:
    """Takes back what the honest trade had left behind."""
    scene = trade.scene
    if papers:
        scene.withdraw(*owed.documents)
        scene.owed.remove(owed)
    if tax:
        for body in owed.documents:
            named = [(each.code or "", each.number) for each in body.fapiao]
            for key in [*named, ("", body.number)]:
                record = scene.tax.records.pop(key, None)
                if record is not None:
                    scene.tax.declare(record.day, record.seller, record.buyer, -record.net)
    if payment:
        numbers = {each.number for each in owed.documents}
        scene.bank.entries = [e for e in scene.bank.entries if not numbers.intersection(e.for_numbers)]
        owed.reductions = [each for each in owed.reductions if each[2] != "payment"]


def rebill(trade: Trade, lines: list[Line], how: Billing, day: date = ISSUED) -> Owed:
    """The trade's invoice, written otherwise; the old one never was."""
    undo(trade, trade.owed)
    trade.owed = trade.trader.bill(lines, day, how)
    return trade.owed


def scaled(lines: list[Line], factor: str, *, first_only: bool = False) -> list[Line]:
    """Lines with their quantities changed."""
    changed = []
    for position, line in enumerate(lines):
        if first_only and position:
            changed.append(line)
            continue
        quantity = (line.quantity * Decimal(factor)).quantize(Decimal("0.001"))
        changed.append(line.of(quantity))
    return changed


def label(owed: Owed, fraud: str, *, worth: Decimal = Decimal(0)) -> Owed:
    """Marks a receivable as bad.

    :param worth: what is really owed on it
    """
    owed.fraud = fraud
    owed.reductions = [(date.min, max(owed.face - cents(worth), Decimal(0)), "fraud")] + [
        each for each in owed.reductions if each[2] != "payment"
    ]
    return owed
