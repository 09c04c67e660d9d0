"""Bills and warehouse receipts for tests of rules: everything sound until a test spoils it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from consortium.documents import Account, Bill, Party
from consortium.documents.party import primary_id
from crossverify.answers import GAP_CODES
from crossverify.engine import evaluate
from crossverify.evidence import Evidence, SourceAnswer, SourceState
from crossverify.figures import AssetKind, MaxAges, Waterfall2
from crossverify.profiles.model import Profile, RuleSettings
from crossverify.rule import Finding, Outcome
from crossverify.rules import RULES
from tests.support.bills import BANK_NUMBER, number
from tests.support.trade_world import BUYER, SELLER, World

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
