"""Reads bank reports of ISO 20022 in any version from 001.02 to 001.14: the statement (camt.053), the account report of
the day (camt.052) and the debit and credit notification (camt.054).

A statement may list very many entries, so the file is read in pieces, and each entry, and each transaction of
a batch entry, is forgotten as soon as it became a ``Movement``:

1. refuse a document type declaration, a message of another kind, and a part that grows without end;
2. at each report's account: a ``Statement`` (without an account its entries cannot be taken);
3. at each transaction of an entry (``TxDtls``): keep what says who paid what for which documents;
4. at the end of each entry: movements, one per transaction; the entry itself when it has none;
5. what is wrong with an entry is a ``LoadProblem``; its neighbours are taken all the same.

Element names did not change between versions, places of a few did; both are read. Source: the ISO 20022
message definition reports of camt.052, .053 and .054.001.02 to .14. What several reports say of the same money is put
together when it is stored (``merging``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

from lxml import etree

from crossverify.adapters.bank.entry import (
    Detail,
    EntryProblem,
    account_of,
    date_of,
    local_name,
    movements_of,
    read_detail,
    text_of,
)
from crossverify.adapters.bank.movements import Account, Movement, Report, Statement
from crossverify.adapters.records import LoadProblem, shown

CHUNK_BYTES = 64 * 1024
MAX_PART_BYTES = 2 * 1024 * 1024  # between two ends of an entry or transaction; real ones have a few kB
MAX_DETAILS = 20_000  # transactions of one batch entry; clearing systems stop far below

_MESSAGE = "BkToCstmrStmt"


@dataclass(frozen=True)
class _Form:
    """One message. :ivar part: element of one report; prefix: before its ids, which are unique for a form alone"""

    name: str
    part: str
    prefix: str
    report: Report


_FORMS: Mapping[str, _Form] = {
    "BkToCstmrStmt": _Form("camt.053", "Stmt", "", Report.STATEMENT),
    "BkToCstmrAcctRpt": _Form("camt.052", "Rpt", "052:", Report.INTRADAY),
    "BkToCstmrDbtCdtNtfctn": _Form("camt.054", "Ntfctn", "054:", Report.NOTIFICATION),
}
_PARTS = frozenset(form.part for form in _FORMS.values())
_OTHER_MESSAGES = {"CstmrPmtStsRpt": "a payment status report (pain.002)"}
_NAMESPACE = re.compile(
    r"urn:iso:std:iso:20022:tech:xsd:(?P<message>[a-z]+\.\d{3})\.\d{3}\.(?P<version>\d{2})"
)
_OLDEST_VERSION, _NEWEST_VERSION = 2, 14
_STATEMENT_REMEDY = "Load statements (camt.053), reports of the day (camt.052) or notifications (camt.054)."
_WATCHED = (
    "GrpHdr",
    *sorted(_PARTS),
    "Id",
    "ElctrncSeqNb",
    "StmtPgntn",
    "RptPgntn",
    "NtfctnPgntn",
    "CreDtTm",
    "FrToDt",
    "Acct",
    "Bal",
    "Ntry",
    "TxDtls",
)

_BYTE_ORDER_MARKS = b"\xef\xbb\xbf\xff\xfe\x00 \t\r\n"

Item = Statement | Movement | LoadProblem


class _RefusedError(Exception):
    """The whole file is refused."""

    def __init__(self, path: str, message: str, remedy: str) -> None:
        super().__init__(message)
        self.problem = LoadProblem(path, message, remedy)


@dataclass
class _Head:
    """What is known of the statement that is being read."""

    number: int
    identifier: str = ""
    sequence: str = ""
    page: str = ""
    created: str = ""
    until: str = ""
    account: Account | None = None
    entries: int = 0
    references: dict[str, int] = field(default_factory=dict)
    statement: Statement | None = None
    refused: bool = False


def read_statements(content: bytes) -> Iterator[Item]:
    """Statements with their movements, in the order of the file, and what could not be read.

    :param content: the file; parsed in pieces, so that memory beyond it stays small
    """
    if content[:4].lstrip(_BYTE_ORDER_MARKS)[:1] not in (b"<", b""):
        yield LoadProblem(
            "/", "This is no XML.", "Load bank statements as camt.053 (ISO 20022); unpack archives first."
        )
        return
    reader = _Reader()
    try:
        for start in range(0, len(content), CHUNK_BYTES):
            yield from reader.feed(content[start : start + CHUNK_BYTES])
        yield from reader.close()
    except _RefusedError as refused:
        yield refused.problem
    except etree.XMLSyntaxError as error:
        line = error.lineno or 0
        yield LoadProblem(
            f"line {line}",
            f"The file is not well-formed XML: {error.msg}.",
            "Export the statement again; entries before this line were taken.",
        )


class _Reader:
    def __init__(self) -> None:
        self._parser = etree.XMLPullParser(
            events=("end",),
            tag=[f"{{*}}{name}" for name in _WATCHED],
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
        )
        self._since_last_part = 0
        self._form: _Form | None = None
        self._group_page = ""
        self._statements = 0
        self._head: _Head | None = None
        self._details: list[Detail | EntryProblem] = []

    def feed(self, chunk: bytes) -> Iterator[Item]:
        self._since_last_part += len(chunk)
        try:
            self._parser.feed(chunk)
        except etree.XMLSyntaxError:
            yield from self._read()  # what was complete before the error
            raise
        yield from self._read()
        if self._since_last_part > MAX_PART_BYTES:
            raise _RefusedError(
                "/",
                f"One part of the file is longer than {MAX_PART_BYTES} bytes.",
                "Check that it is a statement.",
            )

    def close(self) -> Iterator[Item]:
        root = self._parser.close()
        yield from self._read()
        _refuse_doctype(root)
        if self._form is None:
            raise _not_a_statement(root)
        if self._statements == 0:
            raise _no_statement(self._form.name)

    def _read(self) -> Iterator[Item]:
        for _, event in self._parser.read_events():
            element = cast(etree._Element, event)  # "end" events carry elements
            parent = element.getparent()
            if parent is None:
                continue
            name = local_name(element)
            if name == "TxDtls" and local_name(parent) == "NtryDtls":
                self._end_of_detail(element)
            elif local_name(parent) in _PARTS:
                yield from self._end_of_part(name, element)
            elif name == "GrpHdr":
                self._check_message(parent)
                self._group_page = text_of(element, "MsgPgntn/PgNb")
                _forget(element)
            elif name in _PARTS:
                yield from self._end_of_statement()
                _forget(element)

    def _check_message(self, message: etree._Element) -> None:
        root = message.getroottree().getroot()
        _refuse_doctype(root)
        form = _FORMS.get(local_name(message))
        if form is None:
            raise _not_a_statement(root)
        wrong = _wrong_namespace(message, form)
        if wrong is not None:
            raise wrong
        match = _NAMESPACE.fullmatch(etree.QName(message).namespace or "")
        if match is not None and not _OLDEST_VERSION <= int(match["version"]) <= _NEWEST_VERSION:
            raise _RefusedError(
                "/",
                f"{form.name}.001.{match['version']} is not a version that is read here.",
                f"Export as {form.name}.001.{_OLDEST_VERSION:02d} to .{_NEWEST_VERSION:02d}, best .08.",
            )
        self._form = form

    @property
    def _part(self) -> str:
        return self._form.part if self._form is not None else _FORMS[_MESSAGE].part

    def _current(self) -> _Head:
        if self._head is None:
            self._statements += 1
            self._head = _Head(self._statements)
        return self._head

    def _end_of_part(self, name: str, element: etree._Element) -> Iterator[Item]:
        if self._form is None:
            statement = element.getparent()
            message = statement.getparent() if statement is not None else None
            self._check_message(element if message is None else message)
        head = self._current()
        if name == "Ntry":
            head.entries += 1
            yield from self._open(head)
            if head.statement is not None:
                yield from self._entry(head, head.statement, element)
            self._details = []
        else:
            _keep(head, name, element)
        _forget(element)
        self._since_last_part = 0

    def _end_of_detail(self, element: etree._Element) -> None:
        if len(self._details) <= MAX_DETAILS:
            self._details.append(read_detail(element, len(self._details) + 1))
        element.clear(keep_tail=True)  # type: ignore[call-arg]  # the stubs do not know it
        elder = element.getprevious()
        if (
            elder is not None and local_name(elder) == "TxDtls"
        ):  # what stands before them is read with the entry
            _detach(elder)
        self._since_last_part = 0

    def _entry(self, head: _Head, statement: Statement, element: etree._Element) -> Iterator[Item]:
        path = f"{self._part}[{head.number}]/Ntry[{head.entries}]"
        if len(self._details) > MAX_DETAILS:
            yield LoadProblem(
                f"/{path}",
                f"The entry has more than {MAX_DETAILS} transactions.",
                "Ask the bank to split batches.",
            )
            return
        reference = self._reference(head, element)
        for item in movements_of(element, self._details, statement, reference, f"/{path}"):
            if isinstance(item, EntryProblem):
                yield LoadProblem(f"/{path}{item.path}", item.message, item.remedy)
            else:
                yield item

    @staticmethod
    def _reference(head: _Head, element: etree._Element) -> str:
        """The entry's reference, made unique within the statement by counting repetitions."""
        given = text_of(element, "NtryRef") or text_of(element, "AcctSvcrRef")
        if not given:
            return f"#{head.entries}"
        seen = head.references[given] = head.references.get(given, 0) + 1
        return given if seen == 1 else f"{given}#{seen}"

    def _open(self, head: _Head) -> Iterator[Item]:
        """Make the statement of the parts that stand before its first entry."""
        if head.statement is not None or head.refused:
            return
        form = self._form or _FORMS[_MESSAGE]
        path = f"/{self._part}[{head.number}]"
        missing = "Acct/Id" if head.account is None else "Id" if not head.identifier else ""
        if head.account is None or missing:
            head.refused = True
            yield LoadProblem(
                f"{path}/{missing}",
                "The statement does not say which account or statement it is; its entries are not taken.",
                "Export it with account number (IBAN or Othr/Id) and statement id.",
            )
            return
        head.statement = Statement(
            path=path,
            identifier=form.prefix
            + "|".join((head.identifier, head.sequence, head.page or self._group_page)),
            account=head.account,
            until=head.until or head.created,
            report=form.report,
        )
        yield head.statement

    def _end_of_statement(self) -> Iterator[Item]:
        head = self._current()
        yield from self._open(head)
        self._head = None


def _keep(head: _Head, name: str, element: etree._Element) -> None:
    """Keep what a part before the entries says."""
    if name == "Id":
        head.identifier = text_of(element, ".")
    elif name == "ElctrncSeqNb":
        head.sequence = text_of(element, ".")
    elif name in ("StmtPgntn", "RptPgntn", "NtfctnPgntn"):
        head.page = text_of(element, "PgNb")
    elif name == "CreDtTm":
        head.created = date_of(element, ".")
    elif name == "FrToDt":
        head.until = date_of(element, "ToDtTm", "ToDt")
    elif name == "Acct":
        head.account = account_of(element)


def _refuse_doctype(root: etree._Element) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        raise _RefusedError(
            "/", "The file has a document type declaration (DOCTYPE).", "Remove it: statements need none."
        )


def _not_a_statement(root: etree._Element) -> _RefusedError:
    for element in root.iter():
        found = _OTHER_MESSAGES.get(local_name(element))
        if found:
            return _RefusedError("/", f"This is {found}, not a statement.", _STATEMENT_REMEDY)
        form = _FORMS.get(local_name(element))
        if form is not None:
            return _wrong_namespace(element, form) or _no_statement(form.name)
    return _RefusedError(
        "/", f"This is a {shown(local_name(root))} without {_MESSAGE}, not a statement.", _STATEMENT_REMEDY
    )


def _wrong_namespace(message: etree._Element, form: _Form) -> _RefusedError | None:
    namespace = etree.QName(message).namespace or ""
    match = _NAMESPACE.fullmatch(namespace)
    if not namespace or (match is not None and match["message"] == form.name):
        return None
    return _RefusedError(
        "/", f"The namespace {shown(namespace)} is not that of {form.name}.", _STATEMENT_REMEDY
    )


def _no_statement(name: str) -> _RefusedError:
    return _RefusedError(
        "/", f"There is no statement, report or notification in this {name}.", "Export a period with entries."
    )


def _forget(element: etree._Element) -> None:
    """Free an element's content and its elder siblings; the parser may still need its own node."""
    element.clear(keep_tail=True)  # type: ignore[call-arg]  # the stubs do not know it
    while (elder := element.getprevious()) is not None:
        _detach(elder)


def _detach(element: etree._Element) -> None:
    parent = element.getparent()
    if parent is not None:
        parent.remove(element)
