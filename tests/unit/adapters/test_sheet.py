"""Statements as sheets: how columns, days and decimals are told, and what is refused."""

from __future__ import annotations

import pytest

from crossverify.adapters.bank.movements import Movement, MovementKind, Statement
from crossverify.adapters.bank.sheet import read_sheet
from crossverify.adapters.records import LoadProblem

NAME = "account=6222 0000; currency=CNY; june.csv"
BUYER = "91310000MA1FL00157"


def movements(text: str | bytes, name: str = "") -> list[Movement]:
    items = list(read_sheet(text if isinstance(text, bytes) else text.encode(), name))
    assert not [item for item in items if isinstance(item, LoadProblem)]
    return [item for item in items if isinstance(item, Movement)]


def problems(text: str | bytes, name: str = NAME) -> list[str]:
    items = read_sheet(text if isinstance(text, bytes) else text.encode(), name)
    found = [item for item in items if isinstance(item, LoadProblem)]
    assert all(each.remedy for each in found)
    return [each.message for each in found]


def test_a_chinese_banks_export() -> None:
    text = (
        "账号,6222000011112222\n户名,华东铸造有限公司\n币种,CNY\n\n"
        "交易日期,借方金额,贷方金额,余额,对方户名,对方账号,对方税号,摘要,附言,流水号\n"
        f'2026年06月01日,,"1,130.00",2000.00,长城车轮,6217 3333,{BUYER},货款,发票INV-1,S-1\n'
        "2026年06月02日,100.00,,1900.00,电力公司,6217 4444,,电费,,S-2\n"
    )
    head, *_ = read_sheet(text.encode("gb18030"), "")
    assert isinstance(head, Statement)
    assert (head.account.number, head.account.owner_name, head.until) == (
        "6222000011112222",
        "华东铸造有限公司",
        "2026-06-02",
    )
    paid, spent = movements(text.encode("gb18030"))
    assert (paid.kind, paid.amount, paid.currency, paid.booking_date) == (
        MovementKind.PAYMENT,
        "1130",
        "CNY",
        "2026-06-01",
    )
    assert (paid.payer.name, paid.payer.account, paid.payer.ids) == (
        "长城车轮",
        "62173333",
        (f"uscc:{BUYER}",),
    )
    assert paid.texts == ("货款 发票INV-1",)
    assert (paid.bank_reference, spent.kind, spent.amount) == ("S-1", MovementKind.OTHER, "100")


@pytest.mark.parametrize(
    ("row", "kind", "amount"),
    [
        ("5.00,", MovementKind.PAYMENT, "5"),
        ("-5.00,", MovementKind.OTHER, "5"),
        ("5.00-,", MovementKind.OTHER, "5"),
        ("5.00,DBIT", MovementKind.OTHER, "5"),
        ("5.00,Credit", MovementKind.PAYMENT, "5"),
        ("-5.00,C", MovementKind.REVERSAL, "5"),
        ('"1,234.5",借', MovementKind.OTHER, "1234.5"),
    ],
)
def test_which_way_money_went(row: str, kind: MovementKind, amount: str) -> None:
    (found,) = movements(f"Date,Amount,Direction\n2026-06-01,{row}\n", NAME)
    assert (found.kind, found.amount) == (kind, amount)


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (("2026-06-01",), "2026-06-01"),
        (("01.06.2026",), "2026-06-01"),
        (("1/6/2026", "13/6/2026"), "2026-06-01"),
        (("6/1/2026", "6/13/2026"), "2026-06-01"),
        (("20260601",), "2026-06-01"),
        (("2026/6/1 09:30:00",), "2026-06-01"),
    ],
)
def test_how_days_are_written(days: tuple[str, ...], expected: str) -> None:
    rows = "".join(f"{day};1,50\n" for day in days)
    assert movements(f"Buchungstag;Betrag\n{rows}", NAME)[0].booking_date == expected


@pytest.mark.parametrize(
    ("amounts", "expected"),
    [
        (("1.234,56",), "1234.56"),
        (("1,234.56",), "1234.56"),
        (("1234",), "1234"),
        (("1.234", "5,60"), "1234"),
    ],
)
def test_how_decimals_are_written(amounts: tuple[str, ...], expected: str) -> None:
    rows = "".join(f"2026-06-01;{amount}\n" for amount in amounts)
    assert movements(f"Date;Amount\n{rows}", NAME)[0].amount == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Date,Amount\n1/6/2026,5.00\n", "day or month"),
        ('Date,Amount\n2026-06-01,"1,234"\n', "comma or a point"),
        ('Date,Amount\n2026-06-01,5.00\n2026-06-01,"5,00"\n', "comma or a point"),
        ("Date,Text\n2026-06-01,x\n", "No row names"),
        (b"\x00\x01binary", "neither XML nor text"),
        ("", "No row names"),
    ],
)
def test_what_cannot_be_told_is_refused_as_a_whole(text: str | bytes, said: str) -> None:
    (message,) = problems(text)
    assert said in message


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2026-06-31,5.00,CNY", "no date"),
        ("yesterday,5.00,CNY", "no date"),
        ("2026-06-01,12..34,CNY", "not an amount"),
        ("2026-06-01,5.555,CNY", "more decimals"),
        ("2026-06-01,5.00,RMB", "currency code"),
        ("2026-06-01,,CNY", "no amount"),
    ],
)
def test_a_bad_row_costs_only_itself(row: str, said: str) -> None:
    text = f"Date,Amount,Currency\n{row}\n2026-06-02,7.00,CNY\n"
    (message,) = problems(text)
    assert said in message
    items = read_sheet(text.encode(), NAME)
    assert [item.amount for item in items if isinstance(item, Movement)] == ["7"]


def test_without_an_account_or_a_currency_nothing_is_taken() -> None:
    text = "Date,Amount\n2026-06-01,5.00\n2026-06-02,5.00\n"
    assert problems(text, "june.csv") == ["The sheet does not say whose account it is."]
    assert problems(text, "account=1; june.csv") == ["The sheet does not say in which currency."]


def test_rows_without_a_reference_are_named_by_what_they_say() -> None:
    first = movements("Date,Amount,Text\n2026-06-01,5.00,a\n2026-06-01,5.00,a\n2026-06-01,5.00,b\n", NAME)
    again = movements("Date,Amount,Text\n2026-06-01,5.00,b\n2026-06-01,5.00,a\n", NAME)
    names = [each.entry for each in first]
    assert len(set(names)) == 3
    assert names[1] == f"{names[0]}#2"
    assert {each.entry for each in again} == {names[0], names[2]}
