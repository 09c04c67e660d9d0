"""``chanrong parties``: who pushes and consents here."""

from __future__ import annotations

from chanrong.cli.output import DirOption, JsonOption, emit_json, layout_of, line, table
from chanrong.sandbox.profile import load_profile


def parties(directory: DirOption = None, as_json: JsonOption = False) -> None:
    """List the parties that push and consent.

    The other commands take a party by its alias, its name or a part of it, or an identifier.
    """
    profile = load_profile(layout_of(directory))
    if as_json:
        emit_json(
            [
                {
                    "alias": party.alias,
                    "name": party.name,
                    "identifiers": list(party.identifiers),
                    "handle": party.handle,
                    "gateways": list(party.secrets),
                }
                for party in profile.parties.values()
            ]
        )
        return
    if not profile.parties:
        line("None yet: push a document, and its issuer is one.")
        return
    rows = [
        (party.alias, party.name, ", ".join(party.identifiers), ", ".join(party.secrets))
        for party in profile.parties.values()
    ]
    table(("alias", "name", "identifiers", "known at"), rows, wrap=("name", "identifiers"))
