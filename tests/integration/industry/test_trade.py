"""Links, credit notes and aliases reach the assets, in whatever order the documents come."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from consortium.contract.codec import encode
from tests.integration.industry.papers import credit_note, invoice, order
from tests.integration.industry.world import World

pytestmark = pytest.mark.asyncio(loop_scope="module")

ONE = 1_000_000_000


async def asset(world: World, fingerprint: str) -> dict[str, Any]:
    """An asset as the ledger shows it."""
    async with world.chaincode() as contract:
        answer = await contract.evaluate("assets:get", encode({"assets": [fingerprint]}))
    found: dict[str, Any] = json.loads(answer)["assets"][0]
    return found


async def eventually(
    world: World, fingerprint: str, enough: Callable[[dict[str, Any]], bool], timeout_s: float = 20
) -> dict[str, Any]:
    """The asset, once it looks as it should."""
    async with asyncio.timeout(timeout_s):
        while True:
            found = await asset(world, fingerprint)
            if found is not None and enough(found):
                return found
            await asyncio.sleep(0.03)


async def pushed(world: World, alias: str, *papers: dict[str, Any]) -> list[str]:
    """Pushes documents and waits until the ledger has them; their fingerprints."""
    answer = await world.push(alias, papers)
    assert all(each.fingerprint and not each.problems for each in answer.results), answer
    await world.settled(alias, answer.push_id)
    return [each.fingerprint for each in answer.results]


async def test_a_weight_goes_with_the_registration_when_the_order_is_known(world: World) -> None:
    (parent,) = await pushed(world, "buyer", order("T1-PO", quantity=1000))
    (child,) = await pushed(world, "seller", invoice("T1-INV", quantity=250, order_number="T1-PO"))
    (edge,) = (await asset(world, child))["parents"]
    assert (edge["fp"], edge["of_child"], edge["of_parent"], edge["basis"], edge["counts"]) == (
        parent,
        ONE,
        ONE // 4,
        "gross",
        True,
    )


async def test_an_order_and_its_invoice_in_one_push(world: World) -> None:
    answer = await world.push("seller", [invoice("T2-INV", 500, order_number="T2-PO"), order("T2-PO")])
    await world.settled("seller", answer.push_id)
    (edge,) = (await asset(world, answer.results[0].fingerprint))["parents"]
    assert edge["of_parent"] == ONE // 2


async def test_a_weight_follows_when_the_order_comes_later(world: World) -> None:
    children = await pushed(
        world, "seller", *(invoice(f"T3-{n}", 100, order_number="T3-PO") for n in range(3))
    )
    (edge,) = (await asset(world, children[0]))["parents"]
    assert (edge["of_parent"], edge["basis"], edge["counts"]) == (None, "unknown", False)
    await pushed(world, "buyer", order("T3-PO", quantity=300))
    for child in children:
        found = await eventually(world, child, lambda each: each["parents"][0]["of_parent"] is not None)
        assert (found["parents"][0]["of_parent"], found["parents"][0]["basis"]) == (ONE // 3, "gross")


async def test_one_invoice_over_two_orders(world: World) -> None:
    first, second = await pushed(world, "buyer", order("T4-A", 100), order("T4-B", 400))
    paper = invoice("T4-INV", 100)
    line = paper["lines"][0]
    lines = [
        line | {"line_id": "1", "quantity": "25", "net_amount": "250", "order_number": "T4-A"},
        line | {"line_id": "2", "quantity": "75", "net_amount": "750", "order_number": "T4-B"},
    ]
    (child,) = await pushed(world, "seller", paper | {"lines": lines})
    edges = {each["fp"]: each for each in (await asset(world, child))["parents"]}
    assert (edges[first]["of_child"], edges[first]["of_parent"]) == (ONE // 4, ONE // 4)
    assert (edges[second]["of_child"], edges[second]["of_parent"]) == (ONE * 3 // 4, 187_500_000)


@pytest.mark.parametrize("credit_first", [False, True])
async def test_a_credit_note_dilutes_its_invoice_once(world: World, credit_first: bool) -> None:
    number = f"T5-{credit_first}"
    papers = [invoice(number, 300), credit_note(f"{number}-CN", number, 100)]
    if credit_first:
        papers.reverse()
    fingerprints: dict[str, str] = {}
    for paper in papers:
        (fingerprints[paper["kind"]],) = await pushed(world, "seller", paper)
    found = await eventually(world, fingerprints["invoice"], lambda each: each["diluted"] > 0)
    assert found["diluted"] == -(-ONE // 3), "rounded up: never below the truth"
    await pushed(world, "buyer", credit_note(f"{number}-CN", number, 100))
    await asyncio.sleep(0.3)
    assert (await asset(world, fingerprints["invoice"]))["diluted"] == found["diluted"]


async def test_a_credit_note_over_two_invoices_waits_for_both(world: World) -> None:
    note = credit_note("T6-CN", "T6-A", 60)
    note["preceding_invoices"] += [{"number": "T6-B", "issue_date": "2026-02-01"}]
    await pushed(world, "seller", note)
    (first,) = await pushed(world, "seller", invoice("T6-A", 100))
    await asyncio.sleep(0.3)
    assert (await asset(world, first))["diluted"] == 0
    (second,) = await pushed(world, "seller", invoice("T6-B", 200))
    for fingerprint in (first, second):
        found = await eventually(world, fingerprint, lambda each: each["diluted"] > 0)
        assert found["diluted"] == ONE // 5


async def test_a_preceding_invoice_without_date_is_found_in_the_year_before(world: World) -> None:
    (old,) = await pushed(world, "seller", invoice("T7", 100, issue_date="2025-12-20", due_date="2026-01-20"))
    note = credit_note("T7-CN", "T7", 50)
    note["preceding_invoices"] = [{"number": "T7"}]
    await pushed(world, "seller", note)
    found = await eventually(world, old, lambda each: each["diluted"] > 0)
    assert found["diluted"] == ONE // 2
