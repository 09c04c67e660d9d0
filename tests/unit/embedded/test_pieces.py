"""Hashes, read/write sets, settings, errors: the small parts."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chaincode.hosts.embedded.channel import (
    ChannelConfig,
    Definition,
    next_config,
    read_config,
    wanted_config,
)
from chaincode.hosts.embedded.deliver import headers_only
from chaincode.hosts.embedded.errors import DETAILS_TRAILER, MAX_DETAILS_TEXT, RpcError, shorten
from chaincode.hosts.embedded.rwset import MERKLE_DEGREE, RangeSummary, RwSetBuilder
from chaincode.hosts.embedded.store import block_of, full_key, place_of, position
from chaincode.hosts.embedded.wire import WireError, field_bytes, header_bytes, header_hash, varint
from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.gateway.gateway_pb2 import ErrorDetail
from consortium.wire.fabric.ledger.rwset.kvrwset.kv_rwset_pb2 import KVRead, KVRWSet, QueryReads, Version
from consortium.wire.fabric.ledger.rwset.rwset_pb2 import TxReadWriteSet
from tests.support.embedded import Network


class TestHeader:
    """The DER form that is hashed."""

    @pytest.mark.parametrize(
        ("number", "expected"),
        [
            (0, "3007" + "020100" + "0400" + "0400"),
            (127, "3007" + "02017f" + "0400" + "0400"),
            (128, "3008" + "02020080" + "0400" + "0400"),
            (2**64 - 1, "300f" + "020900ffffffffffffffff" + "0400" + "0400"),
        ],
    )
    def test_numbers(self, number: int, expected: str) -> None:
        assert header_bytes(common_pb2.BlockHeader(number=number)).hex() == expected

    def test_a_whole_header(self) -> None:
        header = common_pb2.BlockHeader(number=5, previous_hash=b"\x01" * 32, data_hash=b"\x02" * 32)
        expected = bytes.fromhex("3047" + "020105" + "0420" + "01" * 32 + "0420" + "02" * 32)
        assert header_bytes(header) == expected
        assert header_hash(header) == hashlib.sha256(expected).digest()

    def test_long_lengths(self) -> None:
        header = common_pb2.BlockHeader(data_hash=b"x" * 300)
        assert header_bytes(header)[:9].hex() == "308201350201000400"

    @given(st.integers(0, 2**64 - 1))
    def test_number_is_a_positive_integer(self, number: int) -> None:
        der = header_bytes(common_pb2.BlockHeader(number=number))
        size = der[3]
        assert int.from_bytes(der[4 : 4 + size], "big", signed=True) == number
        assert size == 1 or der[4] != 0 or der[5] >= 0x80  # the shortest form


@given(st.integers(1, 2**64 - 1), st.binary(min_size=1, max_size=300))
def test_fields_as_protobuf_writes_them(number: int, value: bytes) -> None:
    assert field_bytes(2, value) == common_pb2.Envelope(signature=value).SerializeToString()
    assert varint(number) == common_pb2.LastConfig(index=number).SerializeToString()[1:]


def reads(count: int, *, changed: int | None = None) -> list[tuple[str, tuple[int, int]]]:
    """Keys with versions."""
    return [(f"k{number:05d}", (1 if number != changed else 2, number)) for number in range(count)]


def summary(found: list[tuple[str, tuple[int, int]]]) -> Any:
    """What the read set says of a range."""
    made = RangeSummary()
    for key, height in found:
        made.add(key, height)
    return made.finish("a", "z", exhausted=True)


class TestRanges:
    """Summed up above 50 keys."""

    def test_few_are_listed(self) -> None:
        assert not summary([]).WhichOneof("reads_info")
        info = summary(reads(MERKLE_DEGREE))
        assert [read.key for read in info.raw_reads.kv_reads] == [key for key, _ in reads(MERKLE_DEGREE)]

    def test_first_level(self) -> None:
        """51 keys fold into one leaf; what is left over is folded at the end."""
        info = summary(reads(MERKLE_DEGREE + 3))
        tree = info.reads_merkle_hashes
        assert (tree.max_degree, tree.max_level, len(tree.max_level_hashes)) == (50, 1, 2)
        first = QueryReads(
            kv_reads=[
                KVRead(key=key, version=Version(block_num=block, tx_num=place))
                for key, (block, place) in reads(MERKLE_DEGREE + 1)
            ]
        )
        assert tree.max_level_hashes[0] == hashlib.sha256(first.SerializeToString()).digest()

    @pytest.mark.parametrize(
        ("count", "level", "hashes"), [(51, 1, 1), (51 * 50, 1, 50), (51 * 51, 2, 1), (51 * 51 + 1, 2, 2)]
    )
    def test_levels(self, count: int, level: int, hashes: int) -> None:
        tree = summary(reads(count)).reads_merkle_hashes
        assert (tree.max_level, len(tree.max_level_hashes)) == (level, hashes)

    @given(st.integers(51, 400), st.data())
    def test_every_change_shows(self, count: int, data: st.DataObject) -> None:
        changed = data.draw(st.integers(0, count - 1))
        assert summary(reads(count)) == summary(reads(count))
        assert summary(reads(count)) != summary(reads(count, changed=changed))
        assert summary(reads(count)) != summary(reads(count + 1))


def test_equal_simulations_give_equal_bytes() -> None:
    built = []
    for keys in (("b", "a", "c"), ("c", "b", "a")):
        builder = RwSetBuilder()
        for key in keys:
            builder.read("kv", key, (1, 0))
            builder.namespace("kv").writes[key] = b"x"
        builder.read("_lifecycle", "x", None)
        built.append(builder.build()[0])
    assert built[0] == built[1]
    results = TxReadWriteSet.FromString(built[0])
    assert [part.namespace for part in results.ns_rwset] == ["_lifecycle", "kv"]
    assert [write.key for write in KVRWSet.FromString(results.ns_rwset[1].rwset).writes] == ["a", "b", "c"]


@given(st.text(), st.text())
def test_keys_order_as_code_points(one: str, two: str) -> None:
    assert (full_key("kv", one) < full_key("kv", two)) == (one < two)


@given(st.integers(0, 2**40), st.integers(0, 2**20 - 1))
def test_positions(block: int, place: int) -> None:
    at = position(block, place)
    assert (block_of(at), place_of(at)) == (block, place)
    assert at < 2**63


class TestErrors:
    """Texts that fit into trailers."""

    def test_trailer_is_bounded(self) -> None:
        details = [ErrorDetail(address="a", msp_id="M", message="é" * 5000) for _ in range(6)]
        error = RpcError(grpc.StatusCode.ABORTED, "x" * 5000, details)
        ((name, value),) = error.trailer()
        assert name == DETAILS_TRAILER
        assert len(value) < 2 * MAX_DETAILS_TEXT + 3000
        assert RpcError(grpc.StatusCode.ABORTED, "x").trailer() == ()

    def test_shorten(self) -> None:
        assert shorten("abcdef", 6) == "abcdef"
        assert shorten("abcdefg", 6) == "abc..."


class TestConfiguration:
    """The channel's configuration as bytes."""

    def config(self, network: Network, tmp_path: Path, **changes: Any) -> ChannelConfig:
        """What settings ask for."""
        return wanted_config(network.settings(tmp_path / "x.db", **changes), b"orderer", {"kv": "1.0"})

    def test_round_trip(self, network: Network, tmp_path: Path) -> None:
        config = self.config(network, tmp_path, collections=[{"name": "c", "members": ["BankAMSP"]}])
        assert ChannelConfig.from_bytes(config.to_bytes()) == config

    @pytest.mark.parametrize(
        "data", [b"", b"{}", b"[]", b'{"format":"other"}', b"\xff", b'{"format":"chanrong.embedded/1"}']
    )
    def test_garbage(self, data: bytes) -> None:
        with pytest.raises(WireError):
            ChannelConfig.from_bytes(data)
        with pytest.raises(WireError):
            read_config(data)

    def test_sequences(self, network: Network, tmp_path: Path) -> None:
        first = self.config(network, tmp_path)
        assert next_config(None, first) is first
        assert next_config(first, self.config(network, tmp_path)) is None
        changed = self.config(network, tmp_path, collections=[{"name": "c"}])
        second = next_config(first, changed)
        assert second is not None
        assert second.chaincodes["kv"].sequence == 2
        assert next_config(second, changed) is None

    def test_a_chaincode_no_longer_named_stays(self, network: Network, tmp_path: Path) -> None:
        first = self.config(network, tmp_path)
        other = wanted_config(network.settings(tmp_path / "x.db"), b"orderer", {"other": "1.0"})
        merged = next_config(first, other)
        assert merged is not None
        assert set(merged.chaincodes) == {"kv", "other"}
        assert isinstance(merged.chaincodes["kv"], Definition)


class TestSettings:
    """Mistakes are told all at once."""

    def wrong(self, network: Network, tmp_path: Path, **changes: Any) -> str:
        """What is said."""
        with pytest.raises(ValidationError) as caught:
            network.settings(tmp_path / "x.db", **changes)
        return str(caught.value)

    def test_all_at_once(self, network: Network, tmp_path: Path) -> None:
        text = self.wrong(
            network,
            tmp_path,
            policy={"all_of": ["NobodyMSP"], "any_of": [[]]},
            collections=[{"name": "c", "members": ["NobodyMSP"]}, {"name": "c"}],
            tls_key=None,
            orderer_cert="x",
            organisations=[network.organisation("BankAMSP")] * 2,
        )
        for part in ("policy", "any_of", "collections", "tls_cert and tls_key", "orderer", "twice"):
            assert part in text

    def test_plain_text_on_loopback_only(self, network: Network, tmp_path: Path) -> None:
        plain: dict[str, Any] = {"tls_cert": None, "tls_key": None}
        assert network.settings(tmp_path / "x.db", listen="127.0.0.1:0", **plain)
        assert "loopback" in self.wrong(network, tmp_path, listen="0.0.0.0:7051", **plain)
        assert "client certificates need" in self.wrong(network, tmp_path, client_ca="x", **plain)

    def test_unknown(self, network: Network, tmp_path: Path) -> None:
        assert "colour" in self.wrong(network, tmp_path, colour="red")
        assert "channel" in self.wrong(network, tmp_path, channel="Not A Channel")


def test_a_configuration_block_is_never_cut() -> None:
    def block(kind: int) -> common_pb2.Block:
        header = common_pb2.ChannelHeader(type=kind).SerializeToString()
        payload = common_pb2.Payload(header=common_pb2.Header(channel_header=header)).SerializeToString()
        envelope = common_pb2.Envelope(payload=payload).SerializeToString()
        return common_pb2.Block(data=common_pb2.BlockData(data=[envelope]))

    assert headers_only(block(common_pb2.CONFIG)).data.data
    assert not headers_only(block(common_pb2.ENDORSER_TRANSACTION)).data.data
