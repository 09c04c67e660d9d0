"""Takes in the credit bureau's reports: JSON, one object, an array or one per line."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from consortium.storage.engine import Database
from crossverify.adapters.admin import in_batches
from crossverify.adapters.credit import store
from crossverify.adapters.credit.records import ReportRecord
from crossverify.adapters.jsonfile import is_json, read_records
from crossverify.adapters.records import LoadProblem, LoadReport
from crossverify.adapters.strict import mistakes

REPORTS: Final = "reports"
_FIELDS: Final = ", ".join(ReportRecord.model_fields)


class CreditLoader:
    """Loads reports into the bureau's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, content: bytes, as_of: int) -> LoadReport:
        """Take in one file; see ``Loader``."""
        report = LoadReport()
        if not is_json(content):
            report.refuse(LoadProblem("", "This is no JSON.", f"Load reports as JSON with {_FIELDS}."))
            return report
        async for batch in in_batches(read_records(content)):
            records = []
            for item in batch:
                if isinstance(item, LoadProblem):
                    report.refuse(item)
                    continue
                path, values = item
                try:
                    records.append(ReportRecord.model_validate(values))
                except ValidationError as error:
                    report.refuse(
                        LoadProblem(
                            path,
                            f"{mistakes(error, values)}.",
                            f"Its fields are {_FIELDS}. Correct it and load the file again.",
                        )
                    )
            if records:
                async with self._database.write() as session:
                    changed = await store.put(session, records, as_of)
                report.loaded += changed
                report.unchanged += len(records) - changed
                report.datasets.add(REPORTS)
        return report
