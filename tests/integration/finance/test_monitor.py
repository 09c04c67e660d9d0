"""What institutions learn later reaches the holder of a package, through real adapters and a real gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from chanrong.cli.institution import load_files
from consortium.documents.canonical import document_bytes
from consortium.documents.party import primary_id
from consortium.rpc.client import stream
from consortium.wire.chanrong.finance.v1 import finance_pb2 as pb
from consortium.wire.chanrong.finance.v1 import finance_pb2_grpc as rpc
from tests.support.finance_bank import Bank, a_bank, until

OFTEN = {"finance": {"monitor_period_s": 1}}


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    """A bank's gateway that asks institutions every second; tax knows every invoice."""
    async with a_bank(tmp_path, start=("bank-a",), overrides=OFTEN) as made:
        await _tell(
            made, "invoices.ndjson", b"".join(document_bytes(each) + b"\n" for each in made.trades.invoices)
        )
        yield made


async def _tell(bank: Bank, name: str, content: bytes, institution: str = "tax") -> None:
    """Gives an institution a file, as its operator does."""
    file = bank.sandbox.layout.root / name
    file.write_bytes(content)
    answers = await load_files(bank.sandbox.layout, bank.sandbox.profile, institution, [file], 0)
    (answer,) = answers.values()
    assert not answer.problems, answer


async def _reversed(bank: Bank, position: int) -> str:
    """An invoice is wholly reversed at tax; its number."""
    invoice = bank.trades.invoices[position]
    state = {
        "number": invoice.number,
        "seller": str(primary_id(invoice.seller)),
        "state": "red_full",
        "red_amount": format(invoice.totals.gross, "f"),
        "use_confirmed": True,
    }
    await _tell(bank, f"state-{position}.jsonl", orjson.dumps(state) + b"\n")
    return invoice.number


async def _reason(bank: Bank, package_id: str) -> str:
    async def ask() -> str | None:
        summary = await bank.summary(package_id)
        return summary.state_reason if summary.state == "reopened" else None

    return await until(ask)


async def test_who_follows_a_package_is_told_of_a_reversal(bank: Bank) -> None:
    await bank.consent()
    package_id = (await bank.package()).summary.package_id
    number = await _reversed(bank, 0)
    reason = await _reason(bank, package_id)
    assert reason == f"invoice {number} is wholly reversed (红冲) at the tax authority"
    async with bank.sandbox.as_officer("bank-a") as link:
        events = stream(
            rpc.PackageServiceStub(link).WatchPackages,
            pb.WatchPackagesRequest(package_id=package_id, after_sequence=1),
            timeout_s=20,
        )
        async for event in events:
            assert (event.event, event.reason) == ("reopened", reason)
            break


async def test_after_financing_only_what_was_financed_is_asked_about(bank: Bank) -> None:
    assess, monitor = await bank.consent(), await bank.consent(scope="monitor")
    package_id = (await bank.package(consent_id=assess)).summary.package_id
    claim = (await bank.reserve("bank-a", bank.invoices[0], assess)).claim.claim_id
    await bank.finance("bank-a", claim, monitor)
    await bank.sandbox.revoke(bank.subject, assess)
    assert "was revoked" in await _reason(bank, package_id)
    await _reversed(bank, 1)
    number = await _reversed(bank, 0)

    async def told() -> str | None:
        reason = (await bank.summary(package_id)).state_reason
        return reason if "tax authority" in reason else None

    assert await until(told) == f"invoice {number} is wholly reversed (红冲) at the tax authority"
    await bank.sandbox.revoke(bank.subject, monitor)

    async def ended() -> str | None:
        reason = (await bank.summary(package_id)).state_reason
        return reason if "under which a claim" in reason else None

    assert await until(ended) == f"consent {monitor} was revoked, under which a claim on it is held"
