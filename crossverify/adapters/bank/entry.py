"""One entry of a bank statement: who paid what, for which documents, or why that cannot be told."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from lxml import etree

from consortium.documents.codes import MINOR_UNITS
from crossverify.adapters.bank.identifiers import party_ids
from crossverify.adapters.bank.movements import (
    Account,
    Movement,
    MovementKind,
    NamedDocument,
    PartyInfo,
    Statement,
    account_number,
)
from crossverify.adapters.records import shown

_AMOUNT = re.compile(r"\d{1,18}(\.\d{1,5})?", re.ASCII)  # ISO 20022: 18 digits, at most 5 decimals, no sign
_DATE = re.compile(r"(\d{4}-\d{2}-\d{2})(?=$|[TZ+-])", re.ASCII)
_NOT_GIVEN = frozenset({"", "NOTPROVIDED", "NONREF", "NOT PROVIDED"})
# Bank transaction sub-families (ISO 20022 external code list) of money that goes back the way it came.
_RETURNS = frozenset({"RRTN", "RPCR", "UPDD", "PRDD", "UPCQ", "CQRV"})
_LINKS = (
    ("bank", "Refs/AcctSvcrRef"),
    ("uetr", "Refs/UETR"),
    ("clearing", "Refs/ClrSysRef"),
    ("transaction", "Refs/TxId"),
    ("instruction", "Refs/InstrId"),
    ("end", "Refs/EndToEndId"),
    ("creditor", "RmtInf/Strd/CdtrRefInf/Ref"),
)
_CREDIT_NOTE_TYPE = "CREN"
_RELOAD = "Correct the entry at its source and load the file again; what was taken stays."


@dataclass(frozen=True, slots=True)
class EntryProblem:
    """What is wrong with an entry. :ivar path: below the entry, such as "/Amt" """

    path: str
    message: str
    remedy: str = _RELOAD


@dataclass(frozen=True, slots=True)
class Money:
    """An amount as a decimal text, with its currency."""

    amount: str
    currency: str


@dataclass(frozen=True, slots=True)
class Detail:
    """One transaction of an entry (TxDtls), before it is known what the entry is."""

    number: int
    amount: Money | None
    transaction_amount: Money | None
    instructed: Money | None
    direction: str
    returned: bool
    bank_reference: str
    end_to_end: str
    payer: PartyInfo
    ultimate_payer: PartyInfo
    documents: tuple[NamedDocument, ...]
    references: tuple[str, ...]
    texts: tuple[str, ...]
    links: tuple[str, ...]


def local_name(element: etree._Element) -> str:
    """Name without namespace; empty for comments and the like."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def find_all(element: etree._Element | None, path: str) -> list[etree._Element]:
    """Descendants by a path of local names, whatever the namespace; "." is the element itself."""
    if element is None:
        return []
    if path == ".":
        return [element]
    return element.findall("/".join(f"{{*}}{name}" for name in path.split("/")))


def text_of(element: etree._Element | None, path: str) -> str:
    """Text of the first match, without blanks around; empty when there is none."""
    for match in find_all(element, path):
        return " ".join((match.text or "").split())
    return ""


def date_of(element: etree._Element | None, *paths: str) -> str:
    """Calendar date of the first path that has one, as written (a time of day and its offset are dropped)."""
    for path in paths:
        match = _DATE.match(text_of(element, path))
        if match:
            try:
                return date.fromisoformat(match.group(1)).isoformat()
            except ValueError:
                continue
    return ""


def account_of(element: etree._Element | None) -> Account | None:
    """The account of a statement; None when it has no number."""
    number = _account(element)
    if not number:
        return None
    owner = find_all(element, "Ownr")
    return Account(
        number=number,
        currency=text_of(element, "Ccy"),
        owner_name=text_of(element, "Ownr/Nm") or text_of(element, "Nm"),
        owner_ids=party_ids(owner[0]) if owner else (),
    )


def read_detail(element: etree._Element, number: int) -> Detail | EntryProblem:
    """Read a transaction; an amount that cannot be read is a problem of its entry."""
    path = f"/NtryDtls/TxDtls[{number}]"
    amounts: list[Money | None] = []
    for place in ("Amt", "AmtDtls/TxAmt/Amt", "AmtDtls/InstdAmt/Amt"):
        found = find_all(element, place)
        money = _money(found[0], f"{path}/{place}") if found else None
        if isinstance(money, EntryProblem):
            return money
        amounts.append(money)
    documents = _documents(element, path)
    if isinstance(documents, EntryProblem):
        return documents
    end_to_end = text_of(element, "Refs/EndToEndId")
    return Detail(
        number=number,
        amount=amounts[0],
        transaction_amount=amounts[1],
        instructed=amounts[2],
        direction=text_of(element, "CdtDbtInd"),
        returned=bool(find_all(element, "RtrInf")) or _sub_family(element) in _RETURNS,
        bank_reference=text_of(element, "Refs/AcctSvcrRef"),
        end_to_end="" if end_to_end.upper() in _NOT_GIVEN else end_to_end,
        payer=_party(element, "Dbtr", "DbtrAcct"),
        ultimate_payer=_party(element, "UltmtDbtr", ""),
        documents=documents,
        references=tuple(filter(None, _texts(element, "RmtInf/Strd/CdtrRefInf/Ref"))),
        texts=(
            *_texts(element, "RmtInf/Ustrd"),
            *_texts(element, "RmtInf/Strd/AddtlRmtInf"),
            *_texts(element, "AddtlTxInf"),
        ),
        links=tuple(_links(element)),
    )


def _links(element: etree._Element) -> Iterator[str]:
    """References that every report of this transaction repeats."""
    for name, path in _LINKS:
        for match in find_all(element, path):
            text = " ".join((match.text or "").split())
            if text.upper() not in _NOT_GIVEN:
                yield f"{name}:{text}"


def movements_of(
    entry: etree._Element,
    details: Sequence[Detail | EntryProblem],
    statement: Statement,
    reference: str,
    path: str,
) -> Iterator[Movement | EntryProblem]:
    """Movements of an entry, or what is wrong with it: then nothing of it is taken, as it would not add up.

    :param reference: the entry's reference, unique in its statement
    :param path: where the entry stands in the file
    """
    found = find_all(entry, "Amt")
    money = _money(found[0], "/Amt") if found else EntryProblem("/Amt", "The entry has no amount.")
    direction = text_of(entry, "CdtDbtInd")
    problems = [item for item in (money, *details) if isinstance(item, EntryProblem)]
    if direction not in ("CRDT", "DBIT"):
        problems.append(EntryProblem("/CdtDbtInd", f"{shown(direction)} is neither CRDT nor DBIT."))
    booking_date = _booking_date(entry, statement)
    if isinstance(booking_date, EntryProblem):
        problems.append(booking_date)
    if problems or isinstance(money, EntryProblem) or isinstance(booking_date, EntryProblem):
        yield from problems
        return
    parts = [item for item in details if isinstance(item, Detail)]
    count = text_of(entry, "NtryDtls/Btch/NbOfTxs")[:15]
    amounts = _amounts(money, parts, int(count) if count.isascii() and count.isdigit() else 1)
    if isinstance(amounts, EntryProblem):
        yield amounts
        return
    head = _EntryHead(entry, statement, reference, direction=direction, booking_date=booking_date, path=path)
    if not parts:
        yield head.whole(money)
    for part, amount in zip(parts, amounts, strict=True):
        yield head.part(part, amount, money.amount, alone=len(parts) == 1)


class _EntryHead:
    """What all movements of one entry share."""

    def __init__(
        self,
        entry: etree._Element,
        statement: Statement,
        reference: str,
        *,
        direction: str,
        booking_date: str,
        path: str,
    ) -> None:
        self.path = path
        self.statement = statement
        self.reference = reference
        self.direction = direction
        self.booking_date = booking_date
        self.reversal = text_of(entry, "RvslInd").lower() in ("true", "1")
        self.returned = _sub_family(entry) in _RETURNS
        self.status = text_of(entry, "Sts/Cd") or text_of(entry, "Sts/Prtry") or text_of(entry, "Sts")
        self.bank_reference = text_of(entry, "AcctSvcrRef")
        given = (("bank", self.bank_reference), ("entry", text_of(entry, "NtryRef")))
        self.references = tuple(f"{name}:{text}" for name, text in given if text.upper() not in _NOT_GIVEN)
        self.texts = tuple(_texts(entry, "AddtlNtryInf"))

    def whole(self, money: Money) -> Movement:
        """The entry as one movement: it has no transactions."""
        return Movement(
            path=self.path,
            statement=self.statement,
            entry=self.reference,
            detail=0,
            bank_reference=self.bank_reference,
            kind=_kind(self.direction, back=self.reversal or self.returned),
            booked=self.status == "BOOK",
            booking_date=self.booking_date,
            amount=money.amount,
            currency=money.currency,
            texts=self.texts,
            entry_references=self.references,
            entry_amount=money.amount,
        )

    def part(self, detail: Detail, money: Money, total: str, *, alone: bool) -> Movement:
        """One transaction as a movement. :param total: the entry's amount"""
        reference = self.bank_reference or detail.bank_reference
        instructed = detail.instructed
        return Movement(
            path=self.path,
            statement=self.statement,
            entry=self.reference,
            detail=detail.number,
            bank_reference=reference if alone or not reference else f"{reference}/{detail.number}",
            kind=_kind(
                detail.direction or self.direction, back=self.reversal or self.returned or detail.returned
            ),
            booked=self.status == "BOOK",
            booking_date=self.booking_date,
            amount=money.amount,
            currency=money.currency,
            instructed_amount=instructed.amount if instructed else "",
            instructed_currency=instructed.currency if instructed else "",
            payer=detail.payer,
            ultimate_payer=detail.ultimate_payer,
            documents=detail.documents,
            references=detail.references,
            end_to_end=detail.end_to_end,
            texts=detail.texts + (self.texts if alone else ()),
            links=detail.links,
            entry_references=self.references,
            entry_amount=total,
        )


def _kind(direction: str, *, back: bool) -> MovementKind:
    """ISO 20022: a reversal that debits takes back a credit; one that credits takes back a debit."""
    if direction == "CRDT":
        return MovementKind.OTHER if back else MovementKind.PAYMENT
    return MovementKind.REVERSAL if back else MovementKind.OTHER


def _amounts(entry: Money, details: Sequence[Detail], transactions: int) -> list[Money] | EntryProblem:
    """What each transaction moved, in the entry's currency.

    A lone transaction moved what was booked, whatever was instructed before charges; unless it is the only one
    that the statement tells of a batch.
    """
    if len(details) == 1 and (transactions <= 1 or details[0].amount is None):
        return [entry]
    found: list[Money] = []
    for detail in details:
        candidates = (detail.amount, detail.transaction_amount, detail.instructed)
        fitting = [money for money in candidates if money is not None and money.currency == entry.currency]
        if not fitting:
            return EntryProblem(
                f"/NtryDtls/TxDtls[{detail.number}]",
                "This transaction of a batch entry has no amount in the currency of the entry, so the batch "
                "cannot be divided.",
                "Ask the bank for a statement with the amount of each transaction.",
            )
        found.append(fitting[0])
    return found


def _money(element: etree._Element, path: str) -> Money | EntryProblem:
    text, currency = (element.text or "").strip(), element.get("Ccy", "")
    if not _AMOUNT.fullmatch(text):
        return EntryProblem(path, f"{shown(text)} is not an amount: digits with at most one decimal point.")
    if currency not in MINOR_UNITS:
        return EntryProblem(f"{path}/@Ccy", f"{shown(currency)} is not a currency code of ISO 4217.")
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    if len(fraction) > MINOR_UNITS[currency]:
        return EntryProblem(
            path, f"{shown(text)} has more decimals than {currency} has: {MINOR_UNITS[currency]}."
        )
    whole = whole.lstrip("0") or "0"
    return Money(f"{whole}.{fraction}" if fraction else whole, currency)


def _booking_date(entry: etree._Element, statement: Statement) -> str | EntryProblem:
    """Booking date; else value date; else the statement's own end: what is on it was booked by then."""
    given = [text_of(entry, path) for path in ("BookgDt/Dt", "BookgDt/DtTm")]
    found = date_of(entry, "BookgDt/Dt", "BookgDt/DtTm")
    if any(given) and not found:
        return EntryProblem("/BookgDt", f"{shown(next(filter(None, given)))} is no date.")
    found = found or date_of(entry, "ValDt/Dt", "ValDt/DtTm") or statement.until
    return found or EntryProblem("/BookgDt", "Neither the entry nor the statement has a date.")


def _documents(element: etree._Element, path: str) -> tuple[NamedDocument, ...] | EntryProblem:
    documents: list[NamedDocument] = []
    for structured in find_all(element, "RmtInf/Strd"):
        amount = ""
        for place in ("RfrdDocAmt/RmtdAmt", "RfrdDocAmt/RmtdAmtAndTp/Amt"):
            for found in find_all(structured, place):
                money = _money(found, f"{path}/RmtInf/Strd/{place}")
                if isinstance(money, EntryProblem):
                    return money
                amount = amount or money.amount
        named = [
            text_of(info, "Nb")
            for info in find_all(structured, "RfrdDocInf")
            if text_of(info, "Tp/CdOrPrtry/Cd") != _CREDIT_NOTE_TYPE and text_of(info, "Nb")
        ]
        # An amount of several documents together is no amount of any of them.
        documents += [NamedDocument(number, amount if len(named) == 1 else "") for number in named]
    return tuple(documents)


def _party(element: etree._Element, role: str, account: str) -> PartyInfo:
    """A related party; from version 001.08 on its fields stand below ``Pty``."""
    found = find_all(element, f"RltdPties/{role}")
    if not found and not account:
        return PartyInfo()
    party = next(iter(find_all(found[0], "Pty")), found[0]) if found else None
    accounts = find_all(element, f"RltdPties/{account}") if account else []
    return PartyInfo(
        name=text_of(party, "Nm") or (text_of(accounts[0], "Nm") if accounts else ""),
        ids=party_ids(party) if party is not None else (),
        account=_account(accounts[0]) if accounts else "",
    )


def _account(element: etree._Element | None) -> str:
    return account_number(text_of(element, "Id/IBAN") or text_of(element, "Id/Othr/Id"))


def _sub_family(element: etree._Element) -> str:
    return text_of(element, "BkTxCd/Domn/Fmly/SubFmlyCd")


def _texts(element: etree._Element, path: str) -> list[str]:
    return [match.text for match in find_all(element, path) if match.text]
