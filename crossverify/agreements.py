"""Which documents speak about which receivable: what its debtor said, its statements, contracts, orders, receipts.

Whose word a document is follows from the ledger, not from the paper: it is the debtor's where the debtor handed it in
or signed it, and the seller's otherwise. A document that is void, or that is the debtor's in name only, is left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from consortium.documents import (
    AssignmentAcknowledgement,
    AssignmentNotice,
    Contract,
    DebtorConfirmation,
    Document,
    FinancingRequestDocument,
    GoodsReceipt,
    Invoice,
    ListedInvoice,
    PurchaseOrder,
    StatementLine,
    StatementOfAccount,
    TransportDocument,
)
from consortium.documents.fingerprint import alias_identities, reference_identities
from consortium.documents.party import Party, same_party
from consortium.documents.roles import Reference, buyer_of, references_of, seller_of
from crossverify.evidence import EvidenceDocument
from crossverify.percase import per_case
from crossverify.who import Who, who_of

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

MAX_AMENDMENTS = 64
"""Contracts that amend one another, followed from one of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """What a statement of account says about one receivable; it may list it in parts.

    :ivar line: the first line about it
    :ivar position: number of that line, from 1
    :ivar amount: of all its lines together
    :ivar disputed: of all its lines together; none where no line says any
    """

    item: EvidenceDocument
    body: StatementOfAccount
    line: StatementLine
    position: int
    amount: Decimal
    disputed: Decimal | None


@dataclass(frozen=True, slots=True, eq=False)
class Acknowledgement:
    """What a debtor's acknowledgement of an assignment says about one receivable.

    :ivar line: the line about it; none where the paper means all that the notice lists
    :ivar position: number of that line, from 1
    """

    item: EvidenceDocument
    body: AssignmentAcknowledgement
    line: ListedInvoice | None
    position: int


@dataclass(frozen=True, slots=True, eq=False)
class Notice:
    """A notice of assignment that covers one receivable."""

    item: EvidenceDocument
    body: AssignmentNotice


@dataclass(frozen=True, slots=True, eq=False)
class Agreed:
    """A contract with all that amends it, newest first.

    :ivar circular: whether its amendments go round in a circle
    :ivar named: whether an invoice or order names it; else it is a framework of the same parties in force that day
    """

    parts: tuple[tuple[EvidenceDocument, Contract], ...]
    circular: bool
    named: bool


@dataclass(slots=True, eq=False)
class Voices:
    """Everything that speaks about one receivable; lists are newest first.

    :ivar confirmations: of the debtor itself
    :ivar acknowledgements: of the debtor itself
    :ivar acknowledged: statements of the debtor itself
    :ivar statements: of the seller
    :ivar contracts_missing: numbers of contracts that are named and not here
    """

    confirmations: list[tuple[EvidenceDocument, DebtorConfirmation]] = field(default_factory=list)
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    acknowledged: list[Statement] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    requests: list[tuple[EvidenceDocument, FinancingRequestDocument]] = field(default_factory=list)
    contracts: list[Agreed] = field(default_factory=list)
    contracts_missing: list[str] = field(default_factory=list)
    orders: list[tuple[EvidenceDocument, PurchaseOrder]] = field(default_factory=list)
    receipts: list[tuple[EvidenceDocument, GoodsReceipt]] = field(default_factory=list)
    transports: list[tuple[EvidenceDocument, TransportDocument]] = field(default_factory=list)


def from_debtor(item: EvidenceDocument, receivable: Receivable) -> bool:
    """Whether a document is the word of the receivable's debtor itself: names it, and was handed in or signed by it."""
    buyer = buyer_of(item.document)
    named = buyer is not None and same_party(buyer, receivable.invoice.buyer)
    if not named and item.buyer != receivable.primary.buyer:
        return False
    debtors = {item.buyer, receivable.primary.buyer} - {""}
    return item.pushed_by in debtors or item.signed_by in debtors


@dataclass(slots=True, eq=False)
class Deliveries:
    """Receipts and transport documents by order."""

    receipts: dict[str, list[tuple[EvidenceDocument, GoodsReceipt]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    transports: dict[str, list[tuple[EvidenceDocument, TransportDocument]]] = field(
        default_factory=lambda: defaultdict(list)
    )


@per_case
def deliveries_of(case: Case) -> Deliveries:
    """Receipts and transport documents of a case by the fingerprint of their order."""
    found = Deliveries()
    for item in case.documents:
        body = item.document
        if item.state == "void" or not isinstance(body, GoodsReceipt | TransportDocument):
            continue
        orders: dict[str, None] = {}
        for reference in references_of(body):
            if reference.kind == "purchase_order":
                order = case.find(reference, body)
                if order is not None:
                    orders[order.fingerprint] = None
        for order_fingerprint in orders:
            if isinstance(body, GoodsReceipt):
                found.receipts[order_fingerprint].append((item, body))
            else:
                found.transports[order_fingerprint].append((item, body))
    return found


@per_case
def voices_of(case: Case) -> Mapping[str, Voices]:
    """What speaks about each receivable, by its fingerprint."""
    return _Index(case).voices


class _Index:
    def __init__(self, case: Case) -> None:
        self._case = case
        self._who: Who = who_of(case)
        self.voices = {each.fingerprint: Voices() for each in case.receivables}
        self._receivables = {each.fingerprint: each for each in case.receivables}
        self._of_member = {
            item.fingerprint: each.fingerprint for each in case.receivables for item in each.members
        }
        self._of_alias: dict[tuple[str, ...], str] = {}
        self._of_pair: dict[tuple[str, str], list[str]] = defaultdict(list)
        for each in case.receivables:
            self._of_pair[self._pair(each.invoice.seller, each.invoice.buyer)].append(each.fingerprint)
            for item in each.members:
                for identity in alias_identities(item.document):
                    self._of_alias.setdefault(identity, each.fingerprint)
        self._contracts = _Contracts(case, self._who)
        for item in reversed(case.documents):
            if item.state != "void":
                self._hear(item)
        for each in case.receivables:
            self._trade_of(each, self.voices[each.fingerprint])

    def _pair(self, seller: Party, buyer: Party) -> tuple[str, str]:
        return self._who.of(seller), self._who.of(buyer)

    def _hear(self, item: EvidenceDocument) -> None:
        body = item.document
        if isinstance(body, DebtorConfirmation):
            for key in self._listed(item):
                if from_debtor(item, self._receivables[key]):
                    self.voices[key].confirmations.append((item, body))
        elif isinstance(body, AssignmentAcknowledgement):
            self._hear_acknowledgement(item, body)
        elif isinstance(body, StatementOfAccount):
            self._hear_statement(item, body)
        elif isinstance(body, AssignmentNotice):
            for key in self._noticed(item, body):
                self.voices[key].notices.append(Notice(item, body))
        elif isinstance(body, FinancingRequestDocument):
            for key in self._listed(item):
                self.voices[key].requests.append((item, body))

    def _hear_acknowledgement(self, item: EvidenceDocument, body: AssignmentAcknowledgement) -> None:
        found: dict[str, Acknowledgement] = {}
        for position, line in enumerate(body.lines, 1):
            key = self._meant(line, body)
            if key is not None:
                found.setdefault(key, Acknowledgement(item, body, line, position))
        if not body.lines:
            reference = next(each for each in references_of(body) if each.kind == "assignment_notice")
            notice = self._case.find(reference, body)
            if notice is not None and isinstance(notice.document, AssignmentNotice):
                for key in self._noticed(notice, notice.document):
                    found.setdefault(key, Acknowledgement(item, body, None, 0))
        for key, said in found.items():
            if from_debtor(item, self._receivables[key]):
                self.voices[key].acknowledgements.append(said)

    def _hear_statement(self, item: EvidenceDocument, body: StatementOfAccount) -> None:
        parts: dict[str, list[tuple[int, StatementLine]]] = {}
        for position, line in enumerate(body.lines, 1):
            if line.document_kind != "invoice":
                continue
            number, day, code = line.document_number, line.document_date, line.fapiao_code
            reference = Reference("invoice", number, body.seller, body.buyer, day, code)
            key = self._key_of(reference, body)
            if key is not None:
                parts.setdefault(key, []).append((position, line))
        for key, lines in parts.items():
            position, first = lines[0]
            amount = sum((line.amount for _, line in lines), Decimal(0))
            disputes = [line.disputed_amount for _, line in lines if line.disputed_amount is not None]
            disputed = sum(disputes, Decimal(0)) if disputes else None
            said = Statement(item, body, first, position, amount, disputed)
            if body.issued_by == "seller":
                self.voices[key].statements.append(said)
            elif from_debtor(item, self._receivables[key]):
                self.voices[key].acknowledged.append(said)

    def _noticed(self, item: EvidenceDocument, body: AssignmentNotice) -> list[str]:
        if body.all_claims:
            return self._of_pair.get(self._pair(body.seller, body.buyer), [])
        return list(self._listed(item))

    def _meant(self, line: ListedInvoice, body: Document) -> str | None:
        reference = Reference(
            "invoice",
            line.invoice_number,
            seller_of(body),
            buyer_of(body),
            line.invoice_date,
            line.fapiao_code,
        )
        return self._key_of(reference, body)

    def _listed(self, item: EvidenceDocument) -> Iterator[str]:
        """Receivables whose invoices a document refers to, each once."""
        seen: set[str] = set()
        for reference in references_of(item.document):
            key = self._key_of(reference, item.document) if reference.kind == "invoice" else None
            if key is not None and key not in seen:
                seen.add(key)
                yield key

    def _key_of(self, reference: Reference, document: Document) -> str | None:
        found = self._case.find(reference, document)
        if found is not None and found.fingerprint in self._of_member:
            return self._of_member[found.fingerprint]
        for identity in reference_identities(reference, document):
            if identity in self._of_alias:
                return self._of_alias[identity]
        return None

    def _trade_of(self, receivable: Receivable, voices: Voices) -> None:
        """Orders, receipts, transport documents and contracts of a receivable's trade."""
        found: dict[str, EvidenceDocument] = {}
        for item in receivable.members:
            for reference in references_of(item.document):
                if reference.kind in ("purchase_order", "goods_receipt"):
                    other = self._case.find(reference, item.document)
                    if other is not None and other.state != "void":
                        found[other.fingerprint] = other
        for item in found.values():
            if isinstance(item.document, PurchaseOrder):
                voices.orders.append((item, item.document))
            elif isinstance(item.document, GoodsReceipt):
                voices.receipts.append((item, item.document))
        orders = [item.fingerprint for item, _ in voices.orders]
        direct = bool(voices.receipts)
        delivered = deliveries_of(self._case)
        for order in orders:
            voices.transports.extend(delivered.transports.get(order, ()))
            if not direct:
                voices.receipts.extend(delivered.receipts.get(order, ()))
        self._contracts.of(receivable, voices)


class _Contracts:
    """Contracts by their parties, with what amends them."""

    def __init__(self, case: Case, who: Who) -> None:
        self._case = case
        self._who = who
        self._amending: dict[str, list[EvidenceDocument]] = defaultdict(list)
        self._amended: dict[str, EvidenceDocument] = {}
        self._frameworks: dict[tuple[str, str], list[tuple[EvidenceDocument, Contract]]] = defaultdict(list)
        for item in case.documents:
            body = item.document
            if not isinstance(body, Contract) or item.state == "void":
                continue
            if body.form == "framework":
                self._frameworks[who.of(body.seller), who.of(body.buyer)].append((item, body))
            for reference in references_of(body):
                other = case.find(reference, body)
                if other is not None:
                    self._amended[item.fingerprint] = other
                    self._amending[other.fingerprint].append(item)

    def of(self, receivable: Receivable, voices: Voices) -> None:
        """The contracts that a receivable comes from: those that its documents name, else the frameworks of its parties
        that were in force when it was invoiced."""
        invoice = receivable.invoice
        numbers: dict[str, None] = {}
        bodies: Iterable[Document] = (
            *(item.document for item in receivable.members),
            *(body for _, body in voices.orders),
        )
        for body in bodies:
            number = body.contract_number if isinstance(body, Invoice | PurchaseOrder) else None
            if number is not None:
                numbers[number] = None
        seen: set[str] = set()
        for number in numbers:
            reference = Reference("contract", number, invoice.seller, invoice.buyer)
            found = self._case.find(reference, invoice)
            if found is None or found.state == "void":
                voices.contracts_missing.append(number)
            elif found.fingerprint not in seen:
                self._take(found, receivable, voices, seen, named=True)
        if numbers:
            return
        pair = self._who.of(invoice.seller), self._who.of(invoice.buyer)
        for item, body in self._frameworks.get(pair, ()):
            begins = body.effective_date or body.issue_date
            in_force = begins <= invoice.issue_date <= (body.end_date or invoice.issue_date)
            if in_force and item.fingerprint not in seen:
                self._take(item, receivable, voices, seen, named=False)

    def _take(
        self,
        start: EvidenceDocument,
        receivable: Receivable,
        voices: Voices,
        seen: set[str],
        *,
        named: bool,
    ) -> None:
        """A contract with what it amends and what amends it, as far as that was in force at the invoice's date."""
        family: dict[str, tuple[EvidenceDocument, Contract]] = {}
        circular = False
        root = start
        above: set[str] = set()
        while root.fingerprint in self._amended and root.fingerprint not in above:
            above.add(root.fingerprint)
            root = self._amended[root.fingerprint]
        circular = root.fingerprint in above
        waiting = [root]
        while waiting and len(family) < MAX_AMENDMENTS:
            item = waiting.pop()
            if item.fingerprint in family or not isinstance(item.document, Contract):
                continue
            family[item.fingerprint] = (item, item.document)
            waiting.extend(self._amending.get(item.fingerprint, ()))
        seen.update(family)
        day = receivable.invoice.issue_date
        parts = [
            pair
            for pair in family.values()
            if pair[0] is start or (pair[1].effective_date or pair[1].issue_date) <= day
        ]
        parts.sort(
            key=lambda pair: (pair[1].effective_date or pair[1].issue_date, pair[0].block, pair[0].tx_index),
            reverse=True,
        )
        voices.contracts.append(Agreed(tuple(parts), circular, named))
