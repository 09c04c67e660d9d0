"""How often honest trade is noisy: every rate of the generator, in one place, set before the first run.

The rates are estimates from what practitioners say (monthly reconciliation, invoices ahead of goods and group
treasuries are everyday; a lost order number is not). They are not measured, and not adapted to what the rules make of
them: whoever changes one says why in ``docs/evaluation.md``.
"""

from __future__ import annotations

from typing import Final

# --- companies ---
BUYER_IS_MEMBER: Final = 0.7
"""The buyer pushes its own orders, receipts and confirmations; else the supplier hands in what it got from it."""
RENAMED: Final = 0.05
"""A company changed its name within the year; papers bear the old one for a while."""
NAME_WRITTEN_DIFFERENTLY: Final = 0.003
"""A paper has a slip in a name (per invoice)."""
SAME_PARK: Final = 0.06
"""Buyer and supplier have one business park's address, and nothing else in common."""
GROUP_TREASURY: Final = 0.12
"""The buyer's group pays through its treasury company."""
TREASURY_KNOWN: Final = 0.95
"""... which the bank has on its list."""
FOREIGN_BUYER: Final = 0.02
"""The buyer is abroad: no USCC, no use confirmation, another currency."""
PURCHASES_FROM_BUYER: Final = 0.04
"""Toll processing: the buyer sells the material and buys the parts."""
ONBOARDED_LATELY: Final = 0.15
"""The supplier joined a few weeks ago and pushed its history in one go."""
PAST_OVERDUE: Final = 0.08
"""The bureau has a past overdue debt of the supplier."""
OLD_BLANKET_PLEDGE: Final = 0.03
"""The movable-property registry has an old, expired or cancelled registration over all receivables."""
OTHER_REGISTRATION: Final = 0.10
"""... a live one over something else: a machine, a car."""
RETIRED_FUNDING: Final = 0.10
"""... one of a factoring that was repaid, over receivables long settled."""

# --- habits of a supplier with a buyer ---
MONTHLY_STATEMENT: Final = 0.2
"""Invoices once a month over all receipts of the month, on a statement that the buyer acknowledges."""
STANDING_ORDER: Final = 0.12
"""The same order every month: same goods, quantity and price."""
CONTRACT_SHOWN: Final = 0.8
"""The framework contract is among the papers."""
ASSIGNMENT_BARRED: Final = 0.08
"""It bars assigning the claim, as core enterprises' forms do."""
LONG_TERMS: Final = 0.12
"""Terms of 90 days, agreed in the contract; else 30 to 60."""
CONFIRMS: Final = 0.45
"""A member that confirms what it owes (确权)."""

# --- single trades ---
DUE_ELSEWHERE: Final = 0.4
"""The invoice does not say when it is due (a 数电票 has no such field); contract, statement or confirmation do."""
DUE_NOWHERE: Final = 0.02
"""... and no other paper is shown that does."""
INVOICE_FIRST: Final = 0.08
"""先票后货: invoiced some days before the goods arrive."""
PARTIAL_DELIVERY: Final = 0.3
SHORT_DELIVERY: Final = 0.05
"""Less arrives than was sent; what arrived is invoiced."""
REJECTED_AFTER_INVOICE: Final = 0.03
"""Some is refused after it was invoiced; a credit note takes it back."""
CREDIT_AND_REBILL: Final = 0.025
"""An invoice with a mistake is credited in full and written again."""
WEIGHED_TWICE: Final = 0.15
"""Bulk goods: the seller's scales show up to half a per cent more than the buyer's, and are invoiced."""
UNIT_CHANGED: Final = 0.08
"""Ordered by the tonne, received or invoiced by the kilogram."""
UNIT_NOT_COMPARABLE: Final = 0.004
"""Ordered by the box, received by the piece."""
NO_LINE_REFERENCE: Final = 0.15
"""The invoice names the order, its lines do not name the order's lines."""
NUMBER_MISTYPED: Final = 0.004
"""The order number on the invoice has a slip."""
NUMBER_WRITTEN_LOOSELY: Final = 0.1
"""... has other blanks and dashes than the order."""
PRICE_FROM_GROSS: Final = 0.1
"""The unit price was reckoned back from one with tax, and has many digits."""
DISCOUNT: Final = 0.04
"""A discount on the whole invoice."""
LATE_PAPER: Final = 0.015
"""The receipt of a delivery is not in yet when the supplier applies."""
NO_DESPATCH: Final = 0.25
"""No despatch advice: the carrier's paper stays paper."""
SERVICE: Final = 0.05
"""A trade of services: no receipt."""
NOT_READY_BROUGHT: Final = 0.1
"""An invoice whose use the buyer has not confirmed yet, or that is overdue, is brought all the same. Suppliers see both
and know that banks refer or refuse such invoices: nine of ten are left out of an application."""
DATED_APART: Final = 0.1
"""The commercial invoice is dated some days before its 数电票."""
PAID_LATE: Final = 0.12
NOT_PAID: Final = 0.01
"""Due, and not paid on the day of the application."""
PAYER_WITHOUT_ID: Final = 0.01
"""The bank's statement has the payer's name and account, not its identifier."""

INVOICING: Final = {
    "digital": 0.45,  # the document is the 数电票, with the ERP's order number
    "commercial": 0.25,  # a commercial invoice that names its 数电票; only that is pushed
    "both": 0.17,  # both are pushed
    "split": 0.07,  # one commercial invoice, several 数电票, all pushed
    "paper": 0.06,  # an older special invoice with code and number
}
"""How suppliers invoice."""
