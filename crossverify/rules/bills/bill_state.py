"""BILL_STATE: is the bill free, the holder's, and what it says it is?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import Field

from consortium.documents.party import strong_ids
from crossverify.answers import Gap
from crossverify.answers.bills import BillAnswer, BillParty, BillRange
from crossverify.billing import BillAsset, answer_on, bills, today_of
from crossverify.names import name_of, same_name
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict, clip
from crossverify.rules.terms.days import months_after
from crossverify.subranges import joined
from crossverify.wording import money

if TYPE_CHECKING:
    from crossverify.case import Case

_HELD: Final = "CS03"
_PAST_DUE: Final = "CS04"
_ENDED: Final = frozenset({"CS05", "CS06"})
_FREE: Final = "TF0301"
_PLEDGED: Final = "TF0304"
_BY_FLAG: Final = {
    "TF0302": (1, Outcome.WARN, "LOCKED", "is locked by a business that is under way"),
    "TF0303": (2, Outcome.FAIL, "NOT_TRANSFERABLE", "must not be transferred"),
    "TF0305": (3, Outcome.FAIL, "SOLD_FOR_REPURCHASE", "is sold under a repurchase"),
    "TF0401": (4, Outcome.FAIL, "PRESENTED", "is presented for payment"),
    "TF0304": (5, Outcome.FAIL, "PLEDGED", "is pledged"),
    "TF0402": (6, Outcome.FAIL, "RECOURSE", "is in recourse"),
}
"""Flag -> gravity, outcome, code, what is told. Of a bill in several parts the gravest decides."""

_SIX_MONTHS: Final = 6
_SIX_MONTHS_SINCE: Final = date(2023, 1, 1)
"""From this day on a bill runs for at most six months (办法 art. 25); before, an electronic one for a year."""


class BillStateThresholds(Thresholds):
    """:ivar visible_after_hours: how long after its issue a bill may be missing at the exchange"""

    visible_after_hours: int = Field(default=24, ge=0)


class BillState(Rule[BillStateThresholds]):
    """What the exchange says now of every unit of the bill: state (票据状态), flag (流通标志), holder; and whether
    amount and dates are those of the document.

    - PASS: received and free, held by the subject, not yet due; or held by the asking bank itself, or pledged to it.
    - WARN: locked by a business that is under way; a term over six months; issued less than a day before what the
      exchange knows.
    - FAIL: pledged, sold under repurchase, presented, in recourse, not transferable, not yet received, past due, ended;
      held by somebody else; another amount or date than the document's; not at the exchange at all.
    - UNKNOWN: the exchange is silent or stale, or says nothing that can be used; it names no holder that can be told.
    - NOT_APPLICABLE: never; BILL_RANGE tells of units that the exchange does not have.
    """

    id = "BILL_STATE"
    version = 1
    title = Text("Is the bill free and the holder's?", "票据是否可流通且由申请人持有")
    basis = (
        "票据法 14, 27, 34, 35, 36",
        "商业汇票承兑、贴现与再贴现管理办法 (2022) 25",
        "票据交易所: 票据状态, 流通标志",
    )
    explains: ClassVar = {
        "FREE": Text(
            "The exchange has the bill as received, free and held by the applicant. Nothing to do.",
            "票交所登记为已收票、可流通，持票人为申请人。无需处理。",
        ),
        "OWN": Text(
            "The bill is held by your own bank, or pledged to it. Nothing to do beyond watching it.",
            "票据已由本行持有或质押给本行。持续关注即可。",
        ),
        "LOCKED": Text(
            "A transfer, discount or other business on the bill is under way. Ask the holder what it is, and wait "
            "until the exchange has it free.",
            "票据上有背书、贴现等业务在途，处于锁定状态。请向持票人了解，待恢复可流通后再办理。",
        ),
        "NOT_TRANSFERABLE": Text(
            "The drawer or an endorser wrote that the bill must not be transferred. It cannot be discounted.",
            "出票人或背书人记载“不得转让”，不能贴现或质押。",
        ),
        "SOLD_FOR_REPURCHASE": Text(
            "Somebody bought the bill and has to give it back later. It is not the applicant's to dispose of now.",
            "票据处于待赎回状态，申请人目前无权处分。",
        ),
        "PRESENTED": Text(
            "The bill has been presented for payment. What is paid goes to its holder; do not discount it.",
            "票据已提示付款、托收在途，不得再贴现。",
        ),
        "PLEDGED": Text(
            "The bill, or part of it, is pledged to somebody. Take only the free sub-range, newly split, or none.",
            "票据全部或部分已质押给他人。只能接受重新分包后的可流通部分。",
        ),
        "RECOURSE": Text(
            "Payment was refused and recourse is under way. Do not lend on it.",
            "票据已被拒付并进入追索，不得融资。",
        ),
        "NOT_RECEIVED": Text(
            "The bill is drawn or accepted, but was not yet given to anybody: nobody holds a right from it.",
            "票据尚未完成承兑或收票，持票权利尚未成立。",
        ),
        "PAST_DUE": Text("The due date has passed and the bill was not paid.", "票据已到期未付款。"),
        "ENDED": Text(
            "The bill is ended or settled: there is nothing left to lend on.", "票据已终止或已结清。"
        ),
        "NOT_HOLDER": Text(
            "The exchange names another holder than the applicant. Do not lend on it; ask how the copy was come by.",
            "票交所登记的持票人不是申请人。不得融资，并查明票据影像来源。",
        ),
        "HOLDER_UNCLEAR": Text(
            "The exchange gives no identifier of the holder, and the name is not the applicant's. Have it clarified.",
            "票交所未提供持票人统一社会信用代码，且名称与申请人不一致，请核实。",
        ),
        "DIFFERS": Text(
            "Amount or a date of the document is not that of the exchange: the paper was altered or is another's.",
            "票面金额或日期与票交所登记不一致，所示票据可能被变造或并非该票。",
        ),
        "ABSENT": Text(
            "The exchange has no such package. Electronic bills exist only there: treat the paper as forged.",
            "票交所无此票据包。电子商业汇票以票交所登记为准，应按伪造票据处理。",
        ),
        "NOT_YET_VISIBLE": Text(
            "The bill is younger than what the exchange told. Ask again when its data have caught up.",
            "票交所数据早于出票时间，请待数据更新后再查询。",
        ),
        "TERM_TOO_LONG": Text(
            "The bill runs for more than six months, not allowed since 2023. Ask the acceptor.",
            "票据期限超过六个月，不符合2023年起施行的规定，请核实。",
        ),
    }
    applies_when = "the applicant brings a bill"
    sources = ("bills", "documents", "desk")
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = BillStateThresholds

    def evaluate(self, case: Case, thresholds: BillStateThresholds) -> Iterator[Verdict]:
        """See the class."""
        for asset in bills(case):
            answer = answer_on(case, asset)
            if isinstance(answer, Gap):
                told = case.of_gap(answer, asset.fingerprint)
                yield Verdict(asset.fingerprint, Outcome.UNKNOWN, answer.code, answer.message, (told,))
            elif not answer.known:
                yield _absent(case, asset, thresholds.visible_after_hours)
            else:
                yield from _judge(case, asset, answer)


def _absent(case: Case, asset: BillAsset, hours: int) -> Verdict:
    """A bill that the exchange does not have: too young to be there, or made up."""
    as_of = case.as_of("bills")
    issued = datetime.combine(asset.bill.issue_date, time(), UTC)
    inputs = (
        case.of_source("bills", asset.fingerprint, "known", "false"),
        case.of_document(asset.primary, "number", asset.number),
        case.of_document(asset.primary, "issue_date", asset.bill.issue_date),
    )
    if as_of < int(issued.timestamp()) + hours * 3600:
        text = f"The exchange's data are from less than {hours} h after the issue; the bill is not yet there."
        return Verdict(asset.fingerprint, Outcome.WARN, "NOT_YET_VISIBLE", text, inputs)
    text = f"The exchange knows no package {asset.bill.number}."
    return Verdict(asset.fingerprint, Outcome.FAIL, "ABSENT", text, inputs)


def _judge(case: Case, asset: BillAsset, answer: BillAnswer) -> Iterator[Verdict]:
    differing = _differing(case, asset, answer)
    if differing is not None:
        yield differing
    stated = _stated(case, asset, answer)
    if stated is not None:
        yield stated
    held = _held(case, asset, answer)
    if held is not None:
        yield held
    long = _term(case, asset, answer)
    if long is not None:
        yield long
    if differing is None and stated is None and held is None and long is None:
        inputs = _inputs(case, asset, answer.ranges)
        due = answer.due_date
        if any(_is_own(case, each) for each in answer.ranges):
            text = f"Held by your own bank or pledged to it, due on {due}, as the exchange has it."
            yield Verdict(asset.fingerprint, Outcome.PASS, "OWN", text, inputs)
            return
        text = f"Free, held by the applicant, due on {due}, as the exchange has it."
        yield Verdict(asset.fingerprint, Outcome.PASS, "FREE", text, inputs)


def _inputs(case: Case, asset: BillAsset, ranges: tuple[BillRange, ...]) -> tuple[Input, ...]:
    """State and holder of some units; the bill's number where there are none."""
    found = [
        case.of_source("bills", asset.fingerprint, f"ranges/{each.units}/{field}", value)
        for each in ranges
        for field, value in (("state", each.state_text), ("holder", shown(each.holder)))
    ]
    return clip(found or [case.of_document(asset.primary, "number", asset.number)])


def shown(party: BillParty) -> str:
    """A party of the exchange, for a finding."""
    return " ".join([party.name, *party.identifiers]).strip()


def _differing(case: Case, asset: BillAsset, answer: BillAnswer) -> Verdict | None:
    bill = asset.bill
    amount = asset.units.amount if answer.package_units else answer.package_amount
    pairs: list[tuple[str, object, object]] = [
        ("amount", bill.amount, amount),
        ("currency", bill.currency, answer.currency),
        ("issue_date", bill.issue_date, answer.issue_date),
        ("due_date", bill.due_date, answer.due_date),
    ]
    if asset.units.whole and answer.package_units:
        pairs[0] = ("amount", bill.amount, answer.package_amount)
    wrong = [(name, ours, theirs) for name, ours, theirs in pairs if ours != theirs]
    if not wrong:
        return None
    inputs = []
    for name, ours, theirs in wrong:
        inputs.append(case.of_document(asset.primary, name, ours))
        inputs.append(case.of_source("bills", asset.fingerprint, name, theirs))
    said = "; ".join(f"{name} {ours}, at the exchange {theirs}" for name, ours, theirs in wrong)
    return Verdict(asset.fingerprint, Outcome.FAIL, "DIFFERS", f"The document has {said}.", tuple(inputs))


def _stated(case: Case, asset: BillAsset, answer: BillAnswer) -> Verdict | None:
    """What is wrong with the state of any unit; none when all is well."""
    key = asset.fingerprint

    def verdict(outcome: Outcome, code: str, text: str, ranges: tuple[BillRange, ...]) -> Verdict:
        return Verdict(key, outcome, code, text, _inputs(case, asset, ranges))

    ended = tuple(each for each in answer.ranges if each.status in _ENDED)
    if ended:
        return verdict(Outcome.FAIL, "ENDED", f"{_of(asset, ended)} is {ended[0].state_text}.", ended)
    due = tuple(each for each in answer.ranges if each.status == _PAST_DUE)
    if due or (answer.due_date is not None and answer.due_date < today_of(case)):
        text = f"It fell due on {answer.due_date} and was not paid."
        return verdict(Outcome.FAIL, "PAST_DUE", text, due or answer.ranges)
    early = tuple(each for each in answer.ranges if each.status != _HELD)
    if early:
        text = f"{_of(asset, early)} is only {early[0].state_text}."
        return verdict(Outcome.FAIL, "NOT_RECEIVED", text, early)
    if not answer.transferable and answer.ranges:
        text = "Its drawer wrote 不得转让: it must not be transferred."
        return verdict(Outcome.FAIL, "NOT_TRANSFERABLE", text, answer.ranges)
    held_up = [each for each in answer.ranges if each.circulation != _FREE and not _is_own(case, each)]
    if not held_up:
        return None
    worst = max(held_up, key=lambda each: _BY_FLAG[each.circulation][0])
    _, outcome, code, what = _BY_FLAG[worst.circulation]
    same = tuple(each for each in held_up if each.circulation == worst.circulation)
    text = f"{_of(asset, same)} {what}"
    if not worst.pledgee.empty:
        text += f" to {shown(worst.pledgee)}"
    if worst.lock_reason:
        text += f" ({worst.lock_reason})"
    free = joined([each.units for each in answer.ranges if each.circulation == _FREE])
    if free:
        text += f"; free: {' and '.join(map(str, free))}"
    return verdict(outcome, code, f"{text}.", same)


def _is_own(case: Case, part: BillRange) -> bool:
    """Whether the asking bank itself holds some units, free, or has them pledged to it."""
    own = {each.casefold() for each in case.desk.own_identifiers}
    if part.circulation == _PLEDGED:
        return not own.isdisjoint(each.casefold() for each in part.pledgee.identifiers)
    return part.circulation == _FREE and not own.isdisjoint(
        each.casefold() for each in part.holder.identifiers
    )


def _of(asset: BillAsset, ranges: tuple[BillRange, ...]) -> str:
    """Which part of the bill: "It", or "Units 1,500 (5.00 CNY)"."""
    parts = joined([each.units for each in ranges])
    if parts == (asset.units,) or any(each.whole for each in parts):
        return "It"
    amount = sum((each.amount for each in ranges), ranges[0].amount * 0)
    return f"Units {' and '.join(map(str, parts))} ({money(amount, asset.currency)})"


def _held(case: Case, asset: BillAsset, answer: BillAnswer) -> Verdict | None:
    """Whether all of it is in the subject's hands."""
    party = asset.bill.holder or asset.bill.payee
    ours = {str(each).casefold() for each in strong_ids(party)}
    ours |= {each.casefold() for each in (*case.evidence.subject.identifiers, *case.desk.own_identifiers)}
    names = [each for each in (name_of(party), case.evidence.subject.name) if each]
    unclear = []
    for each in answer.ranges:
        if each.holder.identifiers:
            if ours.isdisjoint(identifier.casefold() for identifier in each.holder.identifiers):
                text = f"{_of(asset, (each,))} is held by {shown(each.holder)}."
                return Verdict(
                    asset.fingerprint, Outcome.FAIL, "NOT_HOLDER", text, _inputs(case, asset, (each,))
                )
        elif not any(same_name(each.holder.name, name) for name in names):
            unclear.append(each)
    if not unclear:
        return None
    text = f"The exchange names {unclear[0].holder.name or 'nobody'} as holder, without an identifier."
    return Verdict(
        asset.fingerprint, Outcome.UNKNOWN, "HOLDER_UNCLEAR", text, _inputs(case, asset, tuple(unclear))
    )


def _term(case: Case, asset: BillAsset, answer: BillAnswer) -> Verdict | None:
    issued, due = answer.issue_date, answer.due_date
    assert issued is not None
    assert due is not None
    months = _SIX_MONTHS if issued >= _SIX_MONTHS_SINCE else 2 * _SIX_MONTHS
    if due <= months_after(issued, months):
        return None
    inputs = (
        case.of_source("bills", asset.fingerprint, "issue_date", issued),
        case.of_source("bills", asset.fingerprint, "due_date", due),
    )
    text = f"It runs from {issued} to {due}, more than {months} months."
    return Verdict(asset.fingerprint, Outcome.WARN, "TERM_TOO_LONG", text, inputs)
