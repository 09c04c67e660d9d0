"""Where the reference bank keeps accounts, movements and the index of document numbers that payments name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import OverloadedError
from crossverify.adapters.bank.matching import creditor_reference_tokens, text_tokens, token_of
from crossverify.adapters.bank.movements import Account, Movement, MovementKind, Place, Statement

MAX_FOUND: Final = 20_000
"""Payments looked at for one batch of questions; only numbers that everybody uses ("1") could give more."""

METADATA = MetaData()

ACCOUNTS = Table(
    "accounts",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("number", String, nullable=False, unique=True),
    Column("currency", String, nullable=False),
    Column("owner_name", String, nullable=False),
    Column("owner_ids", String, nullable=False),
    Column("until", String, nullable=False),
)

MOVEMENTS = Table(
    "movements",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False),
    Column("place", String, nullable=False, unique=True),
    Column("statement", String, nullable=False),
    Column("bank_key", String, nullable=False),
    Column("content", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("booked", Boolean, nullable=False),
    Column("booking_date", String, nullable=False),
    Column("amount", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("reference", String, nullable=False),
    Column("more", String, nullable=False),
    Index("movements_bank_key", "bank_key"),
)
"""``place``: account, statement, entry, detail. ``bank_key``: the same movement on any statement of the bank."""

TOKENS = Table(
    "tokens",
    METADATA,
    Column("token", String, primary_key=True),
    Column("movement_id", ForeignKey("movements.id"), primary_key=True),
    Column("place", String, nullable=False),
    Column("strong", Boolean, nullable=False),
    Column("amount", String, nullable=False),
)
"""Which payment names which number, best place only. ``amount``: structured remittance's share, or empty."""


@dataclass(frozen=True, slots=True)
class Found:
    """A payment that names a number, with the account that it moved."""

    token: str
    movement: int
    place: Place
    strong: bool
    document_amount: str
    kind: MovementKind
    booking_date: str
    amount: str
    currency: str
    reference: str
    more: dict[str, Any]
    account: str
    owner_name: str
    owner_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account whose statements the bank holds."""

    number: str
    owner_name: str
    owner_ids: tuple[str, ...]
    until: str


def place_of(movement: Movement) -> str:
    """Where a movement stands, the same each time its statement is loaded; a pending one stands apart."""
    statement = movement.statement
    parts = [statement.account.number, statement.identifier, movement.entry, movement.detail]
    return json.dumps(parts if movement.booked else [*parts, "pending"])


def bank_key_of(movement: Movement) -> str:
    """What names a movement on every statement of its account; empty where the bank gives no reference."""
    if not movement.bank_reference:
        return ""
    parts = (movement.statement.account.number, movement.bank_reference, movement.kind.value)
    return json.dumps([*parts, movement.booking_date, movement.amount, movement.currency])


def content_of(movement: Movement) -> str:
    """What of a movement cannot change; texts and parties are told in more or less detail."""
    return json.dumps([movement.kind.value, movement.booking_date, movement.amount, movement.currency])


def tokens_of(movement: Movement) -> dict[str, tuple[str, bool, str]]:
    """Numbers that a payment names: token -> (place, strong, document's amount), the best place of each."""
    found: dict[str, tuple[str, bool, str]] = {}
    if movement.kind is MovementKind.OTHER or not movement.booked:
        return found
    for named in movement.documents:
        if token := token_of(named.number):
            found.setdefault(token, (Place.STRUCTURED, True, named.amount))
    for reference in movement.references:
        for token in creditor_reference_tokens(reference):
            found.setdefault(token, (Place.STRUCTURED, True, ""))
    for token, strong in text_tokens(movement.texts).items():
        if strong or token not in found:
            found.setdefault(token, (Place.UNSTRUCTURED, strong, ""))
    if token := token_of(movement.end_to_end):
        weak = token not in found or not found[token][1]
        if weak:
            found[token] = (Place.END_TO_END, len(token) >= MIN_END_TO_END, "")
    return found


MIN_END_TO_END: Final = 4
"""Shorter end-to-end references are serial numbers of the payer; they count only with the right amount."""


async def put_account(session: AsyncSession, statement: Statement) -> int:
    """Store a statement's account, or what a later statement says anew; returns its id."""
    account = statement.account
    row = (
        await session.execute(
            select(ACCOUNTS.c.id, ACCOUNTS.c.until).where(ACCOUNTS.c.number == account.number)
        )
    ).first()
    if row is None:
        number = (await session.scalar(select(func.coalesce(func.max(ACCOUNTS.c.id), 0)))) or 0
        await session.execute(
            insert(ACCOUNTS).values(
                id=number + 1, number=account.number, until=statement.until, **_owner(account, always=True)
            )
        )
        return number + 1
    if statement.until >= row.until:
        values = {"until": statement.until, **_owner(account, always=False)}
        await session.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == row.id).values(values))
    return int(row.id)


def _owner(account: Account, *, always: bool) -> dict[str, str]:
    values = {"currency": account.currency, "owner_name": account.owner_name}
    if account.owner_ids or always:
        values["owner_ids"] = json.dumps(account.owner_ids, ensure_ascii=False)
    return {name: value for name, value in values.items() if value or always}


async def known_places(session: AsyncSession, places: Iterable[str]) -> dict[str, str]:
    """Content digests of movements that are there, by place."""
    rows = await session.execute(
        select(MOVEMENTS.c.place, MOVEMENTS.c.content).where(MOVEMENTS.c.place.in_(sorted(set(places))))
    )
    return dict(rows.all())


async def known_bank_keys(session: AsyncSession, keys: Iterable[str]) -> dict[str, set[str]]:
    """Statements that have a movement already, by its bank key."""
    wanted = sorted(set(keys) - {""})
    rows = await session.execute(
        select(MOVEMENTS.c.bank_key, MOVEMENTS.c.statement).where(MOVEMENTS.c.bank_key.in_(wanted))
    )
    found: dict[str, set[str]] = {}
    for key, statement in rows:
        found.setdefault(key, set()).add(statement)
    return found


async def add_movements(session: AsyncSession, movements: Sequence[tuple[int, Movement]]) -> None:
    """Store movements that are not there yet, each with its account's id."""
    if not movements:
        return
    first = (await session.scalar(select(func.coalesce(func.max(MOVEMENTS.c.id), 0)))) or 0
    rows, tokens = [], []
    for number, (account, movement) in enumerate(movements, first + 1):
        rows.append(
            {
                "id": number,
                "account_id": account,
                "place": place_of(movement),
                "statement": movement.statement.identifier,
                "bank_key": bank_key_of(movement),
                "content": content_of(movement),
                "kind": movement.kind.value,
                "booked": movement.booked,
                "booking_date": movement.booking_date,
                "amount": movement.amount,
                "currency": movement.currency,
                "reference": _reference(movement),
                "more": json.dumps(_more(movement), ensure_ascii=False),
            }
        )
        tokens += [
            {"token": token, "movement_id": number, "place": place, "strong": strong, "amount": amount}
            for token, (place, strong, amount) in tokens_of(movement).items()
        ]
    await session.execute(insert(MOVEMENTS), rows)
    if tokens:
        await session.execute(insert(TOKENS), tokens)


def _reference(movement: Movement) -> str:
    """The bank's reference, else the place on the statement: unique for a movement either way."""
    detail = f"/{movement.detail}" if movement.detail > 1 else ""
    return movement.bank_reference or (
        f"{movement.statement.account.number}/{movement.statement.identifier.strip('|')}"
        f"/{movement.entry}{detail}"
    )


def _more(movement: Movement) -> Mapping[str, Any]:
    return {
        "instructed_amount": movement.instructed_amount,
        "instructed_currency": movement.instructed_currency,
        "payer_name": movement.payer.name,
        "payer_ids": list(movement.payer.ids),
        "payer_account": movement.payer.account,
        "ultimate_payer_name": movement.ultimate_payer.name,
        "ultimate_payer_ids": list(movement.ultimate_payer.ids),
    }


async def find(session: AsyncSession, tokens: Iterable[str]) -> list[Found]:
    """Payments that name any of the numbers, oldest first, in one query.

    :raises OverloadedError: ``TOO_MANY_PAYMENTS``
    """
    rows = await session.execute(
        select(
            TOKENS.c.token,
            TOKENS.c.movement_id,
            TOKENS.c.place,
            TOKENS.c.strong,
            TOKENS.c.amount.label("document_amount"),
            MOVEMENTS.c.kind,
            MOVEMENTS.c.booking_date,
            MOVEMENTS.c.amount,
            MOVEMENTS.c.currency,
            MOVEMENTS.c.reference,
            MOVEMENTS.c.more,
            ACCOUNTS.c.number,
            ACCOUNTS.c.owner_name,
            ACCOUNTS.c.owner_ids,
        )
        .join(MOVEMENTS, MOVEMENTS.c.id == TOKENS.c.movement_id)
        .join(ACCOUNTS, ACCOUNTS.c.id == MOVEMENTS.c.account_id)
        .where(TOKENS.c.token.in_(sorted(set(tokens))))
        .order_by(MOVEMENTS.c.booking_date, MOVEMENTS.c.id)
        .limit(MAX_FOUND + 1)
    )
    found = [_found(row) for row in rows]
    if len(found) > MAX_FOUND:
        raise OverloadedError(
            f"More than {MAX_FOUND} payments name these numbers.",
            reason="TOO_MANY_PAYMENTS",
            remedy="Ask about fewer receivables at once.",
        )
    return found


def _found(row: Any) -> Found:
    return Found(
        token=row.token,
        movement=row.movement_id,
        place=Place(row.place),
        strong=row.strong,
        document_amount=row.document_amount,
        kind=MovementKind(row.kind),
        booking_date=row.booking_date,
        amount=row.amount,
        currency=row.currency,
        reference=row.reference,
        more=json.loads(row.more),
        account=row.number,
        owner_name=row.owner_name,
        owner_ids=tuple(json.loads(row.owner_ids)),
    )


async def find_accounts(session: AsyncSession, numbers: Iterable[str]) -> dict[str, KnownAccount]:
    """Accounts by number, in one query."""
    rows = await session.execute(
        select(ACCOUNTS.c.number, ACCOUNTS.c.owner_name, ACCOUNTS.c.owner_ids, ACCOUNTS.c.until).where(
            ACCOUNTS.c.number.in_(sorted(set(numbers)))
        )
    )
    return {
        number: KnownAccount(number, name, tuple(json.loads(ids)), until) for number, name, ids, until in rows
    }
