"""What people whom another system vouches for are here: its groups and claims to our roles."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from tonewatch.console.auth.permissions import Role
from tonewatch.console.auth.principal import Via
from tonewatch.console.auth.sessions import Guest
from tonewatch.console.outside import RoleMapping
from tonewatch.shared.errors import ForbiddenError

LONGEST_NAME: Final = 64


@dataclass(frozen=True, slots=True)
class Voucher:
    """What another system says of somebody."""

    name: str
    groups: Collection[str]
    labels: Mapping[str, str] = field(default_factory=dict)
    """Labels of which it knows the value; those it says nothing of are left out."""


def guest_of(said: Voucher, mapping: RoleMapping, wanted_labels: Iterable[str], via: Via) -> Guest:
    """Who somebody is here, whom another system vouches for.

    Raises:
        ForbiddenError: no name, no role for its groups, or a limited role without its labels.
    """
    name = said.name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ForbiddenError(f"a name of 1 to {LONGEST_NAME} printable characters is needed")
    role = _role_of(said.groups, mapping)
    if role is None:
        raise ForbiddenError(
            f"no role is meant for {name}; the setting `roles` names the groups that have one"
        )
    if role is not Role.AGENT and role.value not in mapping.limited_roles:
        return Guest(name, role, {}, via)
    # who is to see a part must never see all because a label was forgotten
    wanted = sorted(set(wanted_labels))
    missing = [label for label in wanted if not said.labels.get(label)]
    if missing or not wanted:
        raise ForbiddenError(
            f"{name} is {role} and only sees what carries certain labels, "
            f"but these are not told: {', '.join(missing) or 'none is configured'}"
        )
    return Guest(name, role, {label: said.labels[label] for label in wanted}, via)


def _role_of(groups: Iterable[str], mapping: RoleMapping) -> Role | None:
    given = {Role(mapping.roles[group]) for group in groups if group in mapping.roles}
    default = None if mapping.default_role is None else Role(mapping.default_role)
    # the enumeration begins with the strongest
    return next((role for role in Role if role in given), default)
