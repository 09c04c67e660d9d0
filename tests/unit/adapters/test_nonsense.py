"""Answers that are nonsense: of a wrong type, about another subject, with a date in the future."""

from __future__ import annotations

from typing import Any

import pytest

from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from crossverify.answers import account_reference, flow_reference, sales_reference
from crossverify.evidence import SourceState
from crossverify.sources.bank import AccountQuestion, BankSource, FlowQuestion, PaymentQuestion
from crossverify.sources.credit import CreditSource, ReportQuestion
from crossverify.sources.tax import SalesQuestion, TaxSource
from tests.support.adapters import ACCOUNT, AS_OF, BUYER, SELLER
from tests.support.institutions import FakeChannel, sign


def payment(**values: Any) -> pb.Payment:
    return pb.Payment(
        **{
            "entry_reference": "E",
            "booking_date": "2026-06-10",
            "amount": "5",
            "currency": "CNY",
            "matched_by": "structured",
            "found_by": "account",
            **values,
        }
    )


@pytest.mark.parametrize(
    "values",
    [
        {"booking_date": ""},
        {"booking_date": "20260610"},
        {"booking_date": "2099-01-01"},
        {"amount": "x"},
        {"currency": "ABC"},
        {"instructed_amount": "1,5"},
        {"document_amount": "NaN"},
        {"matched_by": "guess"},
        {"found_by": ""},
    ],
)
async def test_a_payment_that_cannot_be_read_silences_the_bank(values: dict[str, Any]) -> None:
    def answer(request: Any) -> Any:
        found = pb.PaymentAnswer(reference="f1", payments=[payment(**values)])
        return sign("bank", request, pb.FindPaymentsResponse(answers=[found]))

    channel: Any = FakeChannel(FindPayments=answer)
    asked = PaymentQuestion("f1", "INV-1", ACCOUNT, "5", "CNY", SELLER)
    found = await BankSource(channel, clock=lambda: AS_OF).ask([asked])
    assert found.state == SourceState.SILENT


@pytest.mark.parametrize("values", [{"liabilities": ""}, {"currency": "X"}])
async def test_a_report_that_cannot_be_read_silences_the_bureau(values: dict[str, Any]) -> None:
    def answer(request: Any) -> Any:
        report = pb.CreditReport(
            **{"subject_id": SELLER, "known": True, "liabilities": "1", "currency": "CNY", **values}
        )
        return sign("credit", request, pb.GetReportsResponse(reports=[report]))

    channel: Any = FakeChannel(GetReports=answer)
    found = await CreditSource(channel, clock=lambda: AS_OF).ask([ReportQuestion(SELLER, "c")])
    assert found.state == SourceState.SILENT


FLOW: dict[str, Any] = {"reference": flow_reference(SELLER), "known": True}
MONTH: dict[str, Any] = {
    "month": "2026-05",
    "currency": "CNY",
    "inflow": "1",
    "returned": "0",
    "own_transfers": "0",
}
PAYER: dict[str, Any] = {"payer_id": BUYER, "currency": "CNY", "amount": "1"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (pb.FlowAnswer(**FLOW, months=[pb.FlowMonth(**{**MONTH, "month": "2026-13"})]), "month is no date"),
        (pb.FlowAnswer(**FLOW, months=[pb.FlowMonth(**{**MONTH, "month": "2099-01"})]), "future"),
        (pb.FlowAnswer(**FLOW, months=[pb.FlowMonth(**{**MONTH, "inflow": "much"})]), "inflow is no amount"),
        (pb.FlowAnswer(**FLOW, months=[pb.FlowMonth(**{**MONTH, "currency": "RMB"})]), "currency"),
        (pb.FlowAnswer(**FLOW, payers=[pb.FlowPayer(**{**PAYER, "amount": ""})]), "amount is no amount"),
        (pb.FlowAnswer(**FLOW, accounts=[pb.FlowAccount(statements_until="2099-01-01")]), "future"),
        (pb.FlowAnswer(reference=flow_reference(BUYER), known=True), "something else"),
    ],
)
async def test_a_flow_that_is_nonsense(answer: pb.FlowAnswer, reason: str) -> None:
    channel: Any = FakeChannel(
        GetFlows=lambda request: sign("bank", request, pb.GetFlowsResponse(answers=[answer]))
    )
    found = await BankSource(channel, clock=lambda: AS_OF).ask(flows=[FlowQuestion.of(SELLER)])
    assert found.state == SourceState.SILENT
    assert reason in found.reason


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"owner_match": "maybe"}, "owner_match"),
        ({"owner_match": "unknown", "known": False, "owner_name": "X"}, "not known"),
        ({"owner_match": "identifier", "statements_until": "2099-01-01"}, "future"),
        ({"reference": "account:OTHER", "owner_match": "unknown"}, "something else"),
    ],
)
async def test_an_account_that_is_nonsense(values: dict[str, Any], reason: str) -> None:
    answer = pb.AccountAnswer(**{"reference": account_reference(ACCOUNT), "known": True, **values})
    channel: Any = FakeChannel(
        CheckAccounts=lambda request: sign("bank", request, pb.CheckAccountsResponse(answers=[answer]))
    )
    asked = AccountQuestion(account_reference(ACCOUNT), ACCOUNT)
    found = await BankSource(channel, clock=lambda: AS_OF).ask(accounts=[asked])
    assert found.state == SourceState.SILENT
    assert reason in found.reason


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"months": [pb.DeclaredSales(month="May", currency="CNY", amount="1")]}, "no date"),
        ({"months": [pb.DeclaredSales(month="2099-01", currency="CNY", amount="1")]}, "future"),
        ({"months": [pb.DeclaredSales(month="2026-05", currency="CNY", amount="x")]}, "no amount"),
        ({"counterparties": [pb.Counterparty(role="friend", currency="CNY", amount="1")]}, "role"),
        (
            {"known": False, "months": [pb.DeclaredSales(month="2026-05", currency="CNY", amount="1")]},
            "not known",
        ),
    ],
)
async def test_sales_that_are_nonsense(answer: dict[str, Any], reason: str) -> None:
    def told(request: Any) -> Any:
        sales = pb.SalesAnswer(**{"reference": sales_reference(SELLER), "known": True, **answer})
        return sign("tax", request, pb.GetSalesResponse(answers=[sales]))

    channel: Any = FakeChannel(GetSales=told)
    found = await TaxSource(channel, clock=lambda: AS_OF).ask(sales=[SalesQuestion.of(SELLER)])
    assert found.state == SourceState.SILENT
    assert reason in found.reason


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"status": "asleep"}, "status"),
        ({"related": [pb.RelatedParty(kind="cousin", identifier="person:1")]}, "kind"),
        ({"related": [pb.RelatedParty(kind="owner")]}, "no identifier"),
        ({"related": [pb.RelatedParty(kind="owner", identifier="p:1", share_percent="half")]}, "share"),
        ({"related": [pb.RelatedParty(kind="owner", identifier="p:1")] * 501}, "more than 500"),
    ],
)
async def test_a_report_that_is_nonsense(values: dict[str, Any], reason: str) -> None:
    def told(request: Any) -> Any:
        report = pb.CreditReport(
            **{"subject_id": SELLER, "known": True, "liabilities": "1", "currency": "CNY", **values}
        )
        return sign("credit", request, pb.GetReportsResponse(reports=[report]))

    channel: Any = FakeChannel(GetReports=told)
    found = await CreditSource(channel, clock=lambda: AS_OF).ask([ReportQuestion(SELLER, "c")])
    assert found.state == SourceState.SILENT
    assert reason in found.reason
