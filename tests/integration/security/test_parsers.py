"""Bad documents through the REST interface: each is refused with what, where and what to do; nothing else is lost.

Every bad file goes in together with a good one, which is taken.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import orjson
import pytest

from chanrong.demo.ubl_writer import to_ubl
from consortium.documents.canonical import document_bytes
from tests.integration.security.world import World, trades_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

NEEDS = ("ledger", "industry")

TRADE = trades_of("alice")[1]
INVOICE: dict[str, Any] = orjson.loads(document_bytes(TRADE.invoices[0]))
NAMES = [f"e{number}" for number in range(10)]

Json = dict[str, Any]


def changed(*path: str | int, to: Any) -> bytes:
    """The invoice with one value changed, however deep."""
    document: Any = json.loads(json.dumps(INVOICE))
    at = document
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = to
    return json.dumps(document, ensure_ascii=False).encode()


def xml(change: Callable[[str], str], encoding: str = "utf-8", doctype: str = "") -> bytes:
    """The invoice as UBL with a document type declaration, and changed."""
    body = to_ubl(TRADE.invoices[0]).decode().partition("?>")[2]
    assert "<cbc:ID>" in body
    return f'<?xml version="1.0" encoding="{encoding}"?>{doctype}{change(body)}'.encode(encoding)


def same(body: str) -> str:
    return body


def in_text(body: str) -> str:
    return body.replace("<cbc:ID>", f"<cbc:ID>&{NAMES[-1]};", 1)


def in_attribute(body: str) -> str:
    """Entities in attributes are replaced by the parser even where those in text are left alone."""
    return body.replace("<cbc:ID>", f'<cbc:ID schemeID="&{NAMES[-1]};">', 1)


LAUGHS = (
    f'<!DOCTYPE x [<!ENTITY {NAMES[0]} "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise(NAMES))
    + "]>"
)
FILE = f'<!DOCTYPE x [<!ENTITY {NAMES[-1]} SYSTEM "file:///etc/passwd">]>'
NETWORK = f'<!DOCTYPE x [<!ENTITY {NAMES[-1]} SYSTEM "http://127.0.0.1:1/x">]>'
PARAMETER = '<!DOCTYPE x [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>'

XML: dict[str, tuple[bytes, str]] = {
    "doctype": (xml(same, doctype="<!DOCTYPE Invoice>"), "XML_DOCTYPE"),
    "doctype-elsewhere": (xml(same, doctype='<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">'), "XML_DOCTYPE"),
    "xxe-file": (xml(in_text, doctype=FILE), "XML_DOCTYPE"),
    "xxe-network": (xml(in_text, doctype=NETWORK), "XML_DOCTYPE"),
    "xxe-parameter": (xml(same, doctype=PARAMETER), "XML_DOCTYPE"),
    "laughs": (xml(in_text, doctype=LAUGHS), "XML_DOCTYPE"),
    "laughs-hidden": (xml(in_text, "utf-16", LAUGHS), "XML_"),
    "laughs-hidden-attribute": (xml(in_attribute, "utf-16", LAUGHS), "XML_"),
    "doctype-hidden": (xml(same, "utf-16", "<!DOCTYPE x []>"), "XML_DOCTYPE"),
    "entity-unknown": (xml(in_text), "XML_MALFORMED"),
    "cut": (xml(same)[:-30], "XML_MALFORMED"),
    "deep": (b'<?xml version="1.0"?>' + b"<a>" * 5000 + b"</a>" * 5000, "XML_MALFORMED"),
    "wide": (b"<a " + b" ".join(b'b%d=""' % n for n in range(50_000)) + b"/>", "NOT_UBL"),
    "not-utf8": (xml(same).replace("公司".encode(), b"\xff\xfe", 1), "XML_MALFORMED"),
    "control": (xml(lambda body: body.replace("<cbc:ID>", "<cbc:ID>\x01", 1)), "XML_MALFORMED"),
    "other": (b'<Invoice xmlns="urn:x"/>', "NOT_UBL"),
    "large": (xml(lambda body: body + " " * (10 * 1024 * 1024)), "TOO_LARGE"),
}
"""Name -> XML file and the rule that refuses it (its beginning)."""

FIELDS: dict[str, tuple[bytes, str, str, str]] = {
    "nan": (changed("totals", "payable", to=float("nan")), "/totals/payable", "NaN", "NUMBER_NOT_FINITE"),
    "infinity": (
        changed("lines", 0, "net_amount", to=float("-inf")),
        "/lines/0/net_amount", "-Infinity", "NUMBER_NOT_FINITE",
    ),
    "over-precise": (changed("totals", "payable", to="10.123"), "/totals/payable", "10.123", "AMOUNT_PRECISION"),
    "over-precise-number": (
        changed("lines", 0, "net_amount", to=0.00001), "/lines/0/net_amount", "0.00001", "AMOUNT_PRECISION",
    ),
    "minor-units": (changed("currency", to="JPY"), "/taxes/0/tax_amount", "", "AMOUNT_PRECISION"),
    "no-currency": (changed("currency", to="ZZZ"), "/currency", "ZZZ", "CURRENCY_UNKNOWN"),
    "thousands-of-digits": (
        changed("lines", 0, "quantity", to=10**4000), "/lines/0/quantity", "1000", "NUMBER_TOO_LARGE",
    ),
    "exponent": (changed("lines", 0, "quantity", to="1e999999999"), "/lines/0/quantity", "1e9", "NUMBER_INVALID"),
    "thirtieth-of-february": (changed("issue_date", to="2026-02-30"), "/issue_date", "2026-02-30", "DATE_IMPOSSIBLE"),
    "day-zero": (changed("due_date", to="0000-00-00"), "/due_date", "0000-00-00", "DATE_IMPOSSIBLE"),
    "not-a-date": (changed("issue_date", to="01/02/2026"), "/issue_date", "01/02/2026", "DATE_FORMAT"),
    "unknown-field": (changed("surprise", to="x"), "/surprise", "x", "FIELD_UNKNOWN"),
    "unknown-deep": (changed("lines", 0, "surprise", to=1), "/lines/0/surprise", "1", "FIELD_UNKNOWN"),
    "repeated-field": (
        document_bytes(TRADE.invoices[0]).replace(b'"number":', b'"number":"A-1","number":', 1),
        "/number", "", "FIELD_REPEATED",
    ),
    "half-a-character": (
        changed("number", to="x").replace(b'"number": "x"', b'"number": "\\ud800"'), "/number", "", "TEXT_MALFORMED",
    ),
    "control": (changed("number", to="a\x00b"), "/number", "a", "TEXT_MALFORMED"),
    "long": (changed("number", to="x" * 100_000), "/number", "xxx", "TEXT_TOO_LONG"),
    "no-text": (changed("number", to={"a": 1}), "/number", "", "TEXT_EXPECTED"),
    "kind": (changed("kind", to="invioce"), "/kind", "invioce", "KIND_UNKNOWN"),
}  # fmt: skip
"""Name -> JSON file, path of the field that is wrong, its value (the beginning), rule."""

WHOLE: dict[str, tuple[bytes, str]] = {
    "deep": (b'{"kind":' + b"[" * 200_000 + b"]" * 200_000 + b"}", "JSON_TOO_DEEP"),
    "cut": (document_bytes(TRADE.order)[:-9], "JSON_MALFORMED"),
    "not-utf8": (document_bytes(TRADE.order).replace("公司".encode(), b"\xff\xfe", 1), "ENCODING"),
    "trailing": (document_bytes(TRADE.order) + b"x", "JSON_MALFORMED"),
    "array": (b"[]", "EMPTY"),
    "text": (b'{"kind":"invoice",}', "JSON_MALFORMED"),
    "zip": (gzip.compress(b"\0" * 10_000_000), "FORMAT_UNKNOWN"),
    "nothing": (b" \n", "EMPTY"),
    "large": (b'{"kind":"' + b"x" * (10 * 1024 * 1024) + b'"}', "TOO_LARGE"),
}
"""Name -> file that cannot be read at all, and the rule that refuses it."""


async def refusal(world: World, name: str, content: bytes) -> Json:
    """The result of a bad file that comes with a good one, which is taken, under its own name."""
    good = document_bytes(TRADE.order)
    files = [
        ("documents", (name, content, "application/octet-stream")),
        ("documents", ("good.json", good, "application/json")),
    ]
    async with world.as_party("alice") as client:
        answer = await client.post("/v1/documents", files=files)
    assert answer.status_code == 202, answer.text
    bad, *rest = answer.json()["results"]
    assert [each["label"] for each in rest] == ["good.json"]
    assert rest[0]["status"] in {"accepted", "already_registered"}
    assert (bad["status"], bad["document_id"]) == ("refused", "")
    assert bad["label"].startswith(name)
    assert all(problem["message"] and problem["remedy"] for problem in bad["problems"])
    return dict(bad)


@pytest.mark.parametrize("name", XML)
async def test_hostile_xml_is_refused(world: World, name: str) -> None:
    content, rule = XML[name]
    bad = await refusal(world, f"{name}.xml", content)
    (problem,) = bad["problems"]
    assert problem["rule"].startswith(rule)
    assert problem["path"].startswith("/")
    assert "root:" not in str(bad)  # nothing of a file of this machine


@pytest.mark.parametrize("name", FIELDS)
async def test_a_wrong_value_is_named_with_its_path(world: World, name: str) -> None:
    content, path, value, rule = FIELDS[name]
    bad = await refusal(world, f"{name}.json", content)
    (problem,) = [each for each in bad["problems"] if each["path"] == path]
    assert problem["rule"] == rule
    assert problem["field"] == path.rpartition("/")[2]
    assert problem["value"].startswith(value)
    assert len(problem["value"]) < 200


@pytest.mark.parametrize("name", WHOLE)
async def test_a_file_that_cannot_be_read_is_named(world: World, name: str) -> None:
    content, rule = WHOLE[name]
    bad = await refusal(world, f"{name}.json", content)
    assert rule in {problem["rule"] for problem in bad["problems"]}


async def test_one_bad_row_among_many_costs_only_itself(world: World) -> None:
    """NDJSON: every kind of bad row at once, a good one before, between and after."""
    goods = [json.dumps({**INVOICE, "number": f"ROW-{number}"}).encode() for number in range(len(FIELDS) + 1)]
    rows = [goods[0]]
    for (content, *_), good in zip(FIELDS.values(), goods[1:], strict=True):
        rows += [content.replace(b"\n", b" "), good]
    rows[3:3] = [b"", b"\xff\xfe not text", b"{" * 5000, b"null"]
    async with world.as_party("alice") as client:
        headers = {"content-type": "application/x-ndjson"}
        answer = await client.post("/v1/documents", content=b"\n".join(rows), headers=headers)
    results = answer.json()["results"]
    told = [row for row in range(len(rows)) if rows[row]]
    assert [each["label"] for each in results] == [f"line {row + 1}" for row in told]
    for row, result in zip(told, results, strict=True):
        expected = "accepted" if rows[row] in goods else "refused"
        assert result["status"] == expected, (row, result)
        assert all(each["rule"] and each["message"] and each["remedy"] for each in result["problems"])


async def test_an_array_tells_which_element(world: World) -> None:
    good = {**INVOICE, "number": "ELEMENT-1"}
    bad = json.loads(changed("issue_date", to="2026-02-30"))
    async with world.as_party("alice") as client:
        answer = await client.post("/v1/documents", json=[bad, good, 5])
    first, second, third = answer.json()["results"]
    assert [first["status"], second["status"], third["status"]] == ["refused", "accepted", "refused"]
    assert [first["label"], second["label"], third["label"]] == ["[0]", "[1]", "[2]"]
    assert first["problems"][0]["value"] == "2026-02-30"
    assert third["problems"][0]["rule"] == "OBJECT_EXPECTED"
