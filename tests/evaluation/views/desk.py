"""What the asking bank itself knows: its limits, groups, verified accounts, contacts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from crossverify.desk import DeskInfo
from tests.evaluation.scene.companies import LENDER
from tests.evaluation.scene.scene import Scene
from tests.evaluation.views.look import Look, seconds

LIMIT: Final = Decimal(60_000_000)
"""What the bank lends on one debtor's or group's debts, CNY."""


def desk(scene: Scene, look: Look) -> DeskInfo:
    """The bank's figures. It has seen the supplier's business account, and knows who the buyers' people are."""
    buyers = [pair.buyer for pair in scene.pairs]
    payers: dict[str, tuple[str, ...]] = {
        pair.buyer.id: (pair.treasury.id,) for pair in scene.pairs if pair.treasury and pair.treasury_known
    }
    limits: list[dict[str, Any]] = [
        {"debtor": buyer.id, "group": buyer.group, "amount": Decimal(0), "limit": LIMIT, "currency": "CNY"}
        for buyer in buyers
    ]
    values: dict[str, Any] = {
        "as_of": look.now - 86_400,
        "exposures": limits,
        "groups": {each.id: each.group for each in scene.companies.values() if each.group},
        "kinds": {each.id: each.size for each in (scene.supplier, *buyers)},
        "verified_accounts": {scene.supplier.id: tuple(scene.supplier.accounts[:1])},
        "contacts": {buyer.id: {"domains": (buyer.domain,)} for buyer in buyers},
        "group_payers": payers,
        "own_identifiers": (LENDER.id,),
        "rates": {
            "source": "中国外汇交易中心 中间价",
            "as_of": seconds(look.known),
            "rates": {"EUR/CNY": Decimal("8.20"), "USD/CNY": Decimal("7.10")},
        },
    }
    return DeskInfo.model_validate(values)
