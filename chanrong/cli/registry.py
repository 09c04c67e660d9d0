"""``chanrong registry``: a bank's registrations in the movable-property registry (中登)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.text import Text

from chanrong.cli.output import (
    DirOption,
    Exit,
    JsonOption,
    emit_json,
    layout_of,
    line,
    run_async,
    short,
    table,
    when,
)
from chanrong.sandbox.clients import bank_of, connect, officer_of
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile, load_profile
from chanrong.sandbox.pushed import fingerprint_of
from consortium.errors import NotFoundError
from consortium.rpc.client import call
from consortium.wire.chanrong.finance.v1 import registry_pb2 as pb
from consortium.wire.chanrong.finance.v1 import registry_pb2_grpc as rpc

app = typer.Typer(
    no_args_is_help=True, help="Movable-property registry: search, file, amend, cancel, show own filings."
)

T = TypeVar("T")
BankOption = Annotated[str, typer.Option("--bank", help="The bank; the first one by default.")]
KeyOption = Annotated[
    str, typer.Option("--key", help="Idempotency key: repeating a command with it is harmless.")
]
RegistrationArgument = Annotated[
    str, typer.Argument(help="Registration number, see `chanrong registry show`.")
]
AssetsArgument = Annotated[
    list[str] | None,
    typer.Argument(
        help="Receivables or warehouse receipts of it: numbers or fingerprints; all that count if none."
    ),
]
STATES = {"done": "green", "refused": "red", "pending": "yellow", "unknown": "magenta"} | {
    "live": "green",
    "expired": "dim",
    "cancelled": "dim",
}

if TYPE_CHECKING:  # the stub's asynchronous type is in its type stubs only
    Stub = rpc.RegistryServiceAsyncStub


class Kind(StrEnum):
    """What is registered."""

    assignment = "assignment"
    pledge = "pledge"
    movables = "movables"


class Change(StrEnum):
    """What is amended."""

    description = "description"
    term = "term"
    release = "release"


class Reason(StrEnum):
    """Why a registration ends."""

    paid = "paid"
    agreed = "agreed"
    error = "error"


def _with_bank(layout: Layout, bank: str, work: Callable[[Stub], Awaitable[T]]) -> T:
    profile = load_profile(layout)

    async def go() -> T:
        service = bank_of(profile, bank)
        async with connect(layout, service, officer_of(service)) as link:
            return await work(rpc.RegistryServiceStub(link))

    return run_async(go)


def _data(message: Message) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def _say(filing: pb.FilingRecord, key: str, as_json: bool) -> None:
    """One filing; ends with a code unless it is done."""
    if as_json:
        emit_json(_data(filing))
    else:
        done = {"file": "filed", "amend": "amended", "cancel": "cancelled"}[filing.act]
        word = done if filing.state == "done" else filing.state
        number = f" registration {filing.registration}" if filing.registration else ""
        line(Text(word, style=STATES.get(filing.state, "")), number)
        if filing.registered_unix:
            line(f"in the registry since {when(filing.registered_unix)}", indent=2)
        if filing.expires_unix and filing.act != "cancel":
            line(f"until {when(filing.expires_unix)}", indent=2)
        for each in filing.description.splitlines():
            line(each, indent=2)
        if filing.message:
            line(f"{filing.message} ({filing.reason})", indent=2)
        if filing.state in ("pending", "unknown"):
            line(f"It is stored and goes on by itself. Ask again with --key {key}.", indent=2)
    if filing.state == "refused":
        raise typer.Exit(int(Exit.SOME_REFUSED))
    if filing.state in ("pending", "unknown"):
        raise typer.Exit(int(Exit.FAILED))


def _assignor(profile: Profile, text: str) -> tuple[str, list[str]]:
    """An identifier and names: of a party of the sandbox, or as typed."""
    party = profile.find_party(text)
    if party is not None:
        return party.identifiers[0], [party.name]
    if ":" not in text:
        raise NotFoundError(
            f"{text!r} is no party of this sandbox.",
            remedy="Give a party (see `chanrong parties`) or an identifier as scheme:value.",
        )
    return text, []


@app.command()
def search(
    assignor: Annotated[
        str, typer.Argument(help="Party (see `chanrong parties`) or identifier scheme:value.")
    ],
    name: Annotated[list[str] | None, typer.Option(help="Name or former name; may be given again.")] = None,
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search the registry by assignor."""
    layout = layout_of(directory)
    identifier, names = _assignor(load_profile(layout), assignor)
    wanted = pb.SearchRegistryRequest(assignor=identifier, names=[*names, *(name or [])])
    answer = _with_bank(layout, bank, lambda stub: call(stub.SearchRegistry, wanted))
    if as_json:
        emit_json(_data(answer))
    elif answer.state == "answered":
        _show_search(answer)
    else:
        line(Text("no answer: ", style="magenta"), answer.reason)
    if answer.state != "answered":
        raise typer.Exit(int(Exit.FAILED))


def _show_search(answer: pb.SearchRegistryResponse) -> None:
    found = answer.answer.registrations
    no_data = Text(": this registry was never given data, so that says nothing", style="yellow")
    as_of = f", as of {when(answer.as_of_unix)}" if answer.as_of_unix else no_data
    searched = ", ".join(answer.answer.searched_names) or "no name"
    noun = "registration" if len(found) == 1 else "registrations"
    line(f"{len(found)} {noun} of {answer.answer.assignor} ({searched})", as_of)
    for each in found:
        line(Text(each.number, style="bold"), " ", Text(each.state, style=STATES.get(each.state, "")))
        line(f"{each.kind} to {each.secured_party.name}, {when(each.registered_unix)}", indent=2)
        line(f"until {when(each.expires_unix)}", indent=2)
        for text in each.description.splitlines():
            line(text, indent=2)


@app.command()
def file(
    package: Annotated[str, typer.Argument(help="Package whose documents describe the assets.")],
    assets: AssetsArgument = None,
    kind: Annotated[Kind, typer.Option(help="What is registered.")] = Kind.assignment,
    term: Annotated[int, typer.Option(help="Months; beyond the last due date if none.", min=0, max=360)] = 0,
    preview: Annotated[bool, typer.Option("--preview", help="Only show the text.")] = False,
    key: KeyOption = "",
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the description from a package's documents, and file it."""
    layout = layout_of(directory)
    key = key or secrets.token_hex(16)
    wanted = pb.FileAssetsRequest(
        package_id=package,
        fingerprints=[fingerprint_of(layout, each) for each in assets or []],
        kind=kind.value,
        term_months=term,
        preview=preview,
        idempotency_key=key,
    )
    answer = _with_bank(layout, bank, lambda stub: call(stub.FileAssets, wanted))
    _say(answer.filing, key, as_json)


@app.command()
def amend(
    registration: RegistrationArgument,
    change: Annotated[Change, typer.Option(help="What to change.")],
    months: Annotated[int, typer.Option(help="New term from the registration on.", min=0, max=360)] = 0,
    text: Annotated[str, typer.Option(help="New description, or that of what is released.")] = "",
    package: Annotated[str, typer.Option(help="Package whose documents describe it, without --text.")] = "",
    assets: AssetsArgument = None,
    key: KeyOption = "",
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change the term or the description of one of a bank's registrations, or release assets from it."""
    if change is Change.term and not months:
        raise typer.BadParameter("A change of term needs --months.", param_hint="--months")
    if change is not Change.term and not (text or package):
        raise typer.BadParameter("Give --text, or --package with its assets.", param_hint="--text")
    layout = layout_of(directory)
    key = key or secrets.token_hex(16)
    wanted = pb.AmendFilingRequest(
        registration=registration,
        kind=change.value,
        description=text,
        term_months=months,
        package_id=package,
        fingerprints=[fingerprint_of(layout, each) for each in assets or []],
        idempotency_key=key,
    )
    answer = _with_bank(layout, bank, lambda stub: call(stub.AmendFiling, wanted))
    _say(answer.filing, key, as_json)


@app.command()
def cancel(
    registration: RegistrationArgument,
    reason: Annotated[Reason, typer.Option(help="Why.")],
    key: KeyOption = "",
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """End one of a bank's registrations."""
    layout = layout_of(directory)
    key = key or secrets.token_hex(16)
    wanted = pb.CancelFilingRequest(registration=registration, reason=reason.value, idempotency_key=key)
    answer = _with_bank(layout, bank, lambda stub: call(stub.CancelFiling, wanted))
    _say(answer.filing, key, as_json)


@app.command()
def show(
    asset: Annotated[str, typer.Argument(help="Only filings on this receivable or warehouse receipt.")] = "",
    registration: Annotated[str, typer.Option(help="Only filings of this registration.")] = "",
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a bank's filings."""
    layout = layout_of(directory)
    fingerprint = fingerprint_of(layout, asset) if asset else ""
    wanted = pb.ListFilingsRequest(registration=registration, fingerprint=fingerprint)
    found = _with_bank(layout, bank, lambda stub: call(stub.ListFilings, wanted)).filings
    if as_json:
        emit_json([_data(each) for each in found])
        return
    if not found:
        line("No filings" + (" on it." if asset or registration else " yet."))
        return
    rows = [
        (
            each.registration or short(each.filing_id),
            each.act,
            Text(each.state, style=STATES.get(each.state, "")),
            when(each.registered_unix) if each.registered_unix else "",
            when(each.expires_unix) if each.expires_unix and each.act != "cancel" else "",
            str(len(each.fingerprints)),
        )
        for each in found
    ]
    table(("registration", "act", "state", "at", "until", "assets"), rows, right=("assets",))
