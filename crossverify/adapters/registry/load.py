"""Takes in the registry's registrations: JSON, one object, an array or one per line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError

from consortium.storage.engine import Database
from crossverify.adapters.admin import CLOCK_SKEW_S, in_batches
from crossverify.adapters.jsonfile import Record, is_json, read_records
from crossverify.adapters.records import LoadProblem, LoadReport
from crossverify.adapters.registry import store
from crossverify.adapters.registry.records import RegistrationRecord
from crossverify.adapters.strict import mistakes

REGISTRATIONS: Final = "registrations"
_FIELDS: Final = ", ".join(RegistrationRecord.model_fields)
_MEND: Final = f"Its fields are {_FIELDS}. Correct it and load the file again."


class RegistryLoader:
    """Loads registrations into the registry's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, content: bytes, as_of: int) -> LoadReport:
        """Take in one file; see ``Loader``."""
        report = LoadReport()
        if not is_json(content):
            report.refuse(LoadProblem("", "This is no JSON.", f"Load registrations as JSON with {_FIELDS}."))
            return report
        async for batch in in_batches(read_records(content)):
            records = _read(batch, as_of, report)
            if records:
                async with self._database.write() as session:
                    changed = await store.load(session, records, as_of)
                report.loaded += changed
                report.unchanged += len(records) - changed
                report.datasets.add(REGISTRATIONS)
        return report


def _read(batch: Sequence[Record | LoadProblem], as_of: int, report: LoadReport) -> list[RegistrationRecord]:
    records = []
    for item in batch:
        if isinstance(item, LoadProblem):
            report.refuse(item)
            continue
        path, values = item
        try:
            record = RegistrationRecord.model_validate(values)
        except ValidationError as error:
            report.refuse(LoadProblem(path, f"{mistakes(error, values)}.", _MEND))
            continue
        latest = max(record.registered, record.cancelled or 0, *(each.at for each in record.amendments))
        if latest > as_of + CLOCK_SKEW_S:
            text = f"{record.number} has a time ({latest}) after the one as of which it is known ({as_of})."
            report.refuse(LoadProblem(path, text, _MEND))
            continue
        records.append(record)
    return records
