"""Bills and warehouse receipts under their products' profiles: decisions and the way to the eligible amount."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consortium.documents import Lot
from consortium.documents.party import primary_id
from crossverify.decision import Decision
from crossverify.engine import Evaluation, evaluate
from crossverify.evidence import AssetState, Evidence, SourceAnswer, SourceState
from crossverify.profiles import PROFILES
from crossverify.rule import Step
from crossverify.rules import RULES
from tests.support.goods_world import (
    KEEPER,
    OTHER_KEEPER,
    PLEDGEE,
    BillWorld,
    attestation,
    attested,
    bill,
    exchange_party,
    exchange_units,
    goods_world,
    inspected,
    inspection,
    paper_of,
    stored,
)
from tests.support.trade_world import OTHER, SELLER, World, fp

GOODS_RULES = ("WR_EXISTS", "WR_GOODS_OVERLAP", "WR_TITLE", "WR_RELEASE", "GOODS_INSPECTED")
OWN = {*GOODS_RULES, "BILL_STATE", "BILL_RANGE", "BILL_ACCEPTOR"}


def registered(world: World) -> World:
    """All documents on the ledger, free, and a registry that knows of nothing."""
    world.assets |= {name: AssetState(asset=name, aliases=(name,)) for name in world.documents}
    seller = str(primary_id(SELLER))
    world.changes["version"] = 2
    world.changes["registry"] = SourceAnswer(
        source="registry",
        institution="registry of Hua",
        state=SourceState.ANSWERED,
        as_of=world.now,
        digest="d" * 64,
        answers={seller: {"assignor": seller, "searched_names": [], "registrations": []}},
    )
    return world


def decided(world: World, profile: str) -> Evaluation:
    """A product's whole profile; evidence and evaluation survive being written and read."""
    evidence = Evidence.from_bytes(registered(world).evidence().to_bytes())
    found = evaluate(evidence, PROFILES[profile])
    assert found.to_bytes() == evaluate(evidence, PROFILES[profile]).to_bytes()
    return found


def goods(*documents: Any) -> Evaluation:
    return decided(goods_world(*documents), "warehouse-v1")


def reasons(found: Evaluation, position: int = 0) -> set[str]:
    return {each.code for each in found.receivables[position].reasons if each.code.partition(".")[0] in OWN}


def test_sound_goods_are_lent_on() -> None:
    (found,) = goods(paper_of(), attestation(), inspection()).receivables
    assert (found.decision, found.number, found.currency) == (Decision.ELIGIBLE, "WR-1", "CNY")
    assert found.waterfall[0].balance == Decimal(7_000_000)
    assert Decimal(0) < found.eligible < Decimal(7_000_000)


def test_goods_that_were_given_out_leave_the_amount() -> None:
    part = attested(quantity=60, released=Decimal(40), state="partly_released")
    found = goods(paper_of(), attestation("KA-1", part), inspection())
    assert found.receivables[0].decision is Decision.REFER
    assert reasons(found) == {"WR_RELEASE.PART_RELEASED"}
    steps = {each.step: each.amount for each in found.receivables[0].waterfall}
    assert steps[Step.GOODS_GONE] == Decimal(-2_800_000)
    assert sum(steps.values()) == found.receivables[0].amount


def test_one_lot_twice_excludes_both() -> None:
    other = paper_of("WR-2", keeper=OTHER_KEEPER)
    words = (attestation(), attestation("KA-2", attested("WR-2"), keeper=OTHER_KEEPER))
    found = goods(
        paper_of(), other, *words, inspection(), inspection("IR-2", receipt_number="WR-2", keeper=None)
    )
    assert [each.decision for each in found.receivables] == [Decision.EXCLUDED] * 2
    assert {each.eligible for each in found.receivables} == {Decimal(0)}
    assert "WR_GOODS_OVERLAP.LOT_TWICE" in reasons(found)


def test_pledged_goods_are_excluded_and_unseen_ones_referred() -> None:
    pledged = goods(paper_of(), attestation("KA-1", attested(pledgee=PLEDGEE)), inspection())
    assert (pledged.receivables[0].decision, reasons(pledged)) == (Decision.EXCLUDED, {"WR_TITLE.PLEDGED"})
    unseen = goods(paper_of(), attestation())
    assert unseen.receivables[0].decision is Decision.REFER
    assert reasons(unseen) == {"GOODS_INSPECTED.NOT_INSPECTED"}


def test_goods_without_a_value_are_worth_nothing() -> None:
    (found,) = goods(paper_of(declared_value=None, currency=None), attestation(), inspection()).receivables
    assert (found.eligible, found.decision) == (Decimal(0), Decision.EXCLUDED)


def test_a_free_bill_is_lent_on() -> None:
    (found,) = decided(BillWorld(bill(last=60_000)), "bill-v1").receivables
    assert (found.decision, found.waterfall[0].balance) == (Decision.ELIGIBLE, Decimal(600))
    assert found.eligible > 0


def test_bills_are_decided_one_by_one() -> None:
    papers = [bill(serial) for serial in range(1, 5)]
    world = BillWorld(*papers)
    world.says(papers[1], exchange_units(1, 100_000, circulation="TF0302"))
    world.says(papers[2], acceptor=exchange_party(OTHER))
    world.knows_nothing(papers[3])
    found = {each.fingerprint: each for each in decided(world, "bill-v1").receivables}
    assert [found[fp(each)].decision for each in papers] == [
        Decision.ELIGIBLE,
        Decision.REFER,
        Decision.EXCLUDED,
        Decision.EXCLUDED,
    ]


def test_no_word_of_the_exchange_is_never_a_pass() -> None:
    world = BillWorld(bill())
    world.silence("bills")
    found = decided(world, "bill-v1")
    assert found.receivables[0].decision is not Decision.ELIGIBLE
    assert reasons(found) == {
        f"{rule}.SOURCE_SILENT" for rule in ("BILL_STATE", "BILL_RANGE", "BILL_ACCEPTOR")
    }


LOTS = st.sampled_from([None, "L1", "L2"])
QUANTITIES = st.integers(0, 3).map(lambda each: each * 50)
LINES = st.builds(
    lambda lot, quantity, unit, marks: stored(lot, quantity, unit=unit, marks=marks),
    LOTS,
    QUANTITIES,
    st.sampled_from(["TNE", "KGM", "H87"]),
    st.sampled_from([None, "M1", "M2"]),
)
RECEIPTS = st.lists(
    st.tuples(st.lists(LINES, min_size=1, max_size=3), st.booleans(), st.booleans()), max_size=4
)
WORDS = st.lists(
    st.tuples(
        st.integers(1, 4),
        st.sampled_from(["in_store", "partly_released", "released", "unknown_receipt"]),
        st.one_of(st.none(), QUANTITIES),
        st.one_of(st.none(), QUANTITIES),
        st.booleans(),
        st.booleans(),
        LOTS,
    ),
    max_size=5,
)


@given(RECEIPTS, WORDS, LOTS)
@settings(max_examples=60, deadline=None)
def test_whatever_the_papers_say_there_is_an_answer(
    receipts: list[Any], words: list[Any], looked_at: str | None
) -> None:
    """Papers that contradict each other, zero quantities, units of another dimension: findings, never an error."""
    papers: list[Any] = []
    for number, (lines, other, foreign) in enumerate(receipts, 1):
        numbered = tuple(line.model_copy(update={"line_id": str(n)}) for n, line in enumerate(lines, 1))
        fields = {"keeper": OTHER_KEEPER if other else KEEPER, "depositor": OTHER if foreign else SELLER}
        papers.append(paper_of(f"WR-{number}", *numbered, **fields))
    for number, (about, state, quantity, released, other, pledged, lot) in enumerate(words, 1):
        line = attested(
            f"WR-{about}",
            quantity=quantity,
            state=state,
            unit="TNE",
            released=None if released is None else Decimal(released),
            pledgee=PLEDGEE if pledged else None,
            lots=() if lot is None else (Lot(number=lot),),
        )
        papers.append(attestation(f"KA-{number}", line, keeper=OTHER_KEEPER if other else KEEPER))
    if looked_at is not None:
        papers.append(inspection("IR-1", inspected(looked_at), receipt_number=None, keeper=None))
    found = decided(goods_world(*papers), "warehouse-v1")
    own = sum(1 for _, _, foreign in receipts if not foreign)
    assert len(found.receivables) == own
    for rule in GOODS_RULES:
        judged = {each.subject for each in found.findings if each.rule == rule}
        assert len(judged) == own
        assert {each.code for each in found.findings if each.rule == rule} <= RULES[rule].codes
    for each in found.receivables:
        assert sum(step.amount for step in each.waterfall) == each.amount
        assert Decimal(0) <= each.eligible <= each.waterfall[0].balance
