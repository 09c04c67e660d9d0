"""What every gRPC call passes before and after its handler. In order:

1. who: the organisation comes from the TLS certificate (``OrgDirectory``), kept for ``current_caller()``;
2. may it: the permission table, denied unless listed;
3. how long: the client's deadline, or the server's cap when there is none or a longer one;
4. the request is read (only now: what a stranger sends is not even parsed), and the handler runs;
5. errors become status and trailer (``rpc.errors``), unexpected ones an incident id; one log line per call.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

import grpc
import grpc.aio
import structlog
from google.protobuf.message import DecodeError

from consortium.errors import ChanrongError, InvalidInputError, OutcomeUnknownError, UnauthenticatedError
from consortium.identity.directory import Caller, OrgDirectory
from consortium.rpc.errors import incident, shortened, to_status, to_trailer, told
from consortium.rpc.permissions import PermissionTable

if TYPE_CHECKING:  # gRPC's classes are generic in their stubs only
    Context = grpc.aio.ServicerContext[Any, Any]
    Behaviour = Callable[[Any, Context], Any]
    Handler = grpc.RpcMethodHandler[Any, Any]

QUIET_METHODS = frozenset({"/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"})
"""Called every few seconds by whoever watches; logged at debug level when all is well."""

_caller: ContextVar[Caller | None] = ContextVar("chanrong_caller", default=None)
_log = structlog.get_logger("chanrong.rpc")


def current_caller() -> Caller:
    """The caller of the call being handled.

    :raises UnauthenticatedError: outside of a call, or in a public one
    """
    caller = _caller.get()
    if caller is None:
        raise UnauthenticatedError("Nobody is calling.", remedy="Call with a client certificate.")
    return caller


def set_current_caller(caller: Caller | None) -> None:
    """Say who is calling, for the rest of this task: the REST side does so once it checked a token."""
    _caller.set(caller)


class Guard(grpc.aio.ServerInterceptor):
    """The interceptor that does all of it.

    :param deadline_cap_s: longest time of a call that is answered with one message
    :param stream_cap_s: longest time of a call that streams answers
    """

    def __init__(
        self,
        directory: OrgDirectory | None,
        table: PermissionTable,
        *,
        deadline_cap_s: float,
        stream_cap_s: float,
    ) -> None:
        self._directory = directory
        self._table = table
        self._deadline_cap_s = deadline_cap_s
        self._stream_cap_s = stream_cap_s
        self._wrapped: dict[str, Handler] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler | None:
        """Replace a method's handler by the guarded one, made once per method."""
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is not None:
            return wrapped
        handler = await continuation(handler_call_details)
        if handler is None:  # unknown method: gRPC answers UNIMPLEMENTED, and nothing is remembered
            return None
        self._wrapped[method] = self._wrap(method, handler)
        return self._wrapped[method]

    def _wrap(self, method: str, handler: Handler) -> Handler:
        streams_in, streams_out = handler.request_streaming, handler.response_streaming
        kind = f"{'stream' if streams_in else 'unary'}_{'stream' if streams_out else 'unary'}"
        behaviour = cast("Behaviour", getattr(handler, kind))
        make = cast("Callable[..., Handler]", getattr(grpc, f"{kind}_rpc_method_handler"))
        cap = self._stream_cap_s if streams_out else self._deadline_cap_s
        run = _stream if streams_out else _single
        read = handler.request_deserializer
        # Messages of a stream of requests are read by gRPC, as they come.
        later = None if streams_in else read

        async def guarded(request: Any, context: Context) -> Any:
            return await self._call(
                method, cap, lambda: run(behaviour, _read(later, request), context), context
            )

        return make(guarded, read if streams_in else None, handler.response_serializer)

    async def _call(
        self, method: str, cap_s: float, handle: Callable[[], Awaitable[Any]], context: Context
    ) -> Any:
        started = time.perf_counter()
        caller: Caller | None = None
        try:
            caller = self._identify(method, context)  # 1
            _caller.set(caller)
            if caller is not None:
                self._table.check(method, caller)  # 2
            answer = await _with_deadline(handle, cap_s, context)  # 3, 4
        except grpc.aio.AbortError:
            _report(method, caller, started, str(context.code()).rpartition(".")[2], None)
            raise
        except ChanrongError as error:
            failure = error
        except asyncio.CancelledError:
            _report(method, caller, started, "CANCELLED", None)
            raise
        except Exception as error:  # noqa: BLE001 -- the edge: everything else is an incident
            failure = incident(error)
        else:
            _report(method, caller, started, "OK", None)
            return answer
        status = to_status(failure).grpc  # 5
        _report(method, caller, started, status.name, failure)
        return await context.abort(status, shortened(failure.message), to_trailer(failure))

    def _identify(self, method: str, context: Context) -> Caller | None:
        if self._table.is_public(method):
            return None
        chain = tuple(context.auth_context().get("x509_pem_cert", ()))
        if self._directory is None or len(chain) != 1:
            raise UnauthenticatedError(
                "The call came without a client certificate.",
                remedy="Call with a certificate of the consortium.",
            )
        return self._directory.identify(chain[0])


async def _with_deadline(handle: Callable[[], Awaitable[Any]], cap_s: float, context: Context) -> Any:
    remaining = context.time_remaining()
    limit = cap_s if remaining is None else min(remaining, cap_s)
    try:
        async with asyncio.timeout(limit) as scope:
            return await handle()
    except TimeoutError as error:
        if not scope.expired():
            raise
        raise OutcomeUnknownError(
            f"The call took longer than its {limit:.1f} s.",
            reason="DEADLINE_EXCEEDED",
            remedy="Ask for less at once; repeat writing calls under the same idempotency key.",
        ) from error


def _read(deserializer: Callable[[bytes], Any] | None, content: Any) -> Any:
    if deserializer is None:
        return content
    try:
        return deserializer(content)
    except DecodeError as error:
        raise InvalidInputError(
            "The request's bytes are not a message of this method.",
            reason="MALFORMED",
            remedy="Make the message with the method's proto file.",
        ) from error


async def _single(behaviour: Behaviour, request: Any, context: Context) -> Any:
    answer = behaviour(request, context)
    return await answer if inspect.isawaitable(answer) else answer


async def _stream(behaviour: Behaviour, request: Any, context: Context) -> None:
    # Written from here, and not yielded, so that the deadline holds while a message is being sent, too.
    answers = behaviour(request, context)
    if inspect.isawaitable(answers):
        await answers
        return
    stream = cast("AsyncIterator[Any]", answers)
    try:
        async for answer in stream:
            await context.write(answer)
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()


def _report(
    method: str, caller: Caller | None, started: float, code: str, failure: ChanrongError | None
) -> None:
    # The caller's name is left out: for an ERP it is a company's.
    facts: dict[str, object] = {
        "method": method,
        "org": caller.org if caller else None,
        "role": caller.role if caller else None,
        "code": code,
        "milliseconds": round((time.perf_counter() - started) * 1000, 1),
    }
    if failure is None:
        log = _log.debug if method in QUIET_METHODS else _log.info
        log("call", **facts)
        return
    if failure.reason == ChanrongError.reason:
        _log.error("call", **facts, **told(failure), exc_info=failure.__cause__ or failure)
    else:
        _log.warning("call", **facts, **told(failure))
