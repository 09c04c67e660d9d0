from __future__ import annotations

import pytest

from chanrong.demo.ubl_writer import to_ubl
from consortium.documents import Document, Invoice
from consortium.documents.ubl import read_ubl
from tests.support.document_cases import document

INVOICE = to_ubl(document("invoice")).decode()
START, END = INVOICE.index("<cac:AccountingSupplierParty>"), INVOICE.index("</cac:AccountingSupplierParty>")


def seller(xml: str) -> tuple[str | None, list[str]]:
    content = f"{INVOICE[:START]}<cac:AccountingSupplierParty><cac:Party>{xml}</cac:Party>{INVOICE[END:]}"
    found = read_ubl(content.encode())
    assert isinstance(found, Invoice), found
    return found.seller.name, [str(each) for each in found.seller.identifiers]


def address(country: str) -> str:
    code = f"<cbc:IdentificationCode>{country}</cbc:IdentificationCode>"
    return f"<cac:PostalAddress><cac:Country>{code}</cac:Country></cac:PostalAddress>"


def tax(value: str, scheme: str = "VAT") -> str:
    inner = f"<cbc:CompanyID>{value}</cbc:CompanyID><cac:TaxScheme><cbc:ID>{scheme}</cbc:ID></cac:TaxScheme>"
    return f"<cac:PartyTaxScheme>{inner}</cac:PartyTaxScheme>"


def legal(value: str, scheme: str = "") -> str:
    attribute = f' schemeID="{scheme}"' if scheme else ""
    company = f"<cbc:CompanyID{attribute}>{value}</cbc:CompanyID>"
    return f"<cac:PartyLegalEntity><cbc:RegistrationName>Acme</cbc:RegistrationName>{company}</cac:PartyLegalEntity>"


def ident(value: str, scheme: str = "") -> str:
    attribute = f' schemeID="{scheme}"' if scheme else ""
    return f"<cac:PartyIdentification><cbc:ID{attribute}>{value}</cbc:ID></cac:PartyIdentification>"


def endpoint(value: str, scheme: str) -> str:
    return f'<cbc:EndpointID schemeID="{scheme}">{value}</cbc:EndpointID>'


USCC = "91310115MA1K3BTP2B"


@pytest.mark.parametrize(
    ("xml", "identifiers"),
    [
        (address("CN") + tax(USCC), [f"uscc:{USCC}"]),
        (address("CN") + tax(USCC) + legal(USCC), [f"uscc:{USCC}"]),
        (address("CN") + tax("91310115MA1K3BTP2C"), ["uscc:91310115MA1K3BTP2C"]),
        (ident(USCC), [f"uscc:{USCC}"]),
        (ident("91310115MA1K3BTP2C", "USCC"), ["uscc:91310115MA1K3BTP2C"]),
        (address("DE") + tax("DE136695976"), ["vat:DE136695976"]),
        (address("DE") + tax("201/113/40209", "FC"), ["tax-de:201/113/40209"]),
        (address("NO") + tax("Foretaksregisteret", "TAX") + tax("NO995525828MVA"), ["vat:NO995525828MVA"]),
        (address("DE") + legal("HRB 1234"), ["legal-de:HRB1234"]),
        (legal("HRB 1234"), ["local:HRB1234"]),
        (legal("12345678", "NL:KVK"), ["0106:12345678"]),
        (legal("5493001KJTIIGC8Y1R12", "0199"), ["lei:5493001KJTIIGC8Y1R12"]),
        (ident("4000001123452", "0088") + ident("K-17"), ["gln:4000001123452", "local:K-17"]),
        (endpoint("987654325", "0192"), ["0192:987654325"]),
        (endpoint("info@acme.de", "EM"), ["em:INFO@ACME.DE"]),
        (endpoint("DE136695976", "9930"), ["vat:DE136695976"]),
        (endpoint("136695976", "9930"), ["9930:136695976"]),
        (
            endpoint("987654325", "0192") + tax("NO995525828MVA"),
            ["vat:NO995525828MVA", "endpoint-0192:987654325"],
        ),
        (endpoint("987654325", "0192") + legal("987654325", "0192"), ["0192:987654325"]),
        (ident("1", "Some list: v2!"), ["some-list-v2:1"]),
    ],
)
def test_identifiers_get_their_scheme(xml: str, identifiers: list[str]) -> None:
    name = "" if "RegistrationName" in xml else "<cac:PartyName><cbc:Name>Acme</cbc:Name></cac:PartyName>"
    assert seller(xml + name) == ("Acme", identifiers)


def test_a_trading_name_stands_in_for_a_missing_name_only() -> None:
    trading = "<cac:PartyName><cbc:Name>Shop</cbc:Name></cac:PartyName>"
    assert seller(trading)[0] == "Shop"
    assert seller(trading + legal("1", "0192"))[0] == "Acme"


def test_a_party_without_anything_is_missing() -> None:
    content = f"{INVOICE[:START]}<cac:AccountingSupplierParty><cac:Party/>{INVOICE[END:]}"
    found = read_ubl(content.encode())
    assert not isinstance(found, Document)
    assert [(each.path, each.rule) for each in found] == [
        ("/Invoice/cac:AccountingSupplierParty/cac:Party", "FIELD_MISSING")
    ]
