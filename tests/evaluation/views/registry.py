"""The movable-property registry."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from crossverify.rule import Stage
from tests.evaluation.scene.books import Filing
from tests.evaluation.scene.companies import LENDER
from tests.evaluation.scene.scene import APPLIED, Scene
from tests.evaluation.views.look import BANK, Answers, Look, seconds

_KINDS = {
    "all_receivables": "pledge",
    "invoices": "assignment",
    "inventory": "movables",
    "equipment": "movables",
}


def answers(scene: Scene, look: Look) -> Answers:
    """All registrations that name the supplier, under present and former names."""
    supplier = scene.supplier
    names = [supplier.named(look.known), *(name for name, _ in supplier.former)]
    found = [filing for filing in scene.filings if filing.assignor is supplier and filing.day <= look.known]
    if look.stage is Stage.IN_LIFE:
        found.append(_own(scene))
    found.sort(key=lambda filing: (filing.day, filing.number))
    return {
        supplier.id: {
            "searched_names": names,
            "registrations": [_registration(number, filing, look) for number, filing in enumerate(found, 1)],
        }
    }


def _own(scene: Scene) -> Filing:
    """The lender's own registration of what it financed, on the day after."""
    numbers = tuple(
        dict.fromkeys(
            number
            for owed in scene.owed
            if owed.brought and owed.seller is scene.supplier
            for number in (owed.primary.number, *(each.number for each in owed.primary.fapiao))
        )
    )
    day = APPLIED + timedelta(days=1)
    return Filing(
        number="9" * 20,
        assignor=scene.supplier,
        secured=LENDER.name,
        day=day,
        until=day + timedelta(days=730),
        assets="invoices",
        description="应收账款转让，发票号码：" + "、".join(numbers),
        invoices=numbers,
    )


def _registration(number: int, filing: Filing, look: Look) -> dict[str, Any]:
    cancelled = filing.cancelled_on is not None and filing.cancelled_on <= look.known
    state = "cancelled" if cancelled else "expired" if filing.until < look.known else "live"
    months = max(round((filing.until - filing.day) / timedelta(days=30.4)), 1)
    return {
        "number": filing.number,
        "kind": _KINDS[filing.assets],
        "assignor": {
            "name": filing.name_used or filing.assignor.named(filing.day),
            "identifiers": [filing.assignor.id],
            "former_names": [],
        },
        "secured_party": {
            "name": filing.secured,
            "identifiers": [LENDER.id] if filing.secured == LENDER.name else [],
            "former_names": [],
        },
        "description": filing.description,
        "registered_unix": seconds(filing.day),
        "sequence": 1000 + number,
        "term_months": months,
        "expires_unix": seconds(filing.until),
        "state": state,
        "cancelled_unix": seconds(filing.cancelled_on) if cancelled and filing.cancelled_on else 0,
        "amendments": [],
        "filed_by": BANK if filing.secured == LENDER.name else "",
    }
