"""TLS and mutual TLS; wrong files are told when the server starts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chaincode.hosts.peer import ChaincodeServer, ChaincodeSettings
from consortium.errors import ConfigurationError
from consortium.identity.ca import CertificateAuthority, Issued
from tests.integration.peer_host.conftest import serving, target
from tests.support.kv_contract import KvContract
from tests.support.scripted_peer import ScriptedPeer, dial, dialled

SANS = ["localhost", "127.0.0.1"]


@dataclass
class Files:
    """An authority, a server certificate, and settings that name them."""

    authority: CertificateAuthority
    folder: Path

    @property
    def tls(self) -> dict[str, Any]:
        """Server side."""
        return {"tls_cert": self.folder / "cert.pem", "tls_key": self.folder / "key.pem"}

    @property
    def roots(self) -> Path:
        """The authority's certificate."""
        return self.folder / "roots.pem"

    def client(self, issued: Issued | None = None) -> grpc.ChannelCredentials:
        """A peer's side."""
        key, cert = (None, None) if issued is None else (issued.key_pem, issued.cert_pem)
        return grpc.ssl_channel_credentials(self.authority.cert_pem, key, cert)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Made anew."""
    authority = CertificateAuthority.create("tlsca", "IndustryAMSP")
    issued = authority.issue("chaincode", sans=SANS, usage="tls")
    issued.save(tmp_path / "cert.pem", tmp_path / "key.pem")
    (tmp_path / "roots.pem").write_bytes(authority.cert_pem)
    return Files(authority, tmp_path)


async def test_tls(files: Files) -> None:
    async with serving(**files.tls) as server, dialled(target(server), credentials=files.client()) as peer:
        assert (await peer.call("put", "a", "1")).response.status == 200


async def test_mutual_tls_lets_its_own_in_and_nobody_else(files: Files) -> None:
    own = files.client(files.authority.issue("peer", sans=SANS, usage="tls"))
    stranger = CertificateAuthority.create("other", "OtherMSP").issue("peer", sans=SANS, usage="tls")
    async with serving(**files.tls, client_roots=files.roots) as server:
        async with dialled(target(server), credentials=own) as peer:
            assert (await peer.call("put", "a", "1")).response.status == 200
        for refused in (files.client(), files.client(stranger), None):
            async with dial(target(server), refused) as channel:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await ScriptedPeer(channel).receive()
                assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert server.streams == 0


async def test_health_has_the_same_tls(files: Files) -> None:
    async with serving(**files.tls) as server:
        async with dial(target(server), files.client()) as channel:
            health: Any = health_pb2_grpc.HealthStub(channel)
            for service in ("", "protos.Chaincode"):
                answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
                assert answer.status == health_pb2.HealthCheckResponse.SERVING
        async with dial(target(server)) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            with pytest.raises(grpc.aio.AioRpcError):
                await health.Check(health_pb2.HealthCheckRequest(), timeout=10)


@pytest.mark.parametrize("broken", ["cert.pem", "key.pem", "roots.pem"])
@pytest.mark.parametrize("content", [None, b"no PEM"])
async def test_files_that_cannot_be_used(files: Files, broken: str, content: bytes | None) -> None:
    (files.folder / broken).unlink()
    if content is not None:
        (files.folder / broken).write_bytes(content)
    settings = ChaincodeSettings(package_id="kv:1", client_roots=files.roots, **files.tls)
    with pytest.raises(ConfigurationError):
        await ChaincodeServer(settings, KvContract()).start()


async def test_a_port_that_is_taken(server: ChaincodeServer) -> None:
    settings = ChaincodeSettings(package_id="kv:1", listen=target(server))
    with pytest.raises(ConfigurationError, match="cannot listen"):
        await ChaincodeServer(settings, KvContract()).start()
