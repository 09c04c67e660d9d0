"""WR_TITLE: whose are the goods, and free of what?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from consortium.documents import Party
from consortium.documents.party import same_party, strong_ids
from crossverify.goods import Attested, StoredGoodsAsset, keepers_word, pledgees, today_of, warehouse_receipts
from crossverify.names import name_of
from crossverify.rule import Effect, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.rules.warehouse.wr_exists import not_attested
from crossverify.wording import money

if TYPE_CHECKING:
    from crossverify.case import Case


class WrTitleThresholds(Thresholds):
    """:ivar cover_days: insurance that ends within so many days of today warns, as does one that ends before storage"""

    cover_days: int = Field(default=30, ge=0)


class WrTitle(Rule[WrTitleThresholds]):
    """Holder, endorsements, pledges and freezes, by receipt and keeper; insurance and storage period. Each defect is
    told.

    - PASS: the applicant holds it, free; or pledged to the asking bank itself.
    - WARN: weak cover: not insured, for less than the declared value, no longer or not long enough; storage ended;
      the keeper's signature missing, on the receipt or on a transfer.
    - FAIL: another holder; pledged to somebody else; frozen.
    - UNKNOWN: no word of the keeper on pledges and freezes.
    - NOT_APPLICABLE: never.
    """

    id = "WR_TITLE"
    version = 1
    title = Text("Is the applicant's title clear, and covered?", "申请人权利是否清洁、保险是否充分")
    basis = ("民法典 440, 441, 909, 910, 915, 916", "GB/T 30332 仓单要素与格式规范")
    explains: ClassVar = {
        "CLEAR": Text(
            "The applicant holds the receipt; keeper and receipt know of no pledge and no freeze. Nothing to do.",
            "申请人持有仓单，无质押、无查封。无需处理。",
        ),
        "OWN_PLEDGE": Text(
            "The goods are pledged to your own bank. Nothing to do beyond watching them.",
            "货物已质押给本行。持续关注即可。",
        ),
        "NOT_HOLDER": Text(
            "By endorsements or by the keeper's register somebody else holds the receipt. Do not lend on it.",
            "依背书或保管人登记，持单人并非申请人，不得融资。",
        ),
        "BROKEN_CHAIN": Text(
            "An endorsement is missing, or was given by somebody who did not hold the receipt then. Have it explained.",
            "背书缺失或不连续，前手并非当时持单人，请核实。",
        ),
        "PLEDGED": Text(
            "The goods are pledged to somebody else. Take them only with that pledgee's written release.",
            "货物已质押给他人，须取得质权人书面解押后方可办理。",
        ),
        "FROZEN": Text(
            "A court or authority froze the goods. They cannot be disposed of.",
            "货物被查封、冻结，不得处分。",
        ),
        "TRANSFER_UNSIGNED": Text(
            "A transfer lacks the keeper's signature, without which it does not hold. Have the keeper sign it.",
            "转让背书缺保管人签章，转让尚未生效，请补签。",
        ),
        "NOT_SIGNED": Text(
            "The receipt lacks the keeper's signature or seal. Have it signed.", "仓单缺保管人签章，请补正。"
        ),
        "NOT_INSURED": Text("No insurance is stated. Ask for cover.", "未载明保险，请落实投保。"),
        "UNDERINSURED": Text(
            "The goods are insured for less than their declared value. Ask for more cover or lend on less.",
            "保险金额低于申报货值，请补足或相应降低融资额。",
        ),
        "INSURANCE_ENDS": Text(
            "The insurance has ended, or ends before the goods leave the store or within a few weeks. Have it renewed.",
            "保险已到期或将先于储存期届满，请续保。",
        ),
        "STORAGE_ENDED": Text(
            "The storage period is over: the keeper may ask that the goods be fetched. Have it prolonged.",
            "储存期已届满，保管人可催告提取，请续期。",
        ),
        "NOT_ATTESTED": Text(
            "Without the keeper's word pledges and freezes cannot be known. Ask the keeper.",
            "没有保管人证明，无法得知质押与查封情况，请向保管人核实。",
        ),
        "NOT_FROM_KEEPER": Text(
            "The attestation does not come from the keeper itself and tells nothing of pledges and freezes.",
            "证明并非由保管人提交，不能据以判断质押与查封。",
        ),
        "DATED_AHEAD": Text(
            "The attestation is dated in the future and tells nothing of today.",
            "证明日期在未来，不能反映现状。",
        ),
    }
    applies_when = "the applicant brings a warehouse receipt"
    sources = ("documents", "desk")
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = WrTitleThresholds

    def evaluate(self, case: Case, thresholds: WrTitleThresholds) -> Iterator[Verdict]:
        """See the class."""
        for asset in warehouse_receipts(case):
            attested = keepers_word(case, asset.receipt)
            defects = [
                *_held(case, asset, attested),
                *_encumbered(case, asset, attested),
                *_signed(case, asset),
                *_cover(case, asset, attested, thresholds.cover_days),
            ]
            yield from (each for each in defects if each.code != "OWN_PLEDGE")
            if attested is None:
                yield not_attested(case, asset)
            elif all(each.code == "OWN_PLEDGE" for each in defects):
                yield defects[0] if defects else _clear(case, asset, attested)


def _clear(case: Case, asset: StoredGoodsAsset, attested: Attested) -> Verdict:
    told = case.of_document(attested.item, "number", attested.body.number)
    number = case.of_document(asset.primary, "number", asset.number)
    text = f"The applicant holds it; as of {attested.body.issue_date} the keeper knows of no pledge and no freeze."
    return Verdict(asset.fingerprint, Outcome.PASS, "CLEAR", text, (number, told))


def said_of(party: Party) -> str:
    """A party of a document, for a finding."""
    return " ".join([name_of(party), *(str(each) for each in strong_ids(party))]).strip()


def _held(case: Case, asset: StoredGoodsAsset, attested: Attested | None) -> Iterator[Verdict]:
    """Who holds the receipt, step by step from the depositor, and as the keeper's register has it."""
    receipt, key = asset.receipt, asset.fingerprint
    holder = receipt.depositor
    for number, step in enumerate(receipt.endorsements, 1):
        if step.purpose != "transfer":
            continue
        where = f"endorsements/{number}"
        if not same_party(step.endorser, holder):
            told = case.of_document(asset.primary, f"{where}/endorser", said_of(step.endorser))
            text = f"On {step.date} {said_of(step.endorser)} passed it on, when {said_of(holder)} held it."
            yield Verdict(key, Outcome.WARN, "BROKEN_CHAIN", text, (told,))
        if not step.keeper_signature:
            told = case.of_document(asset.primary, f"{where}/keeper_signature", "")
            text = f"The transfer of {step.date} to {said_of(step.endorsee)} lacks the keeper's signature."
            yield Verdict(key, Outcome.WARN, "TRANSFER_UNSIGNED", text, (told,))
        holder = step.endorsee
    transfers = any(step.purpose == "transfer" for step in receipt.endorsements)
    if transfers and not case.is_subject(holder, ""):
        told = case.of_document(asset.primary, "endorsements", said_of(holder))
        text = f"By its endorsements {said_of(holder)} holds it."
        yield Verdict(key, Outcome.FAIL, "NOT_HOLDER", text, (told,))
    elif attested is not None and attested.body.holder is not None:
        registered = attested.body.holder
        if not case.is_subject(registered, ""):
            told = case.of_document(attested.item, "holder", said_of(registered))
            text = f"The keeper's register has {said_of(registered)} as its holder."
            yield Verdict(key, Outcome.FAIL, "NOT_HOLDER", text, (told,))
    elif not transfers and receipt.holder is not None and not same_party(receipt.holder, receipt.depositor):
        told = case.of_document(asset.primary, "holder", said_of(receipt.holder))
        text = f"No endorsement passes it from {said_of(receipt.depositor)} to {said_of(receipt.holder)}."
        yield Verdict(key, Outcome.WARN, "BROKEN_CHAIN", text, (told,))


def _encumbered(case: Case, asset: StoredGoodsAsset, attested: Attested | None) -> Iterator[Verdict]:
    key = asset.fingerprint
    own = {each.casefold() for each in case.desk.own_identifiers}
    for pledgee, source in pledgees(asset.receipt, attested):
        item = attested.item if source == "attestation" and attested is not None else asset.primary
        told = case.of_document(item, "pledgee", said_of(pledgee))
        if any(str(each).casefold() in own for each in pledgee.identifiers):
            text = f"The goods are pledged to your own bank, {said_of(pledgee)}."
            yield Verdict(key, Outcome.PASS, "OWN_PLEDGE", text, (told,))
            continue
        text = f"The goods are pledged to {said_of(pledgee)}, as the {source} says."
        yield Verdict(key, Outcome.FAIL, "PLEDGED", text, (told,))
    if attested is None:
        return
    for line in attested.lines:
        if line.frozen_by:
            told = case.of_document(attested.item, f"lines/{line.line_id}/frozen_by", line.frozen_by)
            text = f"The goods are frozen by {line.frozen_by}."
            yield Verdict(key, Outcome.FAIL, "FROZEN", text, (told,))
            return


def _signed(case: Case, asset: StoredGoodsAsset) -> Iterator[Verdict]:
    """The keeper's signature: on the paper, or on the ledger."""
    item = asset.primary
    if asset.receipt.keeper_signature or (item.signed_by and item.signed_by != item.seller):
        return
    told = case.of_document(item, "keeper_signature", "")
    text = "The receipt has no signature or seal of the keeper."
    yield Verdict(asset.fingerprint, Outcome.WARN, "NOT_SIGNED", text, (told,))


def _cover(case: Case, asset: StoredGoodsAsset, attested: Attested | None, days: int) -> Iterator[Verdict]:
    """Insurance and storage period."""
    receipt, key, today = asset.receipt, asset.fingerprint, today_of(case)
    stored = receipt.storage_period.end if receipt.storage_period is not None else None
    if stored is not None and stored < today:
        told = case.of_document(asset.primary, "storage_period/end", stored)
        text = f"The storage period ended on {stored}."
        yield Verdict(key, Outcome.WARN, "STORAGE_ENDED", text, (told,))
    covered = receipt.insurance_period.end if receipt.insurance_period is not None else None
    known = None if attested is None else attested.body.insured_until
    until = min((each for each in (covered, known) if each is not None), default=None)
    amount = receipt.insured_amount
    if amount is None and until is None:
        told = case.of_document(asset.primary, "insured_amount", "")
        yield Verdict(
            key, Outcome.WARN, "NOT_INSURED", "Neither amount nor period of insurance is stated.", (told,)
        )
        return
    if amount is not None and amount < asset.face:
        inputs = (
            case.of_document(asset.primary, "insured_amount", amount),
            case.of_document(asset.primary, "declared_value", asset.face),
        )
        text = (
            f"Insured for {money(amount, asset.currency)}, declared at {money(asset.face, asset.currency)}."
        )
        yield Verdict(key, Outcome.WARN, "UNDERINSURED", text, inputs)
    needed = max(today + timedelta(days=days), min(stored, today + timedelta(days=366)) if stored else today)
    if until is not None and until < needed:
        told = case.of_document(asset.primary, "insurance_period/end", until)
        what = "ended" if until < today else "ends"
        text = f"The insurance {what} on {until}; the goods are to be covered until {needed}."
        yield Verdict(key, Outcome.WARN, "INSURANCE_ENDS", text, (told,))
