"""CONFIRM_ORIGIN: does the debtor's confirmation come from the debtor, by a way that the seller does not control?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from consortium.documents import DebtorConfirmation
from crossverify.desk import Contact
from crossverify.domains import domain_of, look_alike, matches
from crossverify.evidence import EvidenceDocument
from crossverify.rule import Effect, Input, NoThresholds, Outcome, Rule, Text, Verdict

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


class ConfirmOrigin(Rule[NoThresholds]):
    """A forged confirmation is worth as much as its way to the bank: what the seller hands over, or what comes from a
    domain like the debtor's, proves nothing. The latest confirmation counts, as in DEBTOR_CONFIRM.

    - PASS: signed or handed in by the debtor's own identity on the ledger, or handed in by a third party and sent from
      a domain that the bank got independently of the seller.
    - WARN: handed in by somebody else, or from a domain that the bank does not know.
    - FAIL: from a domain that looks like the debtor's; handed in by the seller itself.
    - UNKNOWN: never. NOT_APPLICABLE: there is no confirmation.
    """

    id = "CONFIRM_ORIGIN"
    version = 1
    title = Text(
        "Does the debtor's confirmation come from the debtor, by a way that the seller does not control?",
        "确权文件是否经卖方无法控制的渠道来自债务人？",
    )
    basis = ("民法典 763", "practice: 承兴 2019, look-alike mail domains 2025")
    explains: ClassVar = {
        "DEBTOR_IDENTITY": Text(
            "The confirmation was signed or handed in by the debtor's own identity. Nothing to do.",
            "确权由债务人本身的身份签名或提交。无需处理。",
        ),
        "KNOWN_DOMAIN": Text(
            "The confirmation was sent from a domain that the bank got independently of the seller. Nothing to do.",
            "确权发自银行独立取得的债务人域名。无需处理。",
        ),
        "UNCLEAR": Text(
            "It is not clear how the confirmation came from the debtor. Call the debtor under a number that the seller "
            "did not give.",
            "确权来源渠道不明。请使用非卖方提供的联系方式向债务人核实。",
        ),
        "FROM_SELLER": Text(
            "The seller itself handed the confirmation in, so it proves nothing. Ask the debtor directly.",
            "确权由卖方自行提交，不具证明力。请直接向债务人核实。",
        ),
        "LOOK_ALIKE": Text(
            "The confirmation came from a domain that looks like the debtor's and is another. Treat it as forged; tell "
            "the debtor.",
            "确权发自与债务人相似但不同的域名，应视为伪造，并告知债务人。",
        ),
        "NO_CONFIRMATION": Text(
            "There is no confirmation whose way could be judged.", "没有确权文件可供判断。"
        ),
    }
    applies_when = "there is a confirmation"
    sources = ("documents", "ledger", "desk")
    effects: ClassVar = {
        "WARN": Effect.INFORMATION,  # DEBTOR_CONFIRM counts such a confirmation for nothing
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "FROM_SELLER": Effect.REFER,
    }

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        domains = tuple(sorted({each for contact in case.desk.contacts.values() for each in contact.domains}))
        for receivable in case.receivables:
            key = receivable.fingerprint
            if not receivable.confirmations:
                number = case.of_document(receivable.primary, "number", receivable.number)
                text = "There is no confirmation."
                yield Verdict(key, Outcome.NOT_APPLICABLE, "NO_CONFIRMATION", text, (number,))
                continue
            own = [item for item in receivable.confirmations if _from_debtor(receivable, item)]
            yield _judge(case, receivable, (own or receivable.confirmations)[-1], domains)


def _from_debtor(receivable: Receivable, item: EvidenceDocument) -> bool:
    """Whether the ledger has the debtor as whoever signed it or handed it in."""
    debtors = {item.buyer, receivable.primary.buyer} - {"", item.seller, receivable.primary.seller}
    return item.signed_by in debtors or item.pushed_by in debtors


def _judge(case: Case, receivable: Receivable, item: EvidenceDocument, domains: tuple[str, ...]) -> Verdict:
    key = receivable.fingerprint
    sent = sent_from(item)
    domain = domain_of(sent)
    told = case.of_document(item, "sent_from", sent)
    aped = look_alike(domain, domains) if domain else None
    if aped is not None:
        text = f"The confirmation came from {domain}, which looks like {aped} and is another domain."
        known = Input("", "contacts", aped, "desk", case.as_of("desk"))
        return Verdict(key, Outcome.FAIL, "LOOK_ALIKE", text, (told, known))
    if _from_debtor(receivable, item):
        text = "The debtor's own identity signed the confirmation or handed it in."
        by = Input(item.fingerprint, "pushed_by", item.pushed_by, "ledger", item.registered_at)
        return Verdict(key, Outcome.PASS, "DEBTOR_IDENTITY", text, (by,))
    by = Input(item.fingerprint, "pushed_by", item.pushed_by, "ledger", item.registered_at)
    sellers = {receivable.primary.seller, item.seller, case.evidence.subject.handle} - {""}
    if item.pushed_by in sellers:  # the address on it is then the seller's word, too
        text = "The seller itself handed the confirmation in."
        return Verdict(key, Outcome.FAIL, "FROM_SELLER", text, (by,))
    contact = _contact(case, receivable)
    if domain and matches(domain, contact.domains):
        text = f"The confirmation came from {domain}, which the bank knows as the debtor's."
        return Verdict(key, Outcome.PASS, "KNOWN_DOMAIN", text, (told,))
    text = f"The confirmation came {f'from {domain}' if domain else 'from nobody whom the bank knows'}."
    return Verdict(key, Outcome.WARN, "UNCLEAR", text, (told, by))


def _contact(case: Case, receivable: Receivable) -> Contact:
    """How the bank itself reaches the debtor."""
    for each in receivable.invoice.buyer.identifiers:
        found = case.desk.contacts.get(str(each))
        if found is not None:
            return found
    return Contact()


def sent_from(item: EvidenceDocument) -> str:
    """The address that a confirmation came from: as it says, else one among the debtor's identifiers."""
    body = item.document
    assert isinstance(body, DebtorConfirmation)
    if body.sent_from:
        return body.sent_from
    return next((each.value for each in body.buyer.identifiers if "@" in each.value), "")
