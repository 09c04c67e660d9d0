"""Everything that a consortium does, good and bad, in one process with the services' own logging at its most talkative.

``python -m tests.integration.security.story FOLDER`` logs to standard error and leaves in ``FOLDER/secrets.json`` what
must not be found there: kind -> texts.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx
import orjson

from chanrong.demo.ubl_writer import to_ubl
from consortium.documents import Document
from consortium.documents.canonical import document_bytes
from consortium.rpc.client import call
from consortium.rpc.logging import configure_logging
from consortium.rpc.settings import LogSettings
from consortium.wire.chanrong.finance.v1 import finance_pb2, finance_pb2_grpc
from consortium.wire.chanrong.sources.v1 import sources_pb2, sources_pb2_grpc
from tests.integration.security.methods import ask
from tests.integration.security.world import BANK, CLIENT, PURPOSE, World, trades_of, world_in

FORM = {"grant_type": "client_credentials"}


async def main(folder: Path) -> None:
    """The whole story."""
    configure_logging("story", LogSettings(level="debug"))
    kinds = ("ledger", "adapter", "industry", "finance")
    async with world_in(folder / "consortium", *kinds, industries=1, banks=1) as world:
        secrets = _secrets(world)
        consent = await _erp(world, secrets)
        await _strangers(world, secrets)
        await _institutions(world)
        await _bank(world, secrets, consent)
    (folder / "secrets.json").write_bytes(orjson.dumps(secrets))


def _secrets(world: World) -> dict[str, list[str]]:
    documents: list[Document] = [
        each for name in ("alice", "bob") for t in trades_of(name) for each in t.documents
    ]
    parties = [member.party for member in world.members.values()]
    found: dict[str, list[str]] = {
        "names": [each.name or "" for each in parties],
        "aliases": list(world.members),
        "identifiers": [each.value for party in parties for each in party.identifiers],
        "streets": [each.address.street for each in parties if each.address and each.address.street],
        "numbers": [each.number for each in documents],
        "goods": [line.item.name for trade in trades_of("alice") for line in trade.order.lines],
        "accounts": [
            account.account_id
            for trade in trades_of("alice")
            for invoice in trade.invoices
            for account in invoice.payee_accounts
        ],
        "client secrets": [world.secret, *(each.secret for each in world.members.values())],
        "tokens": [],
    }
    return found | _key_files(world)


def _key_files(world: World) -> dict[str, list[str]]:
    root = world.sandbox.layout.root
    keys = [*root.glob("**/*.key"), *root.glob("**/*key.pem"), *root.glob("**/*_sk")]
    lines = {line for path in keys for line in path.read_text().splitlines() if "-----" not in line}
    lines |= {member.signer.to_pem().decode().splitlines()[1] for member in world.members.values()}
    shared = json.loads(world.sandbox.layout.consortium_keys.read_bytes())
    masters: list[str] = []
    for path in (root / "master-keys").glob("*.json"):
        masters += _texts(json.loads(path.read_bytes()))
    return {
        "private keys": sorted(line for line in lines if len(line) > 40),
        "shared keys": [
            *shared["epochs"].values(),
            shared["party"],
            *(each for each in masters if len(each) > 30),
        ],
    }


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _texts(part)]


async def _token(client: httpx.AsyncClient, name: str, secret: str, secrets: dict[str, list[str]]) -> None:
    answer = await client.post("/oauth2/token", data=FORM, auth=(name, secret))
    token = answer.json()["access_token"]
    client.headers["authorization"] = f"Bearer {token}"
    secrets["tokens"].append(token)


async def _erp(world: World, secrets: dict[str, list[str]]) -> str:
    """Pushes of every kind, questions, and consents of alice's."""
    alice, trade = world.members["alice"], trades_of("alice")[0]
    async with world.http("industry-a") as client:
        await _token(client, "alice", alice.secret, secrets)
        good = b"\n".join(document_bytes(each) for each in trade.documents)
        headers = {"content-type": "application/x-ndjson", "idempotency-key": "push-1"}
        pushed = (await client.post("/v1/documents", content=good, headers=headers)).json()
        await client.post("/v1/documents", content=good, headers=headers)
        await world.settled("alice", pushed["push_id"])
        changed = {**orjson.loads(document_bytes(trade.invoices[0])), "due_date": "2026-12-31"}
        bad = [
            orjson.dumps(changed),  # contradicts what is registered
            document_bytes(trades_of("bob")[0].order),  # not hers
            document_bytes(trade.order).replace(b'"CNY"', b'"ZZZ"'),
            document_bytes(trade.order)[:-5],
            to_ubl(trade.invoices[0]),
            b"<!DOCTYPE x>" + to_ubl(trade.order),
        ]
        for content in bad:
            await client.post("/v1/documents", content=content)
        await client.get(f"/v1/documents/{trade.order.number}")
        await client.get("/v1/documents/" + alice.party.identifiers[0].value)
        await client.post(
            "/v1/consents", json={"statement": alice.party.name, "signature": "", "key_number": 1}
        )
        await client.post("/v1/consents", content=document_bytes(trade.order))
        await client.post("/v1/financing-requests", json={"bank": alice.party.name, "amount": "x"})
        granted = (await client.post("/v1/consents", json=alice.consent())).json()["consent"]
        monitor = await client.post("/v1/consents", json=alice.consent(scope="monitor"))
        assert monitor.status_code == 201
        invoice = world.sandbox.keys.fingerprint(trade.invoices[0])
        asked = {"bank": BANK, "fingerprints": [invoice], "amount": "10", "currency": "CNY"}
        assert (await client.post("/v1/financing-requests", json=asked)).status_code == 201
    return str(granted["consent_id"])


async def _strangers(world: World, secrets: dict[str, list[str]]) -> None:
    """Wrong secrets, tokens, certificates and bytes."""
    alice = world.members["alice"]
    async with world.http("industry-a") as client:
        await client.post("/oauth2/token", data=FORM, auth=("alice", "a-wrong-secret-of-alice"))
        await client.post("/oauth2/token", data={**FORM, "client_id": "alice", "client_secret": alice.secret})
        await client.get("/v1/consents", headers={"authorization": f"Bearer {secrets['tokens'][0]}x"})
        await client.get("/v1/consents", params={"token": secrets["tokens"][0]})
        secrets["client secrets"].append("a-wrong-secret-of-alice")
    async with world.link("industry-a", world.tls("alice", BANK, "erp")) as link:
        await ask(
            link, "/chanrong.industry.v1.IntakeService/Push", document_bytes(trades_of("alice")[0].order)
        )
    async with world.link("industry-a", world.tls("alice", "IndustryAMSP", "erp")) as link:
        await ask(
            link, "/chanrong.industry.v1.ConsentService/Grant", b"\x0a" + str(alice.party.name).encode()
        )


async def _institutions(world: World) -> None:
    """Data of the institutions, good and bad."""
    trade = trades_of("alice")[0]
    contents = {
        "tax": [
            document_bytes(trade.invoices[0]),
            document_bytes(trade.invoices[0])[:-3],
            to_ubl(trade.order),
        ],
        "bank": [f"<Document>{trade.order.seller.name}</Document>".encode(), to_ubl(trade.order)],
        "credit": [orjson.dumps({"name": trade.order.seller.name}), document_bytes(trade.order)],
    }
    for service, files in contents.items():
        async with world.link(service, "institutions-operator") as link:
            stub = sources_pb2_grpc.InstitutionAdminServiceStub(link)
            for content in files:
                name = f"{trade.order.seller.name}.xml"
                await call(stub.LoadData, sources_pb2.LoadDataRequest(file_name=name, content=content))


async def _bank(world: World, secrets: dict[str, list[str]], consent_id: str) -> None:
    """A package, claims, and what is refused of them."""
    alice, trade = world.members["alice"], trades_of("alice")[0]
    fingerprint = world.sandbox.keys.fingerprint(trade.invoices[0])
    async with world.http("bank-a") as client:
        await _token(client, CLIENT, world.secret, secrets)
        identifier = str(alice.party.identifiers[0])
        package = await client.post("/v1/packages", json={"subject": identifier, "purpose": PURPOSE})
        assert package.status_code == 201, package.text
        package_id = package.json()["package_id"]
        assert trade.order.number in (await client.get(f"/v1/packages/{package_id}/file")).text
        await client.post("/v1/packages", json={"subject": alice.party.name, "purpose": "x"})
        await client.post(
            "/v1/packages", json={"subject": str(world.members["bob"].party.identifiers[0]), "purpose": "x"}
        )
        await client.get(f"/v1/packages/{trade.order.number}")
        item = {"fingerprint": fingerprint, "share_ppb": 1000, "consent_id": consent_id}
        claims = await client.post("/v1/claims", json=[item])
        assert claims.json()["results"][0]["done"], claims.text
        await client.post("/v1/claims", json=[{**item, "share_ppb": 10**9}])
        await client.post("/v1/claims", json=[{**item, "fingerprint": trade.order.number}])
    async with world.link("bank-a", "bank-a-officer") as link:
        stub = finance_pb2_grpc.PackageServiceStub(link)
        question = finance_pb2.RequestPackageRequest(subject=identifier, purpose=PURPOSE)
        await call(stub.RequestPackage, question)
    async with world.link("bank-a", "bank-a-operator") as link:
        await ask(link, "/chanrong.reconciliation.v1.ReconciliationService/RunJobs", b"")
    async with world.as_party("alice") as client:
        revoked = await client.post(f"/v1/consents/{consent_id}/revoke", json=alice.revocation(consent_id))
        assert revoked.status_code == 200
    async with world.http("bank-a", secrets["tokens"][-1]) as client:
        denied = await client.post("/v1/packages", json={"subject": identifier, "purpose": PURPOSE})
        assert denied.status_code == 403


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
