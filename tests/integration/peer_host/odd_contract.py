"""A contract that does what contracts should not do, one function each."""

from __future__ import annotations

import asyncio
from typing import Any

from chaincode.caller import attributes, common_name, organisational_units
from chaincode.state import Context, Response, StateError

RAISED: dict[str, type[BaseException]] = {
    each.__name__: each
    for each in (
        ValueError,
        StateError,
        MemoryError,
        RecursionError,
        asyncio.CancelledError,
        SystemExit,
        KeyboardInterrupt,
        GeneratorExit,
        StopAsyncIteration,
    )
}
ANSWERS: dict[str, Any] = {
    "none": None,
    "text": "fine",
    "status": Response("200"),  # type: ignore[arg-type]
    "huge status": Response(2**40),
    "payload": Response(200, "text"),  # type: ignore[arg-type]
    "no message": Response(200, message=None),  # type: ignore[arg-type]
}


class OddContract:
    """Implements ``chaincode.state.Contract``."""

    def __init__(self) -> None:
        self.started = asyncio.Event()
        self.go_on = asyncio.Event()
        self.cancelled = 0
        self.late: list[BaseException] = []
        self.tasks: list[asyncio.Task[Any]] = []

    async def invoke(self, context: Context) -> Response:
        """Calls the method of the function's name."""
        call = getattr(self, f"do_{context.function}")
        result: Response = await call(context, *(arg.decode() for arg in context.args))
        return result

    async def do_raise(self, context: Context, name: str) -> Response:
        """Raises what Python has."""
        context.state.put("never", b"written")
        raise RAISED[name]("on purpose")

    async def do_recurse(self, context: Context) -> Response:
        """Runs out of stack."""
        return await self.do_recurse(context)

    async def do_answer(self, context: Context, name: str) -> Response:
        """Answers with what is no answer."""
        found: Response = ANSWERS[name]
        return found

    async def do_surrogate(self, context: Context) -> Response:
        """A message that is no text."""
        return Response(400, message="half \ud800 a character")

    async def do_large(self, context: Context, size: str) -> Response:
        """Answers much."""
        return Response(200, bytes(int(size)))

    async def do_put_large(self, context: Context, size: str) -> Response:
        """Writes much."""
        context.state.put("large", bytes(int(size)))
        return Response(200)

    async def do_gather(self, context: Context, *keys: str) -> Response:
        """Asks several questions at once."""
        found = await asyncio.gather(*(context.state.get(key) for key in keys))
        return Response(200, b",".join(value or b"-" for value in found))

    async def do_impatient(self, context: Context) -> Response:
        """Gives up a question, then asks another."""
        try:
            async with asyncio.timeout(0.02):
                await context.state.get("slow")
        except TimeoutError:
            self.started.set()
        return Response(200, await context.state.get("quick") or b"nothing")

    async def do_half(self, context: Context, function: str) -> Response:
        """Leaves queries half read, and goes on."""
        rows = context.state.range("k", "l") if function == "range" else context.state.history("k")
        async for _ in rows:
            break
        return Response(200, await context.state.get("quick") or b"nothing")

    async def do_half_then_raise(self, context: Context) -> Response:
        """Leaves a query half read, and fails."""
        async for _ in context.state.range("k", "l"):
            raise StateError("enough")
        return Response(200)

    async def do_leave_task(self, context: Context) -> Response:
        """Ends before what it started has ended."""

        async def later() -> None:
            await self.go_on.wait()
            try:
                await context.state.get("late")
            except BaseException as error:
                self.late.append(error)

        self.tasks.append(asyncio.create_task(later()))
        return Response(200)

    async def do_wait(self, context: Context) -> Response:
        """Runs until it is told to go on."""
        self.started.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        context.state.put("waited", b"yes")
        return Response(200, b"waited")

    async def do_stubborn(self, context: Context) -> Response:
        """Does not let itself be cancelled, and asks on."""
        self.started.set()
        try:
            await self.go_on.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
        return Response(200, await context.state.get("quick") or b"nothing")

    async def do_who(self, context: Context) -> Response:
        """What the certificate says."""
        creator = context.stub.creator
        said = [common_name(creator), *organisational_units(creator), *sorted(attributes(creator).items())]
        return Response(200, repr(said).encode())

    async def do_metadata(self, context: Context, collection: str) -> Response:
        """Sets and reads a key's metadata."""
        await context.stub.set_metadata("k", "VALIDATION_PARAMETER", b"policy", collection)
        found = await context.stub.get_metadata("k", collection)
        return Response(200, repr(dict(found)).encode())

    async def do_private(self, context: Context) -> Response:
        """Everything that can be done with a private value."""
        stub, name = context.stub, "secrets"
        await stub.write_many({"a": b"1", "b": b"2", "c": b"3"}, name)
        await stub.write_many({"b": None}, name)
        await stub.purge_private(name, "c")
        found = await stub.get_many(["a", "b"], name)
        digest = await stub.get_private_hash(name, "a")
        missing = await stub.get_private_hash(name, "b")
        keys = [item.key async for item in stub.range("", "", name)]
        return Response(200, repr((found, digest and digest.hex()[:8], missing, keys)).encode())

    async def do_call(self, context: Context, name: str, channel: str) -> Response:
        """Calls another chaincode."""
        return await context.stub.invoke_chaincode(name, [b"f", b"\xff"], channel)

    async def do_query_page(self, context: Context, query: str) -> Response:
        """One page of a rich query."""
        page = await context.stub.query_page(query, 2, "mark")
        return Response(200, repr(([item.key for item in page.items], page.bookmark)).encode())

    async def do_pages(self, context: Context, size: str) -> Response:
        """All pages of a range."""
        seen: list[list[str]] = []
        bookmark = ""
        while True:
            page = await context.stub.range_page("k", "l", int(size), bookmark)
            seen.append([item.key for item in page.items])
            bookmark = page.bookmark
            if not bookmark:
                return Response(200, repr(seen).encode())

    async def do_partial(self, context: Context) -> Response:
        """Composite keys by their beginning."""
        return Response(
            200, repr([item.key async for item in context.state.by_partial_key("t", "a")]).encode()
        )

    async def do_events(self, context: Context, status: str) -> Response:
        """Sets two events; the last counts, of a transaction that succeeds."""
        context.stub.set_event("first", b"1")
        context.stub.set_event("second", b"2")
        return Response(int(status))
