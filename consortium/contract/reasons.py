"""Why the contract refuses: stable names, and what the caller can do. Gateways map them, people read them.

Two kinds. A **call** refusal fails the transaction's simulation (status 400, message ``REASON: text``) and
writes nothing. An **item** refusal is one result with ``status: "refused"`` and never touches its
neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

# Refusals of a whole call.
UNKNOWN_FUNCTION: Final = "UNKNOWN_FUNCTION"
BAD_REQUEST: Final = "BAD_REQUEST"
OPERATION_ID_REUSED: Final = "OPERATION_ID_REUSED"
TRANSACTION_TIME: Final = "TRANSACTION_TIME"
"""Said by the hosts: the proposal's time is more than 5 minutes off theirs."""
CALL_REASONS: Final = frozenset({UNKNOWN_FUNCTION, BAD_REQUEST, OPERATION_ID_REUSED, TRANSACTION_TIME})

# Refusals of one item.
INVALID_ITEM: Final = "INVALID_ITEM"
CONTENT_CONFLICT: Final = "CONTENT_CONFLICT"
NOT_ENTITLED: Final = "NOT_ENTITLED"
UNKNOWN_DOCUMENT: Final = "UNKNOWN_DOCUMENT"
DOCUMENT_VOID: Final = "DOCUMENT_VOID"
ENCUMBERED: Final = "ENCUMBERED"
SIGNED_ALREADY: Final = "SIGNED_ALREADY"
STATEMENT_INVALID: Final = "STATEMENT_INVALID"
SIGNATURE_INVALID: Final = "SIGNATURE_INVALID"
UNKNOWN_PARTY: Final = "UNKNOWN_PARTY"
PARTY_EXISTS: Final = "PARTY_EXISTS"
PARTY_SUSPENDED: Final = "PARTY_SUSPENDED"
UNKNOWN_KEY: Final = "UNKNOWN_KEY"
KEY_REPLACED: Final = "KEY_REPLACED"
KEY_INVALID: Final = "KEY_INVALID"
KEY_NUMBER: Final = "KEY_NUMBER"
NO_ASSET: Final = "NO_ASSET"
SELLER_DIFFERS: Final = "SELLER_DIFFERS"
LINKS_OVER_CHILD: Final = "LINKS_OVER_CHILD"
LINK_LOWERED: Final = "LINK_LOWERED"
LINK_LIMIT: Final = "LINK_LIMIT"
LINK_CYCLE: Final = "LINK_CYCLE"
LINK_WEIGHT_UNKNOWN: Final = "LINK_WEIGHT_UNKNOWN"
OVER_FACE_VALUE: Final = "OVER_FACE_VALUE"
OVER_FACE_VALUE_LINKED: Final = "OVER_FACE_VALUE_LINKED"
ASSET_VOID: Final = "ASSET_VOID"
ASSET_IMPAIRED: Final = "ASSET_IMPAIRED"
CLAIM_EXISTS: Final = "CLAIM_EXISTS"
UNKNOWN_CLAIM: Final = "UNKNOWN_CLAIM"
NOT_HOLDER: Final = "NOT_HOLDER"
TOO_MANY_CLAIMS: Final = "TOO_MANY_CLAIMS"
RESERVATION_TOO_LONG: Final = "RESERVATION_TOO_LONG"
RESERVATION_LAPSED: Final = "RESERVATION_LAPSED"
RENEWED_ALREADY: Final = "RENEWED_ALREADY"
NOT_RESERVED: Final = "NOT_RESERVED"
NOT_FINANCED: Final = "NOT_FINANCED"
SHARE_TOO_LARGE: Final = "SHARE_TOO_LARGE"
UNKNOWN_CONSENT: Final = "UNKNOWN_CONSENT"
CONSENT_EXISTS: Final = "CONSENT_EXISTS"
CONSENT_REVOKED: Final = "CONSENT_REVOKED"
CONSENT_EXPIRED: Final = "CONSENT_EXPIRED"
CONSENT_FOREIGN: Final = "CONSENT_FOREIGN"
CONSENT_SCOPE: Final = "CONSENT_SCOPE"
UNKNOWN_PACKAGE: Final = "UNKNOWN_PACKAGE"
PACKAGE_EXISTS: Final = "PACKAGE_EXISTS"
PACKAGE_FINAL: Final = "PACKAGE_FINAL"
TOO_MANY_ASSETS: Final = "TOO_MANY_ASSETS"

REMEDIES: Final[Mapping[str, str]] = {
    UNKNOWN_FUNCTION: (
        "Call one of the functions in consortium.contract.names; gateway and chaincode may differ in version."
    ),
    BAD_REQUEST: "Send the request as consortium.contract describes it.",
    OPERATION_ID_REUSED: (
        "Choose a new operation id for a new request; repeat the very same bytes to learn the first result."
    ),
    TRANSACTION_TIME: "Set the clock of the gateway, and build the transaction anew.",
    INVALID_ITEM: "Correct the field that the message names.",
    CONTENT_CONFLICT: (
        "Compare with the document that is registered; the seller can take an asserted one over."
    ),
    NOT_ENTITLED: (
        "Let the organisation that registered the document, or that vouches for its party, do it; "
        "or add the seller's signature."
    ),
    UNKNOWN_DOCUMENT: "Register the document first, and look it up under all epochs of its key.",
    DOCUMENT_VOID: "A void document stays void; register the new one under its own number.",
    ENCUMBERED: "Ask every holder of a live claim to agree (encumbrances:agree) to exactly this change.",
    SIGNED_ALREADY: "The document carries the seller's signature; amend it instead.",
    STATEMENT_INVALID: (
        "Build the statement with consortium.contract.statements and send the same bytes that were signed."
    ),
    SIGNATURE_INVALID: (
        "Sign the statement's canonical bytes with the party's registered key (ECDSA P-256, SHA-256, DER)."
    ),
    UNKNOWN_PARTY: (
        "Register the party with its key first (parties:register), or send the document without a signature."
    ),
    PARTY_EXISTS: (
        "The party is registered with another key or by another organisation; rotate its key instead."
    ),
    PARTY_SUSPENDED: "Ask the organisation that vouches for the party.",
    UNKNOWN_KEY: "Name one of the party's registered key numbers (parties:get).",
    KEY_REPLACED: "Sign with the party's present key.",
    KEY_INVALID: "Send an uncompressed P-256 public key as DER SubjectPublicKeyInfo in base64.",
    KEY_NUMBER: "Number keys one after the other.",
    NO_ASSET: "Only orders, invoices and warehouse receipts open assets; name one of those.",
    SELLER_DIFFERS: "Only assets of one seller can be joined.",
    LINKS_OVER_CHILD: (
        "The links of a document may not sum to more than the document; round each weight down."
    ),
    LINK_LOWERED: "A weight can only be raised while the document is claimed or settled.",
    LINK_LIMIT: "The trade has more links than one transaction follows; ask the operator.",
    LINK_CYCLE: "The links of these documents run in a circle; correct them first.",
    LINK_WEIGHT_UNKNOWN: "Set the weight of the link (assets:link), then try again.",
    OVER_FACE_VALUE: "Ask for no more than the free share that the result names.",
    OVER_FACE_VALUE_LINKED: (
        "An order, invoice or receipt of the same trade is claimed; ask for less, or have that "
        "claim released."
    ),
    ASSET_VOID: "A void receivable cannot be financed.",
    ASSET_IMPAIRED: "Facts used up what is claimed; release the claim and reserve what is left.",
    CLAIM_EXISTS: "Choose a new claim id.",
    UNKNOWN_CLAIM: "Name a live claim of this asset.",
    NOT_HOLDER: (
        "Only the holder may do this: send the claim's opening as transient data under "
        "opening:<claim>, as the organisation it was made for."
    ),
    TOO_MANY_CLAIMS: "The asset has as many live claims as it can take.",
    RESERVATION_TOO_LONG: "A reservation ends after 10 business days at most.",
    RESERVATION_LAPSED: "Reserve again.",
    RENEWED_ALREADY: "A reservation is renewed once at most; finance it, or let it lapse.",
    NOT_RESERVED: "The claim is financed, or closed.",
    NOT_FINANCED: "Only a financed claim is settled; release a reservation.",
    SHARE_TOO_LARGE: "Settle no more than what is left of the claim.",
    UNKNOWN_CONSENT: "Name a consent that is recorded on the ledger.",
    CONSENT_EXISTS: "Another consent has this id; choose a new one and sign again.",
    CONSENT_REVOKED: "Ask the subject for a new consent.",
    CONSENT_EXPIRED: "Ask the subject for a new consent.",
    CONSENT_FOREIGN: "Name a consent by this seller to this organisation.",
    CONSENT_SCOPE: "Financing needs a consent with scope monitor.",
    UNKNOWN_PACKAGE: "Anchor the package first.",
    PACKAGE_EXISTS: "Another package has this id; choose a new one.",
    PACKAGE_FINAL: "A superseded or revoked package stays so.",
    TOO_MANY_ASSETS: "One piece of evidence is counted for a limited number of assets; use one per asset.",
}
"""What to do, per reason."""
