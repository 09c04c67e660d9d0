"""Made-up papers about goods in warehouses for the demo: a sound receipt, and one lot on two keepers' receipts."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from chanrong.demo.papers import make_party
from chanrong.demo.trades import make_warehouse_receipt
from consortium.documents import (
    Document,
    InspectionReport,
    KeeperAttestation,
    Party,
    WarehouseReceipt,
)
from consortium.documents.inspection_report import InspectedGoods
from consortium.documents.keeper_attestation import AttestedGoods

STORED_DAYS_AGO: Final = 45
INSPECTED_DAYS_AGO: Final = 20
COUNTED_DAYS_AGO: Final = 4
CAPACITY_T: Final = Decimal(2_000)


@dataclass(frozen=True, slots=True)
class GoodsStory:
    """Metal of one holder in the stores of two keepers.

    :ivar keeper: keeps the goods of the sound receipt, and of the first one on the lot
    :ivar second_keeper: has a receipt out on the same lot
    :ivar inspector: a third party that looked at the goods
    :ivar sound: a receipt on goods that are there, pledged to nobody and insured
    :ivar doubled: a receipt on a lot, counted and inspected like the sound one
    :ivar doubling: the second keeper's receipt on that lot
    :ivar attestations: what each keeper says of its receipts; to be handed in by the keeper
    :ivar reports: what the inspector found; to be handed in by the inspector
    """

    keeper: Party
    second_keeper: Party
    inspector: Party
    sound: WarehouseReceipt
    doubled: WarehouseReceipt
    doubling: WarehouseReceipt
    attestations: tuple[KeeperAttestation, ...]
    reports: tuple[InspectionReport, ...]

    @property
    def receipts(self) -> tuple[WarehouseReceipt, ...]:
        """All three."""
        return (self.sound, self.doubled, self.doubling)

    @property
    def by_writer(self) -> tuple[tuple[Party, tuple[Document, ...]], ...]:
        """Whose system hands in which documents: a keeper's and an inspector's word counts only from itself."""
        first, second = self.attestations
        return (
            (self.keeper, (self.sound, self.doubled, first)),
            (self.second_keeper, (self.doubling, second)),
            (self.inspector, self.reports),
        )

    @property
    def documents(self) -> tuple[Document, ...]:
        """All documents."""
        return tuple(document for _, written in self.by_writer for document in written)


def make_goods_story(seed: int, holder: Party, today: dt.date) -> GoodsStory:
    """Receipts of a holder at two keepers, with what keepers and an inspector say of them.

    :param seed: the same seed and holder give the same papers
    """
    rng = random.Random(seed)  # noqa: S311 - made-up data
    keeper, second = make_party(rng, suffix="仓储有限公司"), make_party(rng, suffix="物流仓储有限公司")
    inspector = make_party(rng, suffix="检验认证有限公司")
    day = today - dt.timedelta(days=STORED_DAYS_AGO)
    sound = make_warehouse_receipt(seed, keeper, holder, day=day)
    doubled = make_warehouse_receipt(seed + 1, keeper, holder, day=day + dt.timedelta(days=3))
    doubled = doubled.model_copy(update={"storage_place": "5号库 B区 3排"})
    doubling = make_warehouse_receipt(seed + 2, second, holder, day=day + dt.timedelta(days=9))
    doubling = doubling.model_copy(update={"lines": doubled.lines, "storage_place": "1号库 C区"})
    return GoodsStory(
        keeper=keeper,
        second_keeper=second,
        inspector=inspector,
        sound=sound,
        doubled=doubled,
        doubling=doubling,
        attestations=(
            _attested(1, keeper, holder, today, sound, doubled),
            _attested(2, second, holder, today, doubling),
        ),
        reports=tuple(
            _inspected(number, inspector, holder, today, each)
            for number, each in enumerate((sound, doubled), 1)
        ),
    )


def _attested(
    serial: int, keeper: Party, holder: Party, today: dt.date, *receipts: WarehouseReceipt
) -> KeeperAttestation:
    """All that the receipts promise is there, and pledged to nobody."""
    goods = [(receipt, line) for receipt in receipts for line in receipt.lines]
    return KeeperAttestation(
        number=f"ZM-{today.year}-{serial:04d}",
        issue_date=today - dt.timedelta(days=1),
        keeper=keeper,
        depositor=holder,
        counted_on=today - dt.timedelta(days=COUNTED_DAYS_AGO),
        storage_place="全部库区",
        storage_address=keeper.address,
        capacity=CAPACITY_T,
        occupied=CAPACITY_T / 2,
        capacity_unit="TNE",
        lines=tuple(
            AttestedGoods(
                line_id=str(number),
                receipt_number=receipt.number,
                receipt_line=line.line_id,
                state="in_store",
                item=line.item,
                quantity=line.quantity,
                unit=line.unit,
                marks=line.marks,
                lots=line.lots,
            )
            for number, (receipt, line) in enumerate(goods, 1)
        ),
    )


def _inspected(
    serial: int, inspector: Party, holder: Party, today: dt.date, receipt: WarehouseReceipt
) -> InspectionReport:
    """Samples of all lots, as declared."""
    return InspectionReport(
        number=f"JY-{today.year}-{serial:04d}",
        issue_date=today - dt.timedelta(days=INSPECTED_DAYS_AGO - 1),
        inspector=inspector,
        seller=holder,
        keeper=receipt.keeper,
        inspected_on=today - dt.timedelta(days=INSPECTED_DAYS_AGO),
        place=receipt.storage_place,
        method="sample",
        receipt_number=receipt.number,
        lines=tuple(
            InspectedGoods(
                line_id=line.line_id,
                item=line.item,
                declared=line.quantity,
                found=line.quantity,
                unit=line.unit,
                conforming=True,
                marks=line.marks,
                lots=line.lots,
            )
            for line in receipt.lines
        ),
    )
