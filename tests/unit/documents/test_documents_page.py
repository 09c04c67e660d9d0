"""docs/documents.md lists every kind of document, and says of it what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from consortium.contract.names import ASSET_KINDS, DOCUMENT_KINDS
from consortium.documents import KINDS
from consortium.documents.roles import word_of_issuer
from tests.support.document_cases import EXAMPLES, UBL_KINDS, document

PAGE = (Path(__file__).parents[3] / "docs" / "documents.md").read_text(encoding="utf-8")
ROWS = {
    cells[1].strip().strip("`"): [cell.strip() for cell in cells[2:-1]]
    for cells in (line.split("|") for line in PAGE.splitlines())
    if len(cells) == 8 and re.match(r"^ `\w+` $", cells[1])
}


def test_every_kind_has_a_row_and_the_ledger_knows_it() -> None:
    assert set(ROWS) == set(KINDS) == set(DOCUMENT_KINDS) == set(EXAMPLES)


def test_rows_say_what_the_code_does() -> None:
    for kind, (_, written_by, ubl, asset, _) in ROWS.items():
        assert (asset == "yes") == (kind in ASSET_KINDS), kind
        assert bool(ubl) == (kind in UBL_KINDS), kind
        assert ("nobody else" in written_by) == word_of_issuer(document(kind)), kind
