"""``chanrong financing``: asking for money on receivables, and claims on them."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer
from google.protobuf.json_format import MessageToDict

from chanrong.cli.output import (
    DirOption,
    Exit,
    JsonOption,
    emit_json,
    layout_of,
    out,
    run_async,
    short,
    styled,
    table,
)
from chanrong.sandbox import erp
from chanrong.sandbox.clients import bank_of, connect, gateway_of, officer_of
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile, load_profile
from consortium.rpc.client import call
from consortium.wire.chanrong.finance.v1 import finance_pb2, finance_pb2_grpc

app = typer.Typer(
    no_args_is_help=True, help="Ask for financing; reserve, finance, release and settle claims."
)

FACE_VALUE_PPB = 1_000_000_000

BankOption = Annotated[str, typer.Option("--bank", help="The bank; the first one by default.")]
ClaimArgument = Annotated[str, typer.Argument(help="The claim.")]

if TYPE_CHECKING:  # the stub's asynchronous type is in its type stubs only
    Stub = finance_pb2_grpc.FinancingServiceAsyncStub


def _with_bank(
    layout: Layout, profile: Profile, bank: str, work: Callable[[Stub], Awaitable[finance_pb2.ClaimResult]]
) -> finance_pb2.ClaimResult:
    async def go() -> finance_pb2.ClaimResult:
        service = bank_of(profile, bank)
        async with connect(layout, service, officer_of(service)) as link:
            return await work(finance_pb2_grpc.FinancingServiceStub(link))

    return run_async(go)


def _say(result: finance_pb2.ClaimResult, done: str, as_json: bool) -> None:
    if as_json:
        emit_json(
            MessageToDict(result, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        )
    elif result.done:
        claim = result.claim
        out.print(
            f"[green]{done}[/green] claim {claim.claim_id}: {percent(claim.share_ppb)} of {short(claim.fingerprint)}"
            f", asset {styled(claim.asset_state)}, transaction {short(result.transaction_id)}"
        )
    else:
        out.print(f"[red]refused[/red] {result.reason}: {result.message} Free: {percent(result.free_ppb)}.")
    if not result.done:
        raise typer.Exit(int(Exit.SOME_REFUSED))


def percent(ppb: int) -> str:
    """A share in billionths, for people."""
    return f"{ppb / 10_000_000:.4f}".rstrip("0").rstrip(".") + " %"


@app.command()
def request(
    fingerprints: Annotated[list[str], typer.Argument(help="Receivables offered.")],
    party: Annotated[str, typer.Option("--as", help="The applicant.")],
    amount: Annotated[str, typer.Option(help="Amount asked for.")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")],
    bank: BankOption = "",
    via: Annotated[str, typer.Option(help="Industry gateway.")] = "",
    consent: Annotated[str, typer.Option(help="Consent under which the bank may look.")] = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """File a financing request, as the SME's ERP would."""
    layout = layout_of(directory)
    profile = load_profile(layout)
    body = {
        "bank": bank_of(profile, bank).msp_id,
        "fingerprints": fingerprints,
        "amount": amount,
        "currency": currency,
        "consent_id": consent,
    }
    filed = run_async(
        lambda: erp.post(
            layout, gateway_of(profile, via), profile.party(party), "/v1/financing-requests", body
        )
    )
    if as_json:
        emit_json(filed)
    else:
        out.print(f"[green]filed[/green] {filed}")


@app.command()
def reserve(
    fingerprint: Annotated[str, typer.Argument(help="The receivable.")],
    consent: Annotated[str, typer.Option(help="Consent of the seller that names the bank.")],
    share: Annotated[float, typer.Option(help="Percent of the face value.", min=0.0000001, max=100)] = 100.0,
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reserve a share of a receivable; refused when it is not free, whoever holds it."""
    layout = layout_of(directory)
    item = finance_pb2.ReserveItem(
        fingerprint=fingerprint, consent_id=consent, share_ppb=round(share * FACE_VALUE_PPB / 100)
    )
    wanted = finance_pb2.ReserveRequest(items=[item], idempotency_key=secrets.token_hex(16))

    async def work(stub: Stub) -> finance_pb2.ClaimResult:
        return (await call(stub.Reserve, wanted)).results[0]

    _say(_with_bank(layout, load_profile(layout), bank, work), "reserved", as_json)


@app.command()
def finance(
    claim: ClaimArgument,
    consent: Annotated[str, typer.Option(help="Consent with monitor scope.")],
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a reservation into a financing."""
    layout = layout_of(directory)
    wanted = finance_pb2.FinanceRequest(
        claim_id=claim, monitor_consent_id=consent, idempotency_key=secrets.token_hex(16)
    )

    async def work(stub: Stub) -> finance_pb2.ClaimResult:
        return (await call(stub.Finance, wanted)).result

    _say(_with_bank(layout, load_profile(layout), bank, work), "financed", as_json)


@app.command()
def release(
    claim: ClaimArgument,
    reason: Annotated[str, typer.Option(help="repaid, repurchased, substituted or error.")],
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a claim up, with a reason."""
    layout = layout_of(directory)
    wanted = finance_pb2.ReleaseRequest(claim_id=claim, reason=reason, idempotency_key=secrets.token_hex(16))

    async def work(stub: Stub) -> finance_pb2.ClaimResult:
        return (await call(stub.Release, wanted)).result

    _say(_with_bank(layout, load_profile(layout), bank, work), "released", as_json)


@app.command()
def settle(
    claim: ClaimArgument,
    share: Annotated[
        float, typer.Option(help="Percent of the face value that was paid; 0 is all of it.")
    ] = 0.0,
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say that a claim was paid."""
    layout = layout_of(directory)
    wanted = finance_pb2.SettleRequest(
        claim_id=claim, share_ppb=round(share * FACE_VALUE_PPB / 100), idempotency_key=secrets.token_hex(16)
    )

    async def work(stub: Stub) -> finance_pb2.ClaimResult:
        return (await call(stub.Settle, wanted)).result

    _say(_with_bank(layout, load_profile(layout), bank, work), "settled", as_json)


@app.command()
def show(
    fingerprint: Annotated[str, typer.Argument(help="Only this receivable.")] = "",
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a bank's claims and the state of their assets."""
    layout = layout_of(directory)
    profile = load_profile(layout)

    async def go() -> list[finance_pb2.Claim]:
        service = bank_of(profile, bank)
        async with connect(layout, service, officer_of(service)) as link:
            stub = finance_pb2_grpc.FinancingServiceStub(link)
            return list(
                (await call(stub.ListClaims, finance_pb2.ListClaimsRequest(fingerprint=fingerprint))).claims
            )

    claims = run_async(go)
    if as_json:
        emit_json([MessageToDict(c, preserving_proto_field_name=True) for c in claims])
        return
    rows = [
        (
            c.claim_id,
            short(c.fingerprint),
            percent(c.share_ppb),
            c.state,
            c.asset_state,
            percent(c.shortfall_ppb),
        )
        for c in claims
    ]
    table(
        "",
        ("claim", "receivable", "share", "state", "asset", "shortfall"),
        rows,
        right=("share", "shortfall"),
    )
