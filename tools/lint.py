"""All checks but the tests (`make lint`): one line per step, output only of those that fail."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = Path(sys.executable).parent
PACKAGES = ["chanrong", "industry_gateway", "finance_gateway", "crossverify", "chaincode", "consortium"]
CHECKED = [*PACKAGES, "examples", "tests", "tools"]
GENERATED = ROOT / "consortium" / "wire"
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70

Outcome = tuple[bool, str]
Function = ast.FunctionDef | ast.AsyncFunctionDef


class SkippedError(Exception):
    """The step has nothing to look at; the text says why."""


def run(*command: str) -> Outcome:
    """Run one program of the environment in the repository's root."""
    environment = os.environ | {"PATH": f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    return done.returncode == 0, done.stdout + done.stderr


def tool(*command: str) -> Callable[[], Outcome]:
    """A step that is one program."""
    return lambda: run(*command)


def python_files() -> Iterator[Path]:
    """All Python files written by hand."""
    for top in CHECKED:
        for path in sorted((ROOT / top).rglob("*.py")):
            if not path.is_relative_to(GENERATED) and "node_modules" not in path.parts:
                yield path


def lengths() -> Outcome:
    """Files and functions that are too long to be read in one go."""
    found: list[str] = []
    for path in python_files():
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(ROOT)
        lines = len(text.splitlines())
        if lines >= MAX_FILE_LINES:
            found.append(f"{name}: {lines} lines, must stay under {MAX_FILE_LINES}")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, Function):
                size = (node.end_lineno or node.lineno) - node.lineno + 1
                if size >= MAX_FUNCTION_LINES:
                    limit = f"{size} lines, must stay under {MAX_FUNCTION_LINES}"
                    found.append(f"{name}:{node.lineno}: {node.name}: {limit}")
    return not found, "\n".join(found)


def base_revision() -> str:
    """The revision that present protos must not break: newest tag, else main, else the commit before."""
    known, tag = run("git", "describe", "--tags", "--abbrev=0")
    for revision in [*([tag.strip()] if known else []), "origin/main", "HEAD~"]:
        ok, names = run("git", "ls-tree", "-r", "--name-only", revision, "--", "buf.yaml", "proto/chanrong")
        if ok and "buf.yaml" in names and ".proto" in names:
            return revision
    raise SkippedError("no earlier revision with protos")


def breaking() -> Outcome:
    """Compare protos with those of an earlier revision."""
    revision = base_revision()
    archive = subprocess.run(
        ["git", "archive", revision, "buf.yaml", "proto"], cwd=ROOT, capture_output=True, check=True
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        ok, output = run("buf", "breaking", "--against", folder)
    return ok, f"against {revision}:\n{output}"


STEPS: list[tuple[str, Callable[[], Outcome]]] = [
    ("ruff format", tool("ruff", "format", "--check", ".")),
    ("ruff check", tool("ruff", "check", ".")),
    ("mypy", tool("mypy", "--explicit-package-bases", *CHECKED)),
    ("lint-imports", tool("lint-imports")),
    ("buf lint", tool("buf", "lint")),
    ("gen_proto --check", tool(sys.executable, "tools/gen_proto.py", "--check")),
    ("buf breaking", breaking),
    ("lengths", lengths),
]


def main() -> int:
    """Run every step, also after a failed one; the exit code says whether all passed."""
    failed = 0
    for name, step in STEPS:
        started = time.monotonic()
        try:
            ok, output = step()
        except SkippedError as reason:
            print(f"skip  {name}: {reason}", flush=True)
            continue
        print(f"{'ok  ' if ok else 'FAIL'}  {name} ({time.monotonic() - started:.1f} s)", flush=True)
        if not ok:
            failed += 1
            print(output.rstrip(), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
