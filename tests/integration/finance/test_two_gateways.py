"""The same documents through two industry gateways: who registered first has the commitment, the other one the tag."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from chanrong.demo.trades import Trades, make_trades
from consortium.documents.commitment import new_secret
from consortium.documents.party import primary_id
from finance_gateway.packages.verify import TAG_NOTICE
from tests.support.finance_bank import FACE, Bank, Releases, releasing
from tests.support.sandbox import consortium_in


@dataclass
class Pair:
    """A bank between two industry gateways; all documents were registered first through industry-b."""

    bank: Bank
    first: Releases
    trades: Trades

    async def payload(self, name: str = "bank-a") -> dict[str, Any]:
        answer = await self.bank.package(name)
        report = self.bank.verify(answer.package)
        assert report.ok, report.checks
        payload: dict[str, Any] = orjson.loads(answer.package)["payload"]
        by_tag = [d for d in payload["evidence"]["documents"] if d["matched_by"] == "tag"]
        said = [notice for notice in report.notices if notice.startswith(TAG_NOTICE)]
        assert said == ([f"{TAG_NOTICE}: {len(by_tag)}"] if by_tag else [])
        return payload


@pytest.fixture
async def pair(tmp_path: Path) -> AsyncIterator[Pair]:
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(consortium_in(tmp_path, "ledger", "adapter", industries=2))
        trades = make_trades(7, sellers=1, trades=3, confirmed_percent=100)
        supplier = str(primary_id(trades.sellers[0]))
        await sandbox.join(supplier)
        results = await sandbox.register(*trades.documents, msp_id="IndustryBMSP")
        assert {result["status"] for result in results} == {"registered"}
        first = dict(sandbox.bodies)
        sandbox.bodies.clear()
        results = await sandbox.register(*trades.documents, msp_id="IndustryAMSP")
        assert {result["status"] for result in results} == {"already"}
        second = await stack.enter_async_context(releasing(sandbox, "industry-a", sandbox.bodies))
        other = await stack.enter_async_context(releasing(sandbox, "industry-b", first))
        for name in ("bank-a", "bank-b"):
            await stack.enter_async_context(sandbox.finance(name))
        yield Pair(Bank(sandbox, trades, supplier, second), other, trades)


async def test_bodies_of_the_second_gateway_are_taken_by_their_tags(pair: Pair) -> None:
    """The first gateway does not know the subject any more: its supplier changed over."""
    pair.first.unknown.add(pair.bank.subject)
    await pair.bank.consent()
    payload = await pair.payload()
    documents = payload["evidence"]["documents"]
    assert {d["matched_by"] for d in documents} == {"tag"}
    assert {d["registered_by"] for d in documents} == {"IndustryBMSP"}
    assert len(documents) == len(pair.trades.documents)
    assert payload["evidence"]["withheld"] == []
    codes = {f["code"] for f in payload["findings"] if f["rule"] == "DOC_VALID"}
    assert "BODY_BY_TAG" in codes
    assert all(r["decision"] != "eligible" for r in payload["receivables"]), "a person looks at them"


async def test_of_two_gateways_the_one_that_registered_first_is_taken(pair: Pair) -> None:
    await pair.bank.consent()
    documents = (await pair.payload())["evidence"]["documents"]
    assert {d["matched_by"] for d in documents} == {"commitment"}
    assert len(documents) == len(pair.trades.documents)


async def test_a_body_that_fits_is_taken_where_another_gateways_does_not(pair: Pair) -> None:
    """The first gateway's body of one invoice was spoilt; the second one's agrees by its tag."""
    fingerprint = pair.bank.fingerprint(pair.trades.invoices[0])
    pair.first.bodies[fingerprint].salt_secret = new_secret()
    spoilt = orjson.loads(pair.first.bodies[fingerprint].canonical_json)
    spoilt["totals"]["payable"] = "1"
    pair.first.bodies[fingerprint].canonical_json = orjson.dumps(spoilt, option=orjson.OPT_SORT_KEYS)
    await pair.bank.consent()
    payload = await pair.payload()
    by_tag = [d["fingerprint"] for d in payload["evidence"]["documents"] if d["matched_by"] == "tag"]
    assert by_tag == [fingerprint]
    assert payload["evidence"]["withheld"] == []


async def test_another_banks_claims_show_whoever_brought_the_documents(pair: Pair) -> None:
    """bank-b finances one receivable and half of another; bank-a sees the same assets through the second gateway."""
    pair.first.unknown.add(pair.bank.subject)
    await pair.bank.consent()
    consent, monitor = await pair.bank.consent("bank-b"), await pair.bank.consent("bank-b", "monitor")
    whole, half, own = pair.trades.invoices[:3]
    claimed = await pair.bank.reserve("bank-b", whole, consent)
    assert (await pair.bank.finance("bank-b", claimed.claim.claim_id, monitor)).done
    assert (await pair.bank.reserve("bank-b", half, consent, FACE // 2)).done
    mine = await pair.bank.consent(purpose="financing")
    assert (await pair.bank.reserve("bank-a", own, mine)).done
    payload = await pair.payload()
    found = {f["subject"]: (f["outcome"], f["code"]) for f in payload["findings"] if f["rule"] == "DUP_EXACT"}
    fps = {name: pair.bank.fingerprint(doc) for name, doc in (("whole", whole), ("half", half), ("own", own))}
    assert found[fps["whole"]] == ("FAIL", "CLAIMED")
    assert found[fps["half"]] == ("WARN", "PART_FREE")
    assert found[fps["own"]] == ("PASS", "OWN_CLAIM")
    decided = {r["document"]: r["decision"] for r in payload["receivables"]}
    assert decided[fps["whole"]] == "excluded"
    # The other bank sees it the other way round.
    other = {
        f["subject"]: (f["outcome"], f["code"])
        for f in (await pair.payload("bank-b"))["findings"]
        if f["rule"] == "DUP_EXACT"
    }
    assert other[fps["whole"]] == ("PASS", "OWN_CLAIM")
    assert other[fps["own"]] == ("FAIL", "RESERVED")
