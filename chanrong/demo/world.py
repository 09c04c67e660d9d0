"""The demo's world: parties, trades, and what each institution knows of them.

All made up, the same at every run but for the dates, which end shortly before today. Beside the ordinary trades there
are five that the story is about; each says in its field what it is for.
"""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import orjson

from chanrong.demo.papers import make_party
from chanrong.demo.trades import Trade, Trades, make_trades
from consortium.documents import CreditNote, Document, Invoice, Party
from consortium.documents.canonical import document_bytes
from consortium.documents.money import decimal_text
from consortium.documents.party import primary_id

SEED: Final = 20_250_615
DAYS_BACK: Final = 75
TERMS_DAYS: Final = (90, 120)
"""Longer than the trades go back, so that nothing is overdue."""

SPECIAL_SERIAL: Final = 9_000


@dataclass(frozen=True, slots=True)
class World:
    """Everybody and everything."""

    today: dt.date
    buyer: Party
    supplier: Party
    sister: Party
    ordinary: Trades
    unknown_to_tax: Trade
    over_received: Trade
    paid: Trade
    twice: Trade
    order_first: Trade
    reversed_later: Trade

    @property
    def special(self) -> tuple[Trade, ...]:
        """The trades that the story is about."""
        return (
            self.unknown_to_tax,
            self.over_received,
            self.paid,
            self.twice,
            self.order_first,
            self.reversed_later,
        )

    @property
    def trades(self) -> tuple[Trade, ...]:
        """All trades."""
        return (*self.ordinary.trades, *self.special)

    def documents(self) -> list[Document]:
        """Every document that is pushed in the first act."""
        found: list[Document] = []
        for trade in self.trades:
            hidden = {id(note) for note in trade.credit_notes} if trade is self.over_received else set()
            found += [document for document in trade.documents if id(document) not in hidden]
        return found


def make_world(trades: int, today: dt.date) -> World:
    """The world with so many ordinary trades."""
    start = today - dt.timedelta(days=DAYS_BACK)
    ordinary = make_trades(
        SEED, sellers=3, trades=trades, start=start, digital_every=10, terms_days=TERMS_DAYS
    )
    supplier = ordinary.sellers[0]

    def special(number: int, shape: str, terms: int = 90) -> Trade:
        made = make_trades(
            SEED + number,
            sellers=[supplier],
            buyer=ordinary.buyer,
            trades=1,
            start=start + dt.timedelta(days=3 * number),
            shapes=(shape,),  # type: ignore[arg-type]
            confirmed_percent=100,
            first_serial=SPECIAL_SERIAL + number,
            terms_days=(terms,),
        )
        return made.trades[0]

    return World(
        today=today,
        buyer=ordinary.buyer,
        supplier=supplier,
        sister=make_party(random.Random(SEED + 1_000)),  # noqa: S311 - made-up data
        ordinary=ordinary,
        unknown_to_tax=special(1, "whole"),
        over_received=special(2, "overbilled"),
        paid=special(3, "whole"),
        twice=special(4, "whole"),
        order_first=special(5, "whole"),
        reversed_later=special(6, "whole"),
    )


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
    taxpayers = folder / "tax-payers.json"
    taxpayers.write_bytes(
        orjson.dumps(
            [{"tax_id": _id(p), "state": "active", "name": p.name, "former_names": []} for p in parties]
        )
    )
    statement = folder / "bank-statement.camt053.xml"
    statement.write_bytes(_statement(world))
    reports = folder / "credit-reports.json"
    reports.write_bytes(
        orjson.dumps(
            [
                {
                    "subject_id": _id(party),
                    "current_overdue_days": 0,
                    "past_overdue_count": 0,
                    "under_enforcement": False,
                    "liabilities": "1200000.00",
                    "currency": "CNY",
                }
                for party in parties
            ]
        )
    )
    return {"tax": [invoices, states, taxpayers], "bank": [statement], "credit": [reports]}


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


def due(trade: Trade) -> Decimal:
    """What is due on a trade's first invoice."""
    return trade.invoices[0].totals.payable
