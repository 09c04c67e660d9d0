"""The bank (银行) for the conformance suite."""

from __future__ import annotations

from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.sources.bank import BankSource, PaymentQuestion
from tests.conformance.adapters.kind import Kind
from tests.support.adapters import ACCOUNT, SELLER, camt, entry


def _request(names: list[str], last_amount: str = "") -> pb.FindPaymentsRequest:
    asked = [pb.PaymentQuestion(reference=name, invoice_number=name, payee_account=ACCOUNT) for name in names]
    if asked:
        asked[-1].amount = last_amount
    return pb.FindPaymentsRequest(receivables=asked)


KIND = Kind(
    name="bank",
    service="BankSourceService",
    batch=1_000,
    stub=lambda link: rpc.BankSourceServiceStub(link).FindPayments,
    request=_request,
    stream=lambda link: (
        rpc.BankSourceServiceStub(link).StreamPayments,
        lambda question: pb.StreamPaymentsRequest(question=question),
    ),
    field="answers",
    ask=lambda link, names, limits: BankSource(link, limits).ask(
        [PaymentQuestion(name, name, ACCOUNT, "1130", "CNY", SELLER) for name in names]
    ),
    data=lambda: camt(entry(text="Invoice INV-1")),
    broken=camt(entry(amount="12..34")),
    known="INV-1",
    is_known=lambda answer: bool(answer["payments"]),
    wrong=lambda names: _request(names, "much"),
)
