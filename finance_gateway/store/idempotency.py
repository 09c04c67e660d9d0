"""Calls that may be repeated: the same key and request lead to what the first call made.

A key belongs to a caller and a method. The same key with another request is refused: it is a mistake in the caller.
"""

from __future__ import annotations

import hashlib
import time

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.errors import ConflictError, InvalidInputError
from consortium.identity.directory import Caller
from finance_gateway.store.tables import idempotency

MAX_KEY_CHARS = 128


async def recall(session: AsyncSession, caller: Caller, method: str, key: str, request: bytes) -> str | None:
    """What the first call with this key made; None when there was none.

    :raises ConflictError: the key was used for another request
    """
    if not key:
        return None
    if len(key) > MAX_KEY_CHARS:
        raise InvalidInputError(f"The idempotency key has more than {MAX_KEY_CHARS} characters.")
    row = (
        await session.execute(
            select(idempotency.c.request_digest, idempotency.c.subject_id).where(
                idempotency.c.caller == _name(caller),
                idempotency.c.method == method,
                idempotency.c.key == key,
            )
        )
    ).one_or_none()
    if row is None:
        return None
    if row.request_digest != hashlib.sha256(request).hexdigest():
        raise ConflictError(
            "The idempotency key was used for another request.",
            reason="IDEMPOTENCY_KEY_REUSED",
            remedy="Use a new key for a new request, and the same request for the same key.",
        )
    return str(row.subject_id)


async def remember(
    session: AsyncSession, caller: Caller, method: str, key: str, request: bytes, subject_id: str
) -> None:
    """Notes what a call makes, in the transaction that stores it.

    :raises ConflictError: another call with this key came in between
    """
    if not key:
        return
    try:
        await session.execute(
            insert(idempotency).values(
                caller=_name(caller),
                method=method,
                key=key,
                request_digest=hashlib.sha256(request).hexdigest(),
                subject_id=subject_id,
                created=int(time.time()),
            )
        )
    except IntegrityError as error:
        raise ConflictError(
            "Another call with this idempotency key is under way.",
            reason="IDEMPOTENCY_KEY_IN_USE",
            remedy="Repeat the call in a moment: it gets the first one's result.",
        ) from error


async def forget(session: AsyncSession, caller: Caller, method: str, key: str) -> None:
    """Lets a key be used anew: its first call failed and made nothing."""
    await session.execute(
        delete(idempotency).where(
            idempotency.c.caller == _name(caller),
            idempotency.c.method == method,
            idempotency.c.key == key,
        )
    )


def _name(caller: Caller) -> str:
    return f"{caller.org}/{caller.role}/{caller.name}"
