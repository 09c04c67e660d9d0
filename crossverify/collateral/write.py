"""Writes descriptions for filings: the registry's template, one numbered line per debtor, which reads back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from consortium.documents.codes import MINOR_UNITS
from consortium.documents.money import too_precise
from crossverify.collateral.assets import AssetFacts
from crossverify.collateral.description import Collateral, Item, name_key
from crossverify.collateral.parse import read_description

MAX_NUMBERS_PER_LINE: Final = 200

_WORDS: Final = {
    "assignment": ("应收账款转让", "转让人将下列应收账款转让给受让人:"),
    "pledge": ("应收账款质押", "出质人将下列应收账款质押给质权人:"),
    "movables": ("仓单质押", "出质人将下列仓单及其项下仓储物质押给质权人:"),
}


def collateral_of(assets: Iterable[AssetFacts]) -> Collateral:
    """The description of assets: grouped by debtor (or keeper) and currency, in their order."""
    groups: dict[tuple[str, ...], list[AssetFacts]] = {}
    receipts = False
    for asset in assets:
        who = asset.debtor_ids or (name_key(asset.debtor),)
        groups.setdefault((asset.kind, asset.currency, *who), []).append(asset)
        receipts |= asset.kind == "receipt"
    items = tuple(
        _item(members[start : start + MAX_NUMBERS_PER_LINE])
        for members in groups.values()
        for start in range(0, len(members), MAX_NUMBERS_PER_LINE)
    )
    return Collateral(items, receivables=any(not each.receipts for each in items), goods=receipts)


def _item(members: Sequence[AssetFacts]) -> Item:
    first = members[0]
    numbers = tuple(dict.fromkeys(number for each in members for number in each.numbers))
    contracts = tuple(dict.fromkeys(number for each in members for number in each.contracts))
    amounts = [each.amount for each in members if each.amount is not None]
    dues = [each.due for each in members if each.due is not None]
    return Item(
        debtor=first.debtor,
        debtor_ids=first.debtor_ids,
        contracts=contracts,
        invoices=numbers if first.kind == "receivable" else (),
        receipts=numbers if first.kind == "receipt" else (),
        amount=sum(amounts, Decimal(0)) if amounts else None,
        currency=first.currency if amounts else "",
        due=max(dues) if dues else None,
    )


def write_description(kind: str, collateral: Collateral) -> str:
    """The text for a filing.

    :param kind: "assignment", "pledge" or "movables"
    """
    title, sentence = _WORDS[kind]
    lines = [f"{title}。{sentence}"]
    lines += [f"{number}. {_line(item)}" for number, item in enumerate(collateral.items, 1)]
    return "\n".join(lines)


def _line(item: Item) -> str:
    fields = []
    if item.debtor or item.debtor_ids:
        ids = "、".join(_identifier(each) for each in item.debtor_ids)
        label = "保管人" if item.receipts else "付款人"
        fields.append(f"{label}:{_safe(item.debtor or '未列名称')}{f'({ids})' if ids else ''}")
    for label, numbers in (
        ("合同编号", item.contracts),
        ("发票号码", item.invoices),
        ("仓单编号", item.receipts),
        ("票据号码", item.bills),
    ):
        if numbers:
            # What will only arise under an order or contract has no number of its own yet.
            all_under = "项下全部应收账款" if numbers is item.contracts and not item.lists else ""
            fields.append(f"{label}:{'、'.join(_number(each) for each in numbers)}{all_under}")
    if item.amount is not None:
        fields.append(f"金额:{item.currency} {_amount(item.amount, item.currency)}")
    if item.due is not None:
        fields.append(f"到期日:{item.due.isoformat()}")
    return ";".join(fields) + "。"


def _amount(amount: Decimal, currency: str) -> str:
    """With all decimals of the currency, as amounts are written in contracts; never rounded."""
    digits = MINOR_UNITS.get(currency, 0)
    return f"{amount:,f}" if too_precise(amount, digits) else f"{amount:,.{digits}f}"


def _identifier(identifier: str) -> str:
    scheme, _, value = identifier.partition(":")
    return f"统一社会信用代码:{value}" if scheme == "uscc" else f"{scheme}:{_quoted(value)}"


def _quoted(text: str) -> str:
    plain = text.replace("「", "").replace("」", "").replace("\n", " ").replace("\r", " ")
    return f"「{plain}」"


def _number(number: str) -> str:
    """A number as it is, or in quotes where it would read as something else."""
    plain = f"1. 发票号码:{number};"
    return number if read_description(plain).items[:1] == (Item(invoices=(number,)),) else _quoted(number)


def _safe(name: str) -> str:
    plain = f"1. 付款人:{name}(统一社会信用代码:91310000MA1FL00X0X);发票号码:1;"
    items = read_description(plain).items
    return name if len(items) == 1 and items[0].debtor == name else _quoted(name)
