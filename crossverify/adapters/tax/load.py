"""Takes in what the tax authority is given: invoices as issued (e-fapiao XML, UBL, canonical JSON), states, taxpayers,
declared sales.

Records of one file may be mixed. JSON records are told apart by their fields: ``kind`` is a document, ``tax_id``
a taxpayer, ``sales_of`` what one declared, ``state`` the state of an invoice. What cannot be taken is reported with the
reason; all else is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from consortium.documents.invoice import InvoiceBase
from consortium.documents.kinds import KINDS
from consortium.documents.money import decimal_text
from consortium.documents.validation import validate
from consortium.storage.engine import Database
from crossverify.adapters.admin import in_batches
from crossverify.adapters.jsonfile import is_json, read_records
from crossverify.adapters.records import LoadProblem, LoadReport, shown
from crossverify.adapters.strict import mistakes
from crossverify.adapters.tax import store
from crossverify.adapters.tax.einvoice import is_archive, is_einvoice, is_xbrl, read_einvoice, read_ofd
from crossverify.adapters.tax.keys import bare_key, official_keys, seller_key
from crossverify.adapters.tax.records import (
    SalesRecord,
    StateLine,
    TaxInvoice,
    TaxpayerRecord,
    iso,
    tax_invoice,
)
from crossverify.adapters.tax.ublfile import is_xml, problem_of, read_invoice

INVOICES: Final = "invoices"
STATES: Final = "states"
TAXPAYERS: Final = "taxpayers"
SALES: Final = "sales"
DOCUMENT_KINDS: Final = ("invoice", "credit_note")
_RELOAD = "Correct it and load the file again; what was taken stays."

Record = TaxInvoice | StateLine | TaxpayerRecord | SalesRecord
_MODELS: Final[Mapping[str, type[StateLine | TaxpayerRecord | SalesRecord]]] = {
    "tax_id": TaxpayerRecord,
    "sales_of": SalesRecord,
    "state": StateLine,
}
"""By the field that tells a record's kind; the first that is there."""
Item = tuple[str, Record] | LoadProblem


class TaxLoader:
    """Loads files into the tax authority's database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, content: bytes, as_of: int) -> LoadReport:
        """Take in one file; see ``Loader``."""
        report = LoadReport()
        async for batch in in_batches(read(content)):
            async with self._database.write() as session:
                await _store(session, batch, as_of, report)
        return report


def read(content: bytes) -> Iterator[Item]:
    """Records of a file with their places."""
    if is_json(content):
        for record in read_records(content):
            if isinstance(record, LoadProblem):
                yield record
            else:
                yield _json_record(*record)
    elif is_archive(content):
        invoice = read_ofd(content)
        yield invoice if isinstance(invoice, LoadProblem) else ("", invoice)
    elif is_xml(content) and is_einvoice(content):
        invoice = read_einvoice(content)
        yield invoice if isinstance(invoice, LoadProblem) else ("", invoice)
    elif is_xml(content) and is_xbrl(content):
        yield LoadProblem(
            "",
            "This is an XBRL instance: what somebody booked, not the invoice.",
            "Load the invoice as XML, as the tax bureau delivers it.",
        )
    elif is_xml(content):
        found = read_invoice(content)
        yield found if isinstance(found, LoadProblem) else _document("", found)
    else:
        yield LoadProblem(
            "",
            "This is neither JSON nor XML.",
            "Load e-fapiao or UBL as XML, or JSON documents, states, taxpayers or sales.",
        )


def _json_record(path: str, values: Mapping[str, Any]) -> Item:
    if "kind" in values:
        return _json_document(path, values)
    model = next((model for field, model in _MODELS.items() if field in values), None)
    if model is None:
        return LoadProblem(
            path,
            "The record has neither kind (a document), tax_id (a taxpayer), sales_of (declared sales) nor state "
            "(of an invoice).",
            "Write invoices as canonical JSON, or {number, state, red_amount, use_confirmed}, "
            "or {tax_id, state, name, former_names}, or {sales_of, currency, months}.",
        )
    try:
        return path, model.model_validate(values)
    except ValidationError as error:
        fields = ", ".join(model.model_fields)
        return LoadProblem(path, f"{mistakes(error, values)}.", f"Its fields are {fields}. {_RELOAD}")


def _json_document(path: str, values: Mapping[str, Any]) -> Item:
    kind = values["kind"]
    if kind not in DOCUMENT_KINDS:
        return LoadProblem(
            path, f"A document of kind {shown(kind)} is no invoice.", "Load invoices and credit notes only."
        )
    found = validate(KINDS[kind], values)
    if isinstance(found, tuple):
        return problem_of(found, path)
    if not isinstance(found, InvoiceBase):
        raise TypeError(f"{kind} is no invoice")
    return _document(path, found)


def _document(path: str, document: InvoiceBase) -> Item:
    return path, tax_invoice(document)


async def _store(session: AsyncSession, batch: Sequence[Item], as_of: int, report: LoadReport) -> None:
    """Store a batch in its order: runs of records of one kind together."""
    run: list[tuple[str, Any]] = []
    for item in [*batch, None]:
        if isinstance(item, LoadProblem):
            report.refuse(item)
            continue
        if run and (item is None or type(item[1]) is not type(run[0][1])):
            await _STORES[type(run[0][1])](session, run, as_of, report)
            run = []
        if item is not None:
            run.append(item)


async def _store_invoices(
    session: AsyncSession, run: Sequence[tuple[str, TaxInvoice]], _as_of: int, report: LoadReport
) -> None:
    known = await store.find(session, [key for _, invoice in run for key in invoice.keys])
    # Key -> year of issue -> content digest; an official number has one invoice in all years.
    contents = {
        key: {_year(key, each.issue_date): each.content for each in found if each.own}
        for key, found in known.items()
    }
    new: list[TaxInvoice] = []
    for path, invoice in run:
        content = invoice.content()
        before = {contents.get(key, {}).get(_year(key, invoice.issue_date)) for key in invoice.keys} - {None}
        if before - {content}:
            report.refuse(
                LoadProblem(
                    path,
                    f"Another {invoice.kind} of this seller is known under {shown(invoice.number)}, "
                    "with other date, parties or amounts.",
                    "An issued invoice does not change: load the credit note or state that corrects it.",
                )
            )
            continue
        report.datasets.add(INVOICES)
        report.count(changed=not before)
        if before:
            continue
        new.append(invoice)
        for key in invoice.keys:
            contents.setdefault(key, {})[_year(key, invoice.issue_date)] = content
    await store.add_invoices(session, new)


def _year(key: str, issue_date: str) -> str:
    return "" if key.startswith(("digital|", "code|")) else issue_date[:4]


async def _store_taxpayers(
    session: AsyncSession, run: Sequence[tuple[str, TaxpayerRecord]], as_of: int, report: LoadReport
) -> None:
    latest = {record.tax_id: record for _, record in run}
    changed = await store.put_taxpayers(session, list(latest.values()), as_of)
    report.loaded += changed
    report.unchanged += len(run) - changed
    report.datasets.add(TAXPAYERS)


async def _store_sales(
    session: AsyncSession, run: Sequence[tuple[str, SalesRecord]], as_of: int, report: LoadReport
) -> None:
    latest = {record.sales_of: record for _, record in run}
    changed = await store.put_sales(session, list(latest.values()), as_of)
    report.loaded += changed
    report.unchanged += len(run) - changed
    report.datasets.add(SALES)


async def _store_states(
    session: AsyncSession, run: Sequence[tuple[str, StateLine]], as_of: int, report: LoadReport
) -> None:
    keys = {path: _state_keys(line) for path, line in run}
    known = await store.find(session, [key for each in keys.values() for key in each])
    stated: dict[int, dict[str, object]] = {}
    for path, line in run:
        found = _the_invoice(path, line, [each for key in keys[path] for each in known.get(key, [])])
        if isinstance(found, LoadProblem):
            report.refuse(found)
            continue
        try:
            values = _state_values(line, found, as_of)
        except ValueError as error:
            report.refuse(LoadProblem(path, f"{shown(line.number)}: {error}.", _RELOAD))
            continue
        report.datasets.add(STATES)
        before = stated.get(found.id) or _stated(found)
        after = {**before, **values}
        is_newer = int(str(before["state_as_of"])) <= as_of
        changed = is_newer and {**after, "state_as_of": 0} != {**before, "state_as_of": 0}
        report.count(changed=changed)
        if is_newer:
            stated[found.id] = after
    for invoice, values in stated.items():
        await store.set_state(session, invoice, values)


def _state_keys(line: StateLine) -> list[str]:
    if line.code:
        return official_keys(line.number, line.code)
    if line.seller:
        return [*official_keys(line.number, ""), seller_key(line.number, line.seller)]
    return [bare_key(line.number)]


def _the_invoice(path: str, line: StateLine, found: Sequence[store.Known]) -> store.Known | LoadProblem:
    """The one invoice that a line means."""
    day = iso(line.issue_date)
    candidates = {each.id: each for each in found if not day or each.issue_date == day}
    invoices = {key: each for key, each in candidates.items() if each.kind == "invoice"}
    candidates = invoices or candidates
    if line.seller:
        candidates = {key: each for key, each in candidates.items() if line.seller in each.seller_ids}
    if len(candidates) == 1:
        return next(iter(candidates.values()))
    if not candidates:
        return LoadProblem(
            path,
            f"No invoice {shown(line.number)} is known{' of that seller, code or date' if found else ''}.",
            "Load the invoice first, then its state.",
        )
    sellers = {each.seller_ids for each in candidates.values()}
    missing = "seller" if len(sellers) > 1 else "issue_date"
    return LoadProblem(
        path,
        f"{len(candidates)} invoices are known as {shown(line.number)}.",
        f"Add {missing} to the line to say which one is meant.",
    )


def _stated(invoice: store.Known) -> dict[str, object]:
    return {
        "void": invoice.void,
        "red_stated": invoice.red_stated,
        "use_confirmed": invoice.use_confirmed,
        "red_open": invoice.red_open,
        "red_open_amount": invoice.red_open_amount,
        "state_as_of": invoice.state_as_of,
    }


def _state_values(line: StateLine, invoice: store.Known, as_of: int) -> dict[str, object]:
    values: dict[str, object] = {
        "void": line.state == "void",
        "red_stated": decimal_text(line.red(Decimal(invoice.gross))),
        "state_as_of": as_of,
    }
    if line.use_confirmed is not None:
        values["use_confirmed"] = line.use_confirmed
    if line.red_confirmation_open is not None:
        amount = line.red_confirmation_amount
        values["red_open"] = line.red_confirmation_open
        values["red_open_amount"] = "" if amount is None else decimal_text(amount)
    return values


_STORES: Final[Mapping[type, Callable[..., Any]]] = {
    TaxInvoice: _store_invoices,
    TaxpayerRecord: _store_taxpayers,
    StateLine: _store_states,
    SalesRecord: _store_sales,
}
