"""Compose files put together: by Compose itself where it is installed, else by its rules."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import yaml

Services = dict[str, dict[str, Any]]


class _Loader(yaml.SafeLoader):
    """Knows Compose's tag `!reset`."""


class Reset:
    """A value that is to be as if nobody had set it."""


_Loader.add_constructor("!reset", lambda _loader, _node: Reset())
MERGED_LISTS: Final = ("ports", "volumes", "tmpfs")


def load(text: str) -> dict[str, Any]:
    """A compose file as it is written."""
    read: dict[str, Any] = yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    return read


def has_compose() -> bool:
    """Whether `docker compose` is there; putting files together needs no engine."""
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False)
    return asked.returncode == 0


def by_compose(base: Path, override: str, folder: Path) -> Services:
    """The services as `docker compose -f base -f override` sees them."""
    written = folder / "override.yml"
    written.write_text(override)
    done = subprocess.run(
        ["docker", "compose", "-f", str(base), "-f", str(written), "config", "--format", "json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    services: Services = json.loads(done.stdout)["services"]
    return services


def by_rules(base: Path, override: str) -> Services:
    """The same by the rules that our files need: extends, maps and lists merged, !reset."""
    services: Services = load(base.read_text(encoding="utf-8"))["services"]
    merged = {name: _long_form(service) for name, service in services.items()}
    for name, changes in load(override)["services"].items():
        parent = changes.get("extends")
        if parent is not None:
            assert parent["file"] == base.name, f"{name} extends a file that is not there"
            merged[name] = deepcopy(merged[parent["service"]])
        merged[name] = _merge(merged.get(name, {}), _long_form(changes))
    return merged


def _merge(service: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(service)
    for key, value in changes.items():
        if isinstance(value, Reset):
            made.pop(key, None)
        elif key in MERGED_LISTS:
            made[key] = [*made.get(key, []), *value]
        elif isinstance(value, dict):
            made[key] = {**made.get(key, {}), **value}
        elif key != "extends":
            made[key] = value
    return made


def _long_form(service: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(service)
    if isinstance(made.get("volumes"), list):
        made["volumes"] = [_volume(each) for each in made["volumes"]]
    return made


def _volume(short: str) -> dict[str, Any]:
    # a variable's default may hold a colon, so it is read from its end
    *source, target, mode = short.split(":") if short.endswith(":ro") else [*short.split(":"), ""]
    return {"source": ":".join(source), "target": target, "read_only": mode == "ro"}
