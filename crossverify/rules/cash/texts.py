"""What the codes of CASH_CLOSURE mean, in the words of both versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from crossverify.rule import Text

EXPLAINS_V1: Final[Mapping[str, Text]] = {
    "AGREES": Text(
        "The debtor paid to the agreed account. Nothing to do; what was paid left the eligible amount.",
        "债务人已付款至约定账户。无需处理；已付金额已从合格金额中扣除。",
    ),
    "SETTLED": Text(
        "Nothing is open any more: there is no receivable left to finance.",
        "已全额回款，应收账款已结清，不再融资。",
    ),
    "OTHER_ACCOUNT": Text(
        "It was paid to another account of the seller than the one agreed. Ask the seller why, and have the debtor "
        "confirm the account.",
        "款项付至卖方的其他账户，而非约定账户。请向卖方了解原因，并请债务人确认收款账户。",
    ),
    "DIVERTED": Text(
        "It was paid to an account that nobody agreed on. Do not lend on it; find out whose account it is.",
        "款项被支付至未约定的账户。不得据此放款，请查明账户归属。",
    ),
    "THIRD_PARTY_PAYER": Text(
        "Somebody else than the debtor paid. A group treasury is normal: add it to the list of group payers; anybody "
        "else needs an explanation.",
        "付款人不是债务人。集团资金中心代付属正常，可加入集团付款人名单；其他情形须说明原因。",
    ),
    "PAYER_NOT_IDENTIFIED": Text(
        "The statement names the payer without an identifier, and a name proves nothing. Ask the bank that keeps the "
        "account.",
        "对账单未载明付款人的识别代码，仅凭名称不足为凭。请向开户行查询。",
    ),
    "DUE_AND_UNPAID": Text(
        "It was due and no payment was seen. Ask the debtor before lending.",
        "已到期而未见回款。放款前请联系债务人。",
    ),
    "NOT_DUE": Text(
        "Nothing was paid and nothing is due yet.",
        "尚未到期，未见回款。",
    ),
    "CURRENCY": Text(
        "A payment is in another currency than the invoice, without the instructed amount. How much it paid has to be "
        "asked.",
        "付款币种与发票不同，且无原币金额，须查明实际清偿金额。",
    ),
    "ACCOUNT_NOT_KNOWN": Text(
        "The bank that was asked does not keep this account. Ask the bank that does.",
        "被询问的银行不掌握该账户的流水。请向开户行查询。",
    ),
}
"""Of version 1."""
