"""DUP_SIMILAR over real payments and labelled duplicates: false alarms and recall.

The files are not part of this repository (``tests/sample_data.py``). Figures are asserted as they stand, so that a
change of the rule shows what it costs.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from consortium.documents import (
    Document,
    GoodsReceipt,
    Invoice,
    InvoiceLine,
    Item,
    Party,
    PartyId,
    ReceiptLine,
    Totals,
)
from crossverify.evidence import Evidence, SubjectInfo
from tests.sample_data import needs_sample_data, sample_files
from tests.support.portfolio_world import evidence_of, judged

pytestmark = needs_sample_data


def company(name: str) -> Party:
    return Party(name=name, identifiers=(PartyId(scheme="local", value=name),))


def billed(
    number: str,
    day: date,
    seller: str,
    buyer: str,
    amount: Decimal,
    *,
    item: str,
    quantity: Decimal = Decimal(1),
    **fields: Any,
) -> Invoice:
    """An invoice of one line, without tax."""
    line = InvoiceLine(
        line_id="1",
        item=Item(name=item),
        quantity=quantity,
        unit="C62",
        price=(amount / quantity).quantize(Decimal("0.0001")),
        net_amount=amount,
    )
    return Invoice(
        number=number,
        issue_date=day,
        currency=fields.pop("currency", "GBP"),
        seller=company(seller),
        buyer=company(buyer),
        totals=Totals(line_net=amount, net=amount, gross=amount, payable=amount),
        lines=(line,),
        **fields,
    )


def verdicts(documents: Iterable[Document]) -> tuple[Counter[str], dict[str, str]]:
    """How often each code was said, and the code by number; the rule is run once for each seller, as its request."""
    by_seller: dict[str, list[Document]] = {}
    for each in documents:
        seller = getattr(each, "seller").name  # noqa: B009 - of any kind that is used here
        by_seller.setdefault(seller, []).append(each)
    counts: Counter[str] = Counter()
    codes: dict[str, str] = {}
    for seller, held in sorted(by_seller.items()):
        evidence = asked_by(seller, evidence_of(held))
        numbers = {item.fingerprint: item.document.number for item in evidence.documents}
        for finding in judged(evidence, "DUP_SIMILAR"):
            counts[finding.code] += 1
            codes[numbers[finding.subject]] = finding.code
    return counts, codes


def asked_by(seller: str, evidence: Evidence) -> Evidence:
    """The seller is the subject, whom the documents name by a name alone."""
    (identifier,) = company(seller).identifiers
    subject = SubjectInfo(handle="", identifiers=(str(identifier),), name=seller)
    return evidence.model_copy(update={"subject": subject})


# --- real payments ------------------------------------------------------------------------------------


def payments() -> Iterator[Invoice]:
    """Payments of two public bodies, each as an invoice. The files have no invoice numbers: a payee numbers its
    invoices as they come."""
    counters: Counter[str] = Counter()
    for path in sample_files("procurement/public-spend", "*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                amount = Decimal(row["Amount"].replace(",", "") or "0")
                payee = row["Beneficiary Name"].strip()
                if not row["Payment Date"] or not payee or amount <= 0:
                    continue  # the total at the end of a file; what was paid back
                counters[payee] += 1
                number = f"{1000 + counters[payee]}"
                day = date.fromisoformat(row["Payment Date"])
                body = path.name.split("-")[0]
                yield billed(number, day, payee, body, amount, item=row["Organisational Unit"] or "services")


def test_real_payments_raise_no_alarm() -> None:
    held = list(payments())
    assert len(held) > 3_000
    counts, _ = verdicts(held)
    assert sum(counts.values()) == len(held)
    repeats = Counter((each.seller.name, each.issue_date, each.totals.payable) for each in held)
    assert sum(count for count in repeats.values() if count > 1) > 100, (
        "the same payee, day and amount is common"
    )
    assert counts["TOLD_APART"] > 100
    assert counts["NEAR_COPY"] + counts["RECEIPT_USED_TWICE"] + counts["UNKNOWN_TO_TAX"] == 0


# --- labelled duplicates ------------------------------------------------------------------------------


def sap_invoices(numbered_by: str) -> list[Invoice]:
    """Supplier invoices of one SAP system; 5100000001 and 5100000002 are one, entered twice."""
    (path,) = sample_files("erp/sap-odata", "A_SupplierInvoice.json")
    found = []
    for row in json.loads(path.read_text(encoding="utf-8"))["d"]["results"]:
        seconds = int(row["DocumentDate"].removeprefix("/Date(").removesuffix(")/")) // 1000
        found.append(
            billed(
                row[numbered_by],
                datetime.fromtimestamp(seconds, UTC).date(),
                row["InvoicingParty"],
                "buyer",
                Decimal(row["InvoiceGrossAmount"]),
                item="goods",
                currency=row["DocumentCurrency"],
            )
        )
    return found


def test_an_invoice_that_was_entered_twice_in_an_erp() -> None:
    by_reference, _ = verdicts(sap_invoices("SupplierInvoiceIDByInvcgParty"))
    assert by_reference == {"NEAR_COPY": 2, "TOLD_APART": 1, "NONE": 2}, "the supplier's own number shows it"
    by_entry, _ = verdicts(sap_invoices("SupplierInvoice"))
    assert by_entry == {"TOLD_APART": 3, "NONE": 2}, "entry numbers follow each other: no copy by number"


def test_labelled_duplicates_of_a_three_way_match_set() -> None:
    """500 orders, synthetic: 15 invoices are labelled as second ones for goods that were received once."""
    invoices, labels = [], {}
    (path,) = sample_files("procurement/auditiq", "invoices.csv")
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            number, quantity = row["Invoice_ID"], Decimal(row["Invoice_Qty"])
            labels[number] = row["Mismatch_Type"]
            day = date.fromisoformat(row["Invoice_Date"])
            made = billed(
                number, day, row["Vendor_ID"], "buyer", Decimal(row["Invoice_Amount"]).quantize(Decimal("0.01")),
                item=row["Item_Code"], quantity=quantity, order_number=row["PO_ID"],
            )  # fmt: skip
            invoices.append(made)
    receipts: list[Document] = []
    (path,) = sample_files("procurement/auditiq", "goods_receipts.csv")
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            line = ReceiptLine(
                line_id="1",
                item=Item(name=row["Item_Code"]),
                received=Decimal(row["Received_Qty"]),
                unit="C62",
            )
            receipts.append(
                GoodsReceipt(
                    number=row["GR_ID"],
                    issue_date=date.fromisoformat(row["GR_Date"]),
                    order_number=row["PO_ID"],
                    seller=company(row["Vendor_ID"]),
                    buyer=company("buyer"),
                    lines=(line,),
                )
            )
    _, codes = verdicts([*invoices, *receipts])
    flagged = {number for number, code in codes.items() if code in {"RECEIPT_USED_TWICE", "NEAR_COPY"}}
    trades: dict[tuple[str | None, str], set[str]] = {}
    for each in invoices:
        trades.setdefault((each.order_number, each.lines[0].item.name), set()).add(each.number)
    doubled = [found for found in trades.values() if any(labels[number] == "Duplicate" for number in found)]
    assert len(doubled) == 15
    assert sum(bool(found & flagged) for found in doubled) == 15, "one of each pair fails: the later by date"
    honest = [found for found in trades.values() if {labels[number] for number in found} == {"None"}]
    assert len(honest) > 200
    assert not any(found & flagged for found in honest), "no false alarm where nothing is labelled"
