"""LATE_REGISTRATION: were documents registered as trades happened, or in bulk just before financing?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from crossverify.figures import Rate
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.wording import percent

if TYPE_CHECKING:
    from crossverify.case import Case
    from crossverify.orders import Asset


class LateRegistrationThresholds(Thresholds):
    """Figures of LATE_REGISTRATION.

    :ivar late_days: registered more than so many days after its date, a document is late
    :ivar before_days: and within so many days before the evaluation, it is just before financing
    :ivar bulk_share: this part of what the request holds, at least, is bulk
    :ivar bulk_count: and so many documents, at least
    """

    late_days: Annotated[int, Field(ge=0)] = 30
    before_days: Annotated[int, Field(ge=0)] = 7
    bulk_share: Rate = Decimal("0.5")
    bulk_count: Annotated[int, Field(ge=1)] = 5


class LateRegistration(Rule[LateRegistrationThresholds]):
    """Trades that were registered as they happened could have been contradicted by others in time. A pile of old ones
    that appears just before the bank is asked could not. It never fails alone.

    - PASS: registered in time, or late but not in bulk.
    - WARN: late, in bulk, just before financing, by a seller that registered other trades earlier.
    - FAIL: never. UNKNOWN: not on the ledger.
    - NOT_APPLICABLE: the seller's first documents: everybody begins with a history.
    """

    id = "LATE_REGISTRATION"
    version = 1
    title = Text(
        "Were documents registered as trades happened, or in bulk just before financing?",
        "单证是随交易登记，还是在融资前集中补登？",
    )
    basis = ("银发〔2025〕77号 (real trade background)", "practice")
    explains: ClassVar = {
        "IN_TIME": Text("Registered when the trade happened. Nothing to do.", "随交易及时登记。无需处理。"),
        "LATE": Text(
            "Registered late, but on its own. Papers come late now and then; nothing to do.",
            "登记较晚，但属个别情况。单证迟到时有发生，无需处理。",
        ),
        "LATE_IN_BULK": Text(
            "One of many old trades that were registered together just before financing. Ask for papers that cannot be "
            "made afterwards: transport, tax, payments.",
            "在融资前与多笔旧交易一并补登。请索取无法事后补造的资料：运输、税务、付款记录。",
        ),
        "FIRST_ONBOARDING": Text(
            "These are the seller's first documents here, so there is no habit to compare with. Nothing to do.",
            "属卖方首次接入的历史单证，无从比较。无需处理。",
        ),
        "NOT_REGISTERED": Text(
            "Not on the ledger yet, so there is no time of registration. Wait for it.",
            "尚未登记在账本上，无登记时间。请等待登记。",
        ),
    }
    applies_when = "the seller registered something before"
    sources = ("ledger", "documents")
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.REFER,
        "UNKNOWN": Effect.INFORMATION,  # DOC_VALID refers what is not registered
    }
    thresholds = LateRegistrationThresholds

    def evaluate(self, case: Case, thresholds: LateRegistrationThresholds) -> Iterator[Verdict]:
        """See the class."""
        known = [each for each in case.assets if each.primary.registered_at]
        late = {each.fingerprint for each in known if _late(case, each, thresholds)}
        bulk = len(late) >= thresholds.bulk_count and Fraction(len(late), max(len(known), 1)) >= Fraction(
            thresholds.bulk_share
        )
        begin = case.now - thresholds.before_days * 86_400
        first = all(item.registered_at >= begin for item in case.documents if item.registered_at)
        for asset in case.assets:
            yield _judge(case, asset, asset.fingerprint in late, bulk, first, len(late), len(known))


def _day(seconds: int) -> date:
    return datetime.fromtimestamp(seconds, UTC).date()


def _late(case: Case, asset: Asset, limits: LateRegistrationThresholds) -> bool:
    item = asset.primary
    if item.registered_at < case.now - limits.before_days * 86_400:
        return False
    return _day(item.registered_at) > item.document.issue_date + timedelta(days=limits.late_days)


def _judge(case: Case, asset: Asset, late: bool, bulk: bool, first: bool, count: int, known: int) -> Verdict:
    key, item = asset.fingerprint, asset.primary
    at = Input(item.fingerprint, "registered_at", str(item.registered_at), "ledger", case.as_of("ledger"))
    issued = case.of_document(item, "issue_date", item.document.issue_date)
    if not item.registered_at:
        return Verdict(key, Outcome.UNKNOWN, "NOT_REGISTERED", "It is not on the ledger yet.", (at,))
    days = (_day(item.registered_at) - item.document.issue_date).days
    if not late:
        text = f"It was registered {max(days, 0)} days after its date."
        return Verdict(key, Outcome.PASS, "IN_TIME", text, (at, issued))
    if first:
        text = "These are the seller's first documents here; it was registered with its history."
        return Verdict(key, Outcome.NOT_APPLICABLE, "FIRST_ONBOARDING", text, (at, issued))
    if not bulk:
        text = f"It was registered {days} days after its date, as few others were."
        return Verdict(key, Outcome.PASS, "LATE", text, (at, issued))
    text = (
        f"It was registered {days} days after its date, together with {count - 1} others: "
        f"{percent(Fraction(count, known))} of this request."
    )
    return Verdict(key, Outcome.WARN, "LATE_IN_BULK", text, (at, issued))
