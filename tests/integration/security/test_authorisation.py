"""Every method of every service, called with every role's certificate of every organisation, and with none.

What may be called stands in ``EXPECTED``, written by hand; every other pair is denied, leaves a line in the log that
says why, and changes nothing.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import grpc
import grpc.aio
import pytest
import structlog

from chanrong.sandbox.clients import tls_of
from consortium.documents.canonical import document_bytes
from consortium.documents.party import primary_id
from consortium.identity.ca import CertificateAuthority, Issued
from consortium.identity.directory import ROLES, OrgDirectory
from consortium.identity.signer import P256Signer
from consortium.rpc.client import channel
from consortium.rpc.tls import TlsFiles
from consortium.wire.chanrong.documents.v1 import documents_pb2
from tests.integration.security.methods import METHODS, Answer, ask, methods_of, request_of, served_by
from tests.integration.security.world import BANK, INDUSTRY, LOOPBACK, PURPOSE, World, trades_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEERS = 2  # of each kind of gateway, so that there are others

SERVERS = ("industry-a", "bank-a", "tax", "bank", "credit", "registry", "bills")
ORGANISATIONS = ("IndustryAMSP", "IndustryBMSP", "BankAMSP", "BankBMSP", "InstitutionsMSP", "OrdererMSP")

ERP = {(INDUSTRY, "erp")}
INDUSTRY_OPERATOR = {(INDUSTRY, "operator")}
OTHERS_GATEWAYS = {(org, "gateway") for org in ("IndustryBMSP", "BankAMSP", "BankBMSP", "OrdererMSP")}
DESK = {(BANK, "bank"), (BANK, "operator")}
OFFICER = {(BANK, "bank")}
BANK_OPERATOR = {(BANK, "operator")}
BANKS = {("BankAMSP", "gateway"), ("BankBMSP", "gateway")}
INSTITUTION = {("InstitutionsMSP", "operator")}


def _institution(service: str, *questions: str) -> dict[str, set[tuple[str, str]]]:
    """Banks' gateways ask, the institution's operators load."""
    return {
        **{f"sources.v1.{service}/{name}": BANKS for name in questions},
        "sources.v1.InstitutionAdminService/LoadData": INSTITUTION,
        "sources.v1.InstitutionAdminService/SetPaused": INSTITUTION,
    }


EXPECTED: Mapping[str, Mapping[str, set[tuple[str, str]]]] = {
    "industry-a": {
        "industry.v1.IntakeService/Push": ERP,
        "industry.v1.IntakeService/GetDocuments": ERP,
        "industry.v1.PartyService/RegisterParty": INDUSTRY_OPERATOR,
        "industry.v1.PartyService/ListParties": INDUSTRY_OPERATOR,
        "industry.v1.ConsentService/Grant": ERP,
        "industry.v1.ConsentService/Revoke": ERP,
        "industry.v1.ConsentService/ListConsents": ERP,
        "industry.v1.ReleaseService/Release": OTHERS_GATEWAYS,  # and then a consent decides
        "industry.v1.FinancingRequestService/RequestFinancing": ERP,
        "industry.v1.FinancingRequestService/ListFinancingRequests": ERP | OTHERS_GATEWAYS,
        "reconciliation.v1.ReconciliationService/RunJobs": INDUSTRY_OPERATOR,
        "reconciliation.v1.ReconciliationService/ListBreaks": INDUSTRY_OPERATOR,
        "reconciliation.v1.ReconciliationService/ResolveBreak": INDUSTRY_OPERATOR,
    },
    "bank-a": {
        "finance.v1.PackageService/RequestPackage": DESK,
        "finance.v1.PackageService/GetPackage": DESK,
        "finance.v1.PackageService/ListPackages": DESK,
        "finance.v1.PackageService/WatchPackages": DESK,
        "finance.v1.FinancingService/Reserve": OFFICER,
        "finance.v1.FinancingService/Finance": OFFICER,
        "finance.v1.FinancingService/Release": OFFICER,
        "finance.v1.FinancingService/Settle": OFFICER,
        "finance.v1.FinancingService/ListClaims": DESK,
        "finance.v1.RegistryService/SearchRegistry": DESK,
        "finance.v1.RegistryService/FileAssets": OFFICER,
        "finance.v1.RegistryService/AmendFiling": OFFICER,
        "finance.v1.RegistryService/CancelFiling": OFFICER,
        "finance.v1.RegistryService/ListFilings": DESK,
        "reconciliation.v1.ReconciliationService/RunJobs": BANK_OPERATOR,
        "reconciliation.v1.ReconciliationService/ListBreaks": BANK_OPERATOR,
        "reconciliation.v1.ReconciliationService/ResolveBreak": BANK_OPERATOR,
    },
    "tax": _institution("TaxSourceService", "CheckInvoices", "StreamInvoices", "CheckTaxpayers", "GetSales"),
    "bank": _institution("BankSourceService", "FindPayments", "StreamPayments", "CheckAccounts", "GetFlows"),
    "credit": _institution("CreditSourceService", "GetReports", "StreamReports"),
    "registry": {
        **_institution("RegistrySourceService", "SearchRegistrations", "StreamRegistrations"),
        "sources.v1.RegistryFilingService/FileRegistration": BANKS,
        "sources.v1.RegistryFilingService/AmendRegistration": BANKS,
        "sources.v1.RegistryFilingService/CancelRegistration": BANKS,
    },
    "bills": _institution("BillSourceService", "CheckBills", "StreamBills"),
}
"""Server -> method -> who may call it: (organisation, role). Nobody else may."""

REFUSED_IDENTITY = "CERTIFICATE_ROLE_NOT_ALLOWED"
WATCH_S = 0.5
"""A watch that is let in says nothing until something happens: so long it is listened to."""


def allowed(server: str, path: str) -> set[tuple[str, str]]:
    return EXPECTED[server][path.removeprefix("/chanrong.")]


def certificates(world: World) -> Iterator[tuple[str, str, TlsFiles]]:
    """A certificate named like a registered party for each organisation and role, from the organisation's own CA."""
    for org in ORGANISATIONS:
        for role in sorted(ROLES):
            yield org, role, world.tls("alice", org, role)


def weapons(world: World) -> dict[str, Any]:
    """For each method a request that would do something if it were let in."""
    member, trade = world.members["alice"], trades_of("alice")[1]
    source = documents_pb2.SourceDocument(content=document_bytes(trade.order))
    consent = member.consent()
    signed = {
        "statement": base64_bytes(consent["statement"]),
        "signature": base64_bytes(consent["signature"]),
        "key_number": 1,
    }
    party = {
        "alias": "mallory",
        "name": "无锡假冒有限公司",
        "identifiers": ["gln:6901234567892"],
        "public_key": P256Signer.generate().spki,
    }
    subject = {"subject": member.handle, "consent_id": "0" * 32, "purpose": PURPOSE}
    item = {"fingerprint": "ab" * 32, "share_ppb": 1, "consent_id": "0" * 32}
    fields: dict[str, Any] = {
        "industry.v1.IntakeService/Push": {"documents": [source]},
        "industry.v1.PartyService/RegisterParty": party,
        "industry.v1.ConsentService/Grant": signed,
        "industry.v1.ConsentService/Revoke": signed,
        "industry.v1.ReleaseService/Release": subject,
        "industry.v1.FinancingRequestService/RequestFinancing": {
            "bank": BANK,
            "fingerprints": ["ab" * 32],
            "amount": "1",
            "currency": "CNY",
        },
        "finance.v1.PackageService/RequestPackage": subject,
        "finance.v1.FinancingService/Reserve": {"items": [item]},
        "finance.v1.FinancingService/Finance": {"claim_id": "ab" * 8},
        "finance.v1.FinancingService/Release": {"claim_id": "ab" * 8, "reason": "repaid"},
        "finance.v1.FinancingService/Settle": {"claim_id": "ab" * 8},
        "sources.v1.InstitutionAdminService/LoadData": {"content": document_bytes(trade.invoices[0])},
        "sources.v1.InstitutionAdminService/SetPaused": {"paused": True},
    }
    return {path: request_of(path, **fields.get(path.removeprefix("/chanrong."), {})) for path in METHODS}


def base64_bytes(text: str) -> bytes:
    import base64

    return base64.b64decode(text)


def stored(world: World) -> dict[str, str]:
    """A digest of every table of every service and of the ledger."""
    found: dict[str, str] = {}
    for path in sorted(world.sandbox.layout.root.glob("data/*/*.db")):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
            tables = [
                row[0] for row in database.execute("select name from sqlite_master where type = 'table'")
            ]
            for table in tables:
                if table != "job_slots":  # the clock fills it
                    rows = sorted(repr(row) for row in database.execute(f'select * from "{table}"'))
                    digest = hashlib.sha256("\n".join(rows).encode()).hexdigest()
                    found[f"{path.parent.name}/{table}"] = digest
        database.close()
    return found


async def test_every_service_is_served_and_every_method_has_its_line(world: World) -> None:
    found: set[str] = set()
    for server in SERVERS:
        async with world.link(server, world.tls("alice", INDUSTRY, "erp")) as link:
            served = await served_by(link)
        assert {f"/chanrong.{name}" for name in EXPECTED[server]} == set(methods_of(served)), server
        found |= served
    assert found == {method.containing_service.full_name for method in METHODS.values()}


async def test_whoever_is_not_listed_is_denied_logged_and_changes_nothing(world: World) -> None:
    requests = weapons(world)
    directory = OrgDirectory.load(world.sandbox.layout.directory).organisations
    before = stored(world)
    for server in SERVERS:
        for org, role, tls in certificates(world):
            denied = [
                path
                for path in map("/chanrong.{}".format, EXPECTED[server])
                if (org, role) not in allowed(server, path)
            ]
            known = role in directory[org].roles
            expected = "DENIED" if known else REFUSED_IDENTITY
            async with world.link(server, tls) as link:
                with structlog.testing.capture_logs() as lines:
                    answers = await asyncio.gather(*(ask(link, path, requests[path]) for path in denied))
            assert {
                path: answer.reason
                for path, answer in zip(denied, answers, strict=True)
                if answer.reason != expected or answer.messages
            } == {}, (server, org, role)
            told = Counter((line["method"], line["reason"]) for line in lines if line["event"] == "call")
            assert told == Counter((path, expected) for path in denied), (server, org, role)
            who = {(line["org"], line["role"]) for line in lines if line["event"] == "call"}
            assert who == {(org, role) if known else (None, None)}
    assert stored(world) == before


async def test_whoever_is_listed_gets_past_the_door(world: World) -> None:
    """So that the table above is no table of what is broken: an empty request is answered by the method itself."""
    for server in SERVERS:
        for org, role, tls in certificates(world):
            async with world.link(server, tls) as link:
                for path in map("/chanrong.{}".format, EXPECTED[server]):
                    if (org, role) not in allowed(server, path):
                        continue
                    watch = path.endswith("/WatchPackages")
                    answer = await ask(link, path, b"", timeout_s=WATCH_S if watch else 20)
                    assert answer.code not in _SHUT, (server, path, org, role, answer)
                    assert not watch or answer.code is grpc.StatusCode.DEADLINE_EXCEEDED


_SHUT = {
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
}


async def _through(world: World, server: str, tls: TlsFiles | None) -> list[Answer]:
    """The answers of every method of a server to a certificate, and that nothing changed."""
    requests = weapons(world)
    before = stored(world)
    paths = [f"/chanrong.{name}" for name in EXPECTED[server]]
    if tls is None:
        roots = tls_of(world.sandbox.layout, server).read()[2]
        link = grpc.aio.secure_channel(world.target(server), grpc.ssl_channel_credentials(roots))
    else:
        link = channel(world.target(server), tls)
    try:
        answers = await asyncio.gather(*(ask(link, path, requests[path]) for path in paths))
    finally:
        await link.close()
    assert stored(world) == before
    return list(answers)


def _authority(world: World) -> CertificateAuthority:
    return CertificateAuthority.load(world.sandbox.layout.tls_ca(INDUSTRY))


def _without_a_certificate(world: World) -> None:
    return None


def _of_a_foreign_ca(world: World) -> Issued:
    own = _authority(world).certificate
    name = own.subject.rfc4514_string()
    foreign = CertificateAuthority.create("IndustryAMSP TLS CA", INDUSTRY)
    assert foreign.certificate.subject.rfc4514_string() == name  # it differs by its key alone
    return foreign.issue("alice", ou="erp", sans=LOOPBACK)


def _expired(world: World) -> Issued:
    now = dt.datetime.now(dt.UTC)
    start, end = now - dt.timedelta(days=2), now - dt.timedelta(days=1)
    return _authority(world).issue("alice", ou="erp", sans=LOOPBACK, not_before=start, not_after=end)


def _not_yet_valid(world: World) -> Issued:
    now = dt.datetime.now(dt.UTC)
    start, end = now + dt.timedelta(days=1), now + dt.timedelta(days=2)
    return _authority(world).issue("alice", ou="erp", sans=LOOPBACK, not_before=start, not_after=end)


def _of_the_ledger_ca(world: World) -> Issued:
    """The organisation's CA for identities on the ledger is none for TLS."""
    return CertificateAuthority.load(world.sandbox.layout.ca(INDUSTRY)).issue(
        "alice", ou="erp", sans=LOOPBACK
    )


def _made_with_a_leaf(world: World) -> Issued:
    """A certificate that an ERP signed with its own: only CAs give certificates."""
    key = P256Signer.generate()
    leaf = _authority(world).issue("alice", ou="erp", sans=LOOPBACK, key=key)
    return CertificateAuthority(leaf.certificate, key).issue("operator", ou="operator", sans=LOOPBACK)


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize(
    "made",
    [
        _without_a_certificate,
        _of_a_foreign_ca,
        _expired,
        _not_yet_valid,
        _of_the_ledger_ca,
        _made_with_a_leaf,
    ],
)
async def test_a_wrong_certificate_does_not_get_through_the_handshake(
    world: World, server: str, made: Any
) -> None:
    issued = made(world)
    tls = None
    if issued is not None:
        tls = world.save(world.sandbox.layout.root / "wrong" / f"{made.__name__}-{server}", issued)
    with structlog.testing.capture_logs() as lines:
        answers = await _through(world, server, tls)
    assert {answer.code for answer in answers} == {grpc.StatusCode.UNAVAILABLE}
    assert not [line for line in lines if line["event"] == "call"]  # no method was reached


async def test_an_organisation_is_who_signed_the_certificate_not_what_it_says(world: World) -> None:
    bank = CertificateAuthority.load(world.sandbox.layout.tls_ca(BANK))
    liar = bank.issue("alice", ou="erp", sans=LOOPBACK, organisation=INDUSTRY)
    both = bank.issue("alice", ou=("bank", "gateway"), sans=LOOPBACK)
    for name, issued, reason in (
        ("liar", liar, "CERTIFICATE_FOREIGN_ORGANISATION"),
        ("both", both, REFUSED_IDENTITY),
    ):
        tls = world.save(world.sandbox.layout.root / "wrong" / name, issued)
        for server in SERVERS:
            with structlog.testing.capture_logs() as lines:
                answers = await _through(world, server, tls)
            assert {answer.reason for answer in answers} == {reason}
            assert {answer.code for answer in answers} == {grpc.StatusCode.UNAUTHENTICATED}
            assert [line["reason"] for line in lines if line["event"] == "call"] == [reason] * len(answers)


async def test_a_party_that_is_not_registered_is_denied_even_with_a_good_certificate(world: World) -> None:
    primary = str(primary_id(world.members["alice"].party))
    for name in ("mallory", "operator", "alice ", "ALICE", primary):
        async with world.link("industry-a", world.tls(name, INDUSTRY, "erp")) as link:
            with structlog.testing.capture_logs() as lines:
                answer = await ask(link, "/chanrong.industry.v1.ConsentService/ListConsents", b"")
        assert answer.reason == "UNKNOWN_PARTY", name
        assert [line["reason"] for line in lines if line["event"] == "call"] == ["UNKNOWN_PARTY"]
