"""The match by line over public documents: labelled three-way-match sets, and every UBL sample at once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from consortium.documents import Document, GoodsReceipt, Invoice, OrderLine, PurchaseOrder, ReceiptLine
from consortium.documents.canonical import canonical_bytes
from crossverify.case import Case
from crossverify.evidence import SubjectInfo
from crossverify.figures import MaxAges
from crossverify.match import Fact, LineVerdict, match_case
from crossverify.profiles import RECEIVABLE_V2
from crossverify.profiles.model import Profile, settings
from industry_gateway.formats import parse
from tests.sample_data import DATA, needs_sample_data, sample_files
from tests.support.procurement import CLEAN, Score, auditiq, grir, scores
from tests.support.trade_world import World, alone, fp, said

pytestmark = needs_sample_data

MATCHING: Profile = replace(
    RECEIVABLE_V2, rules=settings({"MATCH_QTY": 2, "MATCH_PRICE": 2, "PO_EXHAUSTED": 2})
)


def told(capsys: pytest.CaptureFixture[str], name: str, found: dict[str, Score]) -> None:
    with capsys.disabled():
        print(f"\n{name}:")
        for label, score in found.items():
            codes = ", ".join(f"{code} {count}" for code, count in score.codes.items())
            print(
                f"  {label}: {score.invoices} invoices, {score.failed} failed, {score.unknown} unknown; {codes}"
            )
        wrong = sum(score.invoices for label, score in found.items() if not label.startswith(CLEAN))
        caught = sum(
            score.failed + score.unknown for label, score in found.items() if not label.startswith(CLEAN)
        )
        stopped = found[CLEAN].failed + found[CLEAN].unknown
        precision = caught / (caught + stopped)
        print(
            f"  precision {precision:.3f}, recall {caught / wrong:.3f} ({caught} of {wrong}; {stopped} clean ones)"
        )


def folder(name: str) -> Path:
    assert DATA is not None
    return DATA / "procurement" / name


def test_auditiq_every_label_is_found_and_no_clean_invoice_is_stopped(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = scores(auditiq(folder("auditiq")), MATCHING)
    told(capsys, "AuditIQ", found)
    for label, kinds in {
        "Qty_Overbilling": {"MATCH_QTY.OVER_RECEIVED"},
        "Price_Variance": {"MATCH_PRICE.HIGHER"},
        "No_GR": {"MATCH_QTY.NO_RECEIPT"},
        "No_PO": {"PO_EXHAUSTED.NO_ORDER"},
    }.items():
        assert not found[label].missed, label
        assert all(found[label].codes[kind] == found[label].invoices for kind in kinds), label
    # A duplicate has nothing left to draw on; the few that find something are issued before their originals, which
    # then fail in their place, and are found by their price.
    assert not found["Duplicate"].missed
    assert found[CLEAN].failed == found[CLEAN].unknown == 0
    # The later of two invoices on one order fails, whichever of them the label calls wrong.
    assert found["None, order shared"].unknown == 0


def test_grir_every_excess_is_found_and_the_rest_is_over_delivery(capsys: pytest.CaptureFixture[str]) -> None:
    found = scores(grir(folder("grir")), MATCHING)
    told(capsys, "GR/IR", found)
    assert not any(score.missed for label, score in found.items() if label != CLEAN)
    # Clean by receipt and price, yet more than 102 % of the order was delivered, accepted and invoiced.
    assert set(found[CLEAN].codes) <= {"PO_EXHAUSTED.OVER_ORDERED"}
    assert found[CLEAN].failed == 3


def every_sample() -> list[Document]:
    """Every UBL sample that is read, each identity once."""
    documents: dict[str, Document] = {}
    for path in sample_files("ubl", "*.xml", "*.XML"):
        if not {"schematron", "xsd"} & set(path.parts):
            (item,) = parse(path.read_bytes(), label=path.name)
            if item.document is not None:
                documents.setdefault(fp(item.document), item.document)
    return list(documents.values())


def test_every_sample_has_a_table_of_its_lines() -> None:
    documents = every_sample()
    world = World(*documents)
    invoices = [item for item in documents if isinstance(item, Invoice)]
    identifiers = {str(each) for item in invoices for each in item.seller.identifiers}
    world.subject = SubjectInfo(handle="", identifiers=tuple(sorted(identifiers)), name="all")
    case = Case(world.evidence(), MaxAges())
    matching = match_case(case)
    assert len(case.receivables) >= 35
    for receivable in case.receivables:
        table = matching.table(receivable.fingerprint)
        assert [row.line for row in table] == [line.line_id for line in receivable.invoice.lines]
        assert canonical_bytes([row.to_json() for row in table])
    assert said(world, MATCHING)


def completed(body: Invoice) -> tuple[PurchaseOrder, GoodsReceipt]:
    """An order and a receipt that agree with an invoice; lines that name no order line are found by item."""
    order = PurchaseOrder(
        number="PO-OF-SAMPLE",
        issue_date=body.issue_date,
        currency=body.currency,
        buyer=body.buyer,
        seller=body.seller,
        allowances=body.allowances,
        lines=tuple(
            OrderLine(
                line_id=str(position),
                item=line.item,
                quantity=line.quantity,
                unit=line.unit,
                price=line.price,
                base_quantity=line.base_quantity,
                base_unit=line.base_unit,
                allowances=line.allowances,
            )
            for position, line in enumerate(body.lines, 1)
        ),
    )
    receipt = GoodsReceipt(
        number="GR-OF-SAMPLE",
        issue_date=body.issue_date,
        order_number="PO-OF-SAMPLE",
        buyer=body.buyer,
        seller=body.seller,
        lines=tuple(
            ReceiptLine(
                line_id=str(n), item=line.item, received=line.quantity, unit=line.unit, order_line=str(n)
            )
            for n, line in enumerate(body.lines, 1)
            if line.quantity >= 0
        ),
    )
    return order, receipt


def test_samples_with_an_order_and_a_receipt_made_of_them_agree_with_these() -> None:
    checked = 0
    for body in every_sample():
        if not isinstance(body, Invoice) or body.totals.payable <= 0 or body.type_code == "386":
            continue
        lines = tuple(
            line.model_copy(update={"order_number": None, "order_line": None, "receipt_number": None})
            for line in body.lines
        )
        update = {
            "order_number": "PO-OF-SAMPLE",
            "receipt_number": None,
            "despatch_number": None,
            "lines": lines,
        }
        bill = body.model_copy(update=update)
        world = World(*completed(bill), bill)
        world.subject = SubjectInfo(
            handle="", identifiers=tuple(str(each) for each in bill.seller.identifiers), name=""
        )
        case = Case(world.evidence(), MaxAges())
        if not case.receivables:
            continue
        for row in match_case(case).table(case.receivables[0].fingerprint):
            if row.quantity_says not in {Fact.SERVICE, Fact.NOTHING}:
                assert row.verdict in {LineVerdict.AGREES, LineVerdict.NOT_APPLICABLE}, (bill.number, row)
            checked += 1
        assert not [item for item in said(world, alone("MATCH_PRICE", 2)) if item.outcome.value == "FAIL"]
    assert checked > 100
