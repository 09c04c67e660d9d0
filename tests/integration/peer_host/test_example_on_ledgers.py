"""The example contract, called by the official Fabric Gateway client for Node: on the embedded ledger and on Fabric."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from chaincode.caller import ATTRIBUTES_OID
from consortium.identity.ca import CertificateAuthority, Issued
from examples.stock.contract import PRICES, StockContract
from tests.integration.node_client.test_node_client import node
from tests.support.embedded import CHAINCODE, CHANNEL, make_network, running
from tests.support.fabric import FabricWorld, requires_fabric

__all__ = ["node"]

HERE = Path(__file__).parent
MODULES = HERE.parent / "node_client" / "package.json"
KEEPER, OTHER = "IndustryAMSP", "BankAMSP"
COLLECTIONS = [{"name": PRICES, "members": [KEEPER]}]
RUN_TIMEOUT_S = 120
Seen = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """Where the contract runs, and who may call it."""

    target: str
    tls_ca: Path
    channel: str
    chaincode: str
    authorities: dict[str, CertificateAuthority]


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[Place]:
    """The example on an embedded ledger."""
    network = make_network(folder / "organisations")
    settings = network.settings(folder / "ledger.db", collections=COLLECTIONS)
    async with running(settings, StockContract()) as ledger:
        yield Place(
            ledger.target,
            folder / "organisations" / "tlsca.pem",
            CHANNEL,
            CHAINCODE,
            network.authorities,
        )


@asynccontextmanager
async def on_fabric(world: FabricWorld) -> AsyncIterator[Place]:
    """The example on real peers, a server for each."""
    await world.deploy("stock", contract="examples.stock.contract:StockContract", collections=COLLECTIONS)
    authorities = {msp: world.authority(msp) for msp in (KEEPER, OTHER)}
    endpoint = world.endpoint(KEEPER)
    yield Place(endpoint.target, world.tls_root(KEEPER), world.channel, "stock", authorities)


def with_attributes(authority: CertificateAuthority, issued: Issued, attributes: dict[str, str]) -> Issued:
    """A certificate as Fabric CA issues it: with attributes."""
    before = issued.certificate
    builder = x509.CertificateBuilder(
        before.issuer,
        before.subject,
        before.public_key(),
        x509.random_serial_number(),
        before.not_valid_before_utc,
        before.not_valid_after_utc,
        list(before.extensions),
    )
    value = json.dumps({"attrs": attributes}).encode()
    builder = builder.add_extension(x509.UnrecognizedExtension(ATTRIBUTES_OID, value), critical=False)
    made = builder.sign(authority._signer.key, hashes.SHA256())
    return Issued(made.public_bytes(serialization.Encoding.PEM), issued.key_pem)


def caller(folder: Path, msp: str, name: str, issued: Issued) -> dict[str, str]:
    """Files of one caller, as the client wants them."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    issued.save(cert, key)
    return {"mspId": msp, "cert": str(cert), "key": str(key)}


@pytest_asyncio.fixture(
    scope="module",
    loop_scope="module",
    params=["embedded", pytest.param("fabric", marks=requires_fabric)],
)
async def seen(request: pytest.FixtureRequest, node: str, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """What the official client saw."""
    folder = tmp_path_factory.mktemp("stock")
    opened = embedded(folder) if request.param == "embedded" else on_fabric(request.getfixturevalue("fabric"))
    async with opened as place:
        keepers, others = place.authorities[KEEPER], place.authorities[OTHER]
        audits = with_attributes(others, others.issue("auditor", ou="client"), {"stock.role": "auditor"})
        options = {
            "modules": str(MODULES),
            "target": place.target,
            "tlsCa": str(place.tls_ca),
            "channel": place.channel,
            "chaincode": place.chaincode,
            "keeper": caller(folder, KEEPER, "keeper", keepers.issue("keeper", ou="client")),
            "other": caller(folder, OTHER, "other", others.issue("other", ou="client")),
            "auditor": caller(folder, OTHER, "auditor", audits),
            "organisations": [KEEPER, OTHER],
            "lot": f"L-{uuid.uuid4().hex[:8]}",
        }
        found = await run_client(node, options)
    found["lot"] = options["lot"]
    return found


async def run_client(program: str, options: dict[str, Any]) -> Seen:
    """Runs the client to its end."""
    process = await asyncio.create_subprocess_exec(
        program,
        str(HERE / "stock.mjs"),
        json.dumps(options),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(RUN_TIMEOUT_S):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0, err.decode()[-3000:]
    found: Seen = json.loads(out)
    return found


async def test_a_lot_is_received_with_its_event_and_private_price(seen: Seen) -> None:
    lot = {"lot": seen["lot"], "goods": "steel", "amount": 40, "owner": KEEPER}
    assert seen["received"] == lot
    assert seen["event"] == {"name": "received", "payload": lot}
    assert seen["price"] == 9.9


async def test_refusals_arrive_with_their_reason(seen: Seen) -> None:
    for refusal, code, text in (
        (seen["again"], "ABORTED", "chaincode response 400, LOT_EXISTS: "),
        (seen["taken"], "ABORTED", "chaincode response 403, NOT_YOURS: "),
        (seen["unknown"], "UNKNOWN", "chaincode response 404, NO_SUCH_LOT: "),
    ):
        assert refusal["code"] == code
        assert refusal["messages"]
        assert all(message.startswith(text) for message in refusal["messages"])


async def test_a_lot_is_split_and_written_off_by_an_auditor(seen: Seen) -> None:
    assert (seen["moved"]["amount"], seen["moved"]["owner"]) == (15, OTHER)
    assert (seen["read"]["amount"], seen["read"]["owner"]) == (25, KEEPER)
    assert seen["written"]["amount"] == 25
    assert [each["lot"] and each["lot"]["amount"] for each in seen["history"]] == [None, 25, 40]


async def test_lots_are_listed_page_by_page(seen: Seen) -> None:
    listed = [name for page in seen["pages"] for name in page]
    assert seen["moved"]["lot"] in listed
    assert seen["lot"] not in listed
    assert all(len(page) <= 1 for page in seen["pages"])
