"""Statements on pushes: idempotency keys, leases and the results as they were given."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from industry_gateway.store.database import StaleError
from industry_gateway.store.tables import push_chunks, pushes

IN_FLIGHT = "in_flight"
DONE = "done"


@dataclass(frozen=True, slots=True)
class Push:
    """A push.

    :param party: alias of the party that pushed; keys of different parties never meet
    :param digest: SHA-256 (hex) over everything that was pushed, once it is done
    """

    push_id: str
    party: str
    state: str
    digest: str
    lease_until: int
    owner: str
    created_at: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Results of some consecutive documents of a push.

    :param digest: over everything that was pushed up to and with this chunk
    :param sealed: the results, encrypted, with their wrapped key (None once erased)
    """

    digest: str
    sealed: tuple[bytes | None, bytes]


def seal_name(push_id: str, number: int) -> str:
    """Under which name a chunk's results are sealed, so that they cannot be moved to another row."""
    return f"push:{push_id}:{number}"


_PUSH = (
    pushes.c.push_id,
    pushes.c.party,
    pushes.c.state,
    pushes.c.digest,
    pushes.c.lease_until,
    pushes.c.owner,
    pushes.c.created_at,
)


async def find_key(connection: AsyncConnection, party: str, key: str) -> Push | None:
    """The push that a party made under an idempotency key."""
    row = (
        await connection.execute(
            select(*_PUSH).where(pushes.c.party == party, pushes.c.idempotency_key == key)
        )
    ).one_or_none()
    return None if row is None else Push(*row)


async def find(connection: AsyncConnection, push_id: str) -> Push | None:
    """A push by its identifier."""
    row = (await connection.execute(select(*_PUSH).where(pushes.c.push_id == push_id))).one_or_none()
    return None if row is None else Push(*row)


async def chunks(connection: AsyncConnection, push_id: str) -> list[Chunk]:
    """The stored results of a push, in order."""
    rows = await connection.execute(
        select(push_chunks.c.digest, push_chunks.c.wrapped_key, push_chunks.c.sealed)
        .where(push_chunks.c.push_id == push_id)
        .order_by(push_chunks.c.number)
    )
    return [Chunk(row.digest, (row.wrapped_key, bytes(row.sealed))) for row in rows]


async def begin(connection: AsyncConnection, push: Push, key: str | None) -> None:
    """Stores a new push.

    :raises IntegrityError: when the party has used the key meanwhile
    """
    await connection.execute(
        insert(pushes).values(
            push_id=push.push_id,
            party=push.party,
            idempotency_key=key,
            state=push.state,
            digest=push.digest,
            lease_until=push.lease_until,
            owner=push.owner,
            created_at=push.created_at,
        )
    )


async def go_on(
    connection: AsyncConnection, push_id: str, *, owner: str, state: str, digest: str, lease_until: int
) -> None:
    """Renews the lease of a push under way, or ends it.

    :raises StaleError: when somebody else has taken it over
    """
    done = await connection.execute(
        update(pushes)
        .where(pushes.c.push_id == push_id, pushes.c.owner == owner, pushes.c.state == IN_FLIGHT)
        .values(state=state, digest=digest, lease_until=lease_until)
    )
    if done.rowcount != 1:
        raise StaleError(f"push {push_id} is no longer ours")


async def take_over(connection: AsyncConnection, push: Push, *, owner: str, lease_until: int) -> bool:
    """Takes a push whose lease has ended; False when somebody else was faster."""
    done = await connection.execute(
        update(pushes)
        .where(
            pushes.c.push_id == push.push_id,
            pushes.c.owner == push.owner,
            pushes.c.lease_until == push.lease_until,
            pushes.c.state == IN_FLIGHT,
        )
        .values(owner=owner, lease_until=lease_until)
    )
    return done.rowcount == 1


async def end_leases(connection: AsyncConnection) -> None:
    """Ends all leases: for a database that no other process uses, at the start."""
    await connection.execute(update(pushes).where(pushes.c.state == IN_FLIGHT).values(lease_until=0))


async def add_chunk(connection: AsyncConnection, push_id: str, number: int, chunk: Chunk) -> None:
    """Stores the results of a chunk, in the transaction that stores its documents."""
    await connection.execute(
        insert(push_chunks).values(
            push_id=push_id,
            number=number,
            digest=chunk.digest,
            wrapped_key=chunk.sealed[0],
            sealed=chunk.sealed[1],
        )
    )
