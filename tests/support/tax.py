"""Questions to the reference tax authority, and what it answers."""

from __future__ import annotations

from typing import Any

from crossverify.sources.tax import InvoiceQuestion, TaxSource
from tests.support.adapters import RunningAdapter


async def ask(tax: RunningAdapter, *invoices: Any) -> list[dict[str, Any]]:
    """Answers on invoices, in order."""
    questions = [InvoiceQuestion.of(str(number), invoice) for number, invoice in enumerate(invoices)]
    answer = await TaxSource(tax.channel()).ask(questions)
    assert answer.reason == ""
    return [answer.answers[question.reference] for question in questions]
