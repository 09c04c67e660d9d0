"""``chanrong package``: verified credit packages, as a bank's loan desk asks for, reads and checks them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from google.protobuf.json_format import MessageToDict
from rich.text import Text

from chanrong.cli import package_view, package_watch
from chanrong.cli.output import (
    DirOption,
    Exit,
    JsonOption,
    command,
    emit_json,
    err,
    item,
    layout_of,
    line,
    moment,
    note,
    out,
    read_file,
    run_async,
    styled,
    when,
)
from chanrong.cli.package_detail import Language
from chanrong.sandbox.clients import bank_of, connect, officer_of
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.parties import subject_of
from chanrong.sandbox.profile import Profile, load_profile
from consortium.errors import ChanrongError, InvalidInputError
from consortium.identity.files import write_file
from consortium.rpc.client import call
from consortium.wire.chanrong.finance.v1 import finance_pb2, finance_pb2_grpc

app = typer.Typer(no_args_is_help=True, help="Request, list, show and verify credit packages.")

BankOption = Annotated[
    str, typer.Option("--bank", help="The bank whose gateway is asked; the first one by default.")
]
PACKAGE_TIMEOUT_S = 60.0


@app.command()
def request(
    subject: Annotated[
        str,
        typer.Option(help="Party (see `chanrong parties`), identifier as scheme:value, or ledger handle."),
    ],
    purpose: Annotated[str, typer.Option(help="Purpose code; must be the consent's.")] = "credit_assessment",
    bank: BankOption = "",
    profile_name: Annotated[
        str, typer.Option("--profile", help="Rule profile; the bank's default if empty.")
    ] = "",
    consent: Annotated[str, typer.Option(help="Consent to use; the newest live one if empty.")] = "",
    supersedes: Annotated[str, typer.Option(help="Package that this one replaces.")] = "",
    stage: Annotated[
        str, typer.Option(help="assess, before_funding or in_life: later stages judge more.")
    ] = "assess",
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
        stage=stage,
    )
    if output is not None and (output.is_dir() or not output.absolute().parent.is_dir()):
        raise typer.BadParameter(f"{output} is no file that can be written.", param_hint="--output")
    answer = run_async(lambda: request_package(layout, profile, bank, wanted))
    path = output or Path(f"{answer.summary.package_id}.json")
    _write(path, answer.package)
    if as_json:
        emit_json({"file": str(path), **MessageToDict(answer.summary, preserving_proto_field_name=True)})
        return
    package_view.render(orjson.loads(answer.package))
    note(f"\nWritten to {path}. Check it offline:")
    command(f"chanrong package verify {path} --trust {_near(layout.trust)}", to=err)


def _write(path: Path, content: bytes) -> None:
    """Documents are in it: only its owner may read it."""
    try:
        write_file(path, content, private=True)
    except OSError as wrong:
        raise ChanrongError(
            f"{path} cannot be written: {wrong.strerror}.",
            reason="FILE_UNWRITABLE",
            remedy="Ask again with another --output; `chanrong package list` shows the package that was made.",
        ) from wrong


def _near(path: Path) -> Path:
    """A path as one would type it here."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


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
    if not found:
        line("No packages yet.")
    for s in found:
        line(s.package_id, " ", styled(s.state), f"  eligible {_amounts(s.eligible)}")
        counts = f"{s.eligible_count} eligible, {s.refer_count} to refer, {s.excluded_count} excluded"
        line(f"{counts}; evaluated {when(s.evaluated_unix)}", indent=2)
        if s.state_reason:
            line(s.state_reason, indent=2)


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
    receivable: Annotated[
        str,
        typer.Option(help="One receivable in full, by number: lines, who comes first, terms, every step."),
    ] = "",
    lang: Annotated[Language, typer.Option(help="Language of headings and explanations.")] = Language.EN,
    as_json: JsonOption = False,
) -> None:
    """Show a package file as a loan officer reads it. Does not check it: that is `verify`."""
    content = read_package(file)
    if as_json:
        emit_json(content)
    else:
        package_view.render(content, findings=findings, language=lang, receivable=receivable)


def read_package(file: Path) -> dict[str, Any]:
    """A package file's JSON.

    :raises InvalidInputError: not a package
    """
    try:
        content = orjson.loads(read_file(file))
    except orjson.JSONDecodeError as wrong:
        raise InvalidInputError(
            f"{file} is no package: it is not JSON ({wrong}).", remedy="Ask for it again."
        ) from wrong
    if not isinstance(content, dict) or not isinstance(content.get("payload"), dict):
        raise InvalidInputError(
            f"{file} is no package: it has no payload.", remedy="Name a file of `chanrong package request`."
        )
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

    time = moment(at, "--at")
    report = verify_package(read_file(file), TrustRoots.load(trust), at=time)
    if as_json:
        checks = [{"check": c.name, "ok": c.ok, "message": c.message} for c in report.checks]
        emit_json({"ok": report.ok, "checks": checks, "notices": list(report.notices)})
    else:
        for check in report.checks:
            mark = Text("✓ ", style="green") if check.ok else Text("✗ ", style="red")
            item(mark + Text(f"{check.name:<10} "), check.message)
        for notice in report.notices:
            item(Text("! ", style="yellow"), notice)
        verdict = ("verified", "bold green") if report.ok else ("NOT verified", "bold red")
        out.print()
        line(Text(*verdict))
    if not report.ok:
        raise typer.Exit(int(Exit.VERIFICATION_FAILED))


app.command("watch")(package_watch.watch)


def _amounts(amounts: Sequence[finance_pb2.Money]) -> str:
    return ", ".join(f"{amount.amount} {amount.currency}" for amount in amounts) or "0"
