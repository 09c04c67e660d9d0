"""Every kind in a bank's package: its body in the evidence, its terms in the findings, to be checked offline."""

from __future__ import annotations

from typing import Any

import orjson

from consortium.documents import KINDS, DebtorConfirmation, Document, Invoice, parse_canonical
from consortium.documents.canonical import plain
from tests.support.document_cases import example
from tests.support.finance_bank import Bank

LATER = [kind for kind in KINDS if kind not in list(KINDS)[:7]]


def papers_of(invoice: Invoice, contract: str) -> dict[str, Document]:
    """A document of each later kind about one invoice."""
    seller, buyer = plain(invoice.seller), plain(invoice.buyer)
    day, gross = invoice.issue_date.isoformat(), str(invoice.totals.payable)
    listed = {"line_id": "1", "invoice_number": invoice.number, "invoice_date": day, "amount": gross}
    changes: dict[str, dict[str, Any]] = {
        "contract": {
            "number": contract,
            "effective_date": "2020-01-01",
            "end_date": "2030-12-31",
            "due_rule": {"basis": "invoice_date", "days": 60},
        },
        "statement_of_account": {
            "opening_balance": None,
            "closing_balance": None,
            "acknowledged_amount": gross,
            "due_date": "2149-01-01",
            "lines": [
                {"line_id": "1", "document_number": invoice.number, "document_date": day, "amount": gross}
            ],
        },
        "assignment_notice": {"lines": [listed], "amount": gross},
        "assignment_acknowledgement": {"lines": [listed], "acknowledged_amount": gross, "due_date": None},
        "bill": {"range_from": None, "range_to": None, "amount": gross, "drawer": buyer, "acceptor": buyer}
        | {"payee": seller, "lines": [listed]},
        "transport_document": {"shipper": seller, "consignee": buyer},
        "financing_request": {
            "lines": [{"line_id": "1", "document_number": invoice.number, "document_date": day}]
        },
        "keeper_attestation": {"depositor": seller},
        "inspection_report": {},
    }
    made: dict[str, Document] = {}
    for kind in LATER:
        values = example(kind, **changes[kind])
        parties = {
            name: party
            for name, party in (("seller", seller), ("buyer", buyer))
            if name in KINDS[kind].model_fields and name in values
        }
        made[kind] = parse_canonical(kind, values | parties)
    return made


async def test_every_kind_is_evidence_of_a_package_that_holds_offline(bank: Bank) -> None:
    invoice = bank.trades.invoices[0]
    papers = papers_of(invoice, bank.trades.trades[0].order.contract_number or "HT-1")
    results = await bank.sandbox.register(*papers.values())
    assert [each["status"] for each in results] == ["registered"] * len(papers)
    await bank.consent()
    answer = await bank.package(profile="receivable-v2")
    report = bank.verify(answer.package)
    assert report.ok, report.checks
    payload = orjson.loads(answer.package)["payload"]
    evidence = {item["fingerprint"]: item for item in payload["evidence"]["documents"]}
    for kind, paper in papers.items():
        shown = evidence[bank.fingerprint(paper)]
        assert parse_canonical(kind, shown["document"]) == paper

    about = [item for item in payload["findings"] if item["subject"] == bank.fingerprint(invoice)]
    said = {item["rule"]: item for item in about}
    told = next(each for each in said["AGEING"]["inputs"] if each["field"] == "due_date")
    confirmed = parse_canonical("debtor_confirmation", evidence[told["document"]]["document"])
    assert isinstance(confirmed, DebtorConfirmation), "the debtor's confirmation goes before all others"
    assert (told["field"], told["value"]) == ("due_date", str(confirmed.due_date))
    conflict = next(item for item in about if item["code"] == "DUE_DATE_BY_DEBTOR")
    assert {each["document"] for each in conflict["inputs"]} >= {
        bank.fingerprint(papers["statement_of_account"]),
        bank.fingerprint(papers["contract"]),
    }
    assert "BARRED_BY_AGREEMENT" in {item["code"] for item in about}
