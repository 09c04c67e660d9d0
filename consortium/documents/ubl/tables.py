"""The engine of the UBL reader: tables that say which element becomes which field.

A table maps the tags of an element's children to rules. The reader walks the children that are there and lets each
find its rule, so what a document does not have costs nothing, and what a table does not name is skipped: UBL has
hundreds of elements that do not matter here. Where each value came from is kept, so that a problem names its XPath.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from consortium.documents.problems import MAX_PROBLEMS, Problem, shorten
from consortium.documents.ubl.xml import short_name, tag, text_of, xpath_of

Values = dict[str, Any]
Convert = Callable[["Reading", etree._Element, str], Any]
Rule = Callable[["Reading", etree._Element, Values], None]

_DECIMAL = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?", re.ASCII)
_ZONE = re.compile(r"(Z|[+-]\d\d:\d\d)$", re.ASCII)


@dataclass(frozen=True)
class Table:
    """Rules by tag, and for every field the path at which it is looked for."""

    rules: Mapping[str, Rule]
    paths: Mapping[str, str]


@dataclass
class Reading:
    """One document being read."""

    currency: str = ""
    """The document's currency, which every amount has to have."""
    problems: list[Problem] = field(default_factory=list)
    sources: dict[tuple[int, str], etree._Element] = field(default_factory=dict)
    """(identity of the values, field) -> the element that it was read from."""
    owners: dict[int, tuple[etree._Element, Table | None]] = field(default_factory=dict)
    """Identity of the values -> the element that they describe, and its table."""
    untold: int = 0
    """Problems that are counted and not told."""
    keep: list[Any] = field(default_factory=list)
    """Holds values that were dropped, so that identities stay unique."""

    def read(self, element: etree._Element, table: Table, into: Values | None = None) -> Values:
        """Read an element's children by a table."""
        values: Values = {} if into is None else into
        if into is None:
            self.owners[id(values)] = (element, table)
            self.keep.append(values)
        rules = table.rules
        for child in element:
            rule = rules.get(child.tag)
            if rule is not None:
                rule(self, child, values)
        return values

    def put(self, values: Values, name: str, value: Any, element: etree._Element) -> None:
        """Set a field once; the second time is a problem, since nobody can say which of the two is meant."""
        if name in values:
            if values[name] != value:
                self.repeated(element, name, value)
            return
        values[name] = value
        self.sources[id(values), name] = element

    def repeated(self, element: etree._Element, name: str, value: Any) -> None:
        """Say that an element is there twice with different values."""
        self.refuse(
            element,
            name,
            value,
            "ELEMENT_REPEATED",
            f"There is more than one {short_name(str(element.tag))} with different content.",
            "Keep one; give the others where they belong, such as at the lines.",
        )

    def refuse(
        self, element: etree._Element, name: str, value: Any, rule: str, message: str, remedy: str
    ) -> None:
        """Add a problem at an element; after ``MAX_PROBLEMS`` of them the rest is only counted."""
        if len(self.problems) >= MAX_PROBLEMS:
            self.untold += 1
            return
        self.problems.append(Problem(xpath_of(element), name, shorten(value), rule, message, remedy))

    def where(self, root: Values, location: tuple[str | int, ...]) -> str:
        """The XPath of a location in the values that were read."""
        holder: Any = root
        last: etree._Element | None = None
        for depth, part in enumerate(location):
            if isinstance(holder, dict):
                source = self.sources.get((id(holder), str(part)))
                owner = self.owners.get(id(holder))
                holder = holder.get(part)
                if source is not None:
                    last = source
                elif holder is None:
                    return self._expected(owner, last, [str(each) for each in location[depth:]])
            elif isinstance(holder, list) and isinstance(part, int) and part < len(holder):
                holder = holder[part]
            if isinstance(holder, dict) and (owner := self.owners.get(id(holder))):
                last = owner[0]
        return xpath_of(last) if last is not None else "/"

    def _expected(
        self,
        owner: tuple[etree._Element, Table | None] | None,
        last: etree._Element | None,
        missing: list[str],
    ) -> str:
        """Where a field that is not there should have been."""
        element, table = owner if owner is not None else (last, None)
        base = xpath_of(element) if element is not None else ""
        path = table.paths.get(missing[0], "") if table is not None else ""
        return f"{base}/{path}" if path else base or "/"


def table(*groups: Mapping[str, Rule | tuple[Rule, Mapping[str, str]]]) -> Table:
    """Make a table of short tags and rules; rules made by the functions below know their fields."""
    rules: dict[str, Rule] = {}
    paths: dict[str, str] = {}
    for group in groups:
        for short, entry in group.items():
            rule, fields = entry if isinstance(entry, tuple) else (entry, {})
            rules[tag(short)] = rule
            for name, path in fields.items():
                paths.setdefault(name, f"{short}/{path}" if path else short)
    return Table(rules, paths)


Entry = tuple[Rule, Mapping[str, str]]


def leaf(name: str, convert: Convert | None = None) -> Entry:
    """A child whose text is one field. Empty elements are as if they were not there."""

    def rule(reading: Reading, element: etree._Element, values: Values) -> None:
        text = text_of(element)
        if text:
            reading.put(values, name, text if convert is None else convert(reading, element, text), element)

    return rule, {name: ""}


def joined(name: str) -> Entry:
    """A child that may be repeated: the texts are joined, one a line."""

    def rule(reading: Reading, element: etree._Element, values: Values) -> None:
        text = text_of(element)
        if not text:
            return
        if name in values:
            values[name] = f"{values[name]}\n{text}"
        else:
            reading.put(values, name, text, element)

    return rule, {name: ""}


def first(entry: Entry) -> Entry:
    """A child that may be repeated and of which the first counts."""
    inner, fields = entry
    guard = next(iter(fields))

    def rule(reading: Reading, element: etree._Element, values: Values) -> None:
        if guard not in values:
            inner(reading, element, values)

    return rule, fields


def measured(name: str, unit: str) -> Entry:
    """A quantity with its unit in ``@unitCode``."""

    def rule(reading: Reading, element: etree._Element, values: Values) -> None:
        text = text_of(element)
        if not text:
            return
        reading.put(values, name, decimal(reading, element, text), element)
        code = (element.get("unitCode") or "").strip()
        if code:
            reading.put(values, unit, code, element)

    return rule, {name: "", unit: "@unitCode"}


def inside(inner: Table) -> Entry:
    """A child that only groups: its children's fields belong to the same values."""

    def rule(reading: Reading, element: etree._Element, values: Values) -> None:
        reading.read(element, inner, values)

    return rule, inner.paths


def part(name: str, inner: Table, finish: Callable[[Reading, Values], None] | None = None) -> Entry:
    """A child that is a part of its own."""

    def rule(reading: Reading, element: etree._Element, values: Values) -> None:
        made = reading.read(element, inner)
        if finish is not None:
            finish(reading, made)
        if made:
            reading.put(values, name, made, element)

    return rule, {name: ""}


def many(name: str, inner: Table, finish: Callable[[Reading, Values], None] | None = None) -> Entry:
    """A child that may be repeated and makes a list of parts."""

    def rule(reading: Reading, element: etree._Element, values: Values) -> None:
        made = reading.read(element, inner)
        if finish is not None:
            finish(reading, made)
        if made:
            values.setdefault(name, []).append(made)
            reading.sources.setdefault((id(values), name), element)

    return rule, {name: ""}


def decimal(_reading: Reading, _element: etree._Element, text: str) -> str:
    """xsd:decimal as we write it: no plus sign, digits on both sides of a point."""
    found = _DECIMAL.fullmatch(text)
    if not found or not (found[2] or found[3]):
        return text  # the field's own check says what is wrong
    sign = "-" if found[1] == "-" else ""
    return f"{sign}{found[2] or '0'}" + (f".{found[3]}" if found[3] else "")


def amount(reading: Reading, element: etree._Element, text: str) -> str:
    """An amount, whose ``@currencyID`` has to be the document's currency."""
    currency = element.get("currencyID")
    if currency != reading.currency:
        reading.refuse(
            element,
            short_name(str(element.tag)),
            currency or "",
            "CURRENCY_MISMATCH" if currency else "CURRENCY_MISSING",
            f"The amount is not in the document's currency {reading.currency or '(none)'}.",
            "Give all amounts in cbc:DocumentCurrencyCode; other currencies belong to a document of their own.",
        )
    return decimal(reading, element, text)


def day(_reading: Reading, _element: etree._Element, text: str) -> str:
    """xsd:date; a time zone at its end is dropped, since dates of documents are calendar dates."""
    return _ZONE.sub("", text) if len(text) > 10 else text


def boolean(_reading: Reading, _element: etree._Element, text: str) -> Any:
    """xsd:boolean."""
    return {"true": True, "1": True, "false": False, "0": False}.get(text, text)
