"""PAYEE_CHANGE: the account on the invoice against the one that was verified, and against its owner."""

from __future__ import annotations

from typing import Any

import pytest

from consortium.documents.party import primary_id
from crossverify.answers import account_reference
from crossverify.desk import DeskInfo
from crossverify.rule import Effect, Finding
from tests.support.trade_world import ACCOUNT, OTHER, SELLER, World, codes2, invoice, judged2

RULE = "PAYEE_CHANGE"
OWN, STRANGER = str(primary_id(SELLER)), str(primary_id(OTHER))
REFERENCE = account_reference(ACCOUNT.account_id)
MINE = {"known": True, "owner_name": SELLER.name, "owner_ids": [OWN], "owner_match": "identifier"}
OTHERS = {"known": True, "owner_name": "Stranger", "owner_ids": [STRANGER], "owner_match": "differs"}
NAMED: dict[str, Any] = {"known": True, "owner_name": SELLER.name, "owner_ids": [], "owner_match": "name"}
NOBODY: dict[str, Any] = {"known": True, "owner_name": "", "owner_ids": [], "owner_match": "unknown"}
UNKNOWN = {"known": False, "owner_match": "unknown"}


def world(answer: dict[str, Any] | None = None, verified: tuple[str, ...] = (), **fields: Any) -> World:
    made = World(invoice(**fields))
    if answer is not None:
        made.bank[REFERENCE] = answer
    if verified:
        made.changes["desk"] = DeskInfo(as_of=made.now, verified_accounts={OWN: verified})
    return made


def found(made: World) -> Finding:
    (finding,) = judged2(made, RULE)
    return finding


@pytest.mark.parametrize(
    ("verified", "answer", "expected", "effect"),
    [
        (("6222000011112222",), None, ("PASS", "SAME"), Effect.INFORMATION),
        (("9999", "6222 0000 1111 2222"), OTHERS, ("PASS", "SAME"), Effect.INFORMATION),
        (("6222000011112222", "9999"), MINE, ("WARN", "OLDER_ACCOUNT"), Effect.REFER),
        ((), MINE, ("PASS", "OWNED"), Effect.INFORMATION),
        (("9999",), MINE, ("WARN", "NEW_VERIFIED"), Effect.INFORMATION),
        ((), NAMED, ("WARN", "NAME_ONLY"), Effect.REFER),
        (("9999",), NAMED, ("WARN", "NAME_ONLY"), Effect.REFER),
        ((), OTHERS, ("FAIL", "OWNED_BY_ANOTHER"), Effect.EXCLUDE),
        (("9999",), OTHERS, ("FAIL", "OWNED_BY_ANOTHER"), Effect.EXCLUDE),
        ((), UNKNOWN, ("UNKNOWN", "ACCOUNT_NOT_KNOWN"), Effect.REFER),
        ((), NOBODY, ("UNKNOWN", "ACCOUNT_NOT_KNOWN"), Effect.REFER),
        (("9999",), UNKNOWN, ("FAIL", "UNVERIFIED"), Effect.REFER),
        (("9999",), NOBODY, ("FAIL", "UNVERIFIED"), Effect.REFER),
        (("9999",), None, ("UNKNOWN", "NOT_ANSWERED"), Effect.REFER),
        ((), None, ("UNKNOWN", "NOT_ANSWERED"), Effect.REFER),
    ],
)
def test_the_table(
    verified: tuple[str, ...], answer: dict[str, Any] | None, expected: tuple[str, str], effect: Effect
) -> None:
    finding = found(world(answer, verified))
    assert ((finding.outcome.value, finding.code), finding.effect) == (expected, effect)
    assert finding.inputs[0].source == "documents"


def test_identifiers_that_stand_here_count_more_than_the_banks_word() -> None:
    """A bank that says "identifier" of a stranger's account is not believed."""
    assert found(world({**OTHERS, "owner_match": "identifier"})).code == "OWNED_BY_ANOTHER"
    assert found(world({**NOBODY, "owner_match": "identifier"})).code == "ACCOUNT_NOT_KNOWN"


def test_the_payee_of_the_invoice_is_whose_account_it_has_to_be() -> None:
    assert found(world(MINE, payee=OTHER)).code == "OWNED_BY_ANOTHER"
    assert found(world(OTHERS, payee=OTHER)).code == "OWNED"


def test_without_an_account_it_does_not_apply() -> None:
    assert codes2(world(payee_accounts=()), RULE) == [("NOT_APPLICABLE", "NO_ACCOUNT")]


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"known": "perhaps"}, "ANSWER_UNREADABLE"),
        ({"known": True, "owner_ids": "me"}, "ANSWER_UNREADABLE"),
        ({"error": {"reason": "ANSWER_UNREADABLE", "message": "about something else"}}, "ANSWER_UNREADABLE"),
        ({"error": {"reason": "UNAVAILABLE", "message": "down"}}, "NOT_ANSWERED"),
        ({"error": "?"}, "NOT_ANSWERED"),
    ],
)
def test_nonsense_is_unknown_with_the_reason(answer: dict[str, Any], code: str) -> None:
    finding = found(world(answer))
    assert (finding.outcome.value, finding.code) == ("UNKNOWN", code)


@pytest.mark.parametrize("verified", [(), ("9999",)])
def test_a_silent_bank_is_never_a_pass(verified: tuple[str, ...]) -> None:
    made = world(MINE, verified)
    made.silence("bank")
    assert found(made).code == "SOURCE_SILENT"
    made.forget("bank")
    assert found(made).code == "NOT_ASKED"
