"""CAs, MSP identities, TLS certificates and the directory of a test consortium, made in milliseconds.

```python
@pytest.fixture(scope="session")
def consortium(tmp_path_factory): return make_consortium(tmp_path_factory.mktemp("certs"))

consortium.identity("BankAMSP")                 # MSP identity (OU client) that signs proposals
consortium.peer("IndustryAMSP")                 # the organisation's peer identity (OU peer)
consortium.tls("bank-a", "BankAMSP", "gateway") # TlsFiles for a process
consortium.directory                            # OrgDirectory
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from consortium.identity.ca import CertificateAuthority, Issued
from consortium.identity.directory import OrgDirectory
from consortium.identity.files import write_file
from consortium.identity.msp import Identity, make_identity, write_msp, write_org_msp
from consortium.rpc.tls import TlsFiles

ORGANISATIONS: Mapping[str, frozenset[str]] = {
    "IndustryAMSP": frozenset({"gateway", "operator", "erp"}),
    "IndustryBMSP": frozenset({"gateway", "operator", "erp"}),
    "BankAMSP": frozenset({"gateway", "operator", "bank"}),
    "BankBMSP": frozenset({"gateway", "operator", "bank"}),
    "InstitutionsMSP": frozenset({"adapter", "operator", "regulator"}),
}
"""MSP id -> roles that its TLS certificates may have."""

LOOPBACK = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class TestOrg:
    """One organisation: its two CAs and what they issued."""

    __test__ = False

    msp_id: str
    ca: CertificateAuthority
    tls_ca: CertificateAuthority
    client: Issued
    peer: Issued


@dataclass
class TestConsortium:
    """All organisations, below one folder."""

    __test__ = False

    root: Path
    orgs: dict[str, TestOrg]
    directory_file: Path
    directory: OrgDirectory
    _tls: dict[tuple[str, str, str], TlsFiles] = field(default_factory=dict)

    def identity(self, msp_id: str) -> Identity:
        """The organisation's MSP identity of a gateway (OU client)."""
        return make_identity(msp_id, self.orgs[msp_id].client)

    def peer(self, msp_id: str) -> Identity:
        """The organisation's peer (OU peer)."""
        return make_identity(msp_id, self.orgs[msp_id].peer)

    def msp_folder(self, msp_id: str) -> Path:
        """MSP folder of ``identity(msp_id)``."""
        return self.root / "orgs" / msp_id / "msp"

    def ca_file(self, msp_id: str) -> Path:
        """PEM file of the organisation's MSP CA."""
        return self.root / "ca" / msp_id / "ca" / "ca.pem"

    def tls_ca_file(self, msp_id: str) -> Path:
        """PEM file of the organisation's TLS CA."""
        return self.root / "ca" / msp_id / "tlsca" / "ca.pem"

    def tls(self, name: str, msp_id: str, role: str) -> TlsFiles:
        """TLS files of a process or a caller: CN name, O organisation, OU role; trusts all organisations."""
        key = (name, msp_id, role)
        if key not in self._tls:
            folder = self.root / "tls" / f"{name}-{msp_id}-{role}"
            issued = self.orgs[msp_id].tls_ca.issue(name, ou=role, sans=[*LOOPBACK, name])
            self._tls[key] = self.save_tls(folder, issued)
        return self._tls[key]

    def save_tls(self, folder: Path, issued: Issued) -> TlsFiles:
        """TLS files with any certificate, also one that is wrong in some way."""
        issued.save(folder / "cert.pem", folder / "key.pem")
        roots = self.root / "tls" / "bundle.pem"
        return TlsFiles(certificate=folder / "cert.pem", key=folder / "key.pem", roots=roots)


def make_consortium(
    root: Path, organisations: Mapping[str, frozenset[str]] = ORGANISATIONS
) -> TestConsortium:
    """Make everything below a folder."""
    orgs: dict[str, TestOrg] = {}
    for msp_id in organisations:
        ca = CertificateAuthority.create(f"ca.{msp_id.lower()}", msp_id)
        tls_ca = CertificateAuthority.create(f"tlsca.{msp_id.lower()}", msp_id)
        client = ca.issue(f"gateway.{msp_id.lower()}", ou="client")
        peer = ca.issue(f"peer0.{msp_id.lower()}", ou="peer")
        orgs[msp_id] = TestOrg(msp_id, ca, tls_ca, client, peer)
        ca.save(root / "ca" / msp_id / "ca")
        tls_ca.save(root / "ca" / msp_id / "tlsca")
        write_msp(root / "orgs" / msp_id / "msp", ca, tls_ca, client)
        write_msp(root / "peers" / msp_id / "msp", ca, tls_ca, peer)
        write_org_msp(root / "channel" / msp_id / "msp", ca, tls_ca)
    entries = {msp_id: ([f"ca/{msp_id}/tlsca/ca.pem"], roles) for msp_id, roles in organisations.items()}
    directory_file = root / "directory.json"
    write_file(directory_file, OrgDirectory.to_json(entries))
    directory = OrgDirectory.load(directory_file)
    write_file(root / "tls" / "bundle.pem", directory.bundle())
    return TestConsortium(root, orgs, directory_file, directory)
