"""Takes in the exchange's entries: JSON, one object, an array or one per line."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from pydantic import ValidationError

from consortium.storage.engine import Database
from crossverify.adapters.admin import in_batches
from crossverify.adapters.bills import store
from crossverify.adapters.bills.records import PackageRecord, RangeRecord
from crossverify.adapters.jsonfile import is_json, read_records
from crossverify.adapters.records import LoadProblem, LoadReport
from crossverify.adapters.strict import mistakes

BILLS: Final = "bills"
_FIELDS: Final = ", ".join(PackageRecord.model_fields)
_MEND: Final = f"Its fields are {_FIELDS}. Correct it and load the file again."


class BillsLoader:
    """Loads packages into the exchange's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, content: bytes, as_of: int) -> LoadReport:
        """Take in one file; see ``Loader``."""
        report = LoadReport()
        if not is_json(content):
            report.refuse(LoadProblem("", "This is no JSON.", f"Load packages as JSON with {_FIELDS}."))
            return report
        earlier: dict[str, list[RangeRecord]] = defaultdict(list)
        async for batch in in_batches(read_records(content)):
            records = []
            for item in batch:
                read = _read(item, earlier)
                if isinstance(read, LoadProblem):
                    report.refuse(read)
                else:
                    records.append(read)
            if records:
                async with self._database.write() as session:
                    said = await store.put(session, [record for _, record in records], as_of)
                _count(report, [path for path, _ in records], said)
        return report


def _read(
    item: tuple[str, dict[str, object]] | LoadProblem, earlier: dict[str, list[RangeRecord]]
) -> tuple[str, PackageRecord] | LoadProblem:
    """One record, if it can be read and no earlier one of the file says something else of the same units."""
    if isinstance(item, LoadProblem):
        return item
    path, values = item
    try:
        record = PackageRecord.model_validate(values)
    except ValidationError as error:
        return LoadProblem(path, f"{mistakes(error, values)}.", _MEND)
    before = earlier[record.package_number]
    for each in record.ranges:
        for other in before:
            if other.units.overlaps(each.units) and other != each:
                text = f"The sub-range {each.units} overlaps {other.units} of an earlier record of this file."
                return LoadProblem(path, text, "Say once what is true of each unit, and load the file again.")
    before.extend(each for each in record.ranges if each not in before)
    return path, record


def _count(report: LoadReport, paths: list[str], said: list[str]) -> None:
    for path, what in zip(paths, said, strict=True):
        if what in ("changed", "unchanged"):
            report.count(changed=what == "changed")
            report.datasets.add(BILLS)
        else:
            report.refuse(LoadProblem(path, f"{what}.", _MEND))
