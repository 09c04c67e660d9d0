"""Wrong input at the command line: a code for scripts, and a message that names what is wrong."""

from __future__ import annotations

import sys
from pathlib import Path

import orjson
import pytest

from chanrong.cli import main
from tests.e2e.conftest import Cli
from tests.e2e.papers import alias_of, files_of, make_trade

UNKNOWN = "a" * 64

CASES = [
    ("push nothing.xml", 1, "no file nothing.xml"),
    ("push README.md --format pdf", 2, "'ubl', 'json'"),
    ("push {good} --as nobody", 1, "chanrong parties"),
    ("push {good} --via industry-z", 1, "no industry gateway 'industry-z'"),
    ("push {empty}", 1, "no document file"),
    ("push {bad}", 3, "JSON_MALFORMED"),
    ("institution load taxi {good}", 1, "no institution 'taxi'"),
    ("institution load tax nothing.json", 1, "no file nothing.json"),
    ("institution load bank {bad}", 3, "camt.053"),
    ("institution load credit {bad}", 3, "bad.json"),
    ("institution load tax {good} --as-of yesterday", 2, "yesterday"),
    ("institution load tax {good} --as-of 2150-01-01", 1, "AS_OF_INVALID"),
    ("consent grant --as nobody", 1, "no party 'nobody'"),
    ("consent grant --as {seller} --bank bank-z", 1, "no bank 'bank-z'"),
    ("consent grant --as {seller} --scope peek", 2, "'assess', 'monitor'"),
    ("consent grant --as {seller} --purpose x" + "y" * 300, 1, "purpose"),
    ("consent grant --as {seller} --field invoic", 1, "CONSENT_FIELD_UNKNOWN"),
    ("consent revoke 12 --as {seller}", 1, "8 to 64"),
    ("consent revoke " + "ab" * 16 + " --as {seller}", 1, "UNKNOWN_CONSENT"),
    ("package request --subject nobody", 1, "no party 'nobody'"),
    ("package request --subject {seller} --purpose other -o {out}", 1, "CONSENT_MISSING"),
    ("package request --subject {seller} --profile other -o {out}", 1, "receivable-v1"),
    ("package request --subject {seller} -o {empty}", 2, "no file that can be written"),
    ("package show {good}", 1, "no package"),
    ("package show {bad}", 1, "not JSON"),
    ("package verify {bad} --trust {trust}", 4, "PACKAGE_MALFORMED"),
    ("package verify {empty} --trust {trust}", 1, "cannot be read"),
    ("package verify {good} --trust {empty}", 2, "trust.json"),
    ("package verify {good}", 2, "--trust"),
    ("package verify {good} --trust {trust} --at soon", 2, "soon"),
    ("financing reserve INV-0", 1, "was pushed from this sandbox"),
    ("financing reserve " + UNKNOWN, 1, "knows no such document"),
    ("financing reserve {invoice} --share 101", 2, "100"),
    ("financing reserve {invoice} --bank bank-b", 1, "chanrong consent grant --as {seller} --bank bank-b"),
    ("financing reserve {invoice} --consent " + "ab" * 16, 3, "UNKNOWN_CONSENT"),
    ("financing finance 0123456789abcdef", 1, "no claim '0123456789abcdef'"),
    ("financing release 0123456789abcdef --reason mood", 2, "'repaid'"),
    ("financing request INV-0 --as {seller} --amount 1 --currency CNY", 1, "was pushed"),
    ("financing request {invoice} --as {seller} --amount 1,0 --currency CNY", 1, "AMOUNT_INVALID"),
    ("financing request {invoice} --as {seller} --amount 1 --currency XXQ", 1, "CURRENCY_UNKNOWN"),
    ("ledger show " + UNKNOWN, 1, "no such document"),
    ("ledger verify --database {bad}", 4, "not a database"),
    ("ledger verify --database nothing.db", 1, "no ledger file"),
    ("reconcile run other", 1, "documents, packages"),
    ("reconcile run --at tax", 1, "There are: industry-a, bank-a, bank-b"),
    ("reconcile resolve ffff --resolution x", 1, "no break"),
    ("up --banks 9", 2, "5"),
    ("up --banks 3", 1, "--banks 2"),
    ("up --banks 2 --config nothing.toml", 2, "nothing.toml"),
    ("industry serve", 2, "consortium_keys"),
    ("adapter tax stop", 2, "'serve'"),
    ("sample {full}", 1, "not empty"),
]


@pytest.fixture(scope="module")
def names(cli: Cli, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Things that are there, to be named in the cases."""
    folder = tmp_path_factory.mktemp("wrong")
    trade = make_trade(7_000)
    files = files_of(trade, folder)
    pushed = cli.json("push", *files)
    seller = alias_of(cli, trade)
    cli.run("consent", "grant", "--as", seller, "--bank", "bank-a")
    (folder / "empty").mkdir()
    (folder / "bad.json").write_text("{no json")
    (folder / "good.json").write_bytes(orjson.dumps({"kind": "invoice"}))
    return {
        "good": str(folder / "good.json"),
        "bad": str(folder / "bad.json"),
        "empty": str(folder / "empty"),
        "full": str(folder),
        "out": str(folder / "package.json"),
        "trust": str(cli.directory / "trust"),
        "seller": seller,
        "invoice": next(r["number"] for r in pushed if r["kind"] == "invoice"),
    }


@pytest.mark.parametrize(("words", "code", "said"), CASES, ids=[case[0][:48] for case in CASES])
def test_the_code_and_the_message_say_what_is_wrong(
    cli: Cli,
    names: dict[str, str],
    words: str,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In this process: a new one for each of so many cases would take a minute."""
    monkeypatch.setattr(sys, "argv", ["chanrong", *words.format(**names).split()])
    monkeypatch.setenv("CHANRONG_DIR", str(cli.directory))
    with pytest.raises(SystemExit) as end:
        main.run()
    captured = capsys.readouterr()
    told = " ".join((captured.out + captured.err).replace("│", " ").split())
    assert (end.value.code, told) == (code, told)
    assert said.format(**names) in told
    assert "Traceback" not in told
    assert "UNEXPECTED" not in told


def test_files_that_are_too_large_do_not_stop_the_others(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "huge.xml").write_bytes(b"<Invoice>" + b"x" * 11_000_000 + b"</Invoice>")
    good = files_of(make_trade(7_100), tmp_path)
    found = cli.json("push", str(tmp_path), code=3)
    assert {r["status"] for r in found if r["label"] != "huge.xml"} == {"accepted"}
    assert [r["problems"][0]["rule"] for r in found if r["label"] == "huge.xml"] == ["TOO_LARGE"]
    assert len(found) == len(good) + 1
