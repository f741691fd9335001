"""The table of access: which row an address meets, and roles that contain each other."""

import itertools

import pytest

from tonewatch.console.auth.access import Narrow, methods_of
from tonewatch.console.auth.permissions import ROLES, Permission, Role, scoped
from tonewatch.shared.errors import InvalidInputError


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/", {"GET"}),
        ("/calls/call-1", {"GET"}),
        ("/api/v1/rules/schema", {"GET"}),
        ("/api/v1/rules/100% angry?", {"GET", "PUT", "DELETE"}),
        ("/api/v1/rules/schema/versions", set()),
        ("/api/v1/sources/events", {"GET"}),
        ("/static/js/main.js", {"GET"}),
        ("/static", set()),
        ("/calls", set()),
        ("/calls/", set()),
        ("/calls/..", set()),
        ("//", set()),
        ("/api/v1/sources/", set()),
        ("/api/v1/sources//history", set()),
        ("/api/v1/sources/../users", set()),
        ("/API/v1/sources", set()),
        ("", set()),
    ],
)
def test_an_address_meets_its_row_or_none(path: str, methods: set[str]) -> None:
    assert set(methods_of(path)) == methods


def test_a_literal_part_goes_before_a_variable_one() -> None:
    assert methods_of("/api/v1/rules/reload")["POST"].permission is Permission.RULES_WRITE
    assert methods_of("/api/v1/sources/events")["GET"].narrow is Narrow.DENIED


def test_each_role_may_do_what_the_weaker_ones_may() -> None:
    ordered = [ROLES[role] for role in (Role.AGENT, Role.INSPECTOR, Role.SUPERVISOR, Role.ADMIN)]
    assert all(weaker < stronger for weaker, stronger in itertools.pairwise(ordered))
    assert ROLES[Role.ADMIN] == frozenset(Permission)
    assert not any("write" in p for p in ROLES[Role.AGENT] - {Permission.SELF_WRITE})


def test_scopes_never_reach_beyond_the_role() -> None:
    assert scoped(Role.AGENT, ["*"]) == ROLES[Role.AGENT]
    assert scoped(Role.AGENT, ["users:write", "live:read"]) == {
        Permission.LIVE_READ,
        Permission.SELF_READ,
    }
    with pytest.raises(InvalidInputError, match="no scope all"):
        scoped(Role.ADMIN, ["all"])
