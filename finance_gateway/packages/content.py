"""What is in a credit package: the payload that is signed, made from evidence and a profile alone.

Pure: the same evidence, profile and heading give the same bytes, in the gateway that issues and in the process that
verifies. The payload is what DOMAIN calls "the package, as a loan desk reads it": a heading, the summary first, a
decision with reasons and a waterfall per receivable, then every finding and the evidence that it rests on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from types import MappingProxyType
from typing import Any, Final

import orjson

from consortium.documents import Document
from consortium.documents.canonical import canonical_bytes, plain
from consortium.errors import InvalidInputError
from crossverify.engine import Evaluation, case_of, evaluate, judge
from crossverify.evidence import Evidence, SourceAnswer, SourceState
from crossverify.figures import EXACT
from crossverify.profiles import Profile, rules_digest
from finance_gateway.packages import detail

PACKAGE_VERSION: Final = 2
"""Newest form of the payload. Evidence of version 1 makes a payload of version 1, byte for byte as it always did."""

PACKAGE_TYPE: Final = "chanrong-package+json"
"""``typ`` of the signature, so that no other signed thing passes for a package."""

RETENTION_CLASS: Final = "credit-assessment"
"""How long the bank keeps it is the bank's own rule for this class (征信, PIPL)."""

ONWARD_SHARING: Final = "forbidden"
"""A package is for the recipient and purpose of its consent."""

CONDITIONS_PRECEDENT: Final = (
    {
        "code": "REGISTRY_OWN",
        "text": "File the bank's own registration in the movable-property registry (中登) before paying out.",
    },
    {
        "code": "ASSIGN_NOTICE",
        "text": "Serve notice of assignment on the debtor, or agree on undisclosed factoring (民法典 546).",
    },
    {
        "code": "RESERVE",
        "text": "Reserve the share on the ledger: the package reserves nothing.",
    },
)


_ASKED_IN_VERSION_1: Final = 3
"""Tax, bank and credit bureau."""

Bodies = Mapping[str, bytes]
"""Fingerprint -> canonical bytes of a document."""

NO_BODIES: Final[Bodies] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Heading:
    """What a package says about itself.

    :param package_id: chosen by the issuer, 32 hexadecimal characters
    :param issuer: MSP id of the bank whose gateway made it
    :param ledger: "embedded" or "fabric"
    :param channel: channel of the ledger
    :param supersedes: package that this one replaces, or none
    :param members: organisations of the channel: among them "no duplicate" holds, and no further
    """

    package_id: str
    issuer: str
    ledger: str
    channel: str
    supersedes: str | None
    members: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As canonical JSON data."""
        return {
            "package_id": self.package_id,
            "issuer": self.issuer,
            "ledger": self.ledger,
            "channel": self.channel,
            "supersedes": self.supersedes,
            "members": list(self.members),
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Heading:
        """Reads what :meth:`to_json` wrote.

        :raises InvalidInputError: HEADING_INVALID, something else
        """
        names = ("package_id", "issuer", "ledger", "channel")
        members = data.get("members")
        texts = [*(data.get(name) for name in names), data.get("supersedes") or ""]
        texts += members if isinstance(members, list) else [None]
        if set(data) != set(Heading.__slots__) or not all(isinstance(text, str) for text in texts):
            raise InvalidInputError("The package's heading is not one.", reason="HEADING_INVALID")
        return Heading(
            package_id=data["package_id"],
            issuer=data["issuer"],
            ledger=data["ledger"],
            channel=data["channel"],
            supersedes=data["supersedes"],
            members=tuple(data["members"]),
        )


def build_payload(
    heading: Heading, evidence: Evidence, profile: Profile, bodies: Bodies = NO_BODIES
) -> dict[str, Any]:
    """The payload of a package: evaluates the evidence and arranges everything that follows from it.

    :param bodies: canonical bytes of documents, by fingerprint, where they are at hand: put in as they are
    """
    if evidence.version > 1:
        return _second(heading, evidence, profile, bodies)
    evaluation = evaluate(evidence, profile)
    evidence_json = _evidence_json(evidence, bodies)
    return {
        "version": 1,
        "heading": heading.to_json(),
        "subject": evidence_json["subject"],
        "request": evidence_json["request"],
        "evaluated_at": evidence.evaluated_at,
        "valid_until": valid_until(evidence, profile),
        "summary": summary(evaluation),
        "sources": sources(evidence),
        "receivables": [item.to_json() for item in evaluation.receivables],
        "conditions_precedent": [dict(item) for item in CONDITIONS_PRECEDENT],
        "findings": [item.to_json() for item in evaluation.findings],
        "profile": profile.to_json(),
        "profile_digest": profile.digest(),
        "rules_digest": rules_digest(),
        "retention_class": RETENTION_CLASS,
        "onward_sharing": ONWARD_SHARING,
        "evidence": evidence_json,
    }


def _second(heading: Heading, evidence: Evidence, profile: Profile, bodies: Bodies) -> dict[str, Any]:
    """The second form of the payload: evidence of version 2."""
    with localcontext(EXACT):
        case = case_of(evidence, profile)
        evaluation = judge(case, profile)
        receivables = detail.receivables(case, evaluation)
        conditions = detail.conditions_precedent(case, evaluation.findings)
    evidence_json = _evidence_json(evidence, bodies)
    said = summary(evaluation)
    if evaluation.converted is not None:
        said["converted"] = evaluation.converted.to_json()
    return {
        "version": PACKAGE_VERSION,
        "heading": heading.to_json(),
        "subject": evidence_json["subject"],
        "request": evidence_json["request"],
        "authorisation": detail.authorisation(evidence),
        "evaluated_at": evidence.evaluated_at,
        "valid_until": valid_until(evidence, profile),
        "summary": said,
        "sources": sources(evidence),
        "network": detail.network(heading.members, evidence),
        "lends_on": profile.lends_on.value,
        "receivables": receivables,
        "conditions_precedent": conditions,
        "findings": [item.to_json() for item in evaluation.findings],
        "explanations": detail.told(evaluation, profile),
        "profile": profile.to_json(),
        "profile_digest": profile.digest(),
        "rules_digest": rules_digest(),
        "retention_class": RETENTION_CLASS,
        "onward_sharing": ONWARD_SHARING,
        "evidence": evidence_json,
    }


def _evidence_json(evidence: Evidence, bodies: Bodies) -> dict[str, Any]:
    """:meth:`Evidence.to_json`, with bodies that need not be written again."""
    data = evidence.model_copy(update={"documents": ()}).to_json()
    data["documents"] = [
        {**item.__dict__, "document": _body_json(item.document, bodies.get(item.fingerprint))}
        for item in evidence.documents
    ]
    return data


def _body_json(document: Document, body: bytes | None) -> Any:
    return plain(document) if body is None else orjson.Fragment(body)


def valid_until(evidence: Evidence, profile: Profile) -> int:
    """Last second at which the package may be relied on: the earliest end of its evidence, of its consent and, from
    the second form on, of the bank's own reservations."""
    ages = profile.max_ages
    ends = [evidence.evaluated_at + ages.ledger]
    # An answer that was too old already made findings UNKNOWN; it lends nothing that could end.
    for name, answer in detail.answers(evidence):
        age: int | None = getattr(ages, name)
        if answer is None or age is None or answer.state is not SourceState.ANSWERED:
            continue
        if answer.as_of + age >= evidence.evaluated_at:
            ends.append(answer.as_of + age)
    used = evidence.request.consent_id
    ends += [consent.expires - 1 for consent in evidence.consents if consent.id == used]
    if evidence.version > 1 and evidence.ledger is not None:
        ends += [
            claim.expires - 1
            for asset in evidence.ledger.assets.values()
            for claim in asset.claims
            if claim.own and claim.expires > evidence.evaluated_at
        ]
    return max(min(ends), evidence.evaluated_at)


def summary(evaluation: Evaluation) -> dict[str, Any]:
    """What a loan officer reads first: totals, counts, the subject as a whole, and why receivables are not eligible."""
    counts = {"eligible": 0, "refer": 0, "excluded": 0}
    reasons: dict[str, int] = {}
    for receivable in evaluation.receivables:
        counts[receivable.decision.value] += 1
        for reason in receivable.reasons:
            reasons[reason.code] = reasons.get(reason.code, 0) + 1
    return {
        "subject": evaluation.subject.to_json(),
        "counts": counts,
        "totals": {
            currency: {name: format(Decimal(amount), "f") for name, amount in amounts.items()}
            for currency, amounts in evaluation.totals.items()
        },
        "reasons": [
            {"code": code, "receivables": number}
            for code, number in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        ],
    }


def sources(evidence: Evidence) -> list[dict[str, Any]]:
    """Which sources were asked, which answered as of when, which kept silent and why."""
    listed: list[dict[str, Any]] = []
    asked = detail.answers(evidence)
    for name, answer in asked if evidence.version > 1 else asked[:_ASKED_IN_VERSION_1]:
        if answer is None:
            listed.append({"source": name, "state": "not_asked"})
        else:
            listed.append(_source(name, answer))
    ledger = evidence.ledger
    if ledger is not None:
        listed.append(
            {
                "source": "ledger",
                "state": ledger.state.value,
                "reason": ledger.reason,
                "as_of": ledger.as_of,
                "height": ledger.height,
            }
        )
    if evidence.version > 1:
        listed.append(detail.desk_source(evidence))
    return listed


def _source(name: str, answer: SourceAnswer) -> dict[str, Any]:
    return {
        "source": name,
        "state": answer.state.value,
        "institution": answer.institution,
        "reason": answer.reason,
        "as_of": answer.as_of,
        "digest": answer.digest,
        "evidence_digest": hashlib.sha256(canonical_bytes(answer.answers)).hexdigest(),
    }
