"""consents:*."""

from __future__ import annotations

from base64 import b64encode

import pytest

from consortium.contract import names, reasons
from consortium.contract.statements import consent_statement, revocation_statement, statement_digest
from tests.support.contract_world import (
    BANK_A,
    BANK_B,
    DAY,
    INDUSTRY_A,
    INDUSTRY_B,
    Json,
    World,
    digest,
    refused,
    statement_item,
)


@pytest.fixture
def world() -> World:
    world = World()
    world.party("seller")
    world.party("buyer", INDUSTRY_B)
    return world


def statement(world: World, name: str = "consent-1", **changes: object) -> bytes:
    fields: Json = {
        "consent_id": name,
        "subject": digest("seller"),
        "recipient": BANK_A,
        "purpose": "financing",
        "scope": "assess",
        "fields": ["invoice", "lines"],
        "issued": world.now,
        "expires": world.now + DAY,
        **changes,
    }
    return consent_statement(**fields)


def grant(world: World, data: bytes, msp: str = INDUSTRY_A, **changes: object) -> Json:
    return world.one(msp, names.CONSENTS_GRANT, {**statement_item("seller", data), **changes})


def revoke(world: World, name: str = "consent-1", subject: str = "seller", msp: str = INDUSTRY_A) -> Json:
    data = revocation_statement(consent_id=name, subject=digest(subject), issued=world.now)
    return world.one(msp, names.CONSENTS_REVOKE, statement_item(subject, data))


def get(world: World, name: str = "consent-1") -> Json:
    (found,) = world.read(names.CONSENTS_GET, ids=[name])["consents"]
    assert found is not None
    return found  # type: ignore[no-any-return]


def test_a_consent_says_what_was_signed_and_nothing_more(world: World) -> None:
    data = statement(world)
    result = grant(world, data, msp=BANK_B)  # whoever submits it
    said = {"id": "consent-1", "subject": digest("seller"), "recipient": BANK_A}
    assert result == {"status": "granted", "txid": result["txid"], **said}
    event = world.event()
    assert (event["name"], event["results"]) == ("consents", [{"status": "granted", **said}])
    found = get(world)
    signature = found.pop("signature")
    assert found == {
        **said,
        "purpose": "financing",
        "scope": "assess",
        "fields": ["invoice", "lines"],
        "issued": world.now,
        "expires": world.now + DAY,
        "state": "granted",
        "live": True,
        "digest": statement_digest(data),
        "key": 1,
        "txid": result["txid"],
        "time": world.now,
        "revoked": None,
    }
    assert signature
    again = grant(world, data)
    assert (again["status"], again["txid"]) == ("already", result["txid"])
    other = grant(world, statement(world, purpose="marketing"))
    assert refused(other) == reasons.CONSENT_EXISTS
    assert get(world)["purpose"] == "financing"


def test_only_the_subjects_signature_makes_a_consent(world: World) -> None:
    data = statement(world)
    for item, reason in (
        (statement_item("seller", data, key="buyer"), reasons.SIGNATURE_INVALID),
        (statement_item("seller", data, number=2), reasons.UNKNOWN_KEY),
        ({**statement_item("seller", data), "statement": changed(data)}, reasons.SIGNATURE_INVALID),
    ):
        assert refused(world.one(INDUSTRY_A, names.CONSENTS_GRANT, item)) == reason
    unknown = statement(world, subject=digest("unknown"))
    assert refused(grant(world, unknown)) == reasons.UNKNOWN_PARTY
    assert world.read(names.CONSENTS_GET, ids=["consent-1"]) == {"consents": [None]}


def changed(data: bytes) -> str:
    return b64encode(data.replace(BANK_A.encode(), BANK_B.encode())).decode()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b" " + data,
        lambda data: data.replace(b'"v":1', b'"v":2'),
        lambda data: data.replace(b'"v":1', b'"v":1,"w":1'),
        lambda data: data.replace(b"assess", b"own it"),
        lambda data: data.replace(b'"type":"chanrong.consent"', b'"type":"chanrong.other"'),
        lambda data: b"[" + data + b"]",
        lambda data: b"\xff" * 20,
        lambda data: data[:-1] + b',"v":1}',
    ],
)
def test_statements_are_read_strictly(world: World, spoil: object) -> None:
    data = spoil(statement(world))  # type: ignore[operator]
    assert refused(grant(world, data)) == reasons.STATEMENT_INVALID


def test_times_of_a_consent(world: World) -> None:
    late = world.now + names.CLOCK_TOLERANCE_S
    for name, changes, reason in (
        ("future-1", {"issued": late + 1}, reasons.STATEMENT_INVALID),
        ("before-1", {"expires": world.now}, reasons.STATEMENT_INVALID),
        ("forever-1", {"expires": world.now + names.MAX_CONSENT_SECONDS + 1}, reasons.STATEMENT_INVALID),
        ("over-1234", {"issued": world.now - DAY, "expires": world.now}, reasons.CONSENT_EXPIRED),
    ):
        assert refused(grant(world, statement(world, name, **changes))) == reason
    assert grant(world, statement(world, "soon-1234", issued=late))["status"] == "granted"


def test_revoked_is_final(world: World) -> None:
    data = statement(world)
    grant(world, data)
    world.now += 5
    foreign = world.one(
        INDUSTRY_A,
        names.CONSENTS_REVOKE,
        statement_item(
            "buyer",
            revocation_statement(consent_id="consent-1", subject=digest("buyer"), issued=world.now),
        ),
    )
    assert refused(foreign) == reasons.CONSENT_FOREIGN
    stolen = revocation_statement(consent_id="consent-1", subject=digest("seller"), issued=world.now)
    item = statement_item("seller", stolen, key="buyer")
    assert refused(world.one(INDUSTRY_A, names.CONSENTS_REVOKE, item)) == reasons.SIGNATURE_INVALID
    assert get(world)["live"] is True

    result = revoke(world, msp=INDUSTRY_B)
    assert (result["status"], result["recipient"]) == ("revoked", BANK_A)
    found = get(world)
    assert (found["state"], found["live"]) == ("revoked", False)
    assert found["revoked"] == {"txid": result["txid"], "time": world.now}
    assert revoke(world)["status"] == "already"
    assert grant(world, data)["status"] == "already"  # says that it is there, and it stays revoked
    assert get(world)["state"] == "revoked"
    assert refused(revoke(world, "never-granted")) == reasons.UNKNOWN_CONSENT


def test_a_consent_dies_with_its_expiry(world: World) -> None:
    grant(world, statement(world))
    world.now += DAY - 1
    assert get(world)["live"] is True
    world.now += 1
    found = get(world)
    assert (found["state"], found["live"]) == ("granted", False)


def test_a_subjects_consents_are_listed_in_pages(world: World) -> None:
    for number in range(5):
        grant(world, statement(world, f"consent-{number}"))
    revoke(world, "consent-3")
    buyers = consent_statement(
        consent_id="consent-9",
        subject=digest("buyer"),
        recipient=BANK_A,
        purpose="p",
        scope="monitor",
        fields=["*"],
        issued=world.now,
        expires=world.now + DAY,
    )
    world.one(INDUSTRY_A, names.CONSENTS_GRANT, statement_item("buyer", buyers))

    answer = world.read(names.CONSENTS_LIST, subject=digest("seller"), after=None, limit=1000)
    assert [found["id"] for found in answer["consents"]] == [f"consent-{number}" for number in range(5)]
    assert [found["live"] for found in answer["consents"]] == [True, True, True, False, True]
    assert answer["more"] is False
    page = world.read(names.CONSENTS_LIST, subject=digest("seller"), limit=2)
    assert ([found["id"] for found in page["consents"]], page["more"]) == (["consent-0", "consent-1"], True)
    page = world.read(names.CONSENTS_LIST, subject=digest("seller"), after="consent-1", limit=3)
    assert [found["id"] for found in page["consents"]] == ["consent-2", "consent-3", "consent-4"]
    assert page["more"] is False
    assert world.read(names.CONSENTS_LIST, subject=digest("x")) == {"consents": [], "more": False}


def test_granted_and_revoked_in_one_call_each(world: World) -> None:
    data = statement(world)
    items = [statement_item("seller", data)] * 2
    results = world.write(INDUSTRY_A, names.CONSENTS_GRANT, *items)
    assert [result["status"] for result in results] == ["granted", "already"]
    assert results[0]["txid"] == results[1]["txid"]
