"""Who sells what to whom, as a graph, and the rings in it that lead back to a seller.

1. Every invoice that moves goods is a *flow* from seller to buyer on its day; so is every main customer and supplier
   that tax told of, over the months that it told of, with goods unknown. Left out: void invoices and those below
   zero, corrections and returns of an invoice that is here, invoices that credit notes took back wholly, and
   processing fees (加工费), which are a service on somebody else's goods.
2. Only the strongly connected component of the seller can hold a ring through it; all else is dropped.
3. A ring for one invoice is the shortest way from its buyer back to the seller over flows that all lie within a window
   of days around the invoice. Ways are looked for from the seller backwards, once per stretch of time; one that does
   not fit the exact window of an invoice is looked for again for that day alone.
4. Work is counted. When the budget is used up the search says so: what was not looked at is unknown, not free of
   rings.
"""

from __future__ import annotations

from bisect import bisect_left
from calendar import monthrange
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import networkx as nx

from consortium.documents import CreditNote, Invoice
from consortium.documents.roles import Reference, references_of
from crossverify.answers import Sales
from crossverify.evidence import EvidenceDocument
from crossverify.percase import per_case
from crossverify.wares import goods_of
from crossverify.who import Who, who_of

if TYPE_CHECKING:
    from crossverify.case import Case

SALES_PREFIX: Final = "sales:"
"""How references of answers on declared sales begin."""
MAX_STEPS: Final = 2_000_000
"""Pairs of parties that one search may look at: two seconds or so. Honest cases of 100,000 documents need a few
thousand."""
_YEAR_DAYS: Final = 365


class Flow(NamedTuple):
    """Sales of one party to another.

    :ivar first: first day, as a proleptic ordinal
    :ivar last: last day; of an invoice the same
    :ivar reference: fingerprint of the invoice, or reference of the answer of tax
    :ivar number: the invoice's number; empty of an answer
    :ivar goods: keys of the goods (:mod:`crossverify.wares`); ``None`` where they are not known
    :ivar amount: with tax; of an answer without
    :ivar currency: ISO 4217 code
    """

    first: int
    last: int
    reference: str
    number: str
    goods: frozenset[str] | None
    amount: Decimal
    currency: str


Flows: TypeAlias = Mapping[tuple[str, str], list[Flow]]
"""Flows by seller and buyer, oldest first."""


@dataclass(frozen=True, slots=True)
class Trades:
    """All flows of a case.

    :ivar flows: by seller and buyer
    :ivar buyers: parties whose purchases are known, by invoice or by tax
    """

    flows: Flows
    buyers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Ring:
    """A way of sales back to where it began.

    :ivar parties: the seller, its buyer, and so on to the last, who sells to the seller
    :ivar back: one flow per sale from the buyer on; the last goes to the seller
    """

    parties: tuple[str, ...]
    back: tuple[Flow, ...]


# --- flows of a case --------------------------------------------------------------------------------


@per_case
def trades_of(case: Case) -> Trades:
    """The flows of a case (step 1)."""
    who = who_of(case)
    flows: dict[tuple[str, str], list[Flow]] = defaultdict(list)
    buyers = set()
    same: dict[frozenset[str], frozenset[str]] = {}
    undone = _taken_back(case)
    for item in case.documents:
        body = item.document
        if not isinstance(body, Invoice) or item.state == "void" or body.totals.payable <= 0:
            continue
        pair = who.of(body.seller), who.of(body.buyer)
        buyers.add(pair[1])
        if pair[0] == pair[1] or item.fingerprint in undone or _corrects(case, item, body):
            continue
        goods = goods_of(body.lines)
        if goods:
            day = body.issue_date.toordinal()
            goods = same.setdefault(goods, goods)
            flow = Flow(day, day, item.fingerprint, body.number, goods, body.totals.payable, body.currency)
            flows[pair].append(flow)
    for seller, buyer, flow in _declared(case, who):
        flows[seller, buyer].append(flow)
        buyers.add(buyer)
    return Trades(flows, frozenset(buyers))


def _taken_back(case: Case) -> frozenset[str]:
    """Invoices of which credit notes took back everything."""
    taken: dict[str, Decimal] = defaultdict(Decimal)
    face: dict[str, Decimal] = {}
    for item in case.documents:
        body = item.document
        if not isinstance(body, CreditNote) or item.state == "void":
            continue
        for reference in references_of(body):
            found = case.find(reference, body) if reference.kind == "invoice" else None
            if found is not None and isinstance(found.document, Invoice):
                taken[found.fingerprint] += body.totals.payable
                face[found.fingerprint] = found.document.totals.payable
                break  # a note over several invoices seldom takes back all of any
    return frozenset(key for key, amount in taken.items() if amount >= face[key])


def _corrects(case: Case, item: EvidenceDocument, body: Invoice) -> bool:
    """Whether an invoice corrects one that is here, or bills the return of its goods (the parties change sides). To
    name an invoice that nobody shows, or a smaller one, explains nothing."""
    for each in body.preceding_invoices:
        for seller, buyer in ((body.seller, body.buyer), (body.buyer, body.seller)):
            named = Reference("invoice", each.number, seller, buyer, each.issue_date, each.fapiao_code)
            found = case.find(named, body)
            if found is None or found.fingerprint == item.fingerprint:
                continue
            other = found.document
            if isinstance(other, Invoice) and body.totals.payable <= other.totals.payable:
                return True
    return False


def _declared(case: Case, who: Who) -> Iterator[tuple[str, str, Flow]]:
    """What tax told of main customers and suppliers."""
    answer = case.evidence.tax
    if answer is None or case.gap("tax") is not None:
        return
    for reference in sorted(key for key in answer.answers if key.startswith(SALES_PREFIX)):
        said = case.answer("tax", Sales, reference)
        if not isinstance(said, Sales) or not said.known:
            continue
        own = who.of_identifier(reference.removeprefix(SALES_PREFIX))
        first, last = period(said, case.as_of("tax"))
        for each in said.counterparties:
            other = who.of_identifier(each.party_id)
            if other == own or each.amount <= 0:
                continue
            flow = Flow(first.toordinal(), last.toordinal(), reference, "", None, each.amount, each.currency)
            yield (other, own, flow) if each.role == "supplier" else (own, other, flow)


def period(said: Sales, as_of: int) -> tuple[date, date]:
    """First and last day that an answer on declared sales covers; the year before its as-of time where it names no
    month."""
    months = sorted(each.month for each in said.months if is_month(each.month))
    if not months:
        last = datetime.fromtimestamp(as_of, UTC).date()
        return last - timedelta(days=_YEAR_DAYS), last
    (year, month), (to_year, to_month) = (
        tuple(int(part) for part in each.split("-")) for each in (months[0], months[-1])
    )
    return date(year, month, 1), date(to_year, to_month, monthrange(to_year, to_month)[1])


def is_month(text: str) -> bool:
    """Whether a text is a month such as "2026-05"."""
    year, dash, month = text.partition("-")
    return (
        dash == "-"
        and len(year) == 4
        and len(month) == 2
        and f"{year}{month}".isascii()
        and f"{year}{month}".isdigit()
        and 1 <= int(month) <= 12
        and int(year) >= 1
    )


# --- rings ------------------------------------------------------------------------------------------


class _Track:
    """Flows of one pair of parties: invoices by day, and answers over stretches of time."""

    __slots__ = ("_days", "_flows", "_spans")

    def __init__(self, flows: Iterable[Flow]) -> None:
        ordered = sorted(flows, key=lambda flow: (flow.first, flow.reference))
        self._flows = [flow for flow in ordered if flow.first == flow.last]
        self._days = [flow.first for flow in self._flows]
        self._spans = [flow for flow in ordered if flow.first != flow.last]

    def within(self, first: int, last: int) -> Flow | None:
        """The first flow between two days, an invoice before an answer."""
        index = bisect_left(self._days, first)
        if index < len(self._days) and self._days[index] <= last:
            return self._flows[index]
        for flow in self._spans:  # one or two: what tax told of either party
            if flow.first <= last and flow.last >= first:
                return flow
        return None


_Sellers: TypeAlias = dict[str, list[tuple[str, _Track]]]
"""By buyer: who sells to it."""
_Way: TypeAlias = dict[str, tuple[str, _Track]]
"""By seller: to whom its goods go next on the way back, and over which flows."""


class Rings:
    """Rings through one seller.

    :param flows: by seller and buyer
    :param root: the seller
    :param window_days: how far each sale of a ring may lie from the invoice that is asked about
    :param max_parties: longest ring that is looked for
    :param max_steps: budget of pairs looked at
    """

    def __init__(
        self, flows: Flows, root: str, *, window_days: int, max_parties: int, max_steps: int = MAX_STEPS
    ) -> None:
        self._root = root
        self._window = window_days
        self._stretch = max(window_days // 2, 1)
        self._hops = max_parties - 1
        self._left = max_steps
        self._ways: dict[tuple[str | None, int, int], _Way] = {}
        members = component(flows, root)
        self._flows = {
            pair: found for pair, found in flows.items() if pair[0] in members and pair[1] in members
        }
        self.members = members
        self._all: _Sellers = _sellers(self._flows.items())
        self._unknown: _Sellers = _sellers(
            (pair, [flow for flow in found if flow.goods is None]) for pair, found in self._flows.items()
        )
        self._of_goods: dict[str, _Sellers] | None = None

    @property
    def exhausted(self) -> bool:
        """Whether the budget is used up: what is asked from now on is not known."""
        return self._left < 0

    def shortest(self, buyer: str, day: int, goods: str | None = None) -> Ring | None:
        """The shortest ring over a buyer around a day; ``None`` when there is none, or the budget is used up.

        :param goods: only sales of these goods, the last sale to the seller documented as such; on the way to it
            sales of unknown goods count too
        """
        if buyer not in self.members or buyer == self._root:
            return None
        first, last = day - self._window, day + self._window
        stretch = day // self._stretch
        wide = self._way(
            goods, stretch * self._stretch - self._window, (stretch + 1) * self._stretch - 1 + self._window
        )
        if wide is None or buyer not in wide:
            return None
        found = self._walk(wide, buyer, first, last)
        if found is None:
            exact = self._way(goods, first, last)
            found = self._walk(exact, buyer, first, last) if exact is not None else None
        return found

    def _walk(self, way: _Way, buyer: str, first: int, last: int) -> Ring | None:
        """Follows a way from a buyer; ``None`` when a sale on it lies outside the days."""
        parties, back = [self._root], []
        at = buyer
        while at != self._root:
            if at not in way:
                return None
            parties.append(at)
            at, track = way[at]
            flow = track.within(first, last)
            if flow is None:
                return None
            back.append(flow)
        return Ring(tuple(parties), tuple(back))

    def _way(self, goods: str | None, first: int, last: int) -> _Way | None:
        """Shortest ways to the seller over flows between two days; ``None`` when the budget is used up."""
        key = (goods, first, last)
        found = self._ways.get(key)
        if found is None and not self.exhausted:
            found = self._search(goods, first, last)
            if not self.exhausted:
                self._ways[key] = found
        return None if self.exhausted else found

    def _search(self, goods: str | None, first: int, last: int) -> _Way:
        layers: tuple[_Sellers, ...] = (self._all if goods is None else self._goods(goods),)
        way: _Way = {}
        edge = [self._root]
        for _ in range(self._hops):
            reached = []
            for buyer in edge:
                for layer in layers:
                    sellers = layer.get(buyer, ())
                    self._left -= len(sellers)
                    if self._left < 0:
                        return way
                    for seller, track in sellers:
                        if seller in way or seller == self._root or track.within(first, last) is None:
                            continue
                        way[seller] = buyer, track
                        reached.append(seller)
            if not reached:
                break
            edge = sorted(reached)
            if goods is not None:
                layers = (self._goods(goods), self._unknown)
        return way

    def _goods(self, goods: str) -> _Sellers:
        if self._of_goods is None:
            split: dict[str, dict[tuple[str, str], list[Flow]]] = defaultdict(lambda: defaultdict(list))
            for pair, found in self._flows.items():
                for flow in found:
                    for key in flow.goods or ():
                        split[key][pair].append(flow)
            self._of_goods = {key: _sellers(pairs.items()) for key, pairs in split.items()}
        return self._of_goods.get(goods, {})


def _sellers(flows: Iterable[tuple[tuple[str, str], list[Flow]]]) -> _Sellers:
    found: _Sellers = defaultdict(list)
    for (seller, buyer), each in sorted(flows):
        if each:
            found[buyer].append((seller, _Track(each)))
    return dict(found)


def component(flows: Flows, root: str) -> frozenset[str]:
    """The parties that sell to each other in rings through one of them, itself included (step 2)."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_node(root)
    graph.add_edges_from(flows)
    found = next(each for each in nx.strongly_connected_components(graph) if root in each)
    return frozenset(found)
