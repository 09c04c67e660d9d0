"""Chinese e-invoices as the tax bureau issues them."""

from __future__ import annotations

import io
import zipfile

import pytest

from crossverify.adapters.records import LoadProblem
from crossverify.adapters.tax.einvoice import MAX_EINVOICE_BYTES, read_einvoice, read_ofd
from crossverify.adapters.tax.load import read
from crossverify.adapters.tax.records import TaxInvoice
from tests.support.adapters import BUYER, SELLER

NUMBER = "25312000000000000001"
BLUE = "25312000000000000009"


def digital(
    *,
    number: str = NUMBER,
    seller: str = SELLER.removeprefix("uscc:"),
    buyer: str = BUYER.removeprefix("uscc:"),
    day: str = "2026-05-19 09:47:14",
    amounts: tuple[str, str, str] = ("1000.00", "130.00", "1130.00"),
    label: str = "Y",
    specific: str = "",
    remark: str = "",
    head: str = "",
) -> bytes:
    """A 数电票."""
    net, tax, gross = amounts
    return (
        f'<?xml version="1.0" encoding="utf-8"?>{head}<EInvoice><Header><EIid>{number}</EIid><Version>0.32</Version>'
        f"<InherentLabel><InIssuType><LabelCode>{label}</LabelCode></InIssuType></InherentLabel></Header><EInvoiceData>"
        f"<SellerInformation><SellerIdNum>{seller}</SellerIdNum></SellerInformation>"
        f"<BuyerInformation><BuyerIdNum>{buyer}</BuyerIdNum></BuyerInformation><BasicInformation>"
        f"<TotalAmWithoutTax>{net}</TotalAmWithoutTax><TotalTaxAm>{tax}</TotalTaxAm>"
        f"<TotalTax-includedAmount>{gross}</TotalTax-includedAmount></BasicInformation>"
        f"<SpecificInformation>{specific}</SpecificInformation>"
        f"<AdditionalInformation><Remark>{remark}</Remark></AdditionalInformation></EInvoiceData>"
        f"<TaxSupervisionInfo><InvoiceNumber>{number}</InvoiceNumber><IssueTime>{day}</IssueTime></TaxSupervisionInfo>"
        "</EInvoice>"
    ).encode()


def read_one(content: bytes) -> TaxInvoice:
    found = read_einvoice(content)
    assert isinstance(found, TaxInvoice), found
    return found


def test_a_digital_invoice() -> None:
    found = read_one(digital())
    assert (found.number, found.issue_date, found.currency) == (NUMBER, "2026-05-19", "CNY")
    assert (found.net, found.tax, found.gross) == ("1000", "130", "1130")
    assert (found.seller_ids, found.buyer_ids) == ((SELLER,), (BUYER,))
    assert f"digital|{NUMBER}" in found.keys
    assert found.corrections == ()


@pytest.mark.parametrize(
    "said",
    [
        {"specific": f"<RedEInvoice><OriginalInvoiceCode>{BLUE}</OriginalInvoiceCode></RedEInvoice>"},
        {"remark": f"被红冲蓝字数电发票号码：{BLUE} 红字发票信息确认单编号：1"},
        {"remark": f"被红冲蓝字数电票号码:{BLUE}"},
    ],
)
def test_a_red_letter_names_the_invoice_that_it_takes_back(said: dict[str, str]) -> None:
    found = read_one(digital(label="N", amounts=("-100.00", "-13.00", "-113.00"), **said))
    (correction,) = found.corrections
    assert correction.keys == (f"digital|{BLUE}",)
    assert correction.amount == "113"


@pytest.mark.parametrize(
    "day", ["2026-05-19", "2026-05-19 09:47:14", "2026-05-19T09:47:14", "2026年05月19日"]
)
def test_every_way_to_write_the_day(day: str) -> None:
    assert read_one(digital(day=day)).issue_date == "2026-05-19"


def test_a_private_buyer_has_no_id_and_old_ids_are_taken() -> None:
    assert read_one(digital(buyer="")).buyer_ids == ()
    assert read_one(digital(buyer="310101199001011")).buyer_ids == ("vat:310101199001011",)


DOCTYPE = '<!DOCTYPE EInvoice [<!ENTITY a "x"><!ENTITY b "&a;&a;">]>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (digital(head=DOCTYPE), "DOCTYPE"),
        (digital(seller="91440000000000000X"), "check character"),
        (digital(seller=""), "check character"),
        (digital(number="123"), "20 digits"),
        (digital(day="soon"), "no date"),
        (digital(amounts=("1000.00", "130.00", "1131.00")), "do not make"),
        (digital(amounts=("1000.00", "x", "1130.00")), "no amount"),
        (digital(amounts=("1000.001", "129.999", "1130.00")), "more decimals"),
        (digital(label="N"), "not below zero"),
        (digital()[:-20], "well-formed"),
        (b"<EInvoice>" + b" " * MAX_EINVOICE_BYTES + b"</EInvoice>", "longer than"),
        (b"<EInvoice/>", "20 digits"),
    ],
)
def test_what_is_wrong_is_told(content: bytes, said: str) -> None:
    found = read_einvoice(content)
    assert isinstance(found, LoadProblem)
    assert said in found.message
    assert found.remedy


def test_an_exempt_sale_has_no_tax() -> None:
    found = read_one(digital(amounts=("57.00", "***", "57.00")))
    assert (found.net, found.tax, found.gross) == ("57", "0", "57")


def archive(**parts: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in parts.items():
            written.writestr(name.replace("__", "/"), content)
    return made.getvalue()


def spoilt() -> bytes:
    """An archive whose packed bytes are no packed bytes."""
    name = "a/original_invoice.xml"
    content = bytearray(archive(**{name.replace("/", "__"): b"<eInvoice/>" * 20}))
    content[30 + len(name)] = 0xFF
    return bytes(content)


def test_an_ofd_is_opened_where_it_carries_its_invoice() -> None:
    older = (
        '<eInvoice xmlns:fp="http://www.edrm.org.cn/schema/e-invoice/2019"><fp:InvoiceCode>031001900511</fp:InvoiceCode>'
        "<fp:InvoiceNo>00000001</fp:InvoiceNo><fp:IssueDate>2020年04月20日</fp:IssueDate>"
        f"<fp:Buyer><fp:BuyerTaxID>{BUYER[5:]}</fp:BuyerTaxID></fp:Buyer>"
        f"<fp:Seller><fp:SellerTaxID>{SELLER[5:]}</fp:SellerTaxID></fp:Seller>"
        "<fp:TaxInclusiveTotalAmount>57.00</fp:TaxInclusiveTotalAmount><fp:TaxTotalAmount>***</fp:TaxTotalAmount>"
        "<fp:TaxExclusiveTotalAmount>57.00</fp:TaxExclusiveTotalAmount></eInvoice>"
    ).encode()
    found = read_ofd(archive(**{"Doc_0__Attachs__original_invoice.xml": older}))
    assert isinstance(found, TaxInvoice)
    assert found.keys == ("code|031001900511|00000001",)
    assert (found.issue_date, found.gross) == ("2020-04-20", "57")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (archive(OFD__xml=b"<x/>"), "only as a picture"),
        (b"PK\x03\x04rubbish", "cannot be opened"),
        (spoilt(), "cannot be opened"),
        (archive(**{"a__original_invoice.xml": b" " * (MAX_EINVOICE_BYTES + 1)}), "only as a picture"),
    ],
)
def test_an_ofd_without_is_refused(content: bytes, said: str) -> None:
    found = read_ofd(content)
    assert isinstance(found, LoadProblem)
    assert said in found.message


def test_the_loader_tells_the_forms_apart() -> None:
    (item,) = read(digital())
    assert not isinstance(item, LoadProblem)
    (refused,) = read(b'<xbrli:xbrl xmlns:xbrli="http://www.xbrl.org/2003/instance"/>')
    assert isinstance(refused, LoadProblem)
    assert "XBRL" in refused.message
