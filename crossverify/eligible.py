"""The second form of the waterfall: from face value to eligible amount, for whatever a bank lends on.

Beside the steps of the first form (:mod:`crossverify.decision`) it takes what is overdue, a dilution reserve that
follows the seller's own record, and what is above the limit of the debtor's group; and it converts what is in another
currency with the bank's own rates, naming each. Pure, exact, every rounding in favour of the bank.

1. Per asset: face value and what findings, documents and the ledger take, up to the dilution reserve.
2. Decisions from the findings, as in the first form. A finding that says that something cannot be known excludes where
   the profile requires that knowledge; the reason says so.
3. What a step needed and could not convert for want of a rate makes a decision at least *refer*.
4. Room under each group's limit goes to eligible assets first, then to those referred, each in the case's order: what
   has no room is concentration excess. Excluded ones need none.
5. The advance rate comes last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from consortium.documents import Bill
from consortium.documents.roles import buyer_of
from crossverify.case import Receivable
from crossverify.decision import (
    MAX_REASONS,
    Decision,
    Fall,
    Reason,
    ReceivableDecision,
    by_subject,
    gravest,
    reasons_of,
    share,
)
from crossverify.evidence import FACE_VALUE_PPB
from crossverify.exchange import convert, said
from crossverify.limits import groups_of
from crossverify.orders import OrderAsset, invoiced
from crossverify.rule import Finding, Input, Step
from crossverify.terms import terms_of
from crossverify.who import who_of
from crossverify.wording import money, percent, rounded_down

if TYPE_CHECKING:
    from crossverify.case import Case
    from crossverify.desk import Exposure
    from crossverify.figures import Waterfall2
    from crossverify.orders import Asset

_FACE_NOTES = {
    "invoice": "amount due with tax",
    "purchase_order": "amount ordered",
    "bill": "amount of the bill",
    "warehouse_receipt": "value of the goods",
}


@dataclass(slots=True)
class _Work:
    """One asset on its way."""

    asset: Asset
    findings: list[Finding]
    fall: Fall
    decision: Decision = Decision.ELIGIBLE
    no_rate: list[tuple[str, str]] = field(default_factory=list)
    """Pairs of currencies that would have had to be converted."""


def decide(case: Case, findings: Sequence[Finding], figures: Waterfall2) -> tuple[ReceivableDecision, ...]:
    """One decision per asset of the case, in its order. The steps are numbered in the module's docstring.

    :param findings: of the whole case
    """
    general, own = by_subject(findings, (item.fingerprint for item in case.assets))
    works = []
    for asset in case.assets:
        found = own[asset.fingerprint]
        note = _FACE_NOTES.get(asset.primary.document.kind, "face value")
        work = _Work(asset, [*general, *found], Fall(asset.face, asset.currency, note))
        _take(case, work, found, figures)  # 1
        work.decision = gravest(work.findings)  # 2
        if work.no_rate and work.decision is Decision.ELIGIBLE:  # 3
            work.decision = Decision.REFER
        works.append(work)
    rooms = _Rooms(case)
    for wanted in (Decision.ELIGIBLE, Decision.REFER):  # 4
        for work in works:
            if work.decision is wanted:
                rooms.fill(work)
    for work in works:
        work.fall.keep(Step.ADVANCE, figures.advance_rate, f"{percent(figures.advance_rate)} advanced")  # 5
    return tuple(_decision(case, work) for work in works)


def _decision(case: Case, work: _Work) -> ReceivableDecision:
    asset, steps = work.asset, tuple(work.fall.steps)
    amount, decision = steps[-1].balance, work.decision
    reasons = reasons_of(work.findings, required=True)
    for one, other in dict.fromkeys(work.no_rate):
        text = f"The bank has no rate from {one} to {other}: what is in {one} could not be reckoned with."
        told = Input(asset.primary.fingerprint, "rates", f"{one}/{other}", "desk", case.as_of("desk"))
        if decision is Decision.EXCLUDED:
            reasons = (*reasons, Reason("DECISION.NO_RATE", text, None, told))
        else:
            reasons = (Reason("DECISION.NO_RATE", text, None, told), *reasons)
    if decision is not Decision.EXCLUDED and amount <= 0:
        decision = Decision.EXCLUDED
        face = case.of_document(asset.primary, "face", asset.face)
        reasons = (Reason("DECISION.NOTHING_LEFT", "Nothing is left to lend on.", None, face), *reasons)
    return ReceivableDecision(
        fingerprint=asset.fingerprint,
        document=asset.primary.fingerprint,
        number=asset.number,
        currency=asset.currency,
        decision=decision,
        reasons=reasons[:MAX_REASONS],
        waterfall=steps,
        amount=amount,
        eligible=amount if decision is Decision.ELIGIBLE else amount * 0,
    )


# --- one currency -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Converted:
    """Totals in one currency, by rates that are named. What has no rate is left out and named too.

    :ivar currency: ISO 4217 code
    :ivar source: who publishes the rates; empty where none was needed
    :ivar as_of: of the rates
    :ivar rates: as used, by currency
    :ivar totals: face, eligible, refer and excluded amounts, rounded down to the minor unit
    :ivar missing: currencies without a rate
    """

    currency: str
    source: str
    as_of: int
    rates: Mapping[str, str]
    totals: Mapping[str, Decimal]
    missing: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As canonical JSON data."""
        return {
            "currency": self.currency,
            "source": self.source,
            "as_of": self.as_of,
            "rates": dict(self.rates),
            "totals": {name: format(amount, "f") for name, amount in self.totals.items()},
            "missing": list(self.missing),
        }


def converted(
    case: Case, totals: Mapping[str, Mapping[str, Decimal]], figures: Waterfall2
) -> Converted | None:
    """Totals of all currencies in the profile's, with the bank's rates; ``None`` where the profile names none."""
    to = figures.currency
    if not to:
        return None
    sums = dict.fromkeys(("face", "eligible", "refer", "excluded"), Fraction(0))
    rates: dict[str, str] = {}
    missing = []
    for currency, amounts in totals.items():
        if not any(amounts.values()):
            continue
        worth = {name: convert(case.desk, amount, currency, to) for name, amount in amounts.items()}
        if None in worth.values():
            missing.append(currency)
            continue
        for name, amount in worth.items():
            sums[name] += amount or 0
        if rate := said(case.desk, currency, to):
            rates[currency] = rate
    used = case.desk.rates if rates else None
    return Converted(
        currency=to,
        source=used.source if used is not None else "",
        as_of=used.as_of if used is not None else 0,
        rates=rates,
        totals={name: rounded_down(amount, to) for name, amount in sums.items()},
        missing=tuple(missing),
    )


# --- step 1 -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Taken:
    """What findings take at one step."""

    amount: Fraction = Fraction(0)
    rates: dict[str, None] = field(default_factory=dict)
    """Rates that were used, as a person reads them."""

    def note(self, text: str) -> str:
        """A step's note, with its rates."""
        return f"{text}; {', '.join(self.rates)}" if self.rates else text


def _deductions(case: Case, work: _Work, findings: Iterable[Finding]) -> dict[Step, _Taken]:
    """Sums of what findings take, by step, in the asset's currency."""
    taken = {step: _Taken() for step in Step}
    for item in findings:
        deduct = item.deduct
        if deduct is None or not deduct.amount:
            continue
        amount = convert(case.desk, deduct.amount, deduct.currency, work.asset.currency)
        if amount is None:
            work.no_rate.append((deduct.currency, work.asset.currency))
            continue
        taken[deduct.step].amount += amount
        rate = said(case.desk, deduct.currency, work.asset.currency)
        if rate:
            taken[deduct.step].rates[rate] = None
    return taken


def _take(case: Case, work: _Work, findings: list[Finding], figures: Waterfall2) -> None:
    asset, fall = work.asset, work.fall
    taken = _deductions(case, work, findings)
    credited = Fraction(0)
    if isinstance(asset, Receivable):
        credited = Fraction(asset.credited)
        fall.take(Step.CREDIT_NOTES, credited, f"{len(asset.credits)} credit notes")
        for item in asset.odd_credits:
            credited += _odd_credit(case, work, item.document)
    red, payments = taken[Step.TAX_RED], taken[Step.PAYMENTS]
    fall.take(Step.TAX_RED, red.amount, red.note("reversed at tax, without a credit note here"))
    fall.take(Step.PAYMENTS, payments.amount, payments.note("seen by the bank that keeps the account"))
    known = fall.face - fall.balance
    facts = max((each.settled_ppb + each.diluted_ppb for each in asset.assets), default=0)
    beyond = share(fall.face, facts) - Fraction(known)
    fall.take(Step.LEDGER_FACTS, beyond, "settled or diluted on the ledger beyond the documents here")
    received = taken[Step.NOT_RECEIVED]
    fall.take(Step.NOT_RECEIVED, received.amount, received.note("invoiced above what was received"))
    short = taken[Step.NOT_CONFIRMED]
    if short.amount > 0:
        confirmed = Fraction(fall.face) - credited - payments.amount - short.amount
        fall.take(
            Step.NOT_CONFIRMED, Fraction(fall.balance) - confirmed, short.note("the debtor accepted less")
        )
    if isinstance(asset, OrderAsset):
        amount = invoiced(case).get(asset.primary.fingerprint, Fraction(0))
        fall.take(Step.INVOICED, amount, "invoiced on the order, net of credit notes")
    gone = taken[Step.GOODS_GONE]
    fall.take(Step.GOODS_GONE, gone.amount, gone.note("goods that left the warehouse"))
    caps = [item.cap_ppb for item in findings if item.cap_ppb is not None]
    others = FACE_VALUE_PPB - min(facts, FACE_VALUE_PPB) - min(caps) if caps else 0
    fall.take(
        Step.CLAIMS_OF_OTHERS,
        share(fall.face, max(others, 0)),
        "shares that others hold, or that are not free",
    )
    _ageing(case, work, figures)
    _dilution(work, taken[Step.DILUTION], figures)


def _odd_credit(case: Case, work: _Work, note: object) -> Fraction:
    """Takes a credit note in another currency; returns it in the asset's."""
    totals, currency = getattr(note, "totals", None), getattr(note, "currency", "")
    gross = abs(totals.payable) if totals is not None else Decimal(0)
    amount = convert(case.desk, gross, currency, work.asset.currency)
    if amount is None:
        work.no_rate.append((currency, work.asset.currency))
        return Fraction(0)
    rate = said(case.desk, currency, work.asset.currency)
    work.fall.take(Step.CREDIT_NOTES, amount, f"a credit note of {money(gross, currency)}; {rate}")
    return amount


def due_date_of(case: Case, asset: Asset) -> date | None:
    """When an asset falls due, from whichever document says so; ``None`` where none does."""
    if isinstance(asset, Receivable):
        term = terms_of(case, asset).due_date
        return term.value if term is not None else None
    document = asset.primary.document
    return document.due_date if isinstance(document, Bill) else None


def _ageing(case: Case, work: _Work, figures: Waterfall2) -> None:
    due = due_date_of(case, work.asset)
    if due is None:
        return
    days = (datetime.fromtimestamp(case.now, UTC).date() - due).days
    parts = [
        item.part for item in sorted(figures.ageing, key=lambda each: each.over_days) if days > item.over_days
    ]
    if parts:
        held = Fraction(work.fall.balance) * Fraction(parts[-1])
        work.fall.take(Step.AGEING, held, f"{percent(parts[-1])}, as it is {days} days overdue")


def _dilution(work: _Work, found: _Taken, figures: Waterfall2) -> None:
    """The larger of the profile's reserve and what the seller's own record asks for."""
    flat = Fraction(work.fall.balance) * Fraction(figures.dilution_reserve)
    if found.amount > flat:
        work.fall.take(Step.DILUTION, found.amount, found.note("held back, by the seller's own record"))
    else:
        work.fall.take(Step.DILUTION, flat, f"{percent(figures.dilution_reserve)} held back")


# --- step 4 -------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Room:
    """What is left under one limit.

    :ivar left: in the limit's currency; ``None`` when it could not be reckoned
    :ivar missing: pairs of currencies without a rate
    """

    name: str
    limit: Decimal
    currency: str
    left: Fraction | None
    missing: list[tuple[str, str]]


def _held(asset: Asset) -> int:
    """Share that the bank has financed already, in billionths: it is outstanding, and needs no more room."""
    return max(
        (
            sum(claim.share_ppb for claim in row.claims if claim.own and claim.state == "financed")
            for row in asset.assets
        ),
        default=0,
    )


class _Rooms:
    """Room under the bank's limits, by group of debtors."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._who = who_of(case)
        groups = groups_of(case)
        self._group_of = groups.of_key
        members: dict[str, list[Exposure]] = {}
        for item, group in zip(case.desk.exposures, groups.of_exposure, strict=True):
            members.setdefault(group, []).append(item)
        self._rooms = {group: self._room(group, items) for group, items in members.items()}

    def _room(self, group: str, items: list[Exposure]) -> _Room:
        """A group's limit stands at each of its members: the least counts, and all that is outstanding."""
        currency = items[0].currency
        missing = [(item.currency, currency) for item in items if not self._known(item.currency, currency)]
        if missing:
            return _Room(group, items[0].limit, currency, None, missing)
        desk = self._case.desk
        limits = [convert(desk, item.limit, item.currency, currency) for item in items]
        used = [convert(desk, item.amount, item.currency, currency) for item in items]
        least = min(each for each in limits if each is not None)
        left = max(least - sum(each for each in used if each is not None), Fraction(0))
        return _Room(group, rounded_down(least, currency), currency, left, [])

    def _known(self, currency: str, to: str) -> bool:
        return convert(self._case.desk, Decimal(1), currency, to) is not None

    def fill(self, work: _Work) -> None:
        """Gives an asset what room there is and takes the rest of it as excess. No limit, no excess: the rule
        CONCENTRATION says that there is none."""
        room = self._room_of(work.asset)
        if room is None:
            return
        own, held = work.asset.currency, _held(work.asset)
        needed = max(Fraction(work.fall.balance) - share(work.fall.face, held), Fraction(0))
        wanted = convert(self._case.desk, needed, own, room.currency)
        if room.left is None or wanted is None:
            work.no_rate += room.missing or [(own, room.currency)]
            if work.decision is Decision.ELIGIBLE:
                work.decision = Decision.REFER
            return
        given = min(wanted, room.left)
        room.left -= given
        if given < wanted:
            rate = said(self._case.desk, own, room.currency)
            note = f"above the limit of {money(room.limit, room.currency)} on {room.name}" + (
                f"; {rate}" if rate else ""
            )
            work.fall.take(Step.CONCENTRATION, needed * (1 - given / wanted), note)

    def _room_of(self, asset: Asset) -> _Room | None:
        debtor = buyer_of(asset.primary.document)
        group = self._group_of.get(self._who.of(debtor)) if debtor is not None else None
        return self._rooms.get(group) if group is not None else None
