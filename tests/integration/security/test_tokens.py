"""REST without the right token: no route of either gateway lets anybody in, and every refusal is on the log."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import structlog

from consortium.identity.directory import Caller
from consortium.identity.signer import P256Signer
from tests.integration.security.world import BANK, CLIENT, INDUSTRY, World, base64_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEEDS = ("ledger", "industry", "finance")
PEERS = 2  # of each kind of gateway, so that there are others

OPEN = {("POST", "/oauth2/token"), ("GET", "/healthz"), ("GET", "/metrics")}
"""Routes that need no token."""
ROLES = {
    "industry-a": {"erp": INDUSTRY, "operator": INDUSTRY},
    "bank-a": {"bank": BANK},
}
"""Gateway -> role of its tokens -> organisation."""
OPERATOR_ROUTES = {("POST", "/v1/parties"), ("GET", "/v1/parties")}

SIGNED = {"statement": "", "signature": "", "key_number": 1}

Made = Callable[[World, str], str]


def good(world: World, gateway: str, role: str) -> str:
    """A token that works."""
    name = {"erp": "alice", "operator": "operator", "bank": CLIENT}[role]
    return world.token(gateway, Caller(ROLES[gateway][role], name, role))


def _main(gateway: str) -> str:
    return next(iter(ROLES[gateway]))


def _of_another_gateway(world: World, gateway: str) -> str:
    other = {"industry-a": "industry-b", "bank-a": "bank-b"}[gateway]
    role = _main(gateway)
    return world.token(other, Caller(ROLES[gateway][role], "alice", role))


def _of_another_gateway_in_its_name(world: World, gateway: str) -> str:
    """The other gateway signs with its own key and kid, and claims to be this one."""
    other = {"industry-a": "IndustryBMSP", "bank-a": "BankBMSP"}[gateway]
    key = P256Signer.from_pem((world.sandbox.layout.root / "orgs" / other / "token-key.pem").read_bytes())
    role = _main(gateway)
    return world.token(gateway, Caller(ROLES[gateway][role], "alice", role), key=key)


def _expired(world: World, gateway: str) -> str:
    role = _main(gateway)
    return world.token(gateway, Caller(ROLES[gateway][role], "alice", role), at=time.time() - 700)


def _of_the_future(world: World, gateway: str) -> str:
    role = _main(gateway)
    return world.token(gateway, Caller(ROLES[gateway][role], "alice", role), at=time.time() + 120)


def _raised_to_operator(world: World, gateway: str) -> str:
    return _changed(good(world, gateway, _main(gateway)), role="operator")


def _made_longer(world: World, gateway: str) -> str:
    return _changed(good(world, gateway, _main(gateway)), exp=int(time.time()) + 10**6)


def _changed(token: str, **claims: Any) -> str:
    header, payload, signature = token.split(".")
    content = json.loads(_unpacked(payload)) | claims
    return ".".join([header, _packed(content), signature])


def _unsigned(world: World, gateway: str) -> str:
    payload = good(world, gateway, _main(gateway)).split(".")[1]
    return ".".join([_packed({"alg": "none", "kid": "token-1", "typ": "at+jwt"}), payload, ""])


def _signed_with_the_public_key(world: World, gateway: str) -> str:
    """The old trick: HS256 with the bytes of the public key as the secret."""
    import hashlib
    import hmac

    msp_id = ROLES[gateway][_main(gateway)]
    path = world.sandbox.layout.root / "orgs" / msp_id / "token-key.pem"
    spki = P256Signer.from_pem(path.read_bytes()).spki
    payload = good(world, gateway, _main(gateway)).split(".")[1]
    signed = f"{_packed({'alg': 'HS256', 'kid': 'token-1', 'typ': 'at+jwt'})}.{payload}"
    return f"{signed}.{_bare(hmac.new(spki, signed.encode(), hashlib.sha256).digest())}"


def _a_package_signature(world: World, gateway: str) -> str:
    """A signature of the right key over the right claims, made for another purpose."""
    from consortium.identity.jws import sign_jws

    msp_id = ROLES[gateway][_main(gateway)]
    key = P256Signer.from_pem((world.sandbox.layout.root / "orgs" / msp_id / "token-key.pem").read_bytes())
    payload = _unpacked(good(world, gateway, _main(gateway)).split(".")[1])
    return sign_jws(payload, key, "token-1", typ="JWT")


def _nonsense(world: World, gateway: str) -> str:
    return "a.b.c"


def _packed(content: Any) -> str:
    return _bare(json.dumps(content).encode())


def _bare(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


async def routes(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    """Every (method, path) that a gateway's OpenAPI lists."""
    document = (await client.get("/openapi.json")).json()
    found = [
        (method.upper(), path.replace("{", "").replace("}", ""))
        for path, item in document["paths"].items()
        for method in item
    ]
    return [(method, path) for method, path in found if (method, path) not in OPEN]


async def test_the_token_that_the_others_are_held_against_works(world: World) -> None:
    for gateway, roles in ROLES.items():
        for role in roles:
            async with world.http(gateway, good(world, gateway, role)) as client:
                path = {"erp": "/v1/consents", "operator": "/v1/parties", "bank": "/v1/packages"}[role]
                assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize("gateway", sorted(ROLES))
@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (_of_another_gateway, "TOKEN_INVALID"),
        (_of_another_gateway_in_its_name, "TOKEN_INVALID"),
        (_expired, "TOKEN_EXPIRED"),
        (_of_the_future, "TOKEN_INVALID"),
        (_raised_to_operator, "TOKEN_INVALID"),
        (_made_longer, "TOKEN_INVALID"),
        (_unsigned, "TOKEN_INVALID"),
        (_signed_with_the_public_key, "TOKEN_INVALID"),
        (_a_package_signature, "TOKEN_INVALID"),
        (_nonsense, "TOKEN_INVALID"),
        (None, "UNAUTHENTICATED"),
    ],
)
async def test_a_wrong_token_opens_no_route(
    world: World, gateway: str, made: Made | None, reason: str
) -> None:
    token = None if made is None else made(world, gateway)
    async with world.http(gateway, token) as client:
        for method, path in await routes(client):
            with structlog.testing.capture_logs() as lines:
                answer = await client.request(method, path, json={})
            assert answer.status_code == 401, (method, path, answer.text)
            assert answer.json()["reason"] == reason
            assert answer.headers["www-authenticate"] == "Bearer"
            (line,) = [each for each in lines if each["event"] == "request"]
            assert (line["reason"], line["status"], line["org"]) == (reason, 401, None)
            assert token is None or token not in str(lines)


async def test_a_token_opens_only_its_role_s_routes(world: World) -> None:
    for role in ROLES["industry-a"]:
        async with world.http("industry-a", good(world, "industry-a", role)) as client:
            for method, path in await routes(client):
                if ((method, path) in OPERATOR_ROUTES) == (role == "operator"):
                    continue
                with structlog.testing.capture_logs() as lines:
                    answer = await client.request(method, path, json={})
                assert (answer.status_code, answer.json()["reason"]) == (403, "DENIED"), (method, path)
                assert [each["reason"] for each in lines if each["event"] == "request"] == ["DENIED"]
    # Nobody but a bank's own systems, whoever signs such a token by mistake.
    for role in ("erp", "operator", "gateway", "regulator"):
        async with world.http("bank-a", world.token("bank-a", Caller(BANK, CLIENT, role))) as client:
            for method, path in await routes(client):
                answer = await client.request(method, path, json={})
                assert (answer.status_code, answer.json()["reason"]) == (403, "DENIED"), (method, path)


async def test_an_erp_that_is_not_registered_any_more_is_denied(world: World) -> None:
    token = world.token("industry-a", Caller(INDUSTRY, "mallory", "erp"))
    asked = {"bank": BANK, "fingerprints": [], "amount": "1", "currency": "CNY"}
    bodies = {
        "/v1/consents": SIGNED,
        "/v1/consents/consent_id/revoke": SIGNED,
        "/v1/financing-requests": asked,
    }
    denied = (403, "UNKNOWN_PARTY")
    async with world.http("industry-a", token) as client:
        for method, path in await routes(client):
            if (method, path) in OPERATOR_ROUTES:
                continue
            answer = await client.request(method, path, json=bodies.get(path, {}))
            told = (answer.status_code, answer.json()["reason"])
            bodiless = method != "GET" and path not in {*bodies, "/v1/documents"}
            # A body of another form is refused before anybody asks whose it is.
            assert told == denied or (bodiless and told == (400, "INVALID_INPUT")), (method, path, told)


@pytest.mark.parametrize("gateway", sorted(ROLES))
async def test_a_wrong_secret_gets_no_token(world: World, gateway: str) -> None:
    name = "alice" if gateway == "industry-a" else CLIENT
    secret = world.members["alice"].secret if gateway == "industry-a" else world.secret
    form = {"grant_type": "client_credentials"}
    wrong: list[tuple[str, str]] = [
        (name, ""),
        (name, secret[:-1]),
        (name, f"{secret}x"),
        (name, secret.swapcase()),
        (name, world.members["bob"].secret),
        ("mallory", secret),
        ("", secret),
        ("", ""),
    ]
    async with world.http(gateway) as client:
        assert (await client.post("/oauth2/token", data=form, auth=(name, secret))).status_code == 200
        for auth in wrong:
            with structlog.testing.capture_logs() as lines:
                answer = await client.post("/oauth2/token", data=form, auth=auth)
            assert (answer.status_code, answer.json()) == (401, {"error": "invalid_client"}), auth
            assert answer.headers["www-authenticate"] == "Basic"
            (line,) = [each for each in lines if each["event"] == "request"]
            assert (line["status"], line["reason"], line["log_level"]) == (401, "INVALID_CLIENT", "warning")
            assert not auth[1] or auth[1] not in str(lines)
        for header in (
            "Basic",
            "Basic !!",
            f"Basic {base64_of(b'no colon')}",
            f"Basic {base64_of(bytes([255]))}",
        ):
            headers = {"authorization": header}
            answer = await client.post("/oauth2/token", data=form, headers=headers)
            assert answer.status_code == 401
        answer = await client.post("/oauth2/token", data={"grant_type": "password"}, auth=(name, secret))
        assert (answer.status_code, answer.json()) == (400, {"error": "unsupported_grant_type"})
