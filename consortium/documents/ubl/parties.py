"""UBL parties: names, addresses, and which of their many identifiers is of which scheme."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from lxml import etree

from consortium.documents.identifiers import is_uscc
from consortium.documents.party import STRONG_RANK, rank
from consortium.documents.ubl.tables import Entry, Reading, Values, first, inside, leaf, part, table
from consortium.documents.ubl.xml import cac, cbc, text_of

LOCAL: Final = "local"
_IDS: Final = "_ids"
_VAT_NUMBER = re.compile(r"[A-Z]{2}.*\d", re.DOTALL)
_NOT_SCHEME = re.compile(r"[^a-z0-9.]+")

_SCHEMES: Final = {
    "0060": "duns",
    "0088": "gln",
    "0199": "lei",
    "ean": "gln",
    "cn-uscc": "uscc",
    "nl-kvk": "0106",
    "no-orgnr": "0192",
    "se-orgnr": "0007",
    "dk-cvr": "0184",
    "be-kbo": "0208",
    "be-cbe": "0208",
}
"""Names of schemes in ISO 6523 and in older lists -> ours."""
_VAT_SCHEMES: Final = frozenset(["9910", "9914", "9920", "9957", *(str(code) for code in range(9922, 9954))])
"""Codes of the electronic address scheme list that are VAT numbers."""

ADDRESS: Final = table(
    {
        "cbc:StreetName": leaf("street"),
        "cbc:AdditionalStreetName": leaf("additional"),
        "cac:AddressLine": first(inside(table({"cbc:Line": leaf("line")}))),
        "cbc:CityName": leaf("city"),
        "cbc:PostalZone": leaf("postal_code"),
        "cbc:CountrySubentity": leaf("subdivision"),
        "cac:Country": inside(table({"cbc:IdentificationCode": leaf("country")})),
    }
)


def scheme_of(raw: str | None, value: str) -> str:
    """Our name of a scheme that a document calls ``raw``; ``local`` where it names none."""
    name = _NOT_SCHEME.sub("-", (raw or "").strip().lower()).strip("-.")[:32]
    if not name:
        return LOCAL
    if (name in _VAT_SCHEMES or name.endswith("vat")) and _VAT_NUMBER.match(value.upper()):
        return "vat"
    return _SCHEMES.get(name, name)


def _collect(role: str, element: etree._Element, value: str, values: Values) -> None:
    values.setdefault(_IDS, []).append((role, element.get("schemeID"), value))


def _identifier(role: str) -> Entry:
    def rule(_reading: Reading, element: etree._Element, values: Values) -> None:
        if value := text_of(element):
            _collect(role, element, value, values)

    return rule, {"identifiers": ""}


def _tax_scheme(_reading: Reading, element: etree._Element, values: Values) -> None:
    company = element.find(cbc("CompanyID"))
    value = "" if company is None else text_of(company)
    if company is not None and value:
        name = element.findtext(f"{cac('TaxScheme')}/{cbc('ID')}") or ""
        _collect("vat" if name.strip().upper() == "VAT" else "tax", company, value, values)


PARTY: Final = table(
    {
        "cbc:EndpointID": _identifier("endpoint"),
        "cac:PartyIdentification": inside(table({"cbc:ID": _identifier("id")})),
        "cac:PartyName": first(inside(table({"cbc:Name": leaf("trading_name")}))),
        "cac:PostalAddress": part("address", ADDRESS),
        "cac:PartyTaxScheme": _tax_scheme,
        "cac:PartyLegalEntity": inside(
            table({"cbc:RegistrationName": leaf("name"), "cbc:CompanyID": _identifier("legal")})
        ),
    }
)


def finish_party(reading: Reading, values: Values) -> None:
    """Name and identifiers of a party, once all of it is read."""
    raw = values.pop(_IDS, [])
    trading = values.get("trading_name")
    if "name" not in values and trading is not None:
        values["name"] = trading  # older UBL and despatch advices have no registration name
    if values.get("name") == trading:
        values.pop("trading_name", None)
    country = str(values.get("address", {}).get("country", "")).lower()
    own = [
        pair
        for role, scheme, value in raw
        if role != "endpoint"
        for pair in _named(role, scheme, value, country)
    ]
    endpoints = [(scheme_of(scheme, value), value) for role, scheme, value in raw if role == "endpoint"]
    if any(rank(scheme) <= STRONG_RANK for scheme, _ in own):
        # Where mail goes may be a service provider or a parent: it does not compete with the party's own identifiers.
        endpoints = [
            (scheme if rank(scheme) > STRONG_RANK else f"endpoint-{scheme}", value)
            for scheme, value in endpoints
            if (scheme, value) not in own
        ]
    found = dict.fromkeys([*own, *endpoints])
    if found:
        values["identifiers"] = [{"scheme": scheme, "value": value} for scheme, value in found]


def _named(role: str, raw: str | None, value: str, country: str) -> Iterator[tuple[str, str]]:
    """The scheme of one identifier, by its role, the scheme it names and the party's country."""
    compact = re.sub(r"\s", "", value).upper()
    scheme = scheme_of(raw, value)
    chinese = country == "cn" and role in {"vat", "tax", "legal"} and len(compact) == 18
    if scheme != "lei" and (chinese or is_uscc(compact)):
        yield "uscc", compact
    elif role in {"vat", "tax"}:
        if role == "vat" and _VAT_NUMBER.match(compact):
            yield "vat", compact
        elif any(each.isdigit() for each in value):
            yield f"tax-{country or 'xx'}", value
    elif role == "legal" and scheme == LOCAL:
        yield f"legal-{country}" if country else LOCAL, value
    else:
        yield scheme, value


def party(name: str) -> Entry:
    """An element that is a party."""
    return part(name, PARTY, finish_party)


def party_inside(name: str) -> Entry:
    """An element that holds a party in ``cac:Party``."""
    return inside(table({"cac:Party": party(name)}))
