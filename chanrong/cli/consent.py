"""``chanrong consent``: a subject gives, withdraws and sees its consents; statements are signed with its own key."""

from __future__ import annotations

import base64
import datetime as dt
import secrets
import time
from typing import Annotated, Any

import typer

from chanrong.cli.output import DirOption, JsonOption, emit_json, layout_of, out, run_async, styled, table
from chanrong.sandbox import erp
from chanrong.sandbox.clients import bank_of, gateway_of
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.parties import signer_of
from chanrong.sandbox.profile import Party, Profile, Service, load_profile
from consortium.contract.statements import consent_statement, revocation_statement

app = typer.Typer(no_args_is_help=True, help="Grant, revoke and list consents.")

DAY_S = 86_400
AsOption = Annotated[str, typer.Option("--as", help="The subject: a party of the sandbox.")]
ViaOption = Annotated[
    str, typer.Option("--via", help="Industry gateway; the first one the party is known at.")
]


def _gateway(profile: Profile, party: Party, via: str) -> Service:
    return gateway_of(profile, via or next(iter(party.secrets), ""))


async def grant_consent(
    layout: Layout,
    profile: Profile,
    party: Party,
    *,
    bank_msp: str,
    purpose: str,
    scope: str,
    fields: list[str],
    days: int,
    via: str = "",
) -> dict[str, Any]:
    """Signs a consent with the party's key and has it recorded. Returns the recorded consent."""
    now = int(time.time())
    statement = consent_statement(
        consent_id=secrets.token_hex(16),
        subject=party.handle,
        recipient=bank_msp,
        purpose=purpose,
        scope=scope,
        fields=fields,
        issued=now,
        expires=now + days * DAY_S,
    )
    return await _send(layout, profile, party, via, "/v1/consents", statement)


async def revoke_consent(
    layout: Layout, profile: Profile, party: Party, consent_id: str, via: str = ""
) -> dict[str, Any]:
    """Signs a revocation with the party's key and has it recorded. Returns the revoked consent."""
    statement = revocation_statement(consent_id=consent_id, subject=party.handle, issued=int(time.time()))
    return await _send(layout, profile, party, via, f"/v1/consents/{consent_id}/revoke", statement)


async def _send(
    layout: Layout, profile: Profile, party: Party, via: str, path: str, statement: bytes
) -> dict[str, Any]:
    body = {
        "statement": base64.b64encode(statement).decode(),
        "signature": base64.b64encode(signer_of(layout, party.alias).sign(statement)).decode(),
        "key_number": party.key_number,
    }
    answer = await erp.post(layout, _gateway(profile, party, via), party, path, body)
    return dict(answer.get("consent", answer))


@app.command()
def grant(
    party: AsOption,
    bank: Annotated[str, typer.Option(help="The bank that may look; the first one by default.")] = "",
    purpose: Annotated[str, typer.Option(help="Purpose code.")] = "credit_assessment",
    scope: Annotated[str, typer.Option(help="assess or monitor.")] = "assess",
    field: Annotated[
        list[str], typer.Option(help="Kinds or kind.field that may be seen; * is everything.")
    ] = ["*"],  # noqa: B006
    days: Annotated[int, typer.Option(min=1, max=1800, help="How long it holds.")] = 90,
    via: ViaOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give a bank consent to look at one's documents."""
    layout = layout_of(directory)
    profile = load_profile(layout)
    subject = profile.party(party)
    recipient = bank_of(profile, bank).msp_id
    found = run_async(
        lambda: grant_consent(
            layout,
            profile,
            subject,
            bank_msp=recipient,
            purpose=purpose,
            scope=scope,
            fields=list(field),
            days=days,
            via=via,
        )
    )
    if as_json:
        emit_json(found)
    else:
        out.print(
            f"[green]granted[/green] {found['consent_id']}: {recipient} may {scope} until {_day(found)}"
        )


@app.command()
def revoke(
    consent_id: Annotated[str, typer.Argument(help="The consent.")],
    party: AsOption,
    via: ViaOption = "",
    directory: DirOption = None,
    as_json: JsonOption = False,
) -> None:
    """Withdraw a consent, for good."""
    layout = layout_of(directory)
    profile = load_profile(layout)
    found = run_async(lambda: revoke_consent(layout, profile, profile.party(party), consent_id, via))
    if as_json:
        emit_json(found)
    else:
        out.print(f"[yellow]revoked[/yellow] {consent_id}")


@app.command("list")
def list_consents(
    party: AsOption, via: ViaOption = "", directory: DirOption = None, as_json: JsonOption = False
) -> None:
    """List a subject's consents, as the ledger has them."""
    layout = layout_of(directory)
    profile = load_profile(layout)
    subject = profile.party(party)

    async def go() -> list[dict[str, Any]]:
        async with erp.session(layout, _gateway(profile, subject, via), subject) as client:
            return list((await client.request("GET", "/v1/consents"))["consents"])

    found = run_async(go)
    if as_json:
        emit_json(found)
        return
    rows = [
        (
            c["consent_id"],
            c["recipient"],
            c["purpose"],
            c["scope"],
            ", ".join(c["fields"]),
            styled(c["state"]),
            _day(c),
        )
        for c in found
    ]
    table("", ("consent", "recipient", "purpose", "scope", "fields", "state", "until"), rows)


def _day(consent: dict[str, Any]) -> str:
    return dt.datetime.fromtimestamp(int(consent["expires_unix"]), dt.UTC).strftime("%Y-%m-%d")
