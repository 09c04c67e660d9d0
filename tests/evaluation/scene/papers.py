"""Papers of a trade, written from what happened. The writers know nothing of rules: they add up and round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, Final, Literal

from consortium.documents import (
    AllowanceCharge,
    Classification,
    CreditNote,
    DebtorConfirmation,
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
    Period,
    PurchaseOrder,
    ReceiptLine,
    Shipment,
    Tax,
    TaxSubtotal,
    Totals,
)
from tests.evaluation.scene.companies import Company
from tests.evaluation.scene.goods import Good

CENT: Final = Decimal("0.01")
GOODS_RATE: Final = Decimal(13)
SERVICE_RATE: Final = Decimal(6)


def cents(value: Decimal) -> Decimal:
    """Rounded half up to two places."""
    return value.quantize(CENT, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class Line:
    """So much of a good at a price: a line of an order, a delivery or an invoice.

    :ivar line_id: its own number
    :ivar order: number of the order it belongs to, and of that order's line; empty when the paper does not say
    :ivar receipt: number of the receipt it bills
    :ivar said: name that the paper gives to the good
    """

    line_id: str
    good: Good
    quantity: Decimal
    unit: str
    price: Decimal
    base: Decimal | None = None
    order: str = ""
    order_line: str = ""
    receipt: str = ""
    said: str = ""
    short: Decimal = Decimal(0)
    rejected: Decimal = Decimal(0)
    lot: str = ""

    @property
    def net(self) -> Decimal:
        """Amount without tax."""
        return cents(self.quantity * self.price / (self.base or Decimal(1)))

    @property
    def rate(self) -> Decimal:
        """Rate of tax in per cent."""
        return SERVICE_RATE if self.good.service else GOODS_RATE

    def of(self, quantity: Decimal, **changes: Any) -> Line:
        """The same with another quantity."""
        return replace(self, quantity=quantity, **changes)

    def item(self) -> Item:
        """The good as a paper describes it."""
        return Item(
            name=self.said or self.good.name,
            description=self.good.spec or None,
            classifications=(Classification(list_id="CN-TAX", code=self.good.tax_code),),
        )


@dataclass(slots=True)
class Bill:
    """What an invoice or a credit note says.

    :ivar fapiao: Chinese tax invoices that it names; its own where the number is the same
    :ivar discount: allowance on the whole document, without tax
    :ivar zero_rated: exports bear no tax
    """

    number: str
    day: date
    seller: Company
    buyer: Company
    lines: Sequence[Line]
    due: date | None = None
    order: str = ""
    receipt: str = ""
    contract: str = ""
    currency: str = "CNY"
    account: str = ""
    type_code: str = ""
    fapiao: tuple[Fapiao, ...] = ()
    corrects: Sequence[tuple[str, date, str]] = ()
    period: tuple[date, date] | None = None
    discount: Decimal = Decimal(0)
    zero_rated: bool = False
    buyer_name: str = ""
    note: str = ""
    extra: dict[str, Any] = field(default_factory=dict)


def _amounts(bill: Bill) -> tuple[tuple[TaxSubtotal, ...], Totals]:
    """Totals, with tax added up line by line as Chinese invoices do."""
    net_by_rate: dict[Decimal, Decimal] = {}
    tax_by_rate: dict[Decimal, Decimal] = {}
    for line in bill.lines:
        rate = Decimal(0) if bill.zero_rated else line.rate
        net_by_rate[rate] = net_by_rate.get(rate, Decimal(0)) + line.net
        tax_by_rate[rate] = tax_by_rate.get(rate, Decimal(0)) + cents(line.net * rate / 100)
    line_net = sum(net_by_rate.values(), Decimal(0))
    if bill.discount:
        rate = max(net_by_rate)
        net_by_rate[rate] -= bill.discount
        tax_by_rate[rate] -= cents(bill.discount * rate / 100)
    net, tax = sum(net_by_rate.values(), Decimal(0)), sum(tax_by_rate.values(), Decimal(0))
    subtotals = tuple(
        TaxSubtotal(
            category="G" if bill.zero_rated else "S",
            rate=rate,
            taxable_amount=net_by_rate[rate],
            tax_amount=tax_by_rate[rate],
            exemption_reason="出口免税" if bill.zero_rated else None,
        )
        for rate in sorted(net_by_rate)
    )
    totals = Totals(
        line_net=line_net,
        allowances=bill.discount or None,
        net=net,
        tax=tax,
        gross=net + tax,
        payable=net + tax,
    )
    return subtotals, totals


def _bill_fields(bill: Bill) -> dict[str, Any]:
    taxes, totals = _amounts(bill)
    category = "G" if bill.zero_rated else "S"
    lines = tuple(
        InvoiceLine(
            line_id=line.line_id,
            item=line.item(),
            quantity=line.quantity,
            unit=line.unit,
            price=line.price,
            base_quantity=line.base,
            net_amount=line.net,
            tax=Tax(category=category, rate=Decimal(0) if bill.zero_rated else line.rate),
            order_number=line.order if line.order and line.order != bill.order else None,
            order_line=line.order_line or None,
            receipt_number=line.receipt or None,
        )
        for line in bill.lines
    )
    rate = Decimal(0) if bill.zero_rated else max(line.rate for line in bill.lines)
    allowances = (
        (
            AllowanceCharge(
                charge=False, amount=bill.discount, reason="折扣", tax=Tax(category=category, rate=rate)
            ),
        )
        if bill.discount
        else ()
    )
    fields: dict[str, Any] = {
        "number": bill.number,
        "issue_date": bill.day,
        "currency": bill.currency,
        "due_date": bill.due,
        "contract_number": bill.contract or None,
        "order_number": bill.order or None,
        "receipt_number": bill.receipt or None,
        "fapiao": bill.fapiao,
        "seller": bill.seller.party(bill.day),
        "buyer": bill.buyer.party(bill.day, bill.buyer_name or None),
        "period": Period(start=bill.period[0], end=bill.period[1]) if bill.period else None,
        "note": bill.note or None,
        "allowances": allowances,
        "taxes": taxes,
        "totals": totals,
        "lines": lines,
    }
    if bill.corrects:
        fields["preceding_invoices"] = tuple(
            DocumentRef(number=number, issue_date=day, fapiao_code=code or None)
            for number, day, code in bill.corrects
        )
    if bill.account:
        fields["payee_accounts"] = (bill.seller.account().model_copy(update={"account_id": bill.account}),)
    return fields | bill.extra


def invoice(bill: Bill) -> Invoice:
    """An invoice."""
    return Invoice(type_code=bill.type_code or "380", **_bill_fields(bill))


def credit_note(bill: Bill) -> CreditNote:
    """A credit note; its lines are what is taken back."""
    return CreditNote(type_code=bill.type_code or "381", **_bill_fields(bill))


def order(
    number: str, day: date, buyer: Company, seller: Company, lines: Sequence[Line], **fields: Any
) -> PurchaseOrder:
    """A purchase order."""
    net = sum((line.net for line in lines), Decimal(0))
    tax = sum((cents(line.net * line.rate / 100) for line in lines), Decimal(0))
    values: dict[str, Any] = {
        "currency": "CNY",
        "totals": OrderTotals(line_net=net, net=net, tax=tax, gross=net + tax, payable=net + tax),
    }
    return PurchaseOrder(
        number=number,
        issue_date=day,
        buyer=buyer.party(day),
        seller=seller.party(day),
        lines=tuple(
            OrderLine(
                line_id=line.line_id,
                item=line.item(),
                quantity=line.quantity,
                unit=line.unit,
                price=line.price,
                base_quantity=line.base,
                net_amount=line.net,
            )
            for line in lines
        ),
        **(values | fields),
    )


def despatch(
    number: str, day: date, seller: Company, buyer: Company, lines: Sequence[Line], *, vehicle: str = ""
) -> DespatchAdvice:
    """A despatch advice."""
    orders = {line.order for line in lines}
    header = orders.pop() if len(orders) == 1 else ""
    return DespatchAdvice(
        number=number,
        issue_date=day,
        order_number=header or None,
        seller=seller.party(day),
        buyer=buyer.party(day),
        shipment=Shipment(vehicle=vehicle, despatch_date=day) if vehicle else None,
        lines=tuple(
            DespatchLine(
                line_id=line.line_id,
                item=line.item(),
                delivered=line.quantity,
                unit=line.unit,
                order_number=None if header else line.order,
                order_line=line.order_line or None,
            )
            for line in lines
        ),
    )


def receipt(
    number: str, day: date, seller: Company, buyer: Company, lines: Sequence[Line], *, despatched: str = ""
) -> GoodsReceipt:
    """A goods receipt; a line's quantity is what came, ``rejected`` is part of it."""
    orders = {line.order for line in lines}
    header = orders.pop() if len(orders) == 1 else ""
    return GoodsReceipt(
        number=number,
        issue_date=day,
        order_number=header or None,
        despatch_number=despatched or None,
        seller=seller.party(day),
        buyer=buyer.party(day),
        lines=tuple(
            ReceiptLine(
                line_id=line.line_id,
                item=line.item(),
                received=line.quantity,
                short=line.short or None,
                rejected=line.rejected or None,
                unit=line.unit,
                received_date=day,
                order_number=None if header else line.order,
                order_line=line.order_line or None,
            )
            for line in lines
        ),
    )


def confirmation(
    number: str,
    day: date,
    billed: Invoice,
    code: Literal["AB", "IP", "UQ", "CA", "RE", "AP", "PD"] = "AP",
    *,
    amount: Decimal | None = None,
    **fields: Any,
) -> DebtorConfirmation:
    """The debtor's answer to an invoice."""
    own = next((each for each in billed.fapiao if each.number == billed.number), None)
    fields.setdefault("due_date", billed.due_date)
    return DebtorConfirmation(
        number=number,
        issue_date=day,
        buyer=billed.buyer,
        seller=billed.seller,
        invoice_number=billed.number,
        invoice_date=billed.issue_date,
        fapiao_code=own.code if own else None,
        response_code=code,
        currency=billed.currency,
        confirmed_amount=billed.totals.payable if amount is None else amount,
        **fields,
    )
