"""The settings file of each service of a sandbox, as an operator would write it by hand."""

from __future__ import annotations

from typing import Any

from chanrong.fabric.chaincode import server_values
from chanrong.fabric.material import Home
from chanrong.fabric.plan import load_plan
from chanrong.sandbox.layout import Layout
from chanrong.sandbox.profile import Profile, Service
from chanrong.sandbox.topology import INSTITUTIONS, members

Values = dict[str, Any]

RECONCILE_PERIOD_S = 300


def for_service(layout: Layout, profile: Profile, service: Service) -> Values:
    """The settings of one service."""
    made = {
        "ledger": _ledger,
        "chaincode": _chaincode,
        "adapter": _adapter,
        "industry": _industry,
        "finance": _finance,
    }[service.kind](layout, profile, service)
    return {"grace_s": 5, **made}


def _tls(layout: Layout, service: Service) -> Values:
    folder = layout.tls(service.name)
    return {"certificate": folder / "cert.pem", "key": folder / "key.pem", "roots": layout.bundle}


def _database(layout: Layout, service: Service) -> str:
    return f"sqlite:///{layout.data(service.name) / 'store.db'}"


def endorsers(profile: Profile, service: Service) -> list[str]:
    """Who endorses a gateway's transactions: the first industry organisation, and one bank: its own, if it is one.

    An industry gateway on Fabric names nobody: its peer finds whoever fulfils the policy, so that one bank that is down
    stops no registration.
    """
    if profile.ledger == "fabric" and service.kind == "industry":
        return []
    industry = profile.of_kind("industry")[0].msp_id
    bank = service.msp_id if service.kind == "finance" else profile.of_kind("finance")[0].msp_id
    return [industry, bank]


def _ledger(layout: Layout, profile: Profile, service: Service) -> Values:
    organisations = [
        {
            "msp_id": msp_id,
            "ca_certs": [layout.ca(msp_id) / "ca.pem"],
            "peer_cert": layout.peer(msp_id) / "cert.pem",
            "peer_key": layout.peer(msp_id) / "key.pem",
        }
        for msp_id in members(profile)
    ]
    return {
        "channel": profile.channel,
        "chaincode": profile.chaincode,
        "database": layout.data(service.name) / "ledger.db",
        "listen": service.grpc,
        "tls_cert": layout.tls(service.name) / "cert.pem",
        "tls_key": layout.tls(service.name) / "key.pem",
        "organisations": organisations,
        "policy": {
            "all_of": [profile.of_kind("industry")[0].msp_id],
            "any_of": [[bank.msp_id for bank in profile.of_kind("finance")]],
        },
    }


def _adapter(layout: Layout, profile: Profile, service: Service) -> Values:
    return {
        "listen": service.grpc,
        "database": _database(layout, service),
        "tls": _tls(layout, service),
        "directory": layout.directory,
        "asking_organisations": [bank.msp_id for bank in profile.of_kind("finance")],
        "operator_organisations": [INSTITUTIONS],
    }


def _chaincode(layout: Layout, profile: Profile, service: Service) -> Values:
    home = Home(layout)
    plan = load_plan(home.plan)
    server = next(each for each in (plan.servers() if plan else ()) if each.name == service.name)
    return server_values(home, server)


def gateway_peers(profile: Profile, msp_id: str) -> list[Service]:
    """Where an organisation reaches the ledger: its own peer first, then the other members', for when that is down."""
    nodes = profile.of_kind("peer") or profile.of_kind("ledger")
    return sorted(nodes, key=lambda node: node.msp_id != msp_id)


def _gateway(layout: Layout, profile: Profile, service: Service) -> Values:
    peers = gateway_peers(profile, service.msp_id)
    return {
        "name": service.name,
        "msp_id": service.msp_id,
        "listen_grpc": service.grpc,
        "listen_rest": service.rest,
        "database": _database(layout, service),
        "tls": _tls(layout, service),
        "directory": layout.directory,
        "identity": layout.msp(service.msp_id),
        "consortium_keys": layout.consortium_keys,
        "master_keys": layout.root / "master-keys" / f"{service.name}.json",
        "token_key": layout.root / "orgs" / service.msp_id / "token-key.pem",
        "ledger": {
            "kind": profile.ledger,
            "endpoints": [f"{peer.msp_id}@{peer.grpc}" for peer in peers]
            if profile.ledger == "fabric"
            else [peer.grpc for peer in peers],
            "tls_roots": layout.bundle if len(peers) > 1 else layout.tls_ca(peers[0].msp_id) / "ca.pem",
            "channel": profile.channel,
            "chaincode": profile.chaincode,
            "organisations": endorsers(profile, service),
            "members": members(profile),
        },
        "reconcile_period_s": RECONCILE_PERIOD_S,
    }


def _industry(layout: Layout, profile: Profile, service: Service) -> Values:
    return _gateway(layout, profile, service)


def _finance(layout: Layout, profile: Profile, service: Service) -> Values:
    return {
        **_gateway(layout, profile, service),
        "package_key": layout.root / "orgs" / service.msp_id / "package-key.pem",
        "package_kid": f"{service.msp_id}-1",
        "industry_gateways": [
            {"name": each.name, "target": each.grpc, "msp_id": each.msp_id}
            for each in profile.of_kind("industry")
        ],
        "adapters": {
            each.name: {"target": each.grpc, "msp_id": each.msp_id} for each in profile.of_kind("adapter")
        },
    }
