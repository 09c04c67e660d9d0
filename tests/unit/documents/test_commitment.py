from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from consortium.documents import Document
from consortium.documents.commitment import (
    DisclosedLeaf,
    Disclosure,
    commit,
    commitment_hex,
    disclose,
    leaf_digest,
    leaves,
    new_secret,
    seal,
    verify_disclosure,
)
from consortium.documents.json_reader import document_from
from consortium.errors import InvalidInputError
from tests.support.document_cases import (
    EXAMPLES,
    document,
    example,
    examples_with_path,
    other_value,
    rewritten,
    value_at,
    with_value,
)

SECRET = bytes(range(32))
INVOICE = document("invoice")
COMMITMENT = commitment_hex(INVOICE, SECRET)


@given(examples_with_path())
def test_any_changed_field_changes_the_commitment(case: tuple[str, tuple[Any, ...]]) -> None:
    kind, path = case
    values = example(kind)
    changed = document_from(with_value(values, path, other_value(value_at(values, path))))
    assume(isinstance(changed, Document))
    assert isinstance(changed, Document)
    assert commitment_hex(changed, SECRET) != commitment_hex(document(kind), SECRET)


@given(st.sampled_from(sorted(EXAMPLES)), st.data())
def test_a_field_that_is_left_out_changes_the_commitment(kind: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(EXAMPLES[kind])))
    changed = document_from(example(kind, **{name: None}))
    assume(isinstance(changed, Document))
    assert isinstance(changed, Document)
    assume(changed != document(kind))  # a default was written out
    assert commitment_hex(changed, SECRET) != commitment_hex(document(kind), SECRET)


@given(st.data(), st.sampled_from(sorted(EXAMPLES)))
def test_order_of_keys_and_writing_of_numbers_do_not_change_it(data: st.DataObject, kind: str) -> None:
    again = document_from(data.draw(rewritten(example(kind))))
    assert isinstance(again, Document)
    assert commitment_hex(again, SECRET) == commitment_hex(document(kind), SECRET)


def test_lines_that_change_places_change_it() -> None:
    lines = example("invoice")["lines"]
    assert commitment_hex(document("invoice", lines=lines[::-1]), SECRET) != COMMITMENT
    assert commitment_hex(document("invoice", lines=lines[:1]), SECRET) != COMMITMENT


def test_another_secret_gives_another_commitment() -> None:
    first, second = new_secret(), new_secret()
    assert first != second
    assert commitment_hex(INVOICE, first) != commitment_hex(INVOICE, second)
    assert commitment_hex(INVOICE, SECRET) == COMMITMENT == seal(INVOICE, SECRET).commitment
    assert commit(INVOICE, SECRET).hex == COMMITMENT
    with pytest.raises(ValueError, match="32 bytes"):
        commit(INVOICE, b"short")


def test_every_leaf_has_its_own_salt() -> None:
    shown = disclose(INVOICE, SECRET, leaves(INVOICE))
    assert len({leaf.salt for leaf in shown.leaves}) == len(shown.leaves) == len(shown.digests)
    assert {len(leaf.salt) for leaf in shown.leaves} == {18}


@given(st.sets(st.sampled_from(sorted(leaves(INVOICE)))))
def test_some_leaves_are_shown_and_the_others_stay_hidden(names: set[str]) -> None:
    shown = disclose(INVOICE, SECRET, sorted(names))
    values = leaves(INVOICE)
    assert verify_disclosure(COMMITMENT, shown) == {name: values[name] for name in names}
    assert verify_disclosure(COMMITMENT.upper(), shown) is not None
    everything = disclose(INVOICE, SECRET, values)
    sent = repr(shown).encode()
    for leaf in everything.leaves:
        if leaf.name not in names:
            assert repr(leaf.salt).encode() not in sent


def test_a_leaf_that_is_not_there_cannot_be_shown() -> None:
    with pytest.raises(InvalidInputError) as raised:
        disclose(INVOICE, SECRET, ["lines/3"])
    assert raised.value.reason == "LEAF_UNKNOWN"


def _with(disclosure: Disclosure, **changes: Any) -> Disclosure:
    return replace(disclosure, leaves=(replace(disclosure.leaves[0], **changes), *disclosure.leaves[1:]))


SHOWN = disclose(INVOICE, SECRET, ["totals", "due_date"])


@pytest.mark.parametrize(
    "forged",
    [
        _with(SHOWN, value=b'{"gross":"1","line_net":"1","net":"1","payable":"1"}'),
        _with(SHOWN, salt=bytes(18)),
        _with(SHOWN, name="taxes"),
        _with(SHOWN, value=b"{"),
        _with(SHOWN, value=SHOWN.leaves[0].value + b" "),
        replace(SHOWN, leaves=(*SHOWN.leaves, SHOWN.leaves[0])),
        replace(SHOWN, kind="credit_note"),
        replace(SHOWN, kind="发票"),
        replace(SHOWN, digests=SHOWN.digests[1:]),
        replace(SHOWN, digests=(*SHOWN.digests, SHOWN.digests[0])),
        replace(SHOWN, digests=(*SHOWN.digests, bytes(32))),
        replace(SHOWN, digests=(b"short", *SHOWN.digests)),
        replace(SHOWN, digests=tuple(bytes([n % 256, n // 256]) + bytes(30) for n in range(11_001))),
    ],
)
def test_a_forged_disclosure_is_refused(forged: Disclosure) -> None:
    with pytest.raises(InvalidInputError) as raised:
        verify_disclosure(COMMITMENT, forged)
    assert raised.value.reason == "COMMITMENT_MISMATCH"


def test_a_leaf_digest_is_that_of_rfc_9901() -> None:
    """The example of RFC 9901, section 4.2.3: its text has blanks, so the digest is taken of the text itself."""
    text = b"WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    expected = "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"
    assert base64.urlsafe_b64encode(hashlib.sha256(text).digest()).rstrip(b"=").decode() == expected
    leaf = DisclosedLeaf(
        "family_name", '"Möbius"'.encode(), base64.urlsafe_b64decode("_26bc4LT-ac6q2KI6cBW5es=")
    )
    compact = base64.urlsafe_b64encode('["_26bc4LT-ac6q2KI6cBW5es","family_name","Möbius"]'.encode()).rstrip(
        b"="
    )
    assert leaf_digest(leaf) == hashlib.sha256(compact).digest()
