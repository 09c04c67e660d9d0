"""The digest of an answer: SHA-256 over the canonical JSON of question and answer, made alike by both sides.

Fields that have their protobuf default are left out, so that a field that is added later, and not used,
changes no digest.
"""

from __future__ import annotations

import hashlib
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from consortium.documents.canonical import canonical_bytes


def sparse(message: Message) -> dict[str, Any]:
    """A message as JSON values: set fields under their proto names, nothing for defaults."""
    values: dict[str, Any] = {}
    for field, value in message.ListFields():
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            values[field.name] = list(value) if field.is_repeated else value
        elif field.is_repeated:
            values[field.name] = [sparse(item) for item in value]
        else:
            values[field.name] = sparse(value)
    return values


def full(message: Message) -> dict[str, Any]:
    """A message as JSON values with every field, defaults too; messages that are not there are left out."""
    values: dict[str, Any] = {}
    for field in message.DESCRIPTOR.fields:
        value = getattr(message, field.name)
        if field.type != FieldDescriptor.TYPE_MESSAGE:
            values[field.name] = list(value) if field.is_repeated else value
        elif field.is_repeated:
            values[field.name] = [full(item) for item in value]
        elif message.HasField(field.name):
            values[field.name] = full(value)
    return values


def answer_digest(request: Message, response: Message) -> str:
    """Digest (hex) of a response with a ``provenance``, whose own digest is left out of it.

    :raises InvalidInputError: ``NOT_CANONICAL`` for integers beyond 2**53
    """
    answer = sparse(response)
    answer["provenance"] = {
        name: value for name, value in answer.get("provenance", {}).items() if name != "digest"
    }
    record = {
        "v": 1,
        "type": "chanrong.source-answer",
        "method": request.DESCRIPTOR.name,
        "question": sparse(request),
        "answer": answer,
    }
    return hashlib.sha256(canonical_bytes(record)).hexdigest()


def joint_digest(digests: list[str]) -> str:
    """Digest of several answers: the only one's own, else SHA-256 over the canonical JSON list of all."""
    return digests[0] if len(digests) == 1 else hashlib.sha256(canonical_bytes(digests)).hexdigest()
