"""Who may call which method: an explicit table, everything else denied.

```python
PERMISSIONS = {
    "/chanrong.sources.v1.TaxSourceService/CheckInvoices": allow("gateway", orgs={"BankAMSP", "BankBMSP"}),
    "/chanrong.sources.v1.InstitutionAdminService/LoadData": allow("operator"),
}
```
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from consortium.errors import ConfigurationError, DeniedError
from consortium.identity.directory import ROLES, Caller

OrgRule = Callable[[Caller], bool]


@dataclass(frozen=True, slots=True)
class Permission:
    """Which callers a method is for: those with one of the roles whose organisation passes the rule."""

    roles: frozenset[str]
    org_rule: OrgRule | None = None
    public: bool = False

    def allows(self, caller: Caller) -> bool:
        """Whether the caller may."""
        return caller.role in self.roles and (self.org_rule is None or self.org_rule(caller))


def allow(*roles: str, orgs: Collection[str] | OrgRule | None = None) -> Permission:
    """Permission for roles, optionally of certain organisations only.

    :param orgs: MSP ids, or a function of the caller
    """
    if orgs is None or callable(orgs):
        return Permission(frozenset(roles), orgs)
    members = frozenset(orgs)
    return Permission(frozenset(roles), lambda caller: caller.org in members)


MEMBERS = Permission(ROLES)
"""Every caller with a certificate of the consortium, whatever its role: health, reflection."""

PUBLIC = Permission(frozenset(), public=True)
"""No caller needed: for servers whose requests carry their own proof, as Fabric's do."""

Permissions = Mapping[str, Permission | frozenset[str]]


class PermissionTable:
    """The table of one server.

    :param permissions: full method name ``/pkg.Service/Method`` -> permission (or just roles)
    :raises ConfigurationError: a name or role that cannot be
    """

    def __init__(self, permissions: Permissions) -> None:
        self._table = {
            method: Permission(entry) if isinstance(entry, frozenset) else entry
            for method, entry in permissions.items()
        }
        problems = [f"{method}: no method name" for method in self._table if method.count("/") != 2]
        problems += [
            f"{method}: unknown roles {sorted(entry.roles - ROLES)}"
            for method, entry in self._table.items()
            if entry.roles - ROLES
        ]
        if problems:
            raise ConfigurationError(
                f"The permission table is wrong: {'; '.join(problems)}.", remedy="Correct the code's table."
            )

    def check_complete(self, methods: Collection[str]) -> None:
        """Refuse a server whose methods and table differ, so that nothing is open or dead by oversight.

        :raises ConfigurationError: names every difference
        """
        missing = sorted(set(methods) - set(self._table))
        dead = sorted(set(self._table) - set(methods))
        problems = [f"{method} has no line" for method in missing]
        problems += [f"{method} is not served" for method in dead]
        if problems:
            raise ConfigurationError(
                f"Permission table and services differ: {'; '.join(problems)}.",
                remedy="List every method that is served, and only those.",
            )

    def is_public(self, method: str) -> bool:
        """Whether a method needs no caller."""
        entry = self._table.get(method)
        return entry is not None and entry.public

    def check(self, method: str, caller: Caller) -> None:
        """Let the caller pass.

        :raises DeniedError: the method is not listed, or not for this caller
        """
        entry = self._table.get(method)
        if entry is None or not entry.allows(caller):
            raise DeniedError(
                f"{caller.role} of {caller.org} may not call {method}.",
                remedy="Use a certificate of an organisation and role that may.",
            )
