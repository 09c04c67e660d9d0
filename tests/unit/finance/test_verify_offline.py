"""``package verify`` with any file, in a process that can reach nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossverify.evidence import Evidence
from tests.support import trade_world as tw
from tests.support.package_forge import (
    CHANNEL,
    INDUSTRY,
    OTHER_BANK,
    Forge,
    check,
    consortium,
    sound,
    truth_of,
)

ROOT = Path(__file__).resolve().parents[3]
NOW, BANK = tw.NOW, tw.BANK


@pytest.fixture(scope="module")
def evidence() -> Evidence:
    return sound().evidence()


@pytest.fixture(scope="module")
def package(evidence: Evidence) -> bytes:
    return Forge(evidence).make()


# --- anything else ------------------------------------------------------------------------------

_JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53) + 1, 2**53 - 1),
    st.text(max_size=8),
    st.just([]),
    st.just({}),
    st.just("1e999999"),
    st.just(["x"]),
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inner:
        found += _paths(each, (*path, key))
    return found


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_no_change_by_a_dishonest_issuer_breaks_the_verifier(data: st.DataObject) -> None:
    """Any value of the payload replaced by any other, then signed: it may hold, it never raises."""
    honest = sound().evidence()

    def spoil(payload: dict[str, Any]) -> None:
        path = data.draw(st.sampled_from(_paths(payload)))
        target: Any = payload
        for step in path[:-1]:
            target = target[step]
        target[path[-1]] = data.draw(_JUNK)

    forge = Forge(honest, payload=spoil, truth=truth_of(honest))
    report = check(forge.make())
    assert report.checks


@settings(max_examples=60, deadline=None)
@given(position=st.integers(0, 2**31), bit=st.integers(0, 7))
def test_no_bit_can_be_changed(position: int, bit: int) -> None:
    package = _package()
    at = position % len(package)
    forged = package[:at] + bytes([package[at] ^ (1 << bit)]) + package[at + 1 :]
    assert not check(forged).ok


_made: list[bytes] = []


def _package() -> bytes:
    if not _made:
        _made.append(Forge(sound().evidence()).make())
    return _made[0]


# --- no network, no store -----------------------------------------------------------------------

_OFFLINE = """
import sys

def forbid(event, args):
    if event.startswith(("socket.", "sqlite3.", "subprocess.", "os.exec", "os.posix_spawn", "ftplib.", "urllib.")):
        raise PermissionError(event)

sys.addaudithook(forbid)
from pathlib import Path
from consortium.identity.trust import TrustRoots
from finance_gateway.packages.verify import verify_package

report = verify_package(Path(sys.argv[1]).read_bytes(), TrustRoots.load(Path(sys.argv[2])), at=int(sys.argv[3]))
reach = {"grpc", "sqlalchemy", "sqlite3", "asyncio", "httpx", "uvicorn", "psycopg"} & set(sys.modules)
print(report.ok, sorted(reach))
"""


def test_verifying_reaches_no_network_and_no_store(tmp_path: Path, package: bytes) -> None:
    """In a process in which every socket and database raises, and which has not even loaded what could open one."""
    from consortium.identity.files import write_file

    trust = tmp_path / "trust"
    known = consortium()
    organisations, issuers = {}, {}
    for msp_id, ca in known.cas.items():
        write_file(trust / f"{msp_id}.pem", ca.cert_pem)
        organisations[msp_id] = {"ca": [f"{msp_id}.pem"]}
    for msp_id, jwks in known.trust.package_issuers.items():
        write_file(trust / f"{msp_id}.json", orjson.dumps(jwks))
        issuers[msp_id] = {"jwks": f"{msp_id}.json"}
    policy = {"all_of": [INDUSTRY], "any_of": [[BANK, OTHER_BANK]]}
    content = {
        "channel": CHANNEL,
        "chaincode": "chanrong",
        "ledger": "fabric",
        "policy": policy,
        "organisations": organisations,
        "package_issuers": issuers,
    }
    write_file(trust / "trust.json", orjson.dumps(content))
    file = tmp_path / "package.json"
    file.write_bytes(package)
    done = subprocess.run(
        [sys.executable, "-c", _OFFLINE, str(file), str(trust), str(NOW + 10)],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60,
        check=False,
    )
    assert done.stdout == "True []\n", done.stderr
