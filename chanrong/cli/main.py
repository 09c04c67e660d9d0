"""The command line: one line per command in a table, and a command's code is loaded when it is used."""

from __future__ import annotations

import os
import sys
import traceback
from importlib import import_module
from typing import Any, Final

import typer
import typer.core
import typer.main

from chanrong.cli.output import Exit, err, fail, line
from consortium.errors import ChanrongError, ConfigurationError

DEBUG: Final = "CHANRONG_DEBUG"

COMMANDS: Final = {
    "up": ("chanrong.cli.sandbox:up", "Start a whole consortium on this machine, in the background."),
    "status": ("chanrong.cli.sandbox:status", "Show what runs and whether it is healthy."),
    "down": (
        "chanrong.cli.sandbox:down",
        "End everything that runs for the sandbox, also what a crash left behind.",
    ),
    "sample": ("chanrong.cli.sample:sample", "Write made-up documents and institution files to try with."),
    "push": ("chanrong.cli.push:push", "Push documents, as an ERP would; each gets its own result."),
    "parties": ("chanrong.cli.parties:parties", "List the parties that push and consent."),
    "institution": ("chanrong.cli.institution:app", "Reference institutions: load, pause, resume."),
    "consent": ("chanrong.cli.consent:app", "Grant, revoke and list consents."),
    "package": ("chanrong.cli.package:app", "Request, list, show and verify credit packages."),
    "financing": (
        "chanrong.cli.financing:app",
        "Ask for financing; reserve, finance, release and settle claims.",
    ),
    "registry": (
        "chanrong.cli.registry:app",
        "Movable-property registry: search, file, amend, cancel, show own filings.",
    ),
    "reconcile": ("chanrong.cli.reconcile:app", "Compare ledger and stores now; list and resolve breaks."),
    "chaincode": ("chanrong.cli.chaincode:app", "Chaincode on Fabric: serve, package, upgrade."),
    "ledger": ("chanrong.cli.ledger:app", "The ledger: verify, show; serve the embedded one."),
    "demo": ("chanrong.cli.demo:demo", "Bring a consortium up and show the whole job."),
    "industry": ("chanrong.cli.serve:industry", "The industry gateway: serve."),
    "finance": ("chanrong.cli.serve:finance", "The finance gateway: serve."),
    "adapter": (
        "chanrong.cli.serve:adapter",
        "Reference institutions' servers: tax, bank, credit, registry, bills.",
    ),
}
"""Name -> where it is (a function, or a group of commands), and what the list of commands says of it."""


def load(name: str) -> Any:
    """A command with its options and help."""
    module, _, attribute = COMMANDS[name][0].partition(":")
    found = getattr(import_module(module), attribute)
    command: Any
    if isinstance(found, typer.Typer):
        command = typer.main.get_group(found)
    else:
        single = typer.Typer(add_completion=False)
        single.command()(found)
        command = typer.main.get_command(single)
    command.name = name
    return command


class Commands(typer.core.TyperGroup):
    """The root: lists commands by the table, and loads only the one that runs."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that was typed, loaded."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, load(name) if name is not None else command, rest


def root() -> Commands:
    """The whole command line."""
    return Commands(
        name="chanrong",
        help="Supply-chain finance consortium gateway: trade documents on a ledger,"
        " verified credit packages for banks.",
        commands={name: typer.core.TyperCommand(name, help=about) for name, (_, about) in COMMANDS.items()},
        no_args_is_help=True,
        rich_markup_mode="rich",
    )


def run() -> None:
    """Entry point: errors of ours become one clear message and an exit code, and so does a defect."""
    try:
        root()()
    except ChanrongError as error:
        sys.exit(_say(error))
    except KeyboardInterrupt:
        line("interrupted", to=err)
        sys.exit(int(Exit.FAILED))
    except Exception as defect:  # noqa: BLE001 - the last line of defence; the trace is one variable away
        if os.environ.get(DEBUG):
            traceback.print_exc()
        remedy = f"This is a defect of Chanrong. {DEBUG}=1 shows where it is."
        sys.exit(
            _say(ChanrongError(f"{type(defect).__name__}: {defect}", reason="UNEXPECTED", remedy=remedy))
        )


def _say(error: ChanrongError) -> int:
    try:
        fail(error, Exit.USAGE if isinstance(error, ConfigurationError) else Exit.FAILED)
    except typer.Exit as done:
        return int(done.exit_code)
