"""Settings of the embedded ledger: one frozen object per process, every mistake reported when it is made."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, model_validator

from consortium.rpc.settings import ServiceSettings

# Fabric's own defaults; see the peer's core.yaml and the orderer's configtx.yaml.
ABSOLUTE_MAX_BYTES = 10 * 1024 * 1024
PREFERRED_MAX_BYTES = 2 * 1024 * 1024
RECEIVE_LIMIT_BYTES = 100 * 1024 * 1024
GATEWAY_CONCURRENCY = 500
DELIVER_CONCURRENCY = 2500
ENDORSEMENT_TIMEOUT_S = 30.0
PEER_TIME_WINDOW_S = 15 * 60
CHAINCODE_TIME_WINDOW_S = 5 * 60
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Organisation(_Frozen):
    """One member of the channel. The embedded ledger holds its peer's key: so it proves nothing to others.

    :param msp_id: name of the organisation in certificates and policies
    :param ca_certs: PEM files of its certificate authorities; roots and intermediates alike
    :param peer_cert: PEM file of the certificate with which its peer endorses, of the organisational units
        ``peer`` and ``chanrong-embedded``
    :param peer_key: PEM file of that certificate's private key
    :param crls: PEM files of revocation lists
    :param address: what errors say of where the peer is; the listening address when empty
    """

    msp_id: str = Field(min_length=1)
    ca_certs: tuple[Path, ...] = Field(min_length=1)
    peer_cert: Path
    peer_key: Path
    crls: tuple[Path, ...] = ()
    address: str = ""


class EndorsementPolicy(_Frozen):
    """Who must endorse: every organisation of ``all_of``, and one of each group of ``any_of``.

    Empty means more than half of the organisations, Fabric's default.
    """

    all_of: tuple[str, ...] = ()
    any_of: tuple[tuple[str, ...], ...] = ()


class Collection(_Frozen):
    """A private data collection: its values are shown to its members only.

    :param members: MSP ids; empty means every organisation
    """

    name: str = Field(min_length=1)
    members: tuple[str, ...] = ()


class EmbeddedSettings(ServiceSettings):
    """Everything that an embedded ledger needs.

    :param database: SQLite file; made when it is not there, its folder must be
    :param listen: host:port; port 0 lets the system choose
    :param tls_cert: PEM file; without it the ledger serves plain text, on loopback only
    :param client_ca: PEM file; when given, clients must show a certificate of this authority
    :param policy: endorsement policy of the chaincode
    :param batch_timeout_ms: how long a block waits for more transactions after its first, as Fabric's
        BatchTimeout; 0: not at all, then a block takes what came in while the one before was written
    """

    channel: str = Field(default="chanrong", pattern=r"^[a-z][a-z0-9.-]{0,248}$")
    chaincode: str = Field(default="chanrong", min_length=1)
    chaincode_version: str = Field(default="1.0", min_length=1)
    database: Path
    listen: str = "127.0.0.1:0"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    client_ca: Path | None = None
    organisations: tuple[Organisation, ...] = Field(min_length=1)
    policy: EndorsementPolicy = EndorsementPolicy()
    collections: tuple[Collection, ...] = ()
    orderer_cert: Path | None = None
    orderer_key: Path | None = None
    batch_timeout_ms: int = Field(default=0, ge=0)
    max_block_transactions: int = Field(default=500, ge=1, le=100_000)
    max_block_bytes: int = Field(default=PREFERRED_MAX_BYTES, ge=1)
    absolute_max_bytes: int = Field(default=ABSOLUTE_MAX_BYTES, ge=1)
    max_queued_bytes: int = Field(default=16 * 1024 * 1024, ge=1)
    max_queued_transactions: int = Field(default=10_000, ge=1)
    gateway_concurrency: int = Field(default=GATEWAY_CONCURRENCY, ge=1)
    deliver_concurrency: int = Field(default=DELIVER_CONCURRENCY, ge=1)
    simulations: int = Field(default=16, ge=1)
    endorsement_timeout_s: float = Field(default=ENDORSEMENT_TIMEOUT_S, gt=0)
    commit_status_timeout_s: float = Field(default=600.0, gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> EmbeddedSettings:
        problems = []
        known = {organisation.msp_id for organisation in self.organisations}
        if len(known) != len(self.organisations):
            problems.append("organisations: an msp_id is given twice")
        wanted = {*self.policy.all_of, *(msp for group in self.policy.any_of for msp in group)}
        if missing := sorted(wanted - known):
            problems.append(f"policy: not among the organisations: {', '.join(missing)}")
        if any(not group for group in self.policy.any_of):
            problems.append("policy.any_of: an empty group can never be satisfied")
        if len({collection.name for collection in self.collections}) != len(self.collections):
            problems.append("collections: a name is given twice")
        problems += [
            f"collections: {collection.name}: not among the organisations: {', '.join(missing)}"
            for collection in self.collections
            if (missing := sorted(set(collection.members) - known))
        ]
        if (self.tls_cert is None) != (self.tls_key is None):
            problems.append("tls_cert and tls_key: give both or none")
        if (self.orderer_cert is None) != (self.orderer_key is None):
            problems.append("orderer_cert and orderer_key: give both or none")
        if self.client_ca is not None and self.tls_cert is None:
            problems.append("client_ca: client certificates need tls_cert and tls_key")
        if self.tls_cert is None and self.listen.rpartition(":")[0] not in LOOPBACK:
            problems.append("listen: without tls_cert and tls_key only a loopback address")
        if problems:
            raise ValueError("; ".join(problems))
        return self
