"""The credit bureau, as far as its report leaves the bank's desk."""

from __future__ import annotations

import hashlib
from typing import Any

from tests.evaluation.scene.companies import Company
from tests.evaluation.scene.scene import Scene
from tests.evaluation.views.look import Answers


def answers(scene: Scene) -> Answers:
    """Reports on the supplier, and on its buyers' relations."""
    found = {scene.supplier.id: _report(scene, scene.supplier, whole=True)}
    for pair in scene.pairs:
        found[pair.buyer.id] = (
            _report(scene, pair.buyer, whole=False)
            if pair.buyer.registered
            else {"known": False, "relations_only": True}
        )
    return found


def _report(scene: Scene, who: Company, *, whole: bool) -> dict[str, Any]:
    file = scene.files[who.id]
    related = [_related(scene, "owner", each) for each in who.owners]
    related += [_related(scene, "officer", each) for each in who.officers]
    related.append(_related(scene, "address", f"{who.city}{who.street}"))
    for company, kind in file.related:
        if kind != "address":
            related.append(_related(scene, kind, company.id))
    report: dict[str, Any] = {
        "known": True,
        "relations_only": not whole,
        "status": "active" if who.tax_state == "active" else who.tax_state,
        "related": related,
    }
    if whole:
        report |= {
            "current_overdue_days": file.overdue_days,
            "past_overdue_count": file.past_overdue,
            "under_enforcement": file.enforced,
            "liabilities": str(file.liabilities),
            "currency": "CNY",
        }
    return report


def _related(scene: Scene, kind: str, key: str) -> dict[str, Any]:
    """A person, company or place by a key that says nothing elsewhere; a company of the request by its identifier."""
    return {
        "kind": kind,
        "key": hashlib.sha256(key.encode()).hexdigest()[:16],
        "identifier": key if key in scene.companies else "",
        "share_percent": "51" if kind in {"owner", "controller"} else "",
    }
