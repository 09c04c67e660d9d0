"""The ledger: documents with their places, assets with their claims and links."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final

from consortium.documents import CreditNote, Document, Invoice, PurchaseOrder
from consortium.documents.commitment import commitment_hex
from consortium.documents.fingerprint import ConsortiumKeys, normalised_number
from consortium.documents.roles import buyer_of, issuer_of, seller_of
from crossverify.evidence import (
    FACE_VALUE_PPB,
    AssetState,
    ClaimState,
    ConsentState,
    EvidenceDocument,
    LinkState,
)
from tests.evaluation.scene.scene import Paper, Scene
from tests.evaluation.views.look import BANK, GATEWAY, PURPOSE, Look, seconds

KEYS: Final = ConsortiumKeys.create({1: b"e" * 32}, 1, b"v" * 32)
_SALT: Final = b"s" * 32


@dataclass(slots=True)
class Registered:
    """What is on the ledger on a day.

    :ivar by_number: documents of a kind by their number
    """

    documents: list[EvidenceDocument] = field(default_factory=list)
    assets: dict[str, AssetState] = field(default_factory=dict)
    by_number: dict[tuple[str, str], EvidenceDocument] = field(default_factory=dict)


def registered(scene: Scene, look: Look) -> Registered:
    """All papers that were handed in until the day, in order; the same one again is the same one."""
    found = Registered()
    seen = set()
    papers = [paper for paper in scene.papers if paper.at <= look.day]
    for position, paper in enumerate(sorted(papers, key=lambda paper: paper.at), 1):
        fingerprint = KEYS.fingerprint(paper.document)
        if fingerprint in seen:
            continue
        seen.add(fingerprint)
        item = _document(paper, fingerprint, position)
        found.documents.append(item)
        found.by_number[paper.document.kind, normalised_number(paper.document.number)] = item
    _assets(scene, look, found)
    return found


def _document(paper: Paper, fingerprint: str, position: int) -> EvidenceDocument:
    body = paper.document
    seller, buyer = seller_of(body), buyer_of(body)
    return EvidenceDocument(
        fingerprint=fingerprint,
        document=body,
        commitment=commitment_hex(body, _SALT),
        salt=_SALT.hex(),
        block=position,
        txid=f"tx{position}",
        registered_at=seconds(paper.at, 2),
        registered_by=GATEWAY,
        pushed_by=KEYS.party_handle(paper.by.id),
        signed_by=KEYS.handle_of(issuer_of(body)) if paper.signed else "",
        seller=KEYS.handle_of(seller) if seller else "",
        buyer=KEYS.handle_of(buyer) if buyer else "",
        state="signed" if paper.signed else "asserted",
    )


def _assets(scene: Scene, look: Look, found: Registered) -> None:
    """One asset per receivable and per other thing that can be financed."""
    by_body = {id(item.document): item for item in found.documents}
    grouped = set()
    for owed in scene.owed:
        members = [by_body[id(body)] for body in owed.documents if id(body) in by_body]
        if not members:
            continue
        first = members[0]
        names = {key.fp for item in members for key in KEYS.keys_of(item.document)}
        grouped |= {item.fingerprint for item in members}
        found.assets[first.fingerprint] = AssetState(
            asset=first.fingerprint,
            aliases=tuple(sorted(names | {first.fingerprint})),
            diluted_ppb=_diluted(scene, look, first, owed.face),
            links=tuple(_links(first, found)),
            **_claims(
                scene,
                look,
                {each.number for each in owed.documents}
                | {each.number for body in owed.documents for each in body.fapiao},
            ),
        )
    for item in found.documents:
        financeable = item.document.kind in {"invoice", "purchase_order", "warehouse_receipt", "bill"}
        if financeable and item.fingerprint not in grouped:
            found.assets[item.fingerprint] = AssetState(
                asset=item.fingerprint,
                aliases=(item.fingerprint,),
                links=tuple(_links(item, found)),
                **_claims(scene, look, {item.document.number}),
            )
    _upwards(found)


def _claims(scene: Scene, look: Look, numbers: set[str]) -> dict[str, object]:
    live, settled = [], 0
    for position, claim in enumerate(scene.claims, 1):
        if claim.document not in numbers or claim.day > look.day:
            continue
        share = int(claim.share * FACE_VALUE_PPB)
        if claim.ended is not None and claim.ended <= look.day:
            settled += share if claim.state == "settled" else 0
            continue
        reserved = claim.state == "reserved"
        live.append(
            ClaimState(
                claim=f"c{position}",
                share_ppb=share,
                state="reserved" if reserved else "financed",
                own=claim.own,
                expires=look.now + 5 * 86_400 if reserved else 0,
            )
        )
    return {"claims": tuple(live), "settled_ppb": settled, "state": "encumbered" if live else "free"}


def _diluted(scene: Scene, look: Look, first: EvidenceDocument, face: Decimal) -> int:
    """Credit notes that were handed in are facts on the ledger; rounded up."""
    body = first.document
    assert isinstance(body, Invoice)
    numbers = {normalised_number(body.number), *(normalised_number(each.number) for each in body.fapiao)}
    total = Decimal(0)
    for paper in scene.papers:
        note = paper.document
        if isinstance(note, CreditNote) and paper.at <= look.day:
            named = {normalised_number(each.number) for each in note.preceding_invoices}
            if named & numbers and note.currency == body.currency:
                total += note.totals.payable
    if total <= 0 or face <= 0:
        return 0
    share = Fraction(min(total, face)) / Fraction(face) * FACE_VALUE_PPB
    return -(-share.numerator // share.denominator)


def _links(item: EvidenceDocument, found: Registered) -> list[LinkState]:
    """Which part of which order an invoice uses up, on gross amounts, rounded down."""
    body = item.document
    if not isinstance(body, Invoice):
        return []
    parts: dict[str, Decimal] = {}
    total = sum((line.net_amount for line in body.lines), Decimal(0))
    for line in body.lines:
        number = line.order_number or body.order_number
        if number and total:
            parts[number] = parts.get(number, Decimal(0)) + line.net_amount
    links = []
    for number, net in parts.items():
        share = Fraction(net) / Fraction(total)
        parent = found.by_number.get(("purchase_order", normalised_number(number)))
        order = parent.document if parent else None
        weight = None
        if isinstance(order, PurchaseOrder) and order.totals and order.currency == body.currency:
            used = share * Fraction(body.totals.payable) / Fraction(order.totals.payable)
            weight = int(min(used, Fraction(1)) * FACE_VALUE_PPB)
        links.append(
            LinkState(
                child=item.fingerprint,
                parent=parent.fingerprint if parent else _unknown(number, body),
                of_child_ppb=int(share * FACE_VALUE_PPB),
                of_parent_ppb=weight,
                basis="gross" if weight is not None else "unknown",
            )
        )
    return links


def _unknown(number: str, body: Document) -> str:
    return KEYS.party_handle(f"local:{number}-{body.number}"[:100])


def _upwards(found: Registered) -> None:
    """What claims on a child use up of its parents."""
    for asset in list(found.assets.values()):
        claimed = sum(claim.share_ppb for claim in asset.claims)
        for link in asset.links:
            parent = found.assets.get(link.parent)
            if not claimed or parent is None or link.of_parent_ppb is None:
                continue
            used = -(-claimed * link.of_parent_ppb // FACE_VALUE_PPB)
            found.assets[link.parent] = parent.model_copy(
                update={"via": {**parent.via, asset.asset: parent.via.get(asset.asset, 0) + used}}
            )


def consents(scene: Scene, look: Look, scopes: tuple[str, ...], from_day: date) -> tuple[ConsentState, ...]:
    """The supplier's consents to the bank: to assess, and to follow what is financed."""
    ended = scene.consent_ends is not None and scene.consent_ends <= look.day
    return tuple(
        ConsentState(
            id=f"consent-{scope}",
            subject=KEYS.party_handle(scene.supplier.id),
            recipient=BANK,
            purpose=PURPOSE,
            scope=scope,
            fields=("*",),
            issued=seconds(from_day),
            expires=seconds(from_day) + 365 * 86_400,
            revoked_at=seconds(scene.consent_ends) if ended and scene.consent_ends else 0,
            txid=f"tx-{scope}",
        )
        for scope in scopes
    )
