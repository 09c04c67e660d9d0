"""Holding a package's evidence against what the organisations signed. Pure.

Only what a signed read covers is compared: commitment, state, owner, seller, asset, and the claims on it. Links and the
other ends of links are the issuing gateway's own read; LINK_WEIGHT recomputes them from the bodies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from crossverify.evidence import AssetState, Evidence, EvidenceDocument

FPS_PER_READ: Final = 1000
"""Fingerprints per signed read: the contract's limit."""


def differences(evidence: Evidence, answers: Iterable[Mapping[str, Any]]) -> list[str]:
    """Where the evidence says something else than the signed answers, for a person; empty when nowhere."""
    documents = {item.fingerprint: item for item in evidence.documents}
    assets = evidence.ledger.assets if evidence.ledger is not None else {}
    found: list[str] = []
    for answer in answers:
        document = documents.get(answer["fp"])
        if document is None:
            found.append(f"{answer['fp'][:16]}… is in a signed read and not in the evidence")
            continue
        found += _document_differences(document, answer)
        claims = answer.get("claims")
        if claims is not None:
            found += _claim_differences(document, assets.get(answer.get("asset") or ""), claims)
    return found


def _document_differences(document: EvidenceDocument, answer: Mapping[str, Any]) -> list[str]:
    label = f"{document.document.kind} {document.document.number}"
    if not answer["found"]:
        return [f"{label} is not registered"] if document.txid else []
    signed = answer["commitment"] if document.matched_by == "commitment" else document.commitment
    pairs = (
        ("commitment", document.commitment, signed),
        ("kind", document.document.kind, answer["kind"]),
        ("state", document.state, answer["state"]),
        ("first transaction", document.txid, answer["first_tx"]),
        ("registered by", document.registered_by, answer["owner"]),
        ("seller", document.seller, answer["seller"] or ""),
    )
    return [
        f"{name} of {label}: {mine!r}, signed is {theirs!r}" for name, mine, theirs in pairs if mine != theirs
    ]


def _claim_differences(
    document: EvidenceDocument, asset: AssetState | None, claims: Mapping[str, Any]
) -> list[str]:
    label = f"{document.document.kind} {document.document.number}"
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
