"""parties:*, and which of a party's keys counts for what."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from consortium.contract import names, reasons
from consortium.contract.statements import consent_statement, key_rotation_statement
from tests.support.contract_world import (
    DAY,
    INDUSTRY_A,
    INDUSTRY_B,
    Json,
    World,
    digest,
    document,
    key_of,
    refused,
    sign,
    signed_by,
    spki_of,
    statement_item,
)


@pytest.fixture
def world() -> World:
    world = World()
    world.party("seller")
    return world


def record(world: World, name: str = "seller") -> Json:
    (found,) = world.read(names.PARTIES_GET, parties=[digest(name)])["parties"]
    assert found is not None
    return found  # type: ignore[no-any-return]


def registration(name: str, key: str | None = None) -> Json:
    spki = spki_of(key_of(key or name))
    return {"party": digest(name), "key": {"number": 1, "alg": "ES256", "spki": spki}}


def rotation(
    world: World, number: int, new: str, *, by: str | None = None, issued: int | None = None
) -> Json:
    spki = spki_of(key_of(new))
    issued = world.now if issued is None else issued
    statement = key_rotation_statement(party=digest("seller"), number=number, spki=spki, issued=issued)
    signature = None if by is None else sign(by, statement)
    return {
        "party": digest("seller"),
        "number": number,
        "spki": spki,
        "issued": issued,
        "signature": signature,
    }


def test_a_party_is_vouched_for_by_whoever_registers_it(world: World) -> None:
    assert world.event()["name"] == "parties"
    assert world.last is not None
    txid = world.last.txid
    assert record(world) == {
        "party": digest("seller"),
        "vouched_by": INDUSTRY_A,
        "state": "active",
        "first_tx": txid,
        "time": world.now,
        "keys": [
            {
                "number": 1,
                "alg": "ES256",
                "spki": spki_of(key_of("seller")),
                "since": world.now,
                "since_tx": txid,
                "until": None,
                "by": "vouched",
            }
        ],
    }
    assert world.read(names.PARTIES_GET, parties=[digest("x")]) == {"parties": [None]}


def test_registering_again(world: World) -> None:
    assert world.one(INDUSTRY_A, names.PARTIES_REGISTER, registration("seller"))["status"] == "already"
    other_key = registration("seller", "thief")
    assert refused(world.one(INDUSTRY_A, names.PARTIES_REGISTER, other_key)) == reasons.PARTY_EXISTS
    same = registration("seller")
    assert refused(world.one(INDUSTRY_B, names.PARTIES_REGISTER, same)) == reasons.PARTY_EXISTS


def test_a_party_without_key_signs_later(world: World) -> None:
    item = {"party": digest("buyer"), "key": None}
    assert world.one(INDUSTRY_A, names.PARTIES_REGISTER, item)["status"] == "registered"
    assert world.one(INDUSTRY_A, names.PARTIES_REGISTER, item)["status"] == "already"
    with_key = {**rotation(world, 1, "buyer"), "party": digest("buyer")}
    assert refused(world.one(INDUSTRY_B, names.PARTIES_ROTATE_KEY, with_key)) == reasons.NOT_ENTITLED
    signed = {**with_key, "signature": sign("buyer", b"x")}
    assert refused(world.one(INDUSTRY_A, names.PARTIES_ROTATE_KEY, signed)) == reasons.UNKNOWN_KEY
    assert world.one(INDUSTRY_A, names.PARTIES_ROTATE_KEY, with_key)["status"] == "rotated"
    assert [key["number"] for key in record(world, "buyer")["keys"]] == [1]


def test_only_p256_keys_in_plain_der(world: World) -> None:
    def spki(key: object) -> str:
        public = key.public_key()  # type: ignore[attr-defined]
        return b64encode(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()

    point = key_of("seller").public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    header = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    for bad in (
        spki(ec.generate_private_key(ec.SECP384R1())),
        spki(ec.generate_private_key(ec.SECP256K1())),
        b64encode(header + point).decode(),
        b64encode(b"\x30" * 91).decode(),
    ):
        item = {"party": digest("other"), "key": {"number": 1, "alg": "ES256", "spki": bad}}
        assert refused(world.one(INDUSTRY_A, names.PARTIES_REGISTER, item)) == reasons.KEY_INVALID


def test_keys_are_rotated_one_after_the_other(world: World) -> None:
    world.now += 10
    result = world.one(INDUSTRY_B, names.PARTIES_ROTATE_KEY, rotation(world, 2, "new", by="seller"))
    assert result["status"] == "rotated"
    first, second = record(world)["keys"]
    assert (first["until"], second["since"], second["until"]) == (world.now, world.now, None)
    assert (second["by"], second["since_tx"]) == ("signed", result["txid"])
    again = world.one(INDUSTRY_B, names.PARTIES_ROTATE_KEY, rotation(world, 2, "new", by="seller"))
    assert (again["status"], again["txid"]) == ("already", result["txid"])
    for item, reason in (
        (rotation(world, 2, "newer", by="new"), reasons.KEY_NUMBER),
        (rotation(world, 4, "newer", by="new"), reasons.KEY_NUMBER),
        (rotation(world, 3, "newer", by="seller"), reasons.SIGNATURE_INVALID),
        (rotation(world, 3, "seller", by="new"), reasons.KEY_INVALID),
        (rotation(world, 3, "newer", by="new", issued=world.now + 301), reasons.STATEMENT_INVALID),
        (rotation(world, 3, "newer"), reasons.NOT_ENTITLED),
    ):
        assert refused(world.one(INDUSTRY_B, names.PARTIES_ROTATE_KEY, item)) == reason
    lost = world.one(INDUSTRY_A, names.PARTIES_ROTATE_KEY, rotation(world, 3, "newer"))
    assert lost["status"] == "rotated"
    assert record(world)["keys"][2]["by"] == "vouched"
    unknown = {**rotation(world, 1, "x"), "party": digest("unknown")}
    assert refused(world.one(INDUSTRY_A, names.PARTIES_ROTATE_KEY, unknown)) == reasons.UNKNOWN_PARTY


def consenting(world: World, name: str, number: int, key: str) -> Json:
    statement = consent_statement(
        consent_id=f"consent-{name}",
        subject=digest("seller"),
        recipient="BankAMSP",
        purpose="p",
        scope="assess",
        fields=["*"],
        issued=world.now,
        expires=world.now + DAY,
    )
    return statement_item("seller", statement, number=number, key=key)


def test_acts_need_the_present_key_documents_may_come_late(world: World) -> None:
    world.one(INDUSTRY_A, names.PARTIES_ROTATE_KEY, rotation(world, 2, "new", by="seller"))
    rotated_at = world.now
    result = world.one(INDUSTRY_A, names.CONSENTS_GRANT, consenting(world, "old-key", 1, "seller"))
    assert refused(result) == reasons.KEY_REPLACED
    result = world.one(INDUSTRY_A, names.CONSENTS_GRANT, consenting(world, "new-key", 2, "new"))
    assert result["status"] == "granted"

    origin = {**signed_by("seller", b"I1"), "digest": sha256(b"I1").hexdigest()}
    world.now = rotated_at + names.KEY_GRACE_S
    assert world.register(document("I1", origin=origin))[0]["status"] == "registered"
    world.now += 1
    (late,) = world.register(document("I2", origin=origin))
    assert refused(late) == reasons.KEY_REPLACED


def test_a_suspended_party_signs_nothing_new_but_revocations(world: World) -> None:
    world.consent("before")
    item = {"party": digest("seller"), "reason": "insolvent"}
    assert refused(world.one(INDUSTRY_B, names.PARTIES_SUSPEND, item)) == reasons.NOT_ENTITLED
    result = world.one(INDUSTRY_A, names.PARTIES_SUSPEND, item)
    assert result["status"] == "suspended"
    again = world.one(INDUSTRY_A, names.PARTIES_SUSPEND, item)
    assert (again["status"], again["txid"]) == ("already", result["txid"])
    assert (record(world)["state"], record(world)["reason"]) == ("suspended", "insolvent")
    granted = world.one(INDUSTRY_A, names.CONSENTS_GRANT, consenting(world, "after", 1, "seller"))
    assert refused(granted) == reasons.PARTY_SUSPENDED
    rotated = world.one(INDUSTRY_A, names.PARTIES_ROTATE_KEY, rotation(world, 2, "new", by="seller"))
    assert refused(rotated) == reasons.PARTY_SUSPENDED
    world.revoke("before")
    unknown = {"party": digest("unknown"), "reason": "x"}
    assert refused(world.one(INDUSTRY_A, names.PARTIES_SUSPEND, unknown)) == reasons.UNKNOWN_PARTY


def test_a_party_has_a_limited_number_of_keys(world: World) -> None:
    for number in range(2, names.MAX_KEYS_PER_PARTY + 1):
        item = rotation(world, number, f"key {number}")
        assert world.one(INDUSTRY_A, names.PARTIES_ROTATE_KEY, item)["status"] == "rotated"
    item = rotation(world, names.MAX_KEYS_PER_PARTY + 1, "one more")
    assert refused(world.one(INDUSTRY_A, names.PARTIES_ROTATE_KEY, item)) == reasons.KEY_NUMBER
