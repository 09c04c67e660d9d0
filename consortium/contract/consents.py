"""``consents:*``: who may look at whose documents, by the subject's signature only.

===================== ========================================== ============================================
function              request (items up to 256)                  answer
===================== ========================================== ============================================
``consents:grant``    ``{op, items: [StatementItem]}``           ``granted`` | ``already`` | ``refused``
``consents:revoke``   ``{op, items: [StatementItem]}``           ``revoked`` | ``already`` | ``refused``
``consents:get``      ``{ids: [..]}`` up to 1,000                ``{consents: [ConsentRecord | null]}``
``consents:list``     ``{subject, after, limit}``                ``{consents: [ConsentRecord], more: bool}``
===================== ========================================== ============================================

Statements are built by ``statements.consent_statement`` and ``revocation_statement`` and signed with the
subject's present key. Any member may submit them: the signature counts. Revoked is final. Results and
events carry ``id``, ``subject`` and ``recipient``.
"""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from consortium.contract.common import KEY_NUMBER, SIGNATURE_B64
from consortium.contract.names import MAX_READ_ITEMS
from consortium.contract.schema import (
    HEX32,
    IDENTIFIER,
    Check,
    array,
    base64_bytes,
    integer,
    nullable,
    record,
)


class StatementItem(TypedDict):
    """A signed statement: its bytes in base64, the subject's key number, the signature (DER) in base64."""

    statement: str
    key: int
    signature: str


class ConsentResult(TypedDict):
    """What became of a statement; the ids where the statement could be read."""

    status: Literal["granted", "revoked", "already", "refused"]
    id: NotRequired[str]
    subject: NotRequired[str]
    recipient: NotRequired[str]
    txid: NotRequired[str]
    reason: NotRequired[str]
    message: NotRequired[str]


class Revocation(TypedDict):
    """When and by which transaction a consent ended."""

    txid: str
    time: int


class ConsentRecord(TypedDict):
    """A consent as the ledger has it. ``live`` is judged at the time of the call."""

    id: str
    subject: str
    recipient: str
    purpose: str
    scope: Literal["assess", "monitor"]
    fields: list[str]
    issued: int
    expires: int
    state: Literal["granted", "revoked"]
    live: bool
    digest: str
    """SHA-256 (hex) of the statement."""
    key: int
    signature: str
    txid: str
    time: int
    revoked: Revocation | None


class ListConsents(TypedDict):
    """Answer of ``consents:list``, by id; ``more`` when the limit cut it: ask again after the last id."""

    consents: list[ConsentRecord]
    more: bool


class GetConsents(TypedDict):
    """Answer of ``consents:get``."""

    consents: list[ConsentRecord | None]


STATEMENT_ITEM: Final[Check] = record(
    {"statement": base64_bytes(16, 16384), "key": KEY_NUMBER, "signature": SIGNATURE_B64}
)
GET: Final = record({"ids": array(IDENTIFIER, 1, MAX_READ_ITEMS)})
LIST: Final = record({"subject": HEX32}, {"after": nullable(IDENTIFIER), "limit": integer(1, MAX_READ_ITEMS)})
