"""The three-way match of a case: invoices drawn on what was ordered and accepted, line by line, in order of issue date,
then ledger position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from consortium.documents import InvoiceLine
from crossverify.evidence import EvidenceDocument
from crossverify.match.accounts import Account, currency_of
from crossverify.match.billed import Billed, Invoices
from crossverify.match.credits import take_back
from crossverify.match.items import net_price, same_price_as_written
from crossverify.match.joined import Joined
from crossverify.match.meters import Meter
from crossverify.match.table import Fact, How, LineMatch, Note
from crossverify.match.totals import Totals, notes_of, totals_of
from crossverify.percase import per_case
from crossverify.units import Exact, exact, factor, scaled

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

MAX_LINES: Final = 300_000
"""Lines of all documents of a case that are matched: some hundred years of monthly invoices, or thirty documents of the
greatest length. More is refused, so that nobody keeps a gateway busy."""
PREPAYMENT: Final = "386"
"""UNTDID 1001: prepayment invoice (预付款发票), asked for before delivery."""


@dataclass(frozen=True, slots=True)
class Matched:
    """A row of the table with what it was made of.

    :ivar billed: the invoice's line and its place
    :ivar row: the row
    :ivar own_over: the part of ``row.over_accepted`` that this line adds, in its unit
    :ivar reach: what may meet the line: accepted on its lines, and on the item where receipts name no line
    :ivar ordered_reach: the same of what was ordered
    :ivar ordered_used: invoiced so far of it, this line included
    :ivar orders: the orders of its lines
    """

    billed: Billed
    row: LineMatch
    own_over: Exact = 0
    reach: Exact = 0
    ordered_reach: Exact = 0
    ordered_used: Exact = 0
    orders: tuple[EvidenceDocument, ...] = ()

    @property
    def line(self) -> InvoiceLine:
        """The invoice's line."""
        return self.billed.line

    @property
    def account(self) -> Account | None:
        """Where it draws."""
        return self.billed.place.account


class _Drawn(NamedTuple):
    fact: Fact
    over: Exact | None = None
    own: Exact = 0
    reach: Exact = 0


class _Priced(NamedTuple):
    fact: Fact
    price: Fraction | None = None
    ordered: Fraction | None = None
    currency: str | None = None


class Matching:
    """The match of a case.

    :ivar refused: why nothing was matched; empty where it was
    :ivar loose_credits: by receivable, lines of credit notes that take back no line that can be told, each with its
        amount without tax
    """

    def __init__(self, case: Case) -> None:
        self._lines: dict[str, tuple[Matched, ...]] = {}
        self._totals: dict[int, Totals] = {}
        self._prices: dict[tuple[int, str, str], _Prices] = {}
        self.loose_credits: Mapping[str, tuple[tuple[str, Decimal], ...]] = {}
        count = sum(len(getattr(item.document, "lines", ())) for item in case.documents)
        self.refused = (
            f"{count} lines are more than the {MAX_LINES} that are matched" if count > MAX_LINES else ""
        )
        if self.refused:
            return
        invoices = Invoices(Joined(case))
        billed = {each.fingerprint: tuple(invoices.lines(each)) for each in case.receivables}
        self.loose_credits = take_back(case.receivables, billed)
        for receivable in case.receivables:
            exempt = _exempt(case, receivable)
            self._lines[receivable.fingerprint] = tuple(
                self._row(receivable, position, line, exempt)
                for position, line in enumerate(billed[receivable.fingerprint], 1)
            )

    def lines(self, receivable: Receivable) -> tuple[Matched, ...]:
        """The lines of a receivable's invoice, matched; none where matching was refused."""
        return self._lines.get(receivable.fingerprint, ())

    def table(self, fingerprint: str) -> tuple[LineMatch, ...]:
        """The table of a receivable."""
        return tuple(each.row for each in self._lines.get(fingerprint, ()))

    # --- one line ---------------------------------------------------------------------------

    def _row(self, receivable: Receivable, position: int, billed: Billed, exempt: Fact | None) -> Matched:
        line, account = billed.line, billed.place.account
        scale = factor(line.unit, account.unit) if account is not None else None
        before = account.goods.drawn if account is not None else None
        totals = self._of(account) if account is not None else None
        priced = self._price(receivable, billed, exempt, totals)
        notes = notes_of(billed, totals)
        goods = self._goods(billed, exempt, scale, totals, notes)
        if totals is not None and goods.over is not None and 0 < goods.over <= totals.outstanding:
            notes = tuple(sorted((*notes, Note.RECEIPT_TO_COME)))
        orders = self._orders(billed, exempt, scale, totals)
        back = scale if not scale or scale == 1 else 1 / scale

        def shown_in(quantity: Exact | None) -> Exact | None:
            return None if quantity is None or back is None else scaled(quantity, back)

        row = LineMatch(
            line=line.line_id,
            position=position,
            item=line.item.name,
            orders=totals.orders if totals else (),
            order_lines=totals.order_lines if totals else (),
            matched_by=billed.place.how if account is not None else How.NONE,
            candidates=billed.place.told,
            unit=line.unit,
            ordered=shown_in(totals.ordered) if totals else None,
            despatched=shown_in(totals.despatched) if totals else None,
            received=shown_in(totals.received) if totals else None,
            rejected=shown_in(totals.rejected) if totals else None,
            short=shown_in(totals.short) if totals else None,
            accepted=shown_in(totals.accepted) if totals else None,
            invoiced_before=shown_in(before),
            invoiced=exact(line.quantity),
            credited=billed.credited,
            over_accepted=shown_in(goods.over),
            over_ordered=shown_in(orders.over),
            currency=receivable.currency,
            net_amount=exact(line.net_amount),
            credited_net=exact(billed.credited_net),
            price=priced.price,
            order_price=priced.ordered,
            order_currency=priced.currency,
            price_difference=None
            if priced.price is None or priced.ordered is None or priced.currency != receivable.currency
            else priced.price - priced.ordered,
            quantity_says=goods.fact,
            price_says=priced.fact,
            order_says=orders.fact,
            notes=notes,
        )
        used = shown_in(account.orders.drawn) if account is not None else None
        reach, ordered = shown_in(goods.reach) or 0, shown_in(orders.reach) or 0
        documents = totals.documents if totals is not None else ()
        return Matched(billed, row, shown_in(goods.own) or 0, reach, ordered, used or 0, documents)

    def _goods(
        self,
        billed: Billed,
        exempt: Fact | None,
        scale: Fraction | None,
        totals: Totals | None,
        notes: tuple[Note, ...],
    ) -> _Drawn:
        """Draws on what was accepted."""
        line, account, slot = billed.line, billed.place.account, billed.slot
        if exempt is not None:
            return _Drawn(exempt)
        if billed.service and (totals is None or not totals.receipts):
            return _Drawn(Fact.SERVICE)  # what was received is judged, whatever the seller calls it
        if not line.quantity:
            return _Drawn(Fact.NO_QUANTITY if line.net_amount else Fact.NOTHING)
        if billed.net <= 0 and (totals is None or not totals.receipts):
            return _Drawn(Fact.CREDITED)
        if account is None or totals is None:
            if not billed.referenced:
                return _Drawn(Fact.AMBIGUOUS if billed.place.candidates else Fact.NO_REFERENCE)
            received = slot is None or slot.unplaced or any(each.entries for each in slot.names.accounts)
            return _Drawn(_unmatched(billed) if received or slot is None else Fact.NO_RECEIPT)
        if not totals.receipts:
            return _Drawn(Fact.NO_RECEIPT)
        if scale is None:
            account.doubt()
            return _Drawn(Fact.UNITS)
        if account.doubted:
            return _Drawn(Fact.EARLIER_UNITS)
        quantity = scaled(billed.net, scale)
        own = account.goods.draw(quantity)
        reach = account.goods.within_reach
        over = _over(account.goods, own) if quantity > 0 else 0
        if totals.unclear == Fact.RECEIPT_CONTRADICTS or (totals.unclear and over > 0):
            return _Drawn(Fact(totals.unclear), None, 0, reach)
        if over > 0:
            return _Drawn(Fact.OVER, over, own, reach)
        if Note.ITEM_DIFFERS in notes or Note.REFERENCES_DIFFER in notes:
            return _Drawn(Fact.CONTRADICTS, 0, 0, reach)
        return _Drawn(Fact.AGREES, 0, 0, reach)

    def _orders(
        self, billed: Billed, exempt: Fact | None, scale: Fraction | None, totals: Totals | None
    ) -> _Drawn:
        """Draws on what was ordered."""
        account, slot = billed.place.account, billed.slot
        if exempt is not None:
            return _Drawn(exempt)
        if account is None or totals is None:
            if slot is not None and slot.order is None:
                return _Drawn(Fact.NO_ORDER)
            if not billed.referenced:
                return _Drawn(Fact.AMBIGUOUS if billed.place.candidates else Fact.NO_REFERENCE)
            return _Drawn(_unmatched(billed))
        if totals.ordered is None:
            return _Drawn(Fact.NO_ORDER)
        if scale is None:
            return _Drawn(Fact.UNITS)
        quantity = scaled(billed.net, scale)
        own = account.orders.draw(quantity)
        reach = account.orders.within_reach
        over = _over(account.orders, own) if quantity > 0 else 0
        if over > 0 and not totals.all_ordered:
            return _Drawn(Fact.NO_ORDER, None, 0, reach)
        return _Drawn(Fact.OVER if over > 0 else Fact.AGREES, over, own, reach)

    def _price(
        self, receivable: Receivable, billed: Billed, exempt: Fact | None, totals: Totals | None
    ) -> _Priced:
        """The price of a line against the prices of the order lines that it was matched to."""
        line, account, slot = billed.line, billed.place.account, billed.slot
        if exempt is not None:
            return _Priced(exempt)
        if not line.quantity and not line.net_amount:
            return _Priced(Fact.NOTHING)
        if line.quantity > 0 and billed.net <= 0:
            return _Priced(Fact.CREDITED)
        asks = net_price(line)
        if totals is None or not totals.prices:
            absent = slot.order is None if slot is not None else account is not None or not billed.referenced
            return _Priced(
                Fact.NO_ORDER if absent and not billed.place.candidates else _unmatched(billed), asks
            )
        only = totals.prices[0] if len(totals.prices) == 1 else None
        ordered = only.order_line if only is not None and currency_of(only) == receivable.currency else None
        if ordered is not None and same_price_as_written(ordered, line):
            return _Priced(Fact.AGREES, asks, asks, receivable.currency)
        key = (id(account), line.unit, receivable.currency)
        known = self._prices.get(key)
        if known is None:
            known = self._prices[key] = _prices(totals.prices, line.unit, receivable.currency)
        if known.other is not None:
            return _Priced(Fact.CURRENCY, asks, known.other[0], known.other[1])
        if asks is None or not known.known:
            return _Priced(Fact.NO_PRICE, asks)
        return _compared(billed, asks, known, receivable.currency)

    # --- what stands on an account ----------------------------------------------------------

    def _of(self, account: Account) -> Totals:
        found = self._totals.get(id(account))
        if found is None:
            found = self._totals[id(account)] = totals_of(account)
        return found


def _over(meter: Meter, own: Exact) -> Exact:
    """By how much a draw that leaves ``own`` more unmet, and those before it at the same lines, exceed what is there.
    What lines together were drawn before may have left nothing for a line that alone is within its own."""
    return max(own, min(meter.excess, meter.top.excess)) if own > 0 else 0


def _exempt(case: Case, receivable: Receivable) -> Fact | None:
    """Why a whole invoice draws on nothing."""
    if case.cancelled(receivable):
        return Fact.CANCELLED
    return Fact.PREPAYMENT if receivable.invoice.type_code == PREPAYMENT else None


def _unmatched(billed: Billed) -> Fact:
    return Fact.AMBIGUOUS if billed.place.candidates else Fact.NOT_MATCHED


class _Prices(NamedTuple):
    """Prices of order lines per unit of an invoice's line.

    :ivar other: where none is in the invoice's currency: a price in another, and that currency
    """

    known: frozenset[Fraction]
    low: Fraction
    high: Fraction
    other: tuple[Fraction | None, str | None] | None = None


def _prices(lines: tuple[Account, ...], unit: str, currency: str) -> _Prices:
    same = [each for each in lines if currency_of(each) == currency]
    if not same:
        other = _per_unit(lines[0], unit), currency_of(lines[0])
        return _Prices(frozenset(), Fraction(0), Fraction(0), other)
    known = frozenset(price for each in same if (price := _per_unit(each, unit)) is not None)
    return _Prices(known, min(known, default=Fraction(0)), max(known, default=Fraction(0)))


def _compared(billed: Billed, asks: Fraction, prices: _Prices, currency: str) -> _Priced:
    known, low, high, _ = prices
    fact = Fact.AGREES
    if asks > high and billed.credited_net and not billed.credited and billed.line.quantity > 0:
        # A credit note that takes back no quantity corrects the price.
        corrected = asks - Fraction(billed.credited_net) / Fraction(billed.line.quantity)
        asks, fact = max(corrected, Fraction(0)), Fact.CORRECTED
        if asks <= high:
            return _Priced(fact, asks, high, currency)
    if asks in known:
        return _Priced(fact, asks, asks, currency)
    if asks > high:
        return _Priced(Fact.HIGHER, asks, high, currency)
    if asks < low:
        return _Priced(Fact.LOWER, asks, low, currency)
    return _Priced(Fact.AMBIGUOUS, asks)


def _per_unit(account: Account, unit: str) -> Fraction | None:
    """The order's price, per unit of the invoice's line."""
    scale = factor(account.price_unit, unit) if account.price is not None else None
    return None if scale is None or account.price is None else account.price / scale


@per_case
def match_case(case: Case) -> Matching:
    """Matches the invoices of a case with its orders, despatch advices, receipts and credit notes.

    Reckoned once per case.

    :param case: the indexed evidence
    """
    return Matching(case)
