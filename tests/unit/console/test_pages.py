"""What pages offer to whom."""

import pytest

from tonewatch.console.auth import ROLES, Permission, Principal, Role
from tonewatch.console.pages import NAVIGATION, PAGES, may

LIMITS = {"agent_id": "1042"}


def somebody(role: Role, labels: dict[str, str] | None = None) -> Principal:
    return Principal("li", role, ROLES[role], "session", labels or {})


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.AGENT])
def test_who_is_not_limited_is_offered_all_that_the_role_may(role: Role) -> None:
    assert may(somebody(role)) == ROLES[role]


def test_who_is_limited_is_not_offered_what_cannot_be_narrowed() -> None:
    offered = may(somebody(Role.ADMIN, LIMITS))
    assert {Permission.LIVE_READ, Permission.ALERTS_ACT, Permission.SELF_WRITE} <= offered
    closed = {
        Permission.RULES_READ,
        Permission.USERS_WRITE,
        Permission.AUDIO_WRITE,
        Permission.SILENCES_WRITE,
        Permission.WEBHOOKS_READ,
    }
    assert not offered & closed


def test_nobody_is_offered_anything() -> None:
    assert may(None) == frozenset()


def test_every_link_leads_to_a_page() -> None:
    assert {path for path, _ in NAVIGATION} <= {page.path for page in PAGES}
