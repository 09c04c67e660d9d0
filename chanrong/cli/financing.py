"""``chanrong financing``: asking for money on receivables, and claims on them."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer
from google.protobuf.json_format import MessageToDict
from rich.text import Text

from chanrong.cli.output import (
    STYLES,
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
from chanrong.sandbox import erp
from chanrong.sandbox.clients import bank_of, connect, gateway_of, officer_of
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile, load_profile
from chanrong.sandbox.pushed import fingerprint_of, pushed
from chanrong.sandbox.reading import live_consent
from consortium.contract.figures import percent
from consortium.contract.names import FACE_VALUE_PPB, SCOPE_ASSESS, SCOPE_MONITOR
from consortium.errors import NotFoundError
from consortium.rpc.client import call
from consortium.wire.chanrong.finance.v1 import finance_pb2, finance_pb2_grpc

app = typer.Typer(
    no_args_is_help=True, help="Ask for financing; reserve, finance, release and settle claims."
)

MONITOR = (SCOPE_MONITOR,)

BankOption = Annotated[str, typer.Option("--bank", help="The bank; the first one by default.")]
ClaimArgument = Annotated[str, typer.Argument(help="The claim, see `chanrong financing show`.")]
ReceivableArgument = Annotated[
    str, typer.Argument(help="A receivable: its number, its fingerprint, or the beginning of that.")
]


class Reason(StrEnum):
    """Why a claim is given up."""

    repaid = "repaid"
    repurchased = "repurchased"
    substituted = "substituted"
    error = "error"


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
        line(Text(done, style="green"), f" claim {claim.claim_id} on {short(claim.fingerprint)}")
        said = [f"{percent(claim.share_ppb)} of face value"]
        if claim.settled_ppb:
            said.append(f"{percent(claim.settled_ppb)} settled so far")
        if claim.state == "reserved" and claim.expires_unix:
            said.append(f"lapses {when(claim.expires_unix)}")
        if claim.asset_state:
            said.append(f"asset {claim.asset_state}")
        line(", ".join([*said, f"transaction {short(result.transaction_id)}"]), indent=2)
    else:
        line(Text("refused: ", style="red"), result.message or "no reason given", f" ({result.reason})")
    if not result.done:
        raise typer.Exit(int(Exit.SOME_REFUSED))


@app.command()
def request(
    receivables: Annotated[
        list[str], typer.Argument(help="Receivables offered: numbers, fingerprints, or beginnings of those.")
    ],
    party: Annotated[str, typer.Option("--as", help="The applicant.")],
    amount: Annotated[str, typer.Option(help="Amount asked for.")],
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")],
    bank: BankOption = "",
    via: Annotated[str, typer.Option(help="Industry gateway; the first one the party is known at.")] = "",
    consent: Annotated[str, typer.Option(help="Consent under which the bank may look.")] = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """File a financing request, as the SME's ERP would."""
    layout = layout_of(directory)
    profile = load_profile(layout)
    applicant = profile.party(party)
    service = bank_of(profile, bank)
    body = {
        "bank": service.msp_id,
        "fingerprints": [fingerprint_of(layout, each) for each in receivables],
        "amount": amount,
        "currency": currency,
        "consent_id": consent,
    }
    gateway = gateway_of(profile, via or next(iter(applicant.secrets), ""))
    filed = run_async(lambda: erp.post(layout, gateway, applicant, "/v1/financing-requests", body))
    if as_json:
        emit_json(filed)
        return
    made = filed.get("request", filed)
    line(Text("filed ", style="green"), f"financing request {made['request_id']}")
    asked = f"{made['amount']} {made['currency']} on {len(made['fingerprints'])} receivables"
    line(f"{applicant.alias} asks {service.name} for {asked}: {made['state']}", indent=2)


@app.command()
def reserve(
    receivable: ReceivableArgument,
    consent: Annotated[
        str, typer.Option(help="Consent of the seller that names the bank; the newest live one if empty.")
    ] = "",
    share: Annotated[float, typer.Option(help="Percent of the face value.", min=0.0000001, max=100)] = 100.0,
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Reserve a share of a receivable; refused when it is not free, whoever holds it."""
    layout = layout_of(directory)
    profile = load_profile(layout)
    fingerprint = fingerprint_of(layout, receivable)
    scopes = (SCOPE_ASSESS, SCOPE_MONITOR)
    given = consent or _consent(layout, profile, bank, fingerprint, scopes)
    item = finance_pb2.ReserveItem(
        fingerprint=fingerprint, consent_id=given, share_ppb=round(share * FACE_VALUE_PPB / 100)
    )
    wanted = finance_pb2.ReserveRequest(items=[item], idempotency_key=secrets.token_hex(16))

    async def work(stub: Stub) -> finance_pb2.ClaimResult:
        return (await call(stub.Reserve, wanted)).results[0]

    _say(_with_bank(layout, profile, bank, work), "reserved", as_json)


def _consent(layout: Layout, profile: Profile, bank: str, fingerprint: str, scopes: tuple[str, ...]) -> str:
    msp_id = bank_of(profile, bank).msp_id
    return run_async(lambda: live_consent(layout, profile, msp_id, fingerprint, scopes))


@app.command()
def finance(
    claim: ClaimArgument,
    consent: Annotated[
        str, typer.Option(help="Consent with scope monitor; the newest live one if empty.")
    ] = "",
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Turn a reservation into a financing."""
    layout = layout_of(directory)
    profile = load_profile(layout)
    given = consent or _consent(layout, profile, bank, _asset_of(layout, profile, bank, claim), MONITOR)
    wanted = finance_pb2.FinanceRequest(
        claim_id=claim, monitor_consent_id=given, idempotency_key=secrets.token_hex(16)
    )

    async def work(stub: Stub) -> finance_pb2.ClaimResult:
        return (await call(stub.Finance, wanted)).result

    _say(_with_bank(layout, profile, bank, work), "financed", as_json)


@app.command()
def release(
    claim: ClaimArgument,
    reason: Annotated[Reason, typer.Option(help="Why.")],
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a claim up, with a reason."""
    layout = layout_of(directory)
    wanted = finance_pb2.ReleaseRequest(
        claim_id=claim, reason=reason.value, idempotency_key=secrets.token_hex(16)
    )

    async def work(stub: Stub) -> finance_pb2.ClaimResult:
        return (await call(stub.Release, wanted)).result

    _say(_with_bank(layout, load_profile(layout), bank, work), "released", as_json)


@app.command()
def settle(
    claim: ClaimArgument,
    share: Annotated[
        float, typer.Option(help="Percent of the face value that was paid; 0 is the rest.", min=0, max=100)
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
    receivable: Annotated[str, typer.Argument(help="Only this receivable.")] = "",
    bank: BankOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a bank's claims and the state of their assets."""
    layout = layout_of(directory)
    profile = load_profile(layout)
    fingerprint = fingerprint_of(layout, receivable) if receivable else ""
    claims = run_async(lambda: _claims(layout, profile, bank, fingerprint))
    if as_json:
        emit_json(
            [
                MessageToDict(c, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
                for c in claims
            ]
        )
        return
    if not claims:
        line("No claims" + (" on it." if receivable else " yet."))
        return
    numbers = {each.fingerprint: each.number for each in pushed(layout)}
    rows = [
        (
            c.claim_id,
            numbers.get(c.fingerprint) or short(c.fingerprint),
            percent(c.share_ppb),
            percent(c.settled_ppb) if c.settled_ppb else "",
            c.state,
            Text(c.asset_state, style=STYLES.get(c.asset_state, ""))
            + (f", {percent(c.shortfall_ppb)} short" if c.shortfall_ppb else ""),
        )
        for c in claims
    ]
    columns = ("claim", "receivable", "share", "settled", "state", "asset")
    table(columns, rows, right=("share", "settled"), cut=("receivable",))


async def _claims(layout: Layout, profile: Profile, bank: str, fingerprint: str) -> list[finance_pb2.Claim]:
    service = bank_of(profile, bank)
    async with connect(layout, service, officer_of(service)) as link:
        stub = finance_pb2_grpc.FinancingServiceStub(link)
        wanted = finance_pb2.ListClaimsRequest(fingerprint=fingerprint)
        return list((await call(stub.ListClaims, wanted)).claims)


def _asset_of(layout: Layout, profile: Profile, bank: str, claim: str) -> str:
    """The asset of one of a bank's claims.

    :raises NotFoundError: the bank has no such claim
    """
    claims = run_async(lambda: _claims(layout, profile, bank, ""))
    found = next((each.fingerprint for each in claims if each.claim_id == claim), None)
    if found is None:
        raise NotFoundError(
            f"{bank_of(profile, bank).name} has no claim {claim!r}.",
            remedy="List them with `chanrong financing show`.",
        )
    return found
