"""``assets:alias``: two documents that are evidence of one receivable become one asset."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consortium.contract import names, reasons
from consortium.contract.statements import alias_statement
from tests.conformance.contract.script import (
    BANK_A,
    BANK_B,
    FACE,
    HALF,
    INDUSTRY,
    THIRD,
    Read,
    Step,
    Trade,
    Write,
)


def joined(
    t: Trade, asset: str, other: str, expect: Any = "joined", *, msp: str = INDUSTRY, **more: Any
) -> Write:
    """Joins an asset into another one."""
    changed = more.pop("changed", ())
    item = {"asset": t.fp(asset), "alias": t.fp(other), "evidence": None, **more}
    return Write(msp, names.ASSETS_ALIAS, item, expect, changed=changed)


def aliases(t: Trade) -> Sequence[Step]:
    """Claims, links and use move; every key leads to the joined asset; what is over is a shortfall."""
    statement = alias_statement(asset=t.fp("S1"), alias=t.fp("S2"))
    signature = t.signed("seller", statement)
    again = [t.key("A2"), t.key("A2", epoch=2)]
    holders = sorted([t.handle(BANK_A, "a"), t.handle(BANK_B, "b")])
    return [
        *t.opening(
            t.order("PO1"),
            t.document("A1", links=[t.link("PO1", THIRD)]),
            t.document("A2", keys=again, links=[t.link("PO1", HALF)]),
            t.document("X1"),
            t.document("X2"),
            t.document("S1"),
            t.document("S2"),
            t.document("other", seller="another"),
        ),
        [
            t.reserve(BANK_A, "X1", "same", 1),
            t.reserve(BANK_A, "X2", "same", 1),
            t.reserve(BANK_A, "A1", "a", HALF),
            joined(t, "S1", "S2", reasons.NOT_ENTITLED, msp=BANK_A),
            joined(t, "S2", "S1", reasons.SIGNATURE_INVALID, msp=BANK_A, signature=signature),
            joined(t, "S1", "S2", msp=BANK_A, signature=signature),
        ],
        [t.reserve(BANK_B, "A2", "b", HALF + 1)],
        [
            joined(
                t,
                "A1",
                "A2",
                {"status": "joined", "asset": t.fp("A1")},
                changed=[{"asset": t.fp("A1"), "shortfall": 1, "handles": holders}],
            ),
            joined(t, "A2", "A1", {"status": "already", "asset": t.fp("A1")}),
            joined(t, "X1", "X2", reasons.CLAIM_EXISTS),
            joined(t, "A1", "other", reasons.SELLER_DIFFERS),
            joined(t, "A1", "nothing", reasons.UNKNOWN_DOCUMENT),
        ],
        [
            t.reserve(
                BANK_B,
                "A2",
                "c",
                1,
                {"reason": reasons.OVER_FACE_VALUE, "asset": t.fp("A1")},
                asset=t.fp("A2", 2),
            ),
            t.row("A2", asset=t.fp("A1"), claimed=FACE + 1, shortfall=1, state="impaired"),
            t.row("PO1", via={t.fp("A1"): HALF}),
            Read(
                names.ASSETS_GET,
                {"assets": [t.fp("A2", 2)]},
                {
                    "assets": [
                        {
                            "asset": t.fp("A1"),
                            "documents": [t.fp("A1"), t.fp("A2")],
                            "keys": [t.fp("A1"), t.fp("A2"), t.fp("A2", 2)],
                        }
                    ]
                },
            ),
        ],
    ]
