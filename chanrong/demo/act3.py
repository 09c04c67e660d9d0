"""Act 3: goods in a warehouse, and a commercial bill."""

from __future__ import annotations

from chanrong.cli.institution import load_files
from chanrong.cli.package_view import money
from chanrong.demo.act1 import BUYER
from chanrong.demo.bill_papers import make_bill_story
from chanrong.demo.goods_papers import GoodsStory, make_goods_story
from chanrong.demo.scene import Json, Scene, reason_codes
from chanrong.demo.wait import until
from chanrong.demo.world import SEED

HOLDER = "supplier-2"
"""Another supplier: it has metal in stores, and bills that the core enterprise accepted."""

NOT_THERE: Json = {"number": "", "decision": "not in the package", "reasons": []}
WRITERS = ("keeper", "second-keeper", "inspector")


async def play(scene: Scene) -> None:
    """What else a bank lends on."""
    scene.stage.act(3, "Other security: goods in a warehouse, a commercial bill")
    scene.consents["holder"] = await scene.consent(HOLDER, "bank-a")
    await _goods(scene)
    await _bills(scene)


async def _goods(scene: Scene) -> None:
    """A sound receipt, and one lot of metal on the receipts of two keepers."""
    stage = scene.stage
    story = make_goods_story(SEED + 501, scene.world.ordinary.sellers[1], scene.world.today)
    results = await _push_goods(scene, story)
    stage.expect(
        all(_registered(result) for result in results),
        f"two keepers and an inspector push {len(results)} papers about {HOLDER}'s goods",
        "warehouse receipts, what the keepers attest, what a third party saw in the stores",
    )
    payload = await _package(scene, "warehouse-v1", len(story.receipts))
    found = {item["number"]: item for item in payload["receivables"]}
    sound = found[story.sound.number]
    stage.expect(
        sound["decision"] == "eligible",
        f"warehouse receipt {story.sound.number} is {sound['decision']}:"
        f" {money(sound['eligible'])} {sound['currency']}",
        *reason_codes(sound),
    )
    for receipt in (story.doubled, story.doubling):
        told = found[receipt.number]
        _expect_refused(scene, told, "WR_GOODS_OVERLAP")


async def _push_goods(scene: Scene, story: GoodsStory) -> list[Json]:
    results: list[Json] = []
    for alias, (writer, documents) in zip(WRITERS, story.by_writer, strict=True):
        await scene.join(alias, writer, "industry-a")
        results += await scene.push(alias, documents, as_json=True)
    return results


async def _bills(scene: Scene) -> None:
    """A bill that is free, a part that somebody else is getting already, and an acceptor who is not who it looks."""
    stage, world = scene.stage, scene.world
    story = make_bill_story(SEED + 502, world.ordinary.sellers[1], world.buyer, world.today)
    file = scene.layout.root / "demo" / "bills.json"
    file.write_bytes(story.exchange)
    loaded = await load_files(scene.layout, scene.profile, "bills", [file], 0)
    results = await scene.push(HOLDER, story.documents, as_json=True)
    stage.expect(
        all(_registered(result) for result in results) and not any(r.problems for r in loaded.values()),
        f"{len(results)} bills of {BUYER} are pushed; the bill exchange knows them",
    )
    payload = await _package(scene, "bill-v1", len(story.documents))
    found = {item["fingerprint"]: item for item in payload["receivables"]}
    told = dict(zip(story.documents, (found.get(str(r["fingerprint"])) for r in results), strict=True))
    free, locked, aped = (told[bill] or NOT_THERE for bill in (story.free, story.locked, story.aped))
    stage.expect(
        free["decision"] == "eligible",
        f"bill {_short(free['number'])} is {free['decision']}: {money(free.get('eligible', '0'))} CNY",
        *reason_codes(free),
    )
    stage.refused(
        locked["decision"] != "eligible" and any(c.startswith("BILL_STATE") for c in reason_codes(locked)),
        f"a part of it that is being passed on to somebody else: {locked['decision']}",
        *(reason["message"] for reason in locked["reasons"][:1]),
    )
    _expect_refused(scene, aped, "BILL_ACCEPTOR")


async def _package(scene: Scene, profile: str, wanted: int) -> Json:
    """A package once all that was pushed is in it: links may still be on their way."""

    async def whole() -> Json | None:
        _, payload, _ = await scene.package("bank-a", HOLDER, profile)
        return payload if len(payload["receivables"]) >= wanted else None

    found = await until(whole)
    return found or (await scene.package("bank-a", HOLDER, profile))[1]


def _short(number: str) -> str:
    """A bill's 30 digits by their end, with its units; other numbers as they are."""
    package, _, units = number.partition(" ")
    return f"…{package[-6:]}, units {units.replace(',', ' to ')}," if units else number


def _registered(result: Json) -> bool:
    return bool(result.get("position", {}).get("state") == "registered")


def _expect_refused(scene: Scene, told: Json, rule: str) -> None:
    named = [reason for reason in told["reasons"] if reason["code"].startswith(rule)]
    scene.stage.refused(
        told["decision"] == "excluded" and bool(named),
        f"{_short(told['number'])} is {told['decision']}:"
        f" {named[0]['code'] if named else 'for another reason'}",
        named[0]["message"] if named else ", ".join(reason_codes(told)),
    )
