"""``encumbrances:fact`` and ``settle`` with evidence: counted once, never refused for claims, holders are told."""

from __future__ import annotations

from collections.abc import Sequence

from consortium.contract import names, reasons
from tests.conformance.contract.script import BANK_A, BANK_B, FACE, HALF, INDUSTRY, Json, Step, Trade, Write


def facts(t: Trade) -> Sequence[Step]:
    """Credits, payments and voids."""
    settle = names.ENCUMBRANCES_SETTLE
    most = names.MAX_ASSETS_PER_EVIDENCE
    many = [t.document(f"D{number}") for number in range(most + 1)]
    handles = [t.handle(BANK_A, "a")]
    return [
        *t.opening(*(t.document(name) for name in ("I1", "I2", "I3", "I4")), *many),
        [
            t.reserve(BANK_A, "I1", "a", FACE),
            t.reserve(BANK_A, "I2", "b", HALF),
            t.reserve(BANK_A, "I3", "c", HALF),
            t.reserve(BANK_A, "I4", "d", HALF),
            *(_credit(t, f"D{number}") for number in range(most)),
        ],
        [
            t.finance(BANK_A, "I2", "b"),
            t.fact("I1", "credit", 1, "e", reasons.NOT_ENTITLED, msp=BANK_A),
            t.fact("I1", "credit", 1, "e", reasons.UNKNOWN_CLAIM, msp=BANK_A, claim=t.claim_id("b")),
            t.fact(
                "I1",
                "credit",
                1,
                "e",
                "done",
                msp=BANK_A,
                claim=t.claim_id("a"),
                opens=("a",),
                changed=[{"asset": t.fp("I1"), "state": "impaired", "shortfall": 1, "handles": handles}],
            ),
            t.fact("nothing", "credit", 1, "f", reasons.UNKNOWN_DOCUMENT),
            t.fact("I3", "void", 5, "v", reasons.INVALID_ITEM),
            t.fact("I3", "void", FACE, "v", {"status": "done", "free": 0, "shortfall": HALF}),
            t.fact("I4", "credit", HALF + 1, "n", {"shortfall": 1}),
            t.fact("I4", "credit", HALF + 1, "n", "already"),
            t.fact("I4", "payment", HALF + 1, "n", "already"),
            _credit(t, f"D{most}", reasons.TOO_MANY_ASSETS),
        ],
        [
            t.finance(BANK_A, "I1", "a", {"reason": reasons.ASSET_IMPAIRED, "asset": t.fp("I1"), "free": 0}),
            t.finance(BANK_A, "I3", "c", reasons.ASSET_VOID),
            t.fact("I2", "payment", HALF, "line"),
        ],
        [
            # Told by fact and by the holder, counted once.
            t.on_claim(BANK_A, settle, "I2", "b", {"free": HALF}, share=HALF, evidence=t.digest("line")),
        ],
        [
            t.row("I1", state="impaired", diluted=1, shortfall=1),
            t.row("I2", state="free", settled=HALF, claimed=0, shortfall=0),
            t.row("I3", state="impaired", void=True),
            t.row("I4", state="impaired", diluted=HALF + 1),
            t.row(f"D{most}", diluted=0),
            t.row("D0", diluted=1),
        ],
    ]


def _credit(t: Trade, asset: str, expect: str = "done") -> Write:
    """One note that is counted for many assets."""
    return t.fact(asset, "credit", 1, "all", expect)


def _told(t: Trade, asset: str, shortfall: int, *holders: tuple[str, str]) -> Json:
    """What a call says of an impaired asset."""
    handles = sorted(t.handle(bank, claim) for bank, claim in holders)
    return {"asset": t.fp(asset), "state": "impaired", "shortfall": shortfall, "handles": handles}


def told(t: Trade) -> Sequence[Step]:
    """Who holds a claim on what suffers learns it, at whichever bank, also below an order."""
    return [
        *t.opening(
            t.order("PO1"),
            t.document("I1", links=[t.link("PO1", HALF)]),
            t.document("I2", links=[t.link("PO1", HALF)]),
        ),
        [t.reserve(BANK_A, "I1", "a")],
        [t.reserve(BANK_B, "I2", "b", HALF)],
        [
            Write(
                INDUSTRY,
                names.ENCUMBRANCES_FACT,
                {
                    "asset": t.fp("PO1"),
                    "type": "void",
                    "share": FACE,
                    "evidence": t.digest("tax"),
                },
                {"shortfall": HALF + HALF // 2},
                changed=[_told(t, "PO1", HALF + HALF // 2, (BANK_A, "a"), (BANK_B, "b"))],
            )
        ],
        [
            t.finance(BANK_B, "I2", "b", reasons.ASSET_IMPAIRED),
            t.row("PO1", state="impaired", void=True, via={t.fp("I1"): HALF, t.fp("I2"): HALF // 2}),
        ],
    ]
