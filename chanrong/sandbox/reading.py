"""Reads of the contract with a member's own identity: what the ledger says, past every gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import orjson

from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile
from chanrong.sandbox.settings import gateway_peers
from consortium.contract import names
from consortium.contract.codec import encode
from consortium.errors import NotFoundError
from consortium.identity.msp import load_identity
from consortium.ledger.connection import Endpoint
from consortium.ledger.gateway import Gateway

Read = Callable[[str, Mapping[str, Any]], Awaitable[dict[str, Any]]]


@asynccontextmanager
async def reading(layout: Layout, profile: Profile, msp_id: str) -> AsyncIterator[Read]:
    """A function that asks the contract one thing, as the organisation given."""
    endpoints = [
        Endpoint(node.grpc, (layout.tls_ca(node.msp_id) / "ca.pem").read_bytes(), msp_id=node.msp_id)
        for node in gateway_peers(profile, msp_id)
    ]
    async with Gateway(endpoints, load_identity(layout.msp(msp_id), msp_id)) as gateway:
        contract = gateway.network(profile.channel).contract(profile.chaincode)

        async def read(function: str, request: Mapping[str, Any]) -> dict[str, Any]:
            return dict(orjson.loads(await contract.evaluate(function, encode(dict(request)))))

        yield read


@asynccontextmanager
async def peer_gateways(layout: Layout, profile: Profile) -> AsyncIterator[dict[str, Gateway]]:
    """For each member a client at its own peer alone."""
    async with AsyncExitStack() as stack:
        made = {}
        for node in profile.of_kind("peer"):
            root = (layout.tls_ca(node.msp_id) / "ca.pem").read_bytes()
            identity = load_identity(layout.msp(node.msp_id), node.msp_id)
            made[node.msp_id] = await stack.enter_async_context(
                Gateway([Endpoint(node.grpc, root)], identity)
            )
        yield made


async def live_consent(
    layout: Layout, profile: Profile, bank_msp: str, fingerprint: str, scopes: tuple[str, ...]
) -> str:
    """The newest live consent of a receivable's seller for a bank.

    :param scopes: what it may be for, first choice first
    :raises NotFoundError: no such document, or no consent
    """
    async with reading(layout, profile, bank_msp) as read:
        record = (await read(names.DOCUMENTS_GET, {"fps": [fingerprint]}))["documents"][0]
        if record is None or not record["seller"]:
            raise NotFoundError("The ledger knows no such document.", remedy="Check the fingerprint.")
        consents: list[dict[str, Any]] = []
        after: str | None = None
        more = True
        while more:
            wanted = {"subject": record["seller"], "after": after, "limit": names.MAX_OTHER_ITEMS}
            answer = await read(names.CONSENTS_LIST, wanted)
            consents += answer["consents"]
            more = bool(answer["more"])
            after = consents[-1]["id"] if consents else None
    live = [c for c in consents if c["recipient"] == bank_msp and c["live"]]
    for scope in scopes:
        fitting = [c for c in live if c["scope"] == scope]
        if fitting:
            return str(max(fitting, key=lambda c: (c["issued"], c["id"]))["id"])
    seller = next((p.alias for p in profile.parties.values() if p.handle == record["seller"]), "SELLER")
    bank = next((s.name for s in profile.of_kind("finance") if s.msp_id == bank_msp), bank_msp)
    raise NotFoundError(
        f"The seller has given {bank} no live consent to {' or '.join(scopes)}.",
        reason="CONSENT_MISSING",
        remedy=f"Let it: chanrong consent grant --as {seller} --bank {bank} --scope {scopes[0]}",
    )
