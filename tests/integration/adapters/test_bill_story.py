"""The demo's bills: what the exchange is told and answers is what the rules tell of them."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Sequence
from pathlib import Path

from chanrong.demo.bill_papers import make_bill_story
from chanrong.demo.papers import make_party
from consortium.documents import Document
from consortium.documents.party import primary_id
from crossverify.evidence import SourceAnswer, SourceState, SubjectInfo
from crossverify.sources.bills import BillsSource, questions_about
from tests.support.adapters import adapter
from tests.support.certs import TestConsortium
from tests.support.goods_world import codes
from tests.support.trade_world import NOW, World, handle

TODAY = dt.date(2026, 6, 30)
RULES = ("BILL_STATE", "BILL_RANGE", "BILL_ACCEPTOR")


async def asked(
    consortium: TestConsortium, folder: Path, data: bytes, documents: Sequence[Document]
) -> SourceAnswer:
    async with adapter("bills", consortium, folder) as served:
        report = await served.load(data, as_of=NOW)
        assert (report.loaded, list(report.problems)) == (2, [])
        return await BillsSource(served.channel()).ask(questions_about(documents))


async def test_the_story_is_told_by_the_rules(consortium: TestConsortium, tmp_path: Path) -> None:
    rng = random.Random(3)
    holder, buyer = make_party(rng), make_party(rng, suffix="集团股份有限公司")
    story = make_bill_story(11, holder, buyer, TODAY)
    answer = await asked(consortium, tmp_path, story.exchange, story.documents)
    assert (answer.state, answer.reason) == (SourceState.ANSWERED, "")
    expected = {
        story.free: [("PASS", "FREE"), ("PASS", "ONE_RANGE"), ("PASS", "CONFIRMED")],
        story.locked: [("WARN", "LOCKED"), ("PASS", "ONE_RANGE"), ("PASS", "CONFIRMED")],
        story.aped: [("PASS", "FREE"), ("PASS", "ONE_RANGE"), ("FAIL", "IMPOSTOR")],
    }
    for bill, said in expected.items():
        world = World(bill)
        world.subject = SubjectInfo(
            handle=handle(holder), identifiers=(str(primary_id(holder)),), name=holder.name or ""
        )
        world.changes |= {"version": 2, "bills": answer}
        assert [code for rule in RULES for code in codes(world, rule)] == said
