"""Generate `consortium/wire` from `proto/` (`make proto`), or tell what has drifted (`--check`).

Works offline with the compiler and plugins that requirements/dev.txt pins. Imports between generated
modules are rewritten to `consortium.wire.<path>`, as protoc itself only knows import roots.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from importlib import resources
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent
PROTO = ROOT / "proto"
WIRE = ROOT / "consortium" / "wire"
PACKAGE = "consortium.wire"
INIT = '"""Generated from proto/ by `make proto`: do not edit."""\n'


class GenerationError(Exception):
    """A step of the generation failed; the compiler has said why on stderr."""


def run_protoc(out: Path, sources: list[str], *options: str) -> None:
    """Run the compiler of grpcio-tools in this process' environment."""
    well_known = resources.files("grpc_tools") / "_proto"
    scripts = Path(sys.executable).parent
    args = [
        "protoc",
        f"-I{PROTO}",
        f"-I{well_known}",
        f"--plugin=protoc-gen-mypy={scripts / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={scripts / 'protoc-gen-mypy_grpc'}",
        *(option.replace("OUT", str(out)) for option in options),
        *sources,
    ]
    if protoc.main(args) != 0:
        raise GenerationError("protoc failed")


def sources_with_services(scratch: Path, sources: list[str]) -> list[str]:
    """Those files that define a service; only they need gRPC modules."""
    run_protoc(scratch, sources, "--descriptor_set_out=OUT/files.binpb")
    files = FileDescriptorSet.FromString((scratch / "files.binpb").read_bytes()).file
    return sorted(file.name for file in files if file.service)


def rewrite_imports(text: str, roots: set[str]) -> str:
    """Let imports of generated modules start at the wire package."""
    names = "|".join(sorted(re.escape(root) for root in roots))
    if re.search(rf"^\s*import ({names})\b", text, re.MULTILINE):
        raise GenerationError("a generator wrote a plain import, which cannot be moved by its prefix")
    return re.sub(rf"^(\s*from )({names})(?=[. ])", rf"\g<1>{PACKAGE}.\g<2>", text, flags=re.MULTILINE)


def generate() -> dict[str, str]:
    """All generated files: path below the wire package, and text."""
    sources = sorted(path.relative_to(PROTO).as_posix() for path in PROTO.rglob("*.proto"))
    files = {"__init__.py": INIT}
    if not sources:
        return files
    with tempfile.TemporaryDirectory() as scratch_name, tempfile.TemporaryDirectory() as out_name:
        out = Path(out_name)
        services = sources_with_services(Path(scratch_name), sources)
        run_protoc(out, sources, "--python_out=OUT", "--mypy_out=quiet:OUT")
        if services:
            run_protoc(out, services, "--grpc_python_out=OUT", "--mypy_grpc_out=quiet:OUT")
        roots = {source.split("/")[0] for source in sources}
        for path in sorted(out.rglob("*.py*")):
            name = path.relative_to(out)
            files[name.as_posix()] = rewrite_imports(path.read_text(encoding="utf-8"), roots)
            for folder in list(name.parents)[:-1]:
                files[(folder / "__init__.py").as_posix()] = INIT
    return files


def present() -> dict[str, str]:
    """What the wire package holds now."""
    paths = (path for path in WIRE.rglob("*.py*") if path.suffix in {".py", ".pyi"})
    return {path.relative_to(WIRE).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def drifted(wanted: dict[str, str], found: dict[str, str]) -> list[str]:
    """Files that are missing, different or left over."""
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def write(wanted: dict[str, str], names: list[str]) -> None:
    """Bring the named files to what they should be."""
    for name in names:
        path = WIRE / name
        if name not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[name], encoding="utf-8")


def main() -> int:
    """Generate or check; the exit code says whether all is well."""
    parser = argparse.ArgumentParser(description="Generate consortium/wire from proto/.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 and name what differs")
    check = parser.parse_args().check
    try:
        wanted = generate()
    except GenerationError as error:
        print(error, file=sys.stderr)
        return 1
    names = drifted(wanted, present())
    if check:
        for name in names:
            print(f"drifted: consortium/wire/{name}")
        if names:
            print("run `make proto`")
        return 1 if names else 0
    write(wanted, names)
    print(f"consortium/wire: {len(wanted)} files, {len(names)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
