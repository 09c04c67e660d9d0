"""``chanrong package``: verified credit packages, as a bank's loan desk asks for, reads and checks them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from google.protobuf.json_format import MessageToDict

from chanrong.cli import package_view
from chanrong.cli.output import (
    DirOption,
    Exit,
    JsonOption,
    emit_json,
    fail,
    layout_of,
    note,
    out,
    run_async,
    table,
)
from chanrong.sandbox.clients import bank_of, connect, officer_of
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.parties import subject_of
from chanrong.sandbox.profile import Profile, load_profile
from consortium.errors import InvalidInputError
from consortium.rpc.client import call
from consortium.wire.chanrong.finance.v1 import finance_pb2, finance_pb2_grpc

app = typer.Typer(no_args_is_help=True, help="Request, list, show and verify credit packages.")

BankOption = Annotated[
    str, typer.Option("--bank", help="The bank whose gateway is asked; the first one by default.")
]
PACKAGE_TIMEOUT_S = 60.0


@app.command()
def request(
    subject: Annotated[str, typer.Option(help="Party alias, identifier as scheme:value, or ledger handle.")],
    purpose: Annotated[str, typer.Option(help="Purpose code; must be the consent's.")] = "credit_assessment",
    bank: BankOption = "",
    profile_name: Annotated[
        str, typer.Option("--profile", help="Rule profile; the bank's default if empty.")
    ] = "",
    consent: Annotated[str, typer.Option(help="Consent to use; the newest live one if empty.")] = "",
    supersedes: Annotated[str, typer.Option(help="Package that this one replaces.")] = "",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to write the package file.")
    ] = None,
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask a bank's gateway for a credit package on a subject."""
    layout = layout_of(directory)
    profile = load_profile(layout)
    wanted = finance_pb2.RequestPackageRequest(
        subject=subject_of(profile, subject),
        purpose=purpose,
        consent_id=consent,
        profile=profile_name,
        supersedes=supersedes,
    )
    answer = run_async(lambda: request_package(layout, profile, bank, wanted))
    path = output or Path(f"{answer.summary.package_id}.json")
    path.write_bytes(answer.package)
    if as_json:
        emit_json({"file": str(path), **MessageToDict(answer.summary, preserving_proto_field_name=True)})
        return
    package_view.render(orjson.loads(answer.package))
    note(f"\nWritten to {path}. Check it offline: chanrong package verify {path} --trust {layout.trust}")


async def request_package(
    layout: Layout, profile: Profile, bank: str, wanted: finance_pb2.RequestPackageRequest
) -> finance_pb2.RequestPackageResponse:
    """Asks a bank's gateway for a package, as its officer."""
    service = bank_of(profile, bank)
    async with connect(layout, service, officer_of(service)) as link:
        stub = finance_pb2_grpc.PackageServiceStub(link)
        return await call(stub.RequestPackage, wanted, timeout_s=PACKAGE_TIMEOUT_S)


@app.command("list")
def list_packages(
    bank: BankOption = "",
    subject: Annotated[str, typer.Option(help="Only this subject.")] = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a bank's packages, newest first."""
    layout = layout_of(directory)
    profile = load_profile(layout)
    chosen = subject_of(profile, subject) if subject else ""
    found = run_async(lambda: packages_of(layout, profile, bank, chosen))
    if as_json:
        emit_json([MessageToDict(s, preserving_proto_field_name=True) for s in found])
        return
    rows = [
        (
            s.package_id,
            s.state,
            _amounts(s.eligible),
            f"{s.eligible_count}/{s.refer_count}/{s.excluded_count}",
            _when(s.evaluated_unix),
            s.state_reason,
        )
        for s in found
    ]
    columns = ("package", "state", "eligible amount", "eligible/refer/excluded", "evaluated", "why")
    table("", columns, rows, right=("eligible amount",))


async def packages_of(
    layout: Layout, profile: Profile, bank: str, subject: str
) -> Sequence[finance_pb2.PackageSummary]:
    """A bank's packages, as its officer sees them."""
    service = bank_of(profile, bank)
    async with connect(layout, service, officer_of(service)) as link:
        stub = finance_pb2_grpc.PackageServiceStub(link)
        answer = await call(stub.ListPackages, finance_pb2.ListPackagesRequest(subject=subject))
        return list(answer.packages)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A package file.")],
    findings: Annotated[
        bool, typer.Option("--findings", help="Every finding, not only the reasons.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a package file as a loan officer reads it. Does not check it: that is `verify`."""
    content = read_package(file)
    if as_json:
        emit_json(content)
    else:
        package_view.render(content, findings=findings)


def read_package(file: Path) -> dict[str, Any]:
    """A package file's JSON.

    :raises InvalidInputError: no such file, or not JSON
    """
    try:
        content = orjson.loads(file.read_bytes())
    except FileNotFoundError:
        raise InvalidInputError(f"There is no file {file}.", remedy="Check its name.") from None
    except orjson.JSONDecodeError as wrong:
        raise InvalidInputError(f"{file} is not a package: {wrong}.", remedy="Ask for it again.") from wrong
    if not isinstance(content, dict):
        raise InvalidInputError(f"{file} is not a package.", remedy="Ask for it again.")
    return content


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="A package file.")],
    trust: Annotated[
        Path, typer.Option("--trust", help="Folder with the organisations' certificates and policy.")
    ],
    at: Annotated[
        str, typer.Option(help="Check as of this moment (ISO 8601, UTC); now by default.", show_default=False)
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Check a package offline: no network, no store, no gateway. Exit code 4 when it does not hold."""
    from consortium.identity.trust import TrustRoots
    from finance_gateway.packages.verify import verify_package

    moment = int(dt.datetime.fromisoformat(at).replace(tzinfo=dt.UTC).timestamp()) if at else None
    try:
        data = file.read_bytes()
    except FileNotFoundError:
        fail(InvalidInputError(f"There is no file {file}.", remedy="Check its name."))
    report = verify_package(data, TrustRoots.load(trust), at=moment)
    if as_json:
        checks = [{"check": c.name, "ok": c.ok, "message": c.message} for c in report.checks]
        emit_json({"ok": report.ok, "checks": checks, "notices": list(report.notices)})
    else:
        for check in report.checks:
            out.print(
                f"{'[green]✓[/green]' if check.ok else '[red]✗[/red]'} {check.name:<22} {check.message}"
            )
        for notice in report.notices:
            out.print(f"[yellow]![/yellow] {notice}")
        out.print(
            f"\n{'[bold green]verified[/bold green]' if report.ok else '[bold red]NOT verified[/bold red]'}"
        )
    if not report.ok:
        raise typer.Exit(int(Exit.VERIFICATION_FAILED))


def _amounts(amounts: Sequence[finance_pb2.Money]) -> str:
    return ", ".join(f"{amount.amount} {amount.currency}" for amount in amounts) or "0"


def _when(seconds: int) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%SZ")
