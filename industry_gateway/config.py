"""Settings of an industry gateway; ``chanrong up`` writes such a file for each of a sandbox."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from consortium.ledger.settings import LedgerSettings
from consortium.rpc.settings import ServiceSettings
from consortium.rpc.tls import TlsFiles
from consortium.storage.outbox import OutboxPolicy


class Part(BaseModel):
    """Base of the settings' parts: closed, immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class OutboxSettings(Part):
    """How documents are packed into transactions; the defaults fit Fabric's."""

    max_items: int = Field(default=1_000, ge=1, le=1_000)
    max_bytes: int = Field(default=2_000_000, ge=1_000, le=4_000_000)
    max_in_flight: int = Field(default=8, ge=1, le=64)
    linger_ms: int = Field(default=20, ge=0, le=5_000)
    envelope_max_age_s: int = Field(default=300, ge=10, le=300)
    outcome_timeout_s: float = Field(default=15.0, gt=0, le=600)

    def policy(self) -> OutboxPolicy:
        """The outbox's own form of it."""
        return OutboxPolicy(
            max_items=self.max_items,
            max_bytes=self.max_bytes,
            max_in_flight=self.max_in_flight,
            linger_s=self.linger_ms / 1_000,
            envelope_max_age_s=self.envelope_max_age_s,
            outcome_timeout_s=self.outcome_timeout_s,
        )


class IndustrySettings(ServiceSettings):
    """One industry gateway."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$", description="of the gateway, in tokens and logs")
    msp_id: str = Field(min_length=1)
    listen_grpc: str = "127.0.0.1:0"
    listen_rest: str = "127.0.0.1:0"
    database: str = Field(description="sqlite:///FILE or postgresql://USER@HOST/NAME")
    tls: TlsFiles
    directory: Path = Field(description="the consortium's organisations and their TLS CAs")
    identity: Path = Field(description="MSP folder with which this gateway signs on the ledger")
    consortium_keys: Path
    master_keys: Path = Field(description="keys that wrap the documents' keys; mode 0600")
    token_key: Path = Field(description="PEM of the P-256 key that signs REST tokens; replicas share it")
    operator_secret_hash: str = Field(
        default="", description="scrypt hash of the operator's REST secret; empty: the operator uses gRPC"
    )
    ledger: LedgerSettings
    outbox: OutboxSettings = OutboxSettings()
    prepare_processes: int = Field(
        default=1, ge=0, le=16, description="helper processes that read large pushes; 0: the gateway alone"
    )
    webhook_loopback: bool = Field(
        default=False, description="let webhooks go to addresses of this machine, as in a sandbox"
    )
    reconcile_period_s: int = Field(default=300, ge=10)
