"""What a bank statement says, as values: accounts, statements and movements of money."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MovementKind(StrEnum):
    """What a movement means for a receivable that is paid to the account."""

    PAYMENT = "payment"  # money came in
    REVERSAL = "reversal"  # money that had come in went out again (reversal, returned direct debit)
    OTHER = "other"  # money went out, or came back that had gone out


class Report(StrEnum):
    """Which kind of report tells of a movement."""

    STATEMENT = "statement"  # camt.053, or a sheet: all that was booked in its period
    INTRADAY = "intraday"  # camt.052: what was booked, or is pending, of the day so far
    NOTIFICATION = "notification"  # camt.054: single entries; that one is missing says nothing


class Place(StrEnum):
    """Where a document number stood."""

    STRUCTURED = "structured"
    UNSTRUCTURED = "unstructured"
    END_TO_END = "end_to_end"


@dataclass(frozen=True, slots=True)
class Account:
    """The account of a statement.

    :ivar number: IBAN or other number, without blanks, upper case
    :ivar currency: ISO 4217 code, empty when the statement does not say
    :ivar owner_name: as the bank knows it
    :ivar owner_ids: the owner's identifiers as "scheme:value"
    """

    number: str
    currency: str = ""
    owner_name: str = ""
    owner_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """The head of one statement.

    :ivar path: where it stands in the file
    :ivar identifier: the bank's id with sequence number and page, unique for an account
    :ivar account: whose movements it lists
    :ivar until: date up to which it reaches, ISO 8601
    :ivar report: what kind of report it is
    """

    path: str
    identifier: str
    account: Account
    until: str
    report: Report = Report.STATEMENT


@dataclass(frozen=True, slots=True)
class PartyInfo:
    """A party to a payment; empty fields where the statement says nothing.

    :ivar ids: identifiers as "scheme:value"
    """

    name: str = ""
    ids: tuple[str, ...] = ()
    account: str = ""


@dataclass(frozen=True, slots=True)
class NamedDocument:
    """A document number that structured remittance names.

    :ivar number: as printed
    :ivar amount: part of the payment that belongs to it, a decimal text; empty when not said
    """

    number: str
    amount: str = ""


@dataclass(frozen=True, slots=True)
class Movement:
    """One booked or pending movement: an entry, or one transaction of a batch entry.

    :ivar path: where it stands in the file
    :ivar statement: the statement that lists it
    :ivar entry: reference of the entry within its statement, unique there ("#3" is a position)
    :ivar detail: number of the transaction within the entry, from 1; 0 is the entry as a whole
    :ivar bank_reference: the bank's own reference, the same on every statement that repeats it; may be empty
    :ivar booked: whether it is booked (status BOOK)
    :ivar booking_date: ISO 8601
    :ivar amount: in the currency of the account, a decimal text
    :ivar instructed_amount: as the payer ordered it; empty when not said
    :ivar payer: who paid (debtor)
    :ivar ultimate_payer: on whose behalf (ultimate debtor)
    :ivar documents: numbers in structured remittance
    :ivar references: creditor references in structured remittance
    :ivar end_to_end: the payer's end-to-end reference; may be empty
    :ivar texts: unstructured remittance, in its pieces
    :ivar links: further references of the transaction, with what they are ("end:E2E-1"): other reports of the same
        money repeat them
    :ivar entry_references: references of the entry as a whole, likewise
    :ivar entry_amount: amount of the entry as a whole, a decimal text
    """

    path: str
    statement: Statement
    entry: str
    detail: int
    bank_reference: str
    kind: MovementKind
    booked: bool
    booking_date: str
    amount: str
    currency: str
    instructed_amount: str = ""
    instructed_currency: str = ""
    payer: PartyInfo = PartyInfo()
    ultimate_payer: PartyInfo = PartyInfo()
    documents: tuple[NamedDocument, ...] = ()
    references: tuple[str, ...] = ()
    end_to_end: str = ""
    texts: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    entry_references: tuple[str, ...] = ()
    entry_amount: str = ""


def account_number(text: str) -> str:
    """An account number as it is compared: upper case, letters and digits only."""
    return "".join(character for character in text.upper() if character.isalnum())
