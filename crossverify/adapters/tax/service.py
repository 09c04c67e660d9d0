"""Answers the questions to the reference tax authority: a few queries per batch, whatever its size."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from consortium.documents.money import decimal_text
from consortium.errors import InvalidInputError
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.context import Context
from crossverify.adapters.ids import normal_id
from crossverify.adapters.institution import (
    Institution,
    check_batch,
    check_text,
    question_error,
    wrong_question,
)
from crossverify.adapters.parts import in_parts
from crossverify.adapters.tax import store
from crossverify.adapters.tax.keys import question_keys
from crossverify.adapters.tax.load import INVOICES, SALES, STATES, TAXPAYERS
from crossverify.adapters.tax.reds import Red, red_letters
from crossverify.adapters.tax.sales import sales_answer
from crossverify.sources.tax import MAX_INVOICES, MAX_SALES, MAX_TAXPAYERS
from crossverify.sources.values import amount

MAX_RED_LETTERS: Final = 100  # of one answer
_AMOUNTS: Final = ("net_amount", "tax_amount", "gross_amount")
_ZERO: Final = Decimal(0)


class TaxService(rpc.TaxSourceServiceServicer):
    """Questions to the tax authority."""

    def __init__(self, institution: Institution) -> None:
        self._institution = institution

    async def CheckInvoices(
        self, request: pb.CheckInvoicesRequest, context: Context
    ) -> pb.CheckInvoicesResponse:
        """Say of each invoice whether it is known, with which differences and in which state."""
        self._institution.check_answering()
        check_batch(len(request.invoices), MAX_INVOICES, "invoices")
        asked = [_asked(index, question) for index, question in enumerate(request.invoices)]
        good = [each for each in asked if isinstance(each, _Asked)]
        async with self._institution.database.read() as session:
            as_of = await self._institution.as_of(session, INVOICES, STATES)
            known = await store.find(session, [key for each in good for key in each.keys])
            found = {each.question.reference: each.best(known) for each in good}
            red = await red_letters(session, {each.id for each in found.values() if each is not None})
        answers = [
            _answer(each, found[each.question.reference], red) if isinstance(each, _Asked) else each
            for each in asked
        ]
        response = pb.CheckInvoicesResponse(answers=answers)
        self._institution.sign_off(request, response, as_of)
        return response

    async def CheckTaxpayers(
        self, request: pb.CheckTaxpayersRequest, context: Context
    ) -> pb.CheckTaxpayersResponse:
        """Say of each taxpayer whether it is known and active, and its names.

        Without any data on taxpayers none is known, as of what is known of invoices.
        """
        self._institution.check_answering()
        check_batch(len(request.tax_ids), MAX_TAXPAYERS, "tax_ids")
        for index, tax_id in enumerate(request.tax_ids):
            check_text(tax_id, f"tax_ids[{index}]")
        async with self._institution.database.read() as session:
            as_of = await self._institution.as_of(session, TAXPAYERS)
            as_of = as_of or await self._institution.as_of(session, INVOICES, STATES)
            known = await store.find_taxpayers(session, [normal_id(each) for each in request.tax_ids])
        answers = []
        for tax_id in request.tax_ids:
            row = known.get(normal_id(tax_id))
            answers.append(
                pb.TaxpayerAnswer(tax_id=tax_id, known=False)
                if row is None
                else pb.TaxpayerAnswer(
                    tax_id=tax_id,
                    known=True,
                    state=row["state"],
                    name=row["name"],
                    former_names=json.loads(row["former_names"]),
                    registered_on=row["registered_on"],
                )
            )
        response = pb.CheckTaxpayersResponse(answers=answers)
        self._institution.sign_off(request, response, as_of)
        return response

    async def StreamInvoices(
        self, request: pb.StreamInvoicesRequest, context: Context
    ) -> AsyncIterator[pb.StreamInvoicesResponse]:
        """As ``CheckInvoices``, in parts."""
        response = await self.CheckInvoices(request.question, context)
        for part in in_parts(response, "answers"):
            yield pb.StreamInvoicesResponse(part=part)

    async def GetSales(self, request: pb.GetSalesRequest, context: Context) -> pb.GetSalesResponse:
        """Say what each taxpayer declared."""
        self._institution.check_answering()
        check_batch(len(request.subjects), MAX_SALES, "subjects")
        for index, question in enumerate(request.subjects):
            check_text(question.reference, f"subjects[{index}].reference")
        async with self._institution.database.read() as session:
            # A declaration is of its month, whenever it is told: that nothing newer was declared is known as of the
            # latest data of any kind.
            declared = await self._institution.as_of(session, SALES)
            as_of = max(declared, await self._institution.as_of(session, INVOICES, STATES))
            known = await store.find_sales(
                session, [normal_id(each.taxpayer_id) for each in request.subjects]
            )
        response = pb.GetSalesResponse(
            answers=[sales_answer(index, each, known) for index, each in enumerate(request.subjects)]
        )
        self._institution.sign_off(request, response, as_of)
        return response


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question, as it is compared. :ivar amounts: as they are compared"""

    question: pb.InvoiceQuestion
    amounts: dict[str, str]
    keys: list[str]

    def best(self, known: dict[str, list[store.Known]]) -> store.Known | None:
        """The invoice that is meant."""
        return _best([each for key in self.keys for each in known.get(key, [])], self.question.issue_date)


def _asked(index: int, question: pb.InvoiceQuestion) -> _Asked | pb.InvoiceAnswer:
    """One question, or the answer that says why it has none.

    :raises InvalidInputError: its reference, which the answer would repeat, is wrong
    """
    path = f"invoices[{index}]"
    check_text(question.reference, f"{path}.reference")
    try:
        amounts = _checked(path, question)
    except InvalidInputError as error:
        return pb.InvoiceAnswer(reference=question.reference, error=question_error(error))
    return _Asked(question, amounts, question_keys(question.number, question.code, question.seller_tax_id))


def _checked(path: str, question: pb.InvoiceQuestion) -> dict[str, str]:
    """Check one question; its amounts as they are compared.

    :raises InvalidInputError: it cannot be understood
    """
    check_text(question.number, f"{path}.number")
    if question.issue_date:
        try:
            date.fromisoformat(question.issue_date)
        except ValueError as error:
            raise wrong_question(f"{path}.issue_date", question.issue_date[:40], "no date") from error
    found = {}
    for name in _AMOUNTS:
        text = getattr(question, name)
        try:
            found[name] = decimal_text(amount(text)) if text else ""
        except ValueError as error:
            raise wrong_question(f"{path}.{name}", text[:40], "no amount") from error
    return found


def _best(found: Sequence[store.Known], issue_date: str) -> store.Known | None:
    """The invoice that is meant: its own key before an alias, the year asked before others, the last one."""
    if not found:
        return None
    return max(found, key=lambda each: (each.own, each.issue_date[:4] == issue_date[:4], each.issue_date))


def _answer(asked: _Asked, known: store.Known | None, red: dict[int, list[Red]]) -> pb.InvoiceAnswer:
    question = asked.question
    if known is None:
        return pb.InvoiceAnswer(reference=question.reference, known=False)
    letters = red.get(known.id, [])
    # A state line may know of reversals whose credit notes were not loaded, and the other way round.
    reversed_amount = max(Decimal(known.red_stated), sum((each.amount for each in letters), _ZERO))
    return pb.InvoiceAnswer(
        reference=question.reference,
        known=True,
        differing=_differing(question, asked.amounts, known),
        state=_state(known, reversed_amount),
        red_amount=decimal_text(reversed_amount),
        use_confirmed=known.use_confirmed,
        red_confirmation_open=known.red_open,
        red_confirmation_amount=known.red_open_amount,
        red_letters=[
            pb.RedLetter(number=each.number, issue_date=each.issue_date, amount=decimal_text(each.amount))
            for each in letters[:MAX_RED_LETTERS]
        ],
    )


def _differing(question: pb.InvoiceQuestion, amounts: dict[str, str], known: store.Known) -> list[str]:
    same = {
        "issue_date": question.issue_date == known.issue_date,
        "seller_tax_id": normal_id(question.seller_tax_id) in known.seller_ids,
        "buyer_tax_id": normal_id(question.buyer_tax_id) in known.buyer_ids,
        "currency": question.currency == known.currency,
        "net_amount": amounts["net_amount"] == known.net,
        "tax_amount": amounts["tax_amount"] == known.tax,
        "gross_amount": amounts["gross_amount"] == known.gross,
    }
    return [name for name, equal in same.items() if not equal]


def _state(known: store.Known, red: Decimal) -> str:
    if known.void:
        return "void"
    if red <= _ZERO:
        return "normal"
    return "red_full" if red >= Decimal(known.gross) else "red_partial"
