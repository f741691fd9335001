"""Sign-in: accounts, sessions, API keys, one-time links, permissions, audit.

`Door` puts the parts together, `Gate` stands before the whole application and lets a request pass
or not, and `auth_router` is how people and programs sign in and manage accounts and keys.
"""

from tonewatch.console.auth.door import Door
from tonewatch.console.auth.permissions import ROLES, Permission, Role
from tonewatch.console.auth.principal import Principal, possible_principal, principal_of

__all__ = [
    "ROLES",
    "Door",
    "Permission",
    "Principal",
    "Role",
    "possible_principal",
    "principal_of",
]
