"""Checking a credit package without trusting whoever made it: no network, no store, no gateway.

The checks, in their order; each is one function below and one line of the report:
1. form: the file is a package in canonical form, and its parts can be read
2. signature: a package key of the issuer, which the trust folder names, signed the payload, and the issuer is the bank
   that the consent is for
3. documents: every body belongs to its commitment (salted leaves, recomputed)
4. ledger: the signed reads are genuine, fresh, made for this package, signed by the issuer's own peer among others, and
   cover all its documents and assets, each read checked by every rule of ``consortium.ledger.proofs``
5. agreement: what the package's evidence says of the ledger is what the signed reads say, on the channel trusted
6. sources: every answer's digest is that of the answer in the evidence
7. replay: the rules, in the versions that the package's profile pins, run again over its own evidence, give the same
   payload, byte for byte, whether or not it was made with this program's code
8. validity: it has not run out

A check that cannot be made because an earlier one failed is left out; the report says what is wrong first.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from consortium.documents.commitment import seal
from consortium.errors import ChanrongError, DeniedError
from consortium.identity.jws import verify_jws
from consortium.identity.trust import TrustRoots
from consortium.ledger.proofs import Expectation, VerifiedRead, verify_signed_read
from crossverify.evidence import Evidence, EvidenceDocument, SourceState
from crossverify.profiles import Profile, rules_digest
from finance_gateway.packages.bulk import few_collections, same_bytes
from finance_gateway.packages.content import PACKAGE_TYPE, Heading, build_payload, sources
from finance_gateway.packages.envelope import Envelope, challenge_of, read_envelope
from finance_gateway.packages.ledger_view import differences, fingerprints_by_read

READ_SLACK_S: Final = 300
"""A signed read is made right after the evaluation, by the same clock; more than this apart, it is not this package's.
"""

EMBEDDED_NOTICE: Final = (
    "embedded ledger, one operator: a single process holds every organisation's key, so the signed reads prove "
    "nothing to a third party. Fit for a demo or a pilot."
)
OWN_CLAIMS_NOTICE: Final = (
    "which claims are the bank's own is its gateway's word: only it can open their handles"
)
TAG_NOTICE: Final = (
    "documents that another gateway registered first agree with the ledger by content tag, which is the issuing "
    "gateway's word: checking it needs the consortium's key. Number of such documents"
)
UNSIGNED_NOTICE: Final = (
    "signed by the organisations: commitments, states, positions and claims of the documents and assets. As the "
    "issuing gateway got them: the institutions' answers, the consents, the links between assets, and who handed "
    "documents in and when"
)
OTHER_CODE_NOTICE: Final = (
    "made with other rule code than this program's; over this evidence both give the same"
)
ONLINE_NOTICE: Final = (
    "offline: whether the package was superseded, reopened or revoked later is on the ledger"
)


@dataclass(frozen=True, slots=True)
class Check:
    """One check of the report."""

    name: str
    ok: bool
    message: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a verification found. ``notices`` say what even a good package does not prove."""

    checks: tuple[Check, ...]
    notices: tuple[str, ...]
    package_id: str = ""

    @property
    def ok(self) -> bool:
        """Whether every check holds."""
        return bool(self.checks) and all(check.ok for check in self.checks)


_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class _BrokenError(Exception):
    """A check that does not hold; its text says what is wrong."""


@dataclass(slots=True)
class _Work:
    """What is known so far; checks hand parts of the package to each other."""

    data: bytes
    trust: TrustRoots
    at: int
    checks: list[Check] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    envelope: Envelope = field(init=False)
    payload: dict[str, Any] = field(init=False)
    heading: Heading = field(init=False)
    evidence: Evidence = field(init=False)
    profile: Profile = field(init=False)
    package_id: str = ""
    bodies: dict[str, bytes] = field(default_factory=dict)
    reads: list[VerifiedRead] = field(default_factory=list)

    def run(self, name: str, check: Callable[[_Work], str]) -> bool:
        """Makes one check and notes the result."""
        try:
            message = check(self)
        except _BrokenError as broken:
            self.checks.append(Check(name, False, str(broken)))
            return False
        except ChanrongError as error:
            self.checks.append(Check(name, False, f"{error.message} ({error.reason})"))
            return False
        except Exception as error:  # noqa: BLE001 - the file is a stranger's: what cannot be checked does not hold
            self.checks.append(
                Check(name, False, f"it cannot be checked: {type(error).__name__} over a malformed part")
            )
            return False
        self.checks.append(Check(name, True, message))
        return True


def verify_package(data: bytes, trust: TrustRoots, *, at: int | None = None) -> VerifyReport:
    """Checks a package file. Never raises for what the file holds.

    :param data: the file
    :param trust: whom the verifier trusts
    :param at: the moment of checking, seconds since 1970 UTC; the machine's clock when none
    """
    work = _Work(data, trust, int(time.time()) if at is None else at)
    with few_collections():
        _run(work)
    return VerifyReport(tuple(work.checks), tuple(work.notices), work.package_id)


def _run(work: _Work) -> None:
    if work.run("form", _form):
        work.run("signature", _signature)
        work.run("documents", _documents)
        if work.run("ledger", _ledger):
            work.run("agreement", _agreement)
        work.run("sources", _sources)
        work.run("replay", _replay)
        work.run("validity", _validity)
        work.notices += [UNSIGNED_NOTICE, ONLINE_NOTICE]


def _form(work: _Work) -> str:
    work.envelope, work.payload = read_envelope(work.data)
    try:
        work.heading = Heading.from_json(work.payload["heading"])
        work.evidence = Evidence.from_json(work.payload["evidence"])
        work.profile = Profile.from_json(work.payload["profile"])
    except (KeyError, TypeError, AttributeError) as error:
        raise _BrokenError(f"a part of the package is missing or malformed: {error}") from error
    work.package_id = work.heading.package_id
    documents = len(work.evidence.documents)
    return f"package {work.package_id}, {documents} documents, {len(work.data):,} bytes"


def _signature(work: _Work) -> str:
    issuer = work.heading.issuer
    keys = package_keys(work.trust, issuer)
    _, kid = verify_jws(work.envelope.signature, keys, typ=PACKAGE_TYPE, payload=work.envelope.payload)
    if work.evidence.request.recipient != issuer:
        raise _BrokenError(
            f"{issuer} signed what {work.evidence.request.recipient} was allowed to see, not itself"
        )
    return f"signed by {issuer}, key {kid}"


def package_keys(trust: TrustRoots, issuer: str) -> Mapping[str, Any]:
    """The keys with which an issuer may sign packages.

    :raises DeniedError: the trust folder names no such issuer
    """
    keys = trust.package_issuers.get(issuer)
    if keys is None:
        known = ", ".join(sorted(trust.package_issuers)) or "nobody"
        raise DeniedError(
            f"The trust folder does not name {issuer} as an issuer of packages; it names {known}.",
            reason="ISSUER_UNKNOWN",
        )
    return keys


def _documents(work: _Work) -> str:
    documents = work.evidence.documents
    if len({item.fingerprint for item in documents}) != len(documents):
        raise _BrokenError("a fingerprint stands there twice")
    wrong = [item for item in documents if not _belongs(work, item)]
    if wrong:
        first = wrong[0]
        raise _BrokenError(
            f"{len(wrong)} documents do not belong to their commitments, first "
            f"{first.document.kind} {first.document.number} ({first.fingerprint[:16]}…)"
        )
    return f"{len(documents)} bodies belong to their commitments"


def _belongs(work: _Work, item: EvidenceDocument) -> bool:
    try:
        sealed = seal(item.document, bytes.fromhex(item.salt))
    except ValueError:
        return False
    work.bodies[item.fingerprint] = sealed.body
    return sealed.commitment == item.commitment


def _ledger(work: _Work) -> str:
    kinds = {work.heading.ledger, work.trust.ledger}
    if "embedded" in kinds:
        work.notices.append(EMBEDDED_NOTICE)
    if len(kinds) != 1:
        raise _BrokenError(
            f"the package says {work.heading.ledger} ledger, the trust folder {work.trust.ledger}"
        )
    wanted = list(fingerprints_by_read(work.evidence))
    if len(wanted) != len(work.envelope.signed_reads):
        raise _BrokenError(
            f"{len(work.envelope.signed_reads)} signed reads, {len(wanted)} are needed for all documents and assets"
        )
    challenge = challenge_of(work.envelope.nonce, work.envelope.digest)
    for read, fingerprints in zip(work.envelope.signed_reads, wanted, strict=True):
        expected = Expectation(
            challenge=challenge,
            fingerprints=fingerprints,
            # Fresh at the time of the evaluation: how old a package may be is its own validity's business.
            at=work.evidence.evaluated_at,
            max_age_s=READ_SLACK_S,
            organisations=frozenset({work.heading.issuer}),
        )
        work.reads.append(verify_signed_read(read, trust=work.trust, expect=expected))
    endorsers = sorted({endorser.msp_id for read in work.reads for endorser in read.endorsers})
    return f"{len(work.reads)} signed reads by {', '.join(endorsers) or 'nobody'}, challenge bound to this package"


def _agreement(work: _Work) -> str:
    ledger = work.evidence.ledger
    if ledger is None or ledger.state is not SourceState.ANSWERED:
        raise _BrokenError("the evidence says nothing of the ledger")
    if {work.heading.channel, ledger.channel} != {work.trust.channel}:
        raise _BrokenError(f"it is about another channel than {work.trust.channel}")
    answers = [answer for read in work.reads for answer in read.answers]
    versions = {key: version for read in work.reads for key, version in read.versions.items()}
    found = differences(work.evidence, answers, versions)
    if found:
        raise _BrokenError(f"evidence and signed reads differ in {len(found)} places, first: {found[0]}")
    if any(claim.own for asset in ledger.assets.values() for claim in asset.claims):
        work.notices.append(OWN_CLAIMS_NOTICE)
    by_tag = sum(item.matched_by == "tag" for item in work.evidence.documents)
    if by_tag:
        work.notices.append(f"{TAG_NOTICE}: {by_tag}")
    return f"{len(answers)} documents and assets as the organisations signed them"


def _sources(work: _Work) -> str:
    listed = sources(work.evidence)
    if work.payload.get("sources") != listed:
        raise _BrokenError("the list of sources, or an answer's digest, is not that of the evidence")
    answered = [each["source"] for each in listed if each["state"] == "answered"]
    silent = [each["source"] for each in listed if each["state"] in {"silent", "stale"}]
    return f"answered: {', '.join(answered) or 'none'}" + (f"; silent: {', '.join(silent)}" if silent else "")


def _replay(work: _Work) -> str:
    """Other code is no fault where it gives the same bytes: a digest of the code says whether it is the same, and
    only the results count."""
    made_with = work.payload.get("rules_digest")
    if not isinstance(made_with, str) or _DIGEST.fullmatch(made_with) is None:
        raise _BrokenError("the package does not say with which code it was made")
    other = made_with != rules_digest()
    again = build_payload(work.heading, work.evidence, work.profile, work.bodies) | {
        "rules_digest": made_with
    }
    if not same_bytes(again, work.envelope.payload):
        again = build_payload(work.heading, work.evidence, work.profile) | {"rules_digest": made_with}
        keys = sorted(set(again) | set(work.payload))
        changed = [key for key in keys if again.get(key) != work.payload.get(key)]
        release = "; made with other rule code than this program has" if other else ""
        raise _BrokenError(
            f"the rules give another result over this evidence; different: {', '.join(changed)}{release}"
        )
    if other:
        work.notices.append(OTHER_CODE_NOTICE)
    return f"{len(again['findings'])} findings again, byte for byte"


def _validity(work: _Work) -> str:
    until = work.payload.get("valid_until")
    if not isinstance(until, int):
        raise _BrokenError("the package does not say until when it holds")
    if work.at > until:
        raise _BrokenError(f"ran out {work.at - until} s ago; ask for a new package")
    if work.at < work.evidence.evaluated_at - READ_SLACK_S:
        raise _BrokenError("was evaluated in the future of this clock")
    return f"for another {until - work.at} s"
