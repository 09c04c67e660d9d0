"""BILL_ACCEPTOR: is the acceptor who it looks like?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Final

from consortium.documents.party import Party, strong_ids
from consortium.documents.roles import buyer_of, parties_of
from crossverify.answers import Gap, Taxpayer
from crossverify.answers.bills import BillAnswer, BillParty
from crossverify.billing import BillAsset, answer_on, bills
from crossverify.names import alike, mistakable, name_of, same_name
from crossverify.percase import per_case
from crossverify.rule import Effect, Input, NoThresholds, Outcome, Rule, Text, Verdict
from crossverify.rules.bills.bill_state import shown

if TYPE_CHECKING:
    from crossverify.case import Case

BANKS: Final = {
    "中国工商银行": "102",
    "中国农业银行": "103",
    "中国银行": "104",
    "中国建设银行": "105",
    "国家开发银行": "201",
    "中国进出口银行": "202",
    "中国农业发展银行": "203",
    "交通银行": "301",
    "中信银行": "302",
    "光大银行": "303",
    "华夏银行": "304",
    "民生银行": "305",
    "广发银行": "306",
    "平安银行": "307",
    "招商银行": "308",
    "兴业银行": "309",
    "浦东发展银行": "310",
    "恒丰银行": "315",
    "浙商银行": "316",
    "渤海银行": "318",
    "邮政储蓄银行": "403",
}
"""Name of a bank -> first three digits of its numbers in the payment system (行别代码). A bank has its accounts with
itself: an acceptor of such a name whose account is with another bank opened it in that name (同业户冒名)."""

_BANK_DIGITS: Final = 3


class BillAcceptor(Rule[NoThresholds]):
    """The acceptor on the document against the one at the exchange, against the register of taxpayers, against the
    other parties of the trade, and against the bank that keeps its account.

    - PASS: the same identifier and name (or a former one), and an account at the same bank.
    - WARN: another name under the same identifier; another account or bank than the document's; an acceptor that is
      continuously overdue (持续逾期); a name a letter away from another party's of the trade.
    - FAIL: another identifier than the document's, whatever the name; the name of another party of the trade, to the
      eye, with another identifier; a bank whose account is with another bank.
    - UNKNOWN: the exchange is silent or stale; no identifier on either side to compare.
    - NOT_APPLICABLE: the exchange does not know the bill (BILL_STATE tells).
    """

    id = "BILL_ACCEPTOR"
    version = 1
    title = Text("Is the acceptor who it looks like?", "承兑人是否名实相符")
    basis = (
        "票据法 14, 38, 44",
        "商业汇票承兑、贴现与再贴现管理办法 (2022)",
        "商业承兑汇票信息披露: 中国人民银行公告〔2020〕第19号",
    )
    explains: ClassVar = {
        "CONFIRMED": Text(
            "Identifier, name and account bank of the acceptor agree. Nothing to do.",
            "承兑人识别码、名称、开户行一致。无需处理。",
        ),
        "NAME_DIFFERS": Text(
            "The acceptor has the right identifier under another name. Check for a change of name.",
            "承兑人代码一致但名称不同，请核实是否更名。",
        ),
        "ACCOUNT_DIFFERS": Text(
            "The document names another account or bank of the acceptor than the exchange. Ask the acceptor at an "
            "address that you have from elsewhere.",
            "单据所载承兑人账号或开户行与票交所不一致，请通过独立渠道向承兑人核实。",
        ),
        "ACCEPTOR_OVERDUE": Text(
            "The exchange lists the acceptor as continuously overdue. Lend on its credit only if your limits allow it.",
            "承兑人在票交所持续逾期名单内，请按授信政策从严处理。",
        ),
        "ACCEPTOR_DIFFERS": Text(
            "At the exchange somebody else accepted the bill than the document says. Do not lend on it.",
            "票交所登记的承兑人与单据所载不是同一主体，不得融资。",
        ),
        "IMPOSTOR": Text(
            "The acceptor bears the name, or nearly, of the company that the document means, and is another one. "
            "Do not lend on it; tell the company that is aped.",
            "承兑人名称与单据所称企业相同或近似，但统一社会信用代码不同，疑为冒名。不得融资并告知被冒名企业。",
        ),
        "LOOKALIKE": Text(
            "To the eye the acceptor has the name of another party of this trade, whose identifier is another. Do not "
            "lend on it before the real company confirms.",
            "承兑人名称与本笔交易另一主体看似相同而代码不同，未经真实企业确认不得融资。",
        ),
        "ACCOUNT_ELSEWHERE": Text(
            "The acceptor bears a bank's name and has its account with another bank: banks accept on their own books. "
            "Treat the bill as accepted by an impostor.",
            "承兑人冠以银行名称，却在他行开户承兑，应按冒名承兑处理。",
        ),
        "NEAR_NAME": Text(
            "The acceptor's name is a letter away from that of another party of this trade. It may be a company of its "
            "own: compare letter by letter and ask.",
            "承兑人名称与本笔交易另一主体仅一字之差，可能确为另一企业，请逐字核对并核实。",
        ),
        "NO_IDENTIFIER": Text(
            "There is no identifier to compare, only names. Ask for the acceptor's unified social credit code.",
            "双方均无可比对的统一社会信用代码，仅有名称，请补充。",
        ),
        "NO_BILL": Text(
            "The exchange does not know the bill; BILL_STATE says what that means.",
            "票交所无此票据，见 BILL_STATE。",
        ),
    }
    applies_when = "the applicant brings a bill"
    sources = ("bills", "documents", "tax")
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        for asset in bills(case):
            key = asset.fingerprint
            answer = answer_on(case, asset)
            if isinstance(answer, Gap):
                yield Verdict(key, Outcome.UNKNOWN, answer.code, answer.message, (case.of_gap(answer, key),))
            elif not answer.known:
                told = case.of_source("bills", key, "known", "false")
                text = "The exchange does not know the bill."
                yield Verdict(key, Outcome.NOT_APPLICABLE, "NO_BILL", text, (told,))
            else:
                yield _fault(case, asset, answer) or _doubt(case, asset, answer)


def _ids(party: Party) -> set[str]:
    return {str(each).casefold() for each in strong_ids(party)}


def _their_ids(party: BillParty) -> set[str]:
    return {each.casefold() for each in party.identifiers}


def _inputs(case: Case, asset: BillAsset, answer: BillAnswer) -> tuple[Input, ...]:
    ours = asset.bill.acceptor
    said = " ".join([name_of(ours), *sorted(str(each) for each in strong_ids(ours))]).strip()
    return (
        case.of_document(asset.primary, "acceptor", said),
        case.of_source("bills", asset.fingerprint, "acceptor", shown(answer.acceptor)),
    )


def _fault(case: Case, asset: BillAsset, answer: BillAnswer) -> Verdict | None:
    """The acceptor is somebody else than it seems."""
    key, ours, theirs = asset.fingerprint, asset.bill.acceptor, answer.acceptor
    inputs = _inputs(case, asset, answer)
    mine, others = _ids(ours), _their_ids(theirs)
    if mine and others and mine.isdisjoint(others):
        near = alike(name_of(ours), theirs.name)
        text = f"The exchange's acceptor is {shown(theirs)}; the document means {shown_party(ours)}"
        text += ", which has nearly the same name." if near else "."
        return Verdict(key, Outcome.FAIL, "IMPOSTOR" if near else "ACCEPTOR_DIFFERS", text, inputs)
    if not (mine and others) and not alike(name_of(ours), theirs.name):
        text = f"The exchange's acceptor is {shown(theirs)}, not {shown_party(ours)}."
        return Verdict(key, Outcome.FAIL, "ACCEPTOR_DIFFERS", text, inputs)
    elsewhere = _account_elsewhere(theirs)
    if elsewhere is not None:
        bank = case.of_source("bills", key, "acceptor/bank_number", theirs.bank_number)
        text = (
            f"{theirs.name} has its account with bank {theirs.bank_number} {theirs.bank_name}".rstrip()
            + f"; numbers of {elsewhere} begin with {BANKS[elsewhere]}."
        )
        return Verdict(key, Outcome.FAIL, "ACCOUNT_ELSEWHERE", text, (bank, *inputs))
    like = _looks_like(case, theirs, others or mine)
    if like is not None:
        text = f"The acceptor {shown(theirs)} looks like {shown_party(like[1])}, which is another company."
        if mistakable(name_of(like[1]), theirs.name):
            return Verdict(key, Outcome.FAIL, "LOOKALIKE", text, (*inputs, like[0]))
        return Verdict(key, Outcome.WARN, "NEAR_NAME", text, (*inputs, like[0]))
    return None


def _account_elsewhere(acceptor: BillParty) -> str | None:
    """The bank whose name an acceptor bears while its account is with another one."""
    if not acceptor.bank_number:
        return None
    for name, digits in sorted(BANKS.items(), key=lambda each: -len(each[0])):
        if name in acceptor.name:
            return None if acceptor.bank_number[:_BANK_DIGITS] == digits else name
    return None


@per_case
def _named(case: Case) -> tuple[tuple[Party, frozenset[str], Input], ...]:
    """Every party of the case's documents that has an identifier, once, and where it is named first."""
    found: dict[tuple[str, frozenset[str]], tuple[Party, frozenset[str], Input]] = {}
    for item in case.documents:
        for party in parties_of(item.document):
            theirs = frozenset(_ids(party))
            if theirs and (name_of(party), theirs) not in found:
                field = "buyer" if party == buyer_of(item.document) else "party"
                told = case.of_document(item, field, shown_party(party))
                found[name_of(party), theirs] = (party, theirs, told)
    return tuple(found.values())


def _looks_like(case: Case, acceptor: BillParty, identifiers: set[str]) -> tuple[Input, Party] | None:
    """Another party of the case's documents whose name is taken for the acceptor's; the likest one."""
    if not identifiers:
        return None
    near = [
        (told, party)
        for party, theirs, told in _named(case)
        if theirs.isdisjoint(identifiers) and alike(name_of(party), acceptor.name)
    ]
    same = [each for each in near if mistakable(name_of(each[1]), acceptor.name)]
    return next(iter(same or near), None)


def _doubt(case: Case, asset: BillAsset, answer: BillAnswer) -> Verdict:
    """Nobody is aped; what remains to be asked."""
    key, ours, theirs = asset.fingerprint, asset.bill.acceptor, answer.acceptor
    inputs = _inputs(case, asset, answer)
    if not (_ids(ours) and _their_ids(theirs)):
        text = f"Only names can be compared: {name_of(ours)} and {theirs.name}."
        return Verdict(key, Outcome.UNKNOWN, "NO_IDENTIFIER", text, inputs)
    account = asset.bill.acceptor_bank
    if account is not None:
        pairs = (
            ("account", account.account_id, theirs.account),
            ("bank number", account.bank_id or "", theirs.bank_number),
        )
        for what, mine, other in pairs:
            if mine and other and _plain(mine) != _plain(other):
                told = case.of_source("bills", key, f"acceptor/{what.replace(' ', '_')}", other)
                stated = case.of_document(asset.primary, "acceptor_bank", mine)
                text = f"The acceptor's {what} is {other} at the exchange and {mine} on the document."
                return Verdict(key, Outcome.WARN, "ACCOUNT_DIFFERS", text, (stated, told))
    if answer.acceptor_overdue:
        told = case.of_source("bills", key, "acceptor_overdue", "true")
        text = f"{theirs.name} is on the list of acceptors that are continuously overdue."
        return Verdict(key, Outcome.WARN, "ACCEPTOR_OVERDUE", text, (told, *inputs))
    if not _named_so(case, ours, theirs):
        text = f"One identifier, two names: {theirs.name} at the exchange, {name_of(ours)} on the document."
        return Verdict(key, Outcome.WARN, "NAME_DIFFERS", text, inputs)
    text = f"The exchange has {shown(theirs)} as acceptor, as the document says."
    return Verdict(key, Outcome.PASS, "CONFIRMED", text, inputs)


def _named_so(case: Case, ours: Party, theirs: BillParty) -> bool:
    """Whether both names are of one company, now or formerly."""
    if not name_of(ours) or not theirs.name or same_name(name_of(ours), theirs.name):
        return True
    for identifier in theirs.identifiers:
        known = case.taxpayer(identifier)
        if isinstance(known, Taxpayer) and known.known:
            names = (known.name, *known.former_names)
            if all(any(same_name(each, name) for name in names) for each in (name_of(ours), theirs.name)):
                return True
    return False


def shown_party(party: Party) -> str:
    """A party of a document, for a finding."""
    return " ".join([name_of(party), *(str(each) for each in strong_ids(party))]).strip()


def _plain(number: str) -> str:
    return "".join(each for each in number.upper() if each.isalnum())
