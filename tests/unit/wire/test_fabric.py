"""Names and bytes of the Fabric protocol that peers depend on."""

from __future__ import annotations

import pytest
from google.protobuf.any_pb2 import Any
from google.protobuf.descriptor import ServiceDescriptor

from consortium.wire.fabric.common import common_pb2
from consortium.wire.fabric.gateway import gateway_pb2
from consortium.wire.fabric.orderer import ab_pb2
from consortium.wire.fabric.peer import chaincode_pb2, chaincode_shim_pb2, events_pb2
from consortium.wire.fabric.rpc import status_pb2


def test_envelope_round_trip() -> None:
    channel = common_pb2.ChannelHeader(type=common_pb2.ENDORSER_TRANSACTION, channel_id="trade", tx_id="ab")
    channel.timestamp.FromSeconds(1_700_000_000)
    header = common_pb2.Header(channel_header=channel.SerializeToString())
    payload = common_pb2.Payload(header=header, data=b"data")
    envelope = common_pb2.Envelope(payload=payload.SerializeToString(), signature=b"signature")

    read = common_pb2.Envelope.FromString(envelope.SerializeToString())

    assert read == envelope
    inner = common_pb2.Payload.FromString(read.payload)
    assert common_pb2.ChannelHeader.FromString(inner.header.channel_header) == channel


@pytest.mark.parametrize(
    ("service", "methods"),
    [
        (
            gateway_pb2.DESCRIPTOR.services_by_name["Gateway"],
            "gateway.Gateway: Endorse Submit CommitStatus Evaluate ChaincodeEvents",
        ),
        (chaincode_shim_pb2.DESCRIPTOR.services_by_name["Chaincode"], "protos.Chaincode: Connect"),
        (
            events_pb2.DESCRIPTOR.services_by_name["Deliver"],
            "protos.Deliver: Deliver DeliverFiltered DeliverWithPrivateData",
        ),
        (
            ab_pb2.DESCRIPTOR.services_by_name["AtomicBroadcast"],
            "orderer.AtomicBroadcast: Broadcast Deliver",
        ),
    ],
)
def test_service_names(service: ServiceDescriptor, methods: str) -> None:
    assert f"{service.full_name}: {' '.join(method.name for method in service.methods)}" == methods


def test_ready_of_a_3_1_peer() -> None:
    params = chaincode_pb2.ChaincodeAdditionalParams.FromString(bytes.fromhex("080110e807180120e807"))

    assert (params.use_write_batch, params.max_size_write_batch) == (True, 1000)
    assert (params.use_get_multiple_keys, params.max_size_get_multiple_keys) == (True, 1000)


def test_error_details_unpack_by_the_type_url_of_peers() -> None:
    detail = gateway_pb2.ErrorDetail(address="localhost:7051", msp_id="Org1MSP", message="no")
    packed = Any(type_url="type.googleapis.com/gateway.ErrorDetail", value=detail.SerializeToString())
    status = status_pb2.Status.FromString(status_pb2.Status(code=10, details=[packed]).SerializeToString())

    read = gateway_pb2.ErrorDetail()
    assert status.details[0].Unpack(read)
    assert read == detail
