"""XML, read safely: no DOCTYPE, no entities of its own, no network, bounded size and depth."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from lxml import etree

from consortium.documents.problems import Problem, shorten

MAX_XML_BYTES: Final = 10 * 1024 * 1024
"""Bytes of one document, refused before anything is parsed."""

CBC: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"
CAC: Final = "urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
UBL: Final = "urn:oasis:names:specification:ubl:schema:xsd:"
"""Start of the namespace of every UBL document type; ``-2`` is at the end."""

_PREFIXES = {CBC: "cbc:", CAC: "cac:"}


class XmlRefusedError(Exception):
    """The bytes are not XML that we read; holds the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


def _refuse(rule: str, message: str, remedy: str, value: str = "", path: str = "/") -> XmlRefusedError:
    return XmlRefusedError(Problem(path, "", value, rule, message, remedy))


def parse_xml(content: bytes) -> etree._Element:
    """Parse XML bytes.

    :raises XmlRefusedError: ``TOO_LARGE``, ``XML_MALFORMED`` or ``XML_DOCTYPE``
    """
    if len(content) > MAX_XML_BYTES:
        raise _refuse(
            "TOO_LARGE", f"A document has at most {MAX_XML_BYTES} bytes.", "Split it.", str(len(content))
        )
    if b"<!DOCTYPE" in content:
        raise _doctype()
    # A parser of its own for each document: parsers keep state, and callers may be threads.
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        place = f"/line {line}" if line else "/"
        raise _refuse(
            "XML_MALFORMED",
            f"This is no well-formed XML: {shorten(str(error))}.",
            "Export the document again.",
            "",
            place,
        ) from error
    if root is None:
        raise _refuse("XML_MALFORMED", "There is no element in it.", "Export the document again.")
    if root.getroottree().docinfo.internalDTD is not None:  # UTF-16 hides it from the search above
        raise _doctype()
    return root


def _doctype() -> XmlRefusedError:
    return _refuse(
        "XML_DOCTYPE",
        "A document type declaration (DOCTYPE) can pull in other files and is never read.",
        "Send the document without it; UBL needs none.",
    )


def cbc(name: str) -> str:
    """A basic component's tag as lxml writes it."""
    return f"{{{CBC}}}{name}"


def cac(name: str) -> str:
    """An aggregate component's tag as lxml writes it."""
    return f"{{{CAC}}}{name}"


def tag(short: str) -> str:
    """``cbc:ID`` as lxml writes it."""
    prefix, _, name = short.partition(":")
    return cbc(name) if prefix == "cbc" else cac(name)


@lru_cache(maxsize=2048)
def short_name(clark: str) -> str:
    """``{urn:...}ID`` as people write it: ``cbc:ID``; without a prefix outside of the two component namespaces."""
    namespace, _, name = clark[1:].partition("}") if clark.startswith("{") else ("", "", clark)
    return _PREFIXES.get(namespace, "") + name


def xpath_of(element: etree._Element) -> str:
    """Where an element is, with the usual prefixes whatever the document calls them."""
    parts: list[str] = []
    node: etree._Element | None = element
    while node is not None:
        name = str(node.tag)
        before = sum(1 for _ in node.itersiblings(name, preceding=True))
        alone = not before and next(node.itersiblings(name), None) is None
        parts.append(short_name(name) + ("" if alone else f"[{before + 1}]"))
        node = node.getparent()
    return "/" + "/".join(reversed(parts))


def text_of(element: etree._Element) -> str:
    """An element's text without blanks around it; empty when there is none."""
    text = element.text
    return text.strip() if text else ""
