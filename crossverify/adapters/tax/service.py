"""Answers the questions to the reference tax authority: two queries per batch, whatever its size."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from consortium.documents.money import decimal_text
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.context import Context
from crossverify.adapters.ids import normal_id
from crossverify.adapters.institution import Institution, check_batch, check_text, wrong_question
from crossverify.adapters.tax import store
from crossverify.adapters.tax.keys import question_keys
from crossverify.adapters.tax.load import INVOICES, STATES, TAXPAYERS
from crossverify.sources.tax import MAX_INVOICES, MAX_TAXPAYERS
from crossverify.sources.values import amount

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
        amounts = [_checked(index, question) for index, question in enumerate(request.invoices)]
        keys = [question_keys(each.number, each.code, each.seller_tax_id) for each in request.invoices]
        async with self._institution.database.read() as session:
            as_of = await self._institution.as_of(session, INVOICES, STATES)
            known = await store.find(session, [key for each in keys for key in each])
            found = [
                _best([each for key in own for each in known.get(key, [])], question.issue_date)
                for own, question in zip(keys, request.invoices, strict=True)
            ]
            red = await store.red_amounts(session, {each.id for each in found if each is not None})
        answers = [
            _answer(question, texts, each, red)
            for question, texts, each in zip(request.invoices, amounts, found, strict=True)
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
                )
            )
        response = pb.CheckTaxpayersResponse(answers=answers)
        self._institution.sign_off(request, response, as_of)
        return response


def _checked(index: int, question: pb.InvoiceQuestion) -> dict[str, str]:
    """Check one question; its amounts as they are compared.

    :raises InvalidInputError: it cannot be understood
    """
    path = f"invoices[{index}]"
    check_text(question.reference, f"{path}.reference")
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


def _answer(
    question: pb.InvoiceQuestion, amounts: dict[str, str], known: store.Known | None, red: dict[int, Decimal]
) -> pb.InvoiceAnswer:
    if known is None:
        return pb.InvoiceAnswer(reference=question.reference, known=False)
    # A state line may know of reversals whose credit notes were not loaded, and the other way round.
    reversed_amount = max(Decimal(known.red_stated), red.get(known.id, _ZERO))
    return pb.InvoiceAnswer(
        reference=question.reference,
        known=True,
        differing=_differing(question, amounts, known),
        state=_state(known, reversed_amount),
        red_amount=decimal_text(reversed_amount),
        use_confirmed=known.use_confirmed,
        red_confirmation_open=known.red_open,
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
