"""What building a package needs of the outside; wired in ``app.py``, played by small fakes in unit tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from consortium.wire.chanrong.documents.v1 import documents_pb2
from crossverify.evidence import SourceAnswer
from crossverify.sources.bank import AccountQuestion, FlowQuestion, PaymentQuestion
from crossverify.sources.bills import BillQuestion
from crossverify.sources.credit import ReportQuestion
from crossverify.sources.registry import RegistryQuestion
from crossverify.sources.tax import InvoiceQuestion, SalesQuestion


class LedgerPort(Protocol):
    """Reads of the contract. Requests and answers are the shapes of ``consortium.contract``."""

    async def read(self, function: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """One peer's answer."""
        ...

    async def signed_read(self, function: str, request: Mapping[str, Any]) -> bytes:
        """An answer that the organisations' peers sign."""
        ...

    async def height(self) -> int:
        """Number of blocks."""
        ...


class BodiesPort(Protocol):
    """One industry gateway, asked for documents under a consent."""

    @property
    def name(self) -> str:
        """Name of the gateway, for messages."""
        ...

    def release(
        self, subject: str, consent_id: str, purpose: str, fingerprints: Sequence[str]
    ) -> AsyncIterator[documents_pb2.DisclosedDocument]:
        """The documents that the consent covers.

        :raises ChanrongError: NOT_FOUND when the gateway does not know the subject
        """
        ...


class TaxPort(Protocol):
    """The tax authority."""

    async def ask(
        self,
        invoices: Sequence[InvoiceQuestion] = (),
        taxpayers: Sequence[str] = (),
        sales: Sequence[SalesQuestion] = (),
    ) -> SourceAnswer:
        """Never raises: silent is an answer."""
        ...


class BankPort(Protocol):
    """A bank's accounts."""

    async def ask(
        self,
        receivables: Sequence[PaymentQuestion] = (),
        accounts: Sequence[AccountQuestion] = (),
        flows: Sequence[FlowQuestion] = (),
    ) -> SourceAnswer:
        """Never raises: silent is an answer."""
        ...


class CreditPort(Protocol):
    """A credit bureau."""

    async def ask(self, subjects: Sequence[ReportQuestion]) -> SourceAnswer:
        """Never raises: silent is an answer."""
        ...


class RegistryPort(Protocol):
    """The movable-property registry."""

    async def ask(self, assignors: Sequence[RegistryQuestion]) -> SourceAnswer:
        """Never raises: silent is an answer."""
        ...


class BillsPort(Protocol):
    """The commercial-paper exchange."""

    async def ask(self, bills: Sequence[BillQuestion]) -> SourceAnswer:
        """Never raises: silent is an answer."""
        ...


@dataclass(frozen=True, slots=True)
class Institutions:
    """The institutions that this bank asks; one that it has no contract with is None and is not asked."""

    tax: TaxPort | None
    bank: BankPort | None
    credit: CreditPort | None
    registry: RegistryPort | None = None
    bills: BillsPort | None = None


class Desk(Protocol):
    """What making a package needs of this bank's own tables."""

    async def own_handles(self, handles: Collection[str]) -> set[str]:
        """The handles of claims among these that this bank can open: its own."""
        ...

    async def watch(self, consent_id: str, fingerprints: Collection[str], *, anew: bool) -> None:
        """From now on, what happens on the ledger to one of these documents or assets is kept for the package.

        Called with the documents before the ledger is read, so that nothing falls between reading and watching, and
        again with all that it rests on.

        :param anew: what was kept until now is dropped, as the ledger is going to be read
        """
        ...
