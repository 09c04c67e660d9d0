"""UBL Order."""

from __future__ import annotations

from typing import Final

from consortium.documents.ubl.parties import party_inside
from consortium.documents.ubl.parts import (
    ALLOWANCE,
    DELIVERY,
    ITEM,
    PERIOD,
    TOTALS,
    finish_priced_line,
    move,
    reference,
)
from consortium.documents.ubl.tables import (
    Reading,
    Values,
    amount,
    day,
    inside,
    joined,
    leaf,
    many,
    measured,
    part,
    table,
)

_TAX: Final = "_tax"

LINE_ITEM: Final = table(
    {
        "cbc:ID": leaf("line_id"),
        "cbc:Note": joined("note"),
        "cbc:Quantity": measured("quantity", "unit"),
        "cbc:LineExtensionAmount": leaf("net_amount", amount),
        "cac:Delivery": inside(table({"cac:RequestedDeliveryPeriod": part("requested", PERIOD)})),
        "cac:AllowanceCharge": many("allowances", ALLOWANCE),
        "cac:Price": inside(
            table(
                {
                    "cbc:PriceAmount": leaf("price", amount),
                    "cbc:BaseQuantity": measured("base_quantity", "base_unit"),
                }
            )
        ),
        "cac:Item": part("item", ITEM),
    }
)

ORDER: Final = table(
    {
        "cbc:ID": leaf("number"),
        "cbc:SalesOrderID": leaf("sales_order_number"),
        "cbc:IssueDate": leaf("issue_date", day),
        "cbc:OrderTypeCode": leaf("order_type"),
        "cbc:Note": joined("note"),
        "cbc:DocumentCurrencyCode": leaf("currency"),
        "cbc:CustomerReference": leaf("buyer_reference"),
        "cbc:AccountingCost": leaf("accounting_reference"),
        "cac:ValidityPeriod": inside(table({"cbc:EndDate": leaf("validity_end", day)})),
        "cac:QuotationDocumentReference": reference("quotation_number"),
        "cac:Contract": reference("contract_number"),
        "cac:BuyerCustomerParty": party_inside("buyer"),
        "cac:SellerSupplierParty": party_inside("seller"),
        "cac:Delivery": part("delivery", DELIVERY),
        "cac:PaymentTerms": inside(table({"cbc:Note": joined("payment_terms")})),
        "cac:AllowanceCharge": many("allowances", ALLOWANCE),
        "cac:TaxTotal": inside(table({"cbc:TaxAmount": leaf(_TAX, amount)})),
        "cac:AnticipatedMonetaryTotal": part("totals", TOTALS),
        "cac:OrderLine": many(
            "lines",
            table({"cbc:Note": joined("note"), "cac:LineItem": inside(LINE_ITEM)}),
            finish_priced_line,
        ),
    }
)


def finish_order(reading: Reading, values: Values) -> None:
    """Bring an order into its form once all of it is read."""
    totals = values.get("totals")
    if isinstance(totals, dict):
        move(reading, values, _TAX, totals, "tax")
    else:
        values.pop(_TAX, None)
