"""``chanrong reconcile``: run jobs now, work the break list."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import typer
from google.protobuf.json_format import MessageToDict

from chanrong.cli.output import DirOption, JsonOption, emit_json, layout_of, out, run_async, short, table
from chanrong.sandbox.clients import admin_of, connect
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile, Service, load_profile
from consortium.rpc.client import call
from consortium.wire.chanrong.reconciliation.v1 import reconciliation_pb2, reconciliation_pb2_grpc

app = typer.Typer(no_args_is_help=True, help="Run reconciliation jobs now; list and resolve breaks.")

RUN_TIMEOUT_S = 120.0
GatewayOption = Annotated[str, typer.Option("--at", help="Only at this gateway.")]


def _gateways(profile: Profile, name: str) -> list[Service]:
    return [profile.service(name)] if name else [*profile.of_kind("industry"), *profile.of_kind("finance")]


async def run_jobs(
    layout: Layout, services: list[Service], job: str
) -> dict[str, list[reconciliation_pb2.JobResult]]:
    """Runs jobs at gateways; results by gateway."""
    found = {}
    for service in services:
        async with connect(layout, service, admin_of(service)) as link:
            stub = reconciliation_pb2_grpc.ReconciliationServiceStub(link)
            answer = await call(
                stub.RunJobs, reconciliation_pb2.RunJobsRequest(job=job), timeout_s=RUN_TIMEOUT_S
            )
            found[service.name] = list(answer.results)
    return found


@app.command()
def run(
    job: Annotated[str, typer.Argument(help="Job; all when left out.")] = "",
    at: GatewayOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare ledger and stores now."""
    layout = layout_of(directory)
    results = run_async(lambda: run_jobs(layout, _gateways(load_profile(layout), at), job))
    if as_json:
        flat = {
            name: [
                MessageToDict(r, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
                for r in found
            ]
            for name, found in results.items()
        }
        emit_json(flat)
        return
    rows = [
        (name, r.job, r.state, str(r.block_height), str(r.rows), f"{r.opened}/{r.closed}/{r.open}", r.message)
        for name, found in results.items()
        for r in found
    ]
    columns = ("gateway", "job", "state", "block height", "rows", "breaks opened/closed/open", "")
    table("", columns, rows, right=("block height", "rows"))


@app.command()
def breaks(
    closed: Annotated[bool, typer.Option("--closed", help="Also those that are closed.")] = False,
    at: GatewayOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List breaks."""
    layout = layout_of(directory)
    services = _gateways(load_profile(layout), at)

    async def go() -> list[tuple[str, reconciliation_pb2.Break]]:
        found = []
        for service in services:
            async with connect(layout, service, admin_of(service)) as link:
                stub = reconciliation_pb2_grpc.ReconciliationServiceStub(link)
                answer = await call(
                    stub.ListBreaks, reconciliation_pb2.ListBreaksRequest(include_closed=closed)
                )
                found += [(service.name, item) for item in answer.breaks]
        return found

    listed = run_async(go)
    if as_json:
        emit_json(
            [{"gateway": name, **MessageToDict(b, preserving_proto_field_name=True)} for name, b in listed]
        )
        return
    rows = [
        (
            b.break_id,
            name,
            b.job,
            b.break_class,
            short(b.key, 20),
            b.state,
            _age(b.first_seen_unix),
            b.evidence,
        )
        for name, b in listed
    ]
    table("", ("break", "gateway", "job", "class", "key", "state", "first seen", "evidence"), rows)


@app.command()
def resolve(
    break_id: Annotated[str, typer.Argument(help="The break.")],
    resolution: Annotated[str, typer.Option(help="What was found and done.", prompt=True)],
    at: Annotated[str, typer.Option("--at", help="Gateway that has the break.")],
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record how a break was resolved; it closes when a rerun agrees."""
    layout = layout_of(directory)
    service = load_profile(layout).service(at)

    async def go() -> reconciliation_pb2.Break:
        async with connect(layout, service, admin_of(service)) as link:
            stub = reconciliation_pb2_grpc.ReconciliationServiceStub(link)
            wanted = reconciliation_pb2.ResolveBreakRequest(break_id=break_id, resolution=resolution)
            answer = await call(stub.ResolveBreak, wanted)
            found: reconciliation_pb2.Break = getattr(answer, "break")
            return found

    found = run_async(go)
    if as_json:
        emit_json(MessageToDict(found, preserving_proto_field_name=True))
    else:
        out.print(f"recorded; break {found.break_id} is {found.state} until a rerun agrees")


def _age(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
