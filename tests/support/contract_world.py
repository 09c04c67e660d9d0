"""A small consortium around the contract in memory: parties with keys, organisations, a clock that is turned by hand.

Every call returns the contract's results as a caller reads them. Nothing here waits: the memory ledger answers at once,
so that coroutines are run to their end in plain functions.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chaincode.contracts import ChanrongContract
from chaincode.state import Response
from consortium.contract import claim_handle, decode, encode, names, opening_key, read_results
from consortium.contract.statements import consent_statement, revocation_statement
from tests.support.memory_stub import MemoryLedger, MemoryStub

FACE = names.FACE_VALUE_PPB
MONDAY = 1_767_571_200
"""2026-01-05 00:00:00 UTC."""
DAY = 86_400
INDUSTRY_A, INDUSTRY_B, BANK_A, BANK_B = "IndustryAMSP", "IndustryBMSP", "BankAMSP", "BankBMSP"
T = TypeVar("T")
Json = dict[str, Any]


def digest(text: str) -> str:
    """A hash that stands for the thing of this name."""
    return sha256(text.encode()).hexdigest()


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Result of a coroutine that never waits."""
    try:
        coroutine.send(None)
    except StopIteration as done:
        return done.value  # type: ignore[no-any-return]
    raise AssertionError("it waits for something")


def spki_of(key: ec.EllipticCurvePrivateKey) -> str:
    """Public key as the ledger takes it."""
    return b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


_KEYS: dict[str, ec.EllipticCurvePrivateKey] = {}


def key_of(name: str) -> ec.EllipticCurvePrivateKey:
    """A private key by name, made once per test process."""
    if name not in _KEYS:
        _KEYS[name] = ec.generate_private_key(ec.SECP256R1())
    return _KEYS[name]


def sign(name: str, statement: bytes) -> str:
    """Signature over a statement with the key of this name."""
    return b64encode(key_of(name).sign(statement, ec.ECDSA(SHA256()))).decode()


def signed_by(party: str, statement: bytes, *, number: int = 1, key: str | None = None) -> Json:
    """A party's signature as requests carry it."""
    return {"party": digest(party), "key": number, "signature": sign(key or party, statement)}


def document(
    name: str,
    *,
    kind: str = "invoice",
    seller: str | None = "seller",
    buyer: str | None = "buyer",
    keys: Sequence[Json] | None = None,
    links: Sequence[Json] = (),
    content: str = "",
    **changes: Any,
) -> Json:
    """An item to register; ``content`` makes another document of the same name."""
    issuer = buyer if kind in ("purchase_order", "goods_receipt", "debtor_confirmation") else seller
    item = {
        "kind": kind,
        "keys": list(keys or [key(name, content=content)]),
        "commitment": digest(f"commitment {name} {content}"),
        "seller": seller and digest(seller),
        "buyer": buyer and digest(buyer),
        "issuer": digest(issuer or "keeper"),
        "origin": None,
        "asset": kind in names.ASSET_KINDS,
        "links": list(links),
    }
    return {**item, **changes}


def key(name: str, *, epoch: int = 1, content: str = "") -> Json:
    """A document's own key."""
    return {
        "epoch": epoch,
        "fp": digest(f"fp {name} {epoch}"),
        "tag": digest(f"tag {name} {epoch} {content}"),
    }


def alias(name: str, *, epoch: int = 1) -> Json:
    """The key of another document of the same receivable."""
    return {"epoch": epoch, "fp": digest(f"fp {name} {epoch}"), "tag": ""}


def fp(name: str, epoch: int = 1) -> str:
    """A document's fingerprint."""
    return digest(f"fp {name} {epoch}")


def link(
    parent: str, of_parent: int | None = FACE, *, of_child: int = FACE, kind: str = "purchase_order"
) -> Json:
    """An edge to a parent."""
    return {
        "parent": fp(parent),
        "kind": kind,
        "of_child": of_child,
        "of_parent": of_parent,
        "basis": "gross",
    }


def opening(claim: str) -> str:
    """The secret of a claim."""
    return digest(f"opening {claim}")


def claim_id(name: str) -> str:
    """A claim's id."""
    return digest(f"claim {name}")[:16]


@dataclass
class World:
    """The consortium.

    :ivar last: stub of the last transaction, with all that it read, wrote and told
    """

    ledger: MemoryLedger = field(default_factory=lambda: MemoryLedger(ChanrongContract()))
    now: int = MONDAY
    operations: int = 0
    last: MemoryStub | None = None

    def call(
        self, msp: str, function: str, request: Any, transient: Mapping[str, bytes] | None = None
    ) -> Response:
        """One transaction as it is."""
        body = request if isinstance(request, bytes) else encode(request)
        response, self.last = at_once(
            self.ledger.invoke(msp, function, body, now=self.now, transient=transient)
        )
        return response

    def operation(self) -> str:
        """A new operation id."""
        self.operations += 1
        return f"operation-{self.operations:010d}"

    def write(
        self, msp: str, function: str, *items: Any, transient: Mapping[str, bytes] | None = None
    ) -> list[Json]:
        """Results of a writing function."""
        response = self.call(msp, function, {"op": self.operation(), "items": list(items)}, transient)
        assert response.status == 200, response
        return read_results(response.payload)

    def one(self, msp: str, function: str, item: Any, transient: Mapping[str, bytes] | None = None) -> Json:
        """Result of one item."""
        (result,) = self.write(msp, function, item, transient=transient)
        return result

    def read(self, function: str, **request: Any) -> Json:
        """Answer of a reading function."""
        response = self.call(BANK_A, function, request)
        assert response.status == 200, response
        assert self.last is not None
        assert not self.last.writes
        assert self.last.event is None
        return decode(response.payload)

    def event(self) -> Json:
        """The last transaction's event."""
        assert self.last is not None
        assert self.last.event is not None
        return {"name": self.last.event[0], **decode(self.last.event[1])}

    def register(self, *items: Json, msp: str = INDUSTRY_A) -> list[Json]:
        """Registers documents."""
        return self.write(msp, names.DOCUMENTS_REGISTER, *items)

    def party(self, name: str, msp: str = INDUSTRY_A) -> None:
        """Registers a party with its first key."""
        item = {"party": digest(name), "key": {"number": 1, "alg": "ES256", "spki": spki_of(key_of(name))}}
        assert self.one(msp, names.PARTIES_REGISTER, item)["status"] == "registered"

    def consent(
        self,
        name: str,
        *,
        subject: str = "seller",
        bank: str = BANK_A,
        scope: str = "monitor",
        days: int = 100,
    ) -> str:
        """Grants a consent; its id."""
        statement = consent_statement(
            consent_id=f"consent-{name}",
            subject=digest(subject),
            recipient=bank,
            purpose="financing",
            scope=scope,
            fields=["*"],
            issued=self.now,
            expires=self.now + days * DAY,
        )
        result = self.one(INDUSTRY_A, names.CONSENTS_GRANT, statement_item(subject, statement))
        assert result["status"] == "granted", result
        return f"consent-{name}"

    def revoke(self, name: str, subject: str = "seller") -> None:
        """Revokes a consent."""
        statement = revocation_statement(
            consent_id=f"consent-{name}", subject=digest(subject), issued=self.now
        )
        result = self.one(INDUSTRY_B, names.CONSENTS_REVOKE, statement_item(subject, statement))
        assert result["status"] == "revoked", result

    def trade(self) -> None:
        """Seller and buyer, and a consent to either bank."""
        self.party("seller")
        self.party("buyer", INDUSTRY_B)
        self.consent(BANK_A, bank=BANK_A)
        self.consent(BANK_B, bank=BANK_B)

    def reserve(self, bank: str, asset: str, claim: str, share: int = FACE, /, **changes: Any) -> Json:
        """Reserves a share under the bank's consent for five days."""
        item = {
            "asset": fp(asset),
            "claim": claim_id(claim),
            "share": share,
            "handle": claim_handle(bank, opening(claim)),
            "expires": self.now + 5 * DAY,
            "consent": f"consent-{bank}",
            "signature": None,
            **changes,
        }
        return self.one(bank, names.ENCUMBRANCES_RESERVE, item, opened(claim))

    def on_claim(self, bank: str, function: str, asset: str, claim: str, **more: Any) -> Json:
        """Another function on a claim, with its opening."""
        item = {"asset": fp(asset), "claim": claim_id(claim), **more}
        return self.one(bank, function, item, opened(claim))

    def finance(self, bank: str, asset: str, claim: str) -> Json:
        """Finances a reservation."""
        return self.on_claim(bank, names.ENCUMBRANCES_FINANCE, asset, claim, consent=f"consent-{bank}")

    def claim(self, bank: str, asset: str, claim: str, share: int = FACE) -> None:
        """Reserves and finances, which must succeed."""
        for result in (self.reserve(bank, asset, claim, share), self.finance(bank, asset, claim)):
            assert result["status"] == "done", result

    def fact(self, asset: str, kind: str, share: int, evidence: str, msp: str = INDUSTRY_A) -> Json:
        """States a fact."""
        item = {"asset": fp(asset), "type": kind, "share": share, "evidence": digest(evidence)}
        return self.one(msp, names.ENCUMBRANCES_FACT, item)

    def row(self, asset: str) -> Json:
        """An asset's claims row."""
        (row,) = self.read(names.ENCUMBRANCES_GET, assets=[fp(asset)])["rows"]
        assert row is not None
        return row  # type: ignore[no-any-return]

    def record(self, name: str) -> Json:
        """A document's record."""
        (record,) = self.read(names.DOCUMENTS_GET, fps=[fp(name)])["documents"]
        assert record is not None
        return record  # type: ignore[no-any-return]


def statement_item(subject: str, statement: bytes, *, number: int = 1, key: str | None = None) -> Json:
    """A signed statement as requests carry it."""
    return {
        "statement": b64encode(statement).decode(),
        "key": number,
        "signature": sign(key or subject, statement),
    }


def opened(*claims: str) -> dict[str, bytes]:
    """Transient data that opens claims."""
    return {opening_key(claim_id(claim)): opening(claim).encode() for claim in claims}


def refused(result: Json) -> str:
    """Reason of a refusal."""
    assert result["status"] == "refused", result
    assert result["message"]
    return str(result["reason"])
