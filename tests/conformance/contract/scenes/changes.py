"""``documents:amend``, ``void``, ``take_over`` and ``encumbrances:agree``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consortium.contract import names, reasons
from consortium.contract.statements import (
    amendment_statement,
    statement_digest,
    take_over_statement,
    void_statement,
)
from tests.conformance.contract.script import (
    BANK_A,
    BANK_B,
    DAY,
    FACE,
    HALF,
    INDUSTRY,
    LATER_S,
    SOON_S,
    Json,
    Step,
    Trade,
    Write,
)

AMEND, VOID, TAKE_OVER = names.DOCUMENTS_AMEND, names.DOCUMENTS_VOID, names.DOCUMENTS_TAKE_OVER


def amendment(t: Trade, name: str, content: str = "new", **changes: Any) -> Json:
    """A change of a document's content."""
    return {
        "fp": t.fp(name),
        "keys": [t.key(name, content=content)],
        "commitment": t.document(name, content=content)["commitment"],
        "reason": "更正单价",
        "evidence": None,
        "signature": None,
        **changes,
    }


def amending(t: Trade, name: str, item: Json) -> bytes:
    """The statement that describes a change of a document as it was registered."""
    return amendment_statement(
        fp=item["fp"],
        previous=t.document(name)["commitment"],
        commitment=item["commitment"],
        reason=item["reason"],
        evidence=item["evidence"],
    )


def voiding(t: Trade, name: str, **changes: Any) -> Json:
    """The end of a document."""
    return {"fp": t.fp(name), "reason": "cancelled", "evidence": None, **changes}


def take_over(t: Trade, name: str, *, content: str = "", owner: str = BANK_B, **changes: Any) -> Json:
    """The seller's own registration."""
    issued = changes.get("issued", t.now)
    commitment = t.document(name, content=content)["commitment"]
    statement = take_over_statement(
        fp=t.fp(name),
        previous=t.document(name)["commitment"],
        commitment=commitment,
        owner=owner,
        issued=issued,
    )
    signed = t.signed(changes.get("by", "seller"), statement)
    return {
        "fp": t.fp(name),
        "keys": [t.key(name, content=content)],
        "commitment": commitment,
        "issued": issued,
        **signed,
    }


def changes(t: Trade) -> Sequence[Step]:
    """Documents that nobody has claimed."""
    signed = amendment(t, "I2")
    statement = amending(t, "I2", signed)
    by_seller = {**signed, "signature": t.signed("seller", statement)}
    by_buyer = {**signed, "signature": t.signed("buyer", statement)}
    forged = {**signed, "signature": t.signed("seller", statement, key="buyer")}
    end = void_statement(fp=t.fp("I4"), reason="wrong", evidence=None)
    ended = voiding(t, "I4", signature=t.signed("seller", end))
    taken = take_over(t, "I3", content="the true one")
    return [
        *t.opening(*(t.document(name) for name in ("I1", "I2", "I3", "I4"))),
        [
            Write(INDUSTRY, AMEND, amendment(t, "I1"), {"status": "amended", "fp": t.fp("I1")}),
            Write(INDUSTRY, AMEND, amendment(t, "I1", "newest"), "amended"),
            Write(INDUSTRY, AMEND, amendment(t, "I1", keys=[t.key("none")]), reasons.INVALID_ITEM),
            Write(INDUSTRY, AMEND, amendment(t, "nothing"), reasons.UNKNOWN_DOCUMENT),
            Write(BANK_A, AMEND, signed, reasons.NOT_ENTITLED),
            Write(BANK_A, AMEND, by_buyer, reasons.NOT_ENTITLED),
            Write(BANK_A, AMEND, forged, reasons.SIGNATURE_INVALID),
            Write(BANK_A, AMEND, by_seller, "amended"),
            # The same signature again would turn a later amendment back; it names what it changed from.
            Write(BANK_A, AMEND, by_seller, reasons.SIGNATURE_INVALID),
            Write(BANK_A, VOID, {**ended, "reason": "cancelled"}, reasons.SIGNATURE_INVALID),
            Write(BANK_A, VOID, voiding(t, "I4"), reasons.NOT_ENTITLED),
            Write(BANK_A, VOID, {**ended, "reason": "wrong"}, "voided"),
            Write(BANK_A, VOID, voiding(t, "nothing"), reasons.UNKNOWN_DOCUMENT),
            Write(BANK_B, TAKE_OVER, take_over(t, "I3", owner=INDUSTRY), reasons.SIGNATURE_INVALID),
            Write(BANK_B, TAKE_OVER, take_over(t, "I3", by="buyer"), reasons.NOT_ENTITLED),
            Write(BANK_B, TAKE_OVER, take_over(t, "I3", issued=t.now + DAY), reasons.STATEMENT_INVALID),
            Write(BANK_B, TAKE_OVER, {**taken, "key": 9}, reasons.UNKNOWN_KEY),
            Write(BANK_B, TAKE_OVER, taken, "taken_over"),
            Write(BANK_B, TAKE_OVER, taken, "already"),
            Write(BANK_B, TAKE_OVER, take_over(t, "I3", content="another"), reasons.SIGNED_ALREADY),
        ],
        [
            Write(INDUSTRY, AMEND, amendment(t, "I4"), reasons.DOCUMENT_VOID),
            Write(BANK_B, TAKE_OVER, take_over(t, "I4"), reasons.DOCUMENT_VOID),
            Write(INDUSTRY, VOID, voiding(t, "I4"), "already"),
            t.reserve(BANK_A, "I4", "a", FACE, reasons.ASSET_VOID),
            t.register(t.document("I1", content="newest"), "already"),
            t.register(t.document("I1"), "conflict"),
            t.record("I1", state="amended", grade="asserted", reason="更正单价"),
            t.record("I2", state="amended", grade="signed", owner=INDUSTRY, origin={"type": "amendment"}),
            t.record("I3", state="signed", owner=BANK_B, origin={"type": "take_over"}),
            t.row("I4", state="void", void=True, free=0),
        ],
    ]


def agreements(t: Trade) -> Sequence[Step]:
    """Documents under claims: every holder has to agree to a change of content; nobody is asked when it is void."""
    change = amendment(t, "I1")
    agreed: Json = {"amendment": statement_digest(amending(t, "I1", change))}
    true = take_over(t, "I2", content="true", owner=BANK_B)
    handles = sorted([t.handle(BANK_A, "a"), t.handle(BANK_B, "b")])
    agree = names.ENCUMBRANCES_AGREE
    return [
        *t.opening(t.document("I1"), t.document("I2"), t.document("I3")),
        [
            t.reserve(BANK_A, "I1", "a", HALF, expires=t.now + SOON_S),
            t.reserve(BANK_A, "I2", "c"),
            t.reserve(BANK_B, "I3", "d", expires=t.now + SOON_S),
        ],
        [
            t.reserve(BANK_B, "I1", "b", HALF),
            Write(BANK_B, TAKE_OVER, true, reasons.ENCUMBERED),
            Write(BANK_B, TAKE_OVER, take_over(t, "I2", owner=BANK_B), "taken_over"),
        ],
        [
            Write(INDUSTRY, AMEND, change, reasons.ENCUMBERED),
            t.on_claim(BANK_A, agree, "I1", "b", reasons.NOT_HOLDER, **agreed),
            t.on_claim(BANK_A, agree, "I1", "none", reasons.UNKNOWN_CLAIM, **agreed),
        ],
        [t.on_claim(BANK_A, agree, "I1", "a", **agreed)],
        [t.on_claim(BANK_B, agree, "I1", "b", {"claim": t.claim_id("b"), "free": 0}, **agreed)],
        [
            Write(INDUSTRY, AMEND, amendment(t, "I1", "something else"), reasons.ENCUMBERED),
            Write(INDUSTRY, AMEND, change, "amended"),
        ],
        [
            Write(
                INDUSTRY,
                VOID,
                voiding(t, "I1"),
                "voided",
                changed=[
                    {
                        "asset": t.fp("I1"),
                        "state": "impaired",
                        "shortfall": 2 * HALF,
                        "handles": handles,
                    }
                ],
            ),
            t.finance(BANK_B, "I3", "d", reasons.RESERVATION_LAPSED, later_s=LATER_S),
        ],
        [t.row("I1", state="impaired", void=True), t.record("I1", state="void")],
    ]
