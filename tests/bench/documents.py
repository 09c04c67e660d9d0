"""Documents for the bench: trades of one supplier, invented, never the same twice within a run."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from chanrong.demo.trades import Trades, make_trades
from consortium.documents import Document, Party

DOCUMENTS_PER_TRADE = 4
_serials = itertools.count(1)


def trades(count: int, seller: Party | None = None, buyer: Party | None = None) -> Trades:
    """Trades of four documents each: order, despatch advice, receipt, invoice."""
    block = next(_serials)
    return make_trades(
        block,
        sellers=[seller] if seller else 1,
        buyer=buyer,
        trades=count,
        shapes=("whole",),
        confirmed_percent=0,
        first_serial=block * 100_000,
    )


def chunks(documents: tuple[Document, ...], size: int) -> Iterator[tuple[Document, ...]]:
    """Documents in chunks."""
    for start in range(0, len(documents), size):
        yield documents[start : start + size]
