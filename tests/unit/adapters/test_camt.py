"""Reading camt.053: what the standard says, and what is wrong with it."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consortium.documents.identifiers import make_uscc
from crossverify.adapters.bank import camt as reader
from crossverify.adapters.bank.camt import read_statements
from crossverify.adapters.bank.movements import Movement, MovementKind, Statement
from crossverify.adapters.records import LoadProblem
from tests.support.adapters import camt, debtor, entry


def movements(content: bytes) -> list[Movement]:
    items = list(read_statements(content))
    assert not [item for item in items if isinstance(item, LoadProblem)]
    return [item for item in items if isinstance(item, Movement)]


def one(content: str, **statement: str) -> Movement:
    (found,) = movements(camt(content, **statement))
    return found


def problems(content: bytes) -> list[LoadProblem]:
    return [item for item in read_statements(content) if isinstance(item, LoadProblem)]


@pytest.mark.parametrize("version", ["02", "03", "04", "07", "08", "10", "14"])
def test_every_version_is_read(version: str) -> None:
    found = one(entry(text="INV-1"), version=version)
    assert (found.amount, found.currency, found.texts) == ("1130", "CNY", ("INV-1",))
    assert (found.booking_date, found.booked, found.kind) == ("2026-06-10", True, MovementKind.PAYMENT)


@pytest.mark.parametrize("version", ["01", "15", "99"])
def test_another_version_is_refused(version: str) -> None:
    (problem,) = problems(camt(entry(), version=version))
    assert f"001.{version}" in problem.message
    assert problem.remedy


def test_a_statement_says_account_owner_and_until_when() -> None:
    owner = "<Ownr><Nm>Seller Co</Nm><Id><OrgId><LEI>529900T8BM49AURSDO55</LEI></OrgId></Id></Ownr>"
    items = list(read_statements(camt("", owner=owner, account="DE89 3704 0044 0532 0130 00")))
    (statement,) = (item for item in items if isinstance(item, Statement))
    assert statement.account.number == "DE89370400440532013000"
    assert statement.account.owner_name == "Seller Co"
    assert statement.account.owner_ids == ("lei:529900T8BM49AURSDO55",)
    assert statement.until == "2026-06-30"


def test_payer_with_identifiers_and_account() -> None:
    uscc = make_uscc("9", "1", "110000", "MA01A003")
    found = one(entry(payer=debtor(f"uscc:{uscc}", "Buyer", "DE02120300000000202051")))
    assert found.payer.name == "Buyer"
    assert found.payer.ids == (f"uscc:{uscc}",)
    assert found.payer.account == "DE02120300000000202051"


@pytest.mark.parametrize(
    ("scheme", "value", "expected"),
    [
        ("<Cd>TXID</Cd>", "DE123456789", "vat:DE123456789"),
        ("<Cd>TXID</Cd>", make_uscc("9", "1", "110000", "MA01A003"), "uscc:"),
        ("", make_uscc("9", "1", "110000", "MA01A003"), "uscc:"),
        ("<Cd>DUNS</Cd>", "150483782", "duns:150483782"),
        ("<Cd>GS1G</Cd>", "5790000435968", "gln:5790000435968"),
        ("<Cd>SREN</Cd>", "732829320", "0002:732829320"),
        ("<Prtry>0192</Prtry>", "987654321", "0192:987654321"),
        ("<Prtry>统一社会信用代码</Prtry>", "91310000MA1FL0000X", "uscc:91310000MA1FL0000X"),
        ("<Cd>BANK</Cd>", "12345", ""),
        ("<Cd>CUST</Cd>", "12345", ""),
        ("<Prtry>My Own</Prtry>", "x 1", ""),
        ("", "42", ""),
    ],
)
def test_schemes_of_identifiers(scheme: str, value: str, expected: str) -> None:
    name = f"<SchmeNm>{scheme}</SchmeNm>" if scheme else ""
    payer = f"<Dbtr><Nm>B</Nm><Id><OrgId><Othr><Id>{value}</Id>{name}</Othr></OrgId></Id></Dbtr>"
    expected = expected + value if expected.endswith("uscc:") else expected
    assert one(entry(payer=payer), version="02").payer.ids == ((expected,) if expected else ())


def test_structured_remittance() -> None:
    remittance = (
        "<Strd><RfrdDocInf><Tp><CdOrPrtry><Cd>CINV</Cd></CdOrPrtry></Tp><Nb>INV-1</Nb></RfrdDocInf>"
        '<RfrdDocAmt><RmtdAmt Ccy="CNY">500.00</RmtdAmt></RfrdDocAmt></Strd>'
        "<Strd><RfrdDocInf><Tp><CdOrPrtry><Cd>CREN</Cd></CdOrPrtry></Tp><Nb>CN-9</Nb></RfrdDocInf></Strd>"
        "<Strd><CdtrRefInf><Ref>RF18539007547034</Ref></CdtrRefInf><AddtlRmtInf>and INV-3</AddtlRmtInf></Strd>"
    )
    found = one(entry(remittance=remittance))
    assert [(each.number, each.amount) for each in found.documents] == [("INV-1", "500")]
    assert found.references == ("RF18539007547034",)
    assert found.texts == ("and INV-3",)


def test_an_amount_of_several_documents_is_none_of_each() -> None:
    remittance = (
        "<Strd><RfrdDocInf><Nb>INV-1</Nb></RfrdDocInf><RfrdDocInf><Nb>INV-2</Nb></RfrdDocInf>"
        '<RfrdDocAmt><RmtdAmt Ccy="CNY">500</RmtdAmt></RfrdDocAmt></Strd>'
    )
    found = one(entry(remittance=remittance))
    assert [(each.number, each.amount) for each in found.documents] == [("INV-1", ""), ("INV-2", "")]


@pytest.mark.parametrize(
    ("direction", "reversal", "more", "kind"),
    [
        ("CRDT", "", "", MovementKind.PAYMENT),
        ("CRDT", "false", "", MovementKind.PAYMENT),
        ("CRDT", "true", "", MovementKind.OTHER),
        ("CRDT", "", "<RtrInf><Rsn><Cd>AC04</Cd></Rsn></RtrInf>", MovementKind.OTHER),
        ("DBIT", "", "", MovementKind.OTHER),
        ("DBIT", "true", "", MovementKind.REVERSAL),
        ("DBIT", "1", "", MovementKind.REVERSAL),
        ("DBIT", "", "<RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf>", MovementKind.REVERSAL),
        (
            "CRDT",
            "",
            "<BkTxCd><Domn><Fmly><SubFmlyCd>RRTN</SubFmlyCd></Fmly></Domn></BkTxCd>",
            MovementKind.OTHER,
        ),
    ],
)
def test_what_went_back_is_no_payment(direction: str, reversal: str, more: str, kind: MovementKind) -> None:
    assert one(entry(direction=direction, reversal=reversal, more=more)).kind is kind


def test_a_batch_is_divided_by_the_amounts_of_its_transactions() -> None:
    details = "".join(
        f'<TxDtls><Amt Ccy="CNY">{amount}</Amt><RmtInf><Ustrd>INV-{amount}</Ustrd></RmtInf></TxDtls>'
        for amount in ("100", "200.50")
    )
    found = movements(camt(entry("300.50", details=details, bank_reference="B7")))
    assert [(each.amount, each.detail, each.bank_reference) for each in found] == [
        ("100", 1, "B7/1"),
        ("200.5", 2, "B7/2"),
    ]


def test_old_versions_keep_the_amount_of_a_transaction_elsewhere() -> None:
    details = "".join(
        f'<TxDtls><AmtDtls><TxAmt><Amt Ccy="CNY">{amount}</Amt></TxAmt></AmtDtls></TxDtls>'
        for amount in ("100", "200")
    )
    found = movements(camt(entry("300", details=details), version="02"))
    assert [each.amount for each in found] == ["100", "200"]


def test_a_batch_that_cannot_be_divided_is_refused_alone() -> None:
    bad = entry("300", details="<TxDtls/><TxDtls/>")
    items = list(read_statements(camt(bad + entry("7"))))
    (problem,) = (item for item in items if isinstance(item, LoadProblem))
    assert problem.path == "/Stmt[1]/Ntry[1]/NtryDtls/TxDtls[1]"
    assert [item.amount for item in items if isinstance(item, Movement)] == ["7"]


def test_a_lone_transaction_moved_what_was_booked() -> None:
    """The payer instructed 1130, the bank took its charges; 0 stands in a specimen."""
    for amount in ("1130", "0"):
        details = f'<TxDtls><Amt Ccy="CNY">{amount}</Amt></TxDtls>'
        assert one(entry("1125", details=details)).amount == "1125"


def test_the_only_transaction_told_of_a_batch_keeps_its_amount() -> None:
    details = '<Btch><NbOfTxs>20</NbOfTxs></Btch><TxDtls><Amt Ccy="CNY">50</Amt></TxDtls>'
    assert one(entry("1000", details=details)).amount == "50"


def test_foreign_currency_keeps_what_was_booked_and_what_was_instructed() -> None:
    more = '<AmtDtls><InstdAmt><Amt Ccy="EUR">143.20</Amt></InstdAmt></AmtDtls>'
    found = one(entry("1130", more=more))
    assert (found.amount, found.currency) == ("1130", "CNY")
    assert (found.instructed_amount, found.instructed_currency) == ("143.2", "EUR")


@pytest.mark.parametrize(
    ("bad", "path"),
    [
        (entry("12..34"), "/Amt"),
        (entry("-5"), "/Amt"),
        (entry("1e3"), "/Amt"),
        (entry("NaN"), "/Amt"),
        (entry("1.234"), "/Amt"),
        (entry("1,234.00"), "/Amt"),
        (entry("1234567890123456789"), "/Amt"),
        (entry("5", currency="XXZ"), "/Amt/@Ccy"),
        (entry("5.5", currency="JPY"), "/Amt"),
        (entry(direction="IN"), "/CdtDbtInd"),
        (entry(booked="2026-02-30"), "/BookgDt"),
        (entry(booked="10.06.2026"), "/BookgDt"),
        ("<Ntry><CdtDbtInd>CRDT</CdtDbtInd></Ntry>", "/Amt"),
    ],
)
def test_a_bad_entry_is_told_and_its_neighbours_are_taken(bad: str, path: str) -> None:
    items = list(read_statements(camt(entry("1") + bad + entry("2"))))
    (problem,) = (item for item in items if isinstance(item, LoadProblem))
    assert problem.path == f"/Stmt[1]/Ntry[2]{path}"
    assert problem.message
    assert problem.remedy
    assert [item.amount for item in items if isinstance(item, Movement)] == ["1", "2"]


def test_dates_fall_back_on_value_date_and_statement() -> None:
    bare = '<Ntry><Amt Ccy="CNY">5</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>{}</Ntry>'
    assert one(bare.format("<ValDt><Dt>2026-06-12</Dt></ValDt>"), version="02").booking_date == "2026-06-12"
    assert one(bare.format(""), version="02").booking_date == "2026-06-30"
    with_time = "<BookgDt><DtTm>2026-06-13T23:10:00-03:00</DtTm></BookgDt>"
    assert one(bare.format(with_time), version="02").booking_date == "2026-06-13"


@pytest.mark.parametrize(("status", "booked"), [("BOOK", True), ("PDNG", False), ("INFO", False)])
def test_only_booked_entries_are_booked(status: str, booked: bool) -> None:
    assert one(entry(status=status)).booked is booked


def test_entries_without_reference_are_told_apart_by_position() -> None:
    found = movements(camt(entry("4.50") + entry("4.50") + entry(reference="R") + entry(reference="R")))
    assert [each.entry for each in found] == ["#1", "#2", "R", "R#2"]


def test_a_statement_without_account_loses_its_entries_and_no_others() -> None:
    good = camt(entry("7"), identifier="S2").decode()
    bad = "<Stmt><Id>S1</Id>" + entry("5") + "</Stmt>"
    items = list(read_statements(good.replace("<Stmt>", bad + "<Stmt>", 1).encode()))
    (problem,) = (item for item in items if isinstance(item, LoadProblem))
    assert problem.path == "/Stmt[1]/Acct/Id"
    assert [item.amount for item in items if isinstance(item, Movement)] == ["7"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not well-formed"),
        (b"Date;Amount\n1;2", "no XML"),
        (b"PK\x03\x04zip", "no XML"),
        (b"<Document/>", "Document"),
        (b"<Document><BkToCstmrStmt/></Document>", "no statement"),
        (b"<Document><CstmrPmtStsRpt/></Document>", "pain.002"),
        (camt("").replace(b"053", b"054"), "namespace"),
        (camt(entry())[:-80], "well-formed"),
    ],
)
def test_what_is_no_statement_is_refused_with_the_reason(content: bytes, said: str) -> None:
    (problem,) = problems(content)
    assert said in problem.message
    assert problem.remedy


def test_a_broken_end_keeps_what_was_complete() -> None:
    items = list(read_statements(camt(entry("1") + entry("2"))[:-80]))
    assert [item.amount for item in items if isinstance(item, Movement)] == ["1"]
    assert isinstance(items[-1], LoadProblem)


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("doctype", ["<!DOCTYPE x>", '<!DOCTYPE x SYSTEM "file:///etc/passwd">', BOMB])
def test_a_document_type_declaration_is_refused(encoding: str, doctype: str) -> None:
    text = camt(entry(text="&b;" if doctype == BOMB else "INV-1")).decode()
    text = text.replace("UTF-8", encoding).replace("?>", "?>" + doctype, 1)
    items = list(read_statements(text.encode(encoding)))
    (problem,) = items
    assert isinstance(problem, LoadProblem)
    assert "DOCTYPE" in problem.message


def test_without_namespace_and_inside_an_envelope() -> None:
    plain = camt(entry("5")).replace(b' xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"', b"")
    assert [each.amount for each in movements(plain)] == ["5"]
    body = camt(entry("5")).partition(b"?>")[2]
    assert [each.amount for each in movements(b"<message><AppHdr/>" + body + b"</message>")] == ["5"]


def test_a_part_without_end_is_refused() -> None:
    content = camt("<Junk>" + "<a/>" * (reader.MAX_PART_BYTES // 4 + 50_000) + "</Junk>" + entry("5"))
    (problem,) = problems(content)
    assert "longer" in problem.message


def test_memory_stays_small_however_long_the_statement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty times the entries take no more memory than a few."""

    def peak(entries: int) -> int:
        body = entry(text="Invoice INV-4711", payer=debtor(name="B")) * entries
        content = camt(body)
        tracemalloc.start()
        count = sum(isinstance(item, Movement) for item in read_statements(content))
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert count == entries
        return used

    few = peak(500)
    assert peak(10_000) < few + 2_000_000


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5_000), st.binary(max_size=6), st.integers(0, 40))
def test_mutated_statements_never_raise(at: int, put: bytes, take: int) -> None:
    content = camt(entry("5", text="INV-1", payer=debtor("lei:529900T8BM49AURSDO55")) + entry("6"))
    at %= len(content)
    for item in read_statements(content[:at] + put + content[at + take :]):
        assert isinstance(item, Statement | Movement | LoadProblem)


def _names() -> Iterator[str]:
    yield from (
        "Document",
        "BkToCstmrStmt",
        "GrpHdr",
        "Stmt",
        "Acct",
        "Id",
        "Ntry",
        "NtryDtls",
        "TxDtls",
        "Amt",
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(list(_names())), max_size=14))
def test_any_nesting_of_known_elements_is_read_or_refused(names: list[str]) -> None:
    content = "".join(f"<{name}>" for name in names) + "".join(f"</{name}>" for name in reversed(names))
    for item in read_statements(content.encode()):
        assert isinstance(item, Statement | Movement | LoadProblem)
