"""UBL parts that several document types share."""

from __future__ import annotations

import re
from typing import Any, Final

from lxml import etree

from consortium.documents.ubl.parties import ADDRESS
from consortium.documents.ubl.tables import (
    Entry,
    Reading,
    Values,
    amount,
    boolean,
    day,
    decimal,
    first,
    inside,
    joined,
    leaf,
    many,
    part,
    table,
)
from consortium.documents.ubl.xml import text_of

_ONE = re.compile(r"0*1(\.0*)?", re.ASCII)

ITEM_TAX: Final = "_tax"
ITEM_LOTS: Final = "_lots"
NO_NUMBERS: Final = frozenset({"NA", "N/A"})
"""What Peppol writes where an element is mandatory and there is no number."""


def identifier(name: str, scheme: str) -> Entry:
    """A child whose text is an identifier and whose ``@schemeID`` is a field of its own."""

    def rule(reading: Reading, element: etree._Element, values: Values) -> None:
        text = text_of(element)
        if text:
            reading.put(values, name, text, element)
            if code := (element.get("schemeID") or "").strip():
                reading.put(values, scheme, code, element)

    return rule, {name: "", scheme: "@schemeID"}


def number(name: str) -> Entry:
    """A child whose text is a number that somebody gave; fillers such as ``NA`` are none."""

    def rule(reading: Reading, element: etree._Element, values: Values) -> None:
        text = text_of(element)
        if text and text.upper() not in NO_NUMBERS:
            reading.put(values, name, text, element)

    return rule, {name: ""}


def reference(name: str) -> Entry:
    """A child that refers to another document by ``cbc:ID``."""
    return inside(table({"cbc:ID": number(name)}))


def line_reference(line: str, document: str, holder: str) -> Entry:
    """A reference of one line to a line of another document (``cbc:LineID``) and to that document."""
    return inside(table({"cbc:LineID": leaf(line), holder: reference(document)}))


def _classification(reading: Reading, element: etree._Element, values: Values) -> None:
    code = text_of(element)
    if code:
        made: Values = {"code": code, "list_id": (element.get("listID") or "").strip() or "ZZZ"}
        reading.owners[id(made)] = (element, None)
        values.setdefault("classifications", []).append(made)


PERIOD: Final = table({"cbc:StartDate": leaf("start", day), "cbc:EndDate": leaf("end", day)})

TAX: Final = table({"cbc:ID": leaf("category"), "cbc:Percent": leaf("rate", decimal)})

LOT: Final = table(
    {
        "cbc:SerialID": leaf("serial"),
        "cac:LotIdentification": inside(
            table({"cbc:LotNumberID": leaf("number"), "cbc:ExpiryDate": leaf("expiry", day)})
        ),
    }
)

ITEM: Final = table(
    {
        "cbc:Description": joined("description"),
        "cbc:Name": leaf("name"),
        "cac:BuyersItemIdentification": inside(table({"cbc:ID": leaf("buyer_number")})),
        "cac:SellersItemIdentification": inside(table({"cbc:ID": leaf("seller_number")})),
        "cac:StandardItemIdentification": inside(
            table({"cbc:ID": identifier("standard_number", "standard_scheme")})
        ),
        "cac:OriginCountry": inside(table({"cbc:IdentificationCode": leaf("origin_country")})),
        "cac:CommodityClassification": inside(
            table({"cbc:ItemClassificationCode": (_classification, {"classifications": ""})})
        ),
        "cac:ClassifiedTaxCategory": first(part(ITEM_TAX, TAX)),
        "cac:ItemInstance": many(ITEM_LOTS, LOT),
    }
)

ALLOWANCE: Final = table(
    {
        "cbc:ChargeIndicator": leaf("charge", boolean),
        "cbc:AllowanceChargeReasonCode": leaf("reason_code"),
        "cbc:AllowanceChargeReason": joined("reason"),
        "cbc:MultiplierFactorNumeric": leaf("percent", decimal),
        "cbc:Amount": leaf("amount", amount),
        "cbc:BaseAmount": leaf("base_amount", amount),
        "cac:TaxCategory": first(part("tax", TAX)),
    }
)

DELIVERY: Final = table(
    {
        "cbc:ActualDeliveryDate": leaf("date", day),
        "cac:RequestedDeliveryPeriod": part("requested", PERIOD),
        "cac:DeliveryParty": inside(
            table({"cac:PartyName": first(inside(table({"cbc:Name": leaf("party_name")})))})
        ),
        "cac:DeliveryLocation": inside(
            table(
                {
                    "cbc:ID": identifier("location_id", "location_scheme"),
                    "cac:Address": part("address", ADDRESS),
                }
            )
        ),
    }
)

TOTALS: Final = table(
    {
        "cbc:LineExtensionAmount": leaf("line_net", amount),
        "cbc:AllowanceTotalAmount": leaf("allowances", amount),
        "cbc:ChargeTotalAmount": leaf("charges", amount),
        "cbc:TaxExclusiveAmount": leaf("net", amount),
        "cbc:TaxInclusiveAmount": leaf("gross", amount),
        "cbc:PrepaidAmount": leaf("prepaid", amount),
        "cbc:PayableRoundingAmount": leaf("rounding", amount),
        "cbc:PayableAmount": leaf("payable", amount),
    }
)


def move(reading: Reading, values: Values, name: str, target: Values, new_name: str) -> None:
    """Move a value to where the model has it; where it came from stays known."""
    if name in values:
        source = reading.sources.get((id(values), name))
        target[new_name] = values.pop(name)
        if source is not None:
            reading.sources[id(target), new_name] = source


def finish_priced_line(reading: Reading, line: Values) -> None:
    """Bring an order's or invoice's line into its form: tax out of the item, a base quantity of 1 left out."""
    item: Any = line.get("item")
    if isinstance(item, dict):
        move(reading, item, ITEM_TAX, line, "tax")
        item.pop(ITEM_LOTS, None)
    if line.get("base_unit") == line.get("unit"):
        line.pop("base_unit", None)
    if "base_unit" not in line and _ONE.fullmatch(str(line.get("base_quantity", ""))):
        del line["base_quantity"]


def finish_moved_line(reading: Reading, line: Values) -> None:
    """Bring a despatch's or receipt's line into its form: lots out of the item, no tax."""
    item: Any = line.get("item")
    if isinstance(item, dict):
        item.pop(ITEM_TAX, None)
        move(reading, item, ITEM_LOTS, line, "lots")
        if not item:
            del line["item"]
