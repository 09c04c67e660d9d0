"""Helper processes: they prepare what the gateway itself would, and neither their death nor its leaves
anything.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from chanrong.demo.trades import make_trades
from chanrong.demo.ubl_writer import to_ubl
from consortium.documents import parse_canonical
from consortium.documents.canonical import document_bytes
from consortium.documents.commitment import commitment_hex
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.errors import UnavailableError
from industry_gateway.formats import parse
from industry_gateway.intake import frames, helpers
from industry_gateway.intake.helpers import HelperProcesses
from industry_gateway.intake.keys import KeyBook
from industry_gateway.intake.prepare import Preparer
from industry_gateway.intake.reading import SLICE_SOURCES, Reader, Readied, Source, readied
from industry_gateway.parties.directory import PartyDirectory, Tenant
from tests.unit.industry.fake_ledger import FakeLedger

KEYS = json.dumps({"current": 2, "epochs": {"1": "11" * 32, "2": "33" * 32}, "party": "22" * 32}).encode()
TRADES = make_trades(7, trades=20)
PATIENCE_S = 30.0


def _tenant() -> Tenant:
    seller = TRADES.sellers[0]
    return Tenant("seller", seller.name or "", "ab" * 32, seller.identifiers, 1, b"key", "hash")


def _sources() -> list[Source]:
    documents = TRADES.documents
    found = [Source(document_bytes(each), "json", f"line {at}") for at, each in enumerate(documents)]
    found += [Source(to_ubl(trade.invoices[0]), "ubl", "an.xml") for trade in TRADES.trades[:3]]
    array = b"[" + b",".join(document_bytes(each) for each in documents[:3]) + b"]"
    return [*found, Source(array, "", "array"), Source(b"{", "json", "bad"), Source(b'{"kind":"x"}')]


def _here(tenant: Tenant, sources: Sequence[Source]) -> list[list[Readied]]:
    preparer = Preparer(ConsortiumKeys.from_json(KEYS), PartyDirectory([tenant]))
    return [
        [readied(preparer, tenant, item, None, {}) for item in parse(each.content, label=each.label)]
        for each in sources
    ]


def _comparable(groups: list[list[Readied]]) -> list[list[Readied]]:
    """Without secrets, which are new each time; commitments are checked to be theirs."""
    found = []
    for group in groups:
        kept = []
        for each in group:
            if each.prepared is not None:
                document = parse_canonical(each.prepared.kind, each.prepared.body)
                assert each.prepared.commitment == commitment_hex(document, each.prepared.secret)
                each = replace(each, prepared=replace(each.prepared, secret=b"", commitment=""))  # noqa: PLW2901
            kept.append(each)
        found.append(kept)
    return found


async def _until(ready: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not ready():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def _running(directory: PartyDirectory, processes: int = 1) -> AsyncIterator[HelperProcesses]:
    made = HelperProcesses(KEYS, directory, processes)
    made.start()
    try:
        await _until(lambda: made.there)
        yield made
    finally:
        await made.stop()


def _children() -> list[psutil.Process]:
    return [
        each
        for each in psutil.Process().children()
        if any("industry_gateway.intake.helper" in part for part in each.cmdline())
    ]


async def test_a_helper_prepares_what_the_gateway_would() -> None:
    tenant, sources = _tenant(), _sources()
    async with _running(PartyDirectory([tenant])) as there:
        found = await there.ready(tenant, sources)
    assert _comparable(found) == _comparable(_here(tenant, sources))
    prepared = [each.prepared for group in found for each in group if each.prepared is not None]
    assert {each.kind for each in prepared} >= {"purchase_order", "invoice"}
    assert any(referred.portion for each in prepared for referred in each.referred)
    assert any(each.problems for group in found for each in group)


async def test_parties_registered_later_are_told() -> None:
    tenant = _tenant()
    directory = PartyDirectory()
    async with _running(directory) as there:
        (before,), *_ = await there.ready(tenant, _sources()[:1])
        directory.replace([tenant])
        (after,), *_ = await there.ready(tenant, _sources()[:1])
    assert before.prepared is not None
    assert after.prepared is not None
    assert before.prepared.seller != tenant.handle
    assert after.prepared.seller == tenant.handle


async def test_a_lost_helper_fails_its_slices_and_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helpers, "RESTART_S", 0.0)
    tenant = _tenant()
    async with _running(PartyDirectory([tenant])) as there:
        (child,) = _children()
        child.suspend()  # so that the slice is still there when it dies
        asked = asyncio.create_task(there.ready(tenant, _sources()))
        await asyncio.sleep(0)
        child.kill()
        with pytest.raises(UnavailableError) as lost:
            await asked
        assert lost.value.reason == "HELPER_LOST"
        await _until(lambda: there.there and [each.pid for each in _children()] != [child.pid])
        assert len(await there.ready(tenant, _sources())) == len(_sources())


async def test_a_helper_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helpers, "SLICE_TIMEOUT_S", 0.05)
    tenant = _tenant()
    async with _running(PartyDirectory([tenant])) as there:
        (child,) = _children()
        child.suspend()
        with pytest.raises(UnavailableError):
            await there.ready(tenant, _sources())
        await _until(lambda: not child.is_running())


async def test_a_defect_costs_one_slice_only() -> None:
    tenant = _tenant()
    wrong = Source(b"{}", "json", "\ud800")  # no text that could be sent
    async with _running(PartyDirectory([tenant])) as there:
        with pytest.raises(Exception, match="surrogates"):
            await there.ready(tenant, [wrong])
        assert await there.ready(tenant, _sources()[:1])


async def test_stopping_leaves_no_process_and_keys_are_not_to_be_seen() -> None:
    async with _running(PartyDirectory(), processes=2):
        found = _children()
        assert len(found) == 2
        for child in found:
            seen = " ".join((*child.cmdline(), *child.environ().values()))
            assert "11" * 32 not in seen
            assert "22" * 32 not in seen
    assert _children() == []


_GATEWAY = """
import asyncio, sys
from industry_gateway.intake.helpers import HelperProcesses
from industry_gateway.parties.directory import PartyDirectory
async def main():
    made = HelperProcesses(sys.stdin.buffer.read(), PartyDirectory(), 2)
    made.start()
    while not all(helper.there for helper in made._helpers):
        await asyncio.sleep(0.01)
    print("there", flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""


async def test_a_killed_gateway_leaves_no_helper() -> None:
    root = Path(__file__).resolve().parents[3]
    gateway = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _GATEWAY,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=root,
    )
    assert gateway.stdin is not None
    assert gateway.stdout is not None
    gateway.stdin.write(KEYS)
    gateway.stdin.close()
    async with asyncio.timeout(PATIENCE_S):
        assert await gateway.stdout.readline() == b"there\n"
    children = psutil.Process(gateway.pid).children()
    assert len(children) == 2
    os.kill(gateway.pid, signal.SIGKILL)
    await gateway.wait()
    await _until(lambda: not any(child.is_running() for child in children))


class _Deaf:
    """Helpers that are lost as soon as they are asked."""

    there = True

    async def ready(self, tenant: Tenant, sources: Sequence[Source]) -> list[list[Readied]]:
        raise UnavailableError("Lost.", reason="HELPER_LOST")


def _reader(tenant: Tenant, there: HelperProcesses | _Deaf | None) -> Reader:
    directory = PartyDirectory([tenant])
    preparer = Preparer(ConsortiumKeys.from_json(KEYS), directory)
    return Reader(preparer, KeyBook(directory, FakeLedger()), there)


async def _stream(sources: Sequence[Source]) -> AsyncIterator[Source]:
    for each in sources:
        yield each


_Read = Callable[[HelperProcesses | _Deaf | None, Sequence[Source]], Awaitable[list[tuple[Readied, str]]]]


@pytest.fixture
def read() -> _Read:
    tenant = _tenant()

    async def run(
        there: HelperProcesses | _Deaf | None, given: Sequence[Source]
    ) -> list[tuple[Readied, str]]:
        return [found async for found in _reader(tenant, there).read(tenant, _stream(given))]

    return run


async def test_order_and_digests_do_not_depend_on_who_reads(read: _Read) -> None:
    many = (_sources() * 8)[: 3 * SLICE_SOURCES + 5]
    async with _running(PartyDirectory([_tenant()]), processes=2) as there:
        by_helpers = await read(there, many)
    here = await read(None, many)
    assert [digest for _, digest in by_helpers] == [digest for _, digest in here]
    assert [each.label for each, _ in by_helpers] == [each.label for each, _ in here]


async def test_small_pushes_ask_nobody_and_large_ones_say_that_a_helper_is_lost(read: _Read) -> None:
    assert len(await read(_Deaf(), _sources()[:3])) == 3
    with pytest.raises(UnavailableError):
        await read(_Deaf(), _sources())


def test_a_signed_document_does_not_go_to_a_helper() -> None:
    tenant = _tenant()
    ((each,),) = _here(tenant, _sources()[:1])
    assert each.prepared is not None
    signed = replace(each, prepared=replace(each.prepared, origin={"party": tenant.handle}))
    with pytest.raises(ValueError, match="signed"):
        frames.answer_frame([[signed]])
