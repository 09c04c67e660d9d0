"""What building a package needs of the outside; wired in ``app.py``, played by small fakes in unit tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from consortium.contract.figures import ClaimsRow
from consortium.wire.chanrong.documents.v1 import documents_pb2
from crossverify.evidence import SourceAnswer
from crossverify.sources.bank import PaymentQuestion
from crossverify.sources.credit import ReportQuestion
from crossverify.sources.tax import InvoiceQuestion


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

    async def ask(self, invoices: Sequence[InvoiceQuestion], taxpayers: Sequence[str] = ()) -> SourceAnswer:
        """Never raises: silent is an answer."""
        ...


class BankPort(Protocol):
    """A bank's accounts."""

    async def ask(self, receivables: Sequence[PaymentQuestion]) -> SourceAnswer:
        """Never raises: silent is an answer."""
        ...


class CreditPort(Protocol):
    """A credit bureau."""

    async def ask(self, subjects: Sequence[ReportQuestion]) -> SourceAnswer:
        """Never raises: silent is an answer."""
        ...


@dataclass(frozen=True, slots=True)
class Institutions:
    """The institutions that this bank asks; one that it has no contract with is None and is not asked."""

    tax: TaxPort | None
    bank: BankPort | None
    credit: CreditPort | None


Opens = Callable[[str], bool]
"""Whether this bank can open a claim's handle."""

Rows = Sequence[ClaimsRow | None]
