"""ASSIGN_NOTICE: does the debtor know whom to pay?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from consortium.documents import Party
from crossverify.agreements import Acknowledgement, Notice, Voices, voices_of
from crossverify.rule import Effect, Outcome, Rule, Stage, Text, Thresholds, Verdict
from crossverify.rules.terms.days import of_invoice

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


class AssignNoticeThresholds(Thresholds):
    """Figures of ASSIGN_NOTICE.

    :ivar disclosed: whether this bank's product tells the debtor (明保理), where the request does not say
    """

    disclosed: bool = True


class AssignNotice(Rule[AssignNoticeThresholds]):
    """A condition precedent before funding, a finding in life: an assignment without notice does not bind the debtor.

    - PASS: the debtor itself acknowledged the assignment to this bank. WARN: notice was served and not acknowledged,
      was acknowledged with reservations or for another account; before funding it is still to be given.
    - FAIL: the debtor refuses; notice of an assignment to somebody else; in life no notice was given.
    - UNKNOWN: the bank has not said who it is, so that it cannot be told whether the notice names it.
    - NOT_APPLICABLE: undisclosed factoring (暗保理).

    The acknowledgement has to come from the debtor's own identity.
    """

    id = "ASSIGN_NOTICE"
    version = 1
    stage = Stage.BEFORE_FUNDING
    title = Text("Does the debtor know whom to pay?", "债务人是否已获转让通知并确认？")
    basis = ("民法典 546, 764, 768", "商业银行保理业务管理暂行办法 第6条")
    explains: ClassVar = {
        "ACKNOWLEDGED": Text(
            "The debtor acknowledged the assignment and pays the bank.", "债务人已确认转让，将向银行付款。"
        ),
        "SERVED": Text(
            "Notice was served; the debtor has not answered. It binds the debtor; keep the proof of service.",
            "通知已送达，债务人未答复。通知已对债务人生效，请保存送达凭证。",
        ),
        "WRITTEN_ONLY": Text(
            "The notice is written, but nothing says that it was served. Serve it and keep the proof.",
            "通知已出具，未见送达。请送达并保存凭证。",
        ),
        "TO_BE_GIVEN": Text(
            "No notice yet: a condition of funding. Give it before paying out.",
            "尚未通知，为放款前提条件。请在放款前送达通知。",
        ),
        "NOT_GIVEN": Text(
            "Financed, and the debtor was never told: it is free if it pays the seller. Serve notice at once.",
            "已放款但未通知债务人，其向卖方付款即可免责。请立即送达通知。",
        ),
        "RESERVATIONS": Text(
            "The debtor acknowledged with reservations. Read them.", "债务人有保留地确认，请阅读其保留意见。"
        ),
        "OTHER_ACCOUNT": Text(
            "The debtor acknowledged, but names another account to pay to. Clear that up before funding.",
            "债务人已确认，但所述付款账户与通知不同。放款前请核实。",
        ),
        "REFUSED": Text("The debtor refuses the assignment. Do not fund.", "债务人不予确认，不得放款。"),
        "TO_SOMEBODY_ELSE": Text(
            "The debtor was told to pay somebody else. Do not fund before that assignment is released and the letter "
            "is in the desk file.",
            "债务人已收到向他人转让的通知。取得解除函并登记前不得放款。",
        ),
        "BANK_UNKNOWN": Text(
            "There is a notice, but the bank's own identifiers are not in its desk file, so nobody can say whether it "
            "names this bank. Enter them.",
            "已有通知，但未登记本行标识，无法判断受让人是否为本行，请补充。",
        ),
        "UNDISCLOSED": Text("The debtor is not to be told: undisclosed factoring.", "暗保理，不通知债务人。"),
    }
    applies_when = "the debtor is to be told (明保理)"
    sources = ("documents", "desk")
    effects: ClassVar = {
        # What can only be done after the decision is a condition precedent, no finding against the seller.
        "WARN": Effect.INFORMATION,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "OTHER_ACCOUNT": Effect.REFER,
        "RESERVATIONS": Effect.REFER,
        "NOT_GIVEN": Effect.REFER,
    }
    thresholds = AssignNoticeThresholds

    def evaluate(self, case: Case, thresholds: AssignNoticeThresholds) -> Iterator[Verdict]:
        """See the class."""
        voices = voices_of(case)
        for receivable in case.receivables:
            yield _judge(case, receivable, voices[receivable.fingerprint], thresholds)


def _judge(case: Case, receivable: Receivable, voices: Voices, thresholds: AssignNoticeThresholds) -> Verdict:
    key = receivable.fingerprint
    own = frozenset(each.casefold() for each in case.desk.own_identifiers)
    if (voices.notices or voices.acknowledgements) and not own:
        papers = [*(each.item for each in voices.acknowledgements), *(each.item for each in voices.notices)]
        text = "There is a notice of assignment; which identifiers this bank has is not known."
        told = case.of_document(papers[0], "assignee", _assignee(papers[0].document))
        return Verdict(key, Outcome.UNKNOWN, "BANK_UNKNOWN", text, (told,))
    foreign = _to_somebody_else(case, receivable, voices, own)
    if foreign is not None:
        return foreign
    if voices.acknowledgements:  # the debtor knows and answered, whatever the request says
        return _acknowledged(case, receivable, voices.acknowledgements[0], voices.notices)
    hidden = _undisclosed(case, receivable, voices, thresholds)
    if hidden is not None:
        return hidden
    served = next((each for each in voices.notices if each.body.served_date is not None), None)
    if served is not None:
        how = (served.body.served_how or "not said how").replace("_", " ")
        on = f"on {served.body.served_date} ({how})"
        text = f"Notice {served.body.number} was served {on}; the debtor has not answered."
        inputs = (
            case.of_document(served.item, "served_date", served.body.served_date),
            case.of_document(served.item, "served_proof", served.body.served_proof or ""),
        )
        return Verdict(key, Outcome.WARN, "SERVED", text, inputs)
    if voices.notices:
        notice = voices.notices[0]
        text = f"Notice {notice.body.number} of {notice.body.issue_date} says nothing of being served."
        told = case.of_document(notice.item, "served_date", "")
        return Verdict(key, Outcome.WARN, "WRITTEN_ONLY", text, (told,))
    told = of_invoice(case, receivable, "number")
    if case.evidence.request.stage is Stage.IN_LIFE:
        return Verdict(key, Outcome.FAIL, "NOT_GIVEN", "The debtor has not been told.", (told,))
    text = "Notice of the assignment is still to be given to the debtor."
    return Verdict(key, Outcome.WARN, "TO_BE_GIVEN", text, (told,))


def _acknowledged(
    case: Case, receivable: Receivable, said: Acknowledgement, notices: list[Notice]
) -> Verdict:
    key, body = receivable.fingerprint, said.body
    told = case.of_document(said.item, "response", body.response)
    on = f"On {body.issue_date} the debtor"
    if body.response == "refused":
        text = f"{on} refused the assignment{f': {body.objections}' if body.objections else '.'}"
        return Verdict(key, Outcome.FAIL, "REFUSED", text, (told,))
    answered = next((each for each in notices if each.body.number == body.notice_number), None)
    theirs, ours = body.payment_account, answered.body.payment_account if answered else None
    if theirs is not None and ours is not None and _plain(theirs.account_id) != _plain(ours.account_id):
        text = f"{on} acknowledged, but will pay to {theirs.account_id}; the notice says {ours.account_id}."
        accounts = case.of_document(said.item, "payment_account/account_id", theirs.account_id)
        return Verdict(key, Outcome.WARN, "OTHER_ACCOUNT", text, (told, accounts))
    if body.response == "conditional":
        text = f"{on} acknowledged with reservations: {body.objections}"
        return Verdict(key, Outcome.WARN, "RESERVATIONS", text, (told,))
    text = f"{on} acknowledged the assignment by {body.number}."
    return Verdict(key, Outcome.PASS, "ACKNOWLEDGED", text, (told,))


def _to_somebody_else(
    case: Case, receivable: Receivable, voices: Voices, own: frozenset[str]
) -> Verdict | None:
    papers: list[Notice | Acknowledgement] = [*voices.acknowledgements, *voices.notices]
    for paper in papers:
        assignee = paper.body.assignee
        ours = any(str(each).casefold() in own for each in assignee.identifiers)
        if not ours and not _released(case, receivable, assignee):
            name = assignee.name or _assignee(paper.body)
            text = f"By {paper.body.kind.replace('_', ' ')} {paper.body.number} the debtor is to pay {name}."
            told = case.of_document(paper.item, "assignee", _assignee(paper.body))
            return Verdict(receivable.fingerprint, Outcome.FAIL, "TO_SOMEBODY_ELSE", text, (told,))
    return None


def _released(case: Case, receivable: Receivable, assignee: Party) -> bool:
    """Whether the bank holds a letter by which that assignee gives the receivable up."""
    names = {str(each).casefold() for each in assignee.identifiers} | {(assignee.name or "").casefold()}
    invoices = {receivable.fingerprint, *(item.fingerprint for item in receivable.members)}
    invoices |= {item.document.number for item in receivable.members}
    return any(
        letter.secured_party
        and letter.secured_party.casefold() in names
        and (not letter.receivables or not invoices.isdisjoint(letter.receivables))
        for letter in case.desk.release_letters
    )


def _undisclosed(
    case: Case, receivable: Receivable, voices: Voices, thresholds: AssignNoticeThresholds
) -> Verdict | None:
    asked = next(((item, body) for item, body in voices.requests if body.disclosed is not None), None)
    if asked is not None and asked[1].disclosed is False:
        told = case.of_document(asked[0], "disclosed", "no")
        text = f"Request {asked[1].number} asks for undisclosed factoring."
        return Verdict(receivable.fingerprint, Outcome.NOT_APPLICABLE, "UNDISCLOSED", text, (told,))
    if asked is None and not thresholds.disclosed and not voices.notices and not voices.acknowledgements:
        text = "This bank's product does not tell the debtor."
        told = of_invoice(case, receivable, "number")
        return Verdict(receivable.fingerprint, Outcome.NOT_APPLICABLE, "UNDISCLOSED", text, (told,))
    return None


def _assignee(document: object) -> str:
    assignee = getattr(document, "assignee", None)
    if not isinstance(assignee, Party):
        return ""
    return str(assignee.identifiers[0]) if assignee.identifiers else (assignee.name or "")


def _plain(account: str) -> str:
    return "".join(each for each in account.upper() if each.isalnum())
