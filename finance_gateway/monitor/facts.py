"""What of an institution's answer may take a package's ground away, and how that is told. Pure.

Facts are small JSON values, one per question. Only what makes things worse is news: a payment, a reversal, a red
letter, a registration of somebody else, a bill that is locked. What becomes better (tax knows the invoice now, its use
is confirmed) changes the facts, and reopens nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

MAX_FACTS: Final = 2_000
"""Payments or registrations that are compared for one question; an institution's longer list is cut, oldest first."""

Fact = Any
"""JSON: what is kept of one answer."""

_FREE_FLAGS: Final = frozenset({"TF0301"})


def fact_of(source: str, answer: Mapping[str, Any], own_msp: str) -> Fact | None:
    """What is kept of one answer; ``None`` where it says nothing.

    :param answer: as it stands in the evidence
    :param own_msp: organisation whose own filings are no news
    """
    if "error" in answer:
        return None
    return _KEPT[source](answer, own_msp)


def news_of(source: str, name: str, before: Fact | None, after: Fact) -> str:
    """What became worse, for a person; empty when nothing did.

    :param name: how the thing is called: number of the invoice or bill
    :param before: as it was when the package was made; ``None`` when that was not known then
    """
    return _TOLD[source](name, before, after)


# --- tax ----------------------------------------------------------------------------------------


def _tax_fact(answer: Mapping[str, Any], own_msp: str) -> Fact:
    return {
        "known": bool(answer.get("known")),
        "state": str(answer.get("state", "")),
        "red": str(answer.get("red_amount") or "0"),
        "open": bool(answer.get("red_confirmation_open")),
    }


_GRAVITY: Final = {"": 0, "normal": 0, "red_partial": 1, "red_full": 2, "void": 2}
_STATES: Final = {
    "void": "void",
    "red_full": "wholly reversed (红冲)",
    "red_partial": "reversed in part (红冲)",
    "normal": "normal",
}


def _tax_news(name: str, before: Fact | None, after: Fact) -> str:
    then = before or {"known": False, "state": "", "red": "0", "open": False}
    if _GRAVITY.get(after["state"], 3) > _GRAVITY.get(then["state"], 0):
        return f"invoice {name} is {_STATES.get(after['state'], after['state'])} at the tax authority"
    if _number(after["red"]) > _number(then["red"]):
        return f"invoice {name} is reversed by {after['red']} at the tax authority, {then['red']} before"
    if after["open"] and not then["open"]:
        return f"a red-letter confirmation (红字确认单) of invoice {name} is open"
    if then["known"] and not after["known"]:
        return f"the tax authority does not know invoice {name} any more"
    return ""


# --- bank ---------------------------------------------------------------------------------------


def _bank_fact(answer: Mapping[str, Any], own_msp: str) -> Fact:
    return [
        [
            str(each.get("entry_reference", "")),
            str(each.get("amount", "")),
            str(each.get("currency", "")),
            str(each.get("found_by", "")),
            bool(each.get("reversal")),
        ]
        for each in answer.get("payments", ())
    ][-MAX_FACTS:]


def _bank_news(name: str, before: Fact | None, after: Fact) -> str:
    known = [tuple(each) for each in before or ()]
    for each in map(tuple, after):
        if each in known:
            known.remove(each)
            continue
        _, amount, currency, found_by, reversal = each
        if reversal:
            return f"a payment of {amount} {currency} on invoice {name} was taken back"
        if found_by in {"owner", "payer"}:
            return f"{amount} {currency} on invoice {name} were paid to another account than the invoice's"
        return f"a payment of {amount} {currency} on invoice {name} was seen"
    return ""


# --- registry -----------------------------------------------------------------------------------


def _registry_fact(answer: Mapping[str, Any], own_msp: str) -> Fact:
    """Live registrations of others, with how often each was changed."""
    return sorted(
        [str(each["number"]), len(each.get("amendments", ()))]
        for each in answer.get("registrations", ())
        if each.get("state") == "live" and each.get("filed_by") != own_msp
    )[-MAX_FACTS:]


def _registry_news(name: str, before: Fact | None, after: Fact) -> str:
    if before is None:
        return ""  # what stood there before nobody knows; the next package says it
    known = dict(before)
    for number, changes in after:
        if number not in known:
            return f"registration {number} by somebody else names this assignor"
        if changes > known[number]:
            return f"registration {number} by somebody else was changed"
    return ""


# --- bill exchange ------------------------------------------------------------------------------


def _bill_fact(answer: Mapping[str, Any], own_msp: str) -> Fact:
    return {
        "known": bool(answer.get("known")),
        "ranges": [
            [each["range_from"], each["range_to"], each["status"], each["circulation"], _holder(each)]
            for each in answer.get("ranges", ())
        ][:MAX_FACTS],
    }


def _bill_news(name: str, before: Fact | None, after: Fact) -> str:
    if before is not None and before["known"] and not after["known"]:
        return f"the bill exchange does not know bill {name} any more"
    known = [list(each) for each in before["ranges"]] if before else []
    holders = {each[4] for each in known}
    for each in map(list, after["ranges"]):
        units = f"bill {name}, units {each[0]} to {each[1]},"
        if each not in known and each[3] not in _FREE_FLAGS:
            return f"{units} is now in state {each[2]}/{each[3]}"
        if known and each[4] not in holders:
            return f"{units} went to another holder"
    return ""


def _holder(units: Mapping[str, Any]) -> str:
    """Who holds them: by identifier where there is one, else by name."""
    holder = units.get("holder") or {}
    return str(next(iter(holder.get("identifiers") or ()), "") or holder.get("name", ""))


def _number(text: str) -> Decimal:
    try:
        return Decimal(text or "0")
    except InvalidOperation:
        return Decimal(0)


_KEPT: Final = {"tax": _tax_fact, "bank": _bank_fact, "registry": _registry_fact, "bills": _bill_fact}
_TOLD: Final = {"tax": _tax_news, "bank": _bank_news, "registry": _registry_news, "bills": _bill_news}
WATCHED: Final = tuple(_KEPT)
"""Sources that are polled. The credit bureau is not: a report needs an authorisation each time it is asked for."""
