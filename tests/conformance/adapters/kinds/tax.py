"""The tax authority (税务) for the conformance suite."""

from __future__ import annotations

from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.sources.tax import InvoiceQuestion, TaxSource
from tests.conformance.adapters.kind import Kind
from tests.support.adapters import SELLER, invoice_json, make_invoice


def _request(names: list[str], last_amount: str = "") -> pb.CheckInvoicesRequest:
    asked = [pb.InvoiceQuestion(reference=name, number=name, seller_tax_id=SELLER) for name in names]
    if asked:
        asked[-1].net_amount = last_amount
    return pb.CheckInvoicesRequest(invoices=asked)


KIND = Kind(
    name="tax",
    service="TaxSourceService",
    batch=1_000,
    stub=lambda link: rpc.TaxSourceServiceStub(link).CheckInvoices,
    request=_request,
    stream=lambda link: (
        rpc.TaxSourceServiceStub(link).StreamInvoices,
        lambda question: pb.StreamInvoicesRequest(question=question),
    ),
    field="answers",
    ask=lambda link, names, limits: TaxSource(link, limits).ask(
        [InvoiceQuestion.of(name, make_invoice(name)) for name in names]
    ),
    data=lambda: invoice_json("INV-1"),
    broken=b'{"kind": "invoice", "number": "INV-2"}',
    known="INV-1",
    is_known=lambda answer: bool(answer["known"]),
    wrong=lambda names: _request(names, "much"),
)
