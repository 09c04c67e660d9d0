"""Small parts without I/O: who is meant by a document's party, what a consent covers, what goes next."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from consortium.documents import Party, PartyId
from consortium.storage.outbox import OutboxPolicy
from industry_gateway.consent.coverage import Coverage, meaningless
from industry_gateway.intake.lines import ndjson_sources
from industry_gateway.intake.results import IntakeStatus, Outcome, from_bytes, to_bytes
from industry_gateway.outbox.backlog import Backlog
from industry_gateway.outbox.model import (
    FACT,
    LINK,
    REGISTER,
    OutboxItem,
    cut,
    new_id,
    new_series,
    next_sequence,
    of_series,
    runs_of,
)
from industry_gateway.parties.directory import PartyDirectory, Tenant

USCC = "91310115MA1K3BTP2B"
OTHER_USCC = "91152201078377449P"


def tenant(alias: str, *identifiers: str) -> Tenant:
    names = tuple(
        PartyId(scheme=each.partition(":")[0], value=each.partition(":")[2]) for each in identifiers
    )
    return Tenant(alias, alias, alias * 8, names, 1, b"", "")


def party(*identifiers: str, name: str | None = None) -> Party:
    names = tuple(
        PartyId(scheme=each.partition(":")[0], value=each.partition(":")[2]) for each in identifiers
    )
    return Party(name=name, identifiers=names)


DIRECTORY = PartyDirectory(
    [
        tenant("a", f"uscc:{USCC}", "gln:4000001123452"),
        tenant("b", "gln:6901234567892"),
        tenant("c", "vat:DE136695976", "vat:FR40303265045"),
        tenant("n", "name:NURNAME"),
    ]
)


@pytest.mark.parametrize(
    ("written", "alias"),
    [
        (party(f"uscc:{USCC}"), "a"),
        (party("gln:4000001123452"), "a"),
        (party("gln:6901234567892"), "b"),
        (party(f"uscc:{USCC}", "gln:6901234567892"), "a"),  # b's GLN beside a's USCC means a
        (party("gln:6901234567892", f"uscc:{USCC}"), "a"),
        (party(f"uscc:{OTHER_USCC}", "gln:4000001123452"), None),  # another USCC contradicts
        (party("vat:FR40303265045"), "c"),
        (party("vat:FR12345678901", "vat:DE136695976"), None),  # another French number contradicts
        (party("vat:AT12345678901", "vat:DE136695976"), "c"),  # an Austrian one does not
        (party(f"uscc:{OTHER_USCC}"), None),
        (party("local:4711", name="Nur Name"), "n"),  # a partner's own number identifies nobody
        (party(name="nurname"), "n"),
        (party("gln:4000009999999", name="nurname"), None),  # a name counts only where nothing else stands
    ],
)
def test_who_is_meant(written: Party, alias: str | None) -> None:
    found = DIRECTORY.named(written)
    assert (None if found is None else found.alias) == alias
    assert DIRECTORY.named(written) is found, "remembered"


def test_a_new_registration_is_seen_at_once() -> None:
    directory = PartyDirectory()
    assert directory.named(party(f"uscc:{USCC}")) is None
    directory.replace([tenant("late", f"uscc:{USCC}")])
    found = directory.named(party(f"uscc:{USCC}"))
    assert found is not None
    assert found.alias == "late"


def test_what_a_consent_covers() -> None:
    coverage = Coverage.of(["invoice", "purchase_order.number", "goods_receipt.lines", "nonsense", "x.y"])
    assert coverage.whole("invoice")
    assert not coverage.whole("purchase_order")
    assert coverage.some("purchase_order")
    assert not coverage.some("credit_note")
    leaves = ["issue_date", "lines/1", "lines/2", "number"]
    assert coverage.of_leaves("purchase_order", leaves) == ["number"]
    assert coverage.of_leaves("goods_receipt", leaves) == ["lines/1", "lines/2"]
    assert coverage.of_leaves("invoice", leaves) == leaves
    assert Coverage.of(["*"]).whole("warehouse_receipt")
    assert not Coverage.of([]).some("invoice")


def test_words_that_cover_nothing_are_told() -> None:
    good = ["*", "invoice", "invoice.issue_date", "invoice.lines", "invoice.lines/12"]
    bad = ["invoices", "invoice.", "invoice.nothing", "invoice.lines/x", "invoice.number/1", ".", ""]
    assert meaningless(good) == []
    assert meaningless(good + bad) == bad


class Time:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def item(key: str, lane: str = REGISTER, root: str = "") -> OutboxItem:
    return OutboxItem(lane, key, root or key, b"{}", next_sequence())


def backlog(clock: Time, **changes: int) -> Backlog:
    made = Backlog(OutboxPolicy(max_items=3, linger_s=1.0, **changes), monotonic=clock)
    made.beyond.clear()
    return made


def test_a_lone_item_goes_at_once_and_company_waits_a_moment() -> None:
    clock = Time()
    waiting = backlog(clock)
    waiting.offer([item("a")])
    first = waiting.next_batch(in_flight=0)
    assert first is not None
    waiting.offer([item("b")])
    assert waiting.next_batch(in_flight=1) is None
    assert waiting.wait_s() == 1.0
    clock.now = 1.0
    second = waiting.next_batch(in_flight=1)
    assert second is not None
    assert [each.key for each in second.items] == ["b"]


def test_a_full_batch_waits_for_nothing() -> None:
    waiting = backlog(Time())
    waiting.offer([item(key) for key in "dcba"])
    batch = waiting.next_batch(in_flight=5)
    assert batch is not None
    assert [each.key for each in batch.items] == ["b", "c", "d"], "sorted, as the results will be"


def test_registrations_and_facts_never_share_a_batch_and_roots_go_one_by_one() -> None:
    waiting = backlog(Time())
    waiting.offer([item("f1", FACT, "r1"), item("f2", FACT, "r1"), item("f3", FACT, "r2"), item("d")])
    kinds = []
    batches = []
    while (batch := waiting.next_batch(in_flight=0)) is not None:
        kinds.append(batch.lane)
        batches.append(batch)
    assert kinds == [REGISTER, FACT]
    waiting.offer([item("f4", FACT, "r1"), item("f5", FACT, "r3")])
    third = waiting.next_batch(in_flight=2)
    assert third is not None
    assert [each.key for each in third.items] == ["f5"], "r1 is under way"
    waiting.done(batches[1])
    fourth = waiting.next_batch(in_flight=1)
    assert fourth is not None
    assert [each.key for each in fourth.items] == ["f4"]


def test_items_that_are_held_are_not_queued_twice() -> None:
    waiting = backlog(Time())
    one = item("a", LINK)
    waiting.offer([one])
    waiting.refill(LINK, [one, item("b", LINK)], more=False)
    batch = waiting.next_batch(in_flight=0)
    assert batch is not None
    assert [each.key for each in batch.items] == ["a", "b"]


def parcel(*keys: str) -> list[OutboxItem]:
    name = new_id()
    return [item(key)._replace(parcel=name) for key in keys]


def test_parcels_stay_whole_and_smaller_ones_fill_the_batch() -> None:
    waiting = backlog(Time())
    waiting.offer([*parcel("d", "c"), *parcel("b", "a"), item("e")])
    assert len(waiting) == 5
    batches = [waiting.next_batch(in_flight=0) for _ in range(3)]
    assert [None if each is None else [item.key for item in each.items] for each in batches] == [
        ["e", "d", "c"],
        ["b", "a"],
        None,
    ]
    assert len(waiting) == 0


def test_a_parcel_that_was_read_again_is_not_queued_twice() -> None:
    waiting = backlog(Time())
    one = parcel("a", "b")
    waiting.offer(one)
    waiting.refill(REGISTER, [*one, *parcel("c")], more=False)
    batch = waiting.next_batch(in_flight=0)
    assert batch is not None
    assert [each.key for each in batch.items] == ["a", "b", "c"]
    waiting.stored(batch)
    assert waiting.held(REGISTER) == frozenset()


def test_what_a_cut_leaves_of_a_parcel_is_a_parcel_of_its_own() -> None:
    first, second = parcel("a", "b", "c"), parcel("d", "e")
    left, right = cut([[*first[:2]], [first[2], *second]])
    assert [each.key for each in left] == ["a", "b"]
    assert sorted(each.key for each in right) == ["c", "d", "e"]
    names = {each.key: each.parcel for each in (*left, *right)}
    assert names["d"] == names["e"] == second[0].parcel, "whole ones stay what they are"
    assert names["a"] == names["b"] != names["c"]
    assert first[0].parcel not in names.values()
    assert cut([first, second]) == [first, second]


def test_identifiers_of_a_series_are_ranges() -> None:
    one, other = new_series(), new_series()
    lone = new_id()
    ids = [
        *(of_series(one, number) for number in (0, 1, 2, 9)),
        of_series(other, 1),
        of_series(other, 2),
        lone,
    ]
    assert {len(each) for each in ids} == {32}
    assert runs_of(reversed(ids)) == (
        [(of_series(one, 0), of_series(one, 2)), (of_series(other, 1), of_series(other, 2))],
        [of_series(one, 9), lone],
    )


def test_identifiers_grow() -> None:
    made = [new_id() for _ in range(1000)]
    assert made == sorted(made)
    assert len(set(made)) == 1000
    assert {len(each) for each in made} == {32}


def test_results_survive_their_stored_form() -> None:
    outcomes = [
        Outcome(
            0, IntakeStatus.ACCEPTED, label="a", document_id="d", kind="invoice", number="1", fingerprint="f"
        ),
        Outcome(1, IntakeStatus.REFUSED),
    ]
    assert from_bytes(to_bytes(outcomes)) == outcomes


@pytest.mark.parametrize("step", [1, 2, 3, 7, 100])
async def test_lines_come_whole_however_the_bytes_arrive(step: int) -> None:
    content = b'\xef\xbb\xbf{"a":1}\r\n\n  \n{"b":"\xe4\xb8\xad"}\n{"c":3}'

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), step):
            yield content[start : start + step]

    found = [(each.content, each.label) async for each in ndjson_sources(pieces())]
    assert found == [
        (b'{"a":1}', "line 1"),
        (b'{"b":"\xe4\xb8\xad"}', "line 4"),
        (b'{"c":3}', "line 5"),
    ]
