"""What institutions have in their books: the truth, with days, so that it can be looked at as of any day."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from consortium.documents import CreditNote, Invoice
from tests.evaluation.scene.companies import Company

YUAN: Final = {"CNY": Decimal(1), "EUR": Decimal("8.2")}
"""What a unit of a currency is worth. Sales are declared in yuan."""


@dataclass(slots=True)
class TaxRecord:
    """An invoice as it was issued through the tax authority.

    :ivar confirmed_on: the buyer confirmed its use on that day
    :ivar reds: what was reversed, by day
    :ivar red_asked_on: a red-letter confirmation (确认单) was opened on that day
    """

    number: str
    code: str
    day: date
    seller: str
    buyer: str
    currency: str
    net: Decimal
    tax: Decimal
    gross: Decimal
    confirmed_on: date | None = None
    voided_on: date | None = None
    red_asked_on: date | None = None
    reds: list[tuple[date, Decimal]] = field(default_factory=list)

    def red(self, on: date) -> Decimal:
        """Reversed until the end of a day."""
        return sum((amount for day, amount in self.reds if day <= on), Decimal(0))

    def state(self, on: date) -> str:
        """As the tax authority calls it."""
        if self.voided_on is not None and self.voided_on <= on:
            return "void"
        red = self.red(on)
        if red <= 0:
            return "normal"
        return "red_full" if red >= self.gross else "red_partial"


class TaxOffice:
    """Invoices by number, and what companies declare."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], TaxRecord] = {}
        self.sales: list[tuple[date, str, str, Decimal]] = []
        """Day, seller's and buyer's identifier, amount without tax in CNY: what was declared."""

    def issue(self, body: Invoice, *, confirmed_on: date | None = None) -> TaxRecord:
        """An invoice is issued through the tax authority as the paper has it."""
        own = next((each for each in body.fapiao if each.number == body.number), None)
        return self.enter(body, body.number, (own.code or "") if own else "", body.issue_date, confirmed_on)

    def enter(
        self, body: Invoice | CreditNote, number: str, code: str, day: date, confirmed_on: date | None
    ) -> TaxRecord:
        """... under this number and day."""
        totals = body.totals
        record = TaxRecord(
            number=number,
            code=code,
            day=day,
            seller=str(body.seller.identifiers[0]),
            buyer=str(body.buyer.identifiers[0]),
            currency=body.currency,
            net=totals.net,
            tax=totals.tax or Decimal(0),
            gross=totals.gross,
            confirmed_on=confirmed_on,
        )
        self.records[code, number] = record
        self.declare(day, record.seller, record.buyer, record.net * YUAN[record.currency])
        return record

    def declare(self, day: date, seller: str, buyer: str, net: Decimal) -> None:
        """A sale is declared, whether its invoice is shown to a bank or not."""
        self.sales.append((day, seller, buyer, net))


@dataclass(slots=True)
class Entry:
    """Money that was booked.

    :ivar payer: who paid, really
    :ivar shown_id: whether the statement has the payer's identifier
    :ivar to_account: which account got it
    :ivar owner: whose account that is
    :ivar for_numbers: invoice numbers in the remittance text
    """

    reference: str
    day: date
    amount: Decimal
    currency: str
    payer: Company
    to_account: str
    owner: Company
    for_numbers: tuple[str, ...]
    shown_id: bool = True
    payer_name: str = ""
    reversal: bool = False


class Bank:
    """Accounts and what was booked on them."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.owners: dict[str, Company] = {}

    def pay(
        self,
        day: date,
        amount: Decimal,
        payer: Company,
        to: Company,
        numbers: tuple[str, ...],
        **fields: object,
    ) -> Entry:
        """A payment to a company's first account, unless it says otherwise."""
        values: dict[str, object] = {
            "reference": f"E{len(self.entries) + 1:05d}",
            "currency": "CNY",
            "to_account": to.accounts[0],
            "owner": to,
        }
        entry = Entry(day=day, amount=amount, payer=payer, for_numbers=numbers, **(values | fields))  # type: ignore[arg-type]
        self.entries.append(entry)
        return entry


@dataclass(slots=True)
class Filing:
    """A registration in the movable-property registry.

    :ivar assets: ``all_receivables``, ``invoices``, ``inventory``, ``equipment``
    :ivar invoices: invoice numbers, where it lists them
    """

    number: str
    assignor: Company
    secured: str
    day: date
    until: date
    assets: str
    description: str
    invoices: tuple[str, ...] = ()
    debtor: str = ""
    amount: Decimal = Decimal(0)
    cancelled_on: date | None = None
    name_used: str = ""


@dataclass(slots=True)
class CreditFile:
    """What the bureau knows of a company."""

    past_overdue: int = 0
    overdue_days: int = 0
    enforced: bool = False
    liabilities: Decimal = Decimal(0)
    related: list[tuple[Company, str]] = field(default_factory=list)
    """Companies with a link: ``owner``, ``officer``, ``address``, ``controller``."""


@dataclass(slots=True)
class ClaimEntry:
    """A claim of a bank on an asset of the ledger.

    :ivar on: number of the document whose asset it is, by kind
    :ivar own: of the bank that asks now
    """

    document: str
    share: Decimal
    own: bool
    day: date
    state: str = "financed"
    ended: date | None = None


@dataclass(slots=True)
class BillPart:
    """Units of a package in one state and one hand, from a day on."""

    first: int
    last: int
    holder: Company
    status: str = "CS03"
    flag: str = "TF0301"
    pledgee: Company | None = None
    lock: str = ""
    since: date = date.min


@dataclass(slots=True)
class ExchangeBill:
    """A package as the commercial-paper exchange has it.

    :ivar units: last unit; 0 when it cannot be divided
    :ivar parts: later ones replace earlier ones of the same units
    """

    number: str
    kind: str
    amount: Decimal
    units: int
    issued: date
    due: date
    drawer: Company
    acceptor: Company
    payee: Company
    acceptor_account: str
    acceptor_bank: str
    parts: list[BillPart]
    overdue: bool = False
    transferable: bool = True

    def on(self, day: date) -> list[BillPart]:
        """Its parts as they are on a day, in order."""
        found: dict[tuple[int, int], BillPart] = {}
        for part in self.parts:
            if part.since <= day:
                found[part.first, part.last] = part
        return [found[key] for key in sorted(found)]
