"""``assets:link`` and ``get``: what is used of one document of a trade is used of those above it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from consortium.contract import names, reasons
from tests.conformance.contract.script import (
    ABSENT,
    BANK_A,
    BANK_B,
    FACE,
    HALF,
    INDUSTRY,
    THIRD,
    Json,
    Read,
    Step,
    Trade,
    Write,
)


def linked(
    t: Trade, child: str, *links: Json, expect: Any = "linked", msp: str = INDUSTRY, **more: Any
) -> Write:
    """Links of a document, said later."""
    return Write(msp, names.ASSETS_LINK, {"child": t.fp(child), "links": list(links)}, expect, **more)


def links(t: Trade) -> Sequence[Step]:
    """Weights known and unknown, pending parents, limits, circles."""
    depth = names.MAX_LINK_DEPTH
    ladder = [t.order(f"L{n}", links=[t.link(f"L{n + 1}")]) for n in range(depth + 1)]
    broad = [t.link(f"P{n}", of_child=0) for n in range(names.MAX_LINKS_PER_DOCUMENT)]
    told = {"asset": t.fp("PO3"), "state": "impaired", "shortfall": HALF}
    return [
        *t.opening(
            t.order("PO1"),
            t.document("I1", links=[t.link("PO1", HALF)]),
            t.document("I2", links=[t.link("PO1", HALF)]),
            t.order("PO2"),
            t.document("U1", links=[t.link("PO2", None)]),
            t.order("PO3"),
            t.document("J1"),
            t.document("K1", links=[t.link("PO4", THIRD)]),
            *ladder,
            t.order(f"L{depth + 1}"),
            t.order("R1", links=[t.link("R2", 5)]),
            t.order("R2", links=[t.link("R1", 5)]),
            t.document("B1", links=broad),
            t.document("I9"),
            t.document("BILL", kind="bill", links=[t.link("I9", kind="invoice")]),
            t.document("GR1", kind="goods_receipt"),
        ),
        [
            t.reserve(BANK_A, "I1", "a"),
            t.reserve(BANK_A, "PO2", "p", 1),
            t.reserve(BANK_A, "PO3", "c"),
            t.reserve(BANK_A, "K1", "k"),
            t.reserve(BANK_A, "BILL", "bill"),
            t.reserve(BANK_A, "L0", "l", FACE, reasons.LINK_LIMIT),
            t.reserve(BANK_A, "R1", "r", FACE, reasons.LINK_CYCLE),
            linked(t, "B1", t.link("one more", of_child=0), expect=reasons.LINK_LIMIT),
            linked(t, "GR1", t.link("PO8"), expect=reasons.NO_ASSET),
            linked(t, "nothing", t.link("PO8"), expect=reasons.UNKNOWN_DOCUMENT),
        ],
        [
            # The order is used as far as its invoice is, at whichever bank.
            t.reserve(BANK_B, "I2", "b"),
            t.reserve(BANK_B, "J1", "j", HALF),
            # An invoice that was paid by a bill is used as far as the bill is discounted.
            t.reserve(BANK_B, "I9", "i9", 1, {"reason": reasons.OVER_FACE_VALUE, "free": 0}),
            t.reserve(BANK_B, "U1", "u", 1, reasons.LINK_WEIGHT_UNKNOWN),
            # An order that comes after its invoice was claimed takes over what was used.
            t.register(t.order("PO4"), {"status": "registered", "relink": ABSENT}),
        ],
        [
            t.reserve(BANK_A, "PO1", "d", 1, {"reason": reasons.OVER_FACE_VALUE, "free": 0}),
            linked(t, "I2", t.link("PO1", THIRD), expect=reasons.LINK_LOWERED),
            linked(t, "I2", t.link("PO9", 1, of_child=1), expect=reasons.LINKS_OVER_CHILD),
            linked(t, "J1", t.link("PO3"), msp=BANK_A, expect=reasons.NOT_ENTITLED),
            t.row("PO4", via={t.fp("K1"): THIRD}, free=FACE - THIRD),
        ],
        [linked(t, "J1", t.link("PO3"), changed=[told])],
        [
            t.reserve(BANK_B, "I2", "e", 1, reasons.OVER_FACE_VALUE),
            t.reserve(BANK_B, "K1", "f", 1, {"reason": reasons.OVER_FACE_VALUE, "asset": t.fp("K1")}),
            _order(t),
            t.row("PO3", state="impaired", shortfall=HALF, via={t.fp("J1"): HALF}),
        ],
        *_both_ways(t),
    ]


def _order(t: Trade) -> Read:
    """An order with its invoices: ranges over its index."""
    children = sorted([t.fp("I1"), t.fp("I2")])
    return Read(
        names.ASSETS_GET,
        {"assets": [t.fp("PO1"), t.fp("I1"), t.fp("nothing")]},
        {
            "assets": [
                {
                    "asset": t.fp("PO1"),
                    "documents": [t.fp("PO1")],
                    "via": {t.fp("I1"): HALF, t.fp("I2"): HALF},
                    "children": [{"fp": fp, "of_parent": HALF, "counts": True} for fp in children],
                },
                {"parents": [{"fp": t.fp("PO1"), "figures": {"via_total": 2 * HALF}}]},
                None,
            ]
        },
    )


def _both_ways(t: Trade) -> list[list[Write | Read]]:
    """An order, then its invoice."""
    return [
        [t.register(t.order("PO5")), t.register(t.document("I5", links=[t.link("PO5", HALF)]))],
        [t.reserve(BANK_A, "PO5", "g")],
        [
            t.reserve(
                BANK_B,
                "I5",
                "h",
                2,
                {"reason": reasons.OVER_FACE_VALUE_LINKED, "asset": t.fp("I5"), "free": FACE},
            ),
        ],
        [t.row("PO5", via={}), t.row("I5", claims=[])],
    ]
