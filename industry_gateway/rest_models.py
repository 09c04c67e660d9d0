"""What goes in and out over REST: the shapes that /openapi.json shows, with examples."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_HEX = "5d0c1c2f3f0e9a77d2f1b0a4c8f3e6d7b2a1908f7e6d5c4b3a29181706f5e4d3"
_CONSENT = "2f4a7c1be09d4a6f8c3e5b7d9a1f0c2e"

Base64 = Annotated[str, Field(max_length=22_000, description="Standard base64 with padding.")]


class Shape(BaseModel):
    """Base of all shapes: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class ProblemShape(Shape):
    """One thing that is wrong with a document."""

    path: str = Field(description="Where: a JSON pointer or an XPath.", examples=["/issue_date"])
    field: str = Field(examples=["issue_date"])
    value: str = Field(description="The offending value, shortened.", examples=["2026-02-30"])
    rule: str = Field(description="Stable name of the broken rule.", examples=["DATE_IMPOSSIBLE"])
    message: str = Field(examples=["There is no such day."])
    remedy: str = Field(examples=["Correct the date."])


class ResultShape(Shape):
    """What became of one pushed document."""

    index: int = Field(description="Place in the push, from zero.", examples=[0])
    status: Literal["accepted", "already_registered", "conflict", "refused"]
    label: str = Field(description="File name or line, as pushed.", examples=["line 1"])
    document_id: str = Field(
        description="Empty when it was refused.", examples=["00064a1b2c3d4e5f0123456789abcdef"]
    )
    kind: str = Field(examples=["invoice"])
    number: str = Field(examples=["INV-2026-0001"])
    fingerprint: str = Field(description="Keyed name on the ledger.", examples=[_HEX])
    first_transaction_id: str = Field(description="Of the document that is there already, where known.")
    problems: list[ProblemShape]


class PushAnswer(Shape):
    """Accepted means stored durably; the ledger's word comes under ``status_url``."""

    push_id: str = Field(examples=["00064a1b2c3d4e5f0123456789abcdef"])
    status_url: str = Field(examples=["/v1/pushes/00064a1b2c3d4e5f0123456789abcdef"])
    results: list[ResultShape]


class PositionShape(Shape):
    """Where a document is on its way to the ledger."""

    state: Literal["pending", "registered", "already_registered", "conflict", "refused"]
    transaction_id: str = Field(description="Transaction that registered it first.", examples=[_HEX])
    block_number: int | None = Field(description="Block of that transaction, where known.", examples=[42])
    problem: ProblemShape | None


class DocumentShape(Shape):
    """A document's status."""

    document_id: str
    kind: str = Field(examples=["invoice"])
    number: str = Field(examples=["INV-2026-0001"])
    fingerprint: str = Field(examples=[_HEX])
    position: PositionShape


class PushStatus(PushAnswer):
    """A push's results as they were given, and where its documents are now."""

    documents: list[DocumentShape]


class RegisterParty(Shape):
    """A party to make known."""

    alias: str = Field(examples=["qingdao-bearings"])
    name: str = Field(examples=["青岛轴承有限公司"])
    identifiers: list[str] = Field(max_length=16, examples=[["uscc:91370200MA3C1PMJ2H"]])
    public_key: Base64 = Field(description="P-256 SubjectPublicKeyInfo in DER, in base64.")


class PartyShape(Shape):
    """A party that this gateway vouches for."""

    alias: str
    name: str
    identifiers: list[str]
    handle: str = Field(description="Keyed name on the ledger.", examples=[_HEX])
    key_number: int = Field(examples=[1])


class RegisteredParty(Shape):
    """A registered party; the secret is told once."""

    party: PartyShape
    client_secret: str


class Parties(Shape):
    """All parties."""

    parties: list[PartyShape]


class SignedStatement(Shape):
    """A statement that the subject has signed."""

    statement: Base64 = Field(description="Canonical JSON, the bytes that were signed, in base64.")
    signature: Base64 = Field(description="ECDSA P-256 over SHA-256 in DER, in base64.")
    key_number: int = Field(ge=1, le=9_999, examples=[1])


class ConsentShape(Shape):
    """A consent as the ledger has it."""

    consent_id: str = Field(examples=[_CONSENT])
    subject: str = Field(examples=[_HEX])
    recipient: str = Field(examples=["BankAMSP"])
    purpose: str = Field(examples=["credit_assessment"])
    scope: Literal["assess", "monitor"]
    fields: list[str] = Field(examples=[["invoice", "purchase_order.lines"]])
    expires_unix: int = Field(description="Seconds since 1970 UTC.")
    state: Literal["live", "expired", "revoked"]
    transaction_id: str
    granted_unix: int = Field(description="Seconds since 1970 UTC.")


class ConsentAnswer(Shape):
    """One consent."""

    consent: ConsentShape


class ConsentList(Shape):
    """The caller's consents, newest first."""

    consents: list[ConsentShape]


class FinancingAsked(Shape):
    """What an SME asks a bank for."""

    bank: str = Field(max_length=128, examples=["BankAMSP"])
    fingerprints: list[str] = Field(max_length=1_000, examples=[[_HEX]])
    amount: str = Field(max_length=40, examples=["120000.00"])
    currency: str = Field(max_length=3, examples=["CNY"])
    consent_id: str = Field(default="", max_length=64, examples=[_CONSENT])


class FinancingShape(Shape):
    """A financing request and its state."""

    request_id: str
    bank: str
    fingerprints: list[str]
    amount: str
    currency: str
    state: Literal["filed", "reserved", "financed", "released", "settled", "refused"]
    applicant: str
    consent_id: str


class FinancingAnswer(Shape):
    """One request."""

    request: FinancingShape


class FinancingList(Shape):
    """The caller's requests, newest first."""

    requests: list[FinancingShape]


class WebhookAsked(Shape):
    """Where one wants to be told."""

    url: str = Field(max_length=1_000, examples=["https://erp.example.com/hooks/chanrong"])


class WebhookShape(Shape):
    """Where a party is told."""

    endpoint_id: str
    url: str


class NewWebhook(WebhookShape):
    """A new webhook; the secret is told once."""

    secret: str = Field(description="Standard Webhooks secret; messages are signed with it (v1).")


class Health(Shape):
    """Whether the gateway can do its work."""

    status: Literal["ok", "failing"]
    database: str = Field(examples=["ok"])
    ledger: str = Field(examples=["ok"])
    height: int = Field(description="Blocks that the ledger has.")
    next_block: int = Field(description="First block that this gateway has not dealt with.")
    queued: int = Field(description="Items waiting in memory.")
    in_flight: int = Field(description="Transactions under way.")
