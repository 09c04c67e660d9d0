"""Rules of the family terms, all versions."""

from __future__ import annotations

from typing import Any, Final

from crossverify.rule import Rule
from crossverify.rules.terms.ageing import Ageing
from crossverify.rules.terms.assign_notice import AssignNotice
from crossverify.rules.terms.assignable import Assignable
from crossverify.rules.terms.dilution import Dilution
from crossverify.rules.terms.future_receivable import FutureReceivable
from crossverify.rules.terms.pay_terms import PayTerms
from crossverify.rules.terms.tenor import Tenor
from crossverify.rules.terms.terms_conflict import TermsConflict

RULES: Final[tuple[Rule[Any], ...]] = (
    TermsConflict(),
    Assignable(),
    FutureReceivable(),
    Tenor(),
    PayTerms(),
    Ageing(),
    Dilution(),
    AssignNotice(),
)
