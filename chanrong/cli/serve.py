"""The single services, as an operator runs them: ``chanrong industry|finance|adapter NAME|ledger serve --config FILE``.

Imports stay inside the commands: a gateway's process does not load the other products.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, TypeVar

import typer

from consortium.rpc.settings import ServiceSettings

ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="TOML file; CHANRONG_... variables override it.")
]


class Action(StrEnum):
    """What can be done with an adapter."""

    serve = "serve"


ActionArgument = Annotated[Action, typer.Argument(help="serve")]

S = TypeVar("S", bound=ServiceSettings)

industry = typer.Typer(no_args_is_help=True, help="The industry gateway: serve.")
finance = typer.Typer(no_args_is_help=True, help="The finance gateway: serve.")
INSTITUTIONS: Final[Mapping[str, str]] = {
    "tax": "tax authority",
    "bank": "bank",
    "credit": "credit bureau",
    "registry": "movable-property registry",
    "bills": "commercial-paper exchange",
}
adapter = typer.Typer(
    no_args_is_help=True, help=f"Reference institutions' servers: {', '.join(INSTITUTIONS)}."
)


def _serve(name: str, kind: type[S], serve: Callable[[S], Awaitable[None]], config: Path | None) -> None:
    from consortium.rpc.run import run_service
    from consortium.rpc.settings import load_settings

    sys.exit(run_service(name, serve, lambda: load_settings(kind, *([config] if config else []))))


@industry.command("serve")
def serve_industry(config: ConfigOption = None) -> None:
    """Run an industry gateway in the foreground."""
    from industry_gateway.app import serve
    from industry_gateway.config import IndustrySettings

    _serve("industry", IndustrySettings, serve, config)


@finance.command("serve")
def serve_finance(config: ConfigOption = None) -> None:
    """Run a finance gateway in the foreground."""
    from finance_gateway.app import serve
    from finance_gateway.config import FinanceSettings

    _serve("finance", FinanceSettings, serve, config)


def _adapter_command(name: str, what: str) -> None:
    @adapter.command(name, help=f"Run the reference {what} in the foreground.")
    def serve_adapter(action: ActionArgument, config: ConfigOption = None) -> None:
        from crossverify.adapters.kinds import ADAPTERS

        kind = ADAPTERS[name]
        _serve(name, kind.settings, kind.serve, config)


for _name, _what in INSTITUTIONS.items():
    _adapter_command(_name, _what)


def serve_ledger(config: Path | None, contract: str) -> None:
    """Runs the embedded ledger with a contract, ``module:attribute``."""
    from chaincode.hosts.embedded.server import serve
    from chaincode.hosts.embedded.settings import EmbeddedSettings
    from chaincode.hosts.loading import load_contract

    async def run(settings: EmbeddedSettings) -> None:
        await serve(settings, load_contract(contract))

    _serve("ledger", EmbeddedSettings, run, config)
