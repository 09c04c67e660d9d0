"""ORIGIN_SIG: who vouches for the document with a signature of its own?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from consortium.documents import Document, Invoice, PurchaseOrder
from crossverify.evidence import EvidenceDocument
from crossverify.rule import Effect, Input, NoThresholds, Outcome, Rule, Text, Verdict

if TYPE_CHECKING:
    from crossverify.case import Case


class OriginSig(Rule[NoThresholds]):
    """The ledger checks a signature with the key that it had for the party when the document was registered. What is
    left to ask is whose signature it is: an invoice is signed by its seller, an order by its buyer.

    - PASS: signed by whoever writes such a document, or handed in by its own system where that is another than the
      subject. WARN: only asserted: a gateway vouches for it.
    - FAIL: signed by somebody else.
    - UNKNOWN: not on the ledger. NOT_APPLICABLE: never.
    """

    id = "ORIGIN_SIG"
    version = 1
    title = Text("Who vouches for the document with a signature of its own?", "单证由谁签名担保来源？")
    basis = ("电子签名法 13, 14", "practice")
    explains: ClassVar = {
        "SIGNED": Text(
            "Whoever writes such a document has signed it, with a key that the ledger has. "
            "Best evidence; nothing to do.",
            "出具方已用账本登记的密钥签名，证据等级最高。无需处理。",
        ),
        "HANDED_IN": Text(
            "The other party's own system handed the document in, without a signature. Good evidence; nothing to do.",
            "由对方自身系统提交，未签名。证据较好，无需处理。",
        ),
        "ASSERTED": Text(
            "Only the gateway that registered it vouches for the document. Usual where a supplier has no key; weigh it "
            "with what tax and the debtor say.",
            "仅由登记网关担保。供应商无密钥时属正常；请结合税务和债务人的说法判断。",
        ),
        "SIGNED_BY_ANOTHER": Text(
            "The signature is of a party that does not write such documents. Do not rely on it; "
            "ask who signed and why.",
            "签名方并非该单证的出具方。不可依赖，请查明签名人及原因。",
        ),
        "NOT_REGISTERED": Text(
            "The document is not on the ledger, so there is no signature to look at. Wait for its registration.",
            "单证未登记在账本上，无签名可查。请等待登记。",
        ),
    }
    applies_when = "always"
    sources = ("ledger",)
    effects: ClassVar = {
        "WARN": Effect.INFORMATION,  # a grade of evidence
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
    }

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        for asset in case.assets:
            yield _judge(case, asset.fingerprint, asset.primary)


def _judge(case: Case, key: str, item: EvidenceDocument) -> Verdict:
    def told(field: str, value: str) -> tuple[Input, ...]:
        return (Input(item.fingerprint, field, value, "ledger", case.as_of("ledger")),)

    if not item.txid:
        return Verdict(
            key, Outcome.UNKNOWN, "NOT_REGISTERED", "It is not on the ledger yet.", told("txid", "")
        )
    writer = _writer(item, item.document)
    if not item.signed_by and writer and item.pushed_by == writer != case.evidence.subject.handle:
        text = "The party that writes such a document handed it in."
        return Verdict(key, Outcome.PASS, "HANDED_IN", text, told("pushed_by", item.pushed_by))
    if not item.signed_by:
        text = f"Nobody but {item.registered_by or 'the registering gateway'} vouches for it."
        return Verdict(key, Outcome.WARN, "ASSERTED", text, told("state", item.state))
    if writer and item.signed_by != writer:
        text = f"It is signed by {item.signed_by[:16]}…, who does not write such a document."
        return Verdict(key, Outcome.FAIL, "SIGNED_BY_ANOTHER", text, told("signed_by", item.signed_by))
    text = "Whoever writes such a document signed it."
    return Verdict(key, Outcome.PASS, "SIGNED", text, told("signed_by", item.signed_by))


def _writer(item: EvidenceDocument, document: Document) -> str:
    """Ledger handle of whoever writes such a document; empty where the ledger does not say."""
    if isinstance(document, Invoice):
        return item.seller
    return item.buyer if isinstance(document, PurchaseOrder) else ""
