"""Checks of ``package verify`` on form, signature, bodies and proof, and a package forged at exactly that point.

Where the payload was changed before it was signed, the forger is the issuer itself: a bank's gateway that lies.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
import pytest

from consortium.documents.canonical import canonical_bytes
from consortium.documents.commitment import commitment_hex
from consortium.identity.msp import make_identity
from consortium.identity.signer import P256Signer
from crossverify.evidence import Evidence
from crossverify.profiles import PROFILES
from finance_gateway.packages import envelope as envelope_module
from finance_gateway.packages.envelope import Envelope, read_envelope
from finance_gateway.packages.verify import (
    EMBEDDED_NOTICE,
    READ_SLACK_S,
)
from tests.support import trade_world as tw
from tests.support.package_forge import (
    INDUSTRY,
    OTHER_BANK,
    Forge,
    changed,
    check,
    consortium,
    failing,
    message,
    sound,
    truth_of,
)

NOW, BANK = tw.NOW, tw.BANK


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return sound().evidence()


@pytest.fixture(scope="module")
def package(evidence: Evidence) -> bytes:
    return Forge(evidence).make()


def test_a_sound_package_holds(package: bytes) -> None:
    report = check(package)
    assert report.ok, report.checks
    assert [item.name for item in report.checks] == [
        "form",
        "signature",
        "documents",
        "ledger",
        "agreement",
        "sources",
        "replay",
        "validity",
    ]
    assert report.package_id == "ab" * 16
    assert EMBEDDED_NOTICE not in report.notices


def test_a_package_replays_with_the_figures_that_it_carries() -> None:
    profile = PROFILES["receivable-v1"].with_overrides({"waterfall": {"advance_rate": "0.5"}})
    assert check(Forge(sound().evidence(), profile=profile).make()).ok


# --- form ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"[]",
        lambda data: data[:-1],
        lambda data: data + b"\n",
        lambda data: b" " + data,
        lambda data: data.replace(b'{"format"', b'{"format":"x","format"', 1),
        lambda data: data.replace(b"chanrong-package/1", b"chanrong-package/2", 1),
        lambda data: data.replace(b'"nonce":"', b'"nonce":"A', 1),
        lambda data: data.replace(b'"signed_reads":["', b'"signed_reads":["=', 1),
        lambda data: data.replace(b'"version":1}', b'"version":1.0}', 1),
        lambda data: orjson.dumps({**orjson.loads(data), "more": 1}),
        lambda data: orjson.dumps({**orjson.loads(data), "payload": []}),
        lambda data: orjson.dumps({**orjson.loads(data), "nonce": 7}),
        lambda data: orjson.dumps({**orjson.loads(data), "signed_reads": [7]}),
        lambda data: orjson.dumps({**orjson.loads(data), "signed_reads": {}}),
        lambda data: b'{"payload":' + b"[" * 100_000,
    ],
)
def test_what_is_no_package_has_no_form(package: bytes, spoil: Callable[[bytes], bytes]) -> None:
    assert failing(spoil(package)) == ["form"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p.pop("heading"),
        lambda p: p.pop("evidence"),
        lambda p: p.pop("profile"),
        lambda p: p["heading"].pop("issuer"),
        lambda p: p["heading"].update(more=1),
        lambda p: p["heading"].update(members=[1]),
        lambda p: p["heading"].update(members="abc"),
        lambda p: p.update(heading=[]),
        lambda p: p["evidence"].update(version=3),
        lambda p: p["evidence"].update(evaluated_at="now"),
        lambda p: p["evidence"]["documents"][0]["document"].update(kind="letter"),
        lambda p: p["profile"]["rules"][0].update(id="NO_SUCH_RULE"),
        lambda p: p["profile"]["rules"][0].update(version=99),
        lambda p: p.update(profile=7),
    ],
)
def test_a_package_with_an_odd_part_has_no_form(evidence: Evidence, spoil: Callable[[Any], Any]) -> None:
    assert failing(Forge(evidence, payload=spoil).make()) == ["form"]


def test_a_package_is_bounded(package: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(envelope_module, "MAX_PACKAGE_BYTES", len(package) - 1)
    assert failing(package) == ["form"]


# --- signature ----------------------------------------------------------------------------------


def test_another_key_under_the_same_name(evidence: Evidence) -> None:
    assert failing(Forge(evidence, key=P256Signer.generate()).make()) == ["signature"]


def test_a_key_that_the_issuer_does_not_publish(evidence: Evidence) -> None:
    assert failing(Forge(evidence, kid="another").make()) == ["signature"]


def test_a_signature_made_for_something_else(evidence: Evidence) -> None:
    assert failing(Forge(evidence, typ="JWT").make()) == ["signature"]


def test_an_issuer_that_the_trust_folder_does_not_name(package: bytes) -> None:
    assert failing(package, package_issuers={}) == ["signature"]


def test_a_bank_that_signs_what_another_was_allowed_to_see(evidence: Evidence) -> None:
    data = Forge(evidence, issuer=OTHER_BANK, endorsers=(INDUSTRY, OTHER_BANK)).make()
    assert failing(data) == ["signature"]
    assert BANK in message(data, "signature")


def test_a_payload_that_was_changed_after_it_was_signed(package: bytes) -> None:
    taken, payload = read_envelope(package)
    payload["summary"]["counts"]["eligible"] += 1
    forged = Envelope(canonical_bytes(payload), taken.signature, taken.nonce, taken.signed_reads)
    assert failing(forged.to_bytes()) == ["signature", "ledger", "replay"]


# --- documents ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        lambda e: e["documents"][2]["document"].update(due_date="2027-01-01"),
        lambda e: e["documents"][2].update(salt=(b"t" * 32).hex()),
        lambda e: e["documents"][2].update(salt=""),
        lambda e: e["documents"][2].update(salt="zz"),
        lambda e: e["documents"][2].update(salt="00"),
    ],
)
def test_a_body_that_does_not_belong_to_its_commitment(
    evidence: Evidence, spoil: Callable[[Any], Any]
) -> None:
    data = Forge(changed(evidence, spoil), truth=truth_of(evidence)).make()
    assert failing(data) == ["documents"]
    assert "first invoice INV-1" in message(data, "documents")


def test_a_body_with_a_commitment_of_its_own_is_not_what_the_ledger_holds(evidence: Evidence) -> None:
    def spoil(data: Any) -> None:
        item = data["documents"][2]
        item["document"]["due_date"] = "2027-01-01"
        body = Evidence.from_json(data).documents[2].document
        item["commitment"] = commitment_hex(body, b"s" * 32)

    assert failing(Forge(changed(evidence, spoil), truth=truth_of(evidence)).make()) == ["agreement"]


def test_a_document_that_stands_there_twice(evidence: Evidence) -> None:
    twice = changed(evidence, lambda e: e["documents"].append(e["documents"][2]))
    assert "documents" in failing(Forge(twice).make())


# --- ledger -------------------------------------------------------------------------------------


def test_a_read_too_few_or_too_many(evidence: Evidence) -> None:
    taken = Forge(evidence).envelope()
    for reads in ((), taken.signed_reads * 2):
        assert failing(replace(taken, signed_reads=reads).to_bytes()) == ["ledger"]


def test_a_read_that_was_made_for_another_package(evidence: Evidence, package: bytes) -> None:
    foreign = read_envelope(package)[0].signed_reads
    taken = Forge(evidence, payload=lambda p: p["heading"].update(package_id="cd" * 16)).envelope()
    data = replace(taken, signed_reads=foreign).to_bytes()
    assert failing(data) == ["ledger"]
    assert "check 3.5" in message(data, "ledger")


def test_another_nonce(package: bytes) -> None:
    taken, _ = read_envelope(package)
    data = replace(taken, nonce="0" * 64).to_bytes()
    assert failing(data) == ["ledger"]
    assert "check 3.5" in message(data, "ledger")


def test_a_read_over_other_documents(evidence: Evidence) -> None:
    taken = Forge(evidence).envelope()
    challenge = envelope_module.challenge_of(taken.nonce, taken.digest)
    read = Forge(evidence).read(challenge, [item.fingerprint for item in evidence.documents][:1])
    data = replace(taken, signed_reads=(read,)).to_bytes()
    assert failing(data) == ["ledger"]
    assert "check 3.6" in message(data, "ledger")


@pytest.mark.parametrize(
    ("read_at", "number"), [(NOW - READ_SLACK_S - 1, "6.2"), (NOW + 301, "6.3"), (NOW - 90 * 86_400, "6.2")]
)
def test_a_read_of_another_time(evidence: Evidence, read_at: int, number: str) -> None:
    data = Forge(evidence, read_at=read_at).make()
    assert failing(data) == ["ledger"]
    assert f"check {number}" in message(data, "ledger")


@pytest.mark.parametrize(
    ("endorsers", "number"),
    [((), "5.1"), ((BANK,), "5.1"), ((INDUSTRY,), "5.1"), ((INDUSTRY, OTHER_BANK), "5.2")],
)
def test_a_read_that_not_all_signed_who_must(
    evidence: Evidence, endorsers: tuple[str, ...], number: str
) -> None:
    data = Forge(evidence, endorsers=endorsers).make()
    assert failing(data) == ["ledger"]
    assert f"check {number}" in message(data, "ledger")


def test_a_read_signed_by_the_issuers_own_making(evidence: Evidence) -> None:
    """The issuer has a gateway's certificate of its organisation, not a peer's, and none of the others."""
    gateway = consortium().client(BANK)
    data = Forge(evidence, peers=[gateway, replace(gateway, msp_id=INDUSTRY)]).make()
    assert failing(data) == ["ledger"]


def _embedded(msp_id: str) -> Any:
    days: dict[str, Any] = {
        "not_before": dt.datetime.fromtimestamp(NOW, dt.UTC) - dt.timedelta(days=1),
        "not_after": dt.datetime.fromtimestamp(NOW, dt.UTC) + dt.timedelta(days=1),
    }
    return make_identity(
        msp_id, consortium().cas[msp_id].issue("p", ou=("peer", "chanrong-embedded"), **days)
    )


def test_an_embedded_ledger_that_passes_for_fabric(evidence: Evidence) -> None:
    data = Forge(evidence, peers=[_embedded(INDUSTRY), _embedded(BANK)]).make()
    assert failing(data) == ["ledger"]
    assert "check 5.3" in message(data, "ledger")


def test_a_package_of_an_embedded_ledger_says_so(evidence: Evidence) -> None:
    data = Forge(evidence, peers=[_embedded(INDUSTRY), _embedded(BANK)], ledger="embedded").make()
    report = check(data, ledger="embedded")
    assert report.ok, report.checks
    assert EMBEDDED_NOTICE in report.notices
    assert failing(data) == ["ledger"], "where Fabric is expected"


def test_a_package_that_says_embedded_where_fabric_is_trusted(evidence: Evidence) -> None:
    assert failing(Forge(evidence, ledger="embedded").make()) == ["ledger"]
