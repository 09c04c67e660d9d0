"""The command line: one file per group of commands, assembled here."""

from __future__ import annotations

import sys

import typer

from chanrong.cli import (
    consent,
    demo,
    financing,
    institution,
    ledger,
    package,
    push,
    reconcile,
    sandbox,
    serve,
)
from chanrong.cli.output import Exit, err, fail
from consortium.errors import ChanrongError, ConfigurationError

app = typer.Typer(
    name="chanrong",
    help="Supply-chain finance consortium gateway: trade documents on a ledger, verified credit packages for banks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)

sandbox.register(app)
push.register(app)
app.add_typer(institution.app, name="institution")
app.add_typer(consent.app, name="consent")
app.add_typer(package.app, name="package")
app.add_typer(financing.app, name="financing")
app.add_typer(reconcile.app, name="reconcile")
app.add_typer(ledger.app, name="ledger")
serve.register(app)
demo.register(app)


def run() -> None:
    """Entry point: wrong usage ends with 2 and what was wrong; errors of ours become one clear message and a code."""
    try:
        app()
    except ChanrongError as error:
        sys.exit(_say(error))
    except KeyboardInterrupt:
        err.print("interrupted")
        sys.exit(int(Exit.FAILED))


def _say(error: ChanrongError) -> int:
    try:
        fail(error, Exit.USAGE if isinstance(error, ConfigurationError) else Exit.FAILED)
    except typer.Exit as done:
        return int(done.exit_code)
