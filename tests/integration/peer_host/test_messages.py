"""Every message type, to peers that offer batches (3.1) and to those that do not (2.5)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from hashlib import sha256

import pytest

from chaincode.hosts.peer import ChaincodeServer
from chaincode.testing import caller_of
from consortium.wire.fabric.ledger.queryresult import kv_query_result_pb2 as rows
from consortium.wire.fabric.peer import chaincode_shim_pb2 as shim
from consortium.wire.fabric.peer.chaincode_pb2 import ChaincodeAdditionalParams, ChaincodeSpec
from consortium.wire.fabric.peer.proposal_response_pb2 import Response
from tests.integration.peer_host.conftest import serving, target
from tests.integration.peer_host.odd_contract import OddContract
from tests.support.scripted_peer import FABRIC_25, FABRIC_31, Kind, Message, ScriptedPeer, dialled

GENERATIONS = {"3.1": FABRIC_31, "2.5": FABRIC_25}


@pytest.fixture(params=list(GENERATIONS))
async def either(request: pytest.FixtureRequest, server: ChaincodeServer) -> AsyncIterator[ScriptedPeer]:
    """A peer of each generation, with the key/value contract."""
    async with dialled(target(server), offer=GENERATIONS[request.param]) as peer:
        yield peer


@pytest.fixture
async def odd() -> AsyncIterator[ScriptedPeer]:
    """A 3.1 peer with the odd contract."""
    async with serving(OddContract()) as server, dialled(target(server)) as peer:
        yield peer


async def test_registers_with_its_package_id(peer: ScriptedPeer) -> None:
    assert peer.registered == "kv_1:abc"


async def test_put_get_delete(either: ScriptedPeer) -> None:
    assert (await either.call("put", "a", "1")).asked == ["PUT_STATE"]
    assert either.ledger.state == {("", "a"): b"1"}
    got = await either.call("get", "a")
    assert (got.response.payload, got.asked) == (b"1", ["GET_STATE"])
    assert (await either.call("delete", "a")).asked == ["DEL_STATE"]
    assert (await either.call("get", "a")).response.status == 404


async def test_init_runs_the_contract_too(either: ScriptedPeer) -> None:
    assert (await either.call("put", "a", "1", kind=Kind.INIT)).response.status == 200
    assert either.ledger.state == {("", "a"): b"1"}


@pytest.mark.parametrize(
    ("offer", "reads", "writes"),
    [
        (FABRIC_31, [1000, 1000, 500], [1000, 1000, 499]),
        (ChaincodeAdditionalParams(use_write_batch=True, max_size_write_batch=900), [], [900, 900, 699]),
        (
            ChaincodeAdditionalParams(use_get_multiple_keys=True, max_size_get_multiple_keys=2499),
            [2499, 1],
            [],
        ),
        # Flags without figures: what Fabric's own shims then take.
        (
            ChaincodeAdditionalParams(use_write_batch=True, use_get_multiple_keys=True),
            [100] * 25,
            [100] * 24 + [99],
        ),
    ],
)
async def test_batches_keep_to_what_the_peer_takes_at_once(
    server: ChaincodeServer, offer: ChaincodeAdditionalParams, reads: list[int], writes: list[int]
) -> None:
    sizes: list[int] = []
    async with dialled(target(server), offer=offer) as peer:

        def several(payload: bytes) -> bytes:
            sizes.append(len(shim.GetStateMultiple.FromString(payload).keys))
            return peer.ledger.on_get_state_multiple(payload)

        peer.ledger.answers[Kind.GET_STATE_MULTIPLE] = several
        peer.ledger.state["", "k-000007"] = b"here already"
        done = await peer.call("many", "k-", "2500", "10")
        assert done.response.payload == b"2499"
        assert sizes == reads
        assert done.asked.count("GET_STATE") == (0 if reads else 2500)
        assert [len(batch.rec) for batch in peer.ledger.batches] == writes
        assert done.asked.count("PUT_STATE") == (0 if writes else 2499)
        assert len(peer.ledger.state) == 2500


async def test_without_batches_every_key_is_a_message(server: ChaincodeServer) -> None:
    async with dialled(target(server), offer=FABRIC_25) as peer:
        done = await peer.call("many", "k-", "30", "10")
        assert done.asked == ["GET_STATE"] * 30 + ["PUT_STATE"] * 30
        assert len(peer.ledger.state) == 30


async def test_a_batch_is_in_sorted_key_order_with_deletes(peer: ScriptedPeer) -> None:
    await peer.call("many", "z", "5", "1")
    (batch,) = peer.ledger.batches
    assert [record.key for record in batch.rec] == [f"z{number:06d}" for number in range(5)]


async def test_large_values_are_split_over_batches(server: ChaincodeServer) -> None:
    async with dialled(target(server)) as peer:
        await peer.call("many", "k", "20", "1000000")
        sizes = [batch.ByteSize() for batch in peer.ledger.batches]
        assert len(sizes) == 3
        assert max(sizes) < 9_000_000
        assert len(peer.ledger.state) == 20


@pytest.mark.parametrize("rows_there", [0, 1, 100, 101, 250])
async def test_ranges_are_read_to_their_end(either: ScriptedPeer, rows_there: int) -> None:
    for number in range(rows_there):
        either.ledger.state["", f"k{number:03d}"] = b"v"
    either.ledger.state["", "l"] = b"beyond"
    done = await either.call("range", "k", "l")
    assert [key for key, _ in json.loads(done.response.payload)] == [f"k{n:03d}" for n in range(rows_there)]
    assert done.asked == ["GET_STATE_BY_RANGE"] + ["QUERY_STATE_NEXT"] * (max(0, rows_there - 1) // 100)
    assert not either.ledger.queries


async def test_a_range_left_half_read_is_closed(either: ScriptedPeer) -> None:
    either.ledger.state.update({("", f"k{number:03d}"): b"v" for number in range(250)})
    done = await either.call("range", "k", "l", "120")
    assert len(json.loads(done.response.payload)) == 120
    assert done.asked == ["GET_STATE_BY_RANGE", "QUERY_STATE_NEXT", "QUERY_STATE_CLOSE"]
    assert not either.ledger.queries


@pytest.mark.parametrize("args", [("half", "range"), ("half_then_raise",)])
async def test_queries_are_closed_however_the_contract_goes_on(
    odd: ScriptedPeer, args: tuple[str, ...]
) -> None:
    odd.ledger.state.update({("", f"k{number:03d}"): b"v" for number in range(250)})
    odd.ledger.state["", "quick"] = b"fox"
    done = await odd.call(*args)
    assert done.asked[-1] == "QUERY_STATE_CLOSE"
    assert not odd.ledger.queries
    assert done.response.payload == (b"fox" if args[0] == "half" else b"")


async def test_an_open_start_is_behind_the_composite_keys(peer: ScriptedPeer) -> None:
    peer.ledger.state.update({("", "\x00t\x00a\x00"): b"v", ("", "a"): b"v"})
    assert json.loads((await peer.call("range", "", "")).response.payload) == [["a", "v"]]


async def test_composite_keys_by_their_beginning(odd: ScriptedPeer) -> None:
    for key in (
        "\x00t\x00a\x001\x00",
        "\x00t\x00a\x002\x00",
        "\x00t\x00ab\x001\x00",
        "t",
        "\x00u\x00a\x001\x00",
    ):
        odd.ledger.state["", key] = b"v"
    done = await odd.call("partial")
    assert done.response.payload.decode() == repr(["\x00t\x00a\x001\x00", "\x00t\x00a\x002\x00"])


async def test_pages_and_bookmarks(odd: ScriptedPeer) -> None:
    odd.ledger.state.update({("", f"k{number}"): b"v" for number in range(5)})
    done = await odd.call("pages", "2")
    assert done.response.payload.decode() == repr([["k0", "k1"], ["k2", "k3"], ["k4"]])
    assert set(done.asked) == {"GET_STATE_BY_RANGE"}


@pytest.mark.parametrize("size", ["0", "-1", str(2**31)])
async def test_a_page_of_no_size_is_refused_by_the_host(odd: ScriptedPeer, size: str) -> None:
    done = await odd.call("pages", size)
    assert (done.response.status, done.asked) == (500, [])
    assert done.response.message == "StateError: a page has at least one entry"


async def test_rich_queries_and_their_pages(odd: ScriptedPeer) -> None:
    def page(payload: bytes) -> bytes:
        asked = shim.GetQueryResult.FromString(payload)
        wanted = shim.QueryMetadata.FromString(asked.metadata)
        assert (asked.query, wanted.pageSize, wanted.bookmark) == ('{"a":1}', 2, "mark")
        row = shim.QueryResultBytes(resultBytes=rows.KV(key="k1", value=b"v").SerializeToString())
        said = shim.QueryResponseMetadata(fetched_records_count=1, bookmark="next").SerializeToString()
        return shim.QueryResponse(results=[row], id="q", metadata=said).SerializeToString()

    odd.ledger.answers[Kind.GET_QUERY_RESULT] = page
    done = await odd.call("query_page", '{"a":1}')
    assert done.response.payload.decode() == repr((["k1"], "next"))


async def test_leveldb_refuses_rich_queries(either: ScriptedPeer) -> None:
    done = await either.call("query", "{}")
    assert done.response.status == 500
    assert done.response.message.startswith("StateError: GET_QUERY_RESULT failed")
    assert done.response.message.endswith("ExecuteQuery not supported for leveldb")


async def test_history(either: ScriptedPeer) -> None:
    for number in range(102):
        change = rows.KeyModification(tx_id=f"t{number}", value=b"v", is_delete=number == 1)
        change.timestamp.seconds = 1000 + number
        either.ledger.versions.setdefault("k", []).append(change)
    done = await either.call("history", "k")
    found = json.loads(done.response.payload)
    assert found[:2] == [["t0", "v", 1000], ["t1", None, 1001]]
    assert len(found) == 102
    assert done.asked == ["GET_HISTORY_FOR_KEY", "QUERY_STATE_NEXT"]


async def test_private_data(odd: ScriptedPeer) -> None:
    done = await odd.call("private")
    digest = sha256(b"1").hexdigest()[:8]
    assert done.response.payload.decode() == repr(([b"1", None], digest, None, ["a", "c"]))
    assert done.asked == [
        "WRITE_BATCH_STATE",
        "DEL_STATE",
        "PURGE_PRIVATE_DATA",
        "GET_STATE",
        "GET_STATE",
        "GET_PRIVATE_DATA_HASH",
        "GET_PRIVATE_DATA_HASH",
        "GET_STATE_BY_RANGE",
    ]
    assert odd.ledger.purged == [("secrets", "c")]
    assert {collection for collection, _ in odd.ledger.state} == {"secrets"}


@pytest.mark.parametrize("collection", ["", "secrets"])
async def test_state_metadata(odd: ScriptedPeer, collection: str) -> None:
    done = await odd.call("metadata", collection)
    assert done.response.payload.decode() == repr({"VALIDATION_PARAMETER": b"policy"})
    assert odd.ledger.metadata == {(collection, "k"): {"VALIDATION_PARAMETER": b"policy"}}


async def test_the_last_event_of_a_success_goes_out(odd: ScriptedPeer) -> None:
    event = (await odd.call("events", "200")).message.chaincode_event
    assert (event.event_name, event.payload) == ("second", b"2")
    assert not (await odd.call("events", "400")).message.HasField("chaincode_event")
    assert not (await odd.call("partial")).message.HasField("chaincode_event")


async def test_chaincode_to_chaincode(odd: ScriptedPeer) -> None:
    seen: list[ChaincodeSpec] = []

    def called(payload: bytes) -> bytes:
        seen.append(ChaincodeSpec.FromString(payload))
        return odd.ledger.on_invoke_chaincode(payload)

    odd.ledger.answers[Kind.INVOKE_CHAINCODE] = called
    inner = Response(status=201, message="made", payload=b"\x00p")
    odd.ledger.chaincodes["other"] = Message(type=Kind.COMPLETED, payload=inner.SerializeToString())
    odd.ledger.chaincodes["other/far"] = Message(type=Kind.ERROR, payload=b"out of order")
    assert (await odd.call("call", "other", "")).response == inner
    assert list(seen[0].input.args) == [b"f", b"\xff"]
    failed = (await odd.call("call", "other", "far")).response
    assert (failed.status, failed.message) == (500, "out of order")
    missing = (await odd.call("call", "nowhere", "")).response
    assert (missing.status, missing.message) == (500, "StateError: chaincode nowhere not found")


async def test_what_the_proposal_says(either: ScriptedPeer) -> None:
    done = await either.call(
        "whoami", msp_id="BankAMSP", txid="t1", channel="trade", transient={"secret": b"s"}
    )
    msp, channel, txid, seconds, transient = json.loads(done.response.payload)[:5]
    assert (msp, channel, txid, transient) == ("BankAMSP", "trade", "t1", {"secret": "s"})
    assert seconds > 1_700_000_000


async def test_what_the_certificate_says(odd: ScriptedPeer) -> None:
    caller = caller_of("BankAMSP", "teller", attributes={"hf.Type": "client", "limit": "9"})
    done = await odd.call("who", certificate=caller.certificate)
    assert done.response.payload.decode() == repr(["teller", "client", ("hf.Type", "client"), ("limit", "9")])


async def test_keepalives_are_sent_back(peer: ScriptedPeer) -> None:
    for _ in range(3):
        await peer.send(Message(type=Kind.KEEPALIVE))
    await peer.call("put", "a", "1")
    assert peer.keepalives == 3
