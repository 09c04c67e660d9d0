"""Endorsement policies."""

from __future__ import annotations

from itertools import combinations

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from hypothesis import given
from hypothesis import strategies as st

from chaincode.hosts.embedded.msp import Identity
from chaincode.hosts.embedded.policy import (
    MAX_DEPTH,
    PolicyError,
    choose,
    parse_policy,
    satisfied,
    signature_policy,
)
from chaincode.hosts.embedded.settings import EndorsementPolicy
from consortium.wire.fabric.common.policies_pb2 import (
    ApplicationPolicy,
    SignaturePolicy,
    SignaturePolicyEnvelope,
)
from consortium.wire.fabric.msp.identities_pb2 import SerializedIdentity
from consortium.wire.fabric.msp.msp_principal_pb2 import MSPPrincipal, MSPRole

ALL = ("I", "A", "B", "C")
KEY = ed25519.Ed25519PrivateKey.generate().public_key()


def peer(msp: str, role: str = "peer") -> Identity:
    """An identity."""
    return Identity(msp, msp.encode(), KEY, frozenset({role}), 0.0, "")


def holds(policy: EndorsementPolicy, *msps: str) -> bool:
    """Whether these organisations' peers satisfy it."""
    return satisfied(signature_policy(policy, ALL), [peer(msp) for msp in msps])


def test_all_and_any() -> None:
    policy = EndorsementPolicy(all_of=("I",), any_of=(("A", "B"),))
    assert holds(policy, "I", "A")
    assert holds(policy, "B", "I")
    assert holds(policy, "C", "B", "I", "A")
    for short in ((), ("I",), ("A", "B"), ("I", "C")):
        assert not holds(policy, *short)


@pytest.mark.parametrize(("size", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3)])
def test_empty_is_the_majority(size: int, needed: int) -> None:
    policy = signature_policy(EndorsementPolicy(), ALL[:size])
    for count in range(size + 1):
        for chosen in combinations(ALL[:size], count):
            assert satisfied(policy, [peer(msp) for msp in chosen]) == (count >= needed)


def test_only_peers_endorse() -> None:
    policy = signature_policy(EndorsementPolicy(all_of=("I",)), ALL)
    assert not satisfied(policy, [peer("I", "client")])
    assert satisfied(policy, [peer("I", "client"), peer("I")])


def test_one_signature_counts_once() -> None:
    rule = SignaturePolicy(
        n_out_of=SignaturePolicy.NOutOf(
            n=2, rules=[SignaturePolicy(signed_by=0), SignaturePolicy(signed_by=0)]
        )
    )
    policy = signature_policy(EndorsementPolicy(all_of=("I",)), ALL)
    policy.rule.CopyFrom(rule)
    assert not satisfied(policy, [peer("I")])
    assert satisfied(policy, [peer("I"), peer("I")])


def test_principals() -> None:
    member = MSPRole(msp_identifier="I", role=MSPRole.MEMBER).SerializeToString()
    alone = SerializedIdentity(mspid="A", id_bytes=b"A").SerializeToString()
    for principal, welcome, stranger in (
        (
            MSPPrincipal(principal_classification=MSPPrincipal.ROLE, principal=member),
            peer("I", "client"),
            "A",
        ),
        (MSPPrincipal(principal_classification=MSPPrincipal.IDENTITY, principal=alone), peer("A"), "B"),
    ):
        policy = SignaturePolicyEnvelope(rule=SignaturePolicy(signed_by=0), identities=[principal])
        assert satisfied(policy, [welcome])
        assert not satisfied(policy, [peer(stranger)])
    unknown = MSPPrincipal(principal_classification=MSPPrincipal.ANONYMITY)
    assert not satisfied(
        SignaturePolicyEnvelope(rule=SignaturePolicy(signed_by=0), identities=[unknown]), [peer("I")]
    )


def test_unusable_policies() -> None:
    with pytest.raises(PolicyError):
        satisfied(SignaturePolicyEnvelope(rule=SignaturePolicy(signed_by=3)), [peer("I")])
    with pytest.raises(PolicyError):
        satisfied(SignaturePolicyEnvelope(), [peer("I")])
    for kind in (MSPPrincipal.ROLE, MSPPrincipal.IDENTITY):
        broken = MSPPrincipal(principal_classification=kind, principal=b"\xff")
        with pytest.raises(PolicyError, match="principal"):
            satisfied(
                SignaturePolicyEnvelope(rule=SignaturePolicy(signed_by=0), identities=[broken]), [peer("I")]
            )
    odd = MSPRole(msp_identifier="I", role=99).SerializeToString()  # type: ignore[arg-type]
    strange = MSPPrincipal(principal_classification=MSPPrincipal.ROLE, principal=odd)
    assert not satisfied(
        SignaturePolicyEnvelope(rule=SignaturePolicy(signed_by=0), identities=[strange]), [peer("I")]
    )
    rule = SignaturePolicy(signed_by=0)
    for _ in range(MAX_DEPTH + 1):
        rule = SignaturePolicy(n_out_of=SignaturePolicy.NOutOf(n=1, rules=[rule]))
    with pytest.raises(PolicyError, match="deep"):
        satisfied(SignaturePolicyEnvelope(rule=rule), [peer("I")])


def test_parsing() -> None:
    policy = signature_policy(EndorsementPolicy(all_of=("I",)), ALL)
    assert parse_policy(policy.SerializeToString()) == policy
    with pytest.raises(PolicyError, match="error unmarshalling SignaturePolicyEnvelope"):
        parse_policy(b"\xff")


def test_a_policy_without_a_rule_is_nobodys() -> None:
    """So is the wrapped form, which is for the chaincode's own policy only."""
    policy = signature_policy(EndorsementPolicy(all_of=("I",)), ALL)
    wrapped = ApplicationPolicy(signature_policy=policy)
    for data in (b"", wrapped.SerializeToString()):
        with pytest.raises(PolicyError):
            satisfied(parse_policy(data), [peer(msp) for msp in ALL])


groups = st.lists(st.sampled_from(ALL), min_size=1, max_size=3, unique=True).map(tuple)
policies = st.builds(
    EndorsementPolicy,
    all_of=st.lists(st.sampled_from(ALL), max_size=2, unique=True).map(tuple),
    any_of=st.lists(groups, max_size=2).map(tuple),
)


@given(wanted=st.lists(policies, min_size=1, max_size=2), preferred=st.sampled_from(ALL))
def test_choose_finds_the_smallest(wanted: list[EndorsementPolicy], preferred: str) -> None:
    compiled = [signature_policy(policy, ALL) for policy in wanted]
    found = choose(compiled, [peer(msp) for msp in ALL], preferred)

    def enough(msps: tuple[str, ...]) -> bool:
        return all(satisfied(policy, [peer(msp) for msp in msps]) for policy in compiled)

    fitting = [chosen for size in range(1, 5) for chosen in combinations(ALL, size) if enough(chosen)]
    if found is None:
        assert not fitting
        return
    assert enough(tuple(found))
    smallest = min(len(chosen) for chosen in fitting)
    assert len(found) == smallest
    if any(preferred in chosen and len(chosen) == smallest for chosen in fitting):
        assert preferred in found
