"""``consents:*``: the subject's signature only, revoked for good, listed in pages."""

from __future__ import annotations

from collections.abc import Sequence

from consortium.contract import names, reasons
from consortium.contract.statements import revocation_statement, statement_digest
from tests.conformance.contract.script import (
    BANK_A,
    DAY,
    INDUSTRY,
    LATER_S,
    SOON_S,
    Read,
    Step,
    Trade,
    Write,
)


def first(t: Trade) -> bytes:
    """A consent that ends soon."""
    return t.consent_bytes("0", expires=t.now + SOON_S)


def consents(t: Trade) -> Sequence[Step]:
    """Granted, refused for every reason, revoked, listed."""
    grant, revoke = names.CONSENTS_GRANT, names.CONSENTS_REVOKE
    seller, ids = t.digest("seller"), [t.consent_id(str(number)) for number in range(5)]
    data = first(t)
    spoilt = data.replace(b'"v":1', b'"v":1,"w":1')
    stolen = revocation_statement(consent_id=ids[1], subject=seller, issued=t.now)
    return [
        [
            Write(INDUSTRY, names.PARTIES_REGISTER, t.party("seller"), "registered"),
            Write(INDUSTRY, names.PARTIES_REGISTER, t.party("buyer"), "registered"),
        ],
        [
            Write(
                INDUSTRY,
                grant,
                t.statement("seller", data),
                {"status": "granted", "id": ids[0], "subject": seller, "recipient": BANK_A},
            ),
            Write(INDUSTRY, grant, t.statement("seller", data), "already"),
            t.grant("0", expect=reasons.CONSENT_EXISTS, purpose="marketing"),
            Write(
                INDUSTRY,
                grant,
                t.statement("seller", t.consent_bytes("x"), key="buyer"),
                reasons.SIGNATURE_INVALID,
            ),
            Write(
                INDUSTRY, grant, t.statement("seller", t.consent_bytes("x"), number=2), reasons.UNKNOWN_KEY
            ),
            t.grant("x", expect=reasons.UNKNOWN_PARTY, by="nobody"),
            Write(INDUSTRY, grant, t.statement("seller", spoilt), reasons.STATEMENT_INVALID),
            Write(INDUSTRY, grant, {"statement": "!"}, reasons.INVALID_ITEM),
            t.grant("x", expect=reasons.STATEMENT_INVALID, issued=t.now + DAY),
            t.grant("x", expect=reasons.STATEMENT_INVALID, expires=t.now),
            t.grant("x", expect=reasons.CONSENT_EXPIRED, issued=t.now - DAY, expires=t.now - 1),
            *(t.grant(str(number)) for number in range(1, 5)),
            t.grant("9", by="buyer"),
        ],
        [
            t.revoke("1", reasons.CONSENT_FOREIGN, by="buyer"),
            Write(INDUSTRY, revoke, t.statement("seller", stolen, key="buyer"), reasons.SIGNATURE_INVALID),
            t.revoke("never", reasons.UNKNOWN_CONSENT),
            t.revoke("3", {"status": "revoked", "id": ids[3], "recipient": BANK_A}),
            t.revoke("3", "already"),
        ],
        _listed(t),
    ]


def _listed(t: Trade) -> Step:
    """What the ledger says of them, now and later, one by one and in pages."""
    seller, ids = t.digest("seller"), [t.consent_id(str(number)) for number in range(5)]
    return [
        # Granting again says that it is there; it stays revoked.
        t.grant("3", expect="already"),
        Read(
            names.CONSENTS_GET,
            {"ids": [ids[0], ids[3], t.consent_id("x")]},
            {
                "consents": [
                    {
                        "id": ids[0],
                        "state": "granted",
                        "live": True,
                        "digest": statement_digest(first(t)),
                        "revoked": None,
                    },
                    {"state": "revoked", "live": False},
                    None,
                ]
            },
        ),
        Read(
            names.CONSENTS_GET,
            {"ids": [ids[0]]},
            {"consents": [{"state": "granted", "live": False}]},
            later_s=LATER_S,
        ),
        Read(
            names.CONSENTS_LIST,
            {"subject": seller, "after": None, "limit": 1000},
            {"consents": [{"id": each} for each in ids], "more": False},
        ),
        Read(
            names.CONSENTS_LIST,
            {"subject": seller, "limit": 2},
            {"consents": [{"id": each} for each in ids[:2]], "more": True},
        ),
        Read(
            names.CONSENTS_LIST,
            {"subject": seller, "after": ids[1], "limit": 3},
            {"consents": [{"id": each} for each in ids[2:]], "more": False},
        ),
        Read(names.CONSENTS_LIST, {"subject": t.digest("nobody")}, {"consents": [], "more": False}),
    ]
