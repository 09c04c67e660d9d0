"""WR_GOODS_OVERLAP: do two receipts stand for the same goods?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from consortium.documents import Item, WarehouseReceipt
from consortium.documents.party import Party, primary_id, same_party
from consortium.documents.warehouse_receipt import StoredGoods
from crossverify.evidence import EvidenceDocument
from crossverify.goods import (
    USUAL_LOSS,
    StoredGoodsAsset,
    in_unit,
    keepers_word,
    loss_of,
    lot_key,
    lots_of,
    mark_key,
    place_key,
    same_place,
    shown_receipts,
    stock_of,
    warehouse_receipts,
)
from crossverify.names import core, name_of
from crossverify.rule import Effect, NoThresholds, Outcome, Rule, Text, Verdict
from crossverify.units import factor, shown
from crossverify.wares import goods_keys

if TYPE_CHECKING:
    from crossverify.case import Case

_GRAVITY = {"FAIL": 3, "WARN": 2, "PASS": 1}


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """One line of a receipt that is still out."""

    item: EvidenceDocument
    receipt: WarehouseReceipt
    line: StoredGoods

    @property
    def lots(self) -> frozenset[str]:
        return frozenset(key for lot in self.line.lots if (key := lot_key(lot)))


class WrGoodsOverlap(Rule[NoThresholds]):
    """Place, lots and marks of each receipt against all other receipts shown, whoever keeps and holds them. Receipts
    whose goods the keeper says were given out, or that the keeper disowns, count for nothing.

    - PASS: no other receipt shown names the same goods; or one keeper divided a lot among receipts that together
      promise no more than it has.
    - WARN: a lot number that another keeper's receipt has too, under other marks: a production lot that was divided,
      perhaps; goods of the same kind at the same place under two keepers; a lot shared with one keeper whose quantity
      nobody attests; two lines of the receipt that are the same.
    - FAIL: one lot in receipts of two keepers; one numbered piece in two receipts; more promised of a lot than its
      keeper has; the same marks at the same place under two keepers.
    - UNKNOWN: the receipt names neither lots nor marks: its goods cannot be told from others.
    - NOT_APPLICABLE: never.

    It sees the receipts among the documents shown and says so: a second receipt that went to another bank is seen by
    the keeper, not here.
    """

    id = "WR_GOODS_OVERLAP"
    version = 1
    title = Text("Do two receipts stand for the same goods?", "同一货物是否被两张仓单重复代表")
    basis = ("民法典 908, 909, 910", "GB/T 30332 仓单要素与格式规范", "practice")
    explains: ClassVar = {
        "DISTINCT": Text(
            "No other receipt among the documents names these goods. Receipts elsewhere are not seen.",
            "所示单证中没有其他仓单涉及这些货物。未出示的仓单无法查见。",
        ),
        "LOT_DIVIDED": Text(
            "One keeper divided a lot among receipts that together promise no more than it has. Nothing to do.",
            "同一保管人将一批货物分开立单，合计不超过在库数量。无需处理。",
        ),
        "LOT_TWICE": Text(
            "Receipts of two keepers stand for one lot. At most one of them has it: lend on neither until it is clear.",
            "两个保管人的仓单指向同一批号，至多一处有货，查清前均不得融资。",
        ),
        "PIECE_TWICE": Text(
            "One numbered piece stands on two receipts. Lend on neither until it is clear.",
            "同一编号的单件货物出现在两张仓单上，查清前均不得融资。",
        ),
        "LOT_OVERDRAWN": Text(
            "The receipts on one lot together promise more than its keeper has of it.",
            "同一批号的多张仓单合计数量超过保管人在库数量。",
        ),
        "PLACE_TWICE": Text(
            "Two keepers issued receipts for the same place and the same marks. One of them does not keep these goods.",
            "两个保管人对同一储存位置、同一标记出具仓单，其中必有不实。",
        ),
        "LOT_SHARED": Text(
            "Another receipt names the same lot number. It may be a production lot in two parts: ask both keepers.",
            "另一仓单载有相同批号，可能是同一生产批次分存两处，请向双方保管人核实。",
        ),
        "PLACE_SHARED": Text(
            "Another keeper issued a receipt for goods of the same kind at the same place. Ask both keepers.",
            "另一保管人在同一地点对同类货物出具仓单，请核实。",
        ),
        "LINE_TWICE": Text(
            "Two lines of the receipt are the same goods, quantity and lots. Ask the keeper whether they are there "
            "twice.",
            "仓单内两行货物、数量、批号完全相同，请向保管人核实是否重复。",
        ),
        "NOT_INDIVIDUAL": Text(
            "The receipt names neither lots nor marks, so the goods cannot be told from others. Have them marked.",
            "仓单未载批号或标记，货物无法特定化，请补充。",
        ),
    }
    applies_when = "the applicant brings a warehouse receipt"
    sources = ("documents",)
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        index = _Index(case)
        for asset in warehouse_receipts(case):
            lines = [_Placed(asset.primary, asset.receipt, line) for line in asset.receipt.lines]
            found = [
                verdict
                for line in lines
                for other in index.near(line)
                if (verdict := _compared(case, index, asset, line, other)) is not None
            ]
            vague = [each for each in lines if not each.lots and not mark_key(each.line.marks)]
            grave = max(found, key=lambda each: _GRAVITY[each.outcome.value], default=None)
            twice = _line_twice(case, asset)
            if grave is not None and grave.outcome is not Outcome.PASS:
                yield grave
            elif twice is not None:
                yield twice
            elif vague:
                told = case.of_document(vague[0].item, f"lines/{vague[0].line.line_id}/lots", "")
                text = f"Line {vague[0].line.line_id}, {vague[0].line.item.name}, has neither lots nor marks."
                yield Verdict(asset.fingerprint, Outcome.UNKNOWN, "NOT_INDIVIDUAL", text, (told,))
            elif grave is not None:
                yield grave
            else:
                yield _distinct(case, asset, index.receipts)


def _line_twice(case: Case, asset: StoredGoodsAsset) -> Verdict | None:
    """Two lines of one receipt that are the same but for their numbers."""
    seen: dict[StoredGoods, str] = {}
    for line in asset.receipt.lines:
        key = line.model_copy(update={"line_id": ""})
        first = seen.setdefault(key, line.line_id)
        if first != line.line_id and line.lots:
            told = tuple(
                case.of_document(asset.primary, f"lines/{each}/lots", _plain(lots_of([line])))
                for each in (first, line.line_id)
            )
            text = f"Lines {first} and {line.line_id} are the same goods, quantity and lots; one may be too much."
            return Verdict(asset.fingerprint, Outcome.WARN, "LINE_TWICE", text, told)
    return None


class _Index:
    """Lines of all receipts that are still out, by lot and marks, and by place and keeper."""

    def __init__(self, case: Case) -> None:
        self._by: dict[tuple[str, str], list[_Placed]] = defaultdict(list)
        self._places: dict[tuple[str, str], dict[str, list[_Placed]]] = defaultdict(lambda: defaultdict(list))
        self._stock: dict[tuple[str, str], Fraction | None] = {}
        self._sums: dict[tuple[Party, frozenset[str], str], tuple[Fraction, Fraction] | None] = {}
        self.receipts = 0
        for item, receipt in shown_receipts(case):
            attested = keepers_word(case, receipt)
            if attested is not None and all(
                each.state in ("released", "unknown_receipt") for each in attested.lines
            ):
                continue
            self.receipts += 1
            if attested is not None:
                for stock in stock_of(receipt, attested):
                    self._stock[item.fingerprint, stock.line.line_id] = stock.there
            for line in receipt.lines:
                placed = _Placed(item, receipt, line)
                for key in _keys(placed):
                    self._by[key].append(placed)
                place = _place(receipt)
                if place is not None:
                    self._places[place][str(primary_id(receipt.keeper))].append(placed)

    def near(self, line: _Placed) -> list[_Placed]:
        """Lines of other receipts that could be the same goods, each once: with a lot or marks in common, or of
        another keeper at the same place."""
        found = {
            (other.item.fingerprint, other.line.line_id): other
            for key in _keys(line)
            for other in self._by[key]
            if other.item.fingerprint != line.item.fingerprint
        }
        place = _place(line.receipt)
        if place is not None:
            own = str(primary_id(line.receipt.keeper))
            for keeper, lines in self._places[place].items():
                if keeper != own:
                    found |= {(each.item.fingerprint, each.line.line_id): each for each in lines}
        return [found[key] for key in sorted(found)]

    def sums(self, line: _Placed, lots: frozenset[str]) -> tuple[Fraction, Fraction] | None:
        """What one keeper's receipts promise of some lots together and what it attests, in the line's unit; none where
        that is not certain. Reckoned once for all of its receipts on these."""
        key = (line.receipt.keeper, lots, line.line.unit)
        if key not in self._sums:
            self._sums[key] = self._sum(self._on_lot(line, lots), line.line.unit)
        return self._sums[key]

    def _sum(self, lines: list[_Placed], unit: str) -> tuple[Fraction, Fraction] | None:
        promised = attested = Fraction(0)
        for each in lines:
            quantity = in_unit(each.line.quantity, each.line.unit, unit)
            there = self._stock.get((each.item.fingerprint, each.line.line_id))
            into = factor(each.line.unit, unit)
            if quantity is None or there is None or into is None:
                return None
            promised += quantity
            attested += there * into
        return promised, attested

    def _on_lot(self, line: _Placed, lots: frozenset[str]) -> list[_Placed]:
        """All lines of one keeper on some lots."""
        found = {
            (other.item.fingerprint, other.line.line_id): other
            for lot in lots
            for other in self._by["lot", lot]
            if same_party(other.receipt.keeper, line.receipt.keeper)
        }
        return [found[key] for key in sorted(found)]


def _keys(line: _Placed) -> Iterator[tuple[str, str]]:
    for lot in sorted(line.lots):
        yield "lot", lot
    marks = mark_key(line.line.marks)
    if marks:
        yield "marks", marks


def _place(receipt: WarehouseReceipt) -> tuple[str, str] | None:
    """Where, if the receipt says both address and position."""
    address, position = place_key(receipt)
    return (address, position) if address and position else None


def _compared(
    case: Case, index: _Index, asset: StoredGoodsAsset, line: _Placed, other: _Placed
) -> Verdict | None:
    """Two lines of two receipts; none where they are no concern of each other."""
    lots = line.lots & other.lots
    marks = mark_key(line.line.marks) == mark_key(other.line.marks) != ""
    place = same_place(line.receipt, other.receipt)
    kind = _same_kind(line.line.item, other.line.item)
    one_keeper = same_party(line.receipt.keeper, other.receipt.keeper)
    pieces = {lot for lot in lots if lot.startswith("serial:")}
    if pieces and (kind or marks):
        return _say(
            case, asset, line, other, Outcome.FAIL, "PIECE_TWICE", f"The piece {_plain(pieces)} stands"
        )
    if lots and (kind or marks or place):
        if one_keeper:
            return _of_one_keeper(case, index, asset, line, other, lots)
        neither = not mark_key(line.line.marks) and not mark_key(other.line.marks)
        if marks or place or neither:
            return _say(case, asset, line, other, Outcome.FAIL, "LOT_TWICE", f"The lot {_plain(lots)} stands")
        text = f"The lot number {_plain(lots)}, under other marks, stands"
        return _say(case, asset, line, other, Outcome.WARN, "LOT_SHARED", text)
    if one_keeper or not place:
        return None
    if marks:
        text = f"The marks {line.line.marks} at {line.receipt.storage_place} stand"
        return _say(case, asset, line, other, Outcome.FAIL, "PLACE_TWICE", text)
    if kind and not (line.lots and other.lots):
        text = f"Goods of this kind at {line.receipt.storage_place} stand"
        return _say(case, asset, line, other, Outcome.WARN, "PLACE_SHARED", text)
    return None


def _same_kind(one: Item, other: Item) -> bool:
    """Whether two items can be the same goods: a key in common, or a name."""
    return core(one.name) == core(other.name) or not set(goods_keys(one)).isdisjoint(goods_keys(other))


def _of_one_keeper(
    case: Case,
    index: _Index,
    asset: StoredGoodsAsset,
    line: _Placed,
    other: _Placed,
    lots: frozenset[str],
) -> Verdict:
    """One keeper may divide a lot; together its receipts promise no more than it has."""
    unit, sums = line.line.unit, index.sums(line, lots)
    if sums is None:
        text = f"The lot {_plain(lots)}, of which nobody attests how much there is, stands"
        return _say(case, asset, line, other, Outcome.WARN, "LOT_SHARED", text)
    promised, attested = sums
    if promised * (1 - loss_of(line.receipt, USUAL_LOSS)) > attested:
        text = (
            f"Of lot {_plain(lots)} receipts promise {shown(promised)} {unit} and the keeper has "
            f"{shown(attested)} {unit}; it stands"
        )
        return _say(case, asset, line, other, Outcome.FAIL, "LOT_OVERDRAWN", text)
    text = f"The lot {_plain(lots)}, of which there is enough for all receipts, stands"
    return _say(case, asset, line, other, Outcome.PASS, "LOT_DIVIDED", text)


def _say(
    case: Case, asset: StoredGoodsAsset, line: _Placed, other: _Placed, outcome: Outcome, code: str, what: str
) -> Verdict:
    ours, theirs = line.receipt, other.receipt
    keeper = (
        "the same keeper"
        if same_party(ours.keeper, theirs.keeper)
        else name_of(theirs.keeper) or "another keeper"
    )
    text = f"{what} on receipt {theirs.number} of {keeper} too ({theirs.storage_place})."
    inputs = tuple(
        case.of_document(each.item, f"lines/{each.line.line_id}/{field}", value)
        for each in (line, other)
        for field, value in (
            ("lots", " ".join(_plain({lot}) for lot in sorted(each.lots))),
            ("marks", each.line.marks),
            ("storage_place", each.receipt.storage_place),
        )
        if value
    )
    return Verdict(asset.fingerprint, outcome, code, text, inputs)


def _plain(lots: set[str] | frozenset[str]) -> str:
    return ", ".join(lot.partition(":")[2] for lot in sorted(lots))


def _distinct(case: Case, asset: StoredGoodsAsset, receipts: int) -> Verdict:
    first = asset.receipt.lines[0]
    lots = " ".join(lot.number or lot.serial or "" for lot in first.lots)
    told = case.of_document(asset.primary, f"lines/{first.line_id}/lots", lots or first.marks)
    text = (
        f"None of the {receipts} receipts shown names goods of another one; receipts elsewhere are not seen."
    )
    return Verdict(asset.fingerprint, Outcome.PASS, "DISTINCT", text, (told,))
