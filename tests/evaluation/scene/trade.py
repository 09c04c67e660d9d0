"""What a supplier and a buyer do, one act at a time; every act leaves its papers and its traces in books."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from consortium.documents import Fapiao, Invoice
from tests.evaluation.chance import Chance
from tests.evaluation.scene import papers
from tests.evaluation.scene.books import YUAN
from tests.evaluation.scene.papers import Bill, Line
from tests.evaluation.scene.scene import Delivery, Order, Owed, Pair, Scene


def digital_number(chance: Chance, day: date) -> str:
    """A number of a 数电票: year, region, and the rest."""
    return f"{day.year % 100:02d}{chance.pick(('31', '32', '33', '37', '42', '44'))}{chance.digits(16)}"


def digital(number: str) -> Fapiao:
    """A 数电票 (增值税专用发票)."""
    return Fapiao(fapiao_kind="digital_special", number=number)


@dataclass(frozen=True, slots=True)
class Billing:
    """How one invoice is written.

    :ivar mode: one of the ways of :data:`tests.evaluation.rates.INVOICING`, or ``foreign``
    :ivar apart: days between the commercial invoice and its 数电票
    :ivar confirmed_after: days until the buyer confirms the use
    """

    mode: str = "digital"
    apart: int = 0
    confirmed_after: int = 7
    order: str = ""
    account: str = ""
    discount: Decimal = Decimal(0)
    period: tuple[date, date] | None = None
    due_shown: bool = True
    at_tax: bool = True
    shown: bool = True
    number: str = ""
    buyer_name: str = ""
    type_code: str = ""
    corrects: tuple[tuple[str, date, str], ...] = ()
    parts: int = 3


class Trader:
    """Acts of a supplier with one buyer.

    :param chance: for numbers on papers
    """

    def __init__(self, scene: Scene, pair: Pair, chance: Chance) -> None:
        self.scene = scene
        self.pair = pair
        self.chance = chance
        self.seller = scene.supplier
        self.buyer = pair.buyer

    # --- papers of the buyer ----------------------------------------------------------------

    def _hand_in(self, document: Any, at: date, *, buyers: bool) -> None:
        """The buyer's papers come from the buyer where it is a member, signed; else the supplier hands them in."""
        member = buyers and self.pair.member
        self.scene.show(document, self.buyer if member else self.seller, at, signed=member or not buyers)

    def place(self, lines: Sequence[Line], day: date, number: str = "", *, shown: bool = True) -> Order:
        """The buyer orders."""
        serial = self.scene.next(f"order {self.buyer.id}", self.chance.number(100, 4000))
        number = number or f"PO{day.year}{self.buyer.number[-2:]}-{serial:05d}"
        placed = [
            line.of(line.quantity, order=number, order_line=line.order_line or line.line_id) for line in lines
        ]
        fields: dict[str, Any] = {"contract_number": self.pair.contract or None}
        if self.pair.foreign:
            fields["currency"] = "EUR"
        paper = papers.order(number, day, self.buyer, self.seller, placed, **fields)
        if shown:
            self._hand_in(paper, day + timedelta(days=1), buyers=True)
        order = Order(paper, placed, day)
        self.pair.orders.append(order)
        return order

    def send(self, lines: Sequence[Line], day: date, number: str = "") -> str:
        """The seller sends goods; the number of the despatch advice."""
        serial = self.scene.next("despatch", 1)
        number = number or f"FHD-{day:%y%m}-{serial:04d}"
        vehicle = f"沪A{self.chance.digits(5)}"
        paper = papers.despatch(number, day, self.seller, self.buyer, lines, vehicle=vehicle)
        self._hand_in(paper, day + timedelta(days=1), buyers=False)
        return number

    def receive(
        self, lines: Sequence[Line], day: date, *, sent: str = "", at: date | None = None, shown: bool = True
    ) -> Delivery:
        """The buyer receives goods: ``lines`` say what came, ``rejected`` of it is refused.

        :param at: day on which the receipt is handed in, where that is late
        """
        serial = self.scene.next(f"receipt {self.buyer.id}", self.chance.number(10, 900))
        number = f"GR{day.year}-{self.buyer.number[-2:]}{serial:05d}"
        paper = papers.receipt(number, day, self.seller, self.buyer, lines, despatched=sent)
        if shown:
            self._hand_in(paper, at or day + timedelta(days=1), buyers=True)
        accepted = [line.of(line.quantity - line.rejected, rejected=Decimal(0)) for line in lines]
        return Delivery(number, day, accepted, late=at is not None)

    # --- invoices ---------------------------------------------------------------------------

    def bill(self, lines: Sequence[Line], day: date, how: Billing) -> Owed:
        """The seller invoices; the debt is what the invoice says until something else is known."""
        numbered = [line.of(line.quantity, line_id=str(number)) for number, line in enumerate(lines, 1)]
        due = day + timedelta(days=self.pair.terms)
        bill = Bill(
            number=how.number or self._number(how.mode, day),
            day=day,
            seller=self.seller,
            buyer=self.buyer,
            lines=numbered,
            due=due if how.due_shown else None,
            order=how.order,
            contract=self.pair.contract,
            account=how.account or self.seller.accounts[0],
            discount=how.discount,
            period=how.period,
            buyer_name=how.buyer_name,
            type_code=how.type_code,
            corrects=how.corrects,
        )
        documents = getattr(self, f"_bill_{how.mode}")(bill, how)
        owed = Owed(documents, self.seller, self.buyer, numbered, due, documents[0].totals.payable)
        if how.shown:
            for document in documents:
                self._hand_in(document, document.issue_date + timedelta(days=1), buyers=False)
        self.scene.owed.append(owed)
        return owed

    def _number(self, mode: str, day: date) -> str:
        if mode == "digital":
            return digital_number(self.chance, day)
        if mode == "paper":
            return self.chance.digits(8)
        serial = self.scene.next("invoice", self.chance.number(1, 300))
        return f"XS{day.year}-{serial:05d}"

    @staticmethod
    def _confirmed(day: date, how: Billing) -> date:
        return day + timedelta(days=how.confirmed_after)

    def _bill_digital(self, bill: Bill, how: Billing) -> list[Invoice]:
        bill.fapiao = (digital(bill.number),)
        body = papers.invoice(bill)
        if how.at_tax:
            self.scene.tax.issue(body, confirmed_on=self._confirmed(bill.day, how))
        return [body]

    def _bill_paper(self, bill: Bill, how: Billing) -> list[Invoice]:
        code = self.chance.digits(10)
        bill.fapiao = (Fapiao(fapiao_kind="special", number=bill.number, code=code),)
        body = papers.invoice(bill)
        if how.at_tax:
            self.scene.tax.issue(body, confirmed_on=self._confirmed(bill.day, how))
        return [body]

    def _bill_commercial(self, bill: Bill, how: Billing) -> list[Invoice]:
        number = digital_number(self.chance, bill.day)
        bill.fapiao = (digital(number),)
        body = papers.invoice(bill)
        if how.at_tax:
            issued = bill.day + timedelta(days=how.apart)
            self.scene.tax.enter(body, number, "", issued, self._confirmed(issued, how))
        return [body]

    def _bill_both(self, bill: Bill, how: Billing) -> list[Invoice]:
        return self._with_fapiao(bill, how, [list(bill.lines)])

    def _bill_split(self, bill: Bill, how: Billing) -> list[Invoice]:
        """Several tax invoices for one claim: whole lines where there are enough, else parts of each line."""
        lines = list(bill.lines)
        if len(lines) >= how.parts:
            groups = [lines[start :: how.parts] for start in range(how.parts)]
        else:
            groups = [[] for _ in range(how.parts)]
            for line in lines:
                part = (line.quantity / how.parts).quantize(
                    Decimal(1) if line.quantity > 50 else Decimal("0.001")
                )
                rest = line.quantity - part * (how.parts - 1)
                for position, group in enumerate(groups):
                    group.append(line.of(part if position else rest))
        return self._with_fapiao(bill, how, groups)

    def _with_fapiao(self, bill: Bill, how: Billing, groups: list[list[Line]]) -> list[Invoice]:
        numbers = [digital_number(self.chance, bill.day) for _ in groups]
        issued = bill.day + timedelta(days=how.apart)
        official = [
            papers.invoice(
                Bill(
                    number=number,
                    day=issued,
                    seller=bill.seller,
                    buyer=bill.buyer,
                    lines=[line.of(line.quantity, order="", order_line="", receipt="") for line in group],
                    fapiao=(digital(number),),
                    discount=bill.discount if position == 0 else Decimal(0),
                    corrects=bill.corrects,
                )
            )
            for position, (number, group) in enumerate(zip(numbers, groups, strict=True))
        ]
        if how.at_tax:
            for body in official:
                self.scene.tax.issue(body, confirmed_on=self._confirmed(issued, how))
        bill.fapiao = tuple(digital(number) for number in numbers)
        return [papers.invoice(bill), *official]

    def _bill_foreign(self, bill: Bill, how: Billing) -> list[Invoice]:
        bill.currency, bill.zero_rated = "EUR", True
        body = papers.invoice(bill)
        if how.at_tax:
            self.scene.tax.issue(body, confirmed_on=None)
        return [body]

    # --- afterwards -------------------------------------------------------------------------

    def credit(
        self, owed: Owed, lines: Sequence[Line], day: date, *, shown: bool = True, why: str = "credit note"
    ) -> Decimal:
        """The seller takes something back, with a red-letter invoice at tax; what that is with tax."""
        first = owed.documents[-1] if len(owed.documents) == 2 else owed.primary
        own = next((each for each in first.fapiao if each.number == first.number), None)
        number = digital_number(self.chance, day)
        bill = Bill(
            number=number,
            day=day,
            seller=self.seller,
            buyer=self.buyer,
            lines=lines,
            order=owed.primary.order_number or "",
            currency=owed.primary.currency,
            fapiao=(digital(number),) if owed.primary.currency == "CNY" else (),
            corrects=[(first.number, first.issue_date, (own.code or "") if own else "")],
            discount=_same_part(owed, lines),
            zero_rated=owed.primary.currency != "CNY",
        )
        body = papers.credit_note(bill)
        amount = min(body.totals.payable, owed.open(day))
        self._reverse(owed, day, amount)
        self.scene.tax.declare(day, self.seller.id, self.buyer.id, -body.totals.net * YUAN[body.currency])
        owed.reductions.append((day, amount, why))
        if shown:
            self._hand_in(body, day + timedelta(days=1), buyers=False)
        return amount

    def _reverse(self, owed: Owed, day: date, amount: Decimal) -> None:
        """The same at tax, over as many tax invoices as it takes."""
        named = [(each.code or "", each.number) for each in owed.primary.fapiao] or [
            ("", owed.primary.number)
        ]
        for key in named:
            record = self.scene.tax.records.get(key)
            part = min(amount, record.gross - record.red(day)) if record is not None else Decimal(0)
            if record is not None and part > 0:
                record.reds.append((day, part))
                amount -= part

    def confirm(self, owed: Owed, day: date, **fields: Any) -> None:
        """The buyer confirms what it owes (确权)."""
        serial = self.scene.next(f"confirmation {self.buyer.id}", 1)
        fields.setdefault("amount", owed.open(day))
        fields.setdefault("due_date", owed.due)
        paper = papers.confirmation(
            f"QR{day.year}-{self.buyer.number[-2:]}{serial:05d}", day, owed.primary, **fields
        )
        self._hand_in(paper, day + timedelta(days=1), buyers=True)

    def pay(self, owed: Owed, day: date, amount: Decimal | None = None, **fields: Any) -> None:
        """The debtor pays, itself or through its group's treasury."""
        amount = owed.open(day) if amount is None else amount
        if amount <= 0:
            return
        payer = self.pair.treasury or self.buyer
        numbers = (owed.primary.number, *(each.number for each in owed.primary.fapiao))
        values: dict[str, Any] = {"currency": owed.primary.currency}
        self.scene.bank.pay(
            day, amount, payer, self.seller, tuple(dict.fromkeys(numbers)), **(values | fields)
        )
        owed.reductions.append((day, amount, "payment"))


def _same_part(owed: Owed, lines: Sequence[Line]) -> Decimal:
    """The part of the invoice's discount that goes with the lines that are taken back."""
    totals = owed.primary.totals
    if not totals.allowances:
        return Decimal(0)
    net = sum((line.net for line in lines), Decimal(0))
    return papers.cents(totals.allowances * net / totals.line_net)
