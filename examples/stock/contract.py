"""Lots of goods in warehouses: an example of a contract that Chanrong's hosts run.

=============================== ======================================================================================
``receive`` lot, goods, amount  a lot comes in; it belongs to the caller's organisation. A price in the transient value
                                ``price`` goes to the private collection ``prices``
``move`` lot, amount, to        splits part of a lot off for another organisation (an MSP id); its owner only
``write_off`` lot               ends a lot; its owner, or anybody with the attribute ``stock.role=auditor``
``read`` lot                    one lot
``price`` lot                   its price, for members of the collection
``list`` owner, size, bookmark  one page of an owner's lots
``history`` lot                 what became of a lot, newest first
=============================== ======================================================================================

Answers are JSON. A refusal has status 400 (or 404) and a message that begins with its reason.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace

from chaincode.caller import attributes
from chaincode.state import Context, Response, composite_key, split_composite_key

PRICES = "prices"
MAX_PAGE = 100


class RefusedError(Exception):
    """The caller asked for what cannot be."""

    def __init__(self, reason: str, message: str, status: int = 400) -> None:
        super().__init__(f"{reason}: {message}")
        self.status = status


@dataclass(frozen=True)
class Lot:
    """One lot.

    :param amount: in whole units
    :param owner: MSP id
    """

    lot: str
    goods: str
    amount: int
    owner: str

    def encode(self) -> bytes:
        """As it is kept: the same lot gives the same bytes on every peer."""
        return json.dumps(asdict(self), sort_keys=True).encode()


class StockContract:
    """Implements :class:`chaincode.state.Contract`."""

    async def invoke(self, context: Context) -> Response:
        """Calls the function that was asked for."""
        function = FUNCTIONS.get(context.function)
        try:
            if function is None:
                raise RefusedError("UNKNOWN_FUNCTION", f"there is no {context.function!r}")
            args = [arg.decode() for arg in context.args]
            return await function(context, *args)
        except RefusedError as refused:
            return Response(refused.status, message=str(refused))
        except TypeError as error:
            return Response(400, message=f"WRONG_ARGUMENTS: {error}")


async def receive(context: Context, lot: str, goods: str, amount: str) -> Response:
    """A lot comes in."""
    if await context.state.get(lot_key(lot)) is not None:
        raise RefusedError("LOT_EXISTS", lot)
    made = Lot(lot, goods, positive(amount), context.stub.creator.msp_id)
    store(context, made)
    price = context.stub.transient.get("price")
    if price is not None:
        context.state.put(lot, price, PRICES)
    context.stub.set_event("received", made.encode())
    return Response(200, made.encode())


async def move(context: Context, lot: str, amount: str, to: str) -> Response:
    """Part of a lot goes to another organisation, as a lot that carries the transaction's id."""
    found = await owned(context, lot)
    moved = positive(amount)
    if moved > found.amount:
        raise RefusedError("NOT_ENOUGH", f"{lot} has {found.amount}")
    part = Lot(f"{lot}/{context.stub.txid[:8]}", found.goods, moved, to)
    rest = replace(found, amount=found.amount - moved)
    if rest.amount:
        store(context, rest)
    else:
        remove(context, rest)
    store(context, part)
    context.stub.set_event("moved", part.encode())
    return Response(200, part.encode())


async def write_off(context: Context, lot: str) -> Response:
    """Ends a lot."""
    if attributes(context.stub.creator).get("stock.role") == "auditor":
        found = await lot_of(context, lot)
    else:
        found = await owned(context, lot)
    remove(context, found)
    context.stub.set_event("written off", found.encode())
    return Response(200, found.encode())


async def read(context: Context, lot: str) -> Response:
    """One lot."""
    return Response(200, (await lot_of(context, lot)).encode())


async def price_of(context: Context, lot: str) -> Response:
    """A lot's price."""
    price = await context.state.get(lot, PRICES)
    if price is None:
        raise RefusedError("NO_PRICE", lot, 404)
    return Response(200, price)


async def list_page(context: Context, owner: str, size: str, bookmark: str = "") -> Response:
    """One page of an owner's lots."""
    start = composite_key("owner", owner)
    wanted = min(positive(size), MAX_PAGE)
    page = await context.stub.range_page(start, f"{start}\U0010ffff", wanted, bookmark)
    names = [split_composite_key(item.key)[1][1] for item in page.items]
    values = await context.state.get_many([lot_key(name) for name in names])
    lots = [json.loads(value) for value in values if value is not None]
    return Response(200, json.dumps({"lots": lots, "bookmark": page.bookmark}).encode())


async def history(context: Context, lot: str) -> Response:
    """What became of a lot."""
    found = [
        {
            "tx": each.txid,
            "at": each.timestamp.seconds,
            "lot": None if each.is_delete else json.loads(each.value),
        }
        async for each in context.state.history(lot_key(lot))
    ]
    return Response(200, json.dumps(found).encode())


FUNCTIONS: dict[str, Callable[..., Awaitable[Response]]] = {
    "receive": receive,
    "move": move,
    "write_off": write_off,
    "read": read,
    "price": price_of,
    "list": list_page,
    "history": history,
}


def lot_key(lot: str) -> str:
    """Where a lot is."""
    return composite_key("lot", lot)


def positive(amount: str) -> int:
    """An amount above 0."""
    if not amount.isdecimal() or int(amount) <= 0:
        raise RefusedError("BAD_AMOUNT", amount)
    return int(amount)


def store(context: Context, lot: Lot) -> None:
    """Writes a lot and its index entry."""
    context.state.put(lot_key(lot.lot), lot.encode())
    context.state.put(composite_key("owner", lot.owner, lot.lot), b"\x00")


def remove(context: Context, lot: Lot) -> None:
    """Deletes a lot and its index entry."""
    context.state.delete(lot_key(lot.lot))
    context.state.delete(composite_key("owner", lot.owner, lot.lot))


async def lot_of(context: Context, lot: str) -> Lot:
    """A lot that is there."""
    value = await context.state.get(lot_key(lot))
    if value is None:
        raise RefusedError("NO_SUCH_LOT", lot, 404)
    return Lot(**json.loads(value))


async def owned(context: Context, lot: str) -> Lot:
    """A lot of the caller's organisation."""
    found = await lot_of(context, lot)
    if found.owner != context.stub.creator.msp_id:
        raise RefusedError("NOT_YOURS", f"{lot} belongs to {found.owner}", 403)
    return found
