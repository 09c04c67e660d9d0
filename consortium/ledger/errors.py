"""What can go wrong between this process and the ledger: one error type per stage.

Peers say why in two places: the status text, and a list of :class:`ErrorDetail` (one per node) in the
trailer ``grpc-status-details-bin``. A contract's own refusal reads ``chaincode response 400, REASON:
text``; its reason and text are taken out, so that a caller can tell "the contract says no" from "the ledger
does not work".

==================== ======================================================== =============================
reason               when                                                     what is known afterwards
==================== ======================================================== =============================
CONTRACT_REFUSED     the contract answered with a failure                     nothing was written
CHANNEL_NOT_FOUND    the gateway peer is not on the channel                   nothing was done
CHAINCODE_NOT_FOUND  no peer runs the chaincode on the channel                nothing was done
ENDORSERS_NOT_FOUND  no peers for the organisations named, or for the policy  nothing was done
ENDORSER_FAILED      peers could not run the chaincode                        nothing was done
ENDORSEMENT_MISMATCH endorsers saw different states                           nothing was done
ENDORSEMENT_ALTERED  the peer returned something else than what was proposed  nothing was done
IDENTITY_UNKNOWN     no organisation of the channel issued the certificate    nothing was done
IDENTITY_REFUSED     the certificate is not valid there, or the signature bad nothing was done
IDENTITY_EXPIRED     the certificate is outside of its validity               nothing was done
CLOCK_OFF            this clock is further off the peers' than they allow     nothing was done
MESSAGE_TOO_LARGE    over the limit for one message                           nothing was done
LEDGER_UNAVAILABLE   no gateway peer answered                                 see ``outcome_unknown``
LEDGER_TIMEOUT       the stage's deadline passed                              see ``outcome_unknown``
LEDGER_OVERLOADED    a peer's limit of concurrent calls was reached           nothing was done
LEDGER_DENIED        the identity may not do this                             nothing was done
LEDGER_NOT_FOUND     a stream's channel or block is not there                 nothing was done
LEDGER_REFUSED       anything else that a peer refused                        nothing was done
TRANSACTION_CONFLICT committed as invalid: a key changed meanwhile            nothing was written
TRANSACTION_INVALID  committed as invalid for any other reason                nothing was written
OUTCOME_UNKNOWN      whether it is on the ledger is not known yet             resolve it, never repeat it
==================== ======================================================== =============================
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Self

import grpc
from google.protobuf.message import DecodeError

from consortium.errors import ChanrongError, OutcomeUnknownError
from consortium.ledger.diagnosis import Asked, ErrorDetail, Failure, details_words, diagnose
from consortium.wire.fabric.gateway import gateway_pb2
from consortium.wire.fabric.peer import transaction_pb2
from consortium.wire.fabric.rpc import status_pb2

_DETAILS_TRAILER = "grpc-status-details-bin"
_NOTHING = Asked()
_CONFLICTS = frozenset({transaction_pb2.MVCC_READ_CONFLICT, transaction_pb2.PHANTOM_READ_CONFLICT})


class LedgerError(ChanrongError):
    """Root of what the ledger client raises.

    :param txid: transaction id, empty where there is none
    :param code: gRPC status name such as ``ABORTED``; empty when the failure did not come from a call
    :param details_list: each node's own words
    :param contract_reason: the contract's reason when the contract itself refused
    :param contract_message: the contract's words when the contract itself refused
    :param retryable: the same request may be sent again later with hope of success (a new proposal on
        evaluate and endorse, the same bytes on submit and commit status)
    :param outcome_unknown: the transaction may be on the ledger, now or later
    """

    stage: ClassVar[str] = "call"
    reason = "LEDGER_REFUSED"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        remedy: str = "",
        txid: str = "",
        code: str = "",
        details_list: Sequence[ErrorDetail] = (),
        contract_reason: str | None = None,
        contract_message: str | None = None,
        retryable: bool = False,
        outcome_unknown: bool = False,
    ) -> None:
        facts = {"txid": txid, "code": code, "contract_reason": contract_reason or ""}
        super().__init__(
            message,
            reason=reason,
            remedy=remedy,
            details={name: text for name, text in facts.items() if text},
        )
        self.txid = txid
        self.code = code
        self.details_list = tuple(details_list)
        self.contract_reason = contract_reason
        self.contract_message = contract_message
        self.retryable = retryable
        self.outcome_unknown = outcome_unknown

    @classmethod
    def from_rpc(
        cls,
        error: grpc.aio.AioRpcError,
        asked: Asked = _NOTHING,
        *,
        target: str = "",
        late: bool = False,
    ) -> Self:
        """Translates a failed call.

        :param target: the gateway peer that was asked
        :param late: the call's deadline was over. A peer that notices it first resets the stream, which reads CANCELLED
            although it was the deadline
        """
        code = error.code()
        if late and code is grpc.StatusCode.CANCELLED:
            code = grpc.StatusCode.DEADLINE_EXCEEDED
        failure = Failure(code, error.details() or "", error_details(error))
        found = diagnose(failure, asked)
        words = details_words(failure.details)
        said = f"{failure.code.name}: {failure.text}" + (f" ({words})" if words else "")
        what = f"{found.what}. The peer says {said}" if found.what else said
        contract_reason, contract_message = failure.contract or (None, None)
        return cls(
            f"{cls.stage} failed at {target or 'the ledger'}: {what}",
            reason=found.reason,
            remedy=found.remedy,
            txid=asked.txid,
            code=failure.code.name,
            details_list=failure.details,
            contract_reason=contract_reason,
            contract_message=contract_message,
            retryable=found.retryable,
            outcome_unknown=cls.unknown_after(failure.code),
        )

    def explained(self, other: LedgerError) -> Self:
        """The same failure with the better reason that another call gave."""
        return type(self)(
            f"{self.message}. {other.message}",
            reason=other.reason,
            remedy=other.remedy,
            txid=self.txid,
            code=self.code,
            details_list=self.details_list,
        )

    @classmethod
    def unknown_after(cls, code: grpc.StatusCode) -> bool:
        """Whether a call of this stage that failed so may still have had its effect."""
        return False


class EvaluateError(LedgerError):
    """A query failed. Queries change nothing."""

    stage = "evaluate"


class EndorseError(LedgerError):
    """A proposal was not endorsed. Nothing was written."""

    stage = "endorse"


class SubmitError(LedgerError):
    """A transaction was not accepted by an orderer, or it is not known whether it was
    (``outcome_unknown``)."""

    stage = "submit"

    @classmethod
    def unknown_after(cls, code: grpc.StatusCode) -> bool:
        # A gateway peer answers UNAVAILABLE and DEADLINE_EXCEEDED also after an orderer got the envelope,
        # and a connection that breaks says nothing about what was done before.
        return code not in _REFUSED_BEFORE_ORDERING


class CommitStatusError(LedgerError):
    """The commit status could not be learnt. The transaction was handed over before: its outcome is
    unknown."""

    stage = "commit status"

    @classmethod
    def unknown_after(cls, code: grpc.StatusCode) -> bool:
        return True


class StreamError(LedgerError):
    """A stream of blocks or events cannot go on, and asking again would not help."""

    stage = "stream"


class UnreadableError(LedgerError):
    """Bytes that should be a message of the ledger cannot be read."""

    stage = "decode"
    reason = "LEDGER_UNREADABLE"


class NotSignedError(LedgerError):
    """A stage needs a signature, and the identity has no key: sign the stage's bytes elsewhere and hand it
    in."""

    stage = "sign"
    reason = "NOT_SIGNED"


class CommitError(LedgerError):
    """A transaction is in a block and invalid: it had no effect and its id is used up.

    :param validation_code: Fabric's TxValidationCode
    :param block: number of the block
    """

    stage = "commit"
    reason = "TRANSACTION_INVALID"

    def __init__(self, txid: str, validation_code: int, block: int) -> None:
        conflict = validation_code in _CONFLICTS
        self.validation_code = validation_code
        self.code_name = code_name(validation_code)
        self.block = block
        super().__init__(
            f"transaction {txid} is in block {block} with code {validation_code} ({self.code_name})",
            reason="TRANSACTION_CONFLICT" if conflict else None,
            remedy="Propose it again; the contract sees the new state." if conflict else "",
            txid=txid,
            retryable=conflict,
        )


class OutcomeUnknown(LedgerError, OutcomeUnknownError):  # noqa: N818 - named after the state
    """It is not known whether a transaction is on the ledger. Look its id up later; the same bytes may be
    sent again."""

    stage = "commit"
    reason = "OUTCOME_UNKNOWN"

    def __init__(self, txid: str, message: str = "") -> None:
        super().__init__(
            message or f"it is not known whether transaction {txid} is on the ledger",
            remedy="Look it up by its id, or submit the same bytes again.",
            txid=txid,
            retryable=True,
            outcome_unknown=True,
        )


_REFUSED_BEFORE_ORDERING = frozenset(
    {
        grpc.StatusCode.INVALID_ARGUMENT,
        grpc.StatusCode.FAILED_PRECONDITION,
        grpc.StatusCode.PERMISSION_DENIED,
        grpc.StatusCode.UNAUTHENTICATED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.NOT_FOUND,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,  # an orderer's refusal with a 4xx status
    }
)
_BROKEN_CONNECTION = ("RST_STREAM", "Stream removed", "Socket closed", "GOAWAY")


def code_name(validation_code: int) -> str:
    """Fabric's name of a validation code, or its number where Fabric has no name."""
    try:
        return transaction_pb2.TxValidationCode.Name(
            transaction_pb2.TxValidationCode.ValueType(validation_code)
        )
    except ValueError:
        return str(validation_code)


def connection_broke(error: grpc.aio.AioRpcError) -> bool:
    """Whether the connection broke or never stood: another peer, or the same one later, may answer."""
    code = error.code()
    if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED):
        return True
    text = error.details() or ""
    return code in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN) and any(
        words in text for words in _BROKEN_CONNECTION
    )


def error_details(error: grpc.aio.AioRpcError) -> tuple[ErrorDetail, ...]:
    """The nodes' own words of a failed call; empty when there are none or they cannot be read."""
    found: list[ErrorDetail] = []
    for name, value in error.trailing_metadata() or ():
        if name != _DETAILS_TRAILER or not isinstance(value, bytes):
            continue
        try:
            for packed in status_pb2.Status.FromString(value).details:
                detail = gateway_pb2.ErrorDetail()
                if packed.Unpack(detail):
                    found.append(ErrorDetail(detail.address, detail.msp_id, detail.message))
        except DecodeError:
            continue
    return tuple(found)
