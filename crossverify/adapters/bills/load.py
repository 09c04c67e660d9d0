"""Takes in the exchange's entries: JSON, one object, an array or one per line.

An entry is a package with what is known of its units; units that an entry does not name stay as they are:

```json
{"package_number": "610229000001120260410000000017", "package_amount": "1000", "divisible": true,
 "issue_date": "2026-04-10", "acceptance_date": "2026-04-10", "due_date": "2026-10-10", "transferable": true,
 "drawer": {"name": "宏远汽车集团有限公司", "identifiers": ["91310000MA1FL00232"]},
 "acceptor": {"name": "宏远汽车集团有限公司", "identifiers": ["91310000MA1FL00232"],
              "account": "3100 0001", "bank_number": "102290000011"},
 "payee": {"name": "华东铸造有限公司", "identifiers": ["uscc:91310000MA1FL0015A"]},
 "ranges": [
   {"range_from": 1, "range_to": 40000, "status": "CS03", "circulation": "TF0301",
    "holder": {"name": "华东铸造有限公司", "identifiers": ["uscc:91310000MA1FL0015A"]}},
   {"range_from": 40001, "range_to": 100000, "status": "CS03", "circulation": "TF0304",
    "holder": {"name": "华东铸造有限公司", "identifiers": ["uscc:91310000MA1FL0015A"]},
    "pledgee": {"name": "某某银行股份有限公司"}}]}
```
"""

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
