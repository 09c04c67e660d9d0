"""What a financier needs to claim: handle, opening, and how long a reservation may last. Pure.

A claim's holder is known to the ledger only by its handle, ``sha256("chanrong-claim|" + MSP id + "|" +
opening)``. The opening is 32 random bytes that the holder keeps and shows, as transient data, whenever it
acts on the claim; transient data reaches the endorsing peers and is in no block.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from consortium.contract.names import FACE_VALUE_PPB, RESERVATION_BUSINESS_DAYS

_DAY_S: Final = 86_400
_EPOCH_WEEKDAY: Final = 3
"""1970-01-01 was a Thursday; Monday is 0."""
_SATURDAY: Final = 5


def claim_handle(msp_id: str, opening: str) -> str:
    """Handle of a claim (hex).

    :param opening: 64 lower-case hexadecimal characters, random per claim
    """
    return sha256(f"chanrong-claim|{msp_id}|{opening}".encode()).hexdigest()


def opening_key(claim: str) -> str:
    """Name of the transient entry that holds a claim's opening (its hexadecimal text as bytes)."""
    return f"opening:{claim}"


def latest_expiry(now: int, business_days: int = RESERVATION_BUSINESS_DAYS) -> int:
    """The last second to which a reservation made now may run.

    Business days are Monday to Friday in UTC; public holidays are not known to the ledger.

    :param now: transaction time, seconds since 1970 UTC
    """
    moment, left = now, business_days
    while left:
        moment += _DAY_S
        if (moment // _DAY_S + _EPOCH_WEEKDAY) % 7 < _SATURDAY:
            left -= 1
    return moment


def scaled(share: int, weight: int) -> int:
    """Billionths of a parent that a share of its child uses: rounded up, never below the truth."""
    return -(-share * weight // FACE_VALUE_PPB)
