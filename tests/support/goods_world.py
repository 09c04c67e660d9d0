"""Bills and warehouse receipts for tests of rules: everything sound until a test spoils it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from consortium.documents import (
    Account,
    Address,
    Bill,
    Document,
    InspectionReport,
    Item,
    KeeperAttestation,
    Lot,
    Party,
    Period,
    StoredGoods,
    WarehouseReceipt,
)
from consortium.documents.inspection_report import InspectedGoods
from consortium.documents.keeper_attestation import AttestedGoods
from consortium.documents.party import primary_id
from crossverify.answers import GAP_CODES
from crossverify.engine import evaluate
from crossverify.evidence import Evidence, SourceAnswer, SourceState
from crossverify.figures import AssetKind, MaxAges, Waterfall2
from crossverify.profiles.model import Profile, RuleSettings
from crossverify.rule import Finding, Outcome
from crossverify.rules import RULES
from tests.support.bills import BANK_NUMBER, number
from tests.support.trade_world import BUYER, SELLER, World, party

ACCOUNT = Account(account_id="3100 0001", name=BUYER.name, bank_id=BANK_NUMBER)


def bill(serial: int = 1, first: int = 1, last: int = 100_000, **fields: Any) -> Bill:
    """A commercial bill of the buyer in the seller's hands, over 1,000 yuan."""
    values: dict[str, Any] = {
        "number": number(serial),
        "issue_date": date(2026, 4, 10),
        "range_from": first,
        "range_to": last,
        "bill_type": "commercial_acceptance",
        "drawer": BUYER,
        "acceptor": BUYER,
        "acceptor_bank": ACCOUNT,
        "payee": SELLER,
        "currency": "CNY",
        "amount": Decimal(last - first + 1) / 100 if last else Decimal(1000),
        "due_date": date(2026, 10, 10),
    }
    return Bill(**(values | fields))


def exchange_party(who: Party, **fields: Any) -> dict[str, Any]:
    """A party as the exchange has it."""
    return {"name": who.name, "identifiers": [str(primary_id(who))], **fields}


def exchange_units(first: int, last: int, **fields: Any) -> dict[str, Any]:
    """Units that are free and the seller's."""
    return {
        "range_from": first,
        "range_to": last,
        "amount": str(Decimal(last - first + 1) / 100) if last else "1000",
        "status": "CS03",
        "circulation": "TF0301",
        "holder": exchange_party(SELLER),
        **fields,
    }


def exchange_answer(paper: Bill, *ranges: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """What the exchange says of a bill when all is well."""
    whole = paper.range_to == 0
    values: dict[str, Any] = {
        "reference": paper.reference,
        "known": True,
        "package_number": paper.number,
        "bill_kind": "commercial",
        "package_amount": "1000",
        "currency": "CNY",
        "package_units": 0 if whole else 100_000,
        "issue_date": paper.issue_date.isoformat(),
        "acceptance_date": paper.issue_date.isoformat(),
        "due_date": paper.due_date.isoformat(),
        "transferable": True,
        "drawer": exchange_party(BUYER),
        "acceptor": exchange_party(BUYER, account="3100 0001", bank_number=BANK_NUMBER),
        "payee": exchange_party(SELLER),
        "acceptor_overdue": False,
        "ranges": list(ranges) or [exchange_units(paper.range_from, paper.range_to)],
    }
    return values | fields


class BillWorld(World):
    """A world with bills, which the exchange knows until told otherwise."""

    def __init__(self, *papers: Bill) -> None:
        super().__init__(*papers)
        self.exchange = {paper.reference: exchange_answer(paper) for paper in papers}
        self.exchange_as_of = self.now
        self.changes["version"] = 2

    def evidence(self) -> Evidence:
        """All of it, with what the exchange says."""
        found = super().evidence()
        if "bills" in self.changes:
            return found
        said = SourceAnswer(
            source="bills",
            institution="exchange of Hua",
            state=SourceState.ANSWERED,
            as_of=self.exchange_as_of,
            digest="d" * 64,
            answers=self.exchange,
        )
        return found.model_copy(update={"bills": said})

    def says(self, paper: Bill, *ranges: dict[str, Any], **fields: Any) -> None:
        """What the exchange says of a bill."""
        self.exchange[paper.reference] = exchange_answer(paper, *ranges, **fields)

    def knows_nothing(self, paper: Bill, as_of: int | None = None) -> None:
        """The exchange does not have a bill."""
        self.exchange[paper.reference] = {"reference": paper.reference, "known": False}
        self.exchange_as_of = self.now if as_of is None else as_of


def profile_of(rule: str, lends_on: AssetKind, overrides: Mapping[str, Any]) -> Profile:
    """A profile with one rule."""
    found = RULES[rule]
    settings = RuleSettings(found, found.thresholds(), dict(found.effects))
    profile = Profile(
        id="test",
        version=1,
        description="one rule",
        rules=(settings,),
        max_ages=MaxAges(registry=86_400, bills=86_400),
        waterfall=Waterfall2(),
        lends_on=lends_on,
    )
    return profile.with_overrides({"rules": {rule: overrides}}) if overrides else profile


def judged(world: World, rule: str, lends_on: AssetKind = AssetKind.BILL, **overrides: Any) -> list[Finding]:
    """What one rule finds, in order; twice the same, whatever the order of the documents."""
    profile = profile_of(rule, lends_on, overrides)
    evidence = world.evidence()
    findings = list(evaluate(evidence, profile).findings)
    turned = evidence.model_copy(update={"documents": evidence.documents[::-1]})
    assert list(evaluate(turned, profile).findings) == findings
    for item in findings:
        allowed = RULES[rule].codes | (GAP_CODES if item.outcome is Outcome.UNKNOWN else set())
        assert item.code in allowed
        assert item.inputs, "every finding rests on something"
        assert item.message
        assert item.message[-1] in ".。"
    return findings


def codes(
    world: World, rule: str, lends_on: AssetKind = AssetKind.BILL, **overrides: Any
) -> list[tuple[str, str]]:
    """Outcome and code of what one rule finds, in order."""
    return [(item.outcome.value, item.code) for item in judged(world, rule, lends_on, **overrides)]


# --- goods in a warehouse ------------------------------------------------------------------------

KEEPER = party("Harbour Storage Ltd", "MA1FLK01")
OTHER_KEEPER = party("Inland Depots Ltd", "MA1FLK02")
INSPECTOR = party("Careful Surveys Ltd", "MA1FLK03")
PLEDGEE = party("Bank of Somewhere", "MA1FLK04")
SITE = Address(city="上海", street="港区路1号", country="CN")
OTHER_SITE = Address(city="佛山", street="仓储路9号", country="CN")
COPPER = Item(name="电解铜 1#")


def stored(lot: str | None = "L1001", quantity: int = 100, **fields: Any) -> StoredGoods:
    """One lot of copper in tonnes."""
    values: dict[str, Any] = {
        "line_id": "1",
        "item": COPPER,
        "quantity": Decimal(quantity),
        "unit": "TNE",
        "lots": () if lot is None else (Lot(number=lot),),
        "marks": lot,
    }
    return StoredGoods(**(values | fields))


def paper_of(number: str = "WR-1", *lines: StoredGoods, **fields: Any) -> WarehouseReceipt:
    """A receipt of the subject over 100 t of copper worth 7,000,000 yuan."""
    values: dict[str, Any] = {
        "number": number,
        "issue_date": date(2026, 5, 1),
        "keeper": KEEPER,
        "depositor": SELLER,
        "storage_place": "3号库 A区 12排",
        "storage_address": SITE,
        "storage_period": Period(start=date(2026, 5, 1), end=date(2026, 9, 30)),
        "loss_standard": "0.3%",
        "currency": "CNY",
        "declared_value": Decimal(7_000_000),
        "insured_amount": Decimal(7_000_000),
        "insurance_period": Period(start=date(2026, 5, 1), end=date(2027, 4, 30)),
        "insurer": "平安保险",
        "keeper_signature": "Harbour Storage",
        "lines": lines or (stored(),),
    }
    return WarehouseReceipt(**(values | fields))


def attested(
    number: str = "WR-1", line_id: str = "1", quantity: int | None = 100, **fields: Any
) -> AttestedGoods:
    """What the keeper says of one line of a receipt: all there."""
    values: dict[str, Any] = {
        "line_id": line_id,
        "receipt_number": number,
        "state": "in_store",
        "quantity": None if quantity is None else Decimal(quantity),
        "unit": None if quantity is None else "TNE",
    }
    return AttestedGoods(**(values | fields))


def attestation(number: str = "KA-1", *lines: AttestedGoods, **fields: Any) -> KeeperAttestation:
    """The keeper's word on WR-1, counted two days before it was given."""
    values: dict[str, Any] = {
        "number": number,
        "issue_date": date(2026, 6, 20),
        "counted_on": date(2026, 6, 18),
        "keeper": KEEPER,
        "depositor": SELLER,
        "storage_place": "3号库",
        "lines": lines or (attested(),),
    }
    return KeeperAttestation(**(values | fields))


def inspection(number: str = "IR-1", *lines: InspectedGoods, **fields: Any) -> InspectionReport:
    """A third party's look at WR-1."""
    values: dict[str, Any] = {
        "number": number,
        "issue_date": date(2026, 6, 2),
        "inspected_on": date(2026, 6, 1),
        "inspector": INSPECTOR,
        "seller": SELLER,
        "keeper": KEEPER,
        "place": "3号库",
        "method": "sample",
        "receipt_number": "WR-1",
        "lines": lines or (inspected(),),
    }
    return InspectionReport(**(values | fields))


def inspected(lot: str = "L1001", **fields: Any) -> InspectedGoods:
    """One lot as declared."""
    values: dict[str, Any] = {
        "line_id": "1",
        "item": COPPER,
        "conforming": True,
        "lots": (Lot(number=lot),),
    }
    return InspectedGoods(**(values | fields))


def goods_world(*documents: Document) -> World:
    """Receipts, attestations and reports, each from its writer."""
    return World(*documents)


def goods_judged(world: World, rule: str, **overrides: Any) -> list[Finding]:
    """What one rule finds about the receipts of a world."""
    return judged(world, rule, AssetKind.WAREHOUSE_RECEIPT, **overrides)


def goods_codes(world: World, rule: str, **overrides: Any) -> list[tuple[str, str]]:
    """Outcome and code of what one rule finds about the receipts of a world."""
    return codes(world, rule, AssetKind.WAREHOUSE_RECEIPT, **overrides)
