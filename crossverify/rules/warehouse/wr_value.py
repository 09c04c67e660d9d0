"""WR_VALUE: are the goods worth what the receipt says?"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from consortium.documents.warehouse_receipt import StoredGoods
from crossverify.desk import ReferencePrice
from crossverify.evidence import FACE_VALUE_PPB
from crossverify.exchange import convert
from crossverify.goods import StoredGoodsAsset, in_unit, warehouse_receipts
from crossverify.match.items import compared
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict, clip
from crossverify.wording import money, percent, rounded_down

if TYPE_CHECKING:
    from crossverify.case import Case


class WrValueThresholds(Thresholds):
    """:ivar far_times: a value of so many times the reference's high end is no mistake but an invention"""

    far_times: Annotated[Decimal, Field(ge=1, le=100)] = Decimal(2)


class WrValue(Rule[WrValueThresholds]):
    """The declared value against the bank's own reference prices, at their high end, for the quantities on the
    receipt. What exceeds it is not lent on.

    - PASS: at most the high end. WARN: above it. FAIL: far above it.
    - UNKNOWN: the bank has no reference price for some of the goods: the value is the depositor's word.
    - NOT_APPLICABLE: no value is declared, so that nothing is lent on it.
    """

    id = "WR_VALUE"
    version = 1
    title = Text("Are the goods worth what the receipt says?", "仓单货值是否合理")
    basis = ("practice",)
    explains: ClassVar = {
        "WITHIN": Text(
            "The declared value is within your reference prices. Nothing to do.",
            "申报货值在参考价格之内。无需处理。",
        ),
        "ABOVE": Text(
            "The declared value is above the high end of your reference prices; the excess is not lent on. Ask how it "
            "was reckoned.",
            "申报货值高于参考价格上限，超出部分不予融资，请了解计价依据。",
        ),
        "FAR_ABOVE": Text(
            "The declared value is a multiple of your reference prices. Do not lend on it before it is valued anew.",
            "申报货值数倍于参考价格，重新估值前不得融资。",
        ),
        "NO_REFERENCE": Text(
            "You have no reference price for these goods: the value is the depositor's word. Have them valued.",
            "本行没有该货物的参考价格，货值仅为存货人自报，请另行估值。",
        ),
        "NO_VALUE": Text(
            "The receipt declares no value, so nothing is lent on it.", "仓单未申报货值，不作融资依据。"
        ),
    }
    applies_when = "the applicant brings a warehouse receipt that declares a value"
    sources = ("documents", "desk")
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.EXCLUDE,
        # Banks that have a reference for all that they lend on set this to refer.
        "UNKNOWN": Effect.INFORMATION,
    }
    thresholds = WrValueThresholds

    def evaluate(self, case: Case, thresholds: WrValueThresholds) -> Iterator[Verdict]:
        """See the class."""
        for asset in warehouse_receipts(case):
            yield _judge(case, asset, Fraction(thresholds.far_times))


def _judge(case: Case, asset: StoredGoodsAsset, far: Fraction) -> Verdict:
    key, face = asset.fingerprint, asset.face
    declared = case.of_document(asset.primary, "declared_value", asset.receipt.declared_value)
    if not face:
        return Verdict(key, Outcome.NOT_APPLICABLE, "NO_VALUE", "The receipt declares no value.", (declared,))
    total, inputs = Fraction(0), [declared]
    for line in asset.receipt.lines:
        found = _reference(case, asset, line)
        if found is None:
            text = f"The bank has no reference price for line {line.line_id}, {line.item.name}."
            return Verdict(key, Outcome.UNKNOWN, "NO_REFERENCE", text, (declared,))
        total += found[0]
        inputs.append(found[1])
    told = clip(inputs)
    most = money(rounded_down(total, asset.currency), asset.currency)
    text = (
        f"Declared at {money(face, asset.currency)}; at the reference's high end the goods are worth {most}"
    )
    if Fraction(face) <= total:
        return Verdict(key, Outcome.PASS, "WITHIN", f"{text}.", told)
    share = total / Fraction(face)
    cap = int(share * FACE_VALUE_PPB)
    if Fraction(face) > far * total:
        return Verdict(key, Outcome.FAIL, "FAR_ABOVE", f"{text}, {percent(share)} of it.", told, None, cap)
    return Verdict(key, Outcome.WARN, "ABOVE", f"{text}, {percent(share)} of it.", told, None, cap)


def _reference(case: Case, asset: StoredGoodsAsset, line: StoredGoods) -> tuple[Fraction, Input] | None:
    """What a line is worth at the high end of the bank's reference, in the receipt's currency."""
    item = line.item
    names = {
        compared(each)
        for each in (item.standard_number, item.seller_number, item.buyer_number, item.name)
        if each is not None
    }
    for price in case.desk.prices:
        if compared(price.item) not in names:
            continue
        quantity = in_unit(line.quantity, line.unit, price.unit)
        high = convert(case.desk, price.high, price.currency, asset.currency)
        if quantity is not None and high is not None:
            told = case.of_source("desk", "", f"prices/{price.item}", _said(price))
            return quantity * high, told
    return None


def _said(price: ReferencePrice) -> str:
    return f"{price.low:f} to {price.high:f} {price.currency} per {price.unit} ({price.source})"
