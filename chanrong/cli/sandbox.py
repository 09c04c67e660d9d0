"""``chanrong up | status | down``: a whole consortium on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.progress import Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from chanrong.cli.output import (
    DirOption,
    Exit,
    JsonOption,
    command,
    emit_json,
    err,
    layout_of,
    line,
    note,
    run_async,
    table,
)
from chanrong.sandbox import lifecycle
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.overrides import Overrides
from chanrong.sandbox.profile import Profile
from chanrong.sandbox.topology import MAX_PER_KIND


class Ledger(StrEnum):
    """Ledgers that a sandbox can have."""

    embedded = "embedded"
    fabric = "fabric"


def up(
    directory: DirOption = None,
    ledger: Annotated[
        Ledger | None,
        typer.Option(
            help="Which ledger to run: embedded (one process) or fabric (Fabric's own programs: an orderer, a peer"
            " and a chaincode server for each member). Chosen when the sandbox is made.",
            show_default="embedded",
        ),
    ] = None,
    industry: Annotated[int, typer.Option(min=1, max=MAX_PER_KIND, help="Number of industry gateways.")] = 1,
    banks: Annotated[int, typer.Option(min=1, max=MAX_PER_KIND, help="Number of banks.")] = 1,
    config: Annotated[
        Path | None,
        typer.Option(
            help="TOML file of settings for the services: a key goes to every service that has it, a table named"
            " after a service (bank-a) or a kind (finance) to that one only."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start a whole consortium on this machine, in the background.

    Ledger, industry gateways, banks and institutions, each a process of its own with mutual TLS on free ports of
    loopback. Waits until all are healthy. Repeated, it starts what is not running.
    """
    layout = layout_of(directory)
    profile = bring_up(layout, ledger.value if ledger else None, industry, banks, Overrides.read(config))
    if as_json:
        emit_json({"dir": str(layout.root), **profile.model_dump(exclude={"parties"})})
        return
    _endpoints(profile)
    where = "" if directory is None else f" --dir {directory}"
    note(f"\nSandbox in {layout.root}. Push documents, and end it:")
    command(f"chanrong push FILE...{where}", to=err)
    command(f"chanrong down{where}", to=err)
    if profile.ledger == "embedded":
        note("The embedded ledger holds every organisation's key: for trying, not for trust.")
    else:
        note("Hyperledger Fabric, with every organisation's keys on one machine: for development.")


def bring_up(
    layout: Layout,
    ledger: str | None,
    industries: int,
    banks: int,
    overrides: Overrides | None = None,
    *,
    transient: bool = False,
) -> Profile:
    """Brings a sandbox up with a progress display on stderr; a ``transient`` one goes away when it is done."""
    kind = cast(lifecycle.Ledger | None, ledger)
    with shown_progress(transient=transient) as show:
        return run_async(
            lambda: lifecycle.up(
                layout,
                ledger=kind,
                industries=industries,
                banks=banks,
                overrides=overrides,
                progress=show,
            )
        )


@contextmanager
def shown_progress(*, transient: bool = False) -> Iterator[Callable[[str, str], None]]:
    """A function to tell of a service's state, shown on stderr as long as the block lasts."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    bar = Progress(*columns, console=err, transient=transient)
    tasks: dict[str, TaskID] = {}

    def show(name: str, state: str) -> None:
        bar.start()
        if name not in tasks:
            tasks[name] = bar.add_task(name, total=1)
        done = state == "healthy"
        bar.update(tasks[name], description=f"{name:<20} {state}", completed=1 if done else 0)

    try:
        yield show
    finally:
        if tasks:
            bar.stop()


def _endpoints(profile: Profile) -> None:
    rows = [(s.name, s.msp_id, s.grpc, s.rest_url if s.rest else "") for s in profile.services.values()]
    table(("service", "organisation", "gRPC (mutual TLS)", "REST"), rows)


def status(directory: DirOption = None, as_json: JsonOption = False) -> None:
    """Show what runs and whether it is healthy. Exit code 1 when something is not."""
    found = run_async(lambda: lifecycle.status(layout_of(directory)))
    if as_json:
        emit_json(
            [
                {"name": s.service.name, "state": s.state, "pid": s.pid, "memory_mb": round(s.memory_mb, 1)}
                for s in found
            ]
        )
    else:
        rows = [
            (
                s.service.name,
                s.state,
                str(s.pid or ""),
                f"{s.memory_mb:.0f} MB" if s.pid else "",
                s.service.grpc,
                s.service.rest_url if s.service.rest else "",
            )
            for s in found
        ]
        table(
            ("service", "state", "pid", "memory", "gRPC", "REST"),
            rows,
            right=("pid", "memory"),
        )
    if any(s.state != "healthy" for s in found):
        if any(s.state == "down" for s in found):
            note("\n`chanrong up` starts what is down; the logs are in the sandbox's folder, below logs.")
        raise typer.Exit(int(Exit.FAILED))


def down(
    directory: DirOption = None,
    purge: Annotated[bool, typer.Option("--purge", help="Also remove the sandbox's folder.")] = False,
    as_json: JsonOption = False,
) -> None:
    """End everything that runs for the sandbox, also what a crash left behind."""
    layout = layout_of(directory)
    there = layout.root.exists()
    ended = lifecycle.down(layout, purge=purge)
    if as_json:
        emit_json({"ended": ended, "purged": purge and there})
    elif not there and not ended:
        line(f"There is no {layout.root}: nothing to end.")
    else:
        line(f"{ended} processes ended{', folder removed' if purge else ''}.")
