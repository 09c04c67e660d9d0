from __future__ import annotations

import pytest
from pydantic import ValidationError

from consortium.documents import Party, PartyId, primary_id
from consortium.documents.party import rank, same_party, strong_ids


def party(*identifiers: str, name: str | None = "Acme") -> Party:
    pairs = (each.split(":", 1) for each in identifiers)
    return Party(name=name, identifiers=tuple(PartyId(scheme=s, value=v) for s, v in pairs))


@pytest.mark.parametrize(
    ("scheme", "written", "value"),
    [
        ("uscc", " 91310115ma1k3btp2b ", "91310115MA1K3BTP2B"),
        ("vat", "NL8200.98.395.B.01", "NL820098395B01"),
        ("gln", "５７９００００４３５９５１", "5790000435951"),
        ("0192", "987 654 325", "987654325"),
        ("em", "Info@Selco.nl", "INFO@SELCO.NL"),
        ("name", "上海　远航 公司", "上海远航公司"),
        ("legal-de", "HRB 12-34", "HRB12-34"),
    ],
)
def test_identifiers_are_compared_in_one_writing(scheme: str, written: str, value: str) -> None:
    assert PartyId(scheme=scheme, value=written).value == value


@pytest.mark.parametrize(
    ("scheme", "value"), [("VAT", "1"), ("", "1"), ("vat", ""), ("vat", "--"), ("a b", "1")]
)
def test_what_identifies_nobody_is_refused(scheme: str, value: str) -> None:
    with pytest.raises(ValidationError):
        PartyId(scheme=scheme, value=value)


def test_the_best_identifier_stands_for_a_party() -> None:
    order = ["uscc:1", "lei:1", "vat:DE1", "0192:1", "tax-de:1", "duns:1", "gln:1", "em:A@B", "local:1"]
    for start in range(len(order) - 1):
        assert str(primary_id(party(*reversed(order[start:])))) == order[start]
    assert str(primary_id(party("local:17"))) == "name:ACME"
    assert str(primary_id(party(name="远航 集团"))) == "name:远航集团"
    assert str(primary_id(party("local:17", name=None))) == "local:17"
    assert rank("0192") < rank("tax-de") < rank("gln") < rank("name") < rank("local")


def test_identifiers_have_one_order_and_are_there_once() -> None:
    one, other = party("gln:1", "vat:DE2", "vat:DE1", "gln:1"), party("vat:DE1", "gln:1", "vat:DE2")
    assert one == other
    assert [str(each) for each in one.identifiers] == ["vat:DE1", "vat:DE2", "gln:1"]
    assert [str(each) for each in strong_ids(one)] == ["vat:DE1", "vat:DE2"]
    assert strong_ids(party("gln:1")) == ()


def test_a_party_is_known_somehow() -> None:
    with pytest.raises(ValidationError, match="identifier or a name"):
        Party()
    assert Party(trading_name="Acme").name is None


def test_one_identifier_in_common_is_the_same_party() -> None:
    assert same_party(party("vat:DE1", "gln:5"), party("gln:5", "lei:3"))
    assert not same_party(party("vat:DE1"), party("vat:DE2"))
    assert not same_party(party("local:17", "vat:DE1"), party("local:17", "vat:DE2"))
    assert same_party(party(name="Acme"), party(name="acme"))
    assert not same_party(party(name="Acme"), party("vat:DE1", name="Acme"))
