"""The official clients' scenarios of private data collections and key-level endorsement."""

from __future__ import annotations

import pytest

from chaincode.hosts.embedded.policy import signature_policy
from chaincode.hosts.embedded.settings import EndorsementPolicy
from consortium.ledger.contract import Contract
from consortium.ledger.errors import CommitError, EndorseError, EvaluateError
from consortium.ledger.network import Network
from tests.integration.ledger.conftest import BANK, INDUSTRY
from tests.support.client_world import OPEN
from tests.support.embedded import MSPS
from tests.support.ledgers import BANK_B, Keys, LedgerUnderTest, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
VALUE = {"value": b"secret"}


@pytest.fixture
def mine(industry: Network) -> Contract:
    """The contract, called by the industry organisation."""
    return industry.contract(OPEN)


@pytest.fixture
def banks(bank: Network) -> Contract:
    """The contract, called by the first bank."""
    return bank.contract(OPEN)


async def write(
    contract: Contract, collection: str, key: str, organisations: tuple[str, ...] = (INDUSTRY,)
) -> None:
    await contract.submit(
        "put_private", collection.encode(), key.encode(), transient=VALUE, organisations=organisations
    )


async def read(contract: Contract, collection: str, key: str, organisation: str = INDUSTRY) -> bytes:
    return await contract.evaluate(
        "get_private", collection.encode(), key.encode(), organisations=[organisation]
    )


async def test_a_member_writes_and_reads(mine: Contract, k: Keys) -> None:
    await write(mine, "industry", k())

    assert await read(mine, "industry", k()) == b"secret"


async def test_a_peer_that_is_no_member_has_no_value(mine: Contract, k: Keys) -> None:
    await write(mine, "industry", k())

    with pytest.raises(EvaluateError) as caught:
        await read(mine, "industry", k(), BANK)
    assert [item.msp_id for item in caught.value.details_list] == [BANK]


async def test_one_who_is_no_member_writes_and_does_not_read(
    mine: Contract, banks: Contract, k: Keys
) -> None:
    await write(banks, "industry", k())

    with pytest.raises(EvaluateError):
        await read(banks, "industry", k())
    assert await read(mine, "industry", k()) == b"secret"


async def test_a_shared_collection_is_closed_to_others(
    mine: Contract, either: LedgerUnderTest, k: Keys
) -> None:
    await write(mine, "both", k())

    async with either.gateway(BANK_B) as gateway:
        with pytest.raises(EvaluateError):
            await read(gateway.network(either.channel).contract(OPEN), "both", k())


async def test_members_who_alone_may_write(
    banks: Contract, mine: Contract, either: LedgerUnderTest, k: Keys
) -> None:
    if not either.is_fabric:
        pytest.skip("the embedded ledger has no collections that only members may write")
    with pytest.raises(EndorseError, match="tx creator does not have write access"):
        await write(banks, "guarded", k())
    await write(mine, "guarded", k())


async def test_endorsers_are_found_by_the_collection(mine: Contract, k: Keys) -> None:
    await write(mine, "both", k(), organisations=())

    assert await read(mine, "both", k()) == b"secret"


async def test_all_members_get_the_value(mine: Contract, k: Keys) -> None:
    await write(mine, "both", k(), organisations=(INDUSTRY, BANK))

    async def is_there() -> bool:
        try:
            return await read(mine, "both", k(), BANK) == b"secret"
        except EvaluateError:
            return False  # its peer is still a block behind

    await until(is_there)


def policy(*msps: str) -> bytes:
    """A key-level policy that all of some organisations must meet, in hex."""
    return signature_policy(EndorsementPolicy(all_of=msps), MSPS).SerializeToString().hex().encode()


async def guarded(contract: Contract, key: str, *msps: str) -> bytes:
    """A key that only these organisations together may change."""
    await contract.submit("put", key.encode(), b"before")
    await contract.submit("set_metadata", key.encode(), b"VALIDATION_PARAMETER", policy(*msps))
    return key.encode()


async def test_the_key_s_own_organisation_changes_it(mine: Contract, k: Keys) -> None:
    key = await guarded(mine, k(), INDUSTRY)

    await mine.submit("put", key, b"after", organisations=[INDUSTRY])

    assert await mine.evaluate("get", key) == b"after"


async def test_another_organisation_alone_does_not(mine: Contract, k: Keys) -> None:
    key = await guarded(mine, k(), INDUSTRY)

    with pytest.raises(CommitError) as caught:
        await mine.submit("put", key, b"after", organisations=[BANK])

    assert caught.value.code_name == "ENDORSEMENT_POLICY_FAILURE"
    assert await mine.evaluate("get", key) == b"before"


@pytest.mark.parametrize("msps", [(INDUSTRY, BANK_B), (BANK, BANK_B)], ids=["with-ours", "without-ours"])
async def test_endorsers_are_found_by_the_key_s_policy(
    mine: Contract, msps: tuple[str, ...], k: Keys
) -> None:
    key = await guarded(mine, k(), *msps)

    await mine.submit("put", key, b"after")

    assert await mine.evaluate("get", key) == b"after"


async def test_the_wrong_organisations_do_not_change_it(mine: Contract, k: Keys) -> None:
    key = await guarded(mine, k(), INDUSTRY, BANK_B)

    with pytest.raises(CommitError) as caught:
        await mine.submit("put", key, b"after", organisations=[INDUSTRY, BANK])

    assert caught.value.code_name == "ENDORSEMENT_POLICY_FAILURE"
    assert await mine.evaluate("get", key) == b"before"
