"""The stylesheet that the bench makes of a Schematron says what the Schematron asserts."""

from __future__ import annotations

from pathlib import Path

import pytest
from lxml import etree

from tests.bench.schematron import Schematron, to_xslt
from tests.sample_data import DATA, needs_sample_data

SMALL = """<schema xmlns="http://purl.oclc.org/dsdl/schematron">
  <ns prefix="s" uri="urn:s"/>
  <let name="most" value="2"/>
  <pattern>
    <let name="lines" value="count(//s:line)"/>
    <rule context="s:line[@special]"><assert id="SPECIAL" flag="warning" test="false()">always</assert></rule>
    <rule context="s:line"><assert id="NUMBER" flag="fatal" test="@n">a number</assert></rule>
    <rule context="s:order"><report id="MANY" flag="fatal" test="$lines &gt; $most">too many</report></rule>
  </pattern>
  <pattern><rule context="s:line"><assert id="AGAIN" flag="fatal" test="@m">m</assert></rule></pattern>
</schema>"""


def _said(document: str, folder: Path) -> list[str]:
    file = folder / "small.sch"
    file.write_text(SMALL)
    run = etree.XSLT(etree.fromstring(to_xslt(file)))
    return str(run(etree.fromstring(document))).split("\n")[:-1]


def test_assertions_that_fail_and_reports_that_hold_are_said(tmp_path: Path) -> None:
    order = '<order xmlns="urn:s"><line n="1" m="1"/><line m="1"/><line n="3"/></order>'
    assert _said(order, tmp_path) == ["fatal MANY", "fatal NUMBER", "fatal AGAIN"]


def test_the_first_rule_of_a_pattern_that_fits_is_the_only_one(tmp_path: Path) -> None:
    assert _said('<order xmlns="urn:s"><line special="1" m="1"/></order>', tmp_path) == ["warning SPECIAL"]


@needs_sample_data
def test_a_published_schematron_passes_a_published_invoice_and_fails_a_spoiled_one() -> None:
    pytest.importorskip("saxonche", reason="an extra: requirements/schematron.txt")
    assert DATA is not None
    schematron = Schematron(DATA / "ubl/schematron/EN16931-UBL-validation-preprocessed.sch")
    text = next((DATA / "ubl/billing3").rglob("Vat-category-S.xml")).read_text(encoding="utf-8-sig")
    assert not schematron.check(text)
    spoiled = text.replace("<cbc:ID>", "<cbc:UUID>", 1).replace("</cbc:ID>", "</cbc:UUID>", 1)
    assert any(line.startswith("fatal") for line in schematron.check(spoiled))
