"""Documents of one trade, and what is claimed on them: what DUP_CROSSDOC adds up.

Orders, invoices and bills that refer to each other are one trade; so are invoices whose receipt or despatch advice
names one order. A trade is worth its orders or its invoices, whichever is more: a bill pays for an invoice and adds
nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from consortium.documents import (
    Bill,
    DespatchAdvice,
    Document,
    GoodsReceipt,
    Invoice,
    PurchaseOrder,
    TransportDocument,
)
from consortium.documents.roles import gross_of, references_of
from crossverify.evidence import FACE_VALUE_PPB, EvidenceDocument
from crossverify.exchange import convert
from crossverify.rules.duplicate.dup_exact import is_live

if TYPE_CHECKING:
    from crossverify.case import Case


@dataclass(frozen=True, slots=True)
class Claimed:
    """What others claim on one document of a trade.

    :ivar item: the document
    :ivar share_ppb: their share of its face value
    :ivar amount: the share in the trade's currency; ``None`` where the document states no value or there is no rate
    """

    item: EvidenceDocument
    share_ppb: int
    amount: Fraction | None


@dataclass(slots=True)
class Group:
    """One trade.

    :ivar currency: of its first document that states a value
    :ivar orders: worth of its orders
    :ivar invoices: worth of its invoices
    :ivar assets: asset keys of its documents
    :ivar shares: others' shares of its documents, by asset key, where there are any
    :ivar claims: the same with amounts; made by :meth:`Groups.value`
    :ivar unvalued: whether a claim is on a document that states no value
    :ivar missing: what could not be added up for want of a rate, as currency pairs
    :ivar transports: its transport documents
    """

    currency: str = ""
    orders: Fraction = Fraction(0)
    invoices: Fraction = Fraction(0)
    assets: dict[str, EvidenceDocument] = field(default_factory=dict)
    shares: dict[str, int] = field(default_factory=dict)
    claims: dict[str, Claimed] = field(default_factory=dict)
    unvalued: bool = False
    missing: dict[str, None] = field(default_factory=dict)
    transports: list[EvidenceDocument] = field(default_factory=list)
    _claimed: Fraction | None = None

    @property
    def worth(self) -> Fraction:
        """What the trade is worth."""
        return max(self.orders, self.invoices)

    @property
    def claimed(self) -> Fraction:
        """Sum of what others claim on all of its documents, as far as it has a value."""
        if self._claimed is None:
            self._claimed = sum((each.amount or Fraction(0) for each in self.claims.values()), Fraction(0))
        return self._claimed


class Groups:
    """The trades of a case."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._above: dict[str, str] = {}
        self._of_document: dict[str, str] = {}
        """Asset key by document."""
        for receivable in case.receivables:
            for member in receivable.members:
                self._of_document[member.fingerprint] = receivable.fingerprint
        for item in case.documents:
            if isinstance(item.document, PurchaseOrder | Bill | Invoice) and item.state != "void":
                asset = case.asset_of.get(item.fingerprint)
                self._of_document.setdefault(item.fingerprint, asset.asset if asset else item.fingerprint)
        for item in case.documents:
            if isinstance(item.document, Invoice | Bill | GoodsReceipt | DespatchAdvice | TransportDocument):
                self._join(item)
        self._groups: dict[str, Group] = defaultdict(Group)
        self._add_up()

    def of(self, fingerprint: str) -> Group | None:
        """The trade of an asset or of any document of it."""
        key = self._of_document.get(fingerprint, fingerprint)
        return self._groups.get(self._root(key)) if key in self._above else None

    def all(self) -> Iterator[Group]:
        """All trades, in the order of their first documents."""
        yield from self._groups.values()

    def _join(self, item: EvidenceDocument) -> None:
        if item.state == "void":
            return
        own = self._of_document.get(item.fingerprint, item.fingerprint)
        for reference in references_of(item.document):
            if reference.kind not in {"purchase_order", "invoice", "goods_receipt", "despatch_advice"}:
                continue
            if reference.kind == "invoice" and not isinstance(item.document, Bill):
                continue  # a correction is no second sale
            found = self._case.find(reference, item.document)
            if found is not None and found.state != "void":
                self._tie(own, self._of_document.get(found.fingerprint, found.fingerprint))

    def _root(self, key: str) -> str:
        path = []
        while (above := self._above.get(key, key)) != key:
            path.append(key)
            key = above
        for each in path:
            self._above[each] = key
        return key

    def _tie(self, one: str, other: str) -> None:
        first, second = sorted((self._root(one), self._root(other)))
        self._above[second] = self._above[first] = first

    # --- adding up ------------------------------------------------------------------------------

    def _add_up(self) -> None:
        for item in self._case.documents:
            key = self._of_document.get(item.fingerprint, item.fingerprint)
            if key not in self._above:
                continue
            group = self._groups[self._root(key)]
            if isinstance(item.document, TransportDocument):
                group.transports.append(item)
            elif item.fingerprint in self._of_document:
                group.assets.setdefault(key, item)
        for group in self._groups.values():
            for key, item in group.assets.items():
                share = self._share(key, item, group)
                if share:
                    group.shares[key] = share

    def value(self, group: Group) -> None:
        """Reckons what a trade is worth and what is claimed of it, once; where nothing is claimed that is idle."""
        if group.claims:
            return
        for key, item in group.assets.items():
            worth = self._worth(group, item.document)
            if isinstance(item.document, PurchaseOrder):
                group.orders += max(worth or Fraction(0), Fraction(0))
            elif not isinstance(item.document, Bill):
                group.invoices += max(worth or Fraction(0), Fraction(0))
            share = group.shares.get(key)
            if share:
                part = None if worth is None else worth * min(share, FACE_VALUE_PPB) / FACE_VALUE_PPB
                group.claims[key] = Claimed(item, share, part)
                group.unvalued = group.unvalued or part is None

    def _worth(self, group: Group, body: Document) -> Fraction | None:
        said = gross_of(body)
        if said is None:
            return None
        amount, currency = said
        group.currency = group.currency or currency
        found = convert(self._case.desk, amount, currency, group.currency)
        if found is None:
            group.missing[f"{currency}/{group.currency}"] = None
        return found

    def _share(self, key: str, item: EvidenceDocument, group: Group) -> int:
        """What others claim on an asset itself, and through children that are not in the case's documents; a child that
        is has claims of its own."""
        row = self._case.asset_of.get(key) or self._case.asset_of.get(item.fingerprint)
        if row is None or not (row.claims or row.via):
            return 0
        now = self._case.as_of("ledger")
        direct = sum(claim.share_ppb for claim in row.claims if not claim.own and is_live(claim, now))
        strange = 0
        for child, used in row.via.items():
            known = self._case.asset_of.get(child)
            if child in group.assets or (known is not None and known.asset in group.assets):
                continue
            live = [claim for claim in known.claims if is_live(claim, now)] if known is not None else []
            if not live or not all(claim.own for claim in live):
                strange += used
        return direct + strange
