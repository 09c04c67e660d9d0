"""What HTTP itself can bring: bodies too large, without end, compressed, half a form; connections that say nothing."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from consortium.documents.canonical import document_bytes
from consortium.identity.directory import Caller
from consortium.rpc import rest
from tests.integration.security.test_tokens import good
from tests.integration.security.world import INDUSTRY, World, trades_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEEDS = ("ledger", "industry", "finance")

PIECE = b"a" * 65_536
BLANK = b"\n" * 65_536
EMPTY = b"{}\n" * 20_000

ENDLESS = [
    ("industry-a", "/v1/documents", "application/json", PIECE, 413, 12),
    ("industry-a", "/v1/documents", "application/xml", PIECE, 413, 12),
    ("industry-a", "/v1/documents", "application/x-ndjson", BLANK, 413, 2),
    ("industry-a", "/v1/documents", "application/x-ndjson", EMPTY, 413, 2),
    ("industry-a", "/v1/consents", "application/json", PIECE, 413, 2),
    ("industry-a", "/oauth2/token", "application/x-www-form-urlencoded", PIECE, 413, 2),
    ("bank-a", "/v1/packages", "application/json", PIECE, 413, 6),
    ("bank-a", "/v1/claims", "application/json", PIECE, 413, 6),
]
"""Gateway, path, media type, what comes again and again, the answer, and by how many MiB it is there."""

SLACK_MB = 16
"""What lies in buffers between the two sides."""


@asynccontextmanager
async def connected(
    world: World, gateway: str
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare TLS connection to a gateway."""
    host, _, port = world.sandbox.profile.service(gateway).rest.partition(":")
    context = ssl.create_default_context(cafile=str(world.ca_file(gateway)))
    reader, writer = await asyncio.open_connection(host, int(port), ssl=context)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


def head(path: str, token: str, media_type: str, framing: str = "transfer-encoding: chunked") -> bytes:
    """The head of a request."""
    lines = [
        f"POST {path} HTTP/1.1",
        "host: localhost",
        f"authorization: Bearer {token}",
        f"content-type: {media_type}",
        framing,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


async def healthy(world: World, gateway: str) -> bool:
    async with world.http(gateway) as client:
        return (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(("gateway", "path", "media_type", "piece", "status", "most_mb"), ENDLESS)
async def test_a_body_without_end_is_answered_early(
    world: World, gateway: str, path: str, media_type: str, piece: bytes, status: int, most_mb: int
) -> None:
    token = good(world, gateway, "bank" if gateway == "bank-a" else "erp")
    async with connected(world, gateway) as (reader, writer):
        writer.write(head(path, token, media_type))
        answer = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        sent = 0
        while not answer.done():
            assert sent < (most_mb + SLACK_MB) * 1024 * 1024
            writer.write(b"%x\r\n" % len(piece) + piece + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)
            sent += len(piece)
        said = await answer
    assert said.startswith(b"HTTP/1.1 %d " % status)
    assert b"application/problem+json" in said
    assert await healthy(world, gateway)


async def test_nobody_s_body_is_read_at_length_before_the_token(world: World) -> None:
    """FastAPI reads JSON bodies before it asks who sends them: so they are small."""
    async with connected(world, "industry-a") as (reader, writer):
        writer.write(head("/v1/parties", "none", "application/json"))
        answer = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        sent = 0
        while not answer.done():
            assert sent < (2 + SLACK_MB) * 1024 * 1024
            writer.write(b"%x\r\n" % len(PIECE) + PIECE + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0)
            sent += len(PIECE)
        assert (await answer).startswith((b"HTTP/1.1 413 ", b"HTTP/1.1 401 "))


@pytest.mark.parametrize(
    ("gateway", "path", "size"),
    [
        ("industry-a", "/v1/documents", 256 * 1024 * 1024 + 1),
        ("industry-a", "/v1/consents", 1024 * 1024 + 1),
        ("bank-a", "/v1/packages", 4 * 1024 * 1024 + 1),
        ("bank-a", "/v1/packages", 10**18),
    ],
)
async def test_a_body_that_says_it_is_too_large_is_not_waited_for(
    world: World, gateway: str, path: str, size: int
) -> None:
    token = good(world, gateway, "bank" if gateway == "bank-a" else "erp")
    async with connected(world, gateway) as (reader, writer):
        writer.write(head(path, token, "application/x-ndjson", f"content-length: {size}") + b"{}")
        async with asyncio.timeout(20):
            said = await reader.readuntil(b"\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "gzip, gzip", "x"])
async def test_compressed_bodies_are_not_opened(world: World, coding: str) -> None:
    bomb = gzip.compress(b"\0" * 10_000_000)
    for gateway, path, role in (("industry-a", "/v1/documents", "erp"), ("bank-a", "/v1/packages", "bank")):
        async with world.http(gateway, good(world, gateway, role)) as client:
            headers = {"content-encoding": coding, "content-type": "application/json"}
            answer = await client.post(path, content=bomb, headers=headers)
        told = answer.json()
        assert (answer.status_code, told["reason"]) == (415, "UNSUPPORTED_MEDIA_TYPE")
        assert "compressed" in told["remedy"]


async def test_forms_that_are_none(world: World) -> None:
    document = document_bytes(trades_of("alice")[0].order)
    part = b'--x\r\ncontent-disposition: form-data; name="documents"; filename="a.json"\r\n\r\n'
    bodies = {
        b"": 400,
        b"nonsense": 400,
        part + document: 400,  # the end is missing
        part.replace(b'filename="a.json"', b"") + document + b"\r\n--x--\r\n": 400,  # a field, not a file
        b"".join(part + b"{}\r\n" for _ in range(1_001)) + b"--x--\r\n": 400,  # too many
    }
    async with world.as_party("alice") as client:
        for body, status in bodies.items():
            headers = {"content-type": "multipart/form-data; boundary=x"}
            answer = await client.post("/v1/documents", content=body, headers=headers)
            assert answer.status_code == status, (body[:80], answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
        headers = {"content-type": "multipart/form-data"}
        assert (await client.post("/v1/documents", content=b"--x", headers=headers)).status_code == 400
        for media_type in ("text/csv", "application/pdf", "application/json5", "a" * 500):
            answer = await client.post("/v1/documents", content=b"{}", headers={"content-type": media_type})
            assert (answer.status_code, answer.json()["reason"]) == (415, "UNSUPPORTED_MEDIA_TYPE")


@pytest.mark.parametrize(
    "body",
    [
        b'{"subject": NaN, "purpose": "x"}',
        b'{"subject": Infinity}',
        b"[" * 100_000,
        b'{"subject": "x", "purpose": "y", "surprise": 1}',
        b'{"subject": "\xff"}',
        b'{"subject": "\\ud800", "purpose": "x"}',
        b"null",
        b"",
    ],
)
async def test_questions_that_are_none(world: World, body: bytes) -> None:
    async with world.http("bank-a", good(world, "bank-a", "bank")) as client:
        answer = await client.post("/v1/packages", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["status"]) == (400, 400), answer.text
        for share in (b"NaN", b"Infinity", b"1e400", b"-1", b"0", b"1000000001", b"1.5", b"9" * 5000, b'"x"'):
            content = b'[{"fingerprint": "%b", "share_ppb": %b, "consent_id": "%b"}]' % (
                b"ab" * 32,
                share,
                b"0" * 32,
            )
            answer = await client.post(
                "/v1/claims", content=content, headers={"content-type": "application/json"}
            )
            assert answer.status_code == 400, (share, answer.text)


async def test_connections_that_say_nothing_are_ended(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else so many of them as there may be would keep everybody out."""
    monkeypatch.setattr(rest, "NEXT_REQUEST_S", 0.3)
    token = world.token("industry-a", Caller(INDUSTRY, "alice", "erp"))
    starts = (
        b"",
        b"GET /heal",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n",
        b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n",
    )
    async with asyncio.timeout(20):
        for start in starts:
            async with connected(world, "industry-a") as (reader, writer):
                writer.write(start)
                await _until_the_end(reader)
        # After an early answer a body that goes on does not hold the connection either.
        async with connected(world, "industry-a") as (reader, writer):
            writer.write(head("/v1/consents", token, "application/json"))
            with pytest.raises((ConnectionError, ssl.SSLError)):
                await _without_end(writer)


async def _until_the_end(reader: asyncio.StreamReader) -> None:
    """Reads whatever comes; returns when the other side ends the connection."""
    with contextlib.suppress(ConnectionError, ssl.SSLError):
        while await reader.read(65_536):
            pass


async def _without_end(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"%x\r\n" % len(PIECE) + PIECE + b"\r\n")
        await writer.drain()
        await asyncio.sleep(0)
