"""Bodies that industry gateways release, held against what the ledger has under their fingerprints."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest

from consortium.documents import Document
from consortium.documents.canonical import document_bytes
from consortium.documents.commitment import commitment_hex
from consortium.errors import (
    ChanrongError,
    DeniedError,
    InvalidInputError,
    NotFoundError,
    OutcomeUnknownError,
    UnavailableError,
)
from consortium.ledger.blocks import Version
from consortium.wire.chanrong.documents.v1 import documents_pb2
from finance_gateway.packages import bodies as module
from finance_gateway.packages.answers import ReadAnswer
from finance_gateway.packages.bodies import BodyChecker, OnLedger, release
from tests.support import trade_world as tw

SECRET, OTHER_SECRET = b"s" * 32, b"t" * 32
FP = tw.fp(tw.invoice())
TAG = tw.KEYS.tag(tw.invoice())


def disclosed(document: Document, secret: bytes = SECRET, **fields: Any) -> documents_pb2.DisclosedDocument:
    kind = documents_pb2.DocumentKind.Value(f"DOCUMENT_KIND_{document.kind.upper()}")
    values: dict[str, Any] = {
        "fingerprint": tw.fp(document),
        "kind": kind,
        "canonical_json": document_bytes(document),
        "salt_secret": secret,
        "registered_by": "IndustryAMSP",
    }
    return documents_pb2.DisclosedDocument(**(values | fields))


def on_ledger(fp: str = FP, *, record: dict[str, Any] | None = None, **fields: Any) -> OnLedger:
    """An invoice as IndustryAMSP registered it."""
    answer = {
        "fp": fp,
        "found": True,
        "kind": "invoice",
        "commitment": commitment_hex(tw.invoice(), SECRET),
        "tag": TAG,
        "state": "asserted",
        "grade": "asserted",
        "first_tx": "t1",
        "seller": tw.handle(tw.SELLER),
        "owner": "IndustryAMSP",
        "asset": fp,
        "claims": {},
    } | fields
    known: Any = {"time": 5, "buyer": tw.handle(tw.BUYER), "origin": None} | (record or {})
    primary = answer.get("primary", fp)
    read = ReadAnswer({}, {f"\x00doc\x00{primary}\x00": Version(12, 3)})
    return OnLedger({fp: answer}, [read], {fp: known})


def checked(ledger: OnLedger, *items: documents_pb2.DisclosedDocument) -> tuple[Any, Any]:
    fp = next(iter(ledger.attested))
    found = BodyChecker(tw.KEYS).check({fp: items}, ledger)
    assert found.bodies == {each.fingerprint: document_bytes(each.document) for each in found.documents}
    return found.documents, found.withheld


def test_a_body_with_the_ledgers_commitment_fits() -> None:
    (document,), withheld = checked(on_ledger(), disclosed(tw.invoice()))
    assert withheld == []
    assert (document.matched_by, document.block, document.tx_index) == ("commitment", 12, 3)
    assert (document.registered_at, document.buyer) == (5, tw.handle(tw.BUYER))
    assert document.signed_by == ""


def test_who_signed_is_who_the_ledger_says() -> None:
    origin = {"party": tw.handle(tw.SELLER)}
    (document,), _ = checked(on_ledger(grade="signed", record={"origin": origin}), disclosed(tw.invoice()))
    assert document.signed_by == tw.handle(tw.SELLER)


def test_a_body_of_another_gateway_fits_by_its_tag() -> None:
    (document,), _ = checked(on_ledger(), disclosed(tw.invoice(), OTHER_SECRET))
    assert document.matched_by == "tag"
    assert document.commitment == commitment_hex(tw.invoice(), OTHER_SECRET)


def test_of_several_bodies_one_that_fits_is_taken_by_commitment_first() -> None:
    wrong = disclosed(tw.invoice(due_date=None), SECRET, fingerprint=FP)
    by_tag = disclosed(tw.invoice(), OTHER_SECRET)
    right = disclosed(tw.invoice())
    for items in ((wrong, by_tag, right), (right, by_tag, wrong)):
        (document,), withheld = checked(on_ledger(), *items)
        assert (document.matched_by, withheld) == ("commitment", [])
    (document,), withheld = checked(on_ledger(), wrong, by_tag)
    assert (document.matched_by, withheld) == ("tag", [])


def test_other_content_under_the_same_fingerprint_is_withheld() -> None:
    dearer = tw.invoice(lines=[{"price": 11}])
    assert tw.fp(dearer) == FP
    documents, (withheld,) = checked(on_ledger(), disclosed(dearer))
    assert (documents, withheld.reason) == ([], "COMMITMENT_MISMATCH")


@pytest.mark.parametrize(
    ("item", "ledger", "reason"),
    [
        (disclosed(tw.invoice(), canonical_json=b"", salt_secret=b""), on_ledger(), "CONSENT_FIELDS"),
        (disclosed(tw.invoice()), on_ledger(found=False), "NOT_REGISTERED"),
        (disclosed(tw.invoice("INV-2"), fingerprint=FP), on_ledger(), "COMMITMENT_MISMATCH"),
        (disclosed(tw.invoice(), canonical_json=b"{}"), on_ledger(), "COMMITMENT_MISMATCH"),
        (disclosed(tw.invoice(), canonical_json=b"\xff"), on_ledger(), "COMMITMENT_MISMATCH"),
        (disclosed(tw.invoice()), on_ledger(kind="credit_note"), "COMMITMENT_MISMATCH"),
        (disclosed(tw.invoice(), OTHER_SECRET), on_ledger(state="amended"), "COMMITMENT_MISMATCH"),
        (disclosed(tw.invoice(), OTHER_SECRET), on_ledger(tag=""), "COMMITMENT_MISMATCH"),
    ],
)
def test_what_does_not_fit_is_withheld_with_the_reason(
    item: documents_pb2.DisclosedDocument, ledger: OnLedger, reason: str
) -> None:
    documents, (withheld,) = checked(ledger, item)
    assert (documents, withheld.reason, withheld.fingerprint) == ([], reason, FP)


def test_an_alias_is_not_the_document() -> None:
    """A commercial invoice names a 数电票: its body does not stand for that one, although neither has a tag."""
    from consortium.documents import Fapiao

    commercial = tw.invoice(fapiao=(Fapiao(fapiao_kind="digital_special", number="24312000000012345678"),))
    alias = next(key.fp for key in tw.KEYS.keys_of(commercial) if key.alias)
    ledger = on_ledger(alias, tag="", primary=FP)
    documents, (withheld,) = checked(ledger, disclosed(commercial, OTHER_SECRET, fingerprint=alias))
    assert (documents, withheld.reason) == ([], "COMMITMENT_MISMATCH")


def test_a_document_known_under_two_keys_is_one() -> None:
    """Asked under another key of the same document, the ledger tells the first one."""
    invoice, other = tw.invoice(), "9" * 64
    ledger = on_ledger()
    attested = {**ledger.attested, other: {**ledger.attested[FP], "fp": other, "primary": FP, "found": True}}
    both = OnLedger(attested, ledger.reads, {**ledger.records, other: ledger.records[FP]})
    found = {FP: [disclosed(invoice)], other: [disclosed(invoice, fingerprint=other)]}
    made = BodyChecker(tw.KEYS).check(found, both)
    assert [document.fingerprint for document in made.documents] == [FP]
    assert made.withheld == []


# --- asking the gateways ------------------------------------------------------------------------


class Gateway:
    """An industry gateway that answers as told."""

    name = "industry-a"

    def __init__(self, *items: documents_pb2.DisclosedDocument, error: ChanrongError | None = None) -> None:
        self.items, self.error = items, error

    async def release(
        self, subject: str, consent_id: str, purpose: str, fingerprints: Sequence[str]
    ) -> AsyncIterator[documents_pb2.DisclosedDocument]:
        for item in self.items:
            yield item
        if self.error is not None:
            raise self.error


async def _released(*gateways: Gateway) -> dict[str, list[documents_pb2.DisclosedDocument]]:
    return await release(gateways, "d" * 64, "consent-1", "p", ())


async def test_what_several_gateways_have_is_kept_side_by_side() -> None:
    one, two = disclosed(tw.invoice()), disclosed(tw.invoice(), OTHER_SECRET)
    found = await _released(Gateway(one), Gateway(two, disclosed(tw.order())))
    assert found == {FP: [one, two], tw.fp(tw.order()): [disclosed(tw.order())]}


@pytest.mark.parametrize("reason", ["NOT_FOUND", "SUBJECT_UNKNOWN"])
async def test_a_gateway_that_does_not_know_the_subject_has_none(reason: str) -> None:
    unknown = Gateway(error=NotFoundError("Who?", reason=reason))
    assert list(await _released(unknown, Gateway(disclosed(tw.invoice())))) == [FP]


@pytest.mark.parametrize(
    "error", [UnavailableError("Down."), OutcomeUnknownError("Broken."), InvalidInputError("What?")]
)
async def test_a_gateway_that_does_not_answer_ends_the_request(error: ChanrongError) -> None:
    """Also when it breaks off in the middle: half of the documents are not the documents."""
    with pytest.raises(UnavailableError) as failed:
        await _released(Gateway(disclosed(tw.invoice()), error=error), Gateway(disclosed(tw.order())))
    assert failed.value.reason == "INDUSTRY_GATEWAY_UNAVAILABLE"
    assert "industry-a" in failed.value.message


async def test_a_consent_that_a_gateway_does_not_accept_is_said_so() -> None:
    with pytest.raises(DeniedError):
        await _released(Gateway(error=DeniedError("Revoked.", reason="CONSENT_REVOKED")))


@pytest.mark.parametrize(
    "fields",
    [
        {"fingerprint": "x"},
        {"fingerprint": FP.upper()},
        {"kind": 99},
        {"kind": 0},
        {"salt_secret": b"short"},
        {"salt_secret": b""},
        {"pushed_by": "somebody"},
    ],
)
async def test_a_gateway_that_talks_nonsense_does_not_answer(fields: dict[str, Any]) -> None:
    with pytest.raises(UnavailableError) as failed:
        await _released(Gateway(disclosed(tw.invoice(), **fields)))
    assert failed.value.reason == "INDUSTRY_GATEWAY_UNAVAILABLE"


async def test_documents_and_bytes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [disclosed(tw.invoice(f"INV-{n}")) for n in range(3)]
    monkeypatch.setattr(module, "MAX_DOCUMENTS", 2)
    with pytest.raises(InvalidInputError) as large:
        await _released(Gateway(*items))
    assert large.value.reason == "PACKAGE_TOO_LARGE"
    with pytest.raises(InvalidInputError):
        await _released(Gateway(items[0]), Gateway(items[1]), Gateway(items[2]))
    monkeypatch.setattr(module, "MAX_DOCUMENTS", 3)
    monkeypatch.setattr(module, "MAX_BODY_BYTES", 10)
    with pytest.raises(InvalidInputError):
        await _released(Gateway(items[0]))
