"""Act 2: a second bank and a second industry gateway join; nobody is financed twice."""

from __future__ import annotations

from chanrong.demo.act1 import SUPPLIER
from chanrong.demo.scene import Scene, reason_codes, receivable
from consortium.contract.names import FACE_VALUE_PPB

SISTER = "sister-company"


async def play(scene: Scene) -> None:
    """The same receivable twice, and an order and its invoice one after the other."""
    stage = scene.stage
    stage.act(2, "With a second bank and a second gateway: nothing is financed twice")
    monitor = await scene.consent(SUPPLIER, "bank-a", "monitor")
    scene.consents["monitor"] = monitor
    scene.consents["bank-b"] = await scene.consent(SUPPLIER, "bank-b")
    await _finance_once(scene)
    await _other_gateway(scene)
    await _order_then_invoice(scene)


async def _finance_once(scene: Scene) -> None:
    invoice = scene.world.twice.invoices[0]
    reserved = await scene.reserve(
        "bank-a", scene.fingerprint(invoice), scene.consents["assess"], FACE_VALUE_PPB
    )
    scene.stage.expect(
        reserved.done, f"bank-a reserves 100 % of invoice {invoice.number}", *_why(reserved.message)
    )
    if reserved.done:
        financed = await scene.finance("bank-a", reserved.claim.claim_id, scene.consents["monitor"])
        scene.stage.expect(
            financed.done,
            f"… and finances it: the claim is {financed.claim.state}",
            *_why(financed.message),
        )


def _why(message: str) -> tuple[str, ...]:
    return (message,) if message else ()


async def _other_gateway(scene: Scene) -> None:
    """The same invoice, through industry-b, brought by a sister company as payee, to bank-b."""
    world, stage = scene.world, scene.stage
    await scene.join(SISTER, world.sister, "industry-b")
    invoice = world.twice.invoices[0]
    copy = invoice.model_copy(update={"payee": world.sister})
    result = (await scene.push(SISTER, [copy], via="industry-b"))[0]
    state = result.get("position", {}).get("state", result["status"])
    stage.refused(
        state == "already_registered",
        f"the same invoice through industry-b: {state.replace('_', ' ')}",
        f"brought by {world.sister.name}, which names itself payee",
    )
    await scene.consent(SISTER, "bank-b", via="industry-b")
    _, payload, _ = await scene.package("bank-b", SISTER)
    found = receivable(payload, scene.fingerprint(invoice))
    stage.refused(
        found["decision"] == "excluded" and any(c.startswith("DUP_EXACT") for c in reason_codes(found)),
        f"bank-b's package for that company: {found['decision']}",
        ", ".join(reason_codes(found)),
    )
    refused = await scene.reserve(
        "bank-b", scene.fingerprint(invoice), scene.consents["bank-b"], FACE_VALUE_PPB // 10
    )
    stage.refused(
        not refused.done and refused.reason == "OVER_FACE_VALUE",
        f"bank-b tries to reserve 10 % of it all the same: {refused.reason}",
        refused.message,
    )


async def _order_then_invoice(scene: Scene) -> None:
    trade, stage = scene.world.order_first, scene.stage
    reserved = await scene.reserve(
        "bank-a", scene.fingerprint(trade.order), scene.consents["assess"], FACE_VALUE_PPB
    )
    stage.expect(
        reserved.done, f"bank-a reserves 100 % of order {trade.order.number}", *_why(reserved.message)
    )
    refused = await scene.reserve(
        "bank-b", scene.fingerprint(trade.invoices[0]), scene.consents["bank-b"], FACE_VALUE_PPB // 2
    )
    stage.refused(
        not refused.done and refused.reason == "OVER_FACE_VALUE_LINKED",
        f"bank-b tries the invoice of that order: {refused.reason}",
        refused.message,
    )
