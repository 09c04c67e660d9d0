"""``chanrong institution``: gives a reference institution its data, or takes it down for trying."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict

from chanrong.cli.output import (
    DirOption,
    Exit,
    JsonOption,
    emit_json,
    err,
    layout_of,
    line,
    moment,
    read_file,
    run_async,
)
from chanrong.sandbox.clients import admin_of, connect
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile, load_profile
from consortium.rpc.client import call
from consortium.wire.chanrong.sources.v1 import sources_pb2, sources_pb2_grpc

app = typer.Typer(no_args_is_help=True, help="Reference institutions: load, pause, resume.")

LOAD_TIMEOUT_S = 60.0
NameArgument = Annotated[str, typer.Argument(help="tax, bank, credit, registry or bills.")]


async def load_files(
    layout: Layout, profile: Profile, name: str, files: list[Path], as_of: int
) -> dict[str, sources_pb2.LoadDataResponse]:
    """Loads files into an institution; what became of each, by file."""
    service = profile.service(name, "adapter")
    every = [path for file in files for path in (sorted(file.iterdir()) if file.is_dir() else [file])]
    contents = {file: read_file(file) for file in every}
    found = {}
    async with connect(layout, service, admin_of(service)) as link:
        stub = sources_pb2_grpc.InstitutionAdminServiceStub(link)
        for file, content in contents.items():
            wanted = sources_pb2.LoadDataRequest(file_name=file.name, content=content, as_of_unix=as_of)
            found[str(file)] = await call(stub.LoadData, wanted, timeout_s=LOAD_TIMEOUT_S)
    return found


@app.command()
def load(
    name: NameArgument,
    files: Annotated[
        list[Path], typer.Argument(help="Files in the institution's own form, or folders of such.")
    ],
    as_of: Annotated[
        str, typer.Option("--as-of", help="State of knowledge (ISO 8601, UTC); now by default.")
    ] = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Load data. Exit code 3 when some records could not be read."""
    layout = layout_of(directory)
    known = moment(as_of, "--as-of") or 0
    found = run_async(lambda: load_files(layout, load_profile(layout), name, files, known))
    if as_json:
        full = {
            file: MessageToDict(
                r, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
            )
            for file, r in found.items()
        }
        emit_json(full)
    else:
        for file, result in found.items():
            refused = len(result.problems) + result.further_problems
            line(f"{file}: {result.loaded} loaded, {result.unchanged} unchanged, {refused} refused")
            for problem in result.problems:
                line(f"{problem.path}: {problem.message} {problem.remedy}".rstrip(), indent=2, to=err)
            if result.further_problems:
                line(f"… and {result.further_problems} more", indent=2, to=err)
    if any(result.problems for result in found.values()):
        raise typer.Exit(int(Exit.SOME_REFUSED))


async def set_paused(layout: Layout, profile: Profile, name: str, paused: bool) -> bool:
    """Stops an institution's answers, or lets it answer again."""
    service = profile.service(name, "adapter")
    async with connect(layout, service, admin_of(service)) as link:
        stub = sources_pb2_grpc.InstitutionAdminServiceStub(link)
        return (await call(stub.SetPaused, sources_pb2.SetPausedRequest(paused=paused))).paused


@app.command()
def pause(name: NameArgument, directory: DirOption = None, as_json: JsonOption = False) -> None:
    """Let an institution stop answering, to see what packages say then."""
    _pause(name, directory, as_json, paused=True)


@app.command()
def resume(name: NameArgument, directory: DirOption = None, as_json: JsonOption = False) -> None:
    """Let an institution answer again."""
    _pause(name, directory, as_json, paused=False)


def _pause(name: str, directory: Path | None, as_json: bool, *, paused: bool) -> None:
    layout = layout_of(directory)
    now = run_async(lambda: set_paused(layout, load_profile(layout), name, paused))
    if as_json:
        emit_json({"institution": name, "paused": now})
    else:
        line(f"{name} {'is paused: it does not answer' if now else 'answers'}")
