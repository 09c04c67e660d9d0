"""``parties:*``: who vouches, keys one after the other, suspension."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from consortium.contract import names, reasons
from consortium.contract.statements import key_rotation_statement
from tests.conformance.contract.script import BANK_B, DAY, INDUSTRY, Json, Read, Step, Trade, Write

COMPRESSED = "3039301306072a8648ce3d020106082a8648ce3d030107032200"
"""Header of a P-256 key with a compressed point, which the contract does not take."""


def rotation(t: Trade, number: int, new: str, *, by: str | None = None, **changes: Any) -> Json:
    """The seller's next key, signed with a key of this name or by nobody."""
    issued = changes.get("issued", t.now)
    party = changes.get("party", t.digest("seller"))
    statement = key_rotation_statement(party=party, number=number, spki=t.spki(new), issued=issued)
    return {
        "party": party,
        "number": number,
        "spki": t.spki(new),
        "issued": issued,
        "signature": None if by is None else t.sign(by, statement),
    }


def parties(t: Trade) -> Sequence[Step]:
    """The life of a party's keys."""
    register, rotate = names.PARTIES_REGISTER, names.PARTIES_ROTATE_KEY
    buyer = t.digest("buyer")
    keyless = {"party": buyer, "key": None}
    bad = {"number": 1, "alg": "ES256", "spki": b64encode(bytes.fromhex(COMPRESSED) + b"\x02" * 33).decode()}
    return [
        [
            Write(INDUSTRY, register, t.party("seller"), "registered"),
            Write(INDUSTRY, register, t.party("seller"), {"status": "already", "party": t.digest("seller")}),
            Write(INDUSTRY, register, t.party("seller", "thief"), reasons.PARTY_EXISTS),
            Write(INDUSTRY, register, keyless, "registered"),
            Write(INDUSTRY, register, {"party": t.digest("other"), "key": bad}, reasons.KEY_INVALID),
            Write(INDUSTRY, register, {"party": "somebody", "key": None}, reasons.INVALID_ITEM),
        ],
        [
            Write(BANK_B, register, t.party("seller"), reasons.PARTY_EXISTS),
            Write(BANK_B, rotate, rotation(t, 2, "new"), reasons.NOT_ENTITLED),
            Write(INDUSTRY, rotate, rotation(t, 1, "buyer", by="buyer", party=buyer), reasons.UNKNOWN_KEY),
            Write(INDUSTRY, rotate, rotation(t, 1, "buyer", party=buyer), "rotated"),
        ],
        _rotations(t),
        _old_and_new(t),
        *_suspended(t),
    ]


def _rotations(t: Trade) -> Step:
    """One key after the other."""
    rotate = names.PARTIES_ROTATE_KEY
    return [
        Write(BANK_B, rotate, rotation(t, 2, "new", by="seller"), "rotated"),
        Write(BANK_B, rotate, rotation(t, 2, "new", by="seller"), "already"),
        Write(BANK_B, rotate, rotation(t, 2, "newer", by="new"), reasons.KEY_NUMBER),
        Write(BANK_B, rotate, rotation(t, 4, "newer", by="new"), reasons.KEY_NUMBER),
        Write(BANK_B, rotate, rotation(t, 3, "newer", by="seller"), reasons.SIGNATURE_INVALID),
        Write(BANK_B, rotate, rotation(t, 3, "seller", by="new"), reasons.KEY_INVALID),
        Write(
            BANK_B,
            rotate,
            rotation(t, 3, "newer", by="new", issued=t.now + DAY),
            reasons.STATEMENT_INVALID,
        ),
        Write(BANK_B, rotate, rotation(t, 1, "x", party=t.digest("nobody")), reasons.UNKNOWN_PARTY),
    ]


def _old_and_new(t: Trade) -> Step:
    """Acts need the present key; a signature on a document may arrive after its key was replaced."""
    origin = {**t.signed("seller", b"I1"), "digest": sha256(b"I1").hexdigest()}
    suspended = {"party": t.digest("seller"), "reason": "破产"}
    return [
        t.grant("old-key", expect=reasons.KEY_REPLACED),
        Write(
            INDUSTRY,
            names.CONSENTS_GRANT,
            t.statement("seller", t.consent_bytes("new-key"), number=2, key="new"),
            "granted",
        ),
        t.register(t.document("I1", origin=origin)),
        Write(BANK_B, names.PARTIES_SUSPEND, suspended, reasons.NOT_ENTITLED),
        Read(
            names.PARTIES_GET,
            {"parties": [t.digest("seller"), t.digest("buyer"), t.digest("other")]},
            {
                "parties": [
                    {
                        "vouched_by": INDUSTRY,
                        "state": "active",
                        "keys": [
                            {"number": 1, "by": "vouched", "spki": t.spki("seller")},
                            {"number": 2, "by": "signed", "spki": t.spki("new"), "until": None},
                        ],
                    },
                    {"keys": [{"number": 1, "by": "vouched"}]},
                    None,
                ]
            },
        ),
    ]


def _suspended(t: Trade) -> list[Step]:
    """A suspended party signs nothing new but revocations."""
    rotate, suspend = names.PARTIES_ROTATE_KEY, names.PARTIES_SUSPEND
    suspended = {"party": t.digest("seller"), "reason": "破产"}
    return [
        [
            Write(INDUSTRY, suspend, suspended, "suspended"),
            Write(INDUSTRY, suspend, suspended, "already"),
            Write(INDUSTRY, suspend, {"party": t.digest("nobody"), "reason": "x"}, reasons.UNKNOWN_PARTY),
        ],
        [
            Write(
                INDUSTRY,
                names.CONSENTS_GRANT,
                t.statement("seller", t.consent_bytes("after"), number=2, key="new"),
                reasons.PARTY_SUSPENDED,
            ),
            Write(INDUSTRY, rotate, rotation(t, 3, "newer", by="new"), reasons.PARTY_SUSPENDED),
            t.revoke("new-key", number=2, key="new"),
            Read(
                names.PARTIES_GET,
                {"parties": [t.digest("seller")]},
                {"parties": [{"state": "suspended", "reason": "破产"}]},
            ),
        ],
    ]
