"""Names of what the contract keeps in state. Every name is a composite key: type, then parts."""

from __future__ import annotations

from hashlib import sha256

from chaincode.state import MAX_RUNE, composite_key

# Fingerprints, handles and ids are checked before they come here, so the parts hold no delimiter; the prefixes are
# written out because composite_key() costs more than the rest of a key when a thousand documents are registered.
_DOCUMENT = "\x00doc\x00"
_CLAIMS = "\x00claims\x00"
_LINK = "\x00link\x00"
_MEMBER = "\x00member\x00"


def document_key(fp: str) -> str:
    """A document under its primary fingerprint, or a pointer to it under another key."""
    return f"{_DOCUMENT}{fp}\x00"


def claims_key(asset: str) -> str:
    """Claims row of an asset; also what is used of a parent that is not registered yet."""
    return f"{_CLAIMS}{asset}\x00"


def link_key(parent: str, child: str) -> str:
    """Index entry: the document ``child`` names ``parent``."""
    return f"{_LINK}{parent}\x00{child}\x00"


def links_of(parent: str) -> tuple[str, str]:
    """Range of the index entries of one parent."""
    start = f"{_LINK}{parent}\x00"
    return start, start + MAX_RUNE


def member_key(asset: str, document: str) -> str:
    """Index entry: a further document, or a joined asset, of an asset."""
    return f"{_MEMBER}{asset}\x00{document}\x00"


def members_of(asset: str) -> tuple[str, str]:
    """Range of the index entries of one asset."""
    start = f"{_MEMBER}{asset}\x00"
    return start, start + MAX_RUNE


def operation_key(msp_id: str, operation: str) -> str:
    """A caller's operation. Hashed, so that state does not say which organisation did what."""
    return composite_key("op", sha256(f"chanrong-op|{msp_id}|{operation}".encode()).hexdigest())


def party_key(party: str) -> str:
    """A party."""
    return composite_key("party", party)


def consent_key(consent: str) -> str:
    """A consent."""
    return composite_key("consent", consent)


def subject_consent_key(subject: str, consent: str) -> str:
    """Index entry: a consent of a subject."""
    return composite_key("consent-of", subject, consent)


def consents_of(subject: str, after: str | None) -> tuple[str, str]:
    """Range of a subject's consents, behind one of them."""
    start = composite_key("consent-of", subject)
    return (
        start if after is None else composite_key("consent-of", subject, after) + "\x00"
    ), start + MAX_RUNE


def package_key(package: str) -> str:
    """A credit package's anchor."""
    return composite_key("package", package)


def evidence_key(evidence: str) -> str:
    """What one piece of evidence was counted for."""
    return composite_key("evidence", evidence)
