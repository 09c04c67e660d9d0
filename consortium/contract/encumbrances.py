"""``encumbrances:*``: claims on assets, and facts that use assets up.

======================== ============================== ==============================
function                 request (items up to 256)      answer
======================== ============================== ==============================
``encumbrances:reserve`` ``{op, items: [ReserveItem]}`` ``results: [ClaimResult]``
``encumbrances:finance`` ``{op, items: [FinanceItem]}`` ``results: [ClaimResult]``
``encumbrances:release`` ``{op, items: [ReleaseItem]}`` ``results: [ClaimResult]``
``encumbrances:settle``  ``{op, items: [SettleItem]}``  ``results: [ClaimResult]``
``encumbrances:fact``    ``{op, items: [FactItem]}``    ``results: [FactResult]``
``encumbrances:agree``   ``{op, items: [AgreeItem]}``   ``results: [ClaimResult]``
``encumbrances:get``     ``{assets: [fp]}`` up to 1,000 ``{rows: [ClaimsRow | null]}``
======================== ============================== ==============================

``asset`` is any key of any document of the asset. **Every** function on a claim needs its opening as
transient data (``claims.opening_key``), reserving as well: the handle must be that of the caller's
organisation.

*Reserve* needs one of: a live consent (any scope) of the asset's seller whose recipient is the caller's
organisation, or the seller's signature over ``reservation_statement`` (sent with it). New claims keep
``claimed + settled + diluted + via <= 1,000,000,000`` on the asset and on every asset above it; a claim on
a child uses ``ceil(used share * of_parent / 1e9)`` of the parent, summed over all that is used of the
child, upward without end (8 levels, 512 assets). ``expires`` is at most 10 business days away. The same
claim reserved again by its holder with a later ``expires`` and the same share and handle renews it, once. A
lapsed reservation frees its share for others 600 s after ``expires``; until ``expires`` its holder may
finance.

*Finance* needs a live consent with scope ``monitor`` by the seller to the caller, and that the asset and
those above it are not over-used by facts. *Settle* says that a financed claim was discharged, wholly or in
part; with ``evidence`` of a payment that a fact has counted already, it is not counted again. *Release*
gives a claim up.

*Fact*: ``credit`` (credit note), ``payment`` or ``void``. Never refused for what is claimed. Each piece of
evidence counts once per asset (``already`` afterwards). Who may: who may speak about the asset; who registered
the evidence, a signed document of the same seller; or the holder of a live claim (``claim`` names it, with its
opening). ``changed`` in response and event lists every asset whose shortfall grew with the handles of those who
hold claims on it or on what draws on it.

**Who may speak** about a document without a signature: an organisation that vouches for its seller or its buyer since
before it was registered; or the one that registered it, if it carries a party's signature or nobody else vouched for
its seller by then. About an asset: who may speak about the document that opened it (sharing an asset gives no power).

*Agree*: the holder accepts one amendment, named by the digest of its statement.

State never names a financier: no MSP id, consent or opening is in a claims row. The transaction's creator,
its arguments (consent id) and its endorsers are still visible to the channel's members.

Later functions have room: ``transfer`` changes a claim's handle, ``convert`` and ``swap`` are several of
these in one write set, ``external`` is a claim without holder, ``dispute`` is a state of a claim. Claims
carry ``state`` as a word and rows carry ``v``.
"""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from consortium.contract.common import KEY_NUMBER, SIGNATURE_B64
from consortium.contract.figures import ClaimsRow
from consortium.contract.names import FACT_TYPES, MAX_READ_ITEMS, RELEASE_REASONS
from consortium.contract.schema import (
    CLAIM_ID,
    HEX32,
    IDENTIFIER,
    SHARE,
    TIME,
    array,
    base64_bytes,
    choice,
    nullable,
    record,
)


class SellerWord(TypedDict):
    """The seller's signature over a reservation statement, in place of a consent."""

    statement: str
    """The statement's bytes in base64."""
    key: int
    signature: str


class ReserveItem(TypedDict):
    """A share to reserve. One of ``consent`` and ``signature`` is null."""

    asset: str
    claim: str
    """16 hexadecimal characters, chosen at random by the caller; unique on the asset."""
    share: int
    handle: str
    expires: int
    consent: str | None
    signature: SellerWord | None


class FinanceItem(TypedDict):
    """A reservation that becomes a loan."""

    asset: str
    claim: str
    consent: str


class ReleaseItem(TypedDict):
    """A claim given up: repaid, repurchased, substituted or error."""

    asset: str
    claim: str
    reason: Literal["repaid", "repurchased", "substituted", "error"]


class SettleItem(TypedDict):
    """A claim discharged by ``share``; ``evidence`` of the payment, where a fact may have counted it."""

    asset: str
    claim: str
    share: int
    evidence: NotRequired[str | None]


class FactItem(TypedDict):
    """A fact; ``share`` is ignored for ``void`` and must then be 1,000,000,000."""

    asset: str
    type: Literal["credit", "payment", "void"]
    share: int
    evidence: str
    claim: NotRequired[str | None]


class AgreeItem(TypedDict):
    """A holder's word to one amendment (hex SHA-256 of its statement)."""

    asset: str
    claim: str
    amendment: str


class ClaimResult(TypedDict):
    """``free``: what can still be claimed of the asset afterwards; also when refused, if the asset is
    known."""

    status: Literal["done", "refused"]
    claim: NotRequired[str]
    asset: NotRequired[str]
    free: NotRequired[int]
    txid: NotRequired[str]
    repurchased: NotRequired[bool]
    reason: NotRequired[str]
    message: NotRequired[str]


class FactResult(TypedDict):
    """``already``: this evidence was counted for this asset before."""

    status: Literal["done", "already", "refused"]
    asset: NotRequired[str]
    free: NotRequired[int]
    shortfall: NotRequired[int]
    txid: NotRequired[str]
    reason: NotRequired[str]
    message: NotRequired[str]


class GetRows(TypedDict):
    """Answer of ``encumbrances:get``; null where the document is not registered or is no asset."""

    rows: list[ClaimsRow | None]


_SELLER_WORD: Final = record(
    {"statement": base64_bytes(16, 1024), "key": KEY_NUMBER, "signature": SIGNATURE_B64}
)
RESERVE_ITEM: Final = record(
    {
        "asset": HEX32,
        "claim": CLAIM_ID,
        "share": SHARE,
        "handle": HEX32,
        "expires": TIME,
        "consent": nullable(IDENTIFIER),
        "signature": nullable(_SELLER_WORD),
    }
)
FINANCE_ITEM: Final = record({"asset": HEX32, "claim": CLAIM_ID, "consent": IDENTIFIER})
RELEASE_ITEM: Final = record({"asset": HEX32, "claim": CLAIM_ID, "reason": choice(*RELEASE_REASONS)})
SETTLE_ITEM: Final = record(
    {"asset": HEX32, "claim": CLAIM_ID, "share": SHARE}, {"evidence": nullable(HEX32)}
)
FACT_ITEM: Final = record(
    {"asset": HEX32, "type": choice(*FACT_TYPES), "share": SHARE, "evidence": HEX32},
    {"claim": nullable(CLAIM_ID)},
)
AGREE_ITEM: Final = record({"asset": HEX32, "claim": CLAIM_ID, "amendment": HEX32})
GET: Final = record({"assets": array(HEX32, 1, MAX_READ_ITEMS)})
