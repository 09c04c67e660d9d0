"""Kinds of fraud, each with what it is, where it was seen and what is needed to see it."""

from __future__ import annotations

from typing import Final

from tests.evaluation.frauds import claims, goods, invoices, money, paper, parties
from tests.evaluation.frauds.base import Fraud

FRAUDS: Final[tuple[Fraud, ...]] = (
    *invoices.FRAUDS,
    *claims.FRAUDS,
    *parties.FRAUDS,
    *money.FRAUDS,
    *goods.FRAUDS,
    *paper.FRAUDS,
)
"""All of them."""
