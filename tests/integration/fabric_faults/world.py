"""A Fabric network of its own with two industry gateways before it, all to be hurt; and the oracle.

**What was acknowledged is on the ledger exactly once, nothing else is, and each gateway's own positions are the
ledger's.** The ledger's side is read from the blocks of a bank's peer, from the first block on.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from chanrong.sandbox import processes
from consortium.contract import names, read_results
from consortium.rpc.client import call
from consortium.wire.chanrong.documents.v1 import documents_pb2 as pb
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from industry_gateway.config import IndustrySettings
from tests.integration.fabric_faults.faulty import fault_file
from tests.integration.industry.papers import invoice
from tests.integration.industry.world import BUYER, SELLER, World, make_world
from tests.support.fabric import FabricWorld, fabric_world

A, B, BANK = "IndustryAMSP", "IndustryBMSP", "BankAMSP"
MEMBERS = (A, B, BANK)
"""The policy asks for the first one and any of the others."""
CHAINCODE = "chanrong"
FAULTY = "tests.integration.fabric_faults.faulty:FaultyContract"
PATIENCE_S = 60.0
"""Until which nothing may be stuck."""
FINAL = {
    pb.LEDGER_STATE_REGISTERED,
    pb.LEDGER_STATE_ALREADY_REGISTERED,
    pb.LEDGER_STATE_CONFLICT,
    pb.LEDGER_STATE_REFUSED,
}


@dataclass
class Trader(World):
    """An industry gateway on Fabric and who pushes to it: the seller at one, the buyer at the other.

    :ivar endpoints: gateway peers, when not its own and then the others'
    """

    fabric: FabricWorld | None = None
    msp: str = A
    alias: str = "seller"
    endpoints: Sequence[str] = ()

    async def take_party(self) -> None:
        """Registers who pushes here: a party is vouched for by one organisation."""
        await self.register(self.alias, SELLER if self.alias == "seller" else BUYER)

    async def give(self, documents: Sequence[Any], key: str = "") -> industry_pb2.PushResponse:
        """Pushes documents as that party."""
        return await self.push(self.alias, documents, key)

    async def done(self, push_id: str, patience_s: float = PATIENCE_S) -> list[industry_pb2.DocumentStatus]:
        """The documents of a push, once none is pending."""
        return await self.settled(self.alias, push_id, patience_s)

    async def registered(self, push_id: str) -> list[industry_pb2.DocumentStatus]:
        """The documents of a push that are registered by now."""
        async with self.stub(industry_pb2_grpc.IntakeServiceStub, self.alias) as stub:
            answer = await call(stub.GetDocuments, industry_pb2.GetDocumentsRequest(push_id=push_id))
        return [each for each in answer.documents if each.position.state == pb.LEDGER_STATE_REGISTERED]

    @property
    def network_of(self) -> FabricWorld:
        """The network."""
        assert self.fabric is not None
        return self.fabric

    def gateway_settings(self, **changes: Any) -> IndustrySettings:
        """Settings of the gateway."""
        fabric = self.network_of
        others = [msp for msp in MEMBERS if msp != self.msp]
        endpoints = self.endpoints or [f"{msp}@{fabric.endpoint(msp).target}" for msp in (self.msp, *others)]
        roots = self.root / "peers.pem"
        roots.write_bytes(b"".join(fabric.tls_root(msp).read_bytes() for msp in MEMBERS))
        values: dict[str, Any] = {
            "name": f"industry-{self.msp[8].lower()}",
            "msp_id": self.msp,
            "tls": self.certs.tls("industry", self.msp, "gateway"),
            "identity": fabric.layout.msp(self.msp),
            "prepare_processes": 0,
            "ledger": {
                "kind": "fabric",
                "endpoints": list(endpoints),
                "tls_roots": roots,
                "channel": fabric.channel,
                "chaincode": CHAINCODE,
            },
        }
        return super().gateway_settings(**(values | changes))

    @asynccontextmanager
    async def stub(self, kind: Any, name: str, msp: str = "", role: str = "erp") -> AsyncIterator[Any]:
        """A gRPC stub, for somebody of this gateway's organisation unless told otherwise."""
        async with super().stub(kind, name, msp or self.msp, role) as made:
            yield made

    @asynccontextmanager
    async def network(self, msp: str = BANK) -> AsyncIterator[Any]:
        """The channel, as another organisation sees it."""
        async with self.network_of.gateway(msp) as gateway:
            yield gateway.network(self.network_of.channel)

    @asynccontextmanager
    async def chaincode(self, msp: str = BANK) -> AsyncIterator[Any]:
        """The contract, as another organisation sees it."""
        async with self.network(msp) as network:
            yield network.contract(CHAINCODE)


@dataclass(frozen=True)
class Position:
    """Where the ledger has a registration."""

    txid: str
    block: int
    owner: str


@dataclass
class Faults:
    """The network, the traders, and what was acknowledged so far."""

    fabric: FabricWorld
    a: Trader
    b: Trader
    acknowledged: set[str] = field(default_factory=set)

    def told(self, *answers: industry_pb2.PushResponse) -> list[str]:
        """Notes what gateways have acknowledged; the fingerprints."""
        found = [each.fingerprint for answer in answers for each in answer.results]
        assert all(each.document_id for answer in answers for each in answer.results)
        self.acknowledged.update(found)
        return found

    async def mend(self) -> None:
        """Starts what is dead, wakes what is paused, and has every server tell the truth."""
        network = self.fabric.network
        servers = [each.name for each in network.plan.servers()]
        for service in [*network.nodes(), *servers]:
            fault_of(self.fabric, service).unlink(missing_ok=True)
            running = processes.find(self.fabric.layout, service)
            if running is None:
                await self.fabric.start(service)
            elif running.process.status() == psutil.STATUS_STOPPED:
                await self.fabric.resume(service)

    async def ledger(self) -> dict[str, list[Position]]:
        """Every registration of the whole chain, by fingerprint."""
        found: dict[str, list[Position]] = defaultdict(list)
        async with self.a.network() as network:
            height = await self._top(network)
            async with aclosing(network.blocks(0, stop=height - 1)) as blocks:
                async for block in blocks:
                    for each in block.transactions:
                        if each.ok and each.function == names.DOCUMENTS_REGISTER and each.event is not None:
                            for result in read_results(each.event.payload):
                                if result["status"] == "registered":
                                    at = Position(each.txid, block.number, each.creator_msp)
                                    found[result["fp"]].append(at)
        return dict(found)

    async def _top(self, network: Any) -> int:
        """The height of the peer that is furthest, once the bank's has it."""
        heights = []
        for msp in MEMBERS:
            async with self.fabric.gateway(msp) as gateway:
                heights.append(await gateway.network(self.fabric.channel).height())
        async with asyncio.timeout(PATIENCE_S):
            while await network.height() < max(heights):
                await asyncio.sleep(0.02)
        return max(heights)

    async def oracle(self, *pushed: tuple[Trader, str]) -> dict[str, list[Position]]:
        """What must hold after every fault, once nothing is pending.

        :param pushed: gateways and the pushes that were settled at them
        """
        settled = [(trader, await trader.done(push_id)) for trader, push_id in pushed]
        ledger = await self.ledger()
        twice = {fp: at for fp, at in ledger.items() if len(at) > 1}
        assert not twice, f"registered more than once: {twice}"
        assert set(ledger) == self.acknowledged, (
            f"lost {len(self.acknowledged - set(ledger))}, not acknowledged {len(set(ledger) - self.acknowledged)}"
        )
        for trader, found in settled:
            for each in found:
                (at,) = ledger[each.fingerprint]
                mine = each.position.state == pb.LEDGER_STATE_REGISTERED
                assert mine == (at.owner == trader.msp), (each, at)
                assert each.position.state in FINAL
                assert each.position.transaction_id == at.txid
                assert not mine or each.position.block_number == at.block
        return ledger


def papers(prefix: str, count: int) -> list[dict[str, Any]]:
    """Invoices."""
    return [invoice(f"{prefix}-{number}", 100) for number in range(count)]


@asynccontextmanager
async def faults_world(root: Path) -> AsyncIterator[Faults]:
    """The network with the contract on it, whose server at the bank can be told to do wrong. No gateway runs yet."""
    async with fabric_world(root / "fabric", msps=MEMBERS) as fabric:
        contract = "chaincode.contracts:ChanrongContract"
        await fabric.deploy(CHAINCODE, contract=contract, per_org_contract={BANK: FAULTY})
        first = make_world(root / "a")
        make_files(root / "b", root / "a")
        yield Faults(
            fabric,
            Trader(root / "a", first.certs, fabric=fabric, msp=A),
            Trader(root / "b", first.certs, fabric=fabric, msp=B, alias="buyer"),
        )


def make_files(folder: Path, other: Path) -> None:
    """A second gateway's files: the consortium's keys are the same, its own are not."""
    from consortium.identity.files import write_file
    from consortium.identity.signer import P256Signer
    from consortium.storage.crypto import BodyVault

    keys = (other / "consortium-keys.json").read_bytes()
    write_file(folder / "consortium-keys.json", keys, private=True)
    BodyVault.create_file(folder / "master-keys.json")
    write_file(folder / "token.pem", P256Signer.generate().to_pem(), private=True)


def fault_of(fabric: FabricWorld, service: str) -> Path:
    """The file that tells a server to do wrong."""
    return fault_file(fabric.layout.config(service))
