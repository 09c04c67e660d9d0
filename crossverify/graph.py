"""Who sells what to whom, as a graph, and the rings in it that lead back to a seller.

1. Every invoice that moves goods is a *flow* from seller to buyer on its day; so is every main customer and supplier
   that tax told of, over the months that it told of, with goods unknown. Left out: void invoices and those below
   zero, corrections and returns of an invoice that is here, invoices that credit notes took back wholly, and
   processing fees (加工费), which are a service on somebody else's goods.
2. Only the strongly connected component of the seller can hold a ring through it; all else is dropped.
3. A ring for one invoice is the shortest way from its buyer back to the seller over flows that all lie within a window
   of days around the invoice.
4. Work is counted. When the budget is used up the search says so: what was not looked at is unknown, not free of
   rings.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
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
MAX_STEPS: Final = 4_000_000
"""Pairs of parties that one search may look at: two seconds or so. Honest cases of 100,000 documents need a few
thousand, a complete graph of 300 parties some hundred thousand."""
BITS_PER_STEP: Final = 1_024
"""Days that one step handles at once; more cost more steps."""
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

_Edges: TypeAlias = dict[str, list[tuple[str, int, list[Flow]]]]
"""By buyer: who sells to it, on which of the days that are asked about it counts (a set of bits), and the flows."""
_Steps: TypeAlias = dict[str, list[tuple[int, str, list[Flow]]]]
"""By seller: for which days (bits) the next step on the shortest way is to whom, over which flows."""


class Rings:
    """Rings through one seller.

    The shortest way back depends on the day that is asked about, as the window goes with it. All days are searched at
    once: each is one bit, each pair of parties has the bits of the days on which one of its flows lies in the window,
    and a search by levels from the seller backwards hands on the bits that reach a party for the first time.

    :param flows: by seller and buyer
    :param root: the seller
    :param days: the days that will be asked about, as ordinals
    :param window_days: how far each sale of a ring may lie from the day that is asked about
    :param max_parties: longest ring that is looked for
    :param max_steps: budget of pairs looked at
    """

    def __init__(
        self,
        flows: Flows,
        root: str,
        days: Iterable[int],
        *,
        window_days: int,
        max_parties: int,
        max_steps: int = MAX_STEPS,
    ) -> None:
        self._root = root
        self._days = sorted(set(days))
        self._bit = {day: 1 << place for place, day in enumerate(self._days)}
        self._window = window_days
        self._hops = max_parties - 1
        self._left = max_steps
        self._cost = 1 + len(self._days) // BITS_PER_STEP
        self._ways: dict[tuple[str | None, int], _Steps | None] = {}
        self.members = component(flows, root)
        self._flows = {
            pair: found
            for pair, found in flows.items()
            if pair[0] in self.members and pair[1] in self.members
        }
        self._all: _Edges | None = None
        self._unknown: _Edges | None = None
        self._of_goods: dict[str, _Edges] | None = None

    @property
    def exhausted(self) -> bool:
        """Whether the budget is used up: what is asked from now on is not known."""
        return self._left < 0

    def shortest(
        self, buyer: str, day: int, goods: str | None = None, max_parties: int | None = None
    ) -> Ring | None:
        """The shortest ring over a buyer around a day; ``None`` when there is none, or the budget is used up.

        :param day: one of the days that were announced
        :param goods: only sales of these goods, the last sale to the seller documented as such; on the way to it
            sales of unknown goods count too
        :param max_parties: longest ring, where it is less than the longest that is looked for at all
        """
        if buyer not in self.members or buyer == self._root:
            return None
        hops = self._hops if max_parties is None else min(self._hops, max_parties - 1)
        steps = self._way(goods, hops)
        if steps is None:
            return None
        parties, back, bit = [self._root], [], self._bit[day]
        at = buyer
        while at != self._root:
            taken = next((step for step in steps.get(at, ()) if step[0] & bit), None)
            if taken is None:
                return None
            parties.append(at)
            _, at, flows = taken
            back.append(self._within(flows, day))
        return Ring(tuple(parties), tuple(back))

    def _within(self, flows: list[Flow], day: int) -> Flow:
        """The flow of a pair that lies nearest to a day, an invoice before an answer."""
        return min(
            flows,
            key=lambda flow: (
                flow.first != flow.last,
                max(flow.first - day, day - flow.last, 0),
                flow.first,
                flow.reference,
            ),
        )

    def _way(self, goods: str | None, hops: int) -> _Steps | None:
        """Shortest ways to the seller, for all days; ``None`` when the budget is used up."""
        key = (goods, hops)
        if key not in self._ways and not self.exhausted:
            found = self._search(goods, hops)
            self._ways[key] = None if self.exhausted else found
        return self._ways.get(key)

    def _search(self, goods: str | None, hops: int) -> _Steps:
        every = (1 << len(self._days)) - 1
        layers = [self._edges(goods)]
        steps: _Steps = {}
        reached: dict[str, int] = {self._root: every}
        edge: dict[str, int] = {self._root: every}
        for _ in range(hops):
            fresh: dict[str, int] = {}
            for buyer in sorted(edge):
                for layer in layers:
                    sellers = layer.get(buyer, ())
                    self._left -= len(sellers) * self._cost
                    if self._left < 0:
                        return steps
                    for seller, days, flows in sellers:
                        new = edge[buyer] & days & ~reached.get(seller, 0)
                        if new:
                            reached[seller] = reached.get(seller, 0) | new
                            fresh[seller] = fresh.get(seller, 0) | new
                            steps.setdefault(seller, []).append((new, buyer, flows))
            if not fresh:
                break
            edge = fresh
            if goods is not None:
                layers = [self._edges(goods), self._unknown_edges()]
        return steps

    # --- pairs of parties -----------------------------------------------------------------------

    def _edges(self, goods: str | None) -> _Edges:
        if goods is None:
            if self._all is None:
                self._all = self._sellers(self._flows.items())
            return self._all
        if self._of_goods is None:
            split: dict[str, dict[tuple[str, str], list[Flow]]] = defaultdict(lambda: defaultdict(list))
            for pair, found in self._flows.items():
                for flow in found:
                    for key in flow.goods or ():
                        split[key][pair].append(flow)
            into = {key for key, pairs in split.items() if any(pair[1] == self._root for pair in pairs)}
            self._of_goods = {key: self._sellers(split[key].items()) for key in sorted(into)}
        return self._of_goods.get(goods, {})

    def _unknown_edges(self) -> _Edges:
        if self._unknown is None:
            self._unknown = self._sellers(
                (pair, [flow for flow in found if flow.goods is None]) for pair, found in self._flows.items()
            )
        return self._unknown

    def _sellers(self, pairs: Iterable[tuple[tuple[str, str], list[Flow]]]) -> _Edges:
        found: _Edges = defaultdict(list)
        for (seller, buyer), flows in pairs:
            days = 0
            for flow in flows:
                first = bisect_left(self._days, flow.first - self._window)
                last = bisect_right(self._days, flow.last + self._window)
                if first < last:
                    days |= ((1 << (last - first)) - 1) << first
            if days:
                found[buyer].append((seller, days, flows))
        for sellers in found.values():
            sellers.sort(key=lambda each: each[0])
        return dict(found)


def component(flows: Flows, root: str) -> frozenset[str]:
    """The parties that sell to each other in rings through one of them, itself included (step 2)."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_node(root)
    graph.add_edges_from(flows)
    found = next(each for each in nx.strongly_connected_components(graph) if root in each)
    return frozenset(found)
