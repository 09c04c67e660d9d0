"""``chanrong push``: documents into an industry gateway, as an ERP would push them.

1. read the files; a directory stands for every document file in it;
2. find out who pushes: the party named with --as, else the document's own issuer, whom the sandbox makes known at the
   gateway when it is new (a real gateway's operator does that once, by contract);
3. push each party's files in batches, with an idempotency key made from party and content: repeating is harmless;
4. wait for the ledger's verdict, and show what became of each document.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from chanrong.cli import push_view
from chanrong.cli.output import (
    DirOption,
    Exit,
    JsonOption,
    emit_json,
    err,
    layout_of,
    note,
    read_file,
    run_async,
)
from chanrong.sandbox import erp
from chanrong.sandbox.clients import gateway_of
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.parties import alias_for, known_as, onboard, own_identifiers
from chanrong.sandbox.profile import Party, Profile, Service, load_profile
from chanrong.sandbox.pushed import remember
from consortium.documents import Document
from consortium.documents import Party as DocumentParty
from consortium.documents.party import same_party
from consortium.documents.roles import buyer_of, issuer_of, parties_of, seller_of
from consortium.errors import (
    ChanrongError,
    ConflictError,
    InvalidInputError,
    OutcomeUnknownError,
    UnavailableError,
)
from industry_gateway.formats import parse, recognise

BATCH_FILES = 200
BATCH_BYTES = 8 * 1024 * 1024
QUIET_S = 30.0
"""How long nothing more may come onto the ledger before waiting for it ends."""
SUFFIXES = frozenset({".xml", ".json", ".ndjson", ".jsonl"})
LINES = frozenset({".ndjson", ".jsonl"})
CONTENT_TYPES = {"ubl": "application/xml", "json": "application/json", "ndjson": "application/x-ndjson"}

Seen = Callable[[int, int], None]


class FormatName(StrEnum):
    """Formats that can be named."""

    ubl = "ubl"
    json = "json"


@dataclass(frozen=True, slots=True)
class Item:
    """One file to push. ``issuer`` is who pushes it when nobody is named; None when no document could be read."""

    path: Path
    content: bytes
    content_type: str
    issuer: DocumentParty | None = None
    role: str = "party"


def push(
    files: Annotated[
        list[Path], typer.Argument(help="UBL 2.1 XML, JSON, JSON arrays, NDJSON; or directories of such.")
    ],
    party: Annotated[
        str, typer.Option("--as", help="Party that pushes; the document's own issuer if empty.")
    ] = "",
    via: Annotated[str, typer.Option(help="Industry gateway; the first one if empty.")] = "",
    format_name: Annotated[
        FormatName | None, typer.Option("--format", help="Recognised if not given.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the ledger's verdict.")] = True,
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Push documents, as an ERP would; each gets its own result.

    Exit code 3 when some were refused or conflict with what is registered.
    """
    layout = layout_of(directory)
    profile = load_profile(layout)
    gateway = gateway_of(profile, via)
    alias = profile.party(party).alias if party else ""
    items = [read_item(path, format_name, asked=bool(alias)) for path in expand(files)]
    results = run_async(lambda: _push_all(layout, profile, gateway, items, alias, wait))
    if as_json:
        emit_json(results)
    else:
        push_view.show(results)
    if any(push_view.standing(result) in push_view.BAD for result in results):
        raise typer.Exit(int(Exit.SOME_REFUSED))


def expand(paths: Sequence[Path]) -> list[Path]:
    """Step 1: directories become the document files in them, by name.

    :raises InvalidInputError: a directory without any
    """
    found: list[Path] = []
    for path in paths:
        if not path.is_dir():
            found.append(path)
            continue
        inside = sorted(p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
        if not inside:
            raise InvalidInputError(
                f"There is no document file in {path}.",
                remedy=f"Files are taken by their endings: {', '.join(sorted(SUFFIXES))}.",
            )
        found += inside
    return found


def read_item(path: Path, format_name: FormatName | None, *, asked: bool) -> Item:
    """Step 1 and 2: a file, what it is, and whose documents are in it unless somebody is named (``asked``)."""
    content = read_file(path)
    known = format_name.value if format_name else recognise(content) or "json"
    documents: list[Document] = []
    many = path.suffix.lower() in LINES
    if not asked or (known == "json" and not many):
        parsed = parse(content, format=known, label=path.name)
        documents = [each.document for each in parsed if each.document is not None]
        many = many or (len(parsed) > 1 and content.lstrip()[:1] == b"{")
    kind = "ndjson" if known == "json" and many else known
    if asked or not documents:
        return Item(path, content, CONTENT_TYPES[kind])
    issuer = _pusher(documents)
    return Item(path, content, CONTENT_TYPES[kind], issuer, _role(documents[0], issuer))


def _pusher(documents: Sequence[Document]) -> DocumentParty:
    """Who pushes a file of several documents: the first one's issuer, unless another party is named on more of them."""
    candidates = [issuer_of(documents[0]), *parties_of(documents[0])]

    def named_on(candidate: DocumentParty) -> int:
        return sum(any(same_party(candidate, each) for each in parties_of(d)) for d in documents)

    return candidates[0] if len(documents) == 1 else max(candidates, key=named_on)


def _role(document: Document, party: DocumentParty) -> str:
    for role, other in (("supplier", seller_of(document)), ("buyer", buyer_of(document))):
        if other is not None and same_party(other, party):
            return role
    return "party"


async def _push_all(
    layout: Layout, profile: Profile, gateway: Service, items: Sequence[Item], alias: str, wait: bool
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
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        pushing = bar.add_task("pushing files", total=len(items))
        waiting = bar.add_task("on the ledger", total=None, visible=wait)
        before = 0
        for name, group in groups.items():
            party = profile.party(name)
            async with erp.session(layout, gateway, party) as client:
                for batch in _batches(group):
                    base = before

                    def seen(done: int, total: int, base: int = base) -> None:
                        bar.update(waiting, completed=base + done, total=base + total)

                    try:
                        found = await push_batch(client, party, batch, wait=wait, seen=seen)
                    except (UnavailableError, OutcomeUnknownError):
                        raise  # repeating the command finds what arrived
                    except ChanrongError as error:
                        found = [_not_pushed(item, error) for item in batch]
                    before += len(found)
                    remember(layout, found, name)
                    results += found
                    bar.advance(pushing, len(batch))
    return results


def _not_pushed(item: Item, error: ChanrongError) -> dict[str, Any]:
    """The result of a file that did not get as far as having documents: nobody may push it, or it is too large."""
    problem = {
        "path": "",
        "field": "",
        "value": "",
        "rule": error.reason,
        "message": error.message,
        "remedy": error.remedy,
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
    alias = known.alias if known else _free_alias(profile, alias_for(name, item.role))
    identifiers = known.identifiers if known else own_identifiers(profile, item.issuer)
    profile, made = await onboard(layout, profile, gateway, alias=alias, name=name, identifiers=identifiers)
    note(f"new at {gateway.name}: {alias} is {name}")
    return profile, made


def _free_alias(profile: Profile, wanted: str) -> str:
    numbers = (f"{wanted}-{number}" for number in range(2, len(profile.parties) + 3))
    return next(alias for alias in (wanted, *numbers) if alias not in profile.parties)


def _batches(items: Sequence[Item]) -> Iterator[list[Item]]:
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
    client: erp.ErpClient, party: Party, batch: list[Item], *, wait: bool, seen: Seen | None = None
) -> list[dict[str, Any]]:
    """Pushes one batch of files and returns one result per document, with the ledger's verdict if waited for.

    :param seen: told of how many documents have a verdict, and how many there are
    """
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
        if len(batch) == 1:
            name, label = batch[0].path.name, result.get("label", "")
            result["label"] = label if name in label else f"{name}: {label}".rstrip(": ")
    if wait and any(r.get("document_id") for r in results):
        status = await client.wait_push(answer["push_id"], QUIET_S, seen)
        positions = {d["document_id"]: d["position"] for d in status["documents"]}
        for result in results:
            if result.get("document_id") in positions:
                result["position"] = positions[result["document_id"]]
    return results
