"""What a taxpayer declared, as an answer."""

from __future__ import annotations

import re
from typing import Any, Final

from consortium.documents.money import decimal_text
from consortium.errors import InvalidInputError
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from crossverify.adapters.ids import normal_id
from crossverify.adapters.institution import check_text, question_error, wrong_question
from crossverify.adapters.tax.records import CounterpartyRecord, SalesRecord

MAX_MONTHS: Final = 36  # of one answer, the last ones
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)


def sales_answer(index: int, question: pb.SalesQuestion, known: dict[str, dict[str, Any]]) -> pb.SalesAnswer:
    """The answer to one question."""
    path = f"subjects[{index}]"
    try:
        check_text(question.taxpayer_id, f"{path}.taxpayer_id")
        if question.from_month and not _MONTH.fullmatch(question.from_month):
            raise wrong_question(f"{path}.from_month", question.from_month[:40], "no month such as 2026-05")
    except InvalidInputError as error:
        return pb.SalesAnswer(reference=question.reference, error=question_error(error))
    row = known.get(normal_id(question.taxpayer_id))
    if row is None:
        return pb.SalesAnswer(reference=question.reference, known=False)
    record = SalesRecord.model_validate_json(row["declared"])
    months = sorted((each.month, each.amount) for each in record.months if each.month >= question.from_month)
    others = sorted(record.counterparties, key=lambda each: (-each.amount, each.party_id, each.role))
    return pb.SalesAnswer(
        reference=question.reference,
        known=True,
        months=[
            pb.DeclaredSales(month=month, currency=record.currency, amount=decimal_text(amount))
            for month, amount in months[-MAX_MONTHS:]
        ],
        counterparties=[_counterparty(each, record.currency) for each in others],
        counterparties_complete=record.counterparties_complete,
    )


def _counterparty(record: CounterpartyRecord, currency: str) -> pb.Counterparty:
    return pb.Counterparty(
        party_id=record.party_id,
        name=record.name,
        role=record.role,
        currency=currency,
        amount=decimal_text(record.amount),
        invoices=record.invoices,
    )
