"""The finance gateway's tables. Times are seconds since 1970 UTC, shares billionths of face value, digests hex."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
)

METADATA: Final = MetaData()

packages = Table(
    "packages",
    METADATA,
    Column("package_id", String(32), primary_key=True),
    Column("subject", String(64), nullable=False),
    Column("purpose", String(128), nullable=False),
    Column("consent_id", String(64), nullable=False),
    Column("profile", String(64), nullable=False),
    Column(
        "stage", String(16), nullable=False, comment="making, valid, reopened, superseded, revoked or failed"
    ),
    Column("state_reason", String(512), nullable=False, server_default=""),
    Column("digest", String(64), nullable=False, server_default=""),
    Column(
        "summary",
        Text,
        nullable=False,
        server_default="{}",
        comment="canonical JSON of the payload's summary",
    ),
    Column("evaluated_at", BigInteger, nullable=False, server_default="0"),
    Column("valid_until", BigInteger, nullable=False, server_default="0"),
    Column("supersedes", String(32)),
    Column("anchor_txid", String(64), nullable=False, server_default=""),
    Column("created", BigInteger, nullable=False),
    Column("requested_by", String(128), nullable=False),
    Column("anchor_op", String(64), nullable=False, server_default="", comment="operation that anchors it"),
    Column(
        "reopen_reason",
        String(512),
        nullable=False,
        server_default="",
        comment="what happened on the ledger between its evidence and its anchor",
    ),
    Index("packages_by_subject", "subject", "created"),
    Index("packages_by_consent", "consent_id"),
    Index("packages_by_stage", "stage"),
)

package_contents = Table(
    "package_contents",
    METADATA,
    # By itself, as every change of a package's stage would write its megabytes again.
    Column("package_id", String(32), primary_key=True),
    Column("content", LargeBinary, nullable=False, comment="the package file, sealed"),
    Column("wrapped_key", LargeBinary, comment="its data key, wrapped; destroying it erases the content"),
)

package_documents = Table(
    "package_documents",
    METADATA,
    Column("package_id", String(32), nullable=False),
    Column("fingerprint", String(64), nullable=False, comment="of a document, or of an asset"),
    PrimaryKeyConstraint("package_id", "fingerprint"),
    Index("package_documents_by_fingerprint", "fingerprint"),
)

package_events = Table(
    "package_events",
    METADATA,
    Column("sequence", Integer, primary_key=True, autoincrement=True),
    Column("package_id", String(32), nullable=False),
    Column("event", String(16), nullable=False, comment="issued, superseded, reopened or revoked"),
    Column("reason", String(512), nullable=False),
    Column("at", BigInteger, nullable=False),
    sqlite_autoincrement=True,
)

package_monitor = Table(
    "package_monitor",
    METADATA,
    Column("package_id", String(32), primary_key=True),
    Column("content", LargeBinary, nullable=False, comment="questions and facts of then, packed and sealed"),
    Column("wrapped_key", LargeBinary, comment="its data key, wrapped; destroying it erases the content"),
    Column("version", Integer, nullable=False, comment="raised by whoever writes newer facts"),
    Column("polled", BigInteger, nullable=False),
    Index("package_monitor_by_polled", "polled"),
)

claims = Table(
    "claims",
    METADATA,
    Column("claim_id", String(16), primary_key=True),
    Column("fingerprint", String(64), nullable=False, comment="as reserved"),
    Column("asset", String(64), nullable=False),
    Column("handle", String(64), nullable=False, unique=True),
    Column("opening", LargeBinary, nullable=False, comment="sealed: whoever has it acts on the claim"),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("share", BigInteger, nullable=False),
    Column("settled", BigInteger, nullable=False, server_default="0"),
    Column(
        "state",
        String(16),
        nullable=False,
        comment="reserving, reserved, financed, released, settled, refused",
    ),
    Column("expires", BigInteger, nullable=False),
    Column("consent_id", String(64), nullable=False),
    Column("asset_state", String(16), nullable=False, server_default=""),
    Column("shortfall", BigInteger, nullable=False, server_default="0"),
    Column("txid", String(64), nullable=False, server_default=""),
    Column("created", BigInteger, nullable=False),
    Index("claims_by_asset", "asset"),
)

operations = Table(
    "operations",
    METADATA,
    Column("op", String(64), primary_key=True, comment="operation id on the ledger"),
    Column("function", String(64), nullable=False),
    Column("request", LargeBinary, nullable=False, comment="canonical JSON"),
    Column("claims", Text, nullable=False, server_default="[]", comment="claims whose openings go along"),
    Column("state", String(16), nullable=False, comment="pending, done or refused"),
    Column("txid", String(64), nullable=False, server_default="", comment="latest transaction tried"),
    Column("result", LargeBinary, comment="JSON: the contract's result per item, or why it refused"),
    Column("created", BigInteger, nullable=False),
    Index("operations_by_state", "state"),
)

idempotency = Table(
    "idempotency",
    METADATA,
    Column("caller", String(200), nullable=False),
    Column("method", String(32), nullable=False),
    Column("key", String(128), nullable=False),
    Column("request_digest", String(64), nullable=False),
    Column("subject_id", String(64), nullable=False, comment="package or operation that the first call made"),
    Column("created", BigInteger, nullable=False),
    PrimaryKeyConstraint("caller", "method", "key"),
)

checkpoints = Table(
    "checkpoints",
    METADATA,
    Column("name", String(32), primary_key=True),
    Column("block", BigInteger, nullable=False, comment="next block to read"),
)

filings = Table(
    "filings",
    METADATA,
    Column("filing_id", String(32), primary_key=True),
    Column("operation_id", String(64), nullable=False, unique=True, comment="at the registry"),
    Column("act", String(8), nullable=False, comment="file, amend or cancel"),
    Column(
        "state", String(16), nullable=False, comment="pending, unknown (sent, no answer yet), done or refused"
    ),
    Column("registration", String(40), nullable=False, server_default=""),
    Column("kind", String(16), nullable=False),
    Column("term_months", Integer, nullable=False, server_default="0"),
    Column("fingerprints", Text, nullable=False, server_default="[]", comment="assets that it is about"),
    Column(
        "request", LargeBinary, nullable=False, comment="message to the registry, sealed: it names parties"
    ),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0", comment="times that it was sent"),
    Column("registered", BigInteger, nullable=False, server_default="0", comment="time in the registry"),
    Column("expires", BigInteger, nullable=False, server_default="0"),
    Column("digest", String(64), nullable=False, server_default="", comment="of the registry's answer"),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("message", String(512), nullable=False, server_default=""),
    Column("created", BigInteger, nullable=False),
    Column("requested_by", String(128), nullable=False),
    Index("filings_by_state", "state"),
    Index("filings_by_registration", "registration"),
)

filing_assets = Table(
    "filing_assets",
    METADATA,
    Column("fingerprint", String(64), nullable=False),
    Column("filing_id", String(32), nullable=False),
    PrimaryKeyConstraint("fingerprint", "filing_id"),
)
