"""ORIGIN_SIG: whose signature is it?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from crossverify.engine import evaluate
from crossverify.figures import AssetKind
from crossverify.profiles import ORDER_V1
from crossverify.rule import Effect
from tests.support.trade_world import (
    BUYER,
    OTHER,
    SELLER,
    World,
    alone,
    codes2,
    fp,
    handle,
    invoice,
    judged2,
    order,
)


def world(**fields: str) -> World:
    made = World()
    made.add(invoice(), **fields)
    return made


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"signed_by": handle(SELLER), "state": "signed"}, ("PASS", "SIGNED")),
        ({}, ("WARN", "ASSERTED")),
        ({"signed_by": handle(BUYER)}, ("FAIL", "SIGNED_BY_ANOTHER")),
        ({"signed_by": handle(OTHER)}, ("FAIL", "SIGNED_BY_ANOTHER")),
        ({"txid": "", "signed_by": handle(SELLER)}, ("UNKNOWN", "NOT_REGISTERED")),
    ],
)
def test_an_invoice_is_signed_by_its_seller(fields: dict[str, str], expected: tuple[str, str]) -> None:
    assert codes2(world(**fields), "ORIGIN_SIG") == [expected]


def test_a_gateways_word_is_a_grade_and_a_strangers_signature_excludes() -> None:
    (asserted,) = judged2(world(), "ORIGIN_SIG")
    assert (asserted.effect, asserted.inputs[0].document) == (Effect.INFORMATION, fp(invoice()))
    (forged,) = judged2(world(signed_by=handle(OTHER)), "ORIGIN_SIG")
    assert forged.effect is Effect.EXCLUDE
    assert forged.inputs[0].value == handle(OTHER)


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"signed_by": handle(BUYER)}, "SIGNED"),
        ({"signed_by": handle(SELLER)}, "SIGNED_BY_ANOTHER"),
        ({"pushed_by": handle(BUYER)}, "HANDED_IN"),
        ({"pushed_by": handle(SELLER)}, "ASSERTED"),
    ],
)
def test_an_order_is_its_buyers_word(fields: dict[str, str], code: str) -> None:
    made = World()
    made.add(order(), **fields)
    profile = replace(alone("ORIGIN_SIG", 1), lends_on=AssetKind.ORDER)
    assert [item.code for item in evaluate(made.evidence(), profile).findings] == [code]


def test_an_order_that_only_the_seller_handed_in_is_referred() -> None:
    made = World()
    made.add(order(), pushed_by=handle(SELLER))
    found = [item for item in evaluate(made.evidence(), ORDER_V1).findings if item.rule == "ORIGIN_SIG"]
    assert [(item.code, item.effect) for item in found] == [("ASSERTED", Effect.REFER)]
