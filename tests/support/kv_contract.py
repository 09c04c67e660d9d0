"""A key/value contract with one function per thing that a host must be able to do."""

from __future__ import annotations

import asyncio
import hashlib
import json

from chaincode.state import Context, Response, StateError, composite_key, split_composite_key


class KvContract:
    """Implements ``chaincode.state.Contract``."""

    async def invoke(self, context: Context) -> Response:
        """Calls the method of the function's name."""
        call = getattr(self, f"do_{context.function}", None)
        if call is None:
            return Response(400, message=f"UNKNOWN_FUNCTION: {context.function}")
        result: Response = await call(context, *(arg.decode() for arg in context.args))
        return result

    async def do_put(self, context: Context, key: str, value: str) -> Response:
        """Writes without reading."""
        context.state.put(key, value.encode())
        return Response(200, value.encode())

    async def do_get(self, context: Context, key: str) -> Response:
        """Reads one key."""
        value = await context.state.get(key)
        return Response(404, message=f"NOT_FOUND: {key}") if value is None else Response(200, value)

    async def do_update(self, context: Context, key: str, value: str) -> Response:
        """Reads, then writes."""
        before = await context.state.get(key)
        context.state.put(key, value.encode())
        return Response(200, before or b"")

    async def do_many(self, context: Context, prefix: str, count: str, size: str) -> Response:
        """Put-if-absent of many keys, as a registration does it."""
        keys = [f"{prefix}{number:06d}" for number in range(int(count))]
        found = await context.state.get_many(keys)
        written = 0
        for key, value in zip(keys, found, strict=True):
            if value is None:
                context.state.put(key, key.encode() + b"x" * max(0, int(size) - len(key)))
                written += 1
        context.stub.set_event("many", str(written).encode())
        return Response(200, str(written).encode())

    async def do_get_many(self, context: Context, *keys: str) -> Response:
        """Reads many keys."""
        values = await context.state.get_many(keys)
        return _json([None if value is None else value.decode() for value in values])

    async def do_put_pair(self, context: Context, value: str, prefix: str = "pair") -> Response:
        """Writes the same to two keys."""
        context.state.put(f"{prefix}-left", value.encode())
        context.state.put(f"{prefix}-right", value.encode())
        return Response(200)

    async def do_get_pair(self, context: Context, prefix: str = "pair") -> Response:
        """Reads the two keys, with a pause in between."""
        left = await context.state.get(f"{prefix}-left") or b""
        await asyncio.sleep(0.005)
        right = await context.state.get(f"{prefix}-right") or b""
        return _json([left.decode(), right.decode()])

    async def do_delete(self, context: Context, key: str) -> Response:
        """Deletes."""
        context.state.delete(key)
        return Response(200)

    async def do_range(self, context: Context, start: str, end: str, limit: str = "0") -> Response:
        """Lists a range, at most ``limit`` of it when that is not 0."""
        found = []
        async for item in context.state.range(start, end):
            found.append([item.key, item.value.decode()])
            if len(found) == int(limit):
                break
        return _json(found)

    async def do_count(self, context: Context, start: str, end: str, into: str) -> Response:
        """Counts a range and writes the count outside of it."""
        number = 0
        async for _ in context.state.range(start, end):
            number += 1
        context.state.put(into, str(number).encode())
        return Response(200, str(number).encode())

    async def do_page(self, context: Context, start: str, end: str, size: str, bookmark: str) -> Response:
        """One page of a range."""
        page = await context.stub.range_page(start, end, int(size), bookmark)
        return _json([[item.key for item in page.items], page.bookmark])

    async def do_page_and_put(self, context: Context, start: str = "a", end: str = "b") -> Response:
        """Mixes what cannot be mixed."""
        await context.stub.range_page(start, end, 1, "")
        context.state.put(start, b"x")
        return Response(200)

    async def do_put_and_page(self, context: Context, start: str, end: str) -> Response:
        """The same the other way round, below the overlay."""
        await context.stub.write_many({start: b"x"})
        page = await context.stub.range_page(start, end, 1, "")
        return _json([item.key for item in page.items])

    async def do_own_writes(self, context: Context, key: str, value: str) -> Response:
        """Writes, and reads above and below the overlay, which a host must not see through."""
        await context.stub.write_many({key: value.encode()})
        below = (await context.stub.get_many([key]))[0]
        context.state.put(key, value.encode() + b"!")
        above = await context.state.get(key)
        listed = [item.key async for item in context.stub.range(key, key + "~")]
        return _json([_text(below), _text(above), listed])

    async def do_delete_then_get(self, context: Context, key: str) -> Response:
        """Deletes, and reads above the overlay."""
        context.state.delete(key)
        return _json(_text(await context.state.get(key)))

    async def do_put_then_range(self, context: Context, key: str, start: str, end: str) -> Response:
        """Writes, and lists a range above the overlay."""
        context.state.put(key, b"x")
        return _json([item.key async for item in context.state.range(start, end)])

    async def do_put_composite(self, context: Context, value: str, *parts: str) -> Response:
        """Writes under a composite key."""
        context.state.put(composite_key(*parts), value.encode())
        return Response(200)

    async def do_list_composite(self, context: Context, *parts: str) -> Response:
        """Lists composite keys that begin with these parts."""
        found = []
        async for item in context.state.by_partial_key(*parts):
            kind, attributes = split_composite_key(item.key)
            found.append([kind, *attributes, item.value.decode()])
        return _json(found)

    async def do_put_odd(self, context: Context, which: str) -> Response:
        """Writes a key that cannot be."""
        context.state.put({"surrogate": "\ud800", "empty": ""}[which], b"x")
        return Response(200)

    async def do_history(self, context: Context, key: str) -> Response:
        """A key's past values, newest first."""
        found = [
            [item.txid, None if item.is_delete else item.value.decode(), item.timestamp.seconds]
            async for item in context.state.history(key)
        ]
        return _json(found)

    async def do_query(self, context: Context, query: str) -> Response:
        """A rich query."""
        return _json([item.key async for item in context.stub.query(query)])

    async def do_query_page(self, context: Context, query: str, size: str) -> Response:
        """One page of a rich query."""
        page = await context.stub.query_page(query, int(size), "")
        return _json([[item.key for item in page.items], page.bookmark])

    async def do_event(self, context: Context, name: str, payload: str) -> Response:
        """Sets an event and writes one key of its own."""
        context.state.put(f"event-{context.stub.txid}", payload.encode())
        context.stub.set_event(name, payload.encode())
        return Response(200)

    async def do_two_events(self, context: Context, first: str, second: str) -> Response:
        """Sets two events: the last counts."""
        context.stub.set_event(first, b"1")
        context.stub.set_event(second, b"2")
        return Response(200)

    async def do_fail_with_event(self, context: Context, name: str) -> Response:
        """Sets an event and fails."""
        context.stub.set_event(name, b"x")
        return Response(400, message="no")

    async def do_fail(self, context: Context, status: str, message: str) -> Response:
        """Answers with a status of the caller's choice."""
        context.state.put("never", b"written")
        return Response(int(status), b"payload", message)

    async def do_raise(self, context: Context, message: str) -> Response:
        """Raises."""
        raise StateError(message)

    async def do_slow(self, context: Context, seconds: str) -> Response:
        """Takes its time."""
        await asyncio.sleep(float(seconds))
        return Response(200)

    async def do_whoami(self, context: Context, *_: str) -> Response:
        """What the host says of the caller and the transaction."""
        stub = context.stub
        transient = {name: value.decode() for name, value in stub.transient.items()}
        digest = hashlib.sha256(stub.creator.certificate).hexdigest()
        return _json(
            [
                stub.creator.msp_id,
                stub.channel,
                stub.txid,
                stub.timestamp.seconds,
                transient,
                digest,
                [arg.decode() for arg in stub.args],
            ]
        )

    async def do_put_private(self, context: Context, collection: str, key: str) -> Response:
        """Writes the transient value."""
        context.state.put(key, context.stub.transient["value"], collection)
        return Response(200)

    async def do_get_private(self, context: Context, collection: str, key: str) -> Response:
        """Reads a private value."""
        value = await context.state.get(key, collection)
        return Response(404, message="NOT_FOUND") if value is None else Response(200, value)

    async def do_hash_private(self, context: Context, collection: str, key: str) -> Response:
        """Reads a private value's hash."""
        value = await context.stub.get_private_hash(collection, key)
        return Response(404, message="NOT_FOUND") if value is None else Response(200, value)

    async def do_known_private(self, context: Context, collection: str, *keys: str) -> Response:
        """Which private values there are, by their hashes."""
        return _json([await context.stub.get_private_hash(collection, key) is not None for key in keys])

    async def do_delete_private(self, context: Context, collection: str, key: str) -> Response:
        """Deletes a private value."""
        context.state.delete(key, collection)
        return Response(200)

    async def do_purge_private(self, context: Context, collection: str, key: str) -> Response:
        """Removes a private value and its history."""
        await context.stub.purge_private(collection, key)
        return Response(200)

    async def do_range_private(self, context: Context, collection: str, start: str, end: str) -> Response:
        """Lists private keys."""
        return _json([item.key async for item in context.stub.range(start, end, collection)])

    async def do_query_and_put_private(self, context: Context, collection: str, key: str) -> Response:
        """Queries private values, then writes."""
        listed = [item.key async for item in context.stub.range(key, key + "~", collection)]
        await context.stub.write_many({key: b"x"})
        return _json(listed)

    async def do_put_and_query_private(self, context: Context, collection: str, key: str) -> Response:
        """Writes, then queries private values."""
        await context.stub.write_many({key: b"x"})
        return _json([item.key async for item in context.stub.range(key, key + "~", collection)])

    async def do_set_private_metadata(
        self, context: Context, collection: str, key: str, name: str, value: str
    ) -> Response:
        """Sets the metadata of a private value; the value is hex."""
        await context.stub.set_metadata(key, name, bytes.fromhex(value), collection)
        return Response(200)

    async def do_set_metadata(self, context: Context, key: str, name: str, value: str) -> Response:
        """Sets state metadata; the value is hex."""
        await context.stub.set_metadata(key, name, bytes.fromhex(value))
        return Response(200)

    async def do_get_metadata(self, context: Context, key: str) -> Response:
        """Reads state metadata."""
        found = await context.stub.get_metadata(key)
        return _json({name: value.hex() for name, value in found.items()})

    async def do_call(self, context: Context, chaincode: str, *args: str) -> Response:
        """Calls another chaincode and hands its answer on."""
        return await context.stub.invoke_chaincode(chaincode, [arg.encode() for arg in args])

    async def do_call_twice(self, context: Context, chaincode: str, key: str) -> Response:
        """Calls another chaincode two times, one after the other."""
        first = await context.stub.invoke_chaincode(chaincode, [b"put", key.encode(), b"1"])
        second = await context.stub.invoke_chaincode(chaincode, [b"get", key.encode()])
        return _json([first.status, second.status])

    async def do_call_channel(self, context: Context, channel: str) -> Response:
        """Calls into another channel."""
        return await context.stub.invoke_chaincode("kv", [b"get", b"a"], channel)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _json(value: object) -> Response:
    return Response(200, json.dumps(value).encode())
