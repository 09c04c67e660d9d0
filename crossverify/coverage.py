"""How much of what a subject sells the documents of a case show, held against what it declared to tax.

Both sides are without tax, over the months that tax told of. A receivable with several documents counts once; credit
notes and what tax does not know are taken off. Where a rule looks at the whole of a seller's trade, what is not shown
can hide what it looks for: below a threshold such a rule says UNKNOWN instead of a pass. What it found stands: nobody
gets rid of a finding by showing less.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from consortium.documents.party import Party
from crossverify.answers import Gap, Sales, sales_reference
from crossverify.exchange import convert
from crossverify.graph import period
from crossverify.percase import per_case
from crossverify.rule import Input
from crossverify.who import SUBJECT, Who, who_of
from crossverify.wording import money, percent

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

MIN_COVERAGE: Final = Decimal("0.5")
"""Part of declared sales that has to be shown. A seller shows what it wants financed and the trade around it; below a
half, more is hidden than seen."""
LOW_COVERAGE: Final = "LOW_COVERAGE"
"""Code of rules that cannot pass for want of documents."""
NO_RETURNS: Final = "NO_RETURNS"
"""Code where tax has no returns of the subject."""
NO_IDENTIFIER: Final = "NO_IDENTIFIER"
"""Code where the subject has no identifier to ask about."""


@dataclass(frozen=True, slots=True)
class Cover:
    """Documents shown against declared sales.

    :ivar shown: in the currency of the declaration, without tax
    :ivar declared: sales declared to tax, without tax
    :ivar currency: ISO 4217 code
    :ivar exact: whether it is about this debtor alone; else it is about all sales, since tax named main customers
        only and not this one
    :ivar rate: part shown; ``None`` where nothing was declared
    :ivar inputs: what it rests on
    """

    shown: Fraction
    declared: Decimal
    currency: str
    exact: bool
    rate: Fraction | None
    inputs: tuple[Input, ...]

    @property
    def shown_money(self) -> str:
        """What is shown, for a message."""
        return money(Decimal(round(self.shown * 100)).scaleb(-2), self.currency)


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why a rule on the whole trade cannot pass.

    :ivar message: for a loan officer
    :ivar inputs: what it rests on
    """

    message: str
    inputs: tuple[Input, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """Coverage of a case.

    :ivar gap: why nothing can be said at all
    :ivar first: first day of the period
    :ivar last: last day
    :ivar total: of all sales
    :ivar missing_rates: currencies of documents that the bank gave no rate for: they are not counted
    """

    gap: Gap | None
    first: date | None
    last: date | None
    total: Cover | None
    missing_rates: tuple[str, ...]
    _who: Who
    _by_debtor: Mapping[str, Cover]
    _complete: bool

    def of(self, debtor: Party) -> Cover | Gap:
        """Coverage of the sales to one debtor, or of all sales where tax did not name this one."""
        if self.gap is not None:
            return self.gap
        found = self._by_debtor.get(self._who.of(debtor))
        if found is not None:
            return found
        assert self.total is not None  # else there is a gap
        return self.total

    def below(self, debtor: Party, minimum: Decimal) -> Shortfall | None:
        """Whether too little is shown of the sales to a debtor; ``None`` when enough is, or when it cannot be
        measured (COVERAGE itself says so then).

        :param minimum: part of declared sales
        """
        found = self.of(debtor)
        if isinstance(found, Gap):
            return None
        shown = found.rate
        if shown is None or shown >= Fraction(minimum):
            return None
        whose = "the sales to this debtor" if found.exact else "all sales"
        text = (
            f"The documents show {percent(shown)} of {whose} that were declared to tax; {percent(minimum)} are needed "
            "to say that there is nothing in the rest."
        )
        return Shortfall(text, found.inputs)


@per_case
def coverage_of(case: Case) -> Coverage:
    """Coverage of a case."""
    who = who_of(case)
    said = declared_sales(case)
    if isinstance(said, Gap):
        return Coverage(said, None, None, None, (), who, {}, False)
    identifier, sales = said
    if not sales.known:
        gap = Gap(NO_RETURNS, "The tax authority has no returns of the subject.", "tax", case.as_of("tax"))
        return Coverage(gap, None, None, None, (), who, {}, False)
    first, last = period(sales, case.as_of("tax"))
    currency = (
        (sales.months or sales.counterparties)[0].currency if sales.months or sales.counterparties else "CNY"
    )
    lost: set[str] = set()
    declared = _declared(case, who, sales, currency, lost)
    shown = _shown(case, who, (first, last), currency, lost)
    total = sum((_in(case, each.amount, each.currency, currency, lost) for each in sales.months), Fraction(0))
    by_debtor = {}
    for key in declared.keys() | shown.keys():
        if key not in declared and not sales.counterparties_complete:
            continue
        by_debtor[key] = _cover(
            case, identifier, shown.get(key, Fraction(0)), declared.get(key, Fraction(0)), currency, key
        )
    whole = _cover(case, identifier, sum(shown.values(), Fraction(0)), total, currency, None)
    return Coverage(
        None, first, last, whole, tuple(sorted(lost)), who, by_debtor, sales.counterparties_complete
    )


def declared_sales(case: Case) -> tuple[str, Sales] | Gap:
    """What the subject declared, under the first of its identifiers that tax answered about."""
    gap: Gap | None = case.gap("tax")
    for identifier in case.evidence.subject.identifiers:
        found = case.answer("tax", Sales, sales_reference(identifier))
        if isinstance(found, Sales):
            return identifier, found
        gap = gap or found
    return gap or Gap(NO_IDENTIFIER, "The subject has no identifier to ask about.", "tax")


def _declared(case: Case, who: Who, sales: Sales, currency: str, lost: set[str]) -> dict[str, Fraction]:
    found: dict[str, Fraction] = defaultdict(Fraction)
    for each in sales.counterparties:
        if each.role == "customer":
            found[who.of_identifier(each.party_id)] += _in(case, each.amount, each.currency, currency, lost)
    return found


def _shown(
    case: Case, who: Who, days: tuple[date, date], currency: str, lost: set[str]
) -> dict[str, Fraction]:
    """Net sales in the documents, by debtor. Left out: what tax cannot have yet or does not know, and what is no sale
    any more; other rules judge those, and one forged invoice is not to spoil the figures of the honest ones."""
    found: dict[str, Fraction] = defaultdict(Fraction)
    until = min(days[1], datetime.fromtimestamp(case.as_of("tax"), UTC).date() - timedelta(days=1))
    for receivable in case.receivables:
        body = receivable.invoice
        if not days[0] <= body.issue_date <= until or who.of(body.seller) != SUBJECT:
            continue  # another's sale where it was assigned to the subject
        if case.cancelled(receivable) or not _known(case, receivable):
            continue
        found[who.of(body.buyer)] += _in(case, net_of(receivable), body.currency, currency, lost)
    return found


def _known(case: Case, receivable: Receivable) -> bool:
    """Whether tax did not say that it does not know a receivable."""
    answers = (case.tax_invoice(item.fingerprint) for item in case.tax_documents(receivable))
    return all(isinstance(answer, Gap) or answer.known for answer in answers)


def net_of(receivable: Receivable) -> Fraction:
    """A receivable's sale without tax, net of credit notes in proportion."""
    totals = receivable.invoice.totals
    if not receivable.credits or totals.gross <= 0:
        return Fraction(totals.net)
    left = max(Fraction(totals.gross) - Fraction(receivable.credited), Fraction(0))
    return Fraction(totals.net) * left / Fraction(totals.gross)


def _in(case: Case, amount: Decimal | Fraction, currency: str, to: str, lost: set[str]) -> Fraction:
    if currency == to:
        return Fraction(amount)
    found = convert(case.desk, amount, currency, to)
    if found is None:
        lost.add(currency)
        return Fraction(0)
    return found


def _cover(
    case: Case, identifier: str, shown: Fraction, declared: Fraction, currency: str, debtor: str | None
) -> Cover:
    # Whole cents suffice here: the rate decides, and one cent never does.
    told = Decimal(round(declared * 100)).scaleb(-2)
    seen = Decimal(round(shown * 100)).scaleb(-2)
    field = f"{sales_reference(identifier)}/{debtor or 'all'}"
    inputs = (
        case.of_source("tax", "", field, f"{told:f} {currency}"),
        Input("", f"shown/{debtor or 'all'}", f"{seen:f} {currency}", "documents", case.now),
    )
    rate = shown / Fraction(told) if told > 0 else None
    return Cover(shown, told, currency, debtor is not None, rate, inputs)
