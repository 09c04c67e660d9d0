"""Settings of a finance gateway; `chanrong up` writes such a file for each bank of a sandbox."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from consortium.ledger import settings as ledger_settings
from consortium.rpc.settings import ServiceSettings
from consortium.rpc.tls import TlsFiles


class Part(BaseModel):
    """Base of the settings' parts: closed, immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class LedgerSettings(ledger_settings.LedgerSettings):
    """Where the ledger is and who endorses: the bank names who must sign its reads."""

    organisations: tuple[str, ...] = Field(min_length=1, description="MSP ids that endorse and sign reads")
    members: tuple[str, ...] = Field(min_length=1, description="MSP ids of the channel")


class IndustryGateway(Part):
    """An industry gateway that this bank asks for documents."""

    name: str
    target: str
    msp_id: str


class Adapter(Part):
    """An institution's adapter."""

    target: str
    msp_id: str


class Adapters(Part):
    """The institutions that this bank has a contract with."""

    tax: Adapter | None = None
    bank: Adapter | None = None
    credit: Adapter | None = None
    registry: Adapter | None = None
    bills: Adapter | None = None


class RegistryParty(Part):
    """The bank as it stands in its registrations as secured party."""

    name: str = Field(default="", description="legal name; empty is the gateway's name")
    identifiers: tuple[str, ...] = Field(default=(), description='as "scheme:value", such as its uscc')


class FinanceSettings(ServiceSettings):
    """One bank's gateway."""

    name: str
    msp_id: str
    listen_grpc: str = "127.0.0.1:0"
    listen_rest: str = "127.0.0.1:0"
    database: str
    tls: TlsFiles
    directory: Path
    identity: Path = Field(description="MSP folder with which this gateway signs on the ledger")
    consortium_keys: Path
    master_keys: Path
    package_key: Path = Field(description="PEM of the P-256 key that signs packages")
    package_kid: str
    token_key: Path = Field(description="PEM of the P-256 key that signs REST tokens")
    clients: dict[str, str] = Field(
        default_factory=dict,
        description="REST clients: name -> scrypt hash of the secret; they have the role bank",
    )
    ledger: LedgerSettings
    industry_gateways: tuple[IndustryGateway, ...] = Field(min_length=1)
    adapters: Adapters = Adapters()
    adapter_timeout_s: float = Field(default=5.0, gt=0, le=60)
    adapter_cache_fresh_s: float = Field(
        default=0,
        ge=0,
        description="an institution's answer that is younger is not asked for again; 0 always asks",
    )
    adapter_cache_fallback_s: float = Field(
        default=0, ge=0, description="one that is younger is used when it cannot be reached; 0 never"
    )
    default_profile: str = "receivable-v2"
    profile_overrides: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="profile -> a bank's own figures, see crossverify.profiles"
    )
    desk_file: Path | None = Field(
        default=None,
        description="JSON of the bank's own figures: limits, groups, lists, verified accounts, prices, rates",
    )
    monitor_period_s: int = Field(
        default=20, ge=1, description="how often institutions are asked about what packages rest on"
    )
    registry_party: RegistryParty = RegistryParty()
    reconcile_period_s: int = Field(default=300, ge=10)
