"""Reads an e-invoice in UBL."""

from __future__ import annotations

from collections.abc import Sequence

from consortium.documents.invoice import InvoiceBase
from consortium.documents.problems import Problem
from consortium.documents.ubl import read_ubl
from crossverify.adapters.records import LoadProblem

_MARKS = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"


def is_xml(content: bytes) -> bool:
    """Whether a file looks like XML, after byte order marks and blanks."""
    return content[:64].lstrip(_MARKS)[:1] == b"<"


def read_invoice(content: bytes) -> InvoiceBase | LoadProblem:
    """The invoice or credit note of a file, or why there is none."""
    found = read_ubl(content)
    if isinstance(found, InvoiceBase):
        return found
    if isinstance(found, tuple):
        return problem_of(found)
    return LoadProblem("", f"This is a {found.kind}, no invoice.", "Load invoices and credit notes only.")


def problem_of(problems: Sequence[Problem], path: str = "") -> LoadProblem:
    """The problems of one document as one problem of its record: the first, and how many more there are.

    :param path: where the record stands
    """
    first, more = problems[0], len(problems) - 1
    value = f" ({first.value!r})" if first.value else ""
    further = f" And {more} more problems." if more else ""
    place = f"{path}{':' if path else ''}{first.path}" if first.path != "/" else path
    return LoadProblem(place, f"{first.message}{value}{further}", first.remedy)
