"""Settings that change between starts become configuration blocks; wrong ones never start."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chaincode.hosts.embedded.channel import NOTICE
from chaincode.hosts.embedded.committer import config_of
from chaincode.hosts.embedded.server import EmbeddedLedger
from chaincode.hosts.embedded.settings import EmbeddedSettings, EndorsementPolicy
from chaincode.hosts.embedded.verification import verify
from consortium.errors import ConfigurationError
from consortium.identity.ca import CertificateAuthority
from consortium.identity.msp import make_identity
from consortium.wire.fabric.common import common_pb2
from tests.support.embedded import MSPS, Code, Network, RawClient, make_network, refusal, running
from tests.support.kv_contract import KvContract


async def block(client: RawClient, number: int) -> common_pb2.Block:
    """A block by number."""
    data = await client.evaluate("GetBlockByNumber", "trade", str(number), chaincode="qscc")
    return common_pb2.Block.FromString(data)


async def test_the_first_block_says_what_it_is(network: Network, tmp_path: Path) -> None:
    async with running(network.settings(tmp_path / "ledger.db")) as ledger, network.client(ledger) as client:
        genesis = await block(client, 0)
        assert NOTICE.encode() in genesis.data.data[0]
        config = config_of(genesis.data.data[0])
        assert (config.channel, set(config.members)) == ("trade", set(MSPS))
        assert (config.chaincodes["kv"].version, config.chaincodes["kv"].sequence) == ("1.0", 1)


async def test_same_settings_add_no_block(network: Network, tmp_path: Path) -> None:
    settings = network.settings(tmp_path / "ledger.db")
    for _ in range(3):
        async with running(settings) as ledger:
            assert ledger.height == 1


async def test_another_policy_is_in_force_from_its_block_on(network: Network, tmp_path: Path) -> None:
    database = tmp_path / "ledger.db"
    async with running(network.settings(database)) as ledger, network.client(ledger) as client:
        banks = ["BankAMSP", "BankBMSP"]
        assert (await client.submit("put", "a", "1", organisations=banks)).code == 10
        txid, prepared = await client.endorse("put", "c", "1")
    changed = network.settings(
        database, policy=EndorsementPolicy(all_of=tuple(banks)), chaincode_version="1.1"
    )
    async with running(changed) as ledger, network.client(ledger) as client:
        assert ledger.height == 3
        config = config_of((await block(client, 2)).data.data[0])
        assert (config.chaincodes["kv"].version, config.chaincodes["kv"].sequence) == ("1.1", 2)
        assert (await client.submit("put", "b", "1", organisations=banks)).code == Code.VALID
        assert (await client.submit("put", "b", "2")).code == Code.VALID
        await client.order(txid, client.sign(prepared))
        assert (await client.status(txid))[0] == Code.ENDORSEMENT_POLICY_FAILURE
    assert (await asyncio.to_thread(verify, database)).problems == ()


async def test_a_new_version_overtakes_what_was_endorsed_before(network: Network, tmp_path: Path) -> None:
    """Transactions in flight read the old definition's version: a conflict, as on Fabric."""
    database = tmp_path / "ledger.db"
    async with running(network.settings(database)) as ledger, network.client(ledger) as client:
        txid, prepared = await client.endorse("put", "a", "1")
    async with (
        running(network.settings(database, chaincode_version="2.0")) as ledger,
        network.client(ledger) as client,
    ):
        await client.order(txid, client.sign(prepared))
        assert (await client.status(txid))[0] == Code.MVCC_READ_CONFLICT


async def test_a_new_member_and_a_revoked_certificate(tmp_path: Path) -> None:
    network = make_network(tmp_path)
    database = tmp_path / "ledger.db"
    two = tuple(network.organisation(msp) for msp in MSPS[:2])
    policy = EndorsementPolicy(all_of=MSPS[:1])
    async with running(network.settings(database, organisations=two, policy=policy)) as ledger:
        async with network.client(ledger, MSPS[2]) as client:
            await refusal(client.endorse("put", "a", "1"))
        async with network.client(ledger, MSPS[1]) as client:
            assert (await client.submit("put", "a", "1")).code == Code.VALID
    authority = network.authorities[MSPS[1]]
    (tmp_path / "crl.pem").write_bytes(authority.revoke([network.clients[MSPS[1]].certificate]))
    members = [network.organisation(msp) for msp in MSPS]
    members[1] = members[1].model_copy(update={"crls": (tmp_path / "crl.pem",)})
    async with running(network.settings(database, organisations=tuple(members), policy=policy)) as ledger:
        async with network.client(ledger, MSPS[2]) as client:
            assert (await client.submit("put", "a", "2")).code == Code.VALID
        async with network.client(ledger, MSPS[1]) as client:
            await refusal(client.endorse("put", "a", "3"))
        other = make_identity(MSPS[1], authority.issue("another", ou="client"))
        async with network.client(ledger, identity=other) as client:
            assert (await client.submit("put", "a", "4")).code == Code.VALID
    assert (await asyncio.to_thread(verify, database)).problems == ()


async def test_an_orderer_of_its_own(network: Network, tmp_path: Path) -> None:
    issued = network.authorities["IndustryAMSP"].issue("orderer0", ou=("orderer", "chanrong-embedded"))
    issued.save(tmp_path / "orderer.pem", tmp_path / "orderer.key")
    database = tmp_path / "ledger.db"
    orderer = {"orderer_cert": tmp_path / "orderer.pem", "orderer_key": tmp_path / "orderer.key"}
    async with running(network.settings(database)) as ledger, network.client(ledger) as client:
        await client.submit("put", "a", "1")
    async with running(network.settings(database, **orderer)) as ledger, network.client(ledger) as client:
        await client.submit("put", "a", "2")
        assert ledger.height == 4
    assert (await asyncio.to_thread(verify, database)).problems == ()


class TestWrong:
    """Never starts, and says why."""

    async def refused(self, settings: EmbeddedSettings, text: str) -> None:
        """The ledger must not start."""
        with pytest.raises(ConfigurationError, match=text):
            await EmbeddedLedger(settings, KvContract()).start()

    async def test_another_channels_database(self, network: Network, tmp_path: Path) -> None:
        async with running(network.settings(tmp_path / "ledger.db")):
            pass
        await self.refused(network.settings(tmp_path / "ledger.db", channel="other"), "holds channel trade")

    async def test_not_a_ledger(self, network: Network, tmp_path: Path) -> None:
        (tmp_path / "ledger.db").write_bytes(b"x" * 10_000)
        await self.refused(network.settings(tmp_path / "ledger.db"), "not a database")

    async def test_no_folder(self, network: Network, tmp_path: Path) -> None:
        await self.refused(network.settings(tmp_path / "nowhere" / "ledger.db"), "No such file")

    async def test_a_real_peers_key(self, network: Network, tmp_path: Path) -> None:
        """Signatures of an embedded ledger must never look like a real peer's."""
        issued = network.authorities["BankAMSP"].issue("peer0", ou="peer")
        issued.save(tmp_path / "peer.pem", tmp_path / "peer.key")
        await self.refused(
            self.with_peer(network, tmp_path), "lacks the organisational unit chanrong-embedded"
        )

    async def test_a_key_of_another_certificate(self, network: Network, tmp_path: Path) -> None:
        network.peers["BankAMSP"].save(tmp_path / "peer.pem", tmp_path / "unused.key")
        network.peers["BankBMSP"].save(tmp_path / "unused.pem", tmp_path / "peer.key")
        await self.refused(self.with_peer(network, tmp_path), "does not belong to its certificate")

    async def test_a_peer_of_another_authority(self, network: Network, tmp_path: Path) -> None:
        other = CertificateAuthority.create("other", "BankAMSP")
        other.issue("peer0", ou=("peer", "chanrong-embedded")).save(
            tmp_path / "peer.pem", tmp_path / "peer.key"
        )
        await self.refused(self.with_peer(network, tmp_path), "BankAMSP.*unknown authority")

    def with_peer(self, network: Network, folder: Path) -> EmbeddedSettings:
        """Settings in which BankA's peer has the files of a folder."""
        members = [network.organisation(msp) for msp in MSPS]
        files = {"peer_cert": folder / "peer.pem", "peer_key": folder / "peer.key"}
        members[1] = members[1].model_copy(update=files)
        return network.settings(folder / "ledger.db", organisations=tuple(members))
