"""``documents:register``, ``get``, ``history`` and ``attest``."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256

from consortium.contract import names, reasons
from tests.conformance.contract.script import (
    ABSENT,
    BANK_B,
    FACE,
    HALF,
    INDUSTRY,
    Read,
    Step,
    Trade,
    Write,
)


def documents(t: Trade) -> Sequence[Step]:
    """Registered, known already, in conflict, grouped, refused; read back under every key."""
    origin = {**t.signed("seller", b"S1"), "digest": sha256(b"S1").hexdigest()}
    i1 = t.document("I1", keys=[t.key("I1"), t.key("I1", epoch=2)], links=[t.link("PO1", HALF)])
    commercial = t.document("commercial", keys=[t.key("commercial"), t.alias("fapiao")])
    split = [t.link("PO1", of_child=HALF), t.link("PO2", of_child=HALF + 1)]
    several = t.document("C", keys=[t.key("C"), t.alias("F1"), t.alias("F2"), t.alias("F3")])
    thief = t.document("T", seller="thief", keys=[t.key("T"), t.alias("I1")])
    conflict = {"status": "conflict", "reason": reasons.CONTENT_CONFLICT, "fp": t.fp("I1")}
    return [
        *t.opening(
            i1,
            commercial,
            t.document("S1", origin=origin),
            t.document("GR1", kind="goods_receipt"),
            *(t.document(name) for name in ("F1", "F2", "F3")),
        ),
        [
            t.register(i1, {"status": "already", "fp": t.fp("I1"), "asset": ABSENT}),
            t.register(t.document("I1", content="x"), conflict),
            t.register(t.document("I1", keys=[t.key("I1", epoch=2)]), "already"),
            t.register(
                t.document("fapiao"), {"status": "registered", "asset": t.fp("commercial"), "grouped": True}
            ),
            t.register(several, {"asset": t.fp("F1"), "join": [t.fp("F2"), t.fp("F3")]}),
            t.register(thief, {"status": "conflict"}),
            t.register(t.document("new")),
            t.register(t.document("new"), "already"),
            t.register(t.document("new", content="x"), "conflict"),
            t.register(t.document("GR2", kind="goods_receipt"), {"status": "registered", "asset": None}),
            t.register(t.order("PO1"), "registered"),
            t.register(t.document("W1", links=split), reasons.LINKS_OVER_CHILD),
            t.register(t.document("W2", origin={**origin, "digest": "00" * 32}), reasons.SIGNATURE_INVALID),
            t.register(t.document("W3", origin={**origin, "party": t.digest("buyer")}), reasons.NOT_ENTITLED),
            t.register(t.document("W4", origin={**origin, "key": 2}), reasons.UNKNOWN_KEY),
            t.register(
                t.document("W5", seller="nobody", origin={**origin, "party": t.digest("nobody")}),
                reasons.UNKNOWN_PARTY,
            ),
            t.register({**t.document("W6"), "commitment": "x"}, reasons.INVALID_ITEM),
            t.register("no object", reasons.INVALID_ITEM),
        ],
        [
            Write(
                BANK_B,
                names.DOCUMENTS_VOID,
                {"fp": t.fp("I1"), "reason": "作废", "evidence": t.digest("tax")},
                "voided",
            ),
            t.record("fapiao", fp=t.fp("fapiao"), asset=t.fp("commercial"), state="asserted", owner=INDUSTRY),
            t.record("S1", state="signed", grade="signed", origin={**origin, "type": "origin"}),
            Read(
                names.DOCUMENTS_GET,
                {"fps": [t.fp("I1", 2), t.fp("W1"), t.fp("T")]},
                {"documents": [{"fp": t.fp("I1"), "links": [t.link("PO1", HALF)]}, None, None]},
            ),
            Read(
                names.DOCUMENTS_HISTORY,
                {"fp": t.fp("I1", 2)},
                {"fp": t.fp("I1"), "entries": [{"state": "asserted", "owner": INDUSTRY}]},
            ),
        ],
        [_history(t), Read(names.DOCUMENTS_HISTORY, {"fp": t.fp("W1")}, {"entries": []}), _attested(t)],
    ]


def _history(t: Trade) -> Read:
    return Read(
        names.DOCUMENTS_HISTORY,
        {"fp": t.fp("I1")},
        {"entries": [{"state": "void"}, {"state": "asserted", "commitment": t.document("I1")["commitment"]}]},
    )


def _attested(t: Trade) -> Read:
    fps = [t.fp("I1", 2), t.fp("GR1"), t.fp("W1"), t.fp("fapiao")]
    claims = {"state": "void", "free": 0, "diluted": FACE, "live": []}
    return Read(
        names.ATTEST,
        {"challenge": t.digest("challenge"), "fps": fps},
        {
            "challenge": t.digest("challenge"),
            "answers": [
                {
                    "fp": fps[0],
                    "primary": t.fp("I1"),
                    "tag": t.key("I1", epoch=2)["tag"],
                    "state": "void",
                    "claims": claims,
                },
                {"found": True, "kind": "goods_receipt", "asset": None, "claims": None},
                {"fp": fps[2], "found": False, "kind": ABSENT},
                {"asset": t.fp("commercial"), "claims": {"state": "free", "free": FACE}},
            ],
        },
    )
