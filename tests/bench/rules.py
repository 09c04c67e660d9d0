"""What the rules cost: against a Schematron of the same invoices, over many receivables, lines and documents.

Seconds of CPU, on one core: a machine that does other things too changes them little.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from chanrong.demo.ubl_writer import to_ubl
from consortium.documents import Invoice
from crossverify.case import Case
from crossverify.engine import evaluate
from crossverify.evidence import AssetState, Evidence, EvidenceDocument
from crossverify.match import match_case
from crossverify.profiles import PROFILES
from tests.bench.figure import Report
from tests.bench.schematron import NOT_INSTALLED, Schematron
from tests.evaluation.chance import Chance
from tests.evaluation.frauds.base import Trade, plain_trade
from tests.evaluation.scene.companies import Company, company
from tests.evaluation.scene.honest import wanted
from tests.evaluation.scene.scene import APPLIED, Pair, Scene
from tests.evaluation.views.evidence import evidence
from tests.evaluation.views.ledger import KEYS
from tests.evaluation.views.look import Look
from tests.sample_data import DATA

PROFILE: Final = PROFILES["receivable-v2"]
RECEIVABLES: Final = 1_000
BUYERS: Final = 20
DOCUMENTS_PER_TRADE: Final = 4
LINES_PER_INVOICE: Final = 5
LINES: Final = 10_000
PORTFOLIO: Final = 100_000
SCHEMATRON: Final = "ubl/schematron/EN16931-UBL-validation-preprocessed.sch"
SAMPLE: Final = 200
"""Invoices that the Schematron is run over."""
ALONE: Final = frozenset({"DOC_VALID", "TOTALS_TAX"})
PORTFOLIO_RULES: Final = frozenset(
    {
        "CIRCULAR_TRADE",
        "RELATED_PARTY",
        "DUP_CROSSDOC",
        "DUP_SIMILAR",
        "CONCENTRATION",
        "COVERAGE",
        "SCALE_FIT",
    }
)


def measure(report: Report, divide: int) -> None:
    """Measures everything; needs no ledger."""
    count = max(RECEIVABLES // divide, BUYERS)
    asked = world(count)
    seconds = _timed(lambda: evaluate(asked, PROFILE))
    documents = len(asked.documents)
    report.note(f"all rules over {count:,} receivables, {documents:,} documents", f"{seconds:.2f} s", seconds)
    per_document = seconds / documents
    report.note("… per document", f"{per_document * 1e6:,.0f} us", per_document)
    _against_schematron(report, asked, per_document, seconds / count)
    lines = LINES // divide
    seconds = _match(lines)
    report.note(f"match of {lines:,} lines", f"{seconds:.2f} s", seconds, "< 2 s", seconds < 2 / divide)
    many = PORTFOLIO // divide
    seconds = _portfolio(asked, many)
    report.note(
        f"graph and portfolio rules over {many:,} documents",
        f"{seconds:.2f} s",
        seconds,
        "< 10 s",
        seconds < 10 / divide,
    )


def world(count: int) -> Evidence:
    """Plain trades of one supplier with many buyers, all five institutions answering."""
    chance = Chance("bench")
    scene = Scene(chance, company(chance.of("supplier")))
    pairs = []
    for number in range(BUYERS):
        buyer = scene.meet(company(chance.of("buyer", number), "large", suffix="股份有限公司"))
        pairs.append(_pair(buyer, number))
    scene.pairs = pairs
    for number in range(count):
        _trade(scene, chance.of("trade", number), pairs[number % BUYERS])
    return evidence(scene, Look(APPLIED))


def _pair(buyer: Company, number: int) -> Pair:
    return Pair(
        buyer=buyer,
        member=True,
        terms=60,
        contract=f"HT-{number:03d}",
        treasury=None,
        treasury_known=False,
        confirms=False,
        monthly=False,
        standing=False,
        foreign=False,
        invoicing="digital",
    )


def _trade(scene: Scene, chance: Chance, pair: Pair) -> Trade:
    lines = [line for part in range(LINES_PER_INVOICE) for line in wanted("castings", chance.of(part))]
    numbered = [
        replace(line, line_id=str(number), order_line=str(number))
        for number, line in enumerate(lines[:LINES_PER_INVOICE], 1)
    ]
    return plain_trade(scene, chance, "castings", replace(pair, orders=[]), numbered)


def _timed(work: Callable[[], object]) -> float:
    """CPU seconds; nothing is collected meanwhile, as in the engine."""
    gc.collect()
    gc.disable()
    try:
        began = time.process_time()
        work()
        return time.process_time() - began
    finally:
        gc.enable()


def _against_schematron(report: Report, asked: Evidence, per_document: float, per_receivable: float) -> None:
    """The same invoices as UBL, through the published Schematron."""
    name = "Schematron of EN 16931 (Saxon, compiled) per invoice"
    if DATA is None or not (DATA / SCHEMATRON).is_file():
        report.note(name, "not measured: no sample data", 0.0)
        return
    try:
        schematron = Schematron(DATA / SCHEMATRON)
    except ImportError:
        report.note(name, NOT_INSTALLED, 0.0)
        return
    invoices = [item.document for item in asked.documents if isinstance(item.document, Invoice)][:SAMPLE]
    texts = [to_ubl(invoice).decode() for invoice in invoices]
    schematron.check(texts[0])
    cost = _timed(lambda: [schematron.check(text) for text in texts]) / len(texts)
    report.note(name, f"{cost * 1e6:,.0f} us", cost)
    ratio = cost / per_document
    report.note("… against all rules per document", f"{ratio:.0f}x", ratio, ">= 20x", ratio >= 20)
    alone = _alone(asked, per_receivable)
    report.note("… against the rules on an invoice alone", f"{cost / alone:.0f}x", cost / alone)
    report.note(
        "… against all rules per receivable, with its papers",
        f"{cost / per_receivable:.1f}x",
        cost / per_receivable,
    )


def _alone(asked: Evidence, per_receivable: float) -> float:
    """Seconds per invoice of the rules that look at the invoice itself, as a Schematron does."""
    case = Case(asked, PROFILE.max_ages)
    rules = [item for item in PROFILE.rules if item.rule.id in ALONE]

    def work() -> None:
        for item in rules:
            for _ in item.rule.evaluate(case, item.thresholds):
                pass

    return min(_timed(work) / len(case.receivables), per_receivable)


def _match(count: int) -> float:
    """One order, receipt and invoice of so many lines."""
    asked = world(BUYERS)
    orders = {
        item.document.number: item for item in asked.documents if item.document.kind == "purchase_order"
    }
    bill = next(item for item in asked.documents if isinstance(item.document, Invoice))
    assert isinstance(bill.document, Invoice)
    order = orders[str(bill.document.order_number)]
    receipt = next(
        item
        for item in asked.documents
        if item.document.kind == "goods_receipt"
        and getattr(item.document, "order_number", "") == order.document.number
    )
    longer = []
    for item in (order, receipt, bill):
        body: Any = item.document
        line = body.lines[0]
        lines = tuple(
            line.model_copy(update={"line_id": str(number), **_reference(body.kind, number)})
            for number in range(1, count + 1)
        )
        longer.append(item.model_copy(update={"document": body.model_copy(update={"lines": lines})}))
    case = Case(asked.model_copy(update={"documents": tuple(longer)}), PROFILE.max_ages)
    return _timed(lambda: match_case(case))


def _reference(kind: str, number: int) -> dict[str, str]:
    return {} if kind == "purchase_order" else {"order_line": str(number)}


def _portfolio(asked: Evidence, count: int) -> float:
    """Whole trades, many of them, on the graph and portfolio rules: an order, a despatch advice and a receipt for each
    invoice. Copies share all that is equal."""
    trades: dict[str, list[EvidenceDocument]] = {}
    for item in asked.documents:
        trades.setdefault(_trade_of(item), []).append(item)
    models = [items for items in trades.values() if len(items) == DOCUMENTS_PER_TRADE]
    items = [
        copy
        for number in range(count // DOCUMENTS_PER_TRADE)
        for copy in _copies(models[number % len(models)], number)
    ]
    ledger = asked.ledger
    assert ledger is not None
    assets = {
        item.fingerprint: AssetState(asset=item.fingerprint, aliases=(item.fingerprint,)) for item in items
    }
    large = asked.model_copy(
        update={"documents": tuple(items), "ledger": ledger.model_copy(update={"assets": assets})}
    )
    rules = [item for item in PROFILE.rules if item.rule.id in PORTFOLIO_RULES]

    def work() -> None:
        case = Case(large, PROFILE.max_ages)
        for item in rules:
            for _ in item.rule.evaluate(case, item.thresholds):
                pass

    return _timed(work)


def _trade_of(item: EvidenceDocument) -> str:
    """Number of the order that a document belongs to."""
    return str(getattr(item.document, "order_number", None) or item.document.number)


def _copies(models: list[EvidenceDocument], number: int) -> Iterator[EvidenceDocument]:
    """A trade's documents under other numbers and on other days."""
    day = APPLIED - timedelta(days=2 + number % 170)
    for position, model in enumerate(models):
        body = model.document
        invoice = isinstance(body, Invoice)
        changes: dict[str, object] = {
            "number": f"26{number:018d}" if invoice else f"{body.number}-{number}",
            "issue_date": day,
        }
        if hasattr(body, "order_number"):
            changes["order_number"] = f"{_trade_of(model)}-{number}"
        if invoice:
            changes |= {"fapiao": (), "due_date": day + timedelta(days=60)}
        copy = body.model_copy(update=changes)
        values = {
            "fingerprint": KEYS.fingerprint(copy),
            "document": copy,
            "block": number * DOCUMENTS_PER_TRADE + position + 1,
        }
        yield model.model_copy(update=values)
