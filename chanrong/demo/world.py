"""The demo's world: parties, trades, and what each institution knows of them.

All made up, the same at every run but for the dates, which end shortly before today. Beside the ordinary trades there
are five that the story is about; each says in its field what it is for.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from chanrong.demo.papers import make_party
from chanrong.demo.trades import Trade, Trades, make_trades
from consortium.documents import Document, Party

SEED: Final = 20_250_615
DAYS_BACK: Final = 75
TERMS_DAYS: Final = (90, 120)
"""Longer than the trades go back, so that nothing is overdue."""

SPECIAL_SERIAL: Final = 9_000


@dataclass(frozen=True, slots=True)
class World:
    """Everybody and everything."""

    today: dt.date
    buyer: Party
    supplier: Party
    sister: Party
    ordinary: Trades
    unknown_to_tax: Trade
    over_received: Trade
    paid: Trade
    twice: Trade
    order_first: Trade
    reversed_later: Trade

    @property
    def special(self) -> tuple[Trade, ...]:
        """The trades that the story is about."""
        return (
            self.unknown_to_tax,
            self.over_received,
            self.paid,
            self.twice,
            self.order_first,
            self.reversed_later,
        )

    @property
    def trades(self) -> tuple[Trade, ...]:
        """All trades."""
        return (*self.ordinary.trades, *self.special)

    def documents(self) -> list[Document]:
        """Every document that is pushed in the first act."""
        found: list[Document] = []
        for trade in self.trades:
            hidden = {id(note) for note in trade.credit_notes} if trade is self.over_received else set()
            found += [document for document in trade.documents if id(document) not in hidden]
        return found


def make_world(trades: int, today: dt.date) -> World:
    """The world with so many ordinary trades."""
    start = today - dt.timedelta(days=DAYS_BACK)
    ordinary = make_trades(
        SEED, sellers=3, trades=trades, start=start, digital_every=10, terms_days=TERMS_DAYS
    )
    supplier = ordinary.sellers[0]

    def special(number: int, shape: str, terms: int = 90) -> Trade:
        made = make_trades(
            SEED + number,
            sellers=[supplier],
            buyer=ordinary.buyer,
            trades=1,
            start=start + dt.timedelta(days=3 * number),
            shapes=(shape,),  # type: ignore[arg-type]
            confirmed_percent=100,
            first_serial=SPECIAL_SERIAL + number,
            terms_days=(terms,),
        )
        return made.trades[0]

    return World(
        today=today,
        buyer=ordinary.buyer,
        supplier=supplier,
        sister=make_party(random.Random(SEED + 1_000)),  # noqa: S311 - made-up data
        ordinary=ordinary,
        unknown_to_tax=special(1, "whole"),
        over_received=special(2, "overbilled"),
        paid=special(3, "whole"),
        twice=special(4, "whole"),
        order_first=special(5, "whole"),
        reversed_later=special(6, "whole"),
    )


def due(trade: Trade) -> Decimal:
    """What is due on a trade's first invoice."""
    return trade.invoices[0].totals.payable
