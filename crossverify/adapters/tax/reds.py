"""What credit notes and red letters took back of invoices: two queries, whatever the number of invoices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from crossverify.adapters.tax.store import CORRECTIONS, INVOICES, KEYS

_NOTES = INVOICES.alias("notes")
_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Red:
    """What one note took back of one invoice."""

    number: str
    issue_date: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class _Target:
    """One invoice that a note may mean; the best fit is the one that it does.

    :ivar fit: same date as said, not younger than the note, under its own key, the latest
    """

    fit: tuple[bool, bool, bool, str]
    invoice: int
    gross: Decimal


async def red_letters(session: AsyncSession, invoices: Iterable[int]) -> dict[int, list[Red]]:
    """What was taken back of each invoice, oldest first.

    A note names an invoice by number; where the seller used the number again in another year, the date said decides,
    else the last invoice that is not younger than the note. A note that corrects several invoices takes back of each,
    in its own order, up to its amount; what is left falls on the last. Void notes take back nothing.
    """
    wanted = sorted(set(invoices))
    if not wanted:
        return {}
    asked = select(KEYS.c.key).where(KEYS.c.invoice_id.in_(wanted))
    notes = select(CORRECTIONS.c.note_id).where(CORRECTIONS.c.key.in_(asked))
    rows = await session.execute(
        select(
            CORRECTIONS.c.note_id,
            CORRECTIONS.c.position,
            CORRECTIONS.c.preceding_date,
            CORRECTIONS.c.note_date,
            CORRECTIONS.c.amount,
            _NOTES.c.number,
            INVOICES.c.id,
            INVOICES.c.issue_date,
            INVOICES.c.gross,
            KEYS.c.own,
        )
        .join(_NOTES, _NOTES.c.id == CORRECTIONS.c.note_id)
        .join(KEYS, KEYS.c.key == CORRECTIONS.c.key)
        .join(INVOICES, INVOICES.c.id == KEYS.c.invoice_id)
        .where(
            CORRECTIONS.c.note_id.in_(notes),
            _NOTES.c.void.is_(False),
            INVOICES.c.id != CORRECTIONS.c.note_id,
            INVOICES.c.currency == CORRECTIONS.c.currency,
        )
    )
    targets: dict[int, dict[int, list[_Target]]] = defaultdict(lambda: defaultdict(list))
    heads: dict[int, tuple[str, str, Decimal]] = {}
    for row in rows:
        heads[row.note_id] = (row.number, row.note_date, Decimal(row.amount))
        targets[row.note_id][row.position].append(_target(row))
    found: dict[int, list[Red]] = defaultdict(list)
    for note in sorted(targets, key=lambda each: (heads[each][1], each)):
        number, day, amount = heads[note]
        for invoice, part in _divided(amount, targets[note]).items():
            if invoice in wanted:
                found[invoice].append(Red(number, day, part))
    return dict(found)


def _target(row: Any) -> _Target:
    fit = (
        row.issue_date == row.preceding_date,
        row.issue_date <= row.note_date,
        row.own,
        row.issue_date,
    )
    return _Target(fit, row.id, Decimal(row.gross))


def _divided(amount: Decimal, targets: Mapping[int, list[_Target]]) -> dict[int, Decimal]:
    """Parts of a note by invoice, in the note's order."""
    meant = [
        max(targets[position], key=lambda each: (each.fit, each.invoice)) for position in sorted(targets)
    ]
    parts: dict[int, Decimal] = defaultdict(lambda: _ZERO)
    left = amount
    for position, target in enumerate(meant):
        part = left if position == len(meant) - 1 else min(left, max(target.gross, _ZERO))
        if part:
            parts[target.invoice] += part
        left -= part
    return dict(parts)
