"""``assets:*``: receivables and goods, one asset under all its keys, and the links between them.

======================= ============================================= =====================================
function                request                                       answer
======================= ============================================= =====================================
``assets:alias``        ``{op, items: [AliasItem]}`` up to 256        ``joined`` | ``already`` | ``refused``
``assets:link``         ``{op, items: [LinkItem]}``                   ``linked`` | ``refused``
``assets:get``          ``{assets: [fp]}`` any keys, up to 256        ``{assets: [AssetView | null]}``
======================= ============================================= =====================================

An asset's id is the primary fingerprint of the document that opened it. Assets open by registering. All
shares are billionths of face value.

``assets:alias`` says that two documents are evidence of one receivable: claims, links and use of the second
asset move to the first, and every key of either leads to it from then on. A fact: where both were claimed, the
sum may be over face value, which makes a shortfall, an impaired asset and an event that names the holders'
handles. Who may: who may speak about both assets (:mod:`consortium.contract.encumbrances`), or the seller's
signature over ``alias_statement``.

``assets:link`` adds links to a document's asset or sets the weights of those it has, and carries the
asset's use to the assets above. Links that it does not name stay. A fact as well: use of the child that the
parent cannot bear makes a shortfall. While the child is claimed or settled a known weight can only be
raised. Who may: who may speak about the child's asset. A link
counts when the parent is an asset of the same seller; a parent that is not there yet is pending, and takes
over what was used when it is registered.
"""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from consortium.contract.common import LINK, PARTY_SIGNATURE, Basis, Link, PartySignature
from consortium.contract.figures import AssetFigures, ClaimsRow
from consortium.contract.names import MAX_CLAIM_ITEMS, MAX_LINKS_PER_DOCUMENT
from consortium.contract.schema import HEX32, array, nullable, record


class AliasItem(TypedDict):
    """Two assets that are one; ``alias`` goes up into ``asset``."""

    asset: str
    alias: str
    evidence: str | None
    signature: NotRequired[PartySignature | None]


class AliasResult(TypedDict):
    """``asset``: the id under which both are known now."""

    status: Literal["joined", "already", "refused"]
    asset: NotRequired[str]
    txid: NotRequired[str]
    reason: NotRequired[str]
    message: NotRequired[str]


class LinkItem(TypedDict):
    """Links of one document, by any of its keys."""

    child: str
    links: list[Link]


class LinkResult(TypedDict):
    """What became of a document's links."""

    status: Literal["linked", "refused"]
    asset: NotRequired[str]
    txid: NotRequired[str]
    reason: NotRequired[str]
    message: NotRequired[str]


class Edge(TypedDict):
    """A link with the figures of its other end."""

    fp: str
    """The parent as the link names it, or the child's asset id."""
    of_child: int
    of_parent: int | None
    basis: Basis
    counts: bool
    """Whether use goes over it now: both are assets of one seller. A pending parent's use is kept, and this
    is false."""
    figures: AssetFigures | None
    """None when the other end is not registered or is no asset."""


class AssetView(ClaimsRow):
    """An asset with its claims and surroundings."""

    documents: list[str]
    """Primary fingerprints of all documents of the asset, the one that opened it first."""
    keys: list[str]
    """All fingerprints of those documents."""
    parents: list[Edge]
    children: list[Edge]
    """At most 1,000, by fingerprint."""


class GetAssets(TypedDict):
    """Answer of ``assets:get``; null where the document is not registered or is no asset."""

    assets: list[AssetView | None]


ALIAS_ITEM: Final = record(
    {"asset": HEX32, "alias": HEX32, "evidence": nullable(HEX32)}, {"signature": nullable(PARTY_SIGNATURE)}
)
LINK_ITEM: Final = record({"child": HEX32, "links": array(LINK, 0, MAX_LINKS_PER_DOCUMENT)})
GET: Final = record({"assets": array(HEX32, 1, MAX_CLAIM_ITEMS)})
