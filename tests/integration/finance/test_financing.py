"""Claims of two banks on one supplier's receivables: what both can see, and what neither can do to the other."""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

import pytest

from consortium.contract import names
from consortium.contract.claims import opening_key
from consortium.errors import ConflictError, DeniedError, InvalidInputError, NotFoundError
from consortium.rpc.client import call
from consortium.wire.chanrong.finance.v1 import finance_pb2 as pb
from consortium.wire.chanrong.finance.v1 import finance_pb2_grpc as rpc
from tests.support.finance_bank import FACE, Bank

HALF = FACE // 2
DAY_S = 86_400


async def _consents(bank: Bank, *names_of: str) -> dict[str, str]:
    return {name: await bank.consent(name) for name in names_of}


async def test_a_claim_from_reservation_to_its_end(bank: Bank) -> None:
    assess, monitor = await bank.consent(), await bank.consent(scope="monitor")
    invoice = bank.invoices[0]
    reserved = await bank.reserve("bank-a", invoice, assess)
    assert (reserved.done, reserved.free_ppb, reserved.claim.state) == (True, 0, "reserved")
    assert reserved.transaction_id
    claim = reserved.claim.claim_id
    financed = await bank.finance("bank-a", claim, monitor)
    assert (financed.done, financed.claim.state, financed.claim.expires_unix) == (True, "financed", 0)
    part = await bank.settle("bank-a", claim, FACE // 4)
    assert (part.claim.state, part.claim.settled_ppb) == ("financed", FACE // 4)
    rest = await bank.settle("bank-a", claim)
    assert (rest.claim.state, rest.claim.settled_ppb) == ("settled", FACE)
    (listed,) = await bank.claims("bank-a")
    assert (listed.state, listed.settled_ppb, listed.asset_state) == ("settled", FACE, "free")
    assert await bank.claims("bank-b") == []


async def test_settling_more_than_there_is_is_refused(bank: Bank) -> None:
    assess, monitor = await bank.consent(), await bank.consent(scope="monitor")
    claim = (await bank.reserve("bank-a", bank.invoices[0], assess, HALF)).claim.claim_id
    early = await bank.settle("bank-a", claim, HALF)
    assert (early.done, early.reason) == (False, "NOT_FINANCED")
    await bank.finance("bank-a", claim, monitor)
    over = await bank.settle("bank-a", claim, HALF + 1)
    assert (over.done, over.reason) == (False, "SHARE_TOO_LARGE")
    assert (await bank.settle("bank-a", claim)).done
    with pytest.raises(ConflictError) as nothing:
        await bank.settle("bank-a", claim)
    assert nothing.value.reason == "SHARE_TOO_LARGE"


async def test_two_banks_never_claim_more_than_there_is(bank: Bank) -> None:
    consents = await _consents(bank, "bank-a", "bank-b")
    invoice = bank.invoices[0]
    assert (await bank.reserve("bank-a", invoice, consents["bank-a"], 600_000_000)).done
    over = await bank.reserve("bank-b", invoice, consents["bank-b"], 400_000_001)
    assert (over.done, over.reason, over.free_ppb) == (False, "OVER_FACE_VALUE", 400_000_000)
    assert over.claim.state == "refused"
    assert over.message
    assert (await bank.reserve("bank-b", invoice, consents["bank-b"], 400_000_000)).done
    released = await bank.claims("bank-a")
    assert (await bank.release("bank-a", released[0].claim_id, "error")).free_ppb == 600_000_000
    assert (await bank.reserve("bank-b", invoice, consents["bank-b"], 600_000_000)).done


async def test_each_item_is_done_or_refused_by_itself(bank: Bank) -> None:
    assess = await bank.consent()
    wanted = [
        (bank.fingerprint(bank.invoices[0]), FACE, assess),
        ("f" * 64, FACE, assess),
        (bank.fingerprint(bank.invoices[0]), 1, assess),
        (bank.fingerprint(bank.invoices[1]), HALF, "no-such-consent"),
        (bank.fingerprint(bank.invoices[1]), HALF, assess),
    ]
    items = [pb.ReserveItem(fingerprint=fp, share_ppb=share, consent_id=c) for fp, share, c in wanted]
    answer = await bank.financing("bank-a", "Reserve", pb.ReserveRequest(items=items))
    assert [(r.done, r.reason) for r in answer.results] == [
        (True, ""),
        (False, "UNKNOWN_DOCUMENT"),
        (False, "OVER_FACE_VALUE"),
        (False, "UNKNOWN_CONSENT"),
        (True, ""),
    ]
    assert [r.claim.fingerprint for r in answer.results] == [fp for fp, _, _ in wanted]
    assert len(await bank.claims("bank-a")) == 2


async def test_an_order_and_its_invoice_are_not_financed_twice(linked: Bank) -> None:
    consents = await _consents(linked, "bank-a", "bank-b")
    trade = next(t for t in linked.trades.trades if t.shape == "whole")
    assert (await linked.reserve("bank-a", trade.order, consents["bank-a"])).done
    refused = await linked.reserve("bank-b", trade.invoices[0], consents["bank-b"])
    assert (refused.done, refused.reason) == (False, "OVER_FACE_VALUE_LINKED")
    # The other way round: the invoice of another trade uses its order up.
    other = next(t for t in linked.trades.trades if t.shape == "whole" and t is not trade)
    assert (await linked.reserve("bank-b", other.invoices[0], consents["bank-b"])).done
    refused = await linked.reserve("bank-a", other.order, consents["bank-a"], FACE)
    assert (refused.done, refused.reason) == (False, "OVER_FACE_VALUE")


async def test_another_banks_claim_cannot_be_touched(bank: Bank) -> None:
    assess = await bank.consent()
    claim = (await bank.reserve("bank-a", bank.invoices[0], assess)).claim.claim_id
    monitor = await bank.consent("bank-b", "monitor")
    for work in (
        bank.release("bank-b", claim, "error"),
        bank.finance("bank-b", claim, monitor),
        bank.settle("bank-b", claim),
    ):
        with pytest.raises(NotFoundError):
            await work
    # Nor by going around the gateway: the contract asks for the opening.
    item = {"asset": bank.fingerprint(bank.invoices[0]), "claim": claim, "reason": "error"}
    guess = {opening_key(claim): secrets.token_hex(32).encode()}
    (result,) = await bank.sandbox.write("BankBMSP", names.ENCUMBRANCES_RELEASE, [item], **guess)
    assert (result["status"], result["reason"]) == ("refused", "NOT_HOLDER")
    assert (await bank.claims("bank-a"))[0].state == "reserved"


async def test_officers_act_for_their_own_bank_only(bank: Bank) -> None:
    from chanrong.sandbox.clients import connect

    service = bank.sandbox.profile.service("bank-a")
    for who in ("bank-b-officer", "industry-a-operator", "institutions-operator", "bank-b"):
        async with connect(bank.sandbox.layout, service, who) as link:
            for method, request in (
                ("ListClaims", pb.ListClaimsRequest()),
                ("Reserve", pb.ReserveRequest()),
                ("Release", pb.ReleaseRequest()),
            ):
                with pytest.raises(DeniedError):
                    await call(getattr(rpc.FinancingServiceStub(link), method), request)
    async with connect(bank.sandbox.layout, service, "bank-a-operator") as link:
        await call(rpc.FinancingServiceStub(link).ListClaims, pb.ListClaimsRequest())
        with pytest.raises(DeniedError):
            await call(rpc.FinancingServiceStub(link).Reserve, pb.ReserveRequest())


async def test_consents_decide_what_a_bank_may_do(bank: Bank) -> None:
    assess = await bank.consent()
    foreign = await bank.consent("bank-b")
    refused = await bank.reserve("bank-a", bank.invoices[0], foreign)
    assert (refused.done, refused.reason) == (False, "CONSENT_FOREIGN")
    claim = (await bank.reserve("bank-a", bank.invoices[0], assess)).claim.claim_id
    scope = await bank.finance("bank-a", claim, assess)
    assert (scope.done, scope.reason) == (False, "CONSENT_SCOPE")
    monitor = await bank.consent(scope="monitor")
    await bank.sandbox.revoke(bank.subject, monitor)
    revoked = await bank.finance("bank-a", claim, monitor)
    assert (revoked.done, revoked.reason) == (False, "CONSENT_REVOKED")
    assert (await bank.claims("bank-a"))[0].state == "reserved"


async def test_a_key_leads_to_the_first_result(bank: Bank) -> None:
    assess, monitor = await bank.consent(), await bank.consent(scope="monitor")
    invoice = bank.invoices[0]
    first = await bank.reserve("bank-a", invoice, assess, HALF, key="r-1")
    again = await bank.reserve("bank-a", invoice, assess, HALF, key="r-1")
    assert again.claim.claim_id == first.claim.claim_id
    with pytest.raises(ConflictError) as reused:
        await bank.reserve("bank-a", invoice, assess, HALF + 1, key="r-1")
    assert reused.value.reason == "IDEMPOTENCY_KEY_REUSED"
    claim = first.claim.claim_id
    await bank.finance("bank-a", claim, monitor, key="f-1")
    assert (await bank.finance("bank-a", claim, monitor, key="f-1")).done
    assert not (await bank.finance("bank-a", claim, monitor)).done, "without the key it is a second financing"
    # "All that is left" is decided at the first call; the same call again is not "nothing".
    once = await bank.settle("bank-a", claim, key="s-1")
    twice = await bank.settle("bank-a", claim, key="s-1")
    assert (twice.done, twice.transaction_id, twice.claim.settled_ppb) == (True, once.transaction_id, HALF)
    refused = await bank.reserve("bank-a", invoice, assess, FACE, key="r-2")
    assert (await bank.reserve("bank-a", invoice, assess, FACE, key="r-2")).reason == refused.reason


@pytest.mark.parametrize(
    "item",
    [
        {"fingerprint": "x"},
        {"fingerprint": "F" * 64},
        {"share_ppb": 0},
        {"share_ppb": FACE + 1},
        {"consent_id": "c" * 65},
    ],
)
async def test_reservations_that_make_no_sense_are_refused_at_once(bank: Bank, item: dict[str, Any]) -> None:
    sound: dict[str, Any] = {"fingerprint": "f" * 64, "share_ppb": 1, "consent_id": "consent-1"}
    with pytest.raises(InvalidInputError):
        await bank.financing("bank-a", "Reserve", pb.ReserveRequest(items=[pb.ReserveItem(**sound | item)]))
    with pytest.raises(InvalidInputError):
        await bank.financing("bank-a", "Reserve", pb.ReserveRequest())
    with pytest.raises(InvalidInputError):
        await bank.release("bank-a", "0" * 16, "no such reason")


async def test_a_reservation_lasts_as_long_as_asked_and_no_longer_than_allowed(bank: Bank) -> None:
    assess = await bank.consent()
    now = int(time.time())
    wanted = [
        pb.ReserveItem(
            fingerprint=bank.fingerprint(invoice), share_ppb=1, consent_id=assess, duration_seconds=duration
        )
        for invoice, duration in zip(bank.invoices, (3600, 0, 365 * DAY_S), strict=False)
    ]
    answer = await bank.financing("bank-a", "Reserve", pb.ReserveRequest(items=wanted))
    lasts = [result.claim.expires_unix - now for result in answer.results]
    assert 3600 <= lasts[0] <= 3605
    assert 10 * DAY_S - 70 <= lasts[1] == lasts[2] <= 15 * DAY_S
    assert all(result.done for result in answer.results)


async def test_fifty_at_once_never_take_more_than_there_is(bank: Bank) -> None:
    """A hot key: fifty reservations of a tenth by two banks at the same moment. Exactly ten win."""
    consents = await _consents(bank, "bank-a", "bank-b")
    invoice = bank.invoices[0]
    tenth = FACE // 10

    async def one(number: int) -> pb.ClaimResult:
        name = "bank-a" if number % 2 else "bank-b"
        return await bank.reserve(name, invoice, consents[name], tenth, key=f"hot-{number}")

    results = await asyncio.gather(*(one(number) for number in range(50)))
    done = [result for result in results if result.done]
    assert len(done) == 10
    assert {result.reason for result in results if not result.done} == {"OVER_FACE_VALUE"}
    held = [*await bank.claims("bank-a"), *await bank.claims("bank-b")]
    assert {claim.claim_id for claim in held} == {result.claim.claim_id for result in done}
    row = await bank.sandbox.contract("BankAMSP").evaluate(
        names.ENCUMBRANCES_GET, b'{"assets":["%b"]}' % bank.fingerprint(invoice).encode()
    )
    assert b'"claimed":1000000000' in row
    assert b'"free":0' in row
