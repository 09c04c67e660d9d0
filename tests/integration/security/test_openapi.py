"""What /openapi.json of each gateway promises is held by its handlers: schemathesis with a valid token, bounded."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from consortium.documents.canonical import document_bytes
from tests.integration.security.test_tokens import OPEN, OPERATOR_ROUTES, good
from tests.integration.security.world import BANK, PURPOSE, THOROUGH, World, base64_of, trades_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

EXAMPLES = {GenerationMode.POSITIVE: 12, GenerationMode.NEGATIVE: 8}
"""Requests per operation: as the document says, and not as it says."""
SLOW = {"/oauth2/token"}
"""Here a request costs a hashed secret."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TIMEOUT_S = 30


def explore(document: dict[str, Any], url: str, tokens: dict[str, str], roots: str) -> list[str]:
    """Sends what the document allows, and what it does not; returns what was wrong with the answers.

    :param tokens: role -> token
    """
    failures: list[str] = []
    schema = schemathesis.openapi.from_dict(document)
    with requests.Session() as session:
        session.trust_env = False
        for found in schema.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            role = "operator" if (operation.method.upper(), operation.path) in OPERATOR_ROUTES else "erp"
            token = tokens.get(role, next(iter(tokens.values())))
            for mode, examples in EXAMPLES.items():
                check = _check(operation, mode, examples, session, url, token, roots)
                try:
                    check()
                except Unsatisfiable:
                    assert mode is GenerationMode.NEGATIVE  # nothing to send that the document forbids
                except (Exception, FailureGroup) as error:
                    failures.append(f"{operation.method.upper()} {operation.path} {mode.name}: {error}")
    return failures


def _check(
    operation: Any,
    mode: GenerationMode,
    examples: int,
    session: requests.Session,
    url: str,
    token: str,
    roots: str,
) -> Any:
    @settings(
        max_examples=3 if operation.path in SLOW else examples * THOROUGH,
        derandomize=THOROUGH == 1,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        headers = (
            {} if (operation.method.upper(), operation.path) in OPEN else {"Authorization": f"Bearer {token}"}
        )
        answer = case.call(base_url=url, headers=headers, session=session, verify=roots, timeout=TIMEOUT_S)
        case.validate_response(answer, checks=CHECKS)

    return check


@pytest.mark.parametrize("gateway", ["industry-a", "bank-a"])
async def test_the_interface_is_as_its_document_says(world: World, gateway: str) -> None:
    roles = ("erp", "operator") if gateway == "industry-a" else ("bank",)
    tokens = {role: good(world, gateway, role) for role in roles}
    url = world.sandbox.profile.service(gateway).rest_url
    async with world.http(gateway) as client:
        document = (await client.get("/openapi.json")).json()
    failures = await asyncio.to_thread(explore, document, url, tokens, str(world.ca_file(gateway)))
    assert not failures, "\n\n".join(failures)
    async with world.http(gateway) as client:
        assert (await client.get("/healthz")).status_code == 200


async def made(world: World) -> dict[str, dict[str, str]]:
    """A trade, a consent, a financing request, a package and a claim: path parameters of what is there."""
    trade = trades_of("alice")[0]
    pushed = await world.push("alice", trade.order, *trade.invoices)
    order, invoice = await world.settled("alice", pushed["push_id"])
    async with world.as_party("alice") as client:
        consent = await client.post("/v1/consents", json=world.members["alice"].consent())
        consent_id = consent.json()["consent"]["consent_id"]
    async with world.http("bank-a", good(world, "bank-a", "bank")) as client:
        asked = {"subject": world.members["alice"].handle, "purpose": PURPOSE}
        package = await client.post("/v1/packages", json=asked)
        assert package.status_code == 201, package.text
        item = {"fingerprint": invoice["fingerprint"], "share_ppb": 1000, "consent_id": consent_id}
        claims = await client.post("/v1/claims", json=[item])
        assert claims.status_code == 200, claims.text
    return {
        "push_id": {"push_id": pushed["push_id"]},
        "document_id": {"document_id": order["document_id"]},
        "consent_id": {"consent_id": consent_id},
        "package_id": {"package_id": package.json()["package_id"]},
        "claim_id": {"claim_id": claims.json()["results"][0]["claim"]["claim_id"]},
        "invoice": {"fingerprint": invoice["fingerprint"]},
    }


def good_cases(world: World, there: dict[str, dict[str, str]]) -> list[tuple[str, str, str, dict[str, Any]]]:
    """Gateway, method, path and what is sent: requests that are granted."""
    alice, carol = world.members["alice"], world.members["carol"]
    consent_id, claim = there["consent_id"], there["claim_id"]
    trade = trades_of("alice")[1]
    asked = {
        "bank": BANK,
        "fingerprints": [there["invoice"]["fingerprint"]],
        "amount": "5",
        "currency": "CNY",
    }
    party = {
        "alias": "carol",
        "name": carol.party.name,
        "identifiers": [str(each) for each in carol.party.identifiers],
        "public_key": base64_of(carol.signer.spki),
    }
    document = orjson.loads(document_bytes(trade.order))
    body = {"body": document, "media_type": "application/json"}
    bank = {"subject": alice.handle, "purpose": PURPOSE}
    revoked = {"body": alice.revocation(consent_id["consent_id"]), "path_parameters": consent_id}
    return [
        ("industry-a", "POST", "/v1/documents", body),
        ("industry-a", "GET", "/v1/pushes/{push_id}", {"path_parameters": there["push_id"]}),
        ("industry-a", "GET", "/v1/documents/{document_id}", {"path_parameters": there["document_id"]}),
        ("industry-a", "POST", "/v1/financing-requests", {"body": asked}),
        ("industry-a", "GET", "/v1/financing-requests", {}),
        ("industry-a", "POST", "/v1/parties", {"body": party}),
        ("industry-a", "GET", "/v1/parties", {}),
        ("industry-a", "GET", "/v1/consents", {}),
        ("industry-a", "POST", "/v1/consents", {"body": alice.consent()}),
        ("bank-a", "POST", "/v1/packages", {"body": bank}),
        ("bank-a", "GET", "/v1/packages", {}),
        ("bank-a", "GET", "/v1/packages/{package_id}", {"path_parameters": there["package_id"]}),
        ("bank-a", "GET", "/v1/packages/{package_id}/file", {"path_parameters": there["package_id"]}),
        ("bank-a", "GET", "/v1/claims", {}),
        (
            "bank-a",
            "POST",
            "/v1/claims/{claim_id}/release",
            {"body": {"reason": "repaid"}, "path_parameters": claim},
        ),
        ("industry-a", "POST", "/v1/consents/{consent_id}/revoke", revoked),
        ("industry-a", "GET", "/healthz", {}),
        ("industry-a", "GET", "/metrics", {}),
        ("bank-a", "GET", "/healthz", {}),
        ("bank-a", "GET", "/metrics", {}),
    ]


async def test_what_is_granted_is_as_the_document_says(world: World) -> None:
    cases = good_cases(world, await made(world))
    documents: dict[str, Any] = {}
    for gateway in ("industry-a", "bank-a"):
        async with world.http(gateway) as client:
            documents[gateway] = schemathesis.openapi.from_dict((await client.get("/openapi.json")).json())
    for gateway, method, path, sent in cases:
        role = (
            "operator"
            if (method, path) in OPERATOR_ROUTES
            else ("erp" if gateway == "industry-a" else "bank")
        )
        case = documents[gateway][path][method].Case(**sent)
        headers = {"Authorization": f"Bearer {good(world, gateway, role)}"}
        url = world.sandbox.profile.service(gateway).rest_url
        roots = str(world.ca_file(gateway))
        answer = await asyncio.to_thread(case.call, base_url=url, headers=headers, verify=roots)
        assert answer.status_code < 300, (path, answer.text)
        case.validate_response(answer, checks=CHECKS)
