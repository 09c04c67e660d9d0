"""Where the reference tax authority keeps what it knows, and the few queries that answer questions."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from crossverify.adapters.institution import upsert
from crossverify.adapters.tax.records import SalesRecord, TaxInvoice, TaxpayerRecord, iso

METADATA = MetaData()

INVOICES = Table(
    "invoices",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("content", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("number", String, nullable=False),
    Column("issue_date", String, nullable=False),
    Column("seller_ids", String, nullable=False),
    Column("buyer_ids", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("net", String, nullable=False),
    Column("tax", String, nullable=False),
    Column("gross", String, nullable=False),
    Column("void", Boolean, nullable=False, default=False),
    Column("red_stated", String, nullable=False, default="0"),
    Column("use_confirmed", Boolean, nullable=False, default=False),
    Column("red_open", Boolean, nullable=False, default=False),
    Column("red_open_amount", String, nullable=False, default=""),
    Column("state_as_of", BigInteger, nullable=False, default=0),
)
"""Invoices and credit notes as issued, with what state lines say of them."""

KEYS = Table(
    "invoice_keys",
    METADATA,
    Column("key", String, primary_key=True),
    Column("invoice_id", ForeignKey("invoices.id"), primary_key=True, index=True),
    Column("own", Boolean, nullable=False),
)

CORRECTIONS = Table(
    "corrections",
    METADATA,
    Column("key", String, primary_key=True),
    Column("note_id", ForeignKey("invoices.id"), primary_key=True, index=True),
    Column("position", Integer, primary_key=True),
    Column("preceding_date", String, nullable=False),
    Column("note_date", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("amount", String, nullable=False),
)
"""What credit notes take back, by the keys of the invoices that they correct; those may be loaded later. ``amount`` is
the note's as a whole."""

TAXPAYERS = Table(
    "taxpayers",
    METADATA,
    Column("tax_id", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("name", String, nullable=False),
    Column("former_names", String, nullable=False),
    Column("registered_on", String, nullable=False),
    Column("as_of", BigInteger, nullable=False),
)

SALES = Table(
    "sales",
    METADATA,
    Column("taxpayer_id", String, primary_key=True),
    Column("declared", String, nullable=False),
    Column("as_of", BigInteger, nullable=False),
)
"""``declared``: the record as JSON."""

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Known:
    """One invoice as found under a key."""

    id: int
    own: bool
    content: str
    kind: str
    number: str
    issue_date: str
    seller_ids: frozenset[str]
    buyer_ids: frozenset[str]
    currency: str
    net: str
    tax: str
    gross: str
    void: bool
    red_stated: str
    use_confirmed: bool
    red_open: bool
    red_open_amount: str
    state_as_of: int


async def find(session: AsyncSession, keys: Iterable[str]) -> dict[str, list[Known]]:
    """Invoices by key, in one query."""
    wanted = sorted(set(keys))
    rows = await session.execute(
        select(KEYS.c.key, KEYS.c.own, INVOICES)
        .join(INVOICES, INVOICES.c.id == KEYS.c.invoice_id)
        .where(KEYS.c.key.in_(wanted))
        .order_by(INVOICES.c.id)
    )
    found: dict[str, list[Known]] = defaultdict(list)
    for row in rows:
        key, own, number, *rest = row
        found[key].append(_known(number, own, rest))
    return dict(found)


def _known(number: int, own: bool, rest: Sequence[Any]) -> Known:
    content, kind, printed, issued, sellers, buyers, *others = rest
    return Known(
        number,
        own,
        content,
        kind,
        printed,
        issued,
        frozenset(json.loads(sellers)),
        frozenset(json.loads(buyers)),
        *others,
    )


async def add_invoices(session: AsyncSession, invoices: Sequence[TaxInvoice]) -> None:
    """Store invoices that are not there yet."""
    if not invoices:
        return
    first = (await session.scalar(select(func.coalesce(func.max(INVOICES.c.id), 0)))) or 0
    rows, keys, corrections = [], [], []
    for number, invoice in enumerate(invoices, first + 1):
        rows.append(_row(number, invoice))
        keys += [{"key": key, "invoice_id": number, "own": True} for key in dict.fromkeys(invoice.keys)]
        keys += [{"key": key, "invoice_id": number, "own": False} for key in invoice.alias_keys]
        for position, correction in enumerate(invoice.corrections):
            corrections += [
                {
                    "key": key,
                    "note_id": number,
                    "position": position,
                    "preceding_date": correction.preceding_date,
                    "note_date": invoice.issue_date,
                    "currency": invoice.currency,
                    "amount": correction.amount,
                }
                for key in correction.keys
            ]
    await session.execute(insert(INVOICES), rows)
    await session.execute(insert(KEYS), keys)
    if corrections:
        await session.execute(insert(CORRECTIONS), corrections)


def _row(number: int, invoice: TaxInvoice) -> dict[str, object]:
    return {
        "id": number,
        "content": invoice.content(),
        "kind": invoice.kind,
        "number": invoice.number,
        "issue_date": invoice.issue_date,
        "seller_ids": json.dumps(invoice.seller_ids, ensure_ascii=False),
        "buyer_ids": json.dumps(invoice.buyer_ids, ensure_ascii=False),
        "currency": invoice.currency,
        "net": invoice.net,
        "tax": invoice.tax,
        "gross": invoice.gross,
    }


async def set_state(session: AsyncSession, invoice: int, values: dict[str, object]) -> None:
    """Store what a state line says of an invoice."""
    await session.execute(update(INVOICES).where(INVOICES.c.id == invoice).values(values))


async def put_taxpayers(session: AsyncSession, records: Sequence[TaxpayerRecord], as_of: int) -> int:
    """Store taxpayers, each once; returns how many were new or different. Older knowledge changes nothing."""
    known = await find_taxpayers(session, [record.tax_id for record in records])
    changed = []
    for record in records:
        row = {
            "tax_id": record.tax_id,
            "state": record.state,
            "name": record.name,
            "former_names": json.dumps(record.former_names, ensure_ascii=False),
            "registered_on": iso(record.registered_on),
            "as_of": as_of,
        }
        before = known.get(record.tax_id)
        if before is None or (before["as_of"] <= as_of and {**before, "as_of": as_of} != row):
            changed.append(row)
    await upsert(session, TAXPAYERS, changed, ["tax_id"])
    return len(changed)


async def find_taxpayers(session: AsyncSession, tax_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Rows of taxpayers by identifier, in one query."""
    rows = await session.execute(select(TAXPAYERS).where(TAXPAYERS.c.tax_id.in_(sorted(set(tax_ids)))))
    return {row["tax_id"]: dict(row) for row in rows.mappings()}


async def put_sales(session: AsyncSession, records: Sequence[SalesRecord], as_of: int) -> int:
    """Store what taxpayers declared; returns how many were new or different. Older knowledge changes nothing."""
    known = await find_sales(session, [record.sales_of for record in records])
    changed = []
    for record in records:
        row = {"taxpayer_id": record.sales_of, "declared": record.to_text(), "as_of": as_of}
        before = known.get(record.sales_of)
        if before is None or (before["as_of"] <= as_of and before["declared"] != row["declared"]):
            changed.append(row)
    await upsert(session, SALES, changed, ["taxpayer_id"])
    return len(changed)


async def find_sales(session: AsyncSession, taxpayers: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What taxpayers declared, in one query."""
    rows = await session.execute(select(SALES).where(SALES.c.taxpayer_id.in_(sorted(set(taxpayers)))))
    return {row["taxpayer_id"]: dict(row) for row in rows.mappings()}
