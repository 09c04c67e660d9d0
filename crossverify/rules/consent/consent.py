"""CONSENT: may this bank look, for this purpose, at these documents?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from crossverify.evidence import ConsentState
from crossverify.rule import Effect, Input, Outcome, Rule, Thresholds, Verdict
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
    codes = frozenset(
        {"ABSENT", "EXPIRED", "EXPIRING", "FIELDS", "NOT_YET_VALID", "REVOKED", "SCOPE", "VALID"}
    )
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
