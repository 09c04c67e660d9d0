"""Where the embedded ledger is on purpose stricter than it has to be. All else is the conformance suite's."""

from __future__ import annotations

import grpc
import pytest

from chaincode.hosts.embedded.server import EmbeddedLedger
from consortium.wire.fabric.common import common_pb2
from tests.support.embedded import MSPS, RawClient, details_of, refusal

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_a_transaction_that_cannot_be_read(client: RawClient, ledger: EmbeddedLedger) -> None:
    """Refused before it is ordered."""
    _, envelope = await client.endorse("put", "a", "1")
    payload = common_pb2.Payload.FromString(envelope.payload)
    payload.data = b"\xff\xff\xff"
    height = ledger.height
    error = await refusal(
        client.order("x", client.sign(common_pb2.Envelope(payload=payload.SerializeToString())))
    )
    assert error.code() == grpc.StatusCode.ABORTED
    assert "status=BAD_REQUEST, info=malformed envelope" in (error.details() or "")
    assert ledger.height == height


async def test_long_texts_fit_into_the_trailer(client: RawClient) -> None:
    error = await refusal(client.endorse("fail", "400", "x" * 100_000, organisations=list(MSPS)))
    assert error.code() == grpc.StatusCode.ABORTED
    assert len(details_of(error)) == len(MSPS)
