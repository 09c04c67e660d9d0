"""Public samples: each statement is loaded, or refused with a reason that a reader of the standard agrees with."""

from __future__ import annotations

from pathlib import Path

import pytest

from crossverify.adapters.bank.camt import read_statements
from crossverify.adapters.bank.movements import Movement, MovementKind, Statement
from crossverify.adapters.records import LoadProblem
from crossverify.sources.bank import BankSource, PaymentQuestion
from tests.sample_data import DATA, needs_sample_data, sample_files
from tests.support.adapters import adapter
from tests.support.certs import TestConsortium

pytestmark = needs_sample_data

# file -> (statements, payments, reversals, other movements)
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
    "camt053/statement_ac04.xml": (1, 0, 0, 3),
    "dvbern/Business_Sample_camt.053.001.04.xml": (1, 2, 0, 1),
    "dvbern/camt.053_P_CH0309000000250090342_380000000_0_2016053100163801.xml": (1, 21, 2, 9),
    "moov/FI_camt_053_sample.xml.xml": (1, 6, 0, 7),
    "moov/camt.053_P_CH2909000000250094239_1110092698_0_2020112503071366.xml": (1, 5, 0, 0),
    "moov/statement_1.xml": (1, 0, 0, 4),
    "newinnovations/error-camt053.xml": (1, 1, 0, 1),
    "newinnovations/example-camt053-a.xml": (2, 4, 0, 7),
    "newinnovations/example-camt053-b.xml": (1, 8, 1, 10),
    "oca/test-camt053-no-ntry.xml": (1, 0, 0, 0),
    "oca/test-camt053-txdtls.xml": (1, 2, 0, 0),
    "oca/test-camt053.xml": (1, 1, 2, 1),
    "prowide/camt.053.001.07.xml": (1, 0, 0, 0),
    "tryton/camt.053.001.02.xml": (1, 0, 0, 1),
    "viafintech/053-valid_example.xml": (1, 1, 0, 4),
    "viafintech/053-valid_example_v8.xml": (1, 2, 0, 1),
    "viafintech/053-valid_example_with_batch.xml": (1, 2, 0, 1),
    "viafintech/053-valid_example_with_datetime.xml": (1, 1, 0, 0),
    "viafintech/053-valid_example_with_instdamt.xml": (1, 1, 0, 0),
    "viafintech/053-valid_example_with_other_id.xml": (1, 0, 0, 0),
}
REFUSED = {  # file -> what is said
    "bankstatementparser/camt053_garbled_amount.xml": "'12..34' is not an amount",
    "bankstatementparser/invalid.xml": "without BkToCstmrStmt",
    "dvbern/camt_054_Beispiel_NotificationMissing.xml": "without BkToCstmrStmt",
    "viafintech/053-valid_namespace.xml": "without BkToCstmrStmt",
    "viafintech/general-invalid_namespace.xml": "without BkToCstmrStmt",
}


def name_of(path: Path) -> str:
    assert DATA is not None
    return path.relative_to(DATA / "camt").as_posix()


def expected_refusal(path: Path, content: bytes) -> str:
    """What has to be said of a file that is no statement."""
    if path.suffix != ".xml":
        return "This is no XML."
    for element, said in (
        (b"BkToCstmrAcctRpt>", "camt.052"),
        (b"BkToCstmrDbtCdtNtfctn>", "camt.054"),
        (b"CstmrPmtStsRpt>", "pain.002"),
    ):
        if element in content:
            return said
    raise AssertionError(f"{path} is of a form that this test does not know")


@pytest.mark.parametrize(
    "path", sample_files("camt", "*.xml", "*.csv", "*.xlsx", "*.zip", "*.mt940"), ids=name_of
)
def test_each_sample_is_read_or_refused_for_the_right_reason(path: Path) -> None:
    content = path.read_bytes()
    items = list(read_statements(content))
    problems = [item for item in items if isinstance(item, LoadProblem)]
    movements = [item for item in items if isinstance(item, Movement)]
    if name_of(path) in LOADED:
        kinds = [movement.kind for movement in movements]
        counts = [
            kinds.count(kind) for kind in (MovementKind.PAYMENT, MovementKind.REVERSAL, MovementKind.OTHER)
        ]
        statements = sum(isinstance(item, Statement) for item in items)
        assert (statements, *counts) == LOADED[name_of(path)]
        assert problems == []
        return
    said = REFUSED.get(name_of(path)) or expected_refusal(path, content)
    assert movements == []
    (problem,) = problems
    assert said in problem.message
    assert problem.remedy


# One specimen has the statement id and entry references of another with other dates: its entries are refused.
TOGETHER_LOADED, TOGETHER_UNCHANGED, TOGETHER_DIFFERENT = 168, 3, 15


async def test_all_samples_together(consortium: TestConsortium, tmp_path: Path) -> None:
    """Loaded into one bank, twice: the second time changes nothing, and money that two files show counts once."""
    async with adapter("bank", consortium, tmp_path) as bank:
        loaded = unchanged = 0
        for path in sample_files("camt", "*.xml"):
            report = await bank.load(path.read_bytes(), name=path.name)
            loaded += report.loaded
            unchanged += report.unchanged
        expected = sum(sum(counts[1:]) for counts in LOADED.values())
        assert (loaded, unchanged) == (TOGETHER_LOADED, TOGETHER_UNCHANGED)
        assert loaded + unchanged + TOGETHER_DIFFERENT == expected
        again = 0
        for path in sample_files("camt", "*.xml"):
            report = await bank.load(path.read_bytes(), name=path.name)
            assert report.loaded == 0
            again += report.unchanged
        assert again == loaded + unchanged


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
