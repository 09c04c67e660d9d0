"""Connections to the gateway peers: one channel per endpoint, a deadline on every call, fail-over between
them.

An endpoint that did not answer is asked last for a while. Which failures another endpoint may mend depends
on the stage: queries and proposals change nothing, and a signed envelope is the same transaction wherever
it is handed in.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import grpc
import grpc.aio

from consortium.errors import ConfigurationError
from consortium.ledger.errors import LedgerError, NotSignedError, connection_broke
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
"""How long an endpoint that did not answer is asked last."""

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
    """

    target: str
    tls_root: bytes | None
    override: str = ""
    client_certificate: bytes | None = None
    client_key: bytes | None = None


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

    async def close(self) -> None:
        """Closes the channel; calls under way are cancelled."""
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

    def peers(self) -> list[Peer]:
        """In the order in which to ask them: those that failed lately come last."""
        first = 0
        if self._balance:
            first = self._turn % len(self._peers)
            self._turn += 1
        now = time.monotonic()
        rotated = self._peers[first:] + self._peers[:first]
        return sorted(rotated, key=lambda peer: peer.asked_last_until > now)

    async def call(
        self,
        method: Callable[[Peer], Callable[..., Awaitable[ResponseT]]],
        request: RequestT,
        *,
        error_type: type[ErrorT],
        deadline_s: float,
        elsewhere: Callable[[ErrorT], bool] = lambda error: error.reason == "LEDGER_UNAVAILABLE",
        txid: str = "",
    ) -> ResponseT:
        """One unary call, at the next endpoint too when ``elsewhere`` says that it may help.

        :param deadline_s: for all attempts together
        :raises LedgerError: of ``error_type``; ``outcome_unknown`` when it holds after any of the attempts
        """
        ends = time.monotonic() + deadline_s
        unknown = False
        failure: ErrorT | None = None
        await self._enter(error_type, deadline_s, txid)
        try:
            for peer in self.peers():
                left = ends - time.monotonic()
                if failure is not None and left <= 0:
                    break
                try:
                    return await method(peer)(request, timeout=max(left, 0.001))
                except (grpc.aio.UsageError, asyncio.CancelledError) as error:
                    if isinstance(error, asyncio.CancelledError) and cancelled_by_caller():
                        raise
                    raise closed(error_type, txid) from error
                except grpc.aio.AioRpcError as error:
                    failure = error_type.from_rpc(error, txid=txid, target=peer.endpoint.target)
                    failure.__cause__ = error
                    if connection_broke(error):
                        peer.failed()
                    unknown = unknown or failure.outcome_unknown
                if not elsewhere(failure):
                    break
        finally:
            self._calls.release()
        assert failure is not None  # there is at least one peer
        failure.outcome_unknown = unknown
        raise failure

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
