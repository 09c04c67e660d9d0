"""One receivable of a package in full: its lines against the trade, who comes first on it, its terms, and the way from
face value to eligible amount. And the words of a package in two languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from rich.text import Text

from chanrong.cli.output import line, out, table
from crossverify.explain import OUTCOMES, STEPS

MAX_LINES: Final = 40
"""Lines of one invoice that are printed; all are in the file."""


class Language(StrEnum):
    """In which language a package is told."""

    EN = "en"
    ZH = "zh"


_CHINESE: Final[Mapping[str, str]] = {
    "credit package": "信用资料包",
    "subject": "主体",
    "sources": "数据来源",
    "eligible": "可融资",
    "refer": "转人工",
    "excluded": "剔除",
    "of face value": "账面金额",
    "the subject itself": "主体本身",
    "evaluated": "评估时间",
    "valid until": "有效期至",
    "before paying out": "放款前条件",
    "findings by rule": "各规则结论",
    "from face value to eligible amount": "从账面金额到可融资金额",
    "lines against the trade": "逐行匹配",
    "who comes first": "权利顺位",
    "terms": "条款",
    "decision": "结论",
    "receivable": "应收账款",
    "face value": "账面金额",
    "fingerprint": "指纹",
    "line": "行",
    "item": "品名",
    "ordered": "订购",
    "accepted": "验收",
    "before": "此前开票",
    "invoiced": "本次开票",
    "credited": "红冲",
    "price": "单价",
    "order price": "订单单价",
    "says": "结论",
    "place": "顺位",
    "claimant": "权利人",
    "kind": "种类",
    "by": "依据",
    "registered": "登记时间",
    "debtor told": "通知日",
    "term": "条款",
    "value": "内容",
    "document": "来源单证",
    "field": "字段",
    "met": "已满足",
    "open": "未满足",
    "in all currencies": "各币种合计",
    "no rate for": "缺少汇率",
    "duplicates show among": "查重范围",
    "a registration filed now gets place": "现在登记可得顺位",
    "it cannot be relied on": "顺位不确定",
    "agrees": "一致",
    "differs": "不一致",
    "unknown": "无法判断",
    "not_applicable": "不适用",
    "step": "步骤",
    "amount": "金额",
    "balance": "余额",
    "note": "说明",
}


def word(text: str, language: Language) -> str:
    """A word of the screen in a language; itself where there is none."""
    return _CHINESE.get(text, text) if language is Language.ZH else text


STEPS_BY_NAME: Final = {step.value: text for step, text in STEPS.items()}
"""Names of the steps of the waterfall."""


def step_name(name: str, language: Language) -> str:
    """Name of a step of the waterfall."""
    text = STEPS_BY_NAME.get(name)
    if text is None:
        return word(name, language).replace("_", " ")
    return text.zh if language is Language.ZH else text.en


def outcome_name(name: str, language: Language) -> str:
    """Name of an outcome."""
    text = OUTCOMES.get(name)
    if text is None or language is Language.EN:
        return {"NOT_APPLICABLE": "n/a"}.get(name, name.lower())
    return text.zh


def explained(payload: Mapping[str, Any], code: str, language: Language) -> str:
    """What a code means, as the package itself says; empty where it says nothing."""
    texts = payload.get("explanations", {}).get("codes", {})
    return str(texts.get(code, {}).get(language.value, ""))


def render_detail(one: Mapping[str, Any], language: Language) -> None:
    """Prints what a package says of one receivable beyond decision and reasons."""
    _lines(one.get("lines", ()), language)
    _priority(one.get("priority"), language)
    _terms(one.get("terms", {}), language)
    _steps(one, language)


def _title(text: str, language: Language) -> None:
    out.print()
    line(Text(word(text, language), style="bold"))


def _lines(rows: Sequence[Mapping[str, Any]], language: Language) -> None:
    if not rows:
        return
    _title("lines against the trade", language)
    names = (
        "line",
        "item",
        "ordered",
        "accepted",
        "before",
        "invoiced",
        "credited",
        "price",
        "order price",
        "says",
    )
    keys = (
        "line",
        "item",
        "ordered",
        "accepted",
        "invoiced_before",
        "invoiced",
        "credited",
        "price",
        "order_price",
    )
    shown = [(*(str(row.get(key, "")) for key in keys), word(str(row["verdict"]), language)) for row in rows]
    columns = tuple(word(name, language) for name in names)
    table(columns, shown[:MAX_LINES], right=columns[2:9], cut=columns[1:2])
    if len(shown) > MAX_LINES:
        line(f"… {len(shown) - MAX_LINES}")


def _priority(priority: Mapping[str, Any] | None, language: Language) -> None:
    if priority is None:
        return
    _title("who comes first", language)
    columns = tuple(
        word(name, language) for name in ("place", "claimant", "kind", "by", "registered", "debtor told")
    )
    rows = [
        (
            str(claim["rank"] or "?"),
            str(claim["claimant"]),
            str(claim["kind"]),
            str(claim["basis"]),
            _moment(claim["registered_at"]),
            str(claim["noticed_on"]),
        )
        for claim in priority["claims"]
    ]
    if rows:
        table(columns, rows, cut=columns[1:2])
    if priority["next_rank"] is not None:
        line(f"{word('a registration filed now gets place', language)} {priority['next_rank']}")
    if not priority["certain"]:
        line(
            Text(f"{word('it cannot be relied on', language)}: {'; '.join(priority['gaps'])}", style="yellow")
        )


def _moment(seconds: object) -> str:
    if not isinstance(seconds, int):
        return str(seconds)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _terms(terms: Mapping[str, Sequence[Mapping[str, Any]]], language: Language) -> None:
    if not terms:
        return
    _title("terms", language)
    columns = tuple(word(name, language) for name in ("term", "value", "document", "field"))
    rows = [
        (
            name.replace("_", " "),
            str(said["value"]),
            f"{said['kind'].replace('_', ' ')} {said['number']}",
            said["field"],
        )
        for name, voices in terms.items()
        for said in voices[:1]
    ]
    table(columns, rows)


def _steps(one: Mapping[str, Any], language: Language) -> None:
    _title("from face value to eligible amount", language)
    columns = tuple(word(name, language) for name in ("step", "amount", "balance", "note"))
    rows = [
        (step_name(step["step"], language), step["amount"], step["balance"], step["note"])
        for step in one["waterfall"]
    ]
    table(columns, rows, right=columns[1:3], wrap=columns[3:])
    amount = f"{word('eligible', language)} {one['eligible']} {one['currency']}"
    line(Text(amount, style="bold"), f" ({word(one['decision'], language)})")
