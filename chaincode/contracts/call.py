"""One call of the contract, and how it ends: with results, or refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chaincode.state import Context, State

Item = dict[str, Any]
Result = dict[str, Any]


class CallRefusedError(Exception):
    """The whole call is refused; nothing is written."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")


class RefusedError(Exception):
    """One item is refused. Raised before the item has written anything.

    :param facts: what the result says besides, such as ``free``
    """

    def __init__(self, reason: str, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.facts = facts

    def result(self) -> Result:
        """The item's result."""
        return {"status": "refused", "reason": self.reason, "message": self.message, **self.facts}


@dataclass(slots=True)
class Call:
    """What a function works with.

    :ivar now: transaction time, seconds since 1970 UTC: the submitting client's word, checked by the hosts
    :ivar msp: organisation of the transaction's creator, vouched for by the host
    :ivar changed: assets whose shortfall grew, for response and event
    :ivar verifiers: public keys read from parties, as making one costs as much as a verification
    """

    context: Context
    now: int
    txid: str
    msp: str
    changed: list[dict[str, Any]] = field(default_factory=list)
    verifiers: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, context: Context) -> Call:
        """The call of a context."""
        stub = context.stub
        return cls(context=context, now=stub.timestamp.seconds, txid=stub.txid, msp=stub.creator.msp_id)

    @property
    def state(self) -> State:
        """The ledger's state."""
        return self.context.state

    @property
    def transient(self) -> Mapping[str, bytes]:
        """What the caller sent to endorsers only."""
        return self.context.stub.transient


async def each(items: Iterable[Item], one: Callable[[Item], Awaitable[Result]]) -> list[Result]:
    """Results of items, worked off in order; a refused one does not stop the others."""
    results: list[Result] = []
    for item in items:
        try:
            results.append(await one(item))
        except RefusedError as refused:
            results.append(refused.result())
    return results


def require(condition: object, reason: str, message: str, **facts: Any) -> None:
    """Refuses the item unless the condition holds."""
    if not condition:
        raise RefusedError(reason, message, **facts)


Keys = Callable[[Call, Sequence[Item]], Iterable[str]]
Work = Callable[[Call, Sequence[Item]], Awaitable[list[Result]]]
Answer = Callable[[Call, Item], Awaitable[dict[str, Any]]]

__all__ = [
    "Answer",
    "Call",
    "CallRefusedError",
    "Item",
    "Keys",
    "RefusedError",
    "Result",
    "Work",
    "each",
    "require",
]
