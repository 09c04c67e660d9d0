"""Worlds for rules on the whole of a seller's trade: single rules over a small world, and large synthetic cases."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

from consortium.documents import (
    CreditNote,
    Document,
    DocumentRef,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Item,
    OrderLine,
    OrderTotals,
    Party,
    PurchaseOrder,
    ReceiptLine,
    Tax,
    Totals,
)
from consortium.documents.party import primary_id
from crossverify.answers import GAP_CODES
from crossverify.case import Case
from crossverify.engine import evaluate
from crossverify.evidence import (
    AssetState,
    Evidence,
    EvidenceDocument,
    LedgerView,
    SourceAnswer,
    SourceState,
    SubjectInfo,
)
from crossverify.profiles import RECEIVABLE_V1, Profile, RuleSettings
from crossverify.rule import Finding, Outcome
from crossverify.rules import RULES
from tests.support.trade_world import BUYER, NOW, RATE, SELLER, World, handle, party

DAY_ONE = date(2025, 7, 1)


def single(rule: str, **thresholds: Any) -> Profile:
    """A profile of one rule in its newest version, with some thresholds changed."""
    found = RULES[rule]
    settings = RuleSettings(found, found.thresholds.model_validate(thresholds), dict(found.effects))
    return replace(RECEIVABLE_V1, rules=(settings,))


def judged(world: World | Evidence, rule: str, **thresholds: Any) -> list[Finding]:
    """What one rule finds, in order; every finding is one that its rule card names."""
    evidence = world.evidence() if isinstance(world, World) else world
    findings = list(evaluate(evidence, single(rule, **thresholds)).findings)
    for item in findings:
        assert item.code in RULES[rule].codes | (GAP_CODES if item.outcome is Outcome.UNKNOWN else set())
        assert item.inputs, "every finding rests on something"
        assert item.message
    return findings


def said(world: World | Evidence, rule: str, **thresholds: Any) -> dict[str, tuple[str, str]]:
    """Outcome and code by subject; for rules that say one thing of each."""
    findings = judged(world, rule, **thresholds)
    assert len({item.subject for item in findings}) == len(findings)
    return {item.subject: (item.outcome.value, item.code) for item in findings}


def declare(
    world: World,
    sales: str = "1000.00",
    *,
    customers: Mapping[Party, str] | None = None,
    suppliers: Mapping[Party, str] | None = None,
    months: Sequence[str] = ("2025-07", "2026-06"),
    complete: bool = True,
    who: Party = SELLER,
    currency: str = "CNY",
) -> None:
    """What a taxpayer declared, as tax answers it; half of the sales in the first and half in the last month."""
    half = str(Decimal(sales) / len(months))
    named = [(each, "customer", amount) for each, amount in (customers or {}).items()]
    named += [(each, "supplier", amount) for each, amount in (suppliers or {}).items()]
    world.tax[f"sales:{primary_id(who)}"] = {
        "known": True,
        "months": [{"month": month, "currency": currency, "amount": half} for month in months],
        "counterparties": [
            {
                "party_id": str(primary_id(each)),
                "name": each.name,
                "role": role,
                "currency": currency,
                "amount": amount,
            }
            for each, role, amount in named
        ],
        "counterparties_complete": complete,
    }


@cache
def firm(number: int) -> Party:
    """One of many companies."""
    return party(f"Company {number}", f"MB{number:06d}")


@cache
def ware(name: str) -> Item:
    """An item by its name."""
    return Item(name=name)


WORDS = (
    "steel",
    "copper",
    "valve",
    "bearing",
    "cable",
    "pump",
    "resin",
    "glass",
    "motor",
    "sensor",
    "gear",
    "paper",
)


def name_of_ware(number: int) -> str:
    """A name of two words; there are 144."""
    return f"{WORDS[number % 12]} {WORDS[number // 12 % 12]} type {number}"


# --- large cases: made without validation, which is not what is measured ------------------------------


def _line(item: str, quantity: int, price: Decimal, **fields: Any) -> InvoiceLine:
    return InvoiceLine.model_construct(
        line_id="1",
        item=ware(item),
        quantity=Decimal(quantity),
        unit="H87",
        price=price,
        net_amount=quantity * price,
        tax=Tax(category="S", rate=RATE),
        **fields,
    )


def _totals(net: Decimal) -> Totals:
    tax = (net * RATE / 100).quantize(Decimal("0.01"))
    return Totals.model_construct(line_net=net, net=net, tax=tax, gross=net + tax, payable=net + tax)


def bill(
    number: str,
    seller: Party,
    buyer: Party,
    day: date,
    *,
    item: str = "steel bar",
    quantity: int = 100,
    price: Decimal = Decimal(10),
    order: str | None = None,
    kind: type[Invoice] | type[CreditNote] = Invoice,
    corrects: str | None = None,
) -> Any:
    """An invoice or credit note of one line, made fast."""
    preceding = (
        (DocumentRef.model_construct(number=corrects, issue_date=None, fapiao_code=None),) if corrects else ()
    )
    return kind.model_construct(
        number=number,
        issue_date=day,
        currency="CNY",
        seller=seller,
        buyer=buyer,
        order_number=order,
        due_date=day + timedelta(days=90),
        preceding_invoices=preceding,
        totals=_totals(quantity * price),
        lines=(_line(item, quantity, price, order_line="1" if order else None),),
    )


def _order(number: str, buyer: Party, day: date, item: str, quantity: int, price: Decimal) -> PurchaseOrder:
    line = OrderLine.model_construct(
        line_id="1",
        item=ware(item),
        quantity=Decimal(quantity),
        unit="H87",
        price=price,
        net_amount=quantity * price,
    )
    net = quantity * price
    tax = (net * RATE / 100).quantize(Decimal("0.01"))
    totals = OrderTotals.model_construct(line_net=net, net=net, tax=tax, gross=net + tax, payable=net + tax)
    return PurchaseOrder.model_construct(
        number=number,
        issue_date=day,
        currency="CNY",
        buyer=buyer,
        seller=SELLER,
        totals=totals,
        lines=(line,),
    )


def _receipt(number: str, order: str, buyer: Party, day: date, quantity: int) -> GoodsReceipt:
    line = ReceiptLine.model_construct(line_id="1", received=Decimal(quantity), unit="H87", order_line="1")
    return GoodsReceipt.model_construct(
        number=number, issue_date=day, order_number=order, buyer=buyer, seller=SELLER, lines=(line,)
    )


@dataclass(frozen=True, slots=True)
class Shape:
    """How large a synthetic case is, and how odd.

    :ivar documents: about so many
    :ivar debtors: companies that buy from the subject
    :ivar suppliers: companies that sell to it
    :ivar same: all of one day and one amount
    """

    documents: int = 100_000
    debtors: int = 400
    suppliers: int = 200
    same: bool = False
    seed: int = 20260630


def trades(shape: Shape) -> Iterator[Document]:
    """Orders with their receipt and invoice, purchases, other parties' sales and a few credit notes."""
    draw = random.Random(shape.seed)
    for index in range(shape.documents * 10 // 35):
        day = DAY_ONE if shape.same else DAY_ONE + timedelta(days=draw.randrange(330))
        buyer = firm(0 if shape.same else draw.randrange(shape.debtors))
        quantity = 100 if shape.same else draw.randrange(1, 2_000)
        price = Decimal(10) if shape.same else Decimal(draw.randrange(100, 90_000)).scaleb(-2)
        item = "steel bar" if shape.same else name_of_ware(draw.randrange(144))
        number = f"{day:%y%m}-{index:06d}"
        yield _order(f"PO{number}", buyer, day, item, quantity, price)
        later = day if shape.same else day + timedelta(days=draw.randrange(1, 20))
        yield _receipt(f"GR{number}", f"PO{number}", buyer, later, quantity)
        yield bill(
            f"S{number}", SELLER, buyer, later, item=item, quantity=quantity, price=price, order=f"PO{number}"
        )
        if index % 2 == 0:
            supplier = firm(100_000 + draw.randrange(shape.suppliers))
            source = firm(200_000 + draw.randrange(shape.suppliers))
            raw = "raw " + name_of_ware(draw.randrange(144))
            pair = (supplier, SELLER) if index % 4 == 0 else (source, supplier)
            yield bill(f"P{number}", *pair, day, item=raw, quantity=quantity, price=price)
        if index % 50 == 0:
            yield bill(
                f"C{number}",
                SELLER,
                buyer,
                later,
                quantity=1,
                price=price,
                kind=CreditNote,
                corrects=f"S{number}",
            )


def evidence_of(documents: Sequence[Document], **changes: Any) -> Evidence:
    """Evidence over documents as they are: registered, known to tax, without claims."""
    held = []
    for index, document in enumerate(documents):
        name = hashlib.sha256(str((document.kind, document.number, index)).encode()).hexdigest()
        held.append(
            EvidenceDocument(
                fingerprint=name,
                document=document,
                commitment=name,
                block=index + 1,
                registered_at=NOW - 86_400,
            )
        )
    invoices = [item.fingerprint for item in held if isinstance(item.document, Invoice)]
    known = {"known": True, "state": "normal", "use_confirmed": True}
    values: dict[str, Any] = {
        "evaluated_at": NOW,
        "subject": SubjectInfo(
            handle=handle(SELLER), identifiers=(str(primary_id(SELLER)),), name=SELLER.name or ""
        ),
        "request": World().request,
        "documents": tuple(held),
        "ledger": LedgerView(
            state=SourceState.ANSWERED, as_of=NOW, assets={name: AssetState(asset=name) for name in invoices}
        ),
        "tax": SourceAnswer(
            source="tax", state=SourceState.ANSWERED, as_of=NOW, answers=dict.fromkeys(invoices, known)
        ),
    }
    return Evidence(**(values | changes))


def case_of(evidence: Evidence) -> Case:
    """The index that rules see."""
    return Case(evidence, RECEIVABLE_V1.max_ages)


__all__ = [
    "BUYER", "DAY_ONE", "SELLER", "Shape", "bill", "case_of", "declare", "evidence_of", "firm", "judged",
    "name_of_ware", "said", "single", "trades", "ware",
]  # fmt: skip
