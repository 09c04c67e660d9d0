"""The arithmetic of one row: steps of use, lapsing, ageing."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaincode.contracts import records, rows
from chaincode.contracts.rows import FOREVER, MAX_STEPS, Row, Steps
from consortium.contract import FACE_VALUE_PPB, names
from tests.support.contract_world import digest

TOLERANCE = names.RESERVATION_TOLERANCE_S


@st.composite
def uses(draw: st.DrawFn) -> Steps:
    """Steps by rising end and falling share."""
    ends = sorted(draw(st.sets(st.integers(1, 100), max_size=12)))
    shares = sorted(draw(st.sets(st.integers(1, 1000), min_size=len(ends) + 1, max_size=13)), reverse=True)
    found = [[end, share] for end, share in zip(ends, shares, strict=False)]
    return [*found, [FOREVER, shares[-1]]] if draw(st.booleans()) else found


times = st.integers(0, 110)


@given(uses(), uses(), times)
def test_the_sum_of_two_uses(one: Steps, other: Steps, now: int) -> None:
    added = rows.added_steps(one, other)
    expected = rows.share_at(one, now) + rows.share_at(other, now)
    if len({until for until, _ in [*one, *other]}) <= MAX_STEPS:
        assert rows.share_at(added, now) == expected
    assert rows.share_at(added, now) >= expected
    assert len(added) <= MAX_STEPS
    assert added == sorted(added, key=lambda step: (step[0] == FOREVER, step[0]))


@given(uses(), st.integers(0, FACE_VALUE_PPB), times)
def test_scaled_use_is_never_below_the_truth(steps: Steps, weight: int, now: int) -> None:
    scaled = rows.share_at(rows.scaled_steps(steps, weight), now) * FACE_VALUE_PPB
    exact = rows.share_at(steps, now) * weight
    assert 0 <= scaled - exact < FACE_VALUE_PPB


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [(None, None, None), (5, None, 5), (None, 5, 5), (5, 7, 7), (FOREVER, 7, FOREVER), (7, FOREVER, FOREVER)],
)
def test_the_later_of_two_ends(one: int | None, other: int | None, expected: int | None) -> None:
    assert rows.later(one, other) == expected


def reserved(share: int, expires: int) -> dict[str, object]:
    return {"state": "reserved", "share": share, "handle": digest("h"), "expires": expires}


def test_a_reservation_counts_to_its_last_second() -> None:
    row = Row("a", claims={"c": reserved(5, 1000)})
    last = 1000 + TOLERANCE
    assert (row.claimed(last), row.claimed(last + 1)) == (5, 0)
    assert row.use(last) == [[last, 5]]
    assert row.use(last + 1) == []
    row.age(last)
    assert row.claims["c"]["state"] == "reserved"
    row.age(last + 1)
    assert row.claims["c"] == {**reserved(0, 1000), "state": "lapsed", "closed": last}


def test_many_reservations_are_merged_on_the_safe_side() -> None:
    row = Row("a", claims={f"{n:016x}": reserved(1, 1000 * n) for n in range(1, 31)})
    steps = row.use(0)
    assert len(steps) == MAX_STEPS
    for now in range(0, 31_000, 250):
        assert rows.share_at(steps, now) >= row.claimed(now)
    assert rows.share_at(steps, 30_000 + TOLERANCE + 1) == 0
    row.claims["f" * 16] = {**reserved(7, 0), "state": "financed"}
    steps = row.use(0)
    assert len(steps) == MAX_STEPS
    assert rows.share_at(steps, 10**9) == 7


def test_use_is_at_most_face_value() -> None:
    row = Row("a", settled=FACE_VALUE_PPB, via={"b": [[FOREVER, 5]]})
    assert row.use(0) == [[FOREVER, FACE_VALUE_PPB]]


def test_what_is_diluted_takes_nothing_from_others() -> None:
    assert Row("a", diluted=FACE_VALUE_PPB, void=True).use(0) == []


def test_ended_use_is_dropped() -> None:
    row = Row(
        "a",
        pending=True,
        via={"b": [[10, 5]], "c": [[10, 5], [FOREVER, 2]]},
        loose={"d": 10, "e": FOREVER},
        sellers=dict.fromkeys("bcde", "s"),
    )
    row.age(11)
    assert (row.via, row.loose) == ({"c": [[FOREVER, 2]]}, {"e": FOREVER})
    assert sorted(row.sellers) == ["c", "e"]


def test_a_shortfall_is_what_claims_and_children_suffer() -> None:
    row = Row("a", settled=FACE_VALUE_PPB, diluted=FACE_VALUE_PPB)
    assert (row.shortfall(0), row.state(0)) == (0, "free")
    row.claims["c"] = {**reserved(5, 0), "state": "financed"}
    assert (row.shortfall(0), row.state(0)) == (5, "impaired")


def test_a_row_is_stored_and_read_back() -> None:
    row = Row(
        "a",
        seller=digest("s"),
        claims={"c": reserved(5, 7)},
        settled=1,
        diluted=2,
        void=True,
        via={"b": [[10, 5], [FOREVER, 2]]},
        loose={"d": FOREVER},
        links={digest("p"): {"of_child": 1, "of_parent": None, "basis": "gross"}},
        released={"error": 1},
        pending=True,
        sellers={"b": "s"},
    )
    assert Row.read("a", row.write()) == row
    assert row.copy() == row
    row.into = "z"
    assert Row.read("a", row.write()) == Row("a", seller=digest("s"), into="z")
    assert orjson.loads(Row("a", seller="s").write()) == {"v": 1, "seller": "s"}


def test_records_are_migrated_when_they_are_read() -> None:
    versions = {"claims": 3}
    migrations = {
        ("claims", 1): lambda record: {**record, "v": 2, "two": True},
        ("claims", 2): lambda record: {**record, "v": 3, "three": record["two"]},
    }
    found = records.load("claims", b'{"v":1,"seller":"s"}', versions, migrations)
    assert found == {"v": 3, "seller": "s", "two": True, "three": True}
    assert records.load("claims", b'{"v":3}', versions, migrations) == {"v": 3}
    with pytest.raises(records.RecordError, match="version 4"):
        records.load("claims", b'{"v":4}', versions, migrations)


def test_every_version_leads_to_the_present_one() -> None:
    for kind, version in records.VERSIONS.items():
        for earlier in range(1, version):
            assert (kind, earlier) in records.MIGRATIONS
