"""Trades as files, and who pushed them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import orjson

from chanrong.demo.trades import Shape, Trade, make_trades
from chanrong.demo.ubl_writer import to_ubl
from tests.e2e.conftest import Cli


def make_trade(serial: int, shape: Shape = "whole") -> Trade:
    """One trade of a shape, lately."""
    start = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=40)
    made = make_trades(
        serial, sellers=1, trades=1, start=start, shapes=(shape,), confirmed_percent=100, first_serial=serial
    )
    return made.trades[0]


def files_of(trade: Trade, folder: Path) -> list[str]:
    """Its documents as UBL files; their paths."""
    paths = []
    for number, document in enumerate(trade.documents):
        path = folder / f"{number}-{document.kind}.xml"
        path.write_bytes(to_ubl(document))
        paths.append(str(path))
    return paths


def alias_of(cli: Cli, trade: Trade) -> str:
    """The alias under which the seller of a trade is known."""
    parties = orjson.loads((cli.directory / "profile.json").read_bytes())["parties"]
    wanted = {str(identifier) for identifier in trade.order.seller.identifiers}
    return next(str(alias) for alias, party in parties.items() if wanted & set(party["identifiers"]))
