"""What ``chanrong package show`` prints: the overview, one receivable in full, both languages, either version."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from rich.console import Console

from chanrong.cli import output, package_detail, package_view
from chanrong.cli.package_detail import Language
from consortium.documents.canonical import canonical_bytes
from consortium.errors import InvalidInputError
from crossverify.answers.bank import flow_reference
from crossverify.answers.tax import sales_reference
from crossverify.evidence import ClaimState
from crossverify.profiles import PROFILES
from finance_gateway.packages.content import Heading, build_payload
from tests.support import trade_world as tw
from tests.support.full_world import SUBJECT, sound

VECTOR = Path(__file__).parents[2] / "vectors" / "packages" / "receivable-v1.payload.json"
HEADING = Heading("ab" * 16, tw.BANK, "fabric", "c", None, ("BankBMSP", tw.BANK))

Said = Callable[..., str]


@pytest.fixture
def package() -> dict[str, Any]:
    """One eligible receivable, one that exceeds what was received, one in dollars."""
    over = tw.invoice("INV-2", [{"quantity": Decimal(50)}], issue_date=date(2026, 4, 11))
    world = sound(over, tw.invoice("INV-U", currency="USD", order_number="PO-9"))
    sales = world.tax[sales_reference(SUBJECT)]
    for month in sales["months"]:
        month["amount"] = "750"
    sales["counterparties"][0]["amount"] = "9000"
    for month in world.bank[flow_reference(SUBJECT)]["months"]:
        month["inflow"] = "850"
    claim = ClaimState(claim="1" * 16, share_ppb=250_000_000, state="financed")
    world.asset(tw.fp(tw.invoice()), claims=(claim,))
    payload = build_payload(HEADING, world.evidence(), PROFILES["receivable-v2"])
    return {"payload": orjson.loads(canonical_bytes(payload))}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Said:
    """What is printed on a wide screen."""

    def render(content: Any, **options: Any) -> str:
        written = io.StringIO()
        screen = Console(file=written, width=200, highlight=False, emoji=False)
        for module in (output, package_view, package_detail):
            monkeypatch.setattr(module, "out", screen)
        package_view.render(content, **options)
        return written.getvalue()

    return render


def test_the_overview_says_what_comes_first(package: Any, said: Said) -> None:
    text = said(package)
    assert "bills not asked" in text
    assert "duplicates show among: BankBMSP, BankAMSP" in text
    assert "MATCH_QTY." in text
    assert "in all currencies" in text
    assert "USD/CNY 7.10 (SAFE)" in text
    assert "claims of others" in text
    assert "REGISTRY_OWN" in text
    assert "(open)" in text


def test_one_receivable_in_full(package: Any, said: Said) -> None:
    text = said(package, receivable="INV-1")
    for part in (
        "lines against the trade",
        "bolt M1",
        "agrees",
        "who comes first",
        "due dates",
        "2026-08-08",
    ):
        assert part in text
    assert "INV-2" not in text
    assert "weigh it with what tax and the debtor say" in text, "what the officer does about a code"
    assert text.index("face value") < text.index("claims of others") < text.index("advance rate")


def test_in_chinese(package: Any, said: Said) -> None:
    text = said(package, language=Language.ZH)
    for part in (
        "信用资料包",
        "剔除",
        "转人工",
        "各规则结论",
        "不通过",
        "放款前条件",
        "未满足",
        "他人已占份额",
    ):
        assert part in text
    one = said(package, language=Language.ZH, receivable="INV-2")
    assert "逐行匹配" in one
    payload = package["payload"]
    reason = next(r for r in payload["receivables"] if r["number"] == "INV-2")["reasons"][0]
    assert payload["explanations"]["codes"][reason["code"]]["zh"][:12] in one.replace("\n", "")
    assert reason["message"][:40] in one, "values stand in the message, as it was signed"


def test_every_finding(package: Any, said: Said) -> None:
    assert "MATCH_QTY." in said(package, findings=True)
    assert "无法判断" in said(package, language=Language.ZH)


def test_a_receivable_that_is_not_there(package: Any, said: Said) -> None:
    with pytest.raises(InvalidInputError, match="no receivable INV-99"):
        said(package, receivable="INV-99")


def test_a_package_of_the_first_version(said: Said) -> None:
    content = {"payload": orjson.loads(VECTOR.read_bytes())}
    text = said(content)
    assert "credit package" in text
    assert "duplicates show among" not in text
    assert "advance rate" in said(content, receivable="INV-1")
    assert "信用资料包" in said(content, language=Language.ZH)


def test_what_is_no_package(said: Said) -> None:
    with pytest.raises(InvalidInputError, match="no package"):
        said({"payload": {"receivables": 3}})
