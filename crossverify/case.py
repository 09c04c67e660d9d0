"""A case: the evidence of one request, indexed once, so that rules look things up and never search.

Order is part of the index: documents are sorted by issue date, then ledger position, then fingerprint,
whatever order the evidence lists them in. Everything here is pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TypeVar

from consortium.documents import CreditNote, DebtorConfirmation, Document, Invoice
from consortium.documents.fingerprint import (
    alias_identities,
    identities,
    normalised_number,
    reference_identities,
)
from consortium.documents.party import Party, same_party
from consortium.documents.roles import Reference, buyer_of, references_of, seller_of
from crossverify.answers import (
    CANCELLED_BY_TAX,
    SOURCES,
    Answer,
    CreditReport,
    Gap,
    PaymentAnswer,
    TaxInvoice,
    Taxpayer,
    gap_of,
    read,
)
from crossverify.billing import BillAsset
from crossverify.billing import bills as bills_of
from crossverify.desk import DeskInfo
from crossverify.evidence import AssetState, Evidence, EvidenceDocument, SourceAnswer
from crossverify.figures import DAY, AssetKind, MaxAges
from crossverify.goods import StoredGoodsAsset, warehouse_receipts
from crossverify.match import Matching, match_case
from crossverify.orders import Asset, OrderAsset, orders_of
from crossverify.rule import Input
from crossverify.trade import Trade

A = TypeVar("A", bound=Answer)
_NOT_ON_LEDGER = 2**62  # sorts behind every block
_OFFICIAL = "cn-"  # first letters of the identities of Chinese tax invoices


@dataclass(frozen=True, slots=True, eq=False)
class Credit:
    """What one document takes back of one receivable.

    :ivar document: a credit note, or a corrective invoice below zero
    :ivar amount: its part for this receivable, with tax, in the receivable's currency; not negative
    """

    document: EvidenceDocument
    amount: Decimal


@dataclass(frozen=True, slots=True, eq=False)
class Receivable:
    """One claim of the subject on a debtor, with all its documents.

    :ivar fingerprint: its asset on the ledger; of its first document where the ledger knows none
    :ivar primary: the document that states its amount
    :ivar invoice: that document's body
    :ivar members: all invoices of it, ``primary`` included: a commercial invoice and its 数电票, say
    :ivar assets: its rows on the ledger; more than one only where documents of one sale were registered apart
    :ivar credits: what was taken back
    :ivar odd_credits: credit notes in another currency, which cannot be set off
    :ivar confirmations: the debtor's answers, oldest first
    """

    fingerprint: str
    primary: EvidenceDocument
    invoice: Invoice
    members: tuple[EvidenceDocument, ...]
    assets: tuple[AssetState, ...]
    credits: tuple[Credit, ...]
    odd_credits: tuple[EvidenceDocument, ...]
    confirmations: tuple[EvidenceDocument, ...]

    @property
    def number(self) -> str:
        """Number of the invoice that states its amount."""
        return self.invoice.number

    @property
    def face(self) -> Decimal:
        """Face value: amount due with tax (BT-115), never negative."""
        return max(self.invoice.totals.payable, Decimal(0))

    @property
    def currency(self) -> str:
        """ISO 4217 code."""
        return self.invoice.currency

    @property
    def credited(self) -> Decimal:
        """Sum of what was taken back."""
        return sum((item.amount for item in self.credits), Decimal(0))


def order_key(item: EvidenceDocument) -> tuple[str, int, int, str]:
    """Issue date, then ledger position, then fingerprint."""
    return item.document.issue_date.isoformat(), item.block or _NOT_ON_LEDGER, item.tx_index, item.fingerprint


class Case:
    """The indexed evidence.

    :param evidence: everything that is known
    :param ages: maximum ages of sources
    :param lends_on: what the bank lends on
    """

    def __init__(self, evidence: Evidence, ages: MaxAges, lends_on: AssetKind = AssetKind.RECEIVABLE) -> None:
        self.evidence = evidence
        self.ages = ages
        self.lends_on = lends_on
        self.now = evidence.evaluated_at
        self._subject_ids = {text.casefold() for text in evidence.subject.identifiers}
        self.documents = tuple(sorted(map(self._of_two_sides, evidence.documents), key=order_key))
        self.asset_of = self._index_assets()
        self.desk = evidence.desk or DeskInfo()
        self._gaps = {
            source: gap_of(said, source, self.now, getattr(ages, source) or DAY, ages.clock_slack)
            for source, said in (
                ("ledger", evidence.ledger),
                *((each, evidence.answer(each)) for each in SOURCES),
            )
        }
        self._by_identity, self._by_number = self._index_documents()
        self._found: dict[tuple[object, ...], tuple[EvidenceDocument | None, Reference, Document]] = {}
        self.receivables = self._receivables()

    @cached_property
    def assets(self) -> tuple[Asset, ...]:
        """What the bank lends on under this profile: one decision each."""
        if self.lends_on is AssetKind.ORDER:
            return self.orders
        if self.lends_on is AssetKind.BILL:
            return self.bills
        if self.lends_on is AssetKind.WAREHOUSE_RECEIPT:
            return self.warehouse_receipts
        return self.receivables

    @cached_property
    def orders(self) -> tuple[OrderAsset, ...]:
        """The subject's orders as their seller."""
        return orders_of(self)

    @cached_property
    def bills(self) -> tuple[BillAsset, ...]:
        """The bills that the subject holds."""
        return bills_of(self)

    @cached_property
    def warehouse_receipts(self) -> tuple[StoredGoodsAsset, ...]:
        """The warehouse receipts that the subject holds."""
        return warehouse_receipts(self)

    @cached_property
    def trade(self) -> Trade:
        """Orders, receipts and invoices joined line by line."""
        return Trade(self)

    @cached_property
    def matching(self) -> Matching:
        """The same by line, in the second way: with several despatches, receipts and invoices."""
        return match_case(self)

    # --- what sources say -------------------------------------------------------------------

    def gap(self, source: str) -> Gap | None:
        """Why a source as a whole says nothing; ``None`` when it may be used."""
        return self._gaps[source]

    def answer(self, source: str, kind: type[A], reference: str) -> A | Gap:
        """What an institution says to one question, or why it says nothing.

        :param kind: type of the answer
        :param reference: what the question was about
        """
        return self._gaps[source] or read(kind, self._asked(source), reference, source)

    def tax_invoice(self, fingerprint: str) -> TaxInvoice | Gap:
        """What tax says about an invoice, or why it says nothing."""
        return self.answer("tax", TaxInvoice, fingerprint)

    def taxpayer(self, identifier: str) -> Taxpayer | Gap:
        """What tax says about a party."""
        return self.answer("tax", Taxpayer, identifier)

    def payments(self, fingerprint: str) -> PaymentAnswer | Gap:
        """What the bank says about payments of a receivable."""
        return self.answer("bank", PaymentAnswer, fingerprint)

    def report(self, identifier: str) -> CreditReport | Gap:
        """What the bureau says about a subject."""
        return self.answer("credit", CreditReport, identifier)

    def as_of(self, source: str) -> int:
        """As-of time of a source's answer; 0 when there is none."""
        if source == "desk":
            return self.desk.as_of
        found = self.evidence.ledger if source == "ledger" else self.evidence.answer(source)
        return found.as_of if found is not None else 0

    def _asked(self, source: str) -> SourceAnswer:
        answer = self.evidence.answer(source)
        assert answer is not None  # else there is a gap
        return answer

    # --- inputs of findings -----------------------------------------------------------------

    def of_document(self, item: EvidenceDocument, field: str, value: object) -> Input:
        """An input that stands on a document."""
        return Input(
            item.fingerprint, field, "" if value is None else str(value), "documents", item.registered_at
        )

    def of_source(self, source: str, document: str, field: str, value: object) -> Input:
        """An input that a source gave."""
        return Input(document, field, "" if value is None else str(value), source, self.as_of(source))

    def of_gap(self, gap: Gap, document: str) -> Input:
        """The input that says that there is none."""
        return Input(document, gap.source, gap.code, gap.source, gap.as_of)

    # --- documents --------------------------------------------------------------------------

    def rank(self, fingerprint: str) -> int:
        """Position of what is lent on, or of another receivable, in the order of the case; 0 for the
        subject."""
        return self._ranks.get(fingerprint, 0)

    @cached_property
    def _ranks(self) -> dict[str, int]:
        names = dict.fromkeys(item.fingerprint for item in (*self.assets, *self.receivables))
        return {name: rank for rank, name in enumerate(names, 1)}

    def is_subject(self, party: Party, handle: str) -> bool:
        """Whether a party is the subject, by ledger handle or by an identifier in common."""
        if handle and handle == self.evidence.subject.handle:
            return True
        return any(str(each).casefold() in self._subject_ids for each in party.identifiers)

    def find(self, reference: Reference, document: Document) -> EvidenceDocument | None:
        """The document that a reference of another one names: by the ledger's identity, else by its number
        and the same parties. Looked for once: many rules follow the same references."""
        key = (
            id(document),
            id(reference.seller),
            id(reference.buyer),
            id(reference.issuer),
            *_named(reference),
        )
        known = self._found.get(key)
        if known is None:
            # What the key names by address is kept alive beside it.
            known = self._found[key] = (self._find(reference, document), reference, document)
        return known[0]

    def _find(self, reference: Reference, document: Document) -> EvidenceDocument | None:
        for identity in reference_identities(reference, document):
            found = self._by_identity.get(identity)
            if found is not None and found.document.kind == reference.kind:
                return found
        for other in self._by_number.get((reference.kind, normalised_number(reference.number)), ()):
            if self._fits(reference, other):
                return other
        return None

    def official(self, item: EvidenceDocument) -> bool:
        """Whether a document is itself a Chinese tax invoice."""
        return identities(item.document)[0][0].startswith(_OFFICIAL)

    def tax_documents(self, receivable: Receivable) -> tuple[EvidenceDocument, ...]:
        """The documents of a receivable that tax knows: its Chinese tax invoices where there are any among
        several, else the primary one."""
        if len(receivable.members) == 1:
            return receivable.members
        official = tuple(item for item in receivable.members if self.official(item))
        return official or (receivable.primary,)

    def cancelled(self, receivable: Receivable) -> bool:
        """Whether a receivable is no receivable any more: void on the ledger, or void or wholly red at
        tax."""
        if receivable.primary.state == "void":
            return True
        answers = [self.tax_invoice(item.fingerprint) for item in self.tax_documents(receivable)]
        return all(
            isinstance(answer, TaxInvoice) and answer.known and answer.state in CANCELLED_BY_TAX
            for answer in answers
        )

    # --- building the index -----------------------------------------------------------------

    def _of_two_sides(self, item: EvidenceDocument) -> EvidenceDocument:
        """A document whose two sides are two on the ledger. A seller that writes its own number beside its debtor's (or
        keeper's) gives the other side its own handle, and would speak for it: such a paper is nobody's word but the
        seller's."""
        if not item.buyer or item.buyer not in (item.seller, self.evidence.subject.handle):
            return item
        seller = seller_of(item.document)
        if item.buyer != item.seller and (seller is None or not self.is_subject(seller, item.seller)):
            return item
        return item.model_copy(update={"buyer": ""})

    def _index_assets(self) -> dict[str, AssetState]:
        found: dict[str, AssetState] = {}
        if self.evidence.ledger is not None:
            assets = self.evidence.ledger.assets
            for key in sorted(assets):
                for fingerprint in (assets[key].asset, *assets[key].aliases):
                    found.setdefault(fingerprint, assets[key])
        return found

    def _index_documents(
        self,
    ) -> tuple[dict[tuple[str, ...], EvidenceDocument], dict[tuple[str, str], list[EvidenceDocument]]]:
        by_identity: dict[tuple[str, ...], EvidenceDocument] = {}
        by_number: dict[tuple[str, str], list[EvidenceDocument]] = defaultdict(list)
        for item in self.documents:
            for identity in identities(item.document):
                by_identity.setdefault(identity, item)
            by_number[item.document.kind, normalised_number(item.document.number)].append(item)
        return by_identity, by_number

    @staticmethod
    def _fits(reference: Reference, other: EvidenceDocument) -> bool:
        if reference.issue_date is not None and reference.issue_date != other.document.issue_date:
            return False
        pairs = (
            (reference.seller, seller_of(other.document)),
            (reference.buyer, buyer_of(other.document)),
        )
        return all(one is not None and two is not None and same_party(one, two) for one, two in pairs)

    def _receivables(self) -> tuple[Receivable, ...]:
        groups = self._groups()
        group_of = {item.fingerprint: key for key, members in groups.items() for item in members}
        taken, odd = self._credits(groups, group_of)
        confirmations: dict[str, list[EvidenceDocument]] = defaultdict(list)
        for item in self.documents:
            if isinstance(item.document, DebtorConfirmation) and item.state != "void":
                for key in self._referred(item, group_of):
                    confirmations[key].append(item)
        made = []
        for key, members in groups.items():
            primary = next((item for item in members if item.fingerprint == key), members[0])
            assert isinstance(primary.document, Invoice)
            assets = {
                asset.asset: asset
                for asset in (self.asset_of.get(item.fingerprint) for item in members)
                if asset is not None
            }
            made.append(
                Receivable(
                    fingerprint=key,
                    primary=primary,
                    invoice=primary.document,
                    members=tuple(members),
                    assets=tuple(assets.values()),
                    credits=tuple(taken.get(key, ())),
                    odd_credits=tuple(odd.get(key, ())),
                    confirmations=tuple(confirmations.get(key, ())),
                )
            )
        made.sort(key=lambda item: order_key(item.primary))
        return tuple(made)

    def _is_creditor(self, invoice: Invoice, seller: str) -> bool:
        if self.is_subject(invoice.seller, seller):
            return True
        return invoice.payee is not None and self.is_subject(invoice.payee, "")

    def _groups(self) -> dict[str, list[EvidenceDocument]]:
        """The subject's invoices by receivable: one asset on the ledger, or one Chinese tax invoice in
        common. The subject is their seller, or the payee to whom they are due. Invoices below zero are
        corrections, not receivables."""
        groups: dict[str, list[EvidenceDocument]] = {}
        by_fapiao: dict[tuple[str, ...], str] = {}
        for item in self.documents:
            body = item.document
            if not isinstance(body, Invoice) or not self._is_creditor(body, item.seller):
                continue
            if _corrects(body):
                continue
            names = [name for name in identities(body) if name[0].startswith(_OFFICIAL)]
            names += alias_identities(body)
            known = next((by_fapiao[name] for name in names if name in by_fapiao), None)
            asset = self.asset_of.get(item.fingerprint)
            key = known or (asset.asset if asset is not None else item.fingerprint)
            groups.setdefault(key, []).append(item)
            for name in names:
                by_fapiao.setdefault(name, key)
        return groups

    def _referred(self, item: EvidenceDocument, group_of: dict[str, str]) -> Iterator[str]:
        """Keys of the receivables whose invoices a document refers to, each once."""
        seen = set()
        for reference in references_of(item.document):
            if reference.kind != "invoice":
                continue
            found = self.find(reference, item.document)
            key = group_of.get(found.fingerprint) if found is not None else None
            if key is not None and key not in seen:
                seen.add(key)
                yield key

    def _credits(
        self, groups: dict[str, list[EvidenceDocument]], group_of: dict[str, str]
    ) -> tuple[dict[str, list[Credit]], dict[str, list[EvidenceDocument]]]:
        """What was taken back, by receivable. One note on several invoices fills them in its own order, each
        up to its amount; what is left over falls on the last."""
        found: dict[str, list[Credit]] = defaultdict(list)
        odd: dict[str, list[EvidenceDocument]] = defaultdict(list)
        used: dict[str, Decimal] = defaultdict(Decimal)
        for item in _one_per_fapiao(self.documents):
            body = item.document
            assert isinstance(body, Invoice | CreditNote)
            left = _taken_back(body)
            keys = list(self._referred(item, group_of))
            for position, key in enumerate(keys):
                invoice = groups[key][0].document
                assert isinstance(invoice, Invoice)
                if body.currency != invoice.currency:
                    odd[key].append(item)
                    continue
                room = max(invoice.totals.payable - used[key], Decimal(0))
                part = left if position == len(keys) - 1 else min(left, room)
                used[key] += part
                left -= part
                found[key].append(Credit(item, part))
        return found, odd


def _named(reference: Reference) -> tuple[object, ...]:
    """What a reference says beside parties."""
    return reference.kind, reference.number, reference.issue_date, reference.fapiao_code


def _corrects(body: Invoice) -> bool:
    return body.totals.payable < 0 and bool(body.preceding_invoices)


def _taken_back(body: Invoice | CreditNote) -> Decimal:
    """What a note takes back, with tax: the larger of its two totals, so that nothing is left in doubt."""
    if isinstance(body, Invoice):
        return max(-body.totals.gross, -body.totals.payable, Decimal(0))
    return max(body.totals.gross, body.totals.payable, Decimal(0))


def _one_per_fapiao(documents: Iterable[EvidenceDocument]) -> Iterator[EvidenceDocument]:
    """Documents that take back, each once: a commercial credit note and its 红字发票 are one."""
    seen: set[tuple[str, ...]] = set()
    for item in documents:
        body = item.document
        if item.state == "void" or not isinstance(body, Invoice | CreditNote):
            continue
        if isinstance(body, Invoice) and not _corrects(body):
            continue
        names = [name for name in identities(body) if name[0].startswith(_OFFICIAL)]
        names += alias_identities(body)
        if not seen.intersection(names):
            yield item
        seen.update(names)
