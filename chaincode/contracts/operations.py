"""How every function runs: envelope, items one by one, exactly once, one event.

A writing function:

1. The request is one JSON object ``{"op", "items"}``; anything else refuses the call.
2. Each item is checked against its shape; a bad one is refused by itself.
3. All that the items and the operation need is read at once.
4. An operation known by its id answers its stored results, or refuses the call when the request's bytes differ.
5. The items are worked off in order.
6. The operation is stored with its results, the event is set, and response and event say the same.

A reading function checks the whole request and answers; it writes nothing and sets no event.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson

from chaincode.contracts import records
from chaincode.contracts.call import Answer, Call, CallRefusedError, Item, Keys, RefusedError, Result, Work
from chaincode.contracts.keys import operation_key
from chaincode.state import Response
from consortium.contract import reasons
from consortium.contract.codec import decode, encode
from consortium.contract.common import envelope
from consortium.contract.names import MAX_REQUEST_BYTES
from consortium.contract.schema import Check, SchemaError


def _nothing_more(item: Item) -> Result | None:
    return None


@dataclass(frozen=True, slots=True)
class Writer:
    """A function that writes.

    :ivar event: name of its event
    :ivar most: items that one call may have
    :ivar item: shape of an item
    :ivar keys: what to read before anything else, for all items at once
    :ivar work: results of the items, in order
    :ivar plain: the result that need not be stored with the operation, as the item tells it
    """

    event: str
    most: int
    item: Check
    keys: Keys
    work: Work
    plain: Callable[[Item], Result | None] = _nothing_more

    async def run(self, call: Call, function: str, body: bytes) -> Response:
        """Runs one call."""
        request = _request(body)
        problem = envelope(request, self.most)  # 1
        if problem:
            raise CallRefusedError(reasons.BAD_REQUEST, problem)
        items: list[Item] = request["items"]
        refused: dict[int, Result] = {}
        for index, item in enumerate(items):  # 2
            try:
                self.item(item)
            except SchemaError as error:
                refused[index] = RefusedError(reasons.INVALID_ITEM, error.at("item")).result()
        good = [item for index, item in enumerate(items) if index not in refused] if refused else items
        operation = operation_key(call.msp, request["op"])
        await call.state.get_many([operation, *self.keys(call, good)])  # 3
        digest = sha256(function.encode() + b"\x00" + body).hexdigest()
        stored = call.state.known(operation)
        if stored is not None:
            return Response(200, self._replay(records.load(records.OPERATION, stored), digest, items))  # 4
        worked = iter(await self.work(call, good))  # 5
        results = [refused[index] if index in refused else next(worked) for index in range(len(items))]
        odd = {  # 6
            str(index): result
            for index, result in enumerate(results)
            if index in refused or result != self.plain(items[index])
        }
        record = {"digest": digest, "txid": call.txid, "odd": odd, "changed": call.changed}
        call.state.put(operation, records.dump(records.OPERATION, record))
        return self._close(call, function, results)

    def _close(self, call: Call, function: str, results: list[Result]) -> Response:
        answer: dict[str, Any] = {"txid": call.txid, "results": results}
        if call.changed:
            answer["changed"] = call.changed
        payload = encode(answer)
        if call.changed:
            event = encode({**answer, "fn": function})
        else:  # "fn" comes before "results": no second dump of a thousand results
            event = b'{"fn":%b,%b' % (orjson.dumps(function), payload[1:])
        call.context.stub.set_event(self.event, event)
        return Response(200, payload)

    def _replay(self, record: records.Record, digest: str, items: list[Item]) -> bytes:
        if record["digest"] != digest:
            raise CallRefusedError(
                reasons.OPERATION_ID_REUSED, "this operation id was used for a request with other bytes"
            )
        odd = record["odd"]
        results = [
            odd[str(index)] if str(index) in odd else self.plain(item) for index, item in enumerate(items)
        ]
        answer = {"txid": record["txid"], "results": results, "replayed": True}
        if record["changed"]:
            answer["changed"] = record["changed"]
        return encode(answer)


@dataclass(frozen=True, slots=True)
class Reader:
    """A function that only reads: shape of its request, and its answer."""

    request: Check
    answer: Answer

    async def run(self, call: Call, function: str, body: bytes) -> Response:
        """Runs one call."""
        request = _request(body)
        try:
            self.request(request)
        except SchemaError as error:
            raise CallRefusedError(reasons.BAD_REQUEST, error.at("request")) from error
        return Response(200, encode(await self.answer(call, request)))


def _request(body: bytes) -> dict[str, Any]:
    if len(body) > MAX_REQUEST_BYTES:
        raise CallRefusedError(reasons.BAD_REQUEST, f"a request has at most {MAX_REQUEST_BYTES} bytes")
    try:
        return decode(body)
    except ValueError as error:
        raise CallRefusedError(reasons.BAD_REQUEST, "the request must be one JSON object") from error
