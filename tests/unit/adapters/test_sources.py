"""The clients of institutions: what is wrong with an answer makes its source silent, with the reason."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import grpc.aio
import pytest

from consortium.documents.canonical import canonical_bytes
from consortium.errors import InvalidInputError
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from crossverify.adapters.parts import in_parts
from crossverify.answers import (
    Gap,
    TaxInvoice,
    read,
    sales_reference,
)
from crossverify.evidence import SourceAnswer, SourceState
from crossverify.sources.asking import AskingLimits, Batch, ask
from crossverify.sources.bank import (
    PaymentQuestion,
    account_questions,
)
from crossverify.sources.digest import answer_digest, full, joint_digest, sparse
from crossverify.sources.tax import InvoiceQuestion, SalesQuestion, TaxSource, tax_id_of
from tests.support.adapters import ACCOUNT, AS_OF, BUYER, SELLER, make_invoice
from tests.support.institutions import Answer, FakeChannel, sign


def taxed(request: Any, **change: Any) -> Any:
    answers = [
        pb.InvoiceAnswer(reference=each.reference, known=True, state="normal", red_amount="0")
        for each in request.invoices
    ]
    for name, value in change.items():
        setattr(answers[0], name, value)
    return sign("tax", request, pb.CheckInvoicesResponse(answers=answers))


def question(reference: str = "f1") -> InvoiceQuestion:
    return InvoiceQuestion.of(reference, make_invoice())


def source(answer: Answer, **limits: Any) -> TaxSource:
    channel: Any = FakeChannel(CheckInvoices=answer)
    return TaxSource(channel, AskingLimits(**limits), clock=lambda: AS_OF + 10)


async def test_a_right_answer_is_taken() -> None:
    answer = await source(taxed).ask([question("f1"), question("f2")])
    assert (answer.state, answer.institution, answer.as_of) == (SourceState.ANSWERED, "Office", AS_OF)
    assert answer.answers["f2"] == {
        "reference": "f2",
        "known": True,
        "differing": [],
        "state": "normal",
        "red_amount": "0",
        "use_confirmed": False,
        "red_confirmation_open": False,
        "red_confirmation_amount": "",
        "red_letters": [],
    }
    canonical_bytes(answer.model_dump(mode="json"))  # evidence has to be canonical


def altered(request: Any) -> Any:
    response = taxed(request)
    response.answers[0].use_confirmed = True
    return response


def of_another_question(request: Any) -> Any:
    other = pb.CheckInvoicesRequest()
    other.CopyFrom(request)
    other.invoices[0].gross_amount = "1"
    return taxed(other)


def shorter(request: Any) -> Any:
    response = taxed(request)
    del response.answers[1:]
    return sign("tax", request, response)


def reordered(request: Any) -> Any:
    response = taxed(request)
    answers = list(response.answers)[::-1]
    return sign("tax", request, pb.CheckInvoicesResponse(answers=answers))


def nameless(request: Any) -> Any:
    response = taxed(request)
    response.provenance.institution = ""
    response.provenance.digest = answer_digest(request, response)
    return response


def failing(_: Any) -> Any:
    raise grpc.aio.AioRpcError(
        grpc.StatusCode.UNAVAILABLE, grpc.aio.Metadata(), grpc.aio.Metadata(), details="connection refused"
    )


def breaking(_: Any) -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (altered, "digest"),
        (of_another_question, "digest"),
        (shorter, "not to all"),
        (nameless, "does not come from"),
        (failing, "connection refused"),
        (breaking, "INTERNAL"),
        (lambda request: sign("bank", request, taxed(request)), "does not come from"),
        (lambda request: sign("tax", request, taxed(request), as_of_unix=AS_OF + 1000), "future"),
        (lambda request: sign("tax", request, taxed(request), as_of_unix=-5), "future"),
        (lambda request: sign("tax", request, taxed(request), digest="00"), "digest"),
    ],
)
async def test_a_wrong_answer_is_silence_with_the_reason(answer: Answer, reason: str) -> None:
    found = await source(answer).ask([question("f1"), question("f2")])
    assert (found.state, found.answers, found.as_of, found.digest) == (SourceState.SILENT, {}, 0, "")
    assert reason in found.reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"state": "perhaps"}, "state is 'perhaps'"),
        ({"state": ""}, "state is ''"),
        ({"red_amount": "1e5"}, "red_amount is no amount"),
        ({"red_amount": ""}, "red_amount is no amount"),
        ({"red_confirmation_amount": "x"}, "red_confirmation_amount is no amount"),
        ({"reference": "other"}, "about something else"),
    ],
)
async def test_one_answer_that_is_nonsense_silences_its_question_alone(
    change: dict[str, Any], reason: str
) -> None:
    found = await source(lambda request: taxed(request, **change)).ask([question("f1"), question("f2")])
    assert found.state == SourceState.ANSWERED
    assert found.answers["f2"]["known"]
    error = found.answers["f1"]["error"]
    assert error["reason"] == "ANSWER_UNREADABLE"
    assert reason in error["message"]
    gap = read(TaxInvoice, found, "f1", "tax")
    assert isinstance(gap, Gap)
    assert gap.code == "ANSWER_UNREADABLE"
    assert reason in gap.message
    assert isinstance(read(TaxInvoice, found, "f2", "tax"), TaxInvoice)


async def test_answers_that_are_all_nonsense_are_silence() -> None:
    found = await source(reordered).ask([question("f1"), question("f2")])
    assert (found.state, found.answers) == (SourceState.SILENT, {})
    assert "about something else" in found.reason


async def test_an_institution_can_say_that_it_cannot_answer_one_question() -> None:
    def answer(request: Any) -> Any:
        response = taxed(request)
        wrong = pb.QuestionError(reason="QUESTION_INVALID", message="net_amount is no amount")
        response.answers[0].CopyFrom(pb.InvoiceAnswer(reference="f1", error=wrong))
        return sign("tax", request, response)

    found = await source(answer).ask([question("f1"), question("f2")])
    assert found.answers["f1"] == {
        "error": {"reason": "QUESTION_INVALID", "message": "net_amount is no amount"}
    }
    gap = read(TaxInvoice, found, "f1", "tax")
    assert isinstance(gap, Gap)
    assert (gap.code, "net_amount" in gap.message) == ("NOT_ANSWERED", True)


def with_difference(request: Any) -> Any:
    response = taxed(request)
    response.answers[0].differing.append("colour")
    return sign("tax", request, response)


def with_letter(request: Any, **values: Any) -> Any:
    response = taxed(request)
    letter = {"number": "R", "issue_date": "2026-06-01", "amount": "5", **values}
    response.answers[0].red_letters.append(pb.RedLetter(**letter))
    return sign("tax", request, response)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (with_difference, "colour"),
        (lambda request: with_letter(request, issue_date="2026-13-01"), "no date"),
        (lambda request: with_letter(request, issue_date="2099-01-01"), "future"),
        (lambda request: with_letter(request, amount="five"), "no amount"),
    ],
)
async def test_what_cannot_be_read_is_told(answer: Answer, reason: str) -> None:
    found = await source(answer).ask([question()])
    assert found.state == SourceState.SILENT
    assert reason in found.reason


async def test_one_batch_that_fails_silences_its_questions_alone() -> None:
    def parts(request: Any) -> Any:
        asked = request.question
        if asked.invoices[0].reference == "1000":
            failing(request)
        return [pb.StreamInvoicesResponse(part=taxed(asked))]

    channel: Any = FakeChannel(StreamInvoices=parts)
    asked = [question(str(number)) for number in range(1_500)]
    found = await TaxSource(channel, clock=lambda: AS_OF).ask(asked)
    assert found.state == SourceState.ANSWERED
    assert list(found.answers) == [str(number) for number in range(1_500)]
    assert found.answers["999"]["known"]
    assert found.answers["1000"]["error"]["reason"] in ("UNAVAILABLE", "CONNECTION_LOST")


async def test_a_long_answer_comes_in_parts() -> None:
    def parts(request: Any) -> Any:
        for part in in_parts(taxed(request.question), "answers", 150):
            assert len(part.answers) <= 150
            yield pb.StreamInvoicesResponse(part=part)

    channel: Any = FakeChannel(StreamInvoices=parts)
    asked = [question(str(number)) for number in range(400)]
    found = await TaxSource(channel, clock=lambda: AS_OF).ask(asked)
    assert list(found.answers) == [str(number) for number in range(400)]
    whole: Any = FakeChannel(CheckInvoices=taxed)
    assert (await TaxSource(whole, clock=lambda: AS_OF).ask(asked[:199])).state == SourceState.ANSWERED


async def test_parts_that_are_no_whole_are_refused() -> None:
    def without_the_last(request: Any) -> Any:
        parts = list(in_parts(taxed(request.question), "answers", 150))[:-1]
        return [pb.StreamInvoicesResponse(part=part) for part in parts]

    asked = [question(str(number)) for number in range(400)]
    for method, reason in ((without_the_last, "does not come from"), (lambda request: [], "no parts")):
        channel: Any = FakeChannel(StreamInvoices=method)
        found = await TaxSource(channel, clock=lambda: AS_OF).ask(asked)
        assert found.state == SourceState.SILENT
        assert reason in found.reason


async def test_batches_are_bounded_concurrent_and_joined() -> None:
    sizes: list[int] = []

    def answer(request: Any) -> Any:
        sizes.append(len(request.tax_ids))
        answers = [pb.TaxpayerAnswer(tax_id=each) for each in request.tax_ids]
        return sign("tax", request, pb.CheckTaxpayersResponse(answers=answers))

    channel: Any = FakeChannel(CheckTaxpayers=answer)
    asked = [f"t:{number}" for number in range(5_500)]
    found = await TaxSource(channel, AskingLimits(concurrent_calls=2), clock=lambda: AS_OF).ask([], asked)
    assert sorted(sizes) == [500, 1000, 1000, 1000, 1000, 1000]
    assert channel.most_at_once == 2
    assert list(found.answers) == asked


async def test_the_joint_answer_is_as_old_as_its_oldest_part() -> None:
    def invoices(request: Any) -> Any:
        return taxed(request)

    def taxpayers(request: Any) -> Any:
        answers = [pb.TaxpayerAnswer(tax_id=each) for each in request.tax_ids]
        response = pb.CheckTaxpayersResponse(answers=answers)
        return sign("tax", request, response, as_of_unix=AS_OF - 50)

    channel: Any = FakeChannel(CheckInvoices=invoices, CheckTaxpayers=taxpayers)
    found = await TaxSource(channel, clock=lambda: AS_OF).ask([question()], [SELLER, BUYER, SELLER])
    assert found.as_of == AS_OF - 50
    assert set(found.answers) == {"f1", SELLER, BUYER}
    assert len(bytes.fromhex(found.digest)) == 32


async def test_different_institutions_in_one_answer_are_refused() -> None:
    names = iter(["Office A", "Office B"])

    def answer(request: Any) -> Any:
        answers = [pb.TaxpayerAnswer(tax_id=each) for each in request.tax_ids]
        return sign("tax", request, pb.CheckTaxpayersResponse(answers=answers), institution=next(names))

    channel: Any = FakeChannel(CheckTaxpayers=answer)
    asked = [f"t:{number}" for number in range(1_001)]
    found = await TaxSource(channel, clock=lambda: AS_OF).ask([], asked)
    assert found.state == SourceState.SILENT
    assert "different institutions" in found.reason


async def test_an_answer_that_never_comes_is_silence() -> None:
    async def never(_: Any) -> Any:
        await asyncio.Event().wait()

    found = await source(never, deadline_s=0.05).ask([question()])
    assert found.state == SourceState.SILENT
    assert "DEADLINE" in found.reason


async def test_nothing_asked_is_silence() -> None:
    assert (await source(taxed).ask([])).state == SourceState.SILENT


async def test_cancelling_the_asker_cancels_the_calls() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def never(_: Any) -> Any:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    task = asyncio.create_task(source(never).ask([question()]))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()


async def test_one_service_that_is_missing_silences_its_questions_alone() -> None:
    """A real institution may not tell sales; what it says of invoices counts all the same."""
    channel: Any = FakeChannel(CheckInvoices=taxed, GetSales=failing)
    found = await TaxSource(channel, clock=lambda: AS_OF).ask([question()], (), [SalesQuestion.of(SELLER)])
    assert found.state == SourceState.ANSWERED
    assert found.answers["f1"]["known"]
    assert found.answers[sales_reference(SELLER)]["error"]["message"]


def test_accounts_are_asked_about_once_with_whoever_is_to_be_paid() -> None:
    accounts = [{"account_id": ACCOUNT}, {"account_id": "FI21 1234"}]
    invoices = [
        make_invoice("INV-1", payee_accounts=accounts),
        make_invoice("INV-2", payee_accounts=accounts[:1]),
    ]
    assert [(each.reference, each.owner_id) for each in account_questions(invoices)] == [
        (f"account:{ACCOUNT}", SELLER),
        ("account:FI211234", SELLER),
    ]


def test_a_question_is_made_of_an_invoice() -> None:
    assert question() == InvoiceQuestion(
        reference="f1",
        number="INV-2026-001",
        code="",
        issue_date="2026-05-04",
        seller_tax_id=SELLER,
        buyer_tax_id=BUYER,
        currency="CNY",
        net_amount="1000",
        tax_amount="130",
        gross_amount="1130",
    )


def test_a_question_names_the_official_number() -> None:
    older = [{"fapiao_kind": "special", "number": "01234567", "code": "3100191130"}]
    asked = InvoiceQuestion.of("f", make_invoice("01234567", fapiao=older))
    assert (asked.number, asked.code) == ("01234567", "3100191130")
    digital = [{"fapiao_kind": "digital_special", "number": "25312000000000000001"}]
    asked = InvoiceQuestion.of("f", make_invoice("INV-1", fapiao=digital))
    assert (asked.number, asked.code) == ("25312000000000000001", "")


def test_a_payment_question_is_made_of_an_invoice() -> None:
    digital = [{"fapiao_kind": "digital_special", "number": "25312000000000000001"}]
    invoice = make_invoice(
        "INV-1",
        fapiao=digital,
        payment_reference="RF18539007547034",
        payee_accounts=[{"account_id": ACCOUNT}],
    )
    assert PaymentQuestion.of("f", invoice) == PaymentQuestion(
        reference="f",
        invoice_number="INV-1",
        payee_account=ACCOUNT,
        amount="1130",
        currency="CNY",
        seller_id=SELLER,
        buyer_id=BUYER,
        seller_name="Seller Co",
        other_numbers=("RF18539007547034", "25312000000000000001"),
    )


def test_tax_identifier_before_others() -> None:
    invoice = make_invoice()
    assert tax_id_of(invoice.seller) == SELLER


def test_sparse_and_full_forms() -> None:
    message = pb.FindPaymentsResponse(
        answers=[pb.PaymentAnswer(reference="r", payments=[pb.Payment(amount="1")])]
    )
    assert sparse(message) == {"answers": [{"reference": "r", "payments": [{"amount": "1"}]}]}
    values = full(message)
    assert values["answers"][0]["payments"][0]["payer_ids"] == []
    assert values["answers"][0]["account_known"] is False


def test_digests_of_several_calls() -> None:
    assert joint_digest(["aa"]) == "aa"
    assert joint_digest(["aa", "bb"]) != joint_digest(["bb", "aa"])


def test_the_digest_refuses_what_has_no_canonical_form() -> None:
    response = pb.CheckInvoicesResponse(provenance=pb.Provenance(as_of_unix=2**60))
    with pytest.raises(InvalidInputError):
        answer_digest(pb.CheckInvoicesRequest(), response)


def test_digest_vector() -> None:
    """The published form: another implementation must come to the same digest."""
    request = pb.CheckTaxpayersRequest(tax_ids=["vat:DE123456789"])
    response = pb.CheckTaxpayersResponse(
        answers=[pb.TaxpayerAnswer(tax_id="vat:DE123456789", known=True, state="active", name="Ä & Co")],
        provenance=pb.Provenance(source="tax", institution="Office", as_of_unix=1_790_000_000),
    )
    canonical = (
        '{"answer":{"answers":[{"known":true,"name":"Ä & Co","state":"active","tax_id":"vat:DE123456789"}],'
        '"provenance":{"as_of_unix":1790000000,"institution":"Office","source":"tax"}},'
        '"method":"CheckTaxpayersRequest","question":{"tax_ids":["vat:DE123456789"]},'
        '"type":"chanrong.source-answer","v":1}'
    )
    assert answer_digest(request, response) == hashlib.sha256(canonical.encode()).hexdigest()


async def test_a_batch_needs_no_stub() -> None:
    """``ask`` itself, as another institution's client would use it."""
    request = pb.CheckTaxpayersRequest(tax_ids=["x:1"])

    async def method(asked: Any, timeout: float | None = None) -> Any:
        return sign("new", asked, pb.CheckTaxpayersResponse(answers=[pb.TaxpayerAnswer(tax_id="x:1")]))

    batch = Batch(method, request, ["x:1"], "answers", "tax_id", lambda answer: None)
    found: SourceAnswer = await ask("new", [batch], AskingLimits(), lambda: AS_OF)
    assert found.state == SourceState.ANSWERED
