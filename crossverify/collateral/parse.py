"""Reads descriptions, in Chinese or English: those of our own template, and what people write.

1. The text is cut into clauses at line ends and enumerators. 2. Each clause is looked through for labelled fields
(付款人, 发票号码, 合同编号, 金额, 到期日, 仓单编号, ...) and for general words (全部, 现有及将有, "all present and
future").
3. A clause that only names debtor, contract or period says so for those that follow.
What is not understood is left out: a description of which nothing is understood compares as vague, never as "other".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from crossverify.collateral.description import Collateral, Item

MAX_TEXT_CHARACTERS: Final = 20_000
MAX_ITEMS: Final = 2_000

_CLAUSES = re.compile(
    r"[\n\r]+|(?:^|(?<=[;。]))\s*(?:[一二三四五六七八九十]{1,3}、|\(?\d{1,4}\)|\d{1,4}[.、](?=\s*\D))"
)
_END: Final = r"[;。\n]"
_QUOTED = re.compile(r"「([^」]*)」")
_DATE: Final = r"(\d{4})\s*(?:-|/|\.|年)\s*(\d{1,2})\s*(?:-|/|\.|月)\s*(\d{1,2})\s*日?"
_PERIOD = re.compile(rf"{_DATE}\s*起?\s*(?:至|到|—|–|-|~|to|until|and|与)\s*{_DATE}", re.IGNORECASE)
_DUE = re.compile(rf"(?:到期日|付款期限|due(?:\s+date)?)\s*(?:为|:|on)?\s*{_DATE}", re.IGNORECASE)
_AMOUNT = re.compile(
    r"(?:金额|合计|总额|amount(?:ing\s+to)?|total)(?:\s*\([^)]*\))?\s*(?:为|:|of)?\s*"
    r"([A-Z]{3}|人民币|美元|欧元|港元|¥|\$|€)?\s*(\d[\d,]*(?:\.\d+)?)\s*(万)?\s*(元|[A-Z]{3})?",
    re.IGNORECASE,
)
_CURRENCIES: Final = {"人民币": "CNY", "¥": "CNY", "元": "CNY", "美元": "USD", "$": "USD", "欧元": "EUR"} | {
    "€": "EUR",
    "港元": "HKD",
}
_DEBTOR = re.compile(
    r"(?:应收账款债务人|次债务人|付款人|债务人|付款方|买方|购货方|account\s+debtor|debtor|obligor|buyer|customer)"
    r"\s*(?:名称|name)?\s*(?::|为|是|\s)\s*",
    re.IGNORECASE,
)
_OWED_BY = re.compile(
    r"(?:对|向)\s*(?:付款人|债务人|买方|购货方)?\s*(?!其|下列|以下|所有|全部|任何)(?=[^;。\n]{2,80}?(?:享有|的应收|应收|的债权|在))"
)
_NAME_ENDS = re.compile(
    r"享有|所享有|的应收|应收账款|的债权|在.{0,30}?项下|项下|、?统一社会信用代码|[,;。\n]"
    r"|\((?=\s*(?:统一社会信用代码|纳税人识别号|税号|[a-z0-9.-]+:))|\s(?:under|for|from|arising|pursuant|dated)\b"
    r"|(?<=\S)\((?=uscc|lei|vat)",
    re.IGNORECASE,
)
_USCC = re.compile(r"(?:统一社会信用代码|纳税人识别号|税号)\s*:?\s*([0-9A-Z]{15,20})")
_SCHEMED = re.compile(r"(?<![A-Za-z0-9.-])([a-z0-9][a-z0-9.-]{1,31}):([^\s、,;。()「」:]{4,200}|「[^」]*」)")
_LABELS: Final = {
    "invoices": r"(?:发票(?:号码|编号|号)\s*(?:为|:)?|发票\s*:|\binvoices?(?:\s+(?:nos?|numbers?)\b\.?)?\s*[:#]?)",
    "contracts": r"(?:(?:合同|订单|协议)(?:编号|号码|号)\s*(?:为|:)?|(?:合同|订单|协议)\s*:"
    r"|\b(?:contracts?|orders?|agreements?)(?:\s+(?:nos?|numbers?)\b\.?\s*[:#]?|\s*[:#]))",
    "receipts": r"(?:仓单(?:编号|号码|号)\s*(?:为|:)?|仓单\s*:"
    r"|\bwarehouse\s+receipts?(?:\s+(?:nos?|numbers?)\b\.?)?\s*[:#]?)",
    "bills": r"(?:票据(?:\(包\))?(?:编号|号码|号)\s*(?:为|:)?|\bbills?\s+(?:nos?|numbers?)\b\.?\s*[:#]?)",
}
_LABEL = {name: re.compile(pattern, re.IGNORECASE) for name, pattern in _LABELS.items()}
_STOPS: Final = "项下|的|号|张|份|等|及|和|与|至|所|之|在|共|金额|应收|发票|合同"
_TOKEN = re.compile(rf"\s*(?:「([^」]*)」|(?=\S{{0,80}}\d)((?:(?!{_STOPS})[^\s、,;。()「」:~]){{1,80}}))")
_GROUPS = re.compile(r"\d{2,6}(?: \d{2,6})+(?![\w./-])", re.ASCII)
"""Digits in groups: 2631 1987 6543 ...; lists of whole numbers have longer ones, or signs in between."""
_MASKED = re.compile(r"[*×?…]|\.\.|[xX]{3}|__")
"""What hides a part of a number."""
_JOINT = re.compile(r"\s*(?:、|,\s*(?:and\b)?|/\s|和|及|与|\band\b|&)\s*|\s+", re.IGNORECASE)
_AFTER_LIST = re.compile(
    rf"\s*(?:$|[;。,)」(]|{_STOPS}|到期|开票|日期|税|价|元|币|项|产生|所|之|债务|付款|买方|购货|仓单|票据|订单|协议|质押|转让"
    r"|\b(?:on|for|dated|amount|total|due|of|from|under|issued|in|by|to|with|owed|contract|order|invoice)\b)",
    re.IGNORECASE,
)
_RANGE = re.compile(r"\s*(?:至|~|\bto\b|\bthrough\b)\s*", re.IGNORECASE)
_AND_OTHERS = re.compile(
    r"\s*(?:等|,?\s*(?:and\s+others|among\s+others|etc\b|including|包括但不限于))\s*(?:共|合计|计)?\s*(\d{1,6})?\s*(?:张|份|笔|项)?",
    re.IGNORECASE,
)
_GENERAL = re.compile(
    r"(?:全部|所有|一切|任何)(?!权)[^;。\n]{0,20}?(?:应收账款|应收款|债权|收费权|账款|收益权|资产|财产"
    r"|动产|存货|货物|设备|产成品|原材料|车辆|仓单)"
    r"|(?:现有|现在|已有|目前)[^;。\n]{0,8}?(?:将有|将来|未来|以后|将)"
    r"|(?:应收账款|应收款|债权)[^;。\n]{0,12}?(?:全部|均)"
    r"|\b(?:all|any|every)\b[^;.\n]{0,60}?\b(?:receivables?|accounts|claims|assets|property"
    r"|inventory|goods|movables|equipment)\b"
    r"|\bpresent\b[^;.\n]{0,12}?\b(?:and|or)\b[^;.\n]{0,12}?\bfuture\b"
    r"|\bnow\s+(?:existing|owned|due)\b[^;.\n]{0,20}?\bhereafter\b|包括但不限于",
    re.IGNORECASE,
)
_PROPERTY = re.compile(r"资产|财产|\bassets\b|\bproperty\b|undertaking", re.IGNORECASE)
_LIST_OF_ALL = re.compile(
    r"(?:下列|以下|如下|所附|清单|附件|following|attached|schedule|annex)", re.IGNORECASE
)
_AND_ALL_OTHERS = re.compile(
    r"包括但不限于|及其他|以及其他|现有|\bpresent\b|\band\s+all\s+other\b|including\s+without\s+limitation",
    re.IGNORECASE,
)
_PRESENT_OR_FUTURE = re.compile(r"现有|将有|\bpresent\b|\bfuture\b", re.IGNORECASE)
_EXCEPT = re.compile(
    r"除\s*(.{1,200}?)\s*(?:以外|之外|外)|不包括\s*([^;。\n]{1,200})|\b(?:excluding|except(?:\s+for)?|other\s+than)\s+([^;\n]{1,200}?)(?:[;\n]|\.\s+(?=(?-i:[A-Z][a-z]))|$)",
    re.IGNORECASE,
)
_RECEIVABLES = re.compile(
    r"应收|账款|债权|保理|发票|receivable|invoice|factoring|\baccounts\b", re.IGNORECASE
)
_GOODS = re.compile(
    r"设备|机器|车辆|机动车|存货|原材料|产成品|半成品|生产线|专利|商标|股权|仓单|仓储|船舶|农产品|活体|知识产权|动产"
    r"|equipment|machinery|vehicles?\b|inventor(?:y|ies)|\bgoods\b|vessel|aircraft|patent|trademark|shares\b|warehouse",
    re.IGNORECASE,
)


def read_description(text: str) -> Collateral:
    """What a description says. Anything is taken; what is not understood is left out."""
    whole = len(text) <= MAX_TEXT_CHARACTERS
    text = _even(text[:MAX_TEXT_CHARACTERS])
    items: list[Item] = [] if whole else [Item(open=True)]
    heading = Item()
    for clause in _CLAUSES.split(text):  # 1
        if not clause or not clause.strip():
            continue
        item = _item(clause)  # 2
        if not item.says_anything and item.since is None:
            continue
        if _only_frames(item):
            heading = _merged(heading, item)  # 3
            continue
        items.append(_merged(heading, item))
        if len(items) >= MAX_ITEMS:
            items.append(Item(open=True))
            break
    if heading.says_anything and not items:
        items.append(heading)
    return Collateral(tuple(items), bool(_RECEIVABLES.search(text)), bool(_GOODS.search(text)))


def _even(text: str) -> str:
    """One width and one kind of sign; quotes stay."""
    folded = unicodedata.normalize("NFKC", text)
    return folded.replace("“", "「").replace("”", "」")


def _only_frames(item: Item) -> bool:
    general = item.everything or item.all_goods
    return not item.lists and not item.open and not general and item.amount is None


def _merged(heading: Item, item: Item) -> Item:
    if not item.debtor and not item.debtor_ids:
        item = replace(item, debtor=heading.debtor, debtor_ids=heading.debtor_ids)
    if not item.contracts and not item.lists:
        item = replace(item, contracts=heading.contracts)
    if item.since is None:
        item = replace(item, since=heading.since, until=heading.until)
    return item


def _item(clause: str) -> Item:
    excluded, excluded_debtors, rest = _exceptions(clause)
    lists: dict[str, tuple[str, ...]] = {}
    ranges: tuple[tuple[str, str], ...] = ()
    unfinished = False
    for name, label in _LABEL.items():
        found, spans, more = _listed(rest, label)
        lists[name] = found
        if name == "invoices":
            ranges = spans
        unfinished |= more and name in ("invoices", "receipts")
    debtor, debtor_ids = _debtor(rest)
    amount, currency = _amount(rest)
    since, until = _period(rest)
    due = _DUE.search(rest)
    listed = bool(lists["invoices"] or ranges or lists["receipts"] or lists["bills"])
    everything, all_goods = _general(rest, listed=listed)
    return Item(
        debtor=debtor,
        debtor_ids=debtor_ids,
        contracts=lists["contracts"],
        invoices=lists["invoices"],
        ranges=ranges,
        receipts=lists["receipts"],
        bills=lists["bills"],
        amount=amount,
        currency=currency,
        due=_day(*due.groups()) if due else None,
        since=since,
        until=until,
        everything=everything,
        all_goods=all_goods,
        open=unfinished,
        excluded=excluded,
        excluded_debtors=excluded_debtors,
    )


def _general(clause: str, *, listed: bool) -> tuple[bool, bool]:
    """Whether it is a general description: of receivables, of goods."""
    if _GENERAL.search(clause) is None:
        return False, False
    # "all receivables listed below" is no general description: the list says which.
    if listed:
        general = bool(_AND_ALL_OTHERS.search(clause)) and not _LIST_OF_ALL.search(clause)
    else:
        general = not _LIST_OF_ALL.search(clause) or bool(_PRESENT_OR_FUTURE.search(clause))
    if not general:
        return False, False
    whole = bool(_PROPERTY.search(clause))
    goods = bool(_GOODS.search(clause)) or whole
    return whole or bool(_RECEIVABLES.search(clause)) or not goods, goods


def _listed(clause: str, label: re.Pattern[str]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...], bool]:
    """Numbers behind a label, ranges of such, and whether the list says that it is not complete."""
    numbers: list[str] = []
    ranges: list[tuple[str, str]] = []
    unfinished = False
    for start in label.finditer(clause):
        position = start.end()
        before = len(numbers) + len(ranges)
        while (token := _TOKEN.match(clause, position)) is not None:
            number, position = _number(clause, token)
            span = _RANGE.match(clause, position)
            other = _TOKEN.match(clause, span.end()) if span else None
            if other is not None:
                last, position = _number(clause, other)
                ranges.append((number, last))
            elif number:
                numbers.append(number)
                unfinished |= token.group(1) is None and _MASKED.search(number) is not None
            joint = _JOINT.match(clause, position)
            if joint is None or _TOKEN.match(clause, joint.end()) is None:
                break
            position = joint.end()
        more = _AND_OTHERS.match(clause, position)
        listed = len(numbers) + len(ranges) - before
        if more is not None and listed:
            unfinished |= more.group(1) is None or int(more.group(1)) != listed
        else:
            # Something stands there that does not read as numbers, or as what may follow them.
            unfinished |= _AFTER_LIST.match(clause, position) is None
    return tuple(dict.fromkeys(numbers)), tuple(dict.fromkeys(ranges)), unfinished


def _number(clause: str, token: re.Match[str]) -> tuple[str, int]:
    """A number and where it ends; digits in groups are one number."""
    if token.group(1) is not None:
        return token.group(1).strip(), token.end()
    groups = _GROUPS.match(clause, token.start(2))
    if groups is not None:
        return "".join(groups.group().split()), groups.end()
    return token.group(2).strip().rstrip("."), token.end()


def _debtor(clause: str) -> tuple[str, tuple[str, ...]]:
    label = _DEBTOR.search(clause) or _OWED_BY.search(clause)
    ids = tuple(dict.fromkeys(_identifiers(clause)))
    if label is None:
        return "", ids
    quoted = _QUOTED.match(clause, label.end())
    if quoted is not None:
        return quoted.group(1).strip(), ids
    end = _NAME_ENDS.search(clause, label.end())
    name = clause[label.end() : end.start() if end else len(clause)].strip(" :.、")
    return name if len(name) <= 200 else "", ids


def _identifiers(clause: str) -> list[str]:
    plain = _USCC.sub(lambda match: f"uscc:{match.group(1)}", clause)
    found = []
    for scheme, value in _SCHEMED.findall(plain):
        if not scheme.isdigit() or len(scheme) == 4:
            found.append(f"{scheme}:{value.strip('「」').upper()}")
    return found


def _amount(clause: str) -> tuple[Decimal | None, str]:
    found = _AMOUNT.search(clause)
    if found is None:
        return None, ""
    before, digits, tens, after = found.groups()
    try:
        amount = Decimal(digits.replace(",", ""))
    except InvalidOperation:
        return None, ""
    sign = (before or after or "").upper()
    return amount * (10_000 if tens else 1), _CURRENCIES.get(sign, sign)


def _period(clause: str) -> tuple[date | None, date | None]:
    found = _PERIOD.search(clause)
    if found is None:
        return None, None
    values = found.groups()
    return _day(*values[:3]), _day(*values[3:])


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _exceptions(clause: str) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """What it leaves out (numbers, debtors), and the clause without that."""
    numbers: list[str] = []
    debtors: list[str] = []

    def take(found: re.Match[str]) -> str:
        text = next(group for group in found.groups() if group is not None)
        listed = [each for label in _LABEL.values() for each in _listed(text, label)[0]]
        name, ids = _debtor(text)
        numbers.extend(listed)
        debtors.extend([*([name] if name else []), *ids])
        return ";"

    rest = _EXCEPT.sub(take, clause)
    return tuple(dict.fromkeys(numbers)), tuple(dict.fromkeys(debtors)), rest
