"""Goods in a warehouse: receipts, what the keeper attests, what an inspector found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, Final

from consortium.documents import (
    InspectionReport,
    Item,
    KeeperAttestation,
    Lot,
    Period,
    StoredGoods,
    WarehouseReceipt,
)
from consortium.documents.inspection_report import InspectedGoods
from consortium.documents.keeper_attestation import AttestedGoods
from tests.evaluation.chance import Chance
from tests.evaluation.scene.companies import Company, company
from tests.evaluation.scene.goods import TRADES, Good
from tests.evaluation.scene.scene import APPLIED, Asset, Scene

COUNTED: Final = APPLIED - timedelta(days=9)
BULK: Final = tuple(
    good for trade in ("steel", "copper", "chemicals", "food") for good in TRADES[trade] if good.bulk
)


@dataclass(eq=False, slots=True)
class Store:
    """What lies under one receipt.

    :ivar lots: lot number and quantity of each
    """

    keeper: Company
    depositor: Company
    number: str
    place: str
    good: Good
    lots: list[tuple[str, Decimal]]
    issued: date
    capacity: Decimal

    @property
    def quantity(self) -> Decimal:
        """All of it."""
        return sum((quantity for _, quantity in self.lots), Decimal(0))

    @property
    def value(self) -> Decimal:
        """At a usual price."""
        return (self.quantity * (self.good.low + self.good.high) / 2).quantize(Decimal(1))

    @property
    def unit(self) -> str:
        """Unit of the quantities."""
        return self.good.unit


def make_store(scene: Scene, chance: Chance, keeper: Company | None = None) -> Store:
    """Goods that the supplier put into a store."""
    keeper = keeper or scene.meet(company(chance.of("keeper"), "large", suffix="仓储有限公司"))
    good = chance.pick(BULK)
    issued = APPLIED - timedelta(days=chance.number(15, 60))
    lots = [
        (
            f"L{issued:%y%m}{chance.digits(5)}",
            (good.typical_quantity * Decimal(chance.number(20, 60)) / 100).quantize(Decimal("0.001")),
        )
        for _ in range(chance.number(1, 3))
    ]
    return Store(
        keeper=keeper,
        depositor=scene.supplier,
        number=f"CD{issued:%Y}-{chance.digits(6)}",
        place=f"{chance.number(1, 9)}号库{chance.pick('ABCDEF')}区{chance.number(1, 40)}排",
        good=good,
        lots=lots,
        issued=issued,
        capacity=Decimal(good.typical_quantity * 40),
    )


def receipt(store: Store, **changes: Any) -> WarehouseReceipt:
    """The keeper's receipt."""
    end = store.issued + timedelta(days=270)
    values: dict[str, Any] = {
        "number": store.number,
        "issue_date": store.issued,
        "issue_place": store.keeper.city,
        "keeper": store.keeper.party(store.issued),
        "depositor": store.depositor.party(store.issued),
        "storage_place": store.place,
        "storage_address": store.keeper.party(store.issued).address,
        "storage_period": Period(start=store.issued, end=end),
        "loss_standard": "0.3%",
        "currency": "CNY",
        "storage_fee": Decimal(3600),
        "declared_value": store.value,
        "insured_amount": store.value,
        "insurance_period": Period(start=store.issued, end=end),
        "insurer": "人保财险",
        "keeper_signature": f"{store.keeper.name}（仓单专用章）",
        "lines": tuple(
            StoredGoods(
                line_id=str(number),
                item=Item(name=store.good.name, description=store.good.spec or None),
                quantity=quantity,
                unit=store.unit,
                quality="合格",
                marks=lot,
                lots=(Lot(number=lot),),
            )
            for number, (lot, quantity) in enumerate(store.lots, 1)
        ),
    }
    return WarehouseReceipt(**(values | changes))


def attestation(store: Store, chance: Chance, counted: date = COUNTED, **changes: Any) -> KeeperAttestation:
    """What the keeper says after a count; ``line`` changes every line."""
    line: dict[str, Any] = changes.pop("line", {})
    share = line.pop("share", Decimal(1))
    lines = tuple(
        AttestedGoods(
            **(
                {
                    "line_id": str(number),
                    "receipt_number": store.number,
                    "receipt_line": str(number),
                    "state": "in_store",
                    "item": Item(name=store.good.name),
                    "quantity": (quantity * share).quantize(Decimal("0.001")),
                    "unit": store.unit,
                    "marks": lot,
                    "lots": (Lot(number=lot),),
                }
                | line
            )
        )
        for number, (lot, quantity) in enumerate(store.lots, 1)
    )
    values: dict[str, Any] = {
        "number": f"PD{counted:%Y%m}-{chance.digits(5)}",
        "issue_date": counted + timedelta(days=1),
        "keeper": store.keeper.party(counted),
        "depositor": store.depositor.party(counted),
        "holder": store.depositor.party(counted),
        "counted_on": counted,
        "storage_place": store.place,
        "storage_address": store.keeper.party(counted).address,
        "capacity": store.capacity,
        "occupied": (store.capacity * 6 / 10).quantize(Decimal(1)),
        "capacity_unit": store.unit,
        "insured_until": store.issued + timedelta(days=270),
        "lines": lines,
    }
    return KeeperAttestation(**(values | changes))


def inspection(
    store: Store, inspector: Company, chance: Chance, *, conforming: bool = True
) -> InspectionReport:
    """What a third party found when it opened samples."""
    day = COUNTED - timedelta(days=2)
    return InspectionReport(
        number=f"CCIC-{chance.digits(8)}",
        issue_date=day + timedelta(days=1),
        inspector=inspector.party(day),
        seller=store.depositor.party(day),
        keeper=store.keeper.party(day),
        inspected_on=day,
        place=store.place,
        method="sample",
        receipt_number=store.number,
        lines=tuple(
            InspectedGoods(
                line_id=str(number),
                item=Item(name=store.good.name),
                declared=quantity,
                found=quantity,
                unit=store.unit,
                conforming=conforming,
                finding=None if conforming else "袋内为石块",
                lots=(Lot(number=lot),),
            )
            for number, (lot, quantity) in enumerate(store.lots, 1)
        ),
    )


def put_in(scene: Scene, store: Store, chance: Chance, *, inspected: bool = True) -> Asset:
    """The receipt, the keeper's count and an inspection, all in order."""
    paper = receipt(store)
    scene.show(paper, store.keeper, store.issued + timedelta(days=1), signed=True)
    scene.show(attestation(store, chance), store.keeper, COUNTED + timedelta(days=1), signed=True)
    if inspected:
        inspector = scene.meet(company(chance.of("inspector"), "large", suffix="检验认证有限公司"))
        report = inspection(store, inspector, chance)
        scene.show(report, inspector, report.issue_date + timedelta(days=1), signed=True)
    asset = Asset(paper, store.value, store.value)
    scene.assets.append(asset)
    return asset
