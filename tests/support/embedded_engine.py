"""The embedded ledger's engine without network: endorse, order, commit as plain calls."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chaincode.hosts.embedded.channel import wanted_config
from chaincode.hosts.embedded.committer import CommittedBlock, Committer
from chaincode.hosts.embedded.endorser import Endorser, ReaderPool
from chaincode.hosts.embedded.msp import Signer
from chaincode.hosts.embedded.simulate import Chaincode
from chaincode.hosts.embedded.store import Reader, full_key, open_reader, open_writer
from chaincode.hosts.embedded.validator import Checked
from chaincode.hosts.embedded.wire import prepared_transaction, transaction_id, unpack_proposal
from consortium.identity.msp import Identity
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.peer import proposal_pb2
from tests.support.embedded import CHAINCODE, CHANNEL, Bent, Network, proposal_bytes
from tests.support.kv_contract import KvContract


@dataclass
class Engine:
    """One ledger."""

    committer: Committer
    endorser: Endorser
    reader: Reader
    identity: Identity
    nonces: itertools.count[int]

    async def prepare(
        self, function: str, *args: str, organisations: Sequence[str] = ("IndustryAMSP", "BankAMSP")
    ) -> tuple[str, common_pb2.Envelope]:
        """Transaction id and signed envelope of one call, endorsed on the state as it is now."""
        parts = Bent(
            args=(function.encode(), *(arg.encode() for arg in args)),
            nonce=next(self.nonces).to_bytes(24, "big"),
            creator=self.identity.serialized(),
            at=time.time(),
        )
        data = proposal_bytes(parts)
        signed = proposal_pb2.SignedProposal(proposal_bytes=data, signature=self.identity.sign(data))
        proposal = unpack_proposal(signed)
        simulated = await self.endorser.simulate(proposal, organisations)
        assert 200 <= simulated.response.status < 400, simulated.response
        results = self.endorser.results(simulated)
        endorsed = self.endorser.endorse(simulated, results, organisations)
        prepared = prepared_transaction(proposal, endorsed.payload, endorsed.endorsements)
        envelope = common_pb2.Envelope(
            payload=prepared.payload, signature=self.identity.sign(prepared.payload)
        )
        return transaction_id(parts.nonce, parts.creator), envelope

    def check(self, envelope: common_pb2.Envelope) -> Checked:
        """What the orderer finds of an envelope."""
        return self.committer.validator.check(envelope.SerializeToString())

    def commit(self, *envelopes: common_pb2.Envelope) -> CommittedBlock:
        """One block of these."""
        return self.committer.commit([self.check(envelope) for envelope in envelopes])

    def get(self, key: str) -> bytes | None:
        """A committed value."""
        stored = full_key(CHAINCODE, key)
        entry = self.reader.entries([stored]).get(stored)
        return None if entry is None else entry.value


@asynccontextmanager
async def engine(network: Network, database: Path) -> AsyncIterator[Engine]:
    """An engine with the key/value contract."""
    settings = network.settings(database)
    signers = {
        item.msp_id: Signer(item.msp_id, item.peer_cert.read_bytes(), item.peer_key.read_bytes())
        for item in settings.organisations
    }
    orderer = signers["IndustryAMSP"]
    connection = open_writer(database)
    connection.execute("PRAGMA synchronous=OFF")
    committer = Committer(connection, orderer)
    committer.configure(wanted_config(settings, orderer.serialized, {CHAINCODE: "1.0"}))
    readers = [Reader(open_reader(database)) for _ in range(4)]
    chaincode = Chaincode(CHAINCODE, "1.0", 1, KvContract(), {})
    endorser = Endorser(
        channel=CHANNEL,
        msp=committer.validator.msp,
        signers=signers,
        chaincodes={CHAINCODE: chaincode},
        readers=ReaderPool(readers[:-1]),
        committer=committer,
        timeout_s=10.0,
    )
    try:
        yield Engine(committer, endorser, readers[-1], network.identities["IndustryAMSP"], itertools.count(1))
    finally:
        for reader in readers:
            reader.connection.close()
        connection.close()
