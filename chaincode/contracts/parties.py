"""``parties:*``. Shapes and meaning: :mod:`consortium.contract.parties`.

A key is never removed: entry ``number - 1`` of a party's list is key ``number`` with the transaction times
between which it was the present one, so that old signatures stay checkable.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chaincode.contracts import records
from chaincode.contracts.call import Call, Item, RefusedError, Result, each, require
from chaincode.contracts.keys import party_key
from chaincode.contracts.operations import Reader, Writer
from chaincode.contracts.signatures import party_of, public_key, verify_digest
from consortium.contract import names, reasons
from consortium.contract import parties as shapes
from consortium.contract.statements import key_rotation_statement, statement_digest


def _keys(call: Call, items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        yield party_key(item["party"])


def _write(call: Call, party: str, record: records.Record) -> None:
    call.state.put(party_key(party), records.dump(records.PARTY, record))


def _known(call: Call, party: str) -> records.Record:
    record = party_of(call, party)
    if record is None:
        raise RefusedError(reasons.UNKNOWN_PARTY, f"party {party} is not registered")
    return record


def _key(call: Call, number: int, spki: str, by: str) -> dict[str, Any]:
    public_key(spki)
    return {
        "number": number,
        "alg": "ES256",
        "spki": spki,
        "since": call.now,
        "since_tx": call.txid,
        "until": None,
        "by": by,
    }


async def _register(call: Call, items: Sequence[Item]) -> list[Result]:
    async def one(item: Item) -> Result:
        party, key = item["party"], item["key"]
        record = party_of(call, party)
        if record is not None:
            first = record["keys"][0]["spki"] if record["keys"] else None
            require(
                record["vouched_by"] == call.msp and first == (key["spki"] if key else None),
                reasons.PARTY_EXISTS,
                f"party {party} is registered by {record['vouched_by']}, or with another first key",
                party=party,
            )
            return {"status": "already", "party": party, "txid": record["tx"]}
        keys = [_key(call, 1, key["spki"], "vouched")] if key else []
        record = {
            "vouched_by": call.msp,
            "state": "active",
            "keys": keys,
            "tx": call.txid,
            "time": call.now,
        }
        _write(call, party, record)
        return {"status": "registered", "party": party}

    return await each(items, one)


async def _rotate(call: Call, items: Sequence[Item]) -> list[Result]:
    async def one(item: Item) -> Result:
        party, number = item["party"], item["number"]
        record = _known(call, party)
        keys = record["keys"]
        if number == len(keys) and keys[-1]["spki"] == item["spki"]:
            return {"status": "already", "party": party, "txid": keys[-1]["since_tx"]}
        require(
            number == len(keys) + 1, reasons.KEY_NUMBER, f"the next key of party {party} is {len(keys) + 1}"
        )
        require(
            number <= names.MAX_KEYS_PER_PARTY,
            reasons.KEY_NUMBER,
            f"a party has at most {names.MAX_KEYS_PER_PARTY} keys",
        )
        require(record["state"] == "active", reasons.PARTY_SUSPENDED, f"party {party} is suspended")
        if item["signature"] is None:
            require(
                record["vouched_by"] == call.msp,
                reasons.NOT_ENTITLED,
                "without the present key's signature only the vouching organisation changes a key",
            )
        else:
            require(keys, reasons.UNKNOWN_KEY, f"party {party} has no key to sign with")
            require(
                item["issued"] <= call.now + names.CLOCK_TOLERANCE_S,
                reasons.STATEMENT_INVALID,
                "the statement is issued in the future",
            )
            statement = key_rotation_statement(
                party=party, number=number, spki=item["spki"], issued=item["issued"]
            )
            verify_digest(call, party, len(keys), statement_digest(statement), item["signature"])
        by = "vouched" if item["signature"] is None else "signed"
        new = _key(call, number, item["spki"], by)
        require(
            all(each_key["spki"] != item["spki"] for each_key in keys),
            reasons.KEY_INVALID,
            "this was the party's key before",
        )
        if keys:
            keys[-1]["until"] = call.now
        keys.append(new)
        _write(call, party, record)
        return {"status": "rotated", "party": party}

    return await each(items, one)


async def _suspend(call: Call, items: Sequence[Item]) -> list[Result]:
    async def one(item: Item) -> Result:
        party = item["party"]
        record = _known(call, party)
        require(
            record["vouched_by"] == call.msp,
            reasons.NOT_ENTITLED,
            f"party {party} is suspended by {record['vouched_by']} only",
        )
        if record["state"] == "suspended":
            return {"status": "already", "party": party, "txid": record["changed"]}
        record.update(state="suspended", reason=item["reason"], changed=call.txid)
        _write(call, party, record)
        return {"status": "suspended", "party": party}

    return await each(items, one)


async def _get(call: Call, request: Item) -> dict[str, Any]:
    await call.state.get_many([party_key(party) for party in request["parties"]])
    found: list[dict[str, Any] | None] = []
    for party in request["parties"]:
        record = party_of(call, party)
        if record is None:
            found.append(None)
            continue
        entry = {name: record[name] for name in ("vouched_by", "state", "keys", "time")}
        if "reason" in record:
            entry["reason"] = record["reason"]
        found.append({"party": party, "first_tx": record["tx"], **entry})
    return {"parties": found}


REGISTER = Writer(names.EVENT_PARTIES, names.MAX_OTHER_ITEMS, shapes.REGISTER_ITEM, _keys, _register)
ROTATE_KEY = Writer(names.EVENT_PARTIES, names.MAX_OTHER_ITEMS, shapes.ROTATE_ITEM, _keys, _rotate)
SUSPEND = Writer(names.EVENT_PARTIES, names.MAX_OTHER_ITEMS, shapes.SUSPEND_ITEM, _keys, _suspend)
GET = Reader(request=shapes.GET, answer=_get)
