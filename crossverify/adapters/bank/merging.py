"""Which movements of several reports are the same money: told intraday (camt.052), on the statement (camt.053) and by a
notification (camt.054), or on two statements that overlap, it counts once.

1. A place that was loaded before (account, report, entry, transaction) is that movement; it must say the same.
2. An entry that carries a reference of the bank, or of the entry, is the entry of another report with the same
   reference, account, direction, date and amount. Where one tells more transactions of a batch than the other, these
   stay.
3. A transaction is that of another report with a reference in common (the bank's, the clearing's, the payer's
   end-to-end reference, the creditor's), the same account, direction, date and amount. References that others than
   the bank chose may repeat, so by them only reports of different kinds are put together, and reports of one day.
4. Each movement meets at most one of another report: two equal entries of a report stay two.
5. Anything else is new. Pending movements count nowhere and are not put together.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from crossverify.adapters.bank.movements import Movement, MovementKind, Report, Statement
from crossverify.adapters.bank.store import Added, Changes, Linked, content_of, place_of
from crossverify.adapters.records import LoadProblem

_BANKS_OWN = ("bank:", "uetr:")
"""References that name one movement wherever they stand."""

Entry = Sequence[Movement]
"""The movements of one entry: its transactions, or the entry as a whole."""


def entry_keys(movement: Movement) -> list[str]:
    """What names a movement's entry on other reports (2)."""
    if not movement.booked:
        return []
    # A returned transaction inside of a batch has another meaning than the batch: the entry knows in and out only.
    facts = [
        movement.statement.account.number,
        movement.kind is MovementKind.PAYMENT,
        movement.booking_date,
        movement.entry_amount,
        movement.currency,
    ]
    return [json.dumps(["entry", reference, *facts]) for reference in movement.entry_references]


def transaction_keys(movement: Movement) -> list[str]:
    """What names a transaction on other reports (3), the bank's own references first."""
    if not movement.booked:
        return []
    facts = [
        movement.statement.account.number,
        movement.kind.value,
        movement.booking_date,
        movement.amount,
        movement.currency,
    ]
    own = [f"bank:{movement.bank_reference}"] if movement.bank_reference else []
    ordered = sorted({*own, *movement.links}, key=lambda each: (not each.startswith(_BANKS_OWN), each))
    return [json.dumps([reference, *facts], ensure_ascii=False) for reference in ordered]


@dataclass
class Merger:
    """Puts the entries of one batch of a load together with what is known.

    :param contents: what was said before, by place
    :param links: what is known, by key
    :param number: number of the next new movement
    """

    contents: dict[str, str]
    links: dict[str, list[Linked]]
    number: int
    changes: Changes = field(default_factory=Changes)
    _by_number: dict[int, Linked] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_number = {each.movement: each for found in self.links.values() for each in found}

    def take(self, entry: Entry, account: int) -> Iterator[tuple[Movement, bool | None]]:
        """Takes one entry: each movement, and whether it is new; None where it contradicts what was said before."""
        fresh: list[Movement] = []
        for movement in entry:
            before = self.contents.get(place_of(movement))
            if before is None:
                fresh.append(movement)
            else:
                yield movement, False if before == content_of(movement) else None
        if not fresh:
            return
        twin = self._entry_of(fresh[0])
        parts = 0 if fresh[0].detail == 0 else len(entry)
        if twin is not None and (twin.parts > 1 or parts <= twin.parts):
            for movement in fresh:
                self._see(movement, self._transaction_of(movement) or twin)
                yield movement, False
            return
        for movement in fresh:
            known = None if twin is not None else self._transaction_of(movement)
            if known is None:
                self._add(movement, account, parts)
            else:
                self._see(movement, known)
            yield movement, known is None
        if twin is not None:
            self._replace(twin, fresh)

    def _entry_of(self, movement: Movement) -> Linked | None:
        """Step 2."""
        return self._first(entry_keys(movement), movement, any_reference=True)

    def _transaction_of(self, movement: Movement) -> Linked | None:
        """Step 3."""
        return self._first(transaction_keys(movement), movement, any_reference=False)

    def _first(self, keys: Sequence[str], movement: Movement, *, any_reference: bool) -> Linked | None:
        statement, report = movement.statement.identifier, movement.statement.report
        for key in keys:
            sure = any_reference or json.loads(key)[0].startswith(_BANKS_OWN)
            for known in self.links.get(key, ()):
                if statement in known.statements:  # step 4
                    continue
                if sure or known.report != report.value or report is Report.INTRADAY:
                    return known
        return None

    def _see(self, movement: Movement, known: Linked) -> None:
        known.statements.add(movement.statement.identifier)
        self.contents[place_of(movement)] = content_of(movement)
        self.changes.seen.append((movement, known.movement))

    def _add(self, movement: Movement, account: int, parts: int) -> None:
        keys = dict.fromkeys((*entry_keys(movement), *transaction_keys(movement)))
        linked = Linked(self.number, movement.statement.report.value, parts, set())
        self.number += 1
        for key in keys:
            self.links.setdefault(key, []).append(linked)
        self._by_number[linked.movement] = linked
        self.changes.added.append(Added(linked.movement, account, movement, parts, list(keys)))
        self._see(movement, linked)

    def _replace(self, twin: Linked, parts: Entry) -> None:
        """The transactions of an entry are told now: they stand for it on every report that told of it."""
        added = self.changes.added[-len(parts) :]
        self.changes.replaced[twin.movement] = added[0].number
        for each in added:
            self._by_number[each.number].statements |= twin.statements
        for found in self.links.values():
            if twin in found:
                found.remove(twin)


Grouped = Statement | LoadProblem | tuple[Movement, ...]


def grouped(items: Iterable[Statement | Movement | LoadProblem]) -> Iterator[Grouped]:
    """What a reader gives, with the movements of one entry together."""
    group: list[Movement] = []
    for item in items:
        if group and not (isinstance(item, Movement) and _same_entry(group[-1], item)):
            yield tuple(group)
            group = []
        if isinstance(item, Movement):
            group.append(item)
        else:
            yield item
    if group:
        yield tuple(group)


def _same_entry(one: Movement, other: Movement) -> bool:
    return one.statement == other.statement and one.entry == other.entry and one.booked == other.booked
