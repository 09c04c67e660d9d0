"""Writes the parts that UBL documents share: parties, items, amounts, references."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Final

from lxml import etree

from consortium.documents import (
    Address,
    AllowanceCharge,
    Delivery,
    Item,
    Lot,
    OrderTotals,
    Party,
    PartyId,
    Period,
    Tax,
    TaxSubtotal,
    Totals,
)
from consortium.documents.money import decimal_text
from consortium.documents.ubl.xml import CAC, CBC, UBL, cac, cbc

Value = str | Decimal | date | None

_SCHEMES: Final = {"gln": "0088", "duns": "0060", "lei": "0199", "uscc": "USCC"}


class Writer:
    """Builds one UBL document; elements are written where :meth:`inside` stands."""

    def __init__(self, root: str, currency: str = "") -> None:
        namespace = f"{UBL}{root}-2"
        names = {None: namespace, "cac": CAC, "cbc": CBC}
        # lxml takes None as the default namespace's prefix; its stubs do not know.
        self.root = etree.Element(f"{{{namespace}}}{root}", nsmap=names)  # type: ignore[arg-type]
        self.currency = currency
        self._at = self.root

    def bytes(self) -> bytes:
        """The document."""
        return etree.tostring(self.root, xml_declaration=True, encoding="UTF-8")

    @contextmanager
    def inside(self, *names: str) -> Iterator[None]:
        """Write into new aggregates, one in the other."""
        outer = self._at
        for name in names:
            self._at = etree.SubElement(self._at, cac(name))
        yield
        self._at = outer

    def leaf(self, name: str, value: Value, **attributes: str | None) -> None:
        """A basic component; nothing where there is no value."""
        if value is None:
            return
        element = etree.SubElement(
            self._at, cbc(name), {key: each for key, each in attributes.items() if each}
        )
        if isinstance(value, Decimal):
            element.text = decimal_text(value)
        else:
            element.text = value.isoformat() if isinstance(value, date) else value

    def amount(self, name: str, value: Decimal | None) -> None:
        """An amount in the document's currency."""
        self.leaf(name, value, currencyID=self.currency)

    def reference(self, name: str, number: str | None) -> None:
        """Something that is named by its ``cbc:ID``."""
        if number is not None:
            with self.inside(name):
                self.leaf("ID", number)

    def note_in(self, name: str, text: str | None) -> None:
        """Something that holds a note."""
        if text is not None:
            with self.inside(name):
                self.leaf("Note", text)

    def period(self, name: str, period: Period | None) -> None:
        """A period."""
        if period is not None:
            with self.inside(name):
                self.leaf("StartDate", period.start)
                self.leaf("EndDate", period.end)

    def line_reference(self, name: str, line: str | None, holder: str, number: str | None) -> None:
        """A reference to a line of another document, and to that document."""
        if line is not None or number is not None:
            with self.inside(name):
                self.leaf("LineID", line or "NA")
                self.reference(holder, number)

    def party(self, name: str, party: Party) -> None:
        """A party with its identifiers where UBL has them."""
        country = (party.address.country or "").lower() if party.address else ""
        legal = [each for each in party.identifiers if _is_legal(each, country)]
        taxes = [each for each in party.identifiers if each.scheme == "vat" or each.scheme.startswith("tax-")]
        endpoints = [
            each for each in party.identifiers if each.scheme == "em" or each.scheme.startswith("endpoint-")
        ]
        rest = [each for each in party.identifiers if each not in (*legal, *taxes, *endpoints)]
        with self.inside(name):
            for each in endpoints[:1]:
                scheme = each.scheme.removeprefix("endpoint-")
                self.leaf("EndpointID", each.value, schemeID=_SCHEMES.get(scheme, scheme.upper()))
            for each in rest:
                scheme = "" if each.scheme == "local" else _SCHEMES.get(each.scheme, each.scheme)
                with self.inside("PartyIdentification"):
                    self.leaf("ID", each.value, schemeID=scheme)
            self.reference_name("PartyName", party.trading_name)
            self.address("PostalAddress", party.address)
            for each in taxes:
                with self.inside("PartyTaxScheme"):
                    self.leaf("CompanyID", each.value)
                    self.reference("TaxScheme", "VAT" if each.scheme == "vat" else "TAX")
            if party.name is not None or legal:
                with self.inside("PartyLegalEntity"):
                    self.leaf("RegistrationName", party.name)
                    for each in legal[:1]:
                        self.leaf("CompanyID", each.value, schemeID=_SCHEMES.get(each.scheme))

    def reference_name(self, name: str, text: str | None) -> None:
        """Something that is named by its ``cbc:Name``."""
        if text is not None:
            with self.inside(name):
                self.leaf("Name", text)

    def address(self, name: str, address: Address | None) -> None:
        """A postal address."""
        if address is None:
            return
        with self.inside(name):
            self.leaf("StreetName", address.street)
            self.leaf("AdditionalStreetName", address.additional)
            self.leaf("CityName", address.city)
            self.leaf("PostalZone", address.postal_code)
            self.leaf("CountrySubentity", address.subdivision)
            if address.line is not None:
                with self.inside("AddressLine"):
                    self.leaf("Line", address.line)
            if address.country is not None:
                with self.inside("Country"):
                    self.leaf("IdentificationCode", address.country)

    def place(self, delivery: Delivery) -> None:
        """Where goods go."""
        if delivery.location_id is not None or delivery.address is not None:
            with self.inside("DeliveryLocation"):
                self.leaf("ID", delivery.location_id, schemeID=delivery.location_scheme)
                self.address("Address", delivery.address)

    def delivery(self, name: str, delivery: Delivery | None) -> None:
        """Where and when goods are delivered."""
        if delivery is None:
            return
        with self.inside(name):
            self.leaf("ActualDeliveryDate", delivery.date)
            self.place(delivery)
            self.period("RequestedDeliveryPeriod", delivery.requested)
            if delivery.party_name is not None:
                with self.inside("DeliveryParty"):
                    self.reference_name("PartyName", delivery.party_name)

    def tax(self, name: str, tax: Tax | None) -> None:
        """A tax category."""
        if tax is not None:
            with self.inside(name):
                self.leaf("ID", tax.category)
                self.leaf("Percent", tax.rate)
                self.reference("TaxScheme", "VAT")

    def subtotal(self, subtotal: TaxSubtotal) -> None:
        """Tax by category and rate."""
        with self.inside("TaxSubtotal"):
            self.amount("TaxableAmount", subtotal.taxable_amount)
            self.amount("TaxAmount", subtotal.tax_amount)
            with self.inside("TaxCategory"):
                self.leaf("ID", subtotal.category)
                self.leaf("Percent", subtotal.rate)
                self.leaf("TaxExemptionReasonCode", subtotal.exemption_code)
                self.leaf("TaxExemptionReason", subtotal.exemption_reason)
                self.reference("TaxScheme", "VAT")

    def allowances(self, allowances: Sequence[AllowanceCharge]) -> None:
        """Allowances and charges."""
        for each in allowances:
            with self.inside("AllowanceCharge"):
                self.leaf("ChargeIndicator", str(each.charge).lower())
                self.leaf("AllowanceChargeReasonCode", each.reason_code)
                self.leaf("AllowanceChargeReason", each.reason)
                self.leaf("MultiplierFactorNumeric", each.percent)
                self.amount("Amount", each.amount)
                self.amount("BaseAmount", each.base_amount)
                self.tax("TaxCategory", each.tax)

    def totals(self, name: str, totals: Totals | OrderTotals) -> None:
        """Document totals."""
        with self.inside(name):
            self.amount("LineExtensionAmount", totals.line_net)
            self.amount("TaxExclusiveAmount", totals.net)
            self.amount("TaxInclusiveAmount", totals.gross)
            self.amount("AllowanceTotalAmount", totals.allowances)
            self.amount("ChargeTotalAmount", totals.charges)
            self.amount("PrepaidAmount", totals.prepaid)
            self.amount("PayableRoundingAmount", totals.rounding)
            self.amount("PayableAmount", totals.payable)

    def item(self, item: Item | None, tax: Tax | None, lots: Sequence[Lot] = ()) -> None:
        """What is traded."""
        if item is None and not lots:
            return
        with self.inside("Item"):
            if item is not None:
                self.leaf("Description", item.description)
                self.leaf("Name", item.name)
                self.reference("BuyersItemIdentification", item.buyer_number)
                self.reference("SellersItemIdentification", item.seller_number)
                if item.standard_number is not None:
                    with self.inside("StandardItemIdentification"):
                        self.leaf("ID", item.standard_number, schemeID=item.standard_scheme)
                if item.origin_country is not None:
                    with self.inside("OriginCountry"):
                        self.leaf("IdentificationCode", item.origin_country)
                for each in item.classifications:
                    with self.inside("CommodityClassification"):
                        self.leaf("ItemClassificationCode", each.code, listID=each.list_id)
            self.tax("ClassifiedTaxCategory", tax)
            for lot in lots:
                with self.inside("ItemInstance"):
                    self.leaf("SerialID", lot.serial)
                    if lot.number is not None or lot.expiry is not None:
                        with self.inside("LotIdentification"):
                            self.leaf("LotNumberID", lot.number)
                            self.leaf("ExpiryDate", lot.expiry)

    def price(self, price: Decimal | None, base: Decimal | None, unit: str) -> None:
        """A price, and the quantity that it is for."""
        if price is not None:
            with self.inside("Price"):
                self.amount("PriceAmount", price)
                self.leaf("BaseQuantity", base, unitCode=unit)


def _is_legal(identifier: PartyId, country: str) -> bool:
    """Whether an identifier is written as the legal entity's number."""
    return identifier.scheme in {"uscc", f"legal-{country}"}
