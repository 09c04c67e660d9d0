"""What the institutions are asked for one package, and asking them.

The tax authority is asked first where the registry needs former names of it; all others are asked at the same time.
Silence is an answer: nothing here raises for what an institution does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from consortium.documents import Bill, Document, Invoice, PurchaseOrder, WarehouseReceipt
from consortium.documents.invoice import InvoiceBase
from consortium.documents.party import primary_id
from consortium.documents.roles import parties_of
from crossverify.answers import Gap, Taxpayer, read
from crossverify.evidence import EvidenceDocument, SourceAnswer, SourceState
from crossverify.sources.bank import AccountQuestion, FlowQuestion, PaymentQuestion, account_questions
from crossverify.sources.bills import BillQuestion
from crossverify.sources.bills import questions_about as bill_questions
from crossverify.sources.credit import ReportQuestion
from crossverify.sources.registry import RegistryQuestion
from crossverify.sources.registry import questions_about as registry_questions
from crossverify.sources.tax import InvoiceQuestion, SalesQuestion, tax_id_of
from finance_gateway.packages.ports import Institutions

_TAX_SCHEMES = frozenset({"uscc", "vat"})
"""Identifiers under which a tax authority knows a party."""

_TRADING = (InvoiceBase, PurchaseOrder, Bill, WarehouseReceipt)
"""Documents whose parties have to be known to tax."""

MAX_ACCOUNTS = 1_000
"""Accounts whose owner is asked for one package."""

Answers = Mapping[str, SourceAnswer | None]
"""By source; ``None`` for an institution that this bank has no contract with."""


@dataclass(frozen=True, slots=True)
class Questions:
    """Everything that is asked for one package.

    :ivar subjects: the subject's identifiers
    :ivar documents: the documents, for the names that a registry is searched under
    """

    subjects: tuple[str, ...]
    documents: tuple[Document, ...]
    invoices: tuple[InvoiceQuestion, ...]
    taxpayers: tuple[str, ...]
    sales: tuple[SalesQuestion, ...]
    payments: tuple[PaymentQuestion, ...]
    accounts: tuple[AccountQuestion, ...]
    flows: tuple[FlowQuestion, ...]
    reports: tuple[ReportQuestion, ...]
    bills: tuple[BillQuestion, ...]

    def assignors(self, tax: SourceAnswer | None) -> list[RegistryQuestion]:
        """What the registry is asked: the subject, with the names that the tax authority has for it too."""
        return registry_questions(self.subjects, self.documents, _names(self.subjects, tax))


def questions_of(
    subjects: Sequence[str], documents: Sequence[EvidenceDocument], consent_id: str
) -> Questions:
    """What has to be asked about a subject and its documents.

    :param subjects: the subject's identifiers as "scheme:value"
    :param consent_id: the authorisation under which the bureau is asked
    """
    bodies = tuple(item.document for item in documents)
    invoices = [(item.fingerprint, item.document) for item in documents if isinstance(item.document, Invoice)]
    taxable = [body for body in bodies if isinstance(body, InvoiceBase)]
    traders = [body for body in bodies if isinstance(body, _TRADING)]
    debtors = _debtors(taxable, subjects)
    own_invoices = [invoice for _, invoice in invoices if _sells(invoice, subjects)]
    own = sorted({each for body in taxable for each in _own_tax_ids(body, subjects)}) or list(subjects)
    return Questions(
        subjects=tuple(subjects),
        documents=bodies,
        invoices=tuple(InvoiceQuestion.of(fingerprint, invoice) for fingerprint, invoice in invoices),
        taxpayers=tuple(sorted({each for body in traders for each in _tax_ids(body)} | set(subjects))),
        sales=tuple(SalesQuestion.of(each) for each in own),
        payments=tuple(PaymentQuestion.of(fingerprint, invoice) for fingerprint, invoice in invoices),
        accounts=tuple(account_questions(own_invoices))[:MAX_ACCOUNTS],
        flows=tuple(
            FlowQuestion.of(each, name=_name(own_invoices), accounts=_accounts(own_invoices))
            for each in subjects
        ),
        reports=(
            *(ReportQuestion(each, consent_id) for each in subjects),
            *(ReportQuestion(each, consent_id, relations_only=True) for each in debtors),
        ),
        bills=tuple(bill_questions(body for body in bodies if isinstance(body, Bill))),
    )


async def ask_all(institutions: Institutions, questions: Questions) -> Answers:
    """Asks every institution; see the module."""
    tax = asyncio.create_task(_tax(institutions, questions))
    bank, credit, registry, bills = await asyncio.gather(
        _bank(institutions, questions),
        _credit(institutions, questions),
        _registry(institutions, questions, tax),
        _bills(institutions, questions),
    )
    return {"tax": await tax, "bank": bank, "credit": credit, "registry": registry, "bills": bills}


async def _tax(institutions: Institutions, questions: Questions) -> SourceAnswer | None:
    if institutions.tax is None:
        return None
    return await institutions.tax.ask(questions.invoices, questions.taxpayers, questions.sales)


async def _bank(institutions: Institutions, questions: Questions) -> SourceAnswer | None:
    if institutions.bank is None:
        return None
    return await institutions.bank.ask(questions.payments, questions.accounts, questions.flows)


async def _credit(institutions: Institutions, questions: Questions) -> SourceAnswer | None:
    return None if institutions.credit is None else await institutions.credit.ask(questions.reports)


async def _registry(
    institutions: Institutions, questions: Questions, tax: asyncio.Task[SourceAnswer | None]
) -> SourceAnswer | None:
    if institutions.registry is None:
        return None
    return await institutions.registry.ask(questions.assignors(await tax))


async def _bills(institutions: Institutions, questions: Questions) -> SourceAnswer | None:
    """An exchange that has nothing to be asked about is not asked."""
    if institutions.bills is None or not questions.bills:
        return None
    return await institutions.bills.ask(questions.bills)


def _names(subjects: Iterable[str], tax: SourceAnswer | None) -> list[str]:
    """Registered and former names of the subject, as tax has them."""
    if tax is None or tax.state is not SourceState.ANSWERED:
        return []
    said = [read(Taxpayer, tax, each, "tax") for each in subjects]
    return [
        name for each in said if not isinstance(each, Gap) for name in (each.name, *each.former_names) if name
    ]


def _debtors(documents: Iterable[InvoiceBase], subjects: Iterable[str]) -> list[str]:
    own = {each.casefold() for each in subjects}
    found = {str(primary_id(document.buyer)) for document in documents}
    return sorted(each for each in found if each.casefold() not in own)


def _sells(invoice: Invoice, subjects: Iterable[str]) -> bool:
    own = {each.casefold() for each in subjects}
    return any(str(each).casefold() in own for each in invoice.seller.identifiers)


def _name(own: Sequence[Invoice]) -> str:
    """The subject's name on its latest invoice."""
    latest = max(own, key=lambda invoice: (invoice.issue_date, invoice.number), default=None)
    return "" if latest is None else latest.seller.name or ""


def _accounts(own: Iterable[Invoice]) -> list[str]:
    """The accounts that the subject shows: those that it wants to be paid to."""
    return sorted({account.account_id for invoice in own for account in invoice.payee_accounts})


def _tax_ids(document: Document) -> set[str]:
    return {
        str(each)
        for party in parties_of(document)
        for each in party.identifiers
        if each.scheme in _TAX_SCHEMES
    }


def _own_tax_ids(document: InvoiceBase, subjects: Iterable[str]) -> set[str]:
    """Under which identifier tax knows the subject's sales."""
    own = {each.casefold() for each in subjects}
    return {
        tax_id_of(party)
        for party in parties_of(document)
        if any(str(each).casefold() in own for each in party.identifiers)
    }
