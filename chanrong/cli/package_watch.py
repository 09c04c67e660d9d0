"""``chanrong package watch``: what happens to a bank's packages, as it happens."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Annotated

import orjson
import typer
from google.protobuf.json_format import MessageToDict

from chanrong.cli.financing import BankOption
from chanrong.cli.output import DirOption, layout_of, line, note, run_async, styled
from chanrong.sandbox.clients import bank_of, connect, officer_of
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile, load_profile
from consortium.errors import OutcomeUnknownError, UnavailableError
from consortium.rpc.client import AFTER_HEADER, stream
from consortium.wire.chanrong.finance.v1 import finance_pb2, finance_pb2_grpc

RECONNECT_S = 1.0


def watch(
    package: Annotated[str, typer.Argument(help="Only this package; all of the bank's if empty.")] = "",
    bank: BankOption = "",
    after: Annotated[int, typer.Option(min=0, help="Go on after this event's number.")] = 0,
    seconds: Annotated[int, typer.Option(min=0, help="End after so long; 0 is until Ctrl-C.")] = 0,
    directory: DirOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON value per line and event.")] = False,
) -> None:
    """Follow packages: issued, reopened because a fact changed, superseded, revoked."""
    layout = layout_of(directory)
    profile = load_profile(layout)
    note("Watching; Ctrl-C ends it.")
    run_async(lambda: follow(layout, profile, bank, package, after, seconds, as_json=as_json))


async def follow(
    layout: Layout, profile: Profile, bank: str, package: str, after: int, seconds: int, *, as_json: bool
) -> None:
    """Prints events until the time is over. A stream that ends, as each does after a while, is taken up again where
    it was: after the last event, or where it began.

    :raises UnavailableError: the gateway did not answer at first
    """
    service = bank_of(profile, bank)
    seen, followed, told = after, False, False

    def begun(ahead: Mapping[str, str]) -> None:
        nonlocal seen, followed, told
        if AFTER_HEADER in ahead:
            seen, followed, told = max(seen, int(ahead[AFTER_HEADER])), True, False

    async with connect(layout, service, officer_of(service)) as link:
        method = finance_pb2_grpc.PackageServiceStub(link).WatchPackages
        try:
            async with asyncio.timeout(seconds or None):
                while True:
                    wanted = finance_pb2.WatchPackagesRequest(after_sequence=seen, package_id=package)
                    try:
                        async for event in stream(method, wanted, begun=begun):
                            _tell(event, as_json=as_json)
                            seen = event.sequence
                    except (OutcomeUnknownError, UnavailableError) as error:
                        if not followed:
                            raise
                        if isinstance(error, UnavailableError) and not told:
                            note(f"{service.name} does not answer; it is tried again until it does.")
                            told = True
                        await asyncio.sleep(RECONNECT_S)
        except TimeoutError:
            return


def _tell(event: finance_pb2.WatchPackagesResponse, *, as_json: bool) -> None:
    if as_json:
        data = MessageToDict(event, preserving_proto_field_name=True)
        sys.stdout.buffer.write(orjson.dumps(data) + b"\n")
        sys.stdout.flush()
        return
    line(f"{event.sequence:>6}  {event.summary.package_id}  ", styled(event.event), f"  {event.reason}")
