"""What happens once the bank has paid out: notices to the debtors, and their acknowledgements."""

from __future__ import annotations

from datetime import timedelta

from tests.evaluation.scene import agreements
from tests.evaluation.scene.companies import LENDER
from tests.evaluation.scene.scene import APPLIED, Owed, Scene


def fund(scene: Scene) -> Scene:
    """The supplier gives notice of everything that it brought, buyer by buyer and currency by currency."""
    day = APPLIED + timedelta(days=1)
    told: dict[tuple[str, str], list[Owed]] = {}
    for owed in scene.owed:
        if owed.brought and owed.seller is scene.supplier and owed.primary.totals.payable > 0:
            told.setdefault((owed.debtor.id, owed.primary.currency), []).append(owed)
    members = {pair.buyer.id for pair in scene.pairs if pair.member}
    for number, ((debtor, _), owed_by) in enumerate(told.items(), 1):
        paper = agreements.notice(f"ZR{day:%Y%m%d}-{number:02d}", owed_by, LENDER, day)
        scene.show(paper, scene.supplier, day + timedelta(days=1), signed=True)
        if debtor in members:
            answer = agreements.acknowledgement(
                f"HZ{day:%Y%m%d}-{number:02d}", paper, day + timedelta(days=3)
            )
            scene.show(answer, owed_by[0].debtor, day + timedelta(days=3), signed=True)
    return scene
