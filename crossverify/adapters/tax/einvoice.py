"""Reads Chinese e-invoices (电子发票) as the tax bureau issues them.

- 数电票 in XML: root ``EInvoice`` of the Ministry of Finance's accounting-data standard, structure 0.2 to 0.33;
- the invoice inside an older OFD: root ``eInvoice``, fields in the namespace ``.../schema/e-invoice/2019``; an OFD that
  carries it is opened.

1. A document type declaration and a file that is longer than an invoice are refused.
2. What the tax authority compares is read: number, code, date, tax ids, net, tax, gross. Lines are not.
3. A tax id that cannot be one (wrong check character) refuses the invoice: it is a specimen or spoilt.
4. A red letter (红字) names the invoice that it takes back, in a field or in its remark.

``***`` where the tax stands is an exempt sale: tax zero. Field names: the standard, and what issuers write.
"""

from __future__ import annotations

import io
import lzma
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Final

from lxml import etree

from consortium.documents.identifiers import is_uscc
from consortium.documents.money import decimal_text
from crossverify.adapters.ids import normal_id
from crossverify.adapters.records import LoadProblem, shown
from crossverify.adapters.tax.keys import bare_key, official_keys, seller_key
from crossverify.adapters.tax.records import Correction, TaxInvoice
from crossverify.sources.values import amount

MAX_EINVOICE_BYTES: Final = 5 * 1024 * 1024
MAX_ARCHIVE_PARTS: Final = 10_000
_UNREADABLE: Final = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)
"""What opening a spoilt archive raises."""
_CURRENCY: Final = "CNY"
_ARCHIVE: Final = b"PK\x03\x04"
_ORIGINAL: Final = "original_invoice.xml"
_EXEMPT: Final = "***"
_DAY: Final = re.compile(r"(\d{4})[-年/](\d{1,2})[-月/](\d{1,2})日?(?:[ T].*)?", re.ASCII)
_CORRECTED: Final = re.compile(r"被红冲蓝字(?:数电|电子)?(?:发)?票?号码\D{0,3}(\d{20})", re.ASCII)
_DIGITAL: Final = re.compile(r"\d{20}", re.ASCII)
_OLD_NUMBER: Final = re.compile(r"\d{8}", re.ASCII)
_OLD_CODE: Final = re.compile(r"\d{10}|\d{12}", re.ASCII)
_OLD_TAX_ID: Final = re.compile(r"[0-9A-Z]{15}|[0-9A-Z]{17}|[0-9A-Z]{20}", re.ASCII)
"""Tax ids before 2015 and those of persons: no check character."""
_TAX_ID_REMEDY: Final = "Load the invoice as the tax bureau issued it; specimens have invented tax ids."


class _WrongError(ValueError):
    """What is wrong with a field. :ivar path: where it stands"""

    def __init__(self, path: str, message: str, remedy: str = "Load the invoice as it was issued.") -> None:
        super().__init__(message)
        self.problem = LoadProblem(f"/{path}", message, remedy)


def is_archive(content: bytes) -> bool:
    """Whether a file is a ZIP, as an OFD is."""
    return content.startswith(_ARCHIVE)


def is_einvoice(content: bytes) -> bool:
    """Whether an XML file is a Chinese e-invoice, by its root element."""
    head = content[:4096]
    return re.search(rb"<(EInvoice|eInvoice)[\s>]", head) is not None


def is_xbrl(content: bytes) -> bool:
    """Whether an XML file is an XBRL instance."""
    return re.search(rb"<(\w+:)?xbrl[\s>]", content[:8192]) is not None


def read_ofd(content: bytes) -> TaxInvoice | LoadProblem:
    """The invoice inside of an OFD, where its issuer attached one."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ARCHIVE_PARTS:
                return LoadProblem(
                    "/", f"The archive has more than {MAX_ARCHIVE_PARTS} parts.", "Check the file."
                )
            for entry in entries:
                if entry.filename.rpartition("/")[2] == _ORIGINAL and entry.file_size <= MAX_EINVOICE_BYTES:
                    with archive.open(entry) as part:
                        return read_einvoice(part.read(MAX_EINVOICE_BYTES + 1))
    except _UNREADABLE as error:
        return LoadProblem("/", f"The archive cannot be opened: {error}.", "Export the file again.")
    return LoadProblem(
        "/",
        "This OFD carries no invoice as data, only as a picture.",
        "Load the invoice as XML, as the tax bureau delivers it beside the OFD.",
    )


def read_einvoice(content: bytes) -> TaxInvoice | LoadProblem:
    """One e-invoice, or why there is none."""
    if len(content) > MAX_EINVOICE_BYTES:
        return LoadProblem(
            "/", f"The file is longer than {MAX_EINVOICE_BYTES} bytes.", "Load one invoice a file."
        )
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content.removeprefix(b"\xef\xbb\xbf").lstrip(), parser)
    except etree.XMLSyntaxError as error:
        return LoadProblem(
            f"line {error.lineno or 0}", f"This is no well-formed XML: {error.msg}.", "Export it again."
        )
    if root.getroottree().docinfo.internalDTD is not None:
        return LoadProblem("/", "The file has a document type declaration (DOCTYPE).", "Remove it.")
    read: Callable[[etree._Element], TaxInvoice] = _digital if _name(root) == "EInvoice" else _older
    try:
        return read(root)
    except _WrongError as error:
        return error.problem


# --- the two forms --------------------------------------------------------------------------


def _digital(root: etree._Element) -> TaxInvoice:
    """数电票."""
    number = _text(root, "TaxSupervisionInfo/InvoiceNumber") or _text(root, "Header/EIid")
    if not _DIGITAL.fullmatch(number):
        raise _WrongError(
            "TaxSupervisionInfo/InvoiceNumber", f"{shown(number)} has not the 20 digits of a 数电票."
        )
    basic = "EInvoiceData/BasicInformation"
    day = _text(root, "TaxSupervisionInfo/IssueTime") or _text(root, f"{basic}/RequestTime")
    red = "EInvoiceData/SpecificInformation/RedEInvoice/OriginalInvoiceCode"
    corrected = _text(root, red) or _of_remark(_text(root, "EInvoiceData/AdditionalInformation/Remark"))
    return _invoice(
        number=number,
        code="",
        day=_day(day, "TaxSupervisionInfo/IssueTime"),
        seller=_tax_id(_text(root, "EInvoiceData/SellerInformation/SellerIdNum"), "SellerIdNum"),
        buyer=_tax_id(_text(root, "EInvoiceData/BuyerInformation/BuyerIdNum"), "BuyerIdNum", optional=True),
        amounts=_amounts(root, [f"{basic}/{each}" for each in _DIGITAL_AMOUNTS]),
        red=_text(root, "Header/InherentLabel/InIssuType/LabelCode") == "N",
        corrected=official_keys(corrected, "") if corrected else [],
    )


_DIGITAL_AMOUNTS: Final = ("TotalAmWithoutTax", "TotalTaxAm", "TotalTax-includedAmount")
_OLDER_AMOUNTS: Final = ("TaxExclusiveTotalAmount", "TaxTotalAmount", "TaxInclusiveTotalAmount")


def _older(root: etree._Element) -> TaxInvoice:
    """The invoice inside of an OFD."""
    number, code = _text(root, "InvoiceNo"), _text(root, "InvoiceCode")
    if not _OLD_NUMBER.fullmatch(number):
        raise _WrongError("InvoiceNo", f"{shown(number)} has not the 8 digits of an invoice number.")
    if not _OLD_CODE.fullmatch(code):
        raise _WrongError("InvoiceCode", f"{shown(code)} has not the 10 or 12 digits of an invoice code.")
    of_code, of_number = _text(root, "OriginalInvoiceCode"), _text(root, "OriginalInvoiceNo")
    return _invoice(
        number=number,
        code=code,
        day=_day(_text(root, "IssueDate"), "IssueDate"),
        seller=_tax_id(_text(root, "Seller/SellerTaxID"), "Seller/SellerTaxID"),
        buyer=_tax_id(_text(root, "Buyer/BuyerTaxID"), "Buyer/BuyerTaxID", optional=True),
        amounts=_amounts(root, _OLDER_AMOUNTS),
        red=bool(of_number),
        corrected=official_keys(of_number, of_code) if of_code and of_number else [],
    )


def _invoice(
    *,
    number: str,
    code: str,
    day: str,
    seller: str,
    buyer: str,
    amounts: tuple[Decimal, Decimal, Decimal],
    red: bool,
    corrected: list[str],
) -> TaxInvoice:
    net, tax, gross = amounts
    if net + tax != gross:
        raise _WrongError("", f"Net {net} and tax {tax} do not make {gross}.")
    if red and gross > 0:
        raise _WrongError("", "It is a red letter, and its total is not below zero.")
    keys = official_keys(number, code)
    return TaxInvoice(
        kind="invoice",
        number=number,
        issue_date=day,
        keys=tuple(keys if code else [*keys, seller_key(number, seller)]),
        alias_keys=(bare_key(number),),
        seller_ids=(seller,),
        buyer_ids=(buyer,) if buyer else (),
        currency=_CURRENCY,
        net=decimal_text(net),
        tax=decimal_text(tax),
        gross=decimal_text(gross),
        corrections=(Correction(tuple(corrected), "", decimal_text(abs(gross))),)
        if gross < 0 and corrected
        else (),
    )


# --- fields ---------------------------------------------------------------------------------


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _text(root: etree._Element, path: str) -> str:
    """Text of an element whatever its namespace, without blanks around."""
    found = root.find("/".join(f"{{*}}{step}" for step in path.split("/")))
    return (
        unicodedata.normalize("NFKC", "".join(str(each) for each in found.itertext())).strip()
        if found is not None
        else ""
    )


def _day(text: str, path: str) -> str:
    match = _DAY.fullmatch(text)
    if match is not None:
        try:
            return date(*(int(each) for each in match.groups())).isoformat()
        except ValueError:
            pass
    raise _WrongError(path, f"{shown(text)} is no date.")


def _tax_id(text: str, path: str, *, optional: bool = False) -> str:
    """A tax id as "scheme:value".

    :raises _WrongError: it can be none
    """
    bare = "".join(text.upper().split())
    if not bare and optional:
        return ""
    if is_uscc(bare):
        return f"uscc:{bare}"
    if _OLD_TAX_ID.fullmatch(bare):
        return normal_id(f"vat:{bare}")
    raise _WrongError(path, f"{shown(text)} is no tax id: its check character is wrong.", _TAX_ID_REMEDY)


def _amounts(root: etree._Element, paths: list[str] | tuple[str, ...]) -> tuple[Decimal, Decimal, Decimal]:
    found = []
    for path in paths:
        text = _text(root, path).removeprefix("¥").replace(",", "")
        try:
            found.append(Decimal(0) if text == _EXEMPT else amount(text, _CURRENCY))
        except ValueError as error:
            raise _WrongError(path, f"{shown(text)} is no amount: {error}.") from error
    return found[0], found[1], found[2]


def _of_remark(text: str) -> str:
    match = _CORRECTED.search(text)
    return match.group(1) if match is not None else ""
