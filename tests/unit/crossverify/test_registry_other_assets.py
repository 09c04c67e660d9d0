"""The registry's rules and the order of claims for orders, warehouse receipts and bills."""

from __future__ import annotations

import pytest

from crossverify.case import Case
from crossverify.figures import AssetKind
from crossverify.priority import priorities
from crossverify.profiles import ORDER_V1, WAREHOUSE_V1
from crossverify.rule import Stage
from tests.support.goods_world import BillWorld, bill, codes, goods_world, paper_of
from tests.support.registry_world import own, registered, registration, staged
from tests.support.trade_world import World, fp, order

GOODS = AssetKind.WAREHOUSE_RECEIPT


@pytest.mark.parametrize(
    ("description", "said"),
    [
        ("仓单编号:WR-1。", ("FAIL", "SAME_ASSET")),
        ("出质人现有及将有的全部存货", ("FAIL", "BLANKET")),
        ("全部资产", ("FAIL", "BLANKET")),
        ("转让人现有及将有的全部应收账款", ("PASS", "OTHER_ASSETS")),
        ("仓单编号:WR-2。", ("PASS", "OTHER_ASSETS")),
        ("仓储物一批", ("WARN", "VAGUE")),
    ],
)
def test_a_warehouse_receipt(description: str, said: tuple[str, str]) -> None:
    world = registered(goods_world(paper_of()), registration(kind="movables", description=description))
    assert codes(world, "REGISTRY_PRIOR", GOODS) == [said]


def test_own_pledge_of_a_warehouse_receipt() -> None:
    pledged = own(kind="movables", description="仓单质押。\n1. 保管人:Keeper;仓单编号:WR-1。")
    world = registered(staged(goods_world(paper_of()), Stage.BEFORE_FUNDING), pledged)
    assert codes(world, "REGISTRY_PRIOR", GOODS) == [("PASS", "OWN")]
    assert [code for _, code in codes(world, "REGISTRY_OWN", GOODS)] == ["REGISTERED"]
    case = Case(world.evidence(), WAREHOUSE_V1.max_ages, GOODS)
    (found,) = priorities(case).values()
    assert [(each.rank, each.claim.kind) for each in found.claims] == [(1, "pledge")]


def test_an_order() -> None:
    world = registered(World(order()), registration(description="合同编号:PO-1项下全部应收账款"))
    assert codes(world, "REGISTRY_PRIOR", AssetKind.ORDER) == [("FAIL", "BLANKET")]
    other = registered(World(order()), registration(description="发票号码:INV-1。"))
    assert codes(other, "REGISTRY_PRIOR", AssetKind.ORDER) == [("PASS", "OTHER_ASSETS")]
    case = Case(world.evidence(), ORDER_V1.max_ages, AssetKind.ORDER)
    assert priorities(case)[fp(order())].next_rank == 2


def test_bills_are_not_registered_there() -> None:
    for known in ([], [registration(description="全部资产")]):
        world = registered(staged(BillWorld(bill()), Stage.BEFORE_FUNDING), *known)
        for rule in ("REGISTRY_PRIOR", "REGISTRY_OWN"):
            assert codes(world, rule, AssetKind.BILL) == [("NOT_APPLICABLE", "NOT_REGISTRABLE")]
