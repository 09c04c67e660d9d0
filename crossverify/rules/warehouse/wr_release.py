"""WR_RELEASE: have goods left the store, and was whoever has a pledge asked?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from consortium.documents import DespatchAdvice, Document, TransportDocument
from consortium.documents.party import same_party
from crossverify.case import order_key
from crossverify.evidence import EvidenceDocument
from crossverify.goods import (
    Attested,
    Stock,
    StoredGoodsAsset,
    keepers_word,
    lots_of,
    pledgees,
    stock_of,
    warehouse_receipts,
)
from crossverify.percase import per_case
from crossverify.rule import Deduction, Effect, Input, NoThresholds, Outcome, Rule, Step, Text, Verdict, clip
from crossverify.rules.warehouse.wr_exists import not_attested
from crossverify.rules.warehouse.wr_title import said_of
from crossverify.units import factor, shown
from crossverify.wording import rounded_up

if TYPE_CHECKING:
    from crossverify.case import Case


class WrRelease(Rule[NoThresholds]):
    """What the keeper gave out of the receipt's goods, against pledges on them; and papers by which the applicant
    sent the same lots away.

    - PASS: all is there, and no paper says that it went.
    - WARN: part was given out, with the pledgee's agreement or while there was no pledge: it leaves the value. The
      applicant's own papers say that a lot was sent away, which the keeper has as being there.
    - FAIL: given out while pledged, without the pledgee's agreement; less there than is pledged; sent away while
      pledged; all given out.
    - UNKNOWN: no word of the keeper itself.
    - NOT_APPLICABLE: never.

    The value of what went is the declared value by quantity; of several goods in units that cannot be added up, or
    when no value is declared, nothing is deducted and a person has to look.
    """

    id = "WR_RELEASE"
    version = 1
    title = Text("Have goods left the store?", "货物是否已出库")
    basis = ("民法典 441, 910, 915", "practice")
    explains: ClassVar = {
        "ALL_THERE": Text("Nothing was given out. Nothing to do.", "货物未出库。无需处理。"),
        "PART_RELEASED": Text(
            "Part of the goods was given out, rightly. Its value was taken off; have the receipt written anew.",
            "部分货物已合法出库，已按比例扣减货值，请更换仓单。",
        ),
        "ALL_RELEASED": Text(
            "All goods were given out: the receipt stands for nothing. It should have been handed back.",
            "货物已全部出库，仓单已无货可提，应予注销。",
        ),
        "GONE_WHILE_PLEDGED": Text(
            "Goods left the store while they were pledged, and the pledgee did not agree. Stop lending to applicant "
            "and keeper alike until it is explained.",
            "货物在质押期间未经质权人同意出库。请立即停止对申请人及保管人的业务并查明原因。",
        ),
        "LESS_THAN_PLEDGED": Text(
            "Less is in store than is pledged. Whoever lent on it has no cover for the rest.",
            "在库数量少于出质数量，质权已部分落空。",
        ),
        "SENT_WHILE_PLEDGED": Text(
            "The applicant's own papers send pledged goods away. Have the store inspected today.",
            "申请人自己的发运单据显示质押货物已发出，请立即现场核查。",
        ),
        "SENT_AWAY": Text(
            "A despatch or transport paper after the receipt's date names its lots. Ask whether the goods left.",
            "仓单出具后的发货或运输单据载有同批号货物，请核实是否已出库。",
        ),
        "NOT_ATTESTED": Text(
            "Without the keeper's word releases cannot be known. Ask the keeper.",
            "没有保管人证明，无法得知出库情况，请向保管人核实。",
        ),
        "NOT_FROM_KEEPER": Text(
            "The attestation does not come from the keeper itself and tells nothing of releases.",
            "证明并非由保管人提交，不能据以判断出库情况。",
        ),
        "DATED_AHEAD": Text(
            "The attestation is dated in the future and tells nothing of today.",
            "证明日期在未来，不能反映现状。",
        ),
    }
    applies_when = "the applicant brings a warehouse receipt"
    sources = ("documents",)
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        for asset in warehouse_receipts(case):
            attested = keepers_word(case, asset.receipt)
            sent = _sent(case, asset, attested)
            released = None if attested is None else _released(case, asset, attested)
            if attested is None:
                yield not_attested(case, asset)
            if released is not None:
                yield released
            if sent is not None and (released is None or released.outcome is not Outcome.FAIL):
                yield sent
            if attested is not None and released is None and sent is None:
                told = case.of_document(attested.item, "counted_on", attested.body.counted_on)
                text = f"On {attested.body.counted_on} all of it was there."
                yield Verdict(asset.fingerprint, Outcome.PASS, "ALL_THERE", text, (told,))


def _inputs(case: Case, attested: Attested) -> tuple[Input, ...]:
    values = [
        (line, field, getattr(line, field))
        for line in attested.lines
        for field in ("state", "quantity", "released", "pledged", "released_date")
    ]
    return clip(
        case.of_document(attested.item, f"lines/{line.line_id}/{field}", value)
        for line, field, value in values
        if value is not None
    )


def _released(case: Case, asset: StoredGoodsAsset, attested: Attested) -> Verdict | None:
    """What the keeper gave out; none when nothing."""
    key = asset.fingerprint
    inputs = _inputs(case, attested)
    stocks = stock_of(asset.receipt, attested)
    for stock in stocks:
        if stock.released and _against_pledge(asset, attested, stock):
            unit = stock.line.unit
            who = " and ".join(said_of(party) for party, _ in pledgees(asset.receipt, attested))
            text = (
                f"{shown(stock.released)} {unit} {stock.line.item.name} were given out while pledged to {who}, who is "
                "not known to have agreed."
            )
            return Verdict(key, Outcome.FAIL, "GONE_WHILE_PLEDGED", text, inputs)
        if stock.there is not None and stock.there < stock.pledged - stock.released:
            unit = stock.line.unit
            text = f"{shown(stock.pledged)} {unit} are pledged and {shown(stock.there)} {unit} are there."
            return Verdict(key, Outcome.FAIL, "LESS_THAN_PLEDGED", text, inputs)
    gone = [each for each in stocks if each.released]
    if not gone:
        return None
    if all(each.released >= each.promised for each in stocks):
        text = "All of it was given out."
        return Verdict(key, Outcome.FAIL, "ALL_RELEASED", text, inputs)
    said = "; ".join(
        f"{shown(each.released)} of {each.line.quantity} {each.line.unit} {each.line.item.name}"
        for each in gone
    )
    deduct = _value_of(asset, stocks)
    text = f"Given out: {said}."
    return Verdict(key, Outcome.WARN, "PART_RELEASED", text, inputs, None, None, deduct)


def _against_pledge(asset: StoredGoodsAsset, attested: Attested, stock: Stock) -> bool:
    """Whether some of what was given out was pledged then, and the pledgee did not agree."""
    on_receipt = [party for party, source in pledgees(asset.receipt, attested) if source == "receipt"]
    for line in stock.said:
        if not (line.released or line.state == "released"):
            continue
        pledged_to = [line.pledgee] if line.pledgee is not None else on_receipt
        for party in pledged_to:
            began = line.pledge_date
            if began is not None and line.released_date is not None and line.released_date < began:
                continue
            if line.release_agreed_by is None or not same_party(line.release_agreed_by, party):
                return True
    return False


def _value_of(asset: StoredGoodsAsset, stocks: tuple[Stock, ...]) -> Deduction | None:
    """What was given out, in money: the declared value by quantity, over goods whose quantities can be added up."""
    unit = stocks[0].line.unit
    promised = gone = Fraction(0)
    for stock in stocks:
        into = factor(stock.line.unit, unit)
        if into is None:
            return None
        promised += stock.promised * into
        gone += min(stock.released, stock.promised) * into
    if not promised or not asset.face:
        return None
    amount = rounded_up(Fraction(asset.face) * gone / promised, asset.currency)
    return Deduction(Step.GOODS_GONE, min(amount, asset.face or Decimal(0)), asset.currency)


def _sent(case: Case, asset: StoredGoodsAsset, attested: Attested | None) -> Verdict | None:
    """Papers of the applicant that send the receipt's lots away after it was issued."""
    lots = lots_of(asset.receipt.lines)
    if not lots:
        return None
    pledged = pledgees(asset.receipt, attested)
    by_lot = _sending(case)
    found = {item.fingerprint: item for lot in sorted(lots) for item in by_lot.get(lot, ())}
    later = [item for item in found.values() if item.document.issue_date > asset.receipt.issue_date]
    for item in sorted(later, key=order_key)[:1]:
        body = item.document
        common = lots & lots_of(getattr(body, "lines", ()))
        names = ", ".join(lot.partition(":")[2] for lot in sorted(common))
        told = case.of_document(item, "lots", names)
        number = case.of_document(item, "number", body.number)
        what = f"{body.kind.replace('_', ' ')} {body.number} of {body.issue_date} sends lot {names} away"
        if pledged:
            text = f"The {what}, which is pledged to {said_of(pledged[0][0])}."
            return Verdict(asset.fingerprint, Outcome.FAIL, "SENT_WHILE_PLEDGED", text, (told, number))
        return Verdict(asset.fingerprint, Outcome.WARN, "SENT_AWAY", f"The {what}.", (told, number))
    return None


@per_case
def _sending(case: Case) -> Mapping[str, list[EvidenceDocument]]:
    """Papers by which the subject sends goods away, by lot."""
    found: dict[str, list[EvidenceDocument]] = defaultdict(list)
    for item in case.documents:
        body = item.document
        if (
            item.state != "void"
            and isinstance(body, DespatchAdvice | TransportDocument)
            and _from_subject(case, item, body)
        ):
            for lot in sorted(lots_of(body.lines)):
                found[lot].append(item)
    return found


def _from_subject(case: Case, item: EvidenceDocument, body: Document) -> bool:
    if isinstance(body, DespatchAdvice):
        return case.is_subject(body.seller, item.seller)
    return isinstance(body, TransportDocument) and case.is_subject(body.shipper, "")
