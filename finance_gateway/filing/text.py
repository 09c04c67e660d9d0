"""From a package to a filing: who assigns, what, and for how long. Pure.

The description is made from the documents in the package's evidence, so it names the very numbers, debtors and
amounts that the bank looked at, and a later search compares it with the same facts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from consortium.documents import WarehouseReceipt
from consortium.documents.party import Party
from consortium.documents.roles import parties_of
from consortium.errors import InvalidInputError
from consortium.wire.chanrong.sources.v1 import registry_pb2 as pb
from crossverify.case import Case
from crossverify.collateral import AssetFacts, collateral_of, write_description
from crossverify.evidence import Evidence
from crossverify.orders import Asset
from crossverify.profiles import PROFILES
from crossverify.registrations import due_of, facts_of
from finance_gateway.packages.envelope import read_envelope

KINDS: Final = ("assignment", "pledge", "movables")
MAX_TERM_MONTHS: Final = 360
TERM_BEYOND_MONTHS: Final = 6
"""A term that nobody gave reaches so far beyond the last due date: debtors pay late."""

TERM_UNKNOWN_MONTHS: Final = 24
"""The term where no due date is known."""

MAX_DESCRIPTION_CHARACTERS: Final = 20_000
MAX_NAMES: Final = 32
MAX_IDENTIFIERS: Final = 16


@dataclass(frozen=True, slots=True)
class Described:
    """What a filing says of a package's assets.

    :ivar assignor: name, identifiers and former names, as the documents and tax have them
    :ivar fingerprints: of the assets
    :ivar last_due: the latest due date; none when none is known
    """

    assignor: pb.RegistryParty
    description: str
    fingerprints: tuple[str, ...]
    last_due: date | None


def describe(content: bytes, profile: str, fingerprints: Sequence[str], kind: str) -> Described:
    """What a filing on assets of a package says.

    :param content: the package file
    :param profile: its profile's id
    :param fingerprints: of assets, or of documents of theirs; none takes all that are not excluded
    :raises InvalidInputError: an asset is not in the package or cannot be registered; too long
    """
    _, payload = read_envelope(content)
    evidence = Evidence.from_json(payload["evidence"])
    known = PROFILES[profile]
    case = Case(evidence, known.max_ages, known.lends_on)
    chosen = _chosen(case, payload, fingerprints)
    described: list[tuple[Asset, AssetFacts]] = []
    for asset in chosen:
        facts = facts_of(case, asset, due_of(case, asset)[0])
        goods = isinstance(asset.primary.document, WarehouseReceipt)
        if facts is None or goods != (kind == "movables"):
            raise InvalidInputError(
                f"{asset.primary.document.kind} {asset.number} cannot be registered as {kind}.",
                reason="NOT_REGISTRABLE",
                remedy="Receivables take assignment or pledge, warehouse receipts movables; bills are not registered.",
            )
        described.append((asset, facts))
    text = write_description(kind, collateral_of(facts for _, facts in described))
    if len(text) > MAX_DESCRIPTION_CHARACTERS:
        raise InvalidInputError(
            f"The description has {len(text)} characters; the registry takes {MAX_DESCRIPTION_CHARACTERS}.",
            reason="TOO_LARGE",
            remedy="File fewer assets at once.",
        )
    dues = [due for asset, _ in described if (due := due_of(case, asset)[0]) is not None]
    return Described(
        _assignor(case), text, tuple(asset.fingerprint for asset in chosen), max(dues) if dues else None
    )


def _chosen(case: Case, payload: dict[str, Any], fingerprints: Sequence[str]) -> list[Asset]:
    by_key: dict[str, Asset] = {}
    for asset in case.assets:
        members = getattr(asset, "members", (asset.primary,))
        aliases = [key for row in asset.assets for key in (row.asset, *row.aliases)]
        for key in (asset.fingerprint, *(each.fingerprint for each in members), *aliases):
            by_key[key] = asset
    if not fingerprints:
        excluded = {each["fingerprint"] for each in payload["receivables"] if each["decision"] == "excluded"}
        found = [asset for asset in case.assets if asset.fingerprint not in excluded]
    else:
        missing = [key for key in fingerprints if key not in by_key]
        if missing:
            raise InvalidInputError(
                f"The package has no asset {missing[0][:64]}.",
                reason="ASSET_UNKNOWN",
                remedy="Name receivables of this package, see `chanrong package show`.",
            )
        found = list({by_key[key].fingerprint: by_key[key] for key in fingerprints}.values())
    if not found:
        raise InvalidInputError(
            "The package has no asset to file.",
            reason="NOTHING_TO_FILE",
            remedy="All are excluded: name one.",
        )
    return found


def _assignor(case: Case) -> pb.RegistryParty:
    """The subject, under the newest name that its documents give it; the others are former names."""
    names: dict[str, None] = {}
    for item in reversed(case.documents):
        for party in parties_of(item.document):
            if case.is_subject(party, ""):
                names |= dict.fromkeys(each for each in _names(party) if each)
    for identifier in case.evidence.subject.identifiers:
        taxpayer = case.taxpayer(identifier)
        official = getattr(taxpayer, "name", "")
        if official:
            names = {official: None} | names | dict.fromkeys(getattr(taxpayer, "former_names", ()))
    every = list(names) or [case.evidence.subject.name or "unnamed"]
    return pb.RegistryParty(
        name=every[0][:200],
        identifiers=sorted(case.evidence.subject.identifiers)[:MAX_IDENTIFIERS],
        former_names=[each[:200] for each in every[1 : MAX_NAMES + 1]],
    )


def _names(party: Party) -> tuple[str | None, ...]:
    return party.name, party.trading_name


def term_months(given: int, last_due: date | None, now: int) -> int:
    """The term of a registration: what was given, else one that reaches beyond the last due date.

    :raises InvalidInputError: longer than the registry takes
    """
    if given:
        if given > MAX_TERM_MONTHS:
            raise InvalidInputError(f"A term of {given} months is too long.", remedy="Give 1 to 360 months.")
        return given
    if last_due is None:
        return TERM_UNKNOWN_MONTHS
    today = datetime.fromtimestamp(now, UTC).date()
    months = (last_due.year - today.year) * 12 + last_due.month - today.month + 1
    return min(max(months, 0) + TERM_BEYOND_MONTHS, MAX_TERM_MONTHS)
