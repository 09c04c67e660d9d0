"""A Schematron of EN 16931 turned into XSLT and run by Saxon, as what the rules' speed is held against.

The published file is preprocessed: no abstract patterns, no includes. So a pattern becomes a mode, a rule a template in
it (the first that fits wins, by priority), an assertion a test that writes a line when it fails. The stylesheet is
compiled once; only running it over an invoice is measured, parsing of the XML included, as a gateway would do it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from lxml import etree

SCH: Final = "http://purl.oclc.org/dsdl/schematron"
XSL: Final = "http://www.w3.org/1999/XSL/Transform"
NOT_INSTALLED: Final = "not measured: pip install -r requirements/schematron.txt"


def to_xslt(schematron: Path) -> bytes:
    """The stylesheet of a preprocessed Schematron file."""
    root = etree.parse(schematron).getroot()
    spaces = {str(node.get("prefix")): str(node.get("uri")) for node in root.iter(f"{{{SCH}}}ns")}
    sheet = etree.Element(f"{{{XSL}}}stylesheet", {"version": "2.0"}, nsmap={"xsl": XSL, **spaces})
    etree.SubElement(sheet, f"{{{XSL}}}output", {"method": "text"})
    for node in root.findall(f"{{{XSL}}}function"):
        sheet.append(node)
    _variables(root, sheet)
    start = etree.SubElement(sheet, f"{{{XSL}}}template", {"match": "/"})
    for number, pattern in enumerate(root.iter(f"{{{SCH}}}pattern")):
        mode = f"M{number}"
        etree.SubElement(start, f"{{{XSL}}}apply-templates", {"select": "/", "mode": mode})
        _pattern(sheet, pattern, mode)
    return etree.tostring(sheet)


def _pattern(sheet: etree._Element, pattern: etree._Element, mode: str) -> None:
    _variables(pattern, sheet)
    rules = pattern.findall(f"{{{SCH}}}rule")
    for priority, rule in enumerate(reversed(rules), 1):
        template = etree.SubElement(
            sheet,
            f"{{{XSL}}}template",
            {"match": str(rule.get("context")), "mode": mode, "priority": str(priority)},
        )
        _variables(rule, template)
        for check in rule:
            if check.tag in {f"{{{SCH}}}assert", f"{{{SCH}}}report"}:
                test = str(check.get("test"))
                fails = f"not({test})" if check.tag.endswith("assert") else test
                when = etree.SubElement(template, f"{{{XSL}}}if", {"test": fails})
                text = etree.SubElement(when, f"{{{XSL}}}text")
                text.text = f"{check.get('flag')} {check.get('id')}\n"
        etree.SubElement(template, f"{{{XSL}}}apply-templates", {"select": "*", "mode": mode})
    walk = etree.SubElement(sheet, f"{{{XSL}}}template", {"match": "*|/", "mode": mode, "priority": "-1"})
    etree.SubElement(walk, f"{{{XSL}}}apply-templates", {"select": "*", "mode": mode})
    etree.SubElement(sheet, f"{{{XSL}}}template", {"match": "text()", "mode": mode, "priority": "-1"})


def _variables(source: etree._Element, target: etree._Element) -> None:
    for node in source.findall(f"{{{SCH}}}let"):
        values = {"name": str(node.get("name")), "select": str(node.get("value"))}
        etree.SubElement(target, f"{{{XSL}}}variable", values)


class Schematron:
    """A compiled Schematron.

    :raises ImportError: Saxon is not installed
    """

    def __init__(self, schematron: Path) -> None:
        from saxonche import PySaxonProcessor  # type: ignore[import-not-found, unused-ignore]

        self._processor: Any = PySaxonProcessor(license=False)
        compiler = self._processor.new_xslt30_processor()
        self._run: Any = compiler.compile_stylesheet(stylesheet_text=to_xslt(schematron).decode())

    def check(self, document: str) -> Sequence[str]:
        """Flags and names of the assertions that fail."""
        node = self._processor.parse_xml(xml_text=document)
        return str(self._run.transform_to_string(xdm_node=node) or "").splitlines()
