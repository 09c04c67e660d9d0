"""Checks of single values in questions and answers; what is wrong is said as a ``ValueError``."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from decimal import Decimal
from typing import Any

from pydantic_core import PydanticCustomError

from consortium.documents.codes import MINOR_UNITS
from consortium.documents.money import exact_decimal, too_precise
from crossverify.sources.asking import WrongAnswerError


def amount(text: str, currency: str = "") -> Decimal:
    """A decimal amount.

    :param currency: where given, its minor units hold
    :raises ValueError: it is none, or has more decimals than the currency
    """
    try:
        value = exact_decimal(text)
    except PydanticCustomError as error:
        raise ValueError(str(error)) from error
    if currency and too_precise(value, MINOR_UNITS.get(currency, 0)):
        raise ValueError(f"it has more decimals than the {MINOR_UNITS[currency]} of {currency}")
    return value


def need_amount(answer: dict[str, Any], *names: str, optional: bool = False) -> None:
    """Each named field of an answer is a decimal amount (or empty, where optional)."""
    for name in names:
        if optional and answer[name] == "":
            continue
        try:
            amount(answer[name])
        except ValueError as error:
            raise WrongAnswerError(f"{name} is no amount.") from error


def need_one_of(answer: dict[str, Any], name: str, allowed: Collection[str]) -> None:
    """A field of an answer has one of some values."""
    if answer[name] not in allowed:
        raise WrongAnswerError(f"{name} is {answer[name][:40]!r}.")


def need_date(
    answer: dict[str, Any], name: str, *, optional: bool = False, until: date | None = None
) -> None:
    """A field of an answer is a calendar date, ISO 8601 (or empty, where optional).

    :param until: where given, a later one lies in the future, of which nobody can know
    """
    if optional and answer[name] == "":
        return
    try:
        found = date.fromisoformat(answer[name])
    except ValueError as error:
        raise WrongAnswerError(f"{name} is no date.") from error
    if found.isoformat() != answer[name]:
        raise WrongAnswerError(f"{name} is no date.")
    if until is not None and found > until:
        raise WrongAnswerError(f"{name} is {answer[name]}, a day in the future.")


def need_month(answer: dict[str, Any], name: str, *, until: date | None = None) -> None:
    """A field of an answer is a month, "2026-05".

    :param until: where given, a later month lies in the future
    """
    need_date({name: f"{answer[name]}-01"}, name, until=until)


def need_currency(answer: dict[str, Any], name: str, *, optional: bool = False) -> None:
    """A field of an answer is a currency code of ISO 4217 (or empty, where optional)."""
    if not (optional and answer[name] == "") and answer[name] not in MINOR_UNITS:
        raise WrongAnswerError(f"{name} is no currency code.")
