"""Makes a consortium's certificates, keys and settings files: what its members would each do for themselves.

Order: authorities; identities and TLS certificates; the organisation directory; the trust folder; the consortium's
keys; one settings file per service. Nothing is made anew that is there: a second `up` resumes the same consortium.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from chanrong.sandbox import fabric, settings, toml
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.overrides import Overrides, check_values, merged
from chanrong.sandbox.profile import Profile, Service
from chanrong.sandbox.topology import INSTITUTIONS, members
from consortium.identity.ca import CertificateAuthority
from consortium.identity.directory import OrgDirectory
from consortium.identity.files import write_file
from consortium.identity.jws import public_jwks
from consortium.identity.msp import write_msp
from consortium.identity.signer import P256Signer
from consortium.storage.crypto import BodyVault

SANS = ("localhost", "127.0.0.1")
EMBEDDED_UNIT = "chanrong-embedded"
ROLES = {
    "industry": ("gateway", "operator", "erp"),
    "finance": ("gateway", "operator", "bank"),
    "adapter": ("adapter", "operator"),
    "ledger": ("gateway",),
}
"""What the certificates of an organisation may be, by the kind of its service. Fabric's own nodes call nobody here."""


def provision(layout: Layout, profile: Profile) -> None:
    """Makes everything that a sandbox needs before its first start."""
    layout.root.mkdir(parents=True, exist_ok=True, mode=0o700)
    organisations = {s.msp_id: s.kind for s in profile.services.values() if s.kind in ROLES}
    for msp_id in organisations:
        CertificateAuthority.at(layout.ca(msp_id), f"{msp_id} identity CA", msp_id)
        CertificateAuthority.at(layout.tls_ca(msp_id), f"{msp_id} TLS CA", msp_id)
    for msp_id in members(profile):
        _identity(layout, msp_id)
        if profile.ledger == "embedded":
            _peer(layout, msp_id)
    for service in own_services(profile):
        unit = "adapter" if service.kind == "adapter" else "gateway"
        _tls(layout, service.name, service.msp_id, unit, service.name)
    for name, msp_id, unit in people(profile):
        _tls(layout, name, msp_id, unit, name)
    _directory(layout, organisations)
    _consortium_keys(layout)
    _gateway_secrets(layout, profile)
    _trust(layout, profile)


def own_services(profile: Profile) -> list[Service]:
    """Services with TLS certificates from here; Fabric's nodes and chaincode servers have theirs from the network."""
    return [service for service in profile.services.values() if service.kind not in fabric.KINDS]


def people(profile: Profile) -> list[tuple[str, str, str]]:
    """Certificates for persons: an operator per organisation, an officer per bank. (name, MSP id, role)"""
    found = [(f"{s.name}-operator", s.msp_id, "operator") for s in profile.of_kind("industry")]
    for service in profile.of_kind("finance"):
        found += [(f"{service.name}-operator", service.msp_id, "operator")]
        found += [(f"{service.name}-officer", service.msp_id, "bank")]
    return [*found, ("institutions-operator", INSTITUTIONS, "operator")]


def write_settings(layout: Layout, profile: Profile, overrides: Overrides) -> set[str]:
    """Writes the settings file of every service, with what a user's own file says. Returns whose changed.

    :raises ConfigurationError: a setting that no service has, or a value that it cannot have
    """
    overrides.check(profile.services.values())
    texts = {}
    for service in profile.services.values():
        if service.kind in ("orderer", "peer"):
            continue
        own = overrides.of(service)
        values = merged(settings.for_service(layout, profile, service), own)
        if own:
            check_values(service, values)
        texts[service.name] = toml.dumps(values).encode()
    changed = set()
    for name, text in texts.items():
        path = layout.config(name)
        if not path.exists() or path.read_bytes() != text:
            write_file(path, text, private=True)
            changed.add(name)
        layout.data(name).mkdir(parents=True, exist_ok=True, mode=0o700)
    return changed


def _identity(layout: Layout, msp_id: str) -> None:
    if layout.msp(msp_id).exists():
        return
    ca = CertificateAuthority.load(layout.ca(msp_id))
    tls_ca = CertificateAuthority.load(layout.tls_ca(msp_id))
    write_msp(layout.msp(msp_id), ca, tls_ca, ca.issue(f"{msp_id} gateway", ou="client"))


def _peer(layout: Layout, msp_id: str) -> None:
    folder = layout.peer(msp_id)
    if (folder / "cert.pem").exists():
        return
    ca = CertificateAuthority.load(layout.ca(msp_id))
    issued = ca.issue(f"peer0.{msp_id}", ou=("peer", EMBEDDED_UNIT))
    issued.save(folder / "cert.pem", folder / "key.pem")


def _tls(layout: Layout, name: str, msp_id: str, unit: str, common_name: str) -> None:
    folder = layout.tls(name)
    if (folder / "cert.pem").exists():
        return
    ca = CertificateAuthority.load(layout.tls_ca(msp_id))
    ca.issue(common_name, ou=unit, sans=SANS).save(folder / "cert.pem", folder / "key.pem")


def issue_erp_certificate(layout: Layout, msp_id: str, alias: str) -> Path:
    """TLS certificate with which a party's ERP calls the gRPC interface. Returns its folder."""
    folder = layout.tls(f"erp-{alias}")
    if not (folder / "cert.pem").exists():
        ca = CertificateAuthority.load(layout.tls_ca(msp_id))
        ca.issue(alias, ou="erp", sans=SANS).save(folder / "cert.pem", folder / "key.pem")
    return folder


def _directory(layout: Layout, organisations: Mapping[str, str]) -> None:
    content = {
        msp_id: ([str(layout.tls_ca(msp_id) / "ca.pem")], ROLES[kind])
        for msp_id, kind in organisations.items()
    }
    write_file(layout.directory, OrgDirectory.to_json(content))
    write_file(layout.bundle, OrgDirectory.load(layout.directory).bundle())


def _consortium_keys(layout: Layout) -> None:
    if layout.consortium_keys.exists():
        return
    keys = {"current": 1, "epochs": {"1": secrets.token_hex(32)}, "party": secrets.token_hex(32)}
    write_file(layout.consortium_keys, json.dumps(keys, indent=2).encode(), private=True)


def _gateway_secrets(layout: Layout, profile: Profile) -> None:
    """Each gateway's master key for bodies at rest, and the key that signs its REST tokens."""
    for service in (*profile.of_kind("industry"), *profile.of_kind("finance")):
        master = layout.root / "master-keys" / f"{service.name}.json"
        if not master.exists():
            BodyVault.create_file(master)
        token = layout.root / "orgs" / service.msp_id / "token-key.pem"
        if not token.exists():
            write_file(token, P256Signer.generate().to_pem(), private=True)


def _trust(layout: Layout, profile: Profile) -> None:
    """The trust folder: what a verifier needs and nothing secret. Issuers' keys are added by their gateways."""
    organisations = {}
    for msp_id in members(profile):
        relative = f"orgs/{msp_id}/ca.pem"
        write_file(layout.trust / relative, (layout.ca(msp_id) / "ca.pem").read_bytes())
        organisations[msp_id] = {
            "name": _name_of(profile, msp_id),
            "ca": [relative],
            "node_ou": {"peer": "peer"},
        }
    issuers = {}
    for bank in profile.of_kind("finance"):
        relative = f"orgs/{bank.msp_id}/package-jwks.json"
        write_file(layout.trust / relative, _package_key(layout, bank))
        issuers[bank.msp_id] = {"jwks": relative}
    trust = {
        "channel": profile.channel,
        "chaincode": profile.chaincode,
        "ledger": profile.ledger,
        "policy": {
            "all_of": [profile.of_kind("industry")[0].msp_id],
            "any_of": [[bank.msp_id for bank in profile.of_kind("finance")]],
        },
        "organisations": organisations,
        "package_issuers": issuers,
    }
    write_file(layout.trust / "trust.json", json.dumps(trust, indent=2).encode() + b"\n")


def _name_of(profile: Profile, msp_id: str) -> str:
    return next(service.name for service in profile.services.values() if service.msp_id == msp_id)


def _package_key(layout: Layout, bank: Service) -> bytes:
    """Makes a bank's package signing key, unless it is there, and returns its public JWKS."""
    path = layout.root / "orgs" / bank.msp_id / "package-key.pem"
    if not path.exists():
        write_file(path, P256Signer.generate().to_pem(), private=True)
    jwks = public_jwks({f"{bank.msp_id}-1": P256Signer.from_pem(path.read_bytes())})
    return json.dumps(jwks, indent=2).encode() + b"\n"
