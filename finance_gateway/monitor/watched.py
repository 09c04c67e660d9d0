"""What is kept of a package so that its institutions can be asked again: questions and the facts of then. Pure.

It names documents and amounts, so it is stored sealed, like the package itself.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from consortium.documents import Bill
from crossverify.evidence import Evidence, SourceState
from crossverify.sources.bank import PaymentQuestion
from crossverify.sources.bills import BillQuestion
from crossverify.sources.registry import RegistryQuestion
from crossverify.sources.tax import InvoiceQuestion
from crossverify.subranges import SubRange
from finance_gateway.monitor.facts import WATCHED, Fact, fact_of
from finance_gateway.packages.asking import Questions

_QUESTIONS: Mapping[str, type[Any]] = {
    "tax": InvoiceQuestion,
    "bank": PaymentQuestion,
    "registry": RegistryQuestion,
}


@dataclass(frozen=True, slots=True)
class Item:
    """One question with what was known when the package was made, or last seen.

    :ivar reference: under which its answer is found
    :ivar name: how a message calls what it is about
    :ivar document: fingerprint of the document; empty where it is about the subject
    """

    reference: str
    name: str
    document: str
    question: Any
    fact: Fact | None = None


@dataclass(frozen=True, slots=True)
class Watched:
    """What one package rests on at the institutions.

    :ivar items: by source
    :ivar assets: asset of each document, by fingerprint
    """

    items: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)
    assets: Mapping[str, str] = field(default_factory=dict)

    @staticmethod
    def of(questions: Questions, evidence: Evidence, own_msp: str) -> Watched:
        """What a package was made from.

        :param own_msp: organisation whose own filings are no news
        """
        bills = {
            BillQuestion.of(item.document).reference: item.fingerprint
            for item in evidence.documents
            if isinstance(item.document, Bill)
        }
        found: dict[str, list[Item]] = {
            "tax": [Item(each.reference, each.number, each.reference, each) for each in questions.invoices],
            "bank": [
                Item(each.reference, each.invoice_number, each.reference, each) for each in questions.payments
            ],
            "registry": [
                Item(each.assignor, each.assignor, "", each) for each in questions.assignors(evidence.tax)
            ],
            "bills": [
                Item(each.reference, each.reference, bills.get(each.reference, ""), each)
                for each in questions.bills
            ],
        }
        assets: dict[str, str] = {}
        if evidence.ledger is not None:
            for asset in evidence.ledger.assets.values():
                assets |= dict.fromkeys((asset.asset, *asset.aliases), asset.asset)
        return Watched(
            {source: _known(source, found[source], evidence, own_msp) for source in WATCHED}, assets
        )

    def about(self, documents: Collection[str]) -> Watched:
        """The part that is about some assets' documents, and the subject itself; nothing where no document is left."""
        kept = {
            source: tuple(
                item
                for item in items
                if not item.document or self.assets.get(item.document, item.document) in documents
            )
            for source, items in self.items.items()
        }
        left = any(item.document for items in kept.values() for item in items)
        return Watched(kept, self.assets) if left else Watched()

    def with_facts(self, facts: Mapping[str, Mapping[str, Fact]]) -> Watched:
        """The same with newer facts, by source and reference."""
        return Watched(
            {
                source: tuple(
                    Item(
                        each.reference,
                        each.name,
                        each.document,
                        each.question,
                        facts.get(source, {}).get(each.reference, each.fact),
                    )
                    for each in items
                )
                for source, items in self.items.items()
            },
            self.assets,
        )

    def to_bytes(self) -> bytes:
        """As JSON."""
        return orjson.dumps(
            {
                "items": {
                    source: [
                        [each.reference, each.name, each.document, asdict(each.question), each.fact]
                        for each in items
                    ]
                    for source, items in self.items.items()
                },
                "assets": dict(self.assets),
            }
        )

    @staticmethod
    def from_bytes(data: bytes) -> Watched:
        """Reads what :meth:`to_bytes` wrote."""
        read = orjson.loads(data)
        return Watched(
            {
                source: tuple(
                    Item(reference, name, document, _question(source, question), fact)
                    for reference, name, document, question, fact in items
                )
                for source, items in read["items"].items()
            },
            read["assets"],
        )


def _known(source: str, items: list[Item], evidence: Evidence, own_msp: str) -> tuple[Item, ...]:
    """Items with the facts that the evidence has."""
    said = evidence.answer(source)
    answers = said.answers if said is not None and said.state is SourceState.ANSWERED else {}
    return tuple(
        Item(
            each.reference,
            each.name,
            each.document,
            each.question,
            fact_of(source, answers[each.reference], own_msp) if each.reference in answers else None,
        )
        for each in items
    )


def _question(source: str, values: Mapping[str, Any]) -> Any:
    """A question again; JSON made lists of its tuples."""
    if source == "bills":
        return BillQuestion(values["package_number"], SubRange(**values["units"]))
    return _QUESTIONS[source](
        **{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    )
