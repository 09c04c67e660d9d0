"""A consortium within the test's own loop: the settings that `chanrong up` writes, the services' own `serve`.

```python
async with consortium_in(tmp_path, "ledger", "adapter", "finance") as sandbox:
    async with sandbox.as_officer("bank-a") as link: ...
```
"""

from __future__ import annotations

import base64
import random
import secrets
import socket
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import grpc.aio
import orjson

from chaincode.contracts import ChanrongContract
from chaincode.hosts.embedded.server import serve as serve_ledger
from chaincode.hosts.embedded.settings import EmbeddedSettings
from chanrong.sandbox import topology
from chanrong.sandbox.clients import connect, officer_of
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.overrides import Overrides
from chanrong.sandbox.profile import Profile
from chanrong.sandbox.provision import provision, write_settings
from consortium.contract import names
from consortium.contract.codec import encode
from consortium.contract.statements import consent_statement, revocation_statement
from consortium.documents import Document
from consortium.documents.canonical import document_bytes
from consortium.documents.commitment import commitment_hex, new_secret
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.documents.roles import Reference, buyer_of, issuer_of, seller_of
from consortium.documents.weights import portions_of, weight, worth_of
from consortium.identity.msp import load_identity
from consortium.identity.signer import P256Signer
from consortium.ledger.connection import Endpoint
from consortium.ledger.contract import Contract
from consortium.ledger.gateway import Gateway
from consortium.ledger.network import Network
from consortium.rpc.run import Lifecycle, running
from consortium.rpc.settings import load_settings
from consortium.wire.chanrong.documents.v1 import documents_pb2
from crossverify.adapters.kinds import ADAPTERS

DAY_S = 86_400
QUIET_PORTS = (12_000, 32_000)


@dataclass
class Sandbox:
    """What a test needs of it."""

    layout: Layout
    profile: Profile
    stack: AsyncExitStack
    keys: ConsortiumKeys
    party_keys: dict[str, P256Signer] = field(default_factory=dict)
    bodies: dict[str, documents_pb2.DisclosedDocument] = field(default_factory=dict)
    ledger: AsyncExitStack | None = None
    _gateways: dict[str, Gateway] = field(default_factory=dict)

    def contract(self, msp_id: str) -> Contract:
        """The contract, as an organisation calls it."""
        return self.network(msp_id).contract(self.profile.chaincode)

    def network(self, msp_id: str) -> Network:
        """The channel, as an organisation sees it."""
        if msp_id not in self._gateways:
            node = self.profile.service("ledger")
            root = (self.layout.tls_ca(node.msp_id) / "ca.pem").read_bytes()
            gateway = Gateway([Endpoint(node.grpc, root)], load_identity(self.layout.msp(msp_id), msp_id))
            self._gateways[msp_id] = gateway
            self.stack.push_async_callback(gateway.close)
        return self._gateways[msp_id].network(self.profile.channel)

    async def write(self, msp_id: str, function: str, items: Sequence[Any], **transient: bytes) -> list[Any]:
        """A committed write; its results."""
        request = encode({"op": secrets.token_hex(16), "items": list(items)})
        bank = next(s.msp_id for s in self.profile.of_kind("finance"))
        answer = await self.contract(msp_id).submit(
            function, request, transient=transient, organisations=["IndustryAMSP", bank]
        )
        return list(orjson.loads(answer)["results"])

    def handle(self, identifier: str) -> str:
        """A party's ledger handle."""
        return self.keys.party_handle(identifier)

    async def join(self, identifier: str, msp_id: str = "IndustryAMSP") -> str:
        """Registers a party on the ledger; its handle."""
        handle = self.handle(identifier)
        signer = self.party_keys.setdefault(handle, P256Signer.generate())
        spki = base64.b64encode(signer.spki).decode()
        item = {"party": handle, "key": {"number": 1, "alg": "ES256", "spki": spki}}
        result = (await self.write(msp_id, names.PARTIES_REGISTER, [item]))[0]
        assert result["status"] == "registered", result
        return handle

    async def consent(self, handle: str, recipient: str, scope: str = "assess", **changes: Any) -> str:
        """A consent signed by the party; its id."""
        now = int(time.time())
        fields: dict[str, Any] = {
            "consent_id": secrets.token_hex(16),
            "subject": handle,
            "recipient": recipient,
            "purpose": "credit_assessment",
            "scope": scope,
            "fields": ["*"],
            "issued": now,
            "expires": now + 30 * DAY_S,
        } | changes
        statement = consent_statement(**fields)
        item = {
            "statement": base64.b64encode(statement).decode(),
            "key": 1,
            "signature": base64.b64encode(self.party_keys[handle].sign(statement)).decode(),
        }
        result = (await self.write("IndustryAMSP", names.CONSENTS_GRANT, [item]))[0]
        assert result["status"] == "granted", result
        return str(fields["consent_id"])

    async def revoke(self, handle: str, consent_id: str) -> None:
        """Withdraws a consent."""
        statement = revocation_statement(consent_id=consent_id, subject=handle, issued=int(time.time()))
        item = {
            "statement": base64.b64encode(statement).decode(),
            "key": 1,
            "signature": base64.b64encode(self.party_keys[handle].sign(statement)).decode(),
        }
        result = (await self.write("IndustryAMSP", names.CONSENTS_REVOKE, [item]))[0]
        assert result["status"] == "revoked", result

    async def register(
        self, *documents: Document, msp_id: str = "IndustryAMSP", linked: bool = False
    ) -> list[Any]:
        """Registers documents as an industry gateway would, and keeps their bodies for the release service.

        :param linked: with the links of invoices to those orders that are registered along with them
        """
        orders = {self.keys.fingerprint(d): d for d in documents if d.kind == "purchase_order"}
        items = []
        for document in documents:
            secret = new_secret()
            item = self.item(document, secret)
            items.append(item | {"links": self._links(document, orders)} if linked else item)
            self.keep(document, secret, msp_id)
        return await self.write(msp_id, names.DOCUMENTS_REGISTER, items)

    def item(self, document: Document, secret: bytes | None = None) -> dict[str, Any]:
        """What registers a document, without links."""
        seller, buyer = seller_of(document), buyer_of(document)
        keys = self.keys.keys_of(document)
        return {
            "kind": document.kind,
            "keys": [{"epoch": k.epoch, "fp": k.fp, "tag": k.tag} for k in keys],
            "commitment": commitment_hex(document, secret or new_secret()),
            "seller": self.keys.handle_of(seller) if seller else None,
            "buyer": self.keys.handle_of(buyer) if buyer else None,
            "issuer": self.keys.handle_of(issuer_of(document)),
            "origin": None,
            "asset": document.kind in names.ASSET_KINDS,
            "links": [],
        }

    def keep(self, document: Document, secret: bytes, msp_id: str) -> documents_pb2.DisclosedDocument:
        """Keeps a body for the release service."""
        fingerprint = self.keys.fingerprint(document)
        self.bodies[fingerprint] = documents_pb2.DisclosedDocument(
            fingerprint=fingerprint,
            kind=documents_pb2.DocumentKind.Value(f"DOCUMENT_KIND_{document.kind.upper()}"),
            canonical_json=document_bytes(document),
            salt_secret=secret,
            position=documents_pb2.LedgerPosition(
                state=documents_pb2.LEDGER_STATE_REGISTERED, block_number=1
            ),
            registered_by=msp_id,
            pushed_by=self.keys.handle_of(issuer_of(document)),
        )
        return self.bodies[fingerprint]

    def _links(self, document: Document, orders: Mapping[str, Document]) -> list[dict[str, Any]]:
        links = []
        for portion in portions_of(document):
            reference = Reference("purchase_order", portion.number, seller_of(document), buyer_of(document))
            parent = self.keys.parent_fingerprint(reference, document)
            known = orders.get(parent)
            found = weight(worth_of(document), portion, worth_of(known) if known is not None else None)
            links.append(
                {
                    "parent": parent,
                    "kind": "purchase_order",
                    "of_child": found.of_child,
                    "of_parent": found.of_parent,
                    "basis": found.basis,
                }
            )
        return links

    async def credit(self, invoice: Document, share: int, msp_id: str = "IndustryAMSP") -> None:
        """States that a share of an invoice was credited, as its industry gateway does after a credit note."""
        item = {
            "asset": self.keys.fingerprint(invoice),
            "type": "credit",
            "share": share,
            "evidence": secrets.token_hex(32),
        }
        result = (await self.write(msp_id, names.ENCUMBRANCES_FACT, [item]))[0]
        assert result["status"] == "done", result

    def roots(self, name: str) -> ssl.SSLContext:
        """Whom a REST client of a service trusts."""
        return ssl.create_default_context(
            cafile=str(self.layout.tls_ca(self.profile.service(name).msp_id) / "ca.pem")
        )

    @asynccontextmanager
    async def without_ledger(self) -> AsyncIterator[None]:
        """The ledger is down while the block lasts."""
        assert self.ledger is not None
        await self.ledger.aclose()
        try:
            yield
        finally:
            self.ledger = AsyncExitStack()
            self.stack.push_async_callback(self.ledger.aclose)
            await self.ledger.enter_async_context(_running(self.layout, "ledger", "ledger"))

    async def start_finance(self, name: str) -> None:
        """Runs a bank's gateway until the sandbox ends."""
        await self.stack.enter_async_context(_running(self.layout, name, "finance"))

    def finance(self, name: str) -> AbstractAsyncContextManager[Lifecycle]:
        """Runs a bank's gateway while the block lasts; again and again on the same store."""
        return _running(self.layout, name, "finance")

    @asynccontextmanager
    async def as_officer(self, bank: str) -> AsyncIterator[grpc.aio.Channel]:
        """A loan officer's channel to a bank's gateway."""
        service = self.profile.service(bank)
        async with connect(self.layout, service, officer_of(service)) as link:
            yield link


class QuietPorts:
    """Free ports below those that systems give to whoever asks for any; they stay free until they are bound.

    Tests of several processes at once do not get the same: each port is marked as taken, for as long as this is open,
    by a name that the whole machine sees.
    """

    def __init__(self) -> None:
        self._marks: list[socket.socket] = []

    def __call__(self, count: int) -> list[int]:
        """As ``topology.free_ports``."""
        found: list[int] = []
        while len(found) < count:
            port = random.randrange(*QUIET_PORTS)
            if self._mark(port) and _is_free(port):
                found.append(port)
        return found

    def _mark(self, port: int) -> bool:
        mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            mark.bind(f"\0chanrong-test-port-{port}")
        except OSError:
            mark.close()
            return False
        self._marks.append(mark)
        return True

    def close(self) -> None:
        """Lets others have them."""
        for mark in self._marks:
            mark.close()


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
        try:
            sock.bind((topology.HOST, port))
        except OSError:
            return False
        return True


@asynccontextmanager
async def consortium_in(
    folder: Any,
    *kinds: str,
    industries: int = 1,
    banks: int = 2,
    overrides: Mapping[str, Any] | None = None,
) -> AsyncIterator[Sandbox]:
    """A consortium whose services of these kinds run within this loop; certificates and settings are complete.

    :param overrides: as in a file that ``chanrong up --config`` takes
    """
    layout = Layout.at(folder)
    ports = QuietPorts()
    with mock.patch.object(topology, "free_ports", ports):
        profile = topology.plan("embedded", industries, banks)
    provision(layout, profile)
    write_settings(layout, profile, Overrides(overrides or {}))
    keys = ConsortiumKeys.from_json(layout.consortium_keys.read_bytes())
    async with AsyncExitStack() as stack:
        stack.callback(ports.close)
        ledger = await stack.enter_async_context(AsyncExitStack())
        for kind in ("ledger", "adapter", "industry", "finance"):
            for service in profile.of_kind(kind) if kind in kinds else ():
                owner = ledger if kind == "ledger" else stack
                await owner.enter_async_context(_running(layout, service.name, kind))
        yield Sandbox(layout, profile, stack, keys, ledger=ledger)


def _running(layout: Layout, name: str, kind: str) -> AbstractAsyncContextManager[Lifecycle]:
    path = layout.config(name)
    if kind == "ledger":
        settings = load_settings(EmbeddedSettings, path)
        return running(lambda s: serve_ledger(s, ChanrongContract()), settings)
    if kind == "adapter":
        adapter = ADAPTERS[name]
        return running(adapter.serve, load_settings(adapter.settings, path))
    if kind == "finance":
        from finance_gateway.app import serve
        from finance_gateway.config import FinanceSettings

        return running(serve, load_settings(FinanceSettings, path))
    from industry_gateway.app import serve as serve_industry
    from industry_gateway.config import IndustrySettings

    return running(serve_industry, load_settings(IndustrySettings, path))
