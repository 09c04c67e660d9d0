"""``chanrong up | status | down``: a whole consortium on this machine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

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
    table,
)
from chanrong.sandbox import lifecycle
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile
from consortium.errors import ConfigurationError


class Ledger(StrEnum):
    """Ledgers that a sandbox can have."""

    embedded = "embedded"
    fabric = "fabric"


def up(
    directory: DirOption = None,
    ledger: Annotated[Ledger, typer.Option(help="Which ledger to run.")] = Ledger.embedded,
    industry: Annotated[int, typer.Option(help="Number of industry gateways.")] = 1,
    banks: Annotated[int, typer.Option(help="Number of banks.")] = 1,
    config: Annotated[
        Path | None, typer.Option(help="TOML file handed to every gateway: a bank's thresholds, limits, ...")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start a whole consortium in the background: ledger, gateways, institutions, mutual TLS; waits until healthy."""
    layout = layout_of(directory)
    overrides = _overrides(config)
    profile = bring_up(layout, ledger.value, industry, banks, overrides)
    if as_json:
        emit_json({"dir": str(layout.root), **profile.model_dump(exclude={"parties"})})
        return
    _endpoints(profile)
    note(
        f"\nSandbox in {layout.root}. Next: [bold]chanrong push invoice.xml[/bold]; end it with `chanrong down`."
    )
    if profile.ledger == "embedded":
        note(
            "The embedded ledger is one process that holds every organisation's key: for trying, not for trust."
        )


def bring_up(
    layout: Layout, ledger: str, industries: int, banks: int, overrides: dict[str, object]
) -> Profile:
    """Brings a sandbox up with a progress display on stderr."""
    kind = cast(Literal["embedded", "fabric"], ledger)
    with Progress(SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn(), console=err) as bar:
        tasks: dict[str, Any] = {}

        def show(name: str, state: str) -> None:
            if name not in tasks:
                tasks[name] = bar.add_task(name, total=1)
            done = state == "healthy"
            bar.update(tasks[name], description=f"{name:<12} {state}", completed=1 if done else 0)

        return run_async(
            lambda: lifecycle.up(
                layout, ledger=kind, industries=industries, banks=banks, overrides=overrides, progress=show
            )
        )


def _overrides(config: Path | None) -> dict[str, object]:
    if config is None:
        return {}
    import tomllib

    try:
        return tomllib.loads(config.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigurationError(f"There is no file {config}.", remedy="Check --config.") from None
    except tomllib.TOMLDecodeError as wrong:
        raise ConfigurationError(
            f"{config} is not TOML: {wrong}.", remedy="Correct the line it names."
        ) from wrong


def _endpoints(profile: Profile) -> None:
    rows = [(s.name, s.msp_id, s.grpc, s.rest_url if s.rest else "") for s in profile.services.values()]
    table("", ("service", "organisation", "gRPC (mutual TLS)", "REST"), rows)


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
            (s.service.name, s.state, str(s.pid or ""), f"{s.memory_mb:.0f} MB", s.service.grpc)
            for s in found
        ]
        table("", ("service", "state", "pid", "memory", "gRPC"), rows, right=("memory",))
    if any(s.state != "healthy" for s in found):
        raise typer.Exit(int(Exit.FAILED))


def down(
    directory: DirOption = None,
    purge: Annotated[bool, typer.Option("--purge", help="Also remove the sandbox's folder.")] = False,
    as_json: JsonOption = False,
) -> None:
    """End everything that runs for the sandbox, also what a crash left behind."""
    layout = layout_of(directory)
    ended = lifecycle.down(layout, purge=purge)
    if as_json:
        emit_json({"ended": ended, "purged": purge})
    else:
        out.print(f"{ended} processes ended{', folder removed' if purge else ''}.")


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    app.command()(up)
    app.command()(status)
    app.command()(down)
