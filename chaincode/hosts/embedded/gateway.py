"""``gateway.Gateway``: what a peer offers to client applications, with a peer's codes and texts.

A peer's refusal is carried in error details, the gateway's own has none. With ``endorsing_organizations`` one
peer per organisation endorses and the policy is not looked at; without, peers are chosen so that the policies
of everything that is written are satisfied, the creator's own organisation first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import grpc
import structlog

from chaincode.hosts.embedded.committer import Committer
from chaincode.hosts.embedded.endorser import (
    READERS,
    SYSTEM_CHAINCODES,
    WRITERS,
    Endorsed,
    Endorser,
    PeerError,
    RefusedError,
    Results,
    Simulated,
    UnreachableError,
    acl_failure,
)
from chaincode.hosts.embedded.errors import RpcError, shorten
from chaincode.hosts.embedded.events import Matcher, block_events
from chaincode.hosts.embedded.feed import ClosedError, Feed
from chaincode.hosts.embedded.msp import IdentityError, MspManager
from chaincode.hosts.embedded.orderer import Orderer, UnavailableError
from chaincode.hosts.embedded.policy import PolicyError, choose
from chaincode.hosts.embedded.settings import EmbeddedSettings
from chaincode.hosts.embedded.store import Reader, block_of
from chaincode.hosts.embedded.validator import Checked
from chaincode.hosts.embedded.wire import (
    UnpackedProposal,
    WireError,
    parse,
    prepared_transaction,
    unpack_proposal,
)
from consortium.wire.fabric.common.common_pb2 import Envelope, HeaderType
from consortium.wire.fabric.gateway.gateway_pb2 import (
    ChaincodeEventsRequest,
    ChaincodeEventsResponse,
    CommitStatusRequest,
    CommitStatusResponse,
    EndorseRequest,
    EndorseResponse,
    ErrorDetail,
    EvaluateRequest,
    EvaluateResponse,
    SignedChaincodeEventsRequest,
    SignedCommitStatusRequest,
    SubmitRequest,
    SubmitResponse,
)
from consortium.wire.fabric.gateway.gateway_pb2_grpc import GatewayServicer
from consortium.wire.fabric.peer.proposal_pb2 import SignedProposal
from consortium.wire.fabric.peer.proposal_response_pb2 import Response as ResponseMessage

T = TypeVar("T")
log = structlog.get_logger(__name__)
SUCCESS = range(200, 400)
NOT_ENOUGH = "failed to collect enough transaction endorsements, see attached details for more info"
StatusCode = grpc.StatusCode


@dataclass(frozen=True, slots=True)
class Parts:
    """What the gateway works with.

    :param addresses: where each organisation's peer is said to be
    :param lookup: for short reads outside of any snapshot
    :param thread: the committer's
    """

    settings: EmbeddedSettings
    msp: MspManager
    endorser: Endorser
    committer: Committer
    orderer: Orderer
    feed: Feed
    lookup: Reader
    thread: Executor
    addresses: Mapping[str, str]


class Gateway(GatewayServicer):
    """Evaluate, Endorse, Submit, CommitStatus and ChaincodeEvents of one channel."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._settings = parts.settings
        self._running = 0

    async def Evaluate(self, request: EvaluateRequest, context: Any) -> EvaluateResponse:  # noqa: N802
        """Runs a function on one peer."""
        return await self._guarded(context, partial(self._evaluate, request))

    async def Endorse(self, request: EndorseRequest, context: Any) -> EndorseResponse:  # noqa: N802
        """Collects endorsements."""
        return await self._guarded(context, partial(self._endorse, request))

    async def Submit(self, request: SubmitRequest, context: Any) -> SubmitResponse:  # noqa: N802
        """Hands a transaction to the orderer."""
        return await self._guarded(context, partial(self._submit, request))

    async def CommitStatus(self, request: SignedCommitStatusRequest, context: Any) -> CommitStatusResponse:  # noqa: N802
        """Waits for a transaction's outcome."""
        return await self._guarded(context, partial(self._commit_status, request))

    async def ChaincodeEvents(  # noqa: N802
        self, request: SignedChaincodeEventsRequest, context: Any
    ) -> AsyncIterator[ChaincodeEventsResponse]:
        """Streams events."""
        try:
            with self._slot():
                async for response in self._events(request):
                    yield response
        except Exception as error:  # noqa: BLE001 - the edge: every failure becomes a status
            await _abort(context, _as_rpc_error(error))

    async def _guarded(self, context: Any, call: Callable[[], Awaitable[T]]) -> T:
        try:
            with self._slot():
                return await call()
        except Exception as error:
            await _abort(context, _as_rpc_error(error))
            raise

    @contextmanager
    def _slot(self) -> Iterator[None]:
        limit = self._settings.gateway_concurrency
        if self._running >= limit:
            text = f"too many requests for /gateway.Gateway, exceeding concurrency limit ({limit})"
            raise RpcError(StatusCode.UNKNOWN, text)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1

    # -- evaluate

    async def _evaluate(self, request: EvaluateRequest) -> EvaluateResponse:
        proposal = _to_evaluate(request.proposed_transaction)
        channel = proposal.channel
        if channel != self._settings.channel:
            raise RpcError(StatusCode.UNAVAILABLE, _no_config(channel))
        own = self._own(proposal)
        targets = list(request.target_organizations)
        if proposal.transient and not targets:
            targets = [own]  # secrets go to the gateway's own organisation only
        peers = self._evaluators(proposal.target, targets, own)
        busy = self._parts.endorser.busy(proposal.txid, peers)
        asked = next((peer for peer in peers if peer not in busy), peers[0])
        try:
            simulated = await self._parts.endorser.simulate(proposal, [asked])
        except UnreachableError as error:
            raise self._all_failed(StatusCode.UNAVAILABLE, str(error), peers) from error
        except PeerError as error:
            raise self._all_failed(StatusCode.ABORTED, str(error), peers) from error
        except RefusedError as error:
            raise self._evaluate_refused(StatusCode.FAILED_PRECONDITION, str(error), asked) from error
        response = simulated.response
        if response.status not in SUCCESS:
            text = f"chaincode response {response.status}, {response.message}"
            raise self._evaluate_refused(StatusCode.UNKNOWN, text, asked)
        return EvaluateResponse(
            result=ResponseMessage(status=response.status, message=response.message, payload=response.payload)
        )

    def _own(self, proposal: UnpackedProposal) -> str:
        """The gateway's own organisation: each caller is served by a peer of its own."""
        try:
            found = self._parts.msp.deserialize(proposal.creator).msp_id
        except IdentityError:
            found = ""
        return found if found in self._parts.addresses else next(iter(self._parts.addresses))

    def _evaluators(self, chaincode: str, targets: Sequence[str], own: str) -> list[str]:
        """Organisations that may answer, in the order in which they would be asked: the own one first."""
        known = self._parts.addresses
        found = [name for name in dict.fromkeys(targets) if name in known] if targets else list(known)
        found.sort(key=lambda name: name != own)
        if not found or not self._has(chaincode):
            raise RpcError(
                StatusCode.FAILED_PRECONDITION,
                f"no peers available to evaluate chaincode {chaincode} in channel {self._settings.channel}",
            )
        return found

    def _all_failed(self, code: grpc.StatusCode, text: str, peers: Sequence[str]) -> RpcError:
        message = "failed to evaluate transaction, see attached details for more info"
        return RpcError(code, message, [self._detail(peer, text) for peer in peers])

    def _evaluate_refused(self, code: grpc.StatusCode, text: str, peer: str) -> RpcError:
        message = f"evaluate call to endorser returned error: {text}"
        return RpcError(code, message, [self._detail(peer, text)])

    # -- endorse

    async def _endorse(self, request: EndorseRequest) -> EndorseResponse:
        signed = request.proposed_transaction
        if not signed.proposal_bytes:
            raise RpcError(
                StatusCode.INVALID_ARGUMENT, "the proposed transaction must contain a signed proposal"
            )
        try:
            proposal = unpack_proposal(signed)
        except WireError as error:
            raise RpcError(StatusCode.INVALID_ARGUMENT, str(error)) from error
        wanted = list(dict.fromkeys(request.endorsing_organizations))
        self._check_endorsers(proposal, wanted)
        simulated = await self._simulate(proposal, wanted)
        if simulated.differing:
            differ = "ProposalResponsePayloads do not match"
            details = [self._detail(peer, differ) for peer in wanted if peer in simulated.differing]
            raise RpcError(StatusCode.ABORTED, NOT_ENOUGH, details)
        try:
            results = self._parts.endorser.results(simulated)
            organisations = wanted or self._choose(simulated, results)
            endorsed = self._parts.endorser.endorse(simulated, results, organisations)
        except WireError as error:
            raise RpcError(StatusCode.ABORTED, f"failed to assemble transaction: {error}") from error
        await self._keep_private(proposal.txid, endorsed)
        envelope = prepared_transaction(proposal, endorsed.payload, endorsed.endorsements)
        return EndorseResponse(prepared_transaction=envelope)

    def _check_endorsers(self, proposal: UnpackedProposal, wanted: Sequence[str]) -> None:
        here = proposal.channel == self._settings.channel and self._has(proposal.target)
        if wanted:
            missing = [name for name in wanted if not here or name not in self._parts.addresses]
            if missing:
                text = f"failed to find any endorsing peers for org(s): {', '.join(missing)}"
                raise RpcError(StatusCode.UNAVAILABLE, text)
        elif not here or proposal.target in SYSTEM_CHAINCODES:
            raise _no_combination(
                f"No metadata was found for chaincode {proposal.target} in channel {proposal.channel}"
            )

    async def _simulate(self, proposal: UnpackedProposal, wanted: Sequence[str]) -> Simulated:
        message = (
            NOT_ENOUGH if wanted else "failed to endorse transaction, see attached details for more info"
        )
        peers = list(wanted) or [self._own(proposal)]
        try:
            simulated = await self._parts.endorser.simulate(proposal, peers)
        except (UnreachableError, PeerError, RefusedError) as error:
            those = error.peers if isinstance(error, PeerError) and error.peers else peers
            details = [self._detail(peer, str(error)) for peer in peers if peer in those]
            raise RpcError(StatusCode.ABORTED, message, details) from error
        response = simulated.response
        if response.status not in SUCCESS:
            text = f"chaincode response {response.status}, {response.message}"
            failing = [peer for peer in peers if not simulated.lacking or peer in simulated.lacking]
            raise RpcError(StatusCode.ABORTED, message, [self._detail(peer, text) for peer in failing])
        return simulated

    def _choose(self, simulated: Simulated, results: Results) -> list[str]:
        """Organisations that satisfy all policies: members of what was read, and of what secrets were written to."""
        endorser = self._parts.endorser
        policies = endorser.policies(simulated, results, self._parts.lookup)
        guarded = set(simulated.private_reads)
        secret = simulated.builder.written_collections() - guarded if simulated.proposal.transient else set()
        try:
            chosen = choose(policies, endorser.peers(guarded | secret), simulated.creator)
            if chosen is None and secret and choose(policies, endorser.peers(guarded), simulated.creator):
                names = " ".join(sorted(collection for _, collection in secret))
                raise RpcError(
                    StatusCode.FAILED_PRECONDITION,
                    "requires endorsement from organisation(s) that are not in the distribution policy of the"
                    f" private data collection(s): [{names}]; retry specifying trusted endorsing organizations to"
                    " protect transient data",
                )
        except PolicyError as error:
            raise _no_combination("state based endorsement policy cannot be satisfied") from error
        if chosen is None:
            raise _no_combination("no peer combination can satisfy the endorsement policy")
        return chosen

    async def _keep_private(self, txid: str, endorsed: Endorsed) -> None:
        if endorsed.private is not None:
            await asyncio.get_running_loop().run_in_executor(
                self._parts.thread,
                self._parts.committer.keep_transient,
                txid,
                endorsed.private.SerializeToString(),
            )

    # -- submit

    async def _submit(self, request: SubmitRequest) -> SubmitResponse:
        if not request.HasField("prepared_transaction"):
            raise RpcError(StatusCode.INVALID_ARGUMENT, "a prepared transaction is required")
        envelope = request.prepared_transaction
        if not envelope.signature:
            raise RpcError(StatusCode.INVALID_ARGUMENT, "prepared transaction must be signed")
        if request.channel_id != self._settings.channel:
            raise RpcError(StatusCode.FAILED_PRECONDITION, _no_config(request.channel_id))
        checked = self._orderer_checks(envelope)
        try:
            await self._parts.orderer.order(checked)
        except UnavailableError as error:
            detail = ErrorDetail(
                address=self._parts.addresses[next(iter(self._parts.addresses))],
                message=f"received unsuccessful response from orderer: status=SERVICE_UNAVAILABLE, info={error}",
            )
            text = "no orderers could successfully process transaction"
            raise RpcError(StatusCode.UNAVAILABLE, text, [detail]) from error
        return SubmitResponse()

    def _orderer_checks(self, envelope: Envelope) -> Checked:
        """What an orderer refuses: size, no channel header, channel, kind, signature, expired signer.

        Beyond an orderer, an envelope whose transaction cannot be read is refused too: in a block it would
        only be marked invalid, and some clients cannot read past it.
        """
        data = envelope.SerializeToString()
        size = len(envelope.payload) + len(envelope.signature)
        limit = self._settings.absolute_max_bytes
        if size > limit:
            raise _orderer_refusal(
                "BAD_REQUEST", f"message payload is {size} bytes and exceeds maximum allowed {limit} bytes"
            )
        checked = self._parts.committer.validator.check(data)
        if checked.malformed:
            raise _orderer_refusal("BAD_REQUEST", f"malformed envelope: {checked.malformed}")
        if checked.channel != self._settings.channel:
            raise _orderer_refusal("BAD_REQUEST", "channel does not exist")
        if checked.kind in (HeaderType.CONFIG, HeaderType.CONFIG_UPDATE):
            raise _orderer_refusal("BAD_REQUEST", "message is of type that cannot be processed directly")
        signer = checked.signer
        if signer is None or not signer.roles & WRITERS:
            raise _orderer_refusal(
                "FORBIDDEN",
                "implicit policy evaluation failed - 0 sub-policies were satisfied, but this policy requires 1 of the"
                " 'Writers' sub-policies to be satisfied: permission denied",
            )
        if self._parts.endorser.now() > signer.not_after:
            raise _orderer_refusal("BAD_REQUEST", "broadcast client identity expired")
        return checked

    # -- commit status and events

    async def _commit_status(self, signed: SignedCommitStatusRequest) -> CommitStatusResponse:
        if not signed.request:
            raise RpcError(StatusCode.INVALID_ARGUMENT, "a commit status request is required")
        try:
            request = parse(CommitStatusRequest, signed.request, "CommitStatusRequest")
        except WireError as error:
            raise RpcError(StatusCode.INVALID_ARGUMENT, f"invalid status request: {error}") from error
        if not request.identity:
            raise RpcError(StatusCode.INVALID_ARGUMENT, "no identity provided")
        if not request.channel_id:
            raise RpcError(StatusCode.INVALID_ARGUMENT, "no channel ID provided")
        if not request.transaction_id:
            raise RpcError(StatusCode.INVALID_ARGUMENT, "transaction ID should not be empty")
        self._check_reader(request.channel_id, request.identity, signed.request, signed.signature)
        with self._parts.feed.listen(request.transaction_id) as future:
            found = self._parts.lookup.outcome(request.transaction_id)
            if found is None:
                try:
                    found = await asyncio.wait_for(future, self._settings.commit_status_timeout_s)
                except TimeoutError as error:
                    raise RpcError(StatusCode.DEADLINE_EXCEEDED, "context deadline exceeded") from error
        code, block = found
        return CommitStatusResponse(result=code, block_number=block)  # type: ignore[arg-type]  # stored codes are codes

    async def _events(self, signed: SignedChaincodeEventsRequest) -> AsyncIterator[ChaincodeEventsResponse]:
        if not signed.request:
            raise RpcError(StatusCode.INVALID_ARGUMENT, "a chaincode events request is required")
        try:
            request = parse(ChaincodeEventsRequest, signed.request, "ChaincodeEventsRequest")
        except WireError as error:
            raise RpcError(
                StatusCode.INVALID_ARGUMENT, f"invalid chaincode events request: {error}"
            ) from error
        self._check_reader(request.channel_id, request.identity, signed.request, signed.signature)
        number = self._start_block(request)
        wanted = Matcher(request.chaincode_id, request.after_transaction_id)
        while True:
            _, events = block_events(await self._parts.feed.block(number))
            matching = [event for event in events if wanted(event)]
            if matching:
                yield ChaincodeEventsResponse(events=matching, block_number=number)
            number += 1

    def _start_block(self, request: ChaincodeEventsRequest) -> int:
        if request.after_transaction_id:
            row = self._parts.lookup.transaction(request.after_transaction_id)
            if row is not None:
                return block_of(row.position)
        kind = request.start_position.WhichOneof("Type")
        if kind == "specified":
            return request.start_position.specified.number
        if kind not in (None, "next_commit"):
            raise RpcError(StatusCode.INVALID_ARGUMENT, f"invalid start position type: {kind}")
        return self._parts.feed.height

    def _check_reader(self, channel: str, identity: bytes, message: bytes, signature: bytes) -> None:
        if channel != self._settings.channel:
            raise RpcError(
                StatusCode.PERMISSION_DENIED, f"Failed to get policy manager for channel [{channel}]"
            )
        try:
            asker = self._parts.msp.deserialize(identity)
            asker.validate()
            asker.verify(message, signature)
            allowed = bool(asker.roles & READERS)
        except IdentityError:
            allowed = False
        if not allowed:
            raise RpcError(StatusCode.PERMISSION_DENIED, acl_failure(channel, "Readers"))

    # -- helpers

    def _has(self, chaincode: str) -> bool:
        return chaincode in SYSTEM_CHAINCODES or self._parts.endorser.has(chaincode)

    def _detail(self, organisation: str, text: str) -> ErrorDetail:
        return ErrorDetail(address=self._parts.addresses[organisation], msp_id=organisation, message=text)


def _to_evaluate(signed: SignedProposal) -> UnpackedProposal:
    """A proposal of an evaluate call, which must say for which channel and chaincode it is."""
    begin = "failed to unpack transaction proposal: "
    if not signed.proposal_bytes:
        raise RpcError(StatusCode.INVALID_ARGUMENT, begin + "a signed proposal is required")
    try:
        proposal = unpack_proposal(signed)
    except WireError as error:
        raise RpcError(StatusCode.INVALID_ARGUMENT, begin + str(error)) from error
    if not proposal.channel:
        raise RpcError(StatusCode.INVALID_ARGUMENT, begin + "no channel id provided")
    if not proposal.target:
        text = f"no chaincode name is provided, channel id [{proposal.channel}]"
        raise RpcError(StatusCode.INVALID_ARGUMENT, begin + text)
    return proposal


def _no_config(channel: str) -> str:
    return f"failed to get config for channel [{channel}]: could not get last config for channel {channel}"


def _no_combination(why: str) -> RpcError:
    text = "no combination of peers can be derived which satisfy the endorsement policy: "
    return RpcError(StatusCode.FAILED_PRECONDITION, text + why)


def _orderer_refusal(status: str, info: str) -> RpcError:
    return RpcError(
        StatusCode.ABORTED, f"received unsuccessful response from orderer: status={status}, info={info}"
    )


def _as_rpc_error(error: Exception) -> RpcError:
    if isinstance(error, RpcError):
        return error
    if isinstance(error, ClosedError):
        return RpcError(StatusCode.UNAVAILABLE, "the ledger is stopping")
    log.exception("call failed", exc_info=error)
    return RpcError(StatusCode.INTERNAL, "the embedded ledger failed; its log says why")


async def _abort(context: Any, error: RpcError) -> None:
    await context.abort(error.code, shorten(error.message), trailing_metadata=error.trailer())
