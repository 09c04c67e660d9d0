"""The only file that knows the institution. Replace ``StoredBackend`` by a client of the institution's own interface.

A backend is asked for many subjects at once and answers for each of them: a record, that there is none, or why it
cannot say. It raises only when the institution as a whole cannot be reached (``UnavailableError``): that silences the
source, with the reason, and no receivable is judged as if nothing had been found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from consortium.storage.engine import Database
from crossverify.adapters.credit import store
from crossverify.adapters.credit.load import REPORTS, CreditLoader
from crossverify.adapters.institution import Institution
from crossverify.adapters.records import LoadReport


@dataclass(frozen=True, slots=True)
class Record:
    """What the institution knows of one subject, in this consortium's terms.

    :ivar liabilities: debts, a decimal number as text
    :ivar currency: ISO 4217 code
    """

    current_overdue_days: int
    past_overdue_count: int
    under_enforcement: bool
    liabilities: str
    currency: str
    status: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """Why the institution says nothing of one subject: costs that question alone.

    :ivar reason: stable name, such as "NOT_AUTHORISED"
    """

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Found:
    """What a backend answers.

    :ivar as_of: state of knowledge, seconds since 1970 UTC, as the institution says; never the time of the call where
        its data are older
    :ivar records: by subject; a subject that is not there is not known to the institution
    """

    as_of: int
    records: Mapping[str, Record | Failed]


class Backend(Protocol):
    """One institution."""

    async def look_up(self, subjects: Sequence[tuple[str, str]]) -> Found:
        """Look up subjects, each with the authorisation under which it is asked about, in as few calls as the
        institution takes.

        :param subjects: at most ``MAX_SUBJECTS`` (identifier "scheme:value" in its normal form, authorisation)
        :raises UnavailableError: the institution cannot be reached
        """
        ...


class StoredBackend:
    """A backend for tries: records that an operator loaded, in the adapter's own database."""

    def __init__(self, institution: Institution) -> None:
        self._institution = institution

    async def look_up(self, subjects: Sequence[tuple[str, str]]) -> Found:
        """See ``Backend``."""
        records: dict[str, Record | Failed] = {}
        async with self._institution.database.read() as session:
            as_of = await self._institution.as_of(session, REPORTS)
            rows = await store.find(session, [subject for subject, _ in subjects])
        for subject, authorisation in subjects:
            if not authorisation:
                records[subject] = Failed("NOT_AUTHORISED", "The question names no authorisation.")
            elif subject in rows:
                records[subject] = _record(rows[subject])
        return Found(as_of, records)


class TemplateLoader:
    """Loads records into the backend's database; an institution that is asked online has no need of one."""

    def __init__(self, database: Database) -> None:
        self._loader = CreditLoader(database)

    async def load(self, content: bytes, as_of: int) -> LoadReport:
        """See ``Loader``."""
        return await self._loader.load(content, as_of)


def _record(row: Mapping[str, object]) -> Record:
    return Record(
        current_overdue_days=int(str(row["current_overdue_days"])),
        past_overdue_count=int(str(row["past_overdue_count"])),
        under_enforcement=bool(row["under_enforcement"]),
        liabilities=str(row["liabilities"]),
        currency=str(row["currency"]),
        status=str(row["status"]),
    )
