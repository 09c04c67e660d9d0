"""The reference institutions by name: the one table to which a new one is added."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from crossverify.adapters.bank import app as bank
from crossverify.adapters.bank.settings import BankSettings
from crossverify.adapters.bills import app as bills
from crossverify.adapters.bills.settings import BillsSettings
from crossverify.adapters.credit import app as credit
from crossverify.adapters.credit.settings import CreditSettings
from crossverify.adapters.registry import app as registry
from crossverify.adapters.registry.settings import RegistrySettings
from crossverify.adapters.serving import AdapterSettings
from crossverify.adapters.tax import app as tax
from crossverify.adapters.tax.settings import TaxSettings


@dataclass(frozen=True)
class AdapterKind:
    """What a command needs to run an institution."""

    settings: type[AdapterSettings]
    serve: Callable[[Any], Awaitable[None]]


ADAPTERS: Final[Mapping[str, AdapterKind]] = {
    "tax": AdapterKind(TaxSettings, tax.serve),
    "bank": AdapterKind(BankSettings, bank.serve),
    "credit": AdapterKind(CreditSettings, credit.serve),
    "registry": AdapterKind(RegistrySettings, registry.serve),
    "bills": AdapterKind(BillsSettings, bills.serve),
}
