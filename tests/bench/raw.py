"""The raw limit: client and contract only, the same packed transactions as the gateway writes, prepared beforehand."""

from __future__ import annotations

import asyncio
import secrets
import time

from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile
from consortium.contract import names
from consortium.contract.codec import encode
from consortium.documents import Document
from consortium.documents.commitment import commitment_hex, new_secret
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.documents.roles import buyer_of, issuer_of, seller_of
from consortium.identity.msp import load_identity
from consortium.ledger.connection import Endpoint
from consortium.ledger.follower import CommitFollower
from consortium.ledger.gateway import Gateway
from tests.bench import documents

PER_TRANSACTION = 1_000
IN_FLIGHT = 8
MSP = "IndustryAMSP"


def register_item(keys: ConsortiumKeys, document: Document) -> dict[str, object]:
    """A document as a registration names it."""
    seller, buyer = seller_of(document), buyer_of(document)
    return {
        "kind": document.kind,
        "keys": [{"epoch": k.epoch, "fp": k.fp, "tag": k.tag} for k in keys.keys_of(document)],
        "commitment": commitment_hex(document, new_secret()),
        "seller": keys.handle_of(seller) if seller else None,
        "buyer": keys.handle_of(buyer) if buyer else None,
        "issuer": keys.handle_of(issuer_of(document)),
        "origin": None,
        "asset": document.kind in names.ASSET_KINDS,
        "links": [],
    }


async def documents_per_second(layout: Layout, profile: Profile, count: int) -> float:
    """Documents registered per second, from the first proposal to the last commit."""
    keys = ConsortiumKeys.from_json(layout.consortium_keys.read_bytes())
    made = documents.trades(count // documents.DOCUMENTS_PER_TRADE).documents
    requests = [
        encode({"op": secrets.token_hex(16), "items": [register_item(keys, document) for document in chunk]})
        for chunk in documents.chunks(made, PER_TRANSACTION)
    ]
    node = profile.service("ledger")
    root = (layout.tls_ca(node.msp_id) / "ca.pem").read_bytes()
    organisations = [MSP, profile.of_kind("finance")[0].msp_id]
    async with Gateway([Endpoint(node.grpc, root)], load_identity(layout.msp(MSP), MSP)) as client:
        network = client.network(profile.channel)
        contract = network.contract(profile.chaincode)
        gate = asyncio.Semaphore(IN_FLIGHT)
        async with CommitFollower(network) as follower:

            async def one(request: bytes) -> None:
                async with gate:
                    await contract.submit(
                        names.DOCUMENTS_REGISTER, request, organisations=organisations, verdicts=follower
                    )

            began = time.perf_counter()
            await asyncio.gather(*(one(request) for request in requests))
            return len(made) / (time.perf_counter() - began)
