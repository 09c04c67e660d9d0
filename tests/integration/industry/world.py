"""A real embedded ledger with the real contract, and a real industry gateway before it: in this process, or
each in one of its own.

``python -m tests.integration.industry.world ledger|gateway SETTINGS.json`` runs one of the two.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from consortium.contract.codec import encode
from consortium.contract.statements import consent_statement, revocation_statement
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.identity.files import write_file
from consortium.identity.signer import P256Signer
from consortium.ledger.connection import Endpoint
from consortium.ledger.gateway import Gateway
from consortium.rpc.client import call, channel
from consortium.rpc.run import run_service, running
from consortium.storage.crypto import BodyVault
from consortium.wire.chanrong.documents.v1 import documents_pb2
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from industry_gateway.app import serve as serve_gateway
from industry_gateway.config import IndustrySettings
from tests.support.certs import TestConsortium, make_consortium

ROOT = Path(__file__).resolve().parents[3]
MSP = "IndustryAMSP"
BANK = "BankAMSP"
KEYS = {"current": 1, "epochs": {"1": "11" * 32}, "party": "22" * 32}
SELLER = {
    "name": "苏州恒昌紧固件有限公司",
    "identifiers": [{"scheme": "uscc", "value": "91310115MA1K3BTP2B"}],
}
BUYER = {
    "name": "上海远航集团股份有限公司",
    "identifiers": [{"scheme": "uscc", "value": "91152201078377449P"}],
}
START_TIMEOUT_S = 60.0


@dataclass
class Party:
    """A registered party with its key and secret."""

    alias: str
    handle: str
    signer: P256Signer
    secret: str
    gateway: str

    def consent(self, **changes: Any) -> tuple[bytes, bytes]:
        """A signed consent: statement and signature."""
        now = int(time.time())
        fields: dict[str, Any] = {
            "consent_id": os.urandom(16).hex(),
            "subject": self.handle,
            "recipient": BANK,
            "purpose": "credit_assessment",
            "scope": "assess",
            "fields": ["*"],
            "issued": now,
            "expires": now + 3600,
        }
        statement = consent_statement(**(fields | changes))
        return statement, self.signer.sign(statement)

    def revocation(self, consent_id: str) -> tuple[bytes, bytes]:
        """A signed revocation."""
        statement = revocation_statement(consent_id=consent_id, subject=self.handle, issued=int(time.time()))
        return statement, self.signer.sign(statement)


@dataclass
class World:
    """Certificates, keys and addresses of one test."""

    root: Path
    certs: TestConsortium
    ledger: str = ""
    grpc: str = ""
    rest: str = ""
    parties: dict[str, Party] = field(default_factory=dict)
    signers: dict[str, P256Signer] = field(default_factory=dict)

    @property
    def keys(self) -> ConsortiumKeys:
        """The consortium's keys."""
        return ConsortiumKeys.from_json(json.dumps(KEYS))

    def gateway_settings(self, **changes: Any) -> IndustrySettings:
        """Settings of the gateway."""
        values: dict[str, Any] = {
            "name": "industry-a",
            "msp_id": MSP,
            "database": f"sqlite:///{self.root / 'industry.db'}",
            "tls": self.certs.tls("industry-a", MSP, "gateway"),
            "directory": self.certs.directory_file,
            "identity": self.certs.msp_folder(MSP),
            "consortium_keys": self.root / "consortium-keys.json",
            "master_keys": self.root / "master-keys.json",
            "token_key": self.root / "token.pem",
            "ledger": {
                "endpoints": [self.ledger],
                "tls_roots": self.certs.tls_ca_file(MSP),
                "organisations": [MSP, BANK],
            },
            "outbox": {"outcome_timeout_s": 2.0},
            "grace_s": 2.0,
        }
        return IndustrySettings(**(values | changes))

    def ledger_values(self, **changes: Any) -> dict[str, Any]:
        """Settings of the embedded ledger, as plain values."""
        tls = self.certs.tls("ledger", MSP, "adapter")
        values: dict[str, Any] = {
            "database": str(self.root / "ledger.db"),
            "tls_cert": str(tls.certificate),
            "tls_key": str(tls.key),
            "organisations": [self._organisation(msp) for msp in (MSP, "IndustryBMSP", BANK, "BankBMSP")],
            "policy": {"all_of": [MSP], "any_of": [[BANK, "BankBMSP"]]},
            "grace_s": 1.0,
        }
        return values | changes

    def _organisation(self, msp: str) -> dict[str, Any]:
        folder = self.root / "embedded" / msp
        peer = self.certs.orgs[msp].ca.issue(f"peer0.{msp.lower()}", ou=("peer", "chanrong-embedded"))
        peer.save(folder / "peer.pem", folder / "peer.key")
        return {
            "msp_id": msp,
            "ca_certs": [str(self.certs.ca_file(msp))],
            "peer_cert": str(folder / "peer.pem"),
            "peer_key": str(folder / "peer.key"),
        }

    @asynccontextmanager
    async def chaincode(self, msp: str = BANK) -> AsyncIterator[Any]:
        """The contract, as another organisation's client sees it."""
        roots = self.certs.tls_ca_file(MSP).read_bytes()
        async with Gateway([Endpoint(self.ledger, roots)], self.certs.identity(msp)) as gateway:
            yield gateway.network("chanrong").contract("chanrong")

    @asynccontextmanager
    async def network(self, msp: str = BANK) -> AsyncIterator[Any]:
        """The channel, as another organisation's client sees it."""
        roots = self.certs.tls_ca_file(MSP).read_bytes()
        async with Gateway([Endpoint(self.ledger, roots)], self.certs.identity(msp)) as gateway:
            yield gateway.network("chanrong")

    @asynccontextmanager
    async def stub(self, kind: Any, name: str, msp: str = MSP, role: str = "erp") -> AsyncIterator[Any]:
        """A gRPC stub, called with a certificate of this name and role."""
        async with channel(self.grpc, self.certs.tls(name, msp, role)) as link:
            yield kind(link)

    @asynccontextmanager
    async def http(self, alias: str | None) -> AsyncIterator[httpx.AsyncClient]:
        """A REST client, with a token of a party."""
        context = ssl.create_default_context(cafile=str(self.certs.tls_ca_file(MSP)))
        async with httpx.AsyncClient(
            base_url=f"https://{self.rest}", verify=context, timeout=60, trust_env=False
        ) as client:
            if alias is not None:
                form = {"grant_type": "client_credentials"}
                auth = (alias, self.parties[alias].secret)
                answer = await client.post("/oauth2/token", data=form, auth=auth)
                client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"
            yield client

    async def register(self, alias: str, party: Mapping[str, Any], *more: str) -> Party:
        """Registers a party as the operator does."""
        signer = self.signers.setdefault(alias, P256Signer.generate())
        names = [f"{each['scheme']}:{each['value']}" for each in party["identifiers"]] + list(more)
        request = industry_pb2.RegisterPartyRequest(
            alias=alias, name=party["name"], identifiers=names, public_key=signer.spki
        )
        async with self.stub(industry_pb2_grpc.PartyServiceStub, "operator", role="operator") as stub:
            answer = await call(stub.RegisterParty, request)
        made = Party(alias, answer.party.handle, signer, answer.client_secret, self.grpc)
        self.parties[alias] = made
        return made

    async def push(
        self, alias: str, documents: Sequence[Mapping[str, Any] | bytes], key: str = ""
    ) -> industry_pb2.PushResponse:
        """Pushes documents over gRPC."""
        sources = [
            documents_pb2.SourceDocument(
                content=each if isinstance(each, bytes) else json.dumps(each).encode()
            )
            for each in documents
        ]
        async with self.stub(industry_pb2_grpc.IntakeServiceStub, alias) as stub:
            return await call(stub.Push, industry_pb2.PushRequest(documents=sources, idempotency_key=key))

    async def settled(
        self, alias: str, push_id: str, timeout_s: float = 30
    ) -> list[industry_pb2.DocumentStatus]:
        """The documents of a push, once none is pending."""
        async with (
            asyncio.timeout(timeout_s),
            self.stub(industry_pb2_grpc.IntakeServiceStub, alias) as stub,
        ):
            while True:
                answer = await call(stub.GetDocuments, industry_pb2.GetDocumentsRequest(push_id=push_id))
                if all(each.position.state > documents_pb2.LEDGER_STATE_PENDING for each in answer.documents):
                    return list(answer.documents)
                await asyncio.sleep(0.02)

    async def records(self, fingerprints: Sequence[str]) -> list[dict[str, Any] | None]:
        """What the ledger has under these fingerprints."""
        async with self.chaincode() as contract:
            answer = await contract.evaluate("documents:get", encode({"fps": list(fingerprints)}))
        return list(json.loads(answer)["documents"])


def make_world(root: Path) -> World:
    """All files of a test."""
    certs = make_consortium(root / "certs")
    write_file(root / "consortium-keys.json", json.dumps(KEYS).encode(), private=True)
    BodyVault.create_file(root / "master-keys.json")
    write_file(root / "token.pem", P256Signer.generate().to_pem(), private=True)
    return World(root, certs)


@asynccontextmanager
async def ledger_running(world: World, **changes: Any) -> AsyncIterator[None]:
    """An embedded ledger in this process."""
    from chaincode.contracts import ChanrongContract
    from chaincode.hosts.embedded import EmbeddedLedger, EmbeddedSettings

    ledger = EmbeddedLedger(EmbeddedSettings(**world.ledger_values(**changes)), ChanrongContract())
    await ledger.start()
    world.ledger = ledger.target
    try:
        yield
    finally:
        await ledger.stop(0.2)


@asynccontextmanager
async def gateway_running(world: World, **changes: Any) -> AsyncIterator[None]:
    """The gateway in this process."""
    async with running(serve_gateway, world.gateway_settings(**changes)) as life:
        world.grpc = f"127.0.0.1:{life.ports['grpc']}"
        world.rest = f"localhost:{life.ports['rest']}"
        yield


class Process:
    """One of the two in a process of its own."""

    def __init__(self, world: World, what: str) -> None:
        self._world = world
        self._what = what
        self._ready = world.root / f"{what}-ready.json"
        self.process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> Path:
        """Where it writes."""
        return self._world.root / f"{self._what}.log"

    async def start(self, environment: Mapping[str, str] | None = None, **changes: Any) -> None:
        """Starts it and waits until it serves."""
        world = self._world
        if self._what == "ledger":
            values = world.ledger_values(ready_file=str(self._ready), **changes)
        else:
            settings = world.gateway_settings(ready_file=self._ready, **changes)
            values = settings.model_dump(mode="json")
        path = world.root / f"{self._what}.json"
        path.write_text(json.dumps(values))
        self._ready.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.integration.industry.world",
                self._what,
                str(path),
                cwd=ROOT,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})},
            )
        async with asyncio.timeout(START_TIMEOUT_S):
            while not self._ready.exists():
                if self.process.returncode is not None:
                    return  # it died on the way, as a failpoint may want
                await asyncio.sleep(0.02)
        ports = json.loads(self._ready.read_text())["ports"]
        if self._what == "ledger":
            world.ledger = f"127.0.0.1:{ports['grpc']}"
        else:
            world.grpc, world.rest = f"127.0.0.1:{ports['grpc']}", f"localhost:{ports['rest']}"

    async def ended(self, timeout_s: float = 60) -> int:
        """Its exit code, once it has ended."""
        assert self.process is not None
        async with asyncio.timeout(timeout_s):
            return await self.process.wait()

    async def kill(self) -> None:
        """Ends it hard."""
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGKILL)
            await self.process.wait()


def main() -> None:
    """Serves one of the two until SIGTERM."""
    what, values = sys.argv[1], json.loads(Path(sys.argv[2]).read_text())
    if what == "ledger":
        from chaincode.contracts import ChanrongContract
        from chaincode.hosts.embedded import EmbeddedSettings, serve

        settings = EmbeddedSettings(**values)
        sys.exit(run_service("ledger", lambda chosen: serve(chosen, ChanrongContract()), lambda: settings))
    sys.exit(run_service("industry", serve_gateway, lambda: IndustrySettings(**values)))


if __name__ == "__main__":
    main()
