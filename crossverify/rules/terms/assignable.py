"""ASSIGNABLE: can the claim be assigned, and free of defences?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pydantic import Field

from crossverify.rule import Deduction, Effect, Input, Outcome, Rule, Step, Text, Thresholds, Verdict
from crossverify.rules.terms.days import inputs_of, of_invoice, still_open
from crossverify.terms import Terms, terms_of
from crossverify.wording import money

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


class AssignableThresholds(Thresholds):
    """Figures of ASSIGNABLE.

    :ivar home_law: countries whose law lets money claims be assigned against a clause that bars it
    """

    home_law: tuple[str, ...] = Field(default=("CN",), max_length=50)


class _Said(NamedTuple):
    outcome: Outcome
    code: str
    message: str
    inputs: tuple[Input, ...]
    deduct: Deduction | None = None


class Assignable(Rule[AssignableThresholds]):
    """The contract's clauses and the debtor's own word; each is a finding of its own.

    - PASS: the contract is here, bars nothing, and nothing is disputed. WARN: a clause bars assigning (民法典 545: it
      does not bind a third party to whom a money claim is assigned); part of it is disputed, which leaves the eligible
      amount.
    - FAIL: law or the nature of the claim bars it; a clause bars it and foreign law governs; the debtor disputes it.
    - UNKNOWN: no contract is shown, so its clauses are not known.
    - NOT_APPLICABLE: never.

    Foreign law matters only where a clause bars assigning. A debtor that keeps set-off keeps it: the message says so.
    """

    id = "ASSIGNABLE"
    version = 1
    title = Text("Can the claim be assigned?", "该债权能否转让？")
    basis = (
        "民法典 545, 546, 548, 549",
        "商业银行保理业务管理暂行办法 第13条",
        "UNCITRAL Assignment Convention art. 9",
    )
    explains: ClassVar = {
        "FREE": Text(
            "No clause of the contract bars assigning, and the debtor disputes nothing. Mind what is said of set-off.",
            "合同无禁止转让条款，债务人无争议。请留意关于抵销权的说明。",
        ),
        "BARRED_BY_AGREEMENT": Text(
            "A clause bars assigning. For a money claim it does not bind the bank (Civil Code 545), but the seller may "
            "owe damages: tell it.",
            "合同约定禁止转让。金钱债权的该约定不得对抗第三人（民法典545条），但卖方可能违约，请告知。",
        ),
        "BARRED_FOREIGN_LAW": Text(
            "A clause bars assigning and foreign law governs, under which it may bind the bank. Do not lend without "
            "advice.",
            "合同禁止转让且适用外国法，可能对银行有约束力。未经法律意见不得融资。",
        ),
        "BARRED_BY_LAW": Text(
            "The claim cannot be assigned by law or by its nature. Do not lend on it.",
            "依法律规定或债权性质不得转让，不得融资。",
        ),
        "DISPUTED": Text(
            "The debtor disputes it. Do not lend before that is settled.",
            "债务人存在争议，解决前不得融资。",
        ),
        "DISPUTED_IN_PART": Text(
            "The debtor disputes part of it, which leaves the eligible amount.",
            "债务人对部分金额存在争议，该部分从合格金额中扣除。",
        ),
        "OBJECTIONS": Text(
            "The debtor acknowledged with reservations. Read them before lending.",
            "债务人有保留地确认。放款前请阅读其保留意见。",
        ),
        "CONTRACT_NOT_SHOWN": Text(
            "The documents name a contract that is not among them, so its clauses are not known. Ask for it.",
            "单据载明合同编号但未提供合同，条款不明。请索取合同。",
        ),
        "NO_CONTRACT": Text(
            "No contract is shown, so clauses on assigning and set-off are not known. Ask for it.",
            "未提供合同，转让及抵销条款不明。请索取合同。",
        ),
    }
    applies_when = "always"
    sources = ("documents",)
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.EXCLUDE,
        # Most trades come without their contract; a bank that asks for it sets this to refer.
        "UNKNOWN": Effect.INFORMATION,
        "BARRED_BY_AGREEMENT": Effect.INFORMATION,
        "DISPUTED_IN_PART": Effect.INFORMATION,
    }
    thresholds = AssignableThresholds

    def evaluate(self, case: Case, thresholds: AssignableThresholds) -> Iterator[Verdict]:
        """See the class."""
        for receivable in case.receivables:
            terms = terms_of(case, receivable)
            found = [
                *_disputes(case, receivable, terms),
                *_bars(case, terms, thresholds),
                *_reservations(case, terms),
            ]
            if not found:
                found = [_free(case, receivable, terms)]
            for each in found:
                yield Verdict(
                    receivable.fingerprint,
                    each.outcome,
                    each.code,
                    each.message,
                    each.inputs,
                    deduct=each.deduct,
                )


def _bars(case: Case, terms: Terms, thresholds: AssignableThresholds) -> Iterator[_Said]:
    if terms.assignment_barred_by_law:
        told = terms.assignment_barred_by_law[0]
        text = f"By {told.source} it cannot be assigned: {told.value}"
        yield _Said(Outcome.FAIL, "BARRED_BY_LAW", text, inputs_of(case, terms.assignment_barred_by_law))
    barred = [each for each in terms.assignment_barred if each.value]
    if not barred:
        return
    laws = terms.governing_law
    foreign = [each for each in laws if each.value not in thresholds.home_law]
    text = f"The {barred[0].source} bars assigning the claim"
    if foreign:
        text += f", and the law of {foreign[0].value} governs it: the clause may bind who takes the claim."
        yield _Said(Outcome.FAIL, "BARRED_FOREIGN_LAW", text, inputs_of(case, barred, foreign))
        return
    text += "; a third party that takes a money claim is not bound by that."
    yield _Said(Outcome.WARN, "BARRED_BY_AGREEMENT", text, inputs_of(case, barred, laws))


def _disputes(case: Case, receivable: Receivable, terms: Terms) -> Iterator[_Said]:
    if not terms.disputes:
        return
    inputs = inputs_of(case, terms.disputes)
    first = terms.disputes[0]
    amounts = terms.disputed_amount
    in_part = len(amounts) == len(terms.disputes) and amounts[0].value < still_open(receivable)
    if in_part:
        amount = amounts[0].value
        text = f"By {first.source} the debtor disputes {money(amount, receivable.currency)} of it."
        deduct = Deduction(Step.NOT_CONFIRMED, amount, receivable.currency)
        yield _Said(Outcome.WARN, "DISPUTED_IN_PART", text, inputs, deduct)
        return
    text = f"By {first.source} the debtor disputes it: {first.value}."
    yield _Said(Outcome.FAIL, "DISPUTED", text, inputs)


def _reservations(case: Case, terms: Terms) -> Iterator[_Said]:
    if terms.reservations:
        first = terms.reservations[0]
        text = f"By {first.source} the debtor acknowledges with reservations: {first.value}"
        yield _Said(Outcome.WARN, "OBJECTIONS", text, inputs_of(case, terms.reservations))


def _free(case: Case, receivable: Receivable, terms: Terms) -> _Said:
    set_off = "nothing is said of set-off"
    if terms.set_off_waived:
        told = terms.set_off_waived[0]
        set_off = f"by {told.source} the debtor {'waives' if told.value else 'keeps'} set-off"
    if terms.contracts_missing:
        number = terms.contracts_missing[0]
        told_by = case.of_document(receivable.primary, "contract_number", number)
        text = f"The contract {number} is not shown, so that its clauses are not known; {set_off}."
        inputs = (told_by, *inputs_of(case, terms.set_off_waived))
        return _Said(Outcome.UNKNOWN, "CONTRACT_NOT_SHOWN", text, inputs)
    if not terms.contracts:
        text = f"No contract is shown, so that its clauses are not known; {set_off}."
        inputs = (of_invoice(case, receivable, "number"), *inputs_of(case, terms.set_off_waived))
        return _Said(Outcome.UNKNOWN, "NO_CONTRACT", text, inputs)
    item, body = terms.contracts[0].parts[0]
    inputs = (
        case.of_document(item, "assignment_barred", "" if body.assignment_barred is None else "no"),
        *inputs_of(case, terms.set_off_waived),
    )
    text = f"No clause of contract {body.number} bars assigning, and the debtor disputes nothing; {set_off}."
    return _Said(Outcome.PASS, "FREE", text, inputs)
