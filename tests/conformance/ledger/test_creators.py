"""Certificates that are not those of a client of the channel, or not any more."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from cryptography.x509.oid import NameOID

from consortium.identity.ca import CertificateAuthority, Issued
from consortium.identity.msp import make_identity
from tests.support.embedded import Code, RawClient, details_of, refusal
from tests.support.ledgers import BANK, INDUSTRY, Keys, LedgerUnderTest

pytestmark = pytest.mark.asyncio(loop_scope="module")
C = grpc.StatusCode
ALL_TRIED = "failed to evaluate transaction, see attached details for more info"
MALFORMED = "creator org unknown, creator is malformed"
"""Also when the authority is unknown: a peer looks for a certificate's issuer when it reads it."""

Error = grpc.aio.AioRpcError


@asynccontextmanager
async def speaking(ledger: LedgerUnderTest, issued: Issued, msp: str = BANK) -> AsyncIterator[RawClient]:
    """A client with another certificate, at the bank's peer."""
    async with ledger.raw(BANK, make_identity(msp, issued)) as client:
        yield client


async def both(client: RawClient) -> tuple[Error, Error]:
    """How evaluate and endorse refuse."""
    return await asyncio.gather(refusal(client.evaluate("get", "a")), refusal(client.endorse("get", "a")))


async def denied(client: RawClient, text: str) -> None:
    """Both refuse, before the chaincode runs."""
    evaluated, endorsed = await both(client)
    assert (evaluated.code(), endorsed.code()) == (C.FAILED_PRECONDITION, C.ABORTED)
    assert text in (evaluated.details() or "")
    for error in (evaluated, endorsed):
        assert text in details_of(error)[0][2]


async def test_another_authority_of_the_same_name(ledger: LedgerUnderTest) -> None:
    own = ledger.authority(BANK)
    name = str(own.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
    imitation = CertificateAuthority.create(name, own.organisation)
    async with speaking(ledger, imitation.issue("x", ou="client")) as client:
        await denied(client, MALFORMED)


async def test_another_organisations_name(ledger: LedgerUnderTest) -> None:
    async with speaking(ledger, ledger.authority(INDUSTRY).issue("x", ou="client")) as client:
        await denied(client, MALFORMED)


async def test_unknown_organisation(ledger: LedgerUnderTest) -> None:
    async with speaking(ledger, ledger.authority(BANK).issue("x", ou="client"), "NobodyMSP") as client:
        await denied(client, MALFORMED)


@pytest.mark.parametrize("units", [(), ("erp",), ("client", "peer")])
async def test_units(ledger: LedgerUnderTest, units: tuple[str, ...]) -> None:
    async with speaking(ledger, ledger.authority(BANK).issue("odd", ou=units)) as client:
        await denied(client, f"access denied: channel [{ledger.channel}] creator org [{BANK}]")


async def test_peers_read_and_do_not_write(ledger: LedgerUnderTest, k: Keys) -> None:
    async with ledger.raw(BANK, ledger.peer_identity(BANK)) as client:
        await denied(client, "policy [/Channel/Application/Writers]")
        assert await client.evaluate("GetChainInfo", ledger.channel, chaincode="qscc")
    async with ledger.raw(BANK) as writer, ledger.raw(BANK, ledger.peer_identity(BANK)) as reader:
        done = await writer.submit("put", k("a"), "1")
        assert await reader.status(done.txid) == (Code.VALID, done.block)


async def test_expired(ledger: LedgerUnderTest) -> None:
    now = dt.datetime.now(dt.UTC)
    before: dict[str, Any] = {
        "not_before": now - dt.timedelta(days=2),
        "not_after": now - dt.timedelta(days=1),
    }
    async with speaking(ledger, ledger.authority(BANK).issue("old", ou="client", **before)) as client:
        evaluated, endorsed = await both(client)
        assert (evaluated.code(), evaluated.details()) == (C.UNAVAILABLE, ALL_TRIED)
        assert endorsed.code() == C.ABORTED
        for error in (evaluated, endorsed):
            assert "proposal client identity expired" in details_of(error)[0][2]


async def test_expired_and_unknown(ledger: LedgerUnderTest) -> None:
    """The door looks at the date only."""
    now = dt.datetime.now(dt.UTC)
    before: dict[str, Any] = {"not_before": now - dt.timedelta(days=2), "not_after": now - dt.timedelta(1)}
    stranger = CertificateAuthority.create("stranger", "Strangers").issue("old", ou="client", **before)
    async with speaking(ledger, stranger, "NobodyMSP") as client:
        evaluated, _ = await both(client)
        assert (evaluated.code(), evaluated.details()) == (C.UNAVAILABLE, ALL_TRIED)


async def test_an_authority_itself(ledger: LedgerUnderTest) -> None:
    root = ledger.authority(BANK)
    async with speaking(ledger, Issued(root.cert_pem, root._signer.to_pem())) as client:
        await denied(client, f"access denied: channel [{ledger.channel}] creator org [{BANK}]")


async def test_an_unlisted_intermediate_authority(ledger: LedgerUnderTest) -> None:
    below = ledger.authority(BANK).issue_ca("not listed")
    async with speaking(ledger, below.issue("x", ou="client")) as client:
        await denied(client, MALFORMED)


async def test_administrators_write(ledger: LedgerUnderTest, k: Keys) -> None:
    async with speaking(ledger, ledger.authority(BANK).issue("admin", ou="admin")) as client:
        assert (await client.submit("put", k("by-admin"), "1")).code == Code.VALID


async def test_a_new_certificate_of_the_same_client(ledger: LedgerUnderTest, k: Keys) -> None:
    async with speaking(ledger, ledger.authority(BANK).issue("renewed", ou="client")) as client:
        assert (await client.submit("put", k("renewed"), "1")).code == Code.VALID
