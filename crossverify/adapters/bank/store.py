"""Where the reference bank keeps accounts, movements, what reports said of them, and the index of document numbers that
payments name."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import OverloadedError
from crossverify.adapters.bank.matching import creditor_reference_tokens, name_key, text_tokens, token_of
from crossverify.adapters.bank.movements import (
    Account,
    Movement,
    MovementKind,
    Place,
    Report,
    Statement,
)
from crossverify.adapters.ids import normal_id

MAX_FOUND_OF_A_NUMBER: Final = 2_000
"""Payments that may name one number; a question about a more common one is not answered."""

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
    Column("owner_key", String, nullable=False, index=True),
    Column("owner_ids", String, nullable=False),
    Column("until", String, nullable=False),
    Column("stated", Boolean, nullable=False),
)
"""``stated``: there are statements or reports of it, not notifications alone. ``owner_key``: the name as compared."""

OWNERS = Table(
    "owners",
    METADATA,
    Column("identifier", String, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), primary_key=True),
)
"""Which accounts an identifier owns."""

MOVEMENTS = Table(
    "movements",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("account_id", ForeignKey("accounts.id"), nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("booked", Boolean, nullable=False),
    Column("booking_date", String, nullable=False),
    Column("amount", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("reference", String, nullable=False),
    Column("parts", Integer, nullable=False),
    Column("more", String, nullable=False),
)
"""``parts``: of how many transactions its entry consists, as far as they were told."""

PLACES = Table(
    "places",
    METADATA,
    Column("place", String, primary_key=True),
    Column("statement", String, nullable=False),
    Column("content", String, nullable=False),
    Column("movement_id", ForeignKey("movements.id"), nullable=False, index=True),
)
"""Where reports tell of a movement: account, report, entry, transaction. One movement may stand on several reports."""

LINKS = Table(
    "links",
    METADATA,
    Column("key", String, primary_key=True),
    Column("movement_id", ForeignKey("movements.id"), primary_key=True, index=True),
    Column("report", String, nullable=False),
)
"""What names a movement, or its entry, on other reports (``merging``)."""

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
    stated: bool = True


def place_of(movement: Movement) -> str:
    """Where a movement stands, the same each time its report is loaded; a pending one stands apart."""
    statement = movement.statement
    parts = [statement.account.number, statement.identifier, movement.entry, movement.detail]
    return json.dumps(parts if movement.booked else [*parts, "pending"])


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
    """Store a report's account, or what a later report says anew; returns its id."""
    account = statement.account
    stated = statement.report is not Report.NOTIFICATION
    until = statement.until if stated else ""
    row = (await session.execute(select(ACCOUNTS).where(ACCOUNTS.c.number == account.number))).first()
    if row is None:
        number = ((await session.scalar(select(func.coalesce(func.max(ACCOUNTS.c.id), 0)))) or 0) + 1
        values = {"id": number, "number": account.number, "until": until, "stated": stated}
        await session.execute(insert(ACCOUNTS).values(**values, **_owner(account, always=True)))
        await _own(session, number, account.owner_ids)
        return number
    if until >= row.until:
        values = {"until": until, "stated": stated or row.stated, **_owner(account, always=False)}
        await session.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == row.id).values(values))
        if account.owner_ids:
            await session.execute(delete(OWNERS).where(OWNERS.c.account_id == row.id))
            await _own(session, row.id, account.owner_ids)
    elif stated and not row.stated:
        await session.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == row.id).values(stated=True))
    return int(row.id)


async def _own(session: AsyncSession, account: int, owners: Iterable[str]) -> None:
    rows = [{"identifier": normal_id(each), "account_id": account} for each in owners if normal_id(each)]
    if rows:
        await session.execute(insert(OWNERS), [dict(each) for each in {tuple(row.items()) for row in rows}])


def _owner(account: Account, *, always: bool) -> dict[str, str]:
    values = {
        "currency": account.currency,
        "owner_name": account.owner_name,
        "owner_key": name_key(account.owner_name),
    }
    if account.owner_ids or always:
        values["owner_ids"] = json.dumps(account.owner_ids, ensure_ascii=False)
    return {name: value for name, value in values.items() if value or always}


async def known_places(session: AsyncSession, places: Iterable[str]) -> dict[str, str]:
    """Content digests of what reports said before, by place."""
    rows = await session.execute(
        select(PLACES.c.place, PLACES.c.content).where(PLACES.c.place.in_(sorted(set(places))))
    )
    return dict(rows.all())


@dataclass(slots=True)
class Linked:
    """A stored movement under one of its keys.

    :ivar report: kind of the report that told of it first
    :ivar parts: transactions of its entry, as far as they were told
    :ivar statements: reports that tell of it
    """

    movement: int
    report: str
    parts: int
    statements: set[str]


async def known_links(session: AsyncSession, keys: Iterable[str]) -> dict[str, list[Linked]]:
    """Movements by what names them on other reports, in two queries."""
    rows = (
        await session.execute(
            select(LINKS.c.key, LINKS.c.movement_id, LINKS.c.report, MOVEMENTS.c.parts)
            .join(MOVEMENTS, MOVEMENTS.c.id == LINKS.c.movement_id)
            .where(LINKS.c.key.in_(sorted(set(keys))))
            .order_by(LINKS.c.movement_id)
        )
    ).all()
    numbers = sorted({row.movement_id for row in rows})
    seen = await session.execute(
        select(PLACES.c.movement_id, PLACES.c.statement).where(PLACES.c.movement_id.in_(numbers))
    )
    statements: dict[int, set[str]] = {number: set() for number in numbers}
    for number, statement in seen:
        statements[number].add(statement)
    found: dict[str, list[Linked]] = {}
    linked = {
        row.movement_id: Linked(row.movement_id, row.report, row.parts, statements[row.movement_id])
        for row in rows
    }
    for row in rows:
        found.setdefault(row.key, []).append(linked[row.movement_id])
    return found


async def next_movement(session: AsyncSession) -> int:
    """Number of the next new movement."""
    return int((await session.scalar(select(func.coalesce(func.max(MOVEMENTS.c.id), 0)))) or 0) + 1


@dataclass(frozen=True, slots=True)
class Added:
    """A new movement.

    :ivar number: its number
    :ivar account: its account's id
    :ivar parts: transactions of its entry, as far as they were told
    :ivar keys: what names it on other reports
    """

    number: int
    account: int
    movement: Movement
    parts: int
    keys: Sequence[str]


@dataclass(slots=True)
class Changes:
    """What one batch of a load changes.

    :ivar added: new movements
    :ivar seen: what reports told, and which movement it is
    :ivar replaced: whole entries of which the transactions are told now: old number -> new one
    """

    added: list[Added] = field(default_factory=list)
    seen: list[tuple[Movement, int]] = field(default_factory=list)
    replaced: dict[int, int] = field(default_factory=dict)


async def apply(session: AsyncSession, changes: Changes) -> None:
    """Store what a batch changes."""
    rows, tokens, links = [], [], []
    for added in changes.added:
        number, movement = added.number, added.movement
        rows.append(_row(number, added.account, movement, added.parts))
        tokens += [
            {"token": token, "movement_id": number, "place": place, "strong": strong, "amount": amount}
            for token, (place, strong, amount) in tokens_of(movement).items()
        ]
        report = movement.statement.report.value
        links += [{"key": key, "movement_id": number, "report": report} for key in added.keys]
    for table, values in ((MOVEMENTS, rows), (TOKENS, tokens), (LINKS, links)):
        if values:
            await session.execute(insert(table), values)
    for old, new in changes.replaced.items():
        await session.execute(update(PLACES).where(PLACES.c.movement_id == old).values(movement_id=new))
        for table in (TOKENS, LINKS):
            await session.execute(delete(table).where(table.c.movement_id == old))
        await session.execute(delete(MOVEMENTS).where(MOVEMENTS.c.id == old))
    if changes.seen:
        places = [
            {
                "place": place_of(movement),
                "statement": movement.statement.identifier,
                "content": content_of(movement),
                "movement_id": changes.replaced.get(number, number),
            }
            for movement, number in changes.seen
        ]
        await session.execute(insert(PLACES), places)


def _row(number: int, account: int, movement: Movement, parts: int) -> dict[str, object]:
    return {
        "id": number,
        "account_id": account,
        "kind": movement.kind.value,
        "booked": movement.booked,
        "booking_date": movement.booking_date,
        "amount": movement.amount,
        "currency": movement.currency,
        "reference": _reference(movement),
        "parts": parts,
        "more": json.dumps(_more(movement), ensure_ascii=False),
    }


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


async def crowded(session: AsyncSession, tokens: Iterable[str]) -> dict[str, int]:
    """Numbers that more payments name than are looked at for one question, with how many."""
    count = func.count(TOKENS.c.movement_id)
    rows = await session.execute(
        select(TOKENS.c.token, count)
        .where(TOKENS.c.token.in_(sorted(set(tokens))))
        .group_by(TOKENS.c.token)
        .having(count > MAX_FOUND_OF_A_NUMBER)
    )
    return dict(rows.all())


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
    rows = await session.execute(select(ACCOUNTS).where(ACCOUNTS.c.number.in_(sorted(set(numbers)))))
    return {row.number: known_account(row) for row in rows}


def known_account(row: Any) -> KnownAccount:
    """A row of accounts."""
    ids = tuple(json.loads(row.owner_ids))
    return KnownAccount(row.number, row.owner_name, ids, row.until, row.stated)
