"""Holding a package's evidence against what the organisations signed. Pure.

Covered by signed reads: of every document kind, commitment, state, signature grade, owner, seller, first transaction
and position; of every asset that the evidence names, linked ones included, its state, claims and shares. Not covered:
the links themselves (LINK_WEIGHT recomputes them from the bodies), when a reservation ends, the time of a registration,
the buyer's handle, who handed a document in; for these the issuing gateway's word stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

from crossverify.evidence import AssetState, Evidence, EvidenceDocument

FPS_PER_READ: Final = 1000
"""Fingerprints per signed read: the contract's limit."""

_DOCUMENT_KEY: Final = "\x00doc\x00{}\x00"
"""The contract's name of a document's record; its version is where it was registered or last changed."""


class Position(Protocol):
    """Where a key was last written."""

    @property
    def block(self) -> int:
        """Number of the block."""
        ...

    @property
    def transaction(self) -> int:
        """Place of the transaction in it."""
        ...


Versions = Mapping[str, Position | None]


def fingerprints_by_read(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    """The fingerprints that each signed read has to cover, in order: all documents and all assets."""
    wanted = {item.fingerprint for item in evidence.documents} | set(_assets(evidence))
    ordered = sorted(wanted)
    for start in range(0, len(ordered), FPS_PER_READ):
        yield tuple(ordered[start : start + FPS_PER_READ])


def position_of(versions: Versions, fingerprint: str) -> tuple[int, int]:
    """Block and place in it where a document's record was written; zeros where the read does not say."""
    version = versions.get(_DOCUMENT_KEY.format(fingerprint))
    return (version.block, version.transaction) if version is not None else (0, 0)


def differences(evidence: Evidence, answers: Iterable[Mapping[str, Any]], versions: Versions) -> list[str]:
    """Where the evidence says something else than the signed answers, for a person; empty when nowhere.

    :param answers: of all signed reads together; one for every fingerprint of :func:`fingerprints_by_read`
    :param versions: the positions of the keys that they read
    """
    documents = {item.fingerprint: item for item in evidence.documents}
    assets = _assets(evidence)
    found: list[str] = []
    seen: set[str] = set()
    for answer in answers:
        document = documents.get(answer["fp"])
        asset = assets.get(answer.get("asset") or "")
        label = f"{document.document.kind} {document.document.number}" if document else answer["fp"][:16]
        seen.add(answer.get("asset") or "")
        if not answer["found"]:
            found.append(f"{label} is not registered")
            continue
        if document is not None:
            found += _document_differences(label, document, answer, versions)
        if answer["claims"] is not None:
            found += _claim_differences(label, asset, answer["claims"])
    found += [f"asset {asset[:16]} is not in the signed reads" for asset in sorted(set(assets) - seen)]
    return found


def _assets(evidence: Evidence) -> Mapping[str, AssetState]:
    return evidence.ledger.assets if evidence.ledger is not None else {}


def _document_differences(
    label: str, document: EvidenceDocument, answer: Mapping[str, Any], versions: Versions
) -> list[str]:
    by_tag = document.matched_by == "tag"
    if by_tag and answer["state"] == "amended":
        return [f"{label} was amended: what another gateway registered first is not this body"]
    pairs = (
        ("commitment", document.commitment, document.commitment if by_tag else answer["commitment"]),
        ("kind", document.document.kind, answer["kind"]),
        ("state", document.state, answer["state"]),
        ("signature grade", "signed" if document.signed_by else "asserted", answer["grade"]),
        ("first transaction", document.txid, answer["first_tx"]),
        ("registered by", document.registered_by, answer["owner"]),
        ("seller", document.seller, answer["seller"] or ""),
        ("position", (document.block, document.tx_index), position_of(versions, document.fingerprint)),
    )
    return [
        f"{name} of {label}: {mine!r}, signed is {theirs!r}" for name, mine, theirs in pairs if mine != theirs
    ]


def _claim_differences(label: str, asset: AssetState | None, claims: Mapping[str, Any]) -> list[str]:
    if asset is None:
        return [f"the asset of {label} is not in the evidence"]
    mine = sorted((claim.claim, claim.share_ppb, claim.state) for claim in asset.claims)
    theirs = sorted((item["handle"], item["share"], item["state"]) for item in claims["live"])
    pairs = (
        ("claims", mine, theirs),
        ("state", asset.state, claims["state"]),
        ("settled share", asset.settled_ppb, claims["settled"]),
        ("diluted share", asset.diluted_ppb, claims["diluted"]),
        ("shortfall", asset.shortfall_ppb, claims["shortfall"]),
        ("share used by children", sum(asset.via.values()), claims["via_total"]),
    )
    return [f"{name} on {label}: {a!r}, signed is {b!r}" for name, a, b in pairs if a != b]
