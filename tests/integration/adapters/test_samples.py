"""Public samples: each file is loaded, or refused with a reason that a reader of the standard agrees with."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossverify.adapters.bank.forms import read_reports
from crossverify.adapters.bank.movements import Movement, MovementKind, Report, Statement
from crossverify.adapters.records import LoadProblem
from crossverify.adapters.tax.load import read
from crossverify.sources.bank import BankSource, PaymentQuestion
from tests.sample_data import DATA, sample_files
from tests.support.adapters import RunningAdapter, adapter
from tests.support.certs import TestConsortium

if DATA is None:
    pytest.skip("no sample documents: set CHANRONG_SAMPLE_DATA", allow_module_level=True)

# file -> (reports, payments, reversals, other movements)
LOADED = {
    "banks/abn_amro-example_camt.xml": (1, 22, 2, 5),
    "banks/goldman_sachs-camt_053_uk_v2_1.xml": (2, 1, 0, 5),
    "banks/goldman_sachs-camt_053_us_v2_sample.xml": (1, 7, 0, 8),
    "banks/ing-example_camt.xml": (1, 4, 1, 4),
    "banks/nordea-example_camt.xml": (1, 2, 0, 4),
    "bankstatementparser/camt.053.001.02.xml": (1, 2, 0, 1),
    "bankstatementparser/camt053_duplicate_same_day.xml": (1, 0, 0, 2),
    "bankstatementparser/camt053_multicurrency.xml": (2, 1, 0, 2),
    "bankstatementparser/camt053_no_namespace.xml": (1, 1, 0, 0),
    "bankstatementparser/csv_european_decimals.csv": (1, 1, 0, 2),
    "bankstatementparser/sample_statement.csv": (1, 1, 0, 1),
    "camt053/business_sample_camt.054.001.04.xml": (1, 1, 0, 0),
    "camt053/statement_ac04.xml": (1, 0, 0, 3),
    "dvbern/200519_camt.054_P_CH2909000000250094239_1111091335_0_2020061900081727_v2019.xml": (1, 2, 0, 0),
    "dvbern/Business_Sample_camt.053.001.04.xml": (1, 2, 0, 1),
    "dvbern/camt.053_P_CH0309000000250090342_380000000_0_2016053100163801.xml": (1, 21, 2, 9),
    "dvbern/camt.054-ES_P_CH0309000000250090342_38000000_0_2016052723011813.xml": (1, 8, 0, 0),
    "dvbern/camt.054_P_CH2909000000250094239_1111111112_0_2022031011011199_v2019.xml": (1, 1, 0, 0),
    "dvbern/camt_054_Beispiel_NoCrdtBookedNotReversed.xml": (1, 2, 0, 1),
    "dvbern/camt_054_Beispiel_SammelbuchungEs.xml": (1, 2, 0, 0),
    "dvbern/camt_054_Beispiel_ZA1_ESR_ZE.xml": (1, 1, 0, 0),
    "hbci4java/test-camt-parse-05200108.xml": (1, 0, 0, 1),
    "hbci4java/test-camt-parse-5200108-invalid-saldo.xml": (1, 0, 0, 1),
    "hbci4java/test-camt-parse-5200108-missing-date.xml": (1, 0, 0, 1),
    "hbci4java/test-camt-ruecklastschrift.xml": (1, 0, 1, 0),
    "moov/200519_camt.054-Credit_P_CH2909000000250094239_1110092691_0_2019042421291293.xml": (1, 1, 0, 0),
    "moov/200519_camt.054-Debit_P_CH2909000000250094239_1110092692_0_2019042401501580.xml": (1, 0, 0, 1),
    "moov/200519_camt054-ESR-ASR_P_CH2909000000250094239_1110092704_0_2019042500372179.xml": (1, 5, 0, 1),
    "moov/200519_camt054-chdd_p_ch2909000000250094239_1110097484_0_20190520700381159.xml": (1, 2, 0, 0),
    "moov/200519_camt054-epo_p_ch5109000000250092291_1110097605_0_2019052003522556.xml": (1, 0, 0, 3),
    "moov/200519_camt054-returns_p_ch2909000000250094239_1109800798_0_2019052023472022.xml": (1, 0, 0, 1),
    "moov/200924_camt.054_P_CH2909000000250094239_1110092703_0_2019042423412214.xml": (1, 6, 0, 0),
    "moov/200924_camt.054_P_CH2909000000250094239_1111091335_0_2020061900081727.xml": (1, 2, 0, 0),
    "moov/FI_camt_053_sample.xml.xml": (1, 6, 0, 7),
    "moov/FI_camt_054_sample.xml.xml": (1, 6, 0, 7),
    "moov/camt.053_P_CH2909000000250094239_1110092698_0_2020112503071366.xml": (1, 5, 0, 0),
    "moov/camt054-returns_p_ch5109000000250092291_1110097606_0_2020112500512470.xml": (1, 0, 0, 1),
    "moov/statement_1.xml": (1, 0, 0, 4),
    "newinnovations/error-camt053.xml": (1, 1, 0, 1),
    "newinnovations/example-camt053-a.xml": (2, 4, 0, 7),
    "newinnovations/example-camt053-b.xml": (1, 8, 1, 10),
    "oca/test-camt053-no-ntry.xml": (1, 0, 0, 0),
    "oca/test-camt053-txdtls.xml": (1, 2, 0, 0),
    "oca/test-camt053.xml": (1, 1, 2, 1),
    "oca/test-camt054.xml": (1, 1, 0, 0),
    "prowide/camt.053.001.07.xml": (1, 0, 0, 0),
    "tryton/camt.053.001.02.xml": (1, 0, 0, 1),
    "viafintech/053-valid_example.xml": (1, 1, 0, 4),
    "viafintech/053-valid_example_v8.xml": (1, 2, 0, 1),
    "viafintech/053-valid_example_with_batch.xml": (1, 2, 0, 1),
    "viafintech/053-valid_example_with_datetime.xml": (1, 1, 0, 0),
    "viafintech/053-valid_example_with_instdamt.xml": (1, 1, 0, 0),
    "viafintech/053-valid_example_with_other_id.xml": (1, 0, 0, 0),
    "viafintech/054-valid_example.xml": (1, 3, 2, 0),
}
NO_ACCOUNT = "does not say whose account"
REFUSED = {  # file -> what is said
    "bankstatementparser/camt053_garbled_amount.xml": "'12..34' is not an amount",
    "bankstatementparser/csv_french_headers.csv": NO_ACCOUNT,
    "bankstatementparser/csv_garbled_amount.csv": NO_ACCOUNT,
    "bankstatementparser/invalid.xml": "without BkToCstmrStmt",
    "bankstatementparser/sample.mt940": "MT940",
    "dvbern/camt_054_Beispiel_NotificationMissing.xml": "without BkToCstmrStmt",
    "hbci4java/test-camt-parse-invalid.xml": "namespace",
    "oca/test-camt053.zip": "an archive",
    "viafintech/053-valid_namespace.xml": "without BkToCstmrStmt",
    "viafintech/general-invalid_namespace.xml": "without BkToCstmrStmt",
}
WITH_ACCOUNT = {  # sheet without an account, loaded under a name that says it
    "bankstatementparser/csv_french_headers.csv": (1, 1, 0, 2),
    "bankstatementparser/csv_garbled_amount.csv": (1, 1, 0, 0),
    "oca-sheets/balance.csv": (1, 1, 0, 1),
    "oca-sheets/debit_credit_amount.csv": (1, 1, 1, 2),
    "oca-sheets/multi_currency.csv": (1, 1, 0, 1),
    "oca-sheets/original_currency.csv": (1, 1, 0, 0),
    "oca-sheets/sample_statement_credit_card_inverse_sign_en.csv": (1, 1, 0, 1),
    "oca-sheets/sample_statement_en.csv": (1, 1, 0, 1),
}
FORMS = ("*.xml", "*.csv", "*.xlsx", "*.zip", "*.mt940")


def name_of(path: Path) -> str:
    assert DATA is not None
    return path.relative_to(DATA / "camt").as_posix()


def expected_refusal(path: Path, content: bytes) -> str:
    """What has to be said of a file that is no report."""
    if path.suffix == ".xlsx":
        return "Excel workbook"
    if path.suffix == ".csv":
        return NO_ACCOUNT
    if b"CstmrPmtStsRpt>" in content:
        return "pain.002"
    raise AssertionError(f"{path} is of a form that this test does not know")


def counts(items: list[Statement | Movement | LoadProblem]) -> tuple[int, int, int, int]:
    """Reports, payments, reversals, other movements."""
    kinds = [item.kind for item in items if isinstance(item, Movement)]
    payments, reversals, others = (
        kinds.count(kind) for kind in (MovementKind.PAYMENT, MovementKind.REVERSAL, MovementKind.OTHER)
    )
    return sum(isinstance(item, Statement) for item in items), payments, reversals, others


@pytest.mark.parametrize("path", sample_files("camt", *FORMS), ids=name_of)
def test_each_sample_is_read_or_refused_for_the_right_reason(path: Path) -> None:
    content = path.read_bytes()
    items = list(read_reports(content, path.name))
    problems = [item for item in items if isinstance(item, LoadProblem)]
    if name_of(path) in LOADED:
        assert counts(items) == LOADED[name_of(path)]
        assert problems == []
        return
    said = REFUSED.get(name_of(path)) or expected_refusal(path, content)
    assert not any(isinstance(item, Movement) for item in items)
    (problem,) = problems
    assert said in problem.message
    assert problem.remedy


@pytest.mark.parametrize("name", WITH_ACCOUNT)
def test_a_sheet_may_say_its_account_in_its_name(name: str) -> None:
    assert DATA is not None
    items = list(read_reports((DATA / "camt" / name).read_bytes(), "account=DE89 3704; currency=EUR; s.csv"))
    assert counts(items) == WITH_ACCOUNT[name]
    problems = [item.message for item in items if isinstance(item, LoadProblem)]
    assert problems == (["'12..34' is not an amount."] if "garbled" in name else [])
    assert {item.account.number for item in items if isinstance(item, Statement)} == {"DE893704"}


def test_the_kind_of_each_report_is_told() -> None:
    kinds = {
        item.report
        for path in sample_files("camt", "*.xml")
        for item in read_reports(path.read_bytes())
        if isinstance(item, Statement)
    }
    assert kinds == set(Report)


async def loaded(bank: RunningAdapter, *files: str) -> tuple[int, int]:
    """Movements of files that were new, and that were known already."""
    assert DATA is not None
    new = known = 0
    for file in files:
        report = await bank.load((DATA / "camt" / file).read_bytes(), name=file)
        assert not report.problems
        new, known = new + report.loaded, known + report.unchanged
    return new, known


FI = ("moov/FI_camt_053_sample.xml.xml", "moov/FI_camt_054_sample.xml.xml")
DVBERN = (
    "dvbern/camt.053_P_CH0309000000250090342_380000000_0_2016053100163801.xml",
    "dvbern/camt.054-ES_P_CH0309000000250090342_38000000_0_2016052723011813.xml",
)
VIAFINTECH = (DVBERN[0], "viafintech/054-valid_example.xml")
SAME_MESSAGE = (
    "dvbern/200519_camt.054_P_CH2909000000250094239_1111091335_0_2020061900081727_v2019.xml",
    "moov/200924_camt.054_P_CH2909000000250094239_1111091335_0_2020061900081727.xml",
)


@pytest.mark.parametrize(
    ("files", "forward", "backward"),
    [
        # The notification tells the transactions of three entries that the statement has as one each.
        (FI, (23, 3), (20, 6)),
        (DVBERN, (32, 8), (32, 8)),
        (VIAFINTECH, (32, 5), (32, 5)),
        (SAME_MESSAGE, (2, 2), (2, 2)),
    ],
    ids=["FI", "dvbern", "viafintech", "same message"],
)
async def test_what_two_reports_tell_counts_once(
    consortium: TestConsortium,
    tmp_path: Path,
    files: tuple[str, str],
    forward: tuple[int, int],
    backward: tuple[int, int],
) -> None:
    """Whichever comes first; and again changes nothing."""
    for order, expected in ((files, forward), (files[::-1], backward)):
        folder = tmp_path / str(order == files)
        folder.mkdir()
        async with adapter("bank", consortium, folder) as bank:
            assert await loaded(bank, *order) == expected
            assert await loaded(bank, *order) == (0, sum(expected))


# Two specimens have the statement ids and entry references of others with other dates: their entries are refused.
TOGETHER_LOADED, TOGETHER_UNCHANGED, TOGETHER_DIFFERENT = 216, 24, 15


async def test_all_samples_together(consortium: TestConsortium, tmp_path: Path) -> None:
    """Loaded into one bank, twice: the second time changes nothing, and money that two files show counts once."""
    files = [path for path in sample_files("camt", "*.xml", "*.csv") if name_of(path) in LOADED]
    async with adapter("bank", consortium, tmp_path) as bank:
        first = [await bank.load(path.read_bytes(), name=path.name) for path in files]
        second = [await bank.load(path.read_bytes(), name=path.name) for path in files]
    found = [sum(getattr(report, name) for report in first) for name in ("loaded", "unchanged")]
    problems = sum(len(report.problems) for report in first)
    assert (*found, problems) == (TOGETHER_LOADED, TOGETHER_UNCHANGED, TOGETHER_DIFFERENT)
    assert sum(found) + problems == sum(sum(LOADED[name_of(path)][1:]) for path in files)
    assert [report.loaded for report in second] == [0] * len(files)


@pytest.mark.parametrize(
    ("file", "account", "number", "amount", "payer"),
    [
        (
            "bankstatementparser/camt053_multicurrency.xml",
            "DE89370400440532013000",
            "2026-117",
            "1250.5",
            "ACME GMBH",
        ),
        ("moov/FI_camt_053_sample.xml.xml", "FI7433010001222090", "US20291092", "2120", "DEBTOR NAME"),
        ("viafintech/053-valid_example_v8.xml", "CH1111111111111111111", "R77561", "474.4", "Jon Doe"),
    ],
)
async def test_payments_of_samples_are_found(
    consortium: TestConsortium, tmp_path: Path, file: str, account: str, number: str, amount: str, payer: str
) -> None:
    assert DATA is not None
    async with adapter("bank", consortium, tmp_path) as bank:
        await bank.load((DATA / "camt" / file).read_bytes())
        asked = PaymentQuestion("f", number, account, "1", "EUR", "uscc:1")
        answer = await BankSource(bank.channel()).ask([asked])
    (payment,) = answer.answers["f"]["payments"]
    assert (payment["amount"], payment["payer_name"]) == (amount, payer)


async def test_e_invoices_of_the_samples(consortium: TestConsortium, tmp_path: Path) -> None:
    """Every UBL sample is loaded into tax, known already, or refused with a reason; twice changes nothing."""
    files = sample_files("ubl", "*.xml")
    async with adapter("tax", consortium, tmp_path) as tax:
        first = [await tax.load(path.read_bytes(), name=path.name) for path in files]
        second = [await tax.load(path.read_bytes(), name=path.name) for path in files]
    for report in (*first, *second):
        assert report.loaded + report.unchanged + len(report.problems) == 1
        assert all(problem.message and problem.remedy for problem in report.problems)
    assert sum(report.loaded for report in first) >= 30
    assert sum(report.loaded for report in second) == 0
    refused = [[bool(report.problems) for report in each] for each in (first, second)]
    assert refused[0] == refused[1]


EINVOICES = {  # file -> date and gross, or what is said
    "einvoice-xml/official-gd-special.xml": "no tax id",
    "einvoice-xml/sample_einvoice.xml": "no tax id",
    "ofd-xml/999-original_invoice.xml": "no tax id",
    "ofd-xml/differential-masked.xml": ("2020-10-04", "200"),
    "ofd-xml/draw_param_ref-original_invoice.xml": ("2020-02-20", "10000"),
    "ofd-xml/exempt-masked.xml": ("2020-04-20", "57"),
    "ofd-xml/fapiao-shili-original_invoice.xml": "no tax id",
    "ofd-xml/small-rate-masked.xml": ("2020-07-23", "526"),
    "ofd/999.ofd": "no tax id",
    "ofd/draw_param_ref.ofd": ("2020-02-20", "10000"),
    "ofd/fapiao-shili.ofd": "no tax id",
    "ofd/shudianpiao-2024-masked.ofd": "only as a picture",
    "xbrl/inv_ord_issuer-masked.xml": "XBRL",
    "xbrl/official-einv-xbrl-ordinary.xml": "XBRL",
    "xbrl/official-einv-xbrl-special.xml": "XBRL",
}


@pytest.mark.parametrize("path", sample_files("fapiao", "*.xml", "*.ofd"), ids=lambda path: path.name)
def test_each_fapiao_is_read_or_refused_for_the_right_reason(path: Path) -> None:
    assert DATA is not None
    expected = EINVOICES[path.relative_to(DATA / "fapiao").as_posix()]
    (item,) = read(path.read_bytes())
    if isinstance(item, LoadProblem):
        assert isinstance(expected, str)
        assert expected in item.message
        assert item.remedy
    else:
        assert (item[1].issue_date, item[1].gross) == expected  # type: ignore[union-attr]
