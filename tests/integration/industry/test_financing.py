"""An SME asks a bank for financing and follows it."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from consortium.contract.claims import claim_handle, opening_key
from consortium.contract.codec import encode
from consortium.errors import ConflictError, DeniedError, InvalidInputError
from consortium.rpc.client import call
from consortium.wire.chanrong.industry.v1 import industry_pb2, industry_pb2_grpc
from tests.integration.industry.papers import invoice
from tests.integration.industry.test_consent_release import grant
from tests.integration.industry.world import BANK, World

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def ask(world: World, **changes: Any) -> industry_pb2.FinancingRequest:
    """Files a request over gRPC."""
    fields = {"bank": BANK, "amount": "5000.00", "currency": "CNY"} | changes
    async with world.stub(industry_pb2_grpc.FinancingRequestServiceStub, "seller") as stub:
        answer: industry_pb2.RequestFinancingResponse = await call(
            stub.RequestFinancing, industry_pb2.RequestFinancingRequest(**fields)
        )
        return answer.request


async def receivable(world: World, number: str) -> str:
    """An invoice on the ledger."""
    answer = await world.push("seller", [invoice(number)])
    await world.settled("seller", answer.push_id)
    return str(answer.results[0].fingerprint)


async def claims(world: World, function: str, claim: str, **fields: Any) -> None:
    """A bank's act on a claim."""
    async with world.chaincode(BANK) as contract:
        request = encode({"op": f"op-{function}-{claim}", "items": [{"claim": claim, **fields}]})
        opening = claim * 4
        answer = await contract.submit(
            f"encumbrances:{function}",
            request,
            transient={opening_key(claim): opening.encode()},
            organisations=["IndustryAMSP", BANK],
        )
        assert b'"done"' in answer, answer


async def test_a_request_is_filed_listed_and_followed(world: World) -> None:
    fingerprint = await receivable(world, "N-1")
    assess, monitor = await grant(world), await grant(world, scope="monitor")
    filed = await ask(world, fingerprints=[fingerprint], consent_id=assess.consent_id)
    assert (filed.state, filed.amount, filed.applicant) == ("filed", "5000", world.parties["seller"].handle)

    async with world.stub(industry_pb2_grpc.FinancingRequestServiceStub, "bank-a", BANK, "gateway") as stub:
        listed = await call(stub.ListFinancingRequests, industry_pb2.ListFinancingRequestsRequest())
        assert [each.request_id for each in listed.requests] == [filed.request_id]
    async with world.stub(
        industry_pb2_grpc.FinancingRequestServiceStub, "bank-b", "BankBMSP", "gateway"
    ) as stub:
        assert not (
            await call(stub.ListFinancingRequests, industry_pb2.ListFinancingRequestsRequest())
        ).requests

    claim = "00000000000000a1"
    await claims(
        world,
        "reserve",
        claim,
        asset=fingerprint,
        share=10**9,
        handle=claim_handle(BANK, claim * 4),
        expires=int(time.time()) + 3600,
        consent=assess.consent_id,
        signature=None,
    )
    await state_is(world, filed.request_id, "reserved")
    await claims(world, "finance", claim, asset=fingerprint, consent=monitor.consent_id)
    await state_is(world, filed.request_id, "financed")
    await claims(world, "settle", claim, asset=fingerprint, share=10**9)
    await state_is(world, filed.request_id, "settled")


async def state_is(world: World, request_id: str, state: str) -> None:
    """Waits until the applicant sees a state."""
    async with asyncio.timeout(20), world.http("seller") as http:
        while True:
            listed = (await http.get("/v1/financing-requests")).json()["requests"]
            if {each["request_id"]: each["state"] for each in listed}[request_id] == state:
                return
            await asyncio.sleep(0.03)


async def test_a_repeated_request_is_one(world: World) -> None:
    fingerprint = await receivable(world, "N-2")
    consent = await grant(world)
    asked = {"fingerprints": [fingerprint], "consent_id": consent.consent_id, "idempotency_key": "n-2"}
    first, again = await ask(world, **asked), await ask(world, **asked)
    assert first == again
    with pytest.raises(ConflictError) as caught:
        await ask(world, **(asked | {"amount": "1"}))
    assert caught.value.reason == "IDEMPOTENCY_KEY_REUSED"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"amount": "-1"}, "AMOUNT_INVALID"),
        ({"amount": "NaN"}, "AMOUNT_INVALID"),
        ({"amount": "1.001"}, "AMOUNT_PRECISION"),
        ({"currency": "XXQ"}, "CURRENCY_UNKNOWN"),
        ({"fingerprints": []}, "RECEIVABLES_INVALID"),
        ({"fingerprints": ["a" * 64]}, "UNKNOWN_DOCUMENT"),
    ],
)
async def test_a_wrong_request_says_what_is_wrong(world: World, change: dict[str, Any], reason: str) -> None:
    fields = {"fingerprints": [await receivable(world, "N-3")]} | change
    with pytest.raises(InvalidInputError) as caught:
        await ask(world, **fields)
    assert caught.value.reason == reason


async def test_a_foreign_consent_serves_no_request(world: World) -> None:
    fingerprint = await receivable(world, "N-4")
    buyers = await grant(world, "buyer")
    to_another = await grant(world, recipient="BankBMSP")
    for consent in (buyers, to_another):
        with pytest.raises(DeniedError):
            await ask(world, fingerprints=[fingerprint], consent_id=consent.consent_id)
