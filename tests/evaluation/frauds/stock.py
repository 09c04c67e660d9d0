"""What frauds with goods, bills and orders start from: the same in honest hands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from tests.evaluation.chance import Chance
from tests.evaluation.frauds.base import Trade, plain_trade
from tests.evaluation.scene import exchange, storage
from tests.evaluation.scene.books import ExchangeBill
from tests.evaluation.scene.companies import Company
from tests.evaluation.scene.honest import wanted
from tests.evaluation.scene.scene import APPLIED, Asset, Order, Scene
from tests.evaluation.scene.trade import Trader


@dataclass(eq=False, slots=True)
class Stock:
    """Goods in a store, with receipt, count and inspection in order."""

    scene: Scene
    chance: Chance
    store: storage.Store
    asset: Asset


@dataclass(eq=False, slots=True)
class Held:
    """A bill in the supplier's hands, as the exchange has it."""

    scene: Scene
    chance: Chance
    bill: ExchangeBill
    asset: Asset
    acceptor: Company


@dataclass(eq=False, slots=True)
class Placed:
    """An order that a buyer has placed and the supplier has still to deliver."""

    scene: Scene
    chance: Chance
    trader: Trader
    order: Order
    asset: Asset


Start = Trade | Stock | Held | Placed


def start(product: str, scene: Scene, chance: Chance, trade: str) -> Start:
    """The honest thing of a product that a fraud starts from."""
    if product == "warehouse":
        store = storage.make_store(scene, chance.of("store"))
        return Stock(scene, chance.of("fraud"), store, storage.put_in(scene, store, chance.of("papers")))
    pair = next((each for each in scene.pairs if not each.foreign), None)
    if product == "receivable" or pair is None:
        return plain_trade(scene, chance, trade)
    if product == "bill":
        bill = exchange.draw(scene, chance.of("bill"), pair.buyer)
        return Held(scene, chance.of("fraud"), bill, exchange.bring(scene, bill), pair.buyer)
    pair.member = True
    trader = Trader(scene, pair, chance.of("order"))
    order = trader.place(wanted(trade, chance.of("goods")), APPLIED - timedelta(days=12))
    face = order.paper.totals.payable if order.paper.totals else Decimal(0)
    asset = Asset(order.paper, face, face, lines=order.lines)
    scene.assets.append(asset)
    return Placed(scene, chance.of("fraud"), trader, order, asset)


def mark(asset: Asset, fraud: str, *, worth: Decimal = Decimal(0)) -> None:
    """Marks it as bad.

    :param worth: what it is really worth
    """
    asset.fraud = fraud
    asset.worth = worth
