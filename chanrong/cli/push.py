"""``chanrong push``: documents into an industry gateway, as an ERP would push them.

1. read the files; each is recognised by the gateway's own formats, so that the pusher can be told;
2. group them by the party that pushes: the one named with --as, else the document's own issuer, which the sandbox
   makes known at the gateway when it is not yet (a real gateway's operator does that once, by contract);
3. push each group in batches, with an idempotency key made from party and content: repeating is harmless;
4. wait for the ledger's verdict and show one result per document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from chanrong.cli.output import (
    DirOption,
    Exit,
    JsonOption,
    emit_json,
    err,
    layout_of,
    note,
    out,
    run_async,
    short,
    table,
)
from chanrong.sandbox import erp
from chanrong.sandbox.clients import gateway_of
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.parties import alias_for, known_as, onboard, own_identifiers
from chanrong.sandbox.profile import Party, Profile, Service, load_profile
from consortium.documents.roles import issuer_of
from consortium.errors import ChanrongError, ConflictError, InvalidInputError
from industry_gateway.formats import parse

BATCH_FILES = 200
BATCH_BYTES = 8 * 1024 * 1024
WAIT_S = 30.0
CONTENT_TYPES = {"ubl": "application/xml", "json": "application/json", "ndjson": "application/x-ndjson"}


@dataclass(slots=True)
class Item:
    """One file to push."""

    path: Path
    content: bytes
    content_type: str
    issuer: Any = None
    results: list[dict[str, Any]] = field(default_factory=list)


def push(
    files: Annotated[list[Path], typer.Argument(help="UBL 2.1 XML, JSON, JSON arrays or NDJSON.")],
    party: Annotated[
        str, typer.Option("--as", help="Party that pushes; the document's own issuer if empty.")
    ] = "",
    via: Annotated[str, typer.Option(help="Industry gateway; the first one if empty.")] = "",
    format_name: Annotated[str, typer.Option("--format", help="ubl or json; recognised if empty.")] = "",
    wait: Annotated[bool, typer.Option(help="Wait for the ledger's verdict.")] = True,
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Push documents; each gets its own result. Exit code 3 when some were refused or conflict."""
    layout = layout_of(directory)
    profile = load_profile(layout)
    gateway = gateway_of(profile, via)
    items = [_read(path, format_name) for path in files]
    results = run_async(lambda: _push_all(layout, profile, gateway, items, party, wait))
    if as_json:
        emit_json(results)
    else:
        _show(results)
    if any(r["status"] in {"refused", "conflict"} or _ledger(r) in {"refused", "conflict"} for r in results):
        raise typer.Exit(int(Exit.SOME_REFUSED))


def _read(path: Path, format_name: str) -> Item:
    try:
        content = path.read_bytes()
    except OSError as wrong:
        raise InvalidInputError(f"{path}: {wrong.strerror}.", remedy="Check its name.") from wrong
    parsed = parse(content, format=format_name or None, label=path.name)
    first = next((item.document for item in parsed if item.document is not None), None)
    is_xml = format_name == "ubl" or (not format_name and content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<")
    kind = "ubl" if is_xml else ("ndjson" if len(parsed) > 1 and content.lstrip()[:1] == b"{" else "json")
    return Item(path, content, CONTENT_TYPES[kind], issuer_of(first) if first is not None else None)


async def _push_all(
    layout: Layout, profile: Profile, gateway: Service, items: list[Item], alias: str, wait: bool
) -> list[dict[str, Any]]:
    groups: dict[str, list[Item]] = {}
    results: list[dict[str, Any]] = []
    for item in items:
        if alias:
            groups.setdefault(alias, []).append(item)
            continue
        try:
            profile, known = await _issuer(layout, profile, gateway, item)
        except (InvalidInputError, ConflictError) as error:
            results.append(_not_pushed(item, error))
        else:
            groups.setdefault(known.alias, []).append(item)
    columns = (TextColumn("pushing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task("push", total=len(items))
        for name, group in groups.items():
            async with erp.session(layout, gateway, profile.party(name)) as client:
                for batch in _batches(group):
                    results += await push_batch(client, profile.party(name), batch, wait=wait)
                    bar.advance(task, len(batch))
    return results


def _not_pushed(item: Item, error: ChanrongError) -> dict[str, Any]:
    """The result of a file whose issuer could not be made known to the gateway."""
    problem = {
        "path": "",
        "field": "issuer",
        "value": str(item.issuer.name or "") if item.issuer is not None else "",
        "rule": error.reason,
        "message": error.message,
        "remedy": error.remedy or "Name the party that pushes with --as.",
    }
    return {"label": item.path.name, "status": "refused", "kind": "", "number": "", "problems": [problem]}


async def _issuer(layout: Layout, profile: Profile, gateway: Service, item: Item) -> tuple[Profile, Party]:
    """The party that issued a document, made known at the gateway if it is not."""
    if item.issuer is None:
        known = next((p for p in profile.parties.values() if gateway.name in p.secrets), None)
        if known is not None:
            return profile, known
        return await onboard(
            layout,
            profile,
            gateway,
            alias="sandbox-erp",
            name="Sandbox ERP",
            identifiers=("name:sandbox erp",),
        )
    known = known_as(profile, item.issuer)
    if known is not None and gateway.name in known.secrets:
        return profile, known
    name = item.issuer.name or str(item.issuer.identifiers[0])
    alias = known.alias if known else _free_alias(profile, alias_for(name))
    identifiers = known.identifiers if known else own_identifiers(profile, item.issuer)
    note(f"making {name!r} known at {gateway.name} as party [bold]{alias}[/bold]")
    return await onboard(layout, profile, gateway, alias=alias, name=name, identifiers=identifiers)


def _free_alias(profile: Profile, wanted: str) -> str:
    numbers = (f"{wanted}-{number}" for number in range(2, len(profile.parties) + 3))
    return next(alias for alias in (wanted, *numbers) if alias not in profile.parties)


def _batches(items: list[Item]) -> Iterator[list[Item]]:
    batch: list[Item] = []
    size = 0
    for item in items:
        if batch and (len(batch) >= BATCH_FILES or size + len(item.content) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += len(item.content)
    if batch:
        yield batch


async def push_batch(
    client: erp.ErpClient, party: Party, batch: list[Item], *, wait: bool
) -> list[dict[str, Any]]:
    """Pushes one batch of files and returns one result per document, with the ledger's verdict if waited for."""
    digest = hashlib.sha256(party.alias.encode())
    for item in batch:
        digest.update(hashlib.sha256(item.content).digest())
    key = digest.hexdigest()
    if len(batch) == 1:
        answer = await client.push(batch[0].content, batch[0].content_type, idempotency_key=key)
    else:
        files = [(item.path.name, item.content, item.content_type) for item in batch]
        answer = await client.push_files(files, idempotency_key=key)
    results: list[dict[str, Any]] = list(answer["results"])
    for result in results:
        if len(batch) == 1 and not result.get("label"):
            result["label"] = batch[0].path.name
    if wait and any(r.get("document_id") for r in results):
        status = await client.wait_push(answer["push_id"], WAIT_S)
        positions = {d["document_id"]: d["position"] for d in status["documents"]}
        for result in results:
            if result.get("document_id") in positions:
                result["position"] = positions[result["document_id"]]
    return results


def _ledger(result: dict[str, Any]) -> str:
    return str(result.get("position", {}).get("state", ""))


def _show(results: list[dict[str, Any]]) -> None:
    rows = []
    for result in results:
        position = result.get("position", {})
        block = f"block {position['block_number']}" if position.get("block_number") else _ledger(result)
        status = str(result["status"]).replace("_", " ")
        rows.append(
            (
                str(result.get("label", "")),
                str(result.get("kind", "")),
                str(result.get("number", "")),
                status,
                block,
                short(str(result.get("fingerprint", ""))),
            )
        )
    table("", ("file", "kind", "number", "result", "ledger", "fingerprint"), rows)
    for result in results:
        for problem in result.get("problems", ()):
            err.print(f"\n[red]{result['status']}[/red] {result.get('label', '')} {result.get('number', '')}")
            where = problem.get("path") or problem.get("field", "")
            err.print(f"  {where} = {problem.get('value', '')!r}: {problem['message']}", markup=False)
            err.print(f"  {problem.get('remedy', '')} ({problem['rule']})", markup=False, style="dim")
    counts: dict[str, int] = {}
    for result in results:
        status = str(result["status"]).replace("_", " ")
        counts[status] = counts.get(status, 0) + 1
    out.print(", ".join(f"{number} {name}" for name, number in counts.items()))


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(push)
