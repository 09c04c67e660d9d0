"""A gateway that is killed in the middle of a reservation: there is one claim, and both sides know it."""

from __future__ import annotations

from pathlib import Path

import pytest

from consortium.errors import ChanrongError
from finance_gateway import operations
from tests.integration.finance.test_killed_packages import breaks_of
from tests.support.finance_bank import FACE, a_bank, until
from tests.support.finance_process import armed

PLACES = (operations.AFTER_ENDORSE, operations.AFTER_TRIED, operations.AFTER_COMMIT)


@pytest.mark.parametrize("place", PLACES)
async def test_killed_while_reserving(tmp_path: Path, place: str) -> None:
    async with a_bank(tmp_path, trades=2) as bank:
        consent = await bank.consent()
        async with armed(bank, "bank-a", place) as killed:
            with pytest.raises(ChanrongError):
                await bank.reserve("bank-a", bank.invoices[0], consent, FACE, key="r-1")
            await killed.gone()
        async with bank.sandbox.finance("bank-a"):
            reserved = await bank.reserve("bank-a", bank.invoices[0], consent, FACE, key="r-1")
            assert reserved.done
            held = await bank.claims("bank-a")
            assert [(claim.claim_id, claim.state) for claim in held] == [
                (reserved.claim.claim_id, "reserved")
            ]
            second = await bank.reserve("bank-a", bank.invoices[0], consent, 1)
            assert (second.done, second.free_ppb) == (False, 0), "the whole share was taken exactly once"
            assert await breaks_of(bank, "bank-a") == []


async def test_what_nobody_asks_for_again_is_finished_at_the_next_start(tmp_path: Path) -> None:
    """The officer gave up; the reservation was stored, so it will be made, and is shown."""
    async with a_bank(tmp_path, trades=2) as bank:
        consent = await bank.consent()
        async with armed(bank, "bank-a", operations.AFTER_STORE) as killed:
            with pytest.raises(ChanrongError):
                await bank.reserve("bank-a", bank.invoices[0], consent, FACE)
            await killed.gone()
        async with bank.sandbox.finance("bank-a"):

            async def reserved() -> bool | None:
                return True if [c.state for c in await bank.claims("bank-a")] == ["reserved"] else None

            assert await until(reserved)
            assert await breaks_of(bank, "bank-a") == []
