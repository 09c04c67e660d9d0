"""An embedded ledger for tests, and a client of bare messages that can be bent at every stage.

```python
network = make_network(tmp_path)
async with running(network.settings(tmp_path / "ledger.db")) as ledger, network.client(ledger) as client:
    await client.submit("put", "a", "1")
```
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from chaincode.hosts.embedded.server import EmbeddedLedger
from chaincode.hosts.embedded.settings import EmbeddedSettings, EndorsementPolicy, Organisation
from chaincode.state import Contract
from consortium.identity.ca import CertificateAuthority, Issued
from consortium.identity.msp import Identity, make_identity
from consortium.identity.signer import P256_ORDER
from consortium.ledger.messages import transaction_id
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.gateway import gateway_pb2
from consortium.wire.fabric.gateway.gateway_pb2_grpc import GatewayStub
from consortium.wire.fabric.peer import chaincode_pb2, proposal_pb2, transaction_pb2
from consortium.wire.fabric.peer.events_pb2_grpc import DeliverStub
from consortium.wire.fabric.rpc import status_pb2
from tests.support.kv_contract import KvContract

CHANNEL = "trade"
CHAINCODE = "kv"
MSPS = ("IndustryAMSP", "BankAMSP", "BankBMSP")
POLICY = EndorsementPolicy(all_of=("IndustryAMSP",), any_of=(("BankAMSP", "BankBMSP"),))
PEER_UNITS = ("peer", "chanrong-embedded")
MAX_MESSAGE = 100 * 1024 * 1024
MISMATCH = "ProposalResponsePayloads do not match"
NOT_ENOUGH = "failed to collect enough transaction endorsements, see attached details for more info"
LAGGING_TRIES = 20
LAGGING_PAUSE_S = 0.2
"""How long a peer may be a block behind: about one batch timeout, more on a busy machine."""

PATIENCE_S = 60.0
"""Nothing that a test waits for takes so long, unless it never comes."""

Code = transaction_pb2.TxValidationCode


@dataclass
class Network:
    """Certificates of a few organisations, below one folder."""

    root: Path
    authorities: dict[str, CertificateAuthority] = field(default_factory=dict)
    identities: dict[str, Identity] = field(default_factory=dict)
    clients: dict[str, Issued] = field(default_factory=dict)
    peers: dict[str, Issued] = field(default_factory=dict)
    tls_ca: bytes = b""

    def settings(self, database: Path, **changes: Any) -> EmbeddedSettings:
        """Settings of an embedded ledger with these organisations."""
        defaults: dict[str, Any] = {
            "channel": CHANNEL,
            "chaincode": CHAINCODE,
            "database": database,
            "tls_cert": self.root / "tls.pem",
            "tls_key": self.root / "tls.key",
            "organisations": tuple(self.organisation(msp) for msp in MSPS),
            "policy": POLICY,
        }
        return EmbeddedSettings(**(defaults | changes))

    def organisation(self, msp: str) -> Organisation:
        """One organisation as the settings name it."""
        folder = self.root / msp
        return Organisation(
            msp_id=msp,
            ca_certs=(folder / "ca.pem",),
            peer_cert=folder / "peer.pem",
            peer_key=folder / "peer.key",
            address=f"peer0.{msp.lower()}:7051",
        )

    @asynccontextmanager
    async def client(
        self, ledger: EmbeddedLedger | str, msp: str = MSPS[0], identity: Identity | None = None
    ) -> AsyncIterator[RawClient]:
        """A client that speaks for an organisation."""
        target = ledger if isinstance(ledger, str) else ledger.target
        options = [
            ("grpc.max_receive_message_length", MAX_MESSAGE),
            ("grpc.max_send_message_length", MAX_MESSAGE),
        ]
        credentials = grpc.ssl_channel_credentials(self.tls_ca)
        async with grpc.aio.secure_channel(target, credentials, options=options) as channel:
            yield RawClient(channel, identity or self.identities[msp])


def make_network(root: Path, msps: Sequence[str] = MSPS) -> Network:
    """Makes all certificates."""
    network = Network(root)
    for msp in msps:
        ca = CertificateAuthority.create(f"ca.{msp.lower()}", msp)
        peer = ca.issue(f"peer0.{msp.lower()}", ou=PEER_UNITS)
        (root / msp).mkdir(parents=True)
        (root / msp / "ca.pem").write_bytes(ca.cert_pem)
        peer.save(root / msp / "peer.pem", root / msp / "peer.key")
        network.authorities[msp] = ca
        network.peers[msp] = peer
        network.clients[msp] = ca.issue(f"client.{msp.lower()}", ou="client")
        network.identities[msp] = make_identity(msp, network.clients[msp])
    tls = CertificateAuthority.create("tlsca", "Ledger")
    tls.issue("ledger", sans=["localhost", "127.0.0.1"]).save(root / "tls.pem", root / "tls.key")
    network.tls_ca = tls.cert_pem
    (root / "tlsca.pem").write_bytes(tls.cert_pem)
    return network


@asynccontextmanager
async def running(
    settings: EmbeddedSettings, contract: Contract | None = None, others: Mapping[str, Contract] | None = None
) -> AsyncIterator[EmbeddedLedger]:
    """An embedded ledger that is served while the block lasts."""
    ledger = EmbeddedLedger(settings, contract or KvContract(), others)
    await ledger.start()
    try:
        yield ledger
    finally:
        await ledger.stop()


@dataclass
class Bent:
    """A proposal's fields, to be changed before it is signed."""

    channel: str = CHANNEL
    chaincode: str = CHAINCODE
    target: str | None = None
    args: tuple[bytes, ...] = ()
    transient: Mapping[str, bytes] = field(default_factory=dict)
    nonce: bytes = b""
    creator: bytes = b""
    txid: str | None = None
    at: float = 0.0
    kind: int = common_pb2.ENDORSER_TRANSACTION
    extension: bytes | None = None
    epoch: int = 0


@dataclass(frozen=True)
class Committed:
    """What a submit came to."""

    txid: str
    result: bytes
    code: int
    block: int


class RawClient:
    """Calls with bare messages; ``bend`` changes what is about to be signed.

    :param channel: the connection
    :param ledger: name of the ledger's channel, unless a call says another
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        identity: Identity,
        ledger: str = CHANNEL,
        chaincode: str = CHAINCODE,
    ) -> None:
        self.channel = channel
        self.identity = identity
        self.ledger = ledger
        self.chaincode = chaincode
        self.gateway: Any = GatewayStub(channel)
        self.deliver: Any = DeliverStub(channel)

    def proposal(
        self, function: str, *args: str, bend: Callable[[Bent], None] | None = None, **changes: Any
    ) -> tuple[str, proposal_pb2.SignedProposal]:
        """A signed proposal and its transaction id."""
        parts = Bent(
            channel=self.ledger,
            chaincode=self.chaincode,
            args=(function.encode(), *(arg.encode() for arg in args)),
            nonce=os.urandom(24),
            creator=self.identity.serialized(),
            at=time.time(),
        )
        for name, value in changes.items():
            setattr(parts, name, value)
        if bend is not None:
            bend(parts)
        data = proposal_bytes(parts)
        txid = parts.txid if parts.txid is not None else transaction_id(parts.nonce, parts.creator)
        return txid, proposal_pb2.SignedProposal(proposal_bytes=data, signature=self.identity.sign(data))

    async def evaluate(
        self, function: str, *args: str, organisations: Sequence[str] = (), **changes: Any
    ) -> bytes:
        """The answer of an evaluate call."""
        txid, signed = self.proposal(function, *args, **changes)
        return await self.evaluate_signed(txid, signed, organisations)

    async def evaluate_signed(
        self, txid: str, signed: proposal_pb2.SignedProposal, organisations: Sequence[str] = ()
    ) -> bytes:
        """Evaluates a proposal that is signed already."""
        request = gateway_pb2.EvaluateRequest(
            transaction_id=txid,
            channel_id=self.ledger,
            proposed_transaction=signed,
            target_organizations=organisations,
        )
        return bytes((await self.gateway.Evaluate(request)).result.payload)

    async def endorse(
        self,
        function: str,
        *args: str,
        organisations: Sequence[str] = (),
        tries: int = LAGGING_TRIES,
        **changes: Any,
    ) -> tuple[str, common_pb2.Envelope]:
        """The transaction id and the prepared, unsigned transaction.

        Peers may be a block apart: where only some of them refuse, it is proposed again, as every client must.
        """
        for left in reversed(range(tries)):
            txid, signed = self.proposal(function, *args, **changes)
            try:
                return txid, await self.endorse_signed(txid, signed, organisations)
            except grpc.aio.AioRpcError as error:
                found = details_of(error)
                error.add_note(f"{function}: {found}")
                some = not organisations or {msp for _, msp, _ in found} != set(organisations)
                if not left or error.details() != NOT_ENOUGH or not some:
                    raise
                await asyncio.sleep(LAGGING_PAUSE_S)
        raise AssertionError("no try")

    async def endorse_signed(
        self, txid: str, signed: proposal_pb2.SignedProposal, organisations: Sequence[str] = ()
    ) -> common_pb2.Envelope:
        """Endorses a proposal that is signed already."""
        request = gateway_pb2.EndorseRequest(
            transaction_id=txid,
            channel_id=self.ledger,
            proposed_transaction=signed,
            endorsing_organizations=organisations,
        )
        prepared: common_pb2.Envelope = (await self.gateway.Endorse(request)).prepared_transaction
        return prepared

    def sign(self, envelope: common_pb2.Envelope) -> common_pb2.Envelope:
        """The envelope with the client's signature."""
        return common_pb2.Envelope(payload=envelope.payload, signature=self.identity.sign(envelope.payload))

    async def order(self, txid: str, envelope: common_pb2.Envelope, channel: str | None = None) -> None:
        """Hands a signed envelope to the orderer."""
        await self.gateway.Submit(
            gateway_pb2.SubmitRequest(
                transaction_id=txid, channel_id=channel or self.ledger, prepared_transaction=envelope
            )
        )

    def status_request(self, txid: str, channel: str | None = None) -> gateway_pb2.SignedCommitStatusRequest:
        """A signed commit status request."""
        request = gateway_pb2.CommitStatusRequest(
            transaction_id=txid, channel_id=channel or self.ledger, identity=self.identity.serialized()
        ).SerializeToString()
        return gateway_pb2.SignedCommitStatusRequest(request=request, signature=self.identity.sign(request))

    async def status(self, txid: str) -> tuple[int, int]:
        """Code and block of a transaction, when it is committed."""
        found = await self.gateway.CommitStatus(self.status_request(txid), timeout=PATIENCE_S)
        return found.result, found.block_number

    async def order_all(self, *prepared: tuple[str, common_pb2.Envelope]) -> list[tuple[int, int]]:
        """Signs and orders prepared transactions one after the other; code and block of each."""
        for txid, envelope in prepared:
            await self.order(txid, self.sign(envelope))
        return list(await asyncio.gather(*(self.status(txid) for txid, _ in prepared)))

    async def submit(
        self, function: str, *args: str, organisations: Sequence[str] = (), **changes: Any
    ) -> Committed:
        """All stages."""
        txid, envelope = await self.endorse(function, *args, organisations=organisations, **changes)
        result = action_of(envelope).response.payload
        await self.order(txid, self.sign(envelope))
        code, block = await self.status(txid)
        return Committed(txid, result, code, block)


def proposal_bytes(parts: Bent) -> bytes:
    """A serialized proposal."""
    txid = parts.txid if parts.txid is not None else transaction_id(parts.nonce, parts.creator)
    extension = proposal_pb2.ChaincodeHeaderExtension(
        chaincode_id=chaincode_pb2.ChaincodeID(name=parts.chaincode)
    ).SerializeToString()
    extension = extension if parts.extension is None else parts.extension
    header = common_pb2.ChannelHeader(
        type=parts.kind, channel_id=parts.channel, tx_id=txid, epoch=parts.epoch, extension=extension
    )
    header.timestamp.seconds = int(parts.at)
    spec = chaincode_pb2.ChaincodeInvocationSpec(
        chaincode_spec=chaincode_pb2.ChaincodeSpec(
            chaincode_id=chaincode_pb2.ChaincodeID(name=parts.target or parts.chaincode),
            input=chaincode_pb2.ChaincodeInput(args=parts.args),
        )
    ).SerializeToString()
    joined = common_pb2.Header(
        channel_header=header.SerializeToString(),
        signature_header=common_pb2.SignatureHeader(
            creator=parts.creator, nonce=parts.nonce
        ).SerializeToString(),
    ).SerializeToString()
    payload = proposal_pb2.ChaincodeProposalPayload(
        input=spec, TransientMap=parts.transient
    ).SerializeToString()
    return proposal_pb2.Proposal(header=joined, payload=payload).SerializeToString()


def transaction_of(envelope: common_pb2.Envelope) -> transaction_pb2.ChaincodeActionPayload:
    """The one action of an envelope."""
    payload = common_pb2.Payload.FromString(envelope.payload)
    transaction = transaction_pb2.Transaction.FromString(payload.data)
    return transaction_pb2.ChaincodeActionPayload.FromString(transaction.actions[0].payload)


def action_of(envelope: common_pb2.Envelope) -> proposal_pb2.ChaincodeAction:
    """What the endorsers signed: reads, writes, event and answer."""
    from consortium.wire.fabric.peer.proposal_response_pb2 import ProposalResponsePayload

    signed = transaction_of(envelope).action.proposal_response_payload
    return proposal_pb2.ChaincodeAction.FromString(ProposalResponsePayload.FromString(signed).extension)


def bend_transaction(
    envelope: common_pb2.Envelope, change: Callable[[transaction_pb2.ChaincodeActionPayload], None]
) -> common_pb2.Envelope:
    """The unsigned envelope with its action changed."""
    payload = common_pb2.Payload.FromString(envelope.payload)
    transaction = transaction_pb2.Transaction.FromString(payload.data)
    action = transaction_pb2.ChaincodeActionPayload.FromString(transaction.actions[0].payload)
    change(action)
    transaction.actions[0].payload = action.SerializeToString()
    payload.data = transaction.SerializeToString()
    return common_pb2.Envelope(payload=payload.SerializeToString())


def drop_one(action: transaction_pb2.ChaincodeActionPayload) -> None:
    """Takes an endorsement away, for :func:`bend_transaction`."""
    del action.action.endorsements[-1]


def high_s(signature: bytes) -> bytes:
    """The equivalent signature with the higher S, which Fabric refuses."""
    r, s = decode_dss_signature(signature)
    return encode_dss_signature(r, P256_ORDER - s)


async def refusal(call: Awaitable[object]) -> grpc.aio.AioRpcError:
    """The error that a call must end with."""
    try:
        answer = await call
    except grpc.aio.AioRpcError as error:
        return error
    raise AssertionError(f"not refused: {answer!r}")


def details_of(error: grpc.aio.AioRpcError) -> list[tuple[str, str, str]]:
    """Address, MSP id and text of each error detail."""
    found = []
    for name, value in error.trailing_metadata() or ():
        if name == "grpc-status-details-bin":
            assert isinstance(value, bytes)
            status = status_pb2.Status.FromString(value)
            assert status.code == error.code().value[0]
            for item in status.details:
                assert item.type_url == "type.googleapis.com/gateway.ErrorDetail"
                detail = gateway_pb2.ErrorDetail.FromString(item.value)
                found.append((detail.address, detail.msp_id, detail.message))
    return found
