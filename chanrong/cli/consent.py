"""``chanrong consent``: a subject gives, withdraws and sees its consents; statements are signed with its own key."""

from __future__ import annotations

import base64
import secrets
import time
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.text import Text

from chanrong.cli.output import DirOption, JsonOption, emit_json, layout_of, line, run_async, styled, when
from chanrong.sandbox import erp
from chanrong.sandbox.clients import bank_of, gateway_of
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.parties import signer_of
from chanrong.sandbox.profile import Party, Profile, Service, load_profile
from consortium.contract.schema import SchemaError
from consortium.contract.statements import consent_statement, revocation_statement
from consortium.errors import InvalidInputError

app = typer.Typer(no_args_is_help=True, help="Grant, revoke and list consents.")

DAY_S = 86_400


class Scope(StrEnum):
    """What a consent is for."""

    assess = "assess"
    monitor = "monitor"


AsOption = Annotated[str, typer.Option("--as", help="The subject: a party, see `chanrong parties`.")]
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
    statement = _statement(
        lambda: consent_statement(
            consent_id=secrets.token_hex(16),
            subject=party.handle,
            recipient=bank_msp,
            purpose=purpose,
            scope=scope,
            fields=fields,
            issued=now,
            expires=now + days * DAY_S,
        )
    )
    return await _send(layout, profile, party, via, "/v1/consents", statement)


async def revoke_consent(
    layout: Layout, profile: Profile, party: Party, consent_id: str, via: str = ""
) -> dict[str, Any]:
    """Signs a revocation with the party's key and has it recorded. Returns the revoked consent."""
    statement = _statement(
        lambda: revocation_statement(consent_id=consent_id, subject=party.handle, issued=int(time.time()))
    )
    return await _send(layout, profile, party, via, f"/v1/consents/{consent_id}/revoke", statement)


def _statement(build: Callable[[], bytes]) -> bytes:
    try:
        return build()
    except SchemaError as wrong:
        what = str(wrong).removeprefix("value.").replace(":", "", 1)
        raise InvalidInputError(f"The {what}.", remedy="Correct it and try again.") from wrong


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
    scope: Annotated[
        Scope, typer.Option(help="assess: for a package. monitor: for as long as a financing lasts.")
    ] = Scope.assess,
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
            scope=scope.value,
            fields=list(field),
            days=days,
            via=via,
        )
    )
    if as_json:
        emit_json(found)
    else:
        line(Text("granted ", style="green"), found["consent_id"])
        line(_means(profile, found), indent=2)


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
        line(Text("revoked ", style="yellow"), consent_id)


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
    if not found:
        line(f"{subject.alias} has given no consent.")
    for consent in found:
        line(consent["consent_id"], " ", styled(consent["state"]))
        line(_means(profile, consent), indent=2)


def _means(profile: Profile, consent: dict[str, Any]) -> str:
    """A consent in a sentence."""
    banks = {service.msp_id: service.name for service in profile.of_kind("finance")}
    what = "everything" if consent["fields"] == ["*"] else ", ".join(consent["fields"])
    return (
        f"{banks.get(consent['recipient'], consent['recipient'])} may {consent['scope']} {what}"
        f" for {consent['purpose']} until {when(int(consent['expires_unix']))[:10]}"
    )
