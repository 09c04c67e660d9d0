"""``chanrong chaincode package | upgrade``: the contract's way onto a network, and to its next version."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chanrong.cli.output import DirOption, JsonOption, emit_json, layout_of, line, run_async
from consortium.errors import ConfigurationError


def package(
    address: Annotated[
        str, typer.Option(help="host:port at which this organisation's peer dials the chaincode.")
    ],
    label: Annotated[str, typer.Option(help="The package's label.")] = "chanrong_1.0",
    server_roots: Annotated[
        Path | None,
        typer.Option(help="PEM file of the authorities of the server's certificate; without it: no TLS."),
    ] = None,
    client_cert: Annotated[
        Path | None, typer.Option(help="PEM file with which the peer shows itself (mutual TLS).")
    ] = None,
    client_key: Annotated[
        Path | None, typer.Option(help="PEM file of its key; it becomes part of the package.")
    ] = None,
    server_name: Annotated[
        str, typer.Option(help="Name in the server's certificate, where it is not the address's host.")
    ] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write.", show_default="LABEL.tar.gz")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Make the chaincode package of one organisation, and print its package id.

    The package says where the organisation's peer finds its chaincode server; each organisation makes its own. The same
    input makes the same bytes.
    """
    from chanrong.fabric.package import Connection, make_package
    from consortium.identity.files import write_file

    problems = []
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        problems.append("--address: host:port, such as chaincode.bank-a.example:9999")
    if (client_cert is None) != (client_key is None):
        problems.append("--client-cert and --client-key: give both or none")
    if server_roots is None and (client_cert is not None or server_name):
        problems.append("--server-roots: TLS needs it")
    if server_name and client_cert is None:
        problems.append("--server-name: peers look at it with a client certificate only")
    if problems:
        raise ConfigurationError("; ".join(problems), remedy="`chanrong chaincode package --help`")
    made = make_package(
        label,
        Connection(
            address=address,
            root_cert=_pem(server_roots, "CERTIFICATE"),
            client_cert=_pem(client_cert, "CERTIFICATE"),
            client_key=_pem(client_key, "PRIVATE KEY"),
            domain=server_name,
        ),
    )
    path = output or Path(f"{label}.tar.gz")
    write_file(path, made.content, private=True)
    if as_json:
        emit_json({"file": str(path), "label": label, "package_id": made.package_id})
    else:
        line(made.package_id)


def _pem(path: Path | None, kind: str) -> str:
    if path is None:
        return ""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise ConfigurationError(f"{path} cannot be read.", remedy="Check the path.") from wrong
    if f"{kind}-----" not in text:
        raise ConfigurationError(f"{path} holds no PEM of a {kind.lower()}.", remedy="Check the file.")
    return text


def upgrade(
    directory: DirOption = None,
    contract: Annotated[
        str,
        typer.Option(help="module:attribute of the new contract.", show_default="the same, as installed now"),
    ] = "",
    version: Annotated[str, typer.Option(help="The new version.", show_default="the next one")] = "",
    as_json: JsonOption = False,
) -> None:
    """Change the contract of a sandbox on Fabric to a new version, while everything runs.

    New servers start beside the old; every organisation approves; the definition is committed; the old servers finish
    what they have and end. State stays, and clients notice nothing but a moment's delay.
    """
    from chanrong.cli.sandbox import shown_progress
    from chanrong.sandbox.upgrade import upgrade as run_upgrade

    layout = layout_of(directory)
    with shown_progress() as show:
        old, new = run_async(lambda: run_upgrade(layout, contract=contract, version=version, progress=show))
    if as_json:
        emit_json(
            {
                "chaincode": new.name,
                "from": {"version": old.version, "sequence": old.sequence},
                "to": {"version": new.version, "sequence": new.sequence},
                "package_ids": {msp: server.package_id for msp, server in new.servers.items()},
            }
        )
    else:
        line(
            f"{new.name} {old.version} (sequence {old.sequence}) is now {new.version} (sequence {new.sequence})"
            f" at {len(new.servers)} organisations."
        )
