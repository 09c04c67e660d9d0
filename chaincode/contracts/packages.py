"""``packages:*``. Shapes and meaning: :mod:`consortium.contract.packages`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chaincode.contracts import records
from chaincode.contracts.call import Call, Item, RefusedError, Result, each, require
from chaincode.contracts.consents import check_consent
from chaincode.contracts.keys import consent_key, package_key
from chaincode.contracts.operations import Reader, Writer
from consortium.contract import names, reasons
from consortium.contract import packages as shapes

_SAID = ("digest", "subject", "consent", "profile", "supersedes")


def _keys(call: Call, items: Sequence[Item]) -> Iterator[str]:
    for item in items:
        yield package_key(item["id"])
        for name in ("supersedes", "by"):
            if item.get(name):
                yield package_key(item[name])
        if "consent" in item:
            yield consent_key(item["consent"])


def _load(call: Call, package: str) -> records.Record | None:
    data = call.state.known(package_key(package))
    return None if data is None else records.load(records.PACKAGE, data)


def _write(call: Call, package: str, record: records.Record) -> None:
    record["changed"] = call.txid
    call.state.put(package_key(package), records.dump(records.PACKAGE, record))


def _own(call: Call, package: str) -> records.Record:
    """A package of the caller's organisation.

    :raises RefusedError: UNKNOWN_PACKAGE, NOT_ENTITLED
    """
    record = _load(call, package)
    if record is None:
        raise RefusedError(reasons.UNKNOWN_PACKAGE, f"package {package} is not anchored")
    require(record["owner"] == call.msp, reasons.NOT_ENTITLED, "another organisation anchored the package")
    return record


def _supersedable(call: Call, package: str, subject: str) -> records.Record:
    record = _own(call, package)
    require(record["subject"] == subject, reasons.NOT_ENTITLED, "the packages are of different subjects")
    require(
        record["state"] == "anchored",
        reasons.PACKAGE_FINAL,
        f"package {package} is {record['state']} already",
    )
    return record


async def _anchor(call: Call, items: Sequence[Item]) -> list[Result]:
    async def one(item: Item) -> Result:
        package = item["id"]
        record = _load(call, package)
        said = {name: item[name] for name in _SAID}
        if record is not None:
            require(
                record["owner"] == call.msp and all(record[name] == said[name] for name in _SAID),
                reasons.PACKAGE_EXISTS,
                f"package {package} is anchored with other content",
                id=package,
            )
            return {"status": "already", "id": package, "txid": record["tx"]}
        check_consent(call, item["consent"], item["subject"], names.SCOPES)
        earlier = item["supersedes"]
        require(
            earlier != package, reasons.INVALID_ITEM, "item.supersedes: a package does not supersede itself"
        )
        if earlier:
            old = _supersedable(call, earlier, item["subject"])
            _write(call, earlier, {**old, "state": "superseded", "superseded_by": package})
        record = {**said, "owner": call.msp, "state": "anchored", "tx": call.txid, "time": call.now}
        _write(call, package, record)
        return {"status": "anchored", "id": package}

    return await each(items, one)


async def _supersede(call: Call, items: Sequence[Item]) -> list[Result]:
    async def one(item: Item) -> Result:
        package, by = item["id"], item["by"]
        old = _own(call, package)
        if old["state"] == "superseded" and old.get("superseded_by") == by:
            return {"status": "already", "id": package, "txid": old["changed"]}
        new = _own(call, by)
        require(package != by, reasons.INVALID_ITEM, "item.by: a package does not supersede itself")
        require(new["state"] == "anchored", reasons.PACKAGE_FINAL, f"package {by} is {new['state']} itself")
        old = _supersedable(call, package, new["subject"])
        _write(call, package, {**old, "state": "superseded", "superseded_by": by})
        return {"status": "superseded", "id": package}

    return await each(items, one)


async def _revoke(call: Call, items: Sequence[Item]) -> list[Result]:
    async def one(item: Item) -> Result:
        package = item["id"]
        record = _own(call, package)
        if record["state"] == "revoked":
            return {"status": "already", "id": package, "txid": record["changed"]}
        require(
            record["state"] == "anchored", reasons.PACKAGE_FINAL, f"package {package} is superseded already"
        )
        _write(call, package, {**record, "state": "revoked", "reason": item["reason"]})
        return {"status": "revoked", "id": package}

    return await each(items, one)


async def _get(call: Call, request: Item) -> dict[str, Any]:
    await call.state.get_many([package_key(package) for package in request["ids"]])
    found: list[dict[str, Any] | None] = []
    for package in request["ids"]:
        record = _load(call, package)
        if record is None:
            found.append(None)
            continue
        entry = {name: record[name] for name in (*_SAID, "owner", "state", "time")}
        entry.update((name, record.get(name)) for name in ("superseded_by", "reason"))
        found.append({"id": package, "txid": record["tx"], "changed_tx": record["changed"], **entry})
    return {"packages": found}


ANCHOR = Writer(names.EVENT_PACKAGES, names.MAX_OTHER_ITEMS, shapes.ANCHOR_ITEM, _keys, _anchor)
SUPERSEDE = Writer(names.EVENT_PACKAGES, names.MAX_OTHER_ITEMS, shapes.SUPERSEDE_ITEM, _keys, _supersede)
REVOKE = Writer(names.EVENT_PACKAGES, names.MAX_OTHER_ITEMS, shapes.REVOKE_ITEM, _keys, _revoke)
GET = Reader(request=shapes.GET, answer=_get)
