"""``consents:*``. Shapes and meaning: :mod:`consortium.contract.consents`.

A consent is the statement that its subject signed, and nothing more: who submits it does not matter. It is
live from its grant until it is revoked or its ``expires`` has come, by transaction time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chaincode.contracts import records
from chaincode.contracts.call import Call, Item, RefusedError, Result, each, require
from chaincode.contracts.keys import consent_key, consents_of, party_key, subject_consent_key
from chaincode.contracts.operations import Reader, Writer
from chaincode.contracts.signatures import read_statement, verify_digest
from chaincode.state import split_composite_key
from consortium.contract import consents as shapes
from consortium.contract import names, reasons, statements

_FIELDS = ("subject", "recipient", "purpose", "scope", "fields", "issued", "expires")
_INDEX = b'{"v":1}'


def _statements(kind: str, items: Sequence[Item]) -> list[tuple[Item, dict[str, Any] | None]]:
    """Items with their statements' fields, None where they cannot be read."""
    found: list[tuple[Item, dict[str, Any] | None]] = []
    for item in items:
        try:
            found.append((item, read_statement(kind, item["statement"])[0]))
        except RefusedError:
            found.append((item, None))
    return found


def _keys_of(kind: str) -> Any:
    def keys(call: Call, items: Sequence[Item]) -> Iterator[str]:
        for _, fields in _statements(kind, items):
            if fields is not None:
                yield consent_key(fields["id"])
                yield party_key(fields["subject"])

    return keys


def load(call: Call, consent: str) -> records.Record | None:
    """A consent's record. Its key must have been read before."""
    data = call.state.known(consent_key(consent))
    return None if data is None else records.load(records.CONSENT, data)


def check_consent(call: Call, consent: str, subject: str, scopes: Sequence[str]) -> records.Record:
    """A live consent of a subject to the caller's organisation with one of these scopes. Its key must have
    been read.

    :raises RefusedError: UNKNOWN_CONSENT, CONSENT_FOREIGN, CONSENT_REVOKED, CONSENT_EXPIRED, CONSENT_SCOPE
    """
    record = load(call, consent)
    if record is None:
        raise RefusedError(reasons.UNKNOWN_CONSENT, f"consent {consent} is not recorded")
    require(
        record["subject"] == subject and record["recipient"] == call.msp,
        reasons.CONSENT_FOREIGN,
        f"consent {consent} is another subject's, or to another organisation",
    )
    require("revoked" not in record, reasons.CONSENT_REVOKED, f"consent {consent} was revoked")
    require(
        call.now < record["expires"],
        reasons.CONSENT_EXPIRED,
        f"consent {consent} expired at {record['expires']}",
    )
    require(
        record["scope"] in scopes,
        reasons.CONSENT_SCOPE,
        f"consent {consent} has scope {record['scope']}, needed is {' or '.join(scopes)}",
    )
    return record


async def _grant(call: Call, items: Sequence[Item]) -> list[Result]:
    async def one(item: Item) -> Result:
        fields, digest = read_statement(statements.CONSENT, item["statement"])
        said = {name: fields[name] for name in ("id", "subject", "recipient")}
        record = load(call, fields["id"])
        if record is not None:
            require(
                record["digest"] == digest, reasons.CONSENT_EXISTS, f"consent {fields['id']} exists", **said
            )
            return {"status": "already", "txid": record["tx"], **said}
        require(
            fields["issued"] <= call.now + names.CLOCK_TOLERANCE_S,
            reasons.STATEMENT_INVALID,
            "the statement is issued in the future",
            **said,
        )
        require(
            fields["issued"] < fields["expires"] <= fields["issued"] + names.MAX_CONSENT_SECONDS,
            reasons.STATEMENT_INVALID,
            "the consent ends before it begins, or after more than five years",
            **said,
        )
        require(call.now < fields["expires"], reasons.CONSENT_EXPIRED, "the consent is over already", **said)
        verify_digest(call, fields["subject"], item["key"], digest, item["signature"])
        record = {name: fields[name] for name in _FIELDS}
        record.update(
            digest=digest, key=item["key"], signature=item["signature"], tx=call.txid, time=call.now
        )
        call.state.put(consent_key(fields["id"]), records.dump(records.CONSENT, record))
        call.state.put(subject_consent_key(fields["subject"], fields["id"]), _INDEX)
        return {"status": "granted", **said}

    return await each(items, one)


async def _revoke(call: Call, items: Sequence[Item]) -> list[Result]:
    async def one(item: Item) -> Result:
        fields, digest = read_statement(statements.REVOCATION, item["statement"])
        record = load(call, fields["id"])
        if record is None:
            raise RefusedError(reasons.UNKNOWN_CONSENT, f"consent {fields['id']} is not recorded")
        said = {"id": fields["id"], "subject": record["subject"], "recipient": record["recipient"]}
        require(
            record["subject"] == fields["subject"],
            reasons.CONSENT_FOREIGN,
            "the consent is another subject's",
            **said,
        )
        if "revoked" in record:
            return {"status": "already", "txid": record["revoked"]["txid"], **said}
        verify_digest(call, fields["subject"], item["key"], digest, item["signature"], suspended_too=True)
        record["revoked"] = {"txid": call.txid, "time": call.now}
        call.state.put(consent_key(fields["id"]), records.dump(records.CONSENT, record))
        return {"status": "revoked", **said}

    return await each(items, one)


def _as_record(call: Call, consent: str, data: bytes) -> dict[str, Any]:
    record = records.load(records.CONSENT, data)
    revoked = record.get("revoked")
    found = {name: record[name] for name in (*_FIELDS, "digest", "key", "signature", "time")}
    found.update(
        id=consent,
        state="revoked" if revoked else "granted",
        live=revoked is None and call.now < record["expires"],
        txid=record["tx"],
        revoked=revoked,
    )
    return found


async def _records(call: Call, ids: Sequence[str]) -> list[dict[str, Any] | None]:
    values = await call.state.get_many([consent_key(each_id) for each_id in ids])
    return [
        None if data is None else _as_record(call, consent, data)
        for consent, data in zip(ids, values, strict=True)
    ]


async def _get(call: Call, request: Item) -> dict[str, Any]:
    return {"consents": await _records(call, request["ids"])}


async def _list(call: Call, request: Item) -> dict[str, Any]:
    limit = request.get("limit", names.MAX_READ_ITEMS)
    start, end = consents_of(request["subject"], request.get("after"))
    ids: list[str] = []
    async for entry in call.state.range(start, end):
        ids.append(split_composite_key(entry.key)[1][1])
        if len(ids) > limit:
            break
    return {"consents": await _records(call, ids[:limit]), "more": len(ids) > limit}


GRANT = Writer(
    names.EVENT_CONSENTS,
    names.MAX_OTHER_ITEMS,
    shapes.STATEMENT_ITEM,
    _keys_of(statements.CONSENT),
    _grant,
)
REVOKE = Writer(
    names.EVENT_CONSENTS,
    names.MAX_OTHER_ITEMS,
    shapes.STATEMENT_ITEM,
    _keys_of(statements.REVOCATION),
    _revoke,
)
GET = Reader(request=shapes.GET, answer=_get)
LIST = Reader(request=shapes.LIST, answer=_list)
