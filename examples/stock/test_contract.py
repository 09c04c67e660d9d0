"""The contract's own test: no peer, no process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from chaincode.state import Response
from chaincode.testing import MemoryLedger, caller_of
from examples.stock.contract import PRICES, StockContract

MILL = caller_of("MillMSP")
SHOP = caller_of("ShopMSP")


@pytest.fixture
def ledger() -> MemoryLedger:
    """A ledger with prices that the mill alone may read."""
    return MemoryLedger(StockContract(), collections={PRICES: frozenset({"MillMSP"})})


def value(response: Response) -> Any:
    """What a successful answer says."""
    assert response.status == 200, response.message
    return json.loads(response.payload)


async def test_a_lot_belongs_to_who_received_it(ledger: MemoryLedger) -> None:
    done = await ledger.submit("receive", "L1", "steel", "40", caller=MILL)
    assert value(done.response) == {"lot": "L1", "goods": "steel", "amount": 40, "owner": "MillMSP"}
    assert done.event == ("received", done.response.payload)
    again = await ledger.submit("receive", "L1", "steel", "40", caller=SHOP)
    assert (again.response.status, again.response.message, again.event) == (400, "LOT_EXISTS: L1", None)
    taken = await ledger.submit("move", "L1", "1", "ShopMSP", caller=SHOP)
    assert (taken.response.status, taken.response.message) == (403, "NOT_YOURS: L1 belongs to MillMSP")


async def test_moving_splits_a_lot_and_moving_all_of_it_ends_it(ledger: MemoryLedger) -> None:
    await ledger.submit("receive", "L1", "steel", "40", caller=MILL)
    part = value((await ledger.submit("move", "L1", "15", "ShopMSP", caller=MILL)).response)
    assert (part["amount"], part["owner"]) == (15, "ShopMSP")
    assert value(await ledger.evaluate("read", "L1", caller=SHOP))["amount"] == 25
    refused = await ledger.submit("move", "L1", "26", "ShopMSP", caller=MILL)
    assert refused.response.message == "NOT_ENOUGH: L1 has 25"
    await ledger.submit("move", "L1", "25", "ShopMSP", caller=MILL)
    assert (await ledger.evaluate("read", "L1", caller=MILL)).status == 404
    assert [each["lot"] and each["lot"]["amount"] for each in await told(ledger, "L1")] == [None, 25, 40]


async def told(ledger: MemoryLedger, lot: str) -> list[dict[str, Any]]:
    """A lot's history."""
    found: list[dict[str, Any]] = value(await ledger.evaluate("history", lot, caller=MILL))
    return found


async def test_an_auditor_writes_off_what_is_not_its_own(ledger: MemoryLedger) -> None:
    await ledger.submit("receive", "L1", "steel", "40", caller=MILL)
    assert (await ledger.submit("write_off", "L1", caller=SHOP)).response.status == 403
    clerk = caller_of("ShopMSP", attributes={"stock.role": "clerk"})
    assert (await ledger.submit("write_off", "L1", caller=clerk)).response.status == 403
    auditor = caller_of("ShopMSP", attributes={"stock.role": "auditor"})
    assert value((await ledger.submit("write_off", "L1", caller=auditor)).response)["lot"] == "L1"
    assert not ledger.state


async def test_prices_are_for_members_only(ledger: MemoryLedger) -> None:
    await ledger.submit("receive", "L1", "steel", "40", caller=MILL, transient={"price": b"9.90"})
    assert (await ledger.evaluate("price", "L1", caller=MILL)).payload == b"9.90"
    assert "read access" in (await ledger.evaluate("price", "L1", caller=SHOP)).message
    assert (await ledger.evaluate("price", "L2", caller=MILL)).status == 404


async def test_lots_are_listed_page_by_page(ledger: MemoryLedger) -> None:
    for number in range(5):
        await ledger.submit("receive", f"L{number}", "steel", "1", caller=MILL)
    await ledger.submit("receive", "S1", "steel", "1", caller=SHOP)
    seen, bookmark = [], ""
    for size in (2, 2, 1):
        page = value(await ledger.evaluate("list", "MillMSP", "2", bookmark, caller=SHOP))
        assert len(page["lots"]) == size
        seen += [each["lot"] for each in page["lots"]]
        bookmark = page["bookmark"]
    assert (seen, bookmark) == (["L0", "L1", "L2", "L3", "L4"], "")


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("nothing",), "UNKNOWN_FUNCTION"),
        (("receive", "L1"), "WRONG_ARGUMENTS"),
        (("receive", "L1", "steel", "-1"), "BAD_AMOUNT"),
        (("receive", "L1", "steel", "0"), "BAD_AMOUNT"),
    ],
)
async def test_refusals_name_their_reason(ledger: MemoryLedger, args: tuple[str, ...], reason: str) -> None:
    response = (await ledger.submit(*args, caller=MILL)).response
    assert (response.status, response.message.partition(":")[0]) == (400, reason)
    assert not ledger.state
