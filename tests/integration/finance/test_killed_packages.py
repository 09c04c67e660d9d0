"""A gateway that is killed while it makes a package: the same call again gives one package, once on the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest

from consortium.contract import names
from consortium.errors import ChanrongError
from consortium.rpc.client import call
from consortium.storage import failpoints
from consortium.wire.chanrong.finance.v1 import finance_pb2 as pb
from consortium.wire.chanrong.finance.v1 import finance_pb2_grpc as rpc
from consortium.wire.chanrong.reconciliation.v1 import reconciliation_pb2 as rec
from consortium.wire.chanrong.reconciliation.v1 import reconciliation_pb2_grpc as rec_rpc
from finance_gateway import follower, operations
from finance_gateway.packages import usecase
from tests.support.finance_bank import Bank, a_bank
from tests.support.finance_process import armed

PLACES = (
    usecase.AFTER_ADD,
    usecase.AFTER_BUILD,
    usecase.AFTER_STORE,
    operations.AFTER_STORE,
    operations.AFTER_ENDORSE,
    operations.AFTER_TRIED,
    operations.AFTER_COMMIT,
    follower.BEFORE_BLOCK,
    follower.AFTER_BLOCK,
)


def test_every_failpoint_of_the_gateway_is_tried() -> None:
    own = {name for name in failpoints.declared() if name.split(".")[0] in {"package", "operation", "block"}}
    assert own == set(PLACES)


async def anchored(bank: Bank) -> list[str]:
    """Packages that the blocks hold."""
    found: list[str] = []
    network = bank.sandbox.network("BankAMSP")
    async for block in network.blocks(0, stop=await network.height() - 1):
        found += [t.txid for t in block.transactions if t.ok and t.function == names.PACKAGES_ANCHOR]
    return found


async def breaks_of(bank: Bank, name: str) -> list[rec.Break]:
    """What reconciliation finds, run now."""
    from chanrong.sandbox.clients import connect

    service = bank.sandbox.profile.service(name)
    async with connect(bank.sandbox.layout, service, f"{name}-operator") as link:
        stub = rec_rpc.ReconciliationServiceStub(link)
        (result,) = (await call(stub.RunJobs, rec.RunJobsRequest())).results
        assert result.state == "done", result
        return list((await call(stub.ListBreaks, rec.ListBreaksRequest())).breaks)


@pytest.mark.parametrize("place", PLACES)
async def test_killed_while_making_a_package(tmp_path: Path, place: str) -> None:
    async with a_bank(tmp_path, trades=2) as bank:
        await bank.consent()
        count = await bank.sandbox.network("BankAMSP").height() + 1 if place.startswith("block.") else 1
        async with armed(bank, "bank-a", place, count) as killed:
            with pytest.raises(ChanrongError):
                await bank.package(idempotency_key="k-1")
            await killed.gone()
        async with bank.sandbox.finance("bank-a"):
            answer = await bank.package(idempotency_key="k-1")
            assert answer.summary.state == "valid"
            assert bank.verify(answer.package).ok
            async with bank.sandbox.as_officer("bank-a") as link:
                listed = await call(rpc.PackageServiceStub(link).ListPackages, pb.ListPackagesRequest())
            assert [each.package_id for each in listed.packages] == [answer.summary.package_id]
            assert await anchored(bank) == [answer.summary.anchor_transaction_id]
            assert await breaks_of(bank, "bank-a") == []
