"""Endorsement policies: Fabric's signature policies, evaluated over identities whose signatures were checked."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations

from google.protobuf.message import DecodeError

from chaincode.hosts.embedded.msp import Identity
from chaincode.hosts.embedded.settings import EndorsementPolicy
from consortium.wire.fabric.common.policies_pb2 import SignaturePolicy, SignaturePolicyEnvelope
from consortium.wire.fabric.msp.identities_pb2 import SerializedIdentity
from consortium.wire.fabric.msp.msp_principal_pb2 import MSPPrincipal, MSPRole

MAX_DEPTH = 20
MAX_CHOICES = 12
_ROLE_NAMES = {number: name.lower() for name, number in MSPRole.MSPRoleType.items()}


class PolicyError(Exception):
    """A policy cannot be read."""


def signature_policy(policy: EndorsementPolicy, organisations: Sequence[str]) -> SignaturePolicyEnvelope:
    """The settings' policy in Fabric's form; principals are the organisations' peers."""
    used = list(dict.fromkeys([*policy.all_of, *(msp for group in policy.any_of for msp in group)])) or list(
        organisations
    )
    position = {msp: place for place, msp in enumerate(used)}
    rules = [SignaturePolicy(signed_by=position[msp]) for msp in policy.all_of]
    rules += [
        _out_of(1, [SignaturePolicy(signed_by=position[msp]) for msp in group]) for group in policy.any_of
    ]
    needed = len(rules)
    if not rules:
        rules = [SignaturePolicy(signed_by=place) for place in range(len(used))]
        needed = len(used) // 2 + 1
    return SignaturePolicyEnvelope(
        version=0, rule=_out_of(needed, rules), identities=[_peer_of(msp) for msp in used]
    )


def parse_policy(data: bytes) -> SignaturePolicyEnvelope:
    """A key's own policy.

    :raises PolicyError: when it cannot be read
    """
    try:
        return SignaturePolicyEnvelope.FromString(data)
    except DecodeError as error:
        raise PolicyError(f"error unmarshalling SignaturePolicyEnvelope: {error}") from error


def satisfied(policy: SignaturePolicyEnvelope, identities: Sequence[Identity]) -> bool:
    """Whether these identities, each counted once, satisfy the policy.

    :raises PolicyError: when the policy has no rule, refers to a principal that it does not list, or nests too
        deep
    """
    used = [False] * len(identities)
    return _rule(policy.rule, policy.identities, identities, used, MAX_DEPTH)


def choose(
    policies: Iterable[SignaturePolicyEnvelope], peers: Sequence[Identity], preferred: str
) -> list[str] | None:
    """The smallest set of organisations whose peers satisfy every policy, if it can with the preferred one."""
    wanted = list(policies)
    ordered = sorted(peers, key=lambda peer: peer.msp_id != preferred)[:MAX_CHOICES]
    for size in range(1, len(ordered) + 1):
        for subset in combinations(ordered, size):
            if all(satisfied(policy, subset) for policy in wanted):
                return [peer.msp_id for peer in subset]
    return None


def _out_of(n: int, rules: Sequence[SignaturePolicy]) -> SignaturePolicy:
    return SignaturePolicy(n_out_of=SignaturePolicy.NOutOf(n=n, rules=rules))


def _peer_of(msp_id: str) -> MSPPrincipal:
    role = MSPRole(msp_identifier=msp_id, role=MSPRole.PEER)
    return MSPPrincipal(principal_classification=MSPPrincipal.ROLE, principal=role.SerializeToString())


def _rule(
    rule: SignaturePolicy,
    principals: Sequence[MSPPrincipal],
    identities: Sequence[Identity],
    used: list[bool],
    depth: int,
) -> bool:
    if depth == 0:
        raise PolicyError("a policy nests too deep")
    if rule.HasField("n_out_of"):
        verified = 0
        for inner in rule.n_out_of.rules:
            attempt = list(used)
            if _rule(inner, principals, identities, attempt, depth - 1):
                verified += 1
                used[:] = attempt
        return verified >= rule.n_out_of.n
    if not rule.HasField("signed_by") or not 0 <= rule.signed_by < len(principals):
        raise PolicyError("a policy refers to a principal that it does not list")
    for place, identity in enumerate(identities):
        if not used[place] and is_in(identity, principals[rule.signed_by]):
            used[place] = True
            return True
    return False


def is_in(identity: Identity, principal: MSPPrincipal) -> bool:
    """Whether the identity belongs to the principal. Only roles and single identities are known here.

    :raises PolicyError: when the principal cannot be read
    """
    try:
        if principal.principal_classification == MSPPrincipal.ROLE:
            role = MSPRole.FromString(principal.principal)
            if role.msp_identifier != identity.msp_id:
                return False
            return role.role == MSPRole.MEMBER or _ROLE_NAMES.get(role.role) in identity.roles
        if principal.principal_classification == MSPPrincipal.IDENTITY:
            named = SerializedIdentity.FromString(principal.principal)
            return (named.mspid, named.id_bytes) == (identity.msp_id, identity.certificate)
    except DecodeError as error:
        raise PolicyError(f"a principal cannot be read: {error}") from error
    return False
