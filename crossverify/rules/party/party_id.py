"""PARTY_ID: are the parties who they say they are, and still in business?"""

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
from crossverify.rule import Effect, Input, NoThresholds, Outcome, Rule, Verdict

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable

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
    codes = frozenset(
        {
            "ACTIVE",
            "BAD_CHECK_CHARACTER",
            "BAD_IDENTIFIER",
            "FORMER_NAME",
            "NAME_DIFFERS",
            "NOT_ACTIVE",
            "NOT_KNOWN_TO_TAX",
            "NO_IDENTIFIER",
            "REVOKED",
        }
    )
    applies_when = "always"
    sources = ("documents", "tax")
    effects: ClassVar = {"WARN": Effect.REFER, "FAIL": Effect.EXCLUDE, "UNKNOWN": Effect.REFER}

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        yield _subject(case)
        for receivable in case.receivables:
            orders = _orders(case, receivable)
            for role in ("seller", "buyer"):
                parties = [(receivable.primary, getattr(receivable.invoice, role))]
                parties += [(item, getattr(item.document, role)) for item in orders]
                yield _party(case, receivable, role, parties)


def _orders(case: Case, receivable: Receivable) -> list[EvidenceDocument]:
    found = {}
    for line in case.trade.lines(receivable):
        order = line.slot.order if line.slot is not None else None
        if order is not None and isinstance(order.document, PurchaseOrder):
            found[order.fingerprint] = order
    return list(found.values())


def _subject(case: Case) -> Verdict:
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


def _party(
    case: Case, receivable: Receivable, role: str, parties: list[tuple[EvidenceDocument, Party]]
) -> Verdict:
    identifiers = tuple(dict.fromkeys(each for _, party in parties for each in party.identifiers))
    names = [
        _Named(party.name, item.fingerprint, f"{role}/name", item.registered_at, "documents")
        for item, party in parties
        if party.name
    ]
    text = ", ".join(map(str, identifiers))
    where = case.of_document(receivable.primary, f"{role}/identifiers", text)
    return _judge(case, _Who(receivable.fingerprint, role, identifiers, names, where))


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
