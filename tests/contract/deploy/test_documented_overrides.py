"""The compose overrides that pages show fit the compose file, and set what there is to set."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.compose import Services, by_compose, by_rules, has_compose
from tests.support.pages import DOCS, ROOT, Block, blocks
from tonewatch.ingest.settings import IngestSettings

BASE = ROOT / "deploy" / "docker-compose.yml"
LEAST_RIGHTS = ("read_only", "cap_drop", "security_opt", "restart", "tmpfs", "image")
OVERRIDES = [
    pytest.param(block, id=page.name)
    for page in sorted(DOCS.rglob("*.md"))
    for block in blocks(page, "yaml")
    if "\nservices:" in f"\n{block.code}"
]

Together = Callable[[str], Services]


WAYS = ["rules", "compose"] if has_compose() else ["rules"]


@pytest.fixture(params=WAYS)
def together(request: pytest.FixtureRequest, tmp_path: Path) -> Together:
    """Puts an override on the compose file."""
    if request.param == "rules":
        return lambda override: by_rules(BASE, override)
    return lambda override: by_compose(BASE, override, tmp_path)


def environment(service: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in service["environment"].items()}


def test_the_pages_have_overrides() -> None:
    assert [each.id for each in OVERRIDES] == [
        *("scaling.md", "scaling.zh-CN.md", "pull.md", "pull.zh-CN.md"),
    ]


@pytest.mark.parametrize("block", OVERRIDES)
def test_what_is_set_is_a_setting_and_keeps_what_the_compose_file_sets(
    block: Block, together: Together, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = environment(together("services: {}")["ingest"])
    services = together(block.code)
    changed = {n: s for n, s in services.items() if s["image"] == services["ingest"]["image"]}
    assert changed
    for service in changed.values():
        after = environment(service)
        added = {name: value for name, value in after.items() if before.get(name) != value}
        assert added
        assert set(before) <= set(after)
        for name, value in added.items():
            monkeypatch.setenv(name, value)
        named = IngestSettings.load().ingest.model_fields_set
        assert {name.removeprefix("TONEWATCH_INGEST__").lower() for name in added} == named


@pytest.mark.parametrize("block", OVERRIDES)
def test_no_override_gives_a_container_more_rights(block: Block, together: Together) -> None:
    usual = together("services: {}")["ingest"]
    services = together(block.code)
    for name, service in services.items():
        if service["image"] == usual["image"]:
            assert [service[key] for key in LEAST_RIGHTS] == [usual[key] for key in LEAST_RIGHTS]
            assert not service.get("privileged"), name


@pytest.mark.parametrize("page", ["scaling.md", "scaling.zh-CN.md"])
def test_only_the_first_replica_publishes_ports(page: str, together: Together) -> None:
    (block,) = (each.values[0] for each in OVERRIDES if each.id == page)
    assert isinstance(block, Block)
    services = together(block.code)
    assert services["ingest"]["ports"]
    assert not services["ingest-2"].get("ports")
    same = {"TONEWATCH_REDIS__URL", "TONEWATCH_PARTITIONS", "TONEWATCH_INGEST__DATABASE_URL"}
    for name in same:
        assert environment(services["ingest"])[name] == environment(services["ingest-2"])[name]


@pytest.mark.parametrize("page", ["pull.md", "pull.zh-CN.md"])
def test_the_recordings_are_mounted_where_ingest_looks_and_cannot_be_changed(
    page: str, together: Together
) -> None:
    (block,) = (each.values[0] for each in OVERRIDES if each.id == page)
    assert isinstance(block, Block)
    ingest = together(block.code)["ingest"]
    folder = environment(ingest)["TONEWATCH_INGEST__RECORDINGS_DIR"]
    mounted = {each["target"]: bool(each.get("read_only")) for each in ingest["volumes"]}
    assert mounted == {"/suite": False, "/data": False, "/config": True, folder: True}
