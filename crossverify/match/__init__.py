"""Line-level three-way match: orders, despatch advices, receipts, invoices and credit notes, joined line by line.

It answers with a table per invoice (:mod:`crossverify.match.table`), which says how each line was matched and what the
documents say of it; MATCH_QTY, MATCH_PRICE and PO_EXHAUSTED judge that table by the tolerances of a profile. Pure, and
linear in the number of lines but for one sort.
"""

from __future__ import annotations

from crossverify.match.matching import MAX_LINES, Matched, Matching, match_case
from crossverify.match.table import Fact, How, LineMatch, LineVerdict, Note

__all__ = [
    "MAX_LINES",
    "Fact",
    "How",
    "LineMatch",
    "LineVerdict",
    "Matched",
    "Matching",
    "Note",
    "match_case",
]
