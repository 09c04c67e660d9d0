"""The same use cases for a bank's systems that speak JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from consortium.errors import DeniedError
from consortium.identity.client_secrets import hash_client_secret
from consortium.identity.directory import Caller
from consortium.identity.signer import P256Signer
from consortium.identity.tokens import TokenIssuer
from finance_gateway.app import TOKEN_KID
from tests.support.finance_bank import FACE, PURPOSE, Bank, a_bank

SECRET = "a secret of the core banking system"


@pytest.fixture
async def rest(tmp_path: Path) -> AsyncIterator[tuple[Bank, httpx.AsyncClient]]:
    """A bank, and its core system's client, without a token yet."""
    settings = {"finance": {"clients": {"core-banking": hash_client_secret(SECRET)}}}
    async with a_bank(tmp_path, start=("bank-a",), overrides=settings) as bank:
        base = f"https://{bank.sandbox.profile.service('bank-a').rest}"
        async with httpx.AsyncClient(
            base_url=base, verify=bank.sandbox.roots("bank-a"), timeout=60
        ) as client:
            yield bank, client


async def _sign_in(client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/oauth2/token", data={"grant_type": "client_credentials"}, auth=("core-banking", SECRET)
    )
    assert answer.status_code == 200, answer.text
    client.headers["authorization"] = f"Bearer {answer.json()['access_token']}"


def _problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert body["status"] == answer.status_code
    assert {"type", "title", "detail", "reason"} <= set(body)
    return answer.status_code, body["reason"]


async def test_a_package_over_rest(rest: tuple[Bank, httpx.AsyncClient]) -> None:
    bank, client = rest
    await _sign_in(client)
    await bank.consent()
    body = {"subject": bank.supplier, "purpose": PURPOSE}
    made = await client.post("/v1/packages", json=body, headers={"Idempotency-Key": "k-1"})
    assert made.status_code == 201, made.text
    summary = made.json()
    assert made.headers["location"] == f"/v1/packages/{summary['package_id']}"
    assert summary["state"] == "valid"
    assert summary["eligible"]
    again = await client.post("/v1/packages", json=body, headers={"Idempotency-Key": "k-1"})
    assert again.json() == summary
    reused = await client.post(
        "/v1/packages", json=body | {"profile": "receivable-v1"}, headers={"Idempotency-Key": "k-1"}
    )
    assert _problem(reused) == (422, "IDEMPOTENCY_KEY_REUSED")
    got = await client.get(made.headers["location"])
    assert got.json() == summary
    file = await client.get(made.headers["location"] + "/file")
    assert file.headers["content-type"] == "application/json"
    assert bank.verify(file.content).ok
    listed = (await client.get("/v1/packages", params={"subject": bank.supplier})).json()
    assert listed == {"packages": [summary]}
    replaced = await client.post("/v1/packages", json=body | {"supersedes": summary["package_id"]})
    assert replaced.status_code == 201
    assert (await client.get(made.headers["location"])).json()["state"] == "superseded"


async def test_claims_over_rest(rest: tuple[Bank, httpx.AsyncClient]) -> None:
    bank, client = rest
    await _sign_in(client)
    assess, monitor = await bank.consent(), await bank.consent(scope="monitor")
    fingerprint = bank.fingerprint(bank.invoices[0])
    item = {"fingerprint": fingerprint, "share_ppb": FACE, "consent_id": assess}
    reserved = await client.post("/v1/claims", json=[item], headers={"Idempotency-Key": "r-1"})
    assert reserved.status_code == 200, reserved.text
    (result,) = reserved.json()["results"]
    assert (result["done"], result["claim"]["state"]) == (True, "reserved")
    claim = f"/v1/claims/{result['claim']['claim_id']}"
    again = await client.post("/v1/claims", json=[item], headers={"Idempotency-Key": "r-1"})
    assert again.json() == reserved.json()
    over = (await client.post("/v1/claims", json=[item])).json()["results"][0]
    assert (over["done"], over["reason"], over["free_ppb"]) == (False, "OVER_FACE_VALUE", 0)
    financed = await client.post(f"{claim}/finance", json={"monitor_consent_id": monitor})
    assert financed.json()["claim"]["state"] == "financed"
    settled = await client.post(f"{claim}/settle", json={"share_ppb": FACE // 2})
    assert settled.json()["claim"]["settled_ppb"] == FACE // 2
    released = await client.post(f"{claim}/release", json={"reason": "repaid"})
    assert released.json()["claim"]["state"] == "released"
    listed = (await client.get("/v1/claims", params={"fingerprint": fingerprint})).json()["claims"]
    assert [each["state"] for each in listed] == ["released"]


async def test_who_is_let_in(rest: tuple[Bank, httpx.AsyncClient]) -> None:
    bank, client = rest
    paths = [
        ("GET", "/v1/packages"),
        ("POST", "/v1/packages"),
        ("GET", "/v1/packages/x"),
        ("GET", "/v1/packages/x/file"),
        ("GET", "/v1/claims"),
        ("POST", "/v1/claims"),
        ("POST", "/v1/claims/x/finance"),
        ("POST", "/v1/claims/x/release"),
        ("POST", "/v1/claims/x/settle"),
        ("GET", "/v1/registry/registrations"),
        ("GET", "/v1/registry/filings"),
        ("POST", "/v1/registry/filings"),
        ("POST", "/v1/registry/registrations/x/amend"),
        ("POST", "/v1/registry/registrations/x/cancel"),
    ]
    described = (await client.get("/openapi.json")).json()["paths"]
    own = {(m.upper(), p) for p, methods in described.items() for m in methods if p.startswith("/v1")}
    assert len(own) == len(paths), "every path is tried"
    for method, path in paths:
        bare = await client.request(method, path)
        assert _problem(bare) == (401, "UNAUTHENTICATED"), path
        assert bare.headers["www-authenticate"].startswith("Bearer")
    for auth in (("core-banking", "wrong"), ("nobody", SECRET), ("", "")):
        refused = await client.post("/oauth2/token", data={"grant_type": "client_credentials"}, auth=auth)
        assert refused.status_code == 401
        assert refused.json() == {"error": "invalid_client"}
    layout = bank.sandbox.layout
    own_key = P256Signer.from_pem((layout.root / "orgs" / "BankAMSP" / "token-key.pem").read_bytes())
    other_key = P256Signer.from_pem((layout.root / "orgs" / "BankBMSP" / "token-key.pem").read_bytes())
    officer = Caller("BankAMSP", "core-banking", "bank")
    tokens = {
        "another gateway's": TokenIssuer("bank-b", other_key, TOKEN_KID).issue(officer).token,
        "of another role": TokenIssuer("bank-a", own_key, TOKEN_KID)
        .issue(Caller("BankAMSP", "core-banking", "operator"))
        .token,
        "none": "x.y.z",
    }
    for name, token in tokens.items():
        answer = await client.get("/v1/packages", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code in {401, 403}, name


NONSENSE: tuple[tuple[str, Any, str], ...] = (
    ("/v1/packages", {"subject": "nobody", "purpose": PURPOSE}, "PARTY_ID_INVALID"),
    ("/v1/packages", {"subject": "d" * 64, "purpose": ""}, "INVALID_INPUT"),
    ("/v1/packages", {"subject": "d" * 64}, "INVALID_INPUT"),
    ("/v1/packages", {"subject": "d" * 64, "purpose": PURPOSE, "more": 1}, "INVALID_INPUT"),
    ("/v1/packages", {"subject": "d" * 64, "purpose": PURPOSE, "fingerprints": ["x"]}, "INVALID_INPUT"),
    ("/v1/claims", [], "INVALID_INPUT"),
    ("/v1/claims", [{"fingerprint": "x", "share_ppb": 1, "consent_id": "c"}], "INVALID_INPUT"),
    ("/v1/claims", [{"fingerprint": "f" * 64, "share_ppb": 0, "consent_id": "c"}], "INVALID_INPUT"),
    ("/v1/claims", [{"fingerprint": "f" * 64, "share_ppb": 1.5, "consent_id": "c"}], "INVALID_INPUT"),
    ("/v1/claims/0000000000000000/release", {"reason": "because"}, "INVALID_INPUT"),
)


async def test_what_makes_no_sense_is_said_so(rest: tuple[Bank, httpx.AsyncClient]) -> None:
    _, client = rest
    await _sign_in(client)
    for path, body, reason in NONSENSE:
        assert _problem(await client.post(path, json=body)) == (400, reason), body


async def test_errors_keep_their_meaning(rest: tuple[Bank, httpx.AsyncClient]) -> None:
    bank, client = rest
    await _sign_in(client)
    wanted = {"subject": bank.supplier, "purpose": PURPOSE}
    assert _problem(await client.post("/v1/packages", json=wanted)) == (403, "CONSENT_MISSING")
    assert _problem(await client.get("/v1/packages/none")) == (404, "NOT_FOUND")
    assert _problem(await client.get("/v1/packages/none/file")) == (404, "NOT_FOUND")
    assert _problem(await client.get("/v1/nowhere")) == (404, "NOT_FOUND")
    assert _problem(await client.get("/v1/packages", params={"limit": 0})) == (400, "INVALID_INPUT")
    assert _problem(await client.get("/v1/packages", params={"limit": -1})) == (400, "INVALID_INPUT")
    claim = {"monitor_consent_id": "consent-1"}
    assert _problem(await client.post("/v1/claims/none/finance", json=claim)) == (404, "NOT_FOUND")
    await bank.consent()
    bank.releases.down = True
    down = await client.post("/v1/packages", json=wanted, headers={"Idempotency-Key": "k-9"})
    assert _problem(down) == (503, "INDUSTRY_GATEWAY_UNAVAILABLE")
    bank.releases.down = False
    again = await client.post("/v1/packages", json=wanted, headers={"Idempotency-Key": "k-9"})
    assert again.status_code == 201, "what failed made nothing: the key may be used again"
    large = await client.post("/v1/packages", content=b" " * (4 * 1024 * 1024 + 1))
    assert _problem(large) == (413, "TOO_LARGE")


async def test_health_and_figures_need_no_token_and_tell_no_names(
    rest: tuple[Bank, httpx.AsyncClient],
) -> None:
    bank, client = rest
    health = await client.get("/healthz")
    assert (health.status_code, health.json()["status"]) == (200, "ok")
    await bank.consent()
    await bank.package()
    with pytest.raises(DeniedError):
        await bank.package(purpose="another")
    figures = (await client.get("/metrics")).text
    values = dict(line.rsplit(" ", 1) for line in figures.splitlines() if not line.startswith("#"))
    assert values["chanrong_packages_made_total"] == "1.0"
    assert values['chanrong_packages_failed_total{reason="CONSENT_MISSING"}'] == "1.0"
    assert values["chanrong_operations_pending"] == "0.0"
    assert values["chanrong_follower_alive"] == "1.0"
    assert values['chanrong_job_last_success_age_seconds{job="packages"}'] == "-1.0"
    assert float(values["chanrong_blocks_stored"]) == await bank.sandbox.network("BankAMSP").height()
    assert bank.supplier not in figures
