"""``chanrong reconcile``: run jobs now, work the break list."""

from __future__ import annotations

from typing import Annotated, Any

import orjson
import typer
from google.protobuf.json_format import MessageToDict
from rich.text import Text

from chanrong.cli.output import (
    DirOption,
    Exit,
    JsonOption,
    emit_json,
    kind_of,
    layout_of,
    line,
    note,
    run_async,
    short,
    styled,
    table,
    when,
)
from chanrong.sandbox.clients import admin_of, connect
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile, Service, load_profile
from chanrong.sandbox.pushed import pushed
from consortium.errors import ChanrongError, NotFoundError
from consortium.rpc.client import call
from consortium.wire.chanrong.reconciliation.v1 import reconciliation_pb2, reconciliation_pb2_grpc

app = typer.Typer(no_args_is_help=True, help="Compare ledger and stores now; list and resolve breaks.")

RUN_TIMEOUT_S = 120.0
FINE = frozenset({"done", "skipped"})
"""Skipped: another replica is at it."""
UNREACHABLE = "unreachable"
HASH_LENGTH = 64
MEANINGS = {
    "missing_left": "not on the ledger",
    "missing_right": "not in the store",
    "amount": "another amount",
    "field": "another value",
    "duplicate": "there twice",
    "late": "late",
    "stale_source": "the source is stale",
    "tamper": "changed after it was written",
}
"""Classes of breaks, for people."""
GatewayOption = Annotated[str, typer.Option("--at", help="Only at this gateway.")]

Results = dict[str, list[reconciliation_pb2.JobResult]]


def _gateways(profile: Profile, name: str) -> list[Service]:
    every = [*profile.of_kind("industry"), *profile.of_kind("finance")]
    if not name:
        return every
    found = [service for service in every if service.name == name]
    if not found:
        raise NotFoundError(
            f"There is no gateway {name!r} in this sandbox.",
            remedy=f"There are: {', '.join(service.name for service in every)}.",
        )
    return found


async def run_jobs(layout: Layout, services: list[Service], job: str) -> Results:
    """Runs jobs at gateways; results by gateway. One that does not answer has a result that says so.

    :raises NotFoundError: no gateway has a job of that name
    """
    found: Results = {}
    unknown: list[ChanrongError] = []
    for service in services:
        async with connect(layout, service, admin_of(service)) as link:
            stub = reconciliation_pb2_grpc.ReconciliationServiceStub(link)
            try:
                answer = await call(
                    stub.RunJobs, reconciliation_pb2.RunJobsRequest(job=job), timeout_s=RUN_TIMEOUT_S
                )
            except NotFoundError as error:
                unknown.append(error)
            except ChanrongError as error:
                silent = reconciliation_pb2.JobResult(job=job, state=UNREACHABLE, message=error.message)
                found[service.name] = [silent]
            else:
                found[service.name] = list(answer.results)
    if unknown and not found:
        remedies = (error.remedy.removeprefix("There are: ").rstrip(".") for error in unknown)
        there = sorted({name for remedy in remedies for name in remedy.split(", ")})
        raise NotFoundError(f"There is no job {job!r}.", remedy=f"There are: {', '.join(there)}.")
    return found


@app.command()
def run(
    job: Annotated[str, typer.Argument(help="Job; all when left out.")] = "",
    at: GatewayOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare ledger and stores now. Exit code 4 when they disagree, 1 when a job could not run."""
    layout = layout_of(directory)
    results = run_async(lambda: run_jobs(layout, _gateways(load_profile(layout), at), job))
    flat = [(name, result) for name, found in results.items() for result in found]
    if as_json:
        emit_json({name: [_dict(result) for result in found] for name, found in results.items()})
    else:
        _show_results(flat)
    if any(result.open for _, result in flat):
        raise typer.Exit(int(Exit.VERIFICATION_FAILED))
    if any(result.state not in FINE for _, result in flat):
        raise typer.Exit(int(Exit.FAILED))


def _show_results(results: list[tuple[str, reconciliation_pb2.JobResult]]) -> None:
    rows = [
        (
            name,
            r.job,
            r.state,
            f"{r.block_height:,}",
            f"{r.rows:,}",
            f"{r.opened} new",
            f"{r.closed} closed",
            styled_count(r.open),
        )
        for name, r in results
    ]
    columns = ("gateway", "job", "state", "block", "rows", "breaks", "", "")
    table(columns, rows, right=("block", "rows"))
    for name, result in results:
        if result.state not in FINE and result.message:
            note(f"{name}: {result.message}")
    if any(result.open for _, result in results):
        note("\n`chanrong reconcile breaks` shows what disagrees.")


def styled_count(count: int) -> Text:
    """How many breaks are open, in the colour of what that means."""
    return Text(f"{count} open", style="red" if count else "green")


def _dict(message: Any) -> dict[str, Any]:
    found: dict[str, Any] = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return found


@app.command()
def breaks(
    closed: Annotated[bool, typer.Option("--closed", help="Also those that are closed.")] = False,
    at: GatewayOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List breaks, with what either side says."""
    layout = layout_of(directory)
    services = _gateways(load_profile(layout), at)
    listed = run_async(lambda: _listed(layout, services, closed))
    if as_json:
        emit_json([{"gateway": name, **_dict(item)} for name, item in listed])
        return
    if not listed:
        line("No breaks: ledger and stores agree.")
    numbers = {each.fingerprint: f"{kind_of(each.kind)} {each.number}" for each in pushed(layout)}
    for name, item in listed:
        _show_break(name, item, numbers.get(item.key, ""))


async def _listed(
    layout: Layout, services: list[Service], closed: bool
) -> list[tuple[str, reconciliation_pb2.Break]]:
    found = []
    for service in services:
        async with connect(layout, service, admin_of(service)) as link:
            stub = reconciliation_pb2_grpc.ReconciliationServiceStub(link)
            answer = await call(stub.ListBreaks, reconciliation_pb2.ListBreaksRequest(include_closed=closed))
            found += [(service.name, item) for item in answer.breaks]
    return found


def _show_break(gateway: str, item: reconciliation_pb2.Break, number: str) -> None:
    line(item.break_id, "  ", styled(item.state), f"  {MEANINGS.get(item.break_class, item.break_class)}")
    about = f"{number} ({short(item.key)})" if number else item.key
    line(f"at {gateway}, job {item.job}, about {about}", indent=2)
    line(f"seen first {when(item.first_seen_unix)}, last {when(item.last_seen_unix)}", indent=2)
    for side, said in _sides(item.evidence):
        line(f"{side}: {said}", indent=2)
    if item.resolution:
        line(f"resolved by {item.owner}: {item.resolution}", indent=2)


def _sides(evidence: str) -> list[tuple[str, str]]:
    """What ledger and store say; the evidence as it is where it has another form."""
    try:
        sides = orjson.loads(evidence)
        found = []
        for key, name in (("left", "the ledger says"), ("right", "the store says")):
            values = sides.get(key)
            said = "nothing" if values is None else ", ".join(f"{n} {_value(v)}" for n, v in values.items())
            found.append((name, said))
    except (orjson.JSONDecodeError, AttributeError):
        return [("evidence", evidence)]
    return found


def _value(value: object) -> str:
    """Long identifiers by their beginning: --json has the whole."""
    return short(str(value)) if len(str(value)) >= HASH_LENGTH else str(value)


@app.command()
def resolve(
    break_id: Annotated[str, typer.Argument(help="The break, or the beginning of its identifier.")],
    resolution: Annotated[str, typer.Option(help="What was found and done.", prompt=True)],
    at: GatewayOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Record how a break was resolved; it closes when a rerun agrees."""
    layout = layout_of(directory)
    services = _gateways(load_profile(layout), at)

    async def go() -> reconciliation_pb2.Break:
        listed = await _listed(layout, services, closed=True)
        chosen = [(name, item.break_id) for name, item in listed if item.break_id.startswith(break_id)]
        if len(chosen) != 1:
            raise NotFoundError(
                f"There is no break {break_id!r}." if not chosen else f"{break_id!r} can be several breaks.",
                remedy="List them with `chanrong reconcile breaks`.",
            )
        service = next(service for service in services if service.name == chosen[0][0])
        async with connect(layout, service, admin_of(service)) as link:
            stub = reconciliation_pb2_grpc.ReconciliationServiceStub(link)
            wanted = reconciliation_pb2.ResolveBreakRequest(break_id=chosen[0][1], resolution=resolution)
            answer = await call(stub.ResolveBreak, wanted)
            found: reconciliation_pb2.Break = getattr(answer, "break")
            return found

    found = run_async(go)
    if as_json:
        emit_json(_dict(found))
    else:
        line(f"recorded; break {found.break_id} is {found.state} until a rerun agrees")
