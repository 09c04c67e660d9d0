"""What is known of one asset, for holding it against descriptions and for describing it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING

from consortium.documents import PurchaseOrder, WarehouseReceipt
from consortium.documents.fingerprint import normalised_number
from consortium.documents.party import Party

if TYPE_CHECKING:
    from crossverify.case import Receivable


@dataclass(frozen=True)
class AssetFacts:
    """One asset.

    :ivar kind: "receivable", "receipt" (warehouse receipt) or "bill"
    :ivar numbers: its own numbers: invoice, fapiao, or warehouse receipt; the first one is the main one
    :ivar debtor: name of who owes (receivable) or keeps (receipt)
    :ivar debtor_names: the same and former names
    :ivar debtor_ids: as "scheme:value"
    :ivar contracts: contract and order numbers
    :ivar issued: issue date
    :ivar due: due date
    """

    kind: str
    numbers: tuple[str, ...]
    debtor: str
    debtor_names: tuple[str, ...]
    debtor_ids: tuple[str, ...]
    contracts: tuple[str, ...]
    amount: Decimal | None
    currency: str
    issued: date
    due: date | None = None

    @cached_property
    def compared(self) -> frozenset[str]:
        """Its numbers as they are compared."""
        return frozenset(normalised_number(number) for number in self.numbers)

    @cached_property
    def under(self) -> frozenset[str]:
        """Contract and order numbers as they are compared."""
        return frozenset(normalised_number(number) for number in self.contracts)


def _of_party(party: Party, former_names: Iterable[str]) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    name = party.name or party.trading_name or ""
    names = dict.fromkeys(each for each in (party.name, party.trading_name, *former_names) if each)
    ids = tuple(str(each) for each in party.identifiers if each.scheme not in ("local", "name"))
    return name, tuple(names), ids


def facts_of_receivable(
    receivable: Receivable,
    former_names: Iterable[str] = (),
    under: Iterable[str] = (),
    due: date | None = None,
) -> AssetFacts:
    """Facts of a receivable, from all its documents.

    :param former_names: of the debtor
    :param under: numbers of contracts beside those that the invoices name
    :param due: due date where another document than the invoice carries it
    """
    invoice = receivable.invoice
    numbers: dict[str, None] = {}
    contracts: dict[str, None] = {}
    for member in receivable.members:
        body = member.document
        numbers |= dict.fromkeys([body.number, *(each.number for each in getattr(body, "fapiao", ()))])
        lines = [line.order_number for line in getattr(body, "lines", ())]
        named = [getattr(body, "contract_number", None), getattr(body, "order_number", None), *lines]
        contracts |= dict.fromkeys(each for each in named if each)
    contracts |= dict.fromkeys(under)
    name, names, ids = _of_party(invoice.buyer, former_names)
    first = dict.fromkeys([invoice.number, *numbers])
    return AssetFacts(
        "receivable",
        tuple(first),
        name,
        names,
        ids,
        tuple(contracts),
        receivable.face,
        invoice.currency,
        invoice.issue_date,
        due or invoice.due_date,
    )


def facts_of_receipt(receipt: WarehouseReceipt) -> AssetFacts:
    """Facts of a warehouse receipt."""
    name, names, ids = _of_party(receipt.keeper, ())
    contracts = (receipt.contract_number,) if receipt.contract_number else ()
    period = receipt.storage_period
    return AssetFacts(
        "receipt",
        (receipt.number,),
        name,
        names,
        ids,
        contracts,
        receipt.declared_value,
        receipt.currency or "",
        receipt.issue_date,
        None if period is None else period.end,
    )


def facts_of_order(order: PurchaseOrder, former_names: Iterable[str] = ()) -> AssetFacts:
    """Facts of the claim that an order will give once it is performed: it has no invoice number yet."""
    name, names, ids = _of_party(order.buyer, former_names)
    contract = getattr(order, "contract_number", None)
    contracts = tuple(each for each in (order.number, contract) if each)
    return AssetFacts(
        "receivable", (), name, names, ids, contracts, None, order.currency or "", order.issue_date
    )
