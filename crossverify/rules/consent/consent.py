"""CONSENT: may this bank look, for this purpose, at these documents?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from crossverify.evidence import ConsentState
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.wording import moment

if TYPE_CHECKING:
    from crossverify.case import Case

_EVERYTHING = "*"


class ConsentThresholds(Thresholds):
    """Figures of CONSENT.

    :ivar expiring_days: a consent that ends within so many days warns: the package will not outlive it
    """

    expiring_days: Annotated[int, Field(ge=0)] = 7


class Consent(Rule[ConsentThresholds]):
    """Subject, recipient, purpose, scope, fields and expiry, as the ledger has them.

    *Assess* is to look at bodies, and enough to reserve; *monitor* is to follow the state of what is
    financed. Neither covers the other.

    - PASS: valid. WARN: ends soon. FAIL: none for this recipient and purpose, revoked, expired, of another
      scope, or the evidence holds kinds of documents that it does not cover.
    - UNKNOWN: the ledger is silent or stale. NOT_APPLICABLE: never.
    """

    id = "CONSENT"
    version = 1
    title = Text(
        "May the bank look, for this purpose, at these documents?",
        "银行是否可以为此用途查看这些单证？",
    )
    basis = ("个人信息保护法 13, 14, 15", "征信业管理条例 13, 18", "practice")
    explains: ClassVar = {
        "ABSENT": Text(
            "The ledger has no consent of the subject for this bank and purpose. Nothing may be lent on "
            "it: ask the subject to grant one.",
            "账本上没有该主体对本行、本用途的授权。不得据此放款：请主体先行授权。",
        ),
        "EXPIRED": Text(
            "The consent has ended. Ask the subject for a new one; an ended consent does not come back.",
            "授权已到期。请主体重新授权；到期的授权不能恢复。",
        ),
        "EXPIRING": Text(
            "The consent ends soon, and the package with it. Decide in time or ask for a longer one.",
            "授权即将到期，资料包随之失效。请及时决定，或请求延长授权。",
        ),
        "FIELDS": Text(
            "The evidence holds kinds of documents that the consent does not name. Ask for a consent that "
            "covers them, or for a package without them.",
            "证据中含有授权未列明的单证种类。请补充授权，或重新申请不含这些单证的资料包。",
        ),
        "NOT_YET_VALID": Text(
            "The consent begins in the future. Wait until it does, or check the clocks.",
            "授权尚未生效。请等待生效，或核对系统时间。",
        ),
        "REVOKED": Text(
            "The subject has withdrawn its consent. Stop: a withdrawn consent does not come back.",
            "主体已撤回授权。请停止使用；撤回的授权不能恢复。",
        ),
        "SCOPE": Text(
            "The consent is of another scope: to assess is to look at documents, to monitor is to follow "
            "what is financed. Ask for the one that this step needs.",
            "授权范围不符：“评估”用于查看单证，“监测”用于跟踪已融资资产。请取得本步骤所需的授权。",
        ),
        "VALID": Text(
            "The subject has consented to this bank, purpose and scope. Nothing to do.",
            "主体已就本行、本用途和本范围授权。无需处理。",
        ),
    }
    applies_when = "always"
    sources = ("ledger", "request")
    effects: ClassVar = {"WARN": Effect.INFORMATION, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.EXCLUDE}
    thresholds = ConsentThresholds

    def evaluate(self, case: Case, thresholds: ConsentThresholds) -> Iterator[Verdict]:
        """See the class."""
        gap = case.gap("ledger")
        if gap is not None:
            yield Verdict("", Outcome.UNKNOWN, gap.code, gap.message, (case.of_gap(gap, ""),))
            return
        request = case.evidence.request
        candidates = [
            item
            for item in case.evidence.consents
            if item.subject == case.evidence.subject.handle
            and item.recipient == request.recipient
            and item.purpose == request.purpose
            and request.consent_id in ("", item.id)
        ]
        if not candidates:
            told = Input("", "consent", request.consent_id, "request", case.now)
            text = f"There is no consent of the subject for {request.recipient} to {request.purpose!r}."
            yield Verdict("", Outcome.FAIL, "ABSENT", text, (told,))
            return
        judged = [_judge(case, item, thresholds) for item in candidates]
        yield min(judged, key=lambda item: (_RANK[item.outcome], item.code, item.message))


_RANK = {Outcome.PASS: 0, Outcome.WARN: 1, Outcome.FAIL: 2}
"""Any consent that fits is enough."""


def _judge(case: Case, item: ConsentState, thresholds: ConsentThresholds) -> Verdict:
    now = case.now

    def told(field: str, value: object) -> tuple[Input, ...]:
        return (Input("", f"consents/{item.id}/{field}", str(value), "ledger", case.as_of("ledger")),)

    if item.revoked_at:
        text = f"Consent {item.id} was revoked on {moment(item.revoked_at)}."
        return Verdict("", Outcome.FAIL, "REVOKED", text, told("revoked_at", item.revoked_at))
    if item.expires <= now:
        text = f"Consent {item.id} ended on {moment(item.expires)}."
        return Verdict("", Outcome.FAIL, "EXPIRED", text, told("expires", item.expires))
    if item.issued > now + case.ages.clock_slack:
        text = f"Consent {item.id} begins on {moment(item.issued)}."
        return Verdict("", Outcome.FAIL, "NOT_YET_VALID", text, told("issued", item.issued))
    needed = case.evidence.request.scope
    if item.scope != needed:
        text = f"Consent {item.id} is to {item.scope}; {needed} is needed."
        return Verdict("", Outcome.FAIL, "SCOPE", text, told("scope", item.scope))
    beyond = _not_covered(case, item)
    if beyond:
        text = f"Consent {item.id} does not cover {', '.join(beyond)}."
        return Verdict("", Outcome.FAIL, "FIELDS", text, told("fields", ", ".join(item.fields)))
    if item.expires - now < thresholds.expiring_days * 86_400:
        text = f"Consent {item.id} ends on {moment(item.expires)}."
        return Verdict("", Outcome.WARN, "EXPIRING", text, told("expires", item.expires))
    text = f"Consent {item.id} to {item.scope} holds until {moment(item.expires)}."
    return Verdict("", Outcome.PASS, "VALID", text, told("expires", item.expires))


def _not_covered(case: Case, item: ConsentState) -> list[str]:
    """Kinds of documents in the evidence that the consent does not name as a whole. The evidence holds whole
    bodies only, so a consent to single leaves of a kind does not cover them."""
    if _EVERYTHING in item.fields:
        return []
    return sorted({each.document.kind for each in case.documents} - set(item.fields))
