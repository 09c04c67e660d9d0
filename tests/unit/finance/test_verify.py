"""Each check of ``package verify``, and a package that was forged at exactly that point.

Where the payload was changed before it was signed, the forger is the issuer itself: a bank's gateway that lies.
"""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortium.documents.canonical import canonical_bytes
from consortium.documents.commitment import commitment_hex
from consortium.identity.msp import make_identity
from consortium.identity.signer import P256Signer
from crossverify.evidence import AssetState, ClaimState, Evidence, LinkState
from crossverify.profiles import PROFILES
from finance_gateway.packages import envelope as envelope_module
from finance_gateway.packages.envelope import Envelope, read_envelope
from finance_gateway.packages.verify import (
    EMBEDDED_NOTICE,
    OWN_CLAIMS_NOTICE,
    READ_SLACK_S,
    TAG_NOTICE,
    VerifyReport,
    verify_package,
)
from tests.support import trade_world as tw
from tests.support.package_forge import (
    CHANNEL,
    INDUSTRY,
    OTHER_BANK,
    Forge,
    consortium,
    truth_of,
)

ROOT = Path(__file__).resolve().parents[3]
NOW, BANK = tw.NOW, tw.BANK


def sound() -> tw.World:
    """A trade without a flaw."""
    world = tw.World(tw.order(), tw.receipt(), tw.invoice(), tw.confirmation())
    world.link()
    return world


def check(data: bytes, *, at: int = NOW + 10, **trust: Any) -> VerifyReport:
    return verify_package(data, replace(consortium().trust, **trust), at=at)


def failing(data: bytes, **options: Any) -> list[str]:
    return [item.name for item in check(data, **options).checks if not item.ok]


def message(data: bytes, name: str) -> str:
    return next(item.message for item in check(data).checks if item.name == name)


def changed(evidence: Evidence, change: Callable[[Any], Any]) -> Evidence:
    """Evidence with another value somewhere."""
    data = evidence.to_json()
    change(data)
    return Evidence.from_json(data)


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
        lambda p: p["evidence"].update(version=2),
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


# --- agreement ----------------------------------------------------------------------------------


def _claimed() -> Evidence:
    """The invoice is half claimed by somebody else."""
    world = sound()
    invoice = next(fp for fp, item in world.documents.items() if item.document.kind == "invoice")
    claim = ClaimState(claim="h" * 64, share_ppb=500_000_000, state="financed")
    world.asset(invoice, claims=(claim,), state="encumbered")
    return world.evidence()


def _asset(data: Any) -> Any:
    """The invoice's row in evidence as data."""
    invoice = next(d["fingerprint"] for d in data["documents"] if d["document"]["kind"] == "invoice")
    return data["ledger"]["assets"][invoice]


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (lambda e: _asset(e).update(claims=[], state="free"), "claims"),
        (lambda e: _asset(e)["claims"][0].update(share_ppb=1), "claims"),
        (lambda e: _asset(e)["claims"][0].update(state="reserved"), "claims"),
        (lambda e: _asset(e)["claims"][0].update(claim="i" * 64), "claims"),
        (lambda e: _asset(e).update(state="free"), "state"),
        (lambda e: _asset(e).update(settled_ppb=1), "settled share"),
        (lambda e: _asset(e).update(diluted_ppb=1), "diluted share"),
        (lambda e: _asset(e).update(shortfall_ppb=1), "shortfall"),
        (lambda e: _asset(e).update(via={"c" * 64: 1}), "share used by children"),
        (lambda e: e["ledger"]["assets"].pop(_asset(e)["asset"]), "not in the evidence"),
        (lambda e: e["documents"][2].update(state="signed"), "state"),
        (lambda e: e["documents"][2].update(txid="t9"), "first transaction"),
        (lambda e: e["documents"][2].update(registered_by=OTHER_BANK), "registered by"),
        (lambda e: e["documents"][2].update(seller="e" * 64), "seller"),
        (lambda e: e["documents"][2].update(signed_by="e" * 64), "signature grade"),
        (lambda e: e["documents"][2].update(block=1), "position"),
        (lambda e: e["documents"][2].update(tx_index=1), "position"),
        (lambda e: e["ledger"].update(state="silent"), "nothing of the ledger"),
        (lambda e: e.update(ledger=None), "nothing of the ledger"),
        (lambda e: e["ledger"].update(channel="another"), "another channel"),
    ],
)
def test_evidence_that_says_something_else_than_the_organisations(
    spoil: Callable[[Any], Any], named: str
) -> None:
    """Signed by a dishonest issuer: every check but this one holds, or those that follow from it."""
    honest = _claimed()
    wanted = truth_of(honest)
    forge = Forge(
        changed(honest, spoil),
        truth=wanted,
        positions={item.fingerprint: (item.block, item.tx_index) for item in honest.documents},
    )
    data = forge.make()
    assert failing(data) == ["agreement"], check(data).checks
    assert named in message(data, "agreement")


def test_another_channel_in_the_heading(evidence: Evidence) -> None:
    assert failing(Forge(evidence, channel="another").make()) == ["agreement"]
    assert failing(Forge(evidence).make(), channel=CHANNEL) == []


def test_a_document_that_nobody_registered(evidence: Evidence) -> None:
    """As if the ledger did not matter: without transaction and block, under a commitment of the issuer's own."""
    invoice = evidence.documents[2].fingerprint
    bare = changed(evidence, lambda e: e["documents"][2].update(txid="", block=0))
    truth = truth_of(evidence)
    truth[invoice] = {"fp": invoice, "found": False}
    data = Forge(bare, truth=truth).make()
    assert failing(data) == ["agreement"]
    assert "not registered" in message(data, "agreement")


def test_a_claim_on_a_linked_order_that_the_issuer_leaves_out() -> None:
    """The order is not among the documents, and its row is signed all the same."""
    world = tw.World(tw.invoice(), tw.confirmation())
    order = tw.fp(tw.order())
    invoice = next(fp for fp, item in world.documents.items() if item.document.kind == "invoice")
    link = LinkState(child=invoice, parent=order, of_child_ppb=10**9, of_parent_ppb=10**9, basis="gross")
    world.asset(invoice, links=(link,))
    world.assets[order] = AssetState(asset=order, aliases=(order,))
    says = world.evidence()
    claim = ClaimState(claim="h" * 64, share_ppb=10**9, state="financed")
    world.asset(order, claims=(claim,), state="encumbered")
    assert check(Forge(world.evidence()).make()).ok
    data = Forge(says, truth=truth_of(world.evidence())).make()
    assert failing(data) == ["agreement"]
    assert "claims on" in message(data, "agreement")


def test_own_claims_are_the_gateways_word() -> None:
    mine = changed(_claimed(), lambda e: _asset(e)["claims"][0].update(own=True))
    report = check(Forge(mine).make())
    assert report.ok
    assert OWN_CLAIMS_NOTICE in report.notices


def test_a_body_matched_by_tag_is_the_gateways_word_and_an_amended_one_cannot_be(evidence: Evidence) -> None:
    truth = truth_of(evidence)
    invoice = evidence.documents[2].fingerprint
    truth[invoice]["commitment"] = "f" * 64
    by_tag = changed(evidence, lambda e: e["documents"][2].update(matched_by="tag"))
    report = check(Forge(by_tag, truth=truth).make())
    assert report.ok
    assert any(notice == f"{TAG_NOTICE}: 1" for notice in report.notices)
    truth[invoice]["state"] = "amended"
    amended = changed(by_tag, lambda e: e["documents"][2].update(state="amended"))
    assert failing(Forge(amended, truth=truth).make()) == ["agreement"]


# --- sources, replay, validity ------------------------------------------------------------------


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p["sources"][0].update(evidence_digest="0" * 64),
        lambda p: p["sources"][0].update(state="silent"),
        lambda p: p["sources"].pop(),
        lambda p: p.pop("sources"),
    ],
)
def test_sources_that_are_not_those_of_the_evidence(evidence: Evidence, spoil: Callable[[Any], Any]) -> None:
    assert failing(Forge(evidence, payload=spoil).make()) == ["sources", "replay"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda p: p["summary"]["counts"].update(eligible=9),
        lambda p: p["receivables"][0].update(eligible="999999.00"),
        lambda p: p["receivables"][0]["waterfall"][0].update(amount="999999.00"),
        lambda p: p["findings"].pop(0),
        lambda p: p["findings"][0].update(outcome="PASS", code="FINE"),
        lambda p: p["evidence"]["tax"]["answers"].popitem(),
        lambda p: p.update(valid_until=p["valid_until"] + 86_400),
        lambda p: p.update(retention_class="none"),
        lambda p: p["conditions_precedent"].pop(),
        lambda p: p.update(subject={}),
        lambda p: p.update(more=1),
        lambda p: p.update(rules_digest="0" * 64),
        lambda p: p.update(profile_digest="0" * 64),
        lambda p: p["profile"]["waterfall"].update(advance_rate="1"),
        lambda p: p["profile"]["rules"].pop(),
    ],
)
def test_a_result_that_the_rules_do_not_give(evidence: Evidence, spoil: Callable[[Any], Any]) -> None:
    """A dishonest issuer that signs better findings than its own evidence gives."""
    found = failing(Forge(evidence, payload=spoil).make())
    assert "replay" in found
    assert set(found) <= {"replay", "sources"}


def test_a_replay_names_what_is_different(evidence: Evidence) -> None:
    data = Forge(evidence, payload=lambda p: p["summary"]["counts"].update(eligible=9)).make()
    assert message(data, "replay").endswith("different: summary")


def test_a_package_runs_out_and_does_not_come_from_the_future(package: bytes) -> None:
    until = read_envelope(package)[1]["valid_until"]
    assert failing(package, at=until) == []
    assert failing(package, at=until + 1) == ["validity"]
    assert failing(package, at=NOW - READ_SLACK_S - 1) == ["validity"]


@pytest.mark.parametrize("value", [None, "tomorrow", []])
def test_a_package_that_does_not_say_until_when(evidence: Evidence, value: Any) -> None:
    data = Forge(evidence, payload=lambda p: p.update(valid_until=value)).make()
    assert failing(data) == ["replay", "validity"]


# --- anything else ------------------------------------------------------------------------------

_JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.just("1e999999"),
    st.just(["x"]),
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        found += _paths(each, (*path, key))
    return found


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_change_by_a_dishonest_issuer_breaks_the_verifier(data: st.DataObject) -> None:
    """Any value of the payload replaced by any other, then signed: it may hold, it never raises."""
    honest = sound().evidence()

    def spoil(payload: dict[str, Any]) -> None:
        path = data.draw(st.sampled_from(_paths(payload)))
        target: Any = payload
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = data.draw(_JUNK)

    forge = Forge(honest, payload=spoil, truth=truth_of(honest))
    report = check(forge.make())
    assert report.checks


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, 2**31), bit=st.integers(0, 7))
def test_no_bit_can_be_changed(position: int, bit: int) -> None:
    package = _package()
    at = position % len(package)
    forged = package[:at] + bytes([package[at] ^ (1 << bit)]) + package[at + 1 :]
    assert not check(forged).ok


_made: list[bytes] = []


def _package() -> bytes:
    if not _made:
        _made.append(Forge(sound().evidence()).make())
    return _made[0]


# --- no network, no store -----------------------------------------------------------------------

_OFFLINE = """
import sys

def forbid(event, args):
    if event.startswith(("socket.", "sqlite3.", "subprocess.", "os.exec", "os.posix_spawn", "ftplib.", "urllib.")):
        raise PermissionError(event)

sys.addaudithook(forbid)
from pathlib import Path
from consortium.identity.trust import TrustRoots
from finance_gateway.packages.verify import verify_package

report = verify_package(Path(sys.argv[1]).read_bytes(), TrustRoots.load(Path(sys.argv[2])), at=int(sys.argv[3]))
reach = {"grpc", "sqlalchemy", "sqlite3", "asyncio", "httpx", "uvicorn", "psycopg"} & set(sys.modules)
print(report.ok, sorted(reach))
"""


def test_verifying_reaches_no_network_and_no_store(tmp_path: Path, package: bytes) -> None:
    """In a process in which every socket and database raises, and which has not even loaded what could open one."""
    from consortium.identity.files import write_file

    trust = tmp_path / "trust"
    known = consortium()
    organisations, issuers = {}, {}
    for msp_id, ca in known.cas.items():
        write_file(trust / f"{msp_id}.pem", ca.cert_pem)
        organisations[msp_id] = {"ca": [f"{msp_id}.pem"]}
    for msp_id, jwks in known.trust.package_issuers.items():
        write_file(trust / f"{msp_id}.json", orjson.dumps(jwks))
        issuers[msp_id] = {"jwks": f"{msp_id}.json"}
    policy = {"all_of": [INDUSTRY], "any_of": [[BANK, OTHER_BANK]]}
    content = {
        "channel": CHANNEL,
        "chaincode": "chanrong",
        "ledger": "fabric",
        "policy": policy,
        "organisations": organisations,
        "package_issuers": issuers,
    }
    write_file(trust / "trust.json", orjson.dumps(content))
    file = tmp_path / "package.json"
    file.write_bytes(package)
    done = subprocess.run(
        [sys.executable, "-c", _OFFLINE, str(file), str(trust), str(NOW + 10)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert done.stdout == "True []\n", done.stderr
