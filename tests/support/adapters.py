"""Reference institutions in this process, over real mutual TLS, and data to load into them.

```python
async with adapter("tax", consortium, tmp_path) as tax:
    report = await tax.load(invoice_json(number="INV-1"))
    answer = await TaxSource(tax.channel()).ask([...])
```
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import grpc.aio

from consortium.documents.canonical import canonical_bytes
from consortium.documents.identifiers import make_uscc
from consortium.documents.invoice import Invoice
from consortium.documents.kinds import parse_canonical
from consortium.rpc.client import call, channel
from consortium.rpc.run import running
from consortium.wire.chanrong.sources.v1 import sources_pb2 as pb
from consortium.wire.chanrong.sources.v1 import sources_pb2_grpc as rpc
from crossverify.adapters.kinds import ADAPTERS, AdapterKind
from tests.support.certs import TestConsortium

SELLER = "uscc:" + make_uscc("9", "1", "310000", "MA1FL001")
OTHER_SELLER = "uscc:" + make_uscc("9", "1", "440300", "MA5EQ002")
BUYER = "uscc:" + make_uscc("9", "1", "110000", "MA01A003")
ACCOUNT = "DE89370400440532013000"
AS_OF = 1_790_000_000


@dataclass
class RunningAdapter:
    """A served institution and the callers that know it."""

    kind: str
    consortium: TestConsortium
    port: int
    settings: Any
    _channels: dict[tuple[str, str], grpc.aio.Channel] = field(default_factory=dict)

    def channel(self, msp_id: str = "BankAMSP", role: str = "gateway") -> grpc.aio.Channel:
        """A channel of a caller; closed with the adapter."""
        key = (msp_id, role)
        if key not in self._channels:
            tls = self.consortium.tls(f"{role}-{msp_id.lower()}", msp_id, role)
            roots = self.consortium.directory.roots("InstitutionsMSP")
            self._channels[key] = channel(f"127.0.0.1:{self.port}", tls, roots=roots)
        return self._channels[key]

    @property
    def admin(self) -> Any:
        """The admin service as the operator sees it."""
        return rpc.InstitutionAdminServiceStub(self.channel("InstitutionsMSP", "operator"))

    async def load(
        self, content: bytes | str | Mapping[str, Any] | list[Any], *, name: str = "data", as_of: int = 0
    ) -> pb.LoadDataResponse:
        """Load bytes, text, or JSON values."""
        data = content if isinstance(content, bytes) else None
        if data is None:
            text = content if isinstance(content, str) else json.dumps(content, ensure_ascii=False)
            data = text.encode()
        request = pb.LoadDataRequest(file_name=name, content=data, as_of_unix=as_of)
        response: pb.LoadDataResponse = await call(self.admin.LoadData, request, timeout_s=60)
        return response

    async def pause(self, paused: bool = True) -> None:
        """Pause or resume."""
        await call(self.admin.SetPaused, pb.SetPausedRequest(paused=paused))

    async def close(self) -> None:
        """Close all channels."""
        for each in self._channels.values():
            await each.close()


@asynccontextmanager
async def adapter(
    kind: str, consortium: TestConsortium, folder: Path, served: AdapterKind | None = None
) -> AsyncIterator[RunningAdapter]:
    """Serve one institution; its database stays in the folder.

    :param served: what to serve where it is none of the reference institutions
    """
    known = served or ADAPTERS[kind]
    settings = known.settings(
        database=f"sqlite:///{folder / kind}.db",
        tls=consortium.tls(kind, "InstitutionsMSP", "adapter"),
        directory=consortium.directory_file,
        asking_organisations={"BankAMSP", "BankBMSP"},
        grace_s=1,
    )
    async with running(known.serve, settings) as life:
        running_adapter = RunningAdapter(kind, consortium, life.ports["grpc"], settings)
        try:
            yield running_adapter
        finally:
            await running_adapter.close()


def party(identifier: str, name: str) -> dict[str, Any]:
    """A party in canonical JSON."""
    scheme, _, value = identifier.partition(":")
    return {"name": name, "identifiers": [{"scheme": scheme, "value": value}]}


def invoice_json(
    number: str = "INV-2026-001",
    *,
    gross: str = "1130",
    seller: str = SELLER,
    buyer: str = BUYER,
    kind: str = "invoice",
    issue_date: str = "2026-05-04",
    currency: str = "CNY",
    corrects: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """An invoice or credit note in canonical JSON: 13 % tax, one line."""
    net = (Decimal(gross) / Decimal("1.13")).quantize(Decimal("0.01"))
    tax = Decimal(gross) - net
    values: dict[str, Any] = {
        "kind": kind,
        "number": number,
        "issue_date": issue_date,
        "type_code": "380" if kind == "invoice" else "381",
        "currency": currency,
        "seller": party(seller, "Seller Co"),
        "buyer": party(buyer, "Buyer Co"),
        "totals": {
            "line_net": str(net),
            "net": str(net),
            "tax": str(tax),
            "gross": gross,
            "payable": gross,
        },
        "lines": [
            {
                "line_id": "1",
                "item": {"name": "Steel coil"},
                "quantity": "1",
                "unit": "TNE",
                "price": str(abs(net)),
                "net_amount": str(net),
            }
        ],
        **more,
    }
    if corrects is not None:
        values["preceding_invoices"] = [{"number": corrects}]
    return values


def make_invoice(number: str = "INV-2026-001", **values: Any) -> Invoice:
    """The same as a document."""
    found = parse_canonical("invoice", canonical_bytes(invoice_json(number, **values)))
    assert isinstance(found, Invoice)
    return found


def camt(
    entries: str,
    *,
    account: str = ACCOUNT,
    identifier: str = "S1",
    owner: str = "<Ownr><Nm>Seller Co</Nm></Ownr>",
    version: str = "08",
    until: str = "2026-06-30",
) -> bytes:
    """A camt.053 statement around entries."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>M</MsgId><CreDtTm>2026-07-01T08:00:00</CreDtTm></GrpHdr>"
        f"<Stmt><Id>{identifier}</Id><CreDtTm>2026-07-01T08:00:00</CreDtTm>"
        f"<FrToDt><FrDtTm>2026-06-01T00:00:00</FrDtTm><ToDtTm>{until}T23:59:59</ToDtTm></FrToDt>"
        f"<Acct><Id><IBAN>{account}</IBAN></Id><Ccy>CNY</Ccy>{owner}</Acct>"
        f"{entries}</Stmt></BkToCstmrStmt></Document>"
    ).encode()


def entry(
    amount: str = "1130",
    text: str = "",
    *,
    remittance: str = "",
    details: str = "",
    direction: str = "CRDT",
    reference: str = "",
    bank_reference: str = "",
    reversal: str = "",
    status: str = "BOOK",
    booked: str = "2026-06-10",
    payer: str = "",
    currency: str = "CNY",
    more: str = "",
) -> str:
    """One entry with one transaction: ``text`` is unstructured remittance, ``payer`` an XML Dbtr."""
    ustrd = f"<Ustrd>{text}</Ustrd>" if text else ""
    inner = details or (
        f"<TxDtls>{more}<RltdPties>{payer}</RltdPties><RmtInf>{ustrd}{remittance}</RmtInf></TxDtls>"
    )
    return (
        "<Ntry>"
        + (f"<NtryRef>{reference}</NtryRef>" if reference else "")
        + f'<Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{direction}</CdtDbtInd>'
        + (f"<RvslInd>{reversal}</RvslInd>" if reversal else "")
        + f"<Sts><Cd>{status}</Cd></Sts><BookgDt><Dt>{booked}</Dt></BookgDt>"
        + (f"<AcctSvcrRef>{bank_reference}</AcctSvcrRef>" if bank_reference else "")
        + f"<NtryDtls>{inner}</NtryDtls></Ntry>"
    )


def debtor(identifier: str = "", name: str = "Buyer Co", account: str = "") -> str:
    """Dbtr and DbtrAcct of a transaction; an identifier "uscc:..." stands in Othr with its scheme."""
    scheme, _, value = identifier.partition(":")
    tag = (
        f"<LEI>{value}</LEI>"
        if scheme == "lei"
        else f"<Othr><Id>{value}</Id><SchmeNm><Prtry>{scheme.upper()}</Prtry></SchmeNm></Othr>"
    )
    ids = f"<Id><OrgId>{tag}</OrgId></Id>" if identifier else ""
    own = f"<DbtrAcct><Id><IBAN>{account}</IBAN></Id></DbtrAcct>" if account else ""
    return f"<Dbtr><Pty><Nm>{name}</Nm>{ids}</Pty></Dbtr>{own}"


def report_json(subject: str = SELLER, **values: Any) -> dict[str, Any]:
    """A credit report."""
    return {
        "subject_id": subject,
        "current_overdue_days": 0,
        "past_overdue_count": 0,
        "under_enforcement": False,
        "liabilities": "250000.50",
        "currency": "CNY",
        **values,
    }


TODAY = date(2026, 7, 1)
