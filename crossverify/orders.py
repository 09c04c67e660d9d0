"""What a bank lends on, whatever it is; and orders, as a thing to lend on before there is an invoice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

from consortium.documents import PurchaseOrder
from consortium.documents.roles import Reference
from consortium.documents.weights import portions_of
from crossverify.evidence import AssetState, EvidenceDocument
from crossverify.percase import per_case

if TYPE_CHECKING:
    from crossverify.case import Case


class Asset(Protocol):
    """A receivable, an order, a bill or a warehouse receipt.

    :ivar fingerprint: its asset on the ledger; of its document where the ledger knows none
    :ivar primary: the document that states its amount
    :ivar assets: its rows on the ledger
    :ivar number: that document's number
    :ivar face: face value in major units, never negative
    :ivar currency: ISO 4217 code
    """

    @property
    def fingerprint(self) -> str: ...
    @property
    def primary(self) -> EvidenceDocument: ...
    @property
    def assets(self) -> tuple[AssetState, ...]: ...
    @property
    def number(self) -> str: ...
    @property
    def face(self) -> Decimal: ...
    @property
    def currency(self) -> str: ...


@dataclass(frozen=True, slots=True, eq=False)
class OrderAsset:
    """One order that the subject has to deliver; fields as of :class:`Asset`.

    :ivar order: its body
    """

    fingerprint: str
    primary: EvidenceDocument
    order: PurchaseOrder
    assets: tuple[AssetState, ...]

    @property
    def number(self) -> str:
        """Number of the order."""
        return self.order.number

    @property
    def face(self) -> Decimal:
        """What will be payable when all is delivered; with tax where the order states it."""
        totals = self.order.totals
        if totals is None:
            net = sum((line.net_amount or Decimal(0) for line in self.order.lines), Decimal(0))
            return max(net, Decimal(0))
        return max(totals.payable, Decimal(0))

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.order.currency


def orders_of(case: Case) -> tuple[OrderAsset, ...]:
    """The subject's orders as their seller, in the case's order; void ones are left out, as a later order with
    the same number has its own row."""
    found: dict[str, OrderAsset] = {}
    for item in case.documents:
        body = item.document
        if not isinstance(body, PurchaseOrder) or not case.is_subject(body.seller, item.seller):
            continue
        asset = case.asset_of.get(item.fingerprint)
        key = asset.asset if asset is not None else item.fingerprint
        if item.state != "void":
            found.setdefault(key, OrderAsset(key, item, body, (asset,) if asset is not None else ()))
    return tuple(found.values())


@per_case
def invoiced(case: Case) -> Mapping[str, Fraction]:
    """What the subject has invoiced on each order, net of credit notes, in the order's currency, by the order's
    fingerprint: what is invoiced is financed as a receivable.

    Invoices in another currency count for nothing here; where they are financed, that is a claim on the order.
    """
    found: dict[str, Fraction] = defaultdict(Fraction)
    for receivable in case.receivables:
        if case.cancelled(receivable):
            continue
        body = receivable.invoice
        for portion in portions_of(body):
            reference = Reference("purchase_order", portion.number, body.seller, body.buyer)
            order = case.find(reference, body)
            if order is None or not isinstance(order.document, PurchaseOrder):
                continue
            if order.document.currency == receivable.currency:
                net = max(receivable.face - receivable.credited, Decimal(0))
                found[order.fingerprint] += Fraction(net) * portion.part
    return found
