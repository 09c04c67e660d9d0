"""PAYEE_CHANGE: is the account that the invoice wants to be paid to the one that was verified last?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from consortium.documents.party import Party
from crossverify.answers import AccountAnswer, Gap, account_reference, plain_account
from crossverify.rule import Effect, Input, NoThresholds, Outcome, Rule, Text, Verdict

if TYPE_CHECKING:
    from crossverify.case import Case, Receivable


class PayeeChange(Rule[NoThresholds]):
    """The account on the invoice against those that the bank's desk verified, and against its owner as the bank that
    keeps it knows it. A name alone is no proof of ownership.

    - PASS: the account verified last; or none was verified yet, and the bank that keeps it says that it is the
      creditor's.
    - WARN: another account than before, and the bank that keeps it says that it is the creditor's; an account verified
      earlier and replaced since; owned by a party of that name, without an identifier.
    - FAIL: it belongs to somebody else; or it is another account than before and nobody knows whose.
    - UNKNOWN: none was verified, and the bank was not asked, is silent or stale, or does not know the account.
    - NOT_APPLICABLE: the invoice names no account.
    """

    id = "PAYEE_CHANGE"
    version = 1
    title = Text(
        "Is the account to be paid to the one that was verified?",
        "收款账户是否为已核实的账户？",
    )
    basis = ("practice: a changed payee account is called back before anything is paid",)
    explains: ClassVar = {
        "SAME": Text(
            "It is the account that this bank verified last. Nothing to do.",
            "与本行最近核实的账户一致，无需处理。",
        ),
        "OWNED": Text(
            "No account was verified before; the bank that keeps it says that it is the creditor's. Record it as "
            "verified.",
            "此前未核实过账户；开户行确认该账户属于债权人。请登记为已核实账户。",
        ),
        "NEW_VERIFIED": Text(
            "It is a new account, and the bank that keeps it says that it is the creditor's. Call the creditor under a "
            "number that you know, then record the account.",
            "收款账户有变更，开户行确认属于债权人。请以已知电话回访债权人后登记。",
        ),
        "OLDER_ACCOUNT": Text(
            "It is an account that was verified earlier and has been replaced since. Ask which one counts.",
            "为此前核实、后已更换的账户。请确认以哪个账户为准。",
        ),
        "NAME_ONLY": Text(
            "The account is held under the creditor's name; the bank has no identifier of its owner. Verify it.",
            "账户户名与债权人一致，但开户行无识别代码。请进一步核实。",
        ),
        "OWNED_BY_ANOTHER": Text(
            "The account belongs to somebody else. Do not pay to it and do not lend on it before that is cleared up.",
            "账户属于他人。查清之前不得付款或放款。",
        ),
        "UNVERIFIED": Text(
            "It is another account than the one verified, and nobody can say whose. Call the creditor under a number "
            "that you know: this is how payments are stolen.",
            "收款账户与已核实账户不同，且无法确认归属。请以已知电话回访债权人，谨防付款被骗。",
        ),
        "ACCOUNT_NOT_KNOWN": Text(
            "No account was verified yet, and the bank that was asked does not keep this one. Verify it.",
            "尚无已核实账户，且被询问的银行不掌握该账户。请核实。",
        ),
        "NO_ACCOUNT": Text(
            "The invoice names no account. Agree on one before funding.",
            "发票未载明收款账户。放款前请约定账户。",
        ),
    }
    applies_when = "the invoice names an account"
    sources = ("documents", "desk", "bank")
    effects: ClassVar = {
        "WARN": Effect.REFER,
        "FAIL": Effect.EXCLUDE,
        "UNKNOWN": Effect.REFER,
        "NEW_VERIFIED": Effect.INFORMATION,
        "UNVERIFIED": Effect.REFER,
    }

    def evaluate(self, case: Case, thresholds: NoThresholds) -> Iterator[Verdict]:
        """See the class."""
        for receivable in case.receivables:
            yield _judge(case, receivable)


def _judge(case: Case, receivable: Receivable) -> Verdict:
    key, invoice = receivable.fingerprint, receivable.invoice
    account = invoice.payee_account
    if account is None or not plain_account(account.account_id):
        told = case.of_document(receivable.primary, "payee_accounts", "")
        return Verdict(
            key, Outcome.NOT_APPLICABLE, "NO_ACCOUNT", "The invoice names no account to pay to.", (told,)
        )
    asked = case.of_document(receivable.primary, "payee_accounts/1/account_id", account.account_id)
    creditor = invoice.payee or invoice.seller
    verified = _verified(case, creditor)
    number = plain_account(account.account_id)
    if verified and number == verified[-1]:
        text = "It is to be paid to the account that this bank verified last."
        return Verdict(key, Outcome.PASS, "SAME", text, (asked, _of_desk(case, creditor, verified)))
    if number in verified:
        text = "It is to be paid to an account that this bank verified and that was replaced since."
        return Verdict(key, Outcome.WARN, "OLDER_ACCOUNT", text, (asked, _of_desk(case, creditor, verified)))
    inputs = (asked, _of_desk(case, creditor, verified)) if verified else (asked,)
    return _by_owner(case, receivable, creditor, inputs, new=bool(verified))


def _by_owner(
    case: Case, receivable: Receivable, creditor: Party, inputs: tuple[Input, ...], *, new: bool
) -> Verdict:
    """By whom the bank that keeps the account says that it belongs to. :param new: another one was verified before"""
    key = receivable.fingerprint
    reference = account_reference(inputs[0].value)
    answer = case.answer("bank", AccountAnswer, reference)
    if isinstance(answer, Gap):
        told = case.of_gap(answer, receivable.primary.fingerprint)
        return Verdict(key, Outcome.UNKNOWN, answer.code, answer.message, (*inputs, told))
    owner = case.of_source("bank", reference, "owner_ids", ", ".join(answer.owner_ids) or answer.owner_name)
    found = (*inputs, owner)
    match = _match(answer, creditor)
    if match == "identifier" and new:
        text = "It is to be paid to a new account, which the bank that keeps it knows as the creditor's."
        return Verdict(key, Outcome.WARN, "NEW_VERIFIED", text, found)
    if match == "identifier":
        text = "The bank that keeps the account knows it as the creditor's."
        return Verdict(key, Outcome.PASS, "OWNED", text, found)
    if match == "differs":
        text = f"The account belongs to {answer.owner_name or 'somebody else'}, not to the creditor."
        return Verdict(key, Outcome.FAIL, "OWNED_BY_ANOTHER", text, found)
    if match == "name":
        text = "The account is held under the creditor's name; its owner's identifier is not known."
        return Verdict(key, Outcome.WARN, "NAME_ONLY", text, found)
    if new:
        text = "It is to be paid to another account than was verified, and its owner is not known."
        return Verdict(key, Outcome.FAIL, "UNVERIFIED", text, found)
    text = "No account of the creditor was verified, and the owner of this one is not known."
    return Verdict(key, Outcome.UNKNOWN, "ACCOUNT_NOT_KNOWN", text, found)


def _match(answer: AccountAnswer, creditor: Party) -> str:
    """How the owner compares with the creditor. Identifiers that stand here decide; what the bank says beside them only
    where there are none."""
    if not answer.known:
        return "unknown"
    own = {str(each).casefold() for each in creditor.identifiers}
    held = {each.casefold() for each in answer.owner_ids}
    if own & held:
        return "identifier"
    schemes = {each.partition(":")[0] for each in own}
    if any(each.partition(":")[0] in schemes for each in held):
        return "differs"
    return answer.owner_match if answer.owner_match in ("name", "differs") else "unknown"


def _verified(case: Case, creditor: Party) -> list[str]:
    """Accounts of a creditor that the desk verified, the current one last."""
    found: dict[str, None] = {}
    for each in creditor.identifiers:
        for account in case.desk.verified_accounts.get(str(each), ()):
            found[plain_account(account)] = None
    return list(found)


def _of_desk(case: Case, creditor: Party, verified: list[str]) -> Input:
    named = next((str(each) for each in creditor.identifiers if str(each) in case.desk.verified_accounts), "")
    return Input("", f"verified_accounts/{named}", ", ".join(verified), "desk", case.desk.as_of)
