"""What the acts share: the sandbox, the world, and short ways to do what persons and systems do."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from chanrong.cli.consent import grant_consent, revoke_consent
from chanrong.cli.package import request_package
from chanrong.demo.stage import Stage
from chanrong.demo.ubl_writer import to_ubl
from chanrong.demo.world import World
from chanrong.sandbox import erp
from chanrong.sandbox.clients import bank_of, connect, gateway_of, officer_of
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.parties import onboard
from chanrong.sandbox.profile import Party, Profile
from consortium.documents import Document
from consortium.documents import Party as DocumentParty
from consortium.documents.canonical import document_bytes
from consortium.rpc.client import call
from consortium.wire.chanrong.finance.v1 import finance_pb2, finance_pb2_grpc

PURPOSE = "credit_assessment"
WAIT_S = 60.0
CONSENT_DAYS = 90
FILES_PER_PUSH = 200

Json = dict[str, Any]


@dataclass(slots=True)
class Scene:
    """One demo under way."""

    layout: Layout
    profile: Profile
    world: World
    stage: Stage
    fingerprints: dict[str, str] = field(default_factory=dict)
    consents: dict[str, str] = field(default_factory=dict)
    package_file: str = ""
    package_id: str = ""
    claim_id: str = ""

    async def join(self, alias: str, party: DocumentParty, via: str) -> Party:
        """Makes a party known at a gateway."""
        identifiers = tuple(str(identifier) for identifier in party.identifiers)
        gateway = gateway_of(self.profile, via)
        self.profile, made = await onboard(
            self.layout, self.profile, gateway, alias=alias, name=party.name or alias, identifiers=identifiers
        )
        return made

    async def push(
        self,
        alias: str,
        documents: Sequence[Document],
        *,
        via: str = "",
        as_json: bool = False,
        wait: bool = True,
    ) -> list[Json]:
        """Pushes documents as a party's ERP would: UBL files, or NDJSON. One result per document."""
        gateway = gateway_of(self.profile, via)
        results: list[Json] = []
        async with erp.session(self.layout, gateway, self.profile.party(alias)) as client:
            for start in range(0, len(documents), FILES_PER_PUSH):
                batch = documents[start : start + FILES_PER_PUSH]
                key = f"demo-{alias}-{via}-{start}-{time.time_ns()}"
                if as_json:
                    body = b"".join(document_bytes(document) + b"\n" for document in batch)
                    answer = await client.push(body, "application/x-ndjson", idempotency_key=key)
                else:
                    files = [(f"{d.kind}-{i}.xml", to_ubl(d), "application/xml") for i, d in enumerate(batch)]
                    answer = await client.push_files(files, idempotency_key=key)
                found = list(answer["results"])
                if wait and any(r.get("document_id") for r in found):
                    status = await client.wait_push(answer["push_id"], WAIT_S)
                    positions = {d["document_id"]: d["position"] for d in status["documents"]}
                    for result in found:
                        result["position"] = positions.get(result.get("document_id", ""), {})
                results += found
        for result in results:
            if result.get("fingerprint"):
                self.fingerprints[f"{result['kind']}/{result['number']}"] = result["fingerprint"]
        return results

    def fingerprint(self, document: Document) -> str:
        """The fingerprint of a document that was pushed."""
        return self.fingerprints[f"{document.kind}/{document.number}"]

    async def consent(self, alias: str, bank: str, scope: str = "assess", via: str = "") -> str:
        """A party's consent for a bank; its identifier."""
        granted = await grant_consent(
            self.layout,
            self.profile,
            self.profile.party(alias),
            bank_msp=bank_of(self.profile, bank).msp_id,
            purpose=PURPOSE,
            scope=scope,
            fields=["*"],
            days=CONSENT_DAYS,
            via=via,
        )
        return str(granted["consent_id"])

    async def revoke(self, alias: str, consent_id: str) -> None:
        """Withdraws a consent."""
        await revoke_consent(self.layout, self.profile, self.profile.party(alias), consent_id)

    async def package(
        self, bank: str, alias: str, profile: str = ""
    ) -> tuple[finance_pb2.PackageSummary, Json, bytes]:
        """A package: summary, payload, file."""
        wanted = finance_pb2.RequestPackageRequest(
            subject=self.profile.party(alias).handle, purpose=PURPOSE, profile=profile
        )
        answer = await request_package(self.layout, self.profile, bank, wanted)
        return answer.summary, orjson.loads(answer.package)["payload"], answer.package

    async def reserve(self, bank: str, fingerprint: str, consent: str, share: int) -> finance_pb2.ClaimResult:
        """A bank reserves a share of an asset."""
        service = bank_of(self.profile, bank)
        item = finance_pb2.ReserveItem(fingerprint=fingerprint, share_ppb=share, consent_id=consent)
        async with connect(self.layout, service, officer_of(service)) as link:
            stub = finance_pb2_grpc.FinancingServiceStub(link)
            return (await call(stub.Reserve, finance_pb2.ReserveRequest(items=[item]))).results[0]

    async def finance(self, bank: str, claim: str, consent: str) -> finance_pb2.ClaimResult:
        """A bank turns its reservation into a financing."""
        service = bank_of(self.profile, bank)
        wanted = finance_pb2.FinanceRequest(claim_id=claim, monitor_consent_id=consent)
        async with connect(self.layout, service, officer_of(service)) as link:
            return (await call(finance_pb2_grpc.FinancingServiceStub(link).Finance, wanted)).result

    async def claim(self, bank: str, claim_id: str) -> finance_pb2.Claim:
        """A bank's claim as it is now."""
        service = bank_of(self.profile, bank)
        async with connect(self.layout, service, officer_of(service)) as link:
            stub = finance_pb2_grpc.FinancingServiceStub(link)
            claims = (await call(stub.ListClaims, finance_pb2.ListClaimsRequest())).claims
        return next(claim for claim in claims if claim.claim_id == claim_id)

    async def chanrong(self, *words: str) -> tuple[int, str]:
        """Runs the command line in a process of its own: exit code, and what it printed on stdout."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "chanrong",
            *words,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        printed, _ = await process.communicate()
        return process.returncode or 0, printed.decode()


def receivable(payload: Json, fingerprint: str) -> Json:
    """A receivable's decision in a package, by the fingerprint of its document or asset; empty when it is not there."""
    found = (r for r in payload["receivables"] if fingerprint in (r["fingerprint"], r["document"]))
    return next(found, {"decision": "absent", "reasons": [], "waterfall": [], "eligible": "0", "number": ""})


def reason_codes(item: Json) -> list[str]:
    """Codes of a receivable's reasons."""
    return [reason["code"] for reason in item["reasons"]]
