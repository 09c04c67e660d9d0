"""Goods in a warehouse as something that a bank lends on (仓单质押), and what keeper and inspector say of them.

The keeper's word counts only from the keeper: handed in or signed by the party that the ledger has as the other side
of the attestation. The latest one counts. So it is with an inspector's report.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from consortium.documents import InspectionReport, KeeperAttestation, Party, WarehouseReceipt
from consortium.documents.common import Lot
from consortium.documents.fingerprint import normalised_number
from consortium.documents.keeper_attestation import AttestedGoods
from consortium.documents.party import same_party
from consortium.documents.warehouse_receipt import StoredGoods
from crossverify.evidence import AssetState, EvidenceDocument
from crossverify.names import core
from crossverify.percase import per_case
from crossverify.units import exact, factor

if TYPE_CHECKING:
    from crossverify.case import Case

NO_CURRENCY: Final = "XXX"
"""ISO 4217 for "no currency": of a receipt that states no value."""

USUAL_LOSS: Final = Decimal("0.005")
"""Part of the goods that may be lost in store where nobody states another (损耗)."""

_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*[%％]")
_PER_MILLE = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*‰")


@dataclass(frozen=True, slots=True, eq=False)
class StoredGoodsAsset:
    """One warehouse receipt that the subject holds.

    :ivar fingerprint: its asset on the ledger; of its document where the ledger knows none
    :ivar primary: the receipt
    :ivar receipt: its body
    :ivar assets: its rows on the ledger
    """

    fingerprint: str
    primary: EvidenceDocument
    receipt: WarehouseReceipt
    assets: tuple[AssetState, ...]

    @property
    def number(self) -> str:
        """Number of the receipt."""
        return self.receipt.number

    @property
    def face(self) -> Decimal:
        """Value of the goods as declared; nothing where none is."""
        return max(self.receipt.declared_value or Decimal(0), Decimal(0))

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.receipt.currency or NO_CURRENCY


@dataclass(frozen=True, slots=True, eq=False)
class Attested:
    """What one attestation says of one receipt.

    :ivar item: the attestation
    :ivar body: its body
    :ivar lines: its lines about the receipt
    """

    item: EvidenceDocument
    body: KeeperAttestation
    lines: tuple[AttestedGoods, ...]


def shown_receipts(case: Case) -> Iterator[tuple[EvidenceDocument, WarehouseReceipt]]:
    """All warehouse receipts among the documents, whoever holds them, void ones left out."""
    for item in case.documents:
        if isinstance(item.document, WarehouseReceipt) and item.state != "void":
            yield item, item.document


def warehouse_receipts(case: Case) -> tuple[StoredGoodsAsset, ...]:
    """The receipts that the subject says it holds (its holder, else the depositor), in the case's order."""
    found: dict[str, StoredGoodsAsset] = {}
    for item, receipt in shown_receipts(case):
        if not case.is_subject(receipt.holder or receipt.depositor, item.seller):
            continue
        row = case.asset_of.get(item.fingerprint)
        key = row.asset if row is not None else item.fingerprint
        found.setdefault(key, StoredGoodsAsset(key, item, receipt, () if row is None else (row,)))
    return tuple(found.values())


def today_of(case: Case) -> date:
    """Day of the evaluation, UTC."""
    return datetime.fromtimestamp(case.now, UTC).date()


# --- whose word it is ---------------------------------------------------------------------------


def own_word(case: Case, item: EvidenceDocument) -> bool:
    """Whether a paper comes from the party whose word it is: the other side of it on the ledger (keeper, inspector).

    Where the ledger names no other side, it has at least not come from the subject, which is never one's own keeper.
    """
    hands = {item.pushed_by, item.signed_by} - {"", case.evidence.subject.handle}
    if item.buyer:
        return item.buyer in hands
    return bool(hands - {item.seller})


class _Papers:
    """Attestations and reports by the receipts and lots that they name."""

    def __init__(self, case: Case) -> None:
        self.said: dict[str, list[Attested]] = defaultdict(list)
        self.reports: dict[str, list[tuple[EvidenceDocument, InspectionReport]]] = defaultdict(list)
        for item in case.documents:
            if item.state == "void":
                continue
            if isinstance(item.document, KeeperAttestation):
                self._attested(item, item.document)
            elif isinstance(item.document, InspectionReport):
                self._reported(item, item.document)

    def _attested(self, item: EvidenceDocument, body: KeeperAttestation) -> None:
        lines: dict[str, list[AttestedGoods]] = defaultdict(list)
        for line in body.lines:
            lines[normalised_number(line.receipt_number)].append(line)
        for number, found in lines.items():
            self.said[number].append(Attested(item, body, tuple(found)))

    def _reported(self, item: EvidenceDocument, body: InspectionReport) -> None:
        if body.receipt_number is not None:
            self.reports[f"receipt:{normalised_number(body.receipt_number)}"].append((item, body))
        else:
            for lot in sorted(lots_of(body.lines)):
                self.reports[lot].append((item, body))


_papers = per_case(_Papers)


def attestations(case: Case, receipt: WarehouseReceipt) -> tuple[Attested, ...]:
    """What anybody put forward as the keeper's word on a receipt, oldest first."""
    said = _papers(case).said.get(normalised_number(receipt.number), ())
    found = [each for each in said if same_party(each.body.keeper, receipt.keeper)]
    found.sort(key=lambda each: (each.body.issue_date, each.body.counted_on))  # stable: ledger order stays
    return tuple(found)


def keepers_word(case: Case, receipt: WarehouseReceipt) -> Attested | None:
    """The latest that the keeper itself says of a receipt, up to today."""
    latest = today_of(case)
    said = [
        each
        for each in attestations(case, receipt)
        if own_word(case, each.item) and (each.body.issue_date - latest).days <= 1
    ]
    return said[-1] if said else None


def contradicted(case: Case, receipt: WarehouseReceipt) -> tuple[Attested, Attested] | None:
    """Two words of the keeper on one receipt that are equally recent and not the same."""
    last = keepers_word(case, receipt)
    if last is None:
        return None
    for each in attestations(case, receipt):
        if (
            each.item is not last.item
            and own_word(case, each.item)
            and (each.body.issue_date, each.body.counted_on) == (last.body.issue_date, last.body.counted_on)
            and _said(each) != _said(last)
        ):
            return each, last
    return None


def _said(attested: Attested) -> tuple[object, ...]:
    lines = (each.model_copy(update={"line_id": ""}) for each in attested.lines)
    return attested.body.holder, frozenset(lines)


def reports_on(
    case: Case, receipt: WarehouseReceipt
) -> tuple[tuple[EvidenceDocument, InspectionReport], ...]:
    """Inspection reports about the goods of a receipt, by its number or by their lots; oldest inspection first."""
    papers = _papers(case).reports
    keys = [f"receipt:{normalised_number(receipt.number)}", *sorted(lots_of(receipt.lines))]
    found = {item.fingerprint: (item, body) for key in keys for item, body in papers.get(key, ())}
    fitting = [
        (item, body)
        for item, body in found.values()
        if body.keeper is None or same_party(body.keeper, receipt.keeper)
    ]
    fitting.sort(key=lambda each: (each[1].inspected_on, each[1].issue_date, each[0].fingerprint))
    return tuple(fitting)


# --- goods and places ---------------------------------------------------------------------------


def lot_key(lot: Lot) -> str:
    """How a lot is compared; a piece by its serial number. Empty where it says neither."""
    if lot.serial:
        return f"serial:{normalised_number(lot.serial)}"
    return f"lot:{normalised_number(lot.number)}" if lot.number else ""


def lots_of(lines: Iterable[object]) -> frozenset[str]:
    """Keys of all lots that some lines name."""
    return frozenset(key for line in lines for lot in getattr(line, "lots", ()) if (key := lot_key(lot)))


def mark_key(marks: str | None) -> str:
    """How marks are compared; empty where there are none, or where they only repeat that there are none."""
    text = core(marks or "")
    return "" if text in {"", "nm", "none", "无", "无标记", "nomark", "nomarks"} else text


def place_key(receipt: WarehouseReceipt) -> tuple[str, str]:
    """Address and position of a store, as they are compared; the address is empty where none is stated."""
    address = receipt.storage_address
    parts = () if address is None else (address.country, address.subdivision, address.city, address.street)
    return "".join(core(each) for each in parts if each), core(receipt.storage_place)


def same_place(one: WarehouseReceipt, other: WarehouseReceipt) -> bool:
    """Whether two receipts name one place. Positions within a store are named alike everywhere ("3号库 A区"), so the
    addresses have to agree too; a receipt without one is at the same place only by the words of the whole."""
    (ours, here), (theirs, there) = place_key(one), place_key(other)
    return here == there and ours == theirs


# --- quantities ---------------------------------------------------------------------------------


def in_unit(quantity: Decimal, unit: str | None, into: str) -> Fraction | None:
    """A quantity in another unit; none where that is not certain."""
    by = factor(unit, into) if unit is not None else None
    return None if by is None else Fraction(exact(quantity)) * by


def lines_about(line: StoredGoods, attested: Iterable[AttestedGoods], only: bool) -> list[AttestedGoods]:
    """What an attestation says of one line of a receipt: by line number, else by lots, else by the goods' name.

    :param only: the receipt has no other line, so that whatever says no line is about this one
    """
    lots = lots_of([line])
    found = []
    for each in attested:
        if each.receipt_line is not None:
            about = normalised_number(each.receipt_line) == normalised_number(line.line_id)
        elif only:
            about = True
        elif lots and each.lots:
            about = not lots.isdisjoint(lots_of([each]))
        else:
            about = each.item is not None and core(each.item.name) == core(line.item.name)
        if about:
            found.append(each)
    return found


@dataclass(frozen=True, slots=True)
class Stock:
    """One line of a receipt against the keeper's word, in the line's unit.

    :ivar line: the receipt's line
    :ivar there: quantity in store; none where it cannot be compared
    :ivar released: quantity given out
    :ivar pledged: quantity that the keeper has noted as pledged
    :ivar said: the attestation's lines
    """

    line: StoredGoods
    there: Fraction | None
    released: Fraction
    pledged: Fraction
    said: tuple[AttestedGoods, ...]

    @property
    def promised(self) -> Fraction:
        """What the receipt says."""
        return Fraction(exact(self.line.quantity))


def stock_of(receipt: WarehouseReceipt, attested: Attested) -> tuple[Stock, ...]:
    """Line by line: what the receipt promises and what the keeper says is there."""
    found = []
    for line in receipt.lines:
        said = lines_about(line, attested.lines, only=len(receipt.lines) == 1)
        there: Fraction | None = Fraction(0) if said else None
        released = pledged = Fraction(0)
        for each in said:
            part = _there(each, line)
            there = None if there is None or part is None else there + part
            released += _released(each, line)
            if each.pledgee is not None:
                stated = None if each.pledged is None else in_unit(each.pledged, each.unit, line.unit)
                pledged += _promised(line, len(said)) if stated is None else stated
        found.append(Stock(line, there, released, min(pledged, Fraction(exact(line.quantity))), tuple(said)))
    return tuple(found)


def _promised(line: StoredGoods, among: int) -> Fraction:
    return Fraction(exact(line.quantity)) / among


def _there(said: AttestedGoods, line: StoredGoods) -> Fraction | None:
    if said.state in ("released", "unknown_receipt"):
        return Fraction(0)
    if said.quantity is None:
        # In store, and no count of it: the keeper stands for what its receipt says. Part given out: not known.
        return Fraction(exact(line.quantity)) if said.state == "in_store" else None
    return in_unit(said.quantity, said.unit, line.unit)


def _released(said: AttestedGoods, line: StoredGoods) -> Fraction:
    if said.released is not None:
        return in_unit(said.released, said.unit, line.unit) or Fraction(0)
    return Fraction(exact(line.quantity)) if said.state == "released" else Fraction(0)


def loss_of(receipt: WarehouseReceipt, default: Decimal) -> Fraction:
    """Part of the goods that may be lost in store (损耗标准): what the receipt says, else the default."""
    text = receipt.loss_standard or ""
    for pattern, scale in ((_PERCENT, 100), (_PER_MILLE, 1000)):
        found = pattern.search(text)
        if found is not None:
            return min(Fraction(found[1]) / scale, Fraction(1))
    return Fraction(default)


def pledgees(receipt: WarehouseReceipt, attested: Attested | None) -> tuple[tuple[Party, str], ...]:
    """To whom the goods are pledged, and who says so ("attestation" or "receipt"), each once.

    A pledge that is written on the receipt (背书) counts unless the keeper, asked later, has none noted.
    """
    found: list[tuple[Party, str]] = []
    if attested is not None:
        found += [(each.pledgee, "attestation") for each in attested.lines if each.pledgee is not None]
    for endorsement in receipt.endorsements:
        if endorsement.purpose == "pledge" and (
            attested is None or attested.body.counted_on <= endorsement.date
        ):
            found.append((endorsement.endorsee, "receipt"))
    unique: list[tuple[Party, str]] = []
    for party, said in found:
        if not any(same_party(party, other) for other, _ in unique):
            unique.append((party, said))
    return tuple(unique)
