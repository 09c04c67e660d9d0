"""Names and limits of the contract: functions, events, states, caps. Contract and gateways read the same
ones."""

from __future__ import annotations

from typing import Final

# Functions: the first argument of a transaction. The second one is a JSON object in canonical bytes.
DOCUMENTS_REGISTER: Final = "documents:register"
DOCUMENTS_AMEND: Final = "documents:amend"
DOCUMENTS_VOID: Final = "documents:void"
DOCUMENTS_TAKE_OVER: Final = "documents:take_over"
DOCUMENTS_GET: Final = "documents:get"
DOCUMENTS_HISTORY: Final = "documents:history"
ASSETS_ALIAS: Final = "assets:alias"
ASSETS_LINK: Final = "assets:link"
ASSETS_GET: Final = "assets:get"
ENCUMBRANCES_RESERVE: Final = "encumbrances:reserve"
ENCUMBRANCES_FINANCE: Final = "encumbrances:finance"
ENCUMBRANCES_RELEASE: Final = "encumbrances:release"
ENCUMBRANCES_SETTLE: Final = "encumbrances:settle"
ENCUMBRANCES_FACT: Final = "encumbrances:fact"
ENCUMBRANCES_AGREE: Final = "encumbrances:agree"
ENCUMBRANCES_GET: Final = "encumbrances:get"
PARTIES_REGISTER: Final = "parties:register"
PARTIES_ROTATE_KEY: Final = "parties:rotate_key"
PARTIES_SUSPEND: Final = "parties:suspend"
PARTIES_GET: Final = "parties:get"
CONSENTS_GRANT: Final = "consents:grant"
CONSENTS_REVOKE: Final = "consents:revoke"
CONSENTS_GET: Final = "consents:get"
CONSENTS_LIST: Final = "consents:list"
PACKAGES_ANCHOR: Final = "packages:anchor"
PACKAGES_SUPERSEDE: Final = "packages:supersede"
PACKAGES_REVOKE: Final = "packages:revoke"
PACKAGES_GET: Final = "packages:get"
ATTEST: Final = "attest"
"""What a signed read calls. Exactly this name: offline verifiers look for it."""

# Events: one per writing transaction, named after the contract that wrote.
EVENT_DOCUMENTS: Final = "documents"
EVENT_ASSETS: Final = "assets"
EVENT_ENCUMBRANCES: Final = "encumbrances"
EVENT_PARTIES: Final = "parties"
EVENT_CONSENTS: Final = "consents"
EVENT_PACKAGES: Final = "packages"

FACE_VALUE_PPB: Final = 1_000_000_000
"""Face value of every asset. All shares are integer billionths of it."""

DOCUMENT_KINDS: Final = (
    "purchase_order",
    "despatch_advice",
    "goods_receipt",
    "warehouse_receipt",
    "invoice",
    "credit_note",
    "debtor_confirmation",
    "contract",
    "statement_of_account",
    "assignment_notice",
    "assignment_acknowledgement",
    "bill",
    "transport_document",
    "financing_request",
    "keeper_attestation",
    "inspection_report",
)
ASSET_KINDS: Final = frozenset({"purchase_order", "invoice", "warehouse_receipt", "bill"})
"""Kinds whose registration opens an asset. The others are evidence only: links to them never count."""

BASES: Final = ("gross", "quantity", "unknown")
RELEASE_REASONS: Final = ("repaid", "repurchased", "substituted", "error")
FACT_TYPES: Final = ("credit", "payment", "void")
SCOPE_ASSESS: Final = "assess"
SCOPE_MONITOR: Final = "monitor"
SCOPES: Final = (SCOPE_ASSESS, SCOPE_MONITOR)

# Limits. Every one refuses with a reason; none is silently cut.
MAX_REQUEST_BYTES: Final = 4 * 1024 * 1024
"""Of one request; a transaction holds request, response, event and writes, and orderers take 10 MB."""
MAX_REGISTER_ITEMS: Final = 1000
MAX_CLAIM_ITEMS: Final = 256
"""Of one encumbrances or assets request: hot rows commit about once per block, so large batches only
collide."""
MAX_OTHER_ITEMS: Final = 256
MAX_READ_ITEMS: Final = 1000
MAX_HISTORY_ENTRIES: Final = 1000
MAX_KEYS_PER_DOCUMENT: Final = 32
MAX_LINKS_PER_DOCUMENT: Final = 256
MAX_ANCESTORS: Final = 512
"""Assets above one asset that a claim may touch, over all levels."""
MAX_LINK_DEPTH: Final = 8
MAX_CHILDREN_IN_USE: Final = 1000
"""Children of one asset that use it up at the same time."""
MAX_CLAIMS_PER_ASSET: Final = 64
"""Live claims of one asset; closed ones are kept up to the same number again, oldest dropped first."""
MAX_ASSETS_PER_EVIDENCE: Final = 256
MAX_KEYS_PER_PARTY: Final = 64
MAX_CONSENT_FIELDS: Final = 64
MAX_EPOCH: Final = 9999
MAX_KEY_NUMBER: Final = 9999

RESERVATION_BUSINESS_DAYS: Final = 10
RESERVATION_TOLERANCE_S: Final = 600
"""To others a reservation lapses this long after its expiry, as transaction times may be 5 minutes off each
way."""
CLOCK_TOLERANCE_S: Final = 300
"""A statement may be issued at most this far in the transaction's future."""
KEY_GRACE_S: Final = 30 * 24 * 3600
"""Origin signatures by a replaced key are taken this long after its replacement: documents arrive late."""
MAX_CONSENT_SECONDS: Final = 5 * 366 * 24 * 3600
