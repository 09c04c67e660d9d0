"""Writes canonical documents as UBL 2.1, in the order that the UBL schemas ask for.

For demos, benches and tests: what :func:`to_ubl` writes, ``consortium.documents.ubl.read_ubl`` reads back into the same
canonical document. A warehouse receipt has no UBL form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from chanrong.demo.ubl_parts import Writer
from consortium.documents import (
    Clarification,
    CreditNote,
    DebtorConfirmation,
    DespatchAdvice,
    DespatchLine,
    Document,
    GoodsReceipt,
    Invoice,
    InvoiceBase,
    InvoiceLine,
    OrderLine,
    PurchaseOrder,
    ReceiptLine,
    Shipment,
)
from consortium.documents.ubl.fapiao import FAPIAO, FAPIAO_CHECK, FAPIAO_CODE
from consortium.documents.ubl.response import CONFIRMED_AMOUNT, CURRENCY, DUE_DATE, SCHEME, SET_OFF_WAIVED

_BILLING = (
    "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0",
    "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0",
)
_ORDER = ("urn:fdc:peppol.eu:poacc:trns:order:3", "urn:fdc:peppol.eu:poacc:bis:ordering:3")
_DESPATCH = (
    "urn:fdc:peppol.eu:poacc:trns:despatch_advice:3",
    "urn:fdc:peppol.eu:poacc:bis:despatch_advice:3",
)
_RECEIPT = (
    "urn:fdc:peppol.eu:logistics:trns:receipt_advice:1",
    "urn:fdc:peppol.eu:logistics:bis:despatch_advice_w_receipt_advice:1",
)
_RESPONSE = (
    "urn:fdc:peppol.eu:poacc:trns:invoice_response:3",
    "urn:fdc:peppol.eu:poacc:bis:invoice_response:3",
)


def to_ubl(document: Document) -> bytes:
    """A document as UBL 2.1 XML.

    :raises ValueError: the kind has no UBL form
    """
    write = _WRITERS.get(document.kind)
    if write is None:
        raise ValueError(f"a {document.kind} has no UBL form")
    return write(document)


def _head(root: str, profile: tuple[str, str], currency: str = "") -> Writer:
    writer = Writer(root, currency)
    writer.leaf("UBLVersionID", "2.1")
    writer.leaf("CustomizationID", profile[0])
    writer.leaf("ProfileID", profile[1])
    return writer


def _invoice(document: Document) -> bytes:
    assert isinstance(document, Invoice)
    writer = _head("Invoice", _BILLING, document.currency)
    writer.leaf("ID", document.number)
    writer.leaf("IssueDate", document.issue_date)
    writer.leaf("DueDate", document.due_date)
    writer.leaf("InvoiceTypeCode", document.type_code)
    writer.leaf("Note", document.note)
    writer.leaf("TaxPointDate", document.tax_point_date)
    _billing_references(writer, document)
    _fapiao(writer, document)
    writer.reference("ProjectReference", document.project_number)
    _billing_body(writer, document)
    for line in document.lines:
        _billing_line(writer, line, "InvoiceLine", "InvoicedQuantity")
    return writer.bytes()


def _credit_note(document: Document) -> bytes:
    assert isinstance(document, CreditNote)
    writer = _head("CreditNote", _BILLING, document.currency)
    writer.leaf("ID", document.number)
    writer.leaf("IssueDate", document.issue_date)
    writer.leaf("TaxPointDate", document.tax_point_date)
    writer.leaf("CreditNoteTypeCode", document.type_code)
    writer.leaf("Note", document.note)
    _billing_references(writer, document)
    _fapiao(writer, document)
    _billing_body(writer, document)
    for line in document.lines:
        _billing_line(writer, line, "CreditNoteLine", "CreditedQuantity")
    return writer.bytes()


def _billing_references(writer: Writer, document: InvoiceBase) -> None:
    writer.leaf("DocumentCurrencyCode", document.currency)
    writer.leaf("TaxCurrencyCode", document.tax_currency)
    writer.leaf("AccountingCost", document.accounting_reference)
    writer.leaf("BuyerReference", document.buyer_reference)
    writer.period("InvoicePeriod", document.period)
    if document.order_number or document.sales_order_number:
        with writer.inside("OrderReference"):
            writer.leaf("ID", document.order_number or "NA")
            writer.leaf("SalesOrderID", document.sales_order_number)
    for preceding in document.preceding_invoices:
        with writer.inside("BillingReference"):
            with writer.inside("InvoiceDocumentReference"):
                writer.leaf("ID", preceding.number)
                writer.leaf("IssueDate", preceding.issue_date)
            if preceding.fapiao_code is not None:
                with writer.inside("AdditionalDocumentReference"):
                    writer.leaf("ID", preceding.fapiao_code, schemeID=FAPIAO_CODE)
    writer.reference("DespatchDocumentReference", document.despatch_number)
    writer.reference("ReceiptDocumentReference", document.receipt_number)
    writer.reference("ContractDocumentReference", document.contract_number)


def _fapiao(writer: Writer, document: InvoiceBase) -> None:
    for each in document.fapiao:
        if each.code is not None and each.number == document.number:
            rows = [(FAPIAO_CODE, each.code)]
        else:
            rows = [(FAPIAO, f"{each.code}-{each.number}" if each.code else each.number)]
        if each.check_code is not None:
            rows.append((FAPIAO_CHECK, each.check_code))
        for scheme, value in rows:
            with writer.inside("AdditionalDocumentReference"):
                writer.leaf("ID", value, schemeID=scheme)
                writer.leaf("DocumentTypeCode", each.fapiao_kind)


def _billing_body(writer: Writer, document: InvoiceBase) -> None:
    with writer.inside("AccountingSupplierParty"):
        writer.party("Party", document.seller)
    with writer.inside("AccountingCustomerParty"):
        writer.party("Party", document.buyer)
    if document.payee is not None:
        writer.party("PayeeParty", document.payee)
    if document.tax_representative is not None:
        writer.party("TaxRepresentativeParty", document.tax_representative)
    writer.delivery("Delivery", document.delivery)
    _payment(writer, document)
    writer.note_in("PaymentTerms", document.payment_terms)
    writer.allowances(document.allowances)
    if document.totals.tax is not None or document.taxes:
        with writer.inside("TaxTotal"):
            writer.amount("TaxAmount", document.totals.tax)
            for subtotal in document.taxes:
                writer.subtotal(subtotal)
    if document.tax_in_tax_currency is not None and document.tax_currency is not None:
        with writer.inside("TaxTotal"):
            writer.leaf("TaxAmount", document.tax_in_tax_currency, currencyID=document.tax_currency)
    writer.totals("LegalMonetaryTotal", document.totals)


def _payment(writer: Writer, document: InvoiceBase) -> None:
    accounts = document.payee_accounts or (None,)
    due = document.due_date if document.kind == "credit_note" else None
    if not (document.payee_accounts or document.payment_means or document.payment_reference or due):
        return
    for account in accounts:
        with writer.inside("PaymentMeans"):
            writer.leaf("PaymentMeansCode", document.payment_means or "1")
            writer.leaf("PaymentDueDate", due)
            writer.leaf("PaymentID", document.payment_reference)
            if account is not None:
                with writer.inside("PayeeFinancialAccount"):
                    writer.leaf("ID", account.account_id)
                    writer.leaf("Name", account.name)
                    writer.reference("FinancialInstitutionBranch", account.bank_id)


def _billing_line(writer: Writer, line: InvoiceLine, name: str, quantity: str) -> None:
    with writer.inside(name):
        writer.leaf("ID", line.line_id)
        writer.leaf("Note", line.note)
        writer.leaf(quantity, line.quantity, unitCode=line.unit)
        writer.amount("LineExtensionAmount", line.net_amount)
        writer.period("InvoicePeriod", line.period)
        writer.line_reference("OrderLineReference", line.order_line, "OrderReference", line.order_number)
        writer.line_reference(
            "DespatchLineReference", line.despatch_line, "DocumentReference", line.despatch_number
        )
        writer.line_reference(
            "ReceiptLineReference", line.receipt_line, "DocumentReference", line.receipt_number
        )
        writer.allowances(line.allowances)
        writer.item(line.item, line.tax)
        writer.price(line.price, line.base_quantity, line.base_unit or line.unit)


def _order(document: Document) -> bytes:
    assert isinstance(document, PurchaseOrder)
    writer = _head("Order", _ORDER, document.currency)
    writer.leaf("ID", document.number)
    writer.leaf("SalesOrderID", document.sales_order_number)
    writer.leaf("IssueDate", document.issue_date)
    writer.leaf("OrderTypeCode", document.order_type)
    writer.leaf("Note", document.note)
    writer.leaf("DocumentCurrencyCode", document.currency)
    writer.leaf("CustomerReference", document.buyer_reference)
    writer.leaf("AccountingCost", document.accounting_reference)
    if document.validity_end is not None:
        with writer.inside("ValidityPeriod"):
            writer.leaf("EndDate", document.validity_end)
    writer.reference("QuotationDocumentReference", document.quotation_number)
    writer.reference("Contract", document.contract_number)
    with writer.inside("BuyerCustomerParty"):
        writer.party("Party", document.buyer)
    with writer.inside("SellerSupplierParty"):
        writer.party("Party", document.seller)
    writer.delivery("Delivery", document.delivery)
    writer.note_in("PaymentTerms", document.payment_terms)
    writer.allowances(document.allowances)
    if document.totals is not None:
        if document.totals.tax is not None:
            with writer.inside("TaxTotal"):
                writer.amount("TaxAmount", document.totals.tax)
        writer.totals("AnticipatedMonetaryTotal", document.totals)
    for line in document.lines:
        _order_line(writer, line)
    return writer.bytes()


def _order_line(writer: Writer, line: OrderLine) -> None:
    with writer.inside("OrderLine"):
        writer.leaf("Note", line.note)
        with writer.inside("LineItem"):
            writer.leaf("ID", line.line_id)
            writer.leaf("Quantity", line.quantity, unitCode=line.unit)
            writer.amount("LineExtensionAmount", line.net_amount)
            if line.requested is not None:
                with writer.inside("Delivery"):
                    writer.period("RequestedDeliveryPeriod", line.requested)
            writer.allowances(line.allowances)
            writer.price(line.price, line.base_quantity, line.base_unit or line.unit)
            writer.item(line.item, line.tax)


def _despatch(document: Document) -> bytes:
    assert isinstance(document, DespatchAdvice)
    writer = _head("DespatchAdvice", _DESPATCH)
    writer.leaf("ID", document.number)
    writer.leaf("IssueDate", document.issue_date)
    writer.leaf("DespatchAdviceTypeCode", document.despatch_type)
    writer.leaf("Note", document.note)
    writer.reference("OrderReference", document.order_number)
    with writer.inside("DespatchSupplierParty"):
        writer.party("Party", document.despatch_party or document.seller)
    with writer.inside("DeliveryCustomerParty"):
        writer.party("Party", document.delivery_party or document.buyer)
    with writer.inside("BuyerCustomerParty"):
        writer.party("Party", document.buyer)
    with writer.inside("SellerSupplierParty"):
        writer.party("Party", document.seller)
    if document.shipment is not None or document.delivery is not None:
        _shipment(writer, document.shipment or Shipment(), document)
    for line in document.lines:
        _despatch_line(writer, line, document)
    return writer.bytes()


def _despatch_line(writer: Writer, line: DespatchLine, document: DespatchAdvice) -> None:
    with writer.inside("DespatchLine"):
        writer.leaf("ID", line.line_id)
        writer.leaf("Note", line.note)
        writer.leaf("DeliveredQuantity", line.delivered, unitCode=line.unit)
        writer.leaf("OutstandingQuantity", line.outstanding, unitCode=line.unit)
        writer.leaf("OutstandingReason", line.outstanding_reason)
        order = line.order_number or (document.order_number if line.order_line is None else None)
        writer.line_reference("OrderLineReference", line.order_line or "NA", "OrderReference", order)
        writer.item(line.item, None, line.lots)


def _shipment(writer: Writer, shipment: Shipment, document: DespatchAdvice | GoodsReceipt) -> None:
    delivery = document.delivery if isinstance(document, DespatchAdvice) else None
    with writer.inside("Shipment"):
        writer.leaf("ID", shipment.number or "NA")
        if shipment.consignment is not None or shipment.carrier is not None:
            with writer.inside("Consignment"):
                writer.leaf("ID", shipment.consignment or "NA")
                if shipment.carrier is not None:
                    with writer.inside("CarrierParty", "PartyName"):
                        writer.leaf("Name", shipment.carrier)
        if shipment.vehicle is not None:
            with writer.inside("ShipmentStage", "TransportMeans", "RoadTransport"):
                writer.leaf("LicensePlateID", shipment.vehicle)
        travel = (shipment.delivery_date, shipment.tracking, shipment.expected, shipment.despatch_date)
        if delivery is not None or any(each is not None for each in travel):
            with writer.inside("Delivery"):
                writer.leaf("ActualDeliveryDate", shipment.delivery_date)
                writer.leaf("TrackingID", shipment.tracking)
                if delivery is not None:
                    writer.place(delivery)
                    writer.period("RequestedDeliveryPeriod", delivery.requested)
                writer.period("EstimatedDeliveryPeriod", shipment.expected)
                if delivery is not None and delivery.party_name is not None:
                    with writer.inside("DeliveryParty", "PartyName"):
                        writer.leaf("Name", delivery.party_name)
                if shipment.despatch_date is not None:
                    with writer.inside("Despatch"):
                        writer.leaf("ActualDespatchDate", shipment.despatch_date)


def _receipt(document: Document) -> bytes:
    assert isinstance(document, GoodsReceipt)
    writer = _head("ReceiptAdvice", _RECEIPT)
    writer.leaf("ID", document.number)
    writer.leaf("IssueDate", document.issue_date)
    writer.leaf("DocumentStatusCode", document.status_code)
    writer.leaf("ReceiptAdviceTypeCode", document.receipt_type)
    writer.leaf("Note", document.note)
    writer.reference("OrderReference", document.order_number)
    if document.despatch_number or document.despatch_status or document.status_reason:
        with writer.inside("DespatchDocumentReference"):
            writer.leaf("ID", document.despatch_number or "NA")
            writer.leaf("DocumentStatusCode", document.despatch_status)
            writer.leaf("DocumentDescription", document.status_reason)
    with writer.inside("DeliveryCustomerParty"):
        writer.party("Party", document.delivery_party or document.buyer)
    with writer.inside("DespatchSupplierParty"):
        writer.party("Party", document.despatch_party or document.seller)
    with writer.inside("BuyerCustomerParty"):
        writer.party("Party", document.buyer)
    with writer.inside("SellerSupplierParty"):
        writer.party("Party", document.seller)
    if document.shipment is not None:
        _shipment(writer, document.shipment, document)
    for line in document.lines:
        _receipt_line(writer, line)
    return writer.bytes()


def _receipt_line(writer: Writer, line: ReceiptLine) -> None:
    with writer.inside("ReceiptLine"):
        writer.leaf("ID", line.line_id)
        writer.leaf("Note", line.note)
        writer.leaf("ReceivedQuantity", line.received, unitCode=line.unit)
        writer.leaf("ShortQuantity", line.short, unitCode=line.unit)
        writer.leaf("RejectedQuantity", line.rejected, unitCode=line.unit)
        writer.leaf("RejectReason", line.reject_reason)
        writer.leaf("OversupplyQuantity", line.oversupply, unitCode=line.unit)
        writer.leaf("ReceivedDate", line.received_date)
        writer.line_reference("OrderLineReference", line.order_line, "OrderReference", line.order_number)
        writer.line_reference(
            "DespatchLineReference", line.despatch_line, "DocumentReference", line.despatch_number
        )
        writer.item(line.item, None, line.lots)


def _response(document: Document) -> bytes:
    assert isinstance(document, DebtorConfirmation)
    writer = _head("ApplicationResponse", _RESPONSE)
    writer.leaf("ID", document.number)
    writer.leaf("IssueDate", document.issue_date)
    writer.leaf("Note", document.note)
    writer.party("SenderParty", document.buyer)
    writer.party("ReceiverParty", document.seller)
    with writer.inside("DocumentResponse"):
        with writer.inside("Response"):
            writer.leaf("ResponseCode", document.response_code)
            writer.leaf("EffectiveDate", document.effective_date)
            for each in document.clarifications:
                _clarification(writer, each)
            _own_conditions(writer, document)
        with writer.inside("DocumentReference"):
            writer.leaf("ID", document.invoice_number)
            writer.leaf("IssueDate", document.invoice_date)
            writer.leaf("DocumentTypeCode", document.invoice_type)
    return writer.bytes()


def _clarification(writer: Writer, clarification: Clarification) -> None:
    with writer.inside("Status"):
        writer.leaf("StatusReasonCode", clarification.code, listID=clarification.list_id)
        writer.leaf("StatusReason", clarification.text)
        if clarification.attribute is not None:
            with writer.inside("Condition"):
                writer.leaf("AttributeID", clarification.attribute)
                writer.leaf("Description", clarification.value)


def _own_conditions(writer: Writer, document: DebtorConfirmation) -> None:
    waived = document.set_off_waived
    values = {
        CONFIRMED_AMOUNT: document.confirmed_amount,
        CURRENCY: document.currency,
        DUE_DATE: document.due_date,
        SET_OFF_WAIVED: None if waived is None else str(waived).lower(),
        FAPIAO_CODE: document.fapiao_code,
    }
    for name, value in values.items():
        if value is not None:
            with writer.inside("Status", "Condition"):
                writer.leaf("AttributeID", name, schemeID=SCHEME)
                writer.leaf("Description", value)


_WRITERS: Final[Mapping[str, Callable[[Document], bytes]]] = {
    "purchase_order": _order,
    "despatch_advice": _despatch,
    "goods_receipt": _receipt,
    "invoice": _invoice,
    "credit_note": _credit_note,
    "debtor_confirmation": _response,
}
