"""What a failed call means: gRPC's code and the peers' own words become one reason, one sentence and one remedy.

Pure. Fabric says most things in words only, and the same code means different things: UNAVAILABLE may be a
dead peer, an unknown channel or an organisation without peers. The words are those of Fabric 2.5 to 3.1; what
is not recognised keeps the code's meaning, so another wording costs clearness and nothing else.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import grpc
from cryptography import x509
from google.protobuf.message import DecodeError

from consortium.wire.fabric.msp import identities_pb2

MISMATCH: Final = "ProposalResponsePayloads do not match"
CONTRACT_TIME: Final = "TRANSACTION_TIME"
"""Reason with which our chaincode hosts refuse a proposal whose time is more than five minutes off."""

_CHAINCODE_RESPONSE = re.compile(r"chaincode response (\d+), (.*)", re.DOTALL)
_CONTRACT_REASON = re.compile(r"([A-Z][A-Z0-9_]{2,63}): (.*)", re.DOTALL)
_NO_PEERS = re.compile(r"failed to find any endorsing peers for org\(s\): ([^\n]*)")
_PARTLY: Final = "failed to collect enough transaction endorsements"
_DENIED: Final = (grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.UNAUTHENTICATED)
_GONE: Final = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
_UNREADABLE: Final = (ValueError, TypeError, DecodeError)


class ErrorDetail(NamedTuple):
    """Why one node refused.

    :param address: host and port of the node, as it names itself
    :param msp_id: the node's organisation
    :param message: what it said
    """

    address: str
    msp_id: str
    message: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call was about.

    :param organisations: MSP ids that had to answer; empty when the peer chose
    :param creator: serialized identity that signed
    """

    txid: str = ""
    channel: str = ""
    chaincode: str = ""
    organisations: tuple[str, ...] = ()
    creator: bytes = b""


class ContractWords(NamedTuple):
    """What the contract itself answered; ``reason`` is None when its text does not begin with one."""

    reason: str | None
    message: str


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is wrong.

    :param retryable: the same may be tried again with hope of success
    :param what: a sentence; empty when only the peers' words say it
    """

    reason: str
    retryable: bool
    what: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call as the wire shows it."""

    code: grpc.StatusCode
    text: str
    details: tuple[ErrorDetail, ...] = ()

    @property
    def words(self) -> str:
        """What the peers said themselves: a contract's words may be anything, and mean nothing here."""
        texts = (self.text, *(detail.message for detail in self.details))
        return "\n".join(text for text in texts if not _CHAINCODE_RESPONSE.search(text))

    @property
    def contract(self) -> ContractWords | None:
        """The contract's own answer, from the first text that quotes one."""
        for text in (self.text, *(detail.message for detail in self.details)):
            quoted = _CHAINCODE_RESPONSE.search(text)
            if quoted is None:
                continue
            named = _CONTRACT_REASON.match(quoted.group(2))
            return ContractWords(*named.groups()) if named else ContractWords(None, quoted.group(2))
        return None


def diagnose(failure: Failure, asked: Asked) -> Diagnosis:
    """The first rule that fits, in an order from the particular to the general."""
    for rule in (_by_words, _by_contract, _by_endorsers):
        found = rule(failure, asked)
        if found is not None:
            return found
    return _by_code(failure, asked)


def _overloaded() -> Diagnosis:
    return Diagnosis(
        "LEDGER_OVERLOADED",
        True,
        "the peer's limit of concurrent calls is reached",
        "Ask again later, with fewer calls at once.",
    )


def _too_large() -> Diagnosis:
    return Diagnosis(
        "MESSAGE_TOO_LARGE", False, "the message is above the size limit", "Send less in one call."
    )


def _expired(asked: Asked, ends: dt.datetime | None = None) -> Diagnosis:
    when = f" (valid until {ends:%Y-%m-%d %H:%M:%S} UTC)" if ends else ""
    return Diagnosis(
        "IDENTITY_EXPIRED",
        False,
        f"the certificate of {_who(asked)} is outside of its validity{when}",
        "Enrol the identity again and put the new certificate into its MSP folder; then check this clock.",
    )


def clock_off() -> Diagnosis:
    """This clock is too far off."""
    return Diagnosis(
        "CLOCK_OFF",
        False,
        "this machine's clock is further off the peers' than they allow",
        "Set this machine's clock (NTP), then propose it again.",
    )


def _channel_missing(asked: Asked) -> Diagnosis:
    return Diagnosis(
        "CHANNEL_NOT_FOUND",
        False,
        f"the gateway peer is not on a channel {asked.channel!r}",
        "Check the channel's name, and that the peer has joined it.",
    )


def _chaincode_missing(asked: Asked) -> Diagnosis:
    return Diagnosis(
        "CHAINCODE_NOT_FOUND",
        False,
        f"no peer runs a chaincode {asked.chaincode!r} on channel {asked.channel!r}",
        "Check the chaincode's name, that its definition is committed, and that it is installed on the peers.",
    )


def _no_endorsers(asked: Asked, missing: str = "") -> Diagnosis:
    """``missing``: the organisations without peers, where the peer names them."""
    who = missing or " or ".join(asked.organisations)
    who = f"of {who}" if who else "that satisfy the endorsement policy and"
    return Diagnosis(
        "ENDORSERS_NOT_FOUND",
        True,
        f"the gateway peer knows no peers {who} that run {asked.chaincode!r} on {asked.channel!r}",
        "Check the MSP ids, the channel's and the chaincode's name, and that those organisations' peers are up.",
    )


def denied(asked: Asked) -> Diagnosis:
    """A peer that only says no: our own certificate may say why."""
    now = dt.datetime.now(dt.UTC)
    validity = _validity(asked.creator)
    if validity is not None and not validity[0] <= now <= validity[1]:
        return _expired(asked, validity[1])
    return Diagnosis(
        "LEDGER_DENIED",
        False,
        f"the policies of channel {asked.channel!r} do not let {_who(asked)} do this, or do not take its "
        "certificate or signature for that organisation's",
        "Check MSP id, certificate, key and role (OU) of the identity, then the channel's policies.",
    )


def msp_of(creator: bytes) -> str:
    """MSP id of a serialized identity; empty when the bytes are none."""
    try:
        return identities_pb2.SerializedIdentity.FromString(creator).mspid
    except DecodeError:
        return ""


def _validity(creator: bytes) -> tuple[dt.datetime, dt.datetime] | None:
    try:
        pem = identities_pb2.SerializedIdentity.FromString(creator).id_bytes
        certificate = x509.load_pem_x509_certificate(pem)
    except _UNREADABLE:
        return None
    return certificate.not_valid_before_utc, certificate.not_valid_after_utc


def _who(asked: Asked) -> str:
    return msp_of(asked.creator) or "this identity"


_WORDS: Final[tuple[tuple[tuple[str, ...], Callable[[Asked], Diagnosis]], ...]] = (
    (("too many requests for", "exceeding concurrency limit"), lambda asked: _overloaded()),
    (("incorrect timestamp",), lambda asked: clock_off()),
    (("client identity expired",), _expired),
    (("larger than max", "exceeds maximum allowed"), lambda asked: _too_large()),
    (
        ("creator org unknown",),
        lambda asked: Diagnosis(
            "IDENTITY_UNKNOWN",
            False,
            f"no organisation of channel {asked.channel!r} is known as {_who(asked)}, or another CA issued "
            "the certificate",
            "Check the MSP id, and that the certificate is of that organisation's CA.",
        ),
    ),
    (
        ("access denied: channel",),
        lambda asked: Diagnosis(
            "IDENTITY_REFUSED",
            False,
            f"the peers refuse the identity of {_who(asked)}: its certificate is not valid there (another "
            "CA, revoked, no role), or the signature is not its key's",
            "Check certificate, key and MSP id; the peer's log says which of them it was.",
        ),
    ),
    (
        ("failed to get config for channel", "Failed to get policy manager for channel", "' not found"),
        _channel_missing,
    ),
    (("implicit policy evaluation failed", "status=FORBIDDEN"), denied),
    (
        (
            "No metadata was found for chaincode",
            "has been successfully defined on channel",
            "chaincode definition for",
        ),
        _chaincode_missing,
    ),
    (("due to unavailability of peers",), _no_endorsers),
)


def _by_words(failure: Failure, asked: Asked) -> Diagnosis | None:
    words = failure.words
    if MISMATCH in words:
        return Diagnosis(
            "ENDORSEMENT_MISMATCH",
            True,
            "the endorsing peers' answers differ: they are a block apart, or run different contracts",
            "Propose it again; when it stays so, compare the organisations' chaincode servers.",
        )
    for phrases, made in _WORDS:
        if any(phrase in words for phrase in phrases):
            return made(asked)
    if unknown := _NO_PEERS.search(words):
        return _no_endorsers(asked, unknown.group(1))
    if "no peers available to evaluate" in words:
        return _no_endorsers(asked) if asked.organisations else _chaincode_missing(asked)
    return None


def _by_contract(failure: Failure, asked: Asked) -> Diagnosis | None:
    contract = failure.contract
    if contract is None:
        return None
    if contract.reason == CONTRACT_TIME:
        return clock_off()
    if _PARTLY in failure.text and _some_endorsed(failure, asked):
        refused = ", ".join(sorted({detail.msp_id for detail in failure.details}))
        return Diagnosis(
            "ENDORSEMENT_MISMATCH",
            True,
            f"{refused} refused what the other organisations endorsed: they are a block apart, or run "
            "different contracts",
            "Propose it again; when it stays so, compare the organisations' chaincode servers.",
        )
    return Diagnosis("CONTRACT_REFUSED", False)


def _some_endorsed(failure: Failure, asked: Asked) -> bool:
    """Without named organisations "collect" comes after a first endorsement."""
    refused = {detail.msp_id for detail in failure.details}
    return not asked.organisations or not refused.issuperset(asked.organisations)


def _by_endorsers(failure: Failure, asked: Asked) -> Diagnosis | None:
    words = failure.words
    if "no combination of peers can be derived" in words or "no endorsers found" in words:
        return _no_endorsers(asked)
    if failure.code is not grpc.StatusCode.ABORTED or not failure.details:
        return None
    who = ", ".join(sorted({detail.msp_id for detail in failure.details}))
    return Diagnosis(
        "ENDORSER_FAILED",
        True,
        f"the peers of {who} could not run the chaincode",
        "Check those organisations' chaincode servers; ask again when they answer.",
    )


def _by_code(failure: Failure, asked: Asked) -> Diagnosis:
    code = failure.code
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return Diagnosis(
            "LEDGER_TIMEOUT", True, "no answer in time", "Ask again, or give the stage a longer deadline."
        )
    if code in _GONE:
        return Diagnosis(
            "LEDGER_UNAVAILABLE", True, "", "Check the gateway peers' addresses, then ask again."
        )
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return _overloaded()
    if code in _DENIED:
        return denied(asked)
    # An endorser that fails without the contract having answered may be restarting.
    return Diagnosis("LEDGER_REFUSED", code is grpc.StatusCode.ABORTED)


def details_words(details: Sequence[ErrorDetail]) -> str:
    """The nodes' own words in one line."""
    return "; ".join(f"{detail.msp_id} at {detail.address}: {detail.message}" for detail in details)
