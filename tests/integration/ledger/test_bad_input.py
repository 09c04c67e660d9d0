"""What is wrong is said: channel, chaincode, organisation, identity, clock, size. Each has a reason of its own, the
peers' words and a remedy, at every stage where it can show; nothing waits for ever.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from consortium.identity.msp import Identity, make_identity
from consortium.ledger import events as events_module
from consortium.ledger.errors import EndorseError, EvaluateError, LedgerError, SubmitError
from consortium.ledger.gateway import Gateway
from consortium.ledger.network import Network
from consortium.ledger.stages import Commit, PreparedTransaction
from tests.integration.ledger.conftest import BANK, INDUSTRY
from tests.support.client_world import OPEN
from tests.support.ledgers import Keys, LedgerUnderTest

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOW = dt.datetime.now(dt.UTC)
DAY = dt.timedelta(days=1)
OLD: dict[str, Any] = {"not_before": NOW - 2 * DAY, "not_after": NOW - DAY}
TXID = os.urandom(32).hex()


async def failure(call: Awaitable[object]) -> LedgerError:
    """The error that a call must end with, told well enough for somebody who has only its text."""
    with pytest.raises(LedgerError) as caught:
        await call
    error = caught.value
    assert error.remedy, str(error)
    assert error.contract_reason in (None, "TRANSACTION_TIME")
    assert all(detail.message in error.message for detail in error.details_list)
    return error


def stages(network: Network, *organisations: str) -> dict[str, Callable[[], Awaitable[object]]]:
    """Every call that reaches a ledger before something is ordered."""
    contract = network.contract(OPEN)
    return {
        "evaluate": lambda: contract.evaluate("whoami"),
        "evaluate at": lambda: contract.evaluate("whoami", organisations=organisations or (INDUSTRY,)),
        "endorse": lambda: contract.endorse("whoami"),
        "endorse at": lambda: contract.endorse("whoami", organisations=organisations or (INDUSTRY, BANK)),
        "commit status": lambda: Commit.of(network.session, network.channel, TXID).status(),
        "events": lambda: anext(network.chaincode_events(OPEN, 0)),
        "blocks": lambda: anext(network.blocks(0)),
    }


async def reasons(network: Network, *organisations: str) -> dict[str, str]:
    """Why each stage fails."""
    return {name: (await failure(call())).reason for name, call in stages(network, *organisations).items()}


async def test_a_wrong_channel(
    either: LedgerUnderTest, industry: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events_module, "NOT_THERE_S", 0.1)
    async with either.gateway(INDUSTRY) as gateway:
        nowhere = gateway.network("nowhere")
        found = await reasons(nowhere)
        error = await failure(nowhere.contract(OPEN).submit("put", b"a", b"1", organisations=[INDUSTRY]))

    # A block that is not there yet and a channel that is not there are one answer to who asks for blocks.
    assert found.pop("blocks") == "LEDGER_NOT_FOUND"
    assert set(found.values()) == {"CHANNEL_NOT_FOUND"}, found
    assert "'nowhere'" in error.message


@pytest.mark.parametrize("organisations", [(), (INDUSTRY, BANK)], ids=["by policy", "named"])
async def test_a_wrong_chaincode(industry: Network, organisations: tuple[str, ...]) -> None:
    nothing = industry.contract("nothing")

    for call in (nothing.evaluate, nothing.endorse):
        error = await failure(call("whoami", organisations=organisations))
        assert (error.reason, error.retryable) == ("CHAINCODE_NOT_FOUND", False), error
        assert "'nothing'" in error.message


async def test_an_organisation_that_is_none(industry: Network) -> None:
    contract = industry.contract(OPEN)

    for call in (
        contract.evaluate("whoami", organisations=["NobodyMSP"]),
        contract.endorse("whoami", organisations=[INDUSTRY, "NobodyMSP"]),
    ):
        error = await failure(call)
        # Its peers may also be down: the same may be asked again.
        assert (error.reason, error.retryable) == ("ENDORSERS_NOT_FOUND", True), error
        assert "NobodyMSP" in error.message


PROPOSING = ("evaluate", "evaluate at", "endorse", "endorse at")


@pytest.mark.parametrize(
    ("who", "proposing", "reading"),
    [
        ("expired", "IDENTITY_EXPIRED", "IDENTITY_EXPIRED"),
        ("another authority", "IDENTITY_UNKNOWN", "LEDGER_DENIED"),
        ("unknown organisation", "IDENTITY_UNKNOWN", "LEDGER_DENIED"),
        ("no role", "IDENTITY_REFUSED", "LEDGER_DENIED"),
    ],
)
async def test_an_identity_that_is_not_taken(
    either: LedgerUnderTest, who: str, proposing: str, reading: str
) -> None:
    ours, theirs = either.authority(INDUSTRY), either.authority(BANK)
    identity: Identity = {
        "expired": make_identity(INDUSTRY, ours.issue("old", ou="client", **OLD)),
        "another authority": make_identity(INDUSTRY, theirs.issue("client", ou="client")),
        "unknown organisation": make_identity("NobodyMSP", theirs.issue("client", ou="client")),
        "no role": make_identity(INDUSTRY, ours.issue("none")),
    }[who]

    async with Gateway([either.endpoint(INDUSTRY)], identity) as gateway:
        found = await reasons(gateway.network(either.channel))

    assert {found.pop(stage) for stage in PROPOSING} == {proposing}
    assert set(found.values()) == {reading}


async def test_an_envelope_of_an_identity_that_is_not_taken(
    either: LedgerUnderTest, industry: Network, k: Keys
) -> None:
    expired = make_identity(INDUSTRY, either.authority(INDUSTRY).issue("old", ou="client", **OLD))
    prepared = await industry.contract(OPEN).endorse("put", k().encode(), b"1")

    async with Gateway([either.endpoint(INDUSTRY)], expired) as gateway:
        session = gateway.network(either.channel).session
        error = await failure(PreparedTransaction(session, prepared.payload).submit())

    assert isinstance(error, SubmitError)
    assert error.reason in ("LEDGER_DENIED", "IDENTITY_EXPIRED")
    assert (error.outcome_unknown, error.retryable) == (False, False)


@pytest.mark.parametrize("off_s", [400, 1_000, -1_000])
async def test_a_clock_that_is_off(
    either: LedgerUnderTest, industry: Network, off_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: right() + off_s * 1_000_000_000)

    calls = stages(industry)
    found = {name: await failure(calls[name]()) for name in PROPOSING}
    if abs(off_s) > 900:  # whoever only reads is not asked as strictly
        found["blocks"] = await failure(calls["blocks"]())

    assert {error.reason for error in found.values()} == {"CLOCK_OFF"}, found


async def test_an_envelope_above_the_limit(industry: Network, k: Keys) -> None:
    value = b"x" * (4 * 1024 * 1024)  # in the arguments, the answer and the write set
    prepared = await industry.contract(OPEN).endorse("put", k().encode(), value)

    error = await failure(prepared.submit())

    assert (error.reason, error.retryable, error.outcome_unknown) == ("MESSAGE_TOO_LARGE", False, False)
    assert "10485760" in error.message
    assert await industry.transaction(prepared.txid) is None


async def test_a_proposal_above_the_limit(industry: Network, k: Keys) -> None:
    contract = industry.contract(OPEN)
    value = b"x" * (101 * 1024 * 1024)

    for call in (contract.endorse("put", k().encode(), value), contract.evaluate("put", b"k", value)):
        error = await failure(call)
        assert (error.reason, error.retryable) == ("MESSAGE_TOO_LARGE", False)


async def test_an_id_that_was_used(industry: Network, k: Keys) -> None:
    proposal = industry.contract(OPEN).propose("put", k().encode(), b"1").signed()
    await (await (await proposal.endorse()).submit()).status()

    with pytest.raises(EndorseError, match="duplicate transaction found"):
        await proposal.endorse()
    with pytest.raises(EvaluateError, match="duplicate transaction found"):
        await proposal.evaluate()
