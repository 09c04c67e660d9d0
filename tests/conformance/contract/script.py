"""What a scene is made of: steps of calls to the contract, each with what must come of it.

A scene is plain data, made for one :class:`Trade`: a prefix of its own, so that scenes on one channel never meet, and
the time at which it is played. Writes of one step by one organisation to one function at one time are one transaction,
as the contract is batch first; the transactions of a step are independent and run at once; reads look at the state
before the step. So a scene of thirty refusals is five blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from consortium.contract import claim_handle, names
from consortium.contract.reasons import REMEDIES
from consortium.contract.statements import consent_statement, revocation_statement
from tests.support import contract_world as made

INDUSTRY, BANK_A, BANK_B = "IndustryAMSP", "BankAMSP", "BankBMSP"
FACE, HALF, THIRD = names.FACE_VALUE_PPB, names.FACE_VALUE_PPB // 2, names.FACE_VALUE_PPB // 3
DAY: Final = 86_400
LATER_S: Final = 200
"""How far ahead a call's time may be set; hosts take five minutes."""
SOON_S: Final = 120
"""An end that has not come when a scene is played, and has come :data:`LATER_S` later."""

Json = dict[str, Any]
ABSENT: Final = object()
"""As an expected value: the field must not be there."""


@dataclass(frozen=True)
class Write:
    """One item of a writing call.

    :param expect: fields of its result; a text is its status, or the reason of its refusal
    :param opens: names of claims whose openings go with it
    :param later_s: how far the transaction's time lies ahead
    :param apart: writes that are apart are transactions of their own
    :param changed: what the whole call must say of impaired assets
    """

    msp: str
    function: str
    item: Any
    expect: str | Mapping[str, Any]
    opens: tuple[str, ...] = ()
    later_s: int = 0
    apart: str = ""
    changed: Sequence[Mapping[str, Any]] = ()

    @property
    def expected(self) -> Mapping[str, Any]:
        """Fields of the result."""
        if not isinstance(self.expect, str):
            return self.expect
        if self.expect in REMEDIES:
            return {"status": "refused", "reason": self.expect}
        return {"status": self.expect}


@dataclass(frozen=True)
class Read:
    """A reading call, and fields of its answer."""

    function: str
    request: Mapping[str, Any]
    expect: Mapping[str, Any]
    later_s: int = 0


Step = Sequence[Write | Read]
Scene = Callable[["Trade"], Sequence[Step]]


@dataclass(frozen=True)
class Trade:
    """Names of one trade on a channel that others use too.

    :param now: when the scene is played, seconds since 1970 UTC
    """

    prefix: str
    now: int

    def __call__(self, name: str) -> str:
        """A name of this trade."""
        return f"{self.prefix} {name}"

    def fp(self, name: str, epoch: int = 1) -> str:
        """A document's fingerprint."""
        return made.fp(self(name), epoch)

    def digest(self, name: str) -> str:
        """A hash that stands for something of this trade: a party's handle, a piece of evidence."""
        return made.digest(self(name))

    def key(self, name: str, *, epoch: int = 1, content: str = "") -> Json:
        """A document's own key."""
        return made.key(self(name), epoch=epoch, content=content)

    def alias(self, name: str) -> Json:
        """The key of another document."""
        return made.alias(self(name))

    def link(self, parent: str, of_parent: int | None = FACE, **changes: Any) -> Json:
        """An edge to a parent."""
        return made.link(self(parent), of_parent, **changes)

    def document(
        self, name: str, *, seller: str | None = "seller", buyer: str | None = "buyer", **changes: Any
    ) -> Json:
        """A document to register."""
        return made.document(
            self(name),
            seller=None if seller is None else self(seller),
            buyer=None if buyer is None else self(buyer),
            **changes,
        )

    def order(self, name: str, **changes: Any) -> Json:
        """A purchase order to register."""
        return self.document(name, kind="purchase_order", **changes)

    def spki(self, name: str) -> str:
        """The public key of this name."""
        return made.spki_of(made.key_of(self(name)))

    def sign(self, name: str, statement: bytes) -> str:
        """A signature with the key of this name."""
        return made.sign(self(name), statement)

    def signed(self, party: str, statement: bytes, *, number: int = 1, key: str | None = None) -> Json:
        """A party's signature as requests carry it."""
        return made.signed_by(self(party), statement, number=number, key=self(key or party))

    def statement(self, party: str, statement: bytes, *, number: int = 1, key: str | None = None) -> Json:
        """A signed statement as requests carry it."""
        return made.statement_item(self(party), statement, number=number, key=self(key or party))

    def party(self, name: str, key: str | None = None) -> Json:
        """A party to register with its first key."""
        return {
            "party": self.digest(name),
            "key": {"number": 1, "alg": "ES256", "spki": self.spki(key or name)},
        }

    def consent_id(self, name: str) -> str:
        """Id of a consent."""
        return f"consent-{self.prefix}-{name}"

    def consent_bytes(self, name: str, bank: str = BANK_A, **changes: Any) -> bytes:
        """A consent of the seller for a hundred days."""
        fields: Json = {
            "consent_id": self.consent_id(name),
            "subject": self.digest("seller"),
            "recipient": bank,
            "purpose": "financing",
            "scope": "monitor",
            "fields": ["*"],
            "issued": self.now,
            "expires": self.now + 100 * DAY,
        }
        return consent_statement(**(fields | changes))

    def grant(
        self, name: str, bank: str = BANK_A, expect: str = "granted", *, by: str = "seller", **changes: Any
    ) -> Write:
        """Grants a consent, signed by its subject."""
        data = self.consent_bytes(name, bank, **({"subject": self.digest(by)} | changes))
        return Write(INDUSTRY, names.CONSENTS_GRANT, self.statement(by, data), expect)

    def revoke(
        self, name: str, expect: str | Mapping[str, Any] = "revoked", *, by: str = "seller", **changes: Any
    ) -> Write:
        """Revokes a consent, signed by its subject."""
        data = revocation_statement(
            consent_id=self.consent_id(name), subject=self.digest(by), issued=self.now
        )
        return Write(INDUSTRY, names.CONSENTS_REVOKE, self.statement(by, data, **changes), expect)

    def register(
        self, item: Any, expect: str | Mapping[str, Any] = "registered", msp: str = INDUSTRY
    ) -> Write:
        """Registers a document."""
        return Write(msp, names.DOCUMENTS_REGISTER, item, expect)

    def claim_id(self, name: str) -> str:
        """A claim's id."""
        return made.claim_id(self(name))

    def handle(self, bank: str, claim: str) -> str:
        """A claim's handle."""
        return claim_handle(bank, made.opening(self(claim)))

    def opened(self, claims: Sequence[str]) -> dict[str, bytes]:
        """Transient data that opens claims."""
        return made.opened(*(self(claim) for claim in claims))

    def reserve(
        self,
        bank: str,
        asset: str,
        claim: str,
        share: int = FACE,
        expect: str | Mapping[str, Any] = "done",
        /,
        *,
        apart: str = "",
        later_s: int = 0,
        opens: tuple[str, ...] | None = None,
        **changes: Any,
    ) -> Write:
        """Reserves a share for five days under the bank's consent, which is called like the bank."""
        item = {
            "asset": self.fp(asset),
            "claim": self.claim_id(claim),
            "share": share,
            "handle": self.handle(bank, claim),
            "expires": self.now + 5 * DAY,
            "consent": self.consent_id(bank),
            "signature": None,
            **changes,
        }
        opens = (claim,) if opens is None else opens
        return Write(bank, names.ENCUMBRANCES_RESERVE, item, expect, opens, later_s=later_s, apart=apart)

    def on_claim(
        self,
        bank: str,
        function: str,
        asset: str,
        claim: str,
        expect: str | Mapping[str, Any] = "done",
        *,
        later_s: int = 0,
        apart: str = "",
        opens: tuple[str, ...] | None = None,
        **more: Any,
    ) -> Write:
        """Another function on a claim, with its opening."""
        item = {"asset": self.fp(asset), "claim": self.claim_id(claim), **more}
        opens = (claim,) if opens is None else opens
        return Write(bank, function, item, expect, opens, later_s=later_s, apart=apart)

    def finance(
        self, bank: str, asset: str, claim: str, expect: str | Mapping[str, Any] = "done", **more: Any
    ) -> Write:
        """Finances a reservation under the bank's consent."""
        more = {"consent": self.consent_id(bank), **more}
        return self.on_claim(bank, names.ENCUMBRANCES_FINANCE, asset, claim, expect, **more)

    def fact(
        self,
        asset: str,
        kind: str,
        share: int,
        evidence: str,
        expect: str | Mapping[str, Any] = "done",
        *,
        msp: str = INDUSTRY,
        changed: Sequence[Mapping[str, Any]] = (),
        opens: tuple[str, ...] = (),
        **more: Any,
    ) -> Write:
        """States a fact."""
        item = {
            "asset": self.fp(asset),
            "type": kind,
            "share": share,
            "evidence": self.digest(evidence),
            **more,
        }
        return Write(msp, names.ENCUMBRANCES_FACT, item, expect, opens, changed=changed)

    def row(self, asset: str, /, **figures: Any) -> Read:
        """An asset's figures."""
        return Read(names.ENCUMBRANCES_GET, {"assets": [self.fp(asset)]}, {"rows": [figures]})

    def record(self, name: str, /, **fields: Any) -> Read:
        """A document's record."""
        return Read(names.DOCUMENTS_GET, {"fps": [self.fp(name)]}, {"documents": [fields]})

    def opening(self, *documents: Json) -> list[list[Write | Read]]:
        """How most scenes begin: the industry organisation vouches for the seller and bank B for the buyer, either
        bank has a consent, documents are registered."""
        return [
            [
                Write(INDUSTRY, names.PARTIES_REGISTER, self.party("seller"), "registered"),
                Write(BANK_B, names.PARTIES_REGISTER, self.party("buyer"), "registered"),
            ],
            [
                *(self.grant(bank, bank) for bank in (BANK_A, BANK_B)),
                *(self.register(item) for item in documents),
            ],
        ]


def unlike(actual: Any, expected: Any, path: str = "") -> str:
    """Where an answer differs from what was expected; empty when it does not. Fields that nobody expects are free."""
    if callable(expected):
        return "" if expected(actual) else f"{path}: unexpected {actual!r}"
    if isinstance(expected, Mapping):
        if not isinstance(actual, Mapping):
            return f"{path}: {actual!r} is no object"
        for name, value in expected.items():
            if value is ABSENT:
                if name in actual:
                    return f"{path}.{name}: is there: {actual[name]!r}"
            elif name not in actual:
                return f"{path}.{name}: is missing in {dict(actual)!r}"
            elif problem := unlike(actual[name], value, f"{path}.{name}"):
                return problem
        return ""
    if isinstance(expected, list):
        if not isinstance(actual, list) or len(actual) != len(expected):
            return f"{path}: {actual!r}, expected were {len(expected)}"
        pairs = enumerate(zip(actual, expected, strict=True))
        return next((p for n, (a, e) in pairs if (p := unlike(a, e, f"{path}[{n}]"))), "")
    return "" if actual == expected else f"{path}: {actual!r}, expected {expected!r}"
