"""What may be done, and which role may do it."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

from tonewatch.shared.errors import InvalidInputError


class Role(StrEnum):
    """What somebody is here for; an agent is always limited by labels."""

    ADMIN = "admin"
    SUPERVISOR = "supervisor"
    INSPECTOR = "inspector"
    AGENT = "agent"


class Permission(StrEnum):
    """A thing that may be done; keys may be limited to some of them."""

    LIVE_READ = "live:read"
    HISTORY_READ = "history:read"
    EXPORT_READ = "export:read"
    ALERTS_READ = "alerts:read"
    ALERTS_ACT = "alerts:act"
    RULES_READ = "rules:read"
    RULES_WRITE = "rules:write"
    SOURCES_READ = "sources:read"
    SOURCES_WRITE = "sources:write"
    AUDIO_WRITE = "audio:write"
    AUDIO_LISTEN = "audio:listen"
    SILENCES_READ = "silences:read"
    SILENCES_WRITE = "silences:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    CHANNELS_READ = "channels:read"
    CHANNELS_WRITE = "channels:write"
    DELIVERIES_READ = "deliveries:read"
    DELIVERIES_WRITE = "deliveries:write"
    RETENTION_READ = "retention:read"
    RETENTION_WRITE = "retention:write"
    SYSTEM_READ = "system:read"
    SYSTEM_BUNDLE = "system:bundle"
    SELF_READ = "self:read"
    """What one may do; whoever is known may know it, whatever a key is limited to."""
    SELF_WRITE = "self:write"
    USERS_WRITE = "users:write"
    KEYS_WRITE = "keys:write"
    AUDIT_READ = "audit:read"

    @property
    def is_read(self) -> bool:
        """Whether nothing is changed by it."""
        return self.value.endswith(":read")


_AGENT: Final = frozenset(
    {
        Permission.LIVE_READ,
        Permission.HISTORY_READ,
        Permission.EXPORT_READ,
        Permission.ALERTS_READ,
        Permission.SYSTEM_READ,
        Permission.SELF_READ,
        Permission.SELF_WRITE,
    }
)
_INSPECTOR: Final = _AGENT | {
    Permission.ALERTS_ACT,
    Permission.RULES_READ,
    Permission.SOURCES_READ,
    Permission.SILENCES_READ,
    Permission.AUDIO_WRITE,
}
_SUPERVISOR: Final = _INSPECTOR | {
    Permission.RULES_WRITE,
    Permission.SOURCES_WRITE,
    Permission.SILENCES_WRITE,
    Permission.AUDIO_LISTEN,
    Permission.WEBHOOKS_READ,
    Permission.WEBHOOKS_WRITE,
    Permission.CHANNELS_READ,
    Permission.CHANNELS_WRITE,
    Permission.DELIVERIES_READ,
    Permission.DELIVERIES_WRITE,
    Permission.RETENTION_READ,
}

ROLES: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.ADMIN: frozenset(Permission),
    Role.SUPERVISOR: _SUPERVISOR,
    Role.INSPECTOR: _INSPECTOR,
    Role.AGENT: _AGENT,
}

ALL_SCOPES: Final = "*"


def scoped(role: Role, scopes: Iterable[str]) -> frozenset[Permission]:
    """What a key of somebody with this role may do.

    Raises:
        InvalidInputError: a scope is unknown.
    """
    chosen = set(scopes)
    if ALL_SCOPES in chosen:
        return ROLES[role]
    if unknown := chosen - {permission.value for permission in Permission}:
        known = ", ".join(sorted(ROLES[role]))
        raise InvalidInputError(
            f"there is no scope {', '.join(sorted(unknown))}; there are: *, {known}"
        )
    return ROLES[role] & {Permission.SELF_READ, *(Permission(scope) for scope in chosen)}
