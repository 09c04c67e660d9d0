"""Where the ledger is, as settings say it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from consortium.errors import ConfigurationError
from consortium.identity.ca import CertificateAuthority
from consortium.ledger.settings import LedgerSettings
from tests.unit.ledger.test_profile import profile, write


@pytest.fixture(scope="session")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("tls") / "ca.pem"
    file.write_bytes(CertificateAuthority.create("tlsca", "Org1").cert_pem)
    return file


def test_peers_one_by_one(roots: Path) -> None:
    settings = LedgerSettings(endpoints=("Org1MSP@a:1", "b:2"), tls_roots=roots, override="peer0")

    found = settings.gateway_endpoints("Org1MSP")

    assert [(item.target, item.msp_id, item.override) for item in found] == [
        ("a:1", "Org1MSP", "peer0"),
        ("b:2", "", "peer0"),
    ]
    assert {item.tls_root for item in found} == {roots.read_bytes()}


def test_a_connection_profile(tmp_path: Path) -> None:
    issued = CertificateAuthority.create("tlsca", "Org2").issue("gateway")
    issued.save(tmp_path / "tls.pem", tmp_path / "tls.key")
    settings = LedgerSettings(
        connection_profile=write(tmp_path, profile()),
        channel="trade",
        tls_client_cert=tmp_path / "tls.pem",
        tls_client_key=tmp_path / "tls.key",
    )

    found = settings.gateway_endpoints("Org2MSP")

    assert [(item.target, item.msp_id) for item in found] == [
        ("127.0.0.1:9051", "Org2MSP"),
        ("localhost:7051", "Org1MSP"),
    ]
    assert {item.client_certificate for item in found} == {issued.cert_pem}
    with pytest.raises(ConfigurationError, match="there is no 'chanrong', only trade"):
        LedgerSettings(connection_profile=settings.connection_profile).gateway_endpoints("Org1MSP")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "give endpoints and tls_roots, or connection_profile"),
        ({"endpoints": ("a:1",)}, "give endpoints and tls_roots, or connection_profile"),
        (
            {"endpoints": ("a:1",), "tls_roots": Path("x"), "connection_profile": Path("y")},
            "not both",
        ),
        (
            {"connection_profile": Path("y"), "tls_client_key": Path("z")},
            "tls_client_cert and tls_client_key belong together",
        ),
    ],
)
def test_one_way_or_the_other(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        LedgerSettings(**given)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = LedgerSettings(endpoints=("a:1",), tls_roots=tmp_path / "none.pem")

    with pytest.raises(ConfigurationError, match=r"none\.pem cannot be read"):
        settings.gateway_endpoints("Org1MSP")
