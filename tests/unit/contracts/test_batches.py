"""A batch does what its items would do one by one, and the same call twice writes the same bytes."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consortium.contract import claim_handle, encode, names
from tests.support.contract_world import (
    BANK_A,
    DAY,
    FACE,
    INDUSTRY_A,
    INDUSTRY_B,
    Json,
    World,
    alias,
    claim_id,
    digest,
    document,
    fp,
    key,
    link,
    opened,
    opening,
)

bounded = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
NAMES = st.sampled_from("ABCD")


@st.composite
def items(draw: st.DrawFn) -> Json:
    """Documents of few names, so that they meet: again, in conflict, under other epochs, as aliases."""
    name, content = draw(NAMES), draw(st.sampled_from(["", "", "other"]))
    keys = [key(name, content=content)]
    if draw(st.booleans()):
        keys.append(key(name, epoch=2, content=content))
    if draw(st.booleans()):
        keys.reverse()
    keys += [alias(other) for other in sorted(draw(st.sets(NAMES, max_size=2))) if other != name]
    kind = draw(st.sampled_from(["invoice", "invoice", "credit_note"]))
    seller = draw(st.sampled_from(["seller", "seller", "other"]))
    links = [link(parent, draw(st.sampled_from([None, 5]))) for parent in draw(st.sets(NAMES, max_size=1))]
    links = [each for each in links if each["parent"] not in {own["fp"] for own in keys}]
    return document(name, kind=kind, seller=seller, keys=keys, links=links, content=content)


def comparable(world: World, results: list[Json]) -> tuple[Any, Any]:
    """Results and documents without what tells transactions apart."""
    documents = world.read(names.DOCUMENTS_GET, fps=[fp(name, epoch) for name in "ABCD" for epoch in (1, 2)])
    rows = world.read(names.ENCUMBRANCES_GET, assets=[fp(name) for name in "ABCD"])
    plain = [
        each and {name: value for name, value in each.items() if not name.endswith("tx")}
        for each in documents["documents"]
    ]
    return [{**result, "txid": ""} for result in results], (plain, rows)


@bounded
@given(st.lists(items(), min_size=1, max_size=8))
def test_registering_in_one_call_or_one_by_one(batch: list[Json]) -> None:
    together, apart = World(), World()
    one = comparable(together, together.register(*batch))
    other = comparable(apart, [result for item in batch for result in apart.register(item)])
    assert one == other


@bounded
@given(
    st.lists(
        st.tuples(st.sampled_from(["I1", "I2", "PO1"]), st.sampled_from([1, FACE // 2, FACE])), max_size=8
    )
)
def test_reserving_in_one_call_or_one_by_one(wanted: list[tuple[str, int]]) -> None:
    def reservations(world: World) -> list[Json]:
        world.trade()
        world.register(
            document("PO1", kind="purchase_order"),
            document("I1", links=[link("PO1", FACE // 2)]),
            document("I2", links=[link("PO1", None)]),
        )
        return [
            {
                "asset": fp(asset),
                "claim": claim_id(str(number)),
                "share": share,
                "handle": claim_handle(BANK_A, opening(str(number))),
                "expires": world.now + DAY,
                "consent": f"consent-{BANK_A}",
                "signature": None,
            }
            for number, (asset, share) in enumerate(wanted)
        ]

    together, apart = World(), World()
    transient = opened(*(str(number) for number in range(len(wanted))))
    batch = reservations(together)
    results = together.write(BANK_A, names.ENCUMBRANCES_RESERVE, *batch, transient=transient) if batch else []
    singly = [apart.one(BANK_A, names.ENCUMBRANCES_RESERVE, item, transient) for item in reservations(apart)]
    assert [{**each, "txid": ""} for each in results] == [{**each, "txid": ""} for each in singly]
    assert rows(together) == rows(apart)


def rows(world: World) -> Json:
    return world.read(names.ASSETS_GET, assets=[fp(name) for name in ("PO1", "I1", "I2")])


@bounded
@given(st.lists(items(), min_size=1, max_size=5), st.sampled_from([INDUSTRY_A, INDUSTRY_B]))
def test_two_peers_write_the_same_bytes(batch: list[Json], msp: str) -> None:
    request = encode({"op": digest("op"), "items": batch})
    worlds = [World(), World()]
    responses = [world.call(msp, names.DOCUMENTS_REGISTER, request) for world in worlds]
    assert responses[0] == responses[1]
    assert worlds[0].ledger.state == worlds[1].ledger.state
    assert worlds[0].ledger.events == worlds[1].ledger.events
