"""``chanrong ledger``: run the embedded ledger, check what it stored, look a document up."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from chanrong.cli.output import DirOption, Exit, JsonOption, emit_json, layout_of, out, run_async, styled
from chanrong.cli.serve import ConfigOption, serve_ledger
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile, load_profile
from consortium.contract import names
from consortium.contract.codec import encode
from consortium.errors import NotFoundError

app = typer.Typer(no_args_is_help=True, help="The embedded ledger: serve, verify, show.")


@app.command()
def serve(config: ConfigOption = None) -> None:
    """Run the embedded ledger in the foreground."""
    serve_ledger(config)


@app.command()
def verify(
    database: Annotated[Path | None, typer.Option(help="Ledger file; the sandbox's by default.")] = None,
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute every hash and rebuild the state from the blocks. Exit code 4 when anything stored was changed."""
    from chaincode.hosts.embedded.verification import verify as verify_ledger

    path = database or layout_of(directory).data("ledger") / "ledger.db"
    if not path.exists():
        raise NotFoundError(f"There is no ledger file {path}.", remedy="Name it with --database.")
    report = verify_ledger(path)
    if as_json:
        emit_json(
            {
                "ok": report.ok,
                "height": report.height,
                "transactions": report.transactions,
                "problems": list(report.problems),
            }
        )
    else:
        for problem in report.problems:
            out.print(f"[red]✗[/red] {problem}")
        verdict = "[green]intact[/green]" if report.ok else "[red]changed after it was written[/red]"
        out.print(f"{report.height} blocks, {report.transactions} transactions: {verdict}")
    if not report.ok:
        raise typer.Exit(int(Exit.VERIFICATION_FAILED))


async def read_contract(
    layout: Layout, profile: Profile, function: str, request: dict[str, Any]
) -> dict[str, Any]:
    """One read of the contract, as the first industry gateway's organisation."""
    from consortium.identity.msp import load_identity
    from consortium.ledger.connection import Endpoint
    from consortium.ledger.gateway import Gateway

    reader = profile.of_kind("industry")[0].msp_id
    node = profile.of_kind("ledger")[0]
    root = (layout.tls_ca(node.msp_id) / "ca.pem").read_bytes()
    async with Gateway([Endpoint(node.grpc, root)], load_identity(layout.msp(reader), reader)) as gateway:
        contract = gateway.network(profile.channel).contract(profile.chaincode)
        return dict(orjson.loads(await contract.evaluate(function, encode(request))))


@app.command()
def show(
    fingerprint: Annotated[str, typer.Argument(help="Any key of a document.")],
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what the ledger knows under a fingerprint: document, history, asset, claims."""
    layout = layout_of(directory)
    profile = load_profile(layout)

    async def go() -> tuple[dict[str, Any], ...]:
        return await asyncio.gather(
            read_contract(layout, profile, names.DOCUMENTS_GET, {"fps": [fingerprint]}),
            read_contract(layout, profile, names.ASSETS_GET, {"assets": [fingerprint]}),
            read_contract(layout, profile, names.ENCUMBRANCES_GET, {"assets": [fingerprint]}),
        )

    documents, assets, rows = run_async(go)
    record = documents["documents"][0]
    if record is None:
        raise NotFoundError("The ledger knows no such document.", remedy="Check the fingerprint.")
    found = {"document": record, "asset": assets["assets"][0], "claims": rows["rows"][0]}
    if as_json:
        emit_json(found)
        return
    for title, value in found.items():
        out.print(f"[bold]{title}[/bold]")
        if value is None:
            out.print("  none")
            continue
        for name, content in value.items():
            text = content if isinstance(content, str) else orjson.dumps(content).decode()
            out.print(f"  {name:<14} {styled(text)}")
