"""What the asking bank itself knows: limits, groups, lists, accounts that it verified, prices, rates.

The bank's finance gateway reads it from a file (``desk_file``) and it travels in the evidence, so that a package says
which figures of the bank it rests on. Amounts and rates are decimal strings in JSON. Whoever is named is named by an
identifier "scheme:value".
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from consortium.documents.money import decimal_text

Number = Annotated[Decimal, PlainSerializer(decimal_text)]
Positive = Annotated[Decimal, Field(gt=0), PlainSerializer(decimal_text)]
Seconds = Annotated[int, Field(ge=0, strict=True)]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Exposure(_Frozen):
    """What the bank already has outstanding on a debtor, and how much it may.

    :ivar debtor: its identifier
    :ivar group: the group whose limit it counts against; empty is a limit of its own
    :ivar amount: outstanding
    :ivar limit: at most
    """

    debtor: str
    group: str = ""
    amount: Number
    limit: Positive
    currency: Currency


class ListedParty(_Frozen):
    """An entry of a sanctions or watch list that the bank uses.

    :ivar list: name of the list
    """

    list: str
    name: str
    aliases: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()


class Contact(_Frozen):
    """How a debtor can be reached, from a source that is not the seller.

    :ivar domains: mail domains
    :ivar keys: SHA-256 (hex) of public keys with which it signs
    """

    domains: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()


class ReferencePrice(_Frozen):
    """A range of prices that the bank takes for usual.

    :ivar item: item number or name, as documents have it
    :ivar unit: UN/ECE Rec 20 code
    :ivar low: lowest usual price of one unit
    :ivar high: highest usual price of one unit
    :ivar source: where it comes from
    """

    item: str
    unit: str
    currency: Currency
    low: Number
    high: Positive
    source: str


class Rates(_Frozen):
    """Exchange rates.

    :ivar source: who publishes them
    :ivar rates: "USD/CNY": how many units of the second one unit of the first is worth
    """

    source: str
    as_of: Seconds
    rates: dict[Annotated[str, Field(pattern=r"^[A-Z]{3}/[A-Z]{3}$")], Positive] = Field(default_factory=dict)


class CoreDebt(_Frozen):
    """What a core enterprise states that it owes in all.

    :ivar vouchers: face value of the receivable vouchers that it has issued
    """

    debtor: str
    payables: Number
    vouchers: Number
    currency: Currency
    as_of: Seconds


class ReleaseLetter(_Frozen):
    """A secured party's word that it claims something no longer.

    :ivar registration: number of its registration
    :ivar secured_party: who gave the letter
    :ivar receivables: numbers or fingerprints that it is about; none is everything under the registration
    :ivar dated: ISO date of the letter
    """

    registration: str
    secured_party: str = ""
    receivables: tuple[str, ...] = ()
    dated: str = ""


Kind = Literal["large", "medium", "small", "public"]


class DeskInfo(_Frozen):
    """The bank's own figures.

    :ivar groups: group name by party
    :ivar kinds: kind of enterprise (条例 802) by party
    :ivar verified_accounts: accounts that the bank verified, by seller; the last is the current one
    :ivar contacts: by debtor
    :ivar group_payers: who may pay for a debtor: its group treasury
    :ivar own_identifiers: the bank itself, so that its own registrations are known wherever it filed them
    :ivar release_letters: letters that the bank holds
    """

    as_of: Seconds = 0
    exposures: tuple[Exposure, ...] = ()
    groups: dict[str, str] = Field(default_factory=dict)
    kinds: dict[str, Kind] = Field(default_factory=dict)
    sanctions: tuple[ListedParty, ...] = ()
    verified_accounts: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    contacts: dict[str, Contact] = Field(default_factory=dict)
    group_payers: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    prices: tuple[ReferencePrice, ...] = ()
    rates: Rates | None = None
    core_debts: tuple[CoreDebt, ...] = ()
    own_identifiers: tuple[str, ...] = ()
    release_letters: tuple[ReleaseLetter, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As canonical JSON data."""
        return self.model_dump(mode="json")
