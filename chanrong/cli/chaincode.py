"""``chanrong chaincode``: run a contract for Fabric's peers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from chanrong.cli import chaincode_lifecycle
from chanrong.cli.serve import ConfigOption

app = typer.Typer(no_args_is_help=True, help="Chaincode on Fabric: serve, package, upgrade.")
app.command()(chaincode_lifecycle.package)
app.command()(chaincode_lifecycle.upgrade)


@app.callback()
def chaincode() -> None:
    """Chaincode on Fabric."""


@app.command()
def serve(
    config: ConfigOption = None,
    contract: Annotated[
        str | None, typer.Option(help="module:attribute of the contract; Chanrong's by default.")
    ] = None,
    package_id: Annotated[
        str | None, typer.Option("--id", help="Package id, as the peer told it at installation.")
    ] = None,
    listen: Annotated[str | None, typer.Option(help="host:port that peers dial.")] = None,
    tls_cert: Annotated[Path | None, typer.Option(help="PEM file of the server's certificate.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of its key.")] = None,
    client_roots: Annotated[
        Path | None, typer.Option(help="PEM file of the authorities of peers' client certificates.")
    ] = None,
    plain_text: Annotated[
        bool | None, typer.Option("--plain-text", help="Allow plain text beyond loopback.")
    ] = None,
) -> None:
    """Run a contract in the foreground; peers dial it."""
    from chaincode.hosts.peer import ChaincodeSettings, load_contract
    from chaincode.hosts.peer import serve as serve_contract
    from consortium.rpc.run import run_service
    from consortium.rpc.settings import load_settings

    given = {
        "contract": contract,
        "package_id": package_id,
        "listen": listen,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "client_roots": client_roots,
        "plain_text": plain_text,
    }
    overrides = {name: value for name, value in given.items() if value is not None}

    async def run(settings: ChaincodeSettings) -> None:
        await serve_contract(settings, load_contract(settings.contract))

    sys.exit(run_service("chaincode", run, lambda: load_settings(ChaincodeSettings, config, **overrides)))
