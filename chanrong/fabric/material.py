"""Certificates, keys, MSP folders and configuration files of a local network; made once, where missing.

```
<root>/ca/<MSP>/{ca,tlsca,chaincode}      authorities: identities, TLS, and the connection peer - chaincode server
<root>/fabric/network.json                the plan
<root>/fabric/bin/{peer,orderer}          links to the programs: `down` knows its processes by them
<root>/fabric/builder/bin/{detect,build,release}
<root>/fabric/peer-<org>/{core.yaml,msp,admin,tls,data}   <root>/fabric/orderer/{orderer.yaml,msp,tls,admin-tls,data}
<root>/fabric/channel/{configtx.yaml,genesis.block,<MSP>/}
<root>/fabric/chaincode/<server>/{cert.pem,key.pem,roots.pem,package.tar.gz}
```
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from chanrong.fabric import texts
from chanrong.fabric.package import Connection, Package, make_package
from chanrong.fabric.plan import ChaincodeServer, Definition, Organisation, Plan
from chanrong.fabric.programs import Programs
from chanrong.sandbox.layout import Layout
from consortium.identity.ca import CertificateAuthority
from consortium.identity.files import write_file
from consortium.identity.msp import write_msp, write_org_msp

SANS = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Home:
    """Paths of a network below a sandbox's folder."""

    layout: Layout

    @property
    def root(self) -> Path:
        """Folder of the network."""
        return self.layout.root / "fabric"

    @property
    def plan(self) -> Path:
        """The plan's file."""
        return self.root / "network.json"

    @property
    def builder(self) -> Path:
        """The external builder."""
        return self.root / "builder"

    @property
    def channel(self) -> Path:
        """What the first block is made of, and the block."""
        return self.root / "channel"

    @property
    def genesis(self) -> Path:
        """The channel's first block."""
        return self.channel / "genesis.block"

    def program(self, name: str) -> Path:
        """The link to a program."""
        return self.root / "bin" / name

    def node(self, name: str) -> Path:
        """Folder of the orderer or of a peer."""
        return self.root / name

    def server(self, name: str) -> Path:
        """Folder of a chaincode server's certificates and package."""
        return self.root / "chaincode" / name

    def chaincode_ca(self, msp_id: str) -> Path:
        """The authority for the connection between an organisation's peer and its chaincode servers."""
        return self.layout.root / "ca" / msp_id / "chaincode"


def make_material(home: Home, plan: Plan, programs: Programs) -> None:
    """Everything that the nodes need before their first start."""
    link_programs(home, programs)
    for name, text in texts.BUILDER.items():
        path = home.builder / "bin" / name
        write_file(path, text.encode())
        path.chmod(0o755)
    folders = {plan.orderer.msp_id: _org_msp(home, plan.orderer.msp_id)}
    _orderer(home, plan)
    for org in plan.organisations:
        folders[org.msp_id] = _org_msp(home, org.msp_id)
        _peer(home, org)
    folders |= {msp: _org_msp(home, msp) for msp in plan.readers}
    if not home.genesis.exists():
        newest = programs.version[0] >= 3
        values = texts.configtx(plan, home.node(plan.orderer.name), folders, newest=newest)
        write_file(home.channel / "configtx.yaml", texts.yaml(values))


def link_programs(home: Home, programs: Programs) -> None:
    """Links to the programs as they are found now: they may have moved since the last start."""
    for name, path in (("peer", programs.peer), ("orderer", programs.orderer)):
        link = home.program(name)
        link.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if link.is_symlink() and link.readlink() == path:
            continue
        link.unlink(missing_ok=True)
        link.symlink_to(path)


def authorities(home: Home, msp_id: str) -> tuple[CertificateAuthority, CertificateAuthority]:
    """An organisation's authorities for identities and for TLS."""
    layout = home.layout
    return (
        CertificateAuthority.at(layout.ca(msp_id), f"{msp_id} identity CA", msp_id),
        CertificateAuthority.at(layout.tls_ca(msp_id), f"{msp_id} TLS CA", msp_id),
    )


def _org_msp(home: Home, msp_id: str) -> Path:
    folder = home.channel / msp_id
    if not folder.exists():
        write_org_msp(folder, *authorities(home, msp_id))
    return folder


def _tls(folder: Path, ca: CertificateAuthority, common_name: str, unit: str) -> None:
    if not (folder / "cert.pem").exists():
        ca.issue(common_name, ou=unit, sans=SANS).save(folder / "cert.pem", folder / "key.pem")
        write_file(folder / "ca.pem", ca.cert_pem)


def _orderer(home: Home, plan: Plan) -> None:
    folder = home.node(plan.orderer.name)
    ca, tls_ca = authorities(home, plan.orderer.msp_id)
    if not (folder / "msp").exists():
        write_msp(folder / "msp", ca, tls_ca, ca.issue(plan.orderer.name, ou="orderer"))
    _tls(folder / "tls", tls_ca, plan.orderer.name, "orderer")
    _tls(folder / "admin-tls", tls_ca, f"{plan.orderer.name}-admin", "admin")
    write_file(folder / "orderer.yaml", texts.yaml(texts.orderer(plan, folder)))


def _peer(home: Home, org: Organisation) -> None:
    folder = home.node(org.peer)
    ca, tls_ca = authorities(home, org.msp_id)
    if not (folder / "msp").exists():
        write_msp(folder / "msp", ca, tls_ca, ca.issue(f"peer0.{org.name}", ou="peer"))
    if not (folder / "admin").exists():
        write_msp(folder / "admin", ca, tls_ca, ca.issue(f"admin.{org.name}", ou="admin"))
    _tls(folder / "tls", tls_ca, org.peer, "peer")
    write_file(folder / "core.yaml", texts.yaml(texts.core(org, folder, home.builder)))


def make_packages(home: Home, definition: Definition) -> Definition:
    """Certificates and packages of a definition's servers; the definition with their package ids.

    Peer and chaincode servers of an organisation share an authority of their own: a certificate for anything else of
    that organisation opens nothing here, and the other way round.
    """
    ids = {
        msp: _package(home, server, definition.label).package_id for msp, server in definition.servers.items()
    }
    return definition.with_packages(ids)


def _package(home: Home, server: ChaincodeServer, label: str) -> Package:
    folder = home.server(server.name)
    path = folder / "package.tar.gz"
    if path.exists():
        return Package(label, path.read_bytes())
    ca = CertificateAuthority.at(
        home.chaincode_ca(server.msp_id), f"{server.msp_id} chaincode CA", server.msp_id
    )
    ca.issue(server.name, ou="chaincode", sans=SANS).save(folder / "cert.pem", folder / "key.pem")
    write_file(folder / "roots.pem", ca.cert_pem)
    client = ca.issue(f"peer0.{server.msp_id}", ou="peer", sans=SANS)
    made = make_package(
        label,
        Connection(
            address=server.listen,
            root_cert=ca.cert_pem.decode(),
            client_cert=client.cert_pem.decode(),
            client_key=client.key_pem.decode(),
        ),
    )
    write_file(path, made.content, private=True)
    return made
