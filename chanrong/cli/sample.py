"""``chanrong sample``: made-up documents of a supplier's trades, and what the institutions know, to try things with."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chanrong.cli.output import JsonOption, command, emit_json, line
from consortium.errors import ConflictError

if TYPE_CHECKING:
    from chanrong.demo.world import World

BUYER_FILE = "core-enterprise.ndjson"


def sample(
    directory: Annotated[Path, typer.Argument(help="Folder to write; it must be new or empty.")] = Path(
        "sample"
    ),
    trades: Annotated[int, typer.Option(min=1, max=2000, help="Ordinary trades, beside the odd ones.")] = 12,
    as_json: JsonOption = False,
) -> None:
    """Write made-up documents and institution files to try with.

    Suppliers' documents as UBL, the core enterprise's as NDJSON; what the institutions know as files that
    `institution load` takes.

    Some invoices are bad on purpose: one is unknown to tax, one bills more than was received, one is paid.
    """
    from chanrong.demo.institutions import write_institution_files
    from chanrong.demo.world import make_world

    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConflictError(
            f"{directory} is there and not empty.", remedy="Name another folder, or remove it."
        )
    world = make_world(trades, dt.datetime.now(dt.UTC).date())
    count = _documents(world, directory / "documents")
    told = write_institution_files(world, directory)
    for name, paths in told.items():
        (directory / name).mkdir()
        for path in paths:
            path.rename(directory / name / path.name)
    invoice = world.twice.invoices[0].number
    if as_json:
        emit_json({"directory": str(directory), "documents": count, "sound_invoice": invoice})
        return
    line(f"{count} documents in {directory / 'documents'}, and what the institutions know. Next:")
    command(f"chanrong push {directory / 'documents'}")
    for name in told:
        command(f"chanrong institution load {name} {directory / name}")
    line(f"A sound invoice of the first supplier is {invoice}.")


def _documents(world: World, folder: Path) -> int:
    """One file for each of the suppliers' documents, one for all of the core enterprise's. Returns how many."""
    from chanrong.demo.ubl_writer import to_ubl
    from consortium.documents.canonical import document_bytes
    from consortium.documents.party import same_party
    from consortium.documents.roles import issuer_of

    folder.mkdir(parents=True)
    documents = world.documents()
    lines = []
    for number, document in enumerate(documents, 1):
        if same_party(issuer_of(document), world.buyer):
            lines.append(document_bytes(document) + b"\n")
        else:
            name = f"{number:04}-{document.kind.replace('_', '-')}.xml"
            (folder / name).write_bytes(to_ubl(document))
    (folder / BUYER_FILE).write_bytes(b"".join(lines))
    return len(documents)
