"""Every public UBL sample is read, or refused for a reason that a reader of the standard agrees with.

The samples' README describes each file; what is read has to say the same. Counts are printed with ``-s``.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from lxml import etree

from chanrong.demo.ubl_writer import to_ubl
from consortium.documents import Document, Invoice, InvoiceBase, PurchaseOrder
from consortium.documents.canonical import document_bytes
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.documents.roles import gross_of
from industry_gateway.formats import parse
from tests.sample_data import DATA, needs_sample_data, sample_files

pytestmark = needs_sample_data

READ_TYPES = {
    "Order": "purchase_order",
    "DespatchAdvice": "despatch_advice",
    "ReceiptAdvice": "goods_receipt",
    "Invoice": "invoice",
    "CreditNote": "credit_note",
    "ApplicationResponse": "debtor_confirmation",
}

# Files of these types that are refused: path -> rules of the problems, and what the standard says.
REFUSED = {
    "odoo-oca/UBLInvoice-multitankcard-line_adjust.xml": (
        {"FIELD_MISSING"},
        "EN 16931 BR-12 (no sum of line amounts), BR-14 (no total with tax), BR-26 (lines without price)",
    ),
    "odoo-oca/efff_BE0505890632_160421_Inv_16117778.xml": (
        {"FIELD_MISSING"},
        "EN 16931 BR-23 (the line's quantity has no unit)",
    ),
    "postaward/MessageLevelResponse_Example.xml": (
        {"DOCUMENT_TYPE_UNSUPPORTED"},
        "a message level response reports a transmission; it says nothing about an invoice",
    ),
}

UBL_ROOT = Path() if DATA is None else DATA / "ubl"
FILES = [
    path
    for path in sample_files("ubl", "*.xml", "*.XML")
    if not {"schematron", "xsd"} & set(path.relative_to(UBL_ROOT).parts)
]
DESCRIPTION = re.compile(
    r"^\| `(?P<path>[^`]+)` \| (?P<type>[A-Z]\w+) (?P<number>.+?)"
    r"(?=, (?:type|payable|\d+ line|refers|response|EUR|SEK)| \|)(?P<rest>[^|]*)\| "
)


def name_of(path: Path) -> str:
    return path.relative_to(UBL_ROOT).as_posix()


def type_of(path: Path) -> str:
    return etree.QName(etree.parse(str(path)).getroot()).localname


def described() -> dict[str, dict[str, str]]:
    """What the README says about each file."""
    found = {}
    for line in (UBL_ROOT / "README.md").read_text(encoding="utf-8").splitlines():
        # A bar inside of a cell is escaped; it must not end the cell.
        match = DESCRIPTION.match(line.replace("\\|", "\x00"))
        if match:
            found[match["path"]] = {key: each.replace("\x00", "|") for key, each in match.groupdict().items()}
    return found


def read(path: Path) -> Document | None:
    (item,) = parse(path.read_bytes(), label=name_of(path))
    return item.document


def test_every_file_is_read_or_refused_as_expected(capsys: pytest.CaptureFixture[str]) -> None:
    counts: Counter[str] = Counter()
    for path in FILES:
        name, document_type = name_of(path), type_of(path)
        (item,) = parse(path.read_bytes(), label=name)
        if item.document is not None:
            assert name not in REFUSED, f"{name} is read now: take it out of the table"
            assert item.document.kind == READ_TYPES[document_type], name
            counts[item.document.kind] += 1
            continue
        rules = {problem.rule for problem in item.problems}
        assert all(problem.path.startswith("/") and problem.remedy for problem in item.problems), name
        if name in REFUSED:
            assert rules == REFUSED[name][0], (name, item.problems)
            counts["refused with a reason"] += 1
        else:
            assert document_type not in READ_TYPES, (name, item.problems)
            assert rules == {"DOCUMENT_TYPE_UNSUPPORTED"}, (name, item.problems)
            counts["unsupported type"] += 1
    with capsys.disabled():
        print(
            f"\n{len(FILES)} UBL samples: "
            + ", ".join(f"{count} {each}" for each, count in sorted(counts.items()))
        )
    assert counts == {
        "purchase_order": 8,
        "despatch_advice": 8,
        "goods_receipt": 7,
        "invoice": 59,
        "credit_note": 2,
        "debtor_confirmation": 9,
        "refused with a reason": 3,
        "unsupported type": 20,
    }


def test_what_is_read_is_what_the_readme_says() -> None:
    descriptions = described()
    compared = 0
    for path in FILES:
        name, document = name_of(path), read(path)
        if document is None:
            continue
        said = descriptions[name]
        assert READ_TYPES[said["type"]] == document.kind, name
        assert document.number == said["number"], name
        if lines := re.search(r"(\d+) lines?", said["rest"]):
            assert len(document.lines) == int(lines[1]), name  # type: ignore[attr-defined]
        if payable := re.search(r"payable (-?[\d.]+) ([A-Z]{3})", said["rest"]):
            assert gross_of(document) == (Decimal(payable[1]), payable[2]), name
            compared += 1
        if type_code := re.search(r"type (\d+)", said["rest"]):
            given = document.order_type if isinstance(document, PurchaseOrder) else document.type_code  # type: ignore[attr-defined]
            assert given == type_code[1], name
        order = re.search(r"refers to order ([^,]+)", said["rest"])
        if order and isinstance(document, InvoiceBase) and order[1].strip().upper() not in {"NA", "N/A"}:
            assert document.order_number == order[1].strip(), name
        if response := re.search(r"response ([A-Z]{2})", said["rest"]):
            assert document.response_code == response[1], name  # type: ignore[attr-defined]
    assert compared == 69


def test_what_is_read_can_be_written_and_read_again() -> None:
    """And what is written is valid by the UBL 2.1 schemas, which come with the samples."""
    schemas: dict[str, etree.XMLSchema] = {}
    for path in FILES:
        document = read(path)
        if document is None:
            continue
        written = to_ubl(document)
        root = etree.fromstring(written)
        root_name = etree.QName(root).localname
        if root_name not in schemas:
            schemas[root_name] = etree.XMLSchema(
                etree.parse(str(UBL_ROOT / f"xsd/maindoc/UBL-{root_name}-2.1.xsd"))
            )
        schemas[root_name].assertValid(root)
        (item,) = parse(written, label=name_of(path))
        assert item.document is not None, (name_of(path), item.problems)
        assert document_bytes(item.document) == document_bytes(document), name_of(path)


def test_numbers_that_repeat_with_other_content_conflict() -> None:
    keys = ConsortiumKeys.create({1: b"\x01" * 32}, 1, b"\x02" * 32)
    tags: dict[str, set[str]] = defaultdict(set)
    numbers: dict[str, set[str]] = defaultdict(set)
    for path in FILES:
        document = read(path)
        if isinstance(document, Invoice):
            tags[keys.fingerprint(document)].add(keys.tag(document))
            numbers[document.number].add(keys.fingerprint(document))
    conflicts = {number for number, found in numbers.items() if any(len(tags[each]) > 1 for each in found)}
    assert conflicts == {"471102", "Snippet1", "12345", "TOSL108", "123456XX", "R123456789"}
    # Other sellers, or another year: the same number, and no conflict.
    assert len(numbers["TOSL110"]) > 1


def test_receipts_that_state_a_status_have_no_quantities() -> None:
    found = [
        document
        for path in FILES
        if (document := read(path)) is not None and document.kind == "goods_receipt"
    ]
    assert found
    assert all(line.received is None for receipt in found for line in receipt.lines)  # type: ignore[attr-defined]
    assert {receipt.despatch_status for receipt in found} == {"AB", "AP", "RE", "CA"}  # type: ignore[attr-defined]


def test_partial_deliveries_say_what_is_outstanding() -> None:
    document = read(UBL_ROOT / "postaward" / "DespatchAdvice-BIS3_UseCase2.xml")
    assert document is not None
    outstanding = [line.outstanding for line in document.lines]  # type: ignore[attr-defined]
    assert outstanding == [None, Decimal(4), Decimal(0), Decimal(3), None]
