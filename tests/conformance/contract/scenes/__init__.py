"""What the contract can be asked and refuses, scene by scene. A new scene is a module's function and a line here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from tests.conformance.contract.scenes import (
    aliases,
    changes,
    claims,
    consents,
    documents,
    facts,
    links,
    packages,
    parties,
)
from tests.conformance.contract.script import Scene

SCENES: Final[Mapping[str, Scene]] = {
    "parties": parties.parties,
    "consents": consents.consents,
    "documents": documents.documents,
    "changes": changes.changes,
    "agreements": changes.agreements,
    "reservations": claims.reservations,
    "claims": claims.claims,
    "facts": facts.facts,
    "told": facts.told,
    "links": links.links,
    "aliases": aliases.aliases,
    "packages": packages.packages,
}
