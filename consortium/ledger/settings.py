"""Where the ledger is, as a process's settings say it: peers one by one, or a connection profile."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from consortium.errors import ConfigurationError
from consortium.ledger.connection import Endpoint
from consortium.ledger.profile import load_profile


class LedgerSettings(BaseModel):
    """Where the ledger is and who endorses. Either ``endpoints`` and ``tls_roots``, or a ``connection_profile``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["embedded", "fabric"] = "embedded"
    endpoints: tuple[str, ...] = Field(
        default=(),
        description="host:port of gateway peers, preferred first; MSP@host:port tells whose peer it is",
    )
    tls_roots: Path | None = Field(
        default=None, description="PEM of the CAs that the peers' TLS certificates come from"
    )
    override: str = Field(default="", description="name in the peers' certificates, where it is not the host")
    tls_client_cert: Path | None = Field(
        default=None, description="PEM certificate for peers that ask for client certificates"
    )
    tls_client_key: Path | None = None
    connection_profile: Path | None = Field(
        default=None, description="common connection profile (JSON or YAML) instead of endpoints"
    )
    channel: str = "chanrong"
    chaincode: str = "chanrong"
    organisations: tuple[str, ...] = Field(
        default=(), description="MSP ids whose peers endorse what is written; empty leaves it to the policy"
    )
    members: tuple[str, ...] = Field(default=(), description="MSP ids of the channel")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if self.connection_profile is not None:
            if self.endpoints or self.tls_roots is not None or self.override:
                raise ValueError("give connection_profile, or endpoints and tls_roots, not both")
        elif not self.endpoints or self.tls_roots is None:
            raise ValueError("give endpoints and tls_roots, or connection_profile")
        if (self.tls_client_cert is None) != (self.tls_client_key is None):
            raise ValueError("tls_client_cert and tls_client_key belong together")
        return self

    def gateway_endpoints(self, msp_id: str) -> tuple[Endpoint, ...]:
        """Gateway peers in the order in which to ask them.

        :param msp_id: our own organisation, whose peers a profile puts first
        :raises ConfigurationError: a file cannot be read, or the profile cannot be used
        """
        certificate, key = _read(self.tls_client_cert), _read(self.tls_client_key)
        if self.connection_profile is not None:
            found = load_profile(self.connection_profile).endpoints(channel=self.channel, msp_id=msp_id)
            if certificate is None:
                return found
            return tuple(
                Endpoint(item.target, item.tls_root, item.override, certificate, key, item.msp_id)
                for item in found
            )
        roots = _read(self.tls_roots)
        made = []
        for text in self.endpoints:
            owner, _, target = text.rpartition("@")
            made.append(Endpoint(target, roots, self.override, certificate, key, owner))
        return tuple(made)


def _read(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be read: {error.strerror}.", remedy="Check the ledger's settings."
        ) from error
