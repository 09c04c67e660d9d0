"""Reads bank statements as sheets (CSV) in common forms.

1. The text is UTF-8 or GB 18030; the delimiter is the one that the header row uses.
2. The header row is the first that names a date and an amount (or debit and credit), in English, German, French or
   Chinese. Rows before it may name the account and its currency.
3. Whose account it is: a column, a row before the header, or the file's name ("account=6222...; currency=CNY").
   Without an account nothing is taken: nobody could be told who was paid.
4. How days and decimals are written is decided over the whole column; what stays ambiguous is refused.
5. Each row is a movement; one that cannot be read is a ``LoadProblem`` and its neighbours are taken. Money in is
   positive, or stands under credit.

Rows have no identity of their own. A reference of the bank is one; without it a row is named by what it says, and by
how often the sheet says it: the same row of two exports that overlap counts once.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from consortium.documents.codes import MINOR_UNITS
from consortium.documents.identifiers import is_uscc
from consortium.documents.money import decimal_text
from crossverify.adapters.bank.camt import Item
from crossverify.adapters.bank.matching import name_key
from crossverify.adapters.bank.movements import (
    Account,
    Movement,
    MovementKind,
    PartyInfo,
    Statement,
    account_number,
)
from crossverify.adapters.ids import normal_id
from crossverify.adapters.records import LoadProblem, shown

MAX_HEADER_ROW: Final = 30  # rows before the header that are looked at
MAX_ROWS: Final = 500_000
_STATEMENT: Final = "sheet"
_REMEDY: Final = "Correct the row and load the file again; what was taken stays."


def _names(words: str) -> frozenset[str]:
    return frozenset(name_key(word) for word in words.split(";")) - {""}


_COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    "date": _names(
        "date;booking date;transaction date;posting date;buchungstag;buchungsdatum;date opération;date operation;"
        "date comptable;交易日期;记账日期;入账日期;交易时间;日期"
    ),
    "amount": _names("amount;betrag;montant;umsatz;金额;交易金额;发生额"),
    "debit": _names(
        "debit;débit;debit amount;soll;withdrawal;paid out;借方金额;借方发生额;支出;支出金额;借方"
    ),
    "credit": _names(
        "credit;crédit;credit amount;haben;deposit;paid in;贷方金额;贷方发生额;收入;收入金额;贷方"
    ),
    "direction": _names("direction;debit/credit;dc;d/c;soll/haben;sens;借贷标志;借贷方向;借贷"),
    "currency": _names("currency;ccy;devise;währung;waehrung;币种;货币"),
    "account": _names(
        "account;iban;account number;own account;auftragskonto;konto;compte;账号;本方账号;账户;卡号"
    ),
    "owner": _names("account name;account holder;kontoinhaber;titulaire;户名;本方户名;账户名称"),
    "reference": _names(
        "reference;ref;référence;bank reference;transaction id;referenz;流水号;交易流水号;凭证号;交易参考号"
    ),
    "text": _names(
        "description;text;narrative;label;libellé;libelle;verwendungszweck;memo;details;remittance information;"
        "摘要;用途;附言;备注"
    ),
    "party": _names(
        "partner name;counterparty;counterparty name;payer;payer name;beneficiary;name;auftraggeber/empfänger;"
        "对方户名;对方名称;对方账户名称;付款人名称"
    ),
    "party_account": _names(
        "bank account;partner account;counterparty account;counterparty iban;payer account;对方账号;对方账户"
    ),
    "party_id": _names("payer id;counterparty id;partner id;对方税号;对方统一社会信用代码"),
}
_DELIMITERS: Final = (",", ";", "\t", "|")
_MONEY_IN: Final = _names("credit;crdt;c;cr;haben;h;贷;贷方;收;收入") | {"+"}
_MONEY_OUT: Final = _names("debit;dbit;d;dr;soll;s;借;借方;支;支出") | {"-"}
_IN_NAME: Final = re.compile(r"(account|currency|owner)\s*=\s*([^;,@]+)")
_AMOUNT: Final = re.compile(r"[+-]?\d{1,3}(?:([ ,.'])\d{3})*(?:[.,]\d+)?-?|[+-]?\d+(?:[.,]\d+)?-?", re.ASCII)
_DAY: Final = re.compile(r"(\d{1,4})[-/.年](\d{1,2})[-/.月](\d{1,4})日?(?:[ T].*)?", re.ASCII)
_COMPACT_DAY: Final = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)


class _RowError(ValueError):
    """What is wrong with one row. :ivar column: its column"""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True)
class _Row:
    """One row by column. :ivar number: line of the file"""

    number: int
    values: Mapping[str, str]

    def get(self, column: str) -> str:
        return self.values.get(column, "")


@dataclass(frozen=True)
class _Read:
    """A row that was understood."""

    row: _Row
    account: str
    currency: str
    day: str
    amount: Decimal
    kind: MovementKind


def read_sheet(content: bytes, name: str = "") -> Iterator[Item]:
    """Movements of a sheet by account, and what could not be read."""
    table = _table(content)
    if isinstance(table, LoadProblem):
        yield table
        return
    heads, rows = table
    heads = {**heads, **_named(name)}
    order = _day_order(rows)
    mark = _decimal_mark(rows)
    problem = _undecided(order, mark) or _nowhere(rows, heads)
    if problem is not None:
        yield problem
        return
    read: dict[str, list[_Read]] = defaultdict(list)
    for row in rows:
        try:
            found = _read(row, heads, order, mark)
        except _RowError as error:
            yield LoadProblem(f":{row.number}/{error.column}", f"{error}.", _remedy(error.column))
            continue
        if found.amount:
            read[found.account].append(found)
    for account, found_rows in read.items():
        yield from _statement(account, found_rows, heads)


def _remedy(column: str) -> str:
    if column in ("account", "currency"):
        return (
            f"Add a column for it, a row {column},... before the header, or name the file "
            f'"{column}=...; something.csv".'
        )
    return _REMEDY


# --- the table -------------------------------------------------------------------------------


def _table(content: bytes) -> tuple[dict[str, str], list[_Row]] | LoadProblem:
    """What rows before the header say, and the rows after it."""
    text = _text(content)
    if text is None:
        return LoadProblem("/", "This is neither XML nor text.", "Load camt.053, or a sheet as CSV in UTF-8.")
    for delimiter in _DELIMITERS:
        try:
            lines = list(
                zip(range(1, MAX_ROWS + 2), csv.reader(io.StringIO(text), delimiter=delimiter), strict=False)
            )
        except csv.Error as error:
            return LoadProblem("/", f"This is no sheet: {error}.", "Load camt.053, or a sheet as CSV.")
        if len(lines) > MAX_ROWS:
            return LoadProblem("/", f"The sheet has more than {MAX_ROWS} rows.", "Load it in several files.")
        header = _header(lines)
        if header is not None:
            return _metadata(lines[:header]), list(_rows(lines, header))
    return LoadProblem(
        "/",
        "No row names a date and an amount (or debit and credit).",
        "Load camt.053 (ISO 20022), or a sheet with a header such as Date,Amount,Currency,Account,Reference.",
    )


def _text(content: bytes) -> str | None:
    if b"\x00" in content[:4096]:
        return None
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _header(lines: Sequence[tuple[int, list[str]]]) -> int | None:
    for position, (_, cells) in enumerate(lines[:MAX_HEADER_ROW]):
        columns = set(_columns(cells).values())
        if "date" in columns and ("amount" in columns or {"debit", "credit"} <= columns):
            return position
    return None


def _columns(cells: Sequence[str]) -> dict[int, str]:
    """Column by position; the first of each name, but all that have text."""
    found: dict[int, str] = {}
    for position, cell in enumerate(cells):
        key = name_key(cell)
        for column, names in _COLUMNS.items():
            if key in names and (column == "text" or column not in found.values()):
                found[position] = column
                break
    return found


def _metadata(lines: Sequence[tuple[int, list[str]]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for _, cells in lines:
        filled = [cell.strip() for cell in cells if cell.strip()]
        for column in ("account", "currency", "owner"):
            if len(filled) >= 2 and name_key(filled[0]) in _COLUMNS[column]:
                found[column] = filled[1]
    return found


def _named(name: str) -> dict[str, str]:
    """What the file's name says."""
    return {key: value.removesuffix(".csv").strip() for key, value in _IN_NAME.findall(name)}


def _rows(lines: Sequence[tuple[int, list[str]]], header: int) -> Iterator[_Row]:
    columns = _columns(lines[header][1])
    for number, cells in lines[header + 1 :]:
        if not any(cell.strip() for cell in cells):
            continue
        values: dict[str, str] = {}
        for position, column in columns.items():
            cell = cells[position].strip() if position < len(cells) else ""
            if cell:
                values[column] = f"{values[column]} {cell}" if column in values else cell
        yield _Row(number, values)


# --- how the columns are written --------------------------------------------------------------


def _day_order(rows: Sequence[_Row]) -> str:
    """ "YMD", "DMY" or "MDY"; empty where it cannot be told."""
    orders = {"YMD", "DMY", "MDY"}
    for row in rows:
        match = _DAY.fullmatch(row.get("date"))
        if match is None:
            continue
        first, second, third = (int(each) for each in match.groups())
        if len(match.group(1)) == 4:
            orders &= {"YMD"}
        elif len(match.group(3)) == 4:
            orders &= {"DMY", "MDY"}
            orders -= {"MDY"} if first > 12 else set()
            orders -= {"DMY"} if second > 12 else set()
            if "." in row.get("date"):
                orders &= {"DMY"}  # points are written where the day comes first
        if third > 9999:
            return ""
    return orders.pop() if len(orders) == 1 else "YMD" if len(orders) == 3 else ""


def _decimal_mark(rows: Sequence[_Row]) -> str:
    """ "." or ","; empty where it cannot be told."""
    marks: set[str] = set()
    doubtful = False
    for row in rows:
        for column in ("amount", "debit", "credit"):
            text = row.get(column).replace(" ", "").rstrip("-")
            last = max(text.rfind("."), text.rfind(","))
            if last < 0 or not _AMOUNT.fullmatch(text):
                continue
            mark, digits = text[last], len(text) - last - 1
            other = "," if mark == "." else "."
            if other in text or digits != 3:
                marks.add(mark)
            elif text.count(mark) > 1:
                marks.add(other)
            else:
                doubtful = True
    if len(marks) == 1:
        return marks.pop()
    return "" if marks or doubtful else "."


def _undecided(order: str, mark: str) -> LoadProblem | None:
    if not order:
        return LoadProblem(
            "/", "It cannot be told whether day or month comes first.", "Write dates as 2026-05-31."
        )
    if not mark:
        return LoadProblem(
            "/",
            "It cannot be told whether a comma or a point marks the decimals.",
            "Write all amounts with two decimals, in one way.",
        )
    return None


def _nowhere(rows: Sequence[_Row], heads: Mapping[str, str]) -> LoadProblem | None:
    """What neither a column nor anything before the header nor the file's name says."""
    for column, what in (("account", "whose account it is"), ("currency", "in which currency")):
        if not heads.get(column) and not any(row.get(column) for row in rows):
            return LoadProblem("/", f"The sheet does not say {what}.", _remedy(column))
    return None


# --- rows ------------------------------------------------------------------------------------


def _read(row: _Row, heads: Mapping[str, str], order: str, mark: str) -> _Read:
    """One row.

    :raises _RowError: it cannot be read
    """
    account = account_number(row.get("account") or heads.get("account", ""))
    if not account:
        raise _RowError("account", "The sheet does not say whose account it is")
    currency = (row.get("currency") or heads.get("currency", "")).strip().upper()
    if not currency:
        raise _RowError("currency", "The sheet does not say in which currency")
    if currency not in MINOR_UNITS:
        raise _RowError("currency", f"{shown(currency)} is not a currency code of ISO 4217")
    amount, kind = _money(row, mark, currency)
    return _Read(row, account, currency, _day(row.get("date"), order), amount, kind)


def _day(text: str, order: str) -> str:
    match = _DAY.fullmatch(text) or _COMPACT_DAY.fullmatch(text[:8])
    if match is not None:
        parts = dict(zip("YMD" if len(match.group(1)) == 4 else order, match.groups(), strict=True))
        try:
            return date(int(parts["Y"]), int(parts["M"]), int(parts["D"])).isoformat()
        except ValueError:
            pass
    raise _RowError("date", f"{shown(text)} is no date")


def _money(row: _Row, mark: str, currency: str) -> tuple[Decimal, MovementKind]:
    if row.get("amount"):
        amount = _amount(row.get("amount"), "amount", mark, currency)
        direction = name_key(row.get("direction")) or row.get("direction").strip()
        if direction in _MONEY_OUT:
            return abs(amount), MovementKind.OTHER
        if direction in _MONEY_IN:
            return abs(amount), MovementKind.PAYMENT if amount >= 0 else MovementKind.REVERSAL
        if direction:
            raise _RowError("direction", f"{shown(direction)} is neither debit nor credit")
        return abs(amount), MovementKind.PAYMENT if amount >= 0 else MovementKind.OTHER
    debit, credit = (
        _amount(row.get(column), column, mark, currency) if row.get(column) else Decimal(0)
        for column in ("debit", "credit")
    )
    if debit and credit:
        raise _RowError("amount", "The row has a debit and a credit")
    if credit:
        return abs(credit), MovementKind.PAYMENT if credit > 0 else MovementKind.REVERSAL
    if not row.get("debit") and not row.get("credit"):
        raise _RowError("amount", "The row has no amount")
    return abs(debit), MovementKind.OTHER


def _amount(text: str, column: str, mark: str, currency: str) -> Decimal:
    """An amount as it is written.

    :raises _RowError: it is none
    """
    bare = text.replace("\u00a0", " ").strip()
    if not _AMOUNT.fullmatch(bare):
        raise _RowError(column, f"{shown(text)} is not an amount")
    negative = bare.startswith("-") or bare.endswith("-")
    digits = re.sub(r"[ ']", "", bare.strip("+-"))
    digits = digits.replace("," if mark == "." else ".", "").replace(mark, ".")
    if digits.count(".") > 1:
        raise _RowError(column, f"{shown(text)} is not an amount")
    _, _, fraction = digits.partition(".")
    if len(fraction.rstrip("0")) > MINOR_UNITS[currency]:
        raise _RowError(column, f"{shown(text)} has more decimals than {currency}: {MINOR_UNITS[currency]}")
    value = Decimal(digits)
    return -value if negative else value


# --- movements -------------------------------------------------------------------------------


def _statement(account: str, rows: Sequence[_Read], heads: Mapping[str, str]) -> Iterator[Item]:
    owner = next((each.row.get("owner") for each in rows if each.row.get("owner")), heads.get("owner", ""))
    head = Statement(
        path=f":{rows[0].row.number}",
        identifier=_STATEMENT,
        account=Account(account, rows[0].currency, owner),
        until=max(each.day for each in rows),
    )
    yield head
    told: Counter[str] = Counter()
    for each in rows:
        reference = each.row.get("reference")
        entry = reference or _content(each)
        told[entry] += 1
        names = (f"bank:{reference}",) if reference else ()
        yield Movement(
            path=f":{each.row.number}",
            statement=head,
            entry=entry if told[entry] == 1 else f"{entry}#{told[entry]}",
            detail=1,
            bank_reference=reference,
            kind=each.kind,
            booked=True,
            booking_date=each.day,
            amount=decimal_text(each.amount),
            currency=each.currency,
            payer=_payer(each) if each.kind is MovementKind.PAYMENT else PartyInfo(),
            texts=(each.row.get("text"),) if each.row.get("text") else (),
            links=names,
            entry_references=names,
            entry_amount=decimal_text(each.amount),
        )


def _payer(each: _Read) -> PartyInfo:
    given = each.row.get("party_id")
    identifier = f"uscc:{given.upper()}" if is_uscc(given.upper()) else normal_id(given)
    return PartyInfo(
        name=each.row.get("party"),
        ids=(identifier,) if identifier else (),
        account=account_number(each.row.get("party_account")),
    )


def _content(each: _Read) -> str:
    """What names a row without a reference."""
    row = each.row
    said = (
        each.day,
        decimal_text(each.amount),
        each.currency,
        each.kind.value,
        row.get("text"),
        row.get("party"),
    )
    return "row-" + hashlib.sha256("\x1f".join(said).encode()).hexdigest()[:24]
