"""CORE_DEBT: do claims on a core enterprise stay below what it says that it owes?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from consortium.documents import Party
from consortium.documents.roles import buyer_of
from crossverify.desk import CoreDebt as Stated
from crossverify.exchange import convert
from crossverify.figures import DAY, Rate
from crossverify.rule import Effect, Input, Outcome, Rule, Text, Thresholds, Verdict
from crossverify.wording import moment, money, percent, rounded_up

if TYPE_CHECKING:
    from crossverify.case import Case
    from crossverify.orders import Asset


class CoreDebtThresholds(Thresholds):
    """Figures of CORE_DEBT.

    :ivar near: from this part of the payables on it warns
    :ivar max_age_days: an older statement says nothing
    """

    near: Rate = Decimal("0.9")
    max_age_days: Annotated[int, Field(ge=1)] = 100


class CoreDebt(Rule[CoreDebtThresholds]):
    """Vouchers that a core enterprise issued, and separately what this request claims from it, against the payables
    that it states. More than it owes cannot be real trade.

    - PASS: both below. WARN: near. FAIL: over.
    - UNKNOWN: its statement is old, or in a currency without a rate.
    - NOT_APPLICABLE: the bank has no statement of this debtor.
    """

    id = "CORE_DEBT"
    version = 1
    title = Text(
        "Do claims on a core enterprise stay below what it says that it owes?",
        "对核心企业的债权是否在其所述应付账款之内？",
    )
    basis = ("银发〔2025〕77号", "practice")
    explains: ClassVar = {
        "UNDER": Text(
            "Vouchers and claims stay below the payables that the debtor states. Nothing to do.",
            "凭证与债权总额低于债务人所述应付账款。无需处理。",
        ),
        "NEAR": Text(
            "Vouchers or claims are close to the payables that the debtor states. Ask it for a fresh statement.",
            "凭证或债权总额接近债务人所述应付账款。请债务人更新数据。",
        ),
        "OVER": Text(
            "Vouchers or claims exceed what the debtor states that it owes: part of them cannot rest on real trade. Do "
            "not lend before that is explained.",
            "凭证或债权总额超过债务人所述应付账款，部分不可能有真实贸易背景。查明前不得放款。",
        ),
        "STATEMENT_OLD": Text(
            "The debtor's statement of payables is older than allowed. Ask it for a fresh one.",
            "债务人的应付账款数据已过期。请其更新。",
        ),
        "NO_RATE": Text(
            "The statement is in a currency for which the bank gave no rate. Add the rate to the desk file.",
            "债务人数据的币种没有汇率。请在本行参数文件中补充。",
        ),
        "NOT_STATED": Text(
            "The bank has no statement of this debtor's payables. Usual for debtors that issue no vouchers.",
            "本行没有该债务人的应付账款数据。未签发凭证的债务人属正常。",
        ),
    }
    applies_when = "the debtor has stated its payables to the bank"
    sources = ("desk", "documents")
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}
    thresholds = CoreDebtThresholds

    def evaluate(self, case: Case, thresholds: CoreDebtThresholds) -> Iterator[Verdict]:
        """See the class."""
        stated = {item.debtor.casefold(): item for item in case.desk.core_debts}
        found = {asset.fingerprint: _stated(stated, asset) for asset in case.assets} if stated else {}
        claimed: dict[str, Fraction | None] = defaultdict(Fraction)
        for asset in case.assets:
            item = found.get(asset.fingerprint)
            sofar = claimed[item.debtor] if item is not None else None
            if item is not None and sofar is not None:
                open_amount = max(asset.face - getattr(asset, "credited", Decimal(0)), Decimal(0))
                worth = convert(case.desk, open_amount, asset.currency, item.currency)
                claimed[item.debtor] = None if worth is None else sofar + worth
        for asset in case.assets:
            item = found.get(asset.fingerprint)
            if item is None:
                debtor = buyer_of(asset.primary.document)
                told = case.of_document(asset.primary, "buyer/identifiers", _names(debtor))
                text = "The bank has no statement of the debtor's payables."
                yield Verdict(asset.fingerprint, Outcome.NOT_APPLICABLE, "NOT_STATED", text, (told,))
            else:
                yield _judge(case, asset.fingerprint, item, claimed[item.debtor], thresholds)


def _names(party: Party | None) -> str:
    return ", ".join(map(str, party.identifiers)) if party is not None else ""


def _stated(stated: dict[str, Stated], asset: Asset) -> Stated | None:
    debtor = buyer_of(asset.primary.document)
    names = [str(each).casefold() for each in debtor.identifiers] if debtor is not None else []
    return next((stated[name] for name in names if name in stated), None)


def _judge(
    case: Case, key: str, item: Stated, claimed: Fraction | None, limits: CoreDebtThresholds
) -> Verdict:
    def told(field: str, value: object) -> Input:
        return Input("", f"core_debts/{item.debtor}/{field}", str(value), "desk", item.as_of)

    if item.as_of < case.now - limits.max_age_days * DAY:
        text = f"The debtor's statement is of {moment(item.as_of)}; {limits.max_age_days} days are allowed."
        return Verdict(key, Outcome.UNKNOWN, "STATEMENT_OLD", text, (told("as_of", item.as_of),))
    if claimed is None:
        text = f"The debtor's statement is in {item.currency}; the bank has no rate for what is claimed."
        return Verdict(key, Outcome.UNKNOWN, "NO_RATE", text, (told("currency", item.currency),))
    inputs = (told("payables", item.payables), told("vouchers", item.vouchers))
    owed = Fraction(item.payables)
    largest = max(Fraction(item.vouchers), claimed)
    what = "vouchers of" if Fraction(item.vouchers) >= claimed else "claims in this request of"
    amount = money(rounded_up(largest, item.currency), item.currency)
    against = f"{what} {amount} against payables of {money(item.payables, item.currency)}."
    if largest > owed:
        return Verdict(key, Outcome.FAIL, "OVER", f"Over what the debtor owes: {against}", inputs)
    if largest > 0 and largest >= owed * Fraction(limits.near):
        share = percent(largest / owed)
        return Verdict(key, Outcome.WARN, "NEAR", f"{share} of what the debtor owes: {against}", inputs)
    return Verdict(key, Outcome.PASS, "UNDER", f"Below what the debtor owes: {against}", inputs)
