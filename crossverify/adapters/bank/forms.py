"""The forms of a bank's reports: one line for each that is read, one sentence for each that is not."""

from __future__ import annotations

import re
from collections.abc import Iterator

from crossverify.adapters.bank.camt import Item, read_statements
from crossverify.adapters.bank.sheet import read_sheet
from crossverify.adapters.records import LoadProblem

_BLANKS = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"
_ARCHIVE = b"PK\x03\x04"
_SHEET_PARTS = (b"xl/workbook", b"xl/worksheets", b"[Content_Types].xml")
_MT = re.compile(rb"\s*(\{1:|:20:)")
_PDF = b"%PDF-"


def read_reports(content: bytes, name: str = "") -> Iterator[Item]:
    """Reports with their movements, in the order of the file, and what could not be read.

    :param name: of the file; a sheet's may say whose account it is of (``sheet``)
    """
    if content[:64].lstrip(_BLANKS)[:1] in (b"<", b"") and not content[:64].startswith(b"PK"):
        yield from read_statements(content)
        return
    refused = _refused(content)
    if refused is not None:
        yield refused
        return
    yield from read_sheet(content, name)


def _refused(content: bytes) -> LoadProblem | None:
    if content.startswith(_ARCHIVE):
        if any(part in content for part in _SHEET_PARTS):
            return LoadProblem(
                "/",
                "This is an Excel workbook (XLSX).",
                "Save the sheet as CSV (UTF-8), or load the bank's camt.053.",
            )
        return LoadProblem("/", "This is an archive (ZIP).", "Unpack it and load the files in it.")
    if _MT.match(content[:64]):
        return LoadProblem(
            "/", "This is a SWIFT message (MT940 or like).", "Ask the bank for its successor, camt.053."
        )
    if content.startswith(_PDF):
        return LoadProblem("/", "This is a PDF.", "Load the bank's camt.053 or CSV instead.")
    return None
