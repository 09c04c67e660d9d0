"""What the movable-property registry answers, with types; fields as in ``chanrong.sources.v1``."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from crossverify.answers.base import Answer

Seconds = Annotated[int, Field(ge=0, lt=2**40)]


class RegistryParty(Answer):
    """A party of a registration."""

    name: str
    identifiers: tuple[str, ...] = ()
    former_names: tuple[str, ...] = ()


class RegistryAmendment(Answer):
    """A later change: "description", "term" or "release"."""

    at_unix: Seconds
    kind: str
    description: str = ""
    term_months: int = 0


class Registration(Answer):
    """One registration."""

    number: str
    kind: str
    assignor: RegistryParty
    secured_party: RegistryParty
    description: str = ""
    first_description: str = ""
    registered_unix: Annotated[int, Field(gt=0, lt=2**40)]
    sequence: Annotated[int, Field(ge=0)] = 0
    term_months: int = 0
    expires_unix: Seconds
    state: str
    cancelled_unix: Seconds = 0
    amendments: tuple[RegistryAmendment, ...] = ()
    filed_by: str = ""


class RegistryAnswer(Answer):
    """Registrations of one assignor, live or not, in the order of registration.

    :ivar searched_names: names that were searched for
    """

    registrations: tuple[Registration, ...] = ()
    searched_names: tuple[str, ...] = ()
