"""A small world for tests of rules: trades in, evidence out, everything sound until a test spoils it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from consortium.documents import (
    Account,
    Address,
    CreditNote,
    DebtorConfirmation,
    DespatchAdvice,
    DespatchLine,
    Document,
    DocumentRef,
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
    Tax,
    TaxSubtotal,
    Totals,
)
from consortium.documents.commitment import commitment_hex
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.documents.identifiers import make_uscc
from consortium.documents.party import primary_id
from consortium.documents.roles import Reference, buyer_of, issuer_of, seller_of
from consortium.documents.weights import portions_of, weight, worth_of
from crossverify.answers import GAP_CODES
from crossverify.engine import Evaluation, evaluate
from crossverify.evidence import (
    AssetState,
    ConsentState,
    Evidence,
    EvidenceDocument,
    LedgerView,
    LinkState,
    RequestInfo,
    SourceAnswer,
    SourceState,
    SubjectInfo,
)
from crossverify.profiles import RECEIVABLE_V1, RECEIVABLE_V2, Profile
from crossverify.profiles.model import settings
from crossverify.rule import Finding, Outcome
from crossverify.rules import ALL

KEYS = ConsortiumKeys.create({1: b"k" * 32}, 1, b"p" * 32)
NOW = int(datetime(2026, 6, 30, 12, tzinfo=UTC).timestamp())
RATE = Decimal(13)
DAY = 86_400
BANK = "BankAMSP"


def party(name: str, number: str, country: str = "CN") -> Party:
    """A company with a right USCC."""
    uscc = make_uscc("9", "1", "310000", number)
    return Party(
        name=name, identifiers=(PartyId(scheme="uscc", value=uscc),), address=Address(country=country)
    )


SELLER = party("Huadong Castings Ltd", "MA1FL001")
BUYER = party("Great Wheel Motors", "MA1FL002")
OTHER = party("Third Hand Trading", "MA1FL003")
ACCOUNT = Account(account_id="6222 0000 1111 2222", name="Huadong Castings Ltd")


def money(value: Decimal) -> Decimal:
    """Rounded half up to cents."""
    return value.quantize(Decimal("0.01"), ROUND_HALF_UP)


def goods(name: str = "bolt M8", **fields: Any) -> Item:
    """An item."""
    return Item(name=name, **fields)


def order(number: str = "PO-1", lines: Iterable[Mapping[str, Any]] = ({},), **fields: Any) -> PurchaseOrder:
    """An order; a line is 100 pieces of bolts at 10.00 unless it says otherwise."""
    made = []
    for position, line in enumerate(lines, 1):
        values: dict[str, Any] = {
            "line_id": str(position),
            "item": goods(f"bolt M{position}"),
            "quantity": Decimal(100),
            "unit": "H87",
            "price": Decimal(10),
        }
        values |= line
        if values["price"] is not None:
            base = values.get("base_quantity") or Decimal(1)
            values.setdefault("net_amount", money(values["quantity"] * values["price"] / base))
        made.append(OrderLine(**values))
    net = sum((line.net_amount or Decimal(0) for line in made), Decimal(0))
    tax = money(net * RATE / 100)
    values = {
        "issue_date": date(2026, 3, 1),
        "currency": "CNY",
        "buyer": BUYER,
        "seller": SELLER,
        "totals": OrderTotals(line_net=net, net=net, tax=tax, gross=net + tax, payable=net + tax),
    }
    return PurchaseOrder(number=number, lines=tuple(made), **(values | fields))


def receipt(number: str = "GR-1", lines: Iterable[Mapping[str, Any]] = ({},), **fields: Any) -> GoodsReceipt:
    """A receipt of order PO-1; a line is 100 pieces received on the order line of its position."""
    made = []
    for position, line in enumerate(lines, 1):
        values: dict[str, Any] = {
            "line_id": str(position),
            "received": Decimal(100),
            "unit": "H87",
            "order_line": str(position),
        }
        made.append(ReceiptLine(**(values | dict(line))))
    values = {
        "issue_date": date(2026, 4, 1),
        "order_number": "PO-1",
        "buyer": BUYER,
        "seller": SELLER,
    }
    return GoodsReceipt(number=number, lines=tuple(made), **(values | fields))


def despatch(number: str = "DA-1", delivered: int = 100, **fields: Any) -> DespatchAdvice:
    """A despatch advice of order PO-1, line 1."""
    line = DespatchLine(line_id="1", delivered=Decimal(delivered), unit="H87", order_line="1")
    values = {
        "issue_date": date(2026, 3, 28),
        "order_number": "PO-1",
        "buyer": BUYER,
        "seller": SELLER,
        "lines": (line,),
    }
    return DespatchAdvice(number=number, **(values | fields))


def _lines(lines: Iterable[Mapping[str, Any]]) -> tuple[InvoiceLine, ...]:
    made = []
    for position, line in enumerate(lines, 1):
        values: dict[str, Any] = {
            "line_id": str(position),
            "item": goods(f"bolt M{position}"),
            "quantity": Decimal(100),
            "unit": "H87",
            "price": Decimal(10),
            "tax": Tax(category="S", rate=RATE),
            "order_line": str(position),
        }
        values |= line
        base = values.get("base_quantity") or Decimal(1)
        values.setdefault("net_amount", money(values["quantity"] * values["price"] / base))
        made.append(InvoiceLine(**values))
    return tuple(made)


def _billed(lines: Iterable[Mapping[str, Any]], fields: Mapping[str, Any]) -> dict[str, Any]:
    made = _lines(lines)
    net = sum((line.net_amount for line in made), Decimal(0))
    tax = money(net * RATE / 100)
    values: dict[str, Any] = {
        "currency": "CNY",
        "seller": SELLER,
        "buyer": BUYER,
        "lines": made,
        "taxes": (TaxSubtotal(category="S", rate=RATE, taxable_amount=net, tax_amount=tax),),
        "totals": Totals(line_net=net, net=net, tax=tax, gross=net + tax, payable=net + tax),
    }
    return values | dict(fields)


def invoice(number: str = "INV-1", lines: Iterable[Mapping[str, Any]] = ({},), **fields: Any) -> Invoice:
    """An invoice on order PO-1; a line is 100 pieces at 10.00, with 13 % tax."""
    values = {
        "issue_date": date(2026, 4, 10),
        "due_date": date(2026, 8, 8),
        "order_number": "PO-1",
        "payee_accounts": (ACCOUNT,),
    }
    return Invoice(number=number, **_billed(lines, values | fields))


def credit_note(
    number: str = "CN-1",
    lines: Iterable[Mapping[str, Any]] = ({},),
    corrects: str = "INV-1",
    **fields: Any,
) -> CreditNote:
    """A credit note on invoice INV-1; lines as of :func:`invoice`."""
    values = {
        "issue_date": date(2026, 4, 20),
        "preceding_invoices": (DocumentRef(number=corrects),),
    }
    return CreditNote(number=number, **_billed(lines, values | fields))


def confirmation(code: str = "AP", number: str = "AR-1", **fields: Any) -> DebtorConfirmation:
    """The debtor's answer to invoice INV-1."""
    values = {
        "issue_date": date(2026, 4, 15),
        "buyer": BUYER,
        "seller": SELLER,
        "invoice_number": "INV-1",
        "response_code": code,
    }
    return DebtorConfirmation(number=number, **(values | fields))


def fp(document: Document) -> str:
    """Fingerprint of a document in this world."""
    return KEYS.fingerprint(document)


def handle(who: Party | None) -> str:
    """Ledger handle of a party in this world."""
    return "" if who is None else KEYS.handle_of(who)


class World:
    """Documents as given, and institutions that agree with them until told otherwise."""

    def __init__(self, *documents: Document) -> None:
        self.documents: dict[str, EvidenceDocument] = {}
        self.assets: dict[str, AssetState] = {}
        self.tax: dict[str, dict[str, Any]] = {}
        self.bank: dict[str, dict[str, Any]] = {}
        identifier = str(primary_id(SELLER))
        self.credit: dict[str, dict[str, Any]] = {identifier: {"known": True}}
        self.subject = SubjectInfo(handle=handle(SELLER), identifiers=(identifier,), name=SELLER.name or "")
        self.request = RequestInfo(recipient=BANK, purpose="credit_assessment")
        self.consents: tuple[ConsentState, ...] = (
            ConsentState(
                id="consent-1",
                subject=handle(SELLER),
                recipient=BANK,
                purpose="credit_assessment",
                scope="assess",
                fields=("*",),
                issued=NOW - DAY,
                expires=NOW + 90 * DAY,
                txid="t-consent",
            ),
        )
        self.now = NOW
        self.changes: dict[str, Any] = {}
        for each in (SELLER, BUYER, OTHER):
            self.taxpayer(each)
        for document in documents:
            self.add(document)

    def taxpayer(self, who: Party, **fields: Any) -> None:
        """Registers a party at tax."""
        values = {"known": True, "state": "active", "name": who.name, "former_names": []}
        self.tax[str(primary_id(who))] = values | fields

    def add(self, document: Document, **fields: Any) -> str:
        """Registers a document; invoices are known to tax and unpaid. Returns its fingerprint."""
        name = fp(document)
        values = {
            "fingerprint": name,
            "document": document,
            "commitment": commitment_hex(document, b"s" * 32),
            "salt": (b"s" * 32).hex(),
            "block": len(self.documents) + 1,
            "txid": f"t{len(self.documents) + 1}",
            "registered_at": NOW - 10 * DAY,
            "registered_by": "IndustryAMSP",
            "pushed_by": handle(issuer_of(document)),
            "seller": handle(seller_of(document)),
            "buyer": handle(buyer_of(document)),
        }
        self.documents[name] = EvidenceDocument(**(values | fields))
        if isinstance(document, Invoice | PurchaseOrder):
            self.assets[name] = AssetState(asset=name, aliases=(name,))
        if isinstance(document, Invoice):
            self.tax[name] = {
                "known": True,
                "differing": [],
                "state": "normal",
                "red_amount": "0",
                "use_confirmed": True,
                "red_confirmation_open": False,
            }
            self.bank[name] = {"payments": [], "account_known": True, "statements_until": "2026-06-30"}
        return name

    def link(self) -> None:
        """Puts the links of invoices to orders on the ledger, with right weights."""
        for name, item in self.documents.items():
            body = item.document
            if not isinstance(body, Invoice) or name not in self.assets:
                continue
            links = []
            for portion in portions_of(body):
                reference = Reference("purchase_order", portion.number, body.seller, body.buyer)
                parent = KEYS.parent_fingerprint(reference, body)
                found = self.documents.get(parent)
                weights = weight(
                    worth_of(body), portion, worth_of(found.document) if found is not None else None
                )
                links.append(
                    LinkState(
                        child=name,
                        parent=parent,
                        of_child_ppb=weights.of_child,
                        of_parent_ppb=weights.of_parent,
                        basis=weights.basis,
                    )
                )
            self.asset(name, links=tuple(links))

    def asset(self, name: str, **fields: Any) -> None:
        """Changes an asset's row."""
        self.assets[name] = self.assets[name].model_copy(update=fields)

    def pay(self, name: str, amount: str, **fields: Any) -> None:
        """A payment of an invoice, by the buyer to the invoice's account."""
        values = {
            "entry_reference": f"E{len(self.bank[name]['payments']) + 1}-{name[:6]}",
            "booking_date": "2026-06-01",
            "amount": amount,
            "currency": "CNY",
            "credited_account": "6222000011112222",
            "payer_id": str(primary_id(BUYER)),
            "payer_name": BUYER.name,
            "found_by": "account",
        }
        self.bank[name]["payments"].append(values | fields)

    def silence(self, source: str, reason: str = "down for maintenance") -> None:
        """Makes a source say nothing."""
        if source == "ledger":
            self.changes["ledger"] = LedgerView(state=SourceState.SILENT, reason=reason)
        else:
            self.changes[source] = SourceAnswer(source=source, state=SourceState.SILENT, reason=reason)

    def forget(self, source: str) -> None:
        """Does not ask a source."""
        self.changes[source] = None

    def age(self, source: str, seconds: int) -> None:
        """Lets a source answer from data of this age; negative is the future."""
        found = getattr(self.evidence(), source)
        self.changes[source] = found.model_copy(update={"as_of": self.now - seconds})

    def evidence(self) -> Evidence:
        """All of it."""
        values: dict[str, Any] = {
            "evaluated_at": self.now,
            "subject": self.subject,
            "request": self.request,
            "documents": tuple(self.documents.values()),
            "ledger": LedgerView(
                state=SourceState.ANSWERED, as_of=self.now, height=99, channel="c", assets=self.assets
            ),
            "consents": self.consents,
        }
        for source, answers in (("tax", self.tax), ("bank", self.bank), ("credit", self.credit)):
            values[source] = SourceAnswer(
                source=source,
                institution=f"{source} of Hua",
                state=SourceState.ANSWERED,
                as_of=self.now,
                digest="d" * 64,
                answers=answers,
            )
        return Evidence(**(values | self.changes))


def only(rule: str, overrides: Mapping[str, Any] | None = None, profile: Profile = RECEIVABLE_V1) -> Profile:
    """A profile, the first unless another is given, with one rule."""
    if overrides:
        profile = profile.with_overrides({"rules": {rule: overrides}})
    return replace(profile, rules=tuple(item for item in profile.rules if item.rule.id == rule))


def alone(rule: str, version: int, profile: Profile = RECEIVABLE_V2, **figures: Any) -> Profile:
    """A profile with one rule in one version, whether or not the profile has it.

    :param figures: thresholds, and ``effects``
    """
    effects = figures.pop("effects", {})
    chosen = settings({rule: version}, {rule: figures}, {rule: effects})
    return replace(profile, rules=chosen)


def said(world: World, profile: Profile) -> list[Finding]:
    """What a profile's rules find, in order; every code is one that its rule explains."""
    findings = list(evaluate(world.evidence(), profile).findings)
    for item in findings:
        known = ALL[item.rule, item.version].codes
        assert item.code in known | (GAP_CODES if item.outcome is Outcome.UNKNOWN else set())
        assert item.inputs, "every finding rests on something"
        assert item.message
    return findings


def judged(world: World, rule: str, **overrides: Any) -> list[Finding]:
    """What one rule of the first profile finds, in order."""
    return said(world, only(rule, overrides))


def codes(world: World, rule: str, **overrides: Any) -> list[tuple[str, str]]:
    """Outcome and code of what one rule of the first profile finds, in order."""
    return [(item.outcome.value, item.code) for item in judged(world, rule, **overrides)]


def judged2(world: World, rule: str, version: int = 1, **figures: Any) -> list[Finding]:
    """What one rule finds under the second profile, in order."""
    return said(world, alone(rule, version, **figures))


def codes2(world: World, rule: str, version: int = 1, **figures: Any) -> list[tuple[str, str]]:
    """Outcome and code of what one rule finds under the second profile, in order."""
    return [(item.outcome.value, item.code) for item in judged2(world, rule, version, **figures)]


def decided(world: World, **overrides: Any) -> Evaluation:
    """The whole first profile."""
    profile = RECEIVABLE_V1.with_overrides(overrides) if overrides else RECEIVABLE_V1
    return evaluate(world.evidence(), profile)
