"""Making a package out of evidence: payload, signature, signed reads that fit it.

The signed reads are made for the payload's digest, so they come last; if the ledger moved in between and they say
something else than the evidence, the evidence is gathered again.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from consortium.contract import names
from consortium.errors import InvalidInputError, UnavailableError
from consortium.identity.jws import sign_jws
from consortium.identity.signer import P256Signer
from crossverify.evidence import Evidence
from crossverify.profiles import Profile
from finance_gateway.heavy import heavy
from finance_gateway.monitor.watched import Watched
from finance_gateway.packages.answers import read_answer
from finance_gateway.packages.bulk import bytes_of, few_collections
from finance_gateway.packages.collect import Collected, Collector, Wanted
from finance_gateway.packages.content import PACKAGE_TYPE, Heading, build_payload
from finance_gateway.packages.envelope import MAX_PACKAGE_BYTES, NONCE_BYTES, Envelope, challenge_of
from finance_gateway.packages.ledger_view import differences, fingerprints_by_read
from finance_gateway.packages.ports import Desk, LedgerPort
from finance_gateway.together import together

ATTEMPTS: Final = 4
"""How often evidence is gathered when the ledger moves under it."""

_log = structlog.get_logger("chanrong.finance.packages")


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who signs packages.

    :param msp_id: the bank's organisation
    :param kid: name of the key in the issuer's published key set
    """

    msp_id: str
    key: P256Signer
    kid: str


@dataclass(frozen=True, slots=True)
class Built:
    """A finished package that nobody has seen yet: the file, and what is kept beside it.

    :ivar consent_id: the consent that was used
    :ivar watched: what institutions are asked again
    """

    package_id: str
    digest: str
    consent_id: str
    summary: dict[str, Any]
    evaluated_at: int
    valid_until: int
    content: bytes
    watched: Watched = field(default_factory=Watched)


@dataclass(frozen=True, slots=True)
class _Payload:
    """What is signed, and of its data only what is kept: the rest is megabytes in small pieces."""

    canonical: bytes
    digest: str
    consent_id: str
    summary: dict[str, Any]
    evaluated_at: int
    valid_until: int
    watched: Watched


class Builder:
    """Builds packages for one bank.

    :param ledger_kind: "embedded" or "fabric"; a package says which
    :param members: organisations of the channel
    """

    def __init__(
        self,
        *,
        collector: Collector,
        ledger: LedgerPort,
        issuer: Issuer,
        ledger_kind: str,
        channel: str,
        members: Sequence[str],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._collector = collector
        self._ledger = ledger
        self._issuer = issuer
        self._ledger_kind = ledger_kind
        self._channel = channel
        self._members = tuple(sorted(members))
        self._clock = clock

    async def build(
        self, package_id: str, wanted: Wanted, profile: Profile, supersedes: str | None, desk: Desk
    ) -> Built:
        """Gathers, evaluates, signs and proves.

        :raises ChanrongError: see :meth:`Collector.collect`
        :raises UnavailableError: LEDGER_MOVING, when the ledger changed under every attempt
        """
        heading = Heading(
            package_id=package_id,
            issuer=self._issuer.msp_id,
            ledger=self._ledger_kind,
            channel=self._channel,
            supersedes=supersedes,
            members=self._members,
        )
        for attempt in range(ATTEMPTS):
            payload, nonce, reads, moved = await self._attempt(heading, wanted, profile, desk)
            if not moved:
                return Built(
                    package_id=package_id,
                    digest=payload.digest,
                    consent_id=payload.consent_id,
                    summary=payload.summary,
                    evaluated_at=payload.evaluated_at,
                    valid_until=payload.valid_until,
                    content=await heavy(self._seal, payload.canonical, nonce, reads),
                    watched=payload.watched,
                )
            _log.info("ledger_moved_under_package", package=package_id, attempt=attempt, first=moved[0])
        raise UnavailableError(
            "The ledger changed while the package was being made, every time.",
            reason="LEDGER_MOVING",
            remedy="Repeat the request; its documents are being registered or claimed at this moment.",
        )

    async def _attempt(
        self, heading: Heading, wanted: Wanted, profile: Profile, desk: Desk
    ) -> tuple[_Payload, str, list[bytes], list[str]]:
        """Payload, nonce, reads, and where they differ. A function of its own, so that the evidence, which is tens of
        megabytes, is gone before the file is put together.
        """
        collected = await self._collector.collect(wanted, int(self._clock()), desk)
        payload = await heavy(_payload, heading, collected, profile)
        nonce = secrets.token_hex(NONCE_BYTES)
        reads = await self._prove(collected.evidence, challenge_of(nonce, payload.digest))
        return payload, nonce, reads, await heavy(_moved, collected.evidence, reads)

    async def _prove(self, evidence: Evidence, challenge: str) -> list[bytes]:
        return await together(
            self._ledger.signed_read(names.ATTEST, {"challenge": challenge, "fps": list(fingerprints)})
            for fingerprints in fingerprints_by_read(evidence)
        )

    def _seal(self, canonical: bytes, nonce: str, reads: Sequence[bytes]) -> bytes:
        signature = sign_jws(canonical, self._issuer.key, self._issuer.kid, typ=PACKAGE_TYPE, detached=True)
        content = Envelope(canonical, signature, nonce, tuple(reads)).to_bytes()
        if len(content) > MAX_PACKAGE_BYTES:
            raise InvalidInputError(
                f"The package would have {len(content)} bytes, the most is {MAX_PACKAGE_BYTES}.",
                reason="PACKAGE_TOO_LARGE",
                remedy="Name the receivables that the package is about.",
            )
        return content


def _payload(heading: Heading, collected: Collected, profile: Profile) -> _Payload:
    with few_collections():
        payload = build_payload(heading, collected.evidence, profile, collected.bodies)
        canonical = bytes_of(payload)
        return _Payload(
            canonical=canonical,
            digest=hashlib.sha256(canonical).hexdigest(),
            consent_id=collected.evidence.request.consent_id,
            summary=payload["summary"],
            evaluated_at=payload["evaluated_at"],
            valid_until=payload["valid_until"],
            watched=Watched.of(collected.questions, collected.evidence, heading.issuer),
        )


def _moved(evidence: Evidence, reads: Sequence[bytes]) -> list[str]:
    taken = [read_answer(read) for read in reads]
    answers = [answer for read in taken for answer in read.answer["answers"]]
    return differences(evidence, answers, {k: v for read in taken for k, v in read.versions.items()})
