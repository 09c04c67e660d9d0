"""A bank's gateway on Fabric: it competes for one receivable, and its own peer and the orderer die under it.

However often it is tried, there is one claim for each reservation that was answered, never more than there is, and the
bank's own book says what the ledger says.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from consortium.contract import decode, encode, names
from consortium.errors import OutcomeUnknownError
from consortium.identity.files import write_file
from consortium.identity.signer import P256Signer
from consortium.ledger.stages import Commit, PreparedTransaction
from consortium.rpc.client import call, channel
from consortium.rpc.run import running
from consortium.storage.crypto import BodyVault
from consortium.wire.chanrong.finance.v1 import finance_pb2 as pb
from consortium.wire.chanrong.finance.v1 import finance_pb2_grpc as rpc
from finance_gateway.app import serve
from finance_gateway.config import FinanceSettings
from tests.conformance.contract.player import Player, a_trade, player_on
from tests.conformance.contract.script import FACE, Trade, Write
from tests.integration.fabric_faults.world import BANK, CHAINCODE, MEMBERS, PATIENCE_S, A, B, Faults
from tests.support.fabric import requires_fabric
from tests.support.ledgers import LedgerUnderTest

pytestmark = [requires_fabric, pytest.mark.slow, pytest.mark.asyncio(loop_scope="session")]

PEER_BANK, ORDERER = "peer-bank-a", "orderer"
WRITERS, SHARES = 12, 4
"""Writers of each side, and how many claims fit."""
Submit = Callable[[PreparedTransaction], Awaitable[Commit]]


@dataclass
class Desk:
    """The bank's gateway and a loan officer; the other members, each at its own peer."""

    net: Faults
    player: Player
    target: str

    async def trade(self) -> Trade:
        """A registered invoice, and consents of its seller to the bank and to a rival."""
        trade = a_trade()
        seller = Write(A, names.PARTIES_REGISTER, trade.party("seller"), "registered")
        consents = [trade.grant(BANK, BANK), trade.grant(B, B)]
        await self.player.play([[seller], [*consents, trade.register(trade.document("I1"))]], trade)
        self.net.acknowledged.add(trade.fp("I1"))
        return trade

    @asynccontextmanager
    async def financing(self) -> AsyncIterator[Any]:
        """The financing service, as an officer calls it."""
        async with channel(self.target, self.net.a.certs.tls("officer", BANK, "bank")) as link:
            yield rpc.FinancingServiceStub(link)

    async def reserve(self, trade: Trade, share: int, key: str = "") -> pb.ClaimResult:
        """Reserves as an officer does: repeated under its key while the verdict is not known."""
        item = pb.ReserveItem(fingerprint=trade.fp("I1"), share_ppb=share, consent_id=trade.consent_id(BANK))
        request = pb.ReserveRequest(items=[item], idempotency_key=key or os.urandom(8).hex())
        async with asyncio.timeout(PATIENCE_S), self.financing() as stub:
            while True:
                try:
                    answer: pb.ReserveResponse = await call(stub.Reserve, request, timeout_s=PATIENCE_S)
                    return answer.results[0]
                except OutcomeUnknownError:
                    await asyncio.sleep(0.2)

    async def rival(self, trade: Trade, claim: str, share: int) -> str:
        """Another member that wants a share, and tries again while it loses."""
        write = trade.reserve(B, "I1", claim, share)
        body = encode({"op": os.urandom(16).hex(), "items": [write.item]})
        while True:
            contract = self.player.contract(B)
            prepared = await contract.endorse(write.function, body, transient=trade.opened([claim]))
            if (await (await prepared.submit()).status()).ok:
                return str(decode(prepared.result)["results"][0]["status"])
            await asyncio.sleep(random.uniform(0, 0.1))

    async def row(self, trade: Trade) -> dict[str, Any]:
        """What the ledger says of the invoice."""
        body = encode({"assets": [trade.fp("I1")]})
        answer = await self.player.contract(A).evaluate(names.ENCUMBRANCES_GET, body)
        (row,) = decode(answer)["rows"]
        return dict(row)

    async def book(self, trade: Trade) -> dict[str, tuple[str, int]]:
        """What the bank's own book says."""
        async with self.financing() as stub:
            answer = await call(stub.ListClaims, pb.ListClaimsRequest(fingerprint=trade.fp("I1")))
        return {each.claim_id: (each.state, each.share_ppb) for each in answer.claims}


def settings_of(net: Faults, folder: Path) -> FinanceSettings:
    """A gateway of the bank, without institutions: they are asked for packages only."""
    for name in ("package", "token"):
        write_file(folder / f"{name}.pem", P256Signer.generate().to_pem(), private=True)
    BodyVault.create_file(folder / "master-keys.json")
    roots = b"".join(net.fabric.tls_root(msp).read_bytes() for msp in MEMBERS)
    write_file(folder / "peers.pem", roots)
    endpoints = [f"{msp}@{net.fabric.endpoint(msp).target}" for msp in (BANK, A, B)]
    values: dict[str, Any] = {
        "name": "bank-a",
        "msp_id": BANK,
        "database": f"sqlite:///{folder / 'bank.db'}",
        "tls": net.a.certs.tls("bank-a", BANK, "gateway"),
        "directory": net.a.certs.directory_file,
        "identity": net.fabric.layout.msp(BANK),
        "consortium_keys": net.a.root / "consortium-keys.json",
        "master_keys": folder / "master-keys.json",
        "package_key": folder / "package.pem",
        "package_kid": "package-1",
        "token_key": folder / "token.pem",
        "ledger": {
            "kind": "fabric",
            "endpoints": endpoints,
            "tls_roots": folder / "peers.pem",
            "channel": net.fabric.channel,
            "chaincode": CHAINCODE,
            "organisations": [A, BANK],
            "members": MEMBERS,
        },
        "industry_gateways": [{"name": "industry-a", "target": "127.0.0.1:9", "msp_id": A}],
    }
    return FinanceSettings(**values)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(faults: Faults, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    """The bank's gateway, running."""
    ledger = LedgerUnderTest("fabric", faults.fabric, CHAINCODE)
    settings = settings_of(faults, tmp_path_factory.mktemp("bank"))
    async with running(serve, settings) as life, player_on(ledger) as player:
        yield Desk(faults, player, f"127.0.0.1:{life.ports['grpc']}")


async def test_the_gateway_and_others_want_the_same_receivable(desk: Desk) -> None:
    trade = await desk.trade()
    share = FACE // SHARES
    answers, rivals = await asyncio.gather(
        asyncio.gather(*(desk.reserve(trade, share) for _ in range(WRITERS))),
        asyncio.gather(*(desk.rival(trade, f"rival {number}", share) for number in range(WRITERS))),
    )
    mine = {each.claim.claim_id for each in answers if each.done}
    assert len(mine) + Counter(rivals)["done"] == SHARES
    row = await desk.row(trade)
    assert (row["claimed"], row["free"], len(row["claims"])) == (FACE, 0, SHARES)
    book = await desk.book(trade)
    assert {claim for claim, (state, _) in book.items() if state == "reserved"} == mine
    assert mine <= {each["claim"] for each in row["claims"]}


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_the_banks_own_peer_dies(desk: Desk, monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """Just before or after the endorsed reservation is sent; the others' peers bring the verdict."""
    trade = await desk.trade()
    original: Submit = PreparedTransaction.submit
    killed: list[str] = []

    async def submit(prepared: PreparedTransaction) -> Commit:
        first = not killed
        killed.append(prepared.txid)
        if first and moment == "before":
            await desk.net.fabric.kill(PEER_BANK)
        commit = await original(prepared)
        if first and moment == "after":
            await desk.net.fabric.kill(PEER_BANK)
        return commit

    monkeypatch.setattr(PreparedTransaction, "submit", submit)
    answer = await desk.reserve(trade, FACE // 2)
    assert answer.done, answer
    await one_claim(desk, trade, answer)


async def test_the_orderer_dies(desk: Desk) -> None:
    """The reservation is made when it is back, once, though it was asked for twice."""
    trade = await desk.trade()
    await desk.net.fabric.kill(ORDERER)
    asked = [asyncio.create_task(desk.reserve(trade, FACE // 2, key="the-same-key")) for _ in range(2)]
    await asyncio.sleep(0.5)
    await desk.net.fabric.start(ORDERER)
    first, second = await asyncio.gather(*asked)
    assert first.claim.claim_id == second.claim.claim_id
    await one_claim(desk, trade, first)


async def one_claim(desk: Desk, trade: Trade, answer: pb.ClaimResult) -> None:
    """Ledger and book have this claim and no other."""
    row = await desk.row(trade)
    assert [(each["claim"], each["share"]) for each in row["claims"]] == [(answer.claim.claim_id, FACE // 2)]
    assert await desk.book(trade) == {answer.claim.claim_id: ("reserved", FACE // 2)}
