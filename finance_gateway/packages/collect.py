"""Gathering the evidence for one package.

1. the consent is looked up on the ledger: for this bank and purpose, to assess, live; without one nothing else is asked
2. bodies come from every industry gateway, under that consent (:mod:`finance_gateway.packages.bodies`)
3. what the package will rest on is watched from here on, before the ledger is read: nothing falls in between
4. each body is held against what the ledger has under its fingerprint
5. the assets of the documents and those they are linked to are read, with their claims
6. the institutions are asked in parallel, each in batches and with a deadline; silence is an answer
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from consortium.contract import names
from consortium.contract.consents import ConsentRecord
from consortium.documents.fingerprint import ConsortiumKeys
from consortium.documents.party import Party
from consortium.documents.roles import parties_of
from consortium.errors import DeniedError
from crossverify.evidence import (
    AssetState,
    ConsentState,
    Evidence,
    EvidenceDocument,
    LedgerView,
    RequestInfo,
    SourceState,
    SubjectInfo,
)
from crossverify.rule import Stage
from finance_gateway.deskfile import DeskFile
from finance_gateway.heavy import heavy
from finance_gateway.packages.asking import Questions, ask_all, questions_of
from finance_gateway.packages.assets import read_assets
from finance_gateway.packages.bodies import BodyChecker, Checked, ask_ledger, release
from finance_gateway.packages.ports import BodiesPort, Desk, Institutions, LedgerPort


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was asked for; ``subject`` is a ledger handle."""

    subject: str
    identifiers: tuple[str, ...]
    purpose: str
    consent_id: str
    stage: Stage
    fingerprints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collected:
    """What was gathered.

    :ivar bodies: canonical bytes of the evidence's documents, by fingerprint
    :ivar questions: what the institutions were asked
    """

    evidence: Evidence
    bodies: Mapping[str, bytes]
    questions: Questions


class Collector:
    """Gathers evidence for one bank.

    :param msp_id: the bank's organisation
    :param desk: the bank's own figures
    """

    def __init__(
        self,
        *,
        msp_id: str,
        channel: str,
        keys: ConsortiumKeys,
        ledger: LedgerPort,
        bodies: Sequence[BodiesPort],
        institutions: Institutions,
        desk: DeskFile,
    ) -> None:
        self._msp_id = msp_id
        self._channel = channel
        self._keys = keys
        self._ledger = ledger
        self._bodies = bodies
        self._institutions = institutions
        self._desk = desk
        self._checker = BodyChecker(keys)

    async def collect(self, wanted: Wanted, at: int, desk: Desk) -> Collected:
        """The evidence for a package.

        :param at: time of evaluation, seconds since 1970 UTC
        :raises DeniedError: CONSENT_MISSING, when there is no live consent for this bank and purpose
        :raises UnavailableError: the ledger or an industry gateway does not answer
        :raises ConfigurationError: the bank's own figures cannot be read
        """
        figures = self._desk.info()  # before anything is asked: reports cost money, and this may be wrong
        consents = await self._consents(wanted.subject)
        consent = self._choose(consents, wanted, at)  # 1
        checked, height = await self._documents(wanted, consent.id, desk)  # 2, 3, 4
        documents = checked.documents
        identifiers = self._identifiers(wanted, documents)
        questions = questions_of(identifiers, documents, consent.id)
        assets, answers = await asyncio.gather(
            read_assets(self._ledger, checked.assets, desk),  # 5
            ask_all(self._institutions, questions),  # 6
        )
        await desk.watch(consent.id, _rests_on(documents, assets.values()), anew=False)
        evidence = Evidence(
            evaluated_at=at,
            subject=SubjectInfo(handle=wanted.subject, identifiers=identifiers),
            request=RequestInfo(
                recipient=self._msp_id, purpose=wanted.purpose, stage=wanted.stage, consent_id=consent.id
            ),
            documents=tuple(documents),
            withheld=tuple(checked.withheld),
            ledger=LedgerView(
                state=SourceState.ANSWERED, as_of=at, height=height, channel=self._channel, assets=assets
            ),
            consents=tuple(consents),
            desk=figures,
            **answers,
        )
        return Collected(evidence, checked.bodies, questions)

    async def _documents(self, wanted: Wanted, consent_id: str, desk: Desk) -> tuple[Checked, int]:
        """Steps 2 to 4, and the ledger's height before it was asked. What was released, and what the ledger said of it,
        are megabytes that are not needed any more afterwards.
        """
        disclosed = await release(
            self._bodies, wanted.subject, consent_id, wanted.purpose, wanted.fingerprints
        )
        await desk.watch(consent_id, disclosed, anew=True)
        height = await self._ledger.height()
        on_ledger = await ask_ledger(self._ledger, list(disclosed))
        return await heavy(self._checker.check, disclosed, on_ledger), height

    async def _consents(self, subject: str) -> list[ConsentState]:
        """The subject's consents to this bank; whom else it lets look is not this bank's business."""
        found: list[ConsentState] = []
        after: str | None = None
        while True:
            answer = await self._ledger.read(
                names.CONSENTS_LIST, {"subject": subject, "after": after, "limit": names.MAX_OTHER_ITEMS}
            )
            records: list[ConsentRecord] = answer["consents"]
            found += [_consent_state(record) for record in records if record["recipient"] == self._msp_id]
            if not answer["more"] or not records:
                return found
            after = records[-1]["id"]

    def _choose(self, consents: Iterable[ConsentState], wanted: Wanted, at: int) -> ConsentState:
        """Step 1. The newest live consent that fits, or the one that was named."""
        fitting = [
            consent
            for consent in consents
            if consent.purpose == wanted.purpose
            and consent.scope == names.SCOPE_ASSESS
            and not consent.revoked_at
            and at < consent.expires
            and wanted.consent_id in ("", consent.id)
        ]
        if not fitting:
            raise DeniedError(
                f"There is no live consent of this subject that lets {self._msp_id} assess it for {wanted.purpose!r}.",
                reason="CONSENT_MISSING",
                remedy="Ask the subject to grant one; revoked and expired consents do not come back.",
            )
        return max(fitting, key=lambda consent: (consent.issued, consent.id))

    def _identifiers(self, wanted: Wanted, documents: Iterable[EvidenceDocument]) -> tuple[str, ...]:
        """The subject's identifiers: those asked with, and those of the party on the documents that has the handle."""
        found = set(wanted.identifiers)
        looked_at: set[Party] = set()
        for item in documents:
            for party in parties_of(item.document):
                if party in looked_at:
                    continue
                looked_at.add(party)
                if self._keys.handle_of(party) == wanted.subject:
                    found |= {str(identifier) for identifier in party.identifiers}
        return tuple(sorted(found))


def _rests_on(documents: Iterable[EvidenceDocument], assets: Iterable[AssetState]) -> set[str]:
    """Every fingerprint that something later may be said of."""
    found = {item.fingerprint for item in documents}
    for asset in assets:
        found |= {asset.asset, *asset.aliases}
    return found


def _consent_state(record: ConsentRecord) -> ConsentState:
    revoked = record["revoked"]
    return ConsentState(
        id=record["id"],
        subject=record["subject"],
        recipient=record["recipient"],
        purpose=record["purpose"],
        scope=record["scope"],
        fields=tuple(record["fields"]),
        issued=record["issued"],
        expires=record["expires"],
        revoked_at=revoked["time"] if revoked else 0,
        txid=record["txid"],
    )
