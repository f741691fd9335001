"""The page about signing in names the roles and permissions there are, and its settings work."""

import re
from pathlib import Path

import pytest
import yaml

from tests.support.pages import blocks, both, prose
from tonewatch.console.auth import ROLES, Permission, Role
from tonewatch.console.auth.mapping import Voucher, guest_of
from tonewatch.console.settings import ConsoleSettings

ROW = re.compile(r"^\| (`.*?) \|", re.MULTILINE)
NAME = re.compile(r"`([^`]+)`")


@both("signing-in.md")
def test_every_role_and_permission_is_explained(page: Path) -> None:
    named = [name for row in ROW.findall(prose(page)) for name in NAME.findall(row)]
    assert set(named) == {*Role, *Permission}
    assert len(named) == len(set(named))


@both("signing-in.md")
def test_the_examples_are_settings_that_give_roles(page: Path) -> None:
    examples = [yaml.safe_load(block.code) for block in blocks(page, "yaml")]
    settings = [ConsoleSettings.model_validate(example).console for example in examples]
    proxies = [each.proxy_auth for each in settings if each.proxy_auth]
    providers = [each.oidc for each in settings if each.oidc]
    assert (len(proxies), len(providers)) == (2, 2)
    told = {"agent_id": "1042"}
    for mapping, wanted in (
        (proxies[1], proxies[1].label_headers),
        (providers[0], providers[0].label_claims),
    ):
        guest = guest_of(Voucher("li", ["call-agents"], told), mapping, wanted, "oidc")
        assert (guest.role, guest.labels) == (Role.AGENT, told)
    others = guest_of(Voucher("li", []), providers[1], (), "oidc")
    assert others.role is Role.INSPECTOR


@pytest.mark.parametrize("role", Role)
def test_a_stronger_role_may_do_all_that_a_weaker_one_may(role: Role) -> None:
    stronger = list(Role)[: list(Role).index(role)]
    assert all(ROLES[role] <= ROLES[each] for each in stronger)
