"""BILL_RANGE: is the sub-range a part of its package, whole, and brought only once?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Final

from consortium.documents import Bill
from crossverify.answers import Gap
from crossverify.answers.bills import BillAnswer
from crossverify.billing import BillAsset, answer_on, bills, shown_bills, units_of
from crossverify.evidence import EvidenceDocument
from crossverify.rule import Effect, NoThresholds, Outcome, Rule, Text, Verdict, clip
from crossverify.subranges import PackageNumber, SubRange, joined, missing

if TYPE_CHECKING:
    from crossverify.case import Case

_KINDS: Final = {
    "bank_acceptance": "bank",
    "finance_company_acceptance": "bank",
    "commercial_acceptance": "commercial",
}
"""Kind of bill on the document -> kind that its number tells; the number does not tell banks and finance companies
apart."""

_ELECTRONIC_DIGITS: Final = 30


class BillRange(Rule[NoThresholds]):
    """Package number and sub-range (子票区间) of the document, of the other bills shown, and at the exchange.

    - PASS: the exchange has all its units, in one range or in adjacent ones.
    - WARN: the document names no sub-range, and the package is divided at the exchange.
    - FAIL: no package number; overlapping another bill shown; split up meanwhile; a sub-range of a package that goes
      as a whole; beyond the package; units that the exchange does not have.
    - UNKNOWN: the exchange is silent or stale, or its answer contradicts itself (overlapping ranges, say); a paper
      bill, whose number is not the exchange's.
    - NOT_APPLICABLE: the exchange does not know the package (BILL_STATE tells).

    Only bills among the documents shown are compared: the same units brought to another bank are not seen here, but
    the exchange then has them locked or pledged.
    """

    id = "BILL_RANGE"
    version = 1
    title = Text("Is the sub-range whole, and brought only once?", "子票区间是否完整且未重复")
    basis = ("商业汇票承兑、贴现与再贴现管理办法 (2022)", "票据交易所: 票据(包)号, 子票区间")
    explains: ClassVar = {
        "ONE_RANGE": Text(
            "The exchange has the whole sub-range as one. Nothing to do.", "票交所登记的子票区间完整一致。"
        ),
        "ADJACENT": Text(
            "The exchange has the sub-range in adjacent parts that together are all of it. Nothing to do.",
            "子票区间由相邻区间组成，合并后完整。无需处理。",
        ),
        "WHOLE_PACKAGE": Text(
            "The package cannot be divided and goes as a whole. Nothing to do.",
            "该票据包不可分包流转，整包有效。",
        ),
        "RANGE_NOT_NAMED": Text(
            "The document names no sub-range, but the package is divisible. Have the sub-range written on it.",
            "单据未载明子票区间，而该票据包可分包流转。请补充区间。",
        ),
        "NUMBER_INVALID": Text(
            "This is no number of a bill, or one of another kind of bill. Ask for the bill as the exchange shows it.",
            "票据(包)号不符合编码规则或与票据种类不符，请提供票交所票面信息。",
        ),
        "NOT_ELECTRONIC": Text(
            "The number is not that of an electronic bill. A paper bill has to be shown and checked by hand.",
            "票号不是电子票据(包)号。纸质票据须当面查验。",
        ),
        "OVERLAP": Text(
            "Two bills shown claim the same units of one package. At most one is true: take neither until it is clear.",
            "所示两张票据的子票区间重叠，至多一张为真，查清前均不得受理。",
        ),
        "SPLIT_UP": Text(
            "The bill was split, and its parts are among the documents. Lend on the parts, not on what was split.",
            "该票据已分包，拆分后的子票另行列示。请以子票为准，不得重复融资。",
        ),
        "NOT_DIVISIBLE": Text(
            "The document is a part of a package that the exchange only knows as a whole.",
            "票交所登记该票据包不可分包，单据却为其部分。",
        ),
        "OUTSIDE_PACKAGE": Text(
            "The sub-range goes beyond the package's amount: such units do not exist.",
            "子票区间超出票据包金额，相应子票不存在。",
        ),
        "UNITS_MISSING": Text(
            "The exchange does not have some of the units. Lend on what it has, by a newly written sub-range, or not.",
            "票交所缺少部分子票，须以实际存在的区间重新申请。",
        ),
        "NO_PACKAGE": Text(
            "The exchange has no such package; BILL_STATE says what that means.",
            "票交所无此票据包，见 BILL_STATE。",
        ),
    }
    applies_when = "the applicant brings a bill"
    sources = ("bills", "documents")
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        others: dict[str, list[tuple[EvidenceDocument, Bill]]] = {}
        for item, bill in shown_bills(case):
            others.setdefault(bill.number, []).append((item, bill))
        for asset in bills(case):
            yield (
                _numbered(case, asset)
                or _twice(case, asset, others[asset.bill.number])
                or _at_exchange(case, asset)
            )


def _numbered(case: Case, asset: BillAsset) -> Verdict | None:
    """What is wrong with the number by itself."""
    bill = asset.bill
    told = (
        case.of_document(asset.primary, "number", bill.number),
        case.of_document(asset.primary, "bill_type", bill.bill_type),
    )
    if len(bill.number) != _ELECTRONIC_DIGITS:
        text = f"The number {bill.number} is not that of an electronic bill."
        return Verdict(asset.fingerprint, Outcome.UNKNOWN, "NOT_ELECTRONIC", text, told)
    try:
        number = PackageNumber.parse(bill.number)
    except ValueError as error:
        text = f"{bill.number} is no package number: {error}."
        return Verdict(asset.fingerprint, Outcome.FAIL, "NUMBER_INVALID", text, told)
    if number.kind != _KINDS[bill.bill_type]:
        text = f"{bill.number} is the number of a {number.kind} bill; the document says {bill.bill_type}."
        return Verdict(asset.fingerprint, Outcome.FAIL, "NUMBER_INVALID", text, told)
    if not number.divisible and not asset.units.whole:
        text = (
            f"The package is of the former system, which divides none; the document is a part, {asset.units}."
        )
        return Verdict(asset.fingerprint, Outcome.FAIL, "NOT_DIVISIBLE", text, told)
    return None


def _twice(case: Case, asset: BillAsset, others: list[tuple[EvidenceDocument, Bill]]) -> Verdict | None:
    """Other bills shown that claim units of this one."""
    ours = case.of_document(asset.primary, "range", asset.units)
    for item, other in others:
        if item.fingerprint == asset.primary.fingerprint or not units_of(other).overlaps(asset.units):
            continue
        theirs = case.of_document(item, "range", units_of(other))
        if _split_from(other, asset.units):
            text = f"It was split; part {units_of(other)} of it is among the documents."
            return Verdict(asset.fingerprint, Outcome.FAIL, "SPLIT_UP", text, (ours, theirs))
        if _split_from(asset.bill, units_of(other)):
            continue
        text = f"The units {asset.units} overlap {units_of(other)} of another bill of the same package."
        return Verdict(asset.fingerprint, Outcome.FAIL, "OVERLAP", text, (ours, theirs))
    return None


def _split_from(bill: Bill, whole: SubRange) -> bool:
    """Whether a bill says that it was split from (a part of) some units."""
    if bill.split_from is None or bill.split_to is None or whole.whole:
        return False
    return whole.first <= bill.split_from and bill.split_to <= whole.last and units_of(bill) != whole


def _at_exchange(case: Case, asset: BillAsset) -> Verdict:
    key, units = asset.fingerprint, asset.units
    answer = answer_on(case, asset)
    if isinstance(answer, Gap):
        return Verdict(key, Outcome.UNKNOWN, answer.code, answer.message, (case.of_gap(answer, key),))
    if not answer.known:
        told = case.of_source("bills", key, "known", "false")
        text = "The exchange does not know the package."
        return Verdict(key, Outcome.NOT_APPLICABLE, "NO_PACKAGE", text, (told,))
    own = case.of_document(asset.primary, "range", units)
    size = case.of_source("bills", key, "package_units", answer.package_units)
    if answer.package_units == 0:
        if units.whole:
            return _covered(case, asset, answer, SubRange(0, 0))
        text = f"The document is a part, {units}, of a package that goes as a whole."
        return Verdict(key, Outcome.FAIL, "NOT_DIVISIBLE", text, (own, size))
    if units.last > answer.package_units:
        text = f"The sub-range {units} ends behind the package's last unit {answer.package_units}."
        return Verdict(key, Outcome.FAIL, "OUTSIDE_PACKAGE", text, (own, size))
    if units.whole:
        text = f"The document names no sub-range; the package has units 1 to {answer.package_units}."
        return Verdict(key, Outcome.WARN, "RANGE_NOT_NAMED", text, (own, size))
    return _covered(case, asset, answer, units)


def _covered(case: Case, asset: BillAsset, answer: BillAnswer, units: SubRange) -> Verdict:
    key = asset.fingerprint
    found = [each.units for each in answer.ranges]
    inputs = clip(
        [
            case.of_document(asset.primary, "range", units),
            *(case.of_source("bills", key, "ranges", each) for each in found),
        ]
    )
    gaps = missing(units, found)
    if gaps:
        text = f"The exchange has no units {' and '.join(map(str, gaps))} of this package."
        return Verdict(key, Outcome.FAIL, "UNITS_MISSING", text, inputs)
    if units.whole:
        text = "The package goes as a whole, and the exchange has it."
        return Verdict(key, Outcome.PASS, "WHOLE_PACKAGE", text, inputs)
    if len(found) == 1:
        return Verdict(key, Outcome.PASS, "ONE_RANGE", f"The exchange has {units} as one range.", inputs)
    assert joined(found) == (units,)
    text = f"The exchange has {units} in {len(found)} adjacent parts."
    return Verdict(key, Outcome.PASS, "ADJACENT", text, inputs)
