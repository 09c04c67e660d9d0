"""Writes the papers of one made-up trade, consistent line by line."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from consortium.documents import (
    Account,
    Address,
    Classification,
    CreditNote,
    DebtorConfirmation,
    Delivery,
    DespatchAdvice,
    DespatchLine,
    DocumentRef,
    Fapiao,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Item,
    OrderLine,
    OrderTotals,
    Party,
    PartyId,
    PurchaseOrder,
    ReceiptLine,
    Shipment,
    Tax,
    TaxSubtotal,
    Totals,
)
from consortium.documents.identifiers import USCC_ALPHABET, make_uscc

CENT: Final = Decimal("0.01")
TAX_RATE: Final = Decimal(13)
"""China's standard VAT rate, per cent."""

_ITEMS: Final = (
    ("深沟球轴承 6205", "SKB-6205", "C62", "18.60", "109051403"),
    ("冷轧钢板 1.2mm", "CRS-12", "KGM", "5.85", "108020701"),
    ("铜芯电缆 3x2.5", "CAB-325", "MTR", "11.40", "109040301"),
    ("六角螺栓 M10x60", "BLT-1060", "C62", "0.92", "108031502"),
    ("交流接触器 CJX2", "CJX-2510", "C62", "86.00", "109040803"),
    ("伺服电机 750W", "SRV-750", "C62", "1280.00", "109040103"),
    ("铝型材 4040", "ALU-4040", "MTR", "32.50", "108020905"),
    ("液压油 46号", "HYD-46", "LTR", "14.20", "107010203"),
)
_CITIES: Final = (
    ("310115", "上海", "SH"),
    ("320505", "苏州", "JS"),
    ("330206", "宁波", "ZJ"),
    ("440306", "深圳", "GD"),
    ("420111", "武汉", "HB"),
    ("510107", "成都", "SC"),
)
_STEMS: Final = (
    "恒昌",
    "瑞丰",
    "金桥",
    "远航",
    "宏泰",
    "新源",
    "华信",
    "同创",
    "永固",
    "嘉禾",
    "利达",
    "正阳",
)
_TRADES: Final = ("精密机械", "金属制品", "电气", "紧固件", "自动化", "材料科技")


def make_party(rng: random.Random, *, suffix: str = "有限公司") -> Party:
    """A company with a name, a USCC and an address."""
    region, city, province = rng.choice(_CITIES)
    organisation = "MA" + "".join(rng.choice(USCC_ALPHABET) for _ in range(6))
    name = f"{city}{rng.choice(_STEMS)}{rng.choice(_TRADES)}{suffix}"
    address = Address(
        street=f"工业园路{rng.randint(1, 999)}号",
        city=city,
        postal_code=region,
        subdivision=province,
        country="CN",
    )
    uscc = PartyId(scheme="uscc", value=make_uscc("9", "1", region, organisation))
    return Party(name=name, identifiers=(uscc,), address=address)


@dataclass(slots=True)
class TradeWriter:
    """Makes the documents of one trade; holds what they share."""

    rng: random.Random
    serial: int
    buyer: Party
    seller: Party
    account: Account
    day: date
    currency: str
    terms_days: int
    digital: bool
    order: PurchaseOrder = field(init=False)

    @property
    def year(self) -> int:
        return self.day.year

    def make_order(self, lines: int) -> PurchaseOrder:
        """An order of some lines with round quantities."""
        made = []
        for number, (name, code, unit, price, tax_code) in enumerate(self.rng.sample(_ITEMS, lines), 1):
            quantity, unit_price = Decimal(self.rng.randint(2, 60) * 10), Decimal(price)
            made.append(
                OrderLine(
                    line_id=str(number),
                    item=Item(
                        name=name,
                        seller_number=code,
                        classifications=(Classification(list_id="CN-TAX", code=f"{tax_code}0000000000"),),
                    ),
                    quantity=quantity,
                    unit=unit,
                    price=unit_price,
                    net_amount=money(quantity * unit_price),
                    tax=_tax(),
                )
            )
        net = sum((line.net_amount or Decimal(0) for line in made), Decimal(0))
        tax = money(net * TAX_RATE / 100)
        self.order = PurchaseOrder(
            number=f"PO-{self.year}-{self.serial:05d}",
            issue_date=self.day,
            order_type="220",
            currency=self.currency,
            contract_number=f"HT-{self.year}-{self.seller.identifiers[0].value[-4:]}",
            validity_end=self.day + timedelta(days=90),
            buyer=self.buyer,
            seller=self.seller,
            payment_terms=f"货到验收后{self.terms_days}天付款",
            totals=OrderTotals(line_net=net, net=net, tax=tax, gross=net + tax, payable=net + tax),
            lines=tuple(made),
        )
        return self.order

    def make_despatch(
        self, part: int, sent: Sequence[Decimal], left: Sequence[Decimal], day: date
    ) -> DespatchAdvice:
        """What is sent of each order line, and what is still to come."""
        return DespatchAdvice(
            number=f"DN-{self.year}-{self.serial:05d}-{part}",
            issue_date=day,
            order_number=self.order.number,
            seller=self.seller,
            buyer=self.buyer,
            delivery=Delivery(address=self.buyer.address),
            shipment=Shipment(
                number=f"YD{self.serial:07d}{part}",
                carrier="顺达物流",
                vehicle=f"沪A{self.serial % 90000 + 10000}",
            ),
            lines=tuple(
                DespatchLine(
                    line_id=line.line_id,
                    item=line.item,
                    delivered=quantity,
                    outstanding=rest,
                    unit=line.unit,
                    order_number=self.order.number,
                    order_line=line.line_id,
                )
                for line, quantity, rest in zip(self.order.lines, sent, left, strict=True)
            ),
        )

    def make_receipt(
        self,
        part: int,
        despatch: DespatchAdvice,
        short: Sequence[Decimal],
        rejected: Sequence[Decimal],
        day: date,
    ) -> GoodsReceipt:
        """What arrived of a despatch."""
        return GoodsReceipt(
            number=f"GR-{self.year}-{self.serial:05d}-{part}",
            issue_date=day,
            order_number=self.order.number,
            despatch_number=despatch.number,
            despatch_status="AP" if not any((*short, *rejected)) else "CA",
            seller=self.seller,
            buyer=self.buyer,
            lines=tuple(
                ReceiptLine(
                    line_id=line.line_id,
                    item=line.item,
                    received=(line.delivered or Decimal(0)) - missing,
                    short=missing,
                    rejected=refused,
                    reject_reason="外观不良" if refused else None,
                    unit=line.unit,
                    received_date=day,
                    order_number=self.order.number,
                    order_line=line.order_line,
                    despatch_number=despatch.number,
                    despatch_line=line.line_id,
                )
                for line, missing, refused in zip(despatch.lines, short, rejected, strict=True)
            ),
        )

    def make_invoice(
        self, part: int, quantities: Sequence[Decimal], receipt: GoodsReceipt, day: date
    ) -> Invoice:
        """An invoice of some quantities of the order's lines."""
        number = self._number("INV", part)
        lines, taxes, totals = self._bill(quantities)
        return Invoice(
            number=number,
            issue_date=day,
            currency=self.currency,
            due_date=day + timedelta(days=self.terms_days),
            order_number=self.order.number,
            receipt_number=receipt.number,
            despatch_number=receipt.despatch_number,
            contract_number=self.order.contract_number,
            fapiao=(Fapiao(fapiao_kind="digital_special", number=number),) if self.digital else (),
            seller=self.seller,
            buyer=self.buyer,
            payment_means="30",
            payee_accounts=(self.account,),
            payment_terms=self.order.payment_terms,
            delivery=Delivery(date=receipt.issue_date),
            taxes=taxes,
            totals=totals,
            lines=lines,
        )

    def make_credit_note(self, invoice: Invoice, quantities: Sequence[Decimal], day: date) -> CreditNote:
        """A credit note over some quantities of an invoice."""
        lines, taxes, totals = self._bill(quantities)
        number = self._number("CN", 90)
        return CreditNote(
            number=number,
            issue_date=day,
            currency=self.currency,
            order_number=self.order.number,
            preceding_invoices=(DocumentRef(number=invoice.number, issue_date=invoice.issue_date),),
            fapiao=(Fapiao(fapiao_kind="digital_special", number=number),) if self.digital else (),
            seller=self.seller,
            buyer=self.buyer,
            taxes=taxes,
            totals=totals,
            lines=lines,
        )

    def make_confirmation(
        self, part: int, invoice: Invoice, amount: Decimal, day: date
    ) -> DebtorConfirmation:
        """The buyer accepts an invoice."""
        return DebtorConfirmation(
            number=f"QR-{self.year}-{self.serial:05d}-{part}",
            issue_date=day,
            buyer=self.buyer,
            seller=self.seller,
            invoice_number=invoice.number,
            invoice_date=invoice.issue_date,
            invoice_type=invoice.type_code,
            response_code="AP",
            effective_date=day,
            currency=invoice.currency,
            confirmed_amount=amount,
            due_date=invoice.due_date,
            set_off_waived=True,
        )

    def _number(self, prefix: str, part: int) -> str:
        """The seller's number, or the 20 digits of a 数电票: year, province, serial."""
        if self.digital:
            return f"{self.year % 100:02d}31{self.serial:014d}{part:02d}"
        return f"{prefix}-{self.year}-{self.serial:05d}-{part}"

    def _bill(
        self, quantities: Sequence[Decimal]
    ) -> tuple[tuple[InvoiceLine, ...], tuple[TaxSubtotal, ...], Totals]:
        made: list[InvoiceLine] = []
        for line, quantity in zip(self.order.lines, quantities, strict=True):
            if quantity and line.price is not None:
                made.append(
                    InvoiceLine(
                        line_id=str(len(made) + 1),
                        item=line.item,
                        quantity=quantity,
                        unit=line.unit,
                        price=line.price,
                        net_amount=money(quantity * line.price),
                        tax=_tax(),
                        order_number=self.order.number,
                        order_line=line.line_id,
                    )
                )
        net = sum((line.net_amount for line in made), Decimal(0))
        tax = money(net * TAX_RATE / 100)
        subtotal = TaxSubtotal(category="S", rate=TAX_RATE, taxable_amount=net, tax_amount=tax)
        totals = Totals(line_net=net, net=net, tax=tax, gross=net + tax, payable=net + tax)
        return tuple(made), (subtotal,), totals


def money(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def _tax() -> Tax:
    return Tax(category="S", rate=TAX_RATE)
