"""UBL DespatchAdvice and ReceiptAdvice."""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from consortium.documents.ubl.parties import party_inside
from consortium.documents.ubl.parts import (
    DELIVERY,
    ITEM,
    PERIOD,
    finish_moved_line,
    line_reference,
    move,
    number,
    reference,
)
from consortium.documents.ubl.tables import (
    Entry,
    Reading,
    Values,
    day,
    first,
    inside,
    joined,
    leaf,
    many,
    measured,
    part,
    table,
)

_SELLER: Final = "_seller"
_BUYER: Final = "_buyer"
_DELIVERY: Final = "_delivery"
_CONDITION: Final = "_condition"
_REASON: Final = "_reason"

_TRAVEL: Final = table(
    {
        "cbc:TrackingID": leaf("tracking"),
        "cbc:ActualDeliveryDate": leaf("delivery_date", day),
        "cac:EstimatedDeliveryPeriod": part("expected", PERIOD),
        "cac:Despatch": inside(table({"cbc:ActualDespatchDate": leaf("despatch_date", day)})),
    }
)


def _travel(reading: Reading, element: etree._Element, values: Values) -> None:
    """``cac:Shipment/cac:Delivery`` says both when the goods travel and where they go."""
    reading.read(element, _TRAVEL, values)
    place = reading.read(element, DELIVERY)
    place.pop("date", None)
    if place:
        values.setdefault(_DELIVERY, place)


SHIPMENT: Final = table(
    {
        "cbc:ID": number("number"),
        "cac:Consignment": first(
            inside(
                table(
                    {
                        "cbc:ID": number("consignment"),
                        "cac:CarrierParty": inside(
                            table({"cac:PartyName": first(inside(table({"cbc:Name": leaf("carrier")})))})
                        ),
                        "cac:Status": first(
                            inside(
                                table(
                                    {
                                        "cbc:ConditionCode": leaf(_CONDITION),
                                        "cbc:StatusReason": joined(_REASON),
                                    }
                                )
                            )
                        ),
                    }
                )
            )
        ),
        "cac:ShipmentStage": inside(
            table(
                {
                    "cac:TransportMeans": inside(
                        table(
                            {
                                "cac:RoadTransport": inside(table({"cbc:LicensePlateID": leaf("vehicle")})),
                                "cac:MaritimeTransport": inside(table({"cbc:VesselName": leaf("vehicle")})),
                            }
                        )
                    )
                }
            )
        ),
        "cac:Delivery": (_travel, {"delivery_date": "cbc:ActualDeliveryDate"}),
    }
)

_ITEM_LINE: Final[dict[str, Entry]] = {
    "cbc:ID": leaf("line_id"),
    "cbc:Note": joined("note"),
    "cac:OrderLineReference": line_reference("order_line", "order_number", "cac:OrderReference"),
    "cac:Item": part("item", ITEM),
}

_DESPATCH_LINE: Final = table(
    _ITEM_LINE,
    {
        "cbc:DeliveredQuantity": measured("delivered", "unit"),
        "cbc:OutstandingQuantity": measured("outstanding", "unit"),
        "cbc:OutstandingReason": joined("outstanding_reason"),
    },
)

_RECEIPT_LINE: Final = table(
    _ITEM_LINE,
    {
        "cbc:ReceivedQuantity": measured("received", "unit"),
        "cbc:ShortQuantity": measured("short", "unit"),
        "cbc:RejectedQuantity": measured("rejected", "unit"),
        "cbc:RejectReasonCode": first(leaf("reject_reason")),
        "cbc:RejectReason": joined("_reject_text"),
        "cbc:OversupplyQuantity": measured("oversupply", "unit"),
        "cbc:ReceivedDate": leaf("received_date", day),
        "cac:DespatchLineReference": line_reference(
            "despatch_line", "despatch_number", "cac:DocumentReference"
        ),
    },
)


def _finish_receipt_line(reading: Reading, line: Values) -> None:
    finish_moved_line(reading, line)
    move(reading, line, "_reject_text", line, "reject_reason")


def _common() -> dict[str, Entry]:
    return {
        "cbc:ID": leaf("number"),
        "cbc:IssueDate": leaf("issue_date", day),
        "cbc:Note": joined("note"),
        "cac:OrderReference": reference("order_number"),
        "cac:BuyerCustomerParty": party_inside(_BUYER),
        "cac:SellerSupplierParty": party_inside(_SELLER),
        "cac:DespatchSupplierParty": party_inside("despatch_party"),
        "cac:DeliveryCustomerParty": party_inside("delivery_party"),
        "cac:Shipment": first(part("shipment", SHIPMENT)),
    }


DESPATCH_ADVICE: Final = table(
    _common(),
    {
        "cbc:DespatchAdviceTypeCode": leaf("despatch_type"),
        "cac:DespatchLine": many("lines", _DESPATCH_LINE, finish_moved_line),
    },
)

RECEIPT_ADVICE: Final = table(
    _common(),
    {
        "cbc:DocumentStatusCode": leaf("status_code"),
        "cbc:ReceiptAdviceTypeCode": leaf("receipt_type"),
        "cac:DespatchDocumentReference": inside(
            table(
                {
                    "cbc:ID": leaf("despatch_number"),
                    "cbc:DocumentStatusCode": leaf("despatch_status"),
                    "cbc:DocumentDescription": joined("status_reason"),
                }
            )
        ),
        "cac:ReceiptLine": many("lines", _RECEIPT_LINE, _finish_receipt_line),
    },
)


def _finish_parties(reading: Reading, values: Values) -> None:
    """Seller and buyer are the commercial parties; who sends and receives stands in for them where they are
    not named."""
    for commercial, acting, name in (
        (_SELLER, "despatch_party", "seller"),
        (_BUYER, "delivery_party", "buyer"),
    ):
        if commercial not in values:
            move(reading, values, acting, values, name)
            continue
        move(reading, values, commercial, values, name)
        if values.get(acting) == values[name]:
            del values[acting]


def _finish_shipment(reading: Reading, values: Values) -> tuple[Any, Any]:
    """Take out of the shipment what belongs elsewhere; gives the receiver's status and its reason."""
    shipment = values.get("shipment")
    if not isinstance(shipment, dict):
        return None, None
    move(reading, shipment, _DELIVERY, values, "delivery")
    status, reason = shipment.pop(_CONDITION, None), shipment.pop(_REASON, None)
    if not shipment:
        del values["shipment"]
    return status, reason


def finish_despatch(reading: Reading, values: Values) -> None:
    """Bring a despatch advice into its form once all of it is read."""
    _finish_parties(reading, values)
    _finish_shipment(reading, values)


def finish_receipt(reading: Reading, values: Values) -> None:
    """Bring a goods receipt into its form once all of it is read."""
    _finish_parties(reading, values)
    status, reason = _finish_shipment(reading, values)
    values.pop("delivery", None)  # a receipt is where the goods are
    if status is not None:
        values.setdefault("despatch_status", status)
    if reason is not None:
        values.setdefault("status_reason", reason)
