"""Whose an account is, and what came in on all accounts of an owner."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from sqlalchemy.ext.asyncio import AsyncSession

from consortium.documents.money import decimal_text
from consortium.errors import InvalidInputError, OverloadedError
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from crossverify.adapters.bank import store
from crossverify.adapters.bank.inflow import Inflow, accounts_of, inflow
from crossverify.adapters.bank.matching import name_key
from crossverify.adapters.bank.movements import MovementKind, account_number
from crossverify.adapters.ids import normal_id
from crossverify.adapters.institution import check_batch, check_text, question_error, wrong_question
from crossverify.sources.bank import MAX_SHOWN_ACCOUNTS

MAX_MONTHS: Final = 36
MAX_PAYERS: Final = 200  # of one answer; the others are counted
_MONTH: Final = re.compile(r"\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_ZERO: Final = Decimal(0)


def account_answer(
    index: int, question: pb.AccountQuestion, known: dict[str, store.KnownAccount]
) -> pb.AccountAnswer:
    """Whose the account is, and how that compares with whom it is said to belong to."""
    number = account_number(question.account)
    try:
        check_text(number, f"accounts[{index}].account")
    except InvalidInputError as error:
        return pb.AccountAnswer(reference=question.reference, error=question_error(error))
    account = known.get(number)
    if account is None:
        return pb.AccountAnswer(reference=question.reference, known=False, owner_match="unknown")
    return pb.AccountAnswer(
        reference=question.reference,
        known=True,
        owner_name=account.owner_name,
        owner_ids=account.owner_ids,
        owner_match=_match(account, normal_id(question.owner_id), name_key(question.owner_name)),
        statements_until=account.until,
    )


def _match(account: store.KnownAccount, owner: str, name: str) -> str:
    """By identifier where the bank has one of that kind, else by name: a name alone proves less."""
    ids = {normal_id(each) for each in account.owner_ids}
    if owner and owner in ids:
        return "identifier"
    scheme = owner.partition(":")[0]
    if owner and any(each.partition(":")[0] == scheme for each in ids):
        return "differs"
    held = name_key(account.owner_name)
    if held and name:
        return "name" if held == name else "differs"
    return "unknown"


async def flow_answer(session: AsyncSession, index: int, question: pb.FlowQuestion) -> pb.FlowAnswer:
    """What came in on all accounts of one owner: those that it shows, and those that the bank knows to be its own."""
    path = f"subjects[{index}]"
    owner, name = normal_id(question.owner_id), name_key(question.owner_name)
    try:
        check_text(owner, f"{path}.owner_id")
        check_batch(len(question.accounts), MAX_SHOWN_ACCOUNTS, f"{path}.accounts")
        if question.from_month and not _MONTH.fullmatch(question.from_month):
            raise wrong_question(f"{path}.from_month", question.from_month[:40], "no month such as 2026-05")
    except InvalidInputError as error:
        return pb.FlowAnswer(reference=question.reference, error=question_error(error))
    shown = {account_number(each) for each in question.accounts}
    accounts = [each for each in await accounts_of(session, owner, name, shown) if _is_own(each, owner, name)]
    if not accounts:
        return pb.FlowAnswer(reference=question.reference, known=False)
    first = question.from_month or _months_before(max(each.until for each in accounts))
    try:
        movements = await inflow(session, [each.number for each in accounts], f"{first}-01")
    except OverloadedError as error:
        return pb.FlowAnswer(reference=question.reference, error=question_error(error))
    counted = _Counted(owner, {each.number for each in accounts})
    for movement in movements:
        counted.take(movement)
    answer = counted.answer(question.reference)
    answer.accounts.extend(
        pb.FlowAccount(
            account=each.number,
            statements_from=counted.first.get(each.number, ""),
            statements_until=each.until,
        )
        for each in accounts
    )
    return answer


def _is_own(account: store.KnownAccount, owner: str, name: str) -> bool:
    """An account that is shown counts unless the bank knows it to be somebody else's."""
    return _match(account, owner, name) != "differs"


def _months_before(until: str) -> str:
    """The first month of the longest period that is told; empty when nothing is known of the end."""
    if not until:
        return "0001-01"
    year, month = int(until[:4]), int(until[5:7])
    months = year * 12 + month - MAX_MONTHS
    return f"{months // 12:04}-{months % 12 + 1:02}"


@dataclass
class _Payer:
    identifier: str
    name: str
    currency: str
    amount: Decimal = _ZERO
    payments: int = 0


@dataclass
class _Month:
    inflow: Decimal = _ZERO
    returned: Decimal = _ZERO
    own: Decimal = _ZERO
    payments: int = 0


@dataclass
class _Counted:
    """Sums of one flow."""

    owner: str
    accounts: set[str]
    months: dict[tuple[str, str], _Month] = field(default_factory=lambda: defaultdict(_Month))
    payers: dict[tuple[str, str], _Payer] = field(default_factory=dict)
    first: dict[str, str] = field(default_factory=dict)

    def take(self, movement: Inflow) -> None:
        """Count one movement."""
        self.first.setdefault(movement.account, movement.booking_date)
        month = self.months[movement.booking_date[:7], movement.currency]
        amount = Decimal(movement.amount)
        if movement.payer_account in self.accounts or self.owner in map(normal_id, movement.payer_ids):
            month.own += amount if movement.kind is MovementKind.PAYMENT else -amount
            return
        payer = self._payer(movement)
        if movement.kind is MovementKind.PAYMENT:
            month.inflow += amount
            month.payments += 1
            payer.amount += amount
            payer.payments += 1
        else:
            month.returned += amount
            payer.amount -= amount

    def _payer(self, movement: Inflow) -> _Payer:
        identifier = movement.payer_ids[0] if movement.payer_ids else ""
        key = (identifier or name_key(movement.payer_name), movement.currency)
        return self.payers.setdefault(key, _Payer(identifier, movement.payer_name, movement.currency))

    def answer(self, reference: str) -> pb.FlowAnswer:
        """The sums, months in order and payers by amount."""
        ordered = sorted(self.payers.values(), key=lambda each: (-each.amount, each.identifier, each.name))
        return pb.FlowAnswer(
            reference=reference,
            known=True,
            months=list(_months(self.months)),
            payers=[_told(each) for each in ordered[:MAX_PAYERS]],
            further_payers=max(len(ordered) - MAX_PAYERS, 0),
        )


def _months(months: dict[tuple[str, str], _Month]) -> Iterable[pb.FlowMonth]:
    for (month, currency), each in sorted(months.items()):
        yield pb.FlowMonth(
            month=month,
            currency=currency,
            inflow=decimal_text(each.inflow),
            returned=decimal_text(each.returned),
            own_transfers=decimal_text(each.own),
            payments=each.payments,
        )


def _told(payer: _Payer) -> pb.FlowPayer:
    return pb.FlowPayer(
        payer_id=payer.identifier,
        payer_name=payer.name,
        currency=payer.currency,
        amount=decimal_text(payer.amount),
        payments=payer.payments,
    )
