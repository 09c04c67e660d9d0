"""UBL ApplicationResponse as Peppol's Invoice Response: the debtor's confirmation (确权).

UBL has no field for a confirmed amount. Chanrong writes its own conditions, ``cac:Condition/cbc:AttributeID`` with
``@schemeID`` :data:`SCHEME`, so that they are never taken for the business terms (``BT-48``) that others put there.
"""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from consortium.documents.codes import RESPONSE_CODES
from consortium.documents.ubl.fapiao import FAPIAO_CODE
from consortium.documents.ubl.parties import party
from consortium.documents.ubl.tables import (
    Reading,
    Values,
    boolean,
    day,
    decimal,
    inside,
    joined,
    leaf,
    table,
)
from consortium.documents.ubl.xml import cac, cbc, text_of

SCHEME: Final = "CHANRONG"
CONFIRMED_AMOUNT: Final = "CONFIRMED-AMOUNT"
CURRENCY: Final = "CURRENCY"
DUE_DATE: Final = "DUE-DATE"
SET_OFF_WAIVED: Final = "SET-OFF-WAIVED"

_FIELDS: Final = {
    CONFIRMED_AMOUNT: ("confirmed_amount", decimal),
    CURRENCY: ("currency", None),
    DUE_DATE: ("due_date", day),
    SET_OFF_WAIVED: ("set_off_waived", boolean),
    FAPIAO_CODE: ("fapiao_code", None),
}


def _status(reading: Reading, element: etree._Element, values: Values) -> None:
    """One ``cac:Status``: a reason or an action, and its conditions, each a clarification."""
    made: Values = {}
    reading.owners[id(made)] = (element, None)
    code = element.find(cbc("StatusReasonCode"))
    if code is not None and text_of(code):
        made["code"] = text_of(code)
        if list_id := (code.get("listID") or "").strip():
            made["list_id"] = list_id
    if reason := (element.findtext(cbc("StatusReason")) or "").strip():
        made["text"] = reason
    conditions = [_condition(reading, each, values) for each in element.iterchildren(cac("Condition"))]
    parts = [each for each in conditions if each is not None]
    if parts:
        made |= parts[0]
    for each in [made, *parts[1:]]:
        if each:
            reading.owners.setdefault(id(each), (element, None))
            values.setdefault("clarifications", []).append(each)


def _condition(reading: Reading, element: etree._Element, values: Values) -> dict[str, Any] | None:
    attribute, description = element.find(cbc("AttributeID")), element.find(cbc("Description"))
    name = "" if attribute is None else text_of(attribute)
    text = "" if description is None else text_of(description)
    if attribute is None or not name:
        return None
    if attribute.get("schemeID") == SCHEME and name in _FIELDS and description is not None:
        field, convert = _FIELDS[name]
        reading.put(
            values, field, text if convert is None else convert(reading, description, text), description
        )
        return None
    return {"attribute": name} | ({"value": text} if text else {})


RESPONSE: Final = table(
    {
        "cbc:ID": leaf("number"),
        "cbc:IssueDate": leaf("issue_date", day),
        "cbc:Note": joined("note"),
        "cac:SenderParty": party("buyer"),
        "cac:ReceiverParty": party("seller"),
        "cac:DocumentResponse": inside(
            table(
                {
                    "cac:Response": inside(
                        table(
                            {
                                "cbc:ResponseCode": leaf("response_code"),
                                "cbc:EffectiveDate": leaf("effective_date", day),
                                "cac:Status": (_status, {"clarifications": ""}),
                            }
                        )
                    ),
                    "cac:DocumentReference": inside(
                        table(
                            {
                                "cbc:ID": leaf("invoice_number"),
                                "cbc:IssueDate": leaf("invoice_date", day),
                                "cbc:DocumentTypeCode": leaf("invoice_type"),
                            }
                        )
                    ),
                }
            )
        ),
    }
)


def is_invoice_response(root: etree._Element) -> bool:
    """Whether an ApplicationResponse answers an invoice: its profile says so, or, without one, its codes."""
    profile = f"{root.findtext(cbc('CustomizationID')) or ''} {root.findtext(cbc('ProfileID')) or ''}".lower()
    if "invoice_response" in profile:
        return True
    if profile.strip():
        return False
    code = root.findtext(f"{cac('DocumentResponse')}/{cac('Response')}/{cbc('ResponseCode')}")
    return (code or "").strip() in RESPONSE_CODES
