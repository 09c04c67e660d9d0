"""What the second form of a package says beyond the first: per receivable the match of its lines, the order of claims
on it and the terms that hold with the document that carries each; who was asked, among which members duplicates would
show, and what every code means in two languages.

Pure, as everything that is replayed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, Final

from consortium.documents.canonical import canonical_bytes
from crossverify.answers import SOURCES
from crossverify.case import Case, Receivable
from crossverify.engine import Evaluation
from crossverify.evidence import Evidence, SourceAnswer
from crossverify.explain import explanations
from crossverify.figures import AssetKind
from crossverify.priority import priorities
from crossverify.profiles import Profile
from crossverify.rule import Finding, Outcome, Text
from crossverify.terms import Term, Terms, said, terms_of

_REGISTRY_OWN: Final = (
    "REGISTRY_OWN",
    Text(
        "File the bank's own registration in the movable-property registry (中登) before paying out.",
        "放款前在动产融资统一登记公示系统（中登网）办理本行登记。",
    ),
)
_ASSIGN_NOTICE: Final = (
    "ASSIGN_NOTICE",
    Text(
        "Serve notice of assignment on the debtor, or agree on undisclosed factoring (民法典 546).",
        "向债务人送达转让通知，或约定暗保理（民法典第546条）。",
    ),
)
_RESERVE: Final = (
    "RESERVE",
    Text(
        "Reserve the share on the ledger: the package reserves nothing.",
        "在账本上预留份额：资料包本身不作预留。",
    ),
)
_PLEDGE: Final = (
    "PLEDGE_ENDORSED",
    Text(
        "Have the receipt endorsed to the bank and signed or sealed by the keeper (民法典 910), and handed over (441).",
        "仓单应背书记载出质并经保管人签名或盖章（民法典第910条），并交付质权人（第441条）。",
    ),
)
_ENDORSE: Final = (
    "BILL_ENDORSED",
    Text(
        "Have the bill endorsed to the bank on the exchange (票据法 27), for this sub-range.",
        "在票交所办理该子票区间的背书转让（票据法第27条）。",
    ),
)

CONDITIONS: Final[Mapping[AssetKind, tuple[tuple[str, Text], ...]]] = {
    AssetKind.RECEIVABLE: (_REGISTRY_OWN, _ASSIGN_NOTICE, _RESERVE),
    AssetKind.ORDER: (_REGISTRY_OWN, _RESERVE),
    AssetKind.BILL: (_ENDORSE, _RESERVE),
    AssetKind.WAREHOUSE_RECEIPT: (_PLEDGE, _REGISTRY_OWN, _RESERVE),
}
"""What can only be true after the bank has decided, by what it lends on."""

MAX_VOICES: Final = 8
"""Documents that are listed for one term; the one that counts is the first."""

_COVERAGE: Final = Text(
    "Claims and duplicates are visible among these members of this channel, and nowhere else.",
    "仅能看到本通道上述成员之间的权利主张与重复融资，其他机构不可见。",
)


def conditions_precedent(case: Case, findings: Iterable[Finding]) -> list[dict[str, str]]:
    """Conditions with their state: "met" where the rule of that name says so of everything that is lent on, or
    everything is reserved; else "open"."""
    said: dict[str, set[Outcome]] = {}
    for item in findings:
        said.setdefault(item.rule, set()).add(item.outcome)
    met = {rule for rule, outcomes in said.items() if outcomes <= {Outcome.PASS, Outcome.NOT_APPLICABLE}}
    if case.assets and all(_own(each.assets) for each in case.assets):
        met.add("RESERVE")
    return [
        {
            "code": code,
            "state": "met" if code in met else "open",
            "text": text.en,
            "text_zh": text.zh,
        }
        for code, text in CONDITIONS[case.lends_on]
    ]


def _own(rows: Iterable[Any]) -> bool:
    return any(claim.own for row in rows for claim in row.claims)


def network(members: Iterable[str], evidence: Evidence) -> dict[str, Any]:
    """Among which members of which channel "no duplicate" holds."""
    channel = evidence.ledger.channel if evidence.ledger is not None else ""
    return {"channel": channel, "members": list(members), **_COVERAGE.to_json()}


def authorisation(evidence: Evidence) -> dict[str, Any]:
    """What the bank was allowed: the consent that was used, with its limits."""
    request = evidence.request
    used = next((each for each in evidence.consents if each.id == request.consent_id), None)
    return {
        "purpose": request.purpose,
        "recipient": request.recipient,
        "stage": request.stage.value,
        "consent": request.consent_id,
        "scope": used.scope if used is not None else request.scope,
        "fields": list(used.fields) if used is not None else [],
        "expires": used.expires if used is not None else 0,
    }


def desk_source(evidence: Evidence) -> dict[str, Any]:
    """The bank's own figures as a source."""
    if evidence.desk is None:
        return {"source": "desk", "state": "not_given"}
    return {
        "source": "desk",
        "state": "given",
        "as_of": evidence.desk.as_of,
        "evidence_digest": hashlib.sha256(canonical_bytes(evidence.desk.to_json())).hexdigest(),
    }


def answers(evidence: Evidence) -> list[tuple[str, SourceAnswer | None]]:
    """What the five institutions said, in their order."""
    return [(name, evidence.answer(name)) for name in SOURCES]


def receivables(case: Case, evaluation: Evaluation) -> list[dict[str, Any]]:
    """The decisions, each with the match of its lines, the order of claims, and its terms."""
    ranks = priorities(case)
    found = []
    for asset, item in zip(case.assets, evaluation.receivables, strict=True):
        data = item.to_json()
        if isinstance(asset, Receivable):
            data["lines"] = [row.to_json() for row in case.matching.table(asset.fingerprint)]
            data["terms"] = terms_json(terms_of(case, asset))
        if asset.fingerprint in ranks:
            data["priority"] = ranks[asset.fingerprint].to_json()
        found.append(data)
    return found


def terms_json(terms: Terms) -> dict[str, Any]:
    """Terms by name; for each, what documents say of it, the one that counts first, with the document and the field
    that carry it."""
    found: dict[str, Any] = {}
    for field in fields(terms):
        voices = [_voice(each) for each in getattr(terms, field.name) if isinstance(each, Term)][:MAX_VOICES]
        if voices:
            found[field.name] = voices
    return found


def _voice(term: Term[Any]) -> dict[str, str]:
    return {
        "value": said(term.value),
        "document": term.document.fingerprint,
        "kind": term.document.document.kind,
        "number": term.document.document.number,
        "field": term.field,
        "voice": term.voice,
    }


def told(evaluation: Evaluation, profile: Profile) -> dict[str, Any]:
    """What the codes that occur mean, and what the rules ask and rest on."""
    used = {item.rule for item in evaluation.findings}
    return {
        "codes": {name: text.to_json() for name, text in explanations(evaluation.findings).items()},
        "rules": {
            item.rule.id: {**item.rule.title.to_json(), "basis": list(item.rule.basis)}
            for item in profile.rules
            if item.rule.id in used
        },
    }
