"""WR_EXISTS: does the keeper say that receipt and goods are there, and could they be?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import Field

from consortium.documents import WarehouseReceipt
from consortium.documents.party import primary_id
from crossverify.figures import Rate
from crossverify.goods import (
    USUAL_LOSS,
    Attested,
    Stock,
    StoredGoodsAsset,
    attestations,
    contradicted,
    keepers_word,
    loss_of,
    shown_receipts,
    stock_of,
    today_of,
    warehouse_receipts,
)
from crossverify.names import core
from crossverify.percase import per_case
from crossverify.rule import Effect, Outcome, Rule, Text, Thresholds, Verdict, clip
from crossverify.units import exact, factor, shown

if TYPE_CHECKING:
    from crossverify.case import Case

_SHOWN_NUMBERS: Final = 5


class WrExistsThresholds(Thresholds):
    """Figures of WR_EXISTS.

    :ivar count_days: a count (盘点) that is older warns
    :ivar word_days: an attestation that is older is stale: what the keeper says of today is not known
    :ivar usual_loss: part of the goods that may be lost in store where the receipt states no standard
    """

    count_days: int = Field(default=90, ge=0)
    word_days: int = Field(default=30, ge=0)
    usual_loss: Rate = USUAL_LOSS


class WrExists(Rule[WrExistsThresholds]):
    """The keeper's attestation, from the keeper's own identity: does it know the receipt, are the goods there in the
    quantity that the receipt promises (less what was given out, which WR_RELEASE judges, and less the usual loss),
    when were they counted, and does the store hold as much as all receipts shown promise?

    - PASS: attested and counted lately, in full.
    - WARN: the count, or the attestation, is old.
    - FAIL: the keeper knows no such receipt; a line over nothing; less is there than promised; more is promised or
      stored than the store can hold; more is promised than lies in the whole store.
    - UNKNOWN: no attestation, none from the keeper itself, one with a date in the future, two that contradict each
      other, a line that it leaves out, or quantities that cannot be compared.
    - NOT_APPLICABLE: never.

    Capacity is judged over the receipts shown: those of other depositors are not seen here.
    """

    id = "WR_EXISTS"
    version = 1
    title = Text("Does the keeper have the goods?", "保管人处是否确有仓单项下货物")
    basis = ("民法典 908, 909, 917", "GB/T 30332 仓单要素与格式规范", "practice")
    explains: ClassVar = {
        "CONFIRMED": Text(
            "The keeper attests receipt and goods, and counted them lately. Nothing to do.",
            "保管人确认仓单及货物在库且近期盘点相符。无需处理。",
        ),
        "OLD_COUNT": Text(
            "The goods were last counted too long ago. Have them counted again before lending.",
            "最近一次盘点已过期，放款前请要求重新盘点。",
        ),
        "OLD_WORD": Text(
            "The keeper's attestation is too old to tell what is there today. Ask for a new one.",
            "保管人证明出具过久，请要求出具新的证明。",
        ),
        "NOT_ATTESTED": Text(
            "There is no attestation of the keeper. Ask the keeper, at an address that you have from elsewhere.",
            "没有保管人证明。请通过独立渠道向保管人核实。",
        ),
        "NOT_FROM_KEEPER": Text(
            "The attestation was handed in by somebody else than the keeper. It proves nothing: ask the keeper.",
            "证明并非由保管人本人提交，不足为凭，请直接向保管人核实。",
        ),
        "DATED_AHEAD": Text(
            "The keeper's attestation is dated in the future. Ask for one that is true today.",
            "保管人证明日期在未来，请重新取得。",
        ),
        "CONTRADICTION": Text(
            "The keeper said two different things on one day. Ask it which is true.",
            "保管人同日出具的证明相互矛盾，请核实以何者为准。",
        ),
        "UNKNOWN_RECEIPT": Text(
            "The keeper says that it issued no such receipt. Treat the receipt as forged.",
            "保管人称未签发此仓单，应按伪造仓单处理。",
        ),
        "LINE_MISSING": Text(
            "The attestation says nothing of some goods on the receipt. Ask the keeper about these.",
            "保管人证明未涵盖仓单的部分货物，请补充确认。",
        ),
        "NO_QUANTITY": Text(
            "A line of the receipt is over no quantity at all. A receipt over nothing secures nothing.",
            "仓单某行数量为零，无货可凭。",
        ),
        "NOT_COMPARABLE": Text(
            "The attestation states no quantity, or one in a unit that cannot be compared with the receipt's.",
            "保管人证明未载明数量或计量单位无法换算，请补充。",
        ),
        "SHORT": Text(
            "Less is in store than the receipt promises, beyond the usual loss. Do not lend on the receipt as it is.",
            "在库数量少于仓单所载且超出合理损耗，不得按原仓单融资。",
        ),
        "ABOVE_CAPACITY": Text(
            "More is promised or stored than the store can hold. Some of it does not exist: inspect the store.",
            "仓单数量或在库数量超出库容，部分货物不可能存在，请现场核查。",
        ),
    }
    applies_when = "the applicant brings a warehouse receipt"
    sources = ("documents",)
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = WrExistsThresholds

    def evaluate(self, case: Case, thresholds: WrExistsThresholds) -> Iterator[Verdict]:
        """See the class."""
        for asset in warehouse_receipts(case):
            attested = keepers_word(case, asset.receipt)
            if attested is None:
                yield not_attested(case, asset)
            else:
                yield (
                    _contradicted(case, asset)
                    or _missing(case, asset, attested, thresholds)
                    or _too_much(case, asset, attested)
                    or _aged(case, asset, attested, thresholds)
                )


def not_attested(case: Case, asset: StoredGoodsAsset) -> Verdict:
    """Why there is no word of the keeper on a receipt."""
    key, said = asset.fingerprint, attestations(case, asset.receipt)
    if not said:
        number = case.of_document(asset.primary, "number", asset.number)
        text = "There is no attestation of the keeper about this receipt."
        return Verdict(key, Outcome.UNKNOWN, "NOT_ATTESTED", text, (number,))
    last = said[-1]
    if (last.body.issue_date - today_of(case)).days > 1:
        told = case.of_document(last.item, "issue_date", last.body.issue_date)
        text = f"The attestation {last.body.number} is dated {last.body.issue_date}, in the future."
        return Verdict(key, Outcome.UNKNOWN, "DATED_AHEAD", text, (told,))
    told = case.of_document(last.item, "pushed_by", last.item.pushed_by)
    text = f"The attestation {last.body.number} does not come from the keeper's own identity."
    return Verdict(key, Outcome.UNKNOWN, "NOT_FROM_KEEPER", text, (told,))


def _contradicted(case: Case, asset: StoredGoodsAsset) -> Verdict | None:
    pair = contradicted(case, asset.receipt)
    if pair is None:
        return None
    told = tuple(case.of_document(each.item, "number", each.body.number) for each in pair)
    numbers = " and ".join(each.body.number for each in pair)
    text = f"The keeper's attestations {numbers} are of one day and do not say the same of this receipt."
    return Verdict(asset.fingerprint, Outcome.UNKNOWN, "CONTRADICTION", text, told)


def _missing(
    case: Case, asset: StoredGoodsAsset, attested: Attested, thresholds: WrExistsThresholds
) -> Verdict | None:
    """What the keeper does not have, line by line; the gravest first."""
    key = asset.fingerprint
    unknown = [each for each in attested.lines if each.state == "unknown_receipt"]
    if unknown:
        told = case.of_document(attested.item, f"lines/{unknown[0].line_id}/state", unknown[0].state)
        text = f"On {attested.body.issue_date} the keeper said that it issued no receipt {asset.number}."
        return Verdict(key, Outcome.FAIL, "UNKNOWN_RECEIPT", text, (told,))
    empty = [each for each in asset.receipt.lines if not each.quantity]
    if empty:
        told = case.of_document(asset.primary, f"lines/{empty[0].line_id}/quantity", empty[0].quantity)
        text = f"Line {empty[0].line_id}, {empty[0].item.name}, is over nothing."
        return Verdict(key, Outcome.FAIL, "NO_QUANTITY", text, (told,))
    stocks = stock_of(asset.receipt, attested)
    loss = loss_of(asset.receipt, thresholds.usual_loss)
    for stock in stocks:
        if stock.there is not None and stock.said:
            short = stock.promised * (1 - loss) - stock.there - stock.released
            if short > 0:
                return _short(case, asset, attested, stock)
    for stock in stocks:
        line = f"lines/{stock.line.line_id}"
        ours = case.of_document(asset.primary, f"{line}/quantity", f"{stock.line.quantity} {stock.line.unit}")
        told = case.of_document(attested.item, "number", attested.body.number)
        if not stock.said:
            text = f"The attestation says nothing of line {stock.line.line_id}, {stock.line.item.name}."
            return Verdict(key, Outcome.UNKNOWN, "LINE_MISSING", text, (ours, told))
        if stock.there is None:
            text = f"What the keeper says of line {stock.line.line_id} cannot be compared with the receipt's quantity."
            return Verdict(key, Outcome.UNKNOWN, "NOT_COMPARABLE", text, (ours, told))
    return None


def _short(case: Case, asset: StoredGoodsAsset, attested: Attested, stock: Stock) -> Verdict:
    line, unit = stock.line, stock.line.unit
    there = shown(stock.there or Fraction(0))
    inputs = [case.of_document(asset.primary, f"lines/{line.line_id}/quantity", f"{line.quantity} {unit}")]
    inputs += [
        case.of_document(
            attested.item,
            f"lines/{each.line_id}/quantity",
            "" if each.quantity is None else f"{each.quantity} {each.unit}",
        )
        for each in stock.said
    ]
    text = f"Of {line.quantity} {unit} {line.item.name} that the receipt promises, {there} {unit} are there"
    text += f" and {shown(stock.released)} {unit} were given out." if stock.released else "."
    return Verdict(asset.fingerprint, Outcome.FAIL, "SHORT", text, clip(inputs))


def _too_much(case: Case, asset: StoredGoodsAsset, attested: Attested) -> Verdict | None:
    """More than the store can hold: by the keeper's own figures, or by the receipts shown."""
    body, unit = attested.body, attested.body.capacity_unit
    if unit is None:
        return None
    capacity = None if body.capacity is None else Fraction(exact(body.capacity))
    occupied = None if body.occupied is None else Fraction(exact(body.occupied))
    key = asset.fingerprint
    inputs = (
        case.of_document(attested.item, "capacity", f"{body.capacity} {unit}"),
        case.of_document(attested.item, "occupied", f"{body.occupied} {unit}"),
    )
    if capacity is not None and occupied is not None and occupied > capacity:
        text = f"The keeper says that {shown(occupied)} {unit} lie in a store that holds {shown(capacity)} {unit}."
        return Verdict(key, Outcome.FAIL, "ABOVE_CAPACITY", text, inputs)
    promised, numbers = _promised_there(case, asset, body.storage_place, unit)
    for limit, what in ((capacity, "can hold"), (occupied, "holds of all depositors")):
        if limit is not None and promised > limit:
            text = (
                f"Receipts {_some(numbers)} promise {shown(promised)} {unit} at {body.storage_place}; the store "
                f"{what} {shown(limit)} {unit}."
            )
            return Verdict(key, Outcome.FAIL, "ABOVE_CAPACITY", text, inputs)
    return None


@dataclass(frozen=True, slots=True, eq=False)
class _Out:
    """One receipt that is out: what is left of it to be fetched.

    :ivar left: quantity and unit of each line, less what the keeper says was given out
    """

    fingerprint: str
    receipt: WarehouseReceipt
    place: str
    left: tuple[tuple[Fraction, str], ...]

    def quantity(self, unit: str) -> Fraction:
        """What is left, as far as units can be compared."""
        by = ((quantity, factor(own, unit)) for quantity, own in self.left)
        return sum((quantity * into for quantity, into in by if into is not None), Fraction(0))


@per_case
def _outstanding(case: Case) -> Mapping[str, tuple[_Out, ...]]:
    """All receipts shown, by keeper."""
    found: dict[str, list[_Out]] = defaultdict(list)
    for item, receipt in shown_receipts(case):
        attested = keepers_word(case, receipt)
        gone = (
            {}
            if attested is None
            else {each.line.line_id: each.released for each in stock_of(receipt, attested)}
        )
        left = tuple(
            (
                max(Fraction(exact(line.quantity)) - gone.get(line.line_id, Fraction(0)), Fraction(0)),
                line.unit,
            )
            for line in receipt.lines
        )
        out = _Out(item.fingerprint, receipt, core(receipt.storage_place), left)
        found[str(primary_id(receipt.keeper))].append(out)
    return {key: tuple(receipts) for key, receipts in found.items()}


@per_case
def _sums(case: Case) -> dict[tuple[str, str, str], tuple[Fraction, tuple[str, ...], frozenset[str]]]:
    """What was reckoned of a store before: filled as stores are asked about."""
    return {}


def _promised_there(
    case: Case, asset: StoredGoodsAsset, place: str, unit: str
) -> tuple[Fraction, tuple[str, ...]]:
    """What the receipts shown promise at one store of a keeper, and their numbers; at least what this one promises.
    A position is in a store when it begins with the store's words: "3号库 A区 12排" is in "3号库"."""
    receipts = _outstanding(case)[str(primary_id(asset.receipt.keeper))]
    key = (str(primary_id(asset.receipt.keeper)), core(place), unit)
    sums = _sums(case)
    if key not in sums:
        inside = [each for each in receipts if each.place.startswith(key[1])]
        sums[key] = (
            sum((each.quantity(unit) for each in inside), Fraction(0)),
            tuple(each.receipt.number for each in inside),
            frozenset(each.fingerprint for each in inside),
        )
    total, numbers, names = sums[key]
    if asset.primary.fingerprint not in names:
        own = next(each for each in receipts if each.fingerprint == asset.primary.fingerprint)
        total, numbers = total + own.quantity(unit), (asset.number, *numbers)
    return total, numbers


def _some(numbers: tuple[str, ...]) -> str:
    more = len(numbers) - _SHOWN_NUMBERS
    return ", ".join(numbers[:_SHOWN_NUMBERS]) + (f" and {more} more" if more > 0 else "")


def _aged(case: Case, asset: StoredGoodsAsset, attested: Attested, thresholds: WrExistsThresholds) -> Verdict:
    key, body, today = asset.fingerprint, attested.body, today_of(case)
    word = case.of_document(attested.item, "issue_date", body.issue_date)
    count = case.of_document(attested.item, "counted_on", body.counted_on)
    if (age := (today - body.issue_date).days) > thresholds.word_days:
        text = f"The keeper's attestation is {age} days old; {thresholds.word_days} are allowed."
        return Verdict(key, Outcome.WARN, "OLD_WORD", text, (word, count))
    if (age := (today - body.counted_on).days) > thresholds.count_days:
        text = f"The goods were last counted on {body.counted_on}, {age} days ago; {thresholds.count_days} are allowed."
        return Verdict(key, Outcome.WARN, "OLD_COUNT", text, (count, word))
    text = f"The keeper attests the goods on {body.issue_date}, counted on {body.counted_on}."
    return Verdict(key, Outcome.PASS, "CONFIRMED", text, (word, count))
