"""One application: a supplier, its buyers, their papers, and the books of everybody who could be asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from consortium.documents import Document, Invoice, PurchaseOrder
from tests.evaluation.chance import Chance
from tests.evaluation.scene.books import (
    Bank,
    ClaimEntry,
    CreditFile,
    ExchangeBill,
    Filing,
    TaxOffice,
    TaxRecord,
)
from tests.evaluation.scene.companies import Company
from tests.evaluation.scene.papers import Line

APPLIED: Final = date(2026, 6, 30)
"""The day on which suppliers apply."""
LATER: Final = APPLIED + timedelta(days=75)
"""The day on which financed receivables are looked at again."""


@dataclass(eq=False, slots=True)
class Paper:
    """A document on its way to the bank.

    :ivar at: day on which it is registered
    :ivar by: whose system hands it in
    :ivar signed: whether the one whose document it is signed it with its key on the ledger
    """

    document: Document
    at: date
    by: Company
    signed: bool = False


@dataclass(eq=False, slots=True)
class Owed:
    """A receivable as it really is.

    :ivar documents: its invoices, the one that states its amount first
    :ivar reductions: what took from it: day, amount with tax, why
    :ivar fraud: name of the fraud; empty when it is honest
    :ivar obstacle: why it cannot be financed although it is honest
    :ivar brought: whether the supplier asks for money on it; papers are there for others too
    """

    documents: list[Invoice]
    seller: Company
    debtor: Company
    lines: list[Line]
    due: date
    face: Decimal
    reductions: list[tuple[date, Decimal, str]] = field(default_factory=list)
    fraud: str = ""
    brought: bool = True
    obstacle: str = ""
    noise: set[str] = field(default_factory=set)

    @property
    def primary(self) -> Invoice:
        """The document that states its amount."""
        return self.documents[0]

    def open(self, on: date) -> Decimal:
        """What is still owed at the end of a day."""
        gone = sum((amount for day, amount, _ in self.reductions if day <= on), Decimal(0))
        return max(self.face - gone, Decimal(0))

    def claimed(self, on: date) -> Decimal:
        """What the supplier says is owed."""
        gone = sum(
            (amount for day, amount, why in self.reductions if day <= on and why != "fraud"), Decimal(0)
        )
        return max(self.face - gone, Decimal(0))


@dataclass(eq=False, slots=True)
class Asset:
    """An order, a warehouse receipt or a bill on which money is asked for.

    :ivar worth: what it is really worth to a lender
    """

    primary: Document
    face: Decimal
    worth: Decimal
    fraud: str = ""
    lines: list[Line] = field(default_factory=list)
    noise: set[str] = field(default_factory=set)
    brought: bool = True

    def open(self, on: date) -> Decimal:
        """What it is worth, on any day."""
        assert on
        return self.worth


@dataclass(eq=False, slots=True)
class Order:
    """An order as it was placed."""

    paper: PurchaseOrder
    lines: list[Line]
    day: date


@dataclass(eq=False, slots=True)
class Delivery:
    """Goods that came: ``lines`` hold what was accepted, in the unit of the receipt.

    :ivar late: the receipt is handed in only after the application
    """

    number: str
    day: date
    lines: list[Line]
    late: bool = False


@dataclass(eq=False, slots=True)
class Pair:
    """A supplier's habits with one buyer."""

    buyer: Company
    member: bool
    terms: int
    contract: str
    treasury: Company | None
    treasury_known: bool
    confirms: bool
    monthly: bool
    standing: bool
    foreign: bool
    invoicing: str
    shows_contract: bool = True
    shown: bool = True
    barred_abroad: bool = False
    orders: list[Order] = field(default_factory=list)


@dataclass(eq=False)
class Scene:
    """Everything about one application.

    :ivar pairs: the supplier's buyers, with the habits of trading with each
    :ivar companies: everybody, by identifier
    :ivar own_accounts: of the supplier, known to the bank
    """

    chance: Chance
    supplier: Company
    pairs: list[Pair] = field(default_factory=list)
    companies: dict[str, Company] = field(default_factory=dict)
    papers: list[Paper] = field(default_factory=list)
    owed: list[Owed] = field(default_factory=list)
    assets: list[Asset] = field(default_factory=list)
    tax: TaxOffice = field(default_factory=TaxOffice)
    bank: Bank = field(default_factory=Bank)
    filings: list[Filing] = field(default_factory=list)
    files: dict[str, CreditFile] = field(default_factory=dict)
    claims: list[ClaimEntry] = field(default_factory=list)
    bills: dict[str, ExchangeBill] = field(default_factory=dict)
    consent_ends: date | None = None
    """Day on which the consent is withdrawn."""
    onboarded: date | None = None
    """Day on which the supplier joined and pushed what it had; papers before it were registered then."""
    counters: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.meet(self.supplier)

    def meet(self, company: Company) -> Company:
        """Makes a company known to everybody."""
        self.companies[company.id] = company
        for account in company.accounts:
            self.bank.owners[account] = company
        self.files.setdefault(company.id, CreditFile())
        return company

    def next(self, name: str, first: int = 1) -> int:
        """The next number of a series."""
        self.counters[name] = self.counters.get(name, first - 1) + 1
        return self.counters[name]

    def show(self, document: Document, by: Company, at: date, *, signed: bool = False) -> Paper:
        """A paper is handed in."""
        if self.onboarded is not None and at < self.onboarded:
            at = self.onboarded
        paper = Paper(document, at, by, signed)
        self.papers.append(paper)
        return paper

    def withdraw(self, *documents: Document) -> None:
        """Papers that were never handed in after all."""
        gone = {id(each) for each in documents}
        self.papers = [paper for paper in self.papers if id(paper.document) not in gone]

    def replace(self, old: Invoice, new: Invoice) -> None:
        """A paper is handed in with another content than it had."""
        for paper in self.papers:
            if paper.document is old:
                paper.document = new
        for owed in self.owed:
            owed.documents = [new if each is old else each for each in owed.documents]

    @property
    def things(self) -> list[Owed | Asset]:
        """Everything that a bank could lend on."""
        return [*self.owed, *self.assets]

    def record(self, owed: Owed) -> TaxRecord | None:
        """The first tax invoice of a receivable."""
        named = [(each.code or "", each.number) for each in owed.primary.fapiao] or [
            ("", owed.primary.number)
        ]
        return self.tax.records.get(named[0])
