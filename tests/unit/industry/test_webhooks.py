"""Webhooks go to the public internet only, are signed as Standard Webhooks says, and are tried within
bounds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from consortium.documents import PartyId
from consortium.errors import InvalidInputError, NotFoundError, UnavailableError
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import create_engine
from consortium.storage.migrate import migrate
from industry_gateway.bodies import Bodies
from industry_gateway.parties.directory import Tenant
from industry_gateway.store import parties, webhooks
from industry_gateway.store.database import Database
from industry_gateway.store.webhooks import Concerned, Delivery
from industry_gateway.webhooks import signing
from industry_gateway.webhooks.addresses import target_of
from industry_gateway.webhooks.endpoints import Endpoints
from industry_gateway.webhooks.messages import MAX_DOCUMENTS, Messages
from industry_gateway.webhooks.sender import PAUSES_S, Sender

PUBLIC = "93.184.216.34"
NOW = 1_800_000_000
SELLER = Tenant("seller", "Seller", "a" * 64, (PartyId(scheme="name", value="SELLER"),), 1, b"key", "hash")


def resolving(*addresses: str):  # type: ignore[no-untyped-def]
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https://user:secret@example.com/",
        "https:///nowhere",
        "https://example.com:0/",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://例子.cn/",
        "https://example.com/" + "x" * 2_000,
        "not a url",
        "",
    ],
)
async def test_what_is_no_address_of_a_webhook(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await target_of(url, loopback=False, resolve=resolving(PUBLIC))
    assert caught.value.reason == "WEBHOOK_URL_INVALID"


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["10.1.2.3"],
        ["172.16.0.9"],
        ["192.168.1.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],
        ["224.0.0.1"],
        ["255.255.255.255"],
        ["::1"],
        ["fe80::1%eth0"],
        ["fd00::1"],
        ["::ffff:127.0.0.1"],
        ["::ffff:10.0.0.1"],
        ["2002:7f00:1::"],
        [PUBLIC, "10.0.0.1"],  # one bad address is enough
        [],
    ],
)
@pytest.mark.parametrize("loopback", [False, True])
async def test_names_that_lead_inside_are_refused(addresses: list[str], loopback: bool) -> None:
    if loopback and addresses in (["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["2002:7f00:1::"]):
        return
    with pytest.raises(InvalidInputError):
        await target_of("https://example.com/", loopback=loopback, resolve=resolving(*addresses))


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "localhost", "127.1", "[::1]"])
async def test_other_ways_to_write_this_machine_are_refused(host: str) -> None:
    with pytest.raises((InvalidInputError, UnavailableError)):
        await target_of(f"https://{host}/", loopback=False)


async def test_a_checked_address_is_the_one_that_is_used() -> None:
    target = await target_of("https://erp.example.com:8443/a?b=c", loopback=False, resolve=resolving(PUBLIC))
    assert target.url == f"https://{PUBLIC}:8443/a?b=c"
    assert (target.host, target.authority) == ("erp.example.com", "erp.example.com:8443")


def test_messages_are_signed_as_the_standard_says() -> None:
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    # The example of the Standard Webhooks specification.
    made = signing.headers(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert made["webhook-timestamp"] == "1614265330"
    assert signing.shown(b"x" * 32).startswith("whsec_")


class Clock:
    """A clock that a test moves."""

    now = float(NOW)

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    engine = create_engine(f"sqlite:///{tmp_path / 'webhooks.db'}")
    await migrate(engine, "industry_gateway.migrations")
    made = Database(engine)
    async with made.write() as connection:
        await parties.add(connection, SELLER, at=NOW)
    yield made
    await made.close()


class Receiver:
    """An ERP's endpoint."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status = self.statuses.pop(0) if self.statuses else 204
        if status == 0:
            raise httpx.ConnectError("nobody")
        return httpx.Response(status, headers={"location": "https://10.0.0.1/"})


async def _sent(
    database: Database, receiver: Receiver, clock: Clock, resolve: object = None
) -> tuple[Sender, httpx.AsyncClient]:
    bodies = Bodies(BodyVault({1: b"k" * 32}, 1))
    endpoints = Endpoints(database, bodies, loopback=True, clock=clock)
    await endpoints.set(SELLER, "http://127.0.0.1:9/hook")
    sender = Sender(
        database,
        bodies,
        loopback=True,
        resolve=resolve or resolving("127.0.0.1"),  # type: ignore[arg-type]
        clock=clock,
    )
    return sender, httpx.AsyncClient(transport=httpx.MockTransport(receiver))


async def _owe(database: Database, payload: bytes = b'{"type":"x"}') -> None:
    async with database.write() as connection:
        endpoint = await webhooks.of_party(connection, "seller")
        assert endpoint is not None
        await webhooks.owe(connection, [Delivery("d" * 32, endpoint.endpoint_id, payload, 0)], at=NOW)


async def test_a_message_is_sent_once_and_can_be_checked(database: Database) -> None:
    receiver, clock = Receiver(), Clock()
    bodies = Bodies(BodyVault({1: b"k" * 32}, 1))
    endpoint, secret = await Endpoints(database, bodies, loopback=True, clock=clock).set(
        SELLER, "http://127.0.0.1:9/hook?x=1"
    )
    await _owe(database)
    sender = Sender(database, bodies, loopback=True, clock=clock)
    async with httpx.AsyncClient(transport=httpx.MockTransport(receiver)) as client:
        assert await sender.round(client) == 1
        assert await sender.round(client) == 0
    (request,) = receiver.requests
    assert (str(request.url), request.headers["host"]) == ("http://127.0.0.1:9/hook?x=1", "127.0.0.1:9")
    signed = (
        f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.content
    )
    key = base64.b64decode(secret.removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert request.headers["webhook-signature"] == f"v1,{expected}"
    assert endpoint.url.endswith("x=1")


@pytest.mark.parametrize("first", [500, 404, 302, 0])
async def test_what_is_not_taken_is_tried_again_after_a_pause(database: Database, first: int) -> None:
    receiver, clock = Receiver(first), Clock()
    sender, client = await _sent(database, receiver, clock)
    await _owe(database)
    async with client:
        assert await sender.round(client) == 1
        assert await sender.round(client) == 0, "not yet"
        clock.now += PAUSES_S[0]
        assert await sender.round(client) == 1
        clock.now += 10**6
        assert await sender.round(client) == 0, "taken"
    assert [str(each.url.host) for each in receiver.requests] == ["127.0.0.1"] * 2, "no redirect is followed"


async def test_attempts_are_bounded(database: Database) -> None:
    receiver, clock = Receiver(*[500] * 50), Clock()
    sender, client = await _sent(database, receiver, clock)
    await _owe(database)
    async with client:
        for _ in range(30):
            await sender.round(client)
            clock.now += 10**6
    assert len(receiver.requests) == len(PAUSES_S) + 1


async def test_a_name_that_leads_inside_later_gets_nothing(database: Database) -> None:
    receiver, clock = Receiver(), Clock()
    sender, client = await _sent(database, receiver, clock, resolve=resolving("10.0.0.1"))
    await _owe(database)
    async with client:
        assert await sender.round(client) == 1
    assert receiver.requests == []


async def test_a_removed_webhook_gets_nothing(database: Database) -> None:
    receiver, clock = Receiver(), Clock()
    sender, client = await _sent(database, receiver, clock)
    await _owe(database)
    endpoints = Endpoints(database, Bodies(BodyVault({1: b"k" * 32}, 1)), loopback=True)
    await endpoints.remove(SELLER)
    async with client:
        await sender.round(client)
    assert receiver.requests == []
    with pytest.raises(NotFoundError):
        await endpoints.find(SELLER)


async def test_messages_are_split(database: Database) -> None:
    bodies = Bodies(BodyVault({1: b"k" * 32}, 1))
    endpoint, _ = await Endpoints(database, bodies, loopback=True).set(SELLER, "http://127.0.0.1:9/")
    concerned = [
        Concerned(endpoint.endpoint_id, f"{n:032d}", f"{n:064d}", "invoice") for n in range(MAX_DOCUMENTS + 1)
    ]
    positions = {each.fingerprint: {"state": "registered"} for each in concerned}
    async with database.write() as connection:
        assert await Messages(clock=Clock()).owe(connection, concerned, positions)
        found = await webhooks.due(connection, at=NOW, limit=10)
    sizes = sorted(len(json.loads(each.payload)["data"]["documents"]) for each in found)
    assert sizes == [1, MAX_DOCUMENTS]
