"""Sizes, deadlines, and many at once."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from consortium.wire.fabric.gateway import gateway_pb2
from consortium.wire.fabric.peer import proposal_pb2
from tests.support.embedded import Code, RawClient, details_of, refusal
from tests.support.ledgers import INDUSTRY, Keys

pytestmark = pytest.mark.asyncio(loop_scope="module")
C = grpc.StatusCode
ABSOLUTE_MAX_BYTES = 10 * 1024 * 1024
MEGABYTE = 1024 * 1024
SHORT_S = 0.3
OVER = frozenset({C.DEADLINE_EXCEEDED, C.CANCELLED})


async def test_an_envelope_above_the_orderers_limit(client: RawClient, k: Keys) -> None:
    """Arguments, answer and write: the value stands in it three times. It can be endorsed, not ordered."""
    txid, envelope = await client.endorse("put", k("big"), "x" * (4 * MEGABYTE))
    signed = client.sign(envelope)
    error = await refusal(client.order(txid, signed))
    size = len(signed.payload) + len(signed.signature)
    assert error.code() == C.ABORTED
    assert error.details() == (
        "received unsuccessful response from orderer: status=BAD_REQUEST, info=message payload is"
        f" {size} bytes and exceeds maximum allowed {ABSOLUTE_MAX_BYTES} bytes"
    )


async def test_messages_above_grpcs_own_limit(client: RawClient, k: Keys) -> None:
    """Up to 100 MB both ways; above the preferred size of a block a transaction has one of its own."""
    assert await client.evaluate("get_many", "x" * (5 * MEGABYTE)) == b"[null]"
    large, small = await asyncio.gather(
        client.submit("put", k("large"), "y" * (2 * MEGABYTE)), client.submit("put", k("small"), "1")
    )
    assert (large.code, small.code) == (Code.VALID, Code.VALID)
    assert large.block != small.block
    assert len(await client.evaluate("get", k("large"))) == 2 * MEGABYTE


async def test_a_long_argument_list(client: RawClient, k: Keys) -> None:
    keys = [k(str(number)) for number in range(5000)]
    assert (await client.evaluate("get_many", *keys)).count(b"null") == len(keys)


def fields(client: RawClient, call: tuple[str, proposal_pb2.SignedProposal]) -> dict[str, Any]:
    """What requests to evaluate and to endorse have in common."""
    return {"transaction_id": call[0], "channel_id": client.ledger, "proposed_transaction": call[1]}


async def test_deadlines(client: RawClient, k: Keys) -> None:
    """The client's deadline ends its wait; the chaincode's answer is thrown away.

    A peer that notices the deadline before the client does resets the stream, which reads CANCELLED.
    """
    first, second = (fields(client, client.proposal("slow", "1")) for _ in range(2))
    calls = (
        client.gateway.Evaluate(gateway_pb2.EvaluateRequest(**first), timeout=SHORT_S),
        client.gateway.Endorse(gateway_pb2.EndorseRequest(**second), timeout=SHORT_S),
        client.gateway.CommitStatus(client.status_request("ab" * 32), timeout=SHORT_S),
    )
    errors = await asyncio.gather(*(refusal(call) for call in calls))
    assert {error.code() for error in errors} <= OVER, errors
    assert (await client.submit("put", k("after"), "1")).code == Code.VALID


async def test_the_same_proposal_twice_at_once(client: RawClient) -> None:
    """A peer runs a transaction id once at a time: what a client learns that asks again too early."""
    txid, signed = client.proposal("slow", "1")
    tasks = [asyncio.create_task(client.endorse_signed(txid, signed, [INDUSTRY])) for _ in range(2)]
    [refused], [running] = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    error = refused.exception()
    assert isinstance(error, grpc.aio.AioRpcError)
    await client.evaluate_signed(txid, signed)  # another organisation's peer is asked
    assert (await running).payload
    text = f"error in simulation: failed to execute transaction {txid}: error sending: txid: {txid}"
    assert error.code() == C.ABORTED
    assert [detail[1:] for detail in details_of(error)] == [(INDUSTRY, f"{text}({client.ledger}) exists")]
    assert (await client.endorse_signed(txid, signed, [INDUSTRY])).payload


async def test_many_at_once(client: RawClient, bank: RawClient, bank_b: RawClient, k: Keys) -> None:
    """Through the peers of all organisations: each takes effect once, with a verdict of its own."""
    askers = (client, bank, bank_b)
    done = await asyncio.gather(
        *(askers[number % 3].submit("update", k(str(number)), str(number)) for number in range(60))
    )
    assert [item.code for item in done] == [Code.VALID] * 60
    assert len({item.txid for item in done}) == 60
    values = await asyncio.gather(*(client.evaluate("get", k(str(number))) for number in range(60)))
    assert values == [str(number).encode() for number in range(60)]
