"""UBL Invoice and CreditNote, as EN 16931 binds them to its business terms."""

from __future__ import annotations

from typing import Final

from lxml import etree

from consortium.documents.ubl.fapiao import FAPIAO_CODE, additional_reference, finish_fapiao
from consortium.documents.ubl.parties import party, party_inside
from consortium.documents.ubl.parts import (
    ALLOWANCE,
    DELIVERY,
    ITEM,
    PERIOD,
    TOTALS,
    finish_priced_line,
    line_reference,
    move,
    reference,
)
from consortium.documents.ubl.tables import (
    Entry,
    Reading,
    Table,
    Values,
    amount,
    day,
    decimal,
    first,
    inside,
    joined,
    leaf,
    many,
    measured,
    part,
    table,
)
from consortium.documents.ubl.xml import cac, cbc, text_of

_TAX: Final = "_tax"
_PAYMENT_DUE: Final = "_payment_due"
_NOT_DEFINED: Final = "1"
"""UNCL 4461: "instrument not defined", which is written where UBL asks for a code and there is none."""

ACCOUNT: Final = table(
    {
        "cbc:ID": leaf("account_id"),
        "cbc:Name": leaf("name"),
        "cac:FinancialInstitutionBranch": inside(
            table(
                {
                    "cbc:ID": leaf("bank_id"),
                    "cac:FinancialInstitution": inside(table({"cbc:ID": first(leaf("bank_id"))})),
                }
            )
        ),
    }
)

PAYMENT_MEANS: Final = table(
    {
        "cbc:PaymentMeansCode": first(leaf("payment_means")),
        "cbc:PaymentDueDate": first(leaf(_PAYMENT_DUE, day)),
        "cbc:PaymentID": first(leaf("payment_reference")),
        "cac:PayeeFinancialAccount": many("payee_accounts", ACCOUNT),
    }
)

TAX_SUBTOTAL: Final = table(
    {
        "cbc:TaxableAmount": leaf("taxable_amount", amount),
        "cbc:TaxAmount": leaf("tax_amount", amount),
        "cbc:Percent": leaf("rate", decimal),
        "cac:TaxCategory": inside(
            table(
                {
                    "cbc:ID": leaf("category"),
                    "cbc:Percent": leaf("rate", decimal),
                    "cbc:TaxExemptionReasonCode": leaf("exemption_code"),
                    "cbc:TaxExemptionReason": joined("exemption_reason"),
                }
            )
        ),
    }
)

PRECEDING: Final = table({"cbc:ID": leaf("number"), "cbc:IssueDate": leaf("issue_date", day)})

PRICE: Final = table(
    {"cbc:PriceAmount": leaf("price", amount), "cbc:BaseQuantity": measured("base_quantity", "base_unit")}
)


def _tax_total(reading: Reading, element: etree._Element, values: Values) -> None:
    """BG-23, and BT-111: the total in the currency of the tax, when that is another one."""
    total = element.find(cbc("TaxAmount"))
    currency = "" if total is None else total.get("currencyID", "")
    if total is not None and currency != reading.currency and currency == values.get("tax_currency"):
        reading.put(values, "tax_in_tax_currency", decimal(reading, total, text_of(total)), total)
        return
    reading.read(element, _TAX_TOTAL, values)


_TAX_TOTAL: Final = table(
    {"cbc:TaxAmount": leaf(_TAX, amount), "cac:TaxSubtotal": many("taxes", TAX_SUBTOTAL)}
)


def _billing_reference(reading: Reading, element: etree._Element, values: Values) -> None:
    """BG-3; the 发票代码 of an older Chinese invoice stands next to it."""
    before = len(values.get("preceding_invoices", ()))
    reading.read(element, _PRECEDING, values)
    for added in values.get("preceding_invoices", [])[before:]:
        for number in element.iterfind(f"{cac('AdditionalDocumentReference')}/{cbc('ID')}"):
            if number.get("schemeID") == FAPIAO_CODE:
                reading.put(added, "fapiao_code", text_of(number), number)


_PRECEDING: Final = table({"cac:InvoiceDocumentReference": many("preceding_invoices", PRECEDING)})


def _line_table(quantity: str) -> Table:
    return table(
        {
            "cbc:ID": leaf("line_id"),
            "cbc:Note": joined("note"),
            quantity: measured("quantity", "unit"),
            "cbc:LineExtensionAmount": leaf("net_amount", amount),
            "cac:InvoicePeriod": part("period", PERIOD),
            "cac:OrderLineReference": line_reference("order_line", "order_number", "cac:OrderReference"),
            "cac:DespatchLineReference": line_reference(
                "despatch_line", "despatch_number", "cac:DocumentReference"
            ),
            "cac:ReceiptLineReference": line_reference(
                "receipt_line", "receipt_number", "cac:DocumentReference"
            ),
            "cac:AllowanceCharge": many("allowances", ALLOWANCE),
            "cac:Item": part("item", ITEM),
            "cac:Price": inside(PRICE),
        }
    )


def _common() -> dict[str, Entry]:
    return {
        "cbc:ID": leaf("number"),
        "cbc:IssueDate": leaf("issue_date", day),
        "cbc:DueDate": leaf("due_date", day),
        "cbc:Note": joined("note"),
        "cbc:TaxPointDate": leaf("tax_point_date", day),
        "cbc:DocumentCurrencyCode": leaf("currency"),
        "cbc:TaxCurrencyCode": leaf("tax_currency"),
        "cbc:AccountingCost": leaf("accounting_reference"),
        "cbc:BuyerReference": leaf("buyer_reference"),
        "cac:InvoicePeriod": part("period", PERIOD),
        "cac:OrderReference": _order_reference(),
        "cac:BillingReference": (_billing_reference, {"preceding_invoices": "cac:InvoiceDocumentReference"}),
        "cac:DespatchDocumentReference": reference("despatch_number"),
        "cac:ReceiptDocumentReference": reference("receipt_number"),
        "cac:ContractDocumentReference": reference("contract_number"),
        "cac:ProjectReference": reference("project_number"),
        "cac:AdditionalDocumentReference": (additional_reference, {"fapiao": ""}),
        "cac:AccountingSupplierParty": party_inside("seller"),
        "cac:AccountingCustomerParty": party_inside("buyer"),
        "cac:PayeeParty": party("payee"),
        "cac:TaxRepresentativeParty": party("tax_representative"),
        "cac:Delivery": part("delivery", DELIVERY),
        "cac:PaymentMeans": inside(PAYMENT_MEANS),
        "cac:PaymentTerms": inside(table({"cbc:Note": joined("payment_terms")})),
        "cac:AllowanceCharge": many("allowances", ALLOWANCE),
        "cac:TaxTotal": (_tax_total, {"taxes": "cac:TaxSubtotal"}),
        "cac:LegalMonetaryTotal": part("totals", TOTALS),
    }


def _order_reference() -> Entry:
    sales = table({"cbc:SalesOrderID": leaf("sales_order_number")})
    rule, fields = reference("order_number")

    def both(reading: Reading, element: etree._Element, values: Values) -> None:
        rule(reading, element, values)
        reading.read(element, sales, values)

    return both, {**fields, "sales_order_number": "cbc:SalesOrderID"}


INVOICE: Final = table(
    _common(),
    {
        "cbc:InvoiceTypeCode": leaf("type_code"),
        "cac:InvoiceLine": many("lines", _line_table("cbc:InvoicedQuantity"), finish_priced_line),
    },
)

CREDIT_NOTE: Final = table(
    _common(),
    {
        "cbc:CreditNoteTypeCode": leaf("type_code"),
        "cac:CreditNoteLine": many("lines", _line_table("cbc:CreditedQuantity"), finish_priced_line),
    },
)


def finish_billing(reading: Reading, values: Values) -> None:
    """Bring an invoice or credit note into its form once all of it is read."""
    totals = values.get("totals")
    if isinstance(totals, dict):
        move(reading, values, _TAX, totals, "tax")
    else:
        values.pop(_TAX, None)
    if "due_date" not in values:
        move(reading, values, _PAYMENT_DUE, values, "due_date")
    values.pop(_PAYMENT_DUE, None)
    if values.get("payment_means") == _NOT_DEFINED:
        del values["payment_means"]
    if values.get("tax_currency") == values.get("currency"):
        values.pop("tax_currency", None)
    finish_fapiao(reading, values)
