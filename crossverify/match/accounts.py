"""Accounts: the lines of orders on which receipts are entered and invoices draw, and how a line finds its account.

1. By the line that is named (an order line of the order, a line of the receipt or the despatch advice).
2. By the item: the strongest name that finds anything decides (registered number, seller's, buyer's, name).
3. By unit and price, among lines that the item leaves open, or where the item finds nothing; only where one line of
   either side fits.
4. As the only line on both sides, unless the item numbers differ.

Lines of the same item in comparable units that nothing tells apart are matched together, to the account above them.
What may mean lines of different items stays unmatched, and the candidates are told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from consortium.documents import InvoiceLine, Item, OrderLine
from crossverify.evidence import EvidenceDocument
from crossverify.match.items import Key, item_keys, net_price, numbers_differ
from crossverify.match.meters import Meter
from crossverify.match.table import How, Note
from crossverify.units import Exact, dimension, factor, scaled, to_base

_SAME_PRICE = Fraction(1, 1000)
"""Prices may differ by so much, relatively, and still be the same for telling lines apart (rounding)."""
_FEW = 64
"""So many accounts of one item are gone through one by one."""
_MAX_TOLD = 8
"""Most candidates that are told."""


@dataclass(slots=True, eq=False)
class Slot:
    """An order, or what stands for one that is not here.

    :ivar order: the order, where its body is here
    :ivar number: how documents name it
    :ivar pair: buyer and seller
    :ivar names: its accounts
    :ivar unplaced: whether a receipt belongs to it and to no line of it
    """

    order: EvidenceDocument | None
    number: str
    pair: tuple[str, str]
    names: Names = field(default_factory=lambda: Names())  # noqa: PLW0108 - defined further down
    unplaced: bool = False


@dataclass(slots=True, eq=False)
class Entry:
    """One receipt line on an account, in the unit of the account; quantities are none where they are not stated."""

    source: EvidenceDocument
    line_id: str
    accepted: Exact | None
    received: Exact | None
    rejected: Exact
    short: Exact
    sent: bool
    """Whether it names a despatch advice that is here."""
    day: date
    """Day of receipt."""
    loose: bool
    """Whether it names no despatch advice at all."""


@dataclass(slots=True, eq=False)
class Account:
    """One order line, or several that belong together.

    :ivar unit: unit of its quantities; empty until a receipt states one
    :ivar slot: the order; none for lines of several orders
    :ivar order_line: the order's line; none where the order is not here, and for several lines
    :ivar item: the item, as far as known
    :ivar label: line number at the order; empty where it is not known
    :ivar price: the order's price after allowances and charges, per ``price_unit``
    :ivar parent: the account of all lines that cannot be told apart from this one
    :ivar below: the single lines of this account; itself where it is one
    :ivar goods: accepted quantities and what was drawn on them
    :ivar orders: ordered quantities and what was drawn on them
    :ivar entries: receipt lines
    :ivar unclear: why the accepted quantity is not known; empty where it is
    :ivar despatched: quantity sent; none where no despatch advice says one
    :ivar unreceived: of it what was sent by despatch advices that no receipt names: their days and quantities
    :ivar repeated: whether a receipt line was there twice
    :ivar doubts: whether an invoice drew on it in a unit that cannot be compared
    :ivar doubts_below: whether one did so on a line below it
    """

    unit: str
    slot: Slot | None
    order_line: OrderLine | None = None
    item: Item | None = None
    label: str = ""
    price: Fraction | None = None
    price_unit: str = ""
    parent: Account | None = None
    below: tuple[Account, ...] = ()
    goods: Meter = field(default_factory=Meter)
    orders: Meter = field(default_factory=Meter)
    entries: list[Entry] = field(default_factory=list)
    unclear: str = ""
    unclear_source: tuple[EvidenceDocument, str] | None = None
    despatched: Exact | None = None
    unreceived: list[tuple[date, Exact]] = field(default_factory=list)
    repeated: bool = False
    doubts: bool = False
    doubts_below: bool = False
    _parts: tuple[Account, ...] | None = None
    _by_debtor: bool | None = None

    @property
    def leaves(self) -> tuple[Account, ...]:
        """The single lines."""
        return self.below or (self,)

    @property
    def parts(self) -> tuple[Account, ...]:
        """Every account that counts for this one: itself, those below, and those above with what stands at them."""
        if self._parts is None:
            found: list[Account] = [self]
            if self.below:
                found += self.below
                found += {
                    id(each.parent): each.parent
                    for each in self.below
                    if each.parent and each.parent is not self
                }.values()
            above = self.parent
            while above is not None:
                found.append(above)
                above = above.parent
            self._parts = tuple({id(each): each for each in found}.values())
        return self._parts

    @property
    def by_debtor(self) -> bool:
        """Whether all its own receipts were handed in or signed by the debtor; asked once all are entered."""
        if self._by_debtor is None:
            sources = [each.source for each in self.entries]
            self._by_debtor = all(
                each.buyer != "" and each.buyer in {each.pushed_by, each.signed_by} for each in sources
            )
        return self._by_debtor

    def doubt(self) -> None:
        """Notes that an invoice drew on it in a unit that cannot be compared."""
        self.doubts = True
        above = self.parent
        while above is not None:
            above.doubts_below = True
            above = above.parent

    @property
    def doubted(self) -> bool:
        """Whether what is left here cannot be known, as something drew in a unit that cannot be compared."""
        if self.doubts or self.doubts_below:
            return True
        above = self.parent
        while above is not None:
            if above.doubts:
                return True
            above = above.parent
        return False

    @property
    def name(self) -> str:
        """ "order/line"."""
        return f"{self.slot.number}/{self.label}" if self.slot is not None and self.label else self.label


PriceKey = tuple[str, Fraction, str | None]
"""Dimension, price per the dimension's base unit, currency."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A line that looks for its account.

    :ivar line_id: the line that it names
    :ivar billed: the line itself, where it is an invoice's: it has a price
    :ivar alone: whether the document has no other line for the same order
    :ivar prices: how often each unit and price is on the document, asked only when it is needed
    """

    line_id: str | None
    item: Item | None
    unit: str | None
    alone: bool = False
    billed: InvoiceLine | None = None
    currency: str | None = None
    prices: Callable[[], Mapping[PriceKey, int]] | None = None

    @property
    def price(self) -> Fraction | None:
        """After allowances and charges, per unit."""
        return net_price(self.billed) if self.billed is not None else None


def price_key(unit: str, price: Fraction, currency: str | None) -> PriceKey:
    """A price as it is compared across units."""
    return dimension(unit), price / to_base(unit), currency


class Place(NamedTuple):
    """Where a line belongs.

    :ivar account: none where it was not found
    :ivar candidates: where several are as likely
    """

    account: Account | None
    how: How = How.NONE
    candidates: tuple[Account, ...] = ()
    notes: tuple[Note, ...] = ()

    @property
    def told(self) -> tuple[str, ...]:
        """Names of the candidates, the first of many."""
        return tuple(sorted({each.name for each in self.candidates}))[:_MAX_TOLD]


class Names:
    """Accounts as lines may name them."""

    def __init__(self) -> None:
        self.accounts: list[Account] = []
        self._by_id: dict[str, list[Account]] = defaultdict(list)
        self._by_item: dict[Key, list[Account]] = defaultdict(list)
        self._by_price: dict[PriceKey, list[Account]] | None = None
        self._told_apart: dict[tuple[object, ...], Place | None] = {}
        self._many: dict[int, _Many] = {}

    def add(self, account: Account, line_ids: Iterable[str | None], item: Item | None) -> None:
        """Adds an account under its line number and item."""
        self.accounts.append(account)
        self.name(account, line_ids, item)

    def name(self, account: Account, line_ids: Iterable[str | None], item: Item | None) -> None:
        """Adds further names of an account."""
        for line_id in line_ids:
            if line_id is not None and account not in self._by_id[line_id]:
                self._by_id[line_id].append(account)
        for key in item_keys(item):
            if account not in (known := self._by_item[key])[-1:]:
                known.append(account)
        self._by_price = None
        self._told_apart.clear()
        self._many.clear()

    def by_id(self, line_id: str) -> Sequence[Account]:
        """Accounts of a line number; one written with other leading zeros counts where it is the only one."""
        found = self._by_id.get(line_id)
        if found:
            return found
        if line_id.isascii() and line_id.isdigit():
            bare = line_id.lstrip("0") or "0"
            same = [
                each for key in {bare, line_id.zfill(5), bare.zfill(6)} for each in self._by_id.get(key, ())
            ]
            if len(same) == 1:
                return same
        return ()

    def by_item(self, item: Item | None) -> Sequence[Account]:
        """Accounts of an item, by the strongest name that finds any."""
        for key in item_keys(item):
            found = self._by_item.get(key)
            if found:
                return found
        return ()

    def place(self, asked: Asked) -> Place:
        """The account of a line; see the module."""
        notes: tuple[Note, ...] = ()
        if asked.line_id is not None:
            named = self.by_id(asked.line_id)
            if len(named) == 1:
                if numbers_differ(asked.item, named[0].item):
                    notes = (Note.ITEM_DIFFERS,)
                return Place(named[0], How.REFERENCE, notes=notes)
            if named:  # the order has the number twice
                return self._told(named, asked) or Place(None, candidates=tuple(named[:_MAX_TOLD]))
            if self.accounts:
                notes = (Note.LINE_UNKNOWN,)
        found = self.by_item(asked.item)
        if len(found) == 1:
            return Place(found[0], How.ITEM, notes=notes)
        if found:
            place = self._told(found, asked) or Place(None, candidates=tuple(found[:_MAX_TOLD]))
            return place._replace(notes=(*notes, *place.notes))
        return self._by_unit_and_price(asked, notes)

    def _told(self, found: Sequence[Account], asked: Asked) -> Place | None:
        """As :func:`_narrowed`; standing orders ask the same again and again."""
        key = (id(found), asked.unit, asked.price, asked.currency)
        if key not in self._told_apart:
            if len(found) > _FEW:
                many = self._many.get(id(found))
                if many is None:
                    many = self._many[id(found)] = _Many(found)
                self._told_apart[key] = many.narrowed(asked)
            else:
                self._told_apart[key] = _narrowed(found, asked)
        return self._told_apart[key]

    def _by_unit_and_price(self, asked: Asked, notes: tuple[Note, ...]) -> Place:
        price = asked.price if asked.prices is not None else None
        if asked.prices is not None and price is not None and asked.unit is not None:
            if self._by_price is None:
                self._by_price = self._priced()
            key = price_key(asked.unit, price, asked.currency)
            same = self._by_price.get(key, [])
            found = [each for each in same[:_FEW] if not numbers_differ(asked.item, each.item)]
            if len(found) == 1 and len(same) <= _FEW and asked.prices().get(key) == 1:
                return Place(found[0], How.UNIT_PRICE, notes=notes)
        if asked.alone and len(self.accounts) == 1 and not numbers_differ(asked.item, self.accounts[0].item):
            return Place(self.accounts[0], How.SOLE, notes=notes)
        return Place(None, notes=notes)

    def _priced(self) -> dict[PriceKey, list[Account]]:
        found: dict[PriceKey, list[Account]] = defaultdict(list)
        for each in self.accounts:
            if each.price is not None:
                found[price_key(each.price_unit, each.price, currency_of(each))].append(each)
        return found


def currency_of(account: Account) -> str | None:
    """Currency of the order that an account belongs to."""
    order = account.slot.order if account.slot is not None else None
    return getattr(order.document, "currency", None) if order is not None else None


def _narrowed(found: Sequence[Account], asked: Asked) -> Place | None:
    """Of several accounts the one that unit and price tell, else the one of all of them together."""
    fitting = list(found)
    if asked.unit is not None:
        fitting = [
            each for each in found if each.unit and dimension(each.unit) == dimension(asked.unit)
        ] or fitting
    price = asked.price
    if price is not None and len(fitting) > 1:
        fitting = [each for each in fitting if _has_price(each, asked, price)] or fitting
    return _one_of(fitting)


class _Many:
    """Accounts of one item that are too many to be gone through for every line: told apart by exact prices."""

    def __init__(self, found: Sequence[Account]) -> None:
        dimensions: dict[str, list[Account]] = defaultdict(list)
        prices: dict[PriceKey, list[Account]] = defaultdict(list)
        for each in found:
            if each.unit:
                dimensions[dimension(each.unit)].append(each)
            if each.price is not None:
                prices[price_key(each.price_unit, each.price, currency_of(each))].append(each)
        self._all = _one_of(found)
        self._of_dimension = {name: _one_of(accounts) for name, accounts in dimensions.items()}
        self._of_price = {name: _one_of(accounts) for name, accounts in prices.items()}

    def narrowed(self, asked: Asked) -> Place | None:
        """As :func:`_narrowed`."""
        price = asked.price
        if asked.unit is None:
            return self._all
        if price is not None:
            key = price_key(asked.unit, price, asked.currency)
            if key in self._of_price:
                return self._of_price[key]
        return self._of_dimension.get(dimension(asked.unit), self._all)


def _one_of(accounts: Sequence[Account]) -> Place | None:
    if len(accounts) == 1:
        return Place(accounts[0], How.UNIT_PRICE)
    together = _together(accounts)
    return None if together is None else Place(together, How.ITEM, notes=(Note.SEVERAL_LINES,))


def _has_price(account: Account, asked: Asked, price: Fraction) -> bool:
    if account.price is None or asked.unit is None:
        return False
    scale = factor(account.price_unit, asked.unit)
    if scale is None or currency_of(account) != asked.currency:
        return False
    ordered = account.price / scale
    return abs(price - ordered) <= ordered * _SAME_PRICE


def _together(accounts: Sequence[Account]) -> Account | None:
    """The lowest account above all of them; none where there is none."""
    above = accounts[0].parent
    while above is not None:
        if all(_is_below(each, above) for each in accounts):
            return above
        above = above.parent
    return None


def _is_below(account: Account, above: Account) -> bool:
    parent = account.parent
    while parent is not None:
        if parent is above:
            return True
        parent = parent.parent
    return False


def join(slots: Sequence[Slot]) -> None:
    """Puts lines that cannot be told apart under common accounts: lines of the same item in comparable units, first
    of one order, then of all orders of the same parties."""
    by_pair: dict[tuple[object, ...], dict[int, list[Account]]] = defaultdict(lambda: defaultdict(list))
    for slot in slots:
        for account in slot.names.accounts:
            keys = item_keys(account.item)
            if keys and account.unit:
                by_pair[slot.pair, keys[0], dimension(account.unit)][id(slot)].append(account)
    for of_slots in by_pair.values():
        tops = [
            _joined(accounts, accounts[0].slot) if len(accounts) > 1 else accounts[0]
            for accounts in of_slots.values()
        ]
        if len(tops) > 1:
            _joined(tops, None)


def _joined(accounts: list[Account], slot: Slot | None) -> Account:
    leaves = tuple(leaf for each in accounts for leaf in each.leaves)
    label = "+".join(leaf.label if slot is not None else leaf.name for leaf in leaves[:_MAX_TOLD])
    made = Account(accounts[0].unit, slot, item=accounts[0].item, label=label, below=leaves)
    for leaf in leaves:
        leaf.unit = made.unit
    for each in accounts:
        each.unit = made.unit
        each.parent = made
        each.goods.parent = made.goods
        each.orders.parent = made.orders
    return made


def into(account: Account, quantity: Exact, unit: str) -> Exact | None:
    """A quantity in the unit of an account's tree; none where it cannot be compared."""
    scale = factor(unit, account.unit)
    return None if scale is None else scaled(quantity, scale)
