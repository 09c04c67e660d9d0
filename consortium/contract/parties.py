"""``parties:*``: who an SME or core enterprise is on the ledger: a handle, who vouches for it, its numbered
keys.

====================== ==================================== ==========================================
function               request (items up to 256)            answer
====================== ==================================== ==========================================
``parties:register``   ``{op, items: [RegisterPartyItem]}`` ``registered`` | ``already`` | ``refused``
``parties:rotate_key`` ``{op, items: [RotateKeyItem]}``     ``rotated`` | ``already`` | ``refused``
``parties:suspend``    ``{op, items: [SuspendItem]}``       ``suspended`` | ``already`` | ``refused``
``parties:get``        ``{parties: [handle]}`` up to 1,000  ``{parties: [PartyRecord | null]}``
====================== ==================================== ==========================================

Any member may register a party that nobody has registered; it then vouches for it (``vouched_by``).
Verifiers decide whose word they take. A key is rotated with the present key's signature over
``key_rotation_statement`` (by any member), or by the vouching organisation's word alone when a key was lost
(``signature`` null, recorded as ``by: "vouched"``). Only the vouching organisation suspends; a suspended
party signs nothing new but revocations.
"""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from consortium.contract.common import KEY_NUMBER, SIGNATURE_B64
from consortium.contract.names import MAX_READ_ITEMS
from consortium.contract.schema import (
    HEX32,
    TIME,
    array,
    base64_bytes,
    choice,
    integer,
    nullable,
    record,
    text,
)


class FirstKey(TypedDict):
    """A party's first key; ``spki``: DER SubjectPublicKeyInfo in base64, P-256, uncompressed."""

    number: int
    alg: Literal["ES256"]
    spki: str


class RegisterPartyItem(TypedDict):
    """A party; ``key`` null when it signs nothing yet."""

    party: str
    key: FirstKey | None


class RotateKeyItem(TypedDict):
    """A party's next key; ``number`` is the present one's plus one."""

    party: str
    number: int
    spki: str
    issued: int
    signature: str | None


class SuspendItem(TypedDict):
    """A party that may sign nothing new."""

    party: str
    reason: str


class PartyKey(TypedDict):
    """A key with the transaction times between which it was the party's present one."""

    number: int
    alg: Literal["ES256"]
    spki: str
    since: int
    since_tx: str
    until: int | None
    by: Literal["vouched", "signed"]


class PartyRecord(TypedDict):
    """A party as the ledger has it; the last key is the present one."""

    party: str
    vouched_by: str
    state: Literal["active", "suspended"]
    keys: list[PartyKey]
    first_tx: str
    time: int
    reason: NotRequired[str]


class GetParties(TypedDict):
    """Answer of ``parties:get``."""

    parties: list[PartyRecord | None]


_SPKI: Final = base64_bytes(59, 200)
_FIRST_KEY: Final = record({"number": integer(1, 1), "alg": choice("ES256"), "spki": _SPKI})
REGISTER_ITEM: Final = record({"party": HEX32, "key": nullable(_FIRST_KEY)})
ROTATE_ITEM: Final = record(
    {
        "party": HEX32,
        "number": KEY_NUMBER,
        "spki": _SPKI,
        "issued": TIME,
        "signature": nullable(SIGNATURE_B64),
    }
)
SUSPEND_ITEM: Final = record({"party": HEX32, "reason": text(1, 256)})
GET: Final = record({"parties": array(HEX32, 1, MAX_READ_ITEMS)})
