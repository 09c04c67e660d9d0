"""The committed modules of `consortium.wire` are what `proto/` gives."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WIRE = ROOT / "consortium" / "wire"
MODULES = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts) for path in WIRE.rglob("*_pb2*.py"))


def test_generated_code_has_not_drifted() -> None:
    done = subprocess.run(
        [sys.executable, "tools/gen_proto.py", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", MODULES)
def test_generated_module_imports(module: str) -> None:
    importlib.import_module(module)
