"""Parts that several kinds of document share: items, taxes, totals, references, deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from consortium.documents.base import Code, Country, Day, Number, Part, Text
from consortium.documents.money import Amount, Percent
from consortium.documents.party import Address

FapiaoKind = Literal[
    "digital_special",
    "digital_ordinary",
    "special",
    "ordinary",
    "electronic_special",
    "electronic_ordinary",
    "roll",
    "motor_vehicle",
    "used_vehicle",
]
"""票种: 数电票 (增值税专用发票), 数电票 (普通发票), 增值税专用发票, 增值税普通发票, 电子专用发票,
电子普通发票, 卷式发票, 机动车销售统一发票, 二手车销售统一发票."""


class Fapiao(Part):
    """A Chinese tax invoice (增值税发票、数电票): the document itself where the number is the document's own,
    else one that was issued for the same sale. UBL: ``cac:AdditionalDocumentReference`` with the schemes of
    ``consortium.documents.ubl``."""

    fapiao_kind: FapiaoKind
    """票种."""
    number: Annotated[str, StringConstraints(pattern=r"^(\d{8}|\d{20})$", strict=True)]
    """发票号码: 20 digits of a 数电票, 8 of an older one."""
    code: Annotated[str, StringConstraints(pattern=r"^(\d{10}|\d{12})$", strict=True)] | None = None
    """发票代码: 10 or 12 digits of an older one; a 数电票 has none."""
    check_code: Annotated[str, StringConstraints(pattern=r"^\d{6,20}$", strict=True)] | None = None
    """校验码."""

    @model_validator(mode="after")
    def _code_goes_with_number(self) -> Fapiao:
        if self.fapiao_kind.startswith("digital") != (len(self.number) == 20):
            raise PydanticCustomError(
                "FAPIAO_NUMBER", "A 数电票 has a number of 20 digits, any other fapiao one of 8."
            )
        if (self.code is None) != (len(self.number) == 20):
            raise PydanticCustomError("FAPIAO_CODE", "A 数电票 has no 发票代码; any other fapiao needs one.")
        return self


class Classification(Part):
    """BT-158: item classification. UBL: ``cac:CommodityClassification/cbc:ItemClassificationCode``."""

    list_id: Code
    """BT-158-1: the list: UNCL 7143 (``TST`` is UNSPSC), or ``CN-TAX`` for 税收分类编码."""
    code: Number
    """BT-158: the code in that list."""


class Item(Part):
    """What is traded (商品或服务), BG-31. UBL: ``cac:Item``."""

    name: Text
    """BT-153: name (货物或应税劳务名称). UBL: ``cbc:Name``."""
    description: Text | None = None
    """BT-154: description (规格型号). UBL: ``cbc:Description``."""
    seller_number: Number | None = None
    """BT-155: the seller's item number. UBL: ``cac:SellersItemIdentification/cbc:ID``."""
    buyer_number: Number | None = None
    """BT-156: the buyer's item number. UBL: ``cac:BuyersItemIdentification/cbc:ID``."""
    standard_number: Number | None = None
    """BT-157: registered item number, such as a GTIN. UBL: ``cac:StandardItemIdentification/cbc:ID``."""
    standard_scheme: Code | None = None
    """BT-157-1: scheme of the registered number (``0160`` is GTIN)."""
    classifications: Annotated[tuple[Classification, ...], Field(max_length=32)] = ()
    """BT-158: classifications (税收分类编码等)."""
    origin_country: Country | None = None
    """BT-159: country of origin (原产国). UBL: ``cac:OriginCountry/cbc:IdentificationCode``."""


class Tax(Part):
    """Tax category of a line, an allowance or a charge, BG-30. UBL: ``cac:ClassifiedTaxCategory``,
    ``cac:TaxCategory``."""

    category: Code
    """BT-151, BT-95, BT-102: category code, UNCL 5305 (税目)."""
    rate: Percent | None = None
    """BT-152, BT-96, BT-103: rate in per cent (税率)."""


class TaxSubtotal(Part):
    """BG-23: tax by category and rate (税额明细). UBL: ``cac:TaxTotal/cac:TaxSubtotal``."""

    category: Code
    """BT-118: category code, UNCL 5305."""
    rate: Percent | None = None
    """BT-119: rate in per cent (税率)."""
    taxable_amount: Amount
    """BT-116: amount that is taxed (计税金额)."""
    tax_amount: Amount
    """BT-117: tax (税额)."""
    exemption_code: Code | None = None
    """BT-121: reason of an exemption, VATEX code (免税原因代码)."""
    exemption_reason: Text | None = None
    """BT-120: reason of an exemption (免税原因)."""

    def amounts(self) -> Iterator[Decimal]:
        """Its amounts of money."""
        yield self.taxable_amount
        yield self.tax_amount


class AllowanceCharge(Part):
    """An allowance or a charge (折扣、附加费), BG-20, BG-21, BG-27, BG-28. UBL: ``cac:AllowanceCharge``."""

    charge: bool = Field(strict=True)
    """True: a charge, added. False: an allowance, deducted. UBL: ``cbc:ChargeIndicator``."""
    amount: Amount
    """BT-92, BT-99, BT-136, BT-141: amount without tax."""
    base_amount: Amount | None = None
    """BT-93, BT-100, BT-137, BT-142: amount that the percentage applies to."""
    percent: Percent | None = None
    """BT-94, BT-101, BT-138, BT-143: percentage. UBL: ``cbc:MultiplierFactorNumeric``."""
    reason: Text | None = None
    """BT-97, BT-104, BT-139, BT-144: reason."""
    reason_code: Code | None = None
    """BT-98, BT-105, BT-140, BT-145: reason, UNCL 5189 or 7161."""
    tax: Tax | None = None
    """BT-95/96, BT-102/103: its tax category; at line level that of the line holds."""

    def amounts(self) -> Iterator[Decimal]:
        """Its amounts of money."""
        yield self.amount
        if self.base_amount is not None:
            yield self.base_amount


class Totals(Part):
    """BG-22: totals of an invoice or credit note (合计). UBL: ``cac:LegalMonetaryTotal``."""

    line_net: Amount
    """BT-106: sum of the lines without tax (明细金额合计). UBL: ``cbc:LineExtensionAmount``."""
    allowances: Amount | None = None
    """BT-107: sum of the document's allowances (折扣合计). UBL: ``cbc:AllowanceTotalAmount``."""
    charges: Amount | None = None
    """BT-108: sum of the document's charges (附加费合计). UBL: ``cbc:ChargeTotalAmount``."""
    net: Amount
    """BT-109: total without tax (合计金额). UBL: ``cbc:TaxExclusiveAmount``."""
    tax: Amount | None = None
    """BT-110: total tax (合计税额). UBL: ``cac:TaxTotal/cbc:TaxAmount``."""
    gross: Amount
    """BT-112: total with tax (价税合计). UBL: ``cbc:TaxInclusiveAmount``."""
    prepaid: Amount | None = None
    """BT-113: paid already (预付金额). UBL: ``cbc:PrepaidAmount``."""
    rounding: Amount | None = None
    """BT-114: rounding (舍入金额). UBL: ``cbc:PayableRoundingAmount``."""
    payable: Amount
    """BT-115: amount due (应付金额). UBL: ``cbc:PayableAmount``."""

    def amounts(self) -> Iterator[Decimal]:
        """Its amounts of money."""
        for value in self.__dict__.values():
            if value is not None:
                yield value


class OrderTotals(Part):
    """Totals that an order expects (预计合计). UBL: ``cac:AnticipatedMonetaryTotal``."""

    line_net: Amount
    """Sum of the lines without tax. UBL: ``cbc:LineExtensionAmount``."""
    allowances: Amount | None = None
    """Sum of the document's allowances. UBL: ``cbc:AllowanceTotalAmount``."""
    charges: Amount | None = None
    """Sum of the document's charges. UBL: ``cbc:ChargeTotalAmount``."""
    net: Amount | None = None
    """Total without tax. UBL: ``cbc:TaxExclusiveAmount``."""
    tax: Amount | None = None
    """Total tax. UBL: ``cac:TaxTotal/cbc:TaxAmount``."""
    gross: Amount | None = None
    """Total with tax. UBL: ``cbc:TaxInclusiveAmount``."""
    prepaid: Amount | None = None
    """Paid already. UBL: ``cbc:PrepaidAmount``."""
    rounding: Amount | None = None
    """Rounding. UBL: ``cbc:PayableRoundingAmount``."""
    payable: Amount
    """What the order will cost (应付金额). UBL: ``cbc:PayableAmount``."""

    def amounts(self) -> Iterator[Decimal]:
        """Its amounts of money."""
        for value in self.__dict__.values():
            if value is not None:
                yield value


class DocumentRef(Part):
    """Another document by its number. UBL: ``cac:...DocumentReference``."""

    number: Number
    """BT-25 and its likes: number of the other document. UBL: ``cbc:ID``."""
    issue_date: Day | None = None
    """BT-26: its date. UBL: ``cbc:IssueDate``."""
    fapiao_code: Annotated[str, StringConstraints(pattern=r"^(\d{10}|\d{12})$", strict=True)] | None = None
    """发票代码 of an older Chinese invoice."""


class Account(Part):
    """BG-17: an account that is to be paid to (收款账户). UBL:
    ``cac:PaymentMeans/cac:PayeeFinancialAccount``."""

    account_id: Number
    """BT-84: account number or IBAN (账号). UBL: ``cbc:ID``."""
    name: Text | None = None
    """BT-85: name of the account (户名). UBL: ``cbc:Name``."""
    bank_id: Number | None = None
    """BT-86: BIC or bank number (开户行). UBL: ``cac:FinancialInstitutionBranch/cbc:ID``."""


class Period(Part):
    """BG-14, BG-26: a period (期间). UBL: ``cac:InvoicePeriod``."""

    start: Day | None = None
    """BT-73, BT-134: first day. UBL: ``cbc:StartDate``."""
    end: Day | None = None
    """BT-74, BT-135: last day. UBL: ``cbc:EndDate``."""


class Delivery(Part):
    """BG-13: where and when goods are or were delivered (交货). UBL: ``cac:Delivery``."""

    date: Day | None = None
    """BT-72: day of delivery (交货日期). UBL: ``cbc:ActualDeliveryDate``."""
    requested: Period | None = None
    """When the buyer wants it (要求交货期). UBL: ``cac:RequestedDeliveryPeriod``."""
    party_name: Text | None = None
    """BT-70: who receives it (收货方). UBL: ``cac:DeliveryParty/cac:PartyName/cbc:Name``."""
    location_id: Number | None = None
    """BT-71: identifier of the place. UBL: ``cac:DeliveryLocation/cbc:ID``."""
    location_scheme: Code | None = None
    """BT-71-1: scheme of that identifier."""
    address: Address | None = None
    """BG-15: address (收货地址). UBL: ``cac:DeliveryLocation/cac:Address``."""


class Lot(Part):
    """A lot or a single piece of goods (批次). UBL: ``cac:Item/cac:ItemInstance``."""

    number: Number | None = None
    """Lot number (批号). UBL: ``cac:LotIdentification/cbc:LotNumberID``."""
    serial: Number | None = None
    """Serial number (序列号). UBL: ``cbc:SerialID``."""
    expiry: Day | None = None
    """Last day of use (有效期). UBL: ``cac:LotIdentification/cbc:ExpiryDate``."""


class Shipment(Part):
    """How goods travel (运输). UBL: ``cac:Shipment``."""

    number: Number | None = None
    """Shipment number. UBL: ``cbc:ID``."""
    consignment: Number | None = None
    """Number of the transport document (运单号). UBL: ``cac:Consignment/cbc:ID``."""
    carrier: Text | None = None
    """Carrier (承运人). UBL: ``cac:Consignment/cac:CarrierParty/cac:PartyName/cbc:Name``."""
    vehicle: Number | None = None
    """Registration of the vehicle, or name of the vessel (车牌号、船名). UBL:
    ``cac:ShipmentStage/cac:TransportMeans``."""
    tracking: Number | None = None
    """Tracking number. UBL: ``cac:Delivery/cbc:TrackingID``."""
    despatch_date: Day | None = None
    """Day of despatch (发货日期). UBL: ``cac:Delivery/cac:Despatch/cbc:ActualDespatchDate``."""
    delivery_date: Day | None = None
    """Day of delivery (到货日期). UBL: ``cac:Delivery/cbc:ActualDeliveryDate``."""
    expected: Period | None = None
    """When it should arrive (预计到货). UBL: ``cac:Delivery/cac:EstimatedDeliveryPeriod``."""
