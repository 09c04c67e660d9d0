"""Requests that nobody would send: mutated messages and random bytes, to every method, as callers who may call it.

Whatever comes in, the answer is the caller's fault or a good one: no INTERNAL, no incident, and the servers go on.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import structlog
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2, health_pb2_grpc

from consortium.rpc.tls import TlsFiles
from tests.integration.security.methods import METHODS, Answer, ask, request_of
from tests.integration.security.test_authorisation import EXPECTED, SERVERS, weapons
from tests.integration.security.world import THOROUGH, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROUNDS = 8 * THOROUGH
"""Requests per method and server: about 300 in all."""
WATCH_S = 0.3
AT_ONCE = 8

OURS = {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.UNAVAILABLE,
}
"""What would be the server's fault."""

PAUSED = "INSTITUTION_PAUSED"
"""Some of the requests pause an institution, as its operator may: others get that answer then."""

TEXTS = (
    "",
    "\x00",
    "a" * 5000,
    "ü" * 300,
    "\u202e\ufeff",
    "' or 1=1 --",
    "../../etc/passwd",
    "9" * 400,
    "-1",
    "NaN",
    "1e999999",
    "2026-02-30",
    "uscc:",
    ":",
    "0" * 64,
    "<!DOCTYPE x>",
    "[" * 2000,
    "{}",
    "null",
    "credit_assessment",
)
NUMBERS = (0, 1, 2**31 - 1, 2**32 - 1, 2**63 - 1)


def filled(descriptor: Descriptor, rng: random.Random) -> Message:
    """A message with odd values in some of its fields."""
    message = GetMessageClass(descriptor)()
    for each in descriptor.fields:
        if rng.random() < 0.25:
            continue
        values = [_value(each, rng) for _ in range(rng.choice((1, 1, 2, 40)) if each.is_repeated else 1)]
        if each.is_repeated:
            getattr(message, each.name).extend(values)
        elif each.type == FieldDescriptor.TYPE_MESSAGE:
            getattr(message, each.name).CopyFrom(values[0])
        else:
            setattr(message, each.name, values[0])
    return message


def _value(field: FieldDescriptor, rng: random.Random) -> Any:
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        assert field.message_type is not None
        return filled(field.message_type, rng)
    if field.type == FieldDescriptor.TYPE_STRING:
        return rng.choice(TEXTS)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return rng.choice((b"", rng.randbytes(64), rng.choice(TEXTS).encode(), b"\xff\xfe" * 50))
    if field.type == FieldDescriptor.TYPE_BOOL:
        return rng.random() < 0.5
    if field.type == FieldDescriptor.TYPE_ENUM:
        return rng.choice((0, 1, 5, 999))
    small = field.type in (FieldDescriptor.TYPE_UINT32, FieldDescriptor.TYPE_INT32)
    number = rng.choice([each for each in NUMBERS if not small or each < 2**31])
    return -number if field.type == FieldDescriptor.TYPE_INT64 and rng.random() < 0.3 else number


def mutated(content: bytes, rng: random.Random) -> bytes:
    """A message's bytes with some of them changed, cut off, or said twice."""
    data = bytearray(content or b"\x0a\x01a")
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(4):
            case 0:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                data[at:at] = rng.randbytes(rng.randint(1, 8))
            case 2:
                del data[at : at + rng.randint(1, 8)]
            case _:
                data += data[at:]
    return bytes(data[:100_000])


def requests(path: str, good: Message, rng: random.Random) -> Iterator[bytes]:
    """Bytes for a method, in turn: random, mutated from a good request, odd values in the right places."""
    for number in range(ROUNDS):
        match number % 4:
            case 0:
                yield rng.randbytes(rng.choice((1, 7, 60, 2000)))
            case 1:
                yield mutated(good.SerializeToString(), rng)
            case _:
                yield filled(METHODS[path].input_type, rng).SerializeToString()


def caller(world: World, server: str, path: str) -> TlsFiles:
    """Somebody who may call the method."""
    org, role = min(EXPECTED[server][path.removeprefix("/chanrong.")])
    return world.tls("alice", org, role)


async def healthy(world: World, server: str) -> bool:
    async with world.link(server, server) as link:
        stub: Any = health_pb2_grpc.HealthStub(link)
        answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=10)
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@pytest.mark.parametrize("server", SERVERS)
async def test_no_bytes_break_a_method(world: World, server: str) -> None:
    rng = random.Random(f"{server}-{ROUNDS}")
    good = weapons(world)
    turns = asyncio.Semaphore(AT_ONCE)

    async def send(path: str, content: bytes) -> tuple[str, bytes, Answer]:
        async with turns, world.link(server, caller(world, server, path)) as link:
            watch = path.endswith("/WatchPackages")
            return path, content, await ask(link, path, content, timeout_s=WATCH_S if watch else 30)

    with structlog.testing.capture_logs() as lines:
        answers = await asyncio.gather(
            *(
                send(path, content)
                for path in map("/chanrong.{}".format, EXPECTED[server])
                for content in requests(path, good[path], rng)
            )
        )
    wrong = [
        (path, content[:200], answer)
        for path, content, answer in answers
        if answer.code in OURS and answer.reason != PAUSED
    ]
    assert not wrong, wrong[:5]
    assert not [line for line in lines if line.get("incident") or line.get("exc_info")]
    assert await healthy(world, server)


@pytest.mark.parametrize("server", SERVERS)
async def test_what_is_no_message_is_the_caller_s_fault(world: World, server: str) -> None:
    broken = b"\x0a\xff\xff\xff\xff\x0f"  # a text of 4 GiB that does not come
    no_text = b"\x0a\x02\xc3\x28"  # not UTF-8
    for path in map("/chanrong.{}".format, EXPECTED[server]):
        async with world.link(server, caller(world, server, path)) as link:
            with structlog.testing.capture_logs() as lines:
                answer = await ask(link, path, broken)
            assert (answer.code, answer.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED"), path
            assert [line["reason"] for line in lines if line["event"] == "call"] == ["MALFORMED"]
            first = METHODS[path].input_type.fields
            if first and first[0].type == FieldDescriptor.TYPE_STRING:
                assert (await ask(link, path, no_text)).reason == "MALFORMED"


async def test_who_may_not_call_learns_nothing_of_his_bytes(world: World) -> None:
    """Who is denied is denied before anything of the request is read."""
    for server in SERVERS:
        for path in map("/chanrong.{}".format, EXPECTED[server]):
            async with world.link(server, world.tls("alice", "OrdererMSP", "regulator")) as link:
                answer = await ask(link, path, b"\xff" * 50)
            assert answer.code is grpc.StatusCode.UNAUTHENTICATED, path


OVERSIZE_MB = {
    ("industry-a", "/chanrong.industry.v1.ConsentService/Grant", "statement"): 65,
    ("tax", "/chanrong.sources.v1.InstitutionAdminService/LoadData", "content"): 25,
    ("bank-a", "/chanrong.finance.v1.PackageService/GetPackage", "package_id"): 5,
}
"""Server, method and field: a message of so many MiB is more than the server takes."""


async def test_a_message_over_the_limit_is_refused_and_the_server_goes_on(world: World) -> None:
    for (server, path, name), megabytes in OVERSIZE_MB.items():
        size = megabytes * 1024 * 1024
        field = METHODS[path].input_type.fields_by_name[name]
        large: Any = b"x" * size if field.type == FieldDescriptor.TYPE_BYTES else "x" * size
        limits = [("grpc.max_send_message_length", -1)]
        certificate, key, _ = caller(world, server, path).read()
        roots = world.sandbox.layout.bundle.read_bytes()
        credentials = grpc.ssl_channel_credentials(roots, key, certificate)
        async with grpc.aio.secure_channel(world.target(server), credentials, options=limits) as link:
            request = request_of(path, **{name: large})
            answer = await ask(link, path, request)
            assert answer.code is grpc.StatusCode.RESOURCE_EXHAUSTED, (server, answer)
            # The same, small on its way: the limit is for what comes out of the compression, too.
            single: Any = link.unary_unary(path)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await single(request.SerializeToString(), compression=grpc.Compression.Gzip)
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert await healthy(world, server)
