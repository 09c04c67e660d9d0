"""Messages made by hand are those that protobuf makes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chaincode.hosts.peer.frames import Kind, event_bytes, frame, suffix_of, varint
from consortium.wire.fabric.peer.chaincode_event_pb2 import ChaincodeEvent
from consortium.wire.fabric.peer.chaincode_shim_pb2 import ChaincodeMessage

TEXT = st.text(max_size=300)


@given(
    kind=st.sampled_from(sorted(set(ChaincodeMessage.Type.values()) - {0})),
    payload=st.binary(max_size=20_000),
    channel=TEXT,
    txid=TEXT,
    event=st.none() | st.tuples(TEXT, st.binary(max_size=300)),
)
def test_a_frame_is_the_message(
    kind: int, payload: bytes, channel: str, txid: str, event: tuple[str, bytes] | None
) -> None:
    expected = ChaincodeMessage(type=kind, payload=payload, channel_id=channel, txid=txid)  # type: ignore[arg-type]
    if event is not None:
        expected.chaincode_event.CopyFrom(ChaincodeEvent(event_name=event[0], payload=event[1]))
    encoded = event_bytes(*event) if event is not None else b""
    made = frame(kind, payload, suffix_of(channel, txid), encoded)
    found = ChaincodeMessage.FromString(made)
    if event == ("", b""):
        expected.ClearField("chaincode_event")  # an event of nothing is none
    assert found == expected


@given(st.integers(0, 2**63 - 1))
def test_varints(number: int) -> None:
    encoded = varint(number)
    assert all(byte & 0x80 for byte in encoded[:-1])
    assert not encoded[-1] & 0x80
    assert sum((byte & 0x7F) << (7 * place) for place, byte in enumerate(encoded)) == number


def test_types_have_the_protocols_numbers_and_names() -> None:
    for name, value in ChaincodeMessage.Type.items():
        if name != "UNDEFINED":
            assert getattr(Kind, name) == value
            assert Kind.name(value) == name
    assert Kind.name(12) == "12"
