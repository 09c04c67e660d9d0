"""The payload of a package: the same bytes, however it is put together; and how long it holds."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest

from consortium.documents.canonical import canonical_bytes, document_bytes, plain
from consortium.errors import InvalidInputError
from crossverify.profiles import RECEIVABLE_V1
from finance_gateway.packages.bulk import bytes_of, few_collections, same_bytes
from finance_gateway.packages.content import Heading, build_payload, valid_until
from tests.support import trade_world as tw
from tests.support.package_forge import sound

HEADING = Heading("ab" * 16, tw.BANK, "fabric", "c", None, (tw.BANK,))


def test_bodies_that_are_at_hand_give_the_same_bytes() -> None:
    evidence = sound().evidence()
    bodies = {item.fingerprint: document_bytes(item.document) for item in evidence.documents}
    whole = canonical_bytes(build_payload(HEADING, evidence, RECEIVABLE_V1))
    assert bytes_of(build_payload(HEADING, evidence, RECEIVABLE_V1, bodies)) == whole
    some = dict(list(bodies.items())[:2])
    assert same_bytes(build_payload(HEADING, evidence, RECEIVABLE_V1, some), whole)
    other = {**bodies, evidence.documents[0].fingerprint: b"{}"}
    assert not same_bytes(build_payload(HEADING, evidence, RECEIVABLE_V1, other), whole)
    assert orjson.loads(whole)["evidence"] == evidence.to_json()


def test_a_body_as_data_is_that_of_its_bytes() -> None:
    for item in sound().evidence().documents:
        assert plain(item.document) == orjson.loads(document_bytes(item.document))


def test_keys_that_need_the_slow_sort_are_sorted_so() -> None:
    """Beyond the basic plane UTF-16 sorts otherwise than code points, and fragments cannot be put in."""
    value = {"\U00010000": 1, "\uffff": orjson.Fragment(b'{"a":1}')}
    plain_value = {"\U00010000": 1, "\uffff": {"a": 1}}
    assert bytes_of(value) == canonical_bytes(plain_value)
    assert same_bytes(value, canonical_bytes(plain_value))
    assert not same_bytes(value | {"more": 1}, canonical_bytes(plain_value))


def test_floats_have_no_canonical_form() -> None:
    with pytest.raises(InvalidInputError):
        bytes_of({"a": 1.5})


def test_collections_go_on_afterwards() -> None:
    import gc

    def fails() -> None:
        with few_collections():
            assert not gc.isenabled()
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        fails()
    assert gc.isenabled()
    gc.disable()
    try:
        with few_collections():
            pass
        assert not gc.isenabled(), "whoever had turned it off finds it so"
    finally:
        gc.enable()


def test_a_package_holds_as_long_as_its_weakest_evidence() -> None:
    ages = RECEIVABLE_V1.max_ages
    world = sound()
    earliest = min(ages.ledger, ages.tax, ages.bank, ages.credit)
    assert valid_until(world.evidence(), RECEIVABLE_V1) == tw.NOW + earliest
    world.age("tax", ages.tax - 5)
    assert valid_until(world.evidence(), RECEIVABLE_V1) == tw.NOW + 5
    consent = world.consents[0]
    world.consents = (consent.model_copy(update={"expires": tw.NOW + 3}),)
    world.request = world.request.model_copy(update={"consent_id": consent.id})
    assert valid_until(world.evidence(), RECEIVABLE_V1) == tw.NOW + 2
    world.consents = (consent.model_copy(update={"expires": tw.NOW - 3}),)
    assert valid_until(world.evidence(), RECEIVABLE_V1) == tw.NOW, "not before it was evaluated"


def test_a_silent_source_does_not_end_it() -> None:
    world = sound()
    world.silence("tax")
    world.forget("credit")
    ages = RECEIVABLE_V1.max_ages
    assert valid_until(world.evidence(), RECEIVABLE_V1) == tw.NOW + min(ages.ledger, ages.bank)


def test_a_heading_reads_what_it_wrote() -> None:
    assert Heading.from_json(HEADING.to_json()) == HEADING
    replaced = replace(HEADING, supersedes="cd" * 16)
    assert Heading.from_json(replaced.to_json()) == replaced
