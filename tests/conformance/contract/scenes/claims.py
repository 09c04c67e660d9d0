"""``encumbrances:reserve``, ``finance``, ``settle``, ``release`` and ``get`` on one asset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consortium.contract import names, reasons
from consortium.contract.statements import reservation_statement
from tests.conformance.contract.script import (
    BANK_A,
    BANK_B,
    DAY,
    FACE,
    HALF,
    LATER_S,
    SOON_S,
    Json,
    Read,
    Step,
    Trade,
    Write,
)

RELEASE, SETTLE = names.ENCUMBRANCES_RELEASE, names.ENCUMBRANCES_SETTLE


def word(t: Trade, asset: str, claim: str, by: str = "seller", **changes: Any) -> Json:
    """The seller's word in place of a consent, as a reservation carries it."""
    fields: Json = {
        "asset": t.fp(asset),
        "claim": t.claim_id(claim),
        "recipient": BANK_A,
        "share": HALF,
        "issued": t.now,
        "expires": t.now + DAY,
    }
    statement = reservation_statement(**(fields | changes))
    return {"consent": None, "signature": t.statement("seller", statement, key=by)}


def reservations(t: Trade) -> Sequence[Step]:
    """Every reason for which a reservation is refused."""
    many = [f"m{number}" for number in range(names.MAX_CLAIMS_PER_ASSET)]

    def refused(reason: str, asset: str = "I1", /, *, claim: str = "a", **changes: Any) -> Write:
        return t.reserve(BANK_A, asset, claim, HALF, reason, **changes)

    return [
        *t.opening(
            t.document("I1", keys=[t.key("I1"), t.key("I1", epoch=2), t.alias("fapiao")]),
            t.document("I2"),
            t.document("I3"),
            t.document("I4"),
            t.document("GR1", kind="goods_receipt"),
        ),
        [
            t.grant("assess", scope="assess"),
            t.grant("short", expires=t.now + SOON_S),
            t.grant("gone"),
        ],
        [t.revoke("gone")],
        [
            refused(reasons.UNKNOWN_DOCUMENT, "nothing"),
            refused(reasons.NO_ASSET, "GR1"),
            refused(reasons.INVALID_ITEM, share=0),
            refused(reasons.NOT_HOLDER, handle=t.handle(BANK_B, "a")),
            refused(reasons.NOT_HOLDER, claim="closed", opens=()),
            refused(reasons.RESERVATION_LAPSED, expires=t.now - 1),
            refused(reasons.RESERVATION_TOO_LONG, expires=t.now + 30 * DAY),
            refused(reasons.INVALID_ITEM, consent=None),
            refused(reasons.UNKNOWN_CONSENT, consent=t.consent_id("none")),
            refused(reasons.CONSENT_FOREIGN, consent=t.consent_id(BANK_B)),
            refused(reasons.CONSENT_REVOKED, consent=t.consent_id("gone")),
            refused(reasons.CONSENT_EXPIRED, "I4", consent=t.consent_id("short"), later_s=LATER_S),
            refused(reasons.STATEMENT_INVALID, **word(t, "I1", "a", share=1)),
            refused(reasons.SIGNATURE_INVALID, **word(t, "I1", "a", by="thief")),
            t.reserve(
                BANK_A, "I1", "a", HALF, {"claim": t.claim_id("a"), "asset": t.fp("I1"), "free": FACE - HALF}
            ),
            t.reserve(BANK_A, "I1", "b", FACE, {"reason": reasons.OVER_FACE_VALUE, "free": FACE - HALF}),
            t.reserve(BANK_A, "I1", "a", HALF - 1, reasons.CLAIM_EXISTS),
            t.reserve(BANK_A, "I1", "a", HALF, expires=t.now + 6 * DAY),
            t.reserve(BANK_A, "I1", "a", HALF, reasons.RENEWED_ALREADY, expires=t.now + 7 * DAY),
            t.reserve(BANK_A, "I2", "w", HALF, **word(t, "I2", "w")),
            t.reserve(BANK_A, "I2", "x", HALF, consent=t.consent_id("assess")),
            *(t.reserve(BANK_A, "I3", claim, 1) for claim in many),
            t.reserve(BANK_A, "I3", "one more", 1, reasons.TOO_MANY_CLAIMS),
        ],
        [
            # Whoever comes second, under whichever key.
            t.reserve(BANK_B, "I1", "b", HALF + 1, reasons.OVER_FACE_VALUE, asset=t.fp("I1", 2)),
            t.reserve(BANK_B, "I1", "b", HALF, {"free": 0}, asset=t.alias("fapiao")["fp"]),
            t.reserve(BANK_B, "I1", "c", 1, {"reason": reasons.OVER_FACE_VALUE, "free": 0}),
        ],
        [
            t.row("I1", state="encumbered", claimed=FACE, free=0),
            t.row("I3", claimed=len(many), claims=lambda claims: len(claims) == len(many)),
            Read(
                names.ENCUMBRANCES_GET,
                {"assets": [t.fp("GR1"), t.fp("nothing"), t.fp("I2")]},
                {"rows": [None, None, {"claimed": 2 * HALF}]},
            ),
        ],
    ]


def claims(t: Trade) -> Sequence[Step]:
    """From reservation to settlement, and what is refused on the way."""

    def alien(function: str, **more: Any) -> list[Write]:
        """Another organisation with the right opening, the right one without it, a claim that is not there."""
        return [
            t.on_claim(BANK_B, function, "I1", "a", reasons.NOT_HOLDER, **more),
            t.on_claim(BANK_B, function, "I1", "none", reasons.UNKNOWN_CLAIM, **more),
        ]

    return [
        *t.opening(t.document("I1"), t.document("I2"), t.document("I3")),
        [
            t.reserve(BANK_A, "I1", "a", HALF),
            t.reserve(BANK_A, "I2", "b", HALF, expires=t.now + SOON_S),
            t.reserve(BANK_A, "I3", "c", HALF),
            t.grant("assess", scope="assess"),
        ],
        [
            *alien(names.ENCUMBRANCES_FINANCE, consent=t.consent_id(BANK_B)),
            *alien(RELEASE, reason="error"),
            *alien(SETTLE, share=1),
            t.finance(BANK_A, "I2", "b", reasons.RESERVATION_LAPSED, later_s=LATER_S),
            t.reserve(
                BANK_A,
                "I2",
                "b",
                HALF,
                reasons.RESERVATION_LAPSED,
                later_s=LATER_S,
                expires=t.now + DAY,
            ),
            t.on_claim(BANK_A, SETTLE, "I3", "c", reasons.NOT_FINANCED, share=1),
            t.on_claim(BANK_A, RELEASE, "I3", "c", reasons.INVALID_ITEM, reason="bored"),
        ],
        [
            t.finance(BANK_A, "I1", "a", reasons.CONSENT_SCOPE, consent=t.consent_id("assess")),
            t.finance(BANK_A, "I1", "a", {"claim": t.claim_id("a"), "free": FACE - HALF}),
            t.finance(BANK_A, "I1", "a", reasons.NOT_RESERVED),
            t.on_claim(BANK_A, RELEASE, "I3", "c", {"free": FACE}, reason="repurchased"),
            t.on_claim(BANK_A, RELEASE, "I3", "c", reasons.UNKNOWN_CLAIM, reason="repaid"),
        ],
        [
            t.on_claim(BANK_A, SETTLE, "I1", "a", {"free": FACE - HALF}, share=HALF // 2),
            t.on_claim(BANK_A, SETTLE, "I1", "a", reasons.SHARE_TOO_LARGE, share=HALF),
            t.reserve(BANK_B, "I3", "d", HALF, {"repurchased": True}),
            t.row(
                "I1", claimed=HALF, settled=0, claims=[{"state": "financed", "handle": t.handle(BANK_A, "a")}]
            ),
        ],
        [
            t.row("I1", claimed=HALF - HALF // 2, settled=HALF // 2, state="encumbered"),
            t.row(
                "I3",
                repurchased=True,
                claims=lambda found: sorted(each["state"] for each in found) == ["released", "reserved"],
            ),
        ],
    ]
