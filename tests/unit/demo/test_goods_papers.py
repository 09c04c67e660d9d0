"""The demo's warehouse papers are what the story says they are."""

from __future__ import annotations

import datetime as dt
import random

from chanrong.demo.goods_papers import GoodsStory, make_goods_story
from chanrong.demo.papers import make_party
from consortium.documents.canonical import document_bytes
from consortium.documents.party import primary_id
from consortium.documents.roles import issuer_of
from crossverify.evidence import SubjectInfo
from crossverify.figures import AssetKind
from tests.support.goods_world import judged
from tests.support.trade_world import World, fp, handle

TODAY = dt.date(2026, 6, 30)
HOLDER = make_party(random.Random(5))
RULES = ("WR_EXISTS", "WR_GOODS_OVERLAP", "WR_TITLE", "WR_RELEASE", "GOODS_INSPECTED")


def story() -> GoodsStory:
    return make_goods_story(7, HOLDER, TODAY)


def found(papers: GoodsStory) -> dict[str, set[str]]:
    world = World(*papers.documents)
    world.subject = SubjectInfo(
        handle=handle(HOLDER), identifiers=(str(primary_id(HOLDER)),), name=HOLDER.name or ""
    )
    codes: dict[str, set[str]] = {}
    for rule in RULES:
        for finding in judged(world, rule, AssetKind.WAREHOUSE_RECEIPT):
            if finding.outcome.value != "PASS":
                codes.setdefault(finding.subject, set()).add(f"{rule}.{finding.code}")
    return codes


def test_the_same_papers_every_time() -> None:
    assert [document_bytes(each) for each in story().documents] == [
        document_bytes(each) for each in story().documents
    ]


def test_each_paper_is_handed_in_by_its_writer() -> None:
    for writer, documents in story().by_writer:
        assert all(issuer_of(document) == writer for document in documents)


def test_the_sound_receipt_is_sound_and_the_lot_is_seen_twice() -> None:
    papers = story()
    assert found(papers) == {
        fp(papers.doubled): {"WR_GOODS_OVERLAP.LOT_TWICE"},
        # The inspector went to the first keeper only.
        fp(papers.doubling): {"WR_GOODS_OVERLAP.LOT_TWICE", "GOODS_INSPECTED.NOT_INSPECTED"},
    }
