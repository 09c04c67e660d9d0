"""GOODS_INSPECTED: has a third party looked into the boxes?"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from consortium.documents import InspectionReport
from consortium.documents.party import same_party
from crossverify.evidence import EvidenceDocument
from crossverify.goods import (
    USUAL_LOSS,
    StoredGoodsAsset,
    loss_of,
    lots_of,
    own_word,
    reports_on,
    today_of,
    warehouse_receipts,
)
from crossverify.names import name_of
from crossverify.rule import Effect, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.units import exact

if TYPE_CHECKING:
    from crossverify.case import Case


class GoodsInspectedThresholds(Thresholds):
    """:ivar recent_days: an inspection that is older warns"""

    recent_days: int = Field(default=180, ge=0)


class GoodsInspected(Rule[GoodsInspectedThresholds]):
    """Inspection reports about the receipt, or about its lots, by somebody who is neither holder, depositor nor
    keeper, from that inspector's own identity. The latest counts; one that found the goods to be something else stays
    until the same inspector finds otherwise.

    - PASS: goods as declared, looked at lately.
    - WARN: too long ago; some lots were not looked at; less found than declared.
    - FAIL: not what was declared.
    - UNKNOWN: no inspection, papers alone looked at, by no third party, or not from the inspector itself: documents
      cannot see inside a box.
    - NOT_APPLICABLE: never.
    """

    id = "GOODS_INSPECTED"
    version = 1
    title = Text("Has a third party looked at the goods?", "货物是否经第三方检验")
    basis = ("practice",)
    explains: ClassVar = {
        "AS_DECLARED": Text(
            "A third party looked at the goods lately and found them as declared. Nothing to do.",
            "第三方近期检验，货物与申报相符。无需处理。",
        ),
        "OLD": Text(
            "The last inspection is too long ago. Have the goods inspected again.", "检验已过期，请重新检验。"
        ),
        "PARTLY": Text(
            "Some lots of the receipt were not looked at. Have the rest inspected, or lend on what was.",
            "部分批次未检验，请补检或仅就已检部分融资。",
        ),
        "LESS_FOUND": Text(
            "The inspector found less than was declared. Compare with the keeper's count.",
            "检验数量少于申报，请与保管人盘点核对。",
        ),
        "NOT_AS_DECLARED": Text(
            "The inspector found something else than was declared. Do not lend on it.",
            "检验结果与申报不符，不得融资。",
        ),
        "NOT_INSPECTED": Text(
            "Nobody outside has looked at the goods. Papers cannot tell what is in the boxes: send an inspector.",
            "未经第三方检验。单证无法反映箱内实物，请委派检验。",
        ),
        "PAPERS_ONLY": Text(
            "The inspector read papers and saw no goods. Have the goods themselves inspected.",
            "检验机构仅审核单据，未见实物，请实地检验。",
        ),
        "NOT_THIRD_PARTY": Text(
            "Who inspected is holder, depositor or keeper. Have somebody else look.",
            "检验方为持单人、存货人或保管人，请改由独立第三方检验。",
        ),
        "NOT_FROM_INSPECTOR": Text(
            "The report was handed in by somebody else than the inspector. Ask the inspector whether it is theirs.",
            "报告并非由检验机构提交，请向其核实真伪。",
        ),
        "DATED_AHEAD": Text(
            "The report is dated in the future. Ask for a true one.", "报告日期在未来，请重新取得。"
        ),
    }
    applies_when = "the applicant brings a warehouse receipt"
    sources = ("documents",)
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = GoodsInspectedThresholds

    def evaluate(self, case: Case, thresholds: GoodsInspectedThresholds) -> Iterator[Verdict]:
        """See the class."""
        for asset in warehouse_receipts(case):
            reports = reports_on(case, asset.receipt)
            good = [each for each in reports if _why_not(case, asset, *each) is None]
            if good:
                yield _judge(case, asset, good, thresholds.recent_days)
            elif reports:
                item, body = reports[-1]
                code, text = _why_not(case, asset, item, body) or ("", "")
                told = case.of_document(item, "inspector", name_of(body.inspector))
                yield Verdict(asset.fingerprint, Outcome.UNKNOWN, code, text, (told,))
            else:
                number = case.of_document(asset.primary, "number", asset.number)
                text = "There is no inspection by a third party; documents cannot see inside a box."
                yield Verdict(asset.fingerprint, Outcome.UNKNOWN, "NOT_INSPECTED", text, (number,))


def _why_not(
    case: Case, asset: StoredGoodsAsset, item: EvidenceDocument, body: InspectionReport
) -> tuple[str, str] | None:
    """Why a report tells nothing; none when it does."""
    receipt = asset.receipt
    parties = [receipt.keeper, receipt.depositor, body.seller, *([receipt.holder] if receipt.holder else [])]
    name = name_of(body.inspector) or "The inspector"
    if any(same_party(body.inspector, each) for each in parties) or case.is_subject(body.inspector, ""):
        return "NOT_THIRD_PARTY", f"{name} is a party of the receipt, no third one."
    if not own_word(case, item):
        return "NOT_FROM_INSPECTOR", f"The report {body.number} does not come from {name} itself."
    if (max(body.issue_date, body.inspected_on) - today_of(case)).days > 1:
        return "DATED_AHEAD", f"The report {body.number} is dated {body.issue_date}, in the future."
    if body.method == "documents_only":
        return "PAPERS_ONLY", f"{name} looked at papers alone on {body.inspected_on}."
    return None


def _judge(
    case: Case,
    asset: StoredGoodsAsset,
    reports: list[tuple[EvidenceDocument, InspectionReport]],
    recent_days: int,
) -> Verdict:
    key = asset.fingerprint
    last: list[tuple[EvidenceDocument, InspectionReport]] = []
    for item, body in reports:  # the last of each inspector
        last = [each for each in last if not same_party(each[1].inspector, body.inspector)]
        last.append((item, body))
    for item, body in last:
        for line in body.lines:
            if not line.conforming:
                told = case.of_document(item, f"lines/{line.line_id}/conforming", "false")
                text = (
                    f"On {body.inspected_on} {name_of(body.inspector)} found {line.item.name} not as declared"
                )
                text += f": {line.finding}." if line.finding else "."
                return Verdict(key, Outcome.FAIL, "NOT_AS_DECLARED", text, (told,))
    item, body = last[-1]
    told = case.of_document(item, "inspected_on", body.inspected_on)
    who = f"{name_of(body.inspector)} on {body.inspected_on}"
    loss = loss_of(asset.receipt, USUAL_LOSS)
    for line in body.lines:
        if line.declared is None or line.found is None:
            continue
        if Fraction(exact(line.found)) < Fraction(exact(line.declared)) * (1 - loss):
            found = case.of_document(item, f"lines/{line.line_id}/found", f"{line.found} {line.unit}")
            text = f"{who} found {line.found} of {line.declared} {line.unit} {line.item.name}."
            return Verdict(key, Outcome.WARN, "LESS_FOUND", text, (found, told))
    if (age := (today_of(case) - body.inspected_on).days) > recent_days:
        text = f"The last inspection, by {who}, is {age} days ago; {recent_days} are allowed."
        return Verdict(key, Outcome.WARN, "OLD", text, (told,))
    seen = lots_of(body.lines)
    unseen = lots_of(asset.receipt.lines) - seen
    if seen and unseen:
        names = ", ".join(lot.partition(":")[2] for lot in sorted(unseen))
        text = f"{who} did not look at lot {names}."
        return Verdict(key, Outcome.WARN, "PARTLY", text, (told,))
    how = "all of it" if body.method == "full" else "samples"
    text = f"{who} looked at {how} and found the goods as declared."
    return Verdict(key, Outcome.PASS, "AS_DECLARED", text, (told,))
