"""What a code means and what the officer does about it, in two languages, for every code that a package may hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from crossverify.rule import Finding, Step, Text
from crossverify.rules import ALL

GAPS: Final[Mapping[str, Text]] = {
    "NOT_ASKED": Text(
        "The institution was not asked. Ask for a package that asks it, or judge without it.",
        "未向该机构查询。请申请包含该查询的资料包，或在无此信息的情况下判断。",
    ),
    "SOURCE_SILENT": Text(
        "The institution did not answer. Nothing is known from it; ask again later.",
        "该机构未答复，信息未知。请稍后重试。",
    ),
    "SOURCE_STALE": Text(
        "The institution answered from data older than the profile allows. Ask again later.",
        "该机构的数据超过产品方案允许的时限。请稍后重试。",
    ),
    "SOURCE_CLOCK": Text(
        "The institution dates its answer in the future, so it is not believed. Tell its operator.",
        "该机构答复的时间在未来，不予采信。请通知其运维方。",
    ),
    "NOT_ANSWERED": Text(
        "The institution left this question open. Ask it directly.",
        "该机构未回答此项问题。请直接向其查询。",
    ),
    "ANSWER_UNREADABLE": Text(
        "The institution gave an answer that cannot be read. Tell its operator.",
        "该机构的答复无法读取。请通知其运维方。",
    ),
}
"""Codes that every rule with a source may give, with outcome UNKNOWN."""

DECISIONS: Final[Mapping[str, Text]] = {
    "NOTHING_LEFT": Text(
        "After all steps nothing is left to lend on.",
        "逐项扣减后无可融资余额。",
    ),
    "NO_RATE": Text(
        "An amount is in a currency for which the bank gave no rate, so it could not be reckoned with. Add the rate "
        "to the desk file.",
        "涉及的币种没有汇率，无法计算。请在本行参数文件中补充汇率。",
    ),
}
"""Codes of the decision itself."""

STEPS: Final[Mapping[Step, Text]] = {
    Step.FACE: Text("face value", "账面金额"),
    Step.CREDIT_NOTES: Text("credit notes", "红字发票冲减"),
    Step.TAX_RED: Text("red at tax beyond credit notes", "税务端多冲红部分"),
    Step.PAYMENTS: Text("payments seen", "已见付款"),
    Step.LEDGER_FACTS: Text("ledger facts not in documents", "账本记录而单证未见部分"),
    Step.NOT_RECEIVED: Text("not received within tolerance", "容差内未收货部分"),
    Step.NOT_CONFIRMED: Text("not confirmed by debtor", "债务人未确认部分"),
    Step.INVOICED: Text("invoiced already", "已开票部分"),
    Step.GOODS_GONE: Text("goods released", "已出库货物"),
    Step.CLAIMS_OF_OTHERS: Text("claims of others", "他人已占份额"),
    Step.AGEING: Text("ageing", "账龄扣减"),
    Step.DILUTION: Text("dilution reserve", "稀释准备"),
    Step.CONCENTRATION: Text("concentration excess", "集中度超限部分"),
    Step.ADVANCE: Text("advance rate", "融资比例"),
}
"""Names of the steps of the waterfall."""

OUTCOMES: Final[Mapping[str, Text]] = {
    "PASS": Text("pass", "通过"),
    "WARN": Text("warn", "提示"),
    "FAIL": Text("fail", "不通过"),
    "UNKNOWN": Text("unknown", "无法判断"),
    "NOT_APPLICABLE": Text("not applicable", "不适用"),
}
"""Names of the outcomes."""


def explain(rule: str, version: int, code: str) -> Text | None:
    """What a rule's code means.

    :param version: of the rule
    """
    found = ALL.get((rule, version))
    said = found.explains.get(code) if found is not None else None
    return said or GAPS.get(code)


def explanations(findings: Iterable[Finding]) -> dict[str, Text]:
    """What the codes of some findings mean, and those of the decision, by ``RULE.CODE``."""
    pairs = {(item.rule, item.version, item.code) for item in findings}
    found = {f"DECISION.{code}": text for code, text in DECISIONS.items()}
    for rule, version, code in sorted(pairs):
        text = explain(rule, version, code)
        if text is not None:
            found[f"{rule}.{code}"] = text
    return found
