"""Descriptions of property: written, read, compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossverify.collateral import (
    AssetFacts,
    Item,
    Relation,
    collateral_of,
    compare,
    name_key,
    read_description,
    write_description,
)

BUYER = "uscc:91310000MA1FL002X5"


def asset(*numbers: str, kind: str = "receivable", **fields: object) -> AssetFacts:
    """An invoice of 1,130 on Great Wheel Motors under PO-1."""
    values: dict[str, object] = {
        "kind": kind,
        "numbers": numbers or ("INV-1",),
        "debtor": "Great Wheel Motors",
        "debtor_names": ("Great Wheel Motors", "长轮汽车有限公司"),
        "debtor_ids": (BUYER,),
        "contracts": ("PO-1",),
        "amount": Decimal("1130"),
        "currency": "CNY",
        "issued": date(2026, 4, 10),
        "due": date(2026, 8, 8),
    }
    return AssetFacts(**(values | fields))  # type: ignore[arg-type]


def relation(text: str, facts: AssetFacts | None = None) -> str:
    return compare(read_description(text), facts or asset()).relation.value


@pytest.mark.parametrize(
    "text",
    [
        "发票号码：INV-1",
        "发票号：INV-0、INV-1；金额：1,130.00元",
        "应收账款（发票编号：ＩＮＶ－１）",
        "invoice no. INV-1 on Great Wheel Motors",
        "Invoices: INV-7, INV-1 and INV-9.",
        "Invoice numbers INV-7 and INV-1",
        "付款人：Great Wheel Motors；发票号码：INV-1等2张",
        "发票号码:INV-0至INV-5",
        "1. 付款人:长轮汽车有限公司;发票号码:inv1\n2. 付款人:Other;发票号码:X-2",
        "（1）发票号码：X-9（2）发票号码：INV-1",
        f"债务人：改名后的公司（统一社会信用代码：{BUYER[5:]}），发票号码：INV-1",
    ],
)
def test_the_same_asset(text: str) -> None:
    assert relation(text) == "same"


@pytest.mark.parametrize(
    "text",
    [
        "转让人现有的及将有的全部应收账款",
        "出质人对长轮汽车有限公司享有的所有应收账款",
        f"转让人对付款人某公司（统一社会信用代码：{BUYER[5:]}）享有的一切债权",
        "all present and future receivables of the assignor",
        "All accounts receivable, now existing or hereafter arising",
        "all assets and undertaking",
        "全部资产",
        "2026年1月1日至2026年12月31日期间产生的全部应收账款",
        "包括但不限于发票号码：A-1、A-2的全部应收账款",
        "合同编号：PO-1项下的应收账款",
        "应收账款，合同编号：PO-1项下全部应收账款",
        "all receivables except invoice no. INV-9",
        "除对Other Co享有的应收账款外，全部应收账款",
    ],
)
def test_a_general_claim_that_covers_it(text: str) -> None:
    assert relation(text) == "general"


@pytest.mark.parametrize(
    "text",
    [
        "发票号码：INV-2、INV-3",
        "发票号码：INV-2、INV-3等2张",
        "对Other Co享有的全部应收账款",
        "付款人:Other Co(统一社会信用代码:9131000071A2B3C4D5);发票号码:INV-1-1。",
        "全部机器设备",
        "现有的以及将有的生产设备、原材料、半成品、产品",
        "仓单编号：WR-1",
        "专利权",
        "2025年1月1日至2025年12月31日期间产生的全部应收账款",
        "2027年1月1日至2027年12月31日期间产生的全部应收账款",
        "合同编号：PO-2项下的全部应收账款",
        "all receivables except invoice no. INV-1",
        "除对Great Wheel Motors享有的应收账款外，全部应收账款",
        "发票号码:INV-2至INV-9",
        "对Other Co享有的应收账款，金额：1,130元",
    ],
)
def test_another_asset(text: str) -> None:
    assert relation(text) == "other"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "保理",
        "应收账款一批",
        "转让财产详见附件清单",
        "下列全部应收账款见附件",
        "对Great Wheel Motors享有的应收账款",
        "付款人：Great Wheel Motors；金额：1,130.00元",
        "发票号码：INV-2、INV-3等5张",
        "对Great Wheel享有的全部应收账款",
        "付款人:长轮汽车有限公司;发票号码:inv 1",
        "付款人:长轮汽车有限公司;发票号码:见附件;\n2. 付款人:Other;发票号码:X-2",
        "付款人:Other Co(统一社会信用代码:9131000071A2B3C4D5);发票号码:INV-1。",
        "\x00\x01 ���",
    ],
)
def test_too_vague_to_tell(text: str) -> None:
    assert relation(text) == "vague"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("仓单编号：WR-1、WR-2", "same"),
        ("出质人现有及将有的全部存货", "general"),
        ("all inventory and goods", "general"),
        ("全部资产", "general"),
        ("现有及将有的全部应收账款", "other"),
        ("仓单编号：WR-9", "other"),
        ("仓储物一批", "vague"),
    ],
)
def test_warehouse_receipts(text: str, said: str) -> None:
    receipt = asset(
        "WR-1", kind="receipt", debtor="Keeper", debtor_names=("Keeper",), debtor_ids=(), contracts=()
    )
    assert relation(text, receipt) == said


def test_fields_are_read() -> None:
    (item,) = read_description(
        "应收账款转让。1. 付款人：博世（中国）投资有限公司"
        "（统一社会信用代码：91310000MA1FL002X5、lei:529900T8BM49AURSDO55）；"
        "合同编号：C-1；发票号码：A-1、「B 2、3」；金额：人民币12.5万元；到期日：2026年8月8日。"
    ).items
    assert item == Item(
        debtor="博世(中国)投资有限公司",
        debtor_ids=(BUYER, "lei:529900T8BM49AURSDO55"),
        contracts=("C-1",),
        invoices=("A-1", "B 2、3"),
        amount=Decimal(125_000),
        currency="CNY",
        due=date(2026, 8, 8),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("受让Great Wheel Motors应收账款，发票号２６３１ １９８７ ６５４３ ２１００ １２３４", "same"),
        ("发票号码:2631-1987-6543-2100-1234", "same"),
        ("发票号码:12345678901234567890 26311987654321001234", "same"),
        ("发票号码:A-1 A-2 26311987654321001234。", "same"),
        ("发票号码:2631 1987 6543 2100 1235。金额:5元", "other"),
        ("发票号码:2631*********1234", "vague"),
        ("发票号码:2631…1234", "vague"),
        ("发票号码 9999 其他见附件", "vague"),
    ],
)
def test_numbers_in_other_writings(text: str, said: str) -> None:
    assert relation(text, asset("26311987654321001234")) == said


def test_a_filing_names_every_document_once_per_debtor() -> None:
    found = collateral_of(
        [
            asset("INV-1", "12345678901234567890"),
            asset("INV-2", contracts=("PO-2",)),
            asset("X", debtor_ids=("lei:Y",)),
        ]
    )
    text = write_description("assignment", found)
    assert text.splitlines()[1] == (
        "1. 付款人:Great Wheel Motors(统一社会信用代码:91310000MA1FL002X5);合同编号:PO-1、PO-2;"
        "发票号码:INV-1、12345678901234567890、INV-2;金额:CNY 2,260.00;到期日:2026-08-08。"
    )
    assert len(text.splitlines()) == 3


def test_an_order_is_described_by_its_number_and_covers_what_comes_of_it() -> None:
    order = replace(asset(contracts=("PO-1", "C 7、8"), amount=None), numbers=())
    text = write_description("assignment", collateral_of([order]))
    assert text.endswith(";合同编号:PO-1、「C 7、8」项下全部应收账款;到期日:2026-08-08。")
    assert compare(read_description(text), order).relation is Relation.GENERAL
    assert relation(text) == "general", "the invoice on that order"
    assert relation(text, asset("INV-2", contracts=("PO-2",))) == "other"


TEXT = st.text(
    st.one_of(
        st.sampled_from("INV-0129/. 、,;:()（）「」等至~ab发票号码合同编号付款人除外全部应收账款"),
        st.characters(codec="utf-8"),
    ),
    min_size=1,
    max_size=12,
)
NUMBERS = st.one_of(
    st.from_regex(r"[A-Z]{0,3}-?[0-9]{1,12}", fullmatch=True),
    TEXT.map(lambda text: text.strip()).filter(lambda text: any(c.isascii() and c.isalnum() for c in text)),
)
FACTS = st.builds(
    lambda numbers, debtor, ids, contracts, amount: asset(
        *numbers, debtor=debtor, debtor_names=(debtor,), debtor_ids=ids, contracts=contracts, amount=amount
    ),
    st.lists(NUMBERS, min_size=1, max_size=3).map(tuple),
    TEXT.filter(name_key),
    st.sampled_from([(), (BUYER,), ("lei:529900T8BM49AURSDO55", "legal-de:HRB 1")]),
    st.lists(NUMBERS, max_size=2).map(tuple),
    st.one_of(st.none(), st.decimals(0, 10**9, places=2)),
)


@given(st.lists(FACTS, min_size=1, max_size=4))
def test_what_is_filed_covers_what_it_was_made_for(assets: list[AssetFacts]) -> None:
    """The property that matters: a search finds our own registration to be on the same asset."""
    text = write_description("assignment", collateral_of(assets))
    found = read_description(text)
    for each in assets:
        assert compare(found, each).relation is Relation.SAME, text


@given(st.lists(FACTS, min_size=1, max_size=3), st.integers(10**6, 10**7))
def test_what_is_filed_covers_nothing_else(assets: list[AssetFacts], number: int) -> None:
    other = asset(
        f"ZZQ-{number}", debtor="Someone Else", debtor_names=("Someone Else",), debtor_ids=(), contracts=()
    )
    found = read_description(write_description("assignment", collateral_of(assets)))
    assert compare(found, other).relation is not Relation.SAME
    assert compare(found, other).relation is not Relation.GENERAL


@given(st.text(max_size=300))
def test_any_text_is_read_and_compared(text: str) -> None:
    assert compare(read_description(text), asset()).why


@pytest.mark.parametrize(
    "text",
    ["发票号码:" + "A1、" * 9_000, "除" * 20_000, "(" * 20_000, "对" * 20_000, "a:" * 10_000, "all " * 5_000],
)
def test_long_texts_end(text: str) -> None:
    assert compare(read_description(text), asset()).relation in Relation


def test_names_are_compared_without_signs_and_width() -> None:
    assert name_key("ＡＣＭＥ （中国） Co., Ltd.") == name_key("acme(中国)co ltd")
