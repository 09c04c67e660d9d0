"""An issuer of credit packages that does whatever a test wants: honest, careless or dishonest.

Everything is genuine but for what a test changes: certificates, signed reads of what the ledger is said to hold, rules,
signature. An issuer has its own keys only: it can sign any payload, and cannot sign a read in its endorsers' place.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from consortium.documents.canonical import canonical_bytes
from consortium.identity.ca import CertificateAuthority, Issued
from consortium.identity.jws import public_jwks, sign_jws
from consortium.identity.msp import Identity, make_identity
from consortium.identity.signer import P256Signer
from consortium.identity.trust import Policy, TrustedOrganisation, TrustRoots
from consortium.ledger.messages import NONCE_BYTES, build_proposal
from consortium.ledger.proofs import pack_signed_read
from crossverify.evidence import AssetState, Evidence, EvidenceDocument
from crossverify.profiles import RECEIVABLE_V1, Profile
from finance_gateway.packages.content import PACKAGE_TYPE, Heading, build_payload
from finance_gateway.packages.envelope import Envelope, challenge_of
from finance_gateway.packages.ledger_view import fingerprints_by_read
from finance_gateway.packages.verify import VerifyReport, verify_package
from tests.support import trade_world as tw
from tests.support.ledger_fakes import endorse, read_write_set
from tests.support.trade_world import BANK, NOW

CHANNEL, CHAINCODE = "c", "chanrong"
INDUSTRY, OTHER_BANK = "IndustryAMSP", "BankBMSP"
MSPS = (INDUSTRY, BANK, OTHER_BANK)
KID = f"{BANK}-1"
DAY = dt.timedelta(days=1)
_AT = dt.datetime.fromtimestamp(NOW, dt.UTC)

Truth = Mapping[str, Any]


@dataclass(frozen=True)
class Consortium:
    """Organisations with a peer each, and a folder that trusts them."""

    cas: Mapping[str, CertificateAuthority]
    peers: Mapping[str, Issued]
    package_keys: Mapping[str, P256Signer]
    trust: TrustRoots

    def peer(self, msp_id: str) -> Identity:
        """An organisation's endorsing peer."""
        return make_identity(msp_id, self.peers[msp_id])

    def client(self, msp_id: str) -> Identity:
        """Who asks."""
        days: dict[str, Any] = {"not_before": _AT - DAY, "not_after": _AT + DAY}
        return make_identity(msp_id, self.cas[msp_id].issue("gateway", ou="client", **days))


@cache
def consortium() -> Consortium:
    """One industry organisation and two banks, on Fabric."""
    days: dict[str, Any] = {"not_before": _AT - 100 * DAY, "not_after": _AT + 100 * DAY}
    cas = {msp: CertificateAuthority.create(f"ca.{msp}", msp, **days) for msp in MSPS}
    keys = {msp: P256Signer.generate() for msp in (BANK, OTHER_BANK)}
    trust = TrustRoots(
        channel=CHANNEL,
        chaincode=CHAINCODE,
        ledger="fabric",
        policy=Policy((INDUSTRY,), ((BANK, OTHER_BANK),)),
        organisations={msp: TrustedOrganisation(msp, msp, (cas[msp].certificate,)) for msp in MSPS},
        package_issuers={msp: public_jwks({f"{msp}-1": key}) for msp, key in keys.items()},
    )
    peers = {msp: cas[msp].issue(f"peer0.{msp}", ou="peer", **days) for msp in MSPS}
    return Consortium(cas, peers, keys, trust)


def attested(document: EvidenceDocument, assets: Mapping[str, AssetState]) -> dict[str, Any]:
    """What the contract says of a document that is as the evidence has it."""
    by_key = {key: asset for asset in assets.values() for key in (asset.asset, *asset.aliases)}
    asset = by_key.get(document.fingerprint)
    return {
        "fp": document.fingerprint,
        "found": True,
        "kind": document.document.kind,
        "commitment": document.commitment,
        "tag": "0" * 64,
        "state": document.state,
        "grade": "signed" if document.signed_by else "asserted",
        "first_tx": document.txid,
        "seller": document.seller or None,
        "owner": document.registered_by,
        "asset": asset.asset if asset else None,
        "claims": _claims(asset) if asset else None,
    }


def _claims(asset: AssetState) -> dict[str, Any]:
    claimed = sum(claim.share_ppb for claim in asset.claims)
    return {
        "state": asset.state,
        "free": 0,
        "claimed": claimed,
        "settled": asset.settled_ppb,
        "diluted": asset.diluted_ppb,
        "via_total": sum(asset.via.values()),
        "unweighted": False,
        "shortfall": asset.shortfall_ppb,
        "live": [
            {"handle": claim.claim, "share": claim.share_ppb, "state": claim.state} for claim in asset.claims
        ],
    }


def truth_of(evidence: Evidence) -> dict[str, dict[str, Any]]:
    """What the ledger holds where the evidence is true, by fingerprint."""
    assets = evidence.ledger.assets if evidence.ledger is not None else {}
    found = {item.fingerprint: attested(item, assets) for item in evidence.documents}
    for asset in assets.values():
        found.setdefault(
            asset.asset,
            {"fp": asset.asset, "found": True, "asset": asset.asset, "claims": _claims(asset)},
        )
    return found


@dataclass
class Forge:
    """Makes one package.

    :param evidence: what the issuer says
    :param truth: what the ledger holds, by fingerprint; as the evidence has it when none
    :param payload: changes the payload in place before it is signed
    :param issuer: who signs, and whose gateway asks
    :param endorsers: whose peers sign the reads
    :param read_at: time of the reads, seconds since 1970 UTC
    :param positions: block and place of documents; as the evidence has it where not given
    """

    evidence: Evidence
    truth: dict[str, dict[str, Any]] | None = None
    payload: Callable[[dict[str, Any]], Any] = lambda payload: None
    profile: Profile = RECEIVABLE_V1
    issuer: str = BANK
    ledger: str = "fabric"
    channel: str = CHANNEL
    endorsers: Sequence[str] = (INDUSTRY, BANK)
    read_at: int = NOW + 1
    key: P256Signer | None = None
    kid: str = ""
    typ: str = PACKAGE_TYPE
    positions: dict[str, tuple[int, int]] = field(default_factory=dict)
    peers: Sequence[Identity] | None = None

    def make(self) -> bytes:
        """The package file."""
        return self.envelope().to_bytes()

    def envelope(self) -> Envelope:
        """The package, not yet a file."""
        heading = Heading("ab" * 16, self.issuer, self.ledger, self.channel, None, MSPS)
        payload = build_payload(heading, self.evidence, self.profile)
        self.payload(payload)
        canonical = canonical_bytes(payload)
        nonce = secrets.token_hex(32)
        challenge = challenge_of(nonce, hashlib.sha256(canonical).hexdigest())
        reads = tuple(self.read(challenge, fps) for fps in fingerprints_by_read(self.evidence))
        return Envelope(canonical, self.sign(canonical), nonce, reads)

    def sign(self, payload: bytes) -> str:
        """The issuer's signature."""
        key = self.key or consortium().package_keys[self.issuer]
        return sign_jws(payload, key, self.kid or f"{self.issuer}-1", typ=self.typ, detached=True)

    def read(self, challenge: str, fingerprints: Sequence[str]) -> bytes:
        """A signed read, as the endorsers give it: what the ledger holds."""
        truth = truth_of(self.evidence) if self.truth is None else self.truth
        request = canonical_bytes({"challenge": challenge, "fps": list(fingerprints)})
        proposal, parts = build_proposal(
            channel=CHANNEL,
            chaincode=CHAINCODE,
            function="attest",
            args=(request,),
            creator=consortium().client(self.issuer).serialized(),
            nonce=secrets.token_bytes(NONCE_BYTES),
            at_ns=self.read_at * 10**9,
            transient=None,
        )
        answer = {
            "channel": CHANNEL,
            "txid": parts.txid,
            "time": self.read_at,
            "challenge": challenge,
            "answers": [truth.get(fp, {"fp": fp, "found": False}) for fp in fingerprints],
        }
        places = {item.fingerprint: (item.block, item.tx_index) for item in self.evidence.documents}
        places |= self.positions
        reads = [(f"\x00doc\x00{fp}\x00", places.get(fp)) for fp in fingerprints]
        results = read_write_set(namespace=CHAINCODE, reads=reads)
        peers = self.peers or [consortium().peer(msp_id) for msp_id in self.endorsers]
        envelope = endorse(proposal, peers, canonical_bytes(answer), results=results)
        return pack_signed_read(envelope.SerializeToString())


def sound() -> tw.World:
    """A trade without a flaw."""
    world = tw.World(tw.order(), tw.receipt(), tw.invoice(), tw.confirmation())
    world.link()
    return world


def check(data: bytes, *, at: int = NOW + 10, **trust: Any) -> VerifyReport:
    """What a verifier says who trusts this consortium."""
    return verify_package(data, replace(consortium().trust, **trust), at=at)


def failing(data: bytes, **options: Any) -> list[str]:
    """The checks that do not hold."""
    return [item.name for item in check(data, **options).checks if not item.ok]


def message(data: bytes, name: str) -> str:
    """What one check says."""
    return next(item.message for item in check(data).checks if item.name == name)


def changed(evidence: Evidence, change: Callable[[Any], Any]) -> Evidence:
    """Evidence with another value somewhere."""
    data = evidence.to_json()
    change(data)
    return Evidence.from_json(data)
