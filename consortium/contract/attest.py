"""``attest``: the read that endorsers sign and nobody submits (a signed read).

Request ``{challenge, fps}``: ``challenge`` is 32 bytes in hex, ``fps`` up to 1,000 fingerprints under any
key. The answer repeats channel, transaction, transaction time and challenge, so that endorsers sign them,
and has one answer per fingerprint in the order asked. It reads the documents and their claims rows, so that
both stand in the signed read set with their versions. It ignores who asks and transient data, writes
nothing and sets no event.
"""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from consortium.contract.documents import DocumentState
from consortium.contract.figures import AssetState
from consortium.contract.names import MAX_READ_ITEMS
from consortium.contract.schema import HEX32, array, record


class LiveClaim(TypedDict):
    """One live claim: its holder can show that the handle is its own."""

    handle: str
    share: int
    state: Literal["reserved", "financed"]


class AttestedClaims(TypedDict):
    """Claims on the document's asset at the transaction's time."""

    state: AssetState
    free: int
    claimed: int
    settled: int
    diluted: int
    via_total: int
    unweighted: bool
    shortfall: int
    live: list[LiveClaim]


class Attested(TypedDict):
    """What is attested of one fingerprint; only ``fp`` and ``found`` when it is not registered."""

    fp: str
    found: bool
    primary: NotRequired[str]
    """The document's primary fingerprint, when asked under another key."""
    kind: NotRequired[str]
    commitment: NotRequired[str]
    tag: NotRequired[str]
    """Under the epoch of the key asked."""
    state: NotRequired[DocumentState]
    grade: NotRequired[Literal["asserted", "signed"]]
    first_tx: NotRequired[str]
    seller: NotRequired[str | None]
    owner: NotRequired[str]
    asset: NotRequired[str | None]
    claims: NotRequired[AttestedClaims | None]
    """None when the document is no asset."""


class Attestation(TypedDict):
    """The whole answer."""

    channel: str
    txid: str
    time: int
    challenge: str
    answers: list[Attested]


REQUEST: Final = record({"challenge": HEX32, "fps": array(HEX32, 1, MAX_READ_ITEMS)})
