"""From plain values to a document, or to the list of everything that is wrong with them.

Readers of formats make plain values (texts, decimals, lists, objects) and leave the judgement to :func:`validate`, so
that a field is judged alike however it travelled.
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from consortium.documents.base import Document, is_amount
from consortium.documents.codes import MINOR_UNITS
from consortium.documents.money import exact_decimal, too_precise
from consortium.documents.problems import MAX_PROBLEMS, Problem, capped, shorten

Location = tuple[str | int, ...]
"""Where a value is: names of fields and positions in lists, from the document's root."""

REPEATED: Final = "\x00repeated"
"""What a JSON reader adds to the name of a field that is there twice, so that it is told with its path."""

_RULES: Final[Mapping[str, str]] = {
    "missing": "FIELD_MISSING",
    "extra_forbidden": "FIELD_UNKNOWN",
    "string_type": "TEXT_EXPECTED",
    "string_unicode": "TEXT_MALFORMED",
    "string_too_short": "TEXT_EMPTY",
    "string_too_long": "TEXT_TOO_LONG",
    "string_pattern_mismatch": "TEXT_MALFORMED",
    "literal_error": "VALUE_UNKNOWN",
    "model_type": "OBJECT_EXPECTED",
    "model_attributes_type": "OBJECT_EXPECTED",
    "tuple_type": "LIST_EXPECTED",
    "too_long": "TOO_MANY",
    "too_short": "TOO_FEW",
    "bool_type": "BOOLEAN_EXPECTED",
    "int_type": "INTEGER_EXPECTED",
    "greater_than_equal": "NUMBER_OUT_OF_RANGE",
    "less_than_equal": "NUMBER_OUT_OF_RANGE",
}
"""pydantic's error types -> our rules. Errors of our own have our names already."""

_MESSAGES: Final[Mapping[str, str]] = {
    "FIELD_MISSING": "A required field is missing.",
    "FIELD_UNKNOWN": "This kind of document has no such field.",
    "FIELD_REPEATED": "The field is there more than once, and nobody can say which one is meant.",
    "TEXT_EXPECTED": "This is no text.",
    "TEXT_EMPTY": "The text is empty.",
    "TEXT_TOO_LONG": "The text has more than {max_length} characters.",
    "TEXT_MALFORMED": "The text does not have the form that the field asks for.",
    "VALUE_UNKNOWN": "The value is none of {expected}.",
    "OBJECT_EXPECTED": "This is no object.",
    "LIST_EXPECTED": "This is no list.",
    "TOO_MANY": "There are more than {max_length} of them.",
    "TOO_FEW": "There is none of them.",
    "BOOLEAN_EXPECTED": "This is neither true nor false.",
    "INTEGER_EXPECTED": "This is no whole number.",
}
"""Where pydantic's own words would speak of Python."""

_REMEDIES: Final[Mapping[str, str]] = {
    "FIELD_REPEATED": "Keep one.",
    "FIELD_MISSING": "Add it; the document cannot be understood without it.",
    "TEXT_EXPECTED": "Write it as a text in quotation marks.",
    "TEXT_EMPTY": "Give it a value or leave the field out.",
    "TEXT_TOO_LONG": "Shorten it.",
    "TEXT_MALFORMED": "Write it in the form that the field's description asks for, without control characters.",
    "VALUE_UNKNOWN": "Use one of the values that the field's description lists.",
    "OBJECT_EXPECTED": "Write it as an object with the fields of its description.",
    "LIST_EXPECTED": "Write it as a list.",
    "TOO_MANY": "Split the document.",
    "TOO_FEW": "A document without lines says nothing: add at least one.",
    "BOOLEAN_EXPECTED": "Write true or false.",
    "INTEGER_EXPECTED": "Write a whole number.",
    "NUMBER_OUT_OF_RANGE": "Check the number.",
    "NUMBER_INVALID": "Write a plain decimal such as 1234.50: no thousands separator, no exponent.",
    "NUMBER_NOT_FINITE": "Write the number that is meant, or leave the field out.",
    "NUMBER_IMPRECISE": "Send the number as a text or as a JSON number with all its digits.",
    "NUMBER_TOO_LARGE": "Check the number; numbers have up to 18 digits before the point.",
    "NUMBER_TOO_PRECISE": "Round the number; numbers have up to 10 digits after the point.",
    "NUMBER_NEGATIVE": "Write it positive; what is taken back has a negative quantity or is a credit note.",
    "NUMBER_NOT_POSITIVE": "Write a number above zero; leave an optional one out.",
    "AMOUNT_PRECISION": "Round the amount to its currency's minor unit (EN 16931, BR-DEC).",
    "CURRENCY_UNKNOWN": "Use a code of ISO 4217, such as CNY.",
    "CURRENCY_MISSING": "Add the currency.",
    "DATE_FORMAT": "Write the date as YYYY-MM-DD.",
    "DATE_IMPOSSIBLE": "Check the date.",
    "UNIT_UNKNOWN": "Use a code of UN/ECE Recommendation 20, such as C62 (piece) or KGM (kilogram).",
    "TYPE_UNKNOWN": "Use a type code of this kind of document, or send it as the kind that it is.",
    "PARTY_UNNAMED": "Give the party's name or one of its identifiers.",
    "FAPIAO_NUMBER": "Check 票种 and 发票号码.",
    "FAPIAO_CODE": "Check 发票代码.",
    "IDENTIFIER_EMPTY": "Leave the identifier out.",
    "UNIT_MISSING": "Add the unit.",
    "DUE_RULE_EMPTY": "Say days, months, the end of the month or a day of payment, or leave the rule out.",
    "PERIOD_REVERSED": "Check the two dates.",
    "PERCENT_IMPOSSIBLE": "Write per cent: 5 means 5 %.",
    "SELF_REFERENCE": "Name the other document, or leave the reference out.",
    "BALANCE_WRONG": "Check the balances and the signs of the lines: what is taken back or paid is negative.",
    "NOTHING_ASSIGNED": "List the claims in lines, or set all_claims.",
    "SERVED_BEFORE_ISSUE": "Check the two dates.",
    "OBJECTIONS_MISSING": "Write the reservations in objections.",
    "RANGE_REVERSED": "Write the sub-range as the exchange has it; 0 to 0 for a bill that cannot be split.",
    "RANGE_AMOUNT": "Check sub-range and amount: each number of a package is 0.01 yuan.",
    "SPLIT_RANGE": "Write the range before the split, of which this one is a part.",
    "LISTED_AMOUNT": "Check the amounts of the invoices that the bill pays for.",
}


def pointer(location: Sequence[str | int]) -> str:
    """A location as a JSON pointer (RFC 6901); names that a caller made up are shortened."""
    return "".join(f"/{shorten(part).replace('~', '~0').replace('/', '~1')}" for part in location)


def validate(
    model: type[Document], values: Mapping[str, Any], where: Callable[[Location], str] = pointer
) -> Document | tuple[Problem, ...]:
    """Make a document of plain values.

    :param where: tells a location in the terms of the format, as an XPath; JSON pointers by default
    :returns: the document, or what is wrong with it
    """
    made = judge(model, values, where)
    return made if isinstance(made, Document) else capped(*made)


def judge(
    model: type[Document], values: Mapping[str, Any], where: Callable[[Location], str]
) -> Document | tuple[list[Problem], int]:
    """As :func:`validate`, for readers that have found problems of their own.

    :returns: the document, or its first problems and how many more there are
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        details = error.errors(include_url=False)
    told = [each for each in details if not _is_echo(each)]
    # To find where a value stands takes time: what is not told anyway is only counted.
    found = [_problem(model, each, where) for each in told[:MAX_PROBLEMS]]
    found += itertools.islice(_precision_problems(model, values, where), MAX_PROBLEMS + 1)
    return found, max(0, len(told) - MAX_PROBLEMS)


def _is_echo(detail: ErrorDetails) -> bool:
    """Whether an error only repeats others: told one by one below, or a list whose every element was refused."""
    return detail["type"] == "AMOUNT_PRECISION" or (detail["type"] == "too_short" and bool(detail["input"]))


def _problem(model: type[Document], detail: ErrorDetails, where: Callable[[Location], str]) -> Problem:
    location = tuple(detail["loc"])
    rule = _RULES.get(detail["type"], detail["type"].upper())
    if rule == "FIELD_UNKNOWN" and str(location[-1]).endswith(REPEATED):
        rule, location = "FIELD_REPEATED", (*location[:-1], str(location[-1]).removesuffix(REPEATED))
    named = next((str(part) for part in reversed(location) if isinstance(part, str)), "")
    remedy = _REMEDIES.get(rule, "")
    if rule == "FIELD_UNKNOWN":
        remedy = _suggestion(model, location)
    value = "" if rule == "FIELD_MISSING" else shorten(detail["input"])
    return Problem(where(location), named, value, rule, _message(detail, rule), remedy)


def _message(detail: ErrorDetails, rule: str) -> str:
    known = _MESSAGES.get(rule)
    if known is not None:
        return known.format_map(detail.get("ctx", {}) if "{" in known else {})
    text = detail["msg"]
    return text if text.endswith(".") else f"{text}."


def _suggestion(model: type[Document], location: Location) -> str:
    """Names that the writer of an unknown field may have meant."""
    holder: type[BaseModel] | None = model
    for part in location[:-1]:
        if isinstance(part, str) and holder is not None:
            holder = nested_models(holder).get(part)
    near = difflib.get_close_matches(str(location[-1]), holder.model_fields if holder else (), 1)
    return f"Did you mean {near[0]!r}? Otherwise remove it." if near else "Remove it."


@cache
def nested_models(model: type[BaseModel]) -> dict[str, type[BaseModel]]:
    """Fields of a model that hold other models, alone or in a list."""
    found = {}
    for name, info in model.model_fields.items():
        part = next(_models(info.annotation), None)
        if part is not None:
            found[name] = part
    return found


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


@cache
def _amount_fields(model: type[BaseModel]) -> frozenset[str]:
    return frozenset(name for name in model.model_fields if is_amount(model, name))


def _precision_problems(
    model: type[Document], values: Mapping[str, Any], where: Callable[[Location], str]
) -> Iterator[Problem]:
    """Amounts with more decimals than the document's currency has, also where other fields are wrong."""
    currency = values.get(model.currency_field) if model.currency_field else None
    digits = MINOR_UNITS.get(currency) if isinstance(currency, str) else None
    if digits is None:
        return
    message = f"{currency} has {digits} digits after the point; this amount has more."
    for location, value in _too_precise(model, values, digits, ()):
        yield Problem(
            where(location),
            str(location[-1]),
            shorten(str(value)),
            "AMOUNT_PRECISION",
            message,
            _REMEDIES["AMOUNT_PRECISION"],
        )


def _too_precise(
    model: type[BaseModel], values: Mapping[str, Any], digits: int, at: Location
) -> Iterator[tuple[Location, object]]:
    for name, value in values.items():
        if name in _amount_fields(model):
            try:
                if value is not None and too_precise(exact_decimal(value), digits):
                    yield (*at, name), value
            except PydanticCustomError:
                continue  # told already as what it is
        elif (part := nested_models(model).get(name)) is not None:
            if isinstance(value, Mapping):
                yield from _too_precise(part, value, digits, (*at, name))
            elif isinstance(value, list | tuple):
                for number, each in enumerate(value):
                    if isinstance(each, Mapping):
                        yield from _too_precise(part, each, digits, (*at, name, number))
