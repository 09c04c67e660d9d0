"""A full disk, a ledger that is gone: what is not stored is never acknowledged, what is acknowledged arrives once."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import orjson
import pytest
import pytest_asyncio
import sqlalchemy.event
import sqlalchemy.pool

from chaincode.hosts.embedded import store
from chanrong.demo.trades import make_trades
from consortium.documents import Document
from consortium.documents.canonical import document_bytes
from tests.integration.security.methods import ask, request_of
from tests.integration.security.test_tokens import good
from tests.integration.security.world import PURPOSE, TRADES, World, trades_of, world_in

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENDLESS_PAGES = 2**31
PER_PUSH = 4
MOST_PUSHES = 40
QUICK_S = 25.0
"""A gateway says within it that the ledger is gone."""

Json = dict[str, Any]


class Disk:
    """The room that SQLite has for one gateway's database: its own limit answers as a full disk does."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._pages = ENDLESS_PAGES
        self._connections: list[Any] = []

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Notices the connections that are opened from now on."""
        sqlalchemy.event.listen(sqlalchemy.pool.Pool, "connect", self._connected)
        try:
            yield
        finally:
            sqlalchemy.event.remove(sqlalchemy.pool.Pool, "connect", self._connected)

    def _connected(self, connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA database_list")
        if cursor.fetchall()[0][2] == str(self._path):
            cursor.execute(f"PRAGMA max_page_count={self._pages}")
            self._connections.append(connection.driver_connection)
        cursor.close()

    async def leave(self, pages: int | None = None) -> None:
        """Leaves room for so many pages more; for all there are without a number."""
        assert self._connections
        # In a thread: the gateway, which may be writing, needs the loop to end its transaction.
        await asyncio.to_thread(self._leave, pages)
        for connection in self._connections:
            await (await connection.execute(f"PRAGMA max_page_count={self._pages}")).close()

    def _leave(self, pages: int | None) -> None:
        with sqlite3.connect(self._path, timeout=30) as database:
            database.execute("DROP TABLE IF EXISTS ballast")
            self._pages = ENDLESS_PAGES
            if pages is not None:  # what was freed before is room, too: it is used up
                (free,) = database.execute("PRAGMA freelist_count").fetchone()
                (size,) = database.execute("PRAGMA page_size").fetchone()
                database.execute("CREATE TABLE ballast(content)")
                database.execute("INSERT INTO ballast VALUES(zeroblob(?))", (free * size,))
        if pages is not None:
            self._pages = int(database.execute("PRAGMA page_count").fetchone()[0]) + pages
        database.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Certificates and settings, and parties that the ledger knows; nothing runs."""
    folder = tmp_path_factory.mktemp("consortium")
    async with world_in(folder, CHANRONG_OUTBOX__OUTCOME_TIMEOUT_S="2") as made:
        async with made.service("ledger"), made.service("industry-a"):
            await made.join_all()
        yield made


@pytest.fixture(scope="module")
def papers() -> Iterator[Document]:
    """Orders of alice's, each another."""
    made = make_trades(5, sellers=TRADES.sellers[:1], buyer=TRADES.buyer, trades=400, first_serial=1_000)
    return iter([trade.order for trade in made.trades])


def data(world: World, service: str) -> Path:
    return world.sandbox.layout.data(service) / "store.db"


def stored(world: World, table: str, service: str = "industry-a") -> int:
    """Rows of a table, read beside the gateway."""
    path = data(world, service)
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        (count,) = database.execute(f"select count(*) from {table}").fetchone()
    database.close()
    return int(count)


async def push(client: httpx.AsyncClient, documents: list[Document], key: str = "") -> httpx.Response:
    return await client.post(
        "/v1/documents",
        content=b"\n".join(document_bytes(each) for each in documents),
        headers={"content-type": "application/x-ndjson", "idempotency-key": key or secrets.token_hex(8)},
    )


async def on_ledger(world: World, documents: list[Document]) -> list[bool]:
    """Whether the ledger knows each document."""
    fingerprints = [world.sandbox.keys.fingerprint(each) for each in documents]
    request = orjson.dumps({"fps": fingerprints})
    answer = await world.sandbox.contract("IndustryAMSP").evaluate("documents:get", request)
    return [each is not None for each in orjson.loads(answer)["documents"]]


async def arrived(world: World, documents: list[Document]) -> None:
    async with asyncio.timeout(60):
        while not all(await on_ledger(world, documents)):
            await asyncio.sleep(0.05)


async def registrations(world: World) -> dict[str, int]:
    """Fingerprint -> how many transactions registered it, from the blocks themselves."""
    network = world.sandbox._gateways["IndustryAMSP"].network(world.sandbox.profile.channel)
    height = await network.height()
    found: dict[str, int] = {}
    async for block in network.blocks(0):
        for transaction in block.transactions:
            call = transaction.call if transaction.ok else None
            if call is not None and call.function == "documents:register" and call.event is not None:
                for result in orjson.loads(call.event.payload)["results"]:
                    if result["status"] == "registered":
                        found[result["fp"]] = found.get(result["fp"], 0) + 1
        if block.number + 1 >= height:
            return found
    raise AssertionError("The blocks end early.")


def refused_as(answer: httpx.Response, *reasons: str) -> None:
    assert answer.status_code == 503, answer.text
    told = answer.json()
    assert told["reason"] in reasons, told
    assert told["remedy"]
    assert "results" not in told


async def test_a_full_disk_acknowledges_nothing_that_it_has_not(
    world: World, papers: Iterator[Document]
) -> None:
    disk = Disk(data(world, "industry-a"))
    acknowledged: list[Document] = []
    async with AsyncExitStack() as stack:
        stack.enter_context(disk.watched())
        for name in ("ledger", "industry-a"):
            await stack.enter_async_context(world.service(name))
        client = await stack.enter_async_context(world.as_party("alice"))
        before = stored(world, "documents")
        await disk.leave(30)
        for _ in range(MOST_PUSHES):
            lost, key = [next(papers) for _ in range(PER_PUSH)], secrets.token_hex(8)
            answer = await push(client, lost, key)
            if answer.status_code != 202:
                break
            acknowledged += lost
        refused_as(answer, "STORAGE_FULL")
        assert acknowledged  # there was room for some
        assert stored(world, "documents") == before + len(acknowledged)
        # Nothing leaves that cannot be put on record.
        granted = await client.post("/v1/consents", json=world.members["alice"].consent())
        question = {"subject": world.members["alice"].handle, "purpose": PURPOSE}
        question["consent_id"] = granted.json()["consent"]["consent_id"]
        path = "/chanrong.industry.v1.ReleaseService/Release"
        on_record = stored(world, "audit_log")
        async with world.link("industry-a", "bank-a") as link:
            await disk.leave(0)
            given = 0
            while (
                released := await ask(link, path, request_of(path, **question))
            ).code is grpc.StatusCode.OK:
                given += 1
                assert given < MOST_PUSHES
        assert (released.code, released.messages) == (grpc.StatusCode.UNAVAILABLE, ())
        assert released.reason == "STORAGE_FULL"
        assert stored(world, "audit_log") == on_record + given
        # With room again, the same push is taken under its key, and all that was acknowledged arrives.
        await disk.leave()
        assert (await push(client, lost, key)).status_code == 202
        await arrived(world, [*acknowledged, *lost])
        counts = await registrations(world)
        assert {counts[world.sandbox.keys.fingerprint(each)] for each in [*acknowledged, *lost]} == {1}
        assert stored(world, "documents") == before + len(acknowledged) + len(lost)


async def test_a_push_over_many_chunks_that_runs_full_is_not_acknowledged(
    world: World, papers: Iterator[Document]
) -> None:
    """What was stored of it before stays under its key: repeated, it gives one result each."""
    disk = Disk(data(world, "industry-a"))
    async with AsyncExitStack() as stack:
        stack.enter_context(disk.watched())
        stack.enter_context(pytest.MonkeyPatch.context()).setattr(
            "industry_gateway.intake.push.CHUNK_DOCUMENTS", 5
        )
        for name in ("ledger", "industry-a"):
            await stack.enter_async_context(world.service(name))
        client = await stack.enter_async_context(world.as_party("alice"))
        documents, key = [next(papers) for _ in range(120)], secrets.token_hex(8)
        before = stored(world, "documents")
        await disk.leave(40)
        refused_as(await push(client, documents, key), "STORAGE_FULL")
        assert before < stored(world, "documents") < before + len(documents)
        await disk.leave()
        answer = await push(client, documents, key)
        assert answer.status_code == 202
        assert {each["status"] for each in answer.json()["results"]} == {"accepted"}
        assert stored(world, "documents") == before + len(documents)
        await arrived(world, documents)
        counts = await registrations(world)
        assert {counts[world.sandbox.keys.fingerprint(each)] for each in documents} == {1}


async def test_a_ledger_whose_disk_is_full_commits_nothing_and_goes_on_later(
    world: World, papers: Iterator[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    writers: list[sqlite3.Connection] = []

    def opened(path: Path) -> sqlite3.Connection:
        writers.append(store_open(path))
        return writers[-1]

    monkeypatch.setattr("industry_gateway.outbox.calls.VERDICT_TIMEOUT_S", 3.0)
    store_open = store.open_writer
    for module in ("store", "committer", "server"):
        monkeypatch.setattr(f"chaincode.hosts.embedded.{module}.open_writer", opened, raising=False)
    async with AsyncExitStack() as stack:
        for name in ("ledger", "industry-a"):
            await stack.enter_async_context(world.service(name))
        client = await stack.enter_async_context(world.as_party("alice"))
        assert len(writers) == 1
        (pages,) = writers[0].execute("PRAGMA page_count").fetchone()
        writers[0].execute(f"PRAGMA max_page_count={pages}")
        documents = [next(papers) for _ in range(40)]
        answer = await push(client, documents)
        assert answer.status_code == 202  # stored here; the ledger's word comes later
        told = await client.get(answer.json()["status_url"])
        assert {each["position"]["state"] for each in told.json()["documents"]} == {"pending"}
        height = await world.sandbox._gateways["IndustryAMSP"].network(world.sandbox.profile.channel).height()
        # Somebody waits for this one: it is not said to be done.
        consent = world.members["alice"].consent()
        granting = asyncio.create_task(client.post("/v1/consents", json=consent))
        await asyncio.wait({granting}, timeout=1.0)
        assert not granting.done() or granting.result().status_code >= 500
        assert not any(await on_ledger(world, documents))
        assert (
            await world.sandbox._gateways["IndustryAMSP"].network(world.sandbox.profile.channel).height()
            == height
        )
        writers[0].execute(f"PRAGMA max_page_count={ENDLESS_PAGES}")
        await arrived(world, documents)
        assert (await granting).status_code in {201, 503, 504}
        assert (await client.post("/v1/consents", json=consent)).status_code == 201
        counts = await registrations(world)
        assert {counts[world.sandbox.keys.fingerprint(each)] for each in documents} == {1}


async def test_without_the_ledger_pushes_wait_and_everything_else_says_so(
    world: World, papers: Iterator[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finance_gateway.operations.MAX_ATTEMPTS", 5)  # 16 take 20 s
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(AsyncExitStack())
        await ledger.enter_async_context(world.service("ledger"))
        for name in ("industry-a", "bank-a"):
            await stack.enter_async_context(world.service(name))
        alice = await stack.enter_async_context(world.as_party("alice"))
        bank = await stack.enter_async_context(world.http("bank-a", good(world, "bank-a", "bank")))
        granted = (await alice.post("/v1/consents", json=world.members["alice"].consent())).json()["consent"]
        invoice = trades_of("alice")[0].invoices[0]
        await arrived_after(world, alice, [invoice])
        await ledger.aclose()

        documents = [next(papers) for _ in range(10)]
        answer = await push(alice, documents)
        assert answer.status_code == 202
        assert {each["status"] for each in answer.json()["results"]} == {"accepted"}
        told = (await alice.get(answer.json()["status_url"])).json()["documents"]
        assert {each["position"]["state"] for each in told} == {"pending"}
        assert (await alice.get("/healthz")).status_code == 503

        subject = world.members["alice"].handle
        fingerprint = world.sandbox.keys.fingerprint(invoice)
        item = {"fingerprint": fingerprint, "share_ppb": 1000, "consent_id": granted["consent_id"]}
        package = bank.post("/v1/packages", json={"subject": subject, "purpose": PURPOSE})
        claim = bank.post("/v1/claims", json=[item], headers={"idempotency-key": "k-1"})
        consents = alice.post("/v1/consents", json=world.members["alice"].consent())
        started = time.monotonic()
        answers = await asyncio.gather(package, claim, consents, alice.get("/v1/consents"))
        assert time.monotonic() - started < QUICK_S
        for each in answers:
            assert each.status_code in {503, 504}, each.text
            assert each.json()["reason"] in _GONE, each.text
            assert each.json()["remedy"]
        path = "/chanrong.industry.v1.ReleaseService/Release"
        question = request_of(path, subject=subject, purpose=PURPOSE, consent_id=granted["consent_id"])
        async with world.link("industry-a", "bank-a") as link:
            released = await ask(link, path, question)
        assert (released.code, released.messages) == (grpc.StatusCode.UNAVAILABLE, ())
        assert stored(world, "package_contents", "bank-a") == 0

        await stack.enter_async_context(world.service("ledger"))
        await arrived(world, documents)
        async with asyncio.timeout(60):  # the claim was stored before it was asked for: it is made, once
            while True:
                again = await bank.post("/v1/claims", json=[item], headers={"idempotency-key": "k-1"})
                if again.status_code == 200:
                    break
                await asyncio.sleep(0.2)
        (claim_made,) = (await bank.get("/v1/claims")).json()["claims"]
        assert claim_made["claim_id"] == again.json()["results"][0]["claim"]["claim_id"]
        assert claim_made["state"] == "reserved"


_GONE = {"LEDGER_UNAVAILABLE", "LEDGER_TIMEOUT", "UNAVAILABLE", "OUTCOME_UNKNOWN", "DEADLINE_EXCEEDED"}


async def arrived_after(world: World, client: httpx.AsyncClient, documents: list[Document]) -> None:
    assert (await push(client, documents)).status_code == 202
    await arrived(world, documents)


async def test_a_bank_whose_disk_is_full_makes_nothing(world: World) -> None:
    disk = Disk(data(world, "bank-a"))
    async with AsyncExitStack() as stack:
        stack.enter_context(disk.watched())
        for name in ("ledger", "industry-a", "bank-a"):
            await stack.enter_async_context(world.service(name))
        bank = await stack.enter_async_context(world.http("bank-a", good(world, "bank-a", "bank")))
        network = world.sandbox._gateways["IndustryAMSP"].network(world.sandbox.profile.channel)
        await disk.leave(0)
        height = await network.height()
        fingerprint = world.sandbox.keys.fingerprint(trades_of("alice")[0].invoices[0])
        # Large enough that no page has room for it.
        items = [{"fingerprint": fingerprint, "share_ppb": 1, "consent_id": "0" * 32} for _ in range(100)]
        refused_as(await bank.post("/v1/claims", json=items), "STORAGE_FULL")
        assert await network.height() == height
        await disk.leave()
        assert (await bank.get("/healthz")).status_code == 200
        answer = await bank.post("/v1/claims", json=items[:1])
        assert answer.status_code == 200
        assert answer.json()["results"][0]["reason"] == "UNKNOWN_CONSENT"
