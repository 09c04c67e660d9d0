"""Where the reference credit bureau keeps its reports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, Integer, MetaData, String, Table, select
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.documents.money import decimal_text
from crossverify.adapters.credit.records import RelatedRecord, ReportRecord
from crossverify.adapters.institution import upsert

METADATA = MetaData()

REPORTS = Table(
    "reports",
    METADATA,
    Column("subject_id", String, primary_key=True),
    Column("current_overdue_days", Integer, nullable=False),
    Column("past_overdue_count", Integer, nullable=False),
    Column("under_enforcement", Boolean, nullable=False),
    Column("liabilities", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("status", String, nullable=False),
    Column("related", String, nullable=False),
    Column("as_of", BigInteger, nullable=False),
)


async def put(session: AsyncSession, records: Sequence[ReportRecord], as_of: int) -> int:
    """Store reports; returns how many were new or different. An older report changes nothing."""
    latest = {record.subject_id: record for record in records}
    known = await find(session, latest)
    changed = []
    for record in latest.values():
        row = {
            "subject_id": record.subject_id,
            "current_overdue_days": record.current_overdue_days,
            "past_overdue_count": record.past_overdue_count,
            "under_enforcement": record.under_enforcement,
            "liabilities": decimal_text(record.liabilities),
            "currency": record.currency,
            "status": record.status,
            "related": json.dumps([_related(each) for each in record.related], ensure_ascii=False),
            "as_of": as_of,
        }
        before = known.get(record.subject_id)
        if before is None or (before["as_of"] <= as_of and {**before, "as_of": as_of} != row):
            changed.append(row)
    await upsert(session, REPORTS, changed, ["subject_id"])
    return len(changed)


def _related(record: RelatedRecord) -> dict[str, str]:
    share = record.share_percent
    return {
        "kind": record.kind,
        "identifier": record.identifier,
        "name": record.name,
        "share_percent": "" if share is None else decimal_text(share),
    }


async def find(session: AsyncSession, subjects: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Rows of reports by subject, in one query."""
    rows = await session.execute(select(REPORTS).where(REPORTS.c.subject_id.in_(sorted(set(subjects)))))
    return {row["subject_id"]: dict(row) for row in rows.mappings()}
