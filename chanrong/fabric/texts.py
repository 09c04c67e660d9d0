"""The configuration files of the local network's programs, and the external builder's three executables.

Only what differs from the programs' own defaults, or has no default, is said.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chanrong.fabric.plan import HOST, Organisation, Plan

MEBIBYTE = 1024 * 1024
MAX_MESSAGE_BYTES = 100 * MEBIBYTE

DETECT = """#!/bin/sh
# Whether a package is ours: its metadata say that the chaincode runs as a service. $2: folder of metadata.json.
exec grep -qi '"type"[[:space:]]*:[[:space:]]*"ccaas"' "$2/metadata.json"
"""
BUILD = """#!/bin/sh
# Nothing is built: the connection, and indexes if there are any, are handed on. $1: sources, $3: what the build leaves.
set -eu
cp "$1/connection.json" "$3/connection.json"
if [ -d "$1/META-INF" ]; then cp -R "$1/META-INF" "$3/META-INF"; fi
"""
RELEASE = """#!/bin/sh
# Tells the peer where the chaincode's server is. $1: what the build left, $2: what the peer reads.
set -eu
mkdir -p "$2/chaincode/server"
cp "$1/connection.json" "$2/chaincode/server/connection.json"
if [ -d "$1/META-INF" ]; then cp -R "$1/META-INF/." "$2/"; fi
"""
BUILDER = {"detect": DETECT, "build": BUILD, "release": RELEASE}


def yaml(values: Any) -> bytes:
    """YAML of plain values: JSON is YAML."""
    return json.dumps(values, indent=2).encode() + b"\n"


def core(org: Organisation, home: Path, builder: Path) -> dict[str, Any]:
    """A peer's ``core.yaml``; the ``peer`` command reads it as well.

    :param home: the peer's folder, with ``msp`` and ``tls``
    :param builder: folder of the external builder
    """
    return {
        "peer": _peer(org, home),
        "vm": {"endpoint": ""},
        "chaincode": _chaincode(builder),
        "ledger": {
            "state": {"stateDatabase": "goleveldb", "totalQueryLimit": 100_000},
            "history": {"enableHistoryDatabase": True},
            "pvtdataStore": {
                "collElgProcMaxDbBatchSize": 5000,
                "collElgProcDbBatchesInterval": 1000,
                "deprioritizedDataReconcilerInterval": "60m",
                "purgeInterval": 100,
                "purgedKeyAuditLogging": True,
            },
            "snapshots": {"rootDir": str(home / "data" / "snapshots")},
        },
        "operations": {"listenAddress": f"{HOST}:0", "tls": {"enabled": False}},
        "metrics": {"provider": "disabled"},
    }


def _peer(org: Organisation, home: Path) -> dict[str, Any]:
    tls = home / "tls"
    filters = ("DefaultAuth", "ExpirationCheck", "TimeWindowCheck")
    return {
        "id": org.peer,
        "networkId": "chanrong",
        "listenAddress": org.listen,
        "address": org.listen,
        # Chaincode here is dialled by the peer and never dials it: any free port will do.
        "chaincodeListenAddress": f"{HOST}:0",
        "localMspId": org.msp_id,
        "mspConfigPath": str(home / "msp"),
        "fileSystemPath": str(home / "data"),
        "BCCSP": {"Default": "SW", "SW": {"Hash": "SHA2", "Security": 256}},
        "tls": {
            "enabled": True,
            "clientAuthRequired": False,
            "cert": {"file": str(tls / "cert.pem")},
            "key": {"file": str(tls / "key.pem")},
            "rootcert": {"file": str(tls / "ca.pem")},
        },
        "gateway": {
            "enabled": True,
            "endorsementTimeout": "30s",
            "broadcastTimeout": "30s",
            "dialTimeout": "5s",
        },
        "keepalive": {"minInterval": "60s"},
        "gossip": _gossip(org),
        "authentication": {"timewindow": "15m"},
        "client": {"connTimeout": "10s"},
        "deliveryclient": {
            "blockGossipEnabled": False,
            "reconnectTotalTimeThreshold": "3600s",
            "connTimeout": "3s",
            # An orderer that was restarted is found again within a second.
            "reConnectBackoffThreshold": "1s",
            "minimalReconnectInterval": "100ms",
            "policy": "simple",
        },
        "handlers": {
            "authFilters": [{"name": name} for name in filters],
            "decorators": [{"name": "DefaultDecorator"}],
            "endorsers": {"escc": {"name": "DefaultEndorsement"}},
            "validators": {"vscc": {"name": "DefaultValidation"}},
        },
        "discovery": {"enabled": True, "authCacheEnabled": True, "authCacheMaxSize": 1000},
        "limits": {"concurrency": {"endorserService": 2500, "deliverService": 2500, "gatewayService": 500}},
        "maxRecvMsgSize": MAX_MESSAGE_BYTES,
        "maxSendMsgSize": MAX_MESSAGE_BYTES,
    }


def _chaincode(builder: Path) -> dict[str, Any]:
    return {
        "externalBuilders": [{"name": "ccaas", "path": str(builder), "propagateEnvironment": []}],
        "mode": "net",
        "installTimeout": "60s",
        "startuptimeout": "60s",
        "executetimeout": "30s",
        "system": dict.fromkeys(("_lifecycle", "cscc", "lscc", "qscc"), "enable"),
        "logging": {"level": "info", "shim": "warning"},
        "runtimeParams": {
            "useWriteBatch": True,
            "maxSizeWriteBatch": 1000,
            "useGetMultipleKeys": True,
            "maxSizeGetMultipleKeys": 1000,
        },
    }


def _gossip(org: Organisation) -> dict[str, Any]:
    """One peer per organisation that fetches its own blocks; the others' peers and chaincodes are learnt soon.

    Fabric's own intervals (4 to 25 s) suit networks of many peers; here everything is on one machine.
    """
    return {
        "bootstrap": org.listen,
        "endpoint": org.listen,
        "externalEndpoint": org.listen,
        "useLeaderElection": False,
        "orgLeader": True,
        "membershipTrackerInterval": "1s",
        "publishStateInfoInterval": "500ms",
        "requestStateInfoInterval": "500ms",
        "aliveTimeInterval": "500ms",
        "aliveExpirationTimeout": "10s",
        "reconnectInterval": "1s",
        "maxConnectionAttempts": 120,
        "msgExpirationFactor": 20,
        "pullInterval": "2s",
        "publishCertPeriod": "2s",
        "state": {
            "enabled": False,
            "checkInterval": "10s",
            "responseTimeout": "3s",
            "batchSize": 10,
            "blockBufferSize": 20,
            "maxRetries": 3,
        },
        "pvtData": {
            "pullRetryThreshold": "5s",
            "transientstoreMaxBlockRetention": 20_000,
            "pushAckTimeout": "3s",
            "btlPullMargin": 10,
            "reconcileBatchSize": 10,
            "reconcileSleepInterval": "5s",
            "reconciliationEnabled": True,
            "skipPullingInvalidTransactionsDuringCommit": False,
            "implicitCollectionDisseminationPolicy": {"requiredPeerCount": 0, "maxPeerCount": 1},
        },
    }


def orderer(plan: Plan, home: Path) -> dict[str, Any]:
    """The ordering node's ``orderer.yaml``."""
    host, _, port = plan.orderer.listen.rpartition(":")
    tls = home / "tls"
    own = {
        "Enabled": True,
        "Certificate": str(tls / "cert.pem"),
        "PrivateKey": str(tls / "key.pem"),
        "ClientAuthRequired": False,
    }
    return {
        "General": {
            "ListenAddress": host,
            "ListenPort": int(port),
            "TLS": {**own, "RootCAs": [str(tls / "ca.pem")]},
            "Cluster": {"ClientCertificate": str(tls / "cert.pem"), "ClientPrivateKey": str(tls / "key.pem")},
            "Keepalive": {"ServerMinInterval": "60s", "ServerInterval": "7200s", "ServerTimeout": "20s"},
            "BootstrapMethod": "none",
            "LocalMSPDir": str(home / "msp"),
            "LocalMSPID": plan.orderer.msp_id,
            "BCCSP": {"Default": "SW", "SW": {"Hash": "SHA2", "Security": 256}},
            "MaxRecvMsgSize": MAX_MESSAGE_BYTES,
            "MaxSendMsgSize": MAX_MESSAGE_BYTES,
        },
        "FileLedger": {"Location": str(home / "data")},
        "Operations": {"ListenAddress": f"{HOST}:0"},
        "Metrics": {"Provider": "disabled"},
        "Admin": {
            "ListenAddress": plan.orderer.admin,
            "TLS": {**own, "ClientAuthRequired": True, "ClientRootCAs": [str(tls / "ca.pem")]},
        },
        "ChannelParticipation": {"Enabled": True, "MaxRequestBodySize": "1 MB"},
        "Consensus": {"WALDir": str(home / "data" / "wal"), "SnapDir": str(home / "data" / "snap")},
    }


def configtx(plan: Plan, orderer_home: Path, org_msps: dict[str, Path], *, newest: bool) -> dict[str, Any]:
    """``configtx.yaml`` with the one profile ``Channel``: what the channel's first block says.

    :param org_msps: MSP folder of each organisation, the orderer's among them
    :param newest: whether the programs know channel capability V3_0, which Ed25519 needs
    """
    channel = {
        "Policies": _policies(),
        "Capabilities": {"V3_0" if newest else "V2_0": True},
        "Orderer": _ordering(plan, orderer_home, org_msps),
        "Application": _application(plan, org_msps),
    }
    return {"Profiles": {"Channel": channel}}


def _ordering(plan: Plan, home: Path, org_msps: dict[str, Path]) -> dict[str, Any]:
    host, _, port = plan.orderer.listen.rpartition(":")
    certificate = str(home / "tls" / "cert.pem")
    own = _organisation(plan.orderer.msp_id, org_msps, writers=("member",), endorsers="orderer")
    node = {"Host": host, "Port": int(port), "ClientTLSCert": certificate, "ServerTLSCert": certificate}
    return {
        "OrdererType": "etcdraft",
        "BatchTimeout": f"{plan.batch_timeout_ms}ms",
        "BatchSize": {"MaxMessageCount": 500, "AbsoluteMaxBytes": "10 MB", "PreferredMaxBytes": "2 MB"},
        "EtcdRaft": {
            "Consenters": [node],
            # One node elects itself after ElectionTick ticks: a second, instead of five, after a restart.
            "Options": {
                "TickInterval": "100ms",
                "ElectionTick": 10,
                "HeartbeatTick": 1,
                "MaxInflightBlocks": 5,
                "SnapshotIntervalSize": "16 MB",
            },
        },
        "Organizations": [{**own, "OrdererEndpoints": [plan.orderer.listen]}],
        "Policies": {**_policies(), "BlockValidation": _meta("ANY Writers")},
        "Capabilities": {"V2_0": True},
    }


def _application(plan: Plan, org_msps: dict[str, Path]) -> dict[str, Any]:
    members = []
    for org in plan.organisations:
        host, _, port = org.listen.rpartition(":")
        own = _organisation(org.msp_id, org_msps, writers=("admin", "client"), endorsers="peer")
        members.append({**own, "AnchorPeers": [{"Host": host, "Port": int(port)}]})
    # A reader's writers are its administrators, and it has no such certificate.
    members += [_organisation(msp, org_msps, writers=("admin",), endorsers="peer") for msp in plan.readers]
    majority = _meta("MAJORITY Endorsement")
    values: dict[str, Any] = {
        "Organizations": members,
        "Policies": {**_policies(), "LifecycleEndorsement": majority, "Endorsement": majority},
        "Capabilities": {"V2_5": True},
    }
    if plan.readers:  # Evaluate asks for Writers, unless told otherwise
        values["ACLs"] = {"peer/Propose": "/Channel/Application/Readers"}
    return values


def _organisation(
    msp_id: str, folders: dict[str, Path], *, writers: Sequence[str], endorsers: str
) -> dict[str, Any]:
    def signed(*roles: str) -> dict[str, str]:
        return {"Type": "Signature", "Rule": "OR(" + ", ".join(f"'{msp_id}.{role}'" for role in roles) + ")"}

    return {
        "Name": msp_id,
        "ID": msp_id,
        "MSPDir": str(folders[msp_id]),
        "Policies": {
            "Readers": signed("member"),
            "Writers": signed(*writers),
            "Admins": signed("admin"),
            "Endorsement": signed(endorsers),
        },
    }


def _policies() -> dict[str, Any]:
    return {
        "Readers": _meta("ANY Readers"),
        "Writers": _meta("ANY Writers"),
        "Admins": _meta("MAJORITY Admins"),
    }


def _meta(rule: str) -> dict[str, str]:
    return {"Type": "ImplicitMeta", "Rule": rule}
