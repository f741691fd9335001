"""Groups of another system become roles here; nobody sees more because something is missing."""

from typing import Any

import pytest

from tonewatch.console.auth.mapping import Voucher, guest_of
from tonewatch.console.outside import RoleMapping
from tonewatch.shared.errors import ForbiddenError

ROLES = {"tw-admins": "admin", "leads": "supervisor", "qa": "inspector", "agents": "agent"}


def mapping(**changes: Any) -> RoleMapping:
    return RoleMapping.model_validate({"roles": ROLES, **changes})


@pytest.mark.parametrize(
    ("groups", "default", "role"),
    [
        (["qa"], None, "inspector"),
        (["agents", "qa", "tw-admins", "leads"], None, "admin"),
        (["others"], "inspector", "inspector"),
        (["qa", "others"], "supervisor", "inspector"),
    ],
)
def test_the_strongest_group_counts_else_the_default(
    groups: list[str], default: str | None, role: str
) -> None:
    guest = guest_of(Voucher("li", groups), mapping(default_role=default), [], "oidc")
    assert (guest.name, guest.role, guest.labels, guest.via) == ("li", role, {}, "oidc")


def test_without_a_role_one_stays_outside() -> None:
    with pytest.raises(ForbiddenError, match="no role is meant for li"):
        guest_of(Voucher("li", ["TW-ADMINS", ""]), mapping(), [], "proxy")


def test_an_agent_is_limited_and_an_admin_is_not() -> None:
    labels = {"agent_id": "1042"}
    agent = guest_of(Voucher("li", ["agents"], labels), mapping(), ["agent_id"], "proxy")
    assert agent.labels == labels
    admin = guest_of(Voucher("li", ["tw-admins"], labels), mapping(), ["agent_id"], "proxy")
    assert admin.labels == {}


@pytest.mark.parametrize("limited", [["agent"], []])
@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        ({}, ["agent_id"]),
        ({"agent_id": ""}, ["agent_id"]),
        ({"agent_id": "1"}, ["agent_id", "queue"]),
        ({"agent_id": "1"}, []),
    ],
)
def test_an_agent_without_all_labels_stays_outside(
    told: dict[str, str], wanted: list[str], limited: list[str]
) -> None:
    said = Voucher("li", ["agents"], told)
    with pytest.raises(ForbiddenError, match="labels"):
        guest_of(said, mapping(limited_roles=limited), wanted, "oidc")


def test_other_roles_are_limited_where_it_is_set() -> None:
    said = Voucher("li", ["leads"], {"queue": "vip"})
    options = mapping(limited_roles=["supervisor"])
    assert guest_of(said, options, ["queue"], "oidc").labels == {"queue": "vip"}


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "a\nb", "a\x00"])
def test_a_name_can_be_shown(name: str) -> None:
    with pytest.raises(ForbiddenError, match="name"):
        guest_of(Voucher(name, ["qa"]), mapping(), [], "proxy")
