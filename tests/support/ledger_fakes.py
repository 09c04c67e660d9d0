"""A gateway peer for tests of the client: it endorses with any keys, keeps a chain in memory and fails on
demand.

It checks nothing and runs no contract: what a real peer does is shown against the embedded ledger. It
exists for what the embedded ledger never does, such as answering with somebody else's transaction or
failing after it has accepted.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any as AnyMessage

from consortium.identity.msp import Identity
from consortium.wire.fabric.common import common_pb2, ledger_pb2
from consortium.wire.fabric.gateway import gateway_pb2, gateway_pb2_grpc
from consortium.wire.fabric.ledger.rwset import rwset_pb2
from consortium.wire.fabric.ledger.rwset.kvrwset import kv_rwset_pb2
from consortium.wire.fabric.orderer import ab_pb2
from consortium.wire.fabric.peer import (
    chaincode_event_pb2,
    chaincode_pb2,
    events_pb2,
    events_pb2_grpc,
    proposal_pb2,
    proposal_response_pb2,
    transaction_pb2,
)
from consortium.wire.fabric.rpc import status_pb2

CHANNEL = "trade"
CHAINCODE = "kv"


def read_write_set(
    *,
    namespace: str = CHAINCODE,
    reads: Sequence[tuple[str, tuple[int, int] | None]] = (),
    writes: Sequence[tuple[str, bytes]] = (),
) -> bytes:
    """A serialized TxReadWriteSet of one namespace."""
    public = kv_rwset_pb2.KVRWSet(
        writes=[kv_rwset_pb2.KVWrite(key=key, value=value) for key, value in writes]
    )
    for key, version in reads:
        read = public.reads.add(key=key)
        if version is not None:
            read.version.block_num, read.version.tx_num = version
    entry = rwset_pb2.NsReadWriteSet(namespace=namespace, rwset=public.SerializeToString())
    return rwset_pb2.TxReadWriteSet(ns_rwset=[entry]).SerializeToString()


def endorse(
    proposal_bytes: bytes,
    peers: Sequence[Identity],
    answer: bytes = b"answer",
    *,
    results: bytes = b"",
    event: tuple[str, bytes] | None = None,
) -> common_pb2.Envelope:
    """The prepared transaction that a gateway makes of a proposal and its peers' signatures."""
    proposal = proposal_pb2.Proposal.FromString(proposal_bytes)
    header = common_pb2.Header.FromString(proposal.header)
    channel_header = common_pb2.ChannelHeader.FromString(header.channel_header)
    called = proposal_pb2.ChaincodeHeaderExtension.FromString(channel_header.extension).chaincode_id.name
    payload = proposal_pb2.ChaincodeProposalPayload.FromString(proposal.payload)
    proposed = proposal_pb2.ChaincodeProposalPayload(input=payload.input).SerializeToString()
    hashed = hashlib.sha256(header.channel_header + header.signature_header + proposed).digest()
    events = b""
    if event is not None:
        events = chaincode_event_pb2.ChaincodeEvent(
            chaincode_id=called, tx_id=channel_header.tx_id, event_name=event[0], payload=event[1]
        ).SerializeToString()
    action = proposal_pb2.ChaincodeAction(
        results=results,
        events=events,
        response=proposal_response_pb2.Response(status=200, payload=answer),
        chaincode_id=chaincode_pb2.ChaincodeID(name=called, version="1.0"),
    )
    response = proposal_response_pb2.ProposalResponsePayload(
        proposal_hash=hashed, extension=action.SerializeToString()
    ).SerializeToString()
    endorsements = [
        proposal_response_pb2.Endorsement(
            endorser=peer.serialized(), signature=peer.sign(response + peer.serialized())
        )
        for peer in peers
    ]
    endorsed = transaction_pb2.ChaincodeActionPayload(
        chaincode_proposal_payload=proposed,
        action=transaction_pb2.ChaincodeEndorsedAction(
            proposal_response_payload=response, endorsements=endorsements
        ),
    )
    transaction = transaction_pb2.Transaction(
        actions=[
            transaction_pb2.TransactionAction(
                header=header.signature_header, payload=endorsed.SerializeToString()
            )
        ]
    )
    whole = common_pb2.Payload(header=header, data=transaction.SerializeToString())
    return common_pb2.Envelope(payload=whole.SerializeToString())


def make_block(
    number: int, envelopes: Sequence[bytes], codes: Sequence[int] | None = None, previous: bytes = b""
) -> common_pb2.Block:
    """A block with its data hash and validation codes."""
    block = common_pb2.Block()
    block.header.number = number
    block.header.previous_hash = previous
    block.header.data_hash = hashlib.sha256(b"".join(envelopes)).digest()
    block.data.data.extend(envelopes)
    block.metadata.metadata.extend(
        [b"", b"", bytes(codes if codes is not None else [0] * len(envelopes)), b""]
    )
    return block


@dataclass(frozen=True)
class Failure:
    """What a call is answered with."""

    code: grpc.StatusCode
    text: str = ""
    details: tuple[tuple[str, str, str], ...] = ()

    async def abort(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        """Ends the call with it."""
        trailers: list[tuple[str, bytes]] = []
        if self.details:
            status = status_pb2.Status(code=self.code.value[0], message=self.text)
            for address, msp_id, message in self.details:
                detail = gateway_pb2.ErrorDetail(address=address, msp_id=msp_id, message=message)
                status.details.append(
                    AnyMessage(
                        type_url="type.googleapis.com/gateway.ErrorDetail", value=detail.SerializeToString()
                    )
                )
            trailers.append(("grpc-status-details-bin", status.SerializeToString()))
        await context.abort(self.code, self.text, tuple(trailers))


@dataclass
class FakePeer(gateway_pb2_grpc.GatewayServicer, events_pb2_grpc.DeliverServicer):
    """One gateway peer. ``fail[stage]`` holds failures that the next calls of a stage are answered with, in
    turn.

    :param hang: stages that never answer
    :param peers: whose signatures an endorsement gets
    :param alter: changes a prepared transaction before it is returned
    :param commit: submitted envelopes go into a block at once
    """

    peers: Sequence[Identity] = ()
    fail: dict[str, list[Failure]] = field(default_factory=dict)
    alter: Callable[[common_pb2.Envelope], common_pb2.Envelope] = lambda envelope: envelope
    answer: bytes = b"answer"
    event: tuple[str, bytes] | None = None
    commit: bool = True
    blocks: list[common_pb2.Block] = field(default_factory=list)
    submitted: list[bytes] = field(default_factory=list)
    proposals: list[bytes] = field(default_factory=list)
    hang: set[str] = field(default_factory=set)
    calls: list[str] = field(default_factory=list)
    sought: list[int] = field(default_factory=list)
    target: str = ""
    _server: grpc.aio.Server | None = None
    _grown: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def start(self, port: int = 0) -> FakePeer:
        """Serves on loopback without TLS."""
        if not self.blocks:
            self.blocks.append(make_block(0, []))
        self._server = grpc.aio.server()
        gateway_pb2_grpc.add_GatewayServicer_to_server(self, self._server)
        events_pb2_grpc.add_DeliverServicer_to_server(self, self._server)
        bound = self._server.add_insecure_port(f"127.0.0.1:{port}")
        self.target = f"127.0.0.1:{bound}"
        await self._server.start()
        return self

    async def stop(self) -> None:
        """Breaks every connection."""
        if self._server is not None:
            await self._server.stop(None)

    async def add_block(self, envelopes: Sequence[bytes], codes: Sequence[int] | None = None) -> int:
        """Appends a block and wakes the streams; its number."""
        number = len(self.blocks)
        self.blocks.append(make_block(number, envelopes, codes))
        async with self._grown:
            self._grown.notify_all()
        return number

    def _has(self, number: int) -> Callable[[], bool]:
        return lambda: number < len(self.blocks)

    def find(self, txid: str) -> tuple[int, bytes, int] | None:
        """Block number, envelope and code of the first transaction under an id."""
        for block in self.blocks:
            codes = block.metadata.metadata[common_pb2.TRANSACTIONS_FILTER]
            for index, envelope in enumerate(block.data.data):
                payload = common_pb2.Payload.FromString(common_pb2.Envelope.FromString(envelope).payload)
                header = common_pb2.ChannelHeader.FromString(payload.header.channel_header)
                if header.tx_id == txid:
                    return block.header.number, envelope, codes[index]
        return None

    async def _maybe_fail(self, stage: str, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self.calls.append(stage)
        if stage in self.hang:
            await asyncio.Event().wait()
        if self.fail.get(stage):
            await self.fail[stage].pop(0).abort(context)

    async def Evaluate(
        self, request: gateway_pb2.EvaluateRequest, context: Any
    ) -> gateway_pb2.EvaluateResponse:
        """Answers the query system chaincode's functions, and ``answer`` to everything else."""
        await self._maybe_fail("evaluate", context)
        proposal = proposal_pb2.Proposal.FromString(request.proposed_transaction.proposal_bytes)
        payload = proposal_pb2.ChaincodeProposalPayload.FromString(proposal.payload)
        spec = chaincode_pb2.ChaincodeInvocationSpec.FromString(payload.input).chaincode_spec
        answer = self.answer
        if spec.chaincode_id.name == "qscc":
            answer = await self._qscc(list(spec.input.args), context)
        return gateway_pb2.EvaluateResponse(result=proposal_response_pb2.Response(status=200, payload=answer))

    async def _qscc(self, args: list[bytes], context: Any) -> bytes:
        function, argument = args[0].decode(), args[2].decode() if len(args) > 2 else ""
        if function == "GetChainInfo":
            return ledger_pb2.BlockchainInfo(height=len(self.blocks)).SerializeToString()
        if function == "GetBlockByNumber" and int(argument) < len(self.blocks):
            return self.blocks[int(argument)].SerializeToString()
        found = self.find(argument)
        if found is not None and function == "GetBlockByTxID":
            return self.blocks[found[0]].SerializeToString()
        if found is not None and function == "GetTransactionByID":
            return transaction_pb2.ProcessedTransaction(
                transactionEnvelope=common_pb2.Envelope.FromString(found[1]), validationCode=found[2]
            ).SerializeToString()
        await Failure(
            grpc.StatusCode.UNKNOWN,
            "evaluate call to endorser returned error: chaincode response 500, Failed to get it, error "
            f"no such transaction ID [{argument}] in index",
        ).abort(context)
        raise AssertionError

    async def Endorse(self, request: gateway_pb2.EndorseRequest, context: Any) -> gateway_pb2.EndorseResponse:
        """Signs whatever is proposed."""
        self.proposals.append(request.proposed_transaction.proposal_bytes)
        await self._maybe_fail("endorse", context)
        envelope = endorse(
            request.proposed_transaction.proposal_bytes, self.peers, self.answer, event=self.event
        )
        return gateway_pb2.EndorseResponse(prepared_transaction=self.alter(envelope))

    async def Submit(self, request: gateway_pb2.SubmitRequest, context: Any) -> gateway_pb2.SubmitResponse:
        """Takes the envelope, and into a block if so told; may fail after that (stage "submit")."""
        envelope = request.prepared_transaction.SerializeToString()
        self.submitted.append(envelope)
        if self.commit:
            duplicate = self.find(request.transaction_id) is not None
            await self.add_block([envelope], [9 if duplicate else 0])
        await self._maybe_fail("submit", context)
        return gateway_pb2.SubmitResponse()

    async def CommitStatus(
        self, request: gateway_pb2.SignedCommitStatusRequest, context: Any
    ) -> gateway_pb2.CommitStatusResponse:
        """Waits for the id."""
        await self._maybe_fail("commit_status", context)
        txid = gateway_pb2.CommitStatusRequest.FromString(request.request).transaction_id
        async with self._grown:
            await self._grown.wait_for(lambda: self.find(txid) is not None)
        found = self.find(txid)
        assert found is not None
        return gateway_pb2.CommitStatusResponse(
            result=transaction_pb2.TxValidationCode.ValueType(found[2]), block_number=found[0]
        )

    async def ChaincodeEvents(
        self, request: gateway_pb2.SignedChaincodeEventsRequest, context: Any
    ) -> AsyncIterator[gateway_pb2.ChaincodeEventsResponse]:
        """Events of valid transactions from the block asked for."""
        await self._maybe_fail("events", context)
        asked = gateway_pb2.ChaincodeEventsRequest.FromString(request.request)
        number, after = asked.start_position.specified.number, asked.after_transaction_id
        found = self.find(after) if after else None
        number = found[0] if found else number
        while True:
            async with self._grown:
                await self._grown.wait_for(self._has(number))
            response = gateway_pb2.ChaincodeEventsResponse(block_number=number)
            for event in _events(self.blocks[number]):
                if after:
                    after = "" if event.tx_id == after else after
                    continue
                response.events.append(event)
            if response.events:
                yield response
            number += 1

    async def Deliver(
        self, request_iterator: AsyncIterator[common_pb2.Envelope], context: Any
    ) -> AsyncIterator[events_pb2.DeliverResponse]:
        """Blocks as asked for."""
        await self._maybe_fail("deliver", context)
        async for block in self._range(request_iterator):
            yield _status(block) if isinstance(block, int) else events_pb2.DeliverResponse(block=block)

    async def DeliverFiltered(
        self, request_iterator: AsyncIterator[common_pb2.Envelope], context: Any
    ) -> AsyncIterator[events_pb2.DeliverResponse]:
        """Blocks without contents."""
        async for block in self._range(request_iterator):
            if isinstance(block, int):
                yield _status(block)
            else:
                filtered = events_pb2.FilteredBlock(channel_id=CHANNEL, number=block.header.number)
                yield events_pb2.DeliverResponse(filtered_block=filtered)

    async def DeliverWithPrivateData(
        self, request_iterator: AsyncIterator[common_pb2.Envelope], context: Any
    ) -> AsyncIterator[events_pb2.DeliverResponse]:
        """Blocks with an empty private part each."""
        async for block in self._range(request_iterator):
            if isinstance(block, int):
                yield _status(block)
            else:
                both = events_pb2.BlockAndPrivateData(block=block)
                both.private_data_map[0].CopyFrom(rwset_pb2.TxPvtReadWriteSet())
                yield events_pb2.DeliverResponse(block_and_private_data=both)

    async def _range(
        self, request_iterator: AsyncIterator[common_pb2.Envelope]
    ) -> AsyncIterator[common_pb2.Block | int]:
        async for envelope in request_iterator:
            seek = ab_pb2.SeekInfo.FromString(common_pb2.Payload.FromString(envelope.payload).data)
            number, stop = seek.start.specified.number, seek.stop.specified.number
            self.sought.append(number)
            if number > len(self.blocks):
                yield common_pb2.NOT_FOUND
                return
            while number <= stop:
                async with self._grown:
                    await self._grown.wait_for(self._has(number))
                yield self.blocks[number]
                number += 1
            yield common_pb2.SUCCESS


def _status(status: int) -> events_pb2.DeliverResponse:
    return events_pb2.DeliverResponse(status=common_pb2.Status.ValueType(status))


def _events(block: common_pb2.Block) -> list[chaincode_event_pb2.ChaincodeEvent]:
    found = []
    codes = block.metadata.metadata[common_pb2.TRANSACTIONS_FILTER]
    for index, data in enumerate(block.data.data):
        payload = common_pb2.Payload.FromString(common_pb2.Envelope.FromString(data).payload)
        for action in transaction_pb2.Transaction.FromString(payload.data).actions:
            endorsed = transaction_pb2.ChaincodeActionPayload.FromString(action.payload).action
            response = proposal_response_pb2.ProposalResponsePayload.FromString(
                endorsed.proposal_response_payload
            )
            events = proposal_pb2.ChaincodeAction.FromString(response.extension).events
            if events and codes[index] == 0:
                found.append(chaincode_event_pb2.ChaincodeEvent.FromString(events))
    return found
