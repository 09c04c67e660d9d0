"""Institutions are asked again, and what became worse reopens packages: once, and only where a consent allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from consortium.contract import names
from consortium.errors import UnavailableError
from consortium.storage.crypto import BodyVault
from consortium.storage.engine import Database
from crossverify.evidence import SourceAnswer, SourceState
from crossverify.sources.bank import PaymentQuestion
from crossverify.sources.registry import RegistryQuestion
from crossverify.sources.tax import InvoiceQuestion
from finance_gateway.financing.store import ClaimRow
from finance_gateway.financing.store import add as add_claim
from finance_gateway.monitor import store as monitor_store
from finance_gateway.monitor.facts import fact_of, news_of
from finance_gateway.monitor.job import Monitor
from finance_gateway.monitor.sealing import seal, unseal
from finance_gateway.monitor.watched import Item, Watched
from finance_gateway.packages.ports import Institutions
from finance_gateway.store.tables import package_documents, package_events, package_monitor, packages

BANK = "BankAMSP"
NOW = 1_782_820_800
HOUR = 3_600
INVOICE, OTHER, ASSET = "a" * 64, "c" * 64, "b" * 64
ASSESS, MONITOR = "consent-assess", "consent-monitor"
SELLER = "uscc:91310000MA1FL0001X"
SOUND: Mapping[str, Mapping[str, Any]] = {
    "tax": {"known": True, "state": "normal", "red_amount": "0", "red_confirmation_open": False},
    "bank": {"payments": []},
    "registry": {"registrations": []},
}


def payment(**fields: Any) -> dict[str, Any]:
    """A payment of the buyer to the invoice's account."""
    base = {"entry_reference": "E1", "amount": "100.00", "currency": "CNY", "found_by": "account"}
    return base | {"reversal": False} | fields


def registration(number: str, **fields: Any) -> dict[str, Any]:
    """A live registration of somebody else."""
    return {"number": number, "state": "live", "filed_by": "", "amendments": []} | fields


@pytest.mark.parametrize(
    ("source", "before", "after", "told"),
    [
        ("tax", {}, {"state": "red_full"}, "invoice INV-1 is wholly reversed (红冲) at the tax authority"),
        ("tax", {}, {"state": "void"}, "invoice INV-1 is void at the tax authority"),
        (
            "tax",
            {"state": "red_partial", "red_amount": "10.00"},
            {"state": "red_partial", "red_amount": "25.00"},
            "invoice INV-1 is reversed by 25.00 at the tax authority, 10.00 before",
        ),
        (
            "tax",
            {},
            {"red_confirmation_open": True},
            "a red-letter confirmation (红字确认单) of invoice INV-1 is open",
        ),
        ("tax", {}, {"known": False}, "the tax authority does not know invoice INV-1 any more"),
        ("tax", {"known": False, "state": ""}, {}, ""),
        ("tax", {"red_confirmation_open": True}, {}, ""),
        ("bank", {}, {"payments": [payment()]}, "a payment of 100.00 CNY on invoice INV-1 was seen"),
        (
            "bank",
            {},
            {"payments": [payment(found_by="payer")]},
            "100.00 CNY on invoice INV-1 were paid to another account than the invoice's",
        ),
        (
            "bank",
            {"payments": [payment()]},
            {"payments": [payment(), payment(entry_reference="E2", reversal=True)]},
            "a payment of 100.00 CNY on invoice INV-1 was taken back",
        ),
        ("bank", {"payments": [payment()]}, {"payments": [payment()]}, ""),
        (
            "registry",
            {},
            {"registrations": [registration("0123")]},
            "registration 0123 by somebody else names this assignor",
        ),
        ("registry", {}, {"registrations": [registration("0123", filed_by=BANK)]}, ""),
        ("registry", {}, {"registrations": [registration("0123", state="cancelled")]}, ""),
        (
            "registry",
            {"registrations": [registration("0123")]},
            {"registrations": [registration("0123", amendments=[{"at_unix": 1}])]},
            "registration 0123 by somebody else was changed",
        ),
        ("registry", {"registrations": [registration("0123")]}, {}, ""),
    ],
)
def test_what_is_news(source: str, before: Mapping[str, Any], after: Mapping[str, Any], told: str) -> None:
    then, now = (fact_of(source, {**SOUND[source], **each}, BANK) for each in (before, after))
    assert news_of(source, "INV-1", then, now) == told
    assert news_of(source, "INV-1", now, now) == ""


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ([1, 500, "CS03", "TF0301", "A"], [1, 500, "CS03", "TF0304", "A"], "is now in state CS03/TF0304"),
        ([1, 500, "CS03", "TF0301", "A"], [1, 200, "CS03", "TF0301", "A"], ""),
        ([1, 500, "CS03", "TF0301", "A"], [1, 500, "CS03", "TF0301", "B"], "went to another holder"),
    ],
)
def test_what_is_news_of_a_bill(before: list[Any], after: list[Any], told: str) -> None:
    def fact(first: int, last: int, status: str, flag: str, holder: str) -> Any:
        units = {"range_from": first, "range_to": last, "status": status, "circulation": flag}
        units["holder"] = {"name": holder, "identifiers": [f"uscc:{holder}"]}
        return fact_of("bills", {"known": True, "ranges": [units]}, BANK)

    then, now = fact(*before), fact(*after)
    news = news_of("bills", "B-1", then, now)
    assert news.endswith(told)
    assert bool(news) is bool(told)
    gone = fact_of("bills", {"known": False, "ranges": []}, BANK)
    assert news_of("bills", "B-1", then, gone) == "the bill exchange does not know bill B-1 any more"


def test_an_answer_that_was_not_there_is_only_news_when_it_is_bad() -> None:
    bad = fact_of("tax", {**SOUND["tax"], "state": "void"}, BANK)
    assert news_of("tax", "INV-1", None, bad)
    assert news_of("tax", "INV-1", None, fact_of("tax", SOUND["tax"], BANK)) == ""
    assert news_of("registry", "x", None, [["0123", 0]]) == ""
    assert fact_of("tax", {"error": {"reason": "QUESTION_INVALID", "message": "?"}}, BANK) is None


@dataclass
class Institution:
    """Answers what it is told to."""

    source: str
    said: dict[str, dict[str, Any]] = field(default_factory=dict)
    down: bool = False
    asked: list[str] = field(default_factory=list)

    async def ask(self, questions: Sequence[Any]) -> SourceAnswer:
        """Everything that is asked, sound unless told otherwise."""
        if self.down:
            return SourceAnswer(source=self.source, state=SourceState.SILENT, reason="down")
        references = [getattr(each, "reference", None) or each.assignor for each in questions]
        self.asked += references
        return SourceAnswer(
            source=self.source,
            state=SourceState.ANSWERED,
            as_of=NOW,
            answers={key: {**SOUND[self.source], **self.said.get(key, {})} for key in references},
        )


@dataclass
class Consents:
    """A ledger that knows consents only."""

    live: dict[str, str]
    down: bool = False

    async def read(self, function: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """``consents:get``."""
        assert function == names.CONSENTS_GET
        if self.down:
            raise UnavailableError("No peer.")
        return {
            "consents": [
                {"id": each, "scope": self.live[each], "revoked": None, "expires": NOW + 10 * HOUR}
                if each in self.live
                else None
                for each in request["ids"]
            ]
        }


WATCHED = Watched(
    {
        "tax": tuple(
            Item(fp, number, fp, InvoiceQuestion(fp, number, "", "", "", "", "CNY", "1", "0", "1"))
            for fp, number in ((INVOICE, "INV-1"), (OTHER, "INV-2"))
        ),
        "bank": (Item(INVOICE, "INV-1", INVOICE, PaymentQuestion(INVOICE, "INV-1", "", "1", "CNY", SELLER)),),
        "registry": (Item(SELLER, SELLER, "", RegistryQuestion(SELLER, ("lei:1",), ("Old name",))),),
    },
    {INVOICE: ASSET, OTHER: OTHER},
).with_facts(
    {
        "tax": {fp: fact_of("tax", SOUND["tax"], BANK) for fp in (INVOICE, OTHER)},
        "bank": {INVOICE: []},
        "registry": {SELLER: []},
    }
)


class Desk:
    """A bank with packages and institutions that are all sound."""

    def __init__(self, database: Database, vault: BodyVault) -> None:
        self.database, self.vault = database, vault
        self.now = NOW
        self.tax, self.bank, self.registry = (Institution(name) for name in ("tax", "bank", "registry"))
        self.ledger = Consents({ASSESS: names.SCOPE_ASSESS, MONITOR: names.SCOPE_MONITOR})
        self.told = 0
        self.monitor = self.replica()

    def replica(self) -> Monitor:
        """Another process on the same database."""
        return Monitor(
            database=self.database,
            vault=self.vault,
            ledger=self.ledger,  # type: ignore[arg-type]
            institutions=Institutions(self.tax, self.bank, None, self.registry),  # type: ignore[arg-type]
            msp_id=BANK,
            period_s=1,
            changed=self.changed,
            clock=lambda: self.now,
        )

    async def changed(self) -> None:
        self.told += 1

    async def package(self, package_id: str = "1" * 32, stage: str = "valid") -> None:
        """A package on both invoices, good for an hour."""
        async with self.database.write() as session:
            await session.execute(
                insert(packages).values(
                    package_id=package_id,
                    subject="d" * 64,
                    purpose="p",
                    consent_id=ASSESS,
                    profile="receivable-v2",
                    stage=stage,
                    created=NOW,
                    valid_until=NOW + HOUR,
                    requested_by="officer",
                )
            )
            await session.execute(
                insert(package_documents),
                [{"package_id": package_id, "fingerprint": fp} for fp in (INVOICE, OTHER, ASSET)],
            )
            await monitor_store.add(session, package_id, seal(self.vault, package_id, WATCHED), NOW)

    async def financed(self, consent: str = MONITOR) -> None:
        """Money went out on the first invoice."""
        claim = ClaimRow(
            "f" * 16, INVOICE, ASSET, "e" * 64, 10**9, 0, "financed", 0, consent, "", 0, "t", NOW
        )
        async with self.database.write() as session:
            await add_claim(session, claim, b"o", b"k")

    async def events(self) -> list[tuple[str, str]]:
        """What those who follow packages are told."""
        async with self.database.read() as session:
            query = select(package_events.c.event, package_events.c.reason)
            return [(row.event, row.reason) for row in await session.execute(query)]


@pytest.fixture
def desk(database: Database, vault: BodyVault) -> Desk:
    return Desk(database, vault)


RED = "invoice INV-1 is wholly reversed (红冲) at the tax authority"


async def test_nothing_new_changes_nothing(desk: Desk) -> None:
    await desk.package()
    assert await desk.monitor.poll() == 0
    assert (await desk.events(), desk.told) == ([], 0)
    assert desk.tax.asked == [INVOICE, OTHER]
    assert desk.registry.asked == [SELLER]


async def test_a_reversal_reopens_and_is_told_once(desk: Desk) -> None:
    await desk.package()
    desk.tax.said[INVOICE] = {"state": "red_full"}
    assert [await desk.monitor.poll() for _ in range(2)] == [1, 0]
    assert (await desk.events(), desk.told) == ([("reopened", RED)], 1)


async def test_several_news_are_one_reason(desk: Desk) -> None:
    await desk.package()
    desk.tax.said[INVOICE] = {"state": "red_full"}
    desk.bank.said[INVOICE] = {"payments": [payment(found_by="payer")]}
    desk.registry.said[SELLER] = {"registrations": [registration("0123")]}
    await desk.monitor.poll()
    [(_, reason)] = await desk.events()
    assert [part.split()[0] for part in reason.split("; ")] == ["invoice", "100.00", "registration"]


async def test_a_silent_institution_is_no_news_and_hides_none(desk: Desk) -> None:
    await desk.package()
    desk.tax.down = True
    desk.tax.said[INVOICE] = {"state": "red_full"}
    desk.bank.said[INVOICE] = {"payments": [payment()]}
    assert await desk.monitor.poll() == 1
    assert await desk.events() == [("reopened", "a payment of 100.00 CNY on invoice INV-1 was seen")]
    desk.tax.down = False
    assert await desk.monitor.poll() == 1
    assert (await desk.events())[1:] == [("reopened", RED)]


async def test_without_a_live_consent_nothing_is_asked(desk: Desk) -> None:
    await desk.package()
    del desk.ledger.live[ASSESS]
    desk.tax.said[INVOICE] = {"state": "red_full"}
    assert await desk.monitor.poll() == 0
    assert desk.tax.asked == desk.bank.asked == desk.registry.asked == []


async def test_a_package_that_cannot_be_read_stops_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = "1" * 32, "2" * 32
    await desk.package(broken)
    await desk.package(sound)
    async with desk.database.write() as session:
        await session.execute(
            update(package_monitor)
            .where(package_monitor.c.package_id == broken)
            .values(content=b"nonsense", polled=0)
        )
    monkeypatch.setattr("finance_gateway.monitor.job.MAX_PER_POLL", 1)
    desk.now += 1
    desk.tax.said[INVOICE] = {"state": "red_full"}
    assert [await desk.monitor.poll() for _ in range(2)] == [0, 1]
    assert await desk.events() == [("reopened", RED)]


async def test_what_is_superseded_meanwhile_is_not_reopened(desk: Desk) -> None:
    await desk.package()
    desk.tax.said[INVOICE] = {"state": "red_full"}
    first = desk.tax.ask

    async def meanwhile(questions: Sequence[Any]) -> SourceAnswer:
        async with desk.database.write() as session:
            await session.execute(update(packages).values(stage="superseded"))
        return await first(questions)

    desk.tax.ask = meanwhile  # type: ignore[method-assign]
    await desk.monitor.poll()
    assert await desk.events() == []
    async with desk.database.read() as session:
        assert (await session.execute(select(packages.c.stage))).scalar_one() == "superseded"


async def test_what_ran_out_and_was_not_financed_is_left_alone(desk: Desk) -> None:
    await desk.package()
    desk.now += 2 * HOUR
    assert await desk.monitor.poll() == 0
    assert desk.tax.asked == desk.registry.asked == []


async def test_monitor_scope_is_for_what_was_financed(desk: Desk) -> None:
    """Long after the package ran out: the financed invoice is asked about, the other one is not."""
    await desk.package()
    await desk.financed()
    desk.now += 2 * HOUR
    for each in (INVOICE, OTHER):
        desk.tax.said[each] = {"state": "red_full"}
    assert await desk.monitor.poll() == 1
    assert desk.tax.asked == [INVOICE]
    assert await desk.events() == [("reopened", RED)]
    del desk.ledger.live[MONITOR]
    desk.tax.asked.clear()
    assert await desk.monitor.poll() == 0
    assert desk.tax.asked == []


async def test_a_financing_under_a_consent_to_assess_is_not_watched(desk: Desk) -> None:
    await desk.package()
    await desk.financed(consent=ASSESS)
    desk.now += 2 * HOUR
    await desk.monitor.poll()
    assert desk.tax.asked == []


@pytest.mark.parametrize("stage", ["making", "superseded", "revoked", "failed"])
async def test_packages_that_nobody_relies_on_are_left_alone(desk: Desk, stage: str) -> None:
    await desk.package(stage=stage)
    await desk.monitor.poll()
    assert desk.tax.asked == []


async def test_two_replicas_tell_once(desk: Desk) -> None:
    await desk.package()
    desk.tax.said[INVOICE] = {"state": "red_full"}
    other = desk.replica()
    first = desk.tax.ask

    async def meanwhile(questions: Sequence[Any]) -> SourceAnswer:
        desk.tax.ask = first  # type: ignore[method-assign]
        assert await other.poll() == 1
        return await first(questions)

    desk.tax.ask = meanwhile  # type: ignore[method-assign]
    assert await desk.monitor.poll() == 0
    assert await desk.events() == [("reopened", RED)]


async def test_a_ledger_that_does_not_answer_is_told(desk: Desk) -> None:
    await desk.package()
    desk.ledger.down = True
    with pytest.raises(UnavailableError):
        await desk.monitor.poll()
    assert desk.tax.asked == []


async def test_what_is_kept_is_sealed(desk: Desk) -> None:
    await desk.package()
    async with desk.database.read() as session:
        row = (await session.execute(select(package_monitor))).one()
    assert b"INV-1" not in row.content
    assert unseal(desk.vault, row.package_id, row.wrapped_key, row.content) == WATCHED
