"""Settings of a chaincode server: one frozen object per process, every mistake reported when it is made."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from consortium.rpc.settings import ServiceSettings

LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")

STANDARD_VARIABLES: Final = {
    "CHAINCODE_SERVER_ADDRESS": "listen",
    "CHAINCODE_ID": "package_id",
    "CHAINCODE_TLS_CERT": "tls_cert",
    "CHAINCODE_TLS_KEY": "tls_key",
    "CHAINCODE_CLIENT_CA_CERT": "client_roots",
}
"""What chaincode images in every language are started with; ``CHANRONG_...`` variables override them."""

_TARGET: Final = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$", re.ASCII)


class ChaincodeSettings(ServiceSettings):
    """One chaincode server. Paths are of PEM files.

    :param listen: host:port; port 0 lets the system choose
    :param package_id: ``label:hash``, as the peer tells it when the package is installed
    :param contract: ``module:attribute``; a class without arguments, or an instance
    :param tls_cert: without it the server speaks plain text, on loopback only unless ``plain_text`` says otherwise
    :param client_roots: when given, only peers with a certificate of these authorities may dial
    :param plain_text: allows plain text beyond loopback, for networks that are closed by other means
    :param max_clock_skew_s: how far a proposal's time may be from this clock; later and earlier alike
    :param cross_channel: answers contracts of other channels that call this one; their proposals name their own
        channel, which is refused otherwise
    :param max_streams: peers' streams at once
    :param max_transactions: transactions that run at once on one stream; further ones wait
    :param max_waiting: transactions that wait on one stream; further ones are refused
    :param max_transaction_s: when a transaction is given up; a peer gives up after 30 s by default
    """

    listen: str = "127.0.0.1:0"
    package_id: str = Field(min_length=1, max_length=1024)
    contract: str = "chaincode.contracts:ChanrongContract"
    tls_cert: Path | None = None
    tls_key: Path | None = None
    client_roots: Path | None = None
    plain_text: bool = False
    max_clock_skew_s: int = Field(default=300, ge=1)
    cross_channel: bool = False
    max_streams: int = Field(default=64, ge=1)
    max_transactions: int = Field(default=128, ge=1, le=10_000)
    # The peer's own limit on proposals that it endorses at once.
    max_waiting: int = Field(default=2500, ge=0, le=100_000)
    max_transaction_s: float = Field(default=120.0, gt=0)

    @model_validator(mode="after")
    def _consistent(self) -> ChaincodeSettings:
        problems = []
        host, _, port = self.listen.rpartition(":")
        if not host or not port.isdecimal():
            problems.append("listen: host:port, such as 0.0.0.0:9999")
        if _TARGET.match(self.contract) is None:
            problems.append("contract: module:attribute, such as chaincode.contracts:ChanrongContract")
        if (self.tls_cert is None) != (self.tls_key is None):
            problems.append("tls_cert and tls_key: give both or none")
        if self.client_roots is not None and self.tls_cert is None:
            problems.append("client_roots: peers' certificates need tls_cert and tls_key")
        if self.tls_cert is None and not self.plain_text and host not in LOOPBACK:
            problems.append(
                "listen: without tls_cert and tls_key only a loopback address, or plain_text = true"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Overrides, environment, the standard variables of chaincode images, files."""
        first, own, *files = super().settings_customise_sources(
            settings_cls, init_settings, env_settings, dotenv_settings, file_secret_settings
        )
        given = {name: os.environ[key] for key, name in STANDARD_VARIABLES.items() if os.environ.get(key)}
        return first, own, InitSettingsSource(settings_cls, given), *files
