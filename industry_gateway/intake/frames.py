"""What a gateway and its helper processes say to each other: frames of a JSON head and bytes behind it.

JSON and not pickled objects: a helper reads what strangers send, and must not be able to make its gateway run
anything. A document's body, the largest part, travels as it is.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import orjson

from consortium.documents import PartyId, Problem
from consortium.documents.fingerprint import DocumentKey
from consortium.documents.weights import Portion, Worth
from industry_gateway.intake.prepare import PreparedDocument, Referred
from industry_gateway.intake.reading import Readied, Source
from industry_gateway.parties.directory import Tenant

PREFIX: Final = struct.Struct(">II")
"""Lengths of head and bytes."""

KEYS: Final = "keys"
"""First frame to a helper: the consortium's keys. They are in no environment and on no command line."""
TENANTS: Final = "tenants"
PREPARE: Final = "prepare"
HELLO: Final = "hello"
FAILED: Final = "failed"

Amount = tuple[Decimal, str]
_WHOLE: Final = Fraction(1)
"""What most portions are; to read one from its text takes longer than all else about it."""


def frame(head: Sequence[Any], *blobs: bytes) -> bytes:
    """A frame's bytes."""
    text = orjson.dumps(head)
    return b"".join((PREFIX.pack(len(text), sum(map(len, blobs))), text, *blobs))


# ------------------------------------------------------------------ to the helper


def tenants_frame(tenants: Sequence[Tenant]) -> bytes:
    """All registered parties, without their keys and secrets: nothing is verified there."""
    return frame([TENANTS, [_tenant_row(each) for each in tenants]])


def prepare_frame(tenant: Tenant, sources: Sequence[Source]) -> bytes:
    """Contents to read and prepare for a party."""
    rows = [[len(each.content), each.format, each.label] for each in sources]
    return frame([PREPARE, _tenant_row(tenant), rows], *(each.content for each in sources))


def tenant_of(row: Sequence[Any]) -> Tenant:
    """A party of a frame."""
    alias, name, handle, identifiers, number = row
    names = tuple(PartyId(scheme=scheme, value=value) for scheme, value in identifiers)
    return Tenant(alias, name, handle, names, number, b"", "")


def sources_of(rows: Sequence[Sequence[Any]], blob: bytes) -> list[Source]:
    """Contents of a frame."""
    found: list[Source] = []
    start = 0
    for size, format_name, label in rows:
        found.append(Source(blob[start : start + size], format_name, label))
        start += size
    return found


def _tenant_row(tenant: Tenant) -> list[Any]:
    identifiers = [[each.scheme, each.value] for each in tenant.identifiers]
    return [tenant.alias, tenant.name, tenant.handle, identifiers, tenant.key_number]


# ------------------------------------------------------------------ and back


def answer_frame(groups: Sequence[Sequence[Readied]]) -> bytes:
    """The documents of each content."""
    blobs: list[bytes] = []
    head = [[_row(each, blobs) for each in group] for group in groups]
    return frame([PREPARE, head], *blobs)


def groups_of(rows: Sequence[Sequence[Sequence[Any]]], blob: bytes) -> list[list[Readied]]:
    """The documents of each content, of a frame."""
    start = 0
    groups: list[list[Readied]] = []
    for group in rows:
        found: list[Readied] = []
        for label, problems, prepared, kind, number in group:
            if prepared is None:
                found.append(Readied(label, None, tuple(Problem(*each) for each in problems), kind, number))
                continue
            end = start + prepared[0]
            found.append(Readied(label, _prepared(prepared, kind, number, blob[start:end])))
            start = end
        groups.append(found)
    return groups


def _row(each: Readied, blobs: list[bytes]) -> list[Any]:
    prepared = each.prepared
    if prepared is None:
        problems = [[p.path, p.field, p.value, p.rule, p.message, p.remedy] for p in each.problems]
        return [each.label, problems, None, each.kind, each.number]
    if prepared.origin is not None:
        raise ValueError("signed documents are not prepared by helpers")
    blobs += (prepared.secret, prepared.body)
    row = [
        len(prepared.secret) + len(prepared.body),
        len(prepared.secret),
        [[key.epoch, key.fp, key.tag, key.alias] for key in prepared.keys],
        prepared.commitment,
        prepared.seller,
        prepared.buyer,
        prepared.issuer,
        [[each.role, each.candidates, _portion_row(each.portion)] for each in prepared.referred],
        _amount_row(prepared.worth.gross),
        _amount_row(prepared.worth.quantity),
    ]
    return [each.label, [], row, prepared.kind, prepared.number]


def _prepared(row: Sequence[Any], kind: str, number: str, blob: bytes) -> PreparedDocument:
    _, secret, keys, commitment, seller, buyer, issuer, referred, gross, quantity = row
    return PreparedDocument(
        kind=kind,
        number=number,
        keys=tuple(DocumentKey(*key) for key in keys),
        commitment=commitment,
        body=blob[secret:],
        secret=blob[:secret],
        seller=seller,
        buyer=buyer,
        issuer=issuer,
        origin=None,
        referred=tuple(Referred(role, tuple(names), _portion(portion)) for role, names, portion in referred),
        worth=Worth(_amount(gross), _amount(quantity)),
    )


def _amount_row(amount: Amount | None) -> list[str] | None:
    return None if amount is None else [str(amount[0]), amount[1]]


def _amount(row: Sequence[str] | None) -> Amount | None:
    return None if row is None else (Decimal(row[0]), row[1])


def _portion_row(portion: Portion | None) -> list[Any] | None:
    if portion is None:
        return None
    # A fraction as text: its parts may be larger than what JSON's integers hold.
    return [portion.number, str(portion.part), _amount_row(portion.quantity)]


def _portion(row: Sequence[Any] | None) -> Portion | None:
    if row is None:
        return None
    return Portion(row[0], _WHOLE if row[1] == "1" else Fraction(row[1]), _amount(row[2]))
