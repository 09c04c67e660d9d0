"""PARTY_ID, version 1: are the parties who they say they are, and still in business?"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from consortium.documents import Party, PartyId, PurchaseOrder
from consortium.documents.fingerprint import party_id
from consortium.documents.identifiers import CHECKS, Validity, check_identifier
from consortium.documents.party import rank
from consortium.errors import ChanrongError
from crossverify.answers import Gap, Taxpayer
from crossverify.evidence import EvidenceDocument
from crossverify.rule import Effect, Input, NoThresholds, Outcome, Rule, Text, Verdict

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable
    from crossverify.orders import Asset

_REVOKED_STATES = frozenset({"revoked", "cancelled", "deregistered"})


class _Named(NamedTuple):
    """A name that a document gives to a party."""

    name: str
    document: str
    field: str
    as_of: int
    source: str


class _Who(NamedTuple):
    """A party to be judged."""

    key: str
    """The receivable, or "" for the subject."""
    role: str
    identifiers: tuple[PartyId, ...]
    names: list[_Named]
    where: Input
    """Where its identifiers stand."""


class PartyIdRule(Rule[NoThresholds]):
    """Seller and buyer of each receivable, and the subject itself.

    Check characters of USCC, LEI and VAT numbers; status at tax; the names on invoice and order against the
    registered one and its former names.

    - PASS: active, under its name or a former one. WARN: another name, suspended.
    - FAIL: a wrong check character; revoked.
    - UNKNOWN: tax was not asked, is silent or stale, or does not know the party; no identifier to ask about.
    - NOT_APPLICABLE: never.
    """

    id = "PARTY_ID"
    version = 1
    title = Text(
        "Are the parties who they say they are, and still in business?",
        "各方身份是否属实并存续？",
    )
    basis = ("GB 32100-2015", "ISO 17442", "反洗钱法 29", "practice")
    explains: ClassVar = {
        "ACTIVE": Text(
            "The party is active at tax under this name. Nothing to do.",
            "该方税务状态正常，名称一致。无需处理。",
        ),
        "BAD_CHECK_CHARACTER": Text(
            "The identifier's check character is wrong: mistyped or invented. Ask for the business licence.",
            "证号校验位错误：录入有误或虚构。请核对营业执照。",
        ),
        "BAD_IDENTIFIER": Text(
            "What was given as the subject's identifier is none. Correct the request.",
            "所给主体证号不是有效证号。请更正申请。",
        ),
        "FORMER_NAME": Text(
            "A document gives a former name of the party, as happens after a change of name. Nothing to do.",
            "单证使用该方曾用名，更名后属正常。无需处理。",
        ),
        "NAME_DIFFERS": Text(
            "The name on a document is neither the registered one nor a former one. Check that it is the "
            "same party.",
            "单证上的名称既非登记名称也非曾用名。请核实是否为同一主体。",
        ),
        "NOT_ACTIVE": Text(
            "The party is suspended or in another odd state at tax. Find out why before lending.",
            "该方税务状态异常。放款前请查明原因。",
        ),
        "NOT_KNOWN_TO_TAX": Text(
            "Tax does not know the party. Usual for foreign parties; else look into it.",
            "税务无此主体。境外主体属正常，否则请核查。",
        ),
        "NO_IDENTIFIER": Text(
            "The party has no identifier that tax could be asked about. Ask for one.",
            "该方没有可向税务查询的证号。请补充。",
        ),
        "REVOKED": Text(
            "The party is revoked or deregistered at tax. Do not lend.",
            "该方已被吊销或注销。不得放款。",
        ),
    }
    applies_when = "always"
    sources = ("documents", "tax")
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        yield judge_subject(case)
        for receivable in case.receivables:
            orders = _orders(case, receivable)
            for role in ("seller", "buyer"):
                parties = [(receivable.primary, getattr(receivable.invoice, role))]
                parties += [(item, getattr(item.document, role)) for item in orders]
                yield judge_party(case, receivable, role, parties)


def _orders(case: Case, receivable: Receivable) -> list[EvidenceDocument]:
    found = {}
    for line in case.trade.lines(receivable):
        order = line.slot.order if line.slot is not None else None
        if order is not None and isinstance(order.document, PurchaseOrder):
            found[order.fingerprint] = order
    return list(found.values())


def judge_subject(case: Case) -> Verdict:
    """What is said of the subject itself."""
    subject = case.evidence.subject
    identifiers = []
    for text in subject.identifiers:
        try:
            identifiers.append(party_id(text))
        except ChanrongError:
            told = Input("", "identifiers", text, "request", case.now)
            return Verdict("", Outcome.FAIL, "BAD_IDENTIFIER", f"{text!r} is no identifier.", (told,))
    names = [_Named(subject.name, "", "name", case.now, "request")] if subject.name else []
    where = Input("", "identifiers", ", ".join(subject.identifiers), "request", case.now)
    return _judge(case, _Who("", "subject", tuple(identifiers), names, where))


def judge_party(
    case: Case, asset: Asset, role: str, parties: list[tuple[EvidenceDocument, Party]]
) -> Verdict:
    """What is said of one party of what is lent on.

    :param parties: the documents that name it
    """
    identifiers = tuple(dict.fromkeys(each for _, party in parties for each in party.identifiers))
    names = [
        _Named(party.name, item.fingerprint, f"{role}/name", item.registered_at, "documents")
        for item, party in parties
        if party.name
    ]
    text = ", ".join(map(str, identifiers))
    where = case.of_document(asset.primary, f"{role}/identifiers", text)
    return _judge(case, _Who(asset.fingerprint, role, identifiers, names, where))


def _judge(case: Case, who: _Who) -> Verdict:
    key, role, where = who.key, who.role, who.where
    for each in who.identifiers:
        check = check_identifier(each)
        if check.validity is Validity.INVALID:
            text = f"The {role}'s {each.scheme.upper()} {each.value} is wrong: {check.reason}."
            told = Input(where.document, where.field, str(each), where.source, where.as_of)
            return Verdict(key, Outcome.FAIL, "BAD_CHECK_CHARACTER", text, (told,))
    asked = [each for each in who.identifiers if each.scheme in CHECKS] or list(who.identifiers)
    if not asked:
        text = f"The {role} has no identifier that tax could be asked about."
        return Verdict(key, Outcome.UNKNOWN, "NO_IDENTIFIER", text, (where,))
    asked.sort(key=lambda each: rank(each.scheme))
    answer: Taxpayer | Gap | None = None
    for each in asked:
        answer = case.taxpayer(str(each))
        if isinstance(answer, Taxpayer):
            return _at_tax(case, who, each, answer)
    assert isinstance(answer, Gap)
    return Verdict(
        key, Outcome.UNKNOWN, answer.code, answer.message, (case.of_gap(answer, where.document), where)
    )


def _at_tax(case: Case, who: _Who, identifier: PartyId, known: Taxpayer) -> Verdict:
    key, role = who.key, who.role
    state = case.of_source("tax", "", f"{identifier}/state", known.state or "not known")
    if not known.known:
        text = f"Tax does not know the {role} {identifier}."
        return Verdict(key, Outcome.UNKNOWN, "NOT_KNOWN_TO_TAX", text, (state,))
    if known.state in _REVOKED_STATES:
        text = f"The {role} {identifier} is {known.state} at tax."
        return Verdict(key, Outcome.FAIL, "REVOKED", text, (state,))
    if known.state != "active":
        text = f"The {role} {identifier} is {known.state or 'in no known state'} at tax."
        return Verdict(key, Outcome.WARN, "NOT_ACTIVE", text, (state,))
    registered = case.of_source("tax", "", f"{identifier}/name", known.name)
    former = {_plain(name) for name in known.former_names}
    seen_former = False
    for each in who.names:
        plain = _plain(each.name)
        if not known.name or plain == _plain(known.name):
            continue
        told = Input(each.document, each.field, each.name, each.source, each.as_of)
        if plain not in former:
            text = f"The {role} is called {each.name!r} here and {known.name!r} at tax."
            return Verdict(key, Outcome.WARN, "NAME_DIFFERS", text, (told, registered))
        seen_former = True
    if seen_former:
        text = f"The {role} is active; a document gives a former name of {known.name!r}."
        return Verdict(key, Outcome.PASS, "FORMER_NAME", text, (state, registered))
    return Verdict(key, Outcome.PASS, "ACTIVE", f"The {role} is active at tax.", (state, registered))


def _plain(name: str) -> str:
    """A name as it is compared: NFKC, case folded, letters and digits only."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(each for each in text if each.isalnum()) or text
