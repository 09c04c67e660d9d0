"""What the ledger says about an asset: figures and claims, as several functions answer them."""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

from consortium.contract.names import FACE_VALUE_PPB

AssetState = Literal["free", "encumbered", "impaired", "void"]
"""``impaired`` while there is a shortfall, also of a void asset; ``encumbered`` while there are live
claims."""
ClaimState = Literal["reserved", "financed", "settled", "released", "lapsed"]
LIVE_STATES: Final = ("reserved", "financed")


class AssetFigures(TypedDict):
    """An asset's figures at the transaction's time; lapsed reservations are out."""

    asset: str
    seller: str
    state: AssetState
    void: bool
    free: int
    """What a new claim may take, as far as this asset is concerned; those above it may leave less."""
    claimed: int
    settled: int
    diluted: int
    via_total: int
    """Used through children."""
    via: dict[str, int]
    """The same by child asset."""
    unweighted: bool
    """A child of unknown weight is in use, so that nobody can claim this asset until the weight is set."""
    shortfall: int
    repurchased: bool
    """A claim was released as repurchased: financing again deserves a warning."""


class Claim(TypedDict):
    """A claim, live or lately closed."""

    claim: str
    share: int
    """What is claimed now; 0 when closed."""
    settled: int
    """What was settled of it so far."""
    state: ClaimState
    handle: str
    expires: int
    """Of a reservation; 0 when financed."""
    renewed: bool
    reason: NotRequired[str]
    """Of its release."""
    closed: NotRequired[int]
    """Time of its end."""


class ClaimsRow(AssetFigures):
    """An asset's figures and claims; live ones all, closed ones the latest 64."""

    fp: str
    """As asked."""
    claims: list[Claim]


def percent(share: int) -> str:
    """A share in billionths, for a person: exact, and the same text on every peer.

    >>> percent(400_000_000), percent(1), percent(-123_400_000)
    ('40 %', '0.0000001 %', '-12.34 %')
    """
    whole, rest = divmod(abs(share), FACE_VALUE_PPB // 100)
    digits = f"{rest:07d}".rstrip("0")
    return f"{'-' if share < 0 else ''}{whole}{'.' if digits else ''}{digits} %"
