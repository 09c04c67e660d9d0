"""All of it as the evidence of one request, as a finance gateway would have put it together."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from consortium.documents import Bill
from crossverify.evidence import Evidence, LedgerView, RequestInfo, SourceState, SubjectInfo
from crossverify.rule import Stage
from tests.evaluation.scene.scene import APPLIED, Scene
from tests.evaluation.views import bank, bills, credit, desk, ledger, registry, tax
from tests.evaluation.views.look import BANK, PURPOSE, Look, answered


def evidence(scene: Scene, look: Look) -> Evidence:
    """What the bank has on its desk on a day."""
    on_ledger = ledger.registered(scene, look)
    documents = {item.fingerprint: item.document for item in on_ledger.documents}
    sources: dict[str, tuple[str, Any]] = {
        "tax": ("国家税务总局", lambda: tax.answers(scene, look, documents)),
        "bank": ("工商银行", lambda: bank.answers(scene, look, documents)),
        "credit": ("征信中心", lambda: credit.answers(scene)),
        "registry": ("动产融资统一登记", lambda: registry.answers(scene, look)),
        "bills": ("票据交易所", lambda: bills.answers(scene, look, documents.values())),
    }
    if not any(isinstance(body, Bill) for body in documents.values()):
        del sources["bills"]  # an exchange that has nothing to be asked about is not asked
    scope = "monitor" if look.stage is Stage.IN_LIFE else "assess"
    return Evidence(
        evaluated_at=look.now,
        subject=SubjectInfo(
            handle=ledger.KEYS.party_handle(scene.supplier.id),
            identifiers=(scene.supplier.id,),
            name=scene.supplier.name,
        ),
        request=RequestInfo(recipient=BANK, purpose=PURPOSE, stage=look.stage, scope=scope),
        documents=tuple(on_ledger.documents),
        ledger=LedgerView(
            state=SourceState.ANSWERED,
            as_of=look.now - 60,
            height=len(on_ledger.documents) + 10,
            channel="chanrong",
            assets=on_ledger.assets,
        ),
        consents=ledger.consents(scene, look, (scope,), APPLIED - timedelta(days=5)),
        desk=desk.desk(scene, look),
        **{source: answered(look, source, name, ask) for source, (name, ask) in sources.items()},
    )
