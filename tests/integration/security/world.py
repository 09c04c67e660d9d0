"""A whole consortium in the test's own loop, with parties, REST clients, and certificates of every kind."""

from __future__ import annotations

import json
import os
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc.aio
import httpx
import pytest

from chaincode.contracts import ChanrongContract
from chaincode.hosts.embedded.server import serve as serve_ledger
from chaincode.hosts.embedded.settings import EmbeddedSettings
from chanrong.demo.trades import make_trades
from chanrong.sandbox.clients import tls_of
from consortium.contract.statements import consent_statement, revocation_statement
from consortium.documents import Document
from consortium.documents import Party as DocumentParty
from consortium.documents.canonical import document_bytes
from consortium.documents.party import primary_id
from consortium.identity.ca import CertificateAuthority
from consortium.identity.client_secrets import hash_client_secret
from consortium.identity.directory import Caller, OrgDirectory
from consortium.identity.signer import P256Signer
from consortium.identity.tokens import TokenIssuer
from consortium.rpc.client import call, channel
from consortium.rpc.run import Lifecycle, running
from consortium.rpc.settings import load_settings
from consortium.rpc.tls import TlsFiles
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from finance_gateway.app import serve as serve_finance
from finance_gateway.config import FinanceSettings
from industry_gateway.app import serve as serve_industry
from industry_gateway.config import IndustrySettings
from tests.support.sandbox import Sandbox, consortium_in

INDUSTRY = "IndustryAMSP"
BANK = "BankAMSP"
PURPOSE = "credit_assessment"
CLIENT = "loan-system"
"""Name of the REST client of both banks."""
LOOPBACK = ("localhost", "127.0.0.1")
THOROUGH = int(os.environ.get("THOROUGH", "1"))
"""How many times the usual number of random requests is sent; more for a search by hand."""
SETTLED = {"registered", "already_registered", "conflict", "refused"}

Json = dict[str, Any]


@dataclass(frozen=True)
class Member:
    """A party that is registered at industry-a, with its key and its secret."""

    alias: str
    handle: str
    signer: P256Signer
    secret: str
    party: DocumentParty

    def consent(self, **changes: Any) -> Json:
        """The body of a grant, as the party signs it."""
        now = int(time.time())
        fields: Json = {
            "consent_id": secrets.token_hex(16),
            "subject": self.handle,
            "recipient": BANK,
            "purpose": PURPOSE,
            "scope": "assess",
            "fields": ["*"],
            "issued": now,
            "expires": now + 3600,
        }
        return self.signed(consent_statement(**(fields | changes)))

    def revocation(self, consent_id: str, **changes: Any) -> Json:
        """The body of a withdrawal, as the party signs it."""
        fields: Json = {"consent_id": consent_id, "subject": self.handle, "issued": int(time.time())}
        return self.signed(revocation_statement(**(fields | changes)))

    def signed(self, statement: bytes, signer: P256Signer | None = None) -> Json:
        """A statement with its signature, as REST takes it."""
        signature = (signer or self.signer).sign(statement)
        return {"statement": base64_of(statement), "signature": base64_of(signature), "key_number": 1}


@dataclass
class World:
    """What the tests of this folder need."""

    sandbox: Sandbox
    secret: str
    members: dict[str, Member] = field(default_factory=dict)

    # ------------------------------------------------------------ certificates

    def tls(self, name: str, msp_id: str, role: str) -> TlsFiles:
        """A certificate that the organisation's own TLS CA gave, whatever the role."""
        folder = self.sandbox.layout.root / "extra" / f"{msp_id}-{role}-{name}"
        if not folder.exists():
            authority = CertificateAuthority.load(self.sandbox.layout.tls_ca(msp_id))
            self.save(folder, authority.issue(name, ou=role, sans=LOOPBACK))
        return self.files(folder)

    def save(self, folder: Path, issued: Any) -> TlsFiles:
        """TLS files of any certificate."""
        issued.save(folder / "cert.pem", folder / "key.pem")
        return self.files(folder)

    def files(self, folder: Path) -> TlsFiles:
        """TLS files that are there."""
        return TlsFiles(
            certificate=folder / "cert.pem", key=folder / "key.pem", roots=self.sandbox.layout.bundle
        )

    # ------------------------------------------------------------------- gRPC

    def target(self, service: str) -> str:
        """Address of a service's gRPC side."""
        return self.sandbox.profile.service(service).grpc

    @asynccontextmanager
    async def link(self, service: str, tls: TlsFiles | str) -> AsyncIterator[grpc.aio.Channel]:
        """A channel to a service, with TLS files or those of somebody of the sandbox."""
        if isinstance(tls, str):
            tls = tls_of(self.sandbox.layout, tls)
        made = channel(self.target(service), tls, roots=self._roots(service))
        try:
            yield made
        finally:
            await made.close()

    def _roots(self, service: str) -> bytes:
        layout = self.sandbox.layout
        return OrgDirectory.load(layout.directory).roots(self.sandbox.profile.service(service).msp_id)

    # ------------------------------------------------------------------- REST

    @asynccontextmanager
    async def http(self, service: str, token: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """A REST client of a gateway."""
        found = self.sandbox.profile.service(service)
        context = ssl.create_default_context(cafile=str(self.ca_file(service)))
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        async with httpx.AsyncClient(
            base_url=found.rest_url, verify=context, timeout=60, headers=headers, trust_env=False
        ) as client:
            yield client

    @asynccontextmanager
    async def as_party(self, alias: str) -> AsyncIterator[httpx.AsyncClient]:
        """A REST client of industry-a, as one of its parties."""
        token = self.token("industry-a", Caller(INDUSTRY, alias, "erp"))
        async with self.http("industry-a", token) as client:
            yield client

    def ca_file(self, service: str) -> Path:
        """What a REST client trusts."""
        return self.sandbox.layout.tls_ca(self.sandbox.profile.service(service).msp_id) / "ca.pem"

    def token(
        self, service: str, caller: Caller, *, at: float | None = None, key: P256Signer | None = None
    ) -> str:
        """A token as a gateway issues it, with its own key unless another is given."""
        msp_id = self.sandbox.profile.service(service).msp_id
        path = self.sandbox.layout.root / "orgs" / msp_id / "token-key.pem"
        signer = key or P256Signer.from_pem(path.read_bytes())
        moment = time.time() if at is None else at
        return TokenIssuer(service, signer, "token-1", now=lambda: moment).issue(caller).token

    async def push(self, alias: str, *documents: Document | bytes) -> Json:
        """Pushes documents as a party over REST, as NDJSON; the answer."""
        lines = [each if isinstance(each, bytes) else document_bytes(each) for each in documents]
        async with self.as_party(alias) as client:
            answer = await client.post(
                "/v1/documents",
                content=b"\n".join(lines),
                headers={"content-type": "application/x-ndjson"},
            )
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    async def settled(self, alias: str, push_id: str) -> list[Json]:
        """The documents of a push once the ledger's word on each is known."""
        import asyncio

        async with self.as_party(alias) as client, asyncio.timeout(30):
            while True:
                found = (await client.get(f"/v1/pushes/{push_id}")).json()["documents"]
                if all(each["position"]["state"] in SETTLED for each in found):
                    return list(found)
                await asyncio.sleep(0.02)

    # --------------------------------------------------------------- services

    def service(self, name: str) -> AbstractAsyncContextManager[Lifecycle]:
        """One service of the consortium, for as long as the block lasts; its data and addresses stay."""
        path = self.sandbox.layout.config(name)
        kind = self.sandbox.profile.service(name).kind
        if kind == "ledger":
            settings = load_settings(EmbeddedSettings, path)
            return running(lambda chosen: serve_ledger(chosen, ChanrongContract()), settings)
        if kind == "industry":
            return running(serve_industry, load_settings(IndustrySettings, path))
        assert kind == "finance"
        return running(serve_finance, load_settings(FinanceSettings, path))

    # ---------------------------------------------------------------- parties

    async def join_all(self) -> None:
        """Registers alice and bob, who sell, and carol, who buys."""
        for alias, party in zip(("alice", "bob", "carol"), (*TRADES.sellers, TRADES.buyer), strict=True):
            await self.join(alias, party)

    async def join(self, alias: str, party: DocumentParty) -> Member:
        """Registers a party at industry-a as its operator does."""
        signer = P256Signer.generate()
        request = industry_pb2.RegisterPartyRequest(
            alias=alias,
            name=party.name or "",
            identifiers=[str(each) for each in party.identifiers if each.scheme != "local"],
            public_key=signer.spki,
        )
        async with self.link("industry-a", "industry-a-operator") as link:
            answer = await call(industry_pb2_grpc.PartyServiceStub(link).RegisterParty, request)
        member = Member(alias, answer.party.handle, signer, answer.client_secret, party)
        self.members[alias] = member
        return member


TRADES = make_trades(11, sellers=2, trades=4, shapes=("whole",), confirmed_percent=100)
"""Two sellers with two trades each, and their buyer: alice, bob and carol in the tests."""


def base64_of(content: bytes) -> str:
    """Standard base64."""
    import base64

    return base64.b64encode(content).decode()


def trades_of(alias: str) -> Sequence[Any]:
    """The trades of a seller."""
    seller = TRADES.sellers[("alice", "bob").index(alias)]
    wanted = str(primary_id(seller))
    return [each for each in TRADES.trades if str(primary_id(each.order.seller)) == wanted]


@asynccontextmanager
async def world_in(
    folder: Path, *kinds: str, industries: int = 1, banks: int = 1, **env: str
) -> AsyncIterator[World]:
    """A running consortium with the parties alice and bob (sellers) and carol (their buyer) at industry-a.

    :param env: further settings by environment variable, for every service
    """
    secret = secrets.token_urlsafe(24)
    settings: Mapping[str, str] = {
        "CHANRONG_CLIENTS": json.dumps({CLIENT: hash_client_secret(secret)}),
        "CHANRONG_OPERATOR_SECRET_HASH": hash_client_secret(secret),
        **env,
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in [each for each in os.environ if each.startswith("CHANRONG_")]:
            patch.delenv(name)
        for name, value in settings.items():
            patch.setenv(name, value)
        async with consortium_in(folder, *kinds, industries=industries, banks=banks) as sandbox:
            world = World(sandbox, secret)
            if "industry" in kinds:
                await world.join_all()
            yield world
