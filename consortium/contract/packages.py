"""``packages:*``: digests of credit packages, so that whoever verifies online learns that one is no longer
current.

====================== ================================ ==========================================
function               request (items up to 256)        answer
====================== ================================ ==========================================
``packages:anchor``    ``{op, items: [AnchorItem]}``    ``anchored`` | ``already`` | ``refused``
``packages:supersede`` ``{op, items: [SupersedeItem]}`` ``superseded`` | ``already`` | ``refused``
``packages:revoke``    ``{op, items: [RevokeItem]}``    ``revoked`` | ``already`` | ``refused``
``packages:get``       ``{ids: [..]}`` up to 1,000      ``{packages: [PackageRecord | null]}``
====================== ================================ ==========================================

Anchoring needs a live consent (any scope) by the subject to the caller's organisation. ``supersedes`` names
an earlier package of the same organisation and subject, which is superseded in the same transaction.
Superseded and revoked are final. Only the organisation that anchored a package supersedes or revokes it.
"""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from consortium.contract.names import MAX_READ_ITEMS
from consortium.contract.schema import HEX32, IDENTIFIER, array, nullable, record, text


class AnchorItem(TypedDict):
    """A package's digest (SHA-256 hex of its signed payload). ``profile``: id and digest of the rule
    profile."""

    id: str
    digest: str
    subject: str
    consent: str
    profile: str
    supersedes: str | None


class SupersedeItem(TypedDict):
    """A package and the one that takes its place; both anchored by the caller for one subject."""

    id: str
    by: str


class RevokeItem(TypedDict):
    """A package that must not be relied on any more."""

    id: str
    reason: str


class PackageResult(TypedDict):
    """What became of a package."""

    status: Literal["anchored", "superseded", "revoked", "already", "refused"]
    id: NotRequired[str]
    txid: NotRequired[str]
    reason: NotRequired[str]
    message: NotRequired[str]


class PackageRecord(TypedDict):
    """A package as the ledger has it."""

    id: str
    digest: str
    subject: str
    consent: str
    profile: str
    owner: str
    state: Literal["anchored", "superseded", "revoked"]
    supersedes: str | None
    superseded_by: str | None
    reason: str | None
    txid: str
    time: int
    changed_tx: str


class GetPackages(TypedDict):
    """Answer of ``packages:get``."""

    packages: list[PackageRecord | None]


ANCHOR_ITEM: Final = record(
    {
        "id": IDENTIFIER,
        "digest": HEX32,
        "subject": HEX32,
        "consent": IDENTIFIER,
        "profile": text(1, 256),
        "supersedes": nullable(IDENTIFIER),
    }
)
SUPERSEDE_ITEM: Final = record({"id": IDENTIFIER, "by": IDENTIFIER})
REVOKE_ITEM: Final = record({"id": IDENTIFIER, "reason": text(1, 256)})
GET: Final = record({"ids": array(IDENTIFIER, 1, MAX_READ_ITEMS)})
