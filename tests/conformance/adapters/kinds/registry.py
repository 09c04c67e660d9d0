"""The movable-property registry (中登) for the conformance suite."""

from __future__ import annotations

from consortium.wire.chanrong.sources.v1 import registry_pb2 as pb
from consortium.wire.chanrong.sources.v1 import registry_pb2_grpc as rpc
from crossverify.sources.registry import RegistryQuestion, RegistrySource
from tests.conformance.adapters.kind import Kind
from tests.support.registry import registration_json

KIND = Kind(
    name="registry",
    service="RegistrySourceService",
    batch=100,
    stub=lambda link: rpc.RegistrySourceServiceStub(link).SearchRegistrations,
    request=lambda names: pb.SearchRegistrationsRequest(
        assignors=[pb.AssignorQuestion(assignor=name) for name in names]
    ),
    wrong=lambda names: pb.SearchRegistrationsRequest(
        assignors=[pb.AssignorQuestion(assignor=name) for name in names[:-1]]
        + [pb.AssignorQuestion(assignor=names[-1], other_identifiers=["nobody"])]
    ),
    stream=lambda link: (
        rpc.RegistrySourceServiceStub(link).StreamRegistrations,
        lambda question: pb.StreamRegistrationsRequest(question=question),
    ),
    field="answers",
    ask=lambda link, names, limits: RegistrySource(link, limits).ask(
        [RegistryQuestion.of(name) for name in names]
    ),
    data=lambda: registration_json(assignor="test:INV-1"),
    broken=b'{"number": "00001234"}',
    known="test:INV-1",
    is_known=lambda answer: bool(answer["registrations"]),
)
