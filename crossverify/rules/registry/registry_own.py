"""REGISTRY_OWN: has the bank registered its own claim, and does the registration last long enough?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from crossverify.answers import Gap
from crossverify.registrations import Hit, due_of, hits, registrable, registrations
from crossverify.rule import Effect, Outcome, Rule, Stage, Text, Thresholds, Verdict
from crossverify.wording import moment

if TYPE_CHECKING:
    from crossverify.case import Case
    from crossverify.orders import Asset

DAY_S = 86_400


class RegistryOwnThresholds(Thresholds):
    """Figures of REGISTRY_OWN.

    :ivar margin_days: so long the registration has to outlast the due date: debtors pay late
    :ivar no_due_date_days: where no due date is known, so long from now
    """

    margin_days: Annotated[int, Field(ge=0, le=3_650)] = 90
    no_due_date_days: Annotated[int, Field(ge=0, le=3_650)] = 180


class RegistryOwn(Rule[RegistryOwnThresholds]):
    """A condition precedent: what the bank itself has to do before it pays out, no finding against the seller.

    - PASS: a live registration of the bank covers the asset until after it is due.
    - WARN: there is none yet (before paying out: file it); it ends before or too soon after the due date.
    - FAIL: in life: there is none, or it was cancelled or has expired.
    - UNKNOWN: the registry was not asked, is silent or stale. NOT_APPLICABLE: such assets are not registered there.
    """

    id = "REGISTRY_OWN"
    version = 1
    stage = Stage.BEFORE_FUNDING
    title = Text(
        "Is the bank's own claim registered, for long enough?", "本行的权利是否已登记，且登记期限足够？"
    )
    basis = ("民法典 768", "动产和权利担保统一登记办法", "银发〔2025〕77号")
    explains: ClassVar = {
        "ABSENT": Text(
            "The asset is financed and the bank has no live registration on it: others that register come first. File "
            "now (`chanrong registry file`), and look for registrations made meanwhile.",
            "该资产已融资，但本行无有效登记：他人登记将优先于本行。请立即办理登记，并查询期间是否有他人登记。",
        ),
        "ENDS_BEFORE_DUE": Text(
            "The bank's registration ends before the asset is due. Extend it by an amendment before it ends: one that "
            "ended cannot be extended, and a new one has a new place in the order.",
            "本行登记在资产到期日前届满。请在届满前办理展期变更登记；届满后不能展期，重新登记则顺位重新计算。",
        ),
        "ENDS_SOON": Text(
            "The bank's registration lasts beyond the due date, but not for as long as the bank wants. Extend it.",
            "本行登记期限覆盖到期日，但余量不足。请考虑办理展期。",
        ),
        "NOT_YET": Text(
            "The bank has not registered its claim yet. File before paying out: a condition precedent.",
            "本行尚未登记。请在放款前办理登记：属放款先决条件。",
        ),
        "NOT_REGISTRABLE": Text(
            "Such assets are not registered there: the bill exchange keeps bills.",
            "该类资产不在此登记（票据以票交所记载为准）。",
        ),
        "REGISTERED": Text(
            "The bank's registration is live and lasts beyond the due date. Nothing is to be done.",
            "本行登记有效，且期限覆盖到期日，无需处理。",
        ),
    }
    applies_when = "from the decision to lend on; bills are kept elsewhere"
    sources = ("registry", "documents")
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "NOT_YET": Effect.INFORMATION,
        "ENDS_SOON": Effect.INFORMATION,
        "FAIL": Effect.REFER,
        "UNKNOWN": Effect.REFER,
    }
    thresholds = RegistryOwnThresholds

    def evaluate(self, case: Case, thresholds: RegistryOwnThresholds) -> Iterator[Verdict]:
        """See the class."""
        known = registrations(case)
        found = hits(case)
        for asset in case.assets:
            key = asset.fingerprint
            if isinstance(known, Gap):
                yield Verdict(key, Outcome.UNKNOWN, known.code, known.message, (case.of_gap(known, key),))
            elif not registrable(asset):
                kind = case.of_document(asset.primary, "kind", asset.primary.document.kind)
                text = "This registry does not register such assets."
                yield Verdict(key, Outcome.NOT_APPLICABLE, "NOT_REGISTRABLE", text, (kind,))
            else:
                yield _judge(case, asset, [hit for hit in found.get(key, ()) if hit.own], thresholds)


def _judge(case: Case, asset: Asset, own: list[Hit], limits: RegistryOwnThresholds) -> Verdict:
    key = asset.fingerprint
    live = [hit for hit in own if hit.claims]
    if not live:
        ended = ", ".join(
            f"{h.registration.number} ({h.ended or h.released})" for h in own if h.ended or h.released
        )
        said = case.of_source("registry", key, "own_registrations", ended or "none")
        if case.evidence.request.stage is Stage.IN_LIFE:
            text = "This bank has no live registration on it" + (f": {ended} ended." if ended else ".")
            return Verdict(key, Outcome.FAIL, "ABSENT", text, (said,))
        text = "This bank has not registered its claim yet."
        return Verdict(key, Outcome.WARN, "NOT_YET", text, (said,))
    best = max(live, key=lambda hit: hit.registration.expires_unix)
    number, ends = best.registration.number, best.registration.expires_unix
    due, due_input = due_of(case, asset)
    inputs = (case.of_source("registry", key, f"{number}/expires", moment(ends)), due_input)
    if due is None:
        needed = case.now + limits.no_due_date_days * DAY_S
        margin = needed
        until = f"{limits.no_due_date_days} days from now, as no due date is known"
    else:
        needed = int(datetime(due.year, due.month, due.day, tzinfo=UTC).timestamp()) + DAY_S
        margin = needed + limits.margin_days * DAY_S
        until = f"the due date, {due.isoformat()}"
    if ends < needed:
        text = f"Registration {number} ends on {moment(ends)}, before {until}."
        return Verdict(key, Outcome.WARN, "ENDS_BEFORE_DUE", text, inputs)
    if ends < margin:
        text = f"Registration {number} ends on {moment(ends)}, less than {limits.margin_days} days after {until}."
        return Verdict(key, Outcome.WARN, "ENDS_SOON", text, inputs)
    text = f"Registration {number} is live until {moment(ends)}, beyond {until}."
    return Verdict(key, Outcome.PASS, "REGISTERED", text, inputs)
