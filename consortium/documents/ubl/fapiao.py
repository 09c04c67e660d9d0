"""How a Chinese tax invoice (增值税发票、数电票) travels in UBL.

UBL has no field for 发票代码, so it comes in ``cac:AdditionalDocumentReference``, whose ``cbc:ID/@schemeID``
says what it is:

- ``CN-FAPIAO-CODE``: 发票代码 of this document, whose ``cbc:ID`` is the 发票号码. ``CN-FAPIAO-CHECK``: its 校验码.
- ``CN-FAPIAO``: a fapiao that was issued for the same sale (or is this document): 20 digits, or code and
  number with ``-``.

``cbc:DocumentTypeCode`` is 票种, one of ``consortium.documents.common.FapiaoKind``; by default
``digital_special`` for 20 digits and ``special`` otherwise.
"""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree

from consortium.documents.ubl.tables import Reading, Values
from consortium.documents.ubl.xml import cbc, text_of

FAPIAO: Final = "CN-FAPIAO"
FAPIAO_CODE: Final = "CN-FAPIAO-CODE"
FAPIAO_CHECK: Final = "CN-FAPIAO-CHECK"
FAPIAO_CODES: Final = frozenset({FAPIAO, FAPIAO_CODE, FAPIAO_CHECK})

_RAW: Final = "_fapiao"
_CODE_AND_NUMBER = re.compile(r"(\d{10}|\d{12})[-\s](\d{8})", re.ASCII)


def additional_reference(_reading: Reading, element: etree._Element, values: Values) -> None:
    """Keep what names a fapiao; other supporting documents are not part of the canonical document."""
    number = element.find(cbc("ID"))
    scheme = "" if number is None else (number.get("schemeID") or "").strip().upper()
    if number is not None and scheme in FAPIAO_CODES:
        kind = (element.findtext(cbc("DocumentTypeCode")) or "").strip()
        values.setdefault(_RAW, []).append((scheme, text_of(number), kind, element))


def finish_fapiao(reading: Reading, values: Values) -> None:
    """Make the list of fapiao, once the document's own number is known."""
    raw = values.pop(_RAW, None)
    if raw is None:
        return
    checks = [text for scheme, text, _, _ in raw if scheme == FAPIAO_CHECK]
    own = str(values.get("number", ""))
    found: list[dict[str, Any]] = []
    for scheme, text, kind, element in raw:
        made: dict[str, Any] = {}
        if scheme == FAPIAO_CODE:
            made = {"number": own, "code": text}
        elif scheme == FAPIAO:
            pair = _CODE_AND_NUMBER.fullmatch(text)
            made = {"number": pair[2], "code": pair[1]} if pair else {"number": text}
        if made:
            made["fapiao_kind"] = kind or ("special" if "code" in made else "digital_special")
            if checks and made["number"] == own:
                made["check_code"] = checks[0]
            reading.owners[id(made)] = (element, None)
            found.append(made)
    if found:
        values["fapiao"] = found
