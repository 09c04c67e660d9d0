"""PARTY_ID, version 2: are the parties who they say they are, and still in business?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from consortium.documents import Party, PurchaseOrder
from consortium.documents.identifiers import Validity, check_identifier
from consortium.documents.roles import Reference, buyer_of, seller_of
from consortium.documents.weights import portions_of
from crossverify.case import Receivable
from crossverify.domains import within
from crossverify.evidence import EvidenceDocument
from crossverify.names import alike
from crossverify.rule import Effect, NoThresholds, Outcome, Text, Verdict
from crossverify.rules.party.party_id_v1 import PartyIdRule as First
from crossverify.rules.party.party_id_v1 import judge_party, judge_subject
from crossverify.who import who_of

if TYPE_CHECKING:
    from crossverify.case import Case
    from crossverify.orders import Asset

_TAX_SCHEMES = frozenset({"uscc", "vat"})
_HOME = "CN"


class PartyIdRule(First):
    """Seller and buyer of whatever is lent on, and the subject itself.

    Check characters of USCC, LEI and VAT numbers; status at tax; the names on invoice and order against the
    registered one and its former names.

    - PASS: active, under its name or a former one. WARN: another name, a slip of the pen in it, suspended; some paper
      gives the debtor a second social credit code, and so makes one party of two.
    - FAIL: a wrong check character; revoked.
    - UNKNOWN: tax was not asked, is silent or stale, or does not know the party; no identifier to ask about.
    - NOT_APPLICABLE: a party abroad without a tax number here: only its check characters are looked at.
    """

    version = 2
    explains: ClassVar = {
        **First.explains,
        "NAME_SLIP": Text(
            "A name is the registered one but for a letter or its legal form; the identifier is right. Nothing to do.",
            "名称与登记名称仅差个别字或企业形式，证号一致。无需处理。",
        ),
        "FOREIGN_PARTY": Text(
            "The party is abroad and has no tax number here, so tax cannot be asked. Its identifiers are well formed; "
            "look it up in its own register.",
            "该方在境外且无境内税号，无法向税务查询；其证号格式正确。请在其本国登记机关核查。",
        ),
        "TWO_COMPANIES": Text(
            "A paper gives this party a second social credit code. A company has one; limits, credit notes and sales "
            "of two companies are then taken for one's. Ask who wrote it and which is right.",
            "有单证将两个统一社会信用代码记在同一主体名下。一家企业仅有一个代码，否则两家企业的限额、红冲和销售会被"
            "合并计算。请查明出处并核实。",
        ),
    }

    effects: ClassVar = {**First.effects, "NAME_SLIP": Effect.INFORMATION}

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        yield judge_subject(case)
        active: dict[tuple[object, ...], Verdict] = {}
        for asset in case.assets:
            two = _two_companies(case, asset)
            if two is not None:
                yield two
            orders = _orders(case, asset)
            for role, find in (("seller", seller_of), ("buyer", buyer_of)):
                found = [(item, find(item.document)) for item in (asset.primary, *orders)]
                parties = [(item, party) for item, party in found if party is not None]
                if not parties:
                    continue
                key = (role, *(party for _, party in parties))
                known = active.get(key)
                if known is not None:  # the same parties, of whom nothing but tax was told
                    yield known._replace(subject=asset.fingerprint)
                    continue
                said = _foreign(case, asset, role, parties) or _slip(judge_party(case, asset, role, parties))
                if said.code == "ACTIVE":
                    active[key] = said
                yield said


def _two_companies(case: Case, asset: Asset) -> Verdict | None:
    """Said where papers give the debtor the codes of several companies."""
    debtor = buyer_of(asset.primary.document)
    if debtor is None:
        return None
    who = who_of(case)
    codes = who.companies(who.of(debtor))
    if len(codes) < 2:
        return None
    text = f"Papers name {', '.join(codes[:3])} as one party; a company has one such code."
    told = case.of_document(asset.primary, "buyer/identifiers", ", ".join(codes[:8]))
    return Verdict(asset.fingerprint, Outcome.WARN, "TWO_COMPANIES", text, (told,))


def _slip(said: Verdict) -> Verdict:
    """A name that is the registered one but for a slip of the pen: the identifier says who it is."""
    if said.code != "NAME_DIFFERS":
        return said
    one, other = said.inputs[0].value, said.inputs[1].value
    same = alike(one, other) or within(one.casefold(), other.casefold(), 1)  # of the legal form too
    return said._replace(code="NAME_SLIP") if same else said


def _orders(case: Case, asset: Asset) -> list[EvidenceDocument]:
    """The orders that an invoice draws on."""
    if not isinstance(asset, Receivable):
        return []
    body, found = asset.invoice, {}
    for portion in portions_of(body):
        order = case.find(Reference("purchase_order", portion.number, body.seller, body.buyer), body)
        if order is not None and isinstance(order.document, PurchaseOrder):
            found[order.fingerprint] = order
    return list(found.values())


def _foreign(
    case: Case, asset: Asset, role: str, parties: list[tuple[EvidenceDocument, Party]]
) -> Verdict | None:
    """Said of a party abroad whose identifiers are right and that tax cannot be asked about."""
    identifiers = dict.fromkeys(each for _, party in parties for each in party.identifiers)
    countries = {party.address.country for _, party in parties if party.address is not None} - {None}
    if not countries or _HOME in countries or any(each.scheme in _TAX_SCHEMES for each in identifiers):
        return None
    if any(check_identifier(each).validity is Validity.INVALID for each in identifiers):
        return None
    told = case.of_document(asset.primary, f"{role}/identifiers", ", ".join(map(str, identifiers)))
    text = f"The {role} is in {', '.join(sorted(map(str, countries)))}: tax here does not know it."
    return Verdict(asset.fingerprint, Outcome.NOT_APPLICABLE, "FOREIGN_PARTY", text, (told,))
