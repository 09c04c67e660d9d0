"""Queries for flows: which accounts are an owner's, and what came in on them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import OverloadedError
from crossverify.adapters.bank.movements import MovementKind
from crossverify.adapters.bank.store import ACCOUNTS, MOVEMENTS, OWNERS, KnownAccount, known_account

MAX_INFLOW: Final = 200_000
"""Payments counted for one flow."""


async def accounts_of(
    session: AsyncSession, owner: str, name: str, shown: Iterable[str]
) -> list[KnownAccount]:
    """Accounts that are an owner's by identifier, or by name where the bank has none, and those that it shows.

    :param owner: "scheme:value" in its normal form
    :param name: as ``name_key`` makes it; may be empty
    """
    owned = select(OWNERS.c.account_id).where(OWNERS.c.identifier == owner)
    wanted: list[ColumnElement[bool]] = [ACCOUNTS.c.id.in_(owned), ACCOUNTS.c.number.in_(sorted(set(shown)))]
    if name:
        wanted.append((ACCOUNTS.c.owner_key == name) & (ACCOUNTS.c.owner_ids == "[]"))
    rows = await session.execute(select(ACCOUNTS).where(or_(*wanted)).order_by(ACCOUNTS.c.number))
    return [known_account(row) for row in rows]


@dataclass(frozen=True, slots=True)
class Inflow:
    """A movement that came in, or went back."""

    account: str
    kind: MovementKind
    booking_date: str
    amount: str
    currency: str
    payer_name: str
    payer_ids: tuple[str, ...]
    payer_account: str


async def inflow(session: AsyncSession, accounts: Iterable[str], since: str) -> list[Inflow]:
    """What came in on accounts, and went back, from a day on, oldest first.

    :raises OverloadedError: ``TOO_MANY_PAYMENTS``
    """
    kinds = (MovementKind.PAYMENT.value, MovementKind.REVERSAL.value)
    rows = await session.execute(
        select(
            ACCOUNTS.c.number,
            MOVEMENTS.c.kind,
            MOVEMENTS.c.booking_date,
            MOVEMENTS.c.amount,
            MOVEMENTS.c.currency,
            MOVEMENTS.c.more,
        )
        .join(ACCOUNTS, ACCOUNTS.c.id == MOVEMENTS.c.account_id)
        .where(
            ACCOUNTS.c.number.in_(sorted(set(accounts))),
            MOVEMENTS.c.booked.is_(True),
            MOVEMENTS.c.kind.in_(kinds),
            MOVEMENTS.c.booking_date >= since,
        )
        .order_by(MOVEMENTS.c.booking_date, MOVEMENTS.c.id)
        .limit(MAX_INFLOW + 1)
    )
    found = [_inflow(row) for row in rows]
    if len(found) > MAX_INFLOW:
        raise OverloadedError(
            f"More than {MAX_INFLOW} payments came in.",
            reason="TOO_MANY_PAYMENTS",
            remedy="Ask about a later first month.",
        )
    return found


def _inflow(row: Any) -> Inflow:
    more = json.loads(row.more)
    return Inflow(
        account=row.number,
        kind=MovementKind(row.kind),
        booking_date=row.booking_date,
        amount=row.amount,
        currency=row.currency,
        payer_name=more["payer_name"],
        payer_ids=tuple(more["payer_ids"]),
        payer_account=more["payer_account"],
    )
