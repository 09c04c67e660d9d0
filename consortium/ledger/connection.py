"""Connections to the gateway peers: one channel per endpoint, a deadline on every call, fail-over between
them.

An endpoint that did not answer is asked last for a while. Which failures another endpoint may mend depends
on the stage: queries and proposals change nothing, and a signed envelope is the same transaction wherever
it is handed in. What must not be seen by everybody, such as transient data, says itself who may be asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import grpc
import grpc.aio
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from consortium.errors import ConfigurationError
from consortium.ledger.diagnosis import Asked
from consortium.ledger.errors import LedgerError, NotSignedError, connection_broke
from consortium.ledger.liveness import PeerGoneError, answered
from consortium.wire.fabric.gateway import gateway_pb2_grpc
from consortium.wire.fabric.msp import identities_pb2
from consortium.wire.fabric.peer import events_pb2_grpc

MAX_MESSAGE_BYTES = 100 * 1024 * 1024
"""What peers take; gRPC's own default is 4 MB."""

KEEPALIVE_MS = 90_000
"""Peers drop clients that ping more often than every 60 s."""

KEEPALIVE_TIMEOUT_MS = 20_000
CONNECT_TIMEOUT_MS = 5_000
RECONNECT_MAX_MS = 1_000
"""A peer that is back is found again within this time; until then calls fail at once."""

COOL_DOWN_S = 5.0
"""How long an endpoint that could not answer is asked last."""

SERVER_FIRST_S = 0.02
"""A peer's clock for a call's deadline may run so much ahead of the client's."""

TROUBLED = frozenset(
    {"LEDGER_UNAVAILABLE", "LEDGER_TIMEOUT", "CHANNEL_NOT_FOUND", "CHAINCODE_NOT_FOUND", "ENDORSER_FAILED"}
)
"""Reasons for which an endpoint is asked last for a while: what it cannot do now it will not do at once."""

MAX_CONCURRENT_CALLS = 200
"""Of one Gateway. A peer takes 500 from everybody by default."""

RequestT = TypeVar("RequestT")
ResponseT = TypeVar("ResponseT")
ErrorT = TypeVar("ErrorT", bound=LedgerError)


class SigningIdentity(Protocol):
    """Who speaks to the ledger: :class:`consortium.identity.msp.Identity`, or :class:`OfflineIdentity`."""

    @property
    def msp_id(self) -> str: ...

    def serialized(self) -> bytes:
        """The identity as messages carry it."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Signature over a message (hashing is the signer's business)."""
        ...


@dataclass(frozen=True, slots=True)
class OfflineIdentity:
    """An identity whose key is elsewhere: every stage gives its bytes out and takes a signature in."""

    msp_id: str
    cert_pem: bytes

    def serialized(self) -> bytes:
        """The identity as messages carry it."""
        return identities_pb2.SerializedIdentity(
            mspid=self.msp_id, id_bytes=self.cert_pem
        ).SerializeToString()

    def sign(self, message: bytes) -> bytes:
        """Always refuses.

        :raises NotSignedError: there is no key here
        """
        raise NotSignedError(
            f"The key of {self.msp_id} is not here.",
            remedy="Sign the stage's signing_bytes elsewhere and continue with with_signature().",
        )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A gateway peer.

    :param target: host:port
    :param tls_root: PEM of the CA certificates that its TLS certificate must chain to; None: no TLS, which
        only a network on one machine may use
    :param override: the name in its certificate, where that is not the host
    :param client_certificate: PEM, for peers that ask for client certificates; with ``client_key``
    :param msp_id: whose peer it is; empty: not told, then only the first endpoint counts as our own
    """

    target: str
    tls_root: bytes | None
    override: str = ""
    client_certificate: bytes | None = None
    client_key: bytes | None = None
    msp_id: str = ""


Suited = Callable[[Endpoint, bool], bool]
"""Whether an endpoint may be asked; the second value says whether it is the first one given."""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long each stage may take, seconds, fail-over included. Peers give up endorsing after 30 s."""

    evaluate_s: float = 30.0
    endorse_s: float = 35.0
    submit_s: float = 15.0
    commit_status_s: float = 60.0


class Peer:
    """One endpoint and its channel, opened at its first use."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.asked_last_until = 0.0
        self.connections = 0
        """How many connections were given up; calls that began before the last one are lost."""
        self._closing: set[asyncio.Future[None]] = set()
        self._channel: grpc.aio.Channel | None = None
        self._gateway: gateway_pb2_grpc.GatewayAsyncStub | None = None
        self._deliver: events_pb2_grpc.DeliverAsyncStub | None = None

    def channel(self) -> grpc.aio.Channel:
        """The channel; it connects and reconnects by itself."""
        if self._channel is None:
            self._channel = _open(self.endpoint)
        return self._channel

    @property
    def gateway(self) -> gateway_pb2_grpc.GatewayAsyncStub:
        """The Gateway service."""
        if self._gateway is None:
            self._gateway = gateway_pb2_grpc.GatewayStub(self.channel())
        return self._gateway

    @property
    def deliver(self) -> events_pb2_grpc.DeliverAsyncStub:
        """The Deliver service."""
        if self._deliver is None:
            self._deliver = events_pb2_grpc.DeliverStub(self.channel())
        return self._deliver

    def failed(self) -> None:
        """Asks this peer last for a while."""
        self.asked_last_until = time.monotonic() + COOL_DOWN_S

    def forget_connection(self) -> None:
        """The next call opens a new connection: nobody answers on this one, and TCP does not notice."""
        channel, self._channel, self._gateway, self._deliver = self._channel, None, None, None
        self.connections += 1
        if channel is not None:
            closing = asyncio.ensure_future(channel.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def lost(self, connection: int, error: BaseException) -> bool:
        """Whether a call ended because its connection was given up, now or meanwhile; otherwise gRPC ended it,
        because the client was closed.

        :param connection: :attr:`connections` when the call began
        """
        if isinstance(error, PeerGoneError):
            self.failed()
            if connection == self.connections:  # others may have noticed before
                self.forget_connection()
        return connection != self.connections

    async def close(self) -> None:
        """Closes the channel; calls under way are cancelled."""
        await asyncio.gather(*self._closing, return_exceptions=True)
        if self._channel is not None:
            await self._channel.close()


class Connection:
    """All endpoints of one gateway.

    :param balance: spread calls over the endpoints; otherwise the first that answers gets them all, so that
        one process reads from the peer that it wrote through
    """

    def __init__(self, endpoints: Sequence[Endpoint], *, balance: bool = False) -> None:
        if not endpoints:
            raise ConfigurationError("No ledger endpoint is given.", remedy="Name at least one gateway peer.")
        self._peers = [Peer(endpoint) for endpoint in endpoints]
        self._balance = balance
        self._turn = 0
        self._calls = asyncio.Semaphore(MAX_CONCURRENT_CALLS)

    def peers(self, *, begin: int = 0, suited: Suited | None = None) -> list[Peer]:
        """In the order in which to ask them: those that failed lately come last.

        :param begin: how many to pass over first; they come after the others
        :param suited: which endpoints may be asked at all
        """
        first = begin
        if self._balance:
            first += self._turn
            self._turn = (self._turn + 1) % len(self._peers)
        first %= len(self._peers)
        now = time.monotonic()
        rotated = self._peers[first:] + self._peers[:first]
        if suited is not None:
            preferred = self._peers[0]
            rotated = [peer for peer in rotated if suited(peer.endpoint, peer is preferred)]
        return sorted(rotated, key=lambda peer: peer.asked_last_until > now)

    async def call(
        self,
        method: Callable[[Peer], Callable[..., grpc.aio.UnaryUnaryCall[RequestT, ResponseT]]],
        request: RequestT,
        *,
        error_type: type[ErrorT],
        deadline_s: float,
        elsewhere: Callable[[ErrorT], bool] = lambda error: error.reason == "LEDGER_UNAVAILABLE",
        asked: Asked,
        begin: int = 0,
        suited: Suited | None = None,
    ) -> ResponseT:
        """One unary call, at the next endpoint too when ``elsewhere`` says that it may help.

        :param deadline_s: for all attempts together
        :param asked: what the call is about, for its errors
        :param begin: see :meth:`peers`
        :param suited: see :meth:`peers`
        :raises LedgerError: of ``error_type``; ``outcome_unknown`` when it holds after any of the attempts
        """
        ends = time.monotonic() + deadline_s
        failures: list[ErrorT] = []
        await self._enter(error_type, deadline_s, asked.txid)
        try:
            peers = self.peers(begin=begin, suited=suited)
            for number, peer in enumerate(peers, start=1):
                left = ends - time.monotonic()
                if failures and left <= 0:
                    break
                connection = peer.connections
                try:
                    call = method(peer)(request, timeout=max(left, 0.001))
                    # Without anybody else to ask the deadline decides.
                    return await (call if number == len(peers) else answered(peer.channel(), call))
                except (grpc.aio.UsageError, asyncio.CancelledError, PeerGoneError) as error:
                    if isinstance(error, asyncio.CancelledError) and cancelled_by_caller():
                        raise
                    if not peer.lost(connection, error):
                        raise closed(error_type, asked.txid) from error
                    failure = _gone(error_type, asked, peer)
                    failure.__cause__ = error
                except grpc.aio.AioRpcError as error:
                    late = time.monotonic() >= ends - SERVER_FIRST_S
                    failure = error_type.from_rpc(error, asked, target=peer.endpoint.target, late=late)
                    failure.__cause__ = error
                    if _at_fault(failure, error, peer.endpoint):
                        peer.failed()
                failures.append(failure)
                if not elsewhere(failure):
                    break
        finally:
            self._calls.release()
        raise _telling(failures, error_type, asked)

    async def _enter(self, error_type: type[ErrorT], deadline_s: float, txid: str) -> None:
        """Takes one of the places for calls, waiting only when all are taken."""
        try:
            if self._calls.locked():
                await asyncio.wait_for(self._calls.acquire(), deadline_s)
            else:
                await self._calls.acquire()
        except TimeoutError as error:
            raise error_type(
                f"{MAX_CONCURRENT_CALLS} calls were under way for {deadline_s} s.",
                reason="LEDGER_OVERLOADED",
                retryable=True,
                txid=txid,
            ) from error

    async def close(self) -> None:
        """Closes every channel."""
        await asyncio.gather(*(peer.close() for peer in self._peers))


def cancelled_by_caller() -> bool:
    """Whether the task that waits was cancelled. Otherwise gRPC cancelled the call, because the client was closed."""
    task = asyncio.current_task()
    return task is None or task.cancelling() > 0


def closed(error_type: type[ErrorT], txid: str = "") -> ErrorT:
    """What a call ends with when its client is closed. A submit may have been done: it is told as unknown."""
    return error_type(
        "The ledger client was closed.",
        reason="LEDGER_UNAVAILABLE",
        txid=txid,
        outcome_unknown=error_type.unknown_after(grpc.StatusCode.CANCELLED),
    )


def _at_fault(failure: LedgerError, error: grpc.aio.AioRpcError, endpoint: Endpoint) -> bool:
    """Whether the endpoint itself is in trouble: another organisation's chaincode server is not its fault."""
    if failure.reason == "ENDORSER_FAILED" and endpoint.msp_id and failure.details_list:
        return any(detail.msp_id == endpoint.msp_id for detail in failure.details_list)
    return failure.reason in TROUBLED or (failure.reason == "LEDGER_REFUSED" and connection_broke(error))


def _gone(error_type: type[ErrorT], asked: Asked, peer: Peer) -> ErrorT:
    """A peer that does not answer any more, though its connection stands."""
    return error_type(
        f"{error_type.stage} failed at {peer.endpoint.target}: nobody answers on the connection any more",
        reason="LEDGER_UNAVAILABLE",
        remedy="Check the gateway peer, then ask again.",
        txid=asked.txid,
        code=grpc.StatusCode.UNAVAILABLE.name,
        retryable=True,
        outcome_unknown=error_type.unknown_after(grpc.StatusCode.UNAVAILABLE),
    )


def _telling(failures: list[ErrorT], error_type: type[ErrorT], asked: Asked) -> ErrorT:
    """The failure that says most: a peer's answer says more than that another one was not there."""
    if not failures:
        return error_type(
            f"{error_type.stage} was not tried: no endpoint may see this call's transient data",
            reason="LEDGER_UNAVAILABLE",
            remedy="Name an endpoint of this organisation first, or the organisations that may see the data.",
            txid=asked.txid,
        )
    silent = ("LEDGER_UNAVAILABLE", "LEDGER_TIMEOUT")
    failure = next((item for item in failures if item.reason not in silent), failures[-1])
    others = [item.message for item in failures if item is not failure]
    if others:
        failure.message = "; and ".join([failure.message, *others])
        failure.args = (failure.message,)
    failure.outcome_unknown = any(item.outcome_unknown for item in failures)
    return failure


def tls_hash(endpoints: Sequence[Endpoint]) -> bytes:
    """SHA-256 of the TLS client certificate, to which peers with mutual TLS bind requests for blocks; empty
    without one. One client has one such certificate.

    :raises ConfigurationError: it cannot be read
    """
    for endpoint in endpoints:
        if endpoint.client_certificate is not None:
            try:
                certificate = x509.load_pem_x509_certificate(endpoint.client_certificate)
            except ValueError as error:
                raise ConfigurationError(
                    f"The TLS client certificate for {endpoint.target} is no PEM certificate.",
                    remedy="Give the certificate that the peer's TLS CA issued for this client.",
                ) from error
            return certificate.fingerprint(hashes.SHA256())
    return b""


def _open(endpoint: Endpoint) -> grpc.aio.Channel:
    options: list[tuple[str, int | str]] = [
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
        ("grpc.keepalive_permit_without_calls", 0),
        ("grpc.http2.max_pings_without_data", 0),
        # gRPC's name for the time that one attempt to connect may take; 20 s would eat a whole deadline
        ("grpc.min_reconnect_backoff_ms", CONNECT_TIMEOUT_MS),
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", RECONNECT_MAX_MS),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if endpoint.override:
        options.append(("grpc.ssl_target_name_override", endpoint.override))
    if endpoint.tls_root is None:
        return grpc.aio.insecure_channel(endpoint.target, options=options)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=endpoint.tls_root,
        private_key=endpoint.client_key,
        certificate_chain=endpoint.client_certificate,
    )
    return grpc.aio.secure_channel(endpoint.target, credentials, options=options)
