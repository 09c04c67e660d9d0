"""Papers about terms for tests of rules: contract, statement, notice and acknowledgement of the trade of
``trade_world``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from consortium.documents import (
    AssignmentAcknowledgement,
    AssignmentNotice,
    Contract,
    DueRule,
    FinancingRequestDocument,
    ListedInvoice,
    Party,
    RequestedAsset,
    StatementLine,
    StatementOfAccount,
)
from crossverify.case import Case, Receivable
from crossverify.desk import DeskInfo
from crossverify.figures import MaxAges
from crossverify.rule import Verdict
from crossverify.rules import RULES
from crossverify.terms import Terms, terms_of
from tests.support.trade_world import ACCOUNT, BUYER, SELLER, World, party

FACTOR = party("Bank of the River", "MA1FL009")
OTHER_BANK = party("Bank of the Hill", "MA1FL008")
GROSS = Decimal(1130)
"""Of an invoice of ``trade_world``."""


def contract(number: str = "HT-1", **fields: Any) -> Contract:
    """A framework of seller and buyer, in force all the year."""
    values: dict[str, Any] = {
        "issue_date": date(2026, 1, 2),
        "form": "framework",
        "seller": SELLER,
        "buyer": BUYER,
        "subject": "castings",
        "end_date": date(2026, 12, 31),
    }
    return Contract(number=number, **(values | fields))


def rule(**fields: Any) -> DueRule:
    """A due-date rule; 60 days from the invoice unless it says otherwise."""
    return DueRule(**({"basis": "invoice_date", "days": 60} | fields))


def statement(
    number: str = "DZ-1", invoice: str = "INV-1", line: Mapping[str, Any] | None = None, **fields: Any
) -> StatementOfAccount:
    """The debtor's statement of April, over one invoice."""
    values: dict[str, Any] = {
        "issue_date": date(2026, 5, 2),
        "issued_by": "buyer",
        "seller": SELLER,
        "buyer": BUYER,
        "period_start": date(2026, 4, 1),
        "period_end": date(2026, 4, 30),
        "currency": "CNY",
        "lines": (
            StatementLine(
                **({"line_id": "1", "document_number": invoice, "amount": GROSS} | dict(line or {}))
            ),
        ),
    }
    return StatementOfAccount(number=number, **(values | fields))


def notice(number: str = "ZR-1", invoice: str = "INV-1", **fields: Any) -> AssignmentNotice:
    """Notice to the buyer that an invoice is assigned to the factor, served."""
    values: dict[str, Any] = {
        "issue_date": date(2026, 5, 10),
        "seller": SELLER,
        "buyer": BUYER,
        "assignee": FACTOR,
        "payment_account": ACCOUNT,
        "served_date": date(2026, 5, 11),
        "served_how": "courier",
        "served_proof": "SF1",
        "lines": (ListedInvoice(line_id="1", invoice_number=invoice),),
    }
    return AssignmentNotice(number=number, **(values | fields))


def acknowledgement(number: str = "HZ-1", **fields: Any) -> AssignmentAcknowledgement:
    """The buyer's answer to that notice."""
    values: dict[str, Any] = {
        "issue_date": date(2026, 5, 12),
        "seller": SELLER,
        "buyer": BUYER,
        "assignee": FACTOR,
        "notice_number": "ZR-1",
        "response": "accepted",
        "payment_account": ACCOUNT,
    }
    return AssignmentAcknowledgement(number=number, **(values | fields))


def request(number: str = "RZ-1", invoice: str = "INV-1", **fields: Any) -> FinancingRequestDocument:
    """The seller asks the factor for money on an invoice."""
    values: dict[str, Any] = {
        "issue_date": date(2026, 5, 9),
        "product": "receivable",
        "seller": SELLER,
        "financier": FACTOR,
        "currency": "CNY",
        "requested_amount": Decimal(800),
        "lines": (RequestedAsset(line_id="1", document_number=invoice),),
    }
    return FinancingRequestDocument(number=number, **(values | fields))


def desk(**fields: Any) -> DeskInfo:
    """The factor's own figures."""
    values: dict[str, Any] = {"own_identifiers": tuple(str(each) for each in FACTOR.identifiers)}
    return DeskInfo(**(values | fields))


def kinds(buyer: str = "large", seller: str = "small") -> dict[str, str]:
    """Kinds of enterprise as the desk has them."""
    return {str(BUYER.identifiers[0]): buyer, str(SELLER.identifiers[0]): seller}


def key(who: Party) -> str:
    """A party's identifier as text."""
    return str(who.identifiers[0])


def case_of(world: World, **changes: Any) -> Case:
    """The world as a case.

    :param changes: to the evidence, such as ``desk``
    """
    return Case(world.evidence().model_copy(update=changes), MaxAges())


def first(world: World, **changes: Any) -> tuple[Case, Receivable, Terms]:
    """The case, its first receivable and that one's terms."""
    case = case_of(world, **changes)
    receivable = case.receivables[0]
    return case, receivable, terms_of(case, receivable)


def verdicts(
    world: World, name: str, figures: Mapping[str, Any] | None = None, **changes: Any
) -> list[Verdict]:
    """What one rule says, in order; every code is explained and every verdict rests on something."""
    judge = RULES[name]
    case = case_of(world, **changes)
    found = list(judge.evaluate(case, judge.thresholds(**(figures or {}))))
    for each in found:
        assert each.code in judge.explains
        assert each.message
        assert each.inputs
    return found


def codes(
    world: World, name: str, figures: Mapping[str, Any] | None = None, **changes: Any
) -> list[tuple[str, str]]:
    """Outcome and code of each."""
    return [(each.outcome.value, each.code) for each in verdicts(world, name, figures, **changes)]
