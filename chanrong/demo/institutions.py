"""What each reference institution is told of the demo's world, as files of its own forms."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import orjson

from chanrong.demo.world import DAYS_BACK, World
from consortium.documents import CreditNote, Invoice, Party
from consortium.documents.canonical import document_bytes
from consortium.documents.identifiers import make_uscc
from consortium.documents.money import decimal_text
from consortium.documents.party import primary_id


def write_institution_files(world: World, folder: Path) -> dict[str, list[Path]]:
    """What tax, bank and bureau are told, as files of their own forms; paths by institution."""
    folder.mkdir(parents=True, exist_ok=True)
    forged = {id(invoice) for invoice in world.unknown_to_tax.invoices}
    issued = [d for d in world.documents() if isinstance(d, Invoice | CreditNote) and id(d) not in forged]
    invoices = folder / "tax-invoices.ndjson"
    invoices.write_bytes(b"".join(document_bytes(document) + b"\n" for document in issued))
    states = folder / "tax-states.jsonl"
    red = {
        reference.number: document.totals.gross
        for document in issued
        if isinstance(document, CreditNote)
        for reference in document.preceding_invoices
    }
    states.write_bytes(
        b"".join(_state(document, red) for document in issued if isinstance(document, Invoice))
    )
    parties = [world.buyer, *world.ordinary.sellers, world.sister]
    taxpayers = _json(folder / "tax-payers.json", [_taxpayer(party) for party in parties])
    sales = _json(folder / "tax-sales.json", [_sales(seller, issued) for seller in world.ordinary.sellers])
    statement = folder / "bank-statement.camt053.xml"
    statement.write_bytes(_statement(world))
    reports = _json(folder / "credit-reports.json", [_report(party) for party in parties])
    registrations = _json(folder / "registrations.json", [_registration(world)])
    return {
        "tax": [invoices, states, taxpayers, sales],
        "bank": [statement],
        "credit": [reports],
        "registry": [registrations],
    }


def _json(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_bytes(orjson.dumps(records, option=orjson.OPT_INDENT_2))
    return path


def _taxpayer(party: Party) -> dict[str, Any]:
    return {
        "tax_id": _id(party),
        "state": "active",
        "name": party.name,
        "former_names": [],
        "registered_on": "2012-05-18",
    }


def _sales(seller: Party, issued: Iterable[Invoice | CreditNote]) -> dict[str, Any]:
    """What a supplier declared: what it invoiced, month by month and by customer, and some sales more."""
    months: dict[str, Decimal] = defaultdict(Decimal)
    customers: dict[str, Decimal] = defaultdict(Decimal)
    names: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for document in issued:
        if _id(document.seller) != _id(seller):
            continue
        net = document.totals.net if isinstance(document, Invoice) else -document.totals.net
        months[document.issue_date.strftime("%Y-%m")] += net
        customer = _id(document.buyer)
        customers[customer] += net
        counts[customer] += 1
        names[customer] = document.buyer.name or ""
    return {
        "sales_of": _id(seller),
        "currency": "CNY",
        "months": [{"month": month, "amount": _part(amount)} for month, amount in sorted(months.items())],
        "counterparties": [
            {
                "party_id": customer,
                "name": names[customer],
                "role": "customer",
                "amount": decimal_text(amount),
                "invoices": counts[customer],
            }
            for customer, amount in sorted(customers.items())
        ]
        + [_steel(sum(months.values(), Decimal(0)))],
        "counterparties_complete": True,
    }


def _steel(sales: Decimal) -> dict[str, Any]:
    """From whom a supplier buys: somebody who buys nothing in this world, so no sale goes round in a ring."""
    return {
        "party_id": f"uscc:{make_uscc('9', '1', '420100', 'MA4K0T33')}",
        "name": "武汉江岸钢材有限公司",
        "role": "supplier",
        "amount": decimal_text((sales / 2).quantize(Decimal("0.01"))),
        "invoices": 12,
    }


def _part(shown: Decimal) -> str:
    """Declared sales of which so much is shown: nine tenths."""
    return decimal_text((shown / 9 * 10).quantize(Decimal("0.01")))


def _report(party: Party) -> dict[str, Any]:
    return {
        "subject_id": _id(party),
        "current_overdue_days": 0,
        "past_overdue_count": 0,
        "under_enforcement": False,
        "liabilities": "1200000.00",
        "currency": "CNY",
        "status": "active",
        "related": [{"kind": "officer", "identifier": f"person:{primary_id(party).value[-8:]}"}],
    }


def _registration(world: World) -> dict[str, Any]:
    """An old pledge of the supplier's, which has ended: whoever searches finds it, and it takes nothing away."""
    began = dt.datetime.combine(world.today, dt.time(9), dt.UTC) - dt.timedelta(days=800)
    return {
        "number": "20240915000412345678",
        "kind": "assignment",
        "assignor": {"name": world.supplier.name, "identifiers": [_id(world.supplier)], "former_names": []},
        "secured_party": {"name": "Riverside Factoring", "identifiers": []},
        "description": "应收账款转让。1. 发票号码:OLD-0001;金额:CNY 88,000。",
        "registered": began.isoformat(),
        "term_months": 12,
    }


def _state(invoice: Invoice, red: dict[str, Decimal]) -> bytes:
    """A line of tax's states: every buyer confirmed the use of its invoices; some are partly reversed."""
    line: dict[str, object] = {"number": invoice.number, "seller": _id(invoice.seller), "use_confirmed": True}
    if invoice.number in red:
        line |= {"state": "red_partial", "red_amount": decimal_text(red[invoice.number])}
    else:
        line |= {"state": "normal"}
    return orjson.dumps(line) + b"\n"


def _id(party: Party) -> str:
    return str(primary_id(party))


def _statement(world: World) -> bytes:
    """A camt.053 file: one statement per supplier's account; the invoice of ``paid`` is paid on the first."""
    stamp = dt.datetime.combine(world.today, dt.time(), dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    begin = (world.today - dt.timedelta(days=DAYS_BACK + 30)).isoformat()
    accounts: dict[str, Party] = {}
    for trade in world.trades:
        for invoice in trade.invoices:
            if invoice.payee_account is not None:
                accounts.setdefault(invoice.payee_account.account_id, invoice.seller)
    paid = world.paid.invoices[0]
    statements = []
    for number, (account, owner) in enumerate(accounts.items(), 1):
        mine = paid.payee_account is not None and paid.payee_account.account_id == account
        statements.append(
            f"<Stmt><Id>ST-{number}</Id><CreDtTm>{stamp}</CreDtTm>"
            f"<FrToDt><FrDtTm>{begin}T00:00:00Z</FrDtTm><ToDtTm>{stamp}</ToDtTm></FrToDt>"
            f"<Acct><Id><Othr><Id>{escape(account)}</Id></Othr></Id><Ccy>CNY</Ccy>"
            f"<Ownr><Nm>{escape(owner.name or '')}</Nm><Id><OrgId><Othr><Id>{primary_id(owner).value}</Id>"
            f"<SchmeNm><Prtry>USCC</Prtry></SchmeNm></Othr></OrgId></Id></Ownr></Acct>"
            f'<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">100000.00</Amt>'
            f"<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>{world.today.isoformat()}</Dt></Dt></Bal>"
            f"{_entry(world, paid) if mine else ''}</Stmt>"
        )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>'
        f"<GrpHdr><MsgId>DEMO-1</MsgId><CreDtTm>{stamp}</CreDtTm></GrpHdr>"
        f"{''.join(statements)}</BkToCstmrStmt></Document>"
    ).encode()


def _entry(world: World, invoice: Invoice) -> str:
    amount = decimal_text(invoice.totals.payable)
    day = (world.today - dt.timedelta(days=2)).isoformat()
    buyer = primary_id(world.buyer).value
    return (
        f'<Ntry><NtryRef>1</NtryRef><Amt Ccy="CNY">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
        f"<Sts><Cd>BOOK</Cd></Sts><BookgDt><Dt>{day}</Dt></BookgDt><ValDt><Dt>{day}</Dt></ValDt>"
        f"<AcctSvcrRef>BK-0001</AcctSvcrRef><BkTxCd><Prtry><Cd>TRF</Cd></Prtry></BkTxCd>"
        f'<NtryDtls><TxDtls><Refs><EndToEndId>E2E-1</EndToEndId></Refs><Amt Ccy="CNY">{amount}</Amt>'
        f"<RltdPties><Dbtr><Pty><Nm>{escape(world.buyer.name or '')}</Nm><Id><OrgId><Othr><Id>{buyer}</Id>"
        f"<SchmeNm><Prtry>USCC</Prtry></SchmeNm></Othr></OrgId></Id></Pty></Dbtr></RltdPties>"
        f"<RmtInf><Strd><RfrdDocInf><Tp><CdOrPrtry><Cd>CINV</Cd></CdOrPrtry></Tp>"
        f"<Nb>{escape(invoice.number)}</Nb></RfrdDocInf></Strd></RmtInf></TxDtls></NtryDtls></Ntry>"
    )


def desk_figures(world: World) -> dict[str, Any]:
    """What the banks know by themselves: the core enterprise's limit, and where its answers come from."""
    buyer = _id(world.buyer)
    return {
        "exposures": [{"debtor": buyer, "group": "", "amount": "0", "limit": "500000000", "currency": "CNY"}],
        "kinds": {buyer: "large"},
    }


def reversed_at_tax(invoice: Invoice) -> dict[str, Any]:
    """Tax's line about an invoice that was wholly reversed (红冲)."""
    return {
        "number": invoice.number,
        "seller": _id(invoice.seller),
        "state": "red_full",
        "red_amount": decimal_text(invoice.totals.gross),
        "use_confirmed": True,
    }
